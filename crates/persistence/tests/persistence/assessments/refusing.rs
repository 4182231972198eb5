//! Records of verdicts, and refusals.

use super::*;

on_both_databases! {
    fn the_audit_trail_records_every_step(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let crane = equipment(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        let [mechanical, electrical] = yard.team.both();
        let lines_of = |entity: &str, id: i64| done_to(&db, &context, entity, id);
        let begun = lines_of("assignment", pending.assignment_id.get()).len();
        verdict(&db, &context, mechanical, pending.id, Urgent).unwrap();
        let line = last_line(&db, &context, "assessment", pending.id.get());
        assert_eq!(line.changes.0["mech_verdict"], json!({"old": null, "new": "urgent"}));
        assert_eq!(line.changes.0["equipment_hold"], json!({"old": null, "new": "stopped"}));
        assert_eq!(lines_of("assignment", pending.assignment_id.get()).len(), begun, "it isn't done yet");
        verdict(&db, &context, electrical, pending.id, Operational).unwrap();
        let line = last_line(&db, &context, "assessment", pending.id.get());
        assert_eq!(line.changes.0["final_status"], json!({"old": null, "new": "urgent"}));
        assert_eq!(line.changes.0["resolved_by"], json!({"old": null, "new": "safety_rule"}));
        yard.decide(&db, &context, pending.id, Operational).unwrap();
        let line = last_line(&db, &context, "assessment", pending.id.get());
        assert_eq!(line.changes.0["final_status"], json!({"old": "urgent", "new": "operational"}));
        assert_eq!(line.changes.0["admin_decision_notes"], json!({"old": null, "new": notes(Operational)}));
        let (one, other, admin) = (Some(mechanical.id), Some(electrical.id), Some(yard.admin.id));
        assert_eq!(
            lines_of("assessment", pending.id.get()),
            [
                (AuditAction::Create, other),
                (AuditAction::Verdict, one),
                (AuditAction::Verdict, other),
                (AuditAction::Decide, admin),
            ]
        );
        assert_eq!(
            lines_of("equipment", crane.id.get())[1..],
            [(AuditAction::Stop, one), (AuditAction::Release, admin)]
        );
        assert_eq!(
            lines_of("assignment", pending.assignment_id.get())[begun..],
            [(AuditAction::Complete, other)]
        );
        for inspector in yard.team.both() {
            let awards = trail(&db, &context, json!({
                "entity_type": "user", "entity_id": inspector.id, "action": "award",
            }));
            let [award] = &awards[..] else { panic!("one award: {awards:?}") };
            assert_eq!(award.changes.0["reason"], json!({"old": null, "new": "assessment"}));
            assert_eq!(award.changes.0["inspector_points"], json!({"old": 0, "new": 1}));
        }
    }

    fn a_verdict_that_is_refused_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let others = Role::ALL.iter().map(|role| user(&db, &context, *role)).collect::<Vec<_>>();
        let crane = equipment(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &crane, TODAY);
        let [mechanical, electrical] = yard.team.both();
        let unchanged = |outcome: Result<Assessment>| {
            let now = stored(&db, &yard.admin, pending.id);
            (refusal(outcome), now, status_of(&db, crane.id), rows(&db))
        };
        let nothing_of = |code: Code, fields: &[&str], now: &Assessment, status, rows: &_| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
            ((code, fields), now.clone(), status, std::collections::BTreeMap::clone(rows))
        };
        let before = rows(&db);
        for stranger in others.iter().chain([&yard.admin]) {
            for given in [Operational, Urgent] {
                let outcome = verdict(&db, &context, stranger, pending.id, given);
                assert_eq!(
                    unchanged(outcome),
                    nothing_of(Code::Forbidden, &[], &pending, Active, &before),
                    "{}",
                    stranger.role
                );
            }
        }
        let anonymous = db.write(&context, Origin::default(), |tx| {
            assessments::give_verdict(tx, pending.id, input(json!({"verdict": "operational"})))
        });
        assert_eq!(unchanged(anonymous), nothing_of(Code::Forbidden, &[], &pending, Active, &before));
        let anonymous = db.write(&context, Origin::default(), |tx| {
            assessments::decide(tx, pending.id, input(json!({"decision": "urgent", "notes": "!"})))
        });
        assert_eq!(unchanged(anonymous), nothing_of(Code::Forbidden, &[], &pending, Active, &before));

        let short = |body: serde_json::Value| {
            let given: NewVerdict = input(body);
            act(&db, &context, mechanical, |tx| assessments::give_verdict(tx, pending.id, given))
        };
        let field = nothing_of(Code::ValidationError, &["urgent_reason"], &pending, Active, &before);
        assert_eq!(unchanged(short(json!({"verdict": "urgent"}))), field);
        assert_eq!(unchanged(short(json!({"verdict": "urgent", "urgent_reason": "It leaks."}))), field);
        let almost = "é".repeat(49);
        assert_eq!(unchanged(short(json!({"verdict": "urgent", "urgent_reason": almost}))), field);

        let judged = verdict(&db, &context, mechanical, pending.id, Urgent).unwrap();
        let before = rows(&db);
        for given in [Operational, Urgent] {
            let again = verdict(&db, &context, mechanical, pending.id, given);
            assert_eq!(unchanged(again), nothing_of(Code::InvalidState, &[], &judged, Stopped, &before));
        }
        let judged = verdict(&db, &context, electrical, pending.id, Operational).unwrap();
        let before = rows(&db);
        for inspector in yard.team.both() {
            let again = verdict(&db, &context, inspector, pending.id, Operational);
            assert_eq!(unchanged(again), nothing_of(Code::InvalidState, &[], &judged, Stopped, &before));
        }
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(verdict(&db, &context, mechanical, nothing, Operational)), Code::NotFound);
        assert_eq!(rows(&db), before);
    }

    fn a_reason_of_fifty_characters_suffices_and_an_operational_verdict_discards_it(db: TestDatabase) {
        let (context, _) = context();
        let yard = yard(&db, &context);
        let pending = yard.pending_assessment(&db, &context, &equipment(&db, &context), TODAY);
        let enough = "خ".repeat(50);
        let given: NewVerdict = input(json!({"verdict": "urgent", "urgent_reason": enough}));
        let judged =
            act(&db, &context, &yard.team.mechanical, |tx| assessments::give_verdict(tx, pending.id, given)).unwrap();
        assert_eq!(judged.mechanical_reason, Some(enough));
        let judged = verdict(&db, &context, &yard.team.electrical, pending.id, Operational).unwrap();
        assert_eq!(judged.electrical_reason, None);
    }
}
