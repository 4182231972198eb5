//! Rate limits: equal in memory and on Redis, with a local fallback while Redis is unavailable.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use actix_governor::governor::{
    Quota, RateLimiter,
    clock::{Clock, FakeRelativeClock},
    middleware::StateInformationMiddleware,
};
use inspection_domain::users::Role;
use inspection_testkit::{
    DatabaseKind,
    clients::{Client, Response},
    or_skip,
    redis::Redis,
};
use proptest::{
    collection::vec,
    prelude::{Strategy, prop_assert_eq, prop_oneof},
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::site::{TestSite, settings};

/// A service with rate limits behind a trusted proxy.
fn limited(redis_url: Option<String>, redis_timeout: Duration) -> TestSite {
    let settings = inspection_http::Settings {
        rate_limits: true,
        redis_url: redis_url.map(Into::into),
        redis_timeout,
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..settings()
    };
    TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in")
}

/// A Redis timeout that a busy machine does not exceed.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);

/// The Redis timeout of the program.
const SHORT_TIMEOUT: Duration = Duration::from_millis(250);

/// Runs a check with limits in memory, and with limits on Redis if it is installed.
macro_rules! on_both_stores {
    ($($name:ident($site:ident: TestSite) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check($site: TestSite) $body

            #[test]
            fn memory() {
                check(limited(None, LONG_TIMEOUT));
            }

            #[test]
            fn redis() {
                let redis = or_skip!(Redis::start());
                let site = limited(Some(redis.url()), LONG_TIMEOUT);
                assert_eq!(site.anonymous().get("/health").json["rate_limits"], "redis");
                check(site);
            }
        }
    )+};
}

mod passwords;

/// The response to a request with this header, as text.
fn send_raw(site: &TestSite, header: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.base.trim_start_matches("http://")).expect("connected");
    let head = b"GET /health/live HTTP/1.1\r\nHost: site\r\nConnection: close\r\n";
    stream.write_all(&[head, header, b"\r\n\r\n"].concat()).expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("received");
    String::from_utf8_lossy(&response).into_owned()
}

/// With an address of its own for every request, a client would have no limit.
#[test]
fn forwarded_headers_that_are_not_readable_are_refused() {
    let site = limited(None, LONG_TIMEOUT);
    for header in [
        &b"X-Forwarded-For: \xFF"[..],
        b"X-Forwarded-For: 198.51.100.7, \xFF",
        b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: rubbish",
        b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: \xFF",
    ] {
        let response = send_raw(&site, header);
        let shown = String::from_utf8_lossy(header);
        assert!(response.starts_with("HTTP/1.1 400"), "{shown}: {response}");
        assert!(response.contains("VALIDATION_ERROR") && response.contains("x-request-id"), "{response}");
    }
    for header in [&b"X-Forwarded-For: \xFF, 198.51.100.7"[..], b"X-Forwarded-For: 198.51.100.7:4711"] {
        assert!(send_raw(&site, header).starts_with("HTTP/1.1 200"));
    }
}

fn from(site: &TestSite, address: &str) -> Client {
    site.anonymous().with_header("x-forwarded-for", address)
}

fn number(answer: &Response, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}: {:?}", answer.headers));
    value.parse().expect("a number")
}

/// A wrong sign-in at this account.
fn guess(account: &str) -> Value {
    json!({"email": format!("{account}@example.com"), "password": "a guess"})
}

/// A body whose requests the limit of the endpoint counts.
fn body(path: &str) -> Value {
    if path == "/api/auth/login" { guess("person") } else { json!({}) }
}

/// The endpoints with their own limit, in requests a minute.
const ROUTE_LIMITS: [(&str, u32); 7] = [
    ("/api/auth/login", 5),
    ("/api/auth/refresh", 10),
    ("/api/files/upload", 10),
    ("/api/files/upload-multiple", 5),
    ("/api/bonus-stars", 20),
    ("/api/bonus-stars/request", 20),
    ("/api/engineer-jobs", 20),
];

/// Sends requests until one is refused, and checks the headers of each response.
fn exhaust(limit: u32, ask: impl Fn() -> Response) {
    let period = Duration::from_mins(1) / limit;
    let began = Instant::now();
    let mut sent = 0_u32;
    loop {
        let answer = ask();
        sent += 1;
        // The number of tokens that can have been refilled meanwhile.
        let back = u32::try_from(began.elapsed().as_nanos() / period.as_nanos()).expect("a number");
        assert_eq!(number(&answer, "ratelimit-limit"), u64::from(limit));
        let (remaining, reset) = (number(&answer, "ratelimit-remaining"), number(&answer, "ratelimit-reset"));
        if answer.status == 429 {
            assert!((limit + 1..=limit + back + 1).contains(&sent), "refused request {sent} of {limit}");
            assert_eq!((answer.code(), remaining), ("RATE_LIMITED", 0));
            assert_eq!(number(&answer, "retry-after"), reset);
            assert!((1..=period.as_secs() + 1).contains(&reset), "{reset}");
            return;
        }
        let left = u64::from(limit.saturating_sub(sent));
        assert!((left..=left + u64::from(back)).contains(&remaining), "{remaining} left after {sent}");
        assert_eq!(reset, (60 * (u64::from(limit) - remaining)).div_ceil(limit.into()));
        assert_eq!(answer.header("retry-after"), None);
        assert!(sent < 3 * limit, "nothing was refused");
    }
}

/// Whether the overall limit refuses a sign-in of a client that has no more sign-ins either.
///
/// The overall limit gets a token back every 300 ms, possibly just before the sign-in, hence the
/// repetition.
fn overall_refuses_first(client: &Client) -> bool {
    (0..20).any(|_| {
        while client.get("/health/live").status != 429 {}
        let refused = client.post("/api/auth/login", &guess("another"));
        assert_eq!(refused.status, 429);
        number(&refused, "ratelimit-limit") == 200
    })
}

on_both_stores! {
    every_limit_counts_and_reports_alike(site: TestSite) {
        for (n, (path, limit)) in ROUTE_LIMITS.iter().enumerate() {
            let client = from(&site, &format!("192.0.2.{n}"));
            exhaust(*limit, || client.post(path, &body(path)));
            let read = client.get(path);
            assert_eq!((number(&read, "ratelimit-limit"), read.status == 429), (200, false), "reading has the overall limit");
        }
        let client = from(&site, "192.0.2.100");
        exhaust(5, || client.post("/api/auth/login", &guess("another")));
        assert!(overall_refuses_first(&client), "the overall limit is checked before the one of the endpoint");
        let metrics = site.anonymous().get("/metrics").text;
        for name in ["overall", "login", "refresh", "engineer_jobs", "bonuses", "bonus_requests", "upload", "upload_multiple"] {
            assert!(metrics.contains(&format!("inspection_rate_limited_total{{limit=\"{name}\"}}")), "{name}: {metrics}");
        }
    }

    another_spelling_of_a_path_has_the_same_limit(site: TestSite) {
        let client = from(&site, "192.0.2.1");
        let refresh = |path: &str| number(&client.post(path, &json!({})), "ratelimit-remaining");
        assert_eq!(refresh("/api/auth/refresh"), 9);
        assert_eq!(refresh("/api/auth/%72efresh"), 8);
        assert_eq!(refresh("/api/auth/refresh?x=1"), 7);
    }

    one_ipv6_network_is_one_client(site: TestSite) {
        let left = |address: &str| {
            number(&from(&site, address).post("/api/auth/login", &guess("person")), "ratelimit-remaining")
        };
        assert_eq!(left("2001:db8:1:2::1"), 4);
        assert_eq!(left("2001:db8:1:2:ffff:ffff:ffff:ffff"), 3);
        assert_eq!(left("2001:db8:1:3::1"), 4);
        assert_eq!(left("::ffff:192.0.2.1"), 4);
        assert_eq!(left("192.0.2.1"), 3, "the same address as IPv4");
        assert_eq!(left("198.51.100.1, 192.0.2.1"), 2, "a forged address comes first");
        assert_eq!(left("192.0.2.1, 127.0.0.9"), 1, "through two proxies");
    }
}

/// Without trusted proxies the client is the peer of the connection, whatever is forwarded.
fn forged_addresses_are_one_client(redis_url: Option<String>) {
    let settings = inspection_http::Settings {
        rate_limits: true,
        redis_url: redis_url.map(Into::into),
        redis_timeout: LONG_TIMEOUT,
        ..settings()
    };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    for n in (0..5).rev() {
        let client = from(&site, &format!("192.0.2.{n}"));
        assert_eq!(number(&client.post("/api/auth/login", &guess("person")), "ratelimit-remaining"), n);
    }
    assert_eq!(from(&site, "192.0.2.99").post("/api/auth/login", &guess("person")).status, 429);
}

#[test]
fn forged_addresses_of_an_untrusted_client_are_ignored_in_memory() {
    forged_addresses_are_one_client(None);
}

#[test]
fn forged_addresses_of_an_untrusted_client_are_ignored_on_redis() {
    let redis = or_skip!(Redis::start());
    forged_addresses_are_one_client(Some(redis.url()));
}

/// Sends requests to both services from many threads. Returns the number that passed and the
/// elapsed time.
fn race(
    sites: [&TestSite; 2],
    address: &str,
    requests: usize,
    ask: impl Fn(&Client) -> Response + Sync,
) -> (usize, Duration) {
    const THREADS: usize = 12;
    let began = Instant::now();
    let passed = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (client, ask) = (from(sites[n % 2], address), &ask);
                scope.spawn(move || (0..requests / THREADS).filter(|_| ask(&client).status != 429).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("answers")).sum()
    });
    (passed, began.elapsed())
}

#[test]
fn instances_with_one_redis_share_their_counts_under_concurrency() {
    let redis = or_skip!(Redis::start());
    let sites = [limited(Some(redis.url()), LONG_TIMEOUT), limited(Some(redis.url()), LONG_TIMEOUT)];
    let sites = [&sites[0], &sites[1]];
    let most = |limit: usize, took: Duration| {
        limit + usize::try_from(took.as_millis()).expect("a short time") * limit / 60_000
    };
    let (passed, took) = race(sites, "192.0.2.1", 48, |client| client.post("/api/auth/refresh", &json!({})));
    assert!((10..=most(10, took)).contains(&passed), "{passed} in {took:?}");
    let (passed, took) = race(sites, "192.0.2.2", 480, |client| client.get("/health/live"));
    assert!((200..=most(200, took)).contains(&passed), "{passed} in {took:?}");
}

/// Waits until the health of a service names this counter.
fn wait_for_counter(site: &TestSite, rate_limits: &str) {
    let began = Instant::now();
    for n in 0.. {
        let health = from(site, &format!("10.1.{}.{}", n / 250 % 250, n % 250)).get("/health");
        assert_eq!(
            (health.status, &health.json["status"]),
            (200, &json!("healthy")),
            "the service is healthy without Redis"
        );
        if health.json["rate_limits"] == rate_limits {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{}", health.text);
        thread::sleep(Duration::from_millis(20));
    }
}

/// The counter of a service that has lost Redis.
const LOCAL_FALLBACK: &str = "memory (redis unreachable)";

fn falls_back_and_recovers(fail: impl Fn(&mut Redis), recover: impl Fn(&mut Redis)) {
    let mut redis = or_skip!(Redis::start());
    let sites = [limited(Some(redis.url()), SHORT_TIMEOUT), limited(Some(redis.url()), SHORT_TIMEOUT)];
    let [one, other] = &sites;
    wait_for_counter(one, "redis");
    wait_for_counter(other, "redis");
    let refresh = |site: &TestSite, address: &str| from(site, address).post("/api/auth/refresh", &json!({}));
    fail(&mut redis);
    let slow = (0..100).filter(|n| {
        let started = Instant::now();
        let answer = from(one, &format!("192.0.2.{n}")).get("/health/live");
        assert_eq!((answer.status, number(&answer, "ratelimit-remaining")), (200, 199));
        started.elapsed() > Duration::from_secs(2)
    });
    // A busy machine may stop for as long once.
    let slow = slow.count();
    assert!(slow < 5, "{slow} of 100 requests wait for Redis");
    wait_for_counter(one, LOCAL_FALLBACK);
    let ready = one.anonymous().get("/health/ready");
    assert_eq!((ready.status, &ready.json["rate_limits"]), (200, &json!(LOCAL_FALLBACK)));
    assert!(one.anonymous().get("/metrics").text.contains("inspection_up{part=\"redis\"} 0"));
    exhaust(10, || refresh(one, "192.0.2.1"));
    assert_eq!(number(&refresh(other, "192.0.2.1"), "ratelimit-remaining"), 9, "each instance counts alone");
    recover(&mut redis);
    wait_for_counter(one, "redis");
    wait_for_counter(other, "redis");
    assert!(one.anonymous().get("/metrics").text.contains("inspection_up{part=\"redis\"} 1"));
    // Counts are shared again. A busy machine may time out again: then another client is tried.
    let mut shared = (0..20).map(|n| {
        let address = format!("192.0.2.{}", 200 + n);
        let (first, second) = (refresh(one, &address), refresh(other, &address));
        [number(&first, "ratelimit-remaining"), number(&second, "ratelimit-remaining")] == [9, 8]
    });
    assert!(shared.any(|is_shared| is_shared), "limits are not shared again");
}

#[test]
fn a_killed_redis_is_replaced_by_memory_until_it_is_back() {
    falls_back_and_recovers(Redis::kill, Redis::resume);
}

#[test]
fn a_frozen_redis_is_replaced_by_memory_until_it_responds() {
    falls_back_and_recovers(|redis| redis.freeze(), |redis| redis.thaw());
}

#[test]
fn a_redis_that_refuses_writes_is_replaced_by_memory() {
    falls_back_and_recovers(
        |redis| drop(redis.call(&["CONFIG", "SET", "maxmemory", "1"])),
        |redis| drop(redis.call(&["CONFIG", "SET", "maxmemory", "0"])),
    );
}

#[test]
fn with_a_wrong_password_limits_are_counted_in_memory() {
    let redis = or_skip!(Redis::start_with(Some("the-right-one")));
    for password in [Some("a-wrong-one"), None] {
        let site = limited(Some(redis.url_with(password)), SHORT_TIMEOUT);
        wait_for_counter(&site, LOCAL_FALLBACK);
        exhaust(5, || from(&site, "192.0.2.1").post("/api/auth/login", &guess("person")));
    }
    let site = limited(Some(redis.url()), LONG_TIMEOUT);
    wait_for_counter(&site, "redis");
}

#[test]
fn an_unreachable_redis_is_replaced_by_memory() {
    for url in ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "redis+unix:///nowhere/socket", "nonsense"] {
        let site = limited(Some(url.to_owned()), SHORT_TIMEOUT);
        wait_for_counter(&site, LOCAL_FALLBACK);
        exhaust(5, || from(&site, "192.0.2.1").post("/api/auth/login", &guess("person")));
    }
}

#[test]
fn foreign_values_under_the_keys_of_limits_are_overwritten() {
    let redis = or_skip!(Redis::start());
    let site = limited(Some(redis.url()), LONG_TIMEOUT);
    let key = |n: usize| format!("inspection:limit:{{192.0.2.{n}}}:refresh");
    let values = ["", "nan", "inf", "-5", "99999999999999999999", "soon"];
    redis.call(&["LPUSH", &key(100), "x"]);
    for (n, value) in values.iter().enumerate() {
        redis.call(&["SET", &key(n), value]);
    }
    for n in (0..values.len()).chain([100]) {
        let refresh = || from(&site, &format!("192.0.2.{n}")).post("/api/auth/refresh", &json!({}));
        exhaust(10, refresh);
        assert_eq!(redis.call(&["TYPE", &key(n)]), ["+string"]);
    }
    wait_for_counter(&site, "redis");
    // Keys expire within one minute.
    let left: i64 = redis.call(&["PTTL", &key(0)])[0].trim_start_matches(':').parse().expect("a number");
    assert!((1..=60_001).contains(&left), "{left}");
}

on_both_stores! {
    a_phone_spends_its_budget_by_items(site: TestSite) {
        let [own, other] = [Role::Inspector, Role::Inspector].map(|role| site.as_a(role));
        let batch = |n: usize| {
            let item = |place: usize| json!({"client_id": format!("item-{place}"), "entity_type": "unknown"});
            json!({"items": (0..n).map(item).collect::<Vec<_>>()})
        };
        for _ in 0..4 {
            let taken = own.post("/api/sync/batch", &batch(500));
            assert_eq!(taken.status, 200, "{}", taken.text);
        }
        let refused = own.post("/api/sync/batch", &batch(500));
        assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"), "{}", refused.text);
        assert_eq!(number(&refused, "ratelimit-limit"), 2000);
        let wait = number(&refused, "retry-after");
        assert!((1..=15).contains(&wait), "500 items come back within 15 seconds: {wait}");
        assert_eq!(other.post("/api/sync/batch", &batch(500)).status, 200, "another user at the same address");
        assert_eq!(own.get("/api/auth/me").status, 200, "only offline work has to wait");
    }
}

/// The script with the time in microseconds as its last argument, and without expiry of keys.
fn script_with_a_clock_argument() -> String {
    let text = include_str!("../../crates/http/src/web/limits/gcra.lua");
    let mut text = text.to_owned();
    for (original, changed) in [
        ("time[1] * 1000000 + time[2]", "tonumber(ARGV[#ARGV])"),
        (", 'PX', math.ceil((full - now) / 1000)", ""),
    ] {
        assert_eq!(text.matches(original).count(), 1, "{original}");
        text = text.replace(original, changed);
    }
    text
}

#[test]
fn the_script_and_governor_agree_on_every_sequence_of_requests() {
    let redis = or_skip!(Redis::start());
    let script = script_with_a_clock_argument();
    let key = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    for (limit, most) in [(5_u32, 1_u32), (10, 1), (20, 1), (200, 1), (200, 90), (2000, 500)] {
        let period = 60_000_000 / u64::from(limit);
        // Gaps: bursts, less than one token, exactly one, a few, and longer than a full refill.
        let gap = prop_oneof![
            6 => 0..20_u64,
            2 => 0..period,
            1 => (1..4_u64).prop_map(move |times| times * period),
            1 => 0..8 * period,
            1 => 60_000_000..200_000_000_u64,
        ];
        let agreed = runner.run(&vec((gap, 1..=most), 1..40), |requests| {
            let clock = FakeRelativeClock::default();
            let quota = Quota::with_period(Duration::from_micros(period)).expect("a period");
            let quota = quota.allow_burst(limit.try_into().expect("some"));
            let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
            let limiter = limiter.with_middleware::<StateInformationMiddleware>();
            let mut now = 1_800_000_000_000_000_u64;
            key.set(key.get() + 1);
            for (gap, tokens) in requests {
                clock.advance(Duration::from_micros(gap));
                now += gap;
                let taken = limiter.check_n(tokens.try_into().expect("some"));
                let expected = match taken.expect("fewer than the capacity") {
                    Ok(state) => (u64::from(state.remaining_burst_capacity()), 0),
                    Err(refused) => (0, refused.wait_time_from(clock.now()).as_secs() + 1),
                };
                let answer = redis.call(&[
                    "EVAL",
                    &script,
                    "1",
                    &format!("test:{}", key.get()),
                    &tokens.to_string(),
                    &limit.to_string(),
                    &now.to_string(),
                ]);
                let numbers: Vec<u64> =
                    answer.iter().filter_map(|n| n.strip_prefix(':')?.parse().ok()).collect();
                prop_assert_eq!(numbers, vec![1, expected.0, expected.1]);
            }
            Ok(())
        });
        agreed.unwrap_or_else(|error| panic!("{limit} a minute: {error}"));
    }
}

#[test]
fn a_request_that_the_overall_limit_refuses_does_not_count_for_its_route() {
    let redis = or_skip!(Redis::start());
    let site = limited(Some(redis.url()), LONG_TIMEOUT);
    let client = from(&site, "192.0.2.1");
    exhaust(200, || client.get("/health/live"));
    let refused = client.post("/api/auth/refresh", &json!({}));
    assert_eq!((refused.status, number(&refused, "ratelimit-limit")), (429, 200));
    let keys: BTreeMap<&str, Vec<String>> = ["overall", "refresh"]
        .map(|name| (name, redis.call(&["EXISTS", &format!("inspection:limit:{{192.0.2.1}}:{name}")])))
        .into();
    assert_eq!(keys, BTreeMap::from([("overall", vec![":1".into()]), ("refresh", vec![":0".into()])]));
}

#[test]
fn health_and_system_report_the_counter_of_requests() {
    let counted = |site: &TestSite| -> Value { site.anonymous().get("/health").json["rate_limits"].clone() };
    let unlimited = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    assert_eq!(counted(&unlimited), "off");
    let site = limited(None, LONG_TIMEOUT);
    assert_eq!(counted(&site), "memory");
    let admin = site.as_a(Role::Admin);
    assert_eq!(admin.get("/api/admin/system").data()["rate_limits"], "memory");
    assert!(!site.anonymous().get("/metrics").text.contains("part=\"redis\""));
}
