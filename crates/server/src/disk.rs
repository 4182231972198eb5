//! How much room there is on the disk of a folder, and what kind of disk it is.

use std::path::Path;

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// Bytes that this user can still write.
    pub(crate) free: u64,
    /// Bytes of the disk.
    pub(crate) size: u64,
    /// Whether what is written there outlives the machine or container.
    pub(crate) kind: Kind,
}

/// What becomes of a disk when the machine or container is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is a disk, or a volume on one.
    Persistent,
    /// It is the topmost layer of a container, which goes with it.
    Layer,
    /// It is memory.
    Memory,
}

/// Numbers of Linux for kinds of file systems.
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
const OVERLAY: i64 = 0x794c_7630;

/// The room on the disk of a folder, or, if it isn't there yet, of the nearest one above it.
pub(crate) fn space(folder: &Path) -> Option<Space> {
    let folder = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let numbers = rustix::fs::statvfs(there).ok()?;
    let kind = match rustix::fs::statfs(there).ok()?.f_type {
        TMPFS | RAMFS => Kind::Memory,
        OVERLAY => Kind::Layer,
        _ => Kind::Persistent,
    };
    let bytes = |blocks: u64| blocks.saturating_mul(numbers.f_frsize);
    Some(Space { free: bytes(numbers.f_bavail), size: bytes(numbers.f_blocks), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = space(folder.path()).expect("room");
        let below = space(&folder.path().join("some/where")).expect("room");
        assert_eq!((here.size, here.kind), (below.size, below.kind));
        assert!(here.free <= here.size && here.size > 0);
    }

    #[test]
    fn memory_is_told_from_disks() {
        assert_eq!(space(Path::new("/dev/shm")).expect("room").kind, Kind::Memory);
    }
}
