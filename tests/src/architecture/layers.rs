//! The layers: which crate may use which, and the layer of each big library.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Modules;

/// The crates that each crate may use.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("auth", &["domain"]),
    ("persistence", &["domain"]),
    ("storage", &["domain"]),
    ("documents", &[]),
    ("http", &["domain", "auth", "persistence", "storage", "documents"]),
    ("scheduler", &["domain", "auth", "persistence", "storage"]),
    ("demo", &["domain", "auth", "persistence", "storage"]),
    ("operations", &["domain", "auth", "persistence", "storage", "scheduler", "http"]),
    ("server", &["domain", "auth", "persistence", "storage", "scheduler", "http", "demo", "operations"]),
    ("testkit", &["domain", "auth", "persistence", "storage"]),
];

/// Libraries and the crates that may use them. The test kit compares rows with `diesel`, without
/// the code of persistence that it tests.
const HOMES: &[(&str, &[&str])] = &[
    ("diesel", &["persistence", "testkit"]),
    ("diesel_migrations", &["persistence"]),
    ("actix-web", &["http"]),
    ("apalis", &["scheduler"]),
];

/// The dependencies of a crate, without those of its tests.
pub(super) fn dependencies(manifest: &str) -> BTreeSet<String> {
    fn below(table: &toml::Table, found: &mut BTreeSet<String>) {
        for name in ["dependencies", "build-dependencies"] {
            if let Some(dependencies) = table.get(name).and_then(toml::Value::as_table) {
                found.extend(dependencies.keys().cloned());
            }
        }
    }
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let mut found = BTreeSet::new();
    below(&manifest, &mut found);
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table) {
        below(target, &mut found);
    }
    found
}

fn is_crate(name: &str) -> bool {
    ARROWS.iter().any(|(of, _)| *of == name)
}

fn may_know(name: &str, layer: &str) -> bool {
    ARROWS.iter().any(|(of, allowed)| *of == name && allowed.contains(&layer))
}

/// Dependencies in the manifests of the crates, by their names, on a crate that is not below.
pub(super) fn upward_dependencies(manifests: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, manifest) in manifests {
        for dependency in dependencies(manifest) {
            if let Some(layer) = dependency.strip_prefix("inspection-")
                && !may_know(name, layer)
            {
                found.push(format!("{name} depends on {layer}"));
            }
        }
    }
    found
}

/// Paths in the sources of the crates, by their names, to a crate that is not below.
pub(super) fn upward_imports(modules: &BTreeMap<&str, Modules>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, modules) in modules {
        for (file, layer) in modules.workspace_names() {
            // Some tables have the same prefix as the crates.
            if is_crate(&layer) && layer != *name && !may_know(name, &layer) {
                found.push(format!("{name}: {file} names {layer}"));
            }
        }
    }
    found
}

/// Dependencies on a library outside of its crates. The domain may have `diesel` if it is optional.
pub(super) fn strayed_libraries(manifests: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, manifest) in manifests {
        let dependencies = dependencies(manifest);
        for (library, homes) in HOMES {
            let is_derive = *library == "diesel" && name == "domain" && is_optional(manifest, library);
            if !homes.contains(&name.as_str()) && dependencies.contains(*library) && !is_derive {
                found.push(format!("{name} depends on {library}, which belongs to {homes:?}"));
            }
        }
    }
    found
}

fn is_optional(manifest: &str, library: &str) -> bool {
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let dependency = manifest.get("dependencies").and_then(|dependencies| dependencies.get(library));
    dependency.and_then(|dependency| dependency.get("optional")).and_then(toml::Value::as_bool) == Some(true)
}
