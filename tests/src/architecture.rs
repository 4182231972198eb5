//! The layers and rooms of the workspace, read from the manifests and the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

mod imports;
mod layers;
mod persistence;
mod planted;
mod prose;
mod readmes;
mod rooms;
pub(crate) mod sources;
mod words;

use sources::SourceFile;

/// The most lines that the sources of the server have.
const MOST_LINES_OF_SERVER: usize = 3_000;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn sources() -> Vec<SourceFile> {
    sources::read(&root(), &["crates", "tests"], "rs")
}

/// The names of the folders below a folder of the workspace.
fn folders(path: &str) -> BTreeSet<String> {
    fs::read_dir(root().join(path))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect()
}

/// The manifests of the crates, by their names.
fn manifests() -> BTreeMap<String, String> {
    let manifest = |name: &String| {
        fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest")
    };
    folders("crates").into_iter().map(|name| (name.clone(), manifest(&name))).collect()
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn every_crate_knows_only_the_layers_below_it() {
    let known = layers::ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders("crates"), known, "each crate has its arrows");
    assert_none(&layers::upward_dependencies(&manifests()));
    assert_none(&layers::upward_imports(&rooms::modules_by_crate(&sources())));
}

#[test]
fn big_libraries_stay_in_their_layer() {
    assert_none(&layers::strayed_libraries(&manifests()));
}

#[test]
fn no_crate_has_a_circle_of_imports() {
    let files = sources();
    let circles: Vec<_> = rooms::modules_by_crate(&files)
        .iter()
        .flat_map(|(name, modules)| rooms::circles(name, &modules.imports()))
        .collect();
    assert_none(&circles);
}

#[test]
fn foundations_know_no_feature() {
    let files = sources();
    let found: Vec<_> = rooms::modules_by_crate(&files)
        .iter()
        .flat_map(|(name, modules)| rooms::features_in_foundations(name, &modules.imports()))
        .collect();
    assert_none(&found);
}

#[test]
fn rows_know_the_database_and_their_own_tables() {
    let files = sources();
    let modules = &rooms::modules_by_crate(&files)["persistence"];
    assert_none(&persistence::features_in_rows(&modules.imports()));
    assert_none(&persistence::foreign_tables(persistence::TABLES, &files, modules));
}

#[test]
fn units_of_work_follow_their_order() {
    let files = sources();
    let modules = &rooms::modules_by_crate(&files)["persistence"];
    assert_none(&persistence::against_the_order(persistence::ORDER, modules));
    let readme = fs::read_to_string(root().join("crates/persistence/README.md")).expect("the README");
    let order = persistence::order_as_list();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&readme).contains(&words(&order)), "the README does not show this order:\n{order}");
}

#[test]
fn no_file_is_long() {
    assert_none(&rooms::long_files(&sources()));
}

#[test]
fn the_server_is_thin() {
    let files = sources();
    let server = rooms::lines_of_crate("server", &files);
    assert!(server <= MOST_LINES_OF_SERVER, "the server has {server} lines");
}

#[test]
fn old_names_are_gone() {
    let documents = sources::read(&root(), &["README.md", "crates", "docker"], "md");
    assert_none(&words::old_names(&[sources(), documents].concat()));
}

#[test]
fn only_the_server_reads_the_environment_and_only_persistence_contains_sql() {
    for file in sources() {
        let Some((name, _)) = file.in_crate() else { continue };
        if !matches!(name, "server" | "testkit") {
            assert!(!file.text.contains("env::var"), "{} reads the environment", file.path);
        }
        if name != "persistence" {
            for word in ["sql_query", "SELECT ", "INSERT INTO", "DELETE FROM"] {
                assert!(!file.text.contains(word), "{} contains SQL", file.path);
            }
        }
    }
}

#[test]
fn the_purpose_of_every_library_is_documented() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let start = manifest.find("[workspace.dependencies]").expect("dependencies");
    let section =
        manifest.get(start..).expect("a section").lines().skip(1).take_while(|line| !line.starts_with('['));
    for line in
        section.filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("inspection-"))
    {
        assert!(line.contains(" # "), "no purpose: {line}");
    }
}

#[test]
fn readmes_name_files_and_functions_that_exist_and_quote_their_code() {
    let sources = sources();
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let words = sources.iter().flat_map(|source| source.text.split(is_separator)).collect();
    for readme in sources::read(&root(), &["README.md", "crates", "docker", "tests"], "md") {
        let folder = root().join(&readme.path).parent().expect("a folder").to_owned();
        let text = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
        let exists = |path: &str| root().join(path).exists() || folder.join(path).exists();
        assert_none(&readmes::missing_paths(&readme.path, &readme.text, exists));
        assert_none(&readmes::broken_links(&readme.path, &readme.text, |link| folder.join(link).exists()));
        assert_none(&readmes::misquoted_lines(&readme.path, &readme.text, text));
        assert_none(&readmes::missing_names(&readme.path, &readme.text, &words));
    }
}

#[test]
fn migrations_are_the_same_steps_on_both_databases() {
    assert_eq!(folders("migrations/postgres"), folders("migrations/sqlite"));
}
