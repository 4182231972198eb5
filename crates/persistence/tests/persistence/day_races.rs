//! What happens at once on an inspection day: planning, both halves, verdicts and decisions. Whoever comes second waits or
//! is refused, and counters, points and the status of the machine are right in whichever order it went.

use std::collections::BTreeSet;

use inspection_domain::{
    assessments::{AssessmentStatus, ResolvedBy, Verdict},
    assignments::{AssignTeam, Assignment, AssignmentStatus},
    equipment::{Equipment, EquipmentStatus},
    ids::AssignmentId,
    inspections::StartInspection,
    lists::{GenerateList, ListStatus},
    notifications::NotificationType,
    rule::Code,
    time::Date,
    users::{Role, Shift, User, UserChanges},
};
use inspection_persistence::{
    Database, Result, World, assessments, assignments, equipment as machines, inspections,
    lists::{self, Generated},
    points, ratings, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, PASS_FAIL, TODAY, Team, act, assigned, equipment, half_answered, half_draft,
        half_submitted, input, submitted, team, user, user_with, verdict,
    },
    on_both_databases,
    world::world,
};
use serde_json::json;

use EquipmentStatus::{Active, OutOfService, Paused, Stopped, UnderMaintenance};
use Verdict::{Operational, Urgent};

use crate::{
    ALL,
    assessments::{
        TOMORROW, Yard, both_pointed, decide, list_of, listed, pointed, set_status, status_of, stored,
        times_stopped, told_about, true_list, true_lists, yard,
    },
    races::{at_once, both, tally},
    ratings::{rate, rerate},
    trail,
    transactions::rows,
};

const ROUNDS: usize = 6;

const COMBINATIONS: [[Verdict; 2]; 4] =
    [[Operational, Operational], [Operational, Urgent], [Urgent, Operational], [Urgent, Urgent]];

/// The date so many days after the Monday of the tests.
fn day(n: usize) -> String {
    Date::parse(TODAY).expect("a date").plus_days(i32::try_from(n).expect("few")).to_string()
}

fn generate(db: &Database, world: &World, actor: &User, date: &str, refresh: bool) -> Result<Generated> {
    let wanted: GenerateList = input(json!({"target_date": date, "shift": "day", "refresh": refresh}));
    act(db, world, actor, |tx| lists::generate(tx, &wanted))
}

fn assign(db: &Database, world: &World, planner: &User, id: AssignmentId, team: &Team) -> Result<Assignment> {
    let members: AssignTeam = input(json!({
        "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
    }));
    act(db, world, planner, |tx| assignments::assign(tx, id, &members))
}

/// Starts somebody's half; says whether the draft is new.
fn start(db: &Database, world: &World, inspector: &User, id: AssignmentId) -> Result<(i64, bool)> {
    let what: StartInspection = input(json!({"assignment_id": id}));
    let (sheet, is_new) = act(db, world, inspector, |tx| inspections::start(tx, &what))?;
    Ok((sheet.inspection.id.get(), is_new))
}

/// Gives somebody another address.
fn move_to(db: &Database, world: &World, admin: &User, whom: &User, email: &str) -> Result<User> {
    let moved: UserChanges = input(json!({ "email": email }));
    act(db, world, admin, |tx| users::update(tx, whom.id, moved))
}

fn assignment(db: &Database, id: AssignmentId) -> Assignment {
    db.read(|conn| assignments::get(conn, id)).expect("an assignment")
}

fn members(of: &Assignment) -> [Option<i64>; 2] {
    [of.mechanical_inspector_id, of.electrical_inspector_id]
        .map(|id| id.map(inspection_domain::ids::UserId::get))
}

fn ids(team: &Team) -> [Option<i64>; 2] {
    team.both().map(|inspector| Some(inspector.id.get()))
}

/// Nothing that must be true all the time is wrong.
fn all_is_well(db: &Database) {
    true_lists(db);
    assert_eq!(db.read(points::mismatches).expect("a check"), []);
}

/// A machine whose assignment of the day has a team that hasn't begun.
fn planned(db: &Database, world: &World, yard: &Yard) -> (Equipment, Assignment) {
    let crane = equipment(db, world);
    let on_list = listed(db, world, &yard.admin, &crane, TODAY);
    (crane, assigned(db, world, &yard.admin, on_list.id, &yard.team))
}

on_both_databases! {
    fn both_halves_handed_in_at_once_lead_to_one_assessment(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..2 * ROUNDS {
            let (_, on_list) = planned(&db, &world, &yard);
            // Defects refer to the machine, too, and are a part of it now and then.
            let failing: &[usize] = if round % 2 == 0 { &[] } else { &[PASS_FAIL, CRITICAL] };
            let sheets = yard.team.both().map(|inspector| half_answered(&db, &world, inspector, on_list.id, failing));
            let (done, refused) = tally(at_once(2, |n| {
                act(&db, &world, yard.team.both()[n], |tx| inspections::submit(tx, sheets[n].inspection.id))
            }));
            assert_eq!((done.len(), refused), (2, vec![]));
            assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::AssessmentPending);
            assert_eq!(rows(&db)["final_assessments"], i64::try_from(round + 1).unwrap());
            let asked = db.read(|conn| assessments::of_assignment(conn, &yard.admin, on_list.id)).unwrap();
            let told = told_about(&db, NotificationType::AssessmentRequired, asked.id.get());
            assert_eq!(told.iter().map(|told| told.user_id.get()).collect::<Vec<_>>(), both_pointed(&asked));
            let made = trail(&db, &world, json!({
                "entity_type": "assessment", "entity_id": asked.id.get(), "action": "create",
            }));
            assert_eq!(made.len(), 1);
            all_is_well(&db);
        }
        let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
        assert_eq!((list.status, list.completed_assets), (ListStatus::FullyAssigned, 0));
    }

    fn both_verdicts_at_once_finish_it_once(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..3 {
            for verdicts in COMBINATIONS {
                let crane = equipment(&db, &world);
                let asked = yard.asked(&db, &world, &crane, TODAY);
                let (done, refused) = tally(at_once(2, |n| {
                    verdict(&db, &world, yard.team.both()[n], asked.id, verdicts[n])
                }));
                assert_eq!((done.len(), refused), (2, vec![]), "{verdicts:?}");
                let completed = |of: &&inspection_domain::assessments::Assessment| of.status == AssessmentStatus::Completed;
                assert_eq!(done.iter().filter(completed).count(), 1, "one of them saw the other");
                let judged = stored(&db, &yard.admin, asked.id);
                let is_urgent = verdicts.contains(&Urgent);
                assert_eq!([judged.mechanical_verdict, judged.electrical_verdict], verdicts.map(Some));
                assert_eq!(judged.decision, Some(if is_urgent { Urgent } else { Operational }));
                let by = if verdicts[0] == verdicts[1] { ResolvedBy::Agreement } else { ResolvedBy::SafetyRule };
                assert_eq!((judged.status, judged.resolved_by), (AssessmentStatus::Completed, Some(by)));
                assert_eq!(judged.equipment_hold, is_urgent.then_some(Stopped));
                assert_eq!(judged.stopped_from, is_urgent.then_some(Active));
                assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
                assert_eq!(times_stopped(&db, asked.id, &yard.admin), usize::from(is_urgent));
                assert_eq!(pointed(&db, asked.id), both_pointed(&asked));
                assert_eq!(assignment(&db, asked.assignment_id).status, AssignmentStatus::Completed);
                all_is_well(&db);
            }
            let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
            assert_eq!((list.status, list.completed_assets), (ListStatus::Completed, 4 * (round + 1)));
        }
    }

    fn an_inspector_gives_one_verdict_however_often_it_is_sent(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..ROUNDS {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            let is_second = round % 2 == 1;
            if is_second {
                verdict(&db, &world, &yard.team.electrical, asked.id, Operational).unwrap();
            }
            let (done, refused) = tally(at_once(4, |n| {
                let given = if n % 2 == 0 { Urgent } else { Operational };
                verdict(&db, &world, &yard.team.mechanical, asked.id, given)
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 3]));
            assert_eq!(stored(&db, &yard.admin, asked.id), done[0]);
            let is_urgent = done[0].mechanical_verdict == Some(Urgent);
            assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
            let expected = if is_second { both_pointed(&asked) } else { vec![] };
            assert_eq!(pointed(&db, asked.id), expected);
            all_is_well(&db);
        }
    }

    fn a_list_is_generated_once(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for _ in 0..3 {
            equipment(&db, &world);
        }
        let other = user(&db, &world, Role::Engineer);
        for round in 0..ROUNDS {
            let date = day(round);
            let actors = [&yard.admin, &other];
            let (done, refused) = tally(at_once(2, |n| generate(&db, &world, actors[n], &date, false)));
            assert_eq!(refused, [Code::Duplicate]);
            let [made] = &done[..] else { panic!("one is made: {done:?}") };
            assert_eq!((made.is_new, made.added, made.list.total_assets), (true, 3, 3));
            assert_eq!(true_list(&db, made.list.id).len(), 3);
        }
        for round in ROUNDS..2 * ROUNDS {
            let date = day(round);
            // All of them complete it, or three do, and one wants a new one.
            let refreshes = |n: usize| round % 2 == 0 || n > 0;
            let (done, refused) = tally(at_once(4, |n| generate(&db, &world, &yard.admin, &date, refreshes(n))));
            assert!(refused.len() <= round % 2 && refused.iter().all(|code| *code == Code::Duplicate), "{refused:?}");
            assert_eq!(done.iter().filter(|made| made.is_new).count(), 1);
            assert_eq!(done.iter().map(|made| made.added).sum::<usize>(), 3);
            assert_eq!(done.iter().map(|made| made.list.id).collect::<BTreeSet<_>>().len(), 1);
            let machines: BTreeSet<_> =
                true_list(&db, done[0].list.id).iter().map(|on_list| on_list.equipment_id).collect();
            assert_eq!(machines.len(), 3);
        }
        assert_eq!(rows(&db)["inspection_lists"], i64::try_from(2 * ROUNDS).unwrap());
        all_is_well(&db);
    }

    fn a_list_is_completed_while_its_assignments_get_teams(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        equipment(&db, &world);
        for round in 0..2 * ROUNDS {
            let on_list = true_list(&db, list_of(&db, &world, &yard.admin, TODAY).id);
            let new = on_list.iter().find(|of| of.status == AssignmentStatus::Unassigned).expect("one").id;
            for _ in 0..2 {
                equipment(&db, &world);
            }
            let (refreshed, (done, refused)) = both(
                || generate(&db, &world, &yard.admin, TODAY, true),
                || tally(at_once(2, |_| assign(&db, &world, &yard.admin, new, &yard.team))),
            );
            assert_eq!((done.len(), refused), (2, vec![]));
            let refreshed = refreshed.unwrap();
            assert_eq!((refreshed.added, refreshed.is_new), (2, false));
            let now = true_list(&db, refreshed.list.id);
            assert_eq!(now.len(), on_list.len() + 2);
            assert_eq!(now.iter().find(|of| of.id == new).unwrap().status, AssignmentStatus::Assigned, "{round}");
        }
    }

    fn a_list_is_completed_while_its_assignments_are_finished(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..ROUNDS {
            let cranes = [equipment(&db, &world), equipment(&db, &world)];
            let asked = cranes.each_ref().map(|crane| yard.asked(&db, &world, crane, TODAY));
            for of in &asked {
                verdict(&db, &world, &yard.team.mechanical, of.id, Operational).unwrap();
            }
            equipment(&db, &world);
            let outcomes = at_once(4, |n| -> Result<usize> {
                match asked.get(n) {
                    Some(of) => {
                        let given = if (round + n).is_multiple_of(2) { Urgent } else { Operational };
                        verdict(&db, &world, &yard.team.electrical, of.id, given).map(|_| 0)
                    }
                    None => generate(&db, &world, &yard.admin, TODAY, true).map(|made| made.added),
                }
            });
            let (done, refused) = tally(outcomes);
            assert_eq!((done.into_iter().sum::<usize>(), refused), (1, vec![]), "one machine is new");
            all_is_well(&db);
            let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
            let rounds = i64::try_from(round + 1).unwrap();
            assert_eq!((list.total_assets, list.completed_assets), (3 * rounds, 2 * rounds));
        }
    }

    fn of_two_admins_who_decide_at_once_one_has_the_last_word(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let admins = [&yard.admin, &user(&db, &world, Role::Admin)];
        for _ in 0..3 {
            for decisions in COMBINATIONS {
                for given in [None, Some(Operational), Some(Urgent)] {
                    let crane = equipment(&db, &world);
                    let asked = yard.asked(&db, &world, &crane, TODAY);
                    if let Some(given) = given {
                        verdict(&db, &world, &yard.team.electrical, asked.id, given).unwrap();
                    }
                    let (done, refused) =
                        tally(at_once(2, |n| decide(&db, &world, admins[n], asked.id, decisions[n])));
                    assert_eq!((done.len(), refused), (2, vec![]), "{decisions:?}");
                    let last = stored(&db, &yard.admin, asked.id);
                    assert!(done.contains(&last), "one of the two stands, and whole: {last:?}");
                    let n = admins.iter().position(|admin| last.decided_by_id == Some(admin.id)).unwrap();
                    assert_eq!(last.decision, Some(decisions[n]));
                    let is_urgent = last.decision == Some(Urgent);
                    assert_eq!(last.equipment_hold, is_urgent.then_some(Stopped));
                    assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
                    assert_eq!(pointed(&db, asked.id), both_pointed(&asked), "once");
                    assert_eq!(assignment(&db, asked.assignment_id).status, AssignmentStatus::Completed);
                }
            }
            all_is_well(&db);
        }
    }

    fn an_admin_has_the_last_word_over_a_verdict_that_comes_at_once(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..ROUNDS {
            for decision in [Operational, Urgent] {
                let crane = equipment(&db, &world);
                let asked = yard.asked(&db, &world, &crane, TODAY);
                if round % 2 == 1 {
                    verdict(&db, &world, &yard.team.electrical, asked.id, Operational).unwrap();
                }
                let (given, decided) = both(
                    || verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent),
                    || decide(&db, &world, &yard.admin, asked.id, decision),
                );
                let decided = decided.unwrap();
                let (given, refused) = tally(vec![given]);
                assert!(refused.iter().all(|code| *code == Code::InvalidState), "{refused:?}");
                assert_eq!(decided.mechanical_verdict, given.first().map(|_| Urgent), "it came before, or not at all");
                assert_eq!(stored(&db, &yard.admin, asked.id), decided);
                assert_eq!(status_of(&db, crane.id), if decision == Urgent { Stopped } else { Active });
                assert_eq!(pointed(&db, asked.id), both_pointed(&asked));
                all_is_well(&db);
            }
        }
    }

    fn a_machine_whose_status_is_changed_while_it_is_stopped_is_held_or_released(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..2 * ROUNDS {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            let to = [Paused, UnderMaintenance, OutOfService, Stopped][round % 4];
            let (given, changed) = both(
                || verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent),
                || {
                    if to == OutOfService {
                        act(&db, &world, &yard.admin, |tx| machines::decommission(tx, crane.id))
                    } else {
                        set_status(&db, &world, &yard.admin, crane.id, to)
                    }
                },
            );
            given.unwrap();
            assert_eq!(changed.unwrap().status, to);
            let (now, status) = (stored(&db, &yard.admin, asked.id), status_of(&db, crane.id));
            assert_eq!(now.equipment_hold.is_some(), status == Stopped, "{to}");
            if to == Stopped {
                continue;
            }
            if status == Stopped {
                assert_eq!((now.stopped_from, now.released_at), (Some(to), None), "the verdict came second");
            } else {
                assert_eq!((status, now.released_by_id), (to, Some(yard.admin.id)), "the change came second");
            }
        }
    }

    fn two_assessments_that_stop_a_machine_at_once_release_it_when_both_let_go(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..ROUNDS {
            let crane = equipment(&db, &world);
            let before = [Active, Paused, UnderMaintenance][round % 3];
            let asked = [TODAY, TOMORROW].map(|day| yard.asked(&db, &world, &crane, day));
            if before != Active {
                yard.set_status(&db, &world, crane.id, before);
            }
            let (done, refused) = tally(at_once(4, |n| {
                verdict(&db, &world, yard.team.both()[n % 2], asked[n / 2].id, Urgent)
            }));
            assert_eq!((done.len(), refused), (4, vec![]));
            for of in &asked {
                let now = stored(&db, &yard.admin, of.id);
                assert_eq!((now.equipment_hold, now.stopped_from), (Some(Stopped), Some(before)));
                assert_eq!(times_stopped(&db, of.id, &yard.admin), 1);
            }
            assert_eq!(status_of(&db, crane.id), Stopped);
            let (done, refused) =
                tally(at_once(2, |n| decide(&db, &world, &yard.admin, asked[n].id, Operational)));
            assert_eq!((done.len(), refused), (2, vec![]));
            assert_eq!(status_of(&db, crane.id), before, "the second of them released it");
            all_is_well(&db);
        }
    }

    fn of_two_engineers_who_assign_different_teams_one_has_the_last_word(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let engineers = [user(&db, &world, Role::Engineer), user(&db, &world, Role::Engineer)];
        let teams = [yard.team.clone(), team(&db, &world)];
        // Those in the middle are on both.
        let mixed = Team { mechanical: teams[1].mechanical.clone(), electrical: teams[0].electrical.clone() };
        for round in 0..2 * ROUNDS {
            let on_list = listed(&db, &world, &yard.admin, &equipment(&db, &world), TODAY);
            let teams = if round % 2 == 0 { teams.clone() } else { [teams[0].clone(), mixed.clone()] };
            let (done, refused) =
                tally(at_once(2, |n| assign(&db, &world, &engineers[n], on_list.id, &teams[n])));
            assert_eq!((done.len(), refused), (2, vec![]));
            let now = assignment(&db, on_list.id);
            assert!(done.contains(&now), "one of the two stands, and whole: {now:?}");
            let n = engineers.iter().position(|engineer| now.assigned_by_id == Some(engineer.id)).unwrap();
            assert_eq!((members(&now), now.status), (ids(&teams[n]), AssignmentStatus::Assigned));
            let told = told_about(&db, NotificationType::InspectionAssigned, on_list.id.get());
            assert_eq!(told.len(), 4, "both teams are told");
            all_is_well(&db);
        }
    }

    fn assignments_of_one_list_that_get_their_teams_at_once_are_all_counted(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let teams = [yard.team.clone(), team(&db, &world)];
        for _ in 0..6 {
            equipment(&db, &world);
        }
        for round in 0..ROUNDS {
            let list = list_of(&db, &world, &yard.admin, &day(round));
            let on_list = true_list(&db, list.id);
            let (done, refused) = tally(at_once(6, |n| {
                assign(&db, &world, &yard.admin, on_list[n].id, &teams[n % 2])
            }));
            assert_eq!((done.len(), refused), (6, vec![]));
            let list = db.read(|conn| lists::get(conn, list.id)).unwrap();
            assert_eq!((list.status, list.assigned_assets), (ListStatus::FullyAssigned, 6));
            true_list(&db, list.id);
        }
    }

    fn an_inspection_is_rated_once_and_every_bonus_is_booked(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let inspector = user(&db, &world, Role::Inspector);
        let crane = equipment(&db, &world);
        let mut points = 0;
        for round in 0..ROUNDS {
            let (inspection, _) = submitted(&db, &world, &inspector, &crane, &[]);
            let bonus = |n: usize| json!({"rating": 3, "admin_quality_bonus": n + 1});
            let (done, refused) =
                tally(at_once(3, |n| rate(&db, &world, &yard.admin, inspection.id, bonus(n))));
            assert_eq!((done.len(), refused), (1, vec![Code::Duplicate; 2]));
            let (done, refused) =
                tally(at_once(4, |n| rerate(&db, &world, &yard.admin, inspection.id, bonus(2 * n + round % 2))));
            assert_eq!((done.len(), refused), (4, vec![]));
            let newest = db.read(|conn| ratings::of_technician(conn, inspector.id, ALL)).unwrap().page.items;
            assert_eq!(newest[0].inspection_id, inspection.id);
            points += newest[0].admin_quality_bonus;
            let now = db.read(|conn| users::get(conn, inspector.id)).unwrap();
            assert_eq!((now.total_points, now.inspector_points), (points, points));
            all_is_well(&db);

            // Changed while it is made: before is too early.
            let (inspection, _) = submitted(&db, &world, &inspector, &crane, &[]);
            let (rated, changed) = both(
                || rate(&db, &world, &yard.admin, inspection.id, bonus(4)),
                || rerate(&db, &world, &yard.admin, inspection.id, bonus(9)),
            );
            rated.unwrap();
            let (done, refused) = tally(vec![changed]);
            assert!(refused.iter().all(|code| *code == Code::NotFound), "{refused:?}");
            points += if done.is_empty() { 5 } else { 10 };
            assert_eq!(db.read(|conn| users::get(conn, inspector.id)).unwrap().total_points, points);
        }
    }

    fn of_several_starts_of_a_half_one_makes_the_draft_and_the_others_find_it(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for _ in 0..2 * ROUNDS {
            let (_, on_list) = planned(&db, &world, &yard);
            // Both halves, each of them twice.
            let (started, refused) =
                tally(at_once(4, |n| start(&db, &world, yard.team.both()[n % 2], on_list.id)));
            assert_eq!(refused, []);
            let drafts: BTreeSet<_> = started.iter().map(|(id, _)| *id).collect();
            assert_eq!((drafts.len(), started.iter().filter(|(_, is_new)| *is_new).count()), (2, 2));
            assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::InProgress);
            let begun = trail(&db, &world, json!({
                "entity_type": "assignment", "entity_id": on_list.id.get(), "action": "start",
            }));
            assert_eq!(begun.len(), 1, "it begins once");
        }
        all_is_well(&db);
    }

    fn a_half_started_at_once_with_an_ad_hoc_inspection_of_the_machine_is_one_draft(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for _ in 0..2 * ROUNDS {
            let (crane, on_list) = planned(&db, &world, &yard);
            let inspector = &yard.team.mechanical;
            let (half, ad_hoc) = both(
                || start(&db, &world, inspector, on_list.id),
                || {
                    let what: StartInspection = input(json!({"equipment_id": crane.id}));
                    act(&db, &world, inspector, |tx| inspections::start(tx, &what))
                },
            );
            // The ad hoc one finds whichever draft there is; the half must be the half.
            let (sheet, is_new) = ad_hoc.unwrap();
            let (half, refused) = tally(vec![half]);
            if is_new {
                assert_eq!((half, refused.len()), (vec![], 1));
                assert!(refused[0] != Code::Conflict, "{refused:?}");
                assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::Assigned, "not begun");
            } else {
                assert_eq!((half, refused), (vec![(sheet.inspection.id.get(), true)], vec![]));
            }
        }
    }

    fn a_half_is_started_before_another_team_is_chosen_or_not_at_all(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let engineer = user(&db, &world, Role::Engineer);
        let other = team(&db, &world);
        for round in 0..2 * ROUNDS {
            let (_, on_list) = planned(&db, &world, &yard);
            let inspector = yard.team.both()[round % 2];
            let (started, chosen) = both(
                || start(&db, &world, inspector, on_list.id),
                || assign(&db, &world, &engineer, on_list.id, &other),
            );
            let now = assignment(&db, on_list.id);
            match (tally(vec![started]), tally(vec![chosen])) {
                ((started, _), (_, refused)) if started.len() == 1 => {
                    assert_eq!(refused, [Code::InvalidState]);
                    assert_eq!((members(&now), now.status), (ids(&yard.team), AssignmentStatus::InProgress));
                }
                ((_, refused), (chosen, _)) => {
                    assert_eq!((refused, chosen.len()), (vec![Code::Forbidden], 1));
                    assert_eq!((members(&now), now.status), (ids(&other), AssignmentStatus::Assigned));
                }
            }
            all_is_well(&db);
        }
    }

    fn an_inspector_is_assigned_before_they_are_deactivated_or_not_at_all(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let engineer = user(&db, &world, Role::Engineer);
        for round in 0..2 * ROUNDS {
            let leaving = team(&db, &world);
            let gone = leaving.both()[round % 2].id;
            let on_list = listed(&db, &world, &yard.admin, &equipment(&db, &world), TODAY);
            let (deactivated, chosen) = both(
                || act(&db, &world, &yard.admin, |tx| users::deactivate(tx, gone)),
                || assign(&db, &world, &engineer, on_list.id, &leaving),
            );
            assert!(!deactivated.unwrap().is_active);
            let (chosen, refused) = tally(vec![chosen]);
            let now = assignment(&db, on_list.id);
            if chosen.is_empty() {
                assert_eq!(refused, [Code::RuleViolation]);
                assert_eq!((members(&now), now.status), ([None, None], AssignmentStatus::Unassigned));
            } else {
                assert_eq!((members(&now), now.status), (ids(&leaving), AssignmentStatus::Assigned));
            }
            all_is_well(&db);
        }
    }

    fn a_machine_is_stopped_while_everything_else_goes_on_with_it(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let stranger = user(&db, &world, Role::Inspector);
        for round in 0..2 * ROUNDS {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            if round % 2 == 0 {
                verdict(&db, &world, &yard.team.electrical, asked.id, Operational).unwrap();
            }
            let later = listed(&db, &world, &yard.admin, &crane, TOMORROW);
            assigned(&db, &world, &yard.admin, later.id, &yard.team);
            half_submitted(&db, &world, &yard.team.electrical, later.id, &[]);
            let half = half_answered(&db, &world, &yard.team.mechanical, later.id, &[PASS_FAIL, CRITICAL]);
            let outcomes = at_once(6, |n| -> Result<()> {
                match n {
                    0 => verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).map(|_| ()),
                    1 => act(&db, &world, &yard.team.mechanical, |tx| {
                        inspections::submit(tx, half.inspection.id)
                    })
                    .map(|_| ()),
                    2 => {
                        let what: StartInspection = input(json!({"equipment_id": crane.id}));
                        act(&db, &world, &stranger, |tx| inspections::start(tx, &what)).map(|_| ())
                    }
                    3 => generate(&db, &world, &yard.admin, &day(2 + round), true).map(|_| ()),
                    4 => {
                        let named = input(json!({"name": format!("Crane {round}")}));
                        act(&db, &world, &yard.admin, |tx| machines::update(tx, crane.id, named)).map(|_| ())
                    }
                    _ => set_status(&db, &world, &yard.admin, crane.id, Paused).map(|_| ()),
                }
            });
            let (done, refused) = tally(outcomes);
            assert_eq!((done.len(), refused), (6, vec![]));
            let held = stored(&db, &yard.admin, asked.id).equipment_hold.is_some();
            assert_eq!(status_of(&db, crane.id), if held { Stopped } else { Paused });
            assert_eq!(assignment(&db, later.id).status, AssignmentStatus::AssessmentPending);
            all_is_well(&db);
        }
    }

    fn inspectors_of_several_machines_finish_them_all_at_once(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..ROUNDS {
            let cranes: [Equipment; 3] = std::array::from_fn(|_| equipment(&db, &world));
            let asked = cranes.each_ref().map(|crane| yard.asked(&db, &world, crane, &day(round)));
            let (done, refused) = tally(at_once(6, |n| {
                let given = if n == 0 { Urgent } else { Operational };
                verdict(&db, &world, yard.team.both()[n % 2], asked[n / 2].id, given)
            }));
            assert_eq!((done.len(), refused), (6, vec![]));
            for of in &asked {
                assert_eq!(pointed(&db, of.id), both_pointed(of));
            }
            assert_eq!(cranes.each_ref().map(|crane| status_of(&db, crane.id)), [Stopped, Active, Active]);
            all_is_well(&db);
        }
    }

    fn a_change_of_an_inspectors_account_is_not_in_the_way_of_their_verdict(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for round in 0..4 * ROUNDS {
            let asked = yard.asked(&db, &world, &equipment(&db, &world), TODAY);
            verdict(&db, &world, &yard.team.mechanical, asked.id, Operational).unwrap();
            let last = &yard.team.electrical;
            let (given, moved) = both(
                || verdict(&db, &world, last, asked.id, Urgent),
                || move_to(&db, &world, &yard.admin, last, &format!("{round}@example.com")),
            );
            let refused = (tally(vec![given]).1, tally(vec![moved]).1);
            assert_eq!(refused, (vec![], vec![]), "of the verdict and of the account, in round {round}");
            all_is_well(&db);
        }
    }

    fn a_change_of_an_inspectors_account_is_not_in_the_way_of_a_rating(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let inspector = user(&db, &world, Role::Inspector);
        let crane = equipment(&db, &world);
        for round in 0..4 * ROUNDS {
            let (inspection, _) = submitted(&db, &world, &inspector, &crane, &[]);
            let body = json!({"rating": 5, "admin_quality_bonus": 2});
            let (rated, moved) = both(
                || rate(&db, &world, &yard.admin, inspection.id, body.clone()),
                || move_to(&db, &world, &yard.admin, &inspector, &format!("{round}@example.com")),
            );
            let refused = (tally(vec![rated]).1, tally(vec![moved]).1);
            assert_eq!(refused, (vec![], vec![]), "of the rating and of the account, in round {round}");
            all_is_well(&db);
        }
    }

    fn an_admin_who_inspects_is_not_in_the_way_of_changes_of_accounts(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let inspecting = user_with(&db, &world, Role::Admin, |body| {
            body["minor_role"] = json!("inspector");
            body["specialization"] = json!("electrical");
            body["shift"] = json!(Shift::Day);
        });
        let team = Team { mechanical: yard.team.mechanical.clone(), electrical: inspecting };
        let yard = Yard { admin: yard.admin, team };
        for round in 0..4 * ROUNDS {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            verdict(&db, &world, &yard.team.mechanical, asked.id, Operational).unwrap();
            let (given, changed) = both(
                || verdict(&db, &world, &yard.team.electrical, asked.id, Operational),
                || {
                    let called: UserChanges = input(json!({"phone": format!("{round}")}));
                    act(&db, &world, &yard.admin, |tx| users::update(tx, yard.team.mechanical.id, called))
                },
            );
            let refused = (tally(vec![given]).1, tally(vec![changed]).1);
            assert_eq!(refused, (vec![], vec![]), "round {round}");
            all_is_well(&db);
        }
    }

    fn a_draft_that_is_thrown_away_while_it_is_handed_in_is_one_or_the_other(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for _ in 0..ROUNDS {
            let (_, on_list) = planned(&db, &world, &yard);
            half_submitted(&db, &world, &yard.team.electrical, on_list.id, &[]);
            let sheet = half_answered(&db, &world, &yard.team.mechanical, on_list.id, &[]);
            let (submitted, deleted) = both(
                || act(&db, &world, &yard.team.mechanical, |tx| inspections::submit(tx, sheet.inspection.id)),
                || act(&db, &world, &yard.admin, |tx| inspections::delete(tx, sheet.inspection.id)),
            );
            let (submitted, refused) = (tally(vec![submitted]), tally(vec![deleted]).1);
            let status = assignment(&db, on_list.id).status;
            if submitted.0.is_empty() {
                assert_eq!((submitted.1, refused), (vec![Code::NotFound], vec![]));
                assert_eq!(status, AssignmentStatus::ElecComplete);
                half_draft(&db, &world, &yard.team.mechanical, on_list.id);
            } else {
                assert_eq!(refused, [Code::InvalidState]);
                assert_eq!(status, AssignmentStatus::AssessmentPending);
            }
        }
    }
}
