//! Backups of next to nothing, for tests.

use std::{fs, path::Path};

use inspection_domain::time::Instant;

use super::{Compared, DATABASE, FILES, Files, Kind, Manifest, Part, Verified, sums, write_sums};

/// An instant.
pub(crate) fn at(text: &str) -> Instant {
    Instant::parse(text).expect("an instant")
}

/// The manifest of a backup that was begun at this instant.
pub(crate) fn manifest(created_at: Instant) -> Manifest {
    Manifest {
        format: Manifest::FORMAT,
        program: "0.1.0".into(),
        database: Kind::Sqlite,
        database_version: "3.50.4".into(),
        created_at,
        milliseconds: 1234,
        migrations: vec!["2026-11-23-000001_people".into()],
        tables: [("users".to_owned(), 1)].into(),
        parts: Vec::new(),
        files: Files::default(),
    }
}

/// Writes a backup with this manifest and two small parts. Gives its name.
pub(crate) fn written(parent: &Path, manifest: &Manifest) -> String {
    let at = manifest.created_at.to_string().replace(':', "");
    let name = format!("{}Z-0a1b", at.split('.').next().expect("seconds"));
    let folder = parent.join(&name);
    fs::create_dir(&folder).expect("a folder");
    let mut manifest = manifest.clone();
    for (part, content) in [(DATABASE, "rows"), (FILES, "bytes")] {
        fs::write(folder.join(part), content).expect("written");
        let (size, sha256) = sums::seal(&folder.join(part)).expect("sealed");
        manifest.parts.push(Part { name: part.into(), size, sha256 });
    }
    manifest.write(&folder).expect("written");
    write_sums(&folder, &manifest).expect("written");
    name
}

/// Notes that a backup was tried at this instant, and was whole.
pub(crate) fn verified(folder: &Path, at: Instant) {
    let compared = Compared { migrations: 1, tables: 1, rows: 1, files: 0, bytes: 0 };
    let verified = Verified { at, program: "0.1.0".into(), database_version: "3.50.4".into(), compared };
    verified.write(folder).expect("written");
}
