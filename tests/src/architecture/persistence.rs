//! The rooms of persistence: the order of its units of work, and the tables of its rows.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::Item;

use super::{
    imports::{Import, Modules},
    sources::SourceFile,
};

/// Files without `.rs`, by level.
pub(super) type Order<'a> = &'a [&'a [&'a str]];

/// Tables by feature.
pub(super) type Tables<'a> = &'a [(&'a str, &'a [&'a str])];

/// The order of the files with units of work, from the bottom up. A file imports from lower levels,
/// and from files of its own feature in the same level. Every `rows.rs` is below all of them.
pub(super) const ORDER: Order<'_> = &[
    &[
        "audit",
        "changes",
        "directory",
        "holidays",
        "idempotency",
        "leaderboards",
        "notifications",
        "outbox",
        "points",
        "roster",
        "schedules",
        "sessions",
        "sync",
    ],
    &["bonus_stars", "files", "ratings", "routines", "translations", "users", "users/open_work"],
    &["checklists", "daily_lists", "defects", "equipment"],
    &["assignments", "assignments/notices", "jobs/acting", "jobs/work"],
    &["assessments", "defect_assessments", "pauses", "quality_reviews"],
    &["takeovers"],
    &[
        "inspections",
        "inspections/answers",
        "inspections/handing_in",
        "inspections/records",
        "inspections/withdrawing",
        "jobs",
        "jobs/assigning",
        "jobs/done",
        "jobs/rating",
        "jobs/settling",
        "jobs/timer",
    ],
    &["leaves"],
    &[
        "invariants",
        "invariants/daily_lists",
        "invariants/defects",
        "invariants/inspecting",
        "invariants/jobs",
        "invariants/leaves",
        "invariants/marks",
        "invariants/people",
        "invariants/plant",
        "invariants/query",
        "invariants/records",
    ],
    &["equipment/registry", "reports", "tasks", "versions"],
];

/// The tables of each `rows.rs`, by its feature.
pub(super) const TABLES: Tables<'_> = &[
    ("assessments", &["final_assessments"]),
    ("assignments", &["inspection_assignments"]),
    ("bonus_stars", &["bonus_stars"]),
    ("checklists", &["checklist_items", "checklist_revisions", "checklist_templates"]),
    ("daily_lists", &["inspection_lists"]),
    ("defect_assessments", &["defect_assessments"]),
    ("defects", &["defect_occurrences", "defects"]),
    ("equipment", &["equipment", "equipment_status_changes"]),
    ("files", &["evidence", "files"]),
    ("holidays", &["holidays"]),
    ("inspections", &["inspections"]),
    ("jobs", &["job_cleanings", "job_interventions", "job_reminders", "jobs"]),
    ("leaves", &["leaves"]),
    ("pauses", &["job_pauses"]),
    ("quality_reviews", &["quality_reviews"]),
    ("ratings", &["inspection_ratings"]),
    ("roster", &["roster_entries"]),
    ("routines", &["inspection_routines", "routine_asset_types"]),
    ("schedules", &["equipment_schedules"]),
    ("takeovers", &["takeovers"]),
    ("users", &["badges", "users"]),
];

fn is_rows(file: &str) -> bool {
    file.ends_with("/rows.rs")
}

/// Whether a file belongs to a feature and may have units of work.
fn is_unit(file: &str) -> bool {
    !is_rows(file) && file != "lib.rs" && file != "db.rs" && !file.starts_with("db/")
}

/// The level of a file, and its feature.
fn place<'a>(order: Order<'_>, file: &'a str) -> (Option<usize>, &'a str) {
    let name = file.trim_end_matches(".rs");
    let level = order.iter().position(|files| files.contains(&name));
    (level, name.split('/').next().unwrap_or(name))
}

/// Files with units of work without a level, levels of absent files, and imports that don't lead
/// downward.
pub(super) fn against_the_order(order: Order<'_>, modules: &Modules) -> Vec<String> {
    let files: BTreeSet<&str> = modules.files().into_iter().filter(|file| is_unit(file)).collect();
    let mut found: Vec<String> = files
        .iter()
        .filter(|file| place(order, file).0.is_none())
        .map(|file| format!("persistence: {file} has no level in the order of units of work"))
        .collect();
    let absent =
        order.iter().copied().flatten().filter(|name| !files.contains(format!("{name}.rs").as_str()));
    found.extend(absent.map(|name| format!("persistence: {name} has a level and no file")));
    let imports = modules.imports();
    let pairs: BTreeSet<(&str, &str)> = imports
        .iter()
        .map(|import| (import.from.as_str(), import.to.as_str()))
        .filter(|(from, to)| is_unit(from) && is_unit(to))
        .collect();
    for (from, to) in pairs {
        if let ((Some(level), feature), (Some(below), other)) = (place(order, from), place(order, to))
            && (below > level || below == level && feature != other)
        {
            found.push(format!("persistence: {from} imports {to} against the order"));
        }
    }
    found
}

/// The order as a numbered list in Markdown.
pub(super) fn order_as_list() -> String {
    let lines = ORDER.iter().zip(1..).map(|(files, level)| format!("{level}. `{}`\n", files.join("`, `")));
    lines.collect()
}

/// Imports of a `rows.rs` from anywhere but `db`.
pub(super) fn features_in_rows(imports: &BTreeSet<Import>) -> Vec<String> {
    imports
        .iter()
        .filter(|import| is_rows(&import.from) && !import.to.starts_with("db"))
        .map(|import| format!("persistence: {} knows {} by {}", import.from, import.to, import.path))
        .collect()
}

/// The tables that the domain declares.
fn declared_tables(files: &[SourceFile]) -> BTreeSet<String> {
    let schema = files.iter().filter(|file| file.path.starts_with("crates/domain/src/schema/"));
    let mut tables = BTreeSet::new();
    for file in schema {
        let syntax = syn::parse_file(&file.text);
        for item in syntax.unwrap_or_else(|error| panic!("{}: {error}", file.path)).items {
            if let Item::Macro(item) = item
                && item.mac.path.segments.last().is_some_and(|name| name.ident == "table")
            {
                let tokens: Vec<_> = item.mac.tokens.into_iter().collect();
                tables.extend(tokens.windows(2).find_map(|pair| match pair {
                    [TokenTree::Ident(name), TokenTree::Group(_)] => Some(name.to_string()),
                    _ => None,
                }));
            }
        }
    }
    tables
}

/// Foreign tables that a `rows.rs` names, files without tables, and tables that are listed twice or
/// not declared.
pub(super) fn foreign_tables(tables: Tables<'_>, files: &[SourceFile], modules: &Modules) -> Vec<String> {
    let declared = declared_tables(files);
    let mut found = Vec::new();
    let mut listed = BTreeSet::new();
    for table in tables.iter().flat_map(|(_, own)| *own) {
        if !declared.contains(*table) {
            found.push(format!("persistence: the table {table} is listed and not declared"));
        }
        if !listed.insert(table) {
            found.push(format!("persistence: the table {table} is listed twice"));
        }
    }
    let rows: BTreeSet<&str> = modules.files().into_iter().filter(|file| is_rows(file)).collect();
    let absent = tables.iter().filter(|(feature, _)| !rows.contains(format!("{feature}/rows.rs").as_str()));
    found.extend(absent.map(|(feature, _)| format!("persistence: {feature} has tables and no rows.rs")));
    for path in rows {
        let feature = path.trim_end_matches("/rows.rs");
        let Some((_, own)) = tables.iter().find(|(of, _)| *of == feature) else {
            found.push(format!("persistence: {path} has no tables listed"));
            continue;
        };
        for segments in modules.paths_of(path) {
            let Some(at) = segments.iter().position(|name| name == "schema") else { continue };
            match segments.get(at + 1).map(String::as_str) {
                Some(table) if own.contains(&table) => {}
                Some(table) => found.push(format!("persistence: {path} names the foreign table {table}")),
                None => found.push(format!("persistence: {path} names the whole schema")),
            }
        }
    }
    found
}
