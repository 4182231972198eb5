//! The READMEs: every path, function and test that they name exists, and their examples are quoted
//! from the code.

use std::collections::HashSet;

/// Folders that a path of the workspace begins with.
const FOLDERS: [&str; 4] = ["crates/", "tests/", "docker/", "migrations/"];

/// A file that an operator creates.
const CREATED: &str = "docker/.env";

/// The paths of the workspace in backticks, without placeholders such as `<feature>`.
fn paths(readme: &str) -> impl Iterator<Item = &str> {
    let spans = readme.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        FOLDERS.iter().any(|folder| span.starts_with(folder))
            && !span.contains(['<', '*', '{', ' ', '…', '\n'])
    })
}

/// The paths in a README that don't exist in the workspace.
pub(super) fn missing_paths(name: &str, readme: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    paths(readme)
        .filter(|path| *path != CREATED && !exists(path))
        .map(|path| format!("{name}: no {path}"))
        .collect()
}

/// The targets of links in a README, relative to its folder, that don't exist.
pub(super) fn broken_links(name: &str, readme: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let files = targets.filter(|target| !target.is_empty() && !target.contains(':') && !target.contains(' '));
    files.filter(|target| !exists(target)).map(|target| format!("{name}: no {target}")).collect()
}

/// The lines of examples that their file doesn't contain. An example follows a paragraph that ends
/// with a path in backticks and a colon; `…` stands for lines that are left out.
pub(super) fn misquoted_lines(name: &str, readme: &str, file: impl Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let mut blocks = readme.split("```");
    let mut before = blocks.next().unwrap_or_default();
    while let (Some(block), after) = (blocks.next(), blocks.next()) {
        let quoted = before.trim_end().strip_suffix("`:").and_then(|text| text.rsplit('`').next());
        if let Some(path) = quoted.filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder))) {
            let text = file(path);
            let code: Vec<&str> = text.lines().map(str::trim).collect();
            let lines = block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && *line != "…");
            let wrong = lines.filter(|line| !code.contains(line));
            found.extend(wrong.map(|line| format!("{name}: {path} has no line: {line}")));
        }
        before = after.unwrap_or_default();
    }
    found
}

/// The function or variant that a span in backticks names: `Type::name`, or the long name of a
/// test. Short names can be fields and variables.
fn code_name(span: &str) -> Option<&str> {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match span.split_once("::") {
        Some((owner, name)) => {
            (is_word(owner) && is_word(name) && owner.starts_with(char::is_uppercase)).then_some(name)
        }
        None => (is_word(span) && span.starts_with(char::is_lowercase) && span.matches('_').count() > 2)
            .then_some(span),
    }
}

/// The names of functions and variants in a README that `words`, those of the sources, don't have.
pub(super) fn missing_names(name: &str, readme: &str, words: &HashSet<&str>) -> Vec<String> {
    let spans = readme.split('`').skip(1).step_by(2);
    spans
        .filter_map(code_name)
        .filter(|word| !words.contains(word))
        .map(|word| format!("{name}: no {word} in the code"))
        .collect()
}
