//! Minimal backups for tests.

use std::{fs, path::Path};

use inspection_domain::time::Instant;

use super::{
    checksums,
    layout::{DATABASE, FILES},
    manifest::{BackupFile, DatabaseKind, Manifest, StoredFiles, Verification, VerifiedCounts},
};

/// Parses an instant.
pub(super) fn at(text: &str) -> Instant {
    Instant::parse(text).expect("an instant")
}

/// The manifest of a backup that began at this instant.
pub(super) fn manifest(created_at: Instant) -> Manifest {
    Manifest {
        format: Manifest::FORMAT,
        program: "0.1.0".into(),
        database: DatabaseKind::Sqlite,
        database_version: "3.50.4".into(),
        created_at,
        milliseconds: 1234,
        migrations: vec!["2026-11-23-000001_people".into()],
        tables: [("users".to_owned(), 1)].into(),
        parts: Vec::new(),
        files: StoredFiles::default(),
    }
}

/// Writes a backup with this manifest and two small parts, and gives its name.
pub(super) fn written(parent: &Path, manifest: &Manifest) -> String {
    let at = manifest.created_at.to_string().replace(':', "");
    let name = format!("{}Z-0a1b", at.split('.').next().expect("seconds"));
    let folder = parent.join(&name);
    fs::create_dir(&folder).expect("a folder");
    let mut manifest = manifest.clone();
    for (part, content) in [(DATABASE, "rows"), (FILES, "bytes")] {
        fs::write(folder.join(part), content).expect("written");
        let (size, sha256) = checksums::seal(&folder.join(part)).expect("sealed");
        manifest.parts.push(BackupFile { name: part.into(), size, sha256 });
    }
    manifest.write(&folder).expect("written");
    checksums::write(&folder, &manifest).expect("written");
    name
}

/// Records a successful trial at this instant.
pub(super) fn verified(folder: &Path, at: Instant) {
    let compared = VerifiedCounts { migrations: 1, tables: 1, rows: 1, files: 0, bytes: 0 };
    let program = "0.1.0".into();
    let record = Verification { at, program, database_version: "3.50.4".into(), compared };
    record.write(folder).expect("written");
}
