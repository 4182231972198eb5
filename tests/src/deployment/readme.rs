//! The README of the deployment.

use std::{collections::BTreeSet, fs};

use super::{UNITS, read, root};

/// The position of a text in the README.
fn position(readme: &str, text: &str) -> usize {
    readme.find(text).unwrap_or_else(|| panic!("no `{text}` in the README"))
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

#[test]
fn the_first_check_runs_after_the_first_verification_of_a_backup() {
    let readme = read("docker/README.md");
    let section = &readme[position(&readme, "## In containers")..position(&readme, "## Under systemd")];
    let steps = ["up -d --build --wait\n", "inspection-server admin create", "inspection-server check\n"];
    let positions: Vec<_> = steps.iter().map(|step| position(section, step)).collect();
    assert!(positions.is_sorted(), "`check` requires a verified backup: {positions:?}");
}

#[test]
fn the_readme_documents_the_variables_of_compose() {
    let (compose, readme, known) =
        (read("docker/compose.yaml"), read("docker/README.md"), read(".env.example"));
    let names = compose.split("${").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).expect("an end");
        &rest[..end]
    });
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    assert!(names.contains("INSPECTION_VERSION") && names.contains("SUBNET_PREFIX"), "{names:?}");
    for name in names {
        assert!(known.contains(&format!("\n#{name}=")) || readme.contains(name), "{name} isn't documented");
    }
}

#[test]
fn the_readme_documents_operations_in_containers() {
    let readme = read("docker/README.md");
    for (command, why) in [
        ("exec api inspection-server verify --url", "the machine has no program outside the image"),
        ("build --pull", "images have security updates of their bases"),
        ("COMPOSE_PROFILES=proxy", "`down` stops the proxy as well"),
        ("-f /docker-entrypoint-initdb.d/role.sql", "the role can be created later"),
    ] {
        assert!(readme.contains(command), "`{command}` is missing: {why}");
    }
    let position = |text| position(&readme, text);
    let host = &readme[position("### nginx on the machine")..position("### nginx in a container")];
    assert!(host.contains("install nginx certbot") && !host.contains("compose"), "{host}");
    let container = &readme[position("### nginx in a container")..position("### Caddy")];
    assert!(!container.contains("install nginx"), "both would listen on port 443");
}
