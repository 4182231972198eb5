//! Start, memory, sign-ins, offline work and uploads.

use std::{
    borrow::Cow,
    thread,
    time::{Duration, Instant},
};

use inspection_auth::passwords;
use inspection_domain::{
    ids::ItemId,
    users::{Password, Role},
};
use inspection_testkit::{
    builders::{PASSWORD, answer_body, password_hash},
    clients::{Client, FormFile, form},
    files::{jpeg_of_quality, noise},
};
use serde_json::{Value, json};

use crate::{
    fill,
    load::{CONNECTIONS, drive, get, number, post},
    site::{FilledSite, sign_in},
};

/// Starts of the program, of which the median counts.
const STARTS: usize = 5;

/// Time after the start until memory counts as that of an idle program, and after a load.
const SETTLING: Duration = Duration::from_secs(10);

/// Connections of bystanders during sign-ins.
const BYSTANDERS: usize = 2;

const JSON: &str = "application/json";

/// Prints the time of a start and the memory of an idle program.
pub(crate) fn start_and_idle_memory(site: &FilledSite) {
    let mut times: Vec<Duration> = (0..STARTS).map(|_| site.another(&[]).started_in()).collect();
    times.sort_unstable();
    let idle = site.another(&[]);
    thread::sleep(SETTLING);
    println!("start: {:.0} ms", times[STARTS / 2].as_secs_f64() * 1000.0);
    println!("memory: idle {} MB", idle.memory() >> 10);
}

/// Prints the memory at the end of a load and a minute later.
pub(crate) fn memory_after_load(site: &FilledSite) {
    let after = site.service.memory() >> 10;
    thread::sleep(Duration::from_mins(1));
    println!("memory: {after} MB after load, {} MB a minute later", site.service.memory() >> 10);
}

/// Password checks per second by all cores, without the program.
fn bare_rate(time: Duration) -> f64 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let hash = password_hash();
    let counts: Vec<usize> = thread::scope(|scope| {
        let count = || {
            let (started, mut count) = (Instant::now(), 0);
            while started.elapsed() < time {
                assert!(passwords::verify(&Password::new(PASSWORD), Some(hash)));
                count += 1;
            }
            count
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("counted")).collect()
    });
    number(counts.iter().sum()) / time.as_secs_f64()
}

/// Prints sign-ins per second, beside the bare rate of password checks, and how long requests of
/// others take meanwhile.
pub(crate) fn sign_ins(site: &FilledSite, time: Duration) {
    let bare = bare_rate(time);
    let address = site.service.address();
    let login = |connection: usize, turn: usize| {
        let number = i64::try_from((connection * 31 + turn) % 300).expect("a small number");
        let body = json!({"email": fill::email(Role::Inspector, number), "password": PASSWORD});
        Cow::Owned(post("/api/auth/login", None, JSON, body.to_string().as_bytes()))
    };
    let me = get("/api/auth/me", Some(site.token(Role::Inspector)));
    let (logins, bystanders) = thread::scope(|scope| {
        let logins = scope.spawn(|| drive(address, CONNECTIONS, time, 200, login));
        let pace = |_, _| {
            // Bystanders have other things to do between their requests.
            thread::sleep(Duration::from_millis(5));
            Cow::Borrowed(&me[..])
        };
        let bystanders = scope.spawn(move || drive(address, BYSTANDERS, time, 200, pace));
        (logins.join().expect("measured"), bystanders.join().expect("measured"))
    });
    logins.expect_success("sign-ins");
    bystanders.expect_success("bystanders");
    println!(
        "sign-ins: {:.1}/s, {:.0} % of the bare argon2 rate of {bare:.1}/s; bystanders p50 {:.1} ms, p99 {:.1} ms",
        logins.rate(),
        logins.rate() / bare * 100.0,
        bystanders.percentile(50),
        bystanders.percentile(99)
    );
}

/// Inspections in a batch of offline work, and actions of each.
const INSPECTIONS: usize = 5;
const ACTIONS: usize = 6;

/// Items of a batch: inspections of machines of this connection, each with its answers.
fn batch(connection: usize, turn: usize, questions: &[ItemId]) -> Value {
    let inspection = |n: usize| {
        let id = move |action: usize| {
            format!("0f8fad5b-{connection:04}-469f-{n:04}-{:012}", turn * ACTIONS + action)
        };
        let item = move |action: usize, kind: &str, data: Value| {
            json!({"client_id": id(action), "entity_type": kind, "entity_data": data,
                "occurred_at": "2026-03-02T06:00:00Z"})
        };
        let machine = connection * 100 + (turn * INSPECTIONS + n) % 100 + 1;
        let start = item(0, "inspection_start", json!({"equipment_id": machine}));
        let answers = questions.iter().enumerate().map(move |(place, question)| {
            let mut answer = answer_body(place, *question, false);
            answer["inspection_id"] = json!(id(0));
            item(place + 1, "inspection_answer", answer)
        });
        let submit = item(ACTIONS - 1, "inspection_submit", json!({"inspection_client_id": id(0)}));
        [vec![start], answers.collect(), vec![submit]].concat()
    };
    let items: Vec<Value> = (0..INSPECTIONS).flat_map(inspection).collect();
    json!({ "items": items })
}

/// Prints offline actions per second: inspections with their answers, in batches.
pub(crate) fn offline_actions(site: &FilledSite, time: Duration) {
    let tokens: Vec<String> =
        (100..).take(CONNECTIONS).map(|number| sign_in(&site.service, Role::Inspector, number)).collect();
    let client = Client::new(site.service.base()).with_token(site.token(Role::Admin));
    let checklist = client.get("/api/checklists/1");
    let questions = checklist.data()["items"].as_array().expect("questions").iter();
    // All but the last, which is optional.
    let questions: Vec<ItemId> = questions
        .map(|question| serde_json::from_value(question["id"].clone()).expect("an id"))
        .take(ACTIONS - 2)
        .collect();
    let first = client.with_token(&tokens[0]).post("/api/sync/batch", &batch(0, 9_999_999, &questions));
    let results = first.data()["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["outcome"] == "applied"), "{}", first.text);
    let measured = drive(site.service.address(), CONNECTIONS, time, 200, |connection, turn| {
        let body = batch(connection, turn, &questions).to_string();
        let token = tokens.get(connection).map(String::as_str);
        Cow::Owned(post("/api/sync/batch", token, JSON, body.as_bytes()))
    });
    measured.expect_success("batches");
    println!(
        "offline work: {:.0} actions/s in batches of {}, of which p50 {:.0} ms, p99 {:.0} ms",
        measured.rate() * number(INSPECTIONS * ACTIONS),
        INSPECTIONS * ACTIONS,
        measured.percentile(50),
        measured.percentile(99)
    );
}

/// Prints uploads per second of photos of 1 MB.
pub(crate) fn uploads(site: &FilledSite, time: Duration) {
    let photo = jpeg_of_quality(&noise(1600, 1000), 60);
    let file = FormFile { field: "file", name: "photo.jpg", declared: "image/jpeg", bytes: &photo };
    let (kind, body) = form(&[], &[file]);
    let request = post("/api/files/upload", Some(site.token(Role::Inspector)), &kind, &body);
    let measured = drive(site.service.address(), CONNECTIONS, time, 201, |_, _| Cow::Borrowed(&request[..]));
    measured.expect_success("uploads");
    println!(
        "uploads: {:.1}/s of {:.1} MB, p50 {:.0} ms, p99 {:.0} ms",
        measured.rate(),
        number(photo.len()) / f64::from(1 << 20),
        measured.percentile(50),
        measured.percentile(99)
    );
}
