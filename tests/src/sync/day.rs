//! A shift that a phone takes along.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use inspection_domain::users::Role;
use inspection_testkit::{builders, clients::Client};
use serde_json::{Value, json};

use crate::site::on_both;

fn day(client: &Client, parameters: &str) -> Value {
    client.get(&format!("/api/sync/day{parameters}")).data().clone()
}

fn lengths(day: &Value) -> [usize; 4] {
    ["assignments", "templates", "defects", "jobs"]
        .map(|part| day[part].as_array().map_or(usize::MAX, Vec::len))
}

on_both! {
    fn a_phone_takes_a_shift_along_in_one_response(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let team = builders::team(db, context);
        let (template, questions) = builders::checklist_with(db, context, &chief, |body| {
            let one = body["items"][0].clone();
            let items = (0..30).map(|n| {
                let mut item = one.clone();
                item["question_text"] = json!(format!("Is part {n} of the machine in working order, without cracks?"));
                item["question_text_ar"] = json!(format!("هل الجزء {n} من الآلة صالح للعمل وخالٍ من الشقوق؟"));
                item
            });
            body["items"] = items.collect();
        });
        builders::routine(db, context, &chief, template.id);
        let machines: Vec<_> = (0..40).map(|_| builders::equipment(db, context)).collect();
        let finder = site.user(Role::Inspector);
        for machine in &machines {
            let report = json!({"equipment_id": machine.id, "description": "Oil below the gearbox, a cup a day.", "severity": "low"});
            assert_eq!(site.client(&finder).post("/api/defects", &report).status, 201);
        }
        let (_, listed) = builders::generated(db, context, &chief);
        for assignment in &listed {
            builders::assigned(db, context, &chief, assignment.id, &team);
        }
        let client = site.client(&team.mechanical);
        let before = site.db.statements();
        let whole = client.get("/api/sync/day");
        let statements = site.db.statements() - before;
        assert!(statements <= 9, "{statements}");
        let read = whole.data();
        assert_eq!(lengths(read), [40, 1, 40, 0]);
        assert_eq!(read["date"], json!(builders::TODAY));
        assert_eq!(read["assignments"][0]["equipment"]["id"], json!(machines[0].id));
        let question = &read["templates"][0]["items"][3];
        assert_eq!(question["id"], json!(questions[3].id));
        assert!(question["question_text_en"].is_string() && question["question_text_ar"].is_string());
        // The next day, and the other shift.
        assert_eq!(lengths(&day(&client, "?date=2026-03-03")), [0; 4]);
        assert_eq!(lengths(&day(&client, "?shift=day&date=2026-03-02")), [40, 1, 40, 0]);
        assert_eq!(lengths(&day(&client, "?shift=night")), [0; 4]);
        assert_eq!(client.get("/api/sync/day?shift=late").fields(), ["shift"]);
        let tag = whole.header("etag").expect("a tag").to_owned();
        let again = client.with_header("if-none-match", &tag).get("/api/sync/day");
        assert_eq!((again.status, again.bytes.len()), (304, 0));
        // At the level of the shipped proxy.
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(5));
        packed.write_all(&whole.bytes).expect("written");
        let size = packed.finish().expect("packed").len();
        println!("{} bytes, {size} with gzip", whole.bytes.len());
        assert!(size < 300_000, "{size}");
    }

    fn the_night_shift_has_its_work_after_midnight(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let team = builders::team(db, context);
        let (template, _) = builders::checklist(db, context, &chief);
        builders::routine(db, context, &chief, template.id);
        builders::equipment(db, context);
        let (_, listed) = builders::generated(db, context, &chief);
        builders::assigned(db, context, &chief, listed[0].id, &team);
        site.clock.set("2026-03-03T06:59:00Z");
        assert_eq!(lengths(&day(&site.client(&team.electrical), "")), [1, 1, 0, 0]);
        site.clock.set("2026-03-03T07:00:00Z");
        assert_eq!(lengths(&day(&site.client(&team.electrical), "")), [0; 4]);
    }

    fn a_specialist_sees_findings_after_the_planned_time(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let (chief, specialist) = (site.user(Role::Admin), site.user(Role::Specialist));
        builders::checklist(db, context, &chief);
        let machine = builders::equipment(db, context);
        let found = builders::defect(db, context, &site.user(Role::Inspector), &machine);
        let job = builders::repair(db, context, &chief, found.id, &specialist);
        let client = site.client(&specialist);
        let outline = day(&client, "");
        assert_eq!(lengths(&outline), [0, 0, 1, 1]);
        assert_eq!(outline["jobs"][0]["code"], "PLANNED_TIME_REQUIRED");
        assert_eq!((&outline["defects"][0]["code"], &outline["defects"][0]["description"]), (&json!("PLANNED_TIME_REQUIRED"), &json!("")));
        builders::planned(db, context, &specialist, &job);
        let full = day(&client, "");
        assert_eq!((&full["jobs"][0]["code"], &full["defects"][0]["code"]), (&Value::Null, &Value::Null));
        assert_ne!(full["defects"][0]["description"], "");
    }
}
