//! The deployment files in `docker`: the image, the services, units, proxies and alerts meet the
//! requirements of production, and the programs that read them accept them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;

mod alerts;
mod compose;
mod database_role;
mod image;
mod nginx;
mod units;

/// The systemd units in `docker`.
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

/// A YAML file with its anchors and merge keys resolved.
fn read_yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Asserts that each of these is a line of the text, at any indentation.
fn assert_lines(name: &str, text: &str, expected: &[&str]) {
    for line in expected {
        assert!(text.lines().any(|found| found.trim() == *line), "{name}: no line `{line}`");
    }
}

/// Asserts that the program reads an environment variable.
fn assert_known_variable(name: &str) {
    assert!(read(".env.example").contains(&format!("\n#{name}=")), "{name} is no variable of the program");
}

/// Both output streams of a program, for the message of a failed assertion.
fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_readme_names_every_file() {
    let readme = read("docker/README.md");
    for entry in fs::read_dir(root().join("docker")).expect("docker") {
        let name = entry.expect("a file").file_name().into_string().expect("a name");
        let stem = name.split('.').next().expect("a name");
        let is_named =
            readme.contains(&name) || UNITS.contains(&name.as_str()) && readme.contains(&format!("`{stem}."));
        assert!(is_named || name == "README.md", "{name} isn't in the README");
    }
}
