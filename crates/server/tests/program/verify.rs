//! `verify` and `health`: a correct deployment passes, and each fault is reported.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_persistence::scratch;
use inspection_testkit::{clients::Client, or_skip, postgres::Server, skips::Skipped};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Running, folder, program,
    proxy::{self, BREAKABLE, Proxy},
};

const EMAIL: &str = "chief@example.com";
const PASSWORD: &str = "a-password-nobody-may-see";

/// Timeout of waits.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);

/// A service and its folder.
struct Service {
    child: Child,
    base: String,
    _folder: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Migrates, creates the admin, and starts.
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let given = [("PORT", "0"), ("BIND", "127.0.0.1"), ("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")];
        let settings = [&given[..], settings].concat();
        let migrated = program(&folder, &settings, &["migrate", "up"]).output().expect("ended");
        assert!(migrated.status.success(), "{migrated:?}");
        let arguments = ["admin", "create", "--email", EMAIL, "--name", "Chief", "--password-stdin"];
        let mut create = program(&folder, &settings, &arguments);
        let mut create = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started");
        writeln!(create.stdin.take().expect("input"), "{PASSWORD}").expect("written");
        assert!(create.wait().expect("ended").success());
        let mut serve = program(&folder, &settings, &["serve"]);
        let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("a log")).lines().map_while(Result::ok);
        let base = log.find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            let address = (line["message"] == "listening").then(|| line["address"].as_str())??;
            Some(format!("http://{address}"))
        });
        // Drains the log, so that the process isn't blocked.
        thread::spawn(move || log.for_each(drop));
        Self { child, base: base.expect("listens"), _folder: folder }
    }

    /// Starts with the production profile on PostgreSQL, for tests behind nginx.
    fn in_production() -> Result<Self, Skipped> {
        proxy::nginx()?;
        let server = Server::shared()?;
        let name = server.fresh_name();
        scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
        let service = Self::start(&[
            ("APP_ENV", "production"),
            ("SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24"),
            ("JWT_SECRET_KEY", "e91c7a3f2d8b4605b7f1c0d9a8e35b62"),
            ("DATABASE_URL", &server.url(&name)),
            ("CORS_ORIGINS", "https://app.example.com"),
            ("TRUSTED_PROXIES", "127.0.0.0/8"),
            ("METRICS_TOKEN", "0b7d4c1e8a2f4935"),
        ]);
        service.wait_for_tasks();
        Ok(service)
    }

    fn admin(&self) -> Client {
        let anonymous = Client::new(&self.base);
        let login = anonymous.post("/api/auth/login", &json!({"email": EMAIL, "password": PASSWORD}));
        anonymous.with_token(login.json["access_token"].as_str().expect("a token"))
    }

    /// Waits until the start has caught up missed runs.
    fn wait_for_tasks(&self) {
        let (admin, started) = (self.admin(), Instant::now());
        loop {
            let tasks = admin.get("/api/admin/tasks");
            let mut tasks = tasks.data().as_array().expect("tasks").iter();
            if tasks.all(|task| task["last_run"]["outcome"] == "succeeded") {
                return;
            }
            assert!(started.elapsed() < WAIT_TIMEOUT, "the tasks don't run");
            // Stays within the rate limit.
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// The output of `verify` for an address.
fn verify(url: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let arguments = [&["verify", "--url", url], arguments].concat();
    let output = program(&folder(), environment, &arguments).output().expect("ended");
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(PASSWORD), "the password is shown");
    output
}

const GIVEN: [(&str, &str); 1] = [("VERIFY_PASSWORD", PASSWORD)];

/// The output of `verify` for a proxy, as the admin.
fn verify_behind(proxy: &Proxy, arguments: &[&str]) -> Output {
    let (ca, port) = (proxy.ca(), proxy.http.to_string());
    let given = ["--ca-certificate", ca.to_str().expect("a path"), "--http-port", &port, "--email", EMAIL];
    verify(&proxy.url, &GIVEN, &[&given, arguments].concat())
}

/// Verdict and text of the findings in the JSON output, by id.
fn findings(output: &Output) -> BTreeMap<String, (String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = report["findings"].as_array().expect("findings").iter();
    findings.map(|found| (text(&found["id"]), (text(&found["verdict"]), text(&found["found"])))).collect()
}

/// Asserts that these findings and no others failed, with these texts.
fn assert_failed(output: &Output, expected: &[(&str, &str)]) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let findings = findings(output);
    for (id, words) in expected {
        let (verdict, found) = &findings[*id];
        assert!(verdict == "fail" && found.contains(words), "{id}: {verdict}: {found}");
    }
    let failed = findings.iter().filter(|(_, (verdict, _))| verdict == "fail");
    let others: Vec<_> = failed.filter(|(id, _)| expected.iter().all(|(known, _)| known != id)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Asserts that no visible resource is left.
fn assert_clean(admin: &Client) {
    let none = |path: &str| assert_eq!(admin.get(path).json["pagination"]["total"], 0, "{path}");
    assert_eq!(admin.get("/api/users").json["pagination"]["total"], 1, "only the admin is active");
    none("/api/files");
    none("/api/equipment?status=active");
    none("/api/checklists?is_active=true");
    none("/api/defects?status=open");
    none("/api/defects?status=resolved");
    none("/api/notifications");
}

#[test]
fn a_correct_deployment_passes_and_is_clean_afterwards() {
    let service = or_skip!(Service::in_production());
    let table = verify_behind(&Proxy::start(&proxy::shipped(), &service.base, "198.51.100.1"), &[]);
    let said = String::from_utf8_lossy(&table.stdout);
    assert_eq!(table.status.code(), Some(0), "{said}\n{table:?}");
    assert!(said.contains("22 passed, 0 warnings, 0 failed, 1 not applicable"), "{said}");
    assert!(said.contains("✔  verify.cleanup") && said.contains("retained as history: "), "{said}");
    let admin = service.admin();
    assert_clean(&admin);

    let output = verify_behind(&Proxy::start(&proxy::shipped(), &service.base, "198.51.100.2"), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let findings = findings(&output);
    let passed = findings.values().filter(|(verdict, _)| verdict == "pass").count();
    assert_eq!((findings.len(), passed, findings["verify.metrics"].0.as_str()), (23, 22, "not_applicable"));
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_clean(&admin);
}

#[test]
fn faults_of_a_proxy_are_reported_and_resources_are_removed() {
    let service = or_skip!(Service::in_production());
    let failed = r#"{"data":[{"name":"check_backlog","next_run":"2100-01-01T00:00:00Z","last_run":
        {"scheduled_for":"2026-03-02T00:00:00Z","started_at":"2026-03-02T00:00:00Z","outcome":"failed"}}]}"#;
    let server = format!(
        "location = /health {{ default_type application/json; return 503 '{{\"status\":\"degraded\"}}'; }}
         location = /health/ready {{ return 503; }}
         location = /api/openapi.json {{ return 404; }}
         location = /api/notifications {{ default_type application/json; return 200 '{{\"data\":[]}}'; }}
         location = /api/admin/tasks {{ default_type application/json; return 200 '{}'; }}
         location = /api/there-is-nothing-here {{ return 404 'File \"/usr/lib/app.py\", line 3'; }}
         location ~ ^/api/files/[0-9]+$ {{ return 403; }}",
        failed.replace('\n', " ")
    );
    let location = "proxy_hide_header X-Frame-Options;
        add_header Set-Cookie 'balancer=1' always;
        add_header Access-Control-Allow-Origin $http_origin always;";
    let config = BREAKABLE
        .replace("#server", &server)
        .replace("#location", location)
        .replace("return 301 https://$host$request_uri;", "return 200 'welcome';")
        .replace("client_max_body_size 17m", "client_max_body_size 1m");
    let proxy = Proxy::start(&config, &service.base, "198.51.100.3");
    let output = verify_behind(&proxy, &["--json", "--skip-rate-limit"]);
    assert_failed(
        &output,
        &[
            ("verify.health", "returns 503: status degraded, database nothing"),
            ("verify.ready", "returns 503"),
            ("verify.redirect", "returns 200 instead of a redirect to https"),
            ("verify.headers", "x-frame-options on /, x-frame-options on /api/auth/me"),
            ("verify.cors", "https://foreign.example is allowed"),
            ("verify.docs", "/api/openapi.json returns 404"),
            ("verify.upload_large", "just under 16 MiB is refused"),
            ("verify.notification", "without a notification"),
            ("verify.tasks", "the responses lack times"),
            ("verify.errors", "GET /api/there-is-nothing-here: the response contains .py"),
            ("verify.cleanup", "file "),
            ("verify.cookies", "balancer by GET /health/live"),
        ],
    );
    assert_eq!(findings(&output)["verify.rate_limit"].0, "not_applicable");
    let admin = service.admin();
    assert_eq!(admin.get("/api/defects?status=closed").json["pagination"]["total"], 1);
    assert_eq!(admin.get("/api/users").json["pagination"]["total"], 1);
    assert_eq!(admin.get("/api/equipment?status=active").json["pagination"]["total"], 0);

    // With the real /health, which has the time to judge the tasks by.
    let server = format!(
        "location = /api/admin/tasks {{ default_type application/json; return 200 '{}'; }}
         location = /api/users {{ default_type application/json; if ($request_method = GET) {{ return 200 '{{}}'; }}
            proxy_pass {}; proxy_set_header X-Forwarded-For $remote_addr; }}
         location = /api/auth/logout {{ return 200; }}
         location = /api/files/upload {{ default_type application/json; return 201 '{{\"data\":{{\"id\":999999}}}}'; }}",
        failed.replace('\n', " "),
        service.base,
    );
    let config = BREAKABLE.replace("#server", &server);
    let proxy = Proxy::start(&config, &service.base, "198.51.100.4");
    assert_failed(
        &verify_behind(&proxy, &["--json", "--skip-rate-limit"]),
        &[
            ("verify.tasks", "check_backlog failed at 2026-03-02T00:00:00"),
            ("verify.roles", "without a token, the accounts return 200"),
            ("verify.logout", "after signing out, the access token returns 200"),
            ("verify.upload", "downloading the image returns 404 NOT_FOUND"),
            ("verify.upload_disguised", "a web page named photo.png is accepted"),
            ("verify.upload_too_large", "more than 16 MiB is accepted"),
            ("verify.cleanup", "file 999999 (404 NOT_FOUND)"),
        ],
    );
}

#[test]
fn lax_settings_are_reported() {
    let service = Service::start(&[("APP_ENV", "testing")]);
    let admin = service.admin();
    let given = json!({
        "email": "engineer@example.com", "password": "a-password-of-the-admin", "full_name": "E", "role": "engineer",
    });
    assert_eq!(admin.post("/api/users", &given).status, 201);
    let environment = [GIVEN[0], ("VERIFY_USER_PASSWORD", "a-password-of-the-admin")];
    let arguments = ["--json", "--skip-rate-limit", "--email", EMAIL, "--user-email", "engineer@example.com"];
    let output = verify(&service.base, &environment, &arguments);
    assert_failed(&output, &[("verify.roles", "engineer@example.com must change the password first")]);
    let credentials = json!({"email": "engineer@example.com", "password": "a-password-of-the-admin"});
    let login = Client::new(&service.base).post("/api/auth/login", &credentials);
    let engineer = admin.with_token(login.json["access_token"].as_str().expect("a token"));
    let change = json!({
        "current_password": "a-password-of-the-admin", "new_password": "another-password-of-tests",
    });
    assert_eq!(engineer.post("/api/auth/change-password", &change).status, 200);
    let environment = [GIVEN[0], ("VERIFY_USER_PASSWORD", "another-password-of-tests")];
    let arguments = ["--json", "--email", EMAIL, "--user-email", "engineer@example.com"];
    let output = verify(&service.base, &environment, &arguments);
    assert_failed(&output, &[("verify.rate_limit", "20 wrong passwords in a row are not rate limited")]);
    let findings = findings(&output);
    for (id, words) in [
        ("verify.tls", "plain HTTP, on this machine only"),
        ("verify.cors", "every web site may call the API"),
        ("verify.token_lifetime", "live 24:00 h"),
        ("verify.tasks", "not run yet: generate_daily_lists"),
    ] {
        let (verdict, found) = &findings[id];
        assert!(verdict == "warning" && found.contains(words), "{id}: {verdict}: {found}");
    }
    assert_eq!(findings["verify.redirect"].0, "not_applicable");
    let users = admin.get("/api/users");
    assert_eq!(users.json["pagination"]["total"], 2, "the given account stays active");

    let wrong =
        verify(&service.base, &[("VERIFY_PASSWORD", "not-the-password")], &["--json", "--email", EMAIL]);
    assert_failed(
        &wrong,
        &[
            ("verify.login", "the credentials of chief@example.com are refused: INVALID_CREDENTIALS"),
            ("verify.rate_limit", "20 wrong passwords"),
        ],
    );
    assert_eq!(self::findings(&wrong)["verify.upload"].0, "not_applicable");
    assert!(!String::from_utf8_lossy(&wrong.stdout).contains("not-the-password"));

    let anonymous = verify(&service.base, &[], &["--json", "--skip-rate-limit"]);
    assert_eq!(anonymous.status.code(), Some(0), "{anonymous:?}");
    assert!(self::findings(&anonymous)["verify.login"].1.contains("--email"));
    let swapped = ["--json", "--skip-rate-limit", "--email", "engineer@example.com"];
    let engineer = [("VERIFY_PASSWORD", "another-password-of-tests")];
    let no_admin = verify(&service.base, &engineer, &swapped);
    assert_failed(&no_admin, &[("verify.login", "engineer@example.com is no admin")]);
}

#[test]
fn unreachable_and_untrusted_deployments_are_reported_and_nothing_is_sent() {
    // A port on which nothing listens.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let output = verify(&url, &GIVEN, &["--email", EMAIL]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains("✘  verify.health") && said.contains("no response"), "{said}");
    assert!(said.contains("–  verify.login"), "{said}");

    let without = verify(&url, &[], &["--email", EMAIL]);
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).contains("VERIFY_PASSWORD"), "{without:?}");

    if proxy::nginx().is_ok() {
        let proxy = Proxy::start(BREAKABLE, "127.0.0.1:9", "198.51.100.5");
        let output = verify(&proxy.url, &GIVEN, &["--json", "--email", EMAIL]);
        assert_failed(&output, &[("verify.tls", "no trusted connection")]);
        let ca = proxy.ca();
        let trusted = ["--json", "--ca-certificate", ca.to_str().expect("a path")];
        let dead = verify(&proxy.url, &GIVEN, &trusted);
        assert_eq!(findings(&dead)["verify.tls"].0, "pass", "{dead:?}");
        assert!(findings(&dead)["verify.health"].1.contains("502"), "{dead:?}");
        // The certificate names another host.
        let by_number = proxy.url.replace("localhost", "127.0.0.1");
        assert_failed(&verify(&by_number, &GIVEN, &trusted), &[("verify.tls", "no trusted connection")]);
        let no_ca = folder();
        let file = no_ca.path().join("ca.pem");
        fs::write(&file, "nothing").expect("written");
        let odd = verify(&proxy.url, &GIVEN, &["--ca-certificate", file.to_str().expect("a path")]);
        assert_eq!(odd.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&odd.stderr).contains("no certificate in PEM"), "{odd:?}");
    }
}

#[test]
fn health_probes_the_service_of_the_same_configuration() {
    let folder = folder();
    let service = Running::start(&folder, &[]);
    let port = service.base.rsplit(':').next().expect("a port").to_owned();
    let health = |settings: &[(&str, &str)], arguments: &[&str]| {
        program(&folder, settings, &[&["health"], arguments].concat()).output().expect("ended")
    };
    let fine = health(&[("PORT", &port), ("BIND", "0.0.0.0")], &[]);
    assert_eq!(fine.status.code(), Some(0), "{fine:?}");
    assert_eq!(
        String::from_utf8_lossy(&fine.stdout).trim(),
        format!("http://127.0.0.1:{port}/health/ready is ready")
    );
    assert_eq!(health(&[], &["--url", &service.base]).status.code(), Some(0));
    let live = health(&[], &["--live", "--url", &service.base]);
    assert_eq!(String::from_utf8_lossy(&live.stdout).trim(), format!("{}/health/live is live", service.base));
    let elsewhere = health(&[], &["--url", &format!("{}/nowhere", service.base)]);
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("returns 404"), "{elsewhere:?}");
    service.stop();
    for arguments in [&[][..], &["--live"]] {
        let gone = health(&[("PORT", &port)], arguments);
        assert_eq!(gone.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&gone.stderr).contains("doesn't respond"), "{gone:?}");
    }
}
