//! The services of Compose.

use super::{assert_lines, block, read};

/// The names under `services`.
fn services(compose: &str) -> Vec<String> {
    let lines = block(compose, "services:");
    let names = lines.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with([' ', '#'])).map(ToOwned::to_owned).collect()
}

/// A service, with what it takes over from elsewhere in the file.
fn service(compose: &str, name: &str) -> String {
    let mut text = block(&block(compose, "services:"), &format!("{name}:"));
    for (anchor, header) in [
        ("*api", "x-api: &api"),
        ("*backup", "x-backup: &backup"),
        ("*environment", "x-environment: &environment"),
        ("*common", "x-common: &common"),
    ] {
        if text.lines().any(|line| line.trim() == format!("<<: {anchor}")) {
            text.push_str(&block(compose, header));
        }
    }
    text
}

#[test]
fn services_restart_after_failures_and_tell_whether_they_are_well() {
    let compose = read("docker/compose.yaml");
    let names = services(&compose);
    assert_eq!(names, ["api", "api-second", "backup-daily", "backup", "postgres", "redis", "proxy"]);
    for name in &names {
        let service = service(&compose, name);
        let wanted = ["read_only: true", "cap_drop: [ALL]", r#"security_opt: ["no-new-privileges:true"]"#];
        assert_lines(name, &service, &wanted);
        assert_lines(name, &service, &["max-size: 10m", r#"max-file: "5""#, "healthcheck:", "tmpfs:"]);
        // What is run once by hand is not started again.
        let restart = if name == "backup" { r#"restart: "no""# } else { "restart: unless-stopped" };
        assert_lines(name, &service, &[restart]);
        assert_ne!(service.contains("disable: true"), name != "backup", "{name}");
        assert!(!service.contains("privileged: true"));
    }
    let api = service(&compose, "api");
    assert_lines("api", &api, &[r#"test: ["CMD", "inspection-server", "health"]"#, "stop_grace_period: 75s"]);
    assert_lines("api", &api, &["context: ..", "dockerfile: docker/Dockerfile", "target: api"]);
    let needs = block(&api, "depends_on: &needs");
    assert_eq!(needs.matches("condition: service_healthy").count(), 2);
    assert_lines("api", &needs, &["postgres:", "redis:"]);
    // At its first start, the database is reached over a socket before it is ready.
    let ready =
        r#"test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "inspection", "-d", "inspection", "-q"]"#;
    assert_lines("postgres", &service(&compose, "postgres"), &[ready, "image: postgres:16-bookworm"]);
    assert_lines("redis", &service(&compose, "redis"), &["image: redis:7-bookworm", "user: redis"]);
}

#[test]
fn what_must_last_is_in_named_volumes() {
    let compose = read("docker/compose.yaml");
    let volumes = compose.split("\nvolumes:\n").nth(1).expect("volumes");
    assert_lines("volumes", volumes, &["pgdata:", "uploads:", "logs:", "backups:"]);
    for name in ["api", "api-second", "backup-daily", "backup"] {
        let service = service(&compose, name);
        let files =
            if service.contains("volumes: *files") { block(&compose, "volumes: &files") } else { service };
        let wanted = ["- uploads:/app/uploads", "- logs:/app/logs", "- backups:/app/backups"];
        assert_lines(name, &files, &wanted);
    }
    assert_lines("postgres", &service(&compose, "postgres"), &["- pgdata:/var/lib/postgresql/data"]);
}

#[test]
fn secrets_come_from_outside_and_nothing_starts_without_them() {
    let compose = read("docker/compose.yaml");
    for name in ["SECRET_KEY", "JWT_SECRET_KEY", "POSTGRES_PASSWORD", "DB_PASSWORD", "CORS_ORIGINS"] {
        assert!(compose.contains(&format!("${{{name}:?")), "{name} is required");
    }
    for name in ["OPENAI_API_KEY", "METRICS_TOKEN", "ADMIN_EMAIL", "ADMIN_PASSWORD", "REDIS_PASSWORD"] {
        assert!(compose.contains(&format!("{name}: ${{{name}:-}}")), "{name} is optional");
    }
    let environment =
        block(&compose, "x-environment: &environment") + &block(&compose, "environment: &api-environment");
    let wanted = ["APP_ENV: production", "LOG_LEVEL: ${LOG_LEVEL:-info}", r#"AUTO_MIGRATE: "true""#];
    assert_lines("environment", &environment, &wanted);
    assert_lines("environment", &environment, &["LOG_FILE: /app/logs/app.log", "SHUTDOWN_TIMEOUT: 30s"]);
    assert!(environment.contains("DATABASE_URL: postgres://inspection:$"), "not as the superuser");
    assert!(environment.contains("REDIS_URL: redis://"), "limits are shared");
    let variables = read(".env.example");
    for line in
        environment.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '<']))
    {
        let name = line.split(':').next().expect("a name");
        assert!(variables.contains(&format!("\n#{name}=")), "{name} is no variable of the program");
    }
    let ignored = read(".gitignore");
    assert!(ignored.lines().any(|line| line == ".env"), "in every folder, so docker/.env as well");
}

#[test]
fn only_the_machine_itself_reaches_what_is_behind_the_proxy() {
    let compose = read("docker/compose.yaml");
    let ports: Vec<&str> = compose.lines().filter(|line| line.contains("ports:")).map(str::trim).collect();
    assert_eq!(ports, [r#"ports: ["127.0.0.1:5000:5000"]"#, r#"ports: ["127.0.0.1:5001:5000"]"#]);
    assert_lines("compose.yaml", &compose, &["gateway: 172.30.50.1"]);
    assert!(compose.contains("TRUSTED_PROXIES: ${TRUSTED_PROXIES:-172.30.50.1}"));
}

#[test]
fn backups_are_made_and_verified_without_anybody_thinking_of_them() {
    let compose = read("docker/compose.yaml");
    let daily = service(&compose, "backup-daily");
    assert!(!daily.contains("profiles:"), "it is part of the deployment");
    assert!(daily.contains("inspection-server backup create --keep 14"));
    assert!(daily.contains("inspection-server backup verify"));
    assert!(daily.contains("wait=86400"), "once a day");
    assert!(daily.contains("wait=3600"), "or in an hour, if it failed");
    assert_lines("backup-daily", &daily, &["target: backup"]);
    assert_lines("backup", &service(&compose, "backup"), &["profiles: [backup]"]);
    let unit = |name: &str| read(&format!("docker/{name}"));
    let create = "ExecStart=/usr/local/bin/inspection-server backup create --keep 14";
    assert_lines("backup", &unit("inspection-backup.service"), &["Type=oneshot", create]);
    let wanted = ["OnCalendar=*-*-* 02:00", "Persistent=true", "RandomizedDelaySec=30min"];
    assert_lines("backup", &unit("inspection-backup.timer"), &wanted);
    let verify = "ExecStart=/usr/local/bin/inspection-server backup verify";
    assert_lines("verify", &unit("inspection-backup-verify.service"), &["Type=oneshot", verify]);
    let wanted = ["OnCalendar=Sun *-*-* 05:00", "Persistent=true", "RandomizedDelaySec=30min"];
    assert_lines("verify", &unit("inspection-backup-verify.timer"), &wanted);
}
