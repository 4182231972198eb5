//! `backup`: everything the service holds, copied while it runs, tried out, put back.

mod address;
mod archive;
mod create;
mod place;
mod restore;
mod tools;
mod verify;

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use inspection_domain::time::Instant;
use inspection_persistence::Context;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{say, table};
use crate::{
    backups::{self, Kind, Summary},
    config::Config,
    wire,
};
use address::Address;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
    /// Answer with an object for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Copy the database and the stored files; the service may run meanwhile.
    Create {
        /// How many backups to keep: the oldest beyond that are removed, but never the one that was verified last.
        #[arg(long)]
        keep: Option<NonZeroUsize>,
        /// Folder of PostgreSQL's own programs, if they are not where they are looked for.
        #[arg(long)]
        pg_bin: Option<PathBuf>,
    },
    /// List the backups there are.
    List,
    /// Try a backup out: put it back into a database made for this, and compare.
    Verify(verify::Args),
    /// Put a backup back into the database and the store of the configuration.
    Restore(restore::Args),
}

/// What a command says: to people, and to programs.
struct Told {
    text: String,
    json: Value,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<()> {
    let context = wire::context(config);
    let outcome = match &args.action {
        Action::Create { keep, pg_bin } => create::run(*keep, pg_bin.as_deref(), config, &context),
        Action::List => list(config),
        Action::Verify(args) => verify::run(args, config, &context),
        Action::Restore(args) => restore::run(args, config, &context),
    };
    match outcome {
        Ok(told) if args.json => Ok(say(serde_json::to_string_pretty(&told.json)?)?),
        Ok(told) => Ok(say(told.text)?),
        Err(error) => {
            if args.json {
                let json = json!({"ok": false, "error": super::one_line(&error)});
                say(serde_json::to_string_pretty(&json)?)?;
            }
            Err(error)
        }
    }
}

/// The database of a configuration.
#[derive(Debug)]
enum Place {
    PostgreSql(Address),
    Sqlite(PathBuf),
}

impl Place {
    fn of(config: &Config) -> Result<Self> {
        let url = config.database_url.expose().expose_secret();
        Ok(match url.strip_prefix("sqlite://") {
            Some(path) => Self::Sqlite(path.into()),
            None => Self::PostgreSql(Address::parse(url)?),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::PostgreSql(_) => Kind::PostgreSql,
            Self::Sqlite(_) => Kind::Sqlite,
        }
    }

    /// For people.
    fn shown(&self) -> String {
        match self {
            Self::PostgreSql(address) => address.public(),
            Self::Sqlite(path) => path.display().to_string(),
        }
    }
}

/// The backup of this name, or else the newest.
fn chosen(name: Option<&str>, config: &Config) -> Result<Summary> {
    let folder = &config.backup_folder;
    let listed = backups::list(folder)?;
    let Some(name) = name else {
        let none = || format!("there is no backup in {}; make one with `backup create`", folder.display());
        return listed.backups.into_iter().next().with_context(none);
    };
    if let Some((_, why)) = listed.unreadable.iter().find(|(unreadable, _)| unreadable == name) {
        anyhow::bail!("{name} can't be used: {why}");
    }
    let found = listed.backups.into_iter().find(|backup| backup.name == name);
    found.with_context(|| format!("there is no backup {name} in {}", folder.display()))
}

/// Seconds with one digit behind the point.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// Milliseconds from one instant to another.
fn milliseconds(context: &Context, since: Instant) -> u64 {
    u64::try_from(context.clock.now().as_millisecond() - since.as_millisecond()).unwrap_or(0)
}

/// Shows on a terminal how many of these bytes are done.
fn bar(what: &'static str, bytes: u64) -> ProgressBar {
    shown(
        what,
        ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr()),
        "{msg} {wide_bar} {bytes}/{total_bytes}",
    )
}

/// Shows on a terminal that something is done which has no known end.
fn spinner(what: &'static str) -> ProgressBar {
    shown(what, ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()), "{spinner} {msg} {bytes}")
}

fn shown(what: &'static str, bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn list(config: &Config) -> Result<Told> {
    let listed = backups::list(&config.backup_folder)?;
    let unreadable: Vec<Value> =
        listed.unreadable.iter().map(|(name, why)| json!({"name": name, "why": why})).collect();
    let json = json!({"ok": true, "backups": &listed.backups, "unreadable": unreadable});
    let mut rows = vec![["NAME", "WHEN", "DATABASE", "SIZE", "FILES", "VERIFIED"].map(String::from).to_vec()];
    for backup in &listed.backups {
        rows.push(vec![
            backup.name.clone(),
            backup.created_at.to_string(),
            format!("{} {}", backup.database, backup.database_version),
            HumanBytes(backup.bytes).to_string(),
            backup.files.to_string(),
            backup.verified_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ]);
    }
    for (name, why) in &listed.unreadable {
        rows.push(vec![name.clone(), format!("can't be used: {why}")]);
    }
    let none = format!("there is no backup in {}", config.backup_folder.display());
    Ok(Told { text: if rows.len() > 1 { table(&rows) } else { none }, json })
}
