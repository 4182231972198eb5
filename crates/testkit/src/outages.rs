//! The program under load during outages of its PostgreSQL and Redis.

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

/// Time for the service to notice an outage or its end, with a wide margin.
const RECOVERY_TIMEOUT: Duration = Duration::from_mins(1);

/// Results of the outages.
#[derive(Debug)]
pub struct OutageReport {
    /// Results of the load.
    pub tally: Tally,
    /// Number of cycles through all outages.
    pub cycles: u32,
    /// Time to the first response after each return of PostgreSQL.
    pub recoveries: Vec<Duration>,
    /// Differences between the responses and the stored machines.
    pub losses: Vec<String>,
    /// Number of machines that exist although their creation was refused: the connection broke
    /// after the commit.
    pub kept_though_refused: usize,
    /// Errors in the log of the program.
    pub errors: Vec<String>,
}

/// The running program.
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
        Self { child, base: base.expect("the address is printed"), folder }
    }

    /// Waits until `/health` meets a condition. Returns the time that took.
    fn until(&self, what: &str, is_so: impl Fn(u16, &serde_json::Value) -> bool) -> Duration {
        // Every probe has its own client address, so that no rate limit applies.
        let probe = Client::new(&self.base);
        let started = Instant::now();
        for n in 0_u32.. {
            let [_, a, b, c] = n.to_be_bytes();
            let probe = probe.with_header("x-forwarded-for", &format!("172.{}.{b}.{c}", 16 + a));
            let answer = probe.get("/health");
            if is_so(answer.status, &answer.json) {
                break;
            }
            assert!(started.elapsed() < RECOVERY_TIMEOUT, "{what}: {}", answer.text);
            thread::sleep(Duration::from_millis(50));
        }
        started.elapsed()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The test has noticed if it ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a load on the program for at least this time, with outages of length `pause`.
///
/// # Panics
///
/// When the program doesn't start, ends by itself, or doesn't notice an outage or its end.
pub fn survive(
    program: &Path,
    time: Duration,
    pause: Duration,
    threads: u8,
) -> Result<OutageReport, Skipped> {
    let mut postgres = OwnServer::start()?;
    let mut redis = Redis::start_with(Some("limits-and-more"))?;
    scratch::create_database(&postgres.url("postgres"), "inspection", None).expect("a database");
    let mut service = Service::start(program, &postgres.url("inspection"), &redis.url());
    let is_shared = |_: u16, health: &serde_json::Value| health["rate_limits"] == "redis";
    let is_local = |status: u16, health: &serde_json::Value| {
        status == 200 && health["rate_limits"] == "memory (redis unreachable)"
    };
    let is_healthy = |status: u16, _: &serde_json::Value| status == 200;
    let is_degraded = |status: u16, _: &serde_json::Value| status == 503;
    service.until("limits are shared at the start", is_shared);
    let began = Instant::now();
    let load = Load::start(&service.base, ACCOUNT, threads);
    let (mut cycles, mut recoveries) = (0, Vec::new());
    while cycles == 0 || began.elapsed() < time {
        thread::sleep(pause);
        redis.kill();
        service.until("limits go on without Redis", is_local);
        thread::sleep(pause);
        redis.resume();
        service.until("limits are shared again", is_shared);
        redis.freeze();
        service.until("limits go on while Redis is frozen", is_local);
        thread::sleep(pause);
        redis.thaw();
        service.until("limits are shared again", is_shared);
        for how in [Stop::Immediate, Stop::Fast] {
            postgres.stop(how);
            service.until("the database is unavailable", is_degraded);
            assert_eq!(Client::new(&service.base).get("/health/ready").status, 503);
            thread::sleep(pause);
            postgres.resume();
            recoveries.push(service.until("the database is back", is_healthy));
            thread::sleep(pause);
        }
        redis.kill();
        postgres.stop(Stop::Immediate);
        service.until("everything is unavailable", is_degraded);
        postgres.resume();
        redis.resume();
        recoveries.push(service.until("everything is back", is_healthy));
        service.until("limits are shared again", is_shared);
        cycles += 1;
    }
    thread::sleep(pause);
    let tally = load.finish();
    assert!(service.child.try_wait().expect("a process").is_none(), "the program has ended");
    let (losses, kept_though_refused) = stored(&service.base, &tally);
    let log = fs::read_to_string(service.folder.path().join("log")).expect("a log");
    let errors = log.lines().filter(|line| line.contains("ERROR")).map(ToOwned::to_owned).collect();
    Ok(OutageReport { tally, cycles, recoveries, losses, kept_though_refused, errors })
}

/// Compares the stored machines with the responses. Returns the differences, and the number of
/// machines that exist although their creation was refused.
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
    for serial in &tally.created {
        match found.get(serial) {
            Some(1) => {}
            None => losses.push(format!("{serial} was confirmed and doesn't exist")),
            Some(times) => losses.push(format!("{serial} exists {times} times")),
        }
    }
    let mut preserved = 0;
    for (n, serial) in tally.unsure.iter().enumerate() {
        let times = found.get(serial).copied().unwrap_or_default();
        preserved += times;
        // A retry after a refusal creates the machine exactly once.
        let client = admin.with_header("x-forwarded-for", &format!("192.168.{}.1", n % 250));
        let again = client.post("/api/equipment", &machine(serial)).status;
        let expected = if times == 0 { 201 } else { 409 };
        if times > 1 || again != expected {
            losses.push(format!("{serial} was refused, exists {times} times, and a retry returned {again}"));
        }
    }
    (losses, preserved)
}
