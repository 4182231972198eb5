//! `backup restore`: a backup becomes what the configuration leads to. Until the last step of the database, all stays as it was.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use inspection_domain::ids::Ids;
use inspection_persistence::{
    Context,
    backups::{self as source, Alone, Occupants},
    migrations,
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    Place, Told, address::Address, archive, bar, chosen, milliseconds, seconds, spinner, tools::Tools, verify,
};
use crate::{
    backups::{DATABASE, FILES, Kind, Manifest, hexadecimal},
    config::Config,
    wire,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which backup.
    name: String,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    /// Replace what is in the database.
    #[arg(long)]
    replace: bool,
    /// Folder of PostgreSQL's own programs, if they are not where they are looked for.
    #[arg(long)]
    pg_bin: Option<PathBuf>,
}

/// How often, and how long apart, to look whether connections that are ending have ended.
const LOOKS: (u32, Duration) = (20, Duration::from_millis(250));

pub(super) fn run(args: &Args, config: &Config, context: &Context) -> Result<Told> {
    let begun = context.clock.now();
    let backup = chosen(Some(&args.name), config)?;
    let folder = config.backup_folder.join(&backup.name);
    let manifest = verify::whole(&folder, &backup.name, backup.bytes)?;
    let place = Place::of(config)?;
    let pending = fits(&manifest, &place)?;
    let occupants = admitted(args, &manifest, config)?;
    let target = Target::new(args, &manifest, &place, config)?;
    agreed(args, &place, &occupants)?;

    let store = archive::Store::new(wire::storage(config)?)?;
    let files = folder.join(FILES);
    let progress = bar("comparing the files", manifest.files.bytes);
    let there = archive::present(&store, &files, &progress);
    progress.finish_and_clear();
    let there = there?;
    // The files first: without their rows they are left over, at worst; rows without files would be a loss.
    let progress = bar("putting the files back", manifest.files.bytes);
    let put_back = archive::put_back(&store, &files, &there, &progress);
    progress.finish_and_clear();
    let put_back = put_back?;

    // Meanwhile somebody may have come: the question may have been answered at leisure, and there may be many files. A file of SQLite
    // is held since before.
    if matches!(target, Target::PostgreSql(..)) {
        admitted(args, &manifest, config)?;
    }
    target.restore(&folder.join(DATABASE), !occupants.tables.is_empty(), context.ids.as_ref())?;
    let state = source::state(config.database_url.expose().expose_secret())?;
    verify::compare(&manifest, &state.contents)
        .context("the database is not what it should be after that")?;
    let text = format!(
        "put {} back into {} in {}: {} tables with {} rows; {put_back} files put back, {} were there\n{}",
        backup.name,
        place.shown(),
        seconds(milliseconds(context, begun)),
        state.contents.tables.len(),
        state.contents.rows(),
        there.len(),
        what_next(pending),
    );
    let json = json!({
        "ok": true, "name": backup.name, "files_put_back": put_back, "files_there": there.len(),
        "migrations_pending": pending,
    });
    Ok(Told { text, json })
}

fn what_next(pending: usize) -> String {
    let migrate = if pending > 0 {
        format!("\n  bring its schema up to date    inspection-server migrate up   ({pending} pending)")
    } else {
        String::new()
    };
    format!(
        "What to do next:{migrate}\n  \
         start the service              inspection-server serve\n  \
         see that the files are there   inspection-server files check\n\
         Sessions are those of the backup: tokens stay valid for as long as JWT_SECRET_KEY is the same, also those that were \
         revoked, and passwords that were changed, after it was made. A new JWT_SECRET_KEY ends them all."
    )
}

/// Whether a backup can become this database at all; how many migrations it lacks.
fn fits(manifest: &Manifest, place: &Place) -> Result<usize> {
    ensure!(
        manifest.database == place.kind(),
        "the backup is of {}, the database of the configuration is {}",
        manifest.database,
        place.kind()
    );
    let known = migrations::known(place.kind() == Kind::PostgreSql)?;
    if let Some(newer) = manifest.migrations.iter().find(|name| !known.contains(name)) {
        bail!(
            "the backup was made by a newer version of this program: it has the migration {newer}; use that version"
        );
    }
    Ok(known.len() - manifest.migrations.len())
}

/// Who is at the place, if they may be replaced.
fn admitted(args: &Args, manifest: &Manifest, config: &Config) -> Result<Occupants> {
    let url = config.database_url.expose().expose_secret();
    let (mut looks, pause) = LOOKS;
    let occupants = loop {
        let occupants = source::occupants(url)?;
        // A connection of our own, such as that of the last look, ends a moment after it is given up.
        if occupants.connections == 0 || looks == 0 {
            break occupants;
        }
        looks -= 1;
        thread::sleep(pause);
    };
    ensure!(
        occupants.accounts == 0 || args.replace,
        "the database is in use: it has {} accounts; restore into an empty one, or say --replace to replace what is in it",
        occupants.accounts
    );
    ensure!(
        occupants.connections == 0,
        "the database has {} connections of the same role; stop the service first",
        occupants.connections
    );
    let is_known = |table: &String| table.starts_with("__diesel") || manifest.tables.contains_key(table);
    if let (Kind::PostgreSql, Some(table)) =
        (manifest.database, occupants.tables.iter().find(|table| !is_known(table)))
    {
        bail!(
            "the database has a table that the backup doesn't know, {table}; \
             take the newer migrations back first (`migrate down`), or restore into a new database"
        );
    }
    Ok(occupants)
}

/// Asks on a terminal, unless told not to.
fn agreed(args: &Args, place: &Place, occupants: &Occupants) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    ensure!(io::stdin().is_terminal(), "there is nobody to ask; say --yes to restore without being asked");
    let replaced = if occupants.accounts > 0 {
        format!(", which replaces all that is in it ({} accounts)", occupants.accounts)
    } else {
        String::new()
    };
    write!(io::stderr(), "Restore {} into {}{replaced}? [yes/no] ", args.name, place.shown())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    ensure!(answer.trim() == "yes", "not restored: the answer wasn't `yes`");
    Ok(())
}

/// The database that is about to become the backup's.
enum Target {
    PostgreSql(Address, Tools),
    Sqlite(PathBuf, Alone),
}

impl Target {
    fn new(args: &Args, manifest: &Manifest, place: &Place, config: &Config) -> Result<Self> {
        Ok(match place {
            Place::PostgreSql(address) => {
                let version = source::version(config.database_url.expose().expose_secret())?;
                let of_backup =
                    manifest.database_version.split('.').next().and_then(|major| major.parse().ok());
                let of_backup: u32 = of_backup.unwrap_or(0);
                ensure!(
                    of_backup <= version.major,
                    "the backup is of PostgreSQL {of_backup}, the server is of {}; restore it into one that is as new",
                    version.major
                );
                Self::PostgreSql(address.clone(), Tools::find(args.pg_bin.as_deref(), version.major)?)
            }
            Place::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
                }
                let alone =
                    Alone::with(path).context("somebody else uses the database; stop the service first")?;
                Self::Sqlite(path.clone(), alone)
            }
        })
    }

    /// Puts a dump there, all of it or nothing.
    fn restore(self, dump: &Path, replacing: bool, ids: &dyn Ids) -> Result<()> {
        match self {
            Self::PostgreSql(address, tools) => {
                let progress = spinner("putting the database back");
                let restored = tools.restore(&address, dump, replacing).and_then(|run| run.finish(|| {}));
                progress.finish_and_clear();
                restored.context("the database is as it was")
            }
            Self::Sqlite(path, alone) => {
                let mut beside = path.as_os_str().to_owned();
                beside.push(format!(".restoring-{}", hexadecimal(ids.random().get(..4).unwrap_or_default())));
                let beside = PathBuf::from(beside);
                let replaced = copied(dump, &beside, &path).and_then(|()| Ok(alone.replace(&beside)?));
                if replaced.is_err() {
                    let _ = fs::remove_file(&beside);
                }
                replaced.context("the database is as it was")
            }
        }
    }
}

/// Copies a dump to a file beside the one it will replace, for the same people, safely onto the disk.
fn copied(dump: &Path, beside: &Path, replaced: &Path) -> Result<()> {
    fs::copy(dump, beside).with_context(|| format!("can't write {}", beside.display()))?;
    if let Ok(former) = fs::metadata(replaced) {
        fs::set_permissions(beside, former.permissions())?;
        // Only root gives files away, and nobody else needs to.
        let _ = chown(beside, Some(former.uid()), Some(former.gid()));
    }
    Ok(fs::File::open(beside)?.sync_all()?)
}
