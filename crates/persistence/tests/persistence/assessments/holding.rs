//! Constraints of the database on holds, and the visibility of assessments.

use super::*;

on_both_databases! {
    fn the_status_of_a_held_machine_cannot_be_changed_by_any_statement(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).unwrap();
        for status in EquipmentStatus::ALL.iter().filter(|status| **status != Stopped) {
            refused_by(
                &db,
                STOPPED_FKEY,
                &format!("UPDATE equipment SET status = '{status}' WHERE id = {}", crane.id),
            );
        }
        refused_by(&db, STOPPED_FKEY, "UPDATE equipment SET status = 'active'");
        assert_eq!(status_of(&db, crane.id), Stopped);
        verdict(&db, &context, &yard.team.electrical, pending.id, Operational).unwrap();
        refused_by(&db, STOPPED_FKEY, "UPDATE equipment SET status = 'active'");
        // A machine without a hold may change, so the hold caused the refusals.
        yard.decide(&db, &context, pending.id, Operational).unwrap();
        assert_eq!(slip_in(&db, "UPDATE equipment SET status = 'paused'").unwrap(), 1);
    }

    fn an_urgent_assessment_is_stored_only_with_a_hold(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let [crane, other] = [equipment(&db, &context), equipment(&db, &context)];
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        let set = |what: &str| format!("UPDATE final_assessments SET {what} WHERE id = {}", pending.id);
        for half in ["mechanical", "electrical"] {
            let urgent = format!("{half}_verdict = 'urgent', {half}_reason = 'r', {half}_verdict_at = created_at");
            refused_by(&db, HOLDS_CHECK, &set(&urgent));
            // The machine is in service, so it can't be held either.
            refused_by(&db, STOPPED_FKEY, &set(&format!("{urgent}, equipment_hold = 'stopped'")));
            refused_by(
                &db,
                "final_assessments_hold_check",
                &set(&format!("{urgent}, equipment_hold = 'active'")),
            );
        }
        let decided = |decision: &str, by: &str| {
            format!("status = 'completed', decision = '{decision}', resolved_by = '{by}', resolved_at = created_at")
        };
        let by_admin = format!(", decided_by_id = {}, admin_notes = 'n'", yard.admin.id);
        refused_by(&db, HOLDS_CHECK, &set(&(decided("urgent", "admin") + &by_admin)));
        // A hold without an urgent verdict, and on a machine in service.
        refused_by(&db, HOLDS_CHECK, &set("equipment_hold = 'stopped'"));
        refused_by(&db, "final_assessments_stopped_check", &set("stopped_from = 'active'"));

        verdict(&db, &context, &yard.team.mechanical, pending.id, Urgent).unwrap();
        let held = stored(&db, &yard.admin, pending.id);
        // Releasing the hold.
        refused_by(&db, HOLDS_CHECK, &set("equipment_hold = NULL, stopped_from = NULL"));
        refused_by(&db, "final_assessments_", &set("equipment_hold = NULL"));
        refused_by(&db, HOLDS_CHECK, &set("released_at = created_at"));
        refused_by(&db, "final_assessments_hold_check", &set("equipment_hold = 'active'"));
        refused_by(&db, STOPPED_FKEY, &set(&format!("equipment_id = {}", other.id)));
        refused_by(&db, "final_assessments_reasons_check", &set("mechanical_verdict = NULL, equipment_hold = NULL, stopped_from = NULL"));
        // A different decision.
        for by in ["agreement", "safety_rule"] {
            let let_go = ", equipment_hold = NULL, stopped_from = NULL";
            let second = ", electrical_verdict = 'operational', electrical_verdict_at = created_at";
            refused_by(&db, "final_assessments_", &set(&decided("operational", by)));
            refused_by(&db, SAFETY_CHECK, &set(&(decided("operational", by) + let_go)));
            refused_by(&db, SAFETY_CHECK, &set(&(decided("operational", by) + second + let_go)));
            refused_by(&db, SAFETY_CHECK, &set(&decided("urgent", by)));
        }
        let let_go = ", equipment_hold = NULL, stopped_from = NULL";
        refused_by(&db, "final_assessments_admin_check", &set(&(decided("operational", "admin") + let_go)));
        refused_by(&db, "final_assessments_completed_check", &set("status = 'completed'"));
        refused_by(&db, "final_assessments_completed_check", &set(&format!("decision = 'operational' {let_go}")));
        assert_eq!(stored(&db, &yard.admin, pending.id), held);
        assert_eq!(status_of(&db, crane.id), Stopped);
    }

    fn two_verdicts_that_are_operational_are_not_resolved_as_urgent(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &equipment(&db, &context), TODAY);
        for inspector in yard.team.both() {
            verdict(&db, &context, inspector, pending.id, Operational).unwrap();
        }
        yard.set_status(&db, &context, pending.equipment_id, Stopped);
        for by in ["agreement", "safety_rule"] {
            refused_by(&db, SAFETY_CHECK, &format!(
                "UPDATE final_assessments SET decision = 'urgent', resolved_by = '{by}', equipment_hold = 'stopped'"
            ));
        }
        refused_by(&db, "final_assessments_resolved_by_check", "UPDATE final_assessments SET resolved_by = 'nobody'");
    }

    fn an_assignment_has_one_assessment_and_an_assessment_books_one_point(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &equipment(&db, &context), TODAY);
        refused_by(&db, "final_assessments_assignment_id_key", &format!(
            "INSERT INTO final_assessments (assignment_id, equipment_id, mechanical_inspector_id, \
             electrical_inspector_id, status, created_at, updated_at) \
             SELECT assignment_id, equipment_id, mechanical_inspector_id, electrical_inspector_id, status, \
             created_at, updated_at FROM final_assessments WHERE id = {}",
            pending.id
        ));
        yard.decide(&db, &context, pending.id, Operational).unwrap();
        for inspector in yard.team.both() {
            refused_by(&db, "point_entries_assessment_key", &format!(
                "INSERT INTO point_entries (user_id, role, amount, kind, related_type, related_id, created_at) \
                 SELECT user_id, role, amount, kind, related_type, related_id, created_at FROM point_entries \
                 WHERE user_id = {}",
                inspector.id
            ));
            refused_by(&db, "point_entries_assessment_key", &format!(
                "INSERT INTO point_entries (user_id, role, amount, kind, related_type, related_id, created_at) \
                 SELECT user_id, 'admin', 7, kind, related_type, related_id, created_at FROM point_entries \
                 WHERE user_id = {}",
                inspector.id
            ));
        }
    }

    fn counters_of_a_list_stay_within_bounds(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        yard.pending_assessment(&db, &context, &equipment(&db, &context), TODAY);
        for what in [
            "completed_assets = 2",
            "completed_assets = -1",
            "assigned_assets = 2",
            "assigned_assets = -1",
            "total_assets = 0",
            "assigned_assets = 0, completed_assets = 1",
        ] {
            refused_by(&db, "inspection_lists_counters_check", &format!("UPDATE inspection_lists SET {what}"));
        }
        refused_by(&db, "inspection_lists_status_check", "UPDATE inspection_lists SET status = 'done'");
        refused_by(&db, "inspection_assignments_completed_check", "UPDATE inspection_assignments SET status = 'completed'");
        refused_by(&db, "inspection_assignments_team_check", "UPDATE inspection_assignments SET status = 'unassigned'");
    }

    fn users_see_the_assessments_visible_to_them(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let other = team(&db, &context);
        let [engineer, quality, specialist, stranger] =
            [Role::Engineer, Role::QualityEngineer, Role::Specialist, Role::Inspector]
                .map(|role| user(&db, &context, role));
        let minor = user_with(&db, &context, Role::Specialist, |body| body["minor_role"] = json!("engineer"));
        let cranes = [equipment(&db, &context), equipment(&db, &context), equipment(&db, &context)];
        let [first, second] = [0, 1].map(|n| yard.pending_assessment(&db, &context, &cranes[n], TODAY));
        let third = Yard { admin: yard.admin.clone(), team: other.clone() }.pending_assessment(&db, &context, &cranes[2], TODAY);
        verdict(&db, &context, &yard.team.mechanical, first.id, Operational).unwrap();
        yard.decide(&db, &context, second.id, Operational).unwrap();

        let listed = |actor: &User, body| {
            let filter: AssessmentFilter = filter(body);
            let page = db.read(|conn| assessments::list(conn, actor, &filter, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(&yard.admin, json!({})), [third.id, second.id, first.id], "newest first");
        assert_eq!(listed(&yard.admin, json!({"status": "pending"})), [third.id, first.id]);
        assert_eq!(listed(&yard.admin, json!({"status": "completed"})), [second.id]);
        for inspector in yard.team.both() {
            assert_eq!(listed(inspector, json!({})), [second.id, first.id]);
            assert_eq!(listed(inspector, json!({"status": "pending"})), [first.id]);
        }
        assert_eq!(listed(&other.electrical, json!({})), [third.id]);
        for person in [&engineer, &quality, &specialist, &stranger, &minor] {
            assert_eq!(listed(person, json!({})), [], "{}", person.role);
        }
        let pages = (1..=3).map(|page| {
            let filter: AssessmentFilter = filter(json!({}));
            let page = PageRequest::new(page, 2);
            let page = db.read(|conn| assessments::list(conn, &yard.admin, &filter, page)).unwrap();
            assert_eq!(page.total, 3);
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        });
        assert_eq!(pages.collect::<Vec<_>>(), [vec![third.id, second.id], vec![first.id], vec![]]);

        let waiting = |actor: &User| {
            let page = db.read(|conn| assessments::waiting_for(conn, actor, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        };
        assert_eq!(waiting(&yard.team.mechanical), [], "with a verdict, or decided");
        assert_eq!(waiting(&yard.team.electrical), [first.id]);
        for inspector in other.both() {
            assert_eq!(waiting(inspector), [third.id]);
        }
        assert_eq!(waiting(&yard.admin), [], "admins give no verdict");
        let fourth = yard.pending_assessment(&db, &context, &cranes[0], TOMORROW);
        assert_eq!(waiting(&yard.team.mechanical), [fourth.id]);
        assert_eq!(waiting(&yard.team.electrical), [first.id, fourth.id], "the oldest first");

        for reader in [&yard.admin, &engineer, &quality, &minor, &yard.team.mechanical, &yard.team.electrical] {
            assert_eq!(stored(&db, reader, second.id), stored(&db, &yard.admin, second.id));
        }
        for reader in [&specialist, &stranger, &other.mechanical] {
            assert_eq!(code(db.read(|conn| assessments::get_visible(conn, reader, first.id))), Code::Forbidden);
        }
        let of = |actor: &User, id| db.read(|conn| assessments::get_visible_by_assignment(conn, actor, id));
        for reader in [&yard.admin, &yard.team.mechanical, &yard.team.electrical] {
            assert_eq!(of(reader, first.assignment_id).unwrap().id, first.id);
        }
        for reader in [&engineer, &quality, &specialist, &stranger, &minor, &other.mechanical] {
            assert_eq!(code(of(reader, first.assignment_id)), Code::Forbidden, "{}", reader.role);
        }
        assert_eq!(code(of(&yard.admin, AssignmentId::new(9_999).unwrap())), Code::NotFound);
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(db.read(|conn| assessments::get_visible(conn, &yard.admin, nothing))), Code::NotFound);
        let required = notifications_to(&db, yard.team.mechanical.id);
        let pending = required.iter().filter(|notified| notified.kind == NotificationType::AssessmentRequired).count();
        assert_eq!(pending, 3);
    }
}
