//! Leaves: who is away when (rule book §10).

use serde::Serialize;

use crate::{
    ids::{LeaveId, UserId},
    input::text_enum,
    time::{Date, Instant},
};

text_enum! {
    /// Why somebody is away.
    pub enum LeaveType {
        /// Ill.
        Sick = "sick",
        /// On holiday.
        Annual = "annual",
        /// An emergency.
        Emergency = "emergency",
        /// Learning.
        Training = "training",
        /// Something else, which is said.
        Other = "other",
    }
}

text_enum! {
    /// Which of somebody's roles rest.
    pub enum LeaveScope {
        /// The major role.
        MajorOnly = "major_only",
        /// All.
        Full = "full",
    }
}

text_enum! {
    /// How far a leave is.
    pub enum LeaveStatus {
        /// Asked for.
        Pending = "pending",
        /// Granted.
        Approved = "approved",
        /// Refused.
        Rejected = "rejected",
        /// Withdrawn.
        Cancelled = "cancelled",
    }
}

/// A time in which somebody is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::leaves, treat_none_as_default_value = false)
)]
pub struct Leave {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: LeaveId,
    /// Who is away.
    pub user_id: UserId,
    /// Why.
    pub leave_type: LeaveType,
    /// Why, if it is something else.
    pub other_reason: Option<String>,
    /// The first day.
    pub date_from: Date,
    /// The last day.
    pub date_to: Date,
    /// What they say about it.
    pub reason: Option<String>,
    /// Which of their roles rest.
    pub scope: LeaveScope,
    /// How far it is.
    pub status: LeaveStatus,
    /// When it was over, the last day or earlier.
    pub ended_at: Option<Instant>,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl Leave {
    /// Whether it keeps its person away on a day: approved, not ended, and both its days included (§10).
    pub fn covers(&self, date: Date) -> bool {
        self.status == LeaveStatus::Approved
            && self.ended_at.is_none()
            && self.date_from <= date
            && date <= self.date_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{leave, now};

    #[test]
    fn only_an_approved_leave_that_has_not_ended_covers_its_days() {
        for &status in LeaveStatus::ALL {
            for ended_at in [None, Some(now())] {
                for (day, inside) in [(1, false), (2, true), (3, true), (4, true), (5, false)] {
                    let date = |day| Date::new(2026, 3, day).expect("a date");
                    let leave = Leave { status, ended_at, ..leave(date(2), date(4)) };
                    let covers = inside && status == LeaveStatus::Approved && ended_at.is_none();
                    assert_eq!(leave.covers(date(day)), covers, "{status} {ended_at:?} {day}");
                }
            }
        }
    }
}
