//! The command line. Exit codes: 0 success, 1 failure, 2 usage error.

mod admin;
mod backup;
mod check;
mod config;
mod database;
mod files;
mod findings;
mod health;
mod migrate;
mod output;
mod seed;
pub mod serve;
mod task;
mod verify;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use inspection_operations::umask;

use crate::{
    config::{Config, Sources},
    logging, wire,
};
use database::opened;
use output::{one_line, say};

/// Serves the inspection and maintenance API of an industrial site, and administers it.
#[derive(Debug, Parser)]
#[command(name = "inspection-server", version)]
struct Cli {
    /// The command; `serve` by default.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service until SIGTERM or Ctrl-C.
    Serve(serve::Args),
    /// Migrate the database schema, or show its status.
    #[command(subcommand)]
    Migrate(migrate::Action),
    /// Create and list admins, and reset passwords.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Fill an empty database with a demo site.
    Seed(seed::Args),
    /// Compare the file store with the database, and remove orphaned files.
    #[command(subcommand)]
    Files(files::Action),
    /// Create, list, verify and restore backups.
    Backup(backup::Args),
    /// List the scheduled tasks, or run one now.
    #[command(subcommand)]
    Task(task::Action),
    /// Check whether this configuration is fit for production on this machine.
    Check(check::Args),
    /// Verify a deployment over HTTP.
    Verify(verify::Args),
    /// Check whether the service is ready: the health check of containers.
    Health(health::Args),
    /// Show the configuration.
    #[command(subcommand)]
    Config(config::Action),
    /// Print the OpenAPI document.
    Openapi,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The definition of the command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the arguments and runs the command.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are successes, on stdout. A failed print can't be reported.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    umask::restrict();
    match execute(cli.command.unwrap_or_else(|| Command::Serve(serve::Args::default()))) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, as in `… | head -1`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Openapi => Ok(say(inspection_http::openapi().trim_end())?),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "inspection-server", &mut script);
            Ok(io::stdout().write_all(&script)?)
        }
        Command::Check(args) => check::run(&args),
        Command::Config(action) => config::run(&action),
        Command::Serve(args) => {
            let config = Config::load(&Sources::from_system()?)?;
            let file = config.log_file.as_deref();
            let _logging = logging::start_in_background(config.log_level.0, config.log_format, file);
            serve::run(&args, &config)
        }
        Command::Verify(args) => verify::run(args),
        Command::Health(args) => health::run(args),
        Command::Migrate(action) => migrate::run(&action, &wire::one_connection(&configured()?)?),
        Command::Admin(action) => {
            let (database, context) = opened(&configured()?)?;
            admin::run(action, &database, &context)
        }
        Command::Files(action) => {
            let config = configured()?;
            let (database, context) = opened(&config)?;
            files::run(&action, &database, &wire::storage(&config)?, context.clock.now())
        }
        Command::Backup(args) => backup::run(args, &configured()?),
        Command::Task(action) => {
            let (database, context) = opened(&configured()?)?;
            task::run(&action, &database, &context)
        }
        Command::Seed(args) => {
            let config = configured()?;
            let (database, context) = opened(&config)?;
            seed::run(&args, config.app_env, &database, &context)
        }
    }
}

fn configured() -> Result<Config> {
    let config = Config::load(&Sources::from_system()?)?;
    logging::start(config.log_level.0, config.log_format);
    Ok(config)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
