//! The grid of states and commands, and the properties of due dates (rule book §6).

use super::*;
use crate::input::Input;
use crate::testing::{id, item, now, user};
use proptest::prelude::*;
use serde_json::json;

fn today() -> Date {
    Date::new(2026, 3, 1).expect("date")
}

fn defect(status: DefectStatus) -> Defect {
    let inspection = Inspection::ad_hoc(id(1), id(1), id(1), now());
    Defect { status, ..Defect::from_failed(&item(1), &inspection, None, today(), now()) }
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
    open        rework  -> INVALID_STATE
    in_progress update  -> in_progress
    in_progress assign  -> INVALID_STATE
    in_progress resolve -> resolved
    in_progress close   -> INVALID_STATE
    in_progress reopen  -> INVALID_STATE
    in_progress reject  -> false_alarm
    in_progress rework  -> INVALID_STATE
    resolved    update  -> INVALID_STATE
    resolved    assign  -> INVALID_STATE
    resolved    resolve -> INVALID_STATE
    resolved    close   -> closed
    resolved    reopen  -> open
    resolved    reject  -> INVALID_STATE
    resolved    rework  -> open
    closed      update  -> INVALID_STATE
    closed      assign  -> INVALID_STATE
    closed      resolve -> INVALID_STATE
    closed      close   -> INVALID_STATE
    closed      reopen  -> INVALID_STATE
    closed      reject  -> INVALID_STATE
    closed      rework  -> open
    false_alarm update  -> INVALID_STATE
    false_alarm assign  -> INVALID_STATE
    false_alarm resolve -> INVALID_STATE
    false_alarm close   -> INVALID_STATE
    false_alarm reopen  -> INVALID_STATE
    false_alarm reject  -> INVALID_STATE
    false_alarm rework  -> INVALID_STATE
    ");
}

#[test]
fn a_failed_answer_raises_a_defect_with_the_severity_of_its_question() {
    let inspection = Inspection::ad_hoc(id(4), id(1), id(9), now());
    let question = Item { question_text_ar: Some("هل يعمل؟".into()), ..item(1) };
    let plain = Defect::from_failed(&question, &inspection, Some(Category::Electrical), today(), now());
    assert_eq!((plain.severity, plain.priority, plain.sla_days), (Severity::Medium, Priority::Medium, 7));
    assert_eq!(plain.due_date.to_string(), "2026-03-08");
    assert_eq!((plain.equipment_id, plain.assigned_to_id), (id(4), Some(id(9))));
    assert_eq!(plain.description, format!("Failed: {}", question.question_text));
    assert_eq!(plain.description_ar.as_deref(), Some("فشل: هل يعمل؟"));
    assert_eq!(plain.category, Some(Category::Electrical));
    let critical = Item { critical_failure: true, category: Some(Category::Mechanical), ..question };
    let bad = Defect::from_failed(&critical, &inspection, Some(Category::Electrical), today(), now());
    assert_eq!((bad.severity, bad.priority, bad.sla_days), (Severity::Critical, Priority::Urgent, 1));
    assert_eq!(bad.category, Some(Category::Mechanical));
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
        let assignee = User { id: id(1), ..user(role) };
        let other = User { id: id(2), ..user(role) };
        assert!(mine.may_be_resolved_by(&assignee, None).is_ok());
        assert!(mine.may_be_resolved_by(&other, Some(id(2))).is_ok());
        let may = matches!(role, Role::Admin | Role::Engineer);
        assert_eq!(mine.may_be_resolved_by(&other, None).is_ok(), may, "{role}");
    }
}

#[test]
fn reopening_undoes_the_resolution() {
    let open = defect(DefectStatus::Open);
    let notes = Resolution::from_json(json!({"resolution_notes": "new seal"})).expect("input");
    let resolved = open.resolve(notes, id(2), now()).expect("fine");
    assert_eq!((resolved.resolved_by_id, resolved.resolved_at), (Some(id(2)), Some(now())));
    assert_eq!(resolved.reopen(now()), Ok(open));
}

proptest! {
    #[test]
    fn overdue_means_due_before_today_and_not_resolved(days in -30..30_i32, status in 0..5_usize) {
        let status = DefectStatus::ALL[status];
        let subject = Defect { due_date: today().plus_days(days), ..defect(status) };
        let open = matches!(status, DefectStatus::Open | DefectStatus::InProgress);
        prop_assert_eq!(subject.is_overdue(today()), open && days < 0);
    }
}
