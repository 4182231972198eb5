//! Fixtures for the tests of this crate.

use crate::{
    assignments::{Assignment, AssignmentStatus},
    checklists::{AnswerType, Item, Template},
    equipment::{Equipment, EquipmentStatus},
    input::{RawValue, Scalar},
    leaves::{Leave, LeaveScope, LeaveStatus, LeaveType},
    text::Language,
    time::{Date, Instant},
    users::{Category, Role, Shift, User},
};

pub(crate) fn now() -> Instant {
    Instant::parse("2026-03-01T07:00:00Z").expect("an instant")
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
        created_at: now(),
        updated_at: now(),
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
    }
}
