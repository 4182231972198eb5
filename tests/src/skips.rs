//! No test is skipped without being counted.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace.
fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the workspace")
}

/// Rust files in a folder and the folders in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.extension() {
            Some(extension) if extension == "rs" => vec![path],
            _ if path.is_dir() && !path.ends_with("target") => sources(&path),
            _ => Vec::new(),
        })
        .collect()
}

/// Whether a file of a crate's library holds nothing but tests.
fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// The lines of test code in a file, with their numbers.
fn test_lines<'a>(path: &Path, text: &'a str) -> Vec<(usize, &'a str)> {
    let lines = text.lines().zip(1..).map(|(line, number)| (number, line));
    if is_test_file(path) {
        return lines.collect();
    }
    lines.skip_while(|(_, line)| *line != "#[cfg(test)]").collect()
}

/// Whether a line begins a test of a macro such as `on_both!`, whose only parameter is what the
/// test runs on: `fn a(site: TestSite) {`, `async fn a(store: TestStore) {` or
/// `a(site: TestSite) {`.
fn is_macro_test(code: &str) -> bool {
    let parameter = code.split_once('(').and_then(|(_, rest)| rest.strip_suffix(") {"));
    let kind = parameter.and_then(|parameter| Some(parameter.split_once(": ")?.1));
    kind.is_some_and(|kind| kind.starts_with("Test") && kind.chars().all(char::is_alphanumeric))
}

/// Numbers of the lines at which test code returns early without a proof that this was counted.
fn uncounted(lines: &[(usize, &str)]) -> Vec<usize> {
    let mut found = Vec::new();
    // Indentation of the test that the line is in.
    let (mut is_marked, mut test) = (false, None);
    for (place, &(number, line)) in lines.iter().enumerate() {
        let indentation = line.len() - line.trim_start().len();
        let code = line.trim();
        let after = lines.get(place + 1).map_or("", |(_, line)| line.trim());
        if code == "#[test]" {
            is_marked = true;
        } else if code.starts_with("#[ignore") {
            // The harness counts it.
            is_marked = false;
        } else if is_marked && code.contains("fn ") || is_macro_test(code) {
            (is_marked, test) = (false, Some(indentation));
        } else if test == Some(indentation) && code == "}" {
            test = None;
        }
        let leaves_let = code.contains("else { return }")
            || code.contains("else { return; }")
            || code.ends_with("else {") && after == "return;";
        let leaves_test = test.is_some_and(|test| indentation == test + 4 || indentation == test + 8)
            && (code == "return;" || code.ends_with("{ return }") || code.ends_with("{ return; }"));
        let says_so = code.contains("println!(\"skipped");
        if leaves_let || leaves_test || says_so {
            found.push(number);
        }
    }
    found
}

#[test]
fn a_test_that_lacks_a_program_returns_by_way_of_or_skip() {
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        for path in sources(&root().join(folder)) {
            if path.ends_with("tests/src/skips.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            let path = path.strip_prefix(root()).expect("in the workspace");
            let numbers = uncounted(&test_lines(path, &text));
            found.extend(numbers.into_iter().map(|number| format!("{}:{number}", path.display())));
        }
    }
    assert!(found.is_empty(), "use or_skip! of the test kit: {found:#?}");
}

#[test]
fn an_early_return_is_found_in_each_form() {
    for (code, expected) in [
        ("#[test]\nfn a() {\n    let Some(x) = y() else { return };\n}", vec![3]),
        ("#[test]\nfn a() {\n    let Some(x) = y() else {\n        return;\n    };\n}", vec![3, 4]),
        ("#[test]\nfn a() {\n    if b() {\n        return;\n    }\n}", vec![4]),
        ("#[test]\nfn a() {\n    if b() { return }\n}", vec![3]),
        ("fn a(db: TestDatabase) {\n    if b() { return; }\n}", vec![2]),
        ("async fn a(store: TestStore) {\n    if b() {\n        return;\n    }\n}", vec![3]),
        ("    async fn a(site: TestSite) {\n        if b() { return }\n    }", vec![2]),
        ("a(site: TestSite) {\n    if b() { return }\n}", vec![2]),
        ("fn a(of: &Tests, db: TestDatabase) -> u8 {\n    if b() { return }\n}", vec![]),
        ("fn a() {\n    println!(\"skipped: no PostgreSQL\");\n}", vec![2]),
        ("#[test]\n#[ignore = \"slow\"]\nfn a() {\n    if b() { return }\n}", vec![]),
        ("fn wait() {\n    loop {\n        if b() {\n            return;\n        }\n    }\n}", vec![]),
        ("#[test]\nfn a() {\n    let x = or_skip!(y());\n}", vec![]),
    ] {
        let lines: Vec<_> = code.lines().zip(1..).map(|(line, number)| (number, line)).collect();
        assert_eq!(uncounted(&lines), expected, "{code}");
    }
}
