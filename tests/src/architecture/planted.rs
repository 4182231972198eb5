//! Each check finds a violation that is put in, and nothing in sources without one.

use std::collections::BTreeMap;

use super::{
    layers,
    persistence::{self, Order, Tables},
    readmes, rooms,
    sources::SourceFile,
    words,
};

/// The order of units of work in the files below.
const ORDER: Order<'_> = &[&["users"], &["defects"], &["jobs", "jobs/done"]];

/// The tables of rows in the files below.
const TABLES: Tables<'_> = &[("defects", &["defects"]), ("jobs", &["job_pauses", "jobs"])];

/// Files of a small workspace without violations.
fn clean() -> Vec<SourceFile> {
    vec![
        SourceFile::new(
            "crates/persistence/src/lib.rs",
            "#[macro_use] mod db; pub mod defects; pub mod jobs; pub mod users; pub use db::tx::Tx;",
        ),
        SourceFile::new("crates/persistence/src/db.rs", "pub(crate) mod connection; pub(crate) mod tx;"),
        SourceFile::new(
            "crates/persistence/src/db/connection.rs",
            "macro_rules! with_conn { ($c:ident) => { $c } }",
        ),
        SourceFile::new("crates/persistence/src/db/tx.rs", "use super::connection; pub struct Tx;"),
        SourceFile::new(
            "crates/persistence/src/defects.rs",
            "pub(crate) mod rows; use crate::{Tx, users}; use inspection_domain::defects::Defect;
             pub fn close(tx: &mut Tx) -> Defect { rows::lock(tx, users::get(tx)) }",
        ),
        SourceFile::new(
            "crates/persistence/src/defects/rows.rs",
            "use inspection_domain::schema::defects; use crate::db::tx::Tx; pub(crate) fn lock(tx: &mut Tx) {}",
        ),
        SourceFile::new(
            "crates/persistence/src/jobs.rs",
            "mod done; pub(crate) mod rows; pub use done::complete;
             pub fn start() { with_conn!(c, |c| crate::defects::close(c)); }
             #[cfg(test)] mod tests { use crate::reports; }",
        ),
        SourceFile::new("crates/persistence/src/jobs/done.rs", "use super::rows; pub fn complete() {}"),
        SourceFile::new(
            "crates/persistence/src/jobs/rows.rs",
            "use inspection_domain::schema::{job_pauses, jobs};",
        ),
        SourceFile::new("crates/persistence/src/users.rs", "pub fn get() { std::mem::drop(1); }"),
        SourceFile::new(
            "crates/domain/src/schema/records.rs",
            "diesel::table! { defects (id) { id -> BigInt, } } diesel::table! { jobs (id) { id -> BigInt, } }
             diesel::table! { #[doc = \"Pauses.\"] job_pauses (id) { id -> BigInt, } }
             diesel::table! { sessions (id) { id -> BigInt, } }",
        ),
        SourceFile::new(
            "crates/http/src/lib.rs",
            "mod defects; mod web; pub use web::app::App; pub fn routes() { defects::routes(); }",
        ),
        SourceFile::new("crates/http/src/web.rs", "pub(crate) mod app; pub(crate) mod reply;"),
        SourceFile::new("crates/http/src/web/app.rs", "use inspection_persistence::Tx; pub struct App;"),
        SourceFile::new("crates/http/src/web/reply.rs", "use crate::web::app::App;"),
        SourceFile::new(
            "crates/http/src/defects.rs",
            "mod views; use crate::App; use views::View; pub(crate) fn routes() {} pub(crate) struct Body;",
        ),
        SourceFile::new("crates/http/src/defects/views.rs", "pub(crate) struct View;"),
    ]
}

/// The files with a line more in one of them.
fn with(path: &str, line: &str) -> Vec<SourceFile> {
    let mut files = clean();
    let file = files.iter_mut().find(|file| file.path == path).expect("a file of that path");
    file.text = format!("{}\n{line}", file.text);
    files
}

fn all_violations(files: &[SourceFile]) -> Vec<String> {
    let modules = rooms::modules_by_crate(files);
    let mut found = [
        layers::upward_imports(&modules),
        persistence::features_in_rows(&modules["persistence"].imports()),
        persistence::foreign_tables(TABLES, files, &modules["persistence"]),
        rooms::long_files(files),
        words::old_names(files),
    ]
    .concat();
    for (name, modules) in &modules {
        found.extend(rooms::circles(name, &modules.imports()));
        found.extend(rooms::features_in_foundations(name, &modules.imports()));
    }
    found
}

/// The first line of the only violation.
fn only_violation(files: &[SourceFile]) -> String {
    let found = all_violations(files);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].lines().next().expect("a line").to_owned()
}

#[test]
fn a_clean_workspace_has_no_violation() {
    let files = clean();
    assert_eq!(all_violations(&files), Vec::<String>::new());
    let modules = &rooms::modules_by_crate(&files)["persistence"];
    assert_eq!(persistence::against_the_order(ORDER, modules), Vec::<String>::new());
}

#[test]
fn a_circle_of_features_is_found_however_it_is_written() {
    for line in [
        "use crate::jobs;",
        "use super::jobs::start;",
        "use {std::fmt, crate::{Tx, jobs as work}};",
        "pub(crate) use crate::jobs::start;",
        "fn find() { crate::jobs::start() }",
        "fn find(job: crate::jobs::Job) {}",
        "fn find() { with_conn!(c, |c| { [crate::jobs::start(c)] }) }",
        "fn find() { use crate::jobs::start; }",
        "mod inner { use super::super::jobs::start; }",
        "#[derive_with(crate::jobs::Start)] struct Row;",
    ] {
        let found =
            only_violation(&with("crates/persistence/src/users.rs", &line.replace("jobs", "defects")));
        assert_eq!(found, "persistence: circle of defects, users", "{line}");
        let found = only_violation(&with("crates/persistence/src/defects.rs", line));
        assert_eq!(found, "persistence: circle of defects, jobs", "{line}");
    }
}

#[test]
fn a_circle_through_three_features_and_a_reexport_is_found() {
    let mut files = with("crates/persistence/src/users.rs", "use crate::start;");
    files[0].text += " pub use jobs::start;";
    files[6].text += " pub fn start_job() {}";
    assert_eq!(only_violation(&files), "persistence: circle of defects, jobs, users");
}

#[test]
fn a_circle_with_the_root_or_a_folder_of_a_feature_is_found() {
    let found = only_violation(&with("crates/http/src/defects.rs", "use crate::routes as all;"));
    assert_eq!(found, "http: circle of defects, lib");
    let found = only_violation(&with("crates/http/src/web/app.rs", "use super::reply;"));
    assert_eq!(found, "http: circle of web/app, web/reply");
    let mut files = with("crates/http/src/defects.rs", "mod inputs;");
    files.push(SourceFile::new("crates/http/src/defects/inputs.rs", "use super::views::View;"));
    assert_eq!(all_violations(&files), Vec::<String>::new());
    files.iter_mut().find(|file| file.path.ends_with("views.rs")).expect("the views").text +=
        "use super::inputs;";
    assert_eq!(only_violation(&files), "http: circle of defects/inputs, defects/views");
}

#[test]
fn a_circle_of_a_module_and_its_child_is_found_in_every_crate() {
    for path in ["crates/http/src/defects/views.rs", "crates/persistence/src/defects/views.rs"] {
        let crate_name = if path.contains("http") { "http" } else { "persistence" };
        let parent = path.replace("/views.rs", ".rs");
        for (in_parent, in_child, is_circle) in [
            ("mod inputs; use inputs::Input;", "use super::Body;", true),
            ("mod inputs; pub use inputs::Input;", "use super::Body;", true),
            ("mod inputs; pub(crate) use inputs::*;", "use crate::defects::*;", true),
            ("mod inputs; fn read() { inputs::read() }", "impl Input { fn body() -> super::Body {} }", true),
            ("mod inputs;", "use super::Body;", false),
            ("mod inputs; use inputs::Input;", "", false),
            ("mod inputs; use inputs::Input;", "#[cfg(test)] mod tests { use crate::defects::Body; }", false),
            ("#[cfg(test)] use inputs::Input; mod inputs;", "use super::Body;", false),
        ] {
            let mut files = with(&parent, &format!("{in_parent} pub struct Body;"));
            let child = format!("{in_child} pub struct Input; pub fn read() {{}}");
            files.push(SourceFile::new(&path.replace("views", "inputs"), child));
            let circle = format!("{crate_name}: circle of defects, defects/inputs");
            let found = all_violations(&files);
            let first_lines: Vec<_> = found.iter().map(|found| found.lines().next()).collect();
            let expected = if is_circle { vec![Some(circle.as_str())] } else { Vec::new() };
            assert_eq!(first_lines, expected, "{parent}: {in_parent} {in_child}");
        }
    }
}

#[test]
fn what_is_no_import_is_no_circle() {
    for line in [
        "#[cfg(test)] mod tests { use crate::jobs::start; }",
        "#[cfg(test)] use crate::jobs::start;",
        "/// See [`crate::jobs::start`]. `use crate::jobs;`\nconst TEXT: &str = \"use crate::jobs;\";",
        "// use crate::jobs;",
        "pub(in crate::defects) struct Row;",
        "use serde::jobs;",
    ] {
        let found = all_violations(&with("crates/persistence/src/defects.rs", line));
        assert_eq!(found, Vec::<String>::new(), "{line}");
    }
}

#[test]
fn an_arrow_upward_is_found_in_sources_and_in_manifests() {
    let found = only_violation(&with("crates/persistence/src/users.rs", "use inspection_http::App;"));
    assert_eq!(found, "persistence: users.rs names http");
    let found =
        only_violation(&with("crates/http/src/web/reply.rs", "type A = inspection_scheduler::Background;"));
    assert_eq!(found, "http: web/reply.rs names scheduler");

    let manifest = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
    for (name, text, upward) in [
        ("auth", "[dependencies]\ninspection-domain.workspace = true", None),
        ("auth", "[dev-dependencies]\ninspection-testkit.workspace = true", None),
        ("auth", "[dependencies]\ninspection-http = { workspace = true }", Some("auth depends on http")),
        ("http", "[dependencies.inspection-scheduler]\nworkspace = true", Some("http depends on scheduler")),
        (
            "domain",
            "[target.'cfg(unix)'.dependencies]\ninspection-auth.workspace = true",
            Some("domain depends on auth"),
        ),
        ("http", "[build-dependencies]\ninspection-server.workspace = true", Some("http depends on server")),
    ] {
        let found = layers::upward_dependencies(&manifest(name, text));
        assert_eq!(found.first().map(String::as_str), upward, "{text}");
    }
    for (name, text, strayed) in [
        ("domain", "[dependencies]\ndiesel = { workspace = true, optional = true }", 0),
        ("domain", "[dependencies]\ndiesel.workspace = true", 1),
        ("http", "[dependencies]\nactix-web.workspace = true", 0),
        ("server", "[dependencies]\nactix-web.workspace = true\napalis.workspace = true", 2),
    ] {
        assert_eq!(layers::strayed_libraries(&manifest(name, text)).len(), strayed, "{text}");
    }
}

#[test]
fn a_foundation_that_knows_a_feature_is_found() {
    let found = only_violation(&with("crates/persistence/src/db/connection.rs", "use crate::users;"));
    assert_eq!(found, "persistence: db/connection.rs knows users.rs by crate::users");
    let macros = "macro_rules! own { () => { $crate::users::get() } }";
    let found = only_violation(&with("crates/persistence/src/db/tx.rs", macros));
    assert_eq!(found, "persistence: db/tx.rs knows users.rs by crate::users::get");
}

#[test]
fn another_feature_and_a_foreign_table_in_rows_are_found() {
    let found = all_violations(&with("crates/persistence/src/defects/rows.rs", "use crate::users;"));
    assert_eq!(found, ["persistence: defects/rows.rs knows users.rs by crate::users"]);
    for line in [
        "use inspection_domain::schema::jobs;",
        "use inspection_domain::schema::{jobs as tasks};",
        "fn all() { inspection_domain::schema::jobs::table }",
    ] {
        let found = only_violation(&with("crates/persistence/src/defects/rows.rs", line));
        assert_eq!(found, "persistence: defects/rows.rs names the foreign table jobs", "{line}");
    }
    // A table that no other file names.
    let line = "use inspection_domain::schema::sessions;";
    let found = only_violation(&with("crates/persistence/src/jobs/rows.rs", line));
    assert_eq!(found, "persistence: jobs/rows.rs names the foreign table sessions");
    for line in ["use inspection_domain::schema;", "use inspection_domain::schema::*;"] {
        let found = only_violation(&with("crates/persistence/src/jobs/rows.rs", line));
        assert_eq!(found, "persistence: jobs/rows.rs names the whole schema", "{line}");
    }
}

#[test]
fn a_gap_in_the_list_of_tables_is_found() {
    let mut files = clean();
    files.push(SourceFile::new("crates/persistence/src/users/rows.rs", ""));
    assert_eq!(only_violation(&files), "persistence: users/rows.rs has no tables listed");
    let files = clean();
    let modules = &rooms::modules_by_crate(&files)["persistence"];
    let cases: [(Tables<'_>, &str); 4] = [
        (
            &[("defects", &["defects"]), ("jobs", &["jobs"])],
            "jobs/rows.rs names the foreign table job_pauses",
        ),
        (&[TABLES[0], TABLES[1], ("users", &[])], "users has tables and no rows.rs"),
        (&[("defects", &["defects", "faults"]), TABLES[1]], "the table faults is listed and not declared"),
        (&[("defects", &["defects", "jobs"]), TABLES[1]], "the table jobs is listed twice"),
    ];
    for (tables, expected) in cases {
        let found = persistence::foreign_tables(tables, &files, modules);
        assert_eq!(found, [format!("persistence: {expected}")]);
    }
}

#[test]
fn an_import_against_the_order_is_found() {
    let done = "crates/persistence/src/jobs/done.rs";
    for line in ["use crate::{defects, users};", "use crate::defects::rows;"] {
        assert_eq!(all_violations(&with(done, line)), Vec::<String>::new(), "{line}");
    }
    let files = with(done, "use crate::users;");
    let modules = &rooms::modules_by_crate(&files)["persistence"];
    let cases: [(Order<'_>, &str); 5] = [
        (&[&["defects", "users"], &["jobs", "jobs/done"]], "defects.rs imports users.rs against the order"),
        (
            &[&["defects"], &["users"], &["jobs", "jobs/done"]],
            "defects.rs imports users.rs against the order",
        ),
        (
            &[&["users"], &["defects"], &["jobs"], &["jobs/done"]],
            "jobs.rs imports jobs/done.rs against the order",
        ),
        (&[&["users"], &["defects"], &["jobs"]], "jobs/done.rs has no level in the order of units of work"),
        (&[ORDER[0], ORDER[1], ORDER[2], &["sync"]], "sync has a level and no file"),
    ];
    for (order, expected) in cases {
        let found = persistence::against_the_order(order, modules);
        assert_eq!(found, [format!("persistence: {expected}")]);
    }
}

#[test]
fn a_file_of_601_lines_is_found() {
    let lines = |count: usize| SourceFile::new("tests/src/sync.rs", "//\n".repeat(count));
    assert_eq!(rooms::long_files(&[lines(600)]), Vec::<String>::new());
    assert_eq!(rooms::long_files(&[lines(601)]), ["tests/src/sync.rs: 601 lines, more than 600"]);
    let server = [
        SourceFile::new("crates/server/src/main.rs", "//\n".repeat(2_000)),
        SourceFile::new("crates/server/src/config/values.rs", "//\n".repeat(1_001)),
        SourceFile::new("crates/server/tests/program/main.rs", "//\n".repeat(500)),
    ];
    assert_eq!(rooms::lines_of_crate("server", &server), 3_001);
}

#[test]
fn a_wrong_path_link_or_quotation_in_a_readme_is_found() {
    let example =
        |code: &str| format!("See [this](b.rs).\n\nIn `crates/a/src/b.rs`:\n\n```text\n{code}\n```\n");
    let file = |_: &str| "fn one() {\n    two();\n}\n".to_owned();
    let quotes = |code: &str| readmes::misquoted_lines("README.md", &example(code), file);
    assert_eq!(quotes("fn one() {\n    …\n}"), [""; 0]);
    assert_eq!(quotes("fn one() {\n    three();"), ["README.md: crates/a/src/b.rs has no line: three();"]);
    let paths = |exists| readmes::missing_paths("README.md", &example("crates/a/src/c.rs"), |_| exists);
    assert_eq!((paths(true), paths(false)), (vec![], vec!["README.md: no crates/a/src/b.rs".to_owned()]));
    let links = |exists| readmes::broken_links("README.md", &example(""), |_| exists);
    assert_eq!((links(true), links(false)), (vec![], vec!["README.md: no b.rs".to_owned()]));
    let words = ["is_a_long_name", "Refused"].into_iter().collect();
    let names = |text| readmes::missing_names("README.md", text, &words);
    assert_eq!(names("See `Rule::Refused` in `is_a_long_name`, `short_name` and `a::path`."), [""; 0]);
    assert_eq!(names("See `Rule::Other`."), ["README.md: no Other in the code"]);
    assert_eq!(names("See `is_another_long_name`."), ["README.md: no is_another_long_name in the code"]);
}

#[test]
fn an_old_name_is_found() {
    // Concatenated, since this file is checked as well.
    let (word, name) = (["Wor", "ld"].concat(), ["read", "_openly"].concat());
    for line in [
        format!("struct {word};"),
        format!("fn take(it: &{word}) {{}}"),
        format!("fn take() {{ with_conn!(c, |c| {word}::new(c)) }}"),
    ] {
        let found = only_violation(&with("crates/persistence/src/users.rs", &line));
        assert_eq!(found, format!("crates/persistence/src/users.rs: {word} is now Context"), "{line}");
    }
    for line in [
        format!("// The {word}."),
        format!("const TEXT: &str = \"{word}\";"),
        format!("struct {word}Clock;"),
        format!("#[schema(as = {word})] struct Row;"),
        format!("// The method {name}_too."),
    ] {
        let found = all_violations(&with("crates/persistence/src/users.rs", &line));
        assert_eq!(found, Vec::<String>::new(), "{line}");
    }
    let found = only_violation(&with("crates/persistence/src/users.rs", &format!("// See `{name}`.")));
    assert_eq!(found, format!("crates/persistence/src/users.rs: {name} is now read_public"));
    let readme = SourceFile::new("crates/http/README.md", format!("`App::{name}` reads."));
    assert_eq!(words::old_names(&[readme]).len(), 1);
    let command = ["ad", "mit"].concat();
    let call = |path| SourceFile::new(path, format!("fn sign_in() {{ {command}() }}"));
    assert_eq!(words::old_names(&[call("crates/http/src/app.rs")]).len(), 1);
    assert_eq!(words::old_names(&[call("crates/domain/src/sessions.rs")]).len(), 0);
}
