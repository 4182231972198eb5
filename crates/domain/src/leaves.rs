//! Leaves: who is away when (rule book §10).

mod coverage;
mod inputs;

use serde::Serialize;

use crate::{
    ids::{LeaveId, UserId},
    input::text_enum,
    rule::{Code, Forbidden, Rule, article},
    time::{Date, Instant},
    users::User,
};

pub use coverage::{Candidate, Workload, may_cover, ranked};
pub use inputs::{
    CapacityFilter, CoverageAssignment, LeaveApproval, LeaveFilter, LeaveOrder, LeaveRejection, NewLeave,
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

text_enum! {
    /// What can be done with a leave.
    pub enum LeaveCommand {
        /// Grant it.
        Approve = "approve",
        /// Refuse it.
        Reject = "reject",
        /// Withdraw it.
        Cancel = "cancel",
        /// Find somebody who covers.
        Cover = "cover",
        /// End it.
        End = "end",
    }
}

/// Why a leave can't be as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaveRule {
    /// The command needs another status (§10).
    #[error("cannot {command} {} {status} leave", article(.status.as_str()))]
    WrongStatus {
        /// What was asked.
        command: LeaveCommand,
        /// The status it has.
        status: LeaveStatus,
    },
    /// It is over (§10).
    #[error("the leave has ended")]
    Ended,
    /// One leave at a time (§10).
    #[error("there is a pending or approved leave on these days")]
    Overlap,
}

impl Rule for LeaveRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::Ended => Code::InvalidState,
            Self::Overlap => Code::RuleViolation,
        }
    }
}

impl LeaveStatus {
    /// The status after a command, of a leave that hasn't ended (§10).
    pub fn after(self, command: LeaveCommand) -> Result<Self, LeaveRule> {
        match (self, command) {
            (Self::Pending, LeaveCommand::Approve)
            | (Self::Approved, LeaveCommand::Cover | LeaveCommand::End) => Ok(Self::Approved),
            (Self::Pending, LeaveCommand::Reject) => Ok(Self::Rejected),
            (Self::Pending, LeaveCommand::Cancel) => Ok(Self::Cancelled),
            (status, command) => Err(LeaveRule::WrongStatus { command, status }),
        }
    }
}

/// A time in which somebody is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::leaves, treat_none_as_null = true, treat_none_as_default_value = false)
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
    /// Who asked for it.
    pub requested_by_id: Option<UserId>,
    /// Who granted or refused it.
    pub decided_by_id: Option<UserId>,
    /// When that was.
    pub decided_at: Option<Instant>,
    /// Why it was refused.
    pub rejection_reason: Option<String>,
    /// Who ended it; nobody when its days were over.
    pub ended_by_id: Option<UserId>,
    /// Who covers.
    pub coverage_user_id: Option<UserId>,
    /// Badge of the role that whoever covers has for that time.
    pub coverage_badge: Option<String>,
}

crate::translations::translated!(Leave, "leave", { other_reason, reason, rejection_reason });

impl Leave {
    /// Days it lasts, the first and the last included.
    pub fn total_days(&self) -> i64 {
        self.date_from.days_until(self.date_to) + 1
    }

    /// Whether it and another time, both days included, have a day in common.
    pub fn overlaps(&self, from: Date, to: Date) -> bool {
        self.date_from <= to && from <= self.date_to
    }

    /// Whether nobody may ask for another leave on its days: pending, or approved and not ended (§10).
    pub fn is_open(&self) -> bool {
        matches!(self.status, LeaveStatus::Pending | LeaveStatus::Approved) && self.ended_at.is_none()
    }

    /// Whether it keeps its person away, on its days: approved and not ended.
    pub fn is_in_force(&self) -> bool {
        self.status == LeaveStatus::Approved && self.ended_at.is_none()
    }

    fn after(&self, command: LeaveCommand, now: Instant) -> Result<Self, LeaveRule> {
        if self.ended_at.is_some() {
            return Err(LeaveRule::Ended);
        }
        Ok(Self { status: self.status.after(command)?, updated_at: now, ..self.clone() })
    }

    /// Granted (§10).
    pub fn approve(&self, by: UserId, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Approve, now)?;
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), ..after })
    }

    /// Refused, for a reason (§10).
    pub fn reject(&self, rejection: LeaveRejection, by: UserId, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Reject, now)?;
        let rejection_reason = Some(rejection.reason.into());
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), rejection_reason, ..after })
    }

    /// Withdrawn (§10).
    pub fn cancel(&self, now: Instant) -> Result<Self, LeaveRule> {
        self.after(LeaveCommand::Cancel, now)
    }

    /// Covered by somebody, in place of whoever covered before (§10).
    pub fn cover(&self, by: &User, badge: Option<String>, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Cover, now)?;
        Ok(Self { coverage_user_id: Some(by.id), coverage_badge: badge, ..after })
    }

    /// Over: its last day is past, or an admin says so (§10).
    pub fn end(&self, by: Option<UserId>, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::End, now)?;
        Ok(Self { ended_at: Some(now), ended_by_id: by, ..after })
    }

    /// Whether the actor may see it: an admin, or the person (§10).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || self.user_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("only an admin or the person themself may see this leave"))
    }

    /// Whether the actor may withdraw it: whose it is (§10).
    pub fn may_be_cancelled_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.user_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("only the person themself may withdraw their request"))
    }

    /// Whether it keeps its person away on a day: approved, not ended, and both its days included (§10).
    pub fn covers(&self, date: Date) -> bool {
        self.is_in_force() && self.overlaps(date, date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{id, leave, now, user},
        users::Role,
    };

    fn date(day: i8) -> Date {
        Date::new(2026, 3, day).expect("a date")
    }

    #[test]
    fn the_grid_of_states_and_commands() {
        let mut grid = String::new();
        for &status in LeaveStatus::ALL {
            for ended_at in [None, Some(now())] {
                let leave = Leave { status, ended_at, ..leave(date(2), date(4)) };
                let state = if ended_at.is_some() { "ended" } else { "open" };
                for &command in LeaveCommand::ALL {
                    let outcome = leave
                        .after(command, now())
                        .map_or_else(|rule| rule.code().to_string(), |leave| leave.status.to_string());
                    grid += &format!("{status:<9} {state:<5} {command:<7} -> {outcome}\n");
                }
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn days_in_common_are_found_whichever_leave_is_longer() {
        for (from, to) in (1..8).flat_map(|from| (from..8).map(move |to| (from, to))) {
            let common = (3..=5).any(|day| from <= day && day <= to);
            assert_eq!(leave(date(3), date(5)).overlaps(date(from), date(to)), common, "{from} {to}");
        }
        assert_eq!(leave(date(3), date(5)).total_days(), 3);
        assert_eq!(leave(date(3), date(3)).total_days(), 1);
    }

    #[test]
    fn who_sees_and_who_withdraws_a_leave() {
        for &role in Role::ALL {
            let own = leave(date(2), date(4));
            let somebody = User { id: id(9), ..user(role) };
            assert_eq!(own.may_be_seen_by(&somebody).is_ok(), role == Role::Admin);
            assert!(own.may_be_cancelled_by(&somebody).is_err());
            let person = User { id: own.user_id, ..user(role) };
            assert!(own.may_be_seen_by(&person).is_ok() && own.may_be_cancelled_by(&person).is_ok());
        }
    }

    #[test]
    fn only_an_approved_leave_that_has_not_ended_covers_its_days() {
        for &status in LeaveStatus::ALL {
            for ended_at in [None, Some(now())] {
                for (day, inside) in [(1, false), (2, true), (3, true), (4, true), (5, false)] {
                    let leave = Leave { status, ended_at, ..leave(date(2), date(4)) };
                    let covers = inside && status == LeaveStatus::Approved && ended_at.is_none();
                    assert_eq!(leave.covers(date(day)), covers, "{status} {ended_at:?} {day}");
                }
            }
        }
    }
}
