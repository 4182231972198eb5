//! Concurrency of jobs: one transaction wins, the others are refused, and nothing happens twice.

use std::collections::BTreeSet;

use inspection_domain::{
    assignments::AssignmentStatus,
    defects::DefectStatus,
    ids::DefectId,
    inspections::InspectionStatus,
    jobs::JobStatus,
    pauses::PauseStatus,
    rule::Code,
    takeovers::TakeoverStatus,
    users::{Role, User},
};
use inspection_persistence::{
    assignments, defects, inspections, jobs, pauses, quality_reviews, takeovers, users,
};
use inspection_testkit::{
    builders::{
        act, assigned, checklist_with, completed, defect, engineer_job, equipment, equipment_with, finished,
        generated, half_answered, input, paused, review, routine_with, started, team, user,
    },
    context::context,
    invariants, ledger, on_both_databases, rounds,
};
use serde_json::json;

use crate::{
    ALL,
    jobs::shop,
    races::{at_once, tally},
    transactions::rows,
};

fn notes() -> inspection_domain::jobs::Completion {
    input(json!({"work_notes": "Changed the seal."}))
}

on_both_databases! {
    fn a_start_that_is_sent_several_times_begins_once(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            inspection_testkit::builders::planned(&db, &context, &shop.specialist, &job);
            let before = rows(&db);
            let (done, refused) = tally(at_once(3, |_| act(&db, &context, &shop.specialist, |tx| jobs::start(tx, job.kind, job.id, input(json!({}))))));
            assert_eq!((done.len(), refused), (3, vec![]));
            assert!(done.iter().all(|job| *job == done[0]), "{done:?}");
            assert_eq!(rows(&db)["audit_entries"], before["audit_entries"] + 1);
            completed(&db, &context, &shop.specialist, &job);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_job_is_cancelled_or_completed(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            let (done, refused) = tally(at_once(2, |n| {
                if n == 0 {
                    let reason = input(json!({"reason": "The crane is sold."}));
                    act(&db, &context, &shop.admin, |tx| jobs::cancel(tx, job.kind, job.id, reason))
                } else {
                    act(&db, &context, &shop.specialist, |tx| jobs::complete(tx, job.kind, job.id, notes()))
                }
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
            let defect = db.read(|conn| defects::get(conn, job.defect_id.unwrap())).unwrap();
            let expected = match done[0].status {
                JobStatus::Cancelled => DefectStatus::Open,
                JobStatus::Completed => DefectStatus::Resolved,
                other => panic!("{other}"),
            };
            assert_eq!(defect.status, expected);
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_two_reassignments_the_later_counts(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let others = [user(&db, &context, Role::Specialist), user(&db, &context, Role::Specialist)];
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            let (done, refused) = tally(at_once(2, |n| {
                let to = input(json!({"specialist_id": others[n].id}));
                act(&db, &context, &shop.admin, |tx| jobs::reassign(tx, job.id, to))
            }));
            assert_eq!((done.len(), refused), (2, vec![]));
            let now = db.read(|conn| jobs::get_visible(conn, &shop.admin, job.kind, job.id)).unwrap();
            assert!(others.iter().any(|other| other.id == now.owner_id) && now.status == JobStatus::Assigned);
            let log = db.read(|conn| jobs::interventions(conn, &shop.admin, job.kind, job.id, ALL)).unwrap();
            assert_eq!((log.items.len(), log.items[1].owner_id), (2, shop.specialist.id));
        }
        invariants::assert_kept(&db, &context);
    }

    fn the_planned_time_is_entered_once(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            let (done, refused) = tally(at_once(3, |n| {
                let hours = input(json!({"hours": n + 1}));
                act(&db, &context, &shop.specialist, |tx| jobs::plan(tx, job.kind, job.id, &hours))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 2]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_pause_is_approved_or_the_job_is_completed(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..2 * rounds() {
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            let new = input(json!({"reason_category": "parts"}));
            let pause = act(&db, &context, &shop.specialist, |tx| pauses::request(tx, job.kind, job.id, new)).unwrap();
            let (done, refused) = tally(at_once(2, |n| {
                if n == 0 {
                    act(&db, &context, &shop.admin, |tx| pauses::approve(tx, pause.id)).map(drop)
                } else {
                    act(&db, &context, &shop.specialist, |tx| jobs::complete(tx, job.kind, job.id, notes())).map(drop)
                }
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
            let now = db.read(|conn| jobs::get_visible(conn, &shop.admin, job.kind, job.id)).unwrap();
            let log = db.read(|conn| pauses::history(conn, &shop.admin, job.kind, job.id, ALL)).unwrap();
            let expected = match now.status {
                JobStatus::Paused => PauseStatus::Approved,
                JobStatus::Completed => PauseStatus::Cancelled,
                other => panic!("{other}"),
            };
            assert_eq!(log.items[0].status, expected);
            assert_eq!(now.paused_at.is_some(), now.status == JobStatus::Paused);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_job_has_one_request_for_a_pause(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            let (done, refused) = tally(at_once(3, |_| {
                let new = input(json!({"reason_category": "parts"}));
                act(&db, &context, &shop.specialist, |tx| pauses::request(tx, job.kind, job.id, new))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::Duplicate; 2]));
            let pause = done[0].id;
            let (done, refused) = tally(at_once(3, |n| {
                let denial = input(json!({"reason": "Go on."}));
                match n {
                    0 => act(&db, &context, &shop.admin, |tx| pauses::deny(tx, pause, denial)),
                    _ => act(&db, &context, &shop.admin, |tx| pauses::approve(tx, pause)),
                }
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 2]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_two_takeovers_one_is_approved(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let takers = [user(&db, &context, Role::Specialist), user(&db, &context, Role::Specialist)];
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            paused(&db, &context, &shop.specialist, &shop.admin, &job);
            clock.advance_seconds(3 * 86_400);
            let (queued, refused) = tally(at_once(4, |n| {
                act(&db, &context, &takers[n % 2], |tx| takeovers::request_job(tx, job.kind, job.id, input(json!({}))))
            }));
            assert_eq!((queued.len(), refused), (2, vec![Code::Duplicate; 2]));
            let places: BTreeSet<i64> = queued.iter().map(|takeover| takeover.position).collect();
            assert_eq!(places, BTreeSet::from([1, 2]));
            let (done, refused) = tally(at_once(2, |n| act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued[n].id))));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
            let now = db.read(|conn| jobs::get_visible(conn, &shop.admin, job.kind, job.id)).unwrap();
            assert_eq!((now.owner_id, now.status), (done[0].requested_by_id, JobStatus::Assigned));
            let all = db.read(|conn| takeovers::list(conn, &shop.admin, &input(json!({"job_id": job.id})), ALL)).unwrap();
            let mut statuses: Vec<TakeoverStatus> = all.items.iter().map(|takeover| takeover.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [TakeoverStatus::Approved, TakeoverStatus::Denied]);
            let taker = takers.iter().find(|taker| taker.id == now.owner_id).unwrap();
            finished(&db, &context, taker, &job);
        }
        assert_eq!(db.read(ledger::mismatches).unwrap(), []);
        let total: i64 = takers.iter().map(|taker| db.read(|conn| users::get(conn, taker.id)).unwrap().total_points).sum();
        assert_eq!(total, 3 * i64::try_from(rounds()).unwrap());
        invariants::assert_kept(&db, &context);
    }

    fn a_rejection_is_decided_on_once(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        user(&db, &context, Role::QualityEngineer);
        let mut expected = [0, 0];
        for _ in 0..rounds() {
            let job = shop.repair(&db, &context);
            finished(&db, &context, &shop.specialist, &job);
            let (review, qe) = review(&db, &shop.admin, &job);
            let rejection = input(json!({"category": "other", "reason": "It still leaks as it did before."}));
            act(&db, &context, &qe, |tx| quality_reviews::reject(tx, review.id, rejection)).unwrap();
            let (done, refused) = tally(at_once(3, |n| {
                let decision = input(json!({"is_valid": n != 0}));
                act(&db, &context, &shop.admin, |tx| quality_reviews::validate(tx, review.id, decision))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 2]));
            let [worker, engineer] = if done[0].is_valid == Some(true) { [-2, 2] } else { [0, -2] };
            expected = [expected[0] + worker, expected[1] + engineer];
            let of = |who: &User| db.read(|conn| users::get(conn, who.id)).unwrap().total_points;
            assert_eq!([of(&shop.specialist), of(&qe)], expected, "both penalties once");
        }
        assert_eq!(db.read(ledger::mismatches).unwrap(), []);
        invariants::assert_kept(&db, &context);
    }

    fn a_defect_is_assigned_to_one_specialist(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let specialists = [user(&db, &context, Role::Specialist), user(&db, &context, Role::Specialist)];
        for _ in 0..rounds() {
            let found: DefectId = defect(&db, &context, &shop.inspector, &shop.machine).id;
            let (done, refused) = tally(at_once(4, |n| {
                let new = input(json!({"specialist_id": specialists[n % 2].id}));
                act(&db, &context, &shop.admin, |tx| jobs::assign_specialist(tx, found, new))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 3]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn numbers_are_unique_however_many_are_taken_at_once(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let engineers = [user(&db, &context, Role::Engineer), user(&db, &context, Role::Engineer)];
        let created = at_once(8, |n| (0..5).map(|_| engineer_job(&db, &context, &shop.admin, &engineers[n % 2])).collect::<Vec<_>>());
        let all: Vec<_> = created.into_iter().flatten().collect();
        let universal: BTreeSet<i64> = all.iter().map(|job| job.universal_id).collect();
        let numbers: BTreeSet<&str> = all.iter().map(|job| job.job_id.as_str()).collect();
        assert_eq!((universal.len(), numbers.len()), (40, 40));
        invariants::assert_kept(&db, &context);
    }

    fn jobs_that_are_finished_at_once_go_to_different_reviewers(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for _ in 0..3 {
            user(&db, &context, Role::QualityEngineer);
        }
        for _ in 0..rounds() {
            let running: Vec<_> = (0..3)
                .map(|_| {
                    let specialist = user(&db, &context, Role::Specialist);
                    let machine = equipment(&db, &context);
                    let found = defect(&db, &context, &shop.inspector, &machine);
                    let job = inspection_testkit::builders::repair(&db, &context, &shop.admin, found.id, &specialist);
                    (started(&db, &context, &specialist, &job), specialist)
                })
                .collect();
            let done = at_once(3, |n| completed(&db, &context, &running[n].1, &running[n].0));
            let reviewers: BTreeSet<_> = done.iter().map(|job| job.qe_id.expect("a reviewer")).collect();
            assert_eq!(reviewers.len(), 3, "no reviewer gets two while another has none");
        }
        invariants::assert_kept(&db, &context);
    }

    fn an_overdue_half_is_submitted_or_taken_over(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let (template, _) = checklist_with(&db, &context, &shop.admin, |body| body["equipment_type"] = json!("winch"));
        routine_with(&db, &context, &shop.admin, template.id, |body| body["asset_types"] = json!(["winch"]));
        let pair = team(&db, &context);
        for round in 0..2 * rounds() {
            clock.set("2026-03-02T08:00:00Z");
            equipment_with(&db, &context, |body| body["equipment_type"] = json!("winch"));
            let (_, on_it) = generated(&db, &context, &shop.admin);
            let id = on_it.last().unwrap().id;
            let old = team(&db, &context);
            assigned(&db, &context, &shop.admin, id, &old);
            let draft = half_answered(&db, &context, &old.electrical, id, &[]).inspection.id;
            clock.set("2026-03-04T08:00:00Z");
            let new = input(json!({"partner_id": pair.mechanical.id}));
            let requested = act(&db, &context, &pair.electrical, |tx| takeovers::request_assignment(tx, id, new)).unwrap();
            let [handed_in, taken] = at_once(2, |n| {
                if n == 0 {
                    act(&db, &context, &old.electrical, |tx| inspections::submit(tx, draft)).map(drop)
                } else {
                    act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, requested.id)).map(drop)
                }
            })
            .try_into()
            .unwrap();
            let now = db.read(|conn| assignments::get(conn, id)).unwrap();
            let stored = db.read(|conn| inspections::get(conn, draft)).unwrap();
            match (handed_in, taken) {
                // Submitted first: the pair gets the remaining half, or the admin retries.
                (Ok(()), taken) => {
                    assert_eq!((stored.status, stored.assignment_id), (InspectionStatus::Submitted, Some(id)), "{round}");
                    assert_eq!(now.electrical_inspector_id, Some(old.electrical.id));
                    let mechanical = if taken.is_ok() { pair.mechanical.id } else { old.mechanical.id };
                    assert_eq!((now.status, now.mechanical_inspector_id), (AssignmentStatus::ElecComplete, Some(mechanical)));
                }
                // Taken over first: the draft is an ad-hoc inspection with unanswered questions.
                (Err(_), Ok(())) => {
                    assert_eq!((stored.status, stored.assignment_id), (InspectionStatus::Draft, None), "{round}");
                    assert_eq!(now.team(), [Some(pair.mechanical.id), Some(pair.electrical.id)]);
                    assert_eq!(now.status, AssignmentStatus::Assigned);
                }
                other => panic!("{other:?}"),
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_two_takeovers_of_an_inspection_one_is_approved(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let (template, _) = checklist_with(&db, &context, &shop.admin, |body| body["equipment_type"] = json!("winch"));
        routine_with(&db, &context, &shop.admin, template.id, |body| body["asset_types"] = json!(["winch"]));
        let pairs = [team(&db, &context), team(&db, &context)];
        for _ in 0..rounds() {
            clock.set("2026-03-02T08:00:00Z");
            equipment_with(&db, &context, |body| body["equipment_type"] = json!("winch"));
            let (_, on_it) = generated(&db, &context, &shop.admin);
            let id = on_it.last().unwrap().id;
            assigned(&db, &context, &shop.admin, id, &team(&db, &context));
            clock.set("2026-03-04T08:00:00Z");
            let (queued, refused) = tally(at_once(2, |n| {
                let new = input(json!({"partner_id": pairs[n].mechanical.id}));
                act(&db, &context, &pairs[n].electrical, |tx| takeovers::request_assignment(tx, id, new))
            }));
            assert_eq!((queued.len(), refused), (2, vec![]));
            let (done, refused) = tally(at_once(2, |n| act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued[n].id))));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
            let now = db.read(|conn| assignments::get(conn, id)).unwrap();
            assert_eq!(now.electrical_inspector_id, Some(done[0].requested_by_id));
            assert_eq!(now.mechanical_inspector_id, done[0].partner_id);
        }
        invariants::assert_kept(&db, &context);
    }
}
