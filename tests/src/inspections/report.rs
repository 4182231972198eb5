//! The printed record of an inspection.

use std::fs;

use inspection_domain::{
    ids::FileId,
    users::{Role, User},
};
use inspection_persistence::files;
use inspection_testkit::{
    builders::{self, CRITICAL},
    files::{jpeg, png},
    or_skip,
};
use serde_json::json;

use crate::{
    printed::text_of,
    site::{TestSite, on_both},
};

/// Uploads photos and answers a question of a draft with them.
fn answer_with(site: &TestSite, inspector: &User, draft: i64, question: i64, photos: &[Vec<u8>]) -> Vec<i64> {
    let client = site.client(inspector);
    let upload = |bytes: &Vec<u8>| {
        let (name, kind) =
            if bytes.starts_with(b"\x89PNG") { ("a.png", "image/png") } else { ("a.jpg", "image/jpeg") };
        client.upload(&[], name, kind, bytes).id()
    };
    let ids: Vec<i64> = photos.iter().map(upload).collect();
    let answer = json!({"checklist_item_id": question, "photo_file_ids": ids, "comment": "See the photos."});
    let answered = client.post(&format!("/api/inspections/{draft}/answer"), &answer);
    assert_eq!(answered.status, 200, "{}", answered.text);
    ids
}

on_both! {
    fn the_record_shows_each_reader_what_the_inspection_shows(site: TestSite) {
        let (admin_user, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin_user);
        let machine = builders::equipment(&site.db, &site.context);
        let (inspection, found) = builders::submitted(&site.db, &site.context, &inspector, &machine, &[CRITICAL]);
        let path = format!("/api/inspections/{}/report.pdf", inspection.id);
        let (admin, own) = (site.client(&admin_user), site.client(&inspector));
        let rating = json!({"rating": 3, "comment": "Thorough work"});
        assert_eq!(admin.post(&format!("/api/ratings/inspections/{}", inspection.id), &rating).status, 201);

        let text = or_skip!(text_of(&own.get(&path)));
        let title = format!("Inspection record {}", inspection.id);
        let printed_by = format!("Printed by {}", inspector.full_name);
        for part in [
            title.as_str(), &machine.name, &machine.serial_number, &inspector.full_name, &printed_by,
            "Is the hook free of cracks?", "Critical question", "10 – 20", "Fail", "Defects", "Duration", "Page 1 of",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(found.len(), 1);
        assert!(!text.contains("Thorough work"), "{text}");
        assert!(or_skip!(text_of(&admin.get(&path))).contains("Thorough work"));
        let refused = site.as_a(Role::Inspector).get(&path);
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
        assert_eq!(admin.get("/api/inspections/99999/report.pdf").code(), "NOT_FOUND");
    }

    fn the_record_is_printed_in_either_language_or_in_both(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let (inspection, _) = builders::submitted(&site.db, &site.context, &inspector, &machine, &[0, 1]);
        let path = format!("/api/inspections/{}/report.pdf", inspection.id);
        let client = site.client(&inspector);
        let has_arabic = |text: &str| text.chars().any(|c| ('\u{600}'..='\u{6ff}').contains(&c) || c > '\u{fb4f}');
        let english = or_skip!(text_of(&client.get(&format!("{path}?lang=en"))));
        assert!(english.contains("Serial number"), "{english}");
        let arabic = or_skip!(text_of(&client.get(&format!("{path}?lang=ar"))));
        assert!(has_arabic(&arabic) && !arabic.contains("Serial number") && arabic.contains(&machine.serial_number));
        let both = or_skip!(text_of(&client.get(&format!("{path}?lang=both"))));
        assert!(has_arabic(&both) && both.contains("Serial number"), "{both}");
        for (path, lang) in [(path.as_str(), "fr"), ("/api/inspections", "both")] {
            let refused = client.get(&format!("{path}?lang={lang}"));
            assert_eq!((refused.status, refused.fields()), (400, vec!["lang"]), "{path}");
        }
    }

    fn the_record_of_a_half_has_both_halves_and_the_verdicts(site: TestSite) {
        let admin = site.user(Role::Admin);
        let team = builders::team(&site.db, &site.context);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, listed) = builders::generated(&site.db, &site.context, &admin);
        builders::assigned(&site.db, &site.context, &admin, listed[0].id, &team);
        let assessment = builders::assessment(&site.db, &site.context, &team, listed[0].id);
        let member = site.client(&team.mechanical);
        let verdict = format!("/api/assessments/{}/verdict", assessment.id);
        assert_eq!(member.post(&verdict, &json!({"verdict": "operational"})).status, 200);
        let halves = member.get(&format!("/api/inspections?assignment_id={}", listed[0].id));
        for half in halves.data().as_array().expect("both halves") {
            let text = or_skip!(text_of(&member.get(&format!("/api/inspections/{}/report.pdf", half["id"]))));
            for part in ["Mechanical half", "Electrical half", "Verdicts", "Operational", "No verdict"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }

    fn a_photo_that_is_lost_or_altered_is_a_box_with_its_reason(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let draft = builders::draft(&site.db, &site.context, &inspector, &machine);
        let (id, question) = (draft.inspection.id.get(), draft.items[0].id.get());
        let photos = [jpeg(60, 40), jpeg(50, 40), png(40, 40), png(30, 30)];
        let ids = answer_with(&site, &inspector, id, question, &photos);
        let file = |id: &i64| {
            let id = FileId::new(*id).expect("an id");
            site.db.read(|conn| files::get_visible(conn, &inspector, id)).expect("a file")
        };
        let stored: Vec<_> = ids.iter().map(file).collect();
        let path = |n: usize| site.folder.path().join(&stored[n].key);
        let mut altered = photos[1].clone();
        let last = altered.len() - 10;
        altered[last] ^= 1;
        fs::write(path(1), altered).expect("written");
        fs::remove_file(path(2)).expect("removed");
        let text = or_skip!(text_of(&site.client(&inspector).get(&format!("/api/inspections/{id}/report.pdf"))));
        for part in [
            "Photos: 1, 2, 3, 4", "See the photos.", &stored[0].sha256[..16], &stored[2].sha256[..16],
            "The stored photo differs from its checksum.", "The photo is not in the store.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    fn forty_photos_are_printed(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let draft = builders::draft(&site.db, &site.context, &inspector, &machine);
        let id = draft.inspection.id.get();
        for (n, item) in (0_u32..).zip(&draft.items[..4]) {
            let photos: Vec<_> = (0..10).map(|m| jpeg(320 + 10 * n + m, 240)).collect();
            answer_with(&site, &inspector, id, item.id.get(), &photos);
        }
        let answer = site.client(&inspector).get(&format!("/api/inspections/{id}/report.pdf"));
        let text = or_skip!(text_of(&answer));
        assert!(text.contains("Photo 40:") && !text.contains("not printed"), "{text}");
        assert!(answer.bytes.len() > 40 * jpeg(320, 240).len());
    }
}
