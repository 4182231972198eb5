//! `backup`: create, list, verify and restore backups.

use std::{
    cell::RefCell,
    io::{self, BufRead, IsTerminal, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

use anyhow::{Result, ensure};
use indicatif::{HumanBytes, ProgressBar};
use inspection_operations::{
    Progress,
    backup::{self, Created, Restoration, Restored, Settings, Trial},
};
use inspection_persistence::Context;
use serde_json::{Value, json};

use super::output::{one_line, progress, say, table};
use crate::{config::Config, wire};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Back up the database and the stored files; the service may run meanwhile.
    Create {
        /// Number of backups to retain. Older ones are removed, except the one verified last.
        #[arg(long)]
        keep: Option<NonZeroUsize>,
        /// Folder of pg_dump and pg_restore, if not on PATH or below /usr/lib/postgresql.
        #[arg(long)]
        pg_bin: Option<PathBuf>,
    },
    /// List the backups.
    List,
    /// Restore a backup into a temporary database, and compare it with its manifest.
    Verify {
        /// Name of the backup; the newest by default.
        name: Option<String>,
        /// Folder of pg_dump and pg_restore, if not on PATH or below /usr/lib/postgresql.
        #[arg(long)]
        pg_bin: Option<PathBuf>,
        /// Database of the PostgreSQL server for the temporary one; by default, the configured
        /// server. Without a password, which would be visible to other users: that comes from
        /// `PGPASSWORD` or `~/.pgpass`.
        #[arg(long)]
        scratch_url: Option<String>,
    },
    /// Restore a backup into the configured database and file store.
    Restore {
        /// Name of the backup.
        name: String,
        /// Don't ask for confirmation.
        #[arg(long)]
        yes: bool,
        /// Replace the content of the database.
        #[arg(long)]
        replace: bool,
        /// Folder of pg_dump and pg_restore, if not on PATH or below /usr/lib/postgresql.
        #[arg(long)]
        pg_bin: Option<PathBuf>,
    },
}

/// The output of a command, for people and for programs.
struct Output {
    text: String,
    json: Value,
}

pub(super) fn run(args: Args, config: &Config) -> Result<()> {
    match output(args.action, config) {
        Ok(output) if args.json => Ok(say(serde_json::to_string_pretty(&output.json)?)?),
        Ok(output) => Ok(say(output.text)?),
        Err(error) => {
            if args.json {
                let json = json!({"ok": false, "error": one_line(&error)});
                say(serde_json::to_string_pretty(&json)?)?;
            }
            Err(error)
        }
    }
}

fn output(action: Action, config: &Config) -> Result<Output> {
    let (context, bars) = (wire::context(config), Bars::default());
    let progress = |event| bars.show(event);
    match action {
        Action::Create { keep, pg_bin } => {
            let (settings, storage) = (wire::backups(config, pg_bin), wire::storage(config)?);
            Ok(created(&backup::create(&settings, storage, &context, keep, &progress)?))
        }
        Action::List => list(config),
        Action::Verify { name, pg_bin, scratch_url } => {
            let settings = wire::backups(config, pg_bin);
            let (name, scratch_url) = (name.as_deref(), scratch_url.as_deref());
            Ok(verified(&backup::verify(&settings, name, scratch_url, &context, &progress)?))
        }
        Action::Restore { name, yes, replace, pg_bin } => {
            let settings = wire::backups(config, pg_bin);
            restore(&settings, &name, yes, replace, config, &context, &progress)
        }
    }
}

fn restore(
    settings: &Settings,
    name: &str,
    yes: bool,
    replace: bool,
    config: &Config,
    context: &Context,
    progress: &dyn Fn(Progress),
) -> Result<Output> {
    let restoration = Restoration::prepare(settings, name, replace, context, progress)?;
    if !yes {
        confirm(&restoration)?;
    }
    Ok(restored(&restoration.run(wire::storage(config)?, progress)?))
}

/// Asks for confirmation on a terminal.
fn confirm(restoration: &Restoration<'_>) -> Result<()> {
    ensure!(
        io::stdin().is_terminal(),
        "no terminal to confirm on; pass --yes to restore without confirmation"
    );
    let replaced = match restoration.accounts() {
        0 => String::new(),
        accounts => format!(", which replaces all of its content ({accounts} accounts)"),
    };
    let (name, database) = (restoration.name(), restoration.database());
    write!(io::stderr(), "Restore {name} into {database}{replaced}? [yes/no] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    ensure!(answer.trim() == "yes", "not restored: the answer wasn't `yes`");
    Ok(())
}

fn created(backup: &Created) -> Output {
    let Created { name, path, manifest, removed } = backup;
    let rows: i64 = manifest.tables.values().sum();
    let mut text = format!(
        "created {} in {}\n{} {}: {} tables with {rows} rows; {} files of {}; {} in all",
        path.display(),
        seconds(manifest.milliseconds),
        manifest.database,
        manifest.database_version,
        manifest.tables.len(),
        manifest.files.count,
        HumanBytes(manifest.files.bytes),
        HumanBytes(backup.bytes()),
    );
    if !manifest.files.missing.is_empty() {
        text += &format!("\n{} files were deleted meanwhile and are not in it", manifest.files.missing.len());
    }
    for name in removed {
        text += &format!("\nremoved {name}");
    }
    let json = json!({
        "ok": true, "name": name, "path": path, "bytes": backup.bytes(), "removed": removed,
        "manifest": manifest,
    });
    Output { text, json }
}

fn verified(trial: &Trial) -> Output {
    let Trial { name, database, verification } = trial;
    let compared = verification.compared;
    let text = format!(
        "{name} is intact: restored into {database} {} for a trial, with {} migrations, {} tables, {} rows, \
         {} files of {}",
        verification.database_version,
        compared.migrations,
        compared.tables,
        compared.rows,
        compared.files,
        HumanBytes(compared.bytes),
    );
    Output { text, json: json!({"ok": true, "name": name, "verified": verification}) }
}

fn restored(backup: &Restored) -> Output {
    let migrate = match backup.migrations_pending {
        0 => String::new(),
        pending => format!("\n  migrate the schema   inspection-server migrate up   ({pending} pending)"),
    };
    let text = format!(
        "restored {} into {} in {}: {} tables with {} rows; {} files restored, {} were present\n\
         Next steps:{migrate}\n  \
         start the service    inspection-server serve\n  \
         check the files      inspection-server files check\n\
         Sessions are those of the backup: tokens stay valid as long as JWT_SECRET_KEY is unchanged,\n\
         including tokens and passwords that were revoked or changed after the backup. A new JWT_SECRET_KEY\n\
         ends all sessions.",
        backup.name,
        backup.database,
        seconds(backup.milliseconds),
        backup.tables,
        backup.rows,
        backup.files_restored,
        backup.files_present,
    );
    let json = json!({
        "ok": true, "name": backup.name, "files_put_back": backup.files_restored,
        "files_there": backup.files_present, "migrations_pending": backup.migrations_pending,
    });
    Output { text, json }
}

fn list(config: &Config) -> Result<Output> {
    let listed = backup::list(&config.backup_folder)?;
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
    for (name, reason) in &listed.unreadable {
        rows.push(vec![name.clone(), format!("can't be used: {reason}")]);
    }
    let none = format!("there is no backup in {}", config.backup_folder.display());
    Ok(Output { text: if rows.len() > 1 { table(&rows) } else { none }, json })
}

/// Seconds with one decimal.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// Progress bars on a terminal, one at a time.
#[derive(Default)]
struct Bars(RefCell<Option<ProgressBar>>);

impl Bars {
    fn show(&self, event: Progress) {
        let mut current = self.0.borrow_mut();
        match event {
            Progress::Started { step, bytes } => {
                let template = match bytes {
                    Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes}",
                    None => "{spinner} {msg} {bytes}",
                };
                *current = Some(progress(bytes, template).with_message(step));
            }
            Progress::Done { bytes, of } => {
                if let Some(bar) = &*current {
                    if let Some(total) = of {
                        bar.set_length(total);
                    }
                    bar.set_position(bytes);
                }
            }
            Progress::Finished => {
                if let Some(bar) = current.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
