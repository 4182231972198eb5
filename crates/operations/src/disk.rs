//! Free space of a folder's file system, and whether its content outlives the machine.

use std::path::{Path, PathBuf};

/// A folder that can run full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Short name, such as `uploads`.
    pub name: &'static str,
    /// Path; need not exist yet.
    pub path: PathBuf,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user can still write.
    pub free: u64,
    /// Size in bytes.
    pub size: u64,
    /// Lifetime of the content.
    pub lifetime: Lifetime,
}

/// The lifetime of the content of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// A disk or a volume.
    Persistent,
    /// The writable layer of a container, which is removed with the container.
    ContainerLayer,
    /// Memory.
    Memory,
}

/// Magic numbers of Linux file systems (`statfs(2)`).
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
const OVERLAY: i64 = 0x794c_7630;

/// The file system of a folder, or of its nearest existing parent.
pub fn space(folder: &Path) -> Option<Space> {
    let folder = std::path::absolute(folder).ok()?;
    let existing = folder.ancestors().find(|folder| folder.exists())?;
    let numbers = rustix::fs::statvfs(existing).ok()?;
    let lifetime = match rustix::fs::statfs(existing).ok()?.f_type {
        TMPFS | RAMFS => Lifetime::Memory,
        OVERLAY => Lifetime::ContainerLayer,
        _ => Lifetime::Persistent,
    };
    let bytes = |blocks: u64| blocks.saturating_mul(numbers.f_frsize);
    Some(Space { free: bytes(numbers.f_bavail), size: bytes(numbers.f_blocks), lifetime })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_has_the_space_of_its_nearest_parent() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = space(folder.path()).expect("space");
        let below = space(&folder.path().join("some/where")).expect("space");
        assert_eq!((here.size, here.lifetime), (below.size, below.lifetime));
        assert!(here.free <= here.size && here.size > 0);
    }

    #[test]
    fn memory_is_distinguished_from_disks() {
        assert_eq!(space(Path::new("/dev/shm")).expect("space").lifetime, Lifetime::Memory);
    }
}
