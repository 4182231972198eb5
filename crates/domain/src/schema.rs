//! Columns that the row derives refer to. The queries are in the persistence layer.

#![allow(missing_docs, reason = "the fields of the entities document the columns")]

mod inspecting;
mod people;
mod plant;
mod records;
mod repairing;

pub use {inspecting::*, people::*, plant::*, records::*, repairing::*};

diesel::joinable!(checklist_items -> checklist_templates (template_id));
diesel::joinable!(inspection_answers -> inspections (inspection_id));
diesel::joinable!(inspection_answers -> checklist_items (checklist_item_id));
diesel::joinable!(inspection_assignments -> equipment (equipment_id));
diesel::joinable!(equipment_schedules -> equipment (equipment_id));
diesel::joinable!(job_pauses -> jobs (job_id));
diesel::joinable!(jobs -> defects (defect_id));
diesel::joinable!(routine_asset_types -> inspection_routines (routine_id));

diesel::allow_columns_to_appear_in_same_group_by_clause!(leaves::half_day, users::shift);

diesel::allow_tables_to_appear_in_same_query!(
    audit_entries,
    badges,
    bonus_stars,
    checklist_items,
    checklist_revisions,
    checklist_templates,
    defect_assessments,
    defect_occurrences,
    defects,
    equipment,
    equipment_schedules,
    equipment_status_changes,
    equipment_weekly_completions,
    evidence,
    files,
    final_assessments,
    holidays,
    inspection_answers,
    inspection_assignments,
    inspection_lists,
    inspection_ratings,
    inspection_routines,
    inspections,
    job_cleanings,
    job_counters,
    job_interventions,
    job_pauses,
    job_reminders,
    jobs,
    leaves,
    notifications,
    point_entries,
    quality_reviews,
    roster_entries,
    routine_asset_types,
    sessions,
    takeovers,
    users,
);
