//! Concurrency: the second transaction is refused or waits, and nothing is ever half done.
//!
//! Every race runs several rounds, because the order of its transactions is random; no order may
//! break a rule.

use std::{collections::BTreeSet, fmt::Debug, sync::Barrier, thread};

use diesel::prelude::*;
use inspection_domain::{
    checklists::{ItemChanges, NewItem, NewVersion},
    defects::Resolution,
    equipment::EquipmentStatus,
    inspections::{NewAnswer, NewAnswers, Review, StartInspection},
    points::PointKind,
    rule::Code,
    schema::inspection_answers,
    time::Week,
    users::{NewUser, Role, User, UserChanges},
};
use inspection_persistence::{
    Error, Origin, Result, Tx, checklists, defects, equipment as machines, inspections, jobs,
    points::{self, Award},
    routines, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, PASS_FAIL, TEXT, YES_NO, act, answer_body, answered, checklist, draft, equipment,
        input, password_hash, routine, submitted, user,
    },
    context::context,
    invariants, ledger, on_both_databases, rounds,
};
use serde_json::{Value, json};

use crate::{ALL, notified_kinds, refusal, trail};

/// Starts this many threads at the same moment, and returns their outcomes.
pub(crate) fn at_once<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (barrier, work) = (&Barrier::new(threads), &work);
    thread::scope(|scope| {
        let start = |n| {
            scope.spawn(move || {
                barrier.wait();
                work(n)
            })
        };
        let started: Vec<_> = (0..threads).map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// The successes among these outcomes, and the codes of the refusals; any other error panics.
pub(crate) fn tally<T: Debug>(outcomes: Vec<Result<T>>) -> (Vec<T>, Vec<Code>) {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(value) => done.push(value),
            Err(Error::Rule(rule)) => refused.push(rule.code()),
            Err(other) => panic!("neither done nor refused: {other:?}"),
        }
    }
    (done, refused)
}

/// Runs two different units of work at once.
pub(crate) fn both<A: Send, B: Send>(one: impl Fn() -> A + Sync, other: impl Fn() -> B + Sync) -> (A, B) {
    let mut outcomes =
        at_once(2, |n| if n == 0 { (Some(one()), None) } else { (None, Some(other())) }).into_iter();
    let (first, second) = (outcomes.next().expect("two"), outcomes.next().expect("two"));
    (first.0.expect("the first"), second.1.expect("the second"))
}

fn new_user(body: Value) -> NewUser {
    let mut whole =
        json!({"password": "correct horse battery", "full_name": "Somebody", "specialization": "electrical"});
    whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    input(whole)
}

fn one_answer(body: Value) -> Vec<NewAnswer> {
    input::<NewAnswers>(json!({"answers": [body]})).answers.0
}

on_both_databases! {
    fn of_two_submissions_one_wins(db: TestDatabase) {
        let (context, _) = context();
        let [admin, other] = [(); 2].map(|()| user(&db, &context, Role::Admin));
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        for round in 1..=rounds() {
            let id = answered(&db, &context, &inspector, &crane, &[PASS_FAIL, CRITICAL]).inspection.id;
            let actors = [&inspector, &admin, &inspector];
            let outcomes = at_once(3, |n| act(&db, &context, actors[n], |tx| inspections::submit(tx, id)));
            let (done, refused) = tally(outcomes);
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState, Code::InvalidState]));
            assert_eq!(db.read(|conn| defects::list_by_inspection(conn, id)).unwrap().len(), 2);
            let week = Week { year: 2026, number: 10 };
            let counted = db.read(|conn| ledger::weekly_completions(conn, crane.id, week)).unwrap();
            assert_eq!(usize::try_from(counted), Ok(round));
            assert_eq!(notified_kinds(&db, other.id).len(), round);
            assert_eq!(trail(&db, &context, json!({"action": "submit", "entity_id": id})).len(), 1);
        }
        invariants::assert_kept(&db, &context);
    }

    fn concurrently_created_users_get_distinct_badges(db: TestDatabase) {
        let (context, _) = context();
        let mut badges = BTreeSet::new();
        for round in 0..rounds() {
            // Both orders of the two roles, to provoke a deadlock.
            let created = at_once(8, |n| {
                let [role, minor] =
                    if n % 2 == 0 { ["inspector", "specialist"] } else { ["specialist", "inspector"] };
                let new = new_user(json!({
                    "email": format!("{round}-{n}@example.com"), "role": role, "minor_role": minor,
                }));
                db.write(&context, Origin::default(), |tx| users::create(tx, new, password_hash()))
            });
            for user in created {
                let user = user.expect("no creation is refused");
                assert!(badges.insert(user.role_id.clone()), "{} twice", user.role_id);
                let minor = user.minor_role_id.expect("a second badge");
                assert!(badges.insert(minor.clone()), "{minor} twice");
            }
        }
        let of = |prefix: &str| badges.iter().filter(|badge| badge.starts_with(prefix)).count();
        assert_eq!((of("INS"), of("SPE")), (8 * rounds(), 8 * rounds()));
        let last = format!("INS{:03}", 8 * rounds());
        assert!(badges.contains(&last), "no number is left out");
        invariants::assert_kept(&db, &context);
    }

    fn badges_and_addresses_are_assigned_once(db: TestDatabase) {
        let (context, _) = context();
        for round in 0..rounds() {
            let create = |email: String, badge: String| {
                let new = new_user(json!({"email": email, "role": "engineer", "role_id": badge}));
                db.write(&context, Origin::default(), |tx| users::create(tx, new, password_hash()))
            };
            for field in ["role_id", "email"] {
                let (created, refused): (Vec<_>, Vec<_>) = at_once(3, |n| match field {
                    "email" => create(format!("same-{round}@example.com"), format!("ENG{round}{n}0")),
                    _ => create(format!("{round}-{n}@example.com"), format!("SAME{round}")),
                })
                .into_iter()
                .partition(Result::is_ok);
                assert_eq!((created.len(), refused.len()), (1, 2));
                for outcome in refused {
                    assert_eq!(refusal(outcome), (Code::Duplicate, vec![field.to_owned()]));
                }
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_several_answers_to_one_question_one_stays(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        for _ in 0..rounds() {
            let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
            let (id, item) = (sheet.inspection.id, sheet.items[PASS_FAIL].id);
            let saved = at_once(4, |n| {
                let given = one_answer(answer_body(PASS_FAIL, item, n % 2 == 0));
                let actor = if n < 2 { &inspector } else { &admin };
                act(&db, &context, actor, |tx| inspections::answer(tx, id, given, |_| None))
            });
            let (saved, refused) = tally(saved);
            assert_eq!((saved.len(), refused), (4, vec![]));
            let left = inspection_answers::table.filter(inspection_answers::inspection_id.eq(id.get()));
            let left: Vec<i64> = query!(db, |c| left.select(inspection_answers::id).load(c));
            assert_eq!(left.len(), 1);
            assert!(saved.iter().any(|(answers, _)| answers[0].id.get() == left[0]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_several_starts_one_creates_the_draft_and_the_others_find_it(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        for _ in 0..rounds() {
            let what: StartInspection = input(json!({"equipment_id": equipment(&db, &context).id}));
            let started = at_once(4, |_| act(&db, &context, &inspector, |tx| inspections::start(tx, &what)));
            let (started, refused) = tally(started);
            assert_eq!(refused, []);
            let drafts: BTreeSet<_> = started.iter().map(|(sheet, _)| sheet.inspection.id).collect();
            assert_eq!((drafts.len(), started.iter().filter(|(_, new)| *new).count()), (1, 1));
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_machine_is_inspected_before_it_is_decommissioned_or_never(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        for _ in 0..rounds() {
            let crane = equipment(&db, &context);
            let what: StartInspection = input(json!({"equipment_id": crane.id}));
            let (gone, started) = both(
                || act(&db, &context, &admin, |tx| machines::registry::decommission(tx, crane.id)),
                || act(&db, &context, &inspector, |tx| inspections::start(tx, &what)),
            );
            assert_eq!(gone.expect("decommissioned").status, EquipmentStatus::OutOfService);
            let (_, refused) = tally(vec![started]);
            assert!(refused.iter().all(|code| *code == Code::RuleViolation), "{refused:?}");
        }
        invariants::assert_kept(&db, &context);
    }

    fn two_admins_that_deactivate_each_other_leave_one(db: TestDatabase) {
        let (context, _) = context();
        let mut admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        for round in 0..rounds() {
            let outcomes = at_once(2, |n| {
                let (actor, other) = (&admins[n], &admins[1 - n]);
                if round % 2 == 0 {
                    act(&db, &context, actor, |tx| users::deactivate(tx, other.id))
                } else {
                    let demote: UserChanges = input(json!({"role": "engineer"}));
                    act(&db, &context, actor, |tx| users::update(tx, other.id, demote))
                }
            });
            let (done, refused) = tally(outcomes);
            assert_eq!((done.len(), refused), (1, vec![Code::RuleViolation]));
            let left: Vec<_> =
                db.read(users::admins).unwrap().into_iter().filter(|admin| admin.is_active).collect();
            let [left] = left.try_into().expect("one admin");
            admins = [left, user(&db, &context, Role::Admin)];
        }
        invariants::assert_kept(&db, &context);
    }

    fn questions_added_at_once_have_a_place_each(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let (template, _) = checklist(&db, &context, &admin);
            let added = at_once(4, |_| {
                let new: NewItem = input(json!({"question_text": "New?", "answer_type": "text"}));
                act(&db, &context, &admin, |tx| checklists::add_item(tx, template.id, new))
            });
            let (added, refused) = tally(added);
            let places: BTreeSet<i32> = added.iter().map(|item| item.order_index).collect();
            assert_eq!((places.into_iter().collect::<Vec<_>>(), refused), (vec![5, 6, 7, 8], vec![]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn changes_of_different_fields_are_both_stored(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let id = routine(&db, &context, &admin, template).0.id;
        for n in 0..4 * rounds() {
            let (name, shift) = (format!("Round {n}"), if n % 2 == 0 { "night" } else { "day" });
            let change = |body: Value| act(&db, &context, &admin, |tx| routines::update(tx, id, input(body)));
            let (one, other) = both(|| change(json!({"name": name})), || change(json!({"shift": shift})));
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            let stored = db.read(|conn| routines::list(conn, &input(json!({})), ALL)).expect("a list").items;
            assert_eq!((stored[0].0.name.as_str(), stored[0].0.shift.as_str()), (name.as_str(), shift));
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_version_is_created_once(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for round in 0..rounds() {
            let (template, _) = checklist(&db, &context, &admin);
            let (done, refused) = tally(at_once(2, |_| {
                let new: NewVersion = input(json!({"version": format!("v{round}")}));
                act(&db, &context, &admin, |tx| checklists::clone(tx, template.id, new))
            }));
            assert_eq!((done.len(), done[0].1.len(), refused), (1, 5, vec![Code::Duplicate]));
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_draft_is_answered_as_it_was_started_while_its_question_changes(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspectors: [User; 3] = std::array::from_fn(|_| user(&db, &context, Role::Inspector));
        for round in 0..2 * rounds() {
            let (_, items) = checklist(&db, &context, &admin);
            let (item, crane) = (&items[PASS_FAIL], equipment(&db, &context));
            let drafts =
                inspectors.each_ref().map(|inspector| draft(&db, &context, inspector, &crane).inspection.id);
            let change = |tx: &mut Tx<'_>| {
                if round % 2 == 0 {
                    let change: ItemChanges = input(json!({"answer_type": "numeric"}));
                    checklists::update_item(tx, item.template_id, item.id, change).map(|_| ())
                } else {
                    checklists::delete_item(tx, item.template_id, item.id)
                }
            };
            let mut outcomes = at_once(4, |n| {
                let Some(inspector) = inspectors.get(n) else { return act(&db, &context, &admin, change) };
                let given = one_answer(answer_body(PASS_FAIL, item.id, false));
                act(&db, &context, inspector, |tx| inspections::answer(tx, drafts[n], given, |_| None))
                    .map(|_| ())
            });
            let changed = tally(outcomes.split_off(3)).1;
            assert_eq!(tally(outcomes).1, vec![]);
            assert!(changed.is_empty() || changed == [Code::RuleViolation], "{changed:?}");
            for id in drafts {
                let sheet = db.read(|conn| inspections::get_visible(conn, &admin, id)).unwrap();
                let asked = sheet.items.iter().find(|asked| asked.id == item.id).expect("the question");
                assert_eq!((asked, sheet.answers.len()), (item, 1));
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_draft_is_submitted_or_discarded(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        for _ in 0..rounds() {
            let sheet = answered(&db, &context, &inspector, &equipment(&db, &context), &[YES_NO]);
            let id = sheet.inspection.id;
            let (submitted, deleted) = both(
                || act(&db, &context, &inspector, |tx| inspections::submit(tx, id)),
                || act(&db, &context, &admin, |tx| inspections::delete(tx, id)),
            );
            match (submitted, deleted) {
                (Ok(_), deleted) => assert_eq!(refusal(deleted).0, Code::InvalidState),
                (submitted, Ok(())) => assert_eq!(refusal(submitted).0, Code::NotFound),
                other => panic!("neither: {other:?}"),
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn an_answer_is_part_of_the_submission_or_refused(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        for _ in 0..rounds() {
            let sheet = answered(&db, &context, &inspector, &equipment(&db, &context), &[]);
            let (id, item) = (sheet.inspection.id, sheet.items[NUMERIC].id);
            let (submitted, answer) = both(
                || act(&db, &context, &inspector, |tx| inspections::submit(tx, id)),
                || {
                    let given = one_answer(answer_body(NUMERIC, item, true));
                    act(&db, &context, &admin, |tx| inspections::answer(tx, id, given, |_| None))
                },
            );
            let (_, found) = submitted.expect("submitted");
            let (saved, refused) = tally(vec![answer]);
            assert_eq!((saved.len(), refused.len()), (found, 1 - found), "a failed answer is a defect");
            assert!(refused.iter().all(|code| *code == Code::InvalidState), "{refused:?}");
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_review_and_a_repair_happen_once(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        for _ in 0..rounds() {
            let (inspection, raised) = submitted(&db, &context, &inspector, &crane, &[YES_NO]);
            let (done, refused) = tally(at_once(2, |_| {
                let review: Review = input(json!({}));
                act(&db, &context, &admin, |tx| inspections::review(tx, inspection.id, review))
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState]));
            let (done, refused) = tally(at_once(2, |n| {
                let resolution: Resolution = input(json!({"resolution_notes": format!("by {n}")}));
                act(&db, &context, &admin, |tx| jobs::resolve_defect(tx, raised[0].id, resolution))
            }));
            assert_eq!(
                (&done[..], refused),
                (&[db.read(|conn| defects::get(conn, raised[0].id)).unwrap()][..], vec![Code::InvalidState],)
            );
        }
        invariants::assert_kept(&db, &context);
    }

    fn awards_at_once_are_all_in_the_totals(db: TestDatabase) {
        let (context, _) = context();
        let admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let person = user(&db, &context, Role::Inspector);
        let outcomes = at_once(6, |n| -> Result<()> {
            for amount in 1..=5 {
                let actor = &admins[n % 2];
                if n < 4 {
                    let award = Award {
                        user_id: person.id,
                        role: Role::Inspector,
                        amount,
                        kind: PointKind::BonusStars,
                        related: None,
                    };
                    act(&db, &context, actor, |tx| points::award(tx, &award))?;
                } else {
                    // A concurrent change of the account loses no points.
                    let change: UserChanges = input(json!({"phone": format!("{n}-{amount}")}));
                    act(&db, &context, actor, |tx| users::update(tx, person.id, change))?;
                }
            }
            Ok(())
        });
        assert_eq!(tally(outcomes).1, []);
        let now = db.read(|conn| users::get(conn, person.id)).unwrap();
        assert_eq!((now.total_points, now.inspector_points), (60, 60));
        assert_eq!(db.read(|conn| points::list(conn, person.id, ALL)).unwrap().total, 20);
        assert_eq!(db.read(ledger::mismatches).unwrap(), []);
        invariants::assert_kept(&db, &context);
    }

    fn account_changes_do_not_block_other_work(db: TestDatabase) {
        let (context, _) = context();
        let admins = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admins[0]);
        let crane = equipment(&db, &context);
        for round in 0..rounds() {
            let id = answered(&db, &context, &inspector, &crane, &[PASS_FAIL, YES_NO, NUMERIC, CRITICAL, TEXT])
                .inspection
                .id;
            let outcomes = at_once(4, |n| -> Result<()> {
                if n == 0 {
                    return act(&db, &context, &inspector, |tx| inspections::submit(tx, id)).map(|_| ());
                }
                let of = [&inspector, &admins[0], &admins[1]][n - 1];
                let change: UserChanges = input(json!({"phone": format!("{round}-{n}")}));
                act(&db, &context, &admins[n % 2], |tx| users::update(tx, of.id, change)).map(|_| ())
            });
            assert_eq!(tally(outcomes).1, []);
        }
        invariants::assert_kept(&db, &context);
    }
}
