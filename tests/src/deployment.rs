//! What a site is deployed with: that the images, units, proxies and alerts in `docker` are what production asks for, and that the
//! programs they are written for take them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::postgres::Server;
use tempfile::TempDir;

/// Metrics that alerts may be about.
const METRICS: &[&str] = &[
    "inspection_disk_free_bytes",
    "inspection_disk_size_bytes",
    "inspection_last_verified_backup_timestamp_seconds",
    "inspection_http_request_duration_seconds_bucket",
    "inspection_http_requests_in_flight",
    "inspection_http_requests_total",
    "inspection_last_backup_timestamp_seconds",
    "inspection_outbox_jobs",
    "inspection_outbox_oldest_due_seconds",
    "inspection_pool_connections",
    "inspection_pool_waits_refused_total",
    "inspection_rate_limited_total",
    "inspection_sign_in_failures_total",
    "inspection_storage_bytes",
    "inspection_storage_files",
    "inspection_task_late_seconds",
    "inspection_up",
];

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

/// Where a program is, if it is installed. It has to be under `CI=true`.
fn installed(name: &str) -> Option<PathBuf> {
    let places = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.is_file());
    #[expect(clippy::disallowed_methods, reason = "tells whether anything may be skipped")]
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(found.is_some() || !is_ci, "{name} isn't installed");
    if found.is_none() {
        println!("skipped: {name} isn't installed");
    }
    found
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A stage of the Dockerfile: what it is made from, its name, its instructions without their line breaks.
struct Stage {
    base: String,
    name: String,
    instructions: Vec<String>,
}

fn stages() -> Vec<Stage> {
    let whole = read("docker/Dockerfile").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in whole.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["FROM", base, "AS", name] = words[..] {
            stages.push(Stage { base: base.to_owned(), name: name.to_owned(), instructions: Vec::new() });
        } else {
            stages.last_mut().expect("a stage").instructions.push(words.join(" "));
        }
    }
    stages
}

#[test]
fn the_image_holds_the_program_alone_and_runs_it_as_appuser() {
    let stages = stages();
    let api = stages.last().expect("stages");
    assert_eq!((api.name.as_str(), api.base.as_str()), ("api", "debian:bookworm-slim"), "built by default");
    for wanted in [
        "WORKDIR /app",
        "USER appuser",
        "EXPOSE 5000",
        "STOPSIGNAL SIGTERM",
        r#"HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["inspection-server", "health"]"#,
        r#"ENTRYPOINT ["inspection-server"]"#,
        r#"CMD ["serve"]"#,
    ] {
        assert!(api.instructions.iter().any(|line| line == wanted), "no `{wanted}`");
    }
    for stage in &stages[1..] {
        let made = stage.instructions.iter().find(|line| line.starts_with("RUN ")).expect("a user is made");
        assert!(made.contains("useradd --uid 10001"), "{}", stage.name);
        assert!(made.contains("install -d -o appuser -g appuser /app/uploads /app/logs /app/backups"));
        let copied: Vec<_> = stage.instructions.iter().filter(|line| line.starts_with("COPY ")).collect();
        assert_eq!(
            copied,
            [
                "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
                "COPY --from=build /out/inspection-server /usr/local/bin/inspection-server",
            ],
            "{} holds neither sources nor tests",
            stage.name
        );
        assert!(!stage.instructions.iter().any(|line| line.starts_with("ADD ")));
    }
    let environment = api.instructions.iter().find(|line| line.starts_with("ENV ")).expect("an environment");
    let variables = read(".env.example");
    for pair in environment.split(' ').skip(1) {
        let name = pair.split('=').next().expect("a name");
        let is_ours = variables.contains(&format!("\n#{name}="));
        assert!(is_ours || name == "SSL_CERT_FILE", "{name} is no variable of the program");
    }
    for wanted in [
        "APP_ENV=production",
        "BIND=0.0.0.0:5000",
        "UPLOAD_FOLDER=/app/uploads",
        "LOG_FILE=/app/logs/app.log",
        "BACKUP_FOLDER=/app/backups",
    ] {
        assert!(environment.contains(wanted), "{wanted}");
    }
}

#[test]
fn images_have_the_versions_that_everything_else_has() {
    let stages = stages();
    let bases: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), stage.base.as_str())).collect();
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = \"")).expect("a channel");
    let minor = channel.trim_end_matches('"').rsplit_once('.').expect("three numbers").0;
    assert_eq!(bases[0], ("build", format!("rust:{minor}-bookworm").as_str()));
    assert_eq!(bases[1].0, "backup");
    let line = format!("image: {}", bases[1].1);
    assert!(read("docker/compose.yaml").contains(&line), "pg_dump is of the server's version");
    assert!(bases[1].1.starts_with("postgres:16-"));
    assert!(bases.iter().all(|(_, base)| !base.contains('/')), "official images, by their short names");
}

/// Whether `.dockerignore` keeps a file from the build, by the rules of Docker: the last pattern that matches it or a folder it is in
/// decides.
fn is_ignored(patterns: &str, path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    let mut ignored = false;
    for pattern in patterns.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (pattern, excludes) =
            pattern.strip_prefix('!').map_or((pattern, true), |pattern| (pattern, false));
        let pattern: Vec<&str> = pattern.split('/').collect();
        if (1..=path.len()).any(|folders| path_matches(&pattern, &path[..folders])) {
            ignored = excludes;
        }
    }
    ignored
}

fn path_matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| path_matches(rest, &path[skipped..])),
        ([one, pattern @ ..], [name, path @ ..]) => name_matches(one, name) && path_matches(pattern, path),
        _ => false,
    }
}

fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && name_matches(after, &rest[at..]))
        }),
    }
}

/// Copies what the build gets, as the paths of files.
fn build_context(into: &Path) -> BTreeSet<String> {
    let patterns = read(".dockerignore");
    let mut folders = vec![String::new()];
    let mut copied = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().expect("a type").is_dir() {
                // As large as they are, nothing is taken from these; that is asserted by name.
                if !["target", ".git"].contains(&path.as_str()) {
                    folders.push(path);
                }
            } else if !is_ignored(&patterns, &path) {
                let to = into.join(&path);
                fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
                fs::copy(entry.path(), to).expect("a copy");
                copied.insert(path);
            }
        }
    }
    copied
}

#[test]
fn the_build_gets_neither_secrets_nor_history_nor_tests() {
    let patterns = read(".dockerignore");
    for path in [
        ".env",
        ".env.local",
        ".env.example",
        "docker/.env",
        "crates/server/.env",
        "crates/server/src/.env.production",
        ".git",
        ".git/config",
        ".ci/run",
        "inspection.toml",
        "data/inspection.db",
        "logs/app.log",
        "target/release/inspection-server",
        "crates/server/target/x",
        "tests/src/main.rs",
        "tests/src/deployment.rs",
        "crates/server/tests/program/main.rs",
        "crates/domain/src/jobs/tests.rs",
        "crates/domain/src/snapshots/a.snap",
    ] {
        assert!(is_ignored(&patterns, path), "{path} is sent to the build");
    }
    for path in ["Cargo.lock", "crates/http/README.md", "migrations/postgres/x/up.sql", "tests/Cargo.toml"] {
        assert!(!is_ignored(&patterns, path), "{path} is missing in the build");
    }
}

#[test]
fn what_the_build_gets_is_a_workspace() {
    let folder = TempDir::new().expect("a folder");
    let files = build_context(folder.path());
    for stage in stages() {
        for copy in
            stage.instructions.iter().filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
        {
            let words: Vec<&str> = copy.split(' ').collect();
            for source in &words[1..words.len() - 1] {
                assert!(folder.path().join(source).exists(), "`{copy}`: there is no {source}");
            }
        }
    }
    for entry in fs::read_dir(root().join("crates")).expect("crates") {
        let name = entry.expect("a folder").file_name().into_string().expect("a name");
        assert!(files.contains(&format!("crates/{name}/README.md")), "{name} is documented by its README");
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--quiet", "-p", "inspection-server", "--edges", "normal"]);
    let output = cargo.current_dir(folder.path()).output().expect("cargo");
    assert!(output.status.success(), "{}", told(&output));
}

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

#[test]
fn the_role_of_the_service_is_no_superuser_and_owns_its_database() {
    let (Some(server), Some(psql)) = (Server::shared(), installed("psql")) else { return };
    // The server of the tests has a role of that name already.
    let name = format!("deployed_{}", server.fresh_name());
    let script = read("docker/postgres/role.sql").replace("inspection", &name);
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("role.sql"), script).expect("a script");
    let run = |url: &str, arguments: &[&str]| {
        let mut command = Command::new(&psql);
        command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]).args(arguments);
        let output =
            command.env("DB_PASSWORD", "it's secret").current_dir(folder.path()).output().expect("psql");
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    run(&server.url("postgres"), &["-f", "role.sql"]);
    let own = server.url(&name).replace("//inspection@", &format!("//{name}@"));
    run(&own, &["-c", "CREATE TABLE things (id integer)"]);
    let rights =
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = current_user";
    assert_eq!(run(&own, &["-c", rights]), "f|t|f|t");
    let password = format!("SELECT left(rolpassword, 6) FROM pg_authid WHERE rolname = '{name}'");
    assert_eq!(
        run(&server.url("postgres"), &["-c", &password]),
        "SCRAM-",
        "it has the password of the environment"
    );
}

/// nginx with our configuration, on sockets in a folder. There is no first instance of the service; the second one tells what it
/// was asked.
struct Nginx {
    folder: TempDir,
    process: Child,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Nothing can be done about one that has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nginx {
    fn start() -> Option<Self> {
        let (nginx, openssl, _) = (installed("nginx")?, installed("openssl")?, installed("curl")?);
        let folder = TempDir::new().expect("a folder");
        let place = folder.path().to_str().expect("a path");
        let mut site = read("docker/nginx.conf");
        for (theirs, ours) in [
            ("    listen 80;\n", "    listen unix:{}/http;\n"),
            ("    listen [::]:80;\n", ""),
            ("    listen 443 ssl http2;\n", "    listen unix:{}/https ssl http2;\n"),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("server 127.0.0.1:5000 ", "server unix:{}/first "),
            ("server 127.0.0.1:5001 ", "server unix:{}/second "),
            ("/etc/inspection/tls/", "{}/"),
            ("/var/log/nginx/", "{}/"),
            ("/var/www/", "{}/"),
        ] {
            assert!(site.contains(theirs), "nginx.conf: no `{theirs}`");
            site = site.replace(theirs, &ours.replace("{}", place));
        }
        let main = format!(
            "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
            events {{}}
            http {{
                client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
                uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
                include {place}/site.conf;
                server {{
                    listen unix:{place}/second; client_max_body_size 0; default_type application/json;
                    location / {{ return 200 '$request_method $request_uri|$http_host|$http_x_forwarded_proto|$http_x_forwarded_for|$http_x_request_id'; }}
                    location = /large {{ return 200 '{}'; }}
                }}
            }}",
            "x".repeat(3000)
        );
        fs::write(folder.path().join("site.conf"), site).expect("a configuration");
        fs::write(folder.path().join("nginx.conf"), main).expect("a configuration");
        for (path, text) in
            [("certbot/.well-known/acme-challenge/proof", "ours"), ("inspection/app.js", "an app")]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let mut certificate = Command::new(openssl);
        certificate.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]);
        certificate.args(["-days", "2", "-subj", "/CN=inspection.example.com"]);
        certificate.args(["-keyout", "privkey.pem", "-out", "fullchain.pem"]).current_dir(&folder);
        let output = certificate.output().expect("openssl");
        assert!(output.status.success(), "{}", told(&output));

        let mut command = Command::new(nginx);
        command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-p").arg(folder.path());
        let checked =
            Command::new(command.get_program()).args(command.get_args()).arg("-t").output().expect("nginx");
        assert!(checked.status.success(), "{}", told(&checked));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx");
        let nginx = Self { folder, process };
        nginx.wait();
        Some(nginx)
    }

    fn wait(&self) {
        let started = Instant::now();
        while self.ask("http", "/.well-known/acme-challenge/proof", &[]).0 != "200" {
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "nginx doesn't answer: {}",
                self.file("error.log")
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// The status, and head and body of an answer.
    fn ask(&self, scheme: &str, path: &str, arguments: &[&str]) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-q", "-s", "-i", "-k", "--path-as-is", "-w", "\n%{http_code}", "--unix-socket", scheme]);
        curl.args(arguments).arg(format!("{scheme}://inspection.example.com{path}"));
        let output = curl.current_dir(&self.folder).output().expect("curl");
        let text = String::from_utf8(output.stdout).expect("text");
        let (answer, status) = text.rsplit_once('\n').expect("a status");
        (status.to_owned(), answer.to_owned())
    }

    /// The status of a POST with a body of so many bytes.
    fn post(&self, path: &str, size: u64) -> String {
        File::create(self.folder.path().join("body")).expect("a file").set_len(size).expect("a size");
        self.ask("https", path, &["-X", "POST", "-T", "body"]).0
    }
}

#[test]
fn nginx_redirects_to_tls_and_says_who_asks() {
    let Some(nginx) = Nginx::start() else { return };
    let (status, answer) = nginx.ask("http", "/api/defects?page=2", &[]);
    assert_eq!(status, "301");
    assert!(answer.contains("Location: https://inspection.example.com/api/defects?page=2\r\n"), "{answer}");
    // The first instance isn't there; what it couldn't take goes to the second, whatever it is.
    let from = ["-H", "X-Request-Id: an-id", "-H", "X-Forwarded-For: 192.0.2.7", "-d", "{}"];
    let (status, answer) = nginx.ask("https", "/api/files/7/content?signature=hush", &from);
    assert_eq!(status, "200", "{answer}");
    let passed_on =
        "POST /api/files/7/content?signature=hush|inspection.example.com|https|192.0.2.7, unix:|an-id";
    assert!(answer.contains(passed_on), "{answer}");
    assert!(answer.starts_with("HTTP/2 200"), "{answer}");
    assert!(answer.contains("server: nginx\r\n"), "the version is nobody's business: {answer}");
    assert!(!nginx.file("access.log").contains("hush"), "signatures of links are not logged");
    for path in ["/", "/health", "/docs/", "/api/notifications/stream"] {
        let (status, answer) = nginx.ask("https", path, &[]);
        assert!(status == "200" && answer.contains(&format!("GET {path}|")), "{path}: {answer}");
    }
    let (_, file) = nginx.ask("https", "/app.js", &[]);
    assert!(file.ends_with("an app"), "files of a web app come from the proxy");
    let (_, answer) = nginx.ask("https", "/health", &[]);
    for name in [
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "content-security-policy",
    ] {
        assert!(file.contains(&format!("\r\n{name}: ")), "{name}: {file}");
        // The service sends its own, and nothing is sent twice.
        assert!(!answer.contains(&format!("\r\n{name}: ")), "{name}: {answer}");
    }
    let (_, answer) =
        nginx.ask("https", "/large", &["-H", "Accept-Encoding: gzip", "-o", "large.gz", "-D", "-"]);
    assert!(answer.contains("content-encoding: gzip"), "{answer}");
}

#[test]
fn nginx_keeps_metrics_from_the_world() {
    let Some(nginx) = Nginx::start() else { return };
    for path in
        ["/metrics", "/metrics/", "//metrics", "/./metrics", "/%6detrics", "/api/../metrics", "/metrics?x=1"]
    {
        assert_eq!(nginx.ask("https", path, &[]).0, "404", "{path}");
    }
}

#[test]
fn nginx_takes_bodies_as_large_as_the_service_does() {
    // Whoever changes one of these changes the sizes of the proxies as well.
    let upload = read("crates/http/src/files/upload.rs");
    assert_lines("upload.rs", &upload, &["const MANY: usize = 10;", "const ENVELOPE: usize = 64 << 10;"]);
    assert_lines(".env.example", &read(".env.example"), &["#MAX_CONTENT_LENGTH=16777216"]);
    let (file, envelope) = (16 << 20, 64 << 10);
    let caddy = read("docker/Caddyfile");
    for size in [file, file + envelope, 10 * file + envelope] {
        assert_lines("Caddyfile", &caddy, &[&format!("max_size {size}")]);
    }
    let Some(nginx) = Nginx::start() else { return };
    for (path, most) in [
        ("/api/checklists", file),
        ("/api/files/upload", file + envelope),
        ("/api/files/upload-multiple", 10 * file + envelope),
    ] {
        assert_eq!(nginx.post(path, most), "200", "{path}");
        assert_eq!(nginx.post(path, most + 1), "413", "{path}");
    }
}

#[test]
fn nginx_is_more_patient_than_the_service() {
    let nginx = read("docker/nginx.conf");
    assert_lines(".env.example", &read(".env.example"), &["#REQUEST_TIMEOUT=120s"]);
    let wanted = ["proxy_read_timeout 130s;", "proxy_send_timeout 130s;", "client_body_timeout 120s;"];
    assert_lines("nginx.conf", &nginx, &wanted);
    let stream = block(&nginx, "location = /api/notifications/stream {");
    assert_lines("the stream", &stream, &["proxy_buffering off;", "proxy_read_timeout 1h;"]);
    let wanted = ["ssl_protocols TLSv1.2 TLSv1.3;", "listen [::]:80;", "listen [::]:443 ssl http2;"];
    assert_lines("nginx.conf", &nginx, &wanted);
    let directives: Vec<_> = nginx.lines().filter(|line| !line.trim().starts_with('#')).collect();
    assert!(!directives.iter().any(|line| line.contains("non_idempotent")), "nothing is done twice");
    let caddy = read("docker/Caddyfile");
    assert_lines(
        "Caddyfile",
        &caddy,
        &["response_header_timeout 130s", "@metrics path /metrics*", "respond 404"],
    );
}

#[test]
fn systemd_takes_the_units() {
    let Some(analyze) = installed("systemd-analyze") else { return };
    let folder = TempDir::new().expect("a folder");
    for name in UNITS {
        let unit = read(&format!("docker/{name}")).replace("/usr/local/bin/inspection-server", "/bin/true");
        fs::write(folder.path().join(name), unit.replace("=appuser", "=daemon")).expect("a unit");
    }
    let mut verify = Command::new(analyze);
    let output = verify.arg("verify").args(UNITS.iter().map(|name| folder.path().join(name))).output();
    let output = output.expect("systemd-analyze");
    // It only warns of settings that it doesn't know.
    let place = folder.path().to_str().expect("a path");
    let told = told(&output);
    let about_ours: Vec<_> =
        told.lines().filter(|line| line.contains(place) || line.contains("inspection-")).collect();
    assert!(output.status.success() && about_ours.is_empty(), "{told}");
}

#[test]
fn units_give_the_program_no_more_than_it_needs() {
    let mut services = 0;
    for name in UNITS.iter().filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "service"))
    {
        services += 1;
        let wanted = [
            "User=appuser",
            "UMask=0027",
            "EnvironmentFile=/etc/inspection/inspection.env",
            "Environment=APP_ENV=production",
            "StateDirectory=inspection inspection/uploads inspection/backups",
            "LogsDirectory=inspection",
            "ProtectSystem=strict",
            "ProtectHome=true",
            "PrivateTmp=true",
            "PrivateDevices=true",
            "ProtectKernelLogs=true",
            "ProtectKernelModules=true",
            "ProtectKernelTunables=true",
            "NoNewPrivileges=true",
            "CapabilityBoundingSet=",
            "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
            "LockPersonality=true",
            "MemoryDenyWriteExecute=true",
            "SystemCallFilter=@system-service",
        ];
        assert_lines(name, &read(&format!("docker/{name}")), &wanted);
    }
    assert_eq!(services, 3);
}

#[test]
fn systemd_starts_the_service_again_and_holds_its_socket() {
    let unit = read("docker/inspection-server.service");
    let wanted =
        ["Type=exec", "ExecStart=/usr/local/bin/inspection-server serve", "Restart=always", "RestartSec=2"];
    assert_lines("service", &unit, &wanted);
    let wanted = ["KillSignal=SIGTERM", "TimeoutStopSec=75", "Requires=inspection-server.socket"];
    assert_lines("service", &unit, &wanted);
    assert_lines(".env.example", &read(".env.example"), &["#SHUTDOWN_TIMEOUT=30s"]);
    let socket = read("docker/inspection-server.socket");
    assert_lines(
        "socket",
        &socket,
        &["ListenStream=127.0.0.1:5000", "NoDelay=true", "WantedBy=sockets.target"],
    );
}

#[test]
fn somebody_is_told_of_everything_that_needs_somebody() {
    let alerts = read("docker/alerts.yaml");
    for (alert, about) in [
        ("InspectionUnreachable", "up{job=\"inspection\"} == 0"),
        ("InspectionUnhealthy", "inspection_up == 0"),
        ("InspectionHealthCheckFails", "status=\"503\""),
        ("InspectionErrors", "status=~\"5..\""),
        ("InspectionSlow", "le=~\"5(\\\\.0)?\""),
        ("InspectionPoolExhausted", "inspection_pool_waits_refused_total{place=\"database\"}"),
        ("InspectionPoolBusy", "inspection_pool_connections{state=\"most\"}"),
        ("InspectionDiskFillsUp", "inspection_disk_free_bytes / inspection_disk_size_bytes"),
        ("InspectionDiskFull", "inspection_disk_free_bytes / inspection_disk_size_bytes"),
        ("InspectionJobsWait", "inspection_outbox_oldest_due_seconds"),
        ("InspectionJobsDead", "inspection_outbox_jobs{status=\"dead\"}"),
        ("InspectionTaskLate", "inspection_task_late_seconds"),
        ("InspectionRateLimited", "inspection_rate_limited_total"),
        ("InspectionSignInsFail", "inspection_sign_in_failures_total"),
        ("InspectionBackupOld", "inspection_last_backup_timestamp_seconds"),
        ("InspectionBackupMissing", "inspection_last_backup_timestamp_seconds"),
    ] {
        let rule = block(&alerts, &format!("- alert: {alert}"));
        assert!(rule.contains("expr:") && rule.contains("severity:") && rule.contains("summary:"), "{alert}");
        assert!(rule.contains(about), "{alert} is about {about}");
    }
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("inspection_")) {
        assert!(METRICS.contains(&word), "there is no metric {word}");
    }
    let scrape = read("docker/prometheus.yaml");
    let wanted = ["- job_name: inspection", "metrics_path: /metrics", "type: Bearer"];
    assert_lines("prometheus.yaml", &scrape, &wanted);
    assert_lines("prometheus.yaml", &scrape, &["credentials_file: /etc/prometheus/inspection-metrics-token"]);
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
