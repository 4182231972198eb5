//! Three instances behind the shipped nginx, with one PostgreSQL, one Redis and one folder, as
//! `docker compose up --scale api=3` starts them.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_persistence::scratch;
use inspection_testkit::{
    clients::{Client, Response},
    files::png,
    or_skip,
    postgres::Server,
    redis::Redis,
    skips::Skipped,
};
use openssl::ssl::{SslConnector, SslMethod, SslStream};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    folder, program,
    proxy::{self, Proxy},
};

const EMAIL: &str = "chief@example.com";
const PASSWORD: &str = "Nimble-Harbour-42-crane";
const FIRST_PASSWORD: &str = "Quiet-Lantern-17-quay";
const METRICS_TOKEN: &str = "0b7d4c1e8a2f4935";

/// Timeout of waits.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);

/// An instance.
struct Instance {
    child: Child,
    base: String,
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Instance {
    /// Starts in a folder that instances share, and waits until it listens.
    fn start(folder: &TempDir, settings: &[(&str, &str)]) -> Self {
        let mut command = program(folder, settings, &["serve"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("a log")).lines().map_while(Result::ok);
        let mut before = Vec::new();
        let base = log.find_map(|text| {
            let line: Value = serde_json::from_str(&text).unwrap_or_default();
            let address = (line["message"] == "listening").then(|| line["address"].as_str()).flatten();
            let base = address.map(|address| format!("http://{address}"));
            before.push(text);
            base
        });
        // Drains the log, so that the process isn't blocked.
        thread::spawn(move || log.for_each(drop));
        Self { child, base: base.unwrap_or_else(|| panic!("it doesn't listen: {}", before.join("\n"))) }
    }

    /// Requests that it has answered so far.
    fn requests(&self) -> u64 {
        let metrics = Client::new(&self.base).with_token(METRICS_TOKEN).get("/metrics");
        assert_eq!(metrics.status, 200, "{}", metrics.text);
        let counts = metrics.text.lines().filter(|line| line.starts_with("inspection_http_requests_total{"));
        let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum()
    }
}

/// The instances and their proxy.
struct Instances {
    all: Vec<Instance>,
    proxy: Proxy,
    folder: TempDir,
    _redis: Redis,
}

impl Instances {
    /// Starts all instances at once, in an empty database.
    fn start() -> Result<Self, Skipped> {
        proxy::nginx()?;
        let (server, redis) = (Server::shared()?, Redis::start()?);
        let name = server.fresh_name();
        scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
        let (database_url, redis_url, folder) = (server.url(&name), redis.url(), folder());
        let settings = [
            ("APP_ENV", "production"),
            ("AUTO_MIGRATE", "true"),
            ("BIND", "127.0.0.1"),
            ("PORT", "0"),
            ("LOG_LEVEL", "info"),
            ("SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24"),
            ("JWT_SECRET_KEY", "e91c7a3f2d8b4605b7f1c0d9a8e35b62"),
            ("DATABASE_URL", &database_url),
            ("DB_POOL_SIZE", "4"),
            ("REDIS_URL", &redis_url),
            ("CORS_ORIGINS", "https://app.example.com"),
            ("TRUSTED_PROXIES", "127.0.0.0/8"),
            ("METRICS_TOKEN", METRICS_TOKEN),
            ("ADMIN_EMAIL", EMAIL),
            ("ADMIN_PASSWORD", PASSWORD),
        ];
        let instances: Vec<Instance> = thread::scope(|scope| {
            let starts: Vec<_> =
                (0..3).map(|_| scope.spawn(|| Instance::start(&folder, &settings))).collect();
            starts.into_iter().map(|start| start.join().expect("started")).collect()
        });
        let servers = instances.iter().map(|instance| {
            let address = instance.base.trim_start_matches("http://");
            format!("    server {address} max_fails=0;\n")
        });
        let shipped = proxy::shipped();
        let one = "    server 127.0.0.1:5000 max_fails=0;\n";
        assert!(shipped.contains(one), "the line that the documentation replaces");
        let config = shipped.replace(one, &servers.collect::<String>());
        let proxy = Proxy::start(&config, "127.0.0.1:9", "198.51.100.7");
        Ok(Self { all: instances, proxy, folder, _redis: redis })
    }

    /// A client of the proxy.
    fn anonymous(&self) -> Client {
        Client::trusting(&self.proxy.url, &self.proxy.ca())
    }

    fn admin(&self) -> Client {
        let anonymous = self.anonymous();
        let login = anonymous.post("/api/auth/login", &json!({"email": EMAIL, "password": PASSWORD}));
        anonymous.with_token(login.json["access_token"].as_str().unwrap_or_else(|| panic!("{}", login.text)))
    }

    /// The event stream of a client of the proxy.
    fn stream(&self, client: &Client) -> SslStream<TcpStream> {
        let mut connector = SslConnector::builder(SslMethod::tls()).expect("TLS");
        connector.set_ca_file(self.proxy.ca()).expect("the CA");
        let port = self.proxy.url.rsplit(':').next().expect("a port");
        let connection = TcpStream::connect(format!("127.0.0.1:{port}")).expect("connected");
        connection.set_read_timeout(Some(WAIT_TIMEOUT)).expect("set");
        let mut stream = connector.build().connect("localhost", connection).expect("TLS");
        let token = client.token().expect("a token");
        let request = format!(
            "GET /api/notifications/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        read_until(&mut stream, "\r\n\r\n");
        stream
    }
}

/// Reads until the text appears, beside the comments that keep a stream alive.
fn read_until(stream: &mut impl Read, text: &str) {
    let (mut read, started) = (Vec::new(), Instant::now());
    while !String::from_utf8_lossy(&read).contains(text) {
        assert!(started.elapsed() < WAIT_TIMEOUT, "no {text:?}: {}", String::from_utf8_lossy(&read));
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).expect("no timeout");
        assert!(length > 0, "the stream has ended: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..length]);
    }
}

/// Sends a request several times at once.
fn at_once(count: usize, send: impl Fn() -> Response + Sync) -> Vec<Response> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&send)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a response")).collect()
    })
}

#[test]
fn three_instances_behind_a_proxy_are_one_service() {
    let mut site = or_skip!(Instances::start());
    let admin = site.admin();

    // Every instance serves, whichever signed the user in.
    let before: Vec<u64> = site.all.iter().map(Instance::requests).collect();
    assert!(at_once(12, || admin.get("/api/auth/me")).iter().all(|answer| answer.status == 200));
    for (instance, before) in site.all.iter().zip(before) {
        assert!(instance.requests() > before + 1, "an instance has no requests");
    }

    // A scheduled task ran once for each of its times, though all instances were started at once.
    let started = Instant::now();
    let tasks = loop {
        let tasks = admin.get("/api/admin/tasks").data().as_array().expect("tasks").clone();
        if tasks.iter().all(|task| task["last_run"]["outcome"] == "succeeded") {
            break tasks;
        }
        assert!(started.elapsed() < WAIT_TIMEOUT, "the tasks don't run: {tasks:?}");
        thread::sleep(Duration::from_secs(1));
    };
    for task in tasks {
        let name = task["name"].as_str().expect("a name");
        let runs =
            admin.get(&format!("/api/admin/tasks/{name}/runs")).data().as_array().expect("runs").clone();
        let times: BTreeSet<&str> = runs.iter().filter_map(|run| run["scheduled_for"].as_str()).collect();
        assert_eq!(times.len(), runs.len(), "{name}: {runs:?}");
    }

    // A request that a client repeats is handled once.
    let body = json!({"name": "Crane", "equipment_type": "crane", "serial_number": "CR-1"});
    let keyed = admin.with_header("idempotency-key", "0d2b7a8e-crane-1");
    let mut created = at_once(6, || keyed.post("/api/equipment", &body));
    created.retain(|answer| answer.status != 409);
    let ids: BTreeSet<i64> = created.iter().map(Response::id).collect();
    assert_eq!(ids.len(), 1, "{created:?}");

    // A photo that one instance stored is served by each.
    let photo = png(64, 64);
    let uploaded = admin.upload(&[], "photo.png", "image/png", &photo);
    assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    let path = format!("/api/files/{}", uploaded.id());
    let served = at_once(6, || admin.get(&path));
    assert!(served.iter().all(|answer| answer.status == 200), "{served:?}");

    // An event reaches a stream, whichever instance wrote it.
    let account = json!({
        "email": "noor@example.com", "password": FIRST_PASSWORD, "full_name": "Noor", "role": "inspector",
        "specialization": "mechanical", "shift": "day", "role_id": "INS007",
    });
    assert_eq!(admin.post("/api/users", &account).status, 201);
    let credentials = json!({"email": "noor@example.com", "password": FIRST_PASSWORD});
    let login = site.anonymous().post("/api/auth/login", &credentials);
    let newcomer = site.anonymous().with_token(login.json["access_token"].as_str().expect("a token"));
    let change = json!({"current_password": FIRST_PASSWORD, "new_password": PASSWORD});
    let changed = newcomer.post("/api/auth/change-password", &change);
    let token = changed.json["access_token"].as_str().expect("a token").to_owned();
    let mut stream = site.stream(&admin);
    for instance in &site.all {
        let direct = Client::new(&instance.base).with_token(&token);
        let direct =
            direct.with_header("x-forwarded-proto", "https").with_header("x-forwarded-for", "198.51.100.9");
        let defect =
            json!({"equipment_id": created[0].id(), "description": "Oil leak", "severity": "critical"});
        let reported = direct.post("/api/defects", &defect);
        assert_eq!(reported.status, 201, "{}", reported.text);
        read_until(&mut stream, "data:");
    }

    // The limit of sign-ins counts all instances together: the fourth one of Noor's wrong guesses
    // may be delayed, and none after the limit reaches a password.
    let guess = json!({"email": "INS007", "password": "not it at all"});
    let guesses: Vec<u16> =
        (0..20).map(|_| site.anonymous().post("/api/auth/login", &guess).status).collect();
    let checked = guesses.iter().filter(|status| **status == 401).count();
    assert!((1..=5).contains(&checked), "{guesses:?}");
    assert!(guesses.iter().all(|status| [401, 429].contains(status)), "{guesses:?}");

    // The logs don't rotate each other's files.
    for log in ["app.log", "app-2.log", "app-3.log"] {
        let log = fs::read_to_string(site.folder.path().join("logs").join(log)).expect("a log");
        assert!(log.contains("listening"), "{log}");
    }

    // An instance that ends takes no request with it.
    drop(site.all.pop());
    assert!(at_once(12, || admin.get("/api/auth/me")).iter().all(|answer| answer.status == 200));

    // A session that ends, ends everywhere at once.
    assert_eq!(admin.post("/api/auth/logout", &json!({})).status, 200);
    assert!(at_once(6, || admin.get("/api/auth/me")).iter().all(|answer| answer.status == 401));
}
