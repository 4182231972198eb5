//! Bulkheads: each bounds the concurrent blocking work on one resource, so that a slow resource
//! cannot exhaust the blocking thread pool.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Concurrent database requests for each core. More do not raise throughput; they only spread
/// latency.
const DATABASE_PER_CORE: usize = 4;

/// Maximum wait for admission; after that the request fails with 503.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(5);

/// A resource with bounded concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bulkhead {
    /// The database, for requests.
    Database,
    /// Password hashing.
    Hashing,
    /// The database, for health checks and metrics; independent of the load.
    Probes,
    /// Disks and other external resources that may hang.
    External,
    /// Generating documents, with their photos in memory.
    Documents,
    /// The replica of the database, which may hang.
    Reports,
}

impl Bulkhead {
    pub(crate) const ALL: [Self; 6] =
        [Self::Database, Self::Hashing, Self::Probes, Self::External, Self::Documents, Self::Reports];

    /// Label value in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Hashing => "hashing",
            Self::Probes => "probes",
            Self::External => "looks",
            Self::Documents => "documents",
            Self::Reports => "reports",
        }
    }
}

/// The semaphores of all bulkheads. Waiters queue FIFO without blocking a thread.
#[derive(Debug)]
pub(crate) struct Bulkheads {
    database: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    probes: Arc<Semaphore>,
    external: Arc<Semaphore>,
    documents: Arc<Semaphore>,
    reports: Arc<Semaphore>,
}

impl Bulkheads {
    /// Bulkheads for a connection pool of this size.
    pub(crate) fn new(connections: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let bound = |permits| Arc::new(Semaphore::new(permits));
        Self {
            database: bound(connections.min(cores * DATABASE_PER_CORE)),
            // One hash occupies a whole core and a lot of memory.
            hashing: bound(cores),
            probes: bound(2),
            external: bound(1),
            // A document takes up to 100 MB.
            documents: bound(2),
            reports: bound(cores * 2),
        }
    }

    /// Waits for admission; `None` after [`ADMISSION_TIMEOUT`].
    pub(crate) async fn admission(&self, bulkhead: Bulkhead) -> Option<OwnedSemaphorePermit> {
        let semaphore = match bulkhead {
            Bulkhead::Database => &self.database,
            Bulkhead::Hashing => &self.hashing,
            Bulkhead::Probes => &self.probes,
            Bulkhead::External => &self.external,
            Bulkhead::Documents => &self.documents,
            Bulkhead::Reports => &self.reports,
        };
        let admission = Arc::clone(semaphore).acquire_owned();
        tokio::time::timeout(ADMISSION_TIMEOUT, admission).await.ok()?.ok()
    }
}
