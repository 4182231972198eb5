//! Attempts at passwords: limited for each account at an address, for an account everywhere, and
//! for an address.

use std::cell::Cell;

use inspection_domain::{
    sessions::attempts::{AccountAttempts, AddressFailures, Delay, attempt},
    time::Instant,
    users::Role,
};
use inspection_testkit::{builders::PASSWORD, or_skip, redis::Redis};
use proptest::{
    collection::vec,
    prelude::{any, prop_assert_eq, prop_oneof},
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use super::{LONG_TIMEOUT, from, limited, number};
use crate::site::TestSite;

/// The status of a sign-in from this address.
fn sign_in(site: &TestSite, address: &str, email: &str, password: &str) -> u16 {
    from(site, address).post("/api/auth/login", &json!({"email": email, "password": password})).status
}

on_both_stores! {
    a_crew_behind_one_address_signs_in_within_a_minute(site: TestSite) {
        let address = "192.0.2.1";
        for n in 0..12 {
            let person = site.user(Role::Inspector);
            assert_eq!(sign_in(&site, address, &person.email, "wrong-password"), 401, "person {n}");
            assert_eq!(sign_in(&site, address, &person.email, PASSWORD), 200, "person {n}");
        }
    }

    guesses_from_many_addresses_do_not_get_through(site: TestSite) {
        let (target, other) = (site.user(Role::Admin), site.user(Role::Inspector));
        let mut evaluated = 0;
        for n in 0..120 {
            let address = format!("198.51.100.{}", n % 24);
            match sign_in(&site, &address, &target.email.to_uppercase(), &format!("guess number {n}")) {
                401 => evaluated += 1,
                status => assert_eq!(status, 429, "guess {n}"),
            }
        }
        // Delays end meanwhile on a busy machine, but double each time.
        assert!((10..=18).contains(&evaluated), "{evaluated} guesses were evaluated");
        let refused = from(&site, "203.0.113.1")
            .post("/api/auth/login", &json!({"email": target.email, "password": "another guess"}));
        assert!(refused.status == 429 || evaluated > 12, "{}", refused.text);
        if refused.status == 429 {
            assert!(number(&refused, "retry-after") >= 1);
            assert_eq!((number(&refused, "ratelimit-limit"), number(&refused, "ratelimit-remaining")), (10, 0));
        }
        assert_eq!(sign_in(&site, "203.0.113.1", &other.email, PASSWORD), 200, "another account is free");
        let metrics = site.anonymous().get("/metrics").text;
        assert!(metrics.contains("inspection_rate_limited_total{limit=\"account_failures\"}"), "{metrics}");
    }

    accounts_that_do_not_exist_are_delayed_alike(site: TestSite) {
        let email = "nobody.here@example.com";
        let statuses: Vec<u16> = (0..40)
            .map(|n| sign_in(&site, &format!("198.51.100.{}", n % 20), email, "a guess of mine"))
            .collect();
        assert_eq!(statuses.iter().take(10).filter(|status| **status == 401).count(), 10);
        assert!(statuses.contains(&429), "{statuses:?}");
    }

    one_address_has_thirty_failures_a_minute(site: TestSite) {
        let address = "192.0.2.1";
        let statuses: Vec<u16> = (0..60)
            .map(|n| sign_in(&site, address, &format!("person{n}@example.com"), "a guess of mine"))
            .collect();
        let evaluated = statuses.iter().filter(|status| **status == 401).count();
        assert!((30..=60).contains(&evaluated), "{evaluated}");
        assert_eq!(statuses.iter().take(30).filter(|status| **status == 401).count(), 30);
        let metrics = site.anonymous().get("/metrics").text;
        assert!(
            evaluated == 60 || metrics.contains("inspection_rate_limited_total{limit=\"address_failures\"}"),
            "{metrics}"
        );
    }

    the_current_password_cannot_be_guessed_with_a_stolen_session(site: TestSite) {
        let person = site.user(Role::Inspector);
        let change = |n: u32| {
            let client = site.client(&person).with_header("x-forwarded-for", &format!("198.51.100.{}", n % 20));
            let body = json!({"current_password": format!("guess number {n}"), "new_password": "quite-another-one-71"});
            client.post("/api/auth/change-password", &body).status
        };
        let statuses: Vec<u16> = (0..60).map(change).collect();
        let evaluated = statuses.iter().filter(|status| **status == 400).count();
        assert!((10..=18).contains(&evaluated), "{statuses:?}");
        assert!(statuses.iter().all(|status| [400, 429].contains(status)), "{statuses:?}");
    }

    users_behind_one_address_have_limits_of_their_own(site: TestSite) {
        let crew: Vec<_> = (0..3).map(|_| site.user(Role::Inspector)).collect();
        for person in &crew {
            let client = site.client(person).with_header("x-forwarded-for", "192.0.2.1");
            for _ in 0..150 {
                assert_eq!(client.get("/api/auth/me").status, 200, "450 requests of three users");
            }
        }
        let client = site.client(&crew[0]).with_header("x-forwarded-for", "192.0.2.1");
        assert!((0..200).any(|_| client.get("/api/auth/me").status == 429), "each has its limit");
        let forged = from(&site, "192.0.2.1").with_token("a.forged.token");
        assert_eq!(number(&forged.get("/api/auth/me"), "ratelimit-remaining"), 199, "counts for the address");
    }
}

/// The script with the time in milliseconds as its last argument, and without expiry of keys.
fn script_with_a_clock_argument() -> String {
    let mut text = include_str!("../../../crates/http/src/web/limits/attempts.lua").to_owned();
    for (original, changed) in [
        ("time[1] * 1000 + math.floor(time[2] / 1000)", "tonumber(ARGV[#ARGV])"),
        (", 'PX', string.format('%.0f', math.max(expiry, 1))", ""),
    ] {
        assert_eq!(text.matches(original).count(), 1, "{original}");
        text = text.replace(original, changed);
    }
    text
}

#[test]
fn the_script_and_the_domain_agree_on_every_sequence_of_attempts() {
    let redis = or_skip!(Redis::start());
    let script = script_with_a_clock_argument();
    let case = Cell::new(0);
    let gap = prop_oneof![6 => 0..3_000_i64, 2 => 0..1_000_000_i64, 1 => 3_000_000..5_000_000_i64];
    let steps = vec((gap, any::<bool>()), 1..60);
    let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
    let agreed = runner.run(&(steps, any::<bool>()), |(steps, succeeds_often)| {
        case.set(case.get() + 1);
        let key = |kind: &str| format!("test:{kind}:{}", case.get());
        let mut millisecond = 1_800_000_000_000_i64;
        let now = |at| Instant::from_millisecond(at).expect("an instant");
        let mut account = AccountAttempts::none(now(millisecond));
        let mut address = AddressFailures::none(now(millisecond));
        for (gap, right) in steps {
            millisecond += gap;
            let call = |step: &str| -> Vec<i64> {
                let (account, address, now) = (key("account"), key("address"), millisecond.to_string());
                let answer = redis.call(&[
                    "EVAL", &script, "2", &account, &address, step, "10", "2000", "900000", "100", "30",
                    "3600000", &now,
                ]);
                answer.iter().filter_map(|number| number.strip_prefix(':')?.parse().ok()).collect()
            };
            if address.is_forgotten(now(millisecond)) {
                address = AddressFailures::none(now(millisecond));
            }
            let expected = match attempt(&mut account, &mut address, now(millisecond)) {
                Ok(number) => vec![0, number.into()],
                Err(Delay::Address(wait)) => vec![1, wait],
                Err(Delay::Account(wait)) => vec![2, wait],
            };
            let counted = expected.first() == Some(&0);
            prop_assert_eq!(call("begin"), expected);
            if counted && right && succeeds_often {
                call("succeed");
                account.succeed(now(millisecond));
                address.succeed();
            }
        }
        Ok(())
    });
    agreed.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn foreign_values_under_the_keys_of_attempts_are_overwritten() {
    let redis = or_skip!(Redis::start());
    let site = limited(Some(redis.url()), LONG_TIMEOUT);
    let key = "inspection:{attempts}:address:192.0.2.1";
    let person = site.user(Role::Inspector);
    for value in ["", "nan", "1 2 3", "99 99999999999999999999", "soon"] {
        redis.call(&["SET", key, value]);
        assert_eq!(sign_in(&site, "192.0.2.1", &person.email, PASSWORD), 200, "{value:?}");
    }
    redis.call(&["DEL", key]);
    redis.call(&["LPUSH", key, "x"]);
    let other = site.user(Role::Inspector);
    assert_eq!(sign_in(&site, "192.0.2.1", &other.email, PASSWORD), 200);
    let left: i64 = redis.call(&["PTTL", key])[0].trim_start_matches(':').parse().expect("a number");
    assert!((1..=60_000).contains(&left), "{left}");
}

/// A long series of guesses, with a clock that is set forward.
#[test]
fn a_guesser_with_all_the_time_has_few_attempts() {
    let site = limited(None, LONG_TIMEOUT);
    let target = site.user(Role::Admin);
    let mut evaluated = 0;
    for n in 0..600 {
        let address = format!("10.1.{}.{}", n / 250, n % 250);
        evaluated += u32::from(sign_in(&site, &address, &target.email, "a guess of mine") == 401);
        site.clock.advance_seconds(6);
    }
    assert!((17..=25).contains(&evaluated), "{evaluated} guesses in an hour");
}

/// A guesser keeps the account delayed, but only for places that it doesn't know.
#[test]
fn no_guesser_keeps_the_owner_out() {
    let site = limited(None, LONG_TIMEOUT);
    let target = site.user(Role::Inspector);
    let home = "192.0.2.1";
    assert_eq!(sign_in(&site, home, &target.email, PASSWORD), 200);
    let mut refused_elsewhere = 0;
    for n in 0..200 {
        sign_in(&site, &format!("10.1.{}.{}", n / 250, n % 250), &target.email, "a guess of mine");
        // The five attempts a minute of each address have the clock of the machine.
        if n % 50 == 49 {
            assert_eq!(sign_in(&site, home, &target.email, PASSWORD), 200, "after {n} guesses");
            refused_elsewhere += u32::from(sign_in(&site, "198.51.100.1", &target.email, PASSWORD) == 429);
        }
        site.clock.advance_seconds(20);
    }
    assert!(refused_elsewhere >= 3, "{refused_elsewhere}");
    let told = site.client(&target).get("/api/notifications?per_page=100");
    let kinds: Vec<&str> =
        told.data().as_array().expect("rows").iter().filter_map(|row| row["type"].as_str()).collect();
    assert!(kinds.contains(&"sign_ins_delayed"), "{kinds:?}");
    assert!(kinds.len() < 10, "told once for each series: {kinds:?}");
}
