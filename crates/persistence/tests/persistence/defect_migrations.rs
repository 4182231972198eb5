//! Defects and repairs from before their migrations are carried over.

use diesel::{prelude::*, sql_query};
use inspection_domain::{
    defects::{Defect, DefectStatus, Severity},
    ids::DefectId,
    jobs::Job,
    schema,
    users::Role,
};
use inspection_persistence::{Database, checklists, defects, jobs, migrations};
use inspection_testkit::{
    builders::{
        PASS_FAIL, act, checklist, defect, equipment, finished, input, repair, started, submitted, user,
    },
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{ALL, trail};

/// All defects and jobs, by id.
fn rows(db: &Database) -> (Vec<Defect>, Vec<Job>) {
    use schema::{defects, jobs};

    (
        query!(db, |c| defects::table.order(defects::id).select(Defect::as_select()).load(c)),
        query!(db, |c| jobs::table.order(jobs::id).select(Job::as_select()).load(c)),
    )
}

/// Reverts the migrations down to this one, which is included.
fn revert(db: &Database, name: &str) {
    while !migrations::down(db).expect("reverted").ends_with(name) {}
}

on_both_databases! {
    fn defects_from_before_reports_know_the_inspector_and_keep_their_jobs(db: TestDatabase) {
        let (context, _) = context();
        let (admin, specialist) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Specialist));
        let inspectors = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        checklist(&db, &context, &admin);
        for (n, inspector) in inspectors.iter().enumerate() {
            let found = defect(&db, &context, inspector, &equipment(&db, &context));
            let job = repair(&db, &context, &admin, found.id, &specialist);
            match n {
                0 => started(&db, &context, &specialist, &job),
                _ => finished(&db, &context, &specialist, &job),
            };
        }
        let before = rows(&db);
        revert(&db, "defect_reports");
        migrations::up(&db).expect("migrated");
        assert_eq!(rows(&db), before);
        let finders: Vec<_> = before.0.iter().map(|defect| defect.reported_by_id).collect();
        assert_eq!(finders, inspectors.each_ref().map(|inspector| inspector.id));
        let again = defect(&db, &context, &inspectors[0], &equipment(&db, &context));
        assert!(again.id > before.0[1].id, "numbers go on");
    }

    fn several_open_defects_of_one_question_become_findings_of_the_one_under_repair(db: TestDatabase) {
        let (context, _) = context();
        let (admin, specialist) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Specialist));
        let inspector = user(&db, &context, Role::Inspector);
        let (template, _) = checklist(&db, &context, &admin);
        act(&db, &context, &admin, |tx| checklists::clone(tx, template.id, input(json!({"version": "2.0"}))))
            .expect("a version");
        let [crane, other] = [equipment(&db, &context), equipment(&db, &context)];
        // Each of another question; the program of before raised four of the same one.
        let ids: Vec<DefectId> = (0..4).map(|_| defect(&db, &context, &inspector, &crane).id).collect();
        let apart = defect(&db, &context, &inspector, &other).id;
        let jobs: Vec<Job> =
            ids[..3].iter().map(|id| repair(&db, &context, &admin, *id, &specialist)).collect();
        // The first job has ended without a repair; the second and the third one go on.
        started(&db, &context, &specialist, &jobs[0]);
        let reason = input(json!({"reason": "No parts for weeks."}));
        act(&db, &context, &specialist, |tx| jobs::leave_incomplete(tx, jobs[0].kind, jobs[0].id, reason))
            .expect("left");
        revert(&db, "occurrences");
        // The questions of the version, at the first position, and their answers.
        let same = "UPDATE defects SET checklist_item_id = (SELECT MIN(checklist_item_id) FROM defects)
            WHERE equipment_id = (SELECT MIN(equipment_id) FROM defects)";
        query!(db, |c| sql_query(same).execute(c));
        let high = format!("UPDATE defects SET severity = 'critical', due_date = '2026-03-03' WHERE id = {}", ids[3]);
        query!(db, |c| sql_query(high).execute(c));
        migrations::up(&db).expect("migrated");

        let (defects, repairs) = rows(&db);
        let get = |id: DefectId| defects.iter().find(|defect| defect.id == id).expect("nothing is lost");
        let kept = get(ids[1]);
        assert_eq!((kept.status, kept.severity, kept.occurrence_count), (DefectStatus::InProgress, Severity::Critical, 3));
        assert_eq!(kept.due_date.to_string(), "2026-03-03");
        for joined in [ids[0], ids[3]] {
            let joined = get(joined);
            assert_eq!((joined.status, joined.lineage), (DefectStatus::Closed, None));
            let notes = joined.resolution_notes.as_deref().expect("notes");
            assert!(notes.contains(&format!("defect {}", ids[1])), "{notes}");
            let lines = trail(&db, &context, json!({"entity_type": "defect", "entity_id": joined.id, "action": "close"}));
            assert_eq!(lines[0].changes.0["joined_with"]["new"], json!(ids[1]));
        }
        assert_eq!((get(ids[2]).status, get(ids[2]).lineage), (DefectStatus::InProgress, None), "its repair goes on");
        assert_eq!((get(apart).status, get(apart).occurrence_count), (DefectStatus::Open, 1));
        let of: Vec<Option<DefectId>> = repairs.iter().map(|job| job.defect_id).collect();
        assert_eq!(of, [Some(ids[1]), Some(ids[1]), Some(ids[2])], "the incomplete repair goes with it");
        let found = db.read(|conn| defects::occurrences(conn, ids[1], ALL)).expect("findings");
        assert_eq!(found.total, 3);
        // The copy of the question is the same one.
        let again = submitted(&db, &context, &inspector, &crane, &[PASS_FAIL]).1;
        assert_eq!(again.iter().map(|defect| defect.id).collect::<Vec<_>>(), [ids[1]]);
    }
}
