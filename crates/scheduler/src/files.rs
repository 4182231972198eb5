//! Tidying the store of files up: what a crash has left is removed, and what should be there but isn't is told (rule book §14).

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt};
use inspection_domain::{files::StoredFile, ids::FileId, time::Instant};
use inspection_persistence::{Database, Error, files};
use inspection_storage::{Entry, Key, Place, Storage, StoreError};

/// Rows and objects that are looked at together.
const BATCH: u32 = 500;

/// Objects whose size is asked for at once.
const AT_ONCE: usize = 8;

/// How thoroughly to look, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Whether to remove what is left over; or only to count it.
    pub remove: bool,
    /// Whether to read every file and compare its checksum; or only its size.
    pub contents: bool,
    /// What was put there later may belong to an upload under way, and isn't left over.
    pub before: Instant,
}

/// How the store and what is known of it agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files on record.
    pub files: u64,
    /// Files on record whose bytes are not in the store.
    pub missing: Vec<FileId>,
    /// Files on record whose bytes are not what was uploaded.
    pub changed: Vec<FileId>,
    /// Objects in the store that belong to no file on record, and were put there long enough ago.
    pub left_over: u64,
    /// Uploads that ended with the process, long enough ago.
    pub abandoned: u64,
    /// Objects in the store that this program hasn't put there; they are never removed.
    pub foreign: u64,
}

impl Report {
    /// Whether every file on record is there as it was uploaded.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty()
    }
}

/// Why the store couldn't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] Error),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Tries whether files can be kept: writes one, reads it and removes it. Blocks.
pub fn probe(storage: &Storage) -> Result<(), StoreError> {
    runtime()?.block_on(storage.probe())
}

/// Compares the store with what is known of it. Blocks for as long as that takes, so it belongs on a thread of its own.
pub fn tidy(database: &Database, storage: &Storage, plan: Plan) -> Result<Report, TidyError> {
    runtime()?.block_on(async {
        let abandoned = storage.abandoned(plan.before, plan.remove).await?;
        let mut report = Report { abandoned, ..Report::default() };
        objects(database, storage, plan, &mut report).await?;
        rows(database, storage, plan, &mut report).await?;
        Ok(report)
    })
}

/// Whose bytes, or whose thumbnail, an object is: none for what is left of a probe.
fn owner(place: Place, key: &Key) -> Option<Key> {
    match place {
        Place::File => Some(key.clone()),
        Place::ThumbnailOf(original) => Some(original),
        Place::Probe | Place::Foreign => None,
    }
}

/// Goes through what is in the store.
async fn objects(
    database: &Database,
    storage: &Storage,
    plan: Plan,
    report: &mut Report,
) -> Result<(), TidyError> {
    let mut batches = storage.store().list().try_chunks(usize::try_from(BATCH).unwrap_or(1));
    while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
        let (foreign, ours): (Vec<Entry>, Vec<Entry>) =
            batch.into_iter().partition(|entry| entry.key.place() == Place::Foreign);
        report.foreign += foreign.len() as u64;
        let old: Vec<(Key, Option<Key>)> = ours
            .into_iter()
            .filter(|entry| entry.modified.is_some_and(|modified| modified < plan.before))
            .map(|entry| (owner(entry.key.place(), &entry.key), entry.key))
            .map(|(owner, key)| (key, owner))
            .collect();
        let owners: Vec<String> =
            old.iter().filter_map(|(_, owner)| Some(owner.as_ref()?.as_str().to_owned())).collect();
        let known: HashSet<String> = database.read(|conn| files::known_keys(conn, &owners))?;
        for (key, owner) in old {
            if owner.is_some_and(|owner| known.contains(owner.as_str())) {
                continue;
            }
            report.left_over += 1;
            if plan.remove {
                storage.store().remove(&key).await?;
                tracing::info!(%key, "removed what belonged to no file");
            }
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Integer,
    Missing,
    Changed,
}

async fn look(storage: &Storage, file: &StoredFile, contents: bool) -> Result<Finding, StoreError> {
    let key = Key::recorded(&file.key);
    let is_same = if contents {
        match storage.checksum(&key).await {
            Err(StoreError::Missing(_)) => None,
            other => Some(other? == file.sha256),
        }
    } else {
        let size = storage.store().size(&key).await?;
        size.map(|size| i64::try_from(size) == Ok(file.file_size))
    };
    Ok(match is_same {
        None => Finding::Missing,
        Some(false) => Finding::Changed,
        Some(true) => Finding::Integer,
    })
}

/// Goes through what is on record.
async fn rows(
    database: &Database,
    storage: &Storage,
    plan: Plan,
    report: &mut Report,
) -> Result<(), TidyError> {
    let mut last = None;
    loop {
        let batch = database.read(|conn| files::after(conn, last, BATCH))?;
        let Some(end) = batch.last().map(|file| file.id) else { return Ok(()) };
        last = Some(end);
        report.files += batch.len() as u64;
        let found = futures_util::stream::iter(batch).map(|file| async move {
            let finding = look(storage, &file, plan.contents).await?;
            Ok::<_, StoreError>((file, finding))
        });
        let mut found = found.buffered(AT_ONCE);
        while let Some((file, finding)) = found.try_next().await? {
            // It may have been deleted since it was read.
            if finding == Finding::Integer || database.read(|conn| Ok(files::find(conn, file.id).is_err()))? {
                continue;
            }
            tracing::error!(
                file = file.id.get(),
                key = file.key,
                ?finding,
                "a file is not as it was uploaded"
            );
            let bad = if finding == Finding::Missing { &mut report.missing } else { &mut report.changed };
            bad.push(file.id);
        }
    }
}
