//! The command line. Exit codes: 0 success, 1 failure, 2 usage error.

mod admin;
mod backup;
mod check;
mod config;
mod files;
mod findings;
mod health;
mod migrate;
mod openapi;
mod seed;
mod serve;
mod task;
#[cfg(test)]
mod testing;
mod verify;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{CommandFactory, Parser, Subcommand};
use inspection_persistence::{Context, Database, migrations};

use crate::{
    config::{Config, Sources},
    logging, wire,
};

/// Serves the inspection and maintenance API of an industrial site, and administers it.
#[derive(Debug, Parser)]
#[command(name = "inspection-server", version, about)]
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

/// Parses the arguments and runs the command.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to stdout and are successes. A failed print can't be reported.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
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
        Command::Openapi => openapi::run(),
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
            let _logging = logging::start_beside(config.log_level.0, config.log_format, file);
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

/// The database, with its schema up to date.
fn opened(config: &Config) -> Result<(Database, Context)> {
    let database = wire::one_connection(config)?;
    migrate_or_refuse(&database, config.auto_migrate)?;
    Ok((database, wire::context(config)))
}

/// Applies pending migrations, or refuses to continue if that isn't allowed.
fn migrate_or_refuse(database: &Database, apply: bool) -> Result<()> {
    if !migrations::is_pending(database)? {
        return Ok(());
    }
    if !apply {
        bail!(
            "the database is not up to date; run `inspection-server migrate up` first, \
             or set AUTO_MIGRATE=true (`serve` also accepts --migrate)"
        );
    }
    for name in migrations::up(database)? {
        tracing::info!(name, "migration applied");
    }
    Ok(())
}

/// Prints a line to stdout.
fn say(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and its causes on one line. Only problems of the configuration have a line each.
fn one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    if error.is::<crate::config::Problems>() {
        return text;
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Formats rows as a table with aligned columns.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Command>, i32> {
        let words = std::iter::once("inspection-server").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.exit_code())
    }

    #[test]
    fn the_command_line_is_declared_consistently() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_readme_explains_every_command() {
        let readme = include_str!("../README.md");
        let program = Cli::command();
        for command in program.get_subcommands() {
            let name = command.get_name();
            assert!(readme.contains(&format!("| `{name}")), "{name}");
            for action in command.get_subcommands().map(clap::Command::get_name) {
                let rows = readme.lines().filter(|line| line.starts_with(&format!("| `{name} ")));
                let first = rows.filter_map(|line| line.split(" | ").next()).collect::<String>();
                assert!(
                    first.contains(&format!("`{name} {action}")) || first.contains(&format!("`{action}`")),
                    "{name} {action}"
                );
            }
        }
    }

    #[test]
    fn serve_is_the_default_command() {
        assert!(matches!(parse(""), Ok(None)));
        assert!(matches!(parse("serve --migrate"), Ok(Some(Command::Serve(serve::Args { migrate: true })))));
    }

    #[test]
    fn every_command_is_parsed() {
        for line in [
            "migrate up",
            "migrate down",
            "migrate status",
            "migrate redo",
            "admin create --email a@example.com --name Somebody",
            "admin create --email a@example.com --name Somebody --password-stdin",
            "admin reset-password --email a@example.com",
            "admin list",
            "seed --demo",
            "files check",
            "files check --contents",
            "files tidy",
            "files tidy --older-than 2h",
            "backup create",
            "backup create --keep 7 --json",
            "backup list",
            "backup verify",
            "backup verify 2026-11-25T140000Z-1a2b --scratch-url postgres://db.example.com/postgres",
            "backup restore 2026-11-25T140000Z-1a2b --replace --yes",
            "task list",
            "task run check_backlog",
            "check",
            "check --json",
            "completions bash",
            "verify --url https://example.com",
            "verify --url http://localhost:5000 --email a@example.com --user-email b@example.com --json",
            "verify --url https://example.com --ca-certificate ca.pem --http-port 8080 --skip-rate-limit",
            "health",
            "health --url http://127.0.0.1:5000",
            "config show",
            "openapi",
        ] {
            assert!(matches!(parse(line), Ok(Some(_))), "{line}");
        }
    }

    #[test]
    fn usage_errors_exit_with_2() {
        for line in [
            "dance",
            "backup",
            "backup create --keep 0",
            "backup restore",
            "task",
            "task run",
            "task run dance",
            "migrate",
            "admin create",
            "admin create --email a@example.com",
            "seed",
            "serve 7",
            "verify",
            "verify --url example.com",
            "verify --url https://example.com --password-stdin",
        ] {
            assert_eq!(parse(line).err(), Some(2), "{line}");
        }
        assert_eq!(parse("--help").err(), Some(0));
        assert_eq!(parse("--version").err(), Some(0));
    }

    #[test]
    fn help_starts_with_the_purpose_of_the_program() {
        let help = Cli::try_parse_from(["inspection-server", "--help"]).expect_err("help").to_string();
        let first = help.lines().next().expect("a line");
        assert!(first.starts_with("Serves the inspection and maintenance API"), "{help}");
    }

    #[test]
    fn errors_of_libraries_are_one_line() {
        let error = anyhow::anyhow!("connection refused\n\tIs the server running?\n").context("no database");
        assert_eq!(one_line(&error), "no database: connection refused; Is the server running?");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "a    bb\nccc  d");
    }
}
