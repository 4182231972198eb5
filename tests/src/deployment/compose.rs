//! The services of Docker Compose.

use serde_json::{Map, Value, json};

use super::{assert_known_variable, assert_lines, read, read_yaml};

fn compose() -> Value {
    read_yaml("docker/compose.yaml")
}

/// Services with the settings that they merge from elsewhere in the file, by their names.
fn services() -> Map<String, Value> {
    compose()["services"].as_object().expect("services").clone()
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
    assert_eq!(api["healthcheck"]["test"], json!(["CMD", "inspection-server", "health"]));
    assert_eq!(api["stop_grace_period"], "75s");
    assert_eq!(api["build"], json!({"context": "..", "dockerfile": "docker/Dockerfile", "target": "api"}));
    let healthy = json!({"condition": "service_healthy"});
    assert_eq!(api["depends_on"], json!({"postgres": healthy, "redis": healthy}));
    // During its first start the database listens on a socket before it is ready.
    let ready = json!(["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "inspection", "-d", "inspection", "-q"]);
    assert_eq!(services["postgres"]["healthcheck"]["test"], ready);
    assert_eq!(services["postgres"]["image"], "postgres:16-bookworm");
    assert_eq!(
        (&services["redis"]["image"], &services["redis"]["user"]),
        (&json!("redis:7-bookworm"), &json!("redis"))
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
        for volume in ["uploads:/app/uploads", "logs:/app/logs", "backups:/app/backups"] {
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
    for name in ["SECRET_KEY", "JWT_SECRET_KEY", "POSTGRES_PASSWORD", "DB_PASSWORD", "CORS_ORIGINS"] {
        let required = format!("${{{name}:?");
        assert!(variables.iter().any(|(_, value)| value.contains(&required)), "{name} is required");
    }
    for name in ["OPENAI_API_KEY", "METRICS_TOKEN", "ADMIN_EMAIL", "ADMIN_PASSWORD", "REDIS_PASSWORD"] {
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
    assert!(starts("REDIS_URL", "redis://"), "instances share their rate limits");
    environment.as_object().expect("variables").keys().for_each(|name| assert_known_variable(name));
    let ignored = read(".gitignore");
    assert!(ignored.lines().any(|line| line == ".env"), "in every folder, docker/.env included");
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
        [("api", json!(["127.0.0.1:5000:5000"])), ("api-second", json!(["127.0.0.1:5001:5000"]))]
    );
    assert_eq!(compose["networks"]["default"]["ipam"]["config"][0]["gateway"], "172.30.50.1");
    assert_eq!(services["api"]["environment"]["TRUSTED_PROXIES"], "${TRUSTED_PROXIES:-172.30.50.1}");
}

#[test]
fn backups_are_created_and_verified_on_a_schedule() {
    let services = services();
    let daily = &services["backup-daily"];
    assert_eq!(daily["profiles"], Value::Null, "it is part of the deployment");
    assert_eq!(daily["build"]["target"], "backup");
    let script = daily["command"][0].as_str().expect("a script");
    for (step, why) in [
        ("inspection-server backup create --keep 14", "a backup"),
        ("inspection-server backup verify", "a verification"),
        ("wait=86400", "once a day"),
        ("wait=3600", "again after one hour if it failed"),
    ] {
        assert!(script.contains(step), "{why}");
    }
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
