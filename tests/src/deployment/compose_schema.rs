//! The form of `compose.yaml`: Docker Compose refuses an unknown key, and expands variables.

use serde_json::{Map, Value};

use super::{compose::services, read, read_yaml};

/// The keys of an object that the Compose specification defines, of those in use.
const KEYS: &[(&str, &[&str])] = &[
    ("", &["name", "services", "networks", "volumes"]),
    (
        "service",
        &[
            "build",
            "cap_add",
            "cap_drop",
            "command",
            "depends_on",
            "entrypoint",
            "environment",
            "healthcheck",
            "image",
            "init",
            "logging",
            "mem_limit",
            "network_mode",
            "pids_limit",
            "ports",
            "profiles",
            "pull_policy",
            "read_only",
            "restart",
            "security_opt",
            "shm_size",
            "stop_grace_period",
            "scale",
            "stop_signal",
            "tmpfs",
            "user",
            "volumes",
        ],
    ),
    ("build", &["context", "dockerfile", "target"]),
    ("healthcheck", &["disable", "interval", "retries", "start_period", "test", "timeout"]),
    ("logging", &["driver", "options"]),
    ("mount", &["type", "source", "target", "read_only", "tmpfs"]),
];

fn assert_known_keys(kind: &str, object: &Value) {
    let (_, known) = KEYS.iter().find(|(name, _)| *name == kind).expect("a kind");
    for key in object.as_object().expect("an object").keys() {
        assert!(known.contains(&key.as_str()) || key.starts_with("x-"), "{kind}: {key}");
    }
}

/// The strings of a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(items) => items.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text is a number with one of these units.
fn is_quantity(value: &Value, units: &[char]) -> bool {
    let text = value.as_str().unwrap_or_default();
    // The default of a variable.
    let text = text.split_once(":-").map_or(text, |(_, default)| default.trim_end_matches('}'));
    text.strip_suffix(units).is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number > 0))
}

#[test]
fn every_key_is_known_and_every_name_is_declared() {
    let compose = read_yaml("docker/compose.yaml");
    assert_known_keys("", &compose);
    let declared = |kind: &str| compose[kind].as_object().cloned().unwrap_or_else(Map::new);
    for (name, service) in &services() {
        assert_known_keys("service", service);
        for kind in ["build", "healthcheck", "logging"] {
            if !service[kind].is_null() {
                assert_known_keys(kind, &service[kind]);
            }
        }
        for other in service["depends_on"].as_object().into_iter().flat_map(Map::keys) {
            assert!(declared("services").contains_key(other), "{name}: {other}");
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            match mount.as_str().and_then(|text| text.split(':').next()) {
                None => assert_known_keys("mount", mount),
                Some(source) if source.starts_with(['.', '/']) => {}
                Some(volume) => assert!(declared("volumes").contains_key(volume), "{name}: {volume}"),
            }
        }
        let durations = ["interval", "timeout", "start_period"].map(|key| &service["healthcheck"][key]);
        for duration in durations.into_iter().chain([&service["stop_grace_period"]]) {
            assert!(duration.is_null() || is_quantity(duration, &['s', 'm', 'h']), "{name}: {duration}");
        }
        assert!(is_quantity(&service["mem_limit"], &['m', 'g']), "{name}: {}", service["mem_limit"]);
    }
}

#[test]
fn variables_of_compose_are_well_formed() {
    let compose = read_yaml("docker/compose.yaml");
    for text in strings(&compose) {
        // `$$` is a dollar sign of a script.
        for variable in text.replace("$$", "").split('$').skip(1) {
            let inside = variable.strip_prefix('{').unwrap_or_else(|| panic!("a lone `$` in: {text}"));
            let end = inside.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).expect("an end");
            let operator = &inside[end..];
            assert!(
                end > 0 && ["}", ":-", ":?", ":+"].iter().any(|known| operator.starts_with(known)),
                "{text}"
            );
        }
        let count = |bracket: char| text.matches(bracket).count();
        assert_eq!(count('{'), count('}'), "{text}");
    }
}

#[test]
fn the_scripts_know_the_files_of_a_backup() {
    // A change of these requires a change of the loop and of the health check.
    let layout = read("crates/operations/src/backup/layout.rs");
    let compose = read("docker/compose.yaml");
    for file in ["manifest.json", "verified.json"] {
        assert!(layout.contains(&format!("\"{file}\"")), "layout.rs: {file}");
        assert_eq!(compose.matches(file).count(), 2, "{file}");
    }
}
