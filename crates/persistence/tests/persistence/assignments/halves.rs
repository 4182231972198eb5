//! The two halves of an assignment, and the weeks in which they count.

use super::*;

on_both_databases! {
    fn a_half_has_the_questions_of_its_trade_and_those_without_one(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, machine, id, .. } = case(&db, &context);
        let both = [
            (&team.mechanical, Category::Mechanical, [PASS_FAIL, NUMERIC, CRITICAL, TEXT], YES_NO),
            (&team.electrical, Category::Electrical, [YES_NO, NUMERIC, CRITICAL, TEXT], PASS_FAIL),
        ];
        let whole = db.read(|conn| checklists::get(conn, get(&db, id).template_id)).unwrap().1;
        for (inspector, half, scope, other) in both {
            let (sheet, is_new) = start(&db, &context, inspector, json!({"assignment_id": id})).unwrap();
            assert!(is_new);
            let now = context.clock.now();
            assert_eq!(
                sheet.inspection,
                Inspection {
                    id: sheet.inspection.id,
                    assignment_id: Some(id),
                    category: Some(half),
                    partner_id: team.both().iter().map(|member| member.id).find(|id| *id != inspector.id),
                    started_at: now,
                    updated_at: now,
                    ..Inspection::ad_hoc(machine.id, whole[0].template_id, inspector.id, now)
                }
            );
            assert_eq!(places(&sheet), scope);
            let progress = sheet.progress();
            assert_eq!((progress.total_items, progress.required_items), (4, 3));
            let own = db.read(|conn| inspections::get_visible_half(conn, inspector, id)).unwrap();
            assert_eq!((places(&own), own.inspection), (places(&sheet), sheet.inspection.clone()));

            let answer = |body: Value| {
                let given = input::<NewAnswers>(json!({"answers": [body]})).answers.0;
                act(&db, &context, inspector, |tx| {
                    inspections::answer(tx, sheet.inspection.id, given, |_| None)
                })
            };
            let foreign = refusal(answer(answer_body(other, whole[other].id, false)));
            assert_eq!(foreign, (Code::ValidationError, vec!["checklist_item_id".to_owned()]));
            assert_eq!(
                code(submit(&db, &context, inspector, &sheet)),
                Code::RuleViolation,
                "nothing is answered"
            );
            for place in &scope[..3] {
                answer(answer_body(*place, whole[*place].id, false)).unwrap();
            }
            submit(&db, &context, inspector, &sheet).unwrap();
        }
        for stranger in [&admin, &user(&db, &context, Role::Inspector)] {
            let refused = db.read(|conn| inspections::get_visible_half(conn, stranger, id));
            assert_eq!(code(refused), Code::Forbidden);
        }
    }

    fn the_first_half_waits_for_the_second_which_leads_to_the_assessment(db: TestDatabase) {
        let (context, clock) = context();
        for order in [Category::ALL.to_vec(), Category::ALL.iter().rev().copied().collect()] {
            let admin = user(&db, &context, Role::Admin);
            let template = checklist_with(&db, &context, &admin, |body| {
                body["equipment_type"] = json!(format!("type {}", admin.id));
            });
            let machine = equipment_with(&db, &context, |body| {
                body["equipment_type"] = json!(template.0.equipment_type);
            });
            routine_with(&db, &context, &admin, template.0.id, |body| {
                body["asset_types"] = json!([template.0.equipment_type]);
            });
            let (list, on_it) = generated(&db, &context, &admin);
            let id = on_it.iter().find(|assignment| assignment.equipment_id == machine.id).unwrap().id;
            let team = team(&db, &context);
            let planned = assigned(&db, &context, &admin, id, &team);
            let inspector = |half: Category| match half {
                Category::Mechanical => &team.mechanical,
                Category::Electrical => &team.electrical,
            };
            let status = |of: AssignmentStatus| Assignment {
                status: of,
                updated_at: context.clock.now(),
                ..planned.clone()
            };
            let before = counted(&db, list.id);

            clock.advance_seconds(60);
            half_answered(&db, &context, inspector(order[0]), id, &[]);
            let begun = status(AssignmentStatus::InProgress);
            assert_eq!(get(&db, id), begun);
            clock.advance_seconds(60);
            let second = half_answered(&db, &context, inspector(order[1]), id, &[]);
            assert_eq!(get(&db, id), begun, "the second to begin changes nothing");

            half_submitted(&db, &context, inspector(order[0]), id, &[]);
            let half = match order[0] {
                Category::Mechanical => AssignmentStatus::MechComplete,
                Category::Electrical => AssignmentStatus::ElecComplete,
            };
            assert_eq!(get(&db, id), status(half));
            let not_yet = db.read(|conn| assessments::get_visible_by_assignment(conn, &team.mechanical, id));
            assert_eq!(code(not_yet), Code::InvalidState);
            for member in team.both() {
                let kinds: Vec<_> = notifications_to(&db, member.id).iter().map(|notified| notified.kind).collect();
                assert_eq!(kinds, [NotificationType::InspectionAssigned], "no verdict is requested yet");
            }

            clock.advance_seconds(60);
            let counts = rows(&db);
            submit(&db, &context, inspector(order[1]), &second).unwrap();
            let now = context.clock.now();
            assert_eq!(get(&db, id), status(AssignmentStatus::AssessmentPending));
            assert_eq!(counted(&db, list.id), before, "a list counts assessed assignments");
            let created = db.read(|conn| assessments::get_visible_by_assignment(conn, &team.electrical, id)).unwrap();
            assert_eq!(
                created,
                Assessment {
                    id: created.id,
                    assignment_id: id,
                    equipment_id: machine.id,
                    mechanical_inspector_id: team.mechanical.id,
                    electrical_inspector_id: team.electrical.id,
                    mechanical_verdict: None,
                    mechanical_reason: None,
                    mechanical_verdict_at: None,
                    electrical_verdict: None,
                    electrical_reason: None,
                    electrical_verdict_at: None,
                    status: AssessmentStatus::Pending,
                    decision: None,
                    resolved_by: None,
                    resolved_at: None,
                    decided_by_id: None,
                    admin_notes: None,
                    equipment_hold: None,
                    stopped_from: None,
                    released_at: None,
                    released_by_id: None,
                    created_at: now,
                    updated_at: now,
                }
            );
            for member in team.both() {
                let [notified, _]: [Notification; 2] = notifications_to(&db, member.id).try_into().unwrap();
                assert_eq!(
                    notified,
                    Notification {
                        id: notified.id,
                        user_id: member.id,
                        kind: NotificationType::AssessmentRequired,
                        title: "Your verdict is needed".into(),
                        title_ar: "مطلوب حكمك".into(),
                        message: format!(
                            "Both inspections of {} are complete: is it operational, or urgent?",
                            machine.name
                        ),
                        message_ar: format!(
                            "اكتمل فحصا {}: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟",
                            machine.name
                        ),
                        related_type: Some("assessment".into()),
                        related_id: Some(created.id.get()),
                        priority: NotificationPriority::Urgent,
                        is_persistent: false,
                        action_url: Some(format!("/assessments/{}", created.id)),
                        is_read: false,
                        read_at: None,
                        created_at: now,
                    }
                );
            }
            let after = rows(&db);
            let admins = i64::try_from(db.read(users::admins).unwrap().len()).unwrap();
            assert_eq!(after["final_assessments"] - counts["final_assessments"], 1);
            assert_eq!(
                after["notifications"] - counts["notifications"],
                2 + admins,
                "one for each admin, too"
            );
            let lines = trail(&db, &context, json!({"entity_type": "assignment", "entity_id": id}));
            let notified: Vec<_> = lines
                .iter()
                .rev()
                .map(|line| (line.action, line.changes.0["status"]["new"].as_str().unwrap().to_owned()))
                .collect();
            let expected = [
                (AuditAction::Assign, "assigned"),
                (AuditAction::Start, "in_progress"),
                (AuditAction::Complete, half.as_str()),
                (AuditAction::Complete, "both_complete"),
                (AuditAction::Update, "assessment_pending"),
            ];
            assert_eq!(notified, expected.map(|(action, status)| (action, status.to_owned())));
        }
    }

    fn a_half_submitted_by_an_admin_counts_for_its_inspector(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, id, .. } = case(&db, &context);
        let sheet = half_answered(&db, &context, &team.electrical, id, &[]);
        submit(&db, &context, &admin, &sheet).unwrap();
        assert_eq!(get(&db, id).status, AssignmentStatus::ElecComplete);
        assert!(confirm(&db, &team.electrical, id).is_ok());
        assert_eq!(code(submit(&db, &context, &team.electrical, &sheet)), Code::InvalidState);
        assert_eq!(get(&db, id).status, AssignmentStatus::ElecComplete);
        half_submitted(&db, &context, &team.mechanical, id, &[PASS_FAIL]);
        assert_eq!(get(&db, id).status, AssignmentStatus::AssessmentPending, "a failed half is complete");
    }

    fn an_ad_hoc_inspection_completes_no_half(db: TestDatabase) {
        let (context, _) = context();
        let Case { team, machine, id, .. } = case(&db, &context);
        let before = get(&db, id);
        submitted(&db, &context, &team.mechanical, &machine, &[]);
        assert_eq!(get(&db, id), before);
        assert_eq!(code(confirm(&db, &team.mechanical, id)), Code::InvalidState);
        assert_eq!(
            code(db.read(|conn| inspections::get_visible_half(conn, &team.mechanical, id))),
            Code::NotFound
        );
    }

    fn a_half_is_confirmed_by_its_inspector_after_submission(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, id, .. } = case(&db, &context);
        let engineer = user(&db, &context, Role::Engineer);
        let other = user(&db, &context, Role::Inspector);
        let [mechanical, electrical] = team.both();
        assert_eq!(code(confirm(&db, mechanical, id)), Code::InvalidState, "it isn't begun");
        let sheet = half_answered(&db, &context, mechanical, id, &[]);
        assert_eq!(code(confirm(&db, mechanical, id)), Code::InvalidState, "it is a draft");
        submit(&db, &context, mechanical, &sheet).unwrap();
        let before = rows(&db);
        assert_eq!(confirm(&db, mechanical, id).unwrap(), get(&db, id));
        assert_eq!(code(confirm(&db, electrical, id)), Code::InvalidState, "the other half isn't theirs");
        for stranger in [&admin, &engineer, &other] {
            assert_eq!(code(confirm(&db, stranger, id)), Code::Forbidden);
        }
        assert_eq!(code(confirm(&db, mechanical, AssignmentId::new(9_999).unwrap())), Code::NotFound);
        assert_eq!(rows(&db), before, "it reports the status and changes nothing");
        let review = input(json!({"notes": "seen"}));
        act(&db, &context, &admin, |tx| inspections::review(tx, sheet.inspection.id, review)).unwrap();
        half_submitted(&db, &context, electrical, id, &[]);
        for member in team.both() {
            assert_eq!(confirm(&db, member, id).unwrap().status, AssignmentStatus::AssessmentPending);
        }
    }

    fn only_a_present_member_of_the_team_starts_a_half(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, machine, id, .. } = case(&db, &context);
        let other = self::team(&db, &context);
        let second = equipment(&db, &context);
        let (_, on_it) = generated(&db, &context, &admin);
        let free = on_it.iter().find(|assignment| assignment.equipment_id == second.id).unwrap().id;
        let half = || json!({"assignment_id": id});
        let before = (rows(&db), get(&db, id));
        for stranger in [&admin, &other.mechanical, &other.electrical, &user(&db, &context, Role::Engineer)] {
            assert_eq!(code(start(&db, &context, stranger, half())), Code::Forbidden);
        }
        let unassigned = start(&db, &context, &team.mechanical, json!({"assignment_id": free}));
        assert_eq!(code(unassigned), Code::Forbidden, "it has no team");
        let nothing = start(&db, &context, &team.mechanical, json!({"assignment_id": 9_999}));
        assert_eq!(code(nothing), Code::NotFound);
        let wrong = json!({"assignment_id": id, "equipment_id": second.id});
        let wrong = refusal(start(&db, &context, &team.mechanical, wrong));
        assert_eq!(wrong, (Code::ValidationError, vec!["equipment_id".to_owned()]));
        assert_eq!(code(start(&db, &context, &team.mechanical, json!({}))), Code::ValidationError);
        let ill = set_out_on_leave(&db, &team.electrical);
        assert_eq!(code(start(&db, &context, &ill, half())), Code::RuleViolation);
        let after = rows(&db);
        assert_eq!((after["users"], after["inspections"]), (before.0["users"] + 1, 0));
        assert_eq!(get(&db, id), before.1);

        let right = json!({"assignment_id": id, "equipment_id": machine.id});
        assert!(start(&db, &context, &team.mechanical, right.clone()).unwrap().1);
        let ill = set_out_on_leave(&db, &team.mechanical);
        assert_eq!(code(start(&db, &context, &ill, right)), Code::RuleViolation, "not even going on");
    }

    fn a_draft_for_another_target_does_not_prevent_a_half(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, machine, id, .. } = case(&db, &context);
        let body = json!({"target_date": "2026-03-03", "shift": "day"});
        let list = generate(&db, &context, Some(&admin), body).unwrap().list.id;
        let tomorrow = assigned(&db, &context, &admin, on_list(&db, list)[0].id, &team).id;
        let mechanical = &team.mechanical;
        let ad_hoc = draft(&db, &context, mechanical, &machine).inspection.id;
        let begin = |body: Value| {
            let (sheet, is_new) = start(&db, &context, mechanical, body).unwrap();
            (sheet.inspection.id, is_new)
        };
        let (today, is_new) = begin(json!({"assignment_id": id}));
        assert!(is_new);
        let (later, is_new) = begin(json!({"assignment_id": tomorrow}));
        assert!(is_new && later != today);
        for (body, draft) in [
            (json!({"equipment_id": machine.id}), ad_hoc),
            (json!({"assignment_id": id}), today),
            (json!({"assignment_id": id, "equipment_id": machine.id}), today),
            (json!({"assignment_id": tomorrow}), later),
        ] {
            assert_eq!(begin(body), (draft, false));
        }
        let given = half_answered(&db, &context, mechanical, id, &[]);
        submit(&db, &context, mechanical, &given).unwrap();
        assert_eq!(begin(json!({"equipment_id": machine.id})), (ad_hoc, false), "it is none of the assignment");
    }

    fn starting_a_half_again_finds_its_draft_until_submission(db: TestDatabase) {
        let (context, clock) = context();
        let Case { team, machine, id, .. } = case(&db, &context);
        let [mechanical, electrical] = team.both();
        let first = half_answered(&db, &context, mechanical, id, &[]);
        let begun = get(&db, id);
        clock.advance_seconds(60);
        for body in [
            json!({"assignment_id": id}),
            json!({"assignment_id": id, "equipment_id": machine.id}),
        ] {
            let before = rows(&db);
            let (sheet, is_new) = start(&db, &context, mechanical, body).unwrap();
            assert!(!is_new);
            assert_eq!(sheet.inspection, first.inspection);
            assert_eq!((sheet.items, sheet.answers), (first.items.clone(), first.answers.clone()));
            assert_eq!((rows(&db), get(&db, id)), (before, begun.clone()), "finding it is no start");
        }
        act(&db, &context, mechanical, |tx| inspections::delete(tx, first.inspection.id)).unwrap();
        assert_eq!(get(&db, id), begun);
        let (again, is_new) = start(&db, &context, mechanical, json!({"assignment_id": id})).unwrap();
        assert!(is_new && again.inspection.id != first.inspection.id, "a discarded draft is started again");
        half_submitted(&db, &context, mechanical, id, &[]);

        let complete = get(&db, id);
        let before = rows(&db);
        assert_eq!(code(start(&db, &context, mechanical, json!({"assignment_id": id}))), Code::InvalidState);
        assert_eq!((rows(&db), get(&db, id)), (before, complete));
        let own = db.read(|conn| inspections::get_visible_half(conn, mechanical, id)).unwrap();
        assert_eq!(own.inspection.status, InspectionStatus::Submitted);
        let (ad_hoc, is_new) = start(&db, &context, mechanical, json!({"equipment_id": machine.id})).unwrap();
        assert!(is_new);
        assert_eq!((ad_hoc.inspection.assignment_id, ad_hoc.items.len()), (None, 5), "the machine, ad hoc");
        act(&db, &context, mechanical, |tx| inspections::delete(tx, ad_hoc.inspection.id)).unwrap();

        half_submitted(&db, &context, electrical, id, &[]);
        for member in team.both() {
            let late = start(&db, &context, member, json!({"assignment_id": id}));
            assert_eq!(code(late), Code::InvalidState, "both are done");
        }
    }

    fn an_assignment_is_inspected_by_its_own_checklist(db: TestDatabase) {
        let (context, _) = context();
        let Case { admin, team, machine, id, .. } = case(&db, &context);
        let own = get(&db, id).template_id;
        let (newer, _) = checklist(&db, &context, &admin);
        let changes = input(json!({"is_active": false}));
        act(&db, &context, &admin, |tx| checklists::update(tx, own, changes)).unwrap();
        let sheet = half_draft(&db, &context, &team.mechanical, id);
        assert_eq!((sheet.inspection.template_id, sheet.template.id), (own, own));
        let other = user(&db, &context, Role::Inspector);
        assert_eq!(draft(&db, &context, &other, &machine).template.id, newer.id, "ad hoc it is the active one");
    }

    fn a_half_without_a_question_can_be_done_too(db: TestDatabase) {
        let (context, _) = context();
        let trades = [("mechanical", "electrical"), ("electrical", "mechanical")];
        for (n, (asked, not_asked)) in trades.into_iter().enumerate() {
            let admin = user(&db, &context, Role::Admin);
            let of_type = format!("type {n}");
            let (template, _) = checklist_with(&db, &context, &admin, |body| {
                body["equipment_type"] = json!(of_type);
                for item in body["items"].as_array_mut().unwrap() {
                    item["category"] = json!(asked);
                }
            });
            let machine = equipment_with(&db, &context, |body| body["equipment_type"] = json!(of_type));
            routine_with(&db, &context, &admin, template.id, |body| body["asset_types"] = json!([of_type]));
            let (_, on_it) = generated(&db, &context, &admin);
            let id = on_it.iter().find(|assignment| assignment.equipment_id == machine.id).unwrap().id;
            let team = team(&db, &context);
            assigned(&db, &context, &admin, id, &team);
            let [idle, busy] = if not_asked == "mechanical" {
                [&team.mechanical, &team.electrical]
            } else {
                [&team.electrical, &team.mechanical]
            };
            let sheet = half_draft(&db, &context, idle, id);
            assert!(sheet.items.is_empty());
            let progress = sheet.progress();
            assert_eq!(
                (progress.total_items, progress.is_complete, progress.progress_percentage),
                (0, true, 100)
            );
            submit(&db, &context, idle, &sheet).unwrap();
            assert!(confirm(&db, idle, id).is_ok());
            let half = half_submitted(&db, &context, busy, id, &[PASS_FAIL]);
            assert_eq!(half.status, InspectionStatus::Submitted);
            assert_eq!(get(&db, id).status, AssignmentStatus::AssessmentPending);
            assert!(db.read(|conn| assessments::get_visible_by_assignment(conn, idle, id)).is_ok());
        }
    }

    fn a_half_of_a_checklist_without_any_question_is_not_begun(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, items) = checklist(&db, &context, &admin);
        for item in items {
            act(&db, &context, &admin, |tx| checklists::delete_item(tx, template.id, item.id)).unwrap();
        }
        let Case { team, id, .. } = case_of(&db, &context, admin, template.id);
        let before = (rows(&db), get(&db, id));
        for member in team.both() {
            assert_eq!(code(start(&db, &context, member, json!({"assignment_id": id}))), Code::RuleViolation);
        }
        assert_eq!((rows(&db), get(&db, id)), before);
    }

    fn of_two_submissions_at_seven_the_later_day_is_recorded_in_either_order(db: TestDatabase) {
        let (context, clock) = context();
        let Case { team, machine, .. } = case(&db, &context);
        for at in ["2026-03-03T07:00:00.010Z", "2026-03-03T06:59:59.990Z"] {
            clock.set(at);
            submitted(&db, &context, &team.mechanical, &machine, &[]);
        }
        let row = completions::table.select((completions::completions, completions::last_completed_on));
        let found: (i32, Option<Date>) = query!(db, |c| row.first(c));
        assert_eq!(found, (2, Some(date("2026-03-03"))));
    }

    fn each_half_counts_in_the_iso_week_of_the_site(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        let Case { admin, team, machine, id, .. } = case(&db, &context);
        let [mechanical, electrical] = team.both();
        let weeks = || {
            let row = completions::table
                .filter(completions::equipment_id.eq(machine.id))
                .order((completions::iso_year, completions::iso_week))
                .select((
                    completions::iso_year,
                    completions::iso_week,
                    completions::completions,
                    completions::last_completed_on,
                ));
            let all: Vec<(i32, i32, i32, Option<Date>)> = query!(db, |c| row.load(c));
            all.into_iter()
                .map(|(year, week, number, last)| (year, week, number, last.unwrap().to_string()))
                .collect::<Vec<_>>()
        };
        let week = |year, week, number, last: &str| (year, week, number, last.to_owned());
        // The working day begins at 07:00, which is 04:00 in UTC. Tuesday 31 December 2024 is in
        // week 1 of 2025, as is the Monday.
        clock.set("2024-12-30T04:00:00Z");
        submitted(&db, &context, mechanical, &machine, &[]);
        assert_eq!(weeks(), [week(2025, 1, 1, "2024-12-30")]);
        clock.set("2024-12-31T09:00:00Z");
        submitted(&db, &context, mechanical, &machine, &[]);
        clock.set("2025-01-01T04:00:00Z");
        submitted(&db, &context, mechanical, &machine, &[]);
        let of_2025 = week(2025, 1, 3, "2025-01-01");
        assert_eq!(weeks(), std::slice::from_ref(&of_2025));

        // Thursday 31 December 2026 with its night shift and Friday 1 January 2027 are in week 53
        // of 2026.
        clock.set("2027-01-01T03:59:59Z");
        let sheets = team.both().map(|member| half_answered(&db, &context, member, id, &[]));
        submit(&db, &context, mechanical, &sheets[0]).unwrap();
        assert_eq!(weeks(), [of_2025.clone(), week(2026, 53, 1, "2026-12-31")]);
        clock.set("2027-01-01T04:00:00Z");
        submit(&db, &context, &admin, &sheets[1]).unwrap();
        assert_eq!(weeks(), [of_2025.clone(), week(2026, 53, 2, "2027-01-01")], "each half counts");

        // Sunday with its night shift is in week 53; Monday is in week 1.
        clock.set("2027-01-04T03:59:59Z");
        submitted(&db, &context, electrical, &machine, &[]);
        let of_2026 = week(2026, 53, 3, "2027-01-03");
        assert_eq!(weeks(), [of_2025.clone(), of_2026.clone()]);
        clock.set("2027-01-04T04:00:00Z");
        submitted(&db, &context, electrical, &machine, &[]);
        assert_eq!(weeks(), [of_2025, of_2026, week(2027, 1, 1, "2027-01-04")]);
    }

    fn submitting_the_second_half_reads_the_machine_once(db: TestDatabase) {
        let (context, _) = context();
        let Case { team, id, .. } = case(&db, &context);
        half_submitted(&db, &context, &team.mechanical, id, &[]);
        let second = half_answered(&db, &context, &team.electrical, id, &[]);
        let statements = act(&db, &context, &team.electrical, |tx| {
            let before = db.statements();
            inspections::submit(tx, second.inspection.id)?;
            Ok(db.statements() - before)
        });
        assert_eq!(statements.unwrap(), 13);
    }
}
