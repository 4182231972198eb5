//! Reconciles the file store with the database: removes orphans, reports missing and changed files
//! (rule §14).

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt};
use inspection_domain::{files::StoredFile, ids::FileId, time::Instant};
use inspection_persistence::{Database, Error, files};
use inspection_storage::{Key, ObjectKind, Storage, StoreError, StoredObject};

/// Rows or objects of one batch.
const BATCH: u32 = 500;

/// Concurrent reads of objects.
const CONCURRENT_READS: usize = 8;

/// Maximum number of files of a sample.
const MOST_SAMPLED: u64 = 500;

/// Comparison of the contents of files with their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Only sizes are compared.
    Sizes,
    /// Of one file in a hundred, at most 500, the checksum is compared as well. Successive numbers
    /// choose other files.
    Sample(i64),
    /// The checksum of every file is compared.
    Checksums,
}

impl Contents {
    /// Whether the checksum of a file is compared, after this many of a sample.
    fn includes(self, id: FileId, sampled: u64) -> bool {
        match self {
            Self::Sizes => false,
            Self::Sample(number) => {
                sampled < MOST_SAMPLED && id.get().rem_euclid(100) == number.rem_euclid(100)
            }
            Self::Checksums => true,
        }
    }
}

/// Scope of a reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcilePlan {
    /// Removes orphans and abandoned uploads; otherwise they are counted only.
    pub remove: bool,
    /// Whether checksums are compared, too.
    pub contents: Contents,
    /// Ignores younger objects: they may belong to an upload in progress.
    pub before: Instant,
}

/// Result of a reconciliation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Number of files in the database.
    pub files: u64,
    /// Number of files whose checksum was compared.
    pub checksums: u64,
    /// Files without an object in the store.
    pub missing: Vec<FileId>,
    /// Files whose object differs from the upload.
    pub changed: Vec<FileId>,
    /// Objects of the service without a file in the database.
    pub orphans: u64,
    /// Uploads that a killed process has left in the staging folder.
    pub abandoned: u64,
    /// Objects that this program did not write; they are never removed.
    pub foreign: u64,
}

impl ReconcileReport {
    /// Whether every file has its object, unchanged.
    pub fn is_consistent(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty()
    }
}

/// Failure of a reconciliation.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Probes the store: writes an object and removes it. Blocks.
pub fn probe(storage: &Storage) -> Result<(), StoreError> {
    runtime()?.block_on(storage.probe())
}

/// Compares the store with the database. Blocks for a long time: run it on a thread of its own.
pub fn reconcile(
    database: &Database,
    storage: &Storage,
    plan: ReconcilePlan,
) -> Result<ReconcileReport, ReconcileError> {
    runtime()?.block_on(async {
        let abandoned = storage.abandoned(plan.before, plan.remove).await?;
        let mut report = ReconcileReport { abandoned, ..ReconcileReport::default() };
        find_orphans(database, storage, plan, &mut report).await?;
        compare_files(database, storage, plan, &mut report).await?;
        Ok(report)
    })
}

/// Returns the key of the file that an object belongs to. A probe belongs to none.
fn owner(key: &Key) -> Option<Key> {
    match key.object_kind() {
        ObjectKind::File => Some(key.clone()),
        ObjectKind::ThumbnailOf(original) => Some(original),
        ObjectKind::Probe | ObjectKind::Foreign => None,
    }
}

/// Lists the store and finds objects without a file.
async fn find_orphans(
    database: &Database,
    storage: &Storage,
    plan: ReconcilePlan,
    report: &mut ReconcileReport,
) -> Result<(), ReconcileError> {
    let mut batches = storage.store().list().try_chunks(usize::try_from(BATCH).unwrap_or(1));
    while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
        let (foreign, own): (Vec<StoredObject>, Vec<StoredObject>) =
            batch.into_iter().partition(|object| object.key.object_kind() == ObjectKind::Foreign);
        report.foreign += foreign.len() as u64;
        let old: Vec<(Key, Option<Key>)> = own
            .into_iter()
            .filter(|object| object.modified.is_some_and(|modified| modified < plan.before))
            .map(|object| {
                let owner = owner(&object.key);
                (object.key, owner)
            })
            .collect();
        let owners: Vec<String> =
            old.iter().filter_map(|(_, owner)| Some(owner.as_ref()?.as_str().to_owned())).collect();
        let known: HashSet<String> = database.read(|conn| files::known_keys(conn, &owners))?;
        for (key, owner) in old {
            if owner.is_some_and(|owner| known.contains(owner.as_str())) {
                continue;
            }
            report.orphans += 1;
            if plan.remove {
                storage.store().remove(&key).await?;
                tracing::info!(%key, "removed an orphaned object");
            }
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObjectState {
    Intact,
    Missing,
    Changed,
}

async fn compare(storage: &Storage, file: &StoredFile, contents: bool) -> Result<ObjectState, StoreError> {
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
        None => ObjectState::Missing,
        Some(false) => ObjectState::Changed,
        Some(true) => ObjectState::Intact,
    })
}

/// Reads all files of the database and compares their objects.
async fn compare_files(
    database: &Database,
    storage: &Storage,
    plan: ReconcilePlan,
    report: &mut ReconcileReport,
) -> Result<(), ReconcileError> {
    let mut last = None;
    loop {
        let batch = database.read(|conn| files::after(conn, last, BATCH))?;
        let Some(end) = batch.last().map(|file| file.id) else { return Ok(()) };
        last = Some(end);
        report.files += batch.len() as u64;
        let mut checksums = report.checksums;
        let chosen = batch.into_iter().map(|file| {
            let contents = plan.contents.includes(file.id, checksums);
            checksums += u64::from(contents);
            (file, contents)
        });
        let chosen: Vec<(StoredFile, bool)> = chosen.collect();
        report.checksums = checksums;
        let compared = futures_util::stream::iter(chosen).map(|(file, contents)| async move {
            let state = compare(storage, &file, contents).await?;
            Ok::<_, StoreError>((file, state))
        });
        let mut compared = compared.buffered(CONCURRENT_READS);
        while let Some((file, state)) = compared.try_next().await? {
            // The file may have been deleted since it was read.
            if state == ObjectState::Intact || database.read(|conn| Ok(files::get(conn, file.id).is_err()))? {
                continue;
            }
            tracing::error!(
                file = file.id.get(),
                key = file.key,
                finding = ?state,
                "the object of a file is missing or changed"
            );
            let affected =
                if state == ObjectState::Missing { &mut report.missing } else { &mut report.changed };
            affected.push(file.id);
        }
    }
}
