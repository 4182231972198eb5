//! A leave, from the request to its end (rule book §10).

use serde::Serialize;

use super::{
    inputs::{LeaveRejection, NewLeave},
    status::{LeaveCommand, LeaveRule, LeaveScope, LeaveStatus, LeaveType},
};
use crate::{
    ids::{LeaveId, UserId},
    rule::Forbidden,
    time::{Date, Instant},
    users::User,
};

/// Period in which a person is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::leaves, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Leave {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: LeaveId,
    /// Absent person.
    pub user_id: UserId,
    /// Type.
    pub leave_type: LeaveType,
    /// Reason for the type `other`.
    pub other_reason: Option<String>,
    /// First day.
    pub date_from: Date,
    /// Last day.
    pub date_to: Date,
    /// Remark of the person.
    pub reason: Option<String>,
    /// Roles that it suspends.
    pub scope: LeaveScope,
    /// Lifecycle status.
    pub status: LeaveStatus,
    /// Time of its end, on the last day or earlier.
    pub ended_at: Option<Instant>,
    /// Time of the request.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// User that requested it.
    pub requested_by_id: Option<UserId>,
    /// User that approved or rejected it.
    pub decided_by_id: Option<UserId>,
    /// Time of the decision.
    pub decided_at: Option<Instant>,
    /// Reason for the rejection.
    pub rejection_reason: Option<String>,
    /// User that ended it; none if it ended with its last day.
    pub ended_by_id: Option<UserId>,
    /// Covering person.
    pub coverage_user_id: Option<UserId>,
    /// Badge of the role that the covering person holds during the leave.
    pub coverage_badge: Option<String>,
}

crate::translations::translated!(Leave, "leave", { other_reason, reason, rejection_reason });

impl crate::entity::Entity for Leave {
    const NAME: &'static str = "leave";
    const PATH: Option<&'static str> = Some("/leaves");

    fn id(&self) -> i64 {
        self.id.get()
    }
}

impl NewLeave {
    /// Builds the request (§10).
    pub fn request(self, person: UserId, by: UserId, now: Instant) -> Leave {
        Leave {
            id: LeaveId::UNSAVED,
            user_id: person,
            leave_type: self.leave_type,
            other_reason: self.other_reason.map(Into::into),
            date_from: self.date_from,
            date_to: self.date_to,
            reason: self.reason.map(Into::into),
            scope: self.scope.unwrap_or(LeaveScope::Full),
            status: LeaveStatus::Pending,
            ended_at: None,
            created_at: now,
            updated_at: now,
            requested_by_id: Some(by),
            decided_by_id: None,
            decided_at: None,
            rejection_reason: None,
            ended_by_id: None,
            coverage_user_id: None,
            coverage_badge: None,
        }
    }
}

impl Leave {
    /// Number of days, including the first and the last.
    pub fn total_days(&self) -> i64 {
        self.date_from.days_until(self.date_to) + 1
    }

    /// Whether it shares a day with another period; both ends are inclusive.
    pub fn overlaps(&self, from: Date, to: Date) -> bool {
        self.date_from <= to && from <= self.date_to
    }

    /// Whether it excludes other leaves on its days: pending, or approved and not ended (§10).
    pub fn is_open(&self) -> bool {
        matches!(self.status, LeaveStatus::Pending | LeaveStatus::Approved) && self.ended_at.is_none()
    }

    /// Whether the person is absent on its days: approved and not ended.
    pub fn is_in_force(&self) -> bool {
        self.status == LeaveStatus::Approved && self.ended_at.is_none()
    }

    fn after(&self, command: LeaveCommand, now: Instant) -> Result<Self, LeaveRule> {
        if self.ended_at.is_some() {
            return Err(LeaveRule::Ended);
        }
        Ok(Self { status: self.status.after(command)?, updated_at: now, ..self.clone() })
    }

    /// Approves it (§10).
    pub fn approve(&self, by: UserId, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Approve, now)?;
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), ..after })
    }

    /// Rejects it for a reason (§10).
    pub fn reject(&self, rejection: LeaveRejection, by: UserId, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Reject, now)?;
        let rejection_reason = Some(rejection.reason.into());
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), rejection_reason, ..after })
    }

    /// Withdraws it (§10).
    pub fn cancel(&self, now: Instant) -> Result<Self, LeaveRule> {
        self.after(LeaveCommand::Cancel, now)
    }

    /// Assigns coverage, replacing an earlier one (§10).
    pub fn cover(&self, by: &User, badge: Option<String>, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Cover, now)?;
        Ok(Self { coverage_user_id: Some(by.id), coverage_badge: badge, ..after })
    }

    /// Ends it: its last day is past, or an admin ends it early (§10).
    pub fn end(&self, by: Option<UserId>, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::End, now)?;
        Ok(Self { ended_at: Some(now), ended_by_id: by, ..after })
    }

    /// Checks that the actor may see it: an admin or the person (§10).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || self.user_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("only an admin or the person themself may see this leave"))
    }

    /// Checks that the actor may withdraw it: the person (§10).
    pub fn may_be_cancelled_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.user_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("only the person themself may withdraw their request"))
    }

    /// Whether the person is absent on a day: approved, not ended, both ends inclusive (§10).
    pub fn covers(&self, date: Date) -> bool {
        self.is_in_force() && self.overlaps(date, date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rule::Rule,
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
    fn a_leave_is_visible_to_admins_and_its_person_and_withdrawn_by_its_person() {
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
