//! Leaves start and end on their days, including days on which the program wasn't running.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use inspection_domain::time::{Date, Instant, SiteTimeZone};
use inspection_testkit::clients::Client;
use serde_json::{Value, json};

use super::{Running, folder};

/// Creates an engineer with a leave, and gives the id.
fn away(admin: &Client, name: &str, from: Date, to: Date) -> i64 {
    let account = json!({
        "email": format!("{name}@example.com"), "password": "correct horse battery", "full_name": name, "role": "engineer",
    });
    let person = admin.post("/api/users", &account).id();
    let body = json!({"user_id": person, "leave_type": "annual", "date_from": from, "date_to": to});
    let leave = admin.post("/api/leaves", &body).id();
    let granted = admin.post(&format!("/api/leaves/{leave}/approve"), &json!({}));
    assert_eq!(granted.status, 200, "{}", granted.text);
    person
}

fn is_on_leave(admin: &Client, person: i64) -> Value {
    admin.get(&format!("/api/users/{person}")).data()["is_on_leave"].clone()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program has this clock")]
fn leaves_are_correct_after_a_day_without_the_program() {
    let folder = folder();
    // In a time zone where the date is still yesterday's.
    let first = Running::start(&folder, &[("APP_TIMEZONE", "Etc/GMT+12")]);
    let admin = first.admin();
    // Leaves count calendar days, other than plans, whose day begins at 07:00.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let now = Instant::from_millisecond(i64::try_from(since).expect("soon")).expect("an instant");
    let today = SiteTimeZone::new("Etc/GMT+12").expect("a time zone").date(now);
    let past = away(&admin, "Past", today, today);
    let coming = away(&admin, "Coming", today.plus_days(1), today.plus_days(5));
    assert_eq!((is_on_leave(&admin, past), is_on_leave(&admin, coming)), (json!(true), json!(false)));
    let credentials = (first.email.clone(), first.password.clone());
    first.stop();

    let mut second = Running::start(&folder, &[("APP_TIMEZONE", "Pacific/Kiritimati")]);
    (second.email, second.password) = credentials;
    let admin = second.admin();
    let expected = (json!(false), json!(true));
    let settled = || (is_on_leave(&admin, past), is_on_leave(&admin, coming)) == expected;
    let is_settled = (0..100).any(|_| {
        let is_settled = settled();
        if !is_settled {
            thread::sleep(Duration::from_millis(100));
        }
        is_settled
    });
    assert!(is_settled, "one leave ended, the other one started");
    second.stop();
}
