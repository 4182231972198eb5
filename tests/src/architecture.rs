//! The layers: which crate may use which, and where the outside world may be touched.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The dependencies of a crate, without those of its tests.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest =
        fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest");
    let mut section = "";
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && !line.starts_with('#')
            && let Some((dependency, _)) = line.split_once(['.', '=', ' '])
        {
            found.insert(dependency.to_owned());
        }
    }
    found
}

/// Which of the layers each crate may know.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("auth", &["domain"]),
    ("persistence", &["domain"]),
    ("storage", &["domain"]),
    ("http", &["domain", "auth", "persistence", "storage"]),
    ("scheduler", &["domain", "auth", "persistence", "storage"]),
    ("operations", &["domain", "auth", "persistence", "storage", "http", "scheduler"]),
    ("demo", &["domain", "auth", "persistence", "storage"]),
    (
        "server",
        &["domain", "auth", "persistence", "storage", "http", "scheduler", "operations", "demo"],
    ),
    ("testkit", &["domain", "auth", "persistence", "storage"]),
];

#[test]
fn every_crate_knows_only_the_layers_below_it() {
    let crates: BTreeSet<String> = fs::read_dir(root().join("crates"))
        .expect("crates")
        .map(|entry| entry.expect("a folder").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(crates, ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name) {
            if let Some(layer) = dependency.strip_prefix("inspection-") {
                assert!(allowed.contains(&layer), "{name} may not know {layer}");
            }
        }
    }
}

#[test]
fn big_libraries_stay_in_their_layer() {
    for (name, _) in ARROWS {
        for (library, home) in [
            ("diesel", "persistence"),
            ("diesel_migrations", "persistence"),
            ("actix-web", "http"),
            ("apalis", "scheduler"),
        ] {
            let optional = library == "diesel" && *name == "domain";
            assert!(
                *name == home || optional || !dependencies(name).contains(library),
                "{name} may not use {library}"
            );
        }
    }
    let domain = fs::read_to_string(root().join("crates/domain/Cargo.toml")).expect("a manifest");
    assert!(
        domain.contains("diesel = { workspace = true, optional = true"),
        "the domain builds without a database"
    );
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn only_the_server_reads_the_environment_and_only_persistence_writes_sql() {
    for (name, _) in ARROWS {
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a source");
            let shown = file.display();
            if !matches!(*name, "server" | "testkit") {
                assert!(!text.contains("env::var"), "{shown} reads the environment");
            }
            if *name != "persistence" {
                for word in ["sql_query", "SELECT ", "INSERT INTO", "DELETE FROM"] {
                    assert!(!text.contains(word), "{shown} contains SQL");
                }
            }
        }
    }
}

#[test]
fn every_library_is_said_what_it_is_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let start = manifest.find("[workspace.dependencies]").expect("dependencies");
    let section =
        manifest.get(start..).expect("a section").lines().skip(1).take_while(|line| !line.starts_with('['));
    for line in
        section.filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("inspection-"))
    {
        assert!(line.contains(" # "), "what is this for? {line}");
    }
}

#[test]
fn migrations_are_the_same_steps_on_both_databases() {
    let names = |database: &str| -> BTreeSet<String> {
        fs::read_dir(root().join("migrations").join(database))
            .expect("migrations")
            .map(|entry| entry.expect("a folder").file_name().into_string().expect("a name"))
            .collect()
    };
    assert_eq!(names("postgres"), names("sqlite"));
}
