//! Verifying a backup: restored into a temporary database, and compared with its manifest.

use std::{collections::HashMap, fs, path::Path};

use inspection_domain::time::Instant;
use inspection_persistence::{Context, backups as source, scratch};
use secrecy::ExposeSecret;

use super::{
    address::Address,
    archive,
    integrity::intact,
    layout::{DATABASE, FILES, random_suffix},
    manifest::{DatabaseKind, Manifest, Verification, VerifiedCounts},
    partial::Partial,
    settings::{DatabaseLocation, Settings},
    tools::{self, Tools},
};
use crate::{
    Result,
    error::{Context as _, bail, ensure},
    progress::{OnProgress, Step},
};

/// Prefix of the names of temporary databases.
const SCRATCH: &str = "inspection_trial_";

/// Age in seconds after which a temporary database is abandoned.
const ABANDONED: i64 = 24 * 60 * 60;

/// A successful trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Name of the backup.
    pub name: String,
    /// Database system of the backup.
    pub database: DatabaseKind,
    /// The record that was stored beside the backup.
    pub verification: Verification,
}

/// Restores a backup (the newest if none is named) into a temporary database, compares all of it
/// with its manifest, and records the success beside it. `scratch_url` names the PostgreSQL server
/// of the temporary database; without it, that is the server of the settings.
pub fn verify(
    settings: &Settings,
    name: Option<&str>,
    scratch_url: Option<&str>,
    context: &Context,
    progress: OnProgress<'_>,
) -> Result<Trial> {
    let backup = settings.choose(name)?;
    let folder = settings.folder.join(&backup.name);
    let manifest = intact(&folder, &backup.name, backup.bytes, progress)?;
    let (state, version) = match manifest.database {
        DatabaseKind::Sqlite => sqlite(&folder, settings, context)?,
        DatabaseKind::PostgreSql => postgresql(&folder, settings, scratch_url, context, progress)?,
    };
    compare(&manifest, &state.contents)?;
    let bytes = {
        let step = Step::sized(progress, "reading the files", manifest.files.bytes);
        compare_files(&folder.join(FILES), &manifest, &state.files, &step)?
    };
    let compared = VerifiedCounts {
        migrations: state.contents.migrations.len(),
        tables: state.contents.tables.len(),
        rows: state.contents.rows(),
        files: manifest.files.count,
        bytes,
    };
    let verification = Verification {
        at: context.clock.now(),
        program: env!("CARGO_PKG_VERSION").into(),
        database_version: version,
        compared,
    };
    verification.write(&folder)?;
    Ok(Trial { name: backup.name, database: manifest.database, verification })
}

/// Opens a copy of a SQLite file.
fn sqlite(folder: &Path, settings: &Settings, context: &Context) -> Result<(source::State, String)> {
    // Beside the backups, since other disks may have less space. Removed when dropped.
    let trial = Partial::new(&settings.folder, context.clock.now(), context)?;
    let copy = trial.path().join(DATABASE);
    fs::copy(folder.join(DATABASE), &copy).context("can't copy the database for a trial")?;
    let url = format!("sqlite://{}", copy.display());
    let damage = source::damage(&url)?;
    if let Some(first) = damage.first() {
        bail!("the database in the backup has {} faults, such as: {first}", damage.len());
    }
    Ok((source::state(&url)?, source::version(&url)?.text))
}

/// A temporary database, dropped with this value.
struct ScratchDatabase {
    server: Address,
    name: String,
}

impl ScratchDatabase {
    fn new(server: Address, now: Instant, context: &Context) -> Result<Self> {
        let url = server.full();
        for name in scratch::databases(url.expose_secret(), SCRATCH)? {
            let begun =
                name.strip_prefix(SCRATCH).and_then(|rest| rest.split('_').next()?.parse::<i64>().ok());
            if begun.is_some_and(|begun| begun < now.as_second() - ABANDONED) {
                scratch::drop_database(url.expose_secret(), &name)?;
            }
        }
        let name = format!("{SCRATCH}{}_{}", now.as_second(), random_suffix(context, 4));
        scratch::create_database(url.expose_secret(), &name, Some("template0")).context(
            "can't create a database for the trial; grant the role CREATEDB, or name another server with --scratch-url",
        )?;
        Ok(Self { server, name })
    }

    fn address(&self) -> Address {
        self.server.with_database(&self.name)
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        if let Err(error) = scratch::drop_database(self.server.full().expose_secret(), &self.name) {
            tracing::warn!(%error, name = self.name, "can't drop the database of a trial");
        }
    }
}

/// Restores a dump into a temporary PostgreSQL database.
fn postgresql(
    folder: &Path,
    settings: &Settings,
    scratch_url: Option<&str>,
    context: &Context,
    progress: OnProgress<'_>,
) -> Result<(source::State, String)> {
    let server = match (scratch_url, settings.location()?) {
        (Some(url), _) => tools::address_argument(url)?,
        (None, DatabaseLocation::PostgreSql(address)) => address,
        (None, DatabaseLocation::Sqlite(_)) => bail!(
            "the backup is of PostgreSQL, and the configured database isn't; \
             name a server for the trial with --scratch-url"
        ),
    };
    let version = source::version(server.full().expose_secret())?;
    let tools = Tools::find(settings.pg_bin.as_deref(), version.major)?;
    let trial = ScratchDatabase::new(server, context.clock.now(), context)?;
    let address = trial.address();
    {
        let _step = Step::open_ended(progress, "restoring for a trial");
        let restored =
            tools.restore(&address, &folder.join(DATABASE), false).and_then(|run| run.finish(|| {}));
        restored.context("the dump can't be restored")?;
    }
    Ok((source::state(address.full().expose_secret())?, version.text))
}

/// Whether a database holds what a manifest says.
pub(super) fn compare(manifest: &Manifest, found: &source::Contents) -> Result<()> {
    ensure!(found.migrations == manifest.migrations, "the migrations differ from those of the manifest");
    let names = manifest.tables.keys().chain(found.tables.keys());
    for name in names {
        let [expected, found] = [&manifest.tables, &found.tables].map(|tables| tables.get(name));
        let shown =
            |rows: Option<&i64>| rows.map_or_else(|| "missing".to_owned(), |rows| format!("{rows} rows"));
        ensure!(
            expected == found,
            "table {name}: {} in the manifest, {} in the database",
            shown(expected),
            shown(found)
        );
    }
    Ok(())
}

/// Compares the archived files with their records in the restored database, and gives their size in
/// bytes.
fn compare_files(
    archive: &Path,
    manifest: &Manifest,
    on_record: &[source::FileOnRecord],
    progress: &Step<'_>,
) -> Result<u64> {
    let mut expected: HashMap<&str, &source::FileOnRecord> =
        on_record.iter().map(|file| (file.key.as_str(), file)).collect();
    let (mut count, mut bytes) = (0, 0);
    archive::each(archive, |key, size, content| {
        let file = expected.remove(key).with_context(|| format!("{key} is not recorded"))?;
        let sum = archive::checksum(content)?;
        ensure!(
            u64::try_from(file.size) == Ok(size) && sum == file.sha256,
            "file {} differs from its upload",
            file.id
        );
        count += 1;
        bytes += size;
        progress.advance(size);
        Ok(())
    })?;
    let missing = &manifest.files.missing;
    if let Some(file) = expected.values().find(|file| !missing.contains(&file.id.get())) {
        bail!("file {} is recorded, but not in the backup", file.id);
    }
    ensure!(
        (count, bytes) == (manifest.files.count, manifest.files.bytes) && expected.len() == missing.len(),
        "the files differ from those of the manifest"
    );
    Ok(bytes)
}
