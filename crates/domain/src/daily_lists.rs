//! Daily lists: what is to be inspected on a day and shift (rule book §4).

use serde::Serialize;

use crate::{
    assignments::AssignmentStatus,
    equipment::EquipmentStatus,
    ids::{ListId, UserId},
    input::{input, text_enum},
    page::Sort,
    rule::{Code, FieldError, Rule},
    time::{Date, Instant},
    users::Shift,
};

text_enum! {
    /// How far a list is, by its counters.
    pub enum ListStatus {
        /// Nobody is assigned yet.
        Generated = "generated",
        /// Some machines have a team.
        PartiallyAssigned = "partially_assigned",
        /// Every machine has a team.
        FullyAssigned = "fully_assigned",
        /// Every machine is done.
        Completed = "completed",
    }
}

impl ListStatus {
    /// The status that follows from the counters (§4).
    pub const fn of(total: i64, assigned: i64, completed: i64) -> Self {
        if assigned == 0 {
            Self::Generated
        } else if completed == total {
            Self::Completed
        } else if assigned == total {
            Self::FullyAssigned
        } else {
            Self::PartiallyAssigned
        }
    }
}

/// What is to be inspected on a day and shift: one assignment a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspection_lists, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct InspectionList {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ListId,
    /// The day.
    pub target_date: Date,
    /// The shift.
    pub shift: Shift,
    /// How far it is, by its counters.
    pub status: ListStatus,
    /// Machines on it.
    pub total_assets: i64,
    /// Of these, with a team.
    pub assigned_assets: i64,
    /// Of these, done.
    pub completed_assets: i64,
    /// Who generated it; nobody when the service did.
    pub generated_by_id: Option<UserId>,
    /// When it was generated.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

crate::shows!(InspectionList {});

input! {
    /// Which list to generate.
    pub struct GenerateList {
        /// The day.
        target_date | "date": Date,
        /// The shift.
        shift: Shift,
        /// Adds what is missing to a list that is there; `false` if absent.
        refresh: Option<bool>,
    }
}

text_enum! {
    /// What lists can be ordered by.
    pub enum ListOrder {
        /// Number.
        Id = "id",
        /// Day.
        TargetDate = "target_date",
    }
}

input! {
    /// Which lists.
    pub struct ListFilter {
        /// Of this day.
        date | "target_date": Option<Date>,
        /// Of this day or later.
        date_from: Option<Date>,
        /// Of this day or earlier.
        date_to: Option<Date>,
        /// Of this shift.
        shift: Option<Shift>,
        /// Of this status.
        status: Option<ListStatus>,
        /// Order; the latest day first if absent.
        sort: Option<Sort<ListOrder>>,
    }
}

/// Why a list can't be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListRule {
    /// There is one a day and shift; `refresh` adds what is missing (§4).
    #[error("there is a list for the {shift} shift of {target_date}")]
    Exists {
        /// The day.
        target_date: Date,
        /// The shift.
        shift: Shift,
    },
}

impl Rule for ListRule {
    fn code(&self) -> Code {
        Code::Duplicate
    }

    fn fields(&self) -> Vec<FieldError> {
        vec![FieldError { field: "target_date".into(), message: "has a list for this shift".into() }]
    }
}

/// The statuses of machines that come onto a list (§4).
pub const LISTED: [EquipmentStatus; 2] = [EquipmentStatus::Active, EquipmentStatus::UnderMaintenance];

impl InspectionList {
    /// A list with nothing on it.
    pub fn empty(target_date: Date, shift: Shift, generated_by_id: Option<UserId>, now: Instant) -> Self {
        Self {
            id: ListId::UNSAVED,
            target_date,
            shift,
            status: ListStatus::Generated,
            total_assets: 0,
            assigned_assets: 0,
            completed_assets: 0,
            generated_by_id,
            created_at: now,
            updated_at: now,
        }
    }

    /// The list with the true counters, from how many of its assignments have which status, and the status that
    /// follows from them (§4).
    #[must_use]
    pub fn counted(&self, statuses: &[(AssignmentStatus, i64)], now: Instant) -> Self {
        let sum = |counts: fn(AssignmentStatus) -> bool| {
            statuses.iter().filter(|(status, _)| counts(*status)).map(|(_, number)| number).sum()
        };
        let total_assets = sum(|_| true);
        let assigned_assets = sum(|status| status != AssignmentStatus::Unassigned);
        let completed_assets = sum(|status| status == AssignmentStatus::Completed);
        Self {
            status: ListStatus::of(total_assets, assigned_assets, completed_assets),
            total_assets,
            assigned_assets,
            completed_assets,
            updated_at: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    #[test]
    fn the_status_follows_from_the_counters() {
        use ListStatus::{Completed, FullyAssigned, Generated, PartiallyAssigned};
        let grid = [
            ((0, 0, 0), Generated),
            ((3, 0, 0), Generated),
            ((3, 1, 0), PartiallyAssigned),
            ((3, 2, 2), PartiallyAssigned),
            ((3, 3, 0), FullyAssigned),
            ((3, 3, 2), FullyAssigned),
            ((3, 3, 3), Completed),
        ];
        for ((total, assigned, completed), status) in grid {
            assert_eq!(ListStatus::of(total, assigned, completed), status, "{total} {assigned} {completed}");
        }
    }

    #[test]
    fn every_status_of_an_assignment_is_counted_where_it_belongs() {
        let list = InspectionList::empty(Date::new(2026, 3, 2).expect("a date"), Shift::Day, None, now());
        for &status in AssignmentStatus::ALL {
            let counted = list.counted(&[(status, 2), (AssignmentStatus::Unassigned, 1)], now());
            let assigned = if status == AssignmentStatus::Unassigned { 0 } else { 2 };
            let completed = if status == AssignmentStatus::Completed { 2 } else { 0 };
            assert_eq!(
                (counted.total_assets, counted.assigned_assets, counted.completed_assets),
                (3, assigned, completed),
                "{status}"
            );
        }
        assert_eq!(list.counted(&[], now()), list);
    }
}
