//! Limits on requests: the same in memory and on Redis, and what becomes of them when Redis goes away.

use std::{
    cell::Cell,
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use actix_governor::governor::{
    Quota, RateLimiter,
    clock::{Clock, FakeRelativeClock},
    middleware::StateInformationMiddleware,
};
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

/// A service with limits, behind a proxy that it trusts.
fn limited(redis_url: Option<String>, patience: Duration) -> TestSite {
    let settings = inspection_http::Settings {
        rate_limits: true,
        redis_url: redis_url.map(Into::into),
        redis_timeout: patience,
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..settings()
    };
    TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is always there")
}

/// Time enough for a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// As long as the program itself is patient.
const SHORT: Duration = Duration::from_millis(250);

/// Runs a check with limits in memory, and with limits on a Redis, if there is one.
macro_rules! on_both_stores {
    ($($name:ident($site:ident: TestSite) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check($site: TestSite) $body

            #[test]
            fn memory() {
                check(limited(None, LONG));
            }

            #[test]
            fn redis() {
                let redis = or_skip!(Redis::start());
                let site = limited(Some(redis.url()), LONG);
                assert_eq!(site.nobody().get("/health").json["rate_limits"], "redis");
                check(site);
            }
        }
    )+};
}

fn from(site: &TestSite, address: &str) -> Client {
    site.nobody().with_header("x-forwarded-for", address)
}

fn number(answer: &Response, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}: {:?}", answer.headers));
    value.parse().expect("a number")
}

/// Every endpoint with a limit of its own, and how many requests a minute that allows.
const OWN: [(&str, u32); 7] = [
    ("/api/auth/login", 5),
    ("/api/auth/refresh", 10),
    ("/api/files/upload", 10),
    ("/api/files/upload-multiple", 5),
    ("/api/bonus-stars", 20),
    ("/api/bonus-stars/request", 20),
    ("/api/engineer-jobs", 20),
];

/// Uses a limit up, and checks what each answer says about it.
fn use_up(places: u32, ask: impl Fn() -> Response) {
    let period = Duration::from_mins(1) / places;
    let began = Instant::now();
    let mut asked = 0_u32;
    loop {
        let answer = ask();
        asked += 1;
        // So many places can have come back meanwhile, and no more.
        let back = u32::try_from(began.elapsed().as_nanos() / period.as_nanos()).expect("a number");
        assert_eq!(number(&answer, "ratelimit-limit"), u64::from(places));
        let (remaining, reset) = (number(&answer, "ratelimit-remaining"), number(&answer, "ratelimit-reset"));
        if answer.status == 429 {
            assert!((places + 1..=places + back + 1).contains(&asked), "refused request {asked} of {places}");
            assert_eq!((answer.code(), remaining), ("RATE_LIMITED", 0));
            assert_eq!(number(&answer, "retry-after"), reset);
            assert!((1..=period.as_secs() + 1).contains(&reset), "{reset}");
            return;
        }
        let left = u64::from(places.saturating_sub(asked));
        assert!((left..=left + u64::from(back)).contains(&remaining), "{remaining} left after {asked}");
        assert_eq!(reset, (60 * (u64::from(places) - remaining)).div_ceil(places.into()));
        assert_eq!(answer.header("retry-after"), None);
        assert!(asked < 3 * places, "nothing was refused");
    }
}

on_both_stores! {
    every_limit_counts_and_tells_the_same(site: TestSite) {
        for (n, (path, places)) in OWN.iter().enumerate() {
            let client = from(&site, &format!("192.0.2.{n}"));
            use_up(*places, || client.post(path, &json!({})));
            let look = client.get(path);
            assert_eq!((number(&look, "ratelimit-limit"), look.status == 429), (200, false), "looking isn't doing");
        }
        let client = from(&site, "192.0.2.100");
        use_up(200, || client.get("/health/live"));
        assert_eq!(number(&client.post("/api/auth/login", &json!({})), "ratelimit-limit"), 200, "comes first");
        let metrics = site.nobody().get("/metrics").text;
        for limit in ["overall", "login", "refresh", "engineer_jobs", "bonuses", "bonus_requests", "upload", "upload_multiple"] {
            assert!(metrics.contains(&format!("inspection_rate_limited_total{{limit=\"{limit}\"}}")), "{limit}: {metrics}");
        }
    }

    a_limit_isnt_got_around_by_writing_the_path_another_way(site: TestSite) {
        let client = from(&site, "192.0.2.1");
        let login = |path: &str| number(&client.post(path, &json!({})), "ratelimit-remaining");
        assert_eq!(login("/api/auth/login"), 4);
        assert_eq!(login("/api/auth/%6Cogin"), 3);
        assert_eq!(login("/api/auth/login?x=1"), 2);
    }

    a_household_is_one_client_and_its_neighbours_are_others(site: TestSite) {
        let left = |address: &str| {
            number(&from(&site, address).post("/api/auth/login", &json!({})), "ratelimit-remaining")
        };
        assert_eq!(left("2001:db8:1:2::1"), 4);
        assert_eq!(left("2001:db8:1:2:ffff:ffff:ffff:ffff"), 3);
        assert_eq!(left("2001:db8:1:3::1"), 4);
        assert_eq!(left("::ffff:192.0.2.1"), 4);
        assert_eq!(left("192.0.2.1"), 3, "the same in its old form");
        assert_eq!(left("198.51.100.1, 192.0.2.1"), 2, "what a client makes up comes first");
        assert_eq!(left("192.0.2.1, 127.0.0.9"), 1, "by way of two proxies");
    }
}

/// Nobody is trusted here, so whatever is forwarded, the client is the one at the other end.
fn made_up_addresses_are_one_client(redis_url: Option<String>) {
    let settings = inspection_http::Settings {
        rate_limits: true,
        redis_url: redis_url.map(Into::into),
        redis_timeout: LONG,
        ..settings()
    };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is always there");
    for n in (0..5).rev() {
        let client = from(&site, &format!("192.0.2.{n}"));
        assert_eq!(number(&client.post("/api/auth/login", &json!({})), "ratelimit-remaining"), n);
    }
    assert_eq!(from(&site, "192.0.2.99").post("/api/auth/login", &json!({})).status, 429);
}

#[test]
fn addresses_that_an_untrusted_client_makes_up_are_not_believed_in_memory() {
    made_up_addresses_are_one_client(None);
}

#[test]
fn addresses_that_an_untrusted_client_makes_up_are_not_believed_on_redis() {
    let redis = or_skip!(Redis::start());
    made_up_addresses_are_one_client(Some(redis.url()));
}

/// How many of so many requests pass that many threads send to both services at once, and how long that took.
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
fn instances_that_share_a_redis_count_together_even_when_they_race() {
    let redis = or_skip!(Redis::start());
    let sites = [limited(Some(redis.url()), LONG), limited(Some(redis.url()), LONG)];
    let sites = [&sites[0], &sites[1]];
    let most = |places: usize, took: Duration| {
        places + usize::try_from(took.as_millis()).expect("a short time") * places / 60_000
    };
    let (passed, took) = race(sites, "192.0.2.1", 48, |client| client.post("/api/auth/refresh", &json!({})));
    assert!((10..=most(10, took)).contains(&passed), "{passed} in {took:?}");
    let (passed, took) = race(sites, "192.0.2.2", 480, |client| client.get("/health/live"));
    assert!((200..=most(200, took)).contains(&passed), "{passed} in {took:?}");
}

/// Waits until a service says this of where it counts.
fn until(site: &TestSite, rate_limits: &str) {
    let began = Instant::now();
    for n in 0.. {
        let health = from(site, &format!("10.1.{}.{}", n / 250 % 250, n % 250)).get("/health");
        assert_eq!((health.status, &health.json["status"]), (200, &json!("healthy")), "Redis isn't needed");
        if health.json["rate_limits"] == rate_limits {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{}", health.text);
        thread::sleep(Duration::from_millis(20));
    }
}

const ALONE: &str = "memory (redis unreachable)";

fn goes_on_without(take: impl Fn(&mut Redis), give_back: impl Fn(&mut Redis)) {
    let mut redis = or_skip!(Redis::start());
    let sites = [limited(Some(redis.url()), SHORT), limited(Some(redis.url()), SHORT)];
    let [one, other] = &sites;
    until(one, "redis");
    until(other, "redis");
    let refresh = |site: &TestSite, address: &str| from(site, address).post("/api/auth/refresh", &json!({}));
    take(&mut redis);
    for n in 0..100 {
        let asked = Instant::now();
        let answer = from(one, &format!("192.0.2.{n}")).get("/health/live");
        assert_eq!((answer.status, number(&answer, "ratelimit-remaining")), (200, 199));
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
    until(one, ALONE);
    let ready = one.nobody().get("/health/ready");
    assert_eq!((ready.status, &ready.json["rate_limits"]), (200, &json!(ALONE)));
    assert!(one.nobody().get("/metrics").text.contains("inspection_up{part=\"redis\"} 0"));
    use_up(10, || refresh(one, "192.0.2.1"));
    assert_eq!(number(&refresh(other, "192.0.2.1"), "ratelimit-remaining"), 9, "each counts its own");
    give_back(&mut redis);
    until(one, "redis");
    until(other, "redis");
    assert!(one.nobody().get("/metrics").text.contains("inspection_up{part=\"redis\"} 1"));
    // Together again. A machine that is very busy may be late once more meanwhile: then it is tried with another client.
    let mut shared = (0..20).map(|n| {
        let address = format!("192.0.2.{}", 200 + n);
        let (first, second) = (refresh(one, &address), refresh(other, &address));
        [number(&first, "ratelimit-remaining"), number(&second, "ratelimit-remaining")] == [9, 8]
    });
    assert!(shared.any(|is_shared| is_shared), "limits aren't shared again");
}

#[test]
fn a_redis_that_is_killed_is_not_missed_and_used_again_when_it_is_back() {
    goes_on_without(Redis::kill, Redis::resume);
}

#[test]
fn a_redis_that_freezes_is_not_waited_for_and_used_again_when_it_thaws() {
    goes_on_without(|redis| redis.freeze(), |redis| redis.thaw());
}

#[test]
fn a_redis_that_refuses_to_write_is_not_missed() {
    goes_on_without(
        |redis| drop(redis.call(&["CONFIG", "SET", "maxmemory", "1"])),
        |redis| drop(redis.call(&["CONFIG", "SET", "maxmemory", "0"])),
    );
}

#[test]
fn with_a_wrong_password_limits_are_counted_in_memory() {
    let redis = or_skip!(Redis::start_with(Some("the-right-one")));
    for password in [Some("a-wrong-one"), None] {
        let site = limited(Some(redis.url_with(password)), SHORT);
        until(&site, ALONE);
        use_up(5, || from(&site, "192.0.2.1").post("/api/auth/login", &json!({})));
    }
    let site = limited(Some(redis.url()), LONG);
    until(&site, "redis");
}

#[test]
fn an_address_where_nothing_listens_is_no_reason_to_fail() {
    for url in ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "redis+unix:///nowhere/socket", "nonsense"] {
        let site = limited(Some(url.to_owned()), SHORT);
        until(&site, ALONE);
        use_up(5, || from(&site, "192.0.2.1").post("/api/auth/login", &json!({})));
    }
}

#[test]
fn what_others_have_written_under_the_keys_of_limits_is_written_over() {
    let redis = or_skip!(Redis::start());
    let site = limited(Some(redis.url()), LONG);
    let key = |n: usize| format!("inspection:limit:{{192.0.2.{n}}}:login");
    let values = ["", "nan", "inf", "-5", "99999999999999999999", "soon"];
    redis.call(&["LPUSH", &key(100), "x"]);
    for (n, value) in values.iter().enumerate() {
        redis.call(&["SET", &key(n), value]);
    }
    for n in (0..values.len()).chain([100]) {
        let login = || from(&site, &format!("192.0.2.{n}")).post("/api/auth/login", &json!({}));
        use_up(5, login);
        assert_eq!(redis.call(&["TYPE", &key(n)]), ["+string"]);
    }
    until(&site, "redis");
    // What is kept goes by itself, a minute later at most.
    let left: i64 = redis.call(&["PTTL", &key(0)])[0].trim_start_matches(':').parse().expect("a number");
    assert!((1..=60_001).contains(&left), "{left}");
}

/// The script with the time as its last argument, in microseconds, and nothing that goes by itself.
fn script_with_a_clock_that_is_set() -> String {
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
    let script = script_with_a_clock_that_is_set();
    let key = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    for places in [5_u32, 10, 20, 200] {
        let period = 60_000_000 / u64::from(places);
        // Bursts, less than a place, exactly one, a few, and long after all have come back.
        let gap = prop_oneof![
            6 => 0..20_u64,
            2 => 0..period,
            1 => (1..4_u64).prop_map(move |times| times * period),
            1 => 0..8 * period,
            1 => 60_000_000..200_000_000_u64,
        ];
        let agreed = runner.run(&vec(gap, 1..40), |gaps| {
            let clock = FakeRelativeClock::default();
            let quota = Quota::with_period(Duration::from_micros(period)).expect("a period");
            let quota = quota.allow_burst(places.try_into().expect("some"));
            let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
            let limiter = limiter.with_middleware::<StateInformationMiddleware>();
            let mut now = 1_800_000_000_000_000_u64;
            key.set(key.get() + 1);
            for gap in gaps {
                clock.advance(Duration::from_micros(gap));
                now += gap;
                let expected = match limiter.check() {
                    Ok(state) => (u64::from(state.remaining_burst_capacity()), 0),
                    Err(refused) => (0, refused.wait_time_from(clock.now()).as_secs() + 1),
                };
                let answer = redis.call(&[
                    "EVAL",
                    &script,
                    "1",
                    &format!("test:{}", key.get()),
                    &places.to_string(),
                    &now.to_string(),
                ]);
                let numbers: Vec<u64> =
                    answer.iter().filter_map(|n| n.strip_prefix(':')?.parse().ok()).collect();
                prop_assert_eq!(numbers, vec![1, expected.0, expected.1]);
            }
            Ok(())
        });
        agreed.unwrap_or_else(|error| panic!("{places} places: {error}"));
    }
}

#[test]
fn two_limits_are_asked_in_turn_and_the_second_costs_nothing_if_the_first_refuses() {
    let redis = or_skip!(Redis::start());
    let site = limited(Some(redis.url()), LONG);
    let client = from(&site, "192.0.2.1");
    use_up(200, || client.get("/health/live"));
    let refused = client.post("/api/auth/login", &json!({}));
    assert_eq!((refused.status, number(&refused, "ratelimit-limit")), (429, 200));
    let keys: BTreeMap<&str, Vec<String>> = ["overall", "login"]
        .map(|name| (name, redis.call(&["EXISTS", &format!("inspection:limit:{{192.0.2.1}}:{name}")])))
        .into();
    assert_eq!(keys, BTreeMap::from([("overall", vec![":1".into()]), ("login", vec![":0".into()])]));
}

#[test]
fn health_and_the_system_say_where_requests_are_counted() {
    let counted = |site: &TestSite| -> Value { site.nobody().get("/health").json["rate_limits"].clone() };
    let unlimited = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is always there");
    assert_eq!(counted(&unlimited), "off");
    let site = limited(None, LONG);
    assert_eq!(counted(&site), "memory");
    let admin = site.as_a(inspection_domain::users::Role::Admin);
    assert_eq!(admin.get("/api/admin/system").data()["rate_limits"], "memory");
    assert!(!site.nobody().get("/metrics").text.contains("part=\"redis\""));
}
