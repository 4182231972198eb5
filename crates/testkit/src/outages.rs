//! The program on a PostgreSQL and a Redis of its own, under load, while these are taken away and given back.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_persistence::scratch;
use tempfile::TempDir;

use crate::{
    clients::Client,
    load::{Account, Load, Tally, machine},
    postgres::{OwnServer, Stop},
    redis::Redis,
    skips::Skipped,
};

/// How long the service may take to notice that something is back; much longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was seen.
#[derive(Debug)]
pub struct Outcome {
    /// Every answer.
    pub tally: Tally,
    /// Times that everything was taken away and given back.
    pub cycles: u32,
    /// How long it took the service to answer again, each time PostgreSQL was back.
    pub recoveries: Vec<Duration>,
    /// What is wrong with what is stored.
    pub losses: Vec<String>,
    /// Machines whose making was refused and that are there all the same: the connection broke after the commit.
    pub kept_though_refused: usize,
    /// What the program wrote to its log as errors.
    pub errors: Vec<String>,
}

/// The program, and what it needs.
struct Service {
    child: Child,
    base: String,
    folder: TempDir,
}

const ACCOUNT: Account<'_> = Account { email: "admin@example.com", password: "correct horse battery" };

impl Service {
    fn start(program: &Path, database: &str, redis: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut child = Command::new(program)
            .current_dir(folder.path())
            .env_clear()
            .envs([
                ("PORT", "0"),
                ("LOG_LEVEL", "warn"),
                ("DATABASE_URL", database),
                ("REDIS_URL", redis),
                ("TRUSTED_PROXIES", "127.0.0.0/8"),
                ("ADMIN_EMAIL", ACCOUNT.email),
                ("ADMIN_PASSWORD", ACCOUNT.password),
            ])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stdout.take().expect("output")).lines().map_while(Result::ok);
        let mut base = None;
        for line in lines {
            base = line.trim().strip_prefix("Listening on ").map(ToOwned::to_owned).or(base);
            if line.ends_with("Ctrl-C") {
                break;
            }
        }
        Self { child, base: base.expect("the address is told"), folder }
    }

    /// Waits until `/health` is like this; how long that took.
    fn until(&self, what: &str, is_so: impl Fn(u16, &serde_json::Value) -> bool) -> Duration {
        // From an address that nobody else uses, so that no limit gets in the way.
        let probe = Client::new(&self.base);
        let asked = Instant::now();
        for n in 0_u32.. {
            let [_, a, b, c] = n.to_be_bytes();
            let probe = probe.with_header("x-forwarded-for", &format!("172.{}.{b}.{c}", 16 + a));
            let answer = probe.get("/health");
            if is_so(answer.status, &answer.json) {
                break;
            }
            assert!(asked.elapsed() < PATIENCE, "{what}: {}", answer.text);
            thread::sleep(Duration::from_millis(50));
        }
        asked.elapsed()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already, which has been found out by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Loads the program for this time, at least, with outages that last as long as `pause`.
///
/// # Panics
///
/// When the program doesn't start, ends by itself, or doesn't notice that something is gone or back.
pub fn survive(program: &Path, time: Duration, pause: Duration, threads: u8) -> Result<Outcome, Skipped> {
    let mut postgres = OwnServer::start()?;
    let mut redis = Redis::start_with(Some("limits-and-more"))?;
    scratch::create_database(&postgres.url("postgres"), "inspection", None).expect("a database");
    let mut service = Service::start(program, &postgres.url("inspection"), &redis.url());
    let shares = |_: u16, health: &serde_json::Value| health["rate_limits"] == "redis";
    let alone = |status: u16, health: &serde_json::Value| {
        status == 200 && health["rate_limits"] == "memory (redis unreachable)"
    };
    let is_healthy = |status: u16, _: &serde_json::Value| status == 200;
    let is_degraded = |status: u16, _: &serde_json::Value| status == 503;
    service.until("limits are shared at the start", shares);
    let began = Instant::now();
    let load = Load::start(&service.base, ACCOUNT, threads);
    let (mut cycles, mut recoveries) = (0, Vec::new());
    while cycles == 0 || began.elapsed() < time {
        thread::sleep(pause);
        redis.kill();
        service.until("limits go on without Redis", alone);
        thread::sleep(pause);
        redis.resume();
        service.until("limits are shared again", shares);
        redis.freeze();
        service.until("limits go on while Redis is frozen", alone);
        thread::sleep(pause);
        redis.thaw();
        service.until("limits are shared again", shares);
        for how in [Stop::Immediate, Stop::Fast] {
            postgres.stop(how);
            service.until("the database is gone", is_degraded);
            assert_eq!(Client::new(&service.base).get("/health/ready").status, 503);
            thread::sleep(pause);
            postgres.resume();
            recoveries.push(service.until("the database is back", is_healthy));
            thread::sleep(pause);
        }
        redis.kill();
        postgres.stop(Stop::Immediate);
        service.until("everything is gone", is_degraded);
        postgres.resume();
        redis.resume();
        recoveries.push(service.until("everything is back", is_healthy));
        service.until("limits are shared again", shares);
        cycles += 1;
    }
    thread::sleep(pause);
    let tally = load.finish();
    assert!(service.child.try_wait().expect("a process").is_none(), "the program has ended");
    let (losses, kept_though_refused) = stored(&service.base, &tally);
    let log = fs::read_to_string(service.folder.path().join("log")).expect("a log");
    let errors = log.lines().filter(|line| line.contains("ERROR")).map(ToOwned::to_owned).collect();
    Ok(Outcome { tally, cycles, recoveries, losses, kept_though_refused, errors })
}

/// Compares what is stored with what was answered: what is wrong, and how many machines are there though that was refused.
fn stored(base: &str, tally: &Tally) -> (Vec<String>, usize) {
    let admin = ACCOUNT.sign_in(base);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for page in 1.. {
        let client = admin.with_header("x-forwarded-for", &format!("192.168.0.{}", page % 250));
        let answer = client.get(&format!("/api/equipment?per_page=100&sort=id&page={page}"));
        for machine in answer.data().as_array().expect("a list") {
            *found.entry(machine["serial_number"].as_str().expect("a number").to_owned()).or_default() += 1;
        }
        if answer.json["pagination"]["has_next"] != true {
            break;
        }
    }
    let mut losses = Vec::new();
    for serial in &tally.made {
        match found.get(serial) {
            Some(1) => {}
            None => losses.push(format!("{serial} was answered as made and isn't there")),
            Some(times) => losses.push(format!("{serial} is there {times} times")),
        }
    }
    let mut kept = 0;
    for (n, serial) in tally.unsure.iter().enumerate() {
        let times = found.get(serial).copied().unwrap_or_default();
        kept += times;
        // Whoever was refused tries again, and has it exactly once.
        let client = admin.with_header("x-forwarded-for", &format!("192.168.{}.1", n % 250));
        let again = client.post("/api/equipment", &machine(serial)).status;
        let expected = if times == 0 { 201 } else { 409 };
        if times > 1 || again != expected {
            losses
                .push(format!("{serial} was refused, is there {times} times, and trying again gave {again}"));
        }
    }
    (losses, kept)
}
