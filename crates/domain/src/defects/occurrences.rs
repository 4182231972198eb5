//! Findings of defects, and what another finding changes (rule book §6).

use serde::Serialize;

use super::{Defect, Priority, Severity};
use crate::{
    checklists::Item,
    ids::{DefectId, InspectionId, ItemId, OccurrenceId, UserId},
    inspections::{Answer, Inspection},
    time::{Date, Instant},
};

/// A finding of a defect: a failed answer of an inspection, or a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::defect_occurrences, treat_none_as_default_value = false)
)]
pub struct Occurrence {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: OccurrenceId,
    /// The defect.
    pub defect_id: DefectId,
    /// Inspection with the failed answer; none if the defect was reported.
    pub inspection_id: Option<InspectionId>,
    /// Failed question; none if the defect was reported.
    pub checklist_item_id: Option<ItemId>,
    /// Inspector, or reporter.
    pub found_by_id: UserId,
    /// Time of the submission or of the report.
    pub found_at: Instant,
}

impl Occurrence {
    /// The first finding of a new defect.
    pub fn first(defect: &Defect) -> Self {
        Self {
            id: OccurrenceId::UNSAVED,
            defect_id: defect.id,
            inspection_id: defect.inspection_id,
            checklist_item_id: defect.checklist_item_id,
            found_by_id: defect.reported_by_id,
            found_at: defect.created_at,
        }
    }

    /// Whether this answer failed.
    pub fn is_of(&self, answer: &Answer) -> bool {
        self.inspection_id == Some(answer.inspection_id)
            && self.checklist_item_id == Some(answer.checklist_item_id)
    }

    /// Another finding of a defect, by an inspection.
    pub fn again(defect: DefectId, item: &Item, inspection: &Inspection, now: Instant) -> Self {
        Self {
            id: OccurrenceId::UNSAVED,
            defect_id: defect,
            inspection_id: Some(inspection.id),
            checklist_item_id: Some(item.id),
            found_by_id: inspection.technician_id,
            found_at: now,
        }
    }
}

impl Defect {
    /// The defect after another failed answer to its question: severity and priority only rise, and
    /// a closer due date wins (§6).
    #[must_use]
    pub fn found_again(&self, item: &Item, today: Date, now: Instant) -> Self {
        let found = Severity::of_failed(item);
        let severity = if found.rank() > self.severity.rank() { found } else { self.severity };
        let urgency = Priority::of(found);
        let priority = if urgency.rank() > self.priority.rank() { urgency } else { self.priority };
        Self {
            severity,
            priority,
            due_date: self.due_date.min(today.plus_days(found.sla_days())),
            sla_days: self.sla_days.min(severity.sla_days()),
            occurrence_count: self.occurrence_count.saturating_add(1),
            updated_at: now,
            ..self.clone()
        }
    }
}
