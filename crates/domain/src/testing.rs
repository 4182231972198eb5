//! Fixtures for the tests of this crate.

mod entities;

use std::fmt;

use crate::{
    assignments::{Assignment, AssignmentStatus},
    checklists::{AnswerType, Item, Template},
    defects::Defect,
    equipment::{Equipment, EquipmentStatus},
    input::{RawValue, Scalar},
    inspections::Inspection,
    jobs::{Job, JobCategory, JobKind, JobStatus},
    leaves::{Leave, LeaveScope, LeaveStatus, LeaveType},
    text::Language,
    time::{Date, Instant},
    users::{Category, Role, Shift, User},
};

pub(crate) fn now() -> Instant {
    Instant::parse("2026-03-01T07:00:00Z").expect("an instant")
}

/// An hour after [`now`].
pub(crate) fn later() -> Instant {
    now().plus_seconds(3600)
}

pub(crate) fn id<T: Scalar>(number: i64) -> T {
    T::read(RawValue::Json(number.into())).expect("a positive number")
}

pub(crate) fn user(role: Role) -> User {
    User {
        id: id(1),
        email: "someone@example.com".into(),
        full_name: "Someone".into(),
        phone: None,
        language: Language::En,
        role,
        role_id: format!("{}001", role.badge_prefix()),
        minor_role: None,
        minor_role_id: None,
        specialization: Some(Category::Mechanical),
        shift: None,
        total_points: 0,
        inspector_points: 0,
        specialist_points: 0,
        engineer_points: 0,
        qe_points: 0,
        is_on_leave: false,
        leave_coverage_for: None,
        is_active: true,
        must_change_password: false,
        created_at: now(),
        updated_at: now(),
    }
}

pub(crate) fn equipment() -> Equipment {
    Equipment {
        id: id(1),
        name: "Crane 1".into(),
        name_ar: None,
        equipment_type: "crane".into(),
        equipment_type_ar: None,
        serial_number: "C-1".into(),
        location: Some("Quay".into()),
        location_ar: None,
        berth: None,
        home_berth: None,
        status: EquipmentStatus::Active,
        assigned_technician_id: None,
        manufacturer: None,
        model_number: None,
        installation_date: None,
        created_at: now(),
        updated_at: now(),
    }
}

pub(crate) fn template() -> Template {
    Template {
        id: id(1),
        name: "Crane check".into(),
        name_ar: None,
        equipment_type: "crane".into(),
        version: "1.0".into(),
        is_active: true,
        created_by_id: None,
        created_at: now(),
        updated_at: now(),
    }
}

pub(crate) fn item(number: i32) -> Item {
    Item {
        id: id(number.into()),
        template_id: id(1),
        question_text: format!("Question {number}?"),
        question_text_ar: None,
        answer_type: AnswerType::PassFail,
        category: None,
        is_required: true,
        order_index: number,
        critical_failure: false,
        pass_fail_rule: None,
        unit: None,
        warning: None,
        choices: None,
        fails_on: None,
        allow_na: false,
        requires_comment_on_fail: false,
        show_if: None,
        created_at: now(),
        updated_at: now(),
        removed_at: None,
        lineage_id: None,
    }
}

pub(crate) fn assignment() -> Assignment {
    Assignment {
        id: id(1),
        list_id: id(1),
        equipment_id: id(1),
        template_id: id(1),
        target_date: Date::new(2026, 3, 2).expect("a date"),
        shift: Shift::Day,
        berth: None,
        status: AssignmentStatus::Unassigned,
        mechanical_inspector_id: None,
        electrical_inspector_id: None,
        assigned_by_id: None,
        assigned_at: None,
        deadline: None,
        completed_at: None,
        created_at: now(),
        updated_at: now(),
        is_takeover: false,
        mech_points_awarded: 0,
        elec_points_awarded: 0,
    }
}

pub(crate) fn leave(date_from: Date, date_to: Date) -> Leave {
    Leave {
        id: id(1),
        user_id: id(1),
        leave_type: LeaveType::Annual,
        other_reason: None,
        date_from,
        date_to,
        reason: None,
        scope: LeaveScope::Full,
        status: LeaveStatus::Approved,
        ended_at: None,
        created_at: now(),
        updated_at: now(),
        requested_by_id: None,
        decided_by_id: None,
        decided_at: None,
        rejection_reason: None,
        ended_by_id: None,
        coverage_user_id: None,
        coverage_badge: None,
        half_day: None,
    }
}

pub(crate) fn inspection() -> Inspection {
    Inspection { id: id(31), ..Inspection::ad_hoc(id(32), id(33), id(34), now()) }
}

pub(crate) fn defect() -> Defect {
    let today = Date::new(2026, 3, 1).expect("a date");
    Defect { id: id(41), ..Defect::from_failed(&item(42), &inspection(), None, None, today, now()) }
}

pub(crate) fn job() -> Job {
    Job {
        id: id(7),
        kind: JobKind::Engineer,
        universal_id: 3,
        job_id: "ENG002-012".into(),
        owner_id: id(4),
        created_by_id: Some(id(5)),
        category: JobCategory::Minor,
        major_reason: None,
        status: JobStatus::Assigned,
        defect_id: None,
        equipment_id: None,
        inspection_id: None,
        job_type: None,
        title: None,
        description: None,
        planned_time_days: None,
        planned_time_hours: None,
        started_at: None,
        paused_at: None,
        paused_seconds: 0,
        completed_at: None,
        actual_time_hours: None,
        time_rating: None,
        work_notes: None,
        completion_status: None,
        incomplete_reason: None,
        admin_bonus: None,
        qe_id: None,
        qc_rating: None,
        created_at: now(),
        updated_at: now(),
        received_at: None,
    }
}

/// The fields of `after` that differ from those of `before`, with their new values, one per line.
pub(crate) fn changed_fields<T: fmt::Debug>(before: &T, after: &T) -> String {
    let before = fields(before);
    let changed: Vec<_> = fields(after).into_iter().filter(|field| !before.contains(field)).collect();
    changed.join("\n")
}

/// The changed fields of each transition below its name.
pub(crate) fn changes<T: fmt::Debug>(transitions: &[(&str, &T, &T)]) -> String {
    let changed = |(name, before, after): &(&str, &T, &T)| {
        format!("{name}\n  {}\n", changed_fields(*before, *after).replace('\n', "\n  "))
    };
    transitions.iter().map(changed).collect()
}

/// The fields of a struct as `name: value`, each on a single line.
pub(crate) fn fields(value: &impl fmt::Debug) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let closes = |text: &str| text.starts_with([')', ']', '}']);
    for line in format!("{value:#?}").lines().filter_map(|line| line.strip_prefix("    ")) {
        let text = line.trim_start();
        match fields.last_mut() {
            Some(field) if line.starts_with(' ') || closes(text) => {
                match field.strip_suffix(',').map(str::len) {
                    Some(length) if closes(text) => field.truncate(length),
                    Some(_) => field.push(' '),
                    None => {}
                }
                field.push_str(text);
            }
            _ => fields.push(text.to_owned()),
        }
    }
    fields.into_iter().map(|field| field.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn changed_fields_are_listed_with_their_new_values() {
    let before = assignment();
    assert_eq!(changed_fields(&before, &before), "");
    let after = Assignment {
        id: id(2),
        status: AssignmentStatus::Assigned,
        deadline: Some(now()),
        berth: Some("B1, north".into()),
        ..assignment()
    };
    let changed = [
        "id: AssignmentId(2)",
        "berth: Some(\"B1, north\")",
        "status: Assigned",
        "deadline: Some(Instant(2026-03-01T07:00:00Z))",
    ];
    assert_eq!(changed_fields(&before, &after), changed.join("\n"));
    assert_eq!(changed_fields(&after, &Assignment { deadline: None, ..after.clone() }), "deadline: None");
}
