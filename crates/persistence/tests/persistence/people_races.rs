//! Concurrency of leaves, coverage and bonus stars: one transaction wins, and nothing happens
//! twice.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use inspection_domain::{
    assignments::AssignmentStatus,
    bonus_stars::BonusStatus,
    idempotency::{IdempotencyKey, KeyedRequest},
    inspections::StartInspection,
    leaves::LeaveStatus,
    notifications::NotificationType,
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{
    assignments, bonus_stars, daily_lists, idempotency, inspections, leaves, pauses, points, roster, users,
};
use inspection_testkit::{
    builders::{
        act, approved_leave, assigned, bonus_request, checklist, defect, equipment, generated, input, leave,
        repair, routine, started, team, user,
    },
    context::context,
    invariants, ledger, on_both_databases, rounds,
};
use serde_json::json;

use crate::{
    ALL,
    leaves::now,
    notified_kinds,
    races::{at_once, tally},
};

on_both_databases! {
    fn of_requests_for_the_same_days_one_is_accepted(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let person = user(&db, &context, Role::Inspector);
            let (done, refused) = tally(at_once(4, |n| {
                let actor = if n == 0 { &admin } else { &person };
                let (from, to) = [("2026-03-05", "2026-03-09"), ("2026-03-09", "2026-03-12"), ("2026-03-01", "2026-03-31"), ("2026-03-09", "2026-03-09")][n];
                let body = json!({"user_id": person.id, "leave_type": "annual", "date_from": from, "date_to": to});
                act(&db, &context, actor, |tx| leaves::request(tx, input(body)))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::RuleViolation; 3]));
            clock.advance_seconds(1);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_request_is_decided_on_once(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let person = user(&db, &context, Role::Inspector);
            let requested = leave(&db, &context, &person, "2026-03-02", "2026-03-04");
            let (done, refused) = tally(at_once(4, |n| match n {
                0 | 1 => act(&db, &context, &admin, |tx| leaves::approve(tx, requested.id, &input(json!({})))).map(|granted| granted.leave),
                2 => act(&db, &context, &admin, |tx| leaves::reject(tx, requested.id, input(json!({"reason": "no"})))),
                _ => act(&db, &context, &person, |tx| leaves::cancel(tx, requested.id)),
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 3]));
            let approved = done[0].status == LeaveStatus::Approved;
            assert_eq!(now(&db, &person).is_on_leave, approved);
            let notified = notified_kinds(&db, admin.id);
            let announced = notified.first() == Some(&NotificationType::LeaveNotification);
            assert_eq!(announced, approved, "notified once, and only of an approved one");
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_request_with_a_key_does_not_lock_its_user(db: TestDatabase) {
        let (context, _) = context();
        let (admin, person) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Inspector));
        let requested = leave(&db, &context, &person, "2026-03-02", "2026-03-04");
        let request = KeyedRequest {
            key: IdempotencyKey::parse(b"key-1").unwrap(),
            operation: "POST /api/leaves/1/cancel".into(),
            fingerprint: String::new(),
        };
        let ((claims, claimed), (decides, decided)) = (mpsc::channel(), mpsc::channel());
        let outcomes = thread::scope(|scope| {
            let (db, context, admin, person, request) = (&db, &context, &admin, &person, &request);
            let cancels = scope.spawn(move || act(db, context, person, |tx| {
                assert!(idempotency::claim(tx, request)?.is_none());
                claims.send(()).unwrap();
                // The approval waits for the end of this transaction on SQLite. On PostgreSQL it
                // locks the user after the leave: with the user locked, a deadlock.
                let _ = decided.recv_timeout(Duration::from_millis(300));
                leaves::cancel(tx, requested.id)
            }));
            let approves = scope.spawn(move || {
                claimed.recv().unwrap();
                let outcome = act(db, context, admin, |tx| leaves::approve(tx, requested.id, &input(json!({}))));
                let outcome = outcome.map(|granted| granted.leave);
                decides.send(()).unwrap_or_default();
                outcome
            });
            vec![cancels.join().unwrap(), approves.join().unwrap()]
        });
        let (done, refused) = tally(outcomes);
        assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
        invariants::assert_kept(&db, &context);
    }

    fn of_two_concurrent_assignments_of_coverage_one_succeeds(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let absent = user(&db, &context, Role::Inspector);
            let crew: Vec<User> = (0..3).map(|_| user(&db, &context, Role::Specialist)).collect();
            let taken = approved_leave(&db, &context, &admin, &absent, "2026-03-02", "2026-03-04");
            let (done, refused) = tally(at_once(3, |n| {
                let body = json!({"coverage_user_id": crew[n].id});
                act(&db, &context, &admin, |tx| leaves::assign_coverage(tx, taken.id, &input(body)))
            }));
            assert!(!done.is_empty() && refused.iter().all(|code| *code == Code::Conflict), "{refused:?}");
            let now_covers = db.read(|conn| leaves::get_visible(conn, &admin, taken.id)).unwrap().coverage_user_id;
            for member in &crew {
                let member = now(&db, member);
                let covers = now_covers == Some(member.id);
                assert_eq!((member.leave_coverage_for.is_some(), member.minor_role.is_some()), (covers, covers));
            }
            act(&db, &context, &admin, |tx| leaves::end(tx, taken.id)).unwrap();
        }
        invariants::assert_kept(&db, &context);
    }

    fn no_absent_inspector_gets_a_seat_without_a_notice(db: TestDatabase) {
        let (context, _) = context();
        let admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let template = checklist(&db, &context, &admins[0]).0.id;
        routine(&db, &context, &admins[0], template);
        for _ in 0..2 * rounds() {
            let team = team(&db, &context);
            let machines = [0, 1].map(|_| equipment(&db, &context).id);
            let (list, on_it) = generated(&db, &context, &admins[0]);
            let new: Vec<_> = on_it.iter().filter(|one| machines.contains(&one.equipment_id)).map(|one| one.id).collect();
            assigned(&db, &context, &admins[0], new[0], &team);
            let requested = leave(&db, &context, &team.mechanical, "2026-03-01", "2026-03-04");
            let members = json!({"mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id});
            let start: StartInspection = input(json!({"assignment_id": new[0]}));
            let granted = Mutex::new(None);
            let outcomes = at_once(3, |n| match n {
                0 => act(&db, &context, &admins[0], |tx| {
                    leaves::approve(tx, requested.id, &input(json!({"free_assignments": true})))
                }).map(|found| *granted.lock().unwrap() = Some(found)),
                1 => act(&db, &context, &admins[1], |tx| assignments::assign(tx, new[1], &input(members.clone()))).map(drop),
                _ => act(&db, &context, &team.electrical, |tx| inspections::start(tx, &start)).map(drop),
            });
            let (_, refused) = tally(outcomes);
            let expected = [Code::Conflict, Code::RuleViolation, Code::Forbidden];
            assert!(refused.iter().all(|code| expected.contains(code)), "{refused:?}");
            let stored = db.read(|conn| assignments::by_ids(conn, &new.iter().map(|id| id.get()).collect::<Vec<_>>())).unwrap();
            if let Some(granted) = granted.into_inner().unwrap() {
                for assignment in &stored {
                    // The team stays, and is named, only if the partner has begun.
                    let stays = granted.conflicts.iter().any(|seat| seat.assignment.id == assignment.id && !seat.is_freed);
                    let expected = if stays { AssignmentStatus::InProgress } else { AssignmentStatus::Unassigned };
                    assert_eq!((assignment.status, assignment.team() == [None; 2]), (expected, !stays), "{granted:?}");
                }
            }
            let list = db.read(|conn| daily_lists::get(conn, list.id)).unwrap();
            let on_list = db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).unwrap();
            let assigned = on_list.iter().filter(|(one, _)| one.status != AssignmentStatus::Unassigned).count();
            assert_eq!(usize::try_from(list.assigned_assets).unwrap(), assigned);
        }
        invariants::assert_kept(&db, &context);
    }

    fn changes_of_one_day_of_the_roster_leave_one_entry_for_each_person(db: TestDatabase) {
        let (context, _) = context();
        let planners = [user(&db, &context, Role::Admin), user(&db, &context, Role::Engineer)];
        let people: Vec<User> = (0..6).map(|_| user(&db, &context, Role::Inspector)).collect();
        for _ in 0..rounds() {
            let outcomes = at_once(4, |n| {
                let shift = [json!("day"), json!("off"), json!("night"), json!(null)][n].clone();
                // In opposite orders.
                let mut lines: Vec<_> = people.iter().map(|person| json!({"user_id": person.id, "date": "2026-03-02", "shift": shift})).collect();
                if n % 2 == 1 {
                    lines.reverse();
                }
                act(&db, &context, &planners[n % 2], |tx| roster::change(tx, input(json!({ "entries": lines }))))
            });
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let stored = db.read(|conn| roster::list(conn, &input(json!({})), ALL)).unwrap().items;
            assert!(stored.len() == people.len() || stored.is_empty(), "{stored:?}");
            assert!(stored.iter().all(|entry| entry.shift == stored[0].shift), "all of one change: {stored:?}");
        }
        invariants::assert_kept(&db, &context);
    }

    fn two_ends_at_once_leave_nothing_behind(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let specialist = user(&db, &context, Role::Specialist);
        for _ in 0..rounds() {
            let taken: Vec<_> = (0..2).map(|_| {
                let absent = user(&db, &context, Role::Inspector);
                let taken = approved_leave(&db, &context, &admin, &absent, "2026-03-02", "2026-03-04");
                let body = json!({"coverage_user_id": specialist.id});
                act(&db, &context, &admin, |tx| leaves::assign_coverage(tx, taken.id, &input(body))).unwrap();
                (taken, absent)
            }).collect();
            let (done, refused) = tally(at_once(4, |n| act(&db, &context, &admin, |tx| leaves::end(tx, taken[n % 2].0.id))));
            assert_eq!((done.len(), refused), (2, vec![Code::InvalidState; 2]));
            let free = now(&db, &specialist);
            assert_eq!((free.leave_coverage_for, free.minor_role, free.minor_role_id), (None, None, None));
            assert!(taken.iter().all(|(_, absent)| !now(&db, absent).is_on_leave));
        }
        invariants::assert_kept(&db, &context);
    }

    fn coverage_and_the_end_of_another_at_once_agree(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let specialist = user(&db, &context, Role::Specialist);
        for _ in 0..rounds() {
            let [old, new] = [0, 1].map(|_| {
                let absent = user(&db, &context, Role::Inspector);
                approved_leave(&db, &context, &admin, &absent, "2026-03-02", "2026-03-04")
            });
            let cover = |id| {
                let body = json!({"coverage_user_id": specialist.id});
                act(&db, &context, &admin, |tx| leaves::assign_coverage(tx, id, &input(body)))
            };
            cover(old.id).unwrap();
            let outcomes = at_once(2, |n| if n == 0 { cover(new.id) } else { act(&db, &context, &admin, |tx| leaves::end(tx, old.id)) });
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let covers = now(&db, &specialist);
            assert_eq!((covers.leave_coverage_for, covers.minor_role), (Some(new.user_id), Some(Role::Inspector)));
            act(&db, &context, &admin, |tx| leaves::end(tx, new.id)).unwrap();
        }
        invariants::assert_kept(&db, &context);
    }

    fn leaves_of_different_people_are_granted_and_ended_at_once(db: TestDatabase) {
        let (context, _) = context();
        let admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let absent: Vec<User> = (0..4).map(|_| user(&db, &context, Role::Inspector)).collect();
        let crew: Vec<User> = (0..4).map(|_| user(&db, &context, Role::Specialist)).collect();
        let mut running: Vec<inspection_domain::leaves::Leave> = Vec::new();
        for round in 0..2 * rounds() {
            let day = context.today().plus_days(i32::try_from(round).unwrap()).to_string();
            let requested: Vec<_> = absent.iter().map(|person| leave(&db, &context, person, &day, &day)).collect();
            // The leaves of the previous round end while these are approved, and each cover
            // changes.
            let outcomes = at_once(4 + running.len(), |n| {
                let admin = &admins[n % 2];
                match requested.get(n) {
                    Some(leave) => {
                        let body = json!({"coverage_user_id": crew[(n + round) % 4].id});
                        act(&db, &context, admin, |tx| leaves::approve(tx, leave.id, &input(body))).map(|granted| granted.leave)
                    }
                    None => act(&db, &context, admin, |tx| leaves::end(tx, running[n - 4].id)),
                }
            });
            assert!(outcomes.iter().all(Result::is_ok), "no command blocks another: {outcomes:?}");
            running = outcomes.into_iter().take(4).map(Result::unwrap).collect();
            for member in &crew {
                let covered = running.iter().find(|leave| leave.coverage_user_id == Some(member.id)).unwrap();
                let now = now(&db, member);
                assert_eq!((now.leave_coverage_for, now.minor_role), (Some(covered.user_id), Some(Role::Inspector)));
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn notifications_and_account_changes_do_not_deadlock(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        checklist(&db, &context, &admin);
        let machine = equipment(&db, &context);
        let inspector = user(&db, &context, Role::Inspector);
        for _ in 0..rounds() {
            let crew: Vec<User> = (0..3).map(|_| user(&db, &context, Role::Specialist)).collect();
            // Each coverage changes badges, which locks the account exclusively.
            let granted: Vec<_> = crew
                .iter()
                .map(|_| leave(&db, &context, &user(&db, &context, Role::Inspector), "2026-03-02", "2026-03-04"))
                .collect();
            let requested: Vec<_> = crew
                .iter()
                .map(|member| {
                    let found = defect(&db, &context, &inspector, &machine);
                    let job = repair(&db, &context, &admin, found.id, member);
                    started(&db, &context, member, &job);
                    let new = input(json!({"reason_category": "parts"}));
                    act(&db, &context, member, |tx| pauses::request(tx, job.kind, job.id, new)).unwrap()
                })
                .collect();
            let outcomes = at_once(6, |n| {
                if n < 3 {
                    let coverage = input(json!({"coverage_user_id": crew[n].id}));
                    act(&db, &context, &admin, |tx| leaves::approve(tx, granted[n].id, &coverage)).map(drop)
                } else {
                    act(&db, &context, &admin, |tx| pauses::approve(tx, requested[n - 3].id)).map(drop)
                }
            });
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        invariants::assert_kept(&db, &context);
    }

    fn bonus_stars_are_awarded_once(db: TestDatabase) {
        let (context, _) = context();
        let admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let (qe, person) = (user(&db, &context, Role::QualityEngineer), user(&db, &context, Role::Specialist));
        let mut expected = 0;
        for _ in 0..rounds() {
            let requested = bonus_request(&db, &context, &qe, &person, 3);
            let (done, refused) = tally(at_once(4, |n| {
                let actor = &admins[n % 2];
                match n {
                    0 => act(&db, &context, actor, |tx| bonus_stars::deny(tx, requested.id, input(json!({})))),
                    _ => act(&db, &context, actor, |tx| bonus_stars::approve(tx, requested.id, &input(json!({"amount": n + 2})))),
                }
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 3]));
            if done[0].status != BonusStatus::Denied {
                expected += done[0].amount;
            }
            assert_eq!(db.read(|conn| users::get(conn, person.id)).unwrap().total_points, expected);
        }
        assert_eq!(db.read(ledger::mismatches).unwrap(), []);
        let ledger = db.read(|conn| points::list(conn, person.id, ALL)).unwrap();
        assert_eq!(ledger.items.iter().map(|line| line.amount).sum::<i64>(), expected);
        invariants::assert_kept(&db, &context);
    }
}
