//! The service is restarted under load behind a proxy, on an inherited socket: no request fails,
//! and no acknowledged write is lost. A write whose response is lost with the process is done once.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use inspection_domain::users::Role;
use inspection_testkit::{
    DatabaseKind, TestDatabase, builders,
    clients::Client,
    context::context,
    invariants, or_skip,
    processes::{Signal, signal},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    folder, program,
    proxy::{self, Proxy},
};

/// Timeout of waits.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);

/// A running service with a socket of this test, as if from systemd.
struct Service {
    child: Child,
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(folder: &TempDir, settings: &[(&str, &str)], socket: &TcpListener) -> Self {
        let script = r#"exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" serve"#;
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_inspection-server")]);
        command.current_dir(folder.path()).env_clear().envs(settings.iter().copied());
        let socket = OwnedFd::from(socket.try_clone().expect("the socket once more"));
        let mut child = command.stdin(socket).stderr(Stdio::piped()).spawn().expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("a log")).lines().map_while(Result::ok);
        let is_there = log.any(|line| {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            line["message"] == "listening"
        });
        assert!(is_there, "it listens");
        // Drains the output, so that the process isn't blocked.
        thread::spawn(move || log.for_each(drop));
        Self { child }
    }

    /// Stops the service with SIGTERM.
    fn stop(&mut self) {
        signal(self.child.id(), Signal::TERM);
        assert_eq!(self.child.wait().expect("ended").code(), Some(0));
    }
}

/// Reads and writes until `is_over`, and gives the serial numbers of the created machines.
fn load(client: &Client, number: usize, is_over: &AtomicBool, done: &AtomicUsize) -> Vec<String> {
    let mut created = Vec::new();
    for turn in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let list = client.get("/api/equipment?per_page=5");
        assert_eq!(list.status, 200, "{}", list.text);
        let serial = format!("restart-{number}-{turn}");
        let body = json!({"name": "Crane", "equipment_type": "crane", "serial_number": serial});
        let answer = client.post("/api/equipment", &body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.data()["serial_number"], serial.as_str());
        created.push(serial);
        done.fetch_add(2, Ordering::SeqCst);
    }
    created
}

#[test]
fn clients_behind_a_proxy_do_not_notice_restarts() {
    or_skip!(proxy::nginx());
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let (context, _) = context();
    let chief = builders::user(&db, &context, Role::Admin);
    let folder = folder();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    // Rate limits are off, since all requests come from one address.
    let settings =
        [("APP_ENV", "testing"), ("DATABASE_URL", &db.url), ("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")];
    let mut service = Service::start(&folder, &settings, &socket);
    let proxy = Proxy::start(&proxy::shipped(), &address, "127.0.0.1");
    let anonymous = Client::trusting(&proxy.url, &proxy.ca());
    let credentials = json!({"email": chief.email, "password": builders::PASSWORD});
    let login = anonymous.post("/api/auth/login", &credentials);
    let client = anonymous.with_token(login.json["access_token"].as_str().expect("a token"));

    let (is_over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let created: Vec<String> = thread::scope(|scope| {
        let (client, is_over, done) = (&client, &is_over, &done);
        let threads: Vec<_> =
            (0..6).map(|number| scope.spawn(move || load(client, number, is_over, done))).collect();
        let mut restarts = 0;
        while restarts < 5 && threads.iter().all(|thread| !thread.is_finished()) {
            // Waits until all threads have made requests.
            let (before, begun) = (done.load(Ordering::SeqCst), Instant::now());
            while done.load(Ordering::SeqCst) < before + 60
                && threads.iter().all(|thread| !thread.is_finished())
            {
                assert!(begun.elapsed() < WAIT_TIMEOUT, "no requests are made");
                thread::sleep(Duration::from_millis(10));
            }
            service.stop();
            service = Service::start(&folder, &settings, &socket);
            restarts += 1;
        }
        is_over.store(true, Ordering::SeqCst);
        threads.into_iter().flat_map(|thread| thread.join().expect("no request failed")).collect()
    });
    let total = client.get("/api/equipment?q=restart-").json["pagination"]["total"].clone();
    assert_eq!(total, created.len(), "acknowledged writes exist");
    assert!(created.len() > 150, "{}", created.len());
    service.stop();
    let checked = program(&folder, &settings, &["migrate", "status"]).output().expect("ended");
    assert!(checked.status.success(), "the database passes the check");
}

/// Sends a request without waiting for the response.
fn send_only(address: &str, token: &str, key: &str, body: &str) {
    let mut socket = TcpStream::connect(address).expect("connected");
    let request = format!(
        "POST /api/equipment HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).expect("sent");
}

/// A client sends its request again after the process was killed between commit and response.
fn a_lost_response_is_sent_after_the_restart(kind: DatabaseKind) {
    let db = or_skip!(TestDatabase::new(kind));
    let (context, _) = context();
    let chief = builders::user(&db, &context, Role::Admin);
    let folder = folder();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    let settings =
        [("APP_ENV", "testing"), ("DATABASE_URL", &db.url), ("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")];
    let mut service = Service::start(&folder, &settings, &socket);
    let anonymous = Client::new(&format!("http://{address}"));
    let credentials = json!({"email": chief.email, "password": builders::PASSWORD});
    let login = anonymous.post("/api/auth/login", &credentials);
    let token = login.json["access_token"].as_str().expect("a token");
    let client = anonymous.with_token(token);
    let machines = || client.get("/api/equipment").json["pagination"]["total"].as_i64().expect("a number");
    for round in 1..4 {
        let (key, serial) = (format!("key-{round}"), format!("killed-{round}"));
        let body = json!({"name": "Crane", "equipment_type": "crane", "serial_number": serial});
        send_only(&address, token, &key, &body.to_string());
        let begun = Instant::now();
        while machines() < round {
            assert!(begun.elapsed() < WAIT_TIMEOUT, "the machine is not registered");
        }
        service.child.kill().expect("killed");
        service.child.wait().expect("ended");
        service = Service::start(&folder, &settings, &socket);
        let again = client.with_header("Idempotency-Key", &key).post("/api/equipment", &body);
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (201, Some("true")),
            "{}",
            again.text
        );
        assert_eq!((again.data()["serial_number"].as_str(), machines()), (Some(serial.as_str()), round));
    }
    service.stop();
    invariants::assert_kept(&db, &context);
}

#[test]
fn a_response_that_was_lost_with_the_process_is_sent_again_sqlite() {
    a_lost_response_is_sent_after_the_restart(DatabaseKind::Sqlite);
}

#[test]
fn a_response_that_was_lost_with_the_process_is_sent_again_postgres() {
    a_lost_response_is_sent_after_the_restart(DatabaseKind::Postgres);
}
