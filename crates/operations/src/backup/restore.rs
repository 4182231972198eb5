//! Restoring a backup into the configured database and file store. Everything stays as it was until
//! the last step, which replaces the database at once.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use inspection_domain::time::Instant;
use inspection_persistence::{
    Context,
    backups::{self as source, Alone, Occupants},
    migrations,
};
use inspection_storage::Storage;

use super::{
    address::Address,
    archive,
    integrity::intact,
    layout::{DATABASE, FILES, random_suffix},
    manifest::{DatabaseKind, Manifest},
    settings::{DatabaseLocation, Settings, milliseconds},
    tools::Tools,
    trial,
};
use crate::{
    Result,
    error::{Context as _, bail, ensure},
    progress::{OnProgress, Step},
};

/// Number of polls for connections that are closing.
const POLLS: u32 = 20;

/// Interval between two such polls.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A restore that passed every check and waits for a confirmation.
pub struct Restoration<'a> {
    settings: &'a Settings,
    context: &'a Context,
    begun: Instant,
    name: String,
    manifest: Manifest,
    replace: bool,
    location: DatabaseLocation,
    occupants: Occupants,
    target: Target,
    pending: usize,
}

/// A backup that was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Name of the backup.
    pub name: String,
    /// The database, without its password.
    pub database: String,
    /// Duration in milliseconds.
    pub milliseconds: u64,
    /// Number of tables.
    pub tables: usize,
    /// Number of rows in all tables.
    pub rows: i64,
    /// Number of files that were restored.
    pub files_restored: u64,
    /// Number of files that the store had already.
    pub files_present: usize,
    /// Number of migrations that the program has and the backup lacks.
    pub migrations_pending: usize,
}

impl<'a> Restoration<'a> {
    /// Checks that a backup is intact, fits the database and may replace its content. `replace`
    /// allows a database that has accounts.
    pub fn prepare(
        settings: &'a Settings,
        name: &str,
        replace: bool,
        context: &'a Context,
        progress: OnProgress<'_>,
    ) -> Result<Self> {
        let begun = context.clock.now();
        let backup = settings.choose(Some(name))?;
        let folder = settings.folder.join(&backup.name);
        let manifest = intact(&folder, &backup.name, backup.bytes, progress)?;
        let location = settings.location()?;
        let pending = missing_migrations(&manifest, &location)?;
        let occupants = occupants(settings, &manifest, replace)?;
        let target = Target::new(settings, &manifest, &location)?;
        let name = backup.name;
        Ok(Self { settings, context, begun, name, manifest, replace, location, occupants, target, pending })
    }

    /// Name of the backup.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database that will be replaced, without its password.
    pub fn database(&self) -> String {
        self.location.to_string()
    }

    /// Number of accounts that will be replaced.
    pub fn accounts(&self) -> i64 {
        self.occupants.accounts
    }

    /// Restores the files that the store lacks, and then the database.
    pub fn run(self, storage: Storage, progress: OnProgress<'_>) -> Result<Restored> {
        let Self { settings, context, begun, name, manifest, replace, location, .. } = self;
        let folder = settings.folder.join(&name);
        // Files before rows: an interruption leaves orphaned files at worst, not rows without
        // files.
        let (restored, present) = files(&folder.join(FILES), &manifest, storage, progress)?;
        // Connections may have been opened meanwhile: the confirmation and the files take their
        // time. A SQLite file has been locked since the preparation.
        if matches!(self.target, Target::PostgreSql(..)) {
            occupants(settings, &manifest, replace)?;
        }
        let replacing = !self.occupants.tables.is_empty();
        self.target.restore(&folder.join(DATABASE), replacing, context, progress)?;
        let state = source::state(settings.url())?;
        trial::compare(&manifest, &state.contents)
            .context("the restored database differs from the backup")?;
        Ok(Restored {
            database: location.to_string(),
            milliseconds: milliseconds(context, begun),
            tables: state.contents.tables.len(),
            rows: state.contents.rows(),
            files_restored: restored,
            files_present: present.len(),
            migrations_pending: self.pending,
            name,
        })
    }
}

/// Restores the files that the store lacks. Gives their number, and the keys of those it had.
fn files(
    archive: &Path,
    manifest: &Manifest,
    storage: Storage,
    progress: OnProgress<'_>,
) -> Result<(u64, BTreeSet<String>)> {
    let store = archive::BlockingStore::new(storage)?;
    let present = {
        let step = Step::sized(progress, "comparing the files", manifest.files.bytes);
        archive::present(&store, archive, &step)?
    };
    let step = Step::sized(progress, "restoring the files", manifest.files.bytes);
    Ok((archive::restore(&store, archive, &present, &step)?, present))
}

/// Number of migrations that the backup lacks. Fails if it is of another database system or of a
/// newer program.
fn missing_migrations(manifest: &Manifest, location: &DatabaseLocation) -> Result<usize> {
    ensure!(
        manifest.database == location.kind(),
        "the backup is of {}, the configured database is {}",
        manifest.database,
        location.kind()
    );
    let known = migrations::known(location.kind() == DatabaseKind::PostgreSql)?;
    if let Some(newer) = manifest.migrations.iter().find(|name| !known.contains(name)) {
        bail!(
            "the backup was created by a newer version of this program: it has the migration {newer}; use that version"
        );
    }
    Ok(known.len() - manifest.migrations.len())
}

/// The current content of the database, if it may be replaced.
fn occupants(settings: &Settings, manifest: &Manifest, replace: bool) -> Result<Occupants> {
    let mut polls = POLLS;
    let occupants = loop {
        let occupants = source::occupants(settings.url())?;
        // A connection of this process, such as that of the last poll, closes with a delay.
        if occupants.connections == 0 || polls == 0 {
            break occupants;
        }
        polls -= 1;
        thread::sleep(POLL_INTERVAL);
    };
    ensure!(
        occupants.accounts == 0 || replace,
        "the database is in use: it has {} accounts; restore into an empty one, or pass --replace to replace it",
        occupants.accounts
    );
    ensure!(
        occupants.connections == 0,
        "the database has {} connections of the same role; stop the service first",
        occupants.connections
    );
    let is_known = |table: &String| table.starts_with("__diesel") || manifest.tables.contains_key(table);
    if let (DatabaseKind::PostgreSql, Some(table)) =
        (manifest.database, occupants.tables.iter().find(|table| !is_known(table)))
    {
        bail!(
            "the database has a table that the backup lacks, {table}; \
             revert the newer migrations first (`migrate down`), or restore into a new database"
        );
    }
    Ok(occupants)
}

/// The database that is replaced, and the means to do it.
enum Target {
    PostgreSql(Address, Tools),
    Sqlite(PathBuf, Alone),
}

impl Target {
    fn new(settings: &Settings, manifest: &Manifest, location: &DatabaseLocation) -> Result<Self> {
        Ok(match location {
            DatabaseLocation::PostgreSql(address) => {
                let version = source::version(settings.url())?;
                let of_backup =
                    manifest.database_version.split('.').next().and_then(|major| major.parse().ok());
                let of_backup: u32 = of_backup.unwrap_or(0);
                ensure!(
                    of_backup <= version.major,
                    "the backup is of PostgreSQL {of_backup}, the server is of {}; use a server that is as new",
                    version.major
                );
                let tools = Tools::find(settings.pg_bin.as_deref(), version.major)?;
                Self::PostgreSql(address.clone(), tools)
            }
            DatabaseLocation::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)
                        .with_context(|| format!("can't create {}", folder.display()))?;
                }
                let alone =
                    Alone::with(path).context("another process uses the database; stop the service first")?;
                Self::Sqlite(path.clone(), alone)
            }
        })
    }

    /// Restores a dump, all of it or nothing.
    fn restore(
        self,
        dump: &Path,
        replacing: bool,
        context: &Context,
        progress: OnProgress<'_>,
    ) -> Result<()> {
        match self {
            Self::PostgreSql(address, tools) => {
                let _step = Step::open_ended(progress, "restoring the database");
                let restored = tools.restore(&address, dump, replacing).and_then(|run| run.finish(|| {}));
                restored.context("the database is unchanged")
            }
            Self::Sqlite(path, alone) => {
                let mut beside = path.as_os_str().to_owned();
                beside.push(format!(".restoring-{}", random_suffix(context, 4)));
                let beside = PathBuf::from(beside);
                let replaced = copied(dump, &beside, &path).and_then(|()| Ok(alone.replace(&beside)?));
                if replaced.is_err() {
                    let _ = fs::remove_file(&beside);
                }
                replaced.context("the database is unchanged")
            }
        }
    }
}

/// Copies and syncs a dump beside the file that it will replace, with the same owner and mode.
fn copied(dump: &Path, beside: &Path, replaced: &Path) -> Result<()> {
    fs::copy(dump, beside).with_context(|| format!("can't write {}", beside.display()))?;
    if let Ok(former) = fs::metadata(replaced) {
        fs::set_permissions(beside, former.permissions())?;
        // Only root may change owners, and no other user needs to.
        let _ = chown(beside, Some(former.uid()), Some(former.gid()));
    }
    Ok(fs::File::open(beside)?.sync_all()?)
}
