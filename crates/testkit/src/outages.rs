//! The program under load during outages of its PostgreSQL and Redis.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use inspection_persistence::scratch;

use crate::{
    clients::Client,
    load::{Account, Load, Tally, machine},
    postgres::{OwnServer, Stop},
    redis::Redis,
    service::Service,
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

const ACCOUNT: Account<'_> = Account { email: "admin@example.com", password: "correct horse battery" };

fn start(program: &Path, database: &str, redis: &str) -> Service {
    let settings = [
        ("DATABASE_URL", database),
        ("REDIS_URL", redis),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("ADMIN_EMAIL", ACCOUNT.email),
        ("ADMIN_PASSWORD", ACCOUNT.password),
    ];
    Service::start(program, &settings)
}

/// Waits until `/health` meets a condition. Returns the time that took.
fn until(service: &Service, what: &str, is_so: impl Fn(u16, &serde_json::Value) -> bool) -> Duration {
    // Every probe has its own client address, so that no rate limit applies.
    let probe = Client::new(service.base());
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
    let mut service = start(program, &postgres.url("inspection"), &redis.url());
    let until = |what: &str, is_so: fn(u16, &serde_json::Value) -> bool| until(&service, what, is_so);
    let is_shared = |_: u16, health: &serde_json::Value| health["rate_limits"] == "redis";
    let is_local = |status: u16, health: &serde_json::Value| {
        status == 200 && health["rate_limits"] == "memory (redis unreachable)"
    };
    let is_healthy = |status: u16, _: &serde_json::Value| status == 200;
    let is_degraded = |status: u16, _: &serde_json::Value| status == 503;
    until("limits are shared at the start", is_shared);
    let began = Instant::now();
    let load = Load::start(service.base(), ACCOUNT, threads);
    let (mut cycles, mut recoveries) = (0, Vec::new());
    while cycles == 0 || began.elapsed() < time {
        thread::sleep(pause);
        redis.kill();
        until("limits go on without Redis", is_local);
        thread::sleep(pause);
        redis.resume();
        until("limits are shared again", is_shared);
        redis.freeze();
        until("limits go on while Redis is frozen", is_local);
        thread::sleep(pause);
        redis.thaw();
        until("limits are shared again", is_shared);
        for how in [Stop::Immediate, Stop::Fast] {
            postgres.stop(how);
            until("the database is unavailable", is_degraded);
            assert_eq!(Client::new(service.base()).get("/health/ready").status, 503);
            thread::sleep(pause);
            postgres.resume();
            recoveries.push(until("the database is back", is_healthy));
            thread::sleep(pause);
        }
        redis.kill();
        postgres.stop(Stop::Immediate);
        until("everything is unavailable", is_degraded);
        postgres.resume();
        redis.resume();
        recoveries.push(until("everything is back", is_healthy));
        until("limits are shared again", is_shared);
        cycles += 1;
    }
    thread::sleep(pause);
    let tally = load.finish();
    assert!(service.is_running(), "the program has ended");
    let (losses, kept_though_refused) = stored(service.base(), &tally);
    let errors = service.log().lines().filter(|line| line.contains("ERROR")).map(ToOwned::to_owned).collect();
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
