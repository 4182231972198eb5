//! `backup create`: one state of the database, and the files that are on record in it.

use std::{fs, num::NonZeroUsize, path::Path};

use anyhow::{Result, ensure};
use indicatif::HumanBytes;
use inspection_persistence::{Context, backups as source};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    Place, Told, address::Address, archive, bar, milliseconds, place, place::Partial, seconds, spinner,
    tools::Tools,
};
use crate::{
    backups::{self, DATABASE, FILES, Manifest, Part, seal},
    config::Config,
    wire,
};

pub(super) fn run(
    count: Option<NonZeroUsize>,
    pg_bin: Option<&Path>,
    config: &Config,
    context: &Context,
) -> Result<Told> {
    let begun = context.clock.now();
    let url = config.database_url.expose().expose_secret();
    let place = Place::of(config)?;
    // Before anything is made: what can't be done is told at once.
    let version = source::version(url)?;
    place::tidy(&config.backup_folder, begun)?;
    let partial = Partial::new(&config.backup_folder, begun, context.ids.as_ref())?;

    let (dump, _) = partial.file(DATABASE)?;
    let state = match &place {
        Place::PostgreSql(address) => postgresql(address, &Tools::find(pg_bin, version.major)?, &dump)?,
        Place::Sqlite(path) => sqlite(path, &dump)?,
    };
    ensure!(
        !state.contents.migrations.is_empty(),
        "the database has no schema yet: there is nothing to back up"
    );

    let store = archive::Store::new(wire::storage(config)?)?;
    let (archive_path, archive_file) = partial.file(FILES)?;
    let bytes = state.files.iter().map(|file| u64::try_from(file.size).unwrap_or(0)).sum();
    let progress = bar("copying the files", bytes);
    let is_on_record = |id| Ok(source::is_on_record(url, id)?);
    let files = archive::write(&store, &state.files, archive_file, begun, is_on_record, &progress);
    progress.finish_and_clear();
    let files = files?;

    let part = |name: &str, path: &Path| {
        let (size, sha256) = seal(path)?;
        anyhow::Ok(Part { name: name.into(), size, sha256 })
    };
    let parts = vec![part(DATABASE, &dump)?, part(FILES, &archive_path)?];
    let manifest = Manifest {
        format: Manifest::FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        database: place.kind(),
        database_version: version.text,
        created_at: begun,
        milliseconds: milliseconds(context, begun),
        migrations: state.contents.migrations,
        tables: state.contents.tables,
        parts,
        files,
    };
    manifest.write(&partial.path())?;
    backups::write_sums(&partial.path(), &manifest)?;
    let name = partial.complete()?;
    let removed = match count {
        Some(count) => place::keep(&config.backup_folder, count.get())?,
        None => Vec::new(),
    };
    Ok(told(&name, &config.backup_folder.join(&name), &manifest, &removed))
}

/// Lets PostgreSQL dump a state of a database, and reads what it holds meanwhile.
fn postgresql(address: &Address, tools: &Tools, to: &Path) -> Result<source::State> {
    let mut snapshot = source::Snapshot::begin(address.full().expose_secret())?;
    let progress = spinner("dumping the database");
    let dumping = tools.dump(address, snapshot.name(), to)?;
    let state = snapshot.state()?;
    dumping.finish(|| progress.set_position(fs::metadata(to).map_or(0, |file| file.len())))?;
    progress.finish_and_clear();
    Ok(state)
}

/// Copies a SQLite file, and reads what the copy holds.
fn sqlite(path: &Path, to: &Path) -> Result<source::State> {
    let progress = bar("copying the database", 0);
    let copied = source::copy_sqlite(path, to, |done, all| {
        progress.set_length(all * source::PAGE);
        progress.set_position(done * source::PAGE);
    });
    progress.finish_and_clear();
    copied?;
    Ok(source::state(&format!("sqlite://{}", to.display()))?)
}

fn told(name: &str, path: &Path, manifest: &Manifest, removed: &[String]) -> Told {
    let size = manifest.parts.iter().map(|part| part.size).sum();
    let rows: i64 = manifest.tables.values().sum();
    let mut text = format!(
        "made {} in {}\n{} {}: {} tables with {rows} rows; {} files of {}; {} in all",
        path.display(),
        seconds(manifest.milliseconds),
        manifest.database,
        manifest.database_version,
        manifest.tables.len(),
        manifest.files.count,
        HumanBytes(manifest.files.bytes),
        HumanBytes(size),
    );
    if !manifest.files.missing.is_empty() {
        text += &format!("\n{} files were deleted meanwhile and are not in it", manifest.files.missing.len());
    }
    for name in removed {
        text += &format!("\nremoved {name}");
    }
    let json = json!({
        "ok": true, "name": name, "path": path, "bytes": size, "removed": removed, "manifest": manifest,
    });
    Told { text, json }
}
