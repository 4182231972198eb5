//! Creating a backup: a snapshot of the database, and the files that it records.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use inspection_persistence::{Context, backups as source};
use inspection_storage::Storage;
use secrecy::ExposeSecret;

use super::{
    address::Address,
    archive, checksums,
    layout::{DATABASE, FILES},
    manifest::{BackupFile, Manifest},
    partial::{self, Partial},
    settings::{DatabaseLocation, Settings, milliseconds},
    tools::Tools,
};
use crate::{
    Result,
    error::ensure,
    progress::{OnProgress, Step},
};

/// A backup that was created.
#[derive(Debug, Clone)]
pub struct Created {
    /// Name of the backup.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Names of the older backups that were removed.
    pub removed: Vec<String>,
}

impl Created {
    /// Size of the database dump and the archive, in bytes.
    pub fn bytes(&self) -> u64 {
        self.manifest.parts.iter().map(|part| part.size).sum()
    }
}

/// Creates a backup while the service may run. With `keep`, removes all but that many of the newest
/// backups; the one verified last is never removed.
pub fn create(
    settings: &Settings,
    storage: Storage,
    context: &Context,
    keep: Option<NonZeroUsize>,
    progress: OnProgress<'_>,
) -> Result<Created> {
    let begun = context.clock.now();
    let url = settings.url();
    let location = settings.location()?;
    // Before anything is created, so that an unreachable database is reported at once.
    let version = source::version(url)?;
    partial::remove_abandoned(&settings.folder, begun)?;
    let partial = Partial::new(&settings.folder, begun, context)?;

    let (dump, _) = partial.file(DATABASE)?;
    let state = match &location {
        DatabaseLocation::PostgreSql(address) => {
            let tools = Tools::find(settings.pg_bin.as_deref(), version.major)?;
            postgresql(address, &tools, &dump, progress)?
        }
        DatabaseLocation::Sqlite(path) => sqlite(path, &dump, progress)?,
    };
    ensure!(
        !state.contents.migrations.is_empty(),
        "the database has no schema yet: there is nothing to back up"
    );

    let store = archive::BlockingStore::new(storage)?;
    let (archive_path, archive_file) = partial.file(FILES)?;
    let bytes = state.files.iter().map(|file| u64::try_from(file.size).unwrap_or(0)).sum();
    let is_on_record = |id| Ok(source::is_on_record(url, id)?);
    let files = {
        let step = Step::sized(progress, "copying the files", bytes);
        archive::write(&store, &state.files, archive_file, begun, is_on_record, &step)?
    };

    let manifest = Manifest {
        format: Manifest::FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        database: location.kind(),
        database_version: version.text,
        created_at: begun,
        milliseconds: milliseconds(context, begun),
        migrations: state.contents.migrations,
        tables: state.contents.tables,
        parts: vec![sealed(DATABASE, &dump)?, sealed(FILES, &archive_path)?],
        files,
    };
    manifest.write(&partial.path())?;
    checksums::write(&partial.path(), &manifest)?;
    let name = partial.complete()?;
    let removed = match keep {
        Some(count) => partial::prune(&settings.folder, count.get())?,
        None => Vec::new(),
    };
    Ok(Created { path: settings.folder.join(&name), name, manifest, removed })
}

/// Syncs a finished file and describes it for the manifest.
fn sealed(name: &str, path: &Path) -> Result<BackupFile> {
    let (size, sha256) = checksums::seal(path)?;
    Ok(BackupFile { name: name.into(), size, sha256 })
}

/// Dumps a snapshot with `pg_dump`, and reads the contents of the same snapshot meanwhile.
fn postgresql(
    address: &Address,
    tools: &Tools,
    to: &Path,
    progress: OnProgress<'_>,
) -> Result<source::State> {
    let mut snapshot = source::Snapshot::begin(address.full().expose_secret())?;
    let step = Step::open_ended(progress, "dumping the database");
    let dumping = tools.dump(address, snapshot.name(), to)?;
    let state = snapshot.state()?;
    dumping.finish(|| step.set(fs::metadata(to).map_or(0, |file| file.len()), None))?;
    Ok(state)
}

/// Copies a SQLite file, and reads the contents of the copy.
fn sqlite(path: &Path, to: &Path, progress: OnProgress<'_>) -> Result<source::State> {
    {
        let step = Step::sized(progress, "copying the database", 0);
        source::copy_sqlite(path, to, |done, all| {
            step.set(done * source::PAGE, Some(all * source::PAGE));
        })?;
    }
    Ok(source::state(&format!("sqlite://{}", to.display()))?)
}
