//! What happens by itself, as admins and readers see it over HTTP (rule book §13, §16).

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant as Moment},
};

use async_trait::async_trait;
use inspection_domain::{outbox::OutboxKind, text::Language, users::Role};
use inspection_scheduler::{
    Background, Parts, all_tasks,
    outbox::Handler,
    translations::Translations,
    translator::{TranslateError, Translator},
};
use inspection_testkit::{Kind, builders, clients::Client};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

/// Puts a word of the other language before each text, and a lot of it, after a while.
struct Prefix(Duration);

const ARABIC: &str = "ترجمة هذا النص إلى اللغة العربية كما كتبه صاحبه";

#[async_trait]
impl Translator for Prefix {
    async fn translate(&self, texts: &[String], into: Language) -> Result<Vec<String>, TranslateError> {
        tokio::time::sleep(self.0).await;
        let word = match into {
            Language::Ar => ARABIC,
            Language::En => "In English:",
        };
        Ok(texts.iter().map(|text| format!("{word} {text}")).collect())
    }
}

fn background(site: &TestSite, delay: Duration) -> Background {
    let translations =
        Translations::new(site.db.database.clone(), site.context.clone(), Arc::new(Prefix(delay)));
    let handler: Arc<dyn Handler> = Arc::new(translations);
    let parts = Parts {
        database: site.db.database.clone(),
        context: site.context.clone(),
        instance: "the test".into(),
        tasks: all_tasks(),
        handlers: BTreeMap::from([(OutboxKind::Translate, handler)]),
        look: Duration::from_millis(50),
        patience: Duration::from_secs(5),
    };
    Background::start(parts, || {}).expect("started")
}

fn depth(admin: &Client) -> Value {
    admin.get("/api/admin/system").data()["outbox"].clone()
}

fn all_done(admin: &Client) {
    let begun = Moment::now();
    while depth(admin)["pending"] != 0 || depth(admin)["running"] != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", depth(admin));
        thread::sleep(Duration::from_millis(20));
    }
}

on_both! {
    fn admins_see_the_tasks_and_their_runs_and_run_one_now(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let tasks = admin.get("/api/admin/tasks");
        let tasks = tasks.data().as_array().expect("tasks");
        assert_eq!(tasks.len(), 6);
        assert_eq!(tasks[0]["name"], "generate_daily_lists");
        assert_eq!(tasks[0]["schedule"], "0 13 * * *");
        assert_eq!(tasks[0]["next_run"], "2026-03-02T13:00:00.000Z");
        assert_eq!(tasks[0]["last_run"], Value::Null);

        let chief = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &chief);
        builders::equipment(&site.db, &site.context);
        builders::routine(&site.db, &site.context, &chief, template.id);
        let path = "/api/admin/tasks/generate_daily_lists";
        let run = admin.post(&format!("{path}/run"), &json!({}));
        assert_eq!(run.data()["outcome"], "succeeded", "{}", run.text);
        assert_eq!(run.data()["counts"]["lists"], 2);
        assert_eq!(run.data()["is_manual"], true);
        let lists = admin.get("/api/inspection-assignments/lists?date=2026-03-03");
        assert_eq!(lists.json["pagination"]["total"], 2);
        site.clock.advance_seconds(1);
        let again = admin.post(&format!("{path}/run"), &json!({}));
        assert_eq!(again.data()["counts"]["lists"], Value::Null, "the lists are there");
        let runs = admin.get(&format!("{path}/runs?outcome=succeeded"));
        assert_eq!(runs.json["pagination"]["total"], 2);
        assert_eq!(runs.data()[0]["id"], again.data()["id"], "the latest first");
        assert_eq!(admin.get("/api/admin/tasks").data()[0]["last_run"]["id"], again.data()["id"]);
        assert_eq!(admin.get("/api/admin/tasks/dance/runs").fields(), ["name"]);
        assert_eq!(admin.get(&format!("{path}/runs?outcome=perhaps")).fields(), ["outcome"]);
    }

    fn the_tasks_run_by_themselves_and_what_was_missed_is_made_up_at_the_start(site: TestSite) {
        let away = site.user(Role::Engineer);
        builders::approved_leave(&site.db, &site.context, &site.user(Role::Admin), &away, "2026-03-04", "2026-03-05");
        site.clock.set("2026-03-04T08:30:00Z");
        let admin = site.as_a(Role::Admin);
        let background = background(&site, Duration::ZERO);
        let runs = |task: &str| {
            let runs = admin.get(&format!("/api/admin/tasks/{task}/runs"));
            runs.data().as_array().expect("runs").iter().map(|run| run["scheduled_for"].clone()).collect::<Vec<_>>()
        };
        let begun = Moment::now();
        while runs("monitor_qe_sla").is_empty() || runs("activate_starting_leaves").is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing happens");
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(runs("activate_starting_leaves"), ["2026-03-04T00:15:00.000Z"], "once, though days were missed");
        background.stop();
        let person = admin.get(&format!("/api/users/{}", away.id));
        assert_eq!(person.data()["is_on_leave"], true);
    }

    fn a_job_that_was_given_up_is_seen_and_tried_again(site: TestSite) {
        let chief = site.user(Role::Admin);
        let admin = site.client(&chief);
        let dead = builders::dead_job(&site.db, &chief);
        assert_eq!(depth(&admin)["dead"], 1);
        let seen = admin.get("/api/admin/outbox?status=dead&kind=translate");
        assert_eq!(seen.data()[0]["error"], "nobody knows the word");
        assert_eq!(seen.data()[0]["attempts"], dead.attempts);
        let path = format!("/api/admin/outbox/{}/retry", dead.id);
        let again = admin.post(&path, &json!({}));
        assert_eq!((&again.data()["status"], &again.data()["attempts"]), (&json!("pending"), &json!(0)));
        assert_eq!(admin.post(&path, &json!({})).code(), "INVALID_STATE");
        assert_eq!(admin.post("/api/admin/outbox/99999/retry", &json!({})).code(), "NOT_FOUND");
        assert_eq!(depth(&admin)["dead"], 0);
    }
}

/// A reader of Arabic sees every text that people have written in English in Arabic, wherever it is shown, and the other way
/// round; who has written it sees it as it was.
fn every_text_is_translated(kind: Kind) {
    let Some(site) = TestSite::start_translated(kind) else { return };
    let (db, context) = (&site.db, &site.context);
    let chief = site.user(Role::Admin);
    let admin = site.client(&chief);
    let arab = builders::user_with(db, context, Role::Inspector, |body| body["language"] = json!("ar"));
    let (specialist, qe) = (site.user(Role::Specialist), site.user(Role::QualityEngineer));
    let (template, _) = builders::checklist_with(db, context, &chief, |body| body["name_ar"] = json!(null));
    let machine = builders::equipment_with(db, context, |body| body["location_ar"] = json!(null));
    let found = builders::defect(db, context, &arab, &machine);
    let job = builders::repair(db, context, &chief, found.id, &specialist);
    builders::finished(db, context, &specialist, &job);
    let (review, _) = builders::review(db, &chief, &job);
    let approval = json!({"qc_rating": 4, "notes": "Neat work."});
    assert_eq!(
        site.client(&qe).post(&format!("/api/quality-reviews/{}/approve", review.id), &approval).status,
        200
    );
    let rating = json!({"rating": 4, "comment": "Found the crack."});
    assert_eq!(admin.post(&format!("/api/ratings/inspections/{}", found.inspection_id), &rating).status, 201);
    let leave = json!({"leave_type": "annual", "date_from": "2026-04-01", "date_to": "2026-04-02", "reason": "ترجمة زيارة الأهل"});
    let leave = site.client(&arab).post("/api/leaves", &leave).id();
    let bonus = json!({"user_id": arab.id, "amount": 2, "reason": "Stayed late."});
    let bonus = admin.post("/api/bonus-stars", &bonus).id();

    // Until there are translations, readers see the originals.
    let reader =
        |path: &str| admin.get(&format!("{path}{}lang=ar", if path.contains('?') { '&' } else { '?' }));
    let in_arabic =
        |answer: &Value, original: &str| assert_eq!(answer, &json!(format!("{ARABIC} {original}")));
    let equipment = format!("/api/equipment/{}", machine.id);
    let original = machine.location.clone().expect("a location");
    assert_eq!(reader(&equipment).data()["location"], original);
    let background = background(&site, Duration::ZERO);
    all_done(&admin);
    let shown = reader(&equipment);
    in_arabic(&shown.data()["location"], &original);
    assert_eq!(shown.data()["location_en"], original);
    assert_eq!(shown.data()["location_ar"], Value::Null, "what people have written, and they haven't");
    assert_eq!(admin.get(&equipment).data()["location"], original);
    in_arabic(&reader("/api/equipment").data()[0]["location"], &original);
    in_arabic(&reader(&format!("/api/checklists/{}", template.id)).data()["name"], &template.name);
    in_arabic(&reader("/api/defects").data()[0]["equipment"]["location"], &original);
    let resolved = reader(&format!("/api/defects/{}", found.id));
    in_arabic(&resolved.data()["resolution_notes"], "Changed the seal and tried it.");
    in_arabic(&resolved.data()["job"]["work_notes"], "Changed the seal and tried it.");
    in_arabic(&resolved.data()["inspection"]["equipment"]["location"], &original);
    in_arabic(&reader("/api/jobs").data()[0]["work_notes"], "Changed the seal and tried it.");
    in_arabic(&reader(&format!("/api/quality-reviews/{}", review.id)).data()["notes"], "Neat work.");
    in_arabic(
        &reader(&format!("/api/ratings/technicians/{}", arab.id)).data()["ratings"][0]["comment"],
        "Found the crack.",
    );
    in_arabic(&reader("/api/bonus-stars").data()[0]["reason"], "Stayed late.");
    let asked = admin.get(&format!("/api/leaves/{leave}"));
    assert_eq!(asked.data()["reason"], "In English: ترجمة زيارة الأهل");
    assert_eq!(reader(&format!("/api/leaves/{leave}")).data()["reason"], "ترجمة زيارة الأهل");
    // What a unit of work answers with is shown likewise.
    let again =
        site.client(&arab).put(&format!("/api/ratings/inspections/{}", found.inspection_id), &json!({}));
    assert_eq!(again.status, 403);
    let changed = admin.put(&format!("{equipment}?lang=ar"), reader(&equipment).data());
    in_arabic(&changed.data()["location"], &original);
    assert_eq!(
        admin.get(&equipment).data()["location"],
        original,
        "who sends back what was read changes nothing"
    );
    assert!(bonus > 0);
    // Of the system's own messages, none was sent away.
    all_done(&admin);
    background.stop();
}

#[test]
fn every_text_is_shown_in_the_readers_language_sqlite() {
    every_text_is_translated(Kind::Sqlite);
}

#[test]
fn every_text_is_shown_in_the_readers_language_postgres() {
    every_text_is_translated(Kind::Postgres);
}

#[test]
fn a_translator_that_never_answers_delays_no_request() {
    let Some(site) = TestSite::start_translated(Kind::Sqlite) else { return };
    let admin = site.as_a(Role::Admin);
    let background = background(&site, Duration::from_mins(10));
    for number in 0..30 {
        let body = json!({
            "name": "Crane", "equipment_type": "crane", "serial_number": format!("S{number}"), "location": "Quay three",
        });
        let begun = Moment::now();
        assert_eq!(admin.post("/api/equipment", &body).status, 201);
        assert_eq!(admin.get("/api/equipment?lang=ar").data()[0]["location"], "Quay three");
        assert!(begun.elapsed() < Duration::from_mins(1), "it would have waited for ten minutes");
    }
    assert_eq!(
        depth(&admin)["pending"].as_i64().zip(depth(&admin)["running"].as_i64()).map(|(p, r)| p + r),
        Some(30)
    );
    // The stop doesn't wait for it either, and hands its jobs back.
    background.stop();
    assert_eq!(depth(&admin)["pending"], 30);
}
