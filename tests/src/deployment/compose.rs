//! The services of Docker Compose.

use serde_json::{Map, Value, json};

use super::{assert_known_variable, assert_lines, image, read, read_yaml, root};

fn compose() -> Value {
    read_yaml("docker/compose.yaml")
}

/// Services with the settings that they merge from elsewhere in the file, by their names.
pub(super) fn services() -> Map<String, Value> {
    compose()["services"].as_object().expect("services").clone()
}

/// A shell script as the container runs it: compose replaces `$$` by `$`.
pub(super) fn shell_script(value: &Value) -> String {
    value.as_str().expect("a script").replace("$$", "$")
}

/// The path in the container at which something is mounted.
fn mount_target(volume: &Value) -> &str {
    match volume.as_str() {
        Some(text) => text.split(':').nth(1).expect("a target"),
        None => volume["target"].as_str().expect("a target"),
    }
}

fn contains(list: &Value, expected: &str) -> bool {
    list.as_array().expect("a list").iter().any(|item| item == expected)
}

#[test]
fn services_restart_after_failures_and_report_their_health() {
    let services = services();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["api", "api-second", "backup", "backup-daily", "postgres", "proxy", "redis"]);
    for (name, service) in &services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(service["logging"]["options"], json!({"max-size": "10m", "max-file": "5"}), "{name}");
        assert!(service["tmpfs"].is_array() && service["healthcheck"].is_object(), "{name}");
        // A command that is run once by hand is not restarted.
        let restart = if name == "backup" { "no" } else { "unless-stopped" };
        assert_eq!(service["restart"], restart, "{name}");
        assert_eq!(service["healthcheck"]["disable"] == true, name == "backup", "{name}");
        assert_ne!(service["privileged"], true, "{name}");
    }
    let api = &services["api"];
    assert_eq!(api["stop_grace_period"], "75s");
    assert_eq!(api["build"], json!({"context": "..", "dockerfile": "docker/Dockerfile", "target": "api"}));
    let healthy = json!({"condition": "service_healthy"});
    assert_eq!(api["depends_on"], json!({"postgres": healthy, "redis": healthy}));
    // During its first start the database listens on a socket before it is ready.
    let ready = services["postgres"]["healthcheck"]["test"][1].as_str().expect("a script");
    assert!(ready.contains("psql -h 127.0.0.1 -U postgres -d inspection "), "{ready}");
    // Otherwise, `up --wait` waits for the first probe.
    for (name, service) in services.iter().filter(|(name, _)| *name != "backup") {
        let interval = service["healthcheck"]["interval"].as_str().and_then(|text| text.strip_suffix('s'));
        let seconds = interval.and_then(|text| text.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds <= 30), "{name}");
    }
    assert_eq!(services["postgres"]["image"], "postgres:16-bookworm");
    assert_eq!(
        (&services["redis"]["image"], &services["redis"]["user"]),
        (&json!("redis:7.4-bookworm"), &json!("redis"))
    );
}

#[test]
fn persistent_data_is_in_named_volumes() {
    let (compose, services) = (compose(), services());
    let volumes = compose["volumes"].as_object().expect("volumes");
    for name in ["pgdata", "uploads", "logs", "backups"] {
        assert!(volumes.contains_key(name), "{name}");
    }
    for name in ["api", "api-second", "backup-daily", "backup"] {
        // A service that an attacker controls can't destroy the backups.
        let backups =
            if name.starts_with("api") { "backups:/app/backups:ro" } else { "backups:/app/backups" };
        for volume in ["uploads:/app/uploads", "logs:/app/logs", backups] {
            assert!(contains(&services[name]["volumes"], volume), "{name}: {volume}");
        }
    }
    assert!(contains(&services["postgres"]["volumes"], "pgdata:/var/lib/postgresql/data"));
}

#[test]
fn secrets_come_from_outside_and_are_required() {
    let services = services();
    let environments = services.values().filter_map(|service| service["environment"].as_object());
    let variables: Vec<(&String, &str)> =
        environments.flatten().map(|(name, value)| (name, value.as_str().expect("a text"))).collect();
    for name in
        ["SECRET_KEY", "JWT_SECRET_KEY", "POSTGRES_PASSWORD", "DB_PASSWORD", "REDIS_PASSWORD", "CORS_ORIGINS"]
    {
        let required = format!("${{{name}:?");
        assert!(variables.iter().any(|(_, value)| value.contains(&required)), "{name} is required");
    }
    for name in ["OPENAI_API_KEY", "METRICS_TOKEN", "ADMIN_EMAIL", "ADMIN_PASSWORD", "SECURITY_CONTACT"] {
        let optional = format!("${{{name}:-}}");
        assert!(
            variables.iter().any(|found| *found == (&name.to_owned(), optional.as_str())),
            "{name} is optional"
        );
    }
    let environment = &services["api"]["environment"];
    for (name, value) in [
        ("APP_ENV", "production"),
        ("LOG_LEVEL", "${LOG_LEVEL:-info}"),
        ("AUTO_MIGRATE", "true"),
        ("LOG_FILE", "/app/logs/app.log"),
        ("SHUTDOWN_TIMEOUT", "30s"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    let starts =
        |name: &str, start: &str| environment[name].as_str().is_some_and(|value| value.starts_with(start));
    assert!(starts("DATABASE_URL", "postgres://inspection:$"), "not as the superuser");
    assert!(starts("REDIS_URL", "redis://:${REDIS_PASSWORD:?"), "instances share their rate limits");
    let redis = shell_script(&services["redis"]["command"][0]);
    assert!(redis.lines().any(|line| line.trim() == "requirepass \"$REDIS_PASSWORD\""), "{redis}");
    environment.as_object().expect("variables").keys().for_each(|name| assert_known_variable(name));
    let ignored = read(".gitignore");
    assert!(ignored.lines().any(|line| line == ".env"), "in every folder, docker/.env included");
}

#[test]
fn no_container_leaves_an_anonymous_volume_behind() {
    let declared = [("postgres:", "/var/lib/postgresql/data"), ("redis:", "/data")];
    let mut found = 0;
    for (name, service) in &services() {
        let image = service["image"].as_str().expect("an image");
        let base = image.strip_prefix("inspection-").and_then(|stage| stage.split(':').next());
        let image = base.map_or_else(|| image.to_owned(), image::base);
        for (_, volume) in declared.iter().filter(|(base, _)| image.starts_with(base)) {
            found += 1;
            // Some engines create the volume of an image in spite of an entry of `tmpfs`.
            let volumes = service["volumes"].as_array().map_or(&[][..], Vec::as_slice);
            let mount = volumes.iter().find(|mount| mount_target(mount) == *volume);
            let is_named = |mount: &Value| mount.is_string() || mount["type"] == "tmpfs";
            assert!(mount.is_some_and(is_named), "{name}: {volume}");
        }
    }
    assert_eq!(found, 4, "PostgreSQL, Redis, and both services with pg_dump");
}

#[test]
fn folders_are_mounted_instead_of_files() {
    let services = services();
    let volumes = services.values().filter_map(|service| service["volumes"].as_array()).flatten();
    let sources = volumes.filter_map(|volume| volume.as_str()?.split(':').next());
    let folders: Vec<&str> = sources.filter_map(|source| source.strip_prefix("./")).collect();
    assert_eq!(folders, ["postgres", "nginx"]);
    for folder in folders {
        assert!(root().join("docker").join(folder).is_dir(), "{folder}: a replaced file is not seen");
    }
}

#[test]
fn services_are_limited_and_images_have_versions() {
    for (name, service) in &services() {
        for limit in ["mem_limit", "pids_limit"] {
            assert!(!service[limit].is_null(), "{name}: {limit}");
        }
        let image = service["image"].as_str().expect("an image");
        let version = image.split_once(':').expect("a version").1;
        let is_own = image.starts_with("inspection-");
        assert_eq!(version == "${INSPECTION_VERSION:-latest}", is_own, "{name}: {image}");
        // Major versions of PostgreSQL, and minor ones of others, receive fixes only.
        let numbers = version.split('-').next().expect("a version").split('.').count();
        assert_eq!(numbers, if is_own || image.starts_with("postgres:") { 1 } else { 2 }, "{image}");
    }
}

#[test]
fn ports_behind_the_proxy_are_open_to_the_machine_itself_only() {
    let (compose, services) = (compose(), services());
    let ports: Vec<_> = services
        .iter()
        .filter(|(_, service)| !service["ports"].is_null())
        .map(|(name, service)| (name.as_str(), service["ports"].clone()))
        .collect();
    assert_eq!(
        ports,
        [
            ("api", json!(["127.0.0.1:${API_PORTS:-5000}:5000"])),
            ("api-second", json!(["127.0.0.1:5001:5000"]))
        ]
    );
    let prefix = "${SUBNET_PREFIX:-172.30.50}";
    let network = &compose["networks"]["default"]["ipam"]["config"][0];
    assert_eq!(*network, json!({"subnet": format!("{prefix}.0/24"), "gateway": format!("{prefix}.1")}));
    let trusted = format!("${{TRUSTED_PROXIES:-{prefix}.1}}");
    assert_eq!(services["api"]["environment"]["TRUSTED_PROXIES"], trusted.as_str());
}

#[test]
fn backups_are_created_and_verified_on_a_schedule() {
    let services = services();
    let daily = &services["backup-daily"];
    assert_eq!(daily["profiles"], Value::Null, "it is part of the deployment");
    assert_eq!(daily["build"]["target"], "backup");
    assert_eq!(services["backup"]["profiles"], json!(["backup"]));
    let unit = |name: &str| read(&format!("docker/{name}"));
    let create = "ExecStart=/usr/local/bin/inspection-server backup create --keep 14";
    assert_lines("backup", &unit("inspection-backup.service"), &["Type=oneshot", create]);
    let expected = ["OnCalendar=*-*-* 02:00", "Persistent=true", "RandomizedDelaySec=30min"];
    assert_lines("backup", &unit("inspection-backup.timer"), &expected);
    let verify = "ExecStart=/usr/local/bin/inspection-server backup verify";
    assert_lines("verify", &unit("inspection-backup-verify.service"), &["Type=oneshot", verify]);
    let expected = ["OnCalendar=Sun *-*-* 05:00", "Persistent=true", "RandomizedDelaySec=30min"];
    assert_lines("verify", &unit("inspection-backup-verify.timer"), &expected);
}
