//! Teams, berths, and lists of assignments.

use super::*;

on_both_databases! {
    fn a_team_is_two_active_inspectors_of_their_trades_and_not_on_leave(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        equipment(&db, &context);
        let team = team(&db, &context);
        // Planned on Monday for Thursday.
        let body = json!({"target_date": "2026-03-05", "shift": "day"});
        let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
        let before = on_list(&db, list)[0].clone();
        let id = before.id;
        let inspector = |trade: &str, change: &dyn Fn(&mut Value)| {
            user_with(&db, &context, Role::Inspector, |body| {
                body["specialization"] = json!(trade);
                body["shift"] = json!("day");
                change(body);
            })
        };
        clock.advance_seconds(60);
        for (seat, trade, other) in
            [(MECHANICAL, "mechanical", "electrical"), (ELECTRICAL, "electrical", "mechanical")]
        {
            let gone = inspector(trade, &|_| {});
            act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
            let specialist = inspector(trade, &|body| body["role"] = json!("specialist"));
            let other_trade = inspector(other, &|_| {});
            let ill = inspector(trade, &|_| {});
            store(&db, &away(&ill, ["2026-03-05", "2026-03-05"], LeaveStatus::Approved, false, &context));
            let first_day = inspector(trade, &|_| {});
            store(&db, &away(&first_day, ["2026-03-05", "2026-03-09"], LeaveStatus::Approved, false, &context));
            let last_day = inspector(trade, &|_| {});
            store(&db, &away(&last_day, ["2026-03-01", "2026-03-05"], LeaveStatus::Approved, false, &context));
            let unlucky = inspector(other, &|body| {
                body["role"] = json!("specialist");
                body["shift"] = json!("night");
            });
            store(&db, &away(&unlucky, ["2026-03-05"; 2], LeaveStatus::Approved, false, &context));
            act(&db, &context, &admin, |tx| users::deactivate(tx, unlucky.id)).unwrap();
            let unknown = UserId::new(9_999).unwrap();
            let untouched = rows(&db);
            for (wrong, conditions, of) in [
                (unknown, 1, "an unknown user"),
                (gone.id, 1, "an account that is not active"),
                (specialist.id, 1, "a specialist"),
                (admin.id, 2, "an admin"),
                (other_trade.id, 1, "the other trade"),
                (ill.id, 1, "on leave on the very day"),
                (first_day.id, 1, "on leave from the day"),
                (last_day.id, 1, "on leave to the day"),
                (unlucky.id, 4, "everything at once"),
            ] {
                let [mechanical, electrical] = with_other(&team, seat, wrong);
                let refused = refusal(assign(&db, &context, &admin, id, mechanical, electrical));
                assert_eq!(refused, (Code::RuleViolation, vec![seat.to_owned(); conditions]), "{of}, {seat}");
            }
            assert_eq!(rows(&db), untouched);
            assert_eq!(get(&db, id), before);
            assert_eq!(counted(&db, list), (1, 0, 0, ListStatus::Generated));
        }
        let both = refusal(assign(&db, &context, &admin, id, team.electrical.id, team.mechanical.id));
        assert_eq!(both, (Code::RuleViolation, vec![MECHANICAL.to_owned(), ELECTRICAL.to_owned()]));
        let same = refusal(assign(&db, &context, &admin, id, team.mechanical.id, team.mechanical.id));
        assert_eq!(same, (Code::RuleViolation, vec![ELECTRICAL.to_owned()]));
        let nothing = AssignmentId::new(9_999).unwrap();
        let refused = assign(&db, &context, &admin, nothing, team.mechanical.id, team.electrical.id);
        assert_eq!(code(refused), Code::NotFound);
        let members: AssignTeam = input(json!({
            "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
        }));
        let anonymous = db.write(&context, Origin::default(), |tx| assignments::assign(tx, id, &members));
        assert_eq!(code(anonymous), Code::Forbidden);
        assert_eq!(get(&db, id), before);
    }

    fn only_an_approved_leave_on_the_target_date_excludes_a_user_from_a_team(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        equipment(&db, &context);
        let body = json!({"target_date": "2026-03-05", "shift": "day"});
        let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
        let id = on_list(&db, list)[0].id;
        let whole = ["2026-03-04", "2026-03-06"];
        for (days, status, ended, of) in [
            (["2026-03-01", "2026-03-04"], LeaveStatus::Approved, false, "until the day before, so today"),
            (["2026-03-06", "2026-03-09"], LeaveStatus::Approved, false, "from the day after"),
            (whole, LeaveStatus::Approved, true, "ended early"),
            (whole, LeaveStatus::Pending, false, "requested"),
            (whole, LeaveStatus::Rejected, false, "refused"),
            (whole, LeaveStatus::Cancelled, false, "withdrawn"),
        ] {
            let team = team(&db, &context);
            for member in team.both() {
                store(&db, &away(member, days, status, ended, &context));
            }
            let outcome = assign(&db, &context, &admin, id, team.mechanical.id, team.electrical.id);
            assert!(outcome.is_ok(), "{of}: {outcome:?}");
        }
        let team = team(&db, &context);
        for member in team.both() {
            set_out_on_leave(&db, member);
        }
        let today = assign(&db, &context, &admin, id, team.mechanical.id, team.electrical.id);
        assert!(today.is_ok(), "a user on leave today may be present on the day");
        let engineer = user_with(&db, &context, Role::Engineer, |body| {
            body["minor_role"] = json!("inspector");
            body["specialization"] = json!("electrical");
            body["shift"] = json!("day");
        });
        assert!(
            assign(&db, &context, &admin, id, team.mechanical.id, engineer.id).is_ok(),
            "a second role, too"
        );
    }

    fn a_team_is_notified_in_both_languages_and_has_thirty_hours(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        let [admin, engineer] = [Role::Admin, Role::Engineer].map(|role| user(&db, &context, role));
        let template = checklist(&db, &context, &admin).0.id;
        routine(&db, &context, &admin, template);
        routine_with(&db, &context, &admin, template, |body| body["shift"] = json!("night"));
        let crane = equipment_with(&db, &context, |body| {
            body["name"] = json!("Quay Crane 7");
            body["name_ar"] = json!("رافعة الرصيف ٧");
        });
        let named = |name: &str, trade: &str, shift: &str| {
            user_with(&db, &context, Role::Inspector, |body| {
                body["full_name"] = json!(name);
                body["specialization"] = json!(trade);
                body["shift"] = json!(shift);
            })
        };
        for (shift, deadline) in [("day", "2026-03-03T10:00:00Z"), ("night", "2026-03-03T22:00:00Z")] {
            let mechanical = named("Salim Haddad", "mechanical", shift);
            let electrical = named("منى خليل", "electrical", shift);
            let body = json!({"target_date": TODAY, "shift": shift});
            let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
            let before = on_list(&db, list)[0].clone();
            clock.advance_seconds(60);
            let counts = rows(&db);
            let after = assign(&db, &context, &engineer, before.id, mechanical.id, electrical.id).unwrap();
            let now = context.clock.now();
            assert_eq!(
                after,
                Assignment {
                    status: AssignmentStatus::Assigned,
                    mechanical_inspector_id: Some(mechanical.id),
                    electrical_inspector_id: Some(electrical.id),
                    assigned_by_id: Some(engineer.id),
                    assigned_at: Some(now),
                    deadline: Some(instant(deadline)),
                    updated_at: now,
                    ..before.clone()
                }
            );
            assert_eq!(get(&db, before.id), after);
            let notified = [(&mechanical, "منى خليل"), (&electrical, "Salim Haddad")];
            for (member, partner) in notified {
                let [notified]: [Notification; 1] = notifications_to(&db, member.id).try_into().unwrap();
                assert_eq!(
                    notified,
                    Notification {
                        id: notified.id,
                        user_id: member.id,
                        kind: NotificationType::InspectionAssigned,
                        title: "Inspection assigned".into(),
                        title_ar: "تم تكليفك بفحص".into(),
                        message: format!("You are assigned to inspect Quay Crane 7 on 2026-03-02, with {partner}."),
                        message_ar: format!("أنت مكلّف بفحص Quay Crane 7 بتاريخ 2026-03-02 مع {partner}."),
                        related_type: Some("assignment".into()),
                        related_id: Some(before.id.get()),
                        priority: NotificationPriority::Info,
                        is_persistent: false,
                        action_url: Some(format!("/assignments/{}", before.id)),
                        is_read: false,
                        read_at: None,
                        created_at: now,
                    }
                );
                assert!(notified.id > NotificationId::UNSAVED);
            }
            let notified = rows(&db)["notifications"] - counts["notifications"];
            assert_eq!(notified, 2, "no other user is notified");
            let lines = trail(&db, &context, json!({"action": "assign", "entity_id": before.id}));
            assert_eq!((lines.len(), lines[0].actor_id), (1, Some(engineer.id)));
            assert_eq!(lines[0].changes.0["status"], json!({"old": "unassigned", "new": "assigned"}));
            assert_eq!(lines[0].changes.0[ELECTRICAL], json!({"old": null, "new": electrical.id}));
        }
        assert_eq!(crane.name_ar.as_deref(), Some("رافعة الرصيف ٧"), "names of machines are technical");
    }

    fn a_team_can_be_changed_until_a_half_is_started(db: TestDatabase) {
        let (context, clock) = context();
        let Case { admin, team: old, list, id, .. } = case(&db, &context);
        let engineer = user(&db, &context, Role::Engineer);
        let new = team(&db, &context);
        let first = get(&db, id);
        clock.advance_seconds(60);
        let now = context.clock.now();
        let second = assign(&db, &context, &engineer, id, new.mechanical.id, old.electrical.id).unwrap();
        assert_eq!(
            second,
            Assignment {
                mechanical_inspector_id: Some(new.mechanical.id),
                assigned_by_id: Some(engineer.id),
                assigned_at: Some(now),
                updated_at: now,
                ..first
            }
        );
        assert_eq!(get(&db, id), second);
        assert_eq!(counted(&db, list), (1, 1, 0, ListStatus::FullyAssigned));
        let notified = notifications_to(&db, old.electrical.id);
        assert!(notified[0].message.ends_with(&format!("with {}.", new.mechanical.full_name)));
        let numbers =
            [&old.mechanical, &old.electrical, &new.mechanical].map(|who| notifications_to(&db, who.id).len());
        assert_eq!(numbers, [2, 2, 1], "the old one has lost the seat");
        assert_eq!(
            code(start(&db, &context, &old.mechanical, json!({"assignment_id": id}))),
            Code::Forbidden,
            "a former member of the team"
        );

        half_draft(&db, &context, &new.mechanical, id);
        let begun = get(&db, id);
        assert_eq!(begun.status, AssignmentStatus::InProgress);
        let before = rows(&db);
        let refused = assign(&db, &context, &admin, id, new.mechanical.id, new.electrical.id);
        assert_eq!(code(refused), Code::InvalidState);
        let unfit = assign(&db, &context, &admin, id, admin.id, admin.id);
        assert_eq!(code(unfit), Code::InvalidState, "the status is looked at first");
        assert_eq!((get(&db, id), rows(&db)), (begun.clone(), before.clone()));
        for &status in AssignmentStatus::ALL {
            if !matches!(status, AssignmentStatus::Unassigned | AssignmentStatus::Assigned) {
                put(&db, id, status);
                let refused = assign(&db, &context, &admin, id, new.mechanical.id, new.electrical.id);
                assert_eq!(code(refused), Code::InvalidState, "{status}");
            }
        }
        assert_eq!(rows(&db), before);
    }

    fn a_berth_is_corrected_and_nothing_else(db: TestDatabase) {
        let (context, clock) = context();
        let Case { admin, machine, list, id, .. } = case(&db, &context);
        let correct = |id: AssignmentId, berth: &str| {
            let fix = input(json!({ "berth": berth }));
            act(&db, &context, &admin, |tx| assignments::correct_berth(tx, id, fix))
        };
        let (before, seen) = (get(&db, id), db.read(|conn| daily_lists::get(conn, list)).unwrap());
        clock.advance_seconds(60);
        let after = correct(id, "  B12 ").unwrap();
        assert_eq!(
            after,
            Assignment { berth: Some("B12".into()), updated_at: context.clock.now(), ..before.clone() }
        );
        assert_eq!(get(&db, id), after);
        assert_eq!(
            db.read(|conn| machines::get(conn, machine.id)).unwrap(),
            machine,
            "it stays where it was"
        );
        assert_eq!(db.read(|conn| daily_lists::get(conn, list)).unwrap(), seen);
        let lines = trail(&db, &context, json!({"entity_type": "assignment", "action": "update"}));
        assert_eq!((lines.len(), lines[0].entity_id), (1, Some(id.get())));
        let notified: Vec<_> = lines[0].changes.0.iter().collect();
        assert_eq!(notified, [(&"berth".to_owned(), &json!({"old": "B1", "new": "B12"}))]);
        for &status in &AssignmentStatus::ALL[1..] {
            put(&db, id, status);
            assert_eq!(correct(id, "B13").unwrap().status, status);
        }
        assert_eq!(code(correct(AssignmentId::new(9_999).unwrap(), "B1")), Code::NotFound);
    }

    fn users_find_the_assignments_of_their_teams(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        for _ in 0..2 {
            equipment(&db, &context);
        }
        let [one, two] = [(); 2].map(|()| team(&db, &context));
        let mut on = Vec::new();
        for day in ["2026-03-04", "2026-03-02", "2026-03-03"] {
            let body = json!({"target_date": day, "shift": "day"});
            let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
            on.extend(on_list(&db, list).iter().map(|assignment| assignment.id));
        }
        let [wed, wed_2, mon, mon_2, tue, tue_2]: [AssignmentId; 6] = on.try_into().unwrap();
        for id in [wed, wed_2, mon, mon_2] {
            assigned(&db, &context, &admin, id, &one);
        }
        let before = rows(&db);
        assigned(&db, &context, &admin, wed, &one);
        assert_eq!(rows(&db), before, "the same team again changes nothing");
        assign(&db, &context, &admin, tue, one.mechanical.id, two.electrical.id).unwrap();
        half_draft(&db, &context, &one.electrical, wed);
        let found = |who: &User, body: Value| -> Vec<AssignmentId> {
            let filter: AssignmentFilter = filter(body);
            let page = db.read(|conn| assignments::list_by_inspector(conn, who.id, &filter, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            assert!(page.items.iter().all(|assignment| *assignment == get(&db, assignment.id)));
            page.items.iter().map(|assignment| assignment.id).collect()
        };
        assert_eq!(found(&one.mechanical, json!({})), [wed_2, wed, tue, mon_2, mon], "the latest day first");
        assert_eq!(found(&one.electrical, json!({})), [wed_2, wed, mon_2, mon]);
        assert_eq!(found(&two.electrical, json!({})), [tue]);
        for outsider in [&two.mechanical, &admin] {
            assert_eq!(found(outsider, json!({})), []);
        }
        let mine = |body: Value| found(&one.mechanical, body);
        assert_eq!(mine(json!({"date": "2026-03-02"})), [mon_2, mon]);
        assert_eq!(mine(json!({"target_date": "2026-03-05"})), []);
        assert_eq!(mine(json!({"status": "in_progress"})), [], "the other half is");
        assert_eq!(found(&one.electrical, json!({"status": "in_progress"})), [wed]);
        assert_eq!(mine(json!({"status": "assigned", "date": "2026-03-04"})), [wed_2, wed]);
        assert_eq!(mine(json!({"status": "unassigned"})), [], "{tue_2} has no team");
        assert_eq!(mine(json!({"sort": "target_date"})), [mon, mon_2, tue, wed, wed_2]);
        assert_eq!(mine(json!({"sort": "-target_date"})), [wed_2, wed, tue, mon_2, mon]);
        let pages: Vec<AssignmentId> = (1..=3)
            .flat_map(|page| {
                let request = PageRequest::new(page, 2);
                let none: AssignmentFilter = filter(json!({}));
                let part = db
                    .read(|conn| {
                        assignments::list_by_inspector(conn, one.mechanical.id, &none, request.clone())
                    })
                    .unwrap();
                assert_eq!((part.total, part.request), (5, request));
                part.items
            })
            .map(|assignment| assignment.id)
            .collect();
        assert_eq!(pages, mine(json!({})));
    }

    fn the_backlog_contains_unfinished_assignments_past_their_deadline(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        for _ in AssignmentStatus::ALL {
            equipment(&db, &context);
        }
        let team = team(&db, &context);
        let (_, on_it) = generated(&db, &context, &admin);
        let mut unfinished = Vec::new();
        for (assignment, &status) in on_it.iter().zip(AssignmentStatus::ALL) {
            if status == AssignmentStatus::Unassigned {
                continue;
            }
            let deadline = assigned(&db, &context, &admin, assignment.id, &team).deadline;
            assert_eq!(deadline, Some(instant("2026-03-03T13:00:00Z")));
            put(&db, assignment.id, status);
            if AssignmentStatus::UNFINISHED.contains(&status) {
                unfinished.push(assignment.id);
            }
        }
        assert_eq!(unfinished.len(), 4);
        for (at, expected) in [
            ("2026-03-02T08:00:00Z", &[][..]),
            ("2026-03-03T12:59:59.999Z", &[]),
            ("2026-03-03T13:00:00Z", &[]),
            ("2026-03-03T13:00:00.001Z", &unfinished),
            ("2027-03-03T13:00:00Z", &unfinished),
        ] {
            clock.set(at);
            assert_eq!(backlog(&db, &context), expected, "{at}");
            for assignment in on_it.iter().map(|assignment| get(&db, assignment.id)) {
                let is_overdue = assignment.is_overdue(context.clock.now());
                assert_eq!(is_overdue, expected.contains(&assignment.id), "{at} {}", assignment.status);
            }
        }
        put(&db, unfinished[0], AssignmentStatus::Completed);
        assert_eq!(backlog(&db, &context), unfinished[1..]);
    }

    fn the_backlog_begins_with_the_oldest_deadline(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        for _ in 0..2 {
            equipment(&db, &context);
        }
        let team = team(&db, &context);
        let mut of_day = Vec::new();
        for day in ["2026-03-04", "2026-03-02"] {
            let body = json!({"target_date": day, "shift": "day"});
            let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
            for assignment in on_list(&db, list) {
                of_day.push(assigned(&db, &context, &admin, assignment.id, &team).id);
            }
        }
        let [late, late_2, early, early_2]: [AssignmentId; 4] = of_day.try_into().unwrap();
        clock.set("2026-03-05T13:00:00Z");
        assert_eq!(backlog(&db, &context), [early, early_2]);
        clock.advance_seconds(1);
        assert_eq!(backlog(&db, &context), [early, early_2, late, late_2]);
        for (page, expected) in [(1, &[early, early_2, late][..]), (2, &[late_2]), (3, &[])] {
            let request = PageRequest::new(page, 3);
            let part = db.read(|conn| assignments::backlog(conn, context.clock.now(), request.clone())).unwrap();
            assert_eq!((part.total, part.request), (4, request));
            let ids: Vec<AssignmentId> = part.items.iter().map(|assignment| assignment.id).collect();
            assert_eq!(ids, expected);
        }
        half_submitted(&db, &context, &team.mechanical, early, &[]);
        assert_eq!(backlog(&db, &context).len(), 4, "a half is not enough");
        half_submitted(&db, &context, &team.electrical, early, &[]);
        assert_eq!(backlog(&db, &context), [early_2, late, late_2], "overdue assignments can still be inspected");
    }

    fn days_at_both_ends_of_the_calendar_are_days_like_others(db: TestDatabase) {
        for (n, zone) in ["Asia/Riyadh", "America/New_York"].into_iter().enumerate() {
            let (context, _) = context_in(zone);
            let admin = user_with(&db, &context, Role::Admin, |body| body["email"] = json!(format!("{n}@example.com")));
            let member = |trade: &str| {
                user_with(&db, &context, Role::Inspector, |body| {
                    body["email"] = json!(format!("{trade}{n}@example.com"));
                    body["specialization"] = json!(trade);
                    body["shift"] = json!(if n == 0 { "day" } else { "night" });
                })
            };
            let team = Team { mechanical: member("mechanical"), electrical: member("electrical") };
            let shift = if n == 0 { "day" } else { "night" };
            let template = checklist_with(&db, &context, &admin, |body| body["version"] = json!(zone)).0.id;
            routine_with(&db, &context, &admin, template, |body| body["shift"] = json!(shift));
            equipment_with(&db, &context, |body| body["serial_number"] = json!(zone));
            for day in ["0001-01-01", "9999-12-31"] {
                let list =
                    generate(&db, &context, Some(&admin), json!({"target_date": day, "shift": shift})).unwrap().list;
                let first = on_list(&db, list.id).swap_remove(0);
                let after = assigned(&db, &context, &admin, first.id, &team);
                assert_eq!(after.target_date, date(day));
                assert_eq!(get(&db, first.id), after);
                let late = backlog(&db, &context).contains(&first.id);
                assert_eq!(late, day.starts_with("0001"), "{zone} {day} {:?}", after.deadline);
            }
        }
    }
}
