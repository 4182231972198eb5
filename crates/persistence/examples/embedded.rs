//! From an empty SQLite file to a submitted inspection with its defect, without HTTP.

use std::sync::Arc;

use inspection_domain::{
    ids::Ids,
    input::Input,
    inspections::NewAnswers,
    retention::Retention,
    time::{Clock, Instant, SiteTimeZone},
};
use inspection_persistence::{
    Context, Database, Origin, Settings, checklists, defects, equipment, inspections, migrations, users,
};
use serde_json::{Value, json};

/// The program supplies the clock, the ids and the randomness; tests supply others.
struct System;

#[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
impl Clock for System {
    fn now(&self) -> Instant {
        Instant::new(jiff::Timestamp::now())
    }
}

#[expect(clippy::disallowed_methods, reason = "these are the ids that are injected everywhere else")]
impl Ids for System {
    fn unique(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}

/// Reads and validates a command.
fn input<T: Input>(body: Value) -> inspection_persistence::Result<T> {
    Ok(T::from_json(body)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let database = Database::open(Settings::new(format!("sqlite://{}/site.db", folder.path().display())))?;
    migrations::up(&database)?;
    let calendar = SiteTimeZone::new("Asia/Riyadh").ok_or("an unknown time zone")?;
    let context = Context {
        clock: Arc::new(System),
        ids: Arc::new(System),
        calendar,
        translates: false,
        retention: Retention::default(),
    };
    let (inspector, crane) = database.write(&context, Origin::default(), |tx| {
        // No sign-in happens here; `inspection-auth` computes real password hashes.
        let mut user = |body| users::create(tx, input(body)?, "no hash");
        let admin = user(json!({"email": "ann@example.com", "full_name": "Ann", "role": "admin",
            "password": "correct horse battery"}))?;
        let inspector = user(json!({"email": "ida@example.com", "full_name": "Ida", "role": "inspector",
            "specialization": "mechanical", "password": "correct horse battery"}))?;
        tx.act_as(admin);
        let checklist = json!({"name": "Crane", "name_ar": "رافعة", "equipment_type": "crane", "version": "1",
            "items": [{"question_text": "Sound?", "question_text_ar": "سليم؟", "answer_type": "pass_fail"}]});
        checklists::create(tx, input(checklist)?)?;
        let crane = json!({"name": "Crane 1", "equipment_type": "crane", "serial_number": "C-1"});
        Ok((inspector, equipment::registry::create(tx, input(crane)?)?))
    })?;
    let defects = database.write(&context, Origin::default(), |tx| {
        tx.act_as(inspector);
        let (detail, _) = inspections::start(tx, &input(json!({"equipment_id": crane.id}))?)?;
        let (id, question) = (detail.inspection.id, detail.items.first().map(|item| item.id));
        let failed = json!({"checklist_item_id": question, "answer_value": "fail", "photo_path": "hook.jpg"});
        let answers: NewAnswers = input(json!({"answers": [failed]}))?;
        inspections::answer(tx, id, answers.answers.0, |_| None)?;
        inspections::submit(tx, id)?;
        defects::list_by_inspection(tx.conn(), id)
    })?;
    assert_eq!(defects.len(), 1, "the failed answer becomes a defect");
    Ok(())
}

#[test]
fn a_failed_answer_becomes_a_defect() {
    main().expect("no refusal");
}
