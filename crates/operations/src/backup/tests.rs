use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{
    integrity::read_and_compare,
    layout::{DATABASE, FILES, MANIFEST, SUMS},
    testing::{at, manifest, verified, written},
    *,
};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_newest_and_the_one_verified_last_are_found() {
    let parent = folder();
    assert!(newest(&parent.path().join("nowhere")).expect("no folder is no failure").is_none());
    let [old, new] = ["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]
        .map(|begun| written(parent.path(), &manifest(at(begun))));
    for no_backup in [".partial-2026-11-03T000000Z-0a1b", "2026-11-03", "lost+found"] {
        fs::create_dir(parent.path().join(no_backup)).expect("a folder");
    }
    let found = newest(parent.path()).expect("read").expect("one");
    assert_eq!((&found.name, found.created_at, found.verified_at), (&new, at("2026-11-02T00:00:00Z"), None));
    assert_eq!((found.bytes, found.milliseconds), (9, 1234));
    assert_eq!(newest_verified(parent.path()).expect("read"), None);

    verified(&parent.path().join(&old), at("2026-11-05T00:00:00Z"));
    verified(&parent.path().join(&old), at("2026-11-06T00:00:00Z"));
    let found = newest_verified(parent.path()).expect("read").expect("one");
    assert_eq!((found.name, found.verified_at), (old, Some(at("2026-11-06T00:00:00Z"))));
}

#[test]
fn an_unreadable_backup_is_listed_as_such_and_hides_no_other() {
    let parent = folder();
    let fine = written(parent.path(), &manifest(at("2026-11-01T00:00:00Z")));
    let empty = "2026-11-02T000000Z-0a1b";
    fs::create_dir(parent.path().join(empty)).expect("a folder");
    let listed = list(parent.path()).expect("read");
    assert_eq!(listed.backups.iter().map(|one| &one.name).collect::<Vec<_>>(), [&fine]);
    assert_eq!(listed.unreadable.iter().map(|(name, _)| name).collect::<Vec<_>>(), [empty]);
    assert_eq!(newest(parent.path()).expect("read").expect("one").name, fine);
}

fn backup() -> (TempDir, PathBuf) {
    let parent = folder();
    let name = written(parent.path(), &manifest(at("2026-11-01T00:00:00Z")));
    let path = parent.path().join(name);
    (parent, path)
}

#[test]
fn a_changed_byte_is_found_in_every_part() {
    let (_parent, path) = backup();
    let mut bytes = 0;
    read_and_compare(&path, |read| bytes += read).expect("intact");
    assert!(bytes > 9);
    for name in [DATABASE, FILES, MANIFEST, SUMS] {
        let file = path.join(name);
        let good = fs::read(&file).expect("read");
        for position in [0, good.len() / 2, good.len() - 2] {
            let mut bad = good.clone();
            *bad.get_mut(position).expect("a byte") ^= 1;
            fs::write(&file, &bad).expect("written");
            assert!(read_and_compare(&path, |_| {}).is_err(), "{name}, byte {position}");
        }
        fs::write(&file, good.get(..good.len() - 1).expect("a beginning")).expect("written");
        assert!(name == SUMS || read_and_compare(&path, |_| {}).is_err(), "{name}, cut off");
        fs::remove_file(&file).expect("removed");
        let report = read_and_compare(&path, |_| {}).expect_err("missing").report();
        assert!(report.contains(name), "{report}");
        fs::write(&file, &good).expect("written");
        read_and_compare(&path, |_| {}).expect("intact again");
    }
}

#[test]
fn a_newer_format_is_reported_as_such() {
    let parent = folder();
    let newer = Manifest { format: Manifest::FORMAT + 1, ..manifest(at("2026-11-01T00:00:00Z")) };
    let name = written(parent.path(), &newer);
    let report = read_and_compare(&parent.path().join(&name), |_| {}).expect_err("newer").to_string();
    assert!(report.contains("newer version"), "{report}");
    let listed = list(parent.path()).expect("read");
    assert!(
        listed
            .unreadable
            .iter()
            .any(|(unreadable, reason)| *unreadable == name && reason.contains("newer version"))
    );
}
