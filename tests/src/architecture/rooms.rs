//! The rooms of a crate: circles of imports, the folders that know no feature, and the sizes of
//! files.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    imports::{Import, Modules},
    sources::SourceFile,
};

/// Folders that features stand on.
const FOUNDATIONS: &[&str] = &["base", "db", "web"];

/// The most lines of a file.
const MOST_LINES: usize = 600;

/// The modules of each crate, by its name.
pub(super) fn modules_by_crate(files: &[SourceFile]) -> BTreeMap<&str, Modules> {
    let mut by_crate: BTreeMap<&str, Vec<(&str, &SourceFile)>> = BTreeMap::new();
    for file in files {
        if let Some((name, path)) = file.in_crate() {
            by_crate.entry(name).or_default().push((path, file));
        }
    }
    by_crate.into_iter().map(|(name, files)| (name, Modules::parse(files))).collect()
}

/// The imports between files, by the files they lead from and to.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>;

/// The circles of imports in one crate: each group of files that reach each other, with the imports
/// between them.
///
/// A module and its children are files like others: a child that imports from its parent, which
/// imports from the child, is a circle.
pub(super) fn circles(crate_name: &str, imports: &BTreeSet<Import>) -> Vec<String> {
    let mut graph = Graph::new();
    for import in imports {
        let (from, to) = (name(&import.from), name(&import.to));
        graph.entry(from).or_default().entry(to).or_insert(import);
    }
    circles_of(crate_name, &graph)
}

/// A file without its extension.
fn name(file: &str) -> &str {
    file.trim_end_matches(".rs")
}

fn circles_of(crate_name: &str, graph: &Graph<'_>) -> Vec<String> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reachable_from(file, graph))).collect();
    let mut circles = BTreeMap::new();
    for (file, reached) in &reachable {
        let reaches_file = |other: &&str| reachable.get(other).is_some_and(|reached| reached.contains(file));
        let circle: BTreeSet<&str> = reached.iter().copied().filter(reaches_file).collect();
        if let Some(first) = circle.first().copied() {
            circles.insert(first, circle);
        }
    }
    let report = |circle: &BTreeSet<&str>| {
        let files: Vec<&str> = circle.iter().copied().collect();
        let mut report = format!("{crate_name}: circle of {}", files.join(", "));
        for from in circle {
            for (to, import) in graph[from].iter().filter(|(to, _)| circle.contains(*to)) {
                report += &format!("\n    {from} → {to}: {} names {}", import.from, import.path);
            }
        }
        report
    };
    circles.values().map(report).collect()
}

fn reachable_from<'a>(start: &'a str, graph: &Graph<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*next) {
                open.push(next);
            }
        }
    }
    found
}

/// Imports of a feature by a folder that features stand on.
pub(super) fn features_in_foundations(crate_name: &str, imports: &BTreeSet<Import>) -> Vec<String> {
    let folder = |file: &str| {
        FOUNDATIONS
            .iter()
            .find(|folder| file == format!("{folder}.rs") || file.starts_with(&format!("{folder}/")))
    };
    imports
        .iter()
        .filter(|import| folder(&import.from).is_some() && folder(&import.to) != folder(&import.from))
        .map(|import| format!("{crate_name}: {} knows {} by {}", import.from, import.to, import.path))
        .collect()
}

/// Files of more lines than may be.
pub(super) fn long_files(files: &[SourceFile]) -> Vec<String> {
    let long =
        files.iter().map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > MOST_LINES);
    long.map(|(file, lines)| format!("{}: {lines} lines, more than {MOST_LINES}", file.path)).collect()
}

/// The lines of the sources of a crate, without its tests.
pub(super) fn lines_of_crate(name: &str, files: &[SourceFile]) -> usize {
    let own = files.iter().filter(|file| file.in_crate().is_some_and(|(of, _)| of == name));
    own.map(|file| file.text.lines().count()).sum()
}
