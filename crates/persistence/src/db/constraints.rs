//! Meaning of a violated constraint: `DUPLICATE` of a field, a concurrent update, or a rule.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};
use inspection_domain::{
    leaves::LeaveRule,
    rule::{Code, FieldError, Rule},
};

/// A unique value is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UniqueViolation {
    field: &'static str,
    message: &'static str,
}

impl Rule for UniqueViolation {
    fn code(&self) -> Code {
        Code::Duplicate
    }

    fn fields(&self) -> Vec<FieldError> {
        vec![FieldError { field: self.field.into(), message: self.message.into() }]
    }
}

/// Another transaction changed the same row at the same time. A retry may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another request changed this at the same time; try again")]
pub struct ConcurrentUpdate;

impl Rule for ConcurrentUpdate {
    fn code(&self) -> Code {
        Code::Conflict
    }

    fn retry_after(&self) -> Option<u32> {
        Some(1)
    }
}

/// A unique constraint and its meaning.
struct Unique {
    /// Name, which PostgreSQL reports.
    name: &'static str,
    /// Columns, which SQLite reports instead.
    columns: &'static str,
    /// Field and message of a `DUPLICATE`; absent if only concurrent transactions can violate the
    /// constraint.
    duplicate: Option<UniqueViolation>,
}

const fn duplicate(
    name: &'static str,
    columns: &'static str,
    field: &'static str,
    message: &'static str,
) -> Unique {
    Unique { name, columns, duplicate: Some(UniqueViolation { field, message }) }
}

const fn concurrent(name: &'static str, columns: &'static str) -> Unique {
    Unique { name, columns, duplicate: None }
}

/// Every unique constraint of the schema.
const UNIQUE: &[Unique] = &[
    duplicate("users_email_key", "users.email", "email", "this e-mail address is in use"),
    duplicate("users_email_key_key", "users.email_key", "email", "this e-mail address is in use"),
    duplicate("badges_pkey", "badges.badge", "role_id", "this badge is in use"),
    duplicate("users_role_id_key", "users.role_id", "role_id", "this badge is in use"),
    duplicate("users_minor_role_id_key", "users.minor_role_id", "minor_role_id", "this badge is in use"),
    duplicate(
        "equipment_serial_number_key",
        "equipment.serial_number",
        "serial_number",
        "this serial number is in use",
    ),
    duplicate(
        "equipment_serial_key_key",
        "equipment.serial_key",
        "serial_number",
        "this serial number is in use",
    ),
    duplicate(
        "checklist_templates_type_key_version_key",
        "checklist_templates.type_key, checklist_templates.version",
        "version",
        "a checklist of this version exists for this type of equipment",
    ),
    duplicate(
        "checklist_templates_equipment_type_version_key",
        "checklist_templates.equipment_type, checklist_templates.version",
        "version",
        "a checklist of this version exists for this type of equipment",
    ),
    duplicate(
        "checklist_items_order_index_key",
        "checklist_items.template_id, checklist_items.order_index",
        "order_index",
        "another question of the checklist has this position",
    ),
    concurrent("changes_entity_key", "changes.user_id, changes.entity_type, changes.entity_id"),
    concurrent("idempotency_keys_pkey", "idempotency_keys.user_id, idempotency_keys.key"),
    concurrent("roster_entries_user_id_date_key", "roster_entries.user_id, roster_entries.date"),
    concurrent("search_fills_pkey", "search_fills.kind"),
    concurrent("sync_items_client_id_key", "sync_items.user_id, sync_items.client_id"),
    concurrent("task_runs_task_scheduled_for_key", "task_runs.task, task_runs.scheduled_for"),
    concurrent(
        "translations_field_key",
        "translations.model_type, translations.model_id, translations.field_name",
    ),
    concurrent("inspections_one_draft_key", "inspections.technician_id, inspections.equipment_id"),
    concurrent("inspections_one_half_draft_key", "inspections.technician_id, inspections.assignment_id"),
    concurrent(
        "inspection_answers_item_key",
        "inspection_answers.inspection_id, inspection_answers.checklist_item_id",
    ),
    concurrent(
        "equipment_weekly_completions_pkey",
        "equipment_weekly_completions.equipment_id, equipment_weekly_completions.iso_year, \
         equipment_weekly_completions.iso_week",
    ),
    concurrent("defects_answer_key", "defects.inspection_id, defects.checklist_item_id"),
    concurrent("defects_one_unresolved_key", "defects.equipment_id, defects.lineage"),
    concurrent(
        "defect_occurrences_answer_key",
        "defect_occurrences.inspection_id, defect_occurrences.checklist_item_id",
    ),
    concurrent(
        "routine_asset_types_type_key_key",
        "routine_asset_types.routine_id, routine_asset_types.type_key",
    ),
    concurrent(
        "routine_asset_types_type_key",
        "routine_asset_types.routine_id, routine_asset_types.equipment_type",
    ),
    duplicate(
        "inspection_lists_date_shift_key",
        "inspection_lists.target_date, inspection_lists.shift",
        "target_date",
        "a list for this day and shift already exists",
    ),
    concurrent(
        "inspection_assignments_equipment_key",
        "inspection_assignments.list_id, inspection_assignments.equipment_id",
    ),
    concurrent("inspections_half_key", "inspections.assignment_id, inspections.category"),
    concurrent("equipment_id_status_key", "equipment.id, equipment.status"),
    concurrent("final_assessments_assignment_id_key", "final_assessments.assignment_id"),
    concurrent("point_entries_assessment_key", "point_entries.user_id, point_entries.related_id"),
    duplicate(
        "inspection_ratings_inspection_id_key",
        "inspection_ratings.inspection_id",
        "inspection_id",
        "the inspection is already rated",
    ),
    concurrent("jobs_job_id_key", "jobs.job_id"),
    concurrent("jobs_universal_key", "jobs.kind, jobs.universal_id"),
    duplicate(
        "jobs_one_repair_key",
        "jobs.defect_id",
        "defect_id",
        "the defect is already assigned to a specialist",
    ),
    concurrent("job_counters_pkey", "job_counters.name"),
    concurrent("job_cleanings_pkey", "job_cleanings.job_id"),
    concurrent("job_reminders_pkey", "job_reminders.job_id"),
    concurrent("job_pauses_one_pending_key", "job_pauses.job_id"),
    concurrent("job_pauses_one_open_key", "job_pauses.job_id"),
    concurrent("takeovers_one_request_of_job_key", "takeovers.job_id, takeovers.requested_by_id"),
    concurrent(
        "takeovers_one_request_of_assignment_key",
        "takeovers.assignment_id, takeovers.requested_by_id",
    ),
    concurrent("takeovers_one_place_of_job_key", "takeovers.job_id, takeovers.place"),
    concurrent("takeovers_one_place_of_assignment_key", "takeovers.assignment_id, takeovers.place"),
    concurrent("takeovers_one_taker_of_job_key", "takeovers.job_id"),
    concurrent("takeovers_one_taker_of_assignment_key", "takeovers.assignment_id"),
    concurrent("quality_reviews_one_pending_key", "quality_reviews.job_id"),
    duplicate(
        "defect_assessments_defect_id_key",
        "defect_assessments.defect_id",
        "defect_id",
        "the defect has already been assessed",
    ),
    concurrent("files_key_key", "files.key"),
    concurrent("evidence_pkey", "evidence.file_id, evidence.record_type, evidence.record_id"),
    concurrent("invariant_results_pkey", "invariant_results.name"),
    duplicate("holidays_date_key", "holidays.date", "date", "the day is already a holiday"),
    duplicate(
        "equipment_schedules_day_key",
        "equipment_schedules.equipment_id, equipment_schedules.day_of_week",
        "day_of_week",
        "the equipment is already planned for this day",
    ),
];

/// Name of the constraint that keeps the leaves of a person apart: an exclusion constraint in
/// PostgreSQL. SQLite has none, and its triggers raise the name as their message.
const NO_OVERLAP: &str = "leaves_no_overlap";

/// A duplicate badge in this field.
pub(crate) const fn duplicate_badge(field: &'static str) -> UniqueViolation {
    UniqueViolation { field, message: "this badge is in use" }
}

/// The rule that a violated constraint stands for, if it stands for one.
pub(crate) fn refusal(kind: DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> Option<Box<dyn Rule>> {
    match kind {
        DatabaseErrorKind::UniqueViolation => Some(match violated(info)?.duplicate {
            Some(duplicate) => Box::new(duplicate),
            None => Box::new(ConcurrentUpdate),
        }),
        DatabaseErrorKind::ExclusionViolation if info.constraint_name() == Some(NO_OVERLAP) => {
            Some(Box::new(LeaveRule::Overlap))
        }
        // Diesel has no kind for an error raised by a trigger.
        DatabaseErrorKind::Unknown if info.message() == NO_OVERLAP => Some(Box::new(LeaveRule::Overlap)),
        _ => None,
    }
}

fn violated(info: &dyn DatabaseErrorInformation) -> Option<&'static Unique> {
    let columns = info.message().strip_prefix("UNIQUE constraint failed: ");
    UNIQUE
        .iter()
        .find(|unique| info.constraint_name() == Some(unique.name) || columns == Some(unique.columns))
}

/// Names of all unique constraints in the list above. Public for the test that compares it with the
/// schema of both databases, which `inspection-testkit` creates with this crate.
#[doc(hidden)]
pub fn unique_constraints() -> Vec<&'static str> {
    UNIQUE.iter().map(|unique| unique.name).collect()
}
