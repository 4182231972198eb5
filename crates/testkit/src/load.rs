//! A mixed load on a running service that checks every response: it must be right, or a refusal
//! that the API documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    clients::{Client, FormFile, Response, form},
    files,
};

/// Maximal number of wrong responses in a tally.
const WRONG_MAX: usize = 20;

/// Account of the admin under which a load runs.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// E-mail address.
    pub email: &'a str,
    /// Password.
    pub password: &'a str,
}

impl Account<'_> {
    /// Body of the request that signs in.
    pub fn credentials(&self) -> Value {
        json!({"email": self.email, "password": self.password})
    }

    /// A client signed in at this base URL.
    pub fn sign_in(&self, base: &str) -> Client {
        let anonymous = Client::new(base);
        let login = anonymous.post("/api/auth/login", &self.credentials());
        anonymous.with_token(login.json["access_token"].as_str().expect("a token"))
    }
}

/// Results of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// Number of responses by operation and status; 0 for a request without a response.
    pub statuses: BTreeMap<(&'static str, u16), usize>,
    /// Response times.
    pub times: Vec<Duration>,
    /// Responses that are neither right nor a documented refusal, and requests without a response.
    pub wrong: Vec<String>,
    /// Serial numbers of machines whose creation was confirmed.
    pub created: BTreeSet<String>,
    /// Serial numbers of machines whose creation was refused, although it may have been committed.
    pub unsure: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (key, count) in other.statuses {
            *self.statuses.entry(key).or_default() += count;
        }
        self.times.extend(other.times);
        self.wrong.extend(other.wrong);
        self.wrong.truncate(WRONG_MAX);
        self.created.extend(other.created);
        self.unsure.extend(other.unsure);
    }

    /// Number of responses with this status.
    pub fn answered(&self, status: u16) -> usize {
        self.statuses.iter().filter(|((_, of), _)| *of == status).map(|(_, count)| count).sum()
    }

    /// A percentile of the response times, in thousandths.
    pub fn within(&self, thousandths: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let place = (times.len() * thousandths / 1000).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default()
    }
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Starts threads that send one request after another as this admin. Every request of all but
    /// the first thread has its own client address in `X-Forwarded-For`, which the service must
    /// trust, so that no rate limit applies; the first thread exceeds the limits.
    pub fn start(base: &str, account: Account<'_>, threads: u8) -> Self {
        let admin = account.sign_in(base);
        let machine = admin.post("/api/equipment", &machine("LOAD")).id();
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..threads)
            .map(|number| {
                let mut worker = Worker {
                    number,
                    anonymous: Client::new(base),
                    token: admin.token().expect("a token").to_owned(),
                    credentials: account.credentials(),
                    machine,
                    picture: files::png(64, 48),
                    tally: Tally::default(),
                };
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    let mut turn = 0;
                    while !stop.load(Ordering::Relaxed) {
                        worker.act(turn);
                        turn += 1;
                    }
                    worker.tally
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Stops the load after the requests in flight.
    pub fn finish(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for thread in self.threads {
            tally.add(thread.join().expect("a tally"));
        }
        tally
    }
}

/// Body of a machine with this serial number.
pub fn machine(serial: &str) -> Value {
    json!({"name": format!("Machine {serial}"), "equipment_type": "pump", "serial_number": serial, "location": "Quay",
        "location_ar": "الرصيف"})
}

/// Whether a response is a documented refusal with a time for a retry.
fn is_refusal(answer: &Response) -> bool {
    let code = match answer.status {
        429 => "RATE_LIMITED",
        503 => "UNAVAILABLE",
        _ => return false,
    };
    let has_time =
        answer.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|wait| wait > 0));
    let is_standard = answer.json["status"] == "error" && answer.json["request_id"].is_string();
    has_time && is_standard && answer.code() == code
}

struct Worker {
    number: u8,
    anonymous: Client,
    token: String,
    credentials: Value,
    machine: i64,
    picture: Vec<u8>,
    tally: Tally,
}

impl Worker {
    /// Sends the request of this turn.
    fn act(&mut self, turn: u32) {
        let serial = format!("LOAD-{}-{turn}", self.number);
        let machine_path = format!("/api/equipment/{}", self.machine);
        match turn % 12 {
            0 | 6 => {
                let body = machine(&serial);
                let created = self.ask(turn, "create", "POST", "/api/equipment", Some(&body), |answer| {
                    answer.status == 201 && answer.json["data"]["serial_number"] == *serial
                });
                if created {
                    self.tally.created.insert(serial)
                } else {
                    self.tally.unsure.insert(serial)
                };
            }
            1 | 4 | 7 | 10 => {
                let machine = self.machine;
                self.ask(turn, "read", "GET", &machine_path, None, |answer| {
                    answer.status == 200 && answer.json["data"]["id"] == machine
                });
            }
            2 | 8 => {
                self.ask(turn, "list", "GET", "/api/equipment?per_page=5&sort=-id", None, |answer| {
                    let machines = answer.json["data"].as_array().map_or(0, Vec::len);
                    answer.status == 200
                        && (1..=5).contains(&machines)
                        && answer.json["pagination"].is_object()
                });
            }
            3 => self.upload(turn, &serial),
            5 => {
                self.ask(turn, "live", "GET", "/health/live", None, |answer| {
                    answer.status == 200 && answer.json["status"] == "alive"
                });
            }
            9 => {
                self.ask(turn, "health", "GET", "/health", None, |answer| {
                    let state = (answer.status, answer.json["database"].as_str());
                    matches!(state, (200, Some("connected")) | (503, Some("unreachable")))
                });
            }
            _ => {
                let credentials = self.credentials.clone();
                self.ask(turn, "login", "POST", "/api/auth/login", Some(&credentials), |answer| {
                    answer.status == 200 && answer.json["access_token"].is_string()
                });
            }
        }
    }

    /// Uploads a picture as evidence.
    fn upload(&mut self, turn: u32, serial: &str) {
        let name = format!("{serial}.png");
        let picture = self.picture.clone();
        let file = FormFile { field: "file", name: &name, declared: "image/png", bytes: &picture };
        let (kind, body) = form(&[], &[file]);
        let sent = (kind.as_str(), body.as_slice());
        self.judge(turn, "upload", "POST", "/api/files/upload", Some(sent), |answer| {
            answer.status == 201 && answer.json["data"]["id"].is_i64()
        });
    }

    fn ask(
        &mut self,
        turn: u32,
        what: &'static str,
        method: &str,
        path: &str,
        body: Option<&Value>,
        is_right: impl FnOnce(&Response) -> bool,
    ) -> bool {
        let body = body.map(|body| body.to_string().into_bytes());
        let body = body.as_ref().map(|body| ("application/json", body.as_slice()));
        self.judge(turn, what, method, path, body, is_right)
    }

    /// Sends a request and counts its response. Returns whether that is right.
    fn judge(
        &mut self,
        turn: u32,
        what: &'static str,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
        is_right: impl FnOnce(&Response) -> bool,
    ) -> bool {
        let [_, _, high, low] = turn.to_be_bytes();
        let address = match self.number {
            0 => "10.0.0.1".to_owned(),
            number => format!("10.{number}.{high}.{low}"),
        };
        let client = self.anonymous.with_token(&self.token).with_header("x-forwarded-for", &address);
        let started = Instant::now();
        let sent = client.try_send(method, path, body);
        self.tally.times.push(started.elapsed());
        let (status, is_right, said) = match sent {
            Ok(answer) if is_right(&answer) => (answer.status, true, None),
            Ok(answer) if is_refusal(&answer) => (answer.status, false, None),
            Ok(answer) => (answer.status, false, Some(format!("{} {}", answer.status, answer.text))),
            Err(error) => (0, false, Some(error)),
        };
        *self.tally.statuses.entry((what, status)).or_default() += 1;
        if let Some(said) = said.filter(|_| self.tally.wrong.len() < WRONG_MAX) {
            let after = started.elapsed().as_millis();
            self.tally.wrong.push(format!("{method} {path} after {after} ms: {said}"));
        }
        is_right
    }
}
