//! Embeds the rules and their storage without HTTP: from an empty SQLite file to a submitted
//! inspection with its defect. `cargo run -p inspection-persistence --example embedded`

use std::{path::Path, sync::Arc};

use inspection_domain::{
    defects::Defect,
    ids::Ids,
    input::Input,
    inspections::{NewAnswers, StartInspection},
    time::{Clock, Instant, SiteTimeZone},
};
use inspection_persistence::{
    Context, Database, Origin, Result, Settings, checklists, defects, equipment, inspections, migrations,
    users,
};
use serde_json::{Value, json};

/// The program supplies the clock, the ids and the randomness; tests supply others.
struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
    fn now(&self) -> Instant {
        Instant::new(jiff::Timestamp::now())
    }
}

impl Ids for System {
    #[expect(clippy::disallowed_methods, reason = "these are the ids that are injected everywhere else")]
    fn unique(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    #[expect(clippy::expect_used, reason = "without random bytes nothing is safe to create")]
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("random bytes of the operating system");
        bytes
    }
}

/// Reads and validates a command.
fn input<T: Input>(body: Value) -> Result<T> {
    Ok(T::from_json(body)?)
}

fn inspect(file: &Path, calendar: SiteTimeZone) -> Result<Vec<Defect>> {
    let database = Database::open(Settings::new(format!("sqlite://{}", file.display())))?;
    migrations::up(&database)?;
    let context = Context { clock: Arc::new(System), ids: Arc::new(System), calendar, translates: false };
    let (inspector, crane) = database.write(&context, Origin::default(), |tx| {
        // Nobody signs in here, so the password hash is a placeholder; `inspection-auth` computes
        // real ones.
        let mut user = |body| users::create(tx, input(body)?, "no hash");
        let admin = user(json!({"email": "ann@example.com", "full_name": "Ann", "role": "admin",
            "password": "correct horse battery"}))?;
        let inspector = user(json!({"email": "ida@example.com", "full_name": "Ida", "role": "inspector",
            "specialization": "mechanical", "password": "correct horse battery"}))?;
        tx.act_as(admin);
        let question =
            json!({"question_text": "Sound hook?", "question_text_ar": "?", "answer_type": "pass_fail"});
        checklists::create(
            tx,
            input(json!({"name": "Crane", "name_ar": "Crane", "equipment_type": "crane",
            "version": "1", "items": [question]}))?,
        )?;
        let crane = json!({"name": "Crane 1", "equipment_type": "crane", "serial_number": "C-1"});
        Ok((inspector, equipment::create(tx, input(crane)?)?))
    })?;
    database.write(&context, Origin::default(), |tx| {
        tx.act_as(inspector);
        let (detail, _) =
            inspections::start(tx, &input::<StartInspection>(json!({"equipment_id": crane.id}))?)?;
        let failed = detail.items.iter().map(
            |item| json!({"checklist_item_id": item.id, "answer_value": "fail", "photo_path": "hook.jpg"}),
        );
        let answers: NewAnswers = input(json!({"answers": failed.collect::<Vec<_>>()}))?;
        inspections::answer(tx, detail.inspection.id, answers.answers.0, |_| None)?;
        let (inspection, _) = inspections::submit(tx, detail.inspection.id)?;
        defects::of_inspection(tx.conn(), inspection.id)
    })
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let calendar = SiteTimeZone::new("Asia/Riyadh").ok_or("an unknown time zone")?;
    let defects = inspect(&folder.path().join("site.db"), calendar)?;
    assert_eq!(defects.len(), 1, "the failed answer becomes a defect");
    Ok(())
}
