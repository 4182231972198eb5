//! Gauges of the machine that the service runs on.

use std::{path::Path, sync::Arc};

use inspection_domain::time::Instant;
use inspection_http::ExtraMetric;

use crate::{
    backup,
    disk::{Folder, Space, space},
};

/// Gauges beside those of the service: disk space, and the age of the backups.
pub fn of_machine(folders: &[Folder], backups: &Path) -> Vec<ExtraMetric> {
    let read = |name, help, number: fn(&Space) -> u64| {
        folders.iter().cloned().map(move |folder| ExtraMetric {
            name,
            help,
            label: Some(("place", folder.name)),
            read: Arc::new(move || space(&folder.path).map(|space| gauge(number(&space)))),
        })
    };
    let age = |name, help, newest: fn(&Path) -> Option<Instant>| {
        let folder = backups.to_owned();
        let seconds = move || newest(&folder).and_then(|at| u64::try_from(at.as_second()).ok());
        ExtraMetric { name, help, label: None, read: Arc::new(move || seconds().map(gauge)) }
    };
    let created = age(
        "inspection_last_backup_timestamp_seconds",
        "When the newest backup began, in seconds since 1970.",
        |folder| Some(backup::newest(folder).ok()??.created_at),
    );
    let verified = age(
        "inspection_last_verified_backup_timestamp_seconds",
        "When a backup was last verified by a trial restore, in seconds since 1970.",
        |folder| backup::newest_verified(folder).ok()??.verified_at,
    );
    read("inspection_disk_free_bytes", "Bytes that can still be written to a disk.", |space| space.free)
        .chain(read("inspection_disk_size_bytes", "Bytes of a disk.", |space| space.size))
        .chain([created, verified])
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are floating-point numbers, and no disk is that large"
)]
fn gauge(number: u64) -> f64 {
    number as f64
}
