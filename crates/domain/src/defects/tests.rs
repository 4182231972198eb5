//! The grid of states and commands, what they change, and due dates (rule book §6).

use super::*;
use crate::input::Input;
use crate::testing::{changes, fields, id, item, later, now, user};
use serde_json::json;

fn today() -> Date {
    Date::new(2026, 3, 1).expect("date")
}

fn defect(status: DefectStatus) -> Defect {
    Defect { status, ..crate::testing::defect() }
}

#[test]
fn the_grid_of_states_and_commands() {
    let mut grid = String::new();
    for &status in DefectStatus::ALL {
        for &command in DefectCommand::ALL {
            let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
            grid += &format!("{status:<11} {command:<7} -> {outcome}\n");
        }
    }
    println!("{grid}");
    insta::assert_snapshot!(grid, @r"
    open        update  -> open
    open        assign  -> in_progress
    open        resolve -> resolved
    open        close   -> INVALID_STATE
    open        reopen  -> INVALID_STATE
    open        reject  -> false_alarm
    open        dismiss -> false_alarm
    open        rework  -> INVALID_STATE
    open        unassign -> INVALID_STATE
    in_progress update  -> in_progress
    in_progress assign  -> INVALID_STATE
    in_progress resolve -> resolved
    in_progress close   -> INVALID_STATE
    in_progress reopen  -> INVALID_STATE
    in_progress reject  -> false_alarm
    in_progress dismiss -> false_alarm
    in_progress rework  -> INVALID_STATE
    in_progress unassign -> open
    resolved    update  -> INVALID_STATE
    resolved    assign  -> INVALID_STATE
    resolved    resolve -> INVALID_STATE
    resolved    close   -> closed
    resolved    reopen  -> open
    resolved    reject  -> INVALID_STATE
    resolved    dismiss -> INVALID_STATE
    resolved    rework  -> open
    resolved    unassign -> INVALID_STATE
    closed      update  -> INVALID_STATE
    closed      assign  -> INVALID_STATE
    closed      resolve -> INVALID_STATE
    closed      close   -> INVALID_STATE
    closed      reopen  -> INVALID_STATE
    closed      reject  -> INVALID_STATE
    closed      dismiss -> INVALID_STATE
    closed      rework  -> open
    closed      unassign -> INVALID_STATE
    false_alarm update  -> INVALID_STATE
    false_alarm assign  -> INVALID_STATE
    false_alarm resolve -> INVALID_STATE
    false_alarm close   -> INVALID_STATE
    false_alarm reopen  -> INVALID_STATE
    false_alarm reject  -> INVALID_STATE
    false_alarm dismiss -> INVALID_STATE
    false_alarm rework  -> INVALID_STATE
    false_alarm unassign -> INVALID_STATE
    ");
}

#[test]
fn a_failed_answer_raises_a_defect_with_the_severity_of_its_question() {
    let inspection = Inspection { id: id(3), ..Inspection::ad_hoc(id(4), id(8), id(9), now()) };
    let raise = |item: &Item| Defect::from_failed(item, &inspection, None, None, today(), later());
    let question = Item { question_text_ar: Some("هل يعمل؟".into()), ..item(5) };
    let plain = raise(&question);
    let critical = raise(&Item { critical_failure: true, question_text_ar: None, ..question });
    insta::assert_snapshot!(fields(&plain).join("\n"), @r#"
    id: DefectId(0)
    inspection_id: Some(InspectionId(3))
    checklist_item_id: Some(ItemId(5))
    equipment_id: EquipmentId(4)
    category: None
    severity: Medium
    priority: Medium
    description: "Failed: Question 5?"
    description_ar: Some("فشل: هل يعمل؟")
    status: Open
    assessment_status: Pending
    assigned_to_id: Some(UserId(9))
    due_date: Date(2026-03-08)
    sla_days: 7
    resolved_at: None
    resolved_by_id: None
    resolution_notes: None
    work_order_id: None
    created_at: Instant(2026-03-01T08:00:00Z)
    updated_at: Instant(2026-03-01T08:00:00Z)
    reported_by_id: UserId(9)
    lineage: Some(ItemId(5))
    recurrence_of_id: None
    occurrence_count: 1
    "#);
    insta::assert_snapshot!(changes(&[("of a critical question, not in Arabic", &plain, &critical)]), @r"
    of a critical question, not in Arabic
      severity: Critical
      priority: Urgent
      description_ar: None
      due_date: Date(2026-03-02)
      sla_days: 1
    ");
}

#[test]
fn a_reported_defect_has_the_urgency_and_the_due_date_of_its_severity_and_no_inspection() {
    let report = |severity: &str| {
        let body = json!({"equipment_id": 4, "description": "It smells of burning.", "severity": severity});
        Defect::reported(NewDefect::from_json(body).expect("input"), id(9), today(), later())
    };
    insta::assert_snapshot!(fields(&report("low")).join("\n"), @r#"
    id: DefectId(0)
    inspection_id: None
    checklist_item_id: None
    equipment_id: EquipmentId(4)
    category: None
    severity: Low
    priority: Low
    description: "It smells of burning."
    description_ar: None
    status: Open
    assessment_status: Pending
    assigned_to_id: None
    due_date: Date(2026-03-15)
    sla_days: 14
    resolved_at: None
    resolved_by_id: None
    resolution_notes: None
    work_order_id: None
    created_at: Instant(2026-03-01T08:00:00Z)
    updated_at: Instant(2026-03-01T08:00:00Z)
    reported_by_id: UserId(9)
    lineage: None
    recurrence_of_id: None
    occurrence_count: 1
    "#);
    let urgency = |severity| {
        let defect = report(severity);
        (defect.priority, defect.sla_days, defect.due_date.to_string())
    };
    assert_eq!(urgency("medium"), (Priority::Medium, 7, "2026-03-08".into()));
    assert_eq!(urgency("high"), (Priority::High, 3, "2026-03-04".into()));
    assert_eq!(urgency("critical"), (Priority::Urgent, 1, "2026-03-02".into()));
}

#[test]
fn the_trade_is_the_questions_else_the_inspections_else_the_inspectors() {
    let (mechanical, electrical) = (Some(Category::Mechanical), Some(Category::Electrical));
    for (of_question, of_inspection, of_inspector, expected) in [
        (mechanical, electrical, electrical, mechanical),
        (None, mechanical, electrical, mechanical),
        (None, None, mechanical, mechanical),
        (None, None, None, None),
    ] {
        let question = Item { category: of_question, ..item(1) };
        let inspection =
            Inspection { category: of_inspection, ..Inspection::ad_hoc(id(1), id(1), id(1), now()) };
        let defect = Defect::from_failed(&question, &inspection, of_inspector, None, today(), now());
        assert_eq!(defect.category, expected);
    }
}

#[test]
fn every_transition_changes_these_fields() {
    let open = Defect { description_ar: Some("فشل".into()), ..defect(DefectStatus::Open) };
    let change = |before: &Defect, body| {
        let changes = DefectChanges::from_json(body).expect("input");
        before.changed(changes, today().plus_days(2), later()).expect("changed")
    };
    let other = change(
        &open,
        json!({
            "severity": "high", "priority": "urgent", "description": "Leak", "description_ar": "تسرب",
            "category": "electrical", "assigned_to_id": 6, "work_order_id": "W-1",
        }),
    );
    let nulls = ["description_ar", "category", "assigned_to_id", "work_order_id"];
    let cleared = change(&other, nulls.into_iter().map(|field| (field, json!(null))).collect());
    let notes = Resolution::from_json(json!({"resolution_notes": "new seal"})).expect("input");
    let resolved = open.resolve(notes, id(9), later()).expect("resolved");
    let much_later = later().next();
    let closed = resolved.close(much_later).expect("closed");
    insta::assert_snapshot!(changes(&[
        ("change everything", &open, &other),
        ("clear everything", &other, &cleared),
        ("return the Arabic text", &open, &change(&open, json!({"description": "فشل"}))),
        ("change the due date", &open, &change(&open, json!({"due_date": "2026-05-01"}))),
        ("repeat the severity", &open, &change(&open, json!({"severity": "medium"}))),
        ("assign", &open, &open.assign(later()).expect("assigned")),
        ("resolve", &open, &resolved),
        ("dismiss", &open, &open.dismiss(later()).expect("dismissed")),
        ("close", &resolved, &closed),
        ("reopen", &resolved, &resolved.reopen(None, much_later).expect("reopened")),
        ("rework", &closed, &closed.rework(None, later()).expect("reopened")),
    ]), @r#"
    change everything
      category: Some(Electrical)
      severity: High
      priority: Urgent
      description: "Leak"
      description_ar: Some("تسرب")
      assigned_to_id: Some(UserId(6))
      due_date: Date(2026-03-06)
      sla_days: 3
      work_order_id: Some("W-1")
      updated_at: Instant(2026-03-01T08:00:00Z)
    clear everything
      category: None
      description_ar: None
      assigned_to_id: None
      work_order_id: None
    return the Arabic text
      updated_at: Instant(2026-03-01T08:00:00Z)
    change the due date
      due_date: Date(2026-05-01)
      updated_at: Instant(2026-03-01T08:00:00Z)
    repeat the severity
      updated_at: Instant(2026-03-01T08:00:00Z)
    assign
      status: InProgress
      updated_at: Instant(2026-03-01T08:00:00Z)
    resolve
      status: Resolved
      resolved_at: Some(Instant(2026-03-01T08:00:00Z))
      resolved_by_id: Some(UserId(9))
      resolution_notes: Some("new seal")
      updated_at: Instant(2026-03-01T08:00:00Z)
    dismiss
      status: FalseAlarm
      updated_at: Instant(2026-03-01T08:00:00Z)
    close
      status: Closed
      updated_at: Instant(2026-03-01T08:00:00.001Z)
    reopen
      status: Open
      resolved_at: None
      resolved_by_id: None
      resolution_notes: None
      updated_at: Instant(2026-03-01T08:00:00.001Z)
    rework
      status: Open
      resolved_at: None
      resolved_by_id: None
      resolution_notes: None
      updated_at: Instant(2026-03-01T08:00:00Z)
    "#);
}

#[test]
fn every_transition_is_refused_in_the_other_statuses() {
    type Transition = fn(&Defect) -> Result<Defect, DefectRule>;
    let transitions: [(DefectCommand, Transition); 7] = [
        (DefectCommand::Update, |it| {
            it.changed(DefectChanges::from_json(json!({})).expect("input"), today(), later())
        }),
        (DefectCommand::Assign, |it| it.assign(later())),
        (DefectCommand::Resolve, |it| {
            let notes = Resolution::from_json(json!({"resolution_notes": "x"})).expect("input");
            it.resolve(notes, id(9), later())
        }),
        (DefectCommand::Dismiss, |it| it.dismiss(later())),
        (DefectCommand::Close, |it| it.close(later())),
        (DefectCommand::Reopen, |it| it.reopen(None, later())),
        (DefectCommand::Rework, |it| it.rework(None, later())),
    ];
    for (command, transition) in transitions {
        for &status in DefectStatus::ALL {
            let after = transition(&defect(status)).map(|after| after.status);
            assert_eq!(after, status.after(command), "{command} {status}");
        }
    }
}

#[test]
fn a_rejection_names_the_command_and_the_status() {
    for (status, article) in [(DefectStatus::Open, "an open"), (DefectStatus::Closed, "a closed")] {
        let rule = DefectRule::WrongStatus { command: DefectCommand::Reject, status };
        assert_eq!((rule.code(), rule.fields()), (Code::InvalidState, Vec::new()));
        let message = rule.to_string();
        assert!(message.contains("reject") && message.contains(article), "{message}");
    }
    let wrong = may_be_assigned_to(None).expect_err("no user");
    assert_eq!(wrong.fields()[0].field, "assigned_to_id");
}

#[test]
fn the_description_is_in_the_readers_language() {
    let both = Defect { description_ar: Some("فشل".into()), ..defect(DefectStatus::Open) };
    assert_eq!(both.clone().in_language(Language::Ar).description, "فشل");
    assert_eq!(both.clone().in_language(Language::En), both);
}

#[test]
fn a_new_severity_moves_the_due_date_unless_one_is_given() {
    let change = |json| {
        defect(DefectStatus::Open).changed(DefectChanges::from_json(json).expect("input"), today(), now())
    };
    let days = |severity: &str| change(json!({"severity": severity})).expect("fine").due_date.to_string();
    assert_eq!(
        ["low", "medium", "high", "critical"].map(days),
        ["2026-03-15", "2026-03-08", "2026-03-04", "2026-03-02"]
    );
    let given = change(json!({"severity": "critical", "due_date": "2026-04-01"})).expect("fine");
    assert_eq!((given.due_date.to_string().as_str(), given.sla_days), ("2026-04-01", 1));
}

#[test]
fn only_an_active_user_is_responsible_for_a_defect() {
    let person = user(Role::Specialist);
    assert!(may_be_assigned_to(Some(&person)).is_ok());
    assert!(may_be_assigned_to(Some(&User { is_active: false, ..person })).is_err());
    assert!(may_be_assigned_to(None).is_err());
}

#[test]
fn the_grid_of_users_that_may_resolve() {
    let mine = defect(DefectStatus::Open);
    for &role in Role::ALL {
        let assignee = User { id: id(34), ..user(role) };
        let other = User { id: id(2), ..user(role) };
        assert!(mine.may_be_resolved_by(&assignee, None).is_ok());
        assert!(mine.may_be_resolved_by(&other, Some(id(2))).is_ok());
        let may = matches!(role, Role::Admin | Role::Engineer);
        assert_eq!(mine.may_be_resolved_by(&other, None).is_ok(), may, "{role}");
    }
}

#[test]
fn overdue_means_due_before_today_and_unresolved() {
    for &status in DefectStatus::ALL {
        for days in [-1, 0, 1] {
            let subject = Defect { due_date: today().plus_days(days), ..defect(status) };
            let is_unresolved = matches!(status, DefectStatus::Open | DefectStatus::InProgress);
            assert_eq!(subject.is_overdue(today()), is_unresolved && days < 0, "{status} {days}");
        }
    }
}

#[test]
fn the_outline_of_a_defect_has_no_description_and_no_notes() {
    let full = Defect {
        description_ar: Some("تسرب".into()),
        resolution_notes: Some("Sealed.".into()),
        ..crate::testing::defect()
    };
    let outline =
        Defect { description: String::new(), description_ar: None, resolution_notes: None, ..full.clone() };
    assert_ne!(outline, full);
    assert_eq!(full.outline(), outline);
}

#[test]
fn severity_and_priority_only_rise_and_a_closer_due_date_wins_when_a_defect_is_found_again() {
    for &severity in Severity::ALL {
        for &priority in Priority::ALL {
            for (is_critical, days) in [(false, -3), (false, 20), (true, -3), (true, 20)] {
                let due_date = today().plus_days(days);
                let before = Defect { severity, priority, due_date, ..defect(DefectStatus::Open) };
                let question = Item { critical_failure: is_critical, ..item(42) };
                let after = before.found_again(&question, today(), later());
                let found = Severity::of_failed(&question);
                assert_eq!(after.severity.rank(), severity.rank().max(found.rank()));
                assert_eq!(after.priority.rank(), priority.rank().max(Priority::of(found).rank()));
                assert_eq!(after.due_date, due_date.min(today().plus_days(found.sla_days())));
                assert_eq!((after.occurrence_count, after.status), (2, DefectStatus::Open));
                let same = Defect {
                    severity,
                    priority,
                    due_date,
                    sla_days: before.sla_days,
                    occurrence_count: 1,
                    updated_at: before.updated_at,
                    ..after
                };
                assert_eq!(same, before, "nothing else changes");
            }
        }
    }
}

#[test]
fn a_resolved_defect_stays_so_while_a_later_one_of_its_question_is_unresolved() {
    let later_one = defect(DefectStatus::Open);
    let resolved = defect(DefectStatus::Resolved);
    assert_eq!(resolved.reopen(Some(&later_one), later()), Err(DefectRule::FailedAgain));
    assert_eq!(resolved.rework(Some(&later_one), later()), Err(DefectRule::FailedAgain));
    assert!(resolved.reopen(None, later()).is_ok());
    assert_eq!(DefectRule::FailedAgain.code(), Code::RuleViolation);
    let open = defect(DefectStatus::Open).reopen(Some(&later_one), later()).expect_err("open");
    assert_eq!(open.code(), Code::InvalidState, "the status is judged first");
}
