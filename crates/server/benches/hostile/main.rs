//! Hostile requests to the program on PostgreSQL: wrong types, Unicode, sizes, headers, encodings,
//! verbs, bodies and lengths, from a seed. Prints the statuses and the memory over time. Fails
//! after a panic, a server error other than a declared 503, a valid request without a response, or
//! if memory grows.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark is for people"
)]

mod random;
mod requests;
mod values;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use inspection_domain::{time::SiteTimeZone, users::Role};
use inspection_persistence::{Context, Database, Settings, migrations, scratch};
use inspection_testkit::{
    builders::{self, PASSWORD},
    clients::Client,
    context::{context, instant},
    postgres::OwnServer,
    raw_http::{Connection, ResponseHead},
    service::Service,
};
use serde_json::json;

use crate::requests::{Framing, Generator, HostileRequest};

/// Hostile requests.
#[derive(Parser)]
struct Arguments {
    /// Number of requests.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Number of the first request, to repeat a single one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Seed of the requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time limit, in minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Prints each request and its status.
    #[arg(long)]
    verbose: bool,
    /// Passed by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Number of connections at once.
const CONNECTIONS: usize = 16;

/// Days of history of the site.
const DAYS: u16 = 14;

/// Growth of memory from the middle of the run to its end that is no leak, in MB.
const GROWTH_MAX: u64 = 24;

/// Actors, of every role in turn.
const ACTORS: usize = 20;

/// Time limit of a response to a request that HTTP does not allow.
const INVALID_TIMEOUT: Duration = Duration::from_secs(1);

/// Size of a request from which the service may close the connection before it has read all.
const LARGE: usize = 64 << 10;

/// Maximal number of violations that are printed.
const PRINTED: usize = 20;

/// Results so far.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<String, u64>,
    violations: Vec<String>,
    number_of_violations: usize,
}

impl Tally {
    fn violate(&mut self, violation: String) {
        self.number_of_violations += 1;
        if self.violations.len() < PRINTED {
            self.violations.push(violation);
        }
    }
}

/// A run.
struct Run<'a> {
    arguments: &'a Arguments,
    generator: Generator,
    service: &'a Service,
    database: &'a Database,
    context: Context,
    tokens: Mutex<Vec<Option<String>>>,
    next: AtomicU64,
    tally: Mutex<Tally>,
    deadline: Instant,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Without PostgreSQL, the skip is reported.
    let Ok(server) = OwnServer::start_with(&["shared_buffers=256MB", "autovacuum=on"]) else {
        return ExitCode::SUCCESS;
    };
    let url = server.url("hostile");
    scratch::create_database(&server.url("postgres"), "hostile", None).expect("a database");
    let database =
        Database::open(Settings { size: 2, overflow: 0, ..Settings::new(url.as_str()) }).expect("opened");
    migrations::up(&database).expect("migrated");
    let end = instant("2026-11-01T00:00:00Z");
    inspection_demo::generate(&database, &SiteTimeZone::utc(), end, DAYS, |_| ()).expect("a site");
    let settings = [("DATABASE_URL", url.as_str()), ("RATE_LIMITS", "off"), ("LOG_LEVEL", "error")];
    let mut service = Service::start(Path::new(env!("CARGO_BIN_EXE_inspection-server")), &settings);
    let run = Run {
        arguments: &arguments,
        generator: Generator::new(arguments.seed),
        service: &service,
        database: &database,
        context: context().0,
        tokens: Mutex::new(vec![None; ACTORS]),
        next: AtomicU64::new(arguments.from),
        tally: Mutex::default(),
        deadline: Instant::now() + Duration::from_secs(arguments.minutes * 60),
    };
    let started = Instant::now();
    let memory = run.all();
    let sent = run.sent();
    println!(
        "{sent} requests to {} operations in {:.0} s, seed {}",
        run.generator.operations(),
        started.elapsed().as_secs_f64(),
        arguments.seed
    );
    let mut tally = run.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (status, count) in &tally.statuses {
        println!("{status:>20} {count:>8}");
    }
    if sent < arguments.requests {
        tally.violate(format!("the time limit ended the run after {sent} requests"));
    }
    judge_memory(&memory, &mut tally);
    if !service.is_running() {
        tally.violate("the program has ended".to_owned());
    }
    for line in service.log().lines().filter(|line| line.contains("panicked") || line.contains("ERROR")) {
        tally.violate(format!("log: {}", beginning(line.as_bytes(), 600)));
    }
    println!("{} violations", tally.number_of_violations);
    for violation in &tally.violations {
        println!("  {violation}");
    }
    if tally.number_of_violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints samples of the memory, and compares the end of the run with its middle.
fn judge_memory(samples: &[u64], tally: &mut Tally) {
    let at = |part: usize, of: usize| samples[(samples.len() - 1) * part / of] >> 10;
    let line: Vec<String> = (0..=20).map(|n| at(n, 20).to_string()).collect();
    println!("memory in MB, from the start to the end: {}", line.join(" "));
    let median = |from: usize, to: usize| {
        let mut part: Vec<u64> = (from..=to).map(|n| at(n, 40)).collect();
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (middle, end) = (median(16, 24), median(34, 40));
    println!("memory in the middle {middle} MB, at the end {end} MB");
    if end > middle + GROWTH_MAX {
        tally.violate(format!("memory grew from {middle} MB to {end} MB"));
    }
}

fn beginning(bytes: &[u8], length: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(length).flat_map(char::escape_debug).collect()
}

impl Run<'_> {
    /// Sends all requests. Returns samples of the memory of the program, in kB.
    fn all(&self) -> Vec<u64> {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let memory = scope.spawn(|| {
                let mut samples = vec![self.service.memory()];
                while !is_done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(500));
                    samples.push(self.service.memory());
                }
                samples
            });
            let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| self.work())).collect();
            for worker in workers {
                worker.join().expect("a worker");
            }
            is_done.store(true, Ordering::Relaxed);
            memory.join().expect("samples")
        })
    }

    /// Number of requests sent.
    fn sent(&self) -> u64 {
        (self.next.load(Ordering::Relaxed) - self.arguments.from).min(self.arguments.requests)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let (mut connection, mut body) = (None, Vec::new());
        while Instant::now() < self.deadline {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.arguments.from + self.arguments.requests {
                return;
            }
            let mut actor = 0;
            let request = self.generator.request(number, |random| {
                // Every third request comes from an admin, who may do most.
                actor = if random % 3 == 0 { random % ACTORS / 5 * 5 } else { random % ACTORS };
                self.token(actor)
            });
            let outcome = self.send(&mut connection, &request, &mut body);
            let status = match &outcome {
                Ok(head) => head.status.to_string(),
                Err(outcome) => (*outcome).to_owned(),
            };
            if self.arguments.verbose {
                println!("{number} {} {status}: {}", request.operation, beginning(&request.bytes, 2000));
            }
            *self.tally().statuses.entry(status).or_default() += 1;
            let status = outcome.map_or(0, |head| head.status);
            let is_wrong = match status {
                0 => request.framing == Framing::Valid && request.bytes.len() < LARGE,
                503 => !body.is_empty() && !beginning(&body, 1000).contains("UNAVAILABLE"),
                status => status >= 500,
            };
            if is_wrong {
                self.tally().violate(format!(
                    "{number} {}: {status} {} to {}",
                    request.operation,
                    beginning(&body, 300),
                    beginning(&request.bytes, 900)
                ));
            }
            if status == 401 {
                self.check_session(actor);
            }
        }
    }

    /// Sends a request. The outcome without a response is a short text.
    fn send(
        &self,
        connection: &mut Option<Connection>,
        request: &HostileRequest,
        body: &mut Vec<u8>,
    ) -> Result<ResponseHead, &'static str> {
        let is_head = request.bytes.starts_with(b"HEAD ");
        let is_fresh = connection.is_none() || request.framing != Framing::Valid;
        if is_fresh {
            *connection = None;
        }
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => Connection::open(self.service.address()).map_err(|_| "no connection")?,
        };
        // The service may respond and close before the end of the request.
        let sent = stream.send(&request.bytes);
        match request.framing {
            Framing::Valid => {}
            Framing::Invalid => stream.set_read_timeout(INVALID_TIMEOUT).map_err(|_| "no connection")?,
            Framing::Ended => stream.finish().map_err(|_| "closed")?,
            Framing::Dropped => return Err("dropped"),
        }
        match stream.receive(is_head, body) {
            Ok(head) => {
                if !head.closes && request.framing == Framing::Valid && sent.is_ok() {
                    *connection = Some(stream);
                }
                Ok(head)
            }
            // The service closed a connection that it had left open until then.
            Err(error) if !is_fresh && !is_timeout(&error) => self.send(connection, request, body),
            Err(error) if is_timeout(&error) => Err("no response"),
            Err(_) => Err("closed"),
        }
    }

    /// A valid token of an actor.
    fn token(&self, actor: usize) -> String {
        let tokens = || self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tokens().get(actor).cloned().flatten();
        known.unwrap_or_else(|| {
            let user = builders::user(self.database, &self.context, Role::ALL[actor % Role::ALL.len()]);
            let credentials = json!({"email": user.email, "password": PASSWORD});
            let login = Client::new(self.service.base()).post("/api/auth/login", &credentials);
            let token = login.json["access_token"].as_str().unwrap_or_else(|| panic!("{}", login.text));
            tokens()[actor] = Some(token.to_owned());
            token.to_owned()
        })
    }

    /// Replaces an actor whose session a request has ended.
    fn check_session(&self, actor: usize) {
        let token = self.token(actor);
        if Client::new(self.service.base()).with_token(&token).get("/api/auth/me").status == 401 {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            if tokens[actor].as_ref() == Some(&token) {
                tokens[actor] = None;
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
