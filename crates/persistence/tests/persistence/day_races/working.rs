//! Concurrency of teams, halves, ratings and accounts.

use super::*;

on_both_databases! {
    fn of_two_concurrent_team_assignments_one_is_final(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let engineers = [user(&db, &context, Role::Engineer), user(&db, &context, Role::Engineer)];
        let teams = [yard.team.clone(), team(&db, &context)];
        // The inspectors in the middle are on both teams.
        let mixed = Team { mechanical: teams[1].mechanical.clone(), electrical: teams[0].electrical.clone() };
        for round in 0..2 * rounds() {
            let on_list = listed(&db, &context, &yard.admin, &equipment(&db, &context), TODAY);
            let teams = if round % 2 == 0 { teams.clone() } else { [teams[0].clone(), mixed.clone()] };
            let (done, refused) =
                tally(at_once(2, |n| assign(&db, &context, &engineers[n], on_list.id, &teams[n])));
            assert_eq!((done.len(), refused), (2, vec![]));
            let now = assignment(&db, on_list.id);
            assert!(done.contains(&now), "one of the two stands, and whole: {now:?}");
            let n = engineers.iter().position(|engineer| now.assigned_by_id == Some(engineer.id)).unwrap();
            assert_eq!((members(&now), now.status), (ids(&teams[n]), AssignmentStatus::Assigned));
            let notified = notified_of(&db, NotificationType::InspectionAssigned, on_list.id.get());
            assert_eq!(notified.len(), 4, "both teams are notified");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn assignments_of_one_list_that_get_their_teams_at_once_are_all_counted(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let teams = [yard.team.clone(), team(&db, &context)];
        for _ in 0..6 {
            equipment(&db, &context);
        }
        for round in 0..rounds() {
            let list = list_of(&db, &context, &yard.admin, &day(round));
            let on_list = true_list(&db, list.id);
            let (done, refused) = tally(at_once(6, |n| {
                assign(&db, &context, &yard.admin, on_list[n].id, &teams[n % 2])
            }));
            assert_eq!((done.len(), refused), (6, vec![]));
            let list = db.read(|conn| daily_lists::get(conn, list.id)).unwrap();
            assert_eq!((list.status, list.assigned_assets), (ListStatus::FullyAssigned, 6));
            true_list(&db, list.id);
        }
        invariants::assert_kept(&db, &context);
    }

    fn an_inspection_is_rated_once_and_every_bonus_is_booked(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let inspector = user(&db, &context, Role::Inspector);
        let crane = equipment(&db, &context);
        let mut points = 0;
        for round in 0..rounds() {
            let (inspection, _) = submitted(&db, &context, &inspector, &crane, &[]);
            let bonus = |n: usize| json!({"rating": 3, "admin_quality_bonus": n + 1});
            let (done, refused) =
                tally(at_once(3, |n| rate(&db, &context, &yard.admin, inspection.id, bonus(n))));
            assert_eq!((done.len(), refused), (1, vec![Code::Duplicate; 2]));
            let (done, refused) =
                tally(at_once(4, |n| rerate(&db, &context, &yard.admin, inspection.id, bonus(2 * n + round % 2))));
            assert_eq!((done.len(), refused), (4, vec![]));
            let newest = db.read(|conn| ratings::list_by_technician(conn, inspector.id, ALL)).unwrap().page.items;
            assert_eq!(newest[0].inspection_id, inspection.id);
            points += newest[0].admin_quality_bonus;
            let now = db.read(|conn| users::get(conn, inspector.id)).unwrap();
            assert_eq!((now.total_points, now.inspector_points), (points, points));
            all_is_well(&db);

            // A change during creation; an earlier one is refused.
            let (inspection, _) = submitted(&db, &context, &inspector, &crane, &[]);
            let (rated, changed) = both(
                || rate(&db, &context, &yard.admin, inspection.id, bonus(4)),
                || rerate(&db, &context, &yard.admin, inspection.id, bonus(9)),
            );
            rated.unwrap();
            let (done, refused) = tally(vec![changed]);
            assert!(refused.iter().all(|code| *code == Code::NotFound), "{refused:?}");
            points += if done.is_empty() { 5 } else { 10 };
            assert_eq!(db.read(|conn| users::get(conn, inspector.id)).unwrap().total_points, points);
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_several_starts_of_a_half_one_creates_the_draft_and_the_others_find_it(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for _ in 0..2 * rounds() {
            let (_, on_list) = planned(&db, &context, &yard);
            // Both halves, each submitted twice.
            let (started, refused) =
                tally(at_once(4, |n| start(&db, &context, yard.team.both()[n % 2], on_list.id)));
            assert_eq!(refused, []);
            let drafts: BTreeSet<_> = started.iter().map(|(id, _)| *id).collect();
            assert_eq!((drafts.len(), started.iter().filter(|(_, is_new)| *is_new).count()), (2, 2));
            assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::InProgress);
            let begun = trail(&db, &context, json!({
                "entity_type": "assignment", "entity_id": on_list.id.get(), "action": "start",
            }));
            assert_eq!(begun.len(), 1, "it begins once");
        }
        all_is_well(&db);
        invariants::assert_kept(&db, &context);
    }

    fn a_half_and_an_ad_hoc_inspection_of_the_machine_start_at_once_as_two_drafts(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for _ in 0..2 * rounds() {
            let (crane, on_list) = planned(&db, &context, &yard);
            let inspector = &yard.team.mechanical;
            let (half, ad_hoc) = both(
                || start(&db, &context, inspector, on_list.id),
                || {
                    let what: StartInspection = input(json!({"equipment_id": crane.id}));
                    act(&db, &context, inspector, |tx| inspections::start(tx, &what))
                },
            );
            let (sheet, is_new) = ad_hoc.unwrap();
            let (half, is_new_half) = half.unwrap();
            assert!(is_new && is_new_half && half != sheet.inspection.id.get());
            assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::InProgress);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_half_is_started_before_another_team_is_chosen_or_not_at_all(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let engineer = user(&db, &context, Role::Engineer);
        let other = team(&db, &context);
        for round in 0..2 * rounds() {
            let (_, on_list) = planned(&db, &context, &yard);
            let inspector = yard.team.both()[round % 2];
            let (started, chosen) = both(
                || start(&db, &context, inspector, on_list.id),
                || assign(&db, &context, &engineer, on_list.id, &other),
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
        invariants::assert_kept(&db, &context);
    }

    fn an_inspector_is_assigned_before_they_are_deactivated_or_not_at_all(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let engineer = user(&db, &context, Role::Engineer);
        for round in 0..2 * rounds() {
            let leaving = team(&db, &context);
            let gone = leaving.both()[round % 2].id;
            let on_list = listed(&db, &context, &yard.admin, &equipment(&db, &context), TODAY);
            let (deactivated, chosen) = both(
                || act(&db, &context, &yard.admin, |tx| users::deactivate(tx, gone)),
                || assign(&db, &context, &engineer, on_list.id, &leaving),
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
        invariants::assert_kept(&db, &context);
    }

    fn a_machine_is_stopped_during_concurrent_work_on_it(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        // A machine that is on every list.
        equipment(&db, &context);
        let stranger = user(&db, &context, Role::Inspector);
        for round in 0..2 * rounds() {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            if round % 2 == 0 {
                verdict(&db, &context, &yard.team.electrical, pending.id, Operational).unwrap();
            }
            let later = listed(&db, &context, &yard.admin, &crane, TOMORROW);
            assigned(&db, &context, &yard.admin, later.id, &yard.team);
            half_submitted(&db, &context, &yard.team.electrical, later.id, &[]);
            let half = half_answered(&db, &context, &yard.team.mechanical, later.id, &[PASS_FAIL, CRITICAL]);
            let outcomes = at_once(6, |n| -> Result<()> {
                match n {
                    0 => verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).map(|_| ()),
                    1 => act(&db, &context, &yard.team.mechanical, |tx| {
                        inspections::submit(tx, half.inspection.id)
                    })
                    .map(|_| ()),
                    2 => {
                        let what: StartInspection = input(json!({"equipment_id": crane.id}));
                        act(&db, &context, &stranger, |tx| inspections::start(tx, &what)).map(|_| ())
                    }
                    3 => generate(&db, &context, &yard.admin, &day(2 + round), true).map(|_| ()),
                    4 => {
                        let named = input(json!({"name": format!("Crane {round}")}));
                        act(&db, &context, &yard.admin, |tx| machines::registry::update(tx, crane.id, named)).map(|_| ())
                    }
                    _ => set_status(&db, &context, &yard.admin, crane.id, Paused).map(|_| ()),
                }
            });
            let (done, refused) = tally(outcomes);
            assert_eq!((done.len(), refused), (6, vec![]));
            let held = stored(&db, &yard.admin, pending.id).equipment_hold.is_some();
            assert_eq!(status_of(&db, crane.id), if held { Stopped } else { Paused });
            assert_eq!(assignment(&db, later.id).status, AssignmentStatus::AssessmentPending);
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_half_is_started_or_its_team_is_withdrawn(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..2 * rounds() {
            let crane = equipment(&db, &context);
            let on_it = listed(&db, &context, &yard.admin, &crane, &day(round));
            assigned(&db, &context, &yard.admin, on_it.id, &yard.team);
            let (started, freed) = both(
                || {
                    let what: StartInspection = input(json!({"assignment_id": on_it.id}));
                    act(&db, &context, &yard.team.mechanical, |tx| inspections::start(tx, &what))
                },
                || match round % 3 {
                    0 => act(&db, &context, &yard.admin, |tx| inspections::unassign(tx, on_it.id)).map(drop),
                    1 => act(&db, &context, &yard.admin, |tx| inspections::remove(tx, on_it.id)),
                    _ => act(&db, &context, &yard.admin, |tx| machines::registry::decommission(tx, crane.id))
                        .map(drop),
                },
            );
            let drafts = db.read(|conn| inspections::drafts_of(conn, yard.team.mechanical.id, &[on_it.id]));
            let drafts = drafts.expect("drafts");
            if freed.is_ok() {
                assert!(drafts.is_empty(), "no draft of an assignment that is taken back");
            } else {
                let refused = freed.err().and_then(|error| error.code());
                let expected = if round % 3 == 1 { Code::InvalidState } else { Code::Conflict };
                assert_eq!((started.is_ok(), drafts.len(), refused), (true, 1, Some(expected)), "it was started before");
            }
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_machine_out_of_service_is_on_no_list_that_is_generated_meanwhile(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        equipment(&db, &context);
        for round in 0..2 * rounds() {
            let crane = equipment(&db, &context);
            let (list, gone) = both(
                || generate(&db, &context, &yard.admin, &day(round), true),
                || loop {
                    let gone = act(&db, &context, &yard.admin, |tx| machines::registry::decommission(tx, crane.id));
                    // A client repeats a request that met the list half-way.
                    if !matches!(&gone, Err(error) if error.code() == Some(Code::Conflict)) {
                        break gone;
                    }
                },
            );
            gone.expect("decommissioned");
            let list = list.expect("a list").list;
            let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).expect("assignments");
            assert!(on_it.iter().all(|(_, machine)| machine.id != crane.id), "it is not inspected any more");
            let stored = db.read(|conn| daily_lists::get(conn, list.id)).expect("a list");
            assert_eq!(stored.total_assets, i64::try_from(on_it.len()).expect("a number"));
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn two_planners_assign_the_same_berth_at_once(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let cranes = [(); 3].map(|()| equipment(&db, &context));
        let teams = [team(&db, &context), team(&db, &context)];
        for round in 0..rounds() {
            let list = generate(&db, &context, &yard.admin, &day(round), true).expect("a list").list;
            let (done, refused) = tally(at_once(4, |n| {
                let team = &teams[n % 2];
                let mut body = json!({"list_id": list.id, "berth": "B1"});
                body["mechanical_inspector_id"] = json!(team.mechanical.id);
                body["electrical_inspector_id"] = json!(team.electrical.id);
                let batch = input(body);
                act(&db, &context, &yard.admin, |tx| assignments::assign_batch(tx, &batch))
            }));
            assert_eq!((done.len(), refused), (4, vec![]));
            let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).expect("assignments");
            assert_eq!(on_it.len(), cranes.len());
            let first = on_it[0].0.team();
            assert!(on_it.iter().all(|(assignment, _)| assignment.team() == first), "one team has them all");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn inspectors_of_several_machines_finish_them_all_at_once(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..rounds() {
            let cranes: [Equipment; 3] = std::array::from_fn(|_| equipment(&db, &context));
            let pending = cranes.each_ref().map(|crane| yard.pending_assessment(&db, &context, crane, &day(round)));
            let (done, refused) = tally(at_once(6, |n| {
                let given = if n == 0 { Urgent } else { Operational };
                verdict(&db, &context, yard.team.both()[n % 2], pending[n / 2].id, given)
            }));
            assert_eq!((done.len(), refused), (6, vec![]));
            for of in &pending {
                assert_eq!(pointed(&db, of.id), both_pointed(of));
            }
            assert_eq!(cranes.each_ref().map(|crane| status_of(&db, crane.id)), [Stopped, Active, Active]);
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_change_of_an_inspectors_account_does_not_block_a_verdict(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..4 * rounds() {
            let pending = yard.pending_assessment(&db, &context, &equipment(&db, &context), TODAY);
            verdict(&db, &context, &yard.team.mechanical, pending.id, Operational).unwrap();
            let last = &yard.team.electrical;
            let (given, moved) = both(
                || verdict(&db, &context, last, pending.id, Urgent),
                || move_to(&db, &context, &yard.admin, last, &format!("{round}@example.com")),
            );
            let refused = (tally(vec![given]).1, tally(vec![moved]).1);
            assert_eq!(refused, (vec![], vec![]), "of the verdict and of the account, in round {round}");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_change_of_an_inspectors_account_does_not_block_a_rating(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let inspector = user(&db, &context, Role::Inspector);
        let crane = equipment(&db, &context);
        for round in 0..4 * rounds() {
            let (inspection, _) = submitted(&db, &context, &inspector, &crane, &[]);
            let body = json!({"rating": 5, "admin_quality_bonus": 2});
            let (rated, moved) = both(
                || rate(&db, &context, &yard.admin, inspection.id, body.clone()),
                || move_to(&db, &context, &yard.admin, &inspector, &format!("{round}@example.com")),
            );
            let refused = (tally(vec![rated]).1, tally(vec![moved]).1);
            assert_eq!(refused, (vec![], vec![]), "of the rating and of the account, in round {round}");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn an_inspection_by_an_admin_does_not_block_account_changes(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let inspecting = user_with(&db, &context, Role::Admin, |body| {
            body["minor_role"] = json!("inspector");
            body["specialization"] = json!("electrical");
            body["shift"] = json!(Shift::Day);
        });
        let team = Team { mechanical: yard.team.mechanical.clone(), electrical: inspecting };
        let yard = Yard { admin: yard.admin, team };
        for round in 0..4 * rounds() {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            verdict(&db, &context, &yard.team.mechanical, pending.id, Operational).unwrap();
            let (given, changed) = both(
                || verdict(&db, &context, &yard.team.electrical, pending.id, Operational),
                || {
                    let called: UserChanges = input(json!({"phone": format!("{round}")}));
                    act(&db, &context, &yard.admin, |tx| users::update(tx, yard.team.mechanical.id, called))
                },
            );
            let refused = (tally(vec![given]).1, tally(vec![changed]).1);
            assert_eq!(refused, (vec![], vec![]), "round {round}");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_draft_discarded_during_its_submission_is_either_discarded_or_submitted(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for _ in 0..rounds() {
            let (_, on_list) = planned(&db, &context, &yard);
            half_submitted(&db, &context, &yard.team.electrical, on_list.id, &[]);
            let sheet = half_answered(&db, &context, &yard.team.mechanical, on_list.id, &[]);
            let (submitted, deleted) = both(
                || act(&db, &context, &yard.team.mechanical, |tx| inspections::submit(tx, sheet.inspection.id)),
                || act(&db, &context, &yard.admin, |tx| inspections::delete(tx, sheet.inspection.id)),
            );
            let (submitted, refused) = (tally(vec![submitted]), tally(vec![deleted]).1);
            let status = assignment(&db, on_list.id).status;
            if submitted.0.is_empty() {
                assert_eq!((submitted.1, refused), (vec![Code::NotFound], vec![]));
                assert_eq!(status, AssignmentStatus::ElecComplete);
                half_draft(&db, &context, &yard.team.mechanical, on_list.id);
            } else {
                assert_eq!(refused, [Code::InvalidState]);
                assert_eq!(status, AssignmentStatus::AssessmentPending);
            }
        }
        invariants::assert_kept(&db, &context);
    }
}
