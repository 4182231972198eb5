//! `backup verify`: a backup is worth what comes out of it, so it is put back for a trial, and compared.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::HumanBytes;
use inspection_domain::time::Instant;
use inspection_persistence::{Context, backups as source, scratch};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    Place, Told, address::Address, archive, bar, chosen, place::Partial, spinner, tools, tools::Tools,
};
use crate::{
    backups::{self, Compared, DATABASE, FILES, Kind, Manifest, Verified, hexadecimal},
    config::Config,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which backup; the newest if absent.
    name: Option<String>,
    /// Folder of PostgreSQL's own programs, if they are not where they are looked for.
    #[arg(long)]
    pg_bin: Option<PathBuf>,
    /// A database of the PostgreSQL server on which to make one for the trial, if not on that of the configuration. Without
    /// the password, which everybody could see: that comes from `PGPASSWORD` or `~/.pgpass`.
    #[arg(long)]
    scratch_url: Option<String>,
}

/// What the names of databases for trials begin with.
const SCRATCH: &str = "inspection_trial_";

/// How old a database for a trial must be for its run to be over, in seconds.
const ABANDONED: i64 = 24 * 60 * 60;

pub(super) fn run(args: &Args, config: &Config, context: &Context) -> Result<Told> {
    let backup = chosen(args.name.as_deref(), config)?;
    let folder = config.backup_folder.join(&backup.name);
    let manifest = whole(&folder, &backup.name, backup.bytes)?;
    let (state, version) = match manifest.database {
        Kind::Sqlite => sqlite(&folder, config, context)?,
        Kind::PostgreSql => postgresql(&folder, args, config, context)?,
    };
    compare(&manifest, &state.contents)?;
    let progress = bar("reading the files", manifest.files.bytes);
    let bytes = compare_files(&folder.join(FILES), &manifest, &state.files, |size| progress.inc(size));
    progress.finish_and_clear();
    let compared = Compared {
        migrations: state.contents.migrations.len(),
        tables: state.contents.tables.len(),
        rows: state.contents.rows(),
        files: manifest.files.count,
        bytes: bytes?,
    };
    let verified = Verified {
        at: context.clock.now(),
        program: env!("CARGO_PKG_VERSION").into(),
        database_version: version,
        compared,
    };
    verified.write(&folder)?;
    let text = format!(
        "{} is whole: put back into {} {} for a trial, with {} migrations, {} tables, {} rows, {} files of {}",
        backup.name,
        manifest.database,
        verified.database_version,
        compared.migrations,
        compared.tables,
        compared.rows,
        compared.files,
        HumanBytes(compared.bytes),
    );
    Ok(Told { text, json: json!({"ok": true, "name": backup.name, "verified": verified}) })
}

/// The manifest of a backup whose every byte is as it was written.
pub(super) fn whole(folder: &Path, name: &str, bytes: u64) -> Result<Manifest> {
    let progress = bar("comparing the checksums", bytes);
    let checked = backups::checked(folder, |bytes| progress.inc(bytes));
    progress.finish_and_clear();
    checked.with_context(|| format!("{name} can't be used"))
}

/// Opens a copy of a SQLite file.
fn sqlite(folder: &Path, config: &Config, context: &Context) -> Result<(source::State, String)> {
    // Beside the backups, since elsewhere there may be less room; it goes away by itself.
    let trial = Partial::new(&config.backup_folder, context.clock.now(), context.ids.as_ref())?;
    let copy = trial.path().join(DATABASE);
    fs::copy(folder.join(DATABASE), &copy).context("no room for a trial")?;
    let url = format!("sqlite://{}", copy.display());
    let damage = source::damage(&url)?;
    if let Some(first) = damage.first() {
        bail!("the database in the backup has {} faults, such as: {first}", damage.len());
    }
    Ok((source::state(&url)?, source::version(&url)?.text))
}

/// A database for a trial, which goes when this is dropped.
struct Trial {
    server: Address,
    name: String,
}

impl Trial {
    fn new(server: Address, now: Instant, context: &Context) -> Result<Self> {
        let url = server.full();
        for name in scratch::databases(url.expose_secret(), SCRATCH)? {
            let begun =
                name.strip_prefix(SCRATCH).and_then(|rest| rest.split('_').next()?.parse::<i64>().ok());
            if begun.is_some_and(|begun| begun < now.as_second() - ABANDONED) {
                scratch::drop_database(url.expose_secret(), &name)?;
            }
        }
        let suffix = hexadecimal(context.ids.random().get(..4).unwrap_or_default());
        let name = format!("{SCRATCH}{}_{suffix}", now.as_second());
        scratch::create_database(url.expose_secret(), &name, Some("template0")).context(
            "can't make a database for the trial; let the role create databases, or name another server with --scratch-url",
        )?;
        Ok(Self { server, name })
    }

    fn address(&self) -> Address {
        self.server.with_database(&self.name)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Err(error) = scratch::drop_database(self.server.full().expose_secret(), &self.name) {
            tracing::warn!(%error, name = self.name, "the database of a trial stays behind");
        }
    }
}

/// Puts a dump into a new database on a server of PostgreSQL, which checks what it gets.
fn postgresql(
    folder: &Path,
    args: &Args,
    config: &Config,
    context: &Context,
) -> Result<(source::State, String)> {
    let server = match (&args.scratch_url, Place::of(config)?) {
        (Some(url), _) => tools::seen_by_everybody(url)?,
        (None, Place::PostgreSql(address)) => address,
        (None, Place::Sqlite(_)) => bail!(
            "the backup is of PostgreSQL, and the database of the configuration isn't; \
             name a server for the trial with --scratch-url"
        ),
    };
    let version = source::version(server.full().expose_secret())?;
    let tools = Tools::find(args.pg_bin.as_deref(), version.major)?;
    let trial = Trial::new(server, context.clock.now(), context)?;
    let address = trial.address();
    let progress = spinner("putting it back for a trial");
    let restored = tools.restore(&address, &folder.join(DATABASE), false).and_then(|run| run.finish(|| {}));
    progress.finish_and_clear();
    restored.context("the dump can't be put back")?;
    Ok((source::state(address.full().expose_secret())?, version.text))
}

/// Whether a database holds what a manifest says.
pub(super) fn compare(manifest: &Manifest, found: &source::Contents) -> Result<()> {
    ensure!(found.migrations == manifest.migrations, "the migrations are not those of the manifest");
    let names = manifest.tables.keys().chain(found.tables.keys());
    for name in names {
        let [expected, found] = [&manifest.tables, &found.tables].map(|tables| tables.get(name));
        let told =
            |rows: Option<&i64>| rows.map_or_else(|| "not there".to_owned(), |rows| format!("{rows} rows"));
        ensure!(
            expected == found,
            "table {name}: {} in the manifest, {} in the database",
            told(expected),
            told(found)
        );
    }
    Ok(())
}

/// Whether the files of a backup are those on record in its database. Gives their bytes.
fn compare_files(
    archive: &Path,
    manifest: &Manifest,
    on_record: &[source::FileOnRecord],
    progress: impl Fn(u64),
) -> Result<u64> {
    let mut expected: HashMap<&str, &source::FileOnRecord> =
        on_record.iter().map(|file| (file.key.as_str(), file)).collect();
    let (mut count, mut bytes) = (0, 0);
    archive::each(archive, |key, size, content| {
        let file = expected.remove(key).with_context(|| format!("{key} is not on record"))?;
        let sum = archive::checksum(content)?;
        ensure!(
            u64::try_from(file.size) == Ok(size) && sum == file.sha256,
            "file {} is not as it was uploaded",
            file.id
        );
        count += 1;
        bytes += size;
        progress(size);
        Ok(())
    })?;
    let missing = &manifest.files.missing;
    if let Some(file) = expected.values().find(|file| !missing.contains(&file.id.get())) {
        bail!("file {} is on record, but not in the backup", file.id);
    }
    ensure!(
        (count, bytes) == (manifest.files.count, manifest.files.bytes) && expected.len() == missing.len(),
        "the files are not those of the manifest"
    );
    Ok(bytes)
}
