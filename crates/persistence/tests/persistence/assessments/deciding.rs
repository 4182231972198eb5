//! Outcomes of verdicts and decisions.

use super::*;

on_both_databases! {
    fn one_urgent_verdict_stops_the_machine_at_once_in_every_status_and_with_every_other_verdict(db: TestDatabase) {
        let (context, clock) = context();
        let yard = yard(&db, &context);
        for &before in EquipmentStatus::ALL {
            for verdicts in [[Operational, Operational], [Operational, Urgent], [Urgent, Operational], [Urgent, Urgent]] {
                for order in [[0, 1], [1, 0]] {
                    clock.advance_seconds(60);
                    let crane = equipment(&db, &context);
                    let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
                    if before != Active {
                        yard.set_status(&db, &context, crane.id, before);
                    }
                    let changes = changes_of(&db, crane.id);
                    let [first, second] = order.map(|n| yard.team.both()[n]);
                    let case = format!("{before}: {verdicts:?} {order:?}");

                    clock.advance_seconds(60);
                    let one = verdict(&db, &context, first, pending.id, verdicts[0]).unwrap();
                    let mut expected = with_verdict(&pending, first, verdicts[0], &context);
                    let stopped_from = (before != Stopped).then_some(before);
                    if verdicts[0] == Urgent {
                        (expected.equipment_hold, expected.stopped_from) = (Some(Stopped), stopped_from);
                    }
                    assert_eq!(one, expected, "{case}");
                    assert_eq!(stored(&db, &yard.admin, pending.id), one, "{case}");
                    let seen = if verdicts[0] == Urgent { Stopped } else { before };
                    assert_eq!(status_of(&db, crane.id), seen, "neither waits for the other: {case}");
                    assert_eq!(times_stopped(&db, pending.id, &yard.admin), usize::from(verdicts[0] == Urgent), "{case}");
                    assert_eq!(assignment(&db, pending.assignment_id).status, AssignmentStatus::AssessmentPending);
                    assert_eq!(pointed(&db, pending.id), [0_i64; 0], "{case}");

                    clock.advance_seconds(60);
                    let both = verdict(&db, &context, second, pending.id, verdicts[1]).unwrap();
                    let is_urgent = verdicts.contains(&Urgent);
                    let mut expected = with_verdict(&one, second, verdicts[1], &context);
                    expected.status = AssessmentStatus::Completed;
                    expected.decision = Some(if is_urgent { Urgent } else { Operational });
                    expected.resolved_by = Some(if verdicts[0] == verdicts[1] {
                        ResolvedBy::Agreement
                    } else {
                        ResolvedBy::SafetyRule
                    });
                    expected.resolved_at = Some(context.clock.now());
                    if is_urgent {
                        (expected.equipment_hold, expected.stopped_from) = (Some(Stopped), stopped_from);
                    }
                    assert_eq!(both, expected, "{case}");
                    assert_eq!(stored(&db, &yard.admin, pending.id), both, "{case}");
                    assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { before }, "{case}");
                    assert_eq!(times_stopped(&db, pending.id, &yard.admin), usize::from(is_urgent), "notified once: {case}");
                    let done = assignment(&db, pending.assignment_id);
                    assert_eq!(
                        (done.status, done.completed_at),
                        (AssignmentStatus::Completed, Some(context.clock.now())),
                        "{case}"
                    );
                    assert_eq!(pointed(&db, pending.id), both_pointed(&pending), "{case}");

                    let mut expected = changes;
                    if is_urgent && before != Stopped {
                        let who = if verdicts[0] == Urgent { first } else { second };
                        expected.push((before, Stopped, Some(who.id)));
                    }
                    assert_eq!(changes_of(&db, crane.id), expected, "{case}");
                }
            }
        }
        let lists = true_lists(&db);
        let [(list, _)] = &lists[..] else { panic!("one list") };
        assert_eq!((list.status, list.completed_assets), (ListStatus::Completed, 40));
        assert_eq!(db.read(inspection_testkit::ledger::mismatches).unwrap(), []);
        for inspector in yard.team.both() {
            let now = db.read(|conn| users::get(conn, inspector.id)).unwrap();
            assert_eq!((now.total_points, now.inspector_points), (40, 40));
        }
    }

    fn admins_and_engineers_are_notified_of_a_stopped_machine_in_both_languages(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let minor = |role: Role, minor: Role| {
            user_with(&db, &context, role, |body| body["minor_role"] = json!(minor))
        };
        let notified = [
            yard.admin.clone(),
            user(&db, &context, Role::Admin),
            user(&db, &context, Role::Engineer),
            minor(Role::QualityEngineer, Role::Engineer),
            minor(Role::Specialist, Role::Engineer),
            minor(Role::Engineer, Role::QualityEngineer),
        ];
        let gone = [
            user(&db, &context, Role::Admin),
            user(&db, &context, Role::Engineer),
            minor(Role::Specialist, Role::Engineer),
        ];
        for person in &gone {
            act(&db, &context, &yard.admin, |tx| users::deactivate(tx, person.id)).unwrap();
        }
        for role in [Role::Inspector, Role::Specialist, Role::QualityEngineer] {
            user(&db, &context, role);
        }
        let crane = equipment(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        verdict(&db, &context, &yard.team.electrical, pending.id, Urgent).unwrap();

        let found = notified_of(&db, NotificationType::EquipmentStopped, pending.id.get());
        assert_eq!(
            found.iter().map(|notified| notified.user_id).collect::<Vec<_>>(),
            notified.iter().map(|person| person.id).collect::<Vec<_>>()
        );
        for notified in &found {
            assert_eq!(
                *notified,
                Notification {
                    id: notified.id,
                    user_id: notified.user_id,
                    kind: NotificationType::EquipmentStopped,
                    title: "Equipment stopped".into(),
                    title_ar: "تم إيقاف معدة".into(),
                    message: format!("{} was stopped for safety: {URGENT_REASON}", crane.name),
                    message_ar: format!("تم إيقاف {} لدواعي السلامة: {URGENT_REASON}", crane.name),
                    related_type: Some("assessment".into()),
                    related_id: Some(pending.id.get()),
                    priority: NotificationPriority::Critical,
                    is_persistent: true,
                    action_url: Some(format!("/assessments/{}", pending.id)),
                    is_read: false,
                    read_at: None,
                    created_at: context.clock.now(),
                }
            );
        }
        let own = found.iter().find(|notified| notified.user_id == yard.admin.id).unwrap();
        let delete = || act(&db, &context, &yard.admin, |tx| notifications::delete(tx, own.id));
        assert_eq!(code(delete()), Code::RuleViolation, "it stays until it is read");

        verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).unwrap();
        assert_eq!(notified_of(&db, NotificationType::EquipmentStopped, pending.id.get()), found, "once");
    }

    fn both_inspectors_are_notified_once_in_both_languages(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let assignment = listed(&db, &context, &yard.admin, &crane, TODAY);
        assigned(&db, &context, &yard.admin, assignment.id, &yard.team);
        half_submitted(&db, &context, &yard.team.electrical, assignment.id, &[]);
        let of = |actor: &User| db.read(|conn| assessments::get_visible_by_assignment(conn, actor, assignment.id));
        assert_eq!(code(of(&yard.team.electrical)), Code::InvalidState, "a half is missing");
        assert_eq!(rows(&db)["final_assessments"], 0);
        half_submitted(&db, &context, &yard.team.mechanical, assignment.id, &[]);
        let pending = of(&yard.team.electrical).unwrap();
        let found = notified_of(&db, NotificationType::AssessmentRequired, pending.id.get());
        let [mechanical, electrical] = &found[..] else { panic!("two notifications: {found:?}") };
        assert_eq!([mechanical.user_id, electrical.user_id], yard.team.both().map(|inspector| inspector.id));
        for notified in [mechanical, electrical] {
            assert_eq!((notified.title.as_str(), notified.title_ar.as_str()), ("Your verdict is needed", "مطلوب حكمك"));
            assert_eq!(
                notified.message,
                format!("Both inspections of {} are complete: is it operational, or urgent?", crane.name)
            );
            assert_eq!(
                notified.message_ar,
                format!("اكتمل فحصا {}: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟", crane.name)
            );
            assert_eq!((notified.priority, notified.is_persistent), (NotificationPriority::Urgent, false));
            assert_eq!(notified.action_url, Some(format!("/assessments/{}", pending.id)));
        }
    }

    fn finishing_books_one_point_for_each_inspector_and_counts_on_the_list(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let cranes = [equipment(&db, &context), equipment(&db, &context)];
        let pending = cranes.each_ref().map(|crane| yard.pending_assessment(&db, &context, crane, TODAY));
        let list = || true_lists(&db).swap_remove(0).0;
        assert_eq!((list().status, list().completed_assets), (ListStatus::FullyAssigned, 0));
        for (n, of) in pending.iter().enumerate() {
            for (inspector, done) in yard.team.both().into_iter().zip([n, n + 1]) {
                verdict(&db, &context, inspector, of.id, Operational).unwrap();
                assert_eq!(list().completed_assets, i64::try_from(done).unwrap());
            }
        }
        assert_eq!(list().status, ListStatus::Completed);
        for inspector in yard.team.both() {
            let ledger = db.read(|conn| points::list(conn, inspector.id, ALL)).unwrap().items;
            let lines: Vec<_> = ledger
                .iter()
                .map(|line| (line.amount, line.role, line.kind, line.related_type.as_deref(), line.related_id))
                .collect();
            let expected = [&pending[1], &pending[0]].map(|of| {
                (1, Role::Inspector, PointKind::Assessment, Some("assessment"), Some(of.id.get()))
            });
            assert_eq!(lines, expected);
        }
        assert_eq!(db.read(inspection_testkit::ledger::mismatches).unwrap(), []);
    }

    fn an_admin_decides_before_between_and_after_the_verdicts_and_points_are_booked_once(db: TestDatabase) {
        let (context, clock) = context();
        let yard = yard(&db, &context);
        for decision in [Operational, Urgent] {
            for given in [vec![], vec![Operational], vec![Urgent], vec![Operational, Urgent], vec![Urgent, Urgent]] {
                let case = format!("{given:?}, then {decision}");
                let crane = equipment(&db, &context);
                let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
                let mut before = pending.clone();
                for (inspector, given) in yard.team.both().into_iter().zip(&given) {
                    before = verdict(&db, &context, inspector, pending.id, *given).unwrap();
                }
                clock.advance_seconds(60);
                let decided = yard.decide(&db, &context, pending.id, decision).unwrap();
                let holds = decision == Urgent;
                assert_eq!(
                    decided,
                    Assessment {
                        status: AssessmentStatus::Completed,
                        decision: Some(decision),
                        resolved_by: Some(ResolvedBy::Admin),
                        resolved_at: Some(context.clock.now()),
                        decided_by_id: Some(yard.admin.id),
                        admin_notes: Some(notes(decision)),
                        equipment_hold: holds.then_some(Stopped),
                        stopped_from: holds.then_some(Active),
                        updated_at: context.clock.now(),
                        ..before.clone()
                    },
                    "{case}"
                );
                assert_eq!(stored(&db, &yard.admin, pending.id), decided, "{case}");
                let expected = if holds { Stopped } else { Active };
                assert_eq!(status_of(&db, crane.id), expected, "{case}");
                assert_eq!(assignment(&db, pending.assignment_id).status, AssignmentStatus::Completed, "{case}");
                assert_eq!(pointed(&db, pending.id), both_pointed(&pending), "{case}");
                for inspector in yard.team.both() {
                    let late = verdict(&db, &context, inspector, pending.id, Operational);
                    assert_eq!(code(late), Code::InvalidState, "too late: {case}");
                }
                // Repeated decisions: the last one stands.
                for again in [Urgent, Urgent, Operational, Operational, Urgent, Operational] {
                    yard.decide(&db, &context, pending.id, again).unwrap();
                    let expected = if again == Urgent { Stopped } else { Active };
                    assert_eq!(status_of(&db, crane.id), expected, "{case}, and {again}");
                }
                assert_eq!(pointed(&db, pending.id), both_pointed(&pending), "never twice: {case}");
                true_lists(&db);
            }
        }
        assert_eq!(db.read(inspection_testkit::ledger::mismatches).unwrap(), []);
        for inspector in yard.team.both() {
            assert_eq!(db.read(|conn| users::get(conn, inspector.id)).unwrap().inspector_points, 10);
        }
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(yard.decide(&db, &context, nothing, Operational)), Code::NotFound);
    }

    fn each_stop_by_an_admin_records_a_reason_and_notifies_once(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        yard.decide(&db, &context, pending.id, Urgent).unwrap();
        yard.decide(&db, &context, pending.id, Urgent).unwrap();
        let found = notified_of(&db, NotificationType::EquipmentStopped, pending.id.get());
        let [notified] = &found[..] else { panic!("one notification: {found:?}") };
        assert_eq!(notified.user_id, yard.admin.id);
        assert_eq!(notified.message, format!("{} was stopped for safety: {}", crane.name, notes(Urgent)));
        assert_eq!(notified.message_ar, format!("تم إيقاف {} لدواعي السلامة: {}", crane.name, notes(Urgent)));
        yard.decide(&db, &context, pending.id, Operational).unwrap();
        yard.decide(&db, &context, pending.id, Urgent).unwrap();
        assert_eq!(times_stopped(&db, pending.id, &yard.admin), 2, "it was stopped again");
        let by = Some(yard.admin.id);
        assert_eq!(
            changes_of(&db, crane.id),
            [(Active, Stopped, by), (Stopped, Active, by), (Active, Stopped, by)]
        );
    }

    fn operational_restores_the_status_from_before_the_stop(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for &before in EquipmentStatus::ALL {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            if before != Active {
                yard.set_status(&db, &context, crane.id, before);
            }
            verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).unwrap();
            let decided = yard.decide(&db, &context, pending.id, Operational).unwrap();
            assert_eq!((decided.equipment_hold, decided.stopped_from), (None, None), "{before}");
            assert_eq!((decided.released_at, decided.released_by_id), (None, None), "{before}");
            assert_eq!(status_of(&db, crane.id), before, "a machine stopped by an admin stays stopped");
        }
    }

    fn a_machine_held_by_two_assessments_is_stopped_until_the_last_releases_it(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for before in [Active, UnderMaintenance] {
            for order in [[0, 1], [1, 0]] {
                let crane = equipment(&db, &context);
                if before != Active {
                    yard.set_status(&db, &context, crane.id, before);
                }
                let pending = [TODAY, TOMORROW].map(|day| yard.pending_assessment(&db, &context, &crane, day));
                for of in &pending {
                    let judged = verdict(&db, &context, &yard.team.mechanical, of.id, Urgent).unwrap();
                    assert_eq!((judged.equipment_hold, judged.stopped_from), (Some(Stopped), Some(before)));
                    assert_eq!(times_stopped(&db, of.id, &yard.admin), 1);
                }
                let stops = changes_of(&db, crane.id).len();
                let [first, last] = order.map(|n| pending[n].id);
                yard.decide(&db, &context, first, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), Stopped, "the other holds it");
                yard.decide(&db, &context, first, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), Stopped);
                yard.decide(&db, &context, last, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), before);
                let changes = changes_of(&db, crane.id);
                assert_eq!(changes[stops..], [(Stopped, before, Some(yard.admin.id))]);
            }
        }
    }

    fn an_operational_assessment_does_not_release_a_machine_held_by_another(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let [first, second] = [TODAY, TOMORROW].map(|day| yard.pending_assessment(&db, &context, &crane, day));
        verdict(&db, &context, &yard.team.mechanical, first.id, Urgent).unwrap();
        for inspector in yard.team.both() {
            verdict(&db, &context, inspector, second.id, Operational).unwrap();
        }
        yard.decide(&db, &context, second.id, Operational).unwrap();
        assert_eq!(status_of(&db, crane.id), Stopped);
        verdict(&db, &context, &yard.team.electrical, first.id, Operational).unwrap();
        assert_eq!(status_of(&db, crane.id), Stopped, "one urgent verdict is enough");
    }

    fn a_machine_stopped_by_an_admin_stays_stopped_after_every_decision(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let pending = [TODAY, TOMORROW].map(|day| yard.pending_assessment(&db, &context, &crane, day));
        yard.set_status(&db, &context, crane.id, Stopped);
        for of in &pending {
            verdict(&db, &context, &yard.team.electrical, of.id, Urgent).unwrap();
        }
        for of in &pending {
            yard.decide(&db, &context, of.id, Operational).unwrap();
            assert_eq!(status_of(&db, crane.id), Stopped);
        }
        for inspector in yard.team.both() {
            let released = verdict(&db, &context, inspector, pending[0].id, Operational);
            assert_eq!(code(released), Code::InvalidState);
        }
        assert_eq!(changes_of(&db, crane.id), [(Active, Stopped, Some(yard.admin.id))]);
    }

    fn a_status_change_by_an_admin_releases_the_machine_and_records_admin_and_time(db: TestDatabase) {
        let (context, clock) = context();
        let yard = yard(&db, &context);
        let other = user(&db, &context, Role::Admin);
        for to in [Active, UnderMaintenance, Paused, OutOfService] {
            let crane = equipment(&db, &context);
            let pending = [TODAY, TOMORROW].map(|day| yard.pending_assessment(&db, &context, &crane, day));
            let judged = pending.each_ref().map(|of| {
                verdict(&db, &context, &yard.team.mechanical, of.id, Urgent).unwrap()
            });
            clock.advance_seconds(60);
            let named: EquipmentChanges = input(json!({"name": format!("Crane {to}"), "status": "stopped"}));
            act(&db, &context, &other, |tx| machines::registry::update(tx, crane.id, named)).unwrap();
            assert_eq!(judged.each_ref().map(|of| stored(&db, &other, of.id)), judged, "the status is the same");
            if to == OutOfService {
                act(&db, &context, &other, |tx| machines::registry::decommission(tx, crane.id)).unwrap();
            } else {
                set_status(&db, &context, &other, crane.id, to).unwrap();
            }
            assert_eq!(status_of(&db, crane.id), to);
            for before in judged {
                let released = stored(&db, &yard.admin, before.id);
                assert_eq!(
                    released,
                    Assessment {
                        equipment_hold: None,
                        stopped_from: None,
                        released_at: Some(context.clock.now()),
                        released_by_id: Some(other.id),
                        updated_at: context.clock.now(),
                        ..before
                    }
                );
                let line = last_line(&db, &context, "assessment", released.id.get());
                assert_eq!((line.action, line.actor_id), (AuditAction::Release, Some(other.id)));
                assert_eq!(line.changes.0["equipment_hold"], json!({"old": "stopped", "new": null}));
                assert_eq!(line.changes.0["stopped_from"], json!({"old": "active", "new": null}));
                assert_eq!(line.changes.0["released_by_id"], json!({"old": null, "new": other.id}));
                // The assessment no longer holds the machine, so nothing is released.
                yard.decide(&db, &context, released.id, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), to);
            }
            let by = Some(other.id);
            assert_eq!(changes_of(&db, crane.id)[1..], [(Stopped, to, by)]);
            assert_eq!(last_line(&db, &context, "equipment", crane.id.get()).actor_id, by);
        }
    }

    fn the_second_verdict_after_a_release_stops_the_machine_again(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        for second in [Operational, Urgent] {
            let crane = equipment(&db, &context);
            let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
            verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).unwrap();
            yard.set_status(&db, &context, crane.id, Paused);
            let judged = verdict(&db, &context, &yard.team.electrical, pending.id, second).unwrap();
            assert_eq!(judged.decision, Some(Urgent), "one is enough");
            assert_eq!((judged.equipment_hold, judged.stopped_from), (Some(Stopped), Some(Paused)));
            assert_eq!((judged.released_at, judged.released_by_id), (None, None));
            assert_eq!(status_of(&db, crane.id), Stopped);
            assert_eq!(times_stopped(&db, pending.id, &yard.admin), 2);
            yard.decide(&db, &context, pending.id, Operational).unwrap();
            assert_eq!(status_of(&db, crane.id), Paused);
        }
    }
}
