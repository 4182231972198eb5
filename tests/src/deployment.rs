//! What a site is deployed with: that the images, units, proxies and alerts in `docker` are what production asks for, and that the
//! programs they are written for take them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

mod alerts;
mod compose;
mod database_role;
mod image;
mod nginx;
mod units;

/// Units of systemd in `docker`.
const UNITS: &[&str] = &[
    "inspection-server.service",
    "inspection-server.socket",
    "inspection-backup.service",
    "inspection-backup.timer",
    "inspection-backup-verify.service",
    "inspection-backup-verify.timer",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// Each of these is a line of the text, wherever it is indented.
fn assert_lines(name: &str, text: &str, wanted: &[&str]) {
    for line in wanted {
        assert!(text.lines().any(|found| found.trim() == *line), "{name}: no line `{line}`");
    }
}

/// What is indented under the only line that is `header`.
fn block(text: &str, header: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != header);
    let first = lines.next().unwrap_or_else(|| panic!("no `{header}`"));
    let inside = lines.take_while(|line| line.trim().is_empty() || depth(line) > depth(first));
    inside.flat_map(|line| [line, "\n"]).collect()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_readme_names_every_file() {
    let readme = read("docker/README.md");
    for entry in fs::read_dir(root().join("docker")).expect("docker") {
        let name = entry.expect("a file").file_name().into_string().expect("a name");
        let stem = name.split('.').next().expect("a name");
        // The secrets of whoever tries it here.
        let is_named =
            readme.contains(&name) || UNITS.contains(&name.as_str()) && readme.contains(&format!("`{stem}."));
        assert!(is_named || name == "README.md", "{name} isn't in the README");
    }
}
