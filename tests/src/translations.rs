//! Texts in the reader's language, and machine translation in the background (rule book §13).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use async_trait::async_trait;
use inspection_domain::{outbox::OutboxKind, text::Language, users::Role};
use inspection_scheduler::{
    Background, BackgroundSettings, all_tasks,
    outbox::Handler,
    translations::Translations,
    translator::{TranslateError, Translator},
};
use inspection_testkit::{DatabaseKind, builders, or_skip};
use serde_json::{Value, json};

use crate::{
    outbox::{depth, wait_until_done},
    site::{TestSite, on_both},
};

/// Prefixes each text with words of the other language, after a delay.
struct PrefixTranslator(Duration);

const ARABIC: &str = "ترجمة هذا النص إلى اللغة العربية كما كتبه صاحبه";

#[async_trait]
impl Translator for PrefixTranslator {
    async fn translate(&self, texts: &[String], into: Language) -> Result<Vec<String>, TranslateError> {
        tokio::time::sleep(self.0).await;
        let word = match into {
            Language::Ar => ARABIC,
            Language::En => "In English:",
        };
        Ok(texts.iter().map(|text| format!("{word} {text}")).collect())
    }
}

/// Starts all scheduled tasks, and translation after a delay.
pub(crate) fn start_background(site: &TestSite, delay: Duration) -> Background {
    let translations =
        Translations::new(site.db.database.clone(), site.context.clone(), Arc::new(PrefixTranslator(delay)));
    let handler: Arc<dyn Handler> = Arc::new(translations);
    let settings = BackgroundSettings {
        database: site.db.database.clone(),
        context: site.context.clone(),
        instance: "the test".into(),
        tasks: all_tasks(),
        handlers: BTreeMap::from([(OutboxKind::Translate, handler)]),
        poll_interval: Duration::from_millis(50),
        shutdown_timeout: Duration::from_secs(5),
    };
    Background::start(settings, || {}).expect("started")
}

on_both! {
    fn readers_get_their_language_if_it_exists(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let arab = builders::user_with(&site.db, &site.context, Role::Inspector, |body| body["language"] = json!("ar"));
        builders::submitted(&site.db, &site.context, &arab, &machine, &[0]);
        let (reader, client) = (site.client(&arab), site.client(&admin));
        let path = format!("/api/equipment/{}", machine.id);

        let location = |answer: inspection_testkit::clients::Response| answer.data()["location"].clone();
        assert_eq!(location(client.get(&path)), "North quay");
        assert_eq!(location(reader.get(&path)), "الرصيف الشمالي", "the user's own language");
        assert_eq!(location(reader.with_header("accept-language", "en").get(&path)), "North quay");
        assert_eq!(location(client.with_header("accept-language", "de, en;q=0.2, ar;q=0.9").get(&path)), "الرصيف الشمالي");
        assert_eq!(location(reader.with_header("accept-language", "ar").get(&format!("{path}?lang=en"))), "North quay");
        let both = reader.get(&path);
        assert_eq!((&both.data()["location_en"], &both.data()["location_ar"], &both.data()["name"]),
            (&json!("North quay"), &json!("الرصيف الشمالي"), &json!(machine.name)), "names are not translated");

        let checklist = client.get(&format!("/api/checklists/{}?lang=ar", template.id));
        assert_eq!((&checklist.data()["name"], &checklist.data()["name_en"]), (&json!("فحص الرافعة"), &json!("Crane check")));
        assert_eq!(checklist.data()["items"][0]["question_text"], "هل الفرامل سليمة؟");
        assert_eq!(checklist.data()["items"][0]["question_text_en"], "Are the brakes sound?");

        let (routine, _) = builders::routine(&site.db, &site.context, &admin, template.id);
        let path_of_routine = format!("/api/inspection-routines/{}", routine.id);
        let routine = client.get(&format!("{path_of_routine}?lang=ar"));
        assert_eq!((&routine.data()["name"], &routine.data()["name_en"]), (&json!("الجولة اليومية"), &json!("Daily round")));
        client.put(&path_of_routine, routine.data()).data();
        assert_eq!(client.get(&path_of_routine).data()["name"], "Daily round");

        let defects = reader.get("/api/defects");
        assert_eq!(defects.data()[0]["description"], "فشل: هل الفرامل سليمة؟");
        assert_eq!(defects.data()[0]["description_en"], "Failed: Are the brakes sound?");
        assert_eq!(defects.data()[0]["equipment"]["location"], "الرصيف الشمالي");
        let inbox = reader.get("/api/notifications");
        assert_eq!(inbox.data()[0]["title"], "تم رصد عيب");
        assert_eq!(inbox.data()[0]["title_en"], "Defect found");
        let inbox = client.get("/api/notifications?type=inspection_submitted");
        assert_eq!(inbox.data()[0]["message"], format!("{} submitted the inspection of {}: fail.", arab.full_name, machine.name));

        // An update with the texts read in Arabic does not change the original.
        let sent_back = client.put(&format!("{path}?lang=ar"), client.get(&format!("{path}?lang=ar")).data());
        assert_eq!(sent_back.data()["location_en"], "North quay");
        let only_read = client.put(&path, &json!({"location": "الرصيف الشمالي"}));
        assert_eq!(only_read.data()["location_en"], "North quay");
        assert_eq!(client.put(&path, &json!({"location": "South quay"})).data()["location_en"], "South quay");
        assert_eq!(client.put(&path, &json!({"location": "North quay"})).status, 200);
        let checklist_path = format!("/api/checklists/{}", template.id);
        client.put(&checklist_path, client.get(&format!("{checklist_path}?lang=ar")).data()).data();
        assert_eq!(client.get(&checklist_path).data()["name"], "Crane check");
        let item_path = format!("{checklist_path}/items/{}", checklist.data()["items"][1]["id"]);
        let item = client.get(&format!("{checklist_path}?lang=ar")).data()["items"][1].clone();
        assert_eq!(client.put(&item_path, &item).data()["question_text"], "Do the lights work?");
        let defect_path = format!("/api/defects/{}", client.get("/api/defects").data()[0]["id"]);
        let sent_back = client.put(&defect_path, client.get(&format!("{defect_path}?lang=ar")).data());
        assert_eq!(sent_back.data()["description"], "Failed: Are the brakes sound?");

        let plain = builders::equipment_with(&site.db, &site.context, |body| body["location_ar"] = json!(null));
        assert_eq!(location(reader.get(&format!("/api/equipment/{}", plain.id))), "North quay", "without a translation, the original");
    }
}

/// Every text that a user writes is shown in the language of the reader. Its author sees the
/// original.
fn every_text_is_translated(kind: DatabaseKind) {
    let site = or_skip!(TestSite::start_translated(kind));
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
    let inspection = found.inspection_id.expect("its inspection");
    let rating = json!({"rating": 4, "comment": "Found the crack."});
    assert_eq!(admin.post(&format!("/api/ratings/inspections/{inspection}"), &rating).status, 201);
    let leave = json!({"leave_type": "annual", "date_from": "2026-04-01", "date_to": "2026-04-02", "reason": "ترجمة زيارة الأهل"});
    let leave = site.client(&arab).post("/api/leaves", &leave).id();
    let bonus = json!({"user_id": arab.id, "amount": 2, "reason": "Stayed late."});
    let bonus = admin.post("/api/bonus-stars", &bonus).id();

    // Before the translations exist, readers see the originals.
    let reader =
        |path: &str| admin.get(&format!("{path}{}lang=ar", if path.contains('?') { '&' } else { '?' }));
    let in_arabic =
        |answer: &Value, original: &str| assert_eq!(answer, &json!(format!("{ARABIC} {original}")));
    let equipment = format!("/api/equipment/{}", machine.id);
    let original = machine.location.clone().expect("a location");
    assert_eq!(reader(&equipment).data()["location"], original);
    let background = start_background(&site, Duration::ZERO);
    wait_until_done(&admin);
    let shown = reader(&equipment);
    in_arabic(&shown.data()["location"], &original);
    assert_eq!(shown.data()["location_en"], original);
    assert_eq!(shown.data()["location_ar"], Value::Null, "no user wrote an Arabic text");
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
    let shown = admin.get(&format!("/api/leaves/{leave}"));
    assert_eq!(shown.data()["reason"], "ترجمة زيارة الأهل", "no other service reads the reason of a leave");
    assert_eq!(reader(&format!("/api/leaves/{leave}")).data()["reason"], "ترجمة زيارة الأهل");
    // Responses of commands are translated alike.
    let again = site.client(&arab).put(&format!("/api/ratings/inspections/{inspection}"), &json!({}));
    assert_eq!(again.status, 403);
    let changed = admin.put(&format!("{equipment}?lang=ar"), reader(&equipment).data());
    in_arabic(&changed.data()["location"], &original);
    assert_eq!(
        admin.get(&equipment).data()["location"],
        original,
        "an update with translated texts changes nothing"
    );
    assert!(bonus > 0);
    // Messages of the system are not queued for translation.
    wait_until_done(&admin);
    background.stop();
}

#[test]
fn every_text_is_shown_in_the_readers_language_sqlite() {
    every_text_is_translated(DatabaseKind::Sqlite);
}

#[test]
fn every_text_is_shown_in_the_readers_language_postgres() {
    every_text_is_translated(DatabaseKind::Postgres);
}

#[test]
fn a_translator_that_does_not_respond_delays_no_request() {
    let site = or_skip!(TestSite::start_translated(DatabaseKind::Sqlite));
    let admin = site.as_a(Role::Admin);
    let background = start_background(&site, Duration::from_mins(10));
    for number in 0..30 {
        let body = json!({
            "name": "Crane", "equipment_type": "crane", "serial_number": format!("S{number}"), "location": "Quay three",
        });
        let begun = Moment::now();
        assert_eq!(admin.post("/api/equipment", &body).status, 201);
        assert_eq!(admin.get("/api/equipment?lang=ar").data()[0]["location"], "Quay three");
        assert!(begun.elapsed() < Duration::from_mins(1), "the translator takes ten minutes");
    }
    assert_eq!(
        depth(&admin)["pending"].as_i64().zip(depth(&admin)["running"].as_i64()).map(|(p, r)| p + r),
        Some(30)
    );
    // Shutdown does not wait for the translator and returns its jobs to the queue.
    background.stop();
    assert_eq!(depth(&admin)["pending"], 30);
}
