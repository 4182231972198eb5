//! Concurrency of lists, verdicts and decisions.

use super::*;

on_both_databases! {
    fn concurrent_submissions_of_both_halves_create_one_assessment(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..2 * rounds() {
            let (_, on_list) = planned(&db, &context, &yard);
            // Defects refer to the machine, too, so some rounds raise them.
            let failing: &[usize] = if round % 2 == 0 { &[] } else { &[PASS_FAIL, CRITICAL] };
            let sheets = yard.team.both().map(|inspector| half_answered(&db, &context, inspector, on_list.id, failing));
            let (done, refused) = tally(at_once(2, |n| {
                act(&db, &context, yard.team.both()[n], |tx| inspections::submit(tx, sheets[n].inspection.id))
            }));
            assert_eq!((done.len(), refused), (2, vec![]));
            assert_eq!(assignment(&db, on_list.id).status, AssignmentStatus::AssessmentPending);
            assert_eq!(rows(&db)["final_assessments"], i64::try_from(round + 1).unwrap());
            let pending = db.read(|conn| assessments::get_visible_by_assignment(conn, &yard.admin, on_list.id)).unwrap();
            let notified = notified_of(&db, NotificationType::AssessmentRequired, pending.id.get());
            assert_eq!(notified.iter().map(|notified| notified.user_id.get()).collect::<Vec<_>>(), both_pointed(&pending));
            let created = trail(&db, &context, json!({
                "entity_type": "assessment", "entity_id": pending.id.get(), "action": "create",
            }));
            assert_eq!(created.len(), 1);
            all_is_well(&db);
        }
        let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
        assert_eq!((list.status, list.completed_assets), (ListStatus::FullyAssigned, 0));
        invariants::assert_kept(&db, &context);
    }

    fn both_verdicts_at_once_finish_it_once(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..3 {
            for verdicts in COMBINATIONS {
                let crane = equipment(&db, &context);
                let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
                let (done, refused) = tally(at_once(2, |n| {
                    verdict(&db, &context, yard.team.both()[n], pending.id, verdicts[n])
                }));
                assert_eq!((done.len(), refused), (2, vec![]), "{verdicts:?}");
                let completed = |of: &&inspection_domain::assessments::Assessment| of.status == AssessmentStatus::Completed;
                assert_eq!(done.iter().filter(completed).count(), 1, "one of them saw the other");
                let judged = stored(&db, &yard.admin, pending.id);
                let is_urgent = verdicts.contains(&Urgent);
                assert_eq!([judged.mechanical_verdict, judged.electrical_verdict], verdicts.map(Some));
                assert_eq!(judged.decision, Some(if is_urgent { Urgent } else { Operational }));
                let by = if verdicts[0] == verdicts[1] { ResolvedBy::Agreement } else { ResolvedBy::SafetyRule };
                assert_eq!((judged.status, judged.resolved_by), (AssessmentStatus::Completed, Some(by)));
                assert_eq!(judged.equipment_hold, is_urgent.then_some(Stopped));
                assert_eq!(judged.stopped_from, is_urgent.then_some(Active));
                assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
                assert_eq!(times_stopped(&db, pending.id, &yard.admin), usize::from(is_urgent));
                assert_eq!(pointed(&db, pending.id), both_pointed(&pending));
                assert_eq!(assignment(&db, pending.assignment_id).status, AssignmentStatus::Completed);
                all_is_well(&db);
            }
            let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
            assert_eq!((list.status, list.completed_assets), (ListStatus::Completed, 4 * (round + 1)));
        }
        invariants::assert_kept(&db, &context);
    }

    fn an_inspector_gives_one_verdict_however_often_it_is_sent(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..rounds() {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            let is_second = round % 2 == 1;
            if is_second {
                verdict(&db, &context, &yard.team.electrical, pending.id, Operational).unwrap();
            }
            let (done, refused) = tally(at_once(4, |n| {
                let given = if n % 2 == 0 { Urgent } else { Operational };
                verdict(&db, &context, &yard.team.mechanical, pending.id, given)
            }));
            assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 3]));
            assert_eq!(stored(&db, &yard.admin, pending.id), done[0]);
            let is_urgent = done[0].mechanical_verdict == Some(Urgent);
            assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
            let expected = if is_second { both_pointed(&pending) } else { vec![] };
            assert_eq!(pointed(&db, pending.id), expected);
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_list_is_generated_once(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for _ in 0..3 {
            equipment(&db, &context);
        }
        let other = user(&db, &context, Role::Engineer);
        for round in 0..rounds() {
            let date = day(round);
            let actors = [&yard.admin, &other];
            let (done, refused) = tally(at_once(2, |n| generate(&db, &context, actors[n], &date, false)));
            assert_eq!(refused, [Code::Duplicate]);
            let [created] = &done[..] else { panic!("one is created: {done:?}") };
            assert_eq!((created.is_new, created.added, created.list.total_assets), (true, 3, 3));
            assert_eq!(true_list(&db, created.list.id).len(), 3);
        }
        for round in rounds()..2 * rounds() {
            let date = day(round);
            // All four complete it, or three do and one refreshes the list.
            let refreshes = |n: usize| round % 2 == 0 || n > 0;
            let (done, refused) = tally(at_once(4, |n| generate(&db, &context, &yard.admin, &date, refreshes(n))));
            assert!(refused.len() <= round % 2 && refused.iter().all(|code| *code == Code::Duplicate), "{refused:?}");
            assert_eq!(done.iter().filter(|created| created.is_new).count(), 1);
            assert_eq!(done.iter().map(|created| created.added).sum::<usize>(), 3);
            assert_eq!(done.iter().map(|created| created.list.id).collect::<BTreeSet<_>>().len(), 1);
            let machines: BTreeSet<_> =
                true_list(&db, done[0].list.id).iter().map(|on_list| on_list.equipment_id).collect();
            assert_eq!(machines.len(), 3);
        }
        assert_eq!(rows(&db)["inspection_lists"], i64::try_from(2 * rounds()).unwrap());
        all_is_well(&db);
        invariants::assert_kept(&db, &context);
    }

    fn a_list_is_completed_while_its_assignments_get_teams(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        equipment(&db, &context);
        for round in 0..2 * rounds() {
            let on_list = true_list(&db, list_of(&db, &context, &yard.admin, TODAY).id);
            let new = on_list.iter().find(|of| of.status == AssignmentStatus::Unassigned).expect("one").id;
            for _ in 0..2 {
                equipment(&db, &context);
            }
            let (refreshed, (done, refused)) = both(
                || generate(&db, &context, &yard.admin, TODAY, true),
                || tally(at_once(2, |_| assign(&db, &context, &yard.admin, new, &yard.team))),
            );
            assert_eq!((done.len(), refused), (2, vec![]));
            let refreshed = refreshed.unwrap();
            assert_eq!((refreshed.added, refreshed.is_new), (2, false));
            let now = true_list(&db, refreshed.list.id);
            assert_eq!(now.len(), on_list.len() + 2);
            assert_eq!(now.iter().find(|of| of.id == new).unwrap().status, AssignmentStatus::Assigned, "{round}");
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_list_is_completed_while_its_assignments_are_finished(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..rounds() {
            let cranes = [equipment(&db, &context), equipment(&db, &context)];
            let pending = cranes.each_ref().map(|crane| yard.pending_assessment(&db, &context, crane, TODAY));
            for of in &pending {
                verdict(&db, &context, &yard.team.mechanical, of.id, Operational).unwrap();
            }
            equipment(&db, &context);
            let outcomes = at_once(4, |n| -> Result<usize> {
                match pending.get(n) {
                    Some(of) => {
                        let given = if (round + n).is_multiple_of(2) { Urgent } else { Operational };
                        verdict(&db, &context, &yard.team.electrical, of.id, given).map(|_| 0)
                    }
                    None => generate(&db, &context, &yard.admin, TODAY, true).map(|created| created.added),
                }
            });
            let (done, refused) = tally(outcomes);
            assert_eq!((done.into_iter().sum::<usize>(), refused), (1, vec![]), "one machine is new");
            all_is_well(&db);
            let [(list, _)] = &true_lists(&db)[..] else { panic!("one list") };
            let rounds = i64::try_from(round + 1).unwrap();
            assert_eq!((list.total_assets, list.completed_assets), (3 * rounds, 2 * rounds));
        }
        invariants::assert_kept(&db, &context);
    }

    fn of_two_concurrent_decisions_by_admins_one_is_final(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let admins = [&yard.admin, &user(&db, &context, Role::Admin)];
        for _ in 0..3 {
            for decisions in COMBINATIONS {
                for given in [None, Some(Operational), Some(Urgent)] {
                    let crane = equipment(&db, &context);
                    let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
                    if let Some(given) = given {
                        verdict(&db, &context, &yard.team.electrical, pending.id, given).unwrap();
                    }
                    let (done, refused) =
                        tally(at_once(2, |n| decide(&db, &context, admins[n], pending.id, decisions[n])));
                    assert_eq!((done.len(), refused), (2, vec![]), "{decisions:?}");
                    let last = stored(&db, &yard.admin, pending.id);
                    assert!(done.contains(&last), "one of the two stands, and whole: {last:?}");
                    let n = admins.iter().position(|admin| last.decided_by_id == Some(admin.id)).unwrap();
                    assert_eq!(last.decision, Some(decisions[n]));
                    let is_urgent = last.decision == Some(Urgent);
                    assert_eq!(last.equipment_hold, is_urgent.then_some(Stopped));
                    assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { Active });
                    assert_eq!(pointed(&db, pending.id), both_pointed(&pending), "once");
                    assert_eq!(assignment(&db, pending.assignment_id).status, AssignmentStatus::Completed);
                }
            }
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }

    fn the_decision_of_an_admin_overrides_a_concurrent_verdict(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..rounds() {
            for decision in [Operational, Urgent] {
                let crane = equipment(&db, &context);
                let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
                if round % 2 == 1 {
                    verdict(&db, &context, &yard.team.electrical, pending.id, Operational).unwrap();
                }
                let (given, decided) = both(
                    || verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent),
                    || decide(&db, &context, &yard.admin, pending.id, decision),
                );
                let decided = decided.unwrap();
                let (given, refused) = tally(vec![given]);
                assert!(refused.iter().all(|code| *code == Code::InvalidState), "{refused:?}");
                assert_eq!(decided.mechanical_verdict, given.first().map(|_| Urgent), "it came before, or not at all");
                assert_eq!(stored(&db, &yard.admin, pending.id), decided);
                assert_eq!(status_of(&db, crane.id), if decision == Urgent { Stopped } else { Active });
                assert_eq!(pointed(&db, pending.id), both_pointed(&pending));
                all_is_well(&db);
            }
        }
        invariants::assert_kept(&db, &context);
    }

    fn a_machine_whose_status_is_changed_while_it_is_stopped_is_held_or_released(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..2 * rounds() {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            let to = [Paused, UnderMaintenance, OutOfService, Stopped][round % 4];
            let (given, changed) = both(
                || verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent),
                || {
                    if to == OutOfService {
                        act(&db, &context, &yard.admin, |tx| machines::registry::decommission(tx, crane.id))
                    } else {
                        set_status(&db, &context, &yard.admin, crane.id, to)
                    }
                },
            );
            given.unwrap();
            assert_eq!(changed.unwrap().status, to);
            let (now, status) = (stored(&db, &yard.admin, pending.id), status_of(&db, crane.id));
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
        invariants::assert_kept(&db, &context);
    }

    fn two_concurrent_assessments_release_a_machine_when_both_are_operational(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for round in 0..rounds() {
            let crane = equipment(&db, &context);
            let before = [Active, Paused, UnderMaintenance][round % 3];
            let pending = [TODAY, TOMORROW].map(|day| yard.pending_assessment(&db, &context, &crane, day));
            if before != Active {
                yard.set_status(&db, &context, crane.id, before);
            }
            let (done, refused) = tally(at_once(4, |n| {
                verdict(&db, &context, yard.team.both()[n % 2], pending[n / 2].id, Urgent)
            }));
            assert_eq!((done.len(), refused), (4, vec![]));
            for of in &pending {
                let now = stored(&db, &yard.admin, of.id);
                assert_eq!((now.equipment_hold, now.stopped_from), (Some(Stopped), Some(before)));
                assert_eq!(times_stopped(&db, of.id, &yard.admin), 1);
            }
            assert_eq!(status_of(&db, crane.id), Stopped);
            let (done, refused) =
                tally(at_once(2, |n| decide(&db, &context, &yard.admin, pending[n].id, Operational)));
            assert_eq!((done.len(), refused), (2, vec![]));
            assert_eq!(status_of(&db, crane.id), before, "the second of them released it");
            all_is_well(&db);
        }
        invariants::assert_kept(&db, &context);
    }
}
