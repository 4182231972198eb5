//! Inputs of the commands on leaves.

use super::{
    half_day::{HalfDay, RequestedHalf},
    status::{LeaveScope, LeaveStatus, LeaveType},
};
use crate::{
    ids::UserId,
    input::{AnyOf, Invalid, input, text_enum},
    page::Sort,
    rule::Forbidden,
    text::Text,
    time::Date,
    users::{Shift, User},
};

input! {
    /// A request for leave.
    pub struct NewLeave {
        /// Absent person; the user if absent. Only admins request leaves of others.
        user_id: Option<UserId>,
        /// Type.
        leave_type: LeaveType,
        /// Reason for the type `other`; `reason` if absent.
        other_reason: Option<Text<500>>,
        /// First day.
        date_from: Date,
        /// Last day.
        date_to: Date,
        /// Half of the day, of a leave of one day: `am`, `pm`, or `true` for `am`.
        half_day: Option<RequestedHalf>,
        /// Remark.
        reason: Option<Text<1000>>,
        /// Roles that it suspends; all if absent.
        scope: Option<LeaveScope>,
    }
}

impl NewLeave {
    /// Absent person: admins request leaves for any user, others for themselves (§10).
    pub fn person(&self, actor: &User) -> Result<UserId, Forbidden> {
        match self.user_id {
            Some(id) if id != actor.id && !actor.is_admin() => {
                Err(Forbidden("only an admin may request leave for another user"))
            }
            person => Ok(person.unwrap_or(actor.id)),
        }
    }

    /// The requested half of the day; none for whole days.
    pub fn half(&self) -> Option<HalfDay> {
        self.half_day.and_then(|half| half.0)
    }

    /// Checks that the days are in order, that a half day is one day, and that the type `other` has
    /// a reason (§10).
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        if self.date_to < self.date_from {
            errors.extend(Invalid::field("date_to", "must not be before date_from"));
        } else if self.half().is_some() && self.date_to != self.date_from {
            errors.extend(Invalid::field("half_day", "needs a leave of one day"));
        }
        let is_explained = self.other_reason.is_some() || self.reason.is_some();
        if self.leave_type == LeaveType::Other && !is_explained {
            errors.extend(Invalid::field("other_reason", "is required for another reason"));
        }
        errors.into_result()
    }
}

input! {
    /// Approval of a leave.
    pub struct LeaveApproval {
        /// Covering person.
        coverage_user_id: Option<UserId>,
        /// Whether the person's teams on these days are withdrawn where nothing is submitted;
        /// `false` if absent.
        free_assignments: Option<bool>,
    }
}

input! {
    /// Rejection of a leave.
    pub struct LeaveRejection {
        /// Reason.
        rejection_reason | "reason": Text<1000>,
    }
}

input! {
    /// Assignment of coverage to a leave.
    pub struct CoverageAssignment {
        /// Covering person.
        coverage_user_id | "user_id": UserId,
    }
}

text_enum! {
    /// Sort key of leaves.
    pub enum LeaveOrder {
        /// Primary key.
        Id = "id",
        /// First day.
        DateFrom = "date_from",
        /// Last day.
        DateTo = "date_to",
    }
}

input! {
    /// Filter and order of a list of leaves.
    pub struct LeaveFilter {
        /// Filter by status.
        status: AnyOf<LeaveStatus>,
        /// Filter by type.
        leave_type: AnyOf<LeaveType>,
        /// Filter by person.
        user_id: Option<UserId>,
        /// Earliest last day.
        date_from: Option<Date>,
        /// Latest first day.
        date_to: Option<Date>,
        /// Sort order; newest first if absent.
        sort: Option<Sort<LeaveOrder>>,
    }
}

input! {
    /// Filter of the capacity report.
    pub struct CapacityFilter {
        /// Filter by shift; all if absent.
        shift: AnyOf<Shift>,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        rule::Rule,
        testing::{id, user},
        users::Role,
    };

    fn parsed(body: serde_json::Value) -> NewLeave {
        NewLeave::from_json(body).expect("a request")
    }

    #[test]
    fn only_admins_request_leave_for_others() {
        let body = json!({"leave_type": "sick", "date_from": "2026-03-02", "date_to": "2026-03-02"});
        for &role in Role::ALL {
            let actor = User { id: id(4), ..user(role) };
            assert_eq!(parsed(body.clone()).person(&actor), Ok(id(4)));
            let mut other = body.clone();
            other["user_id"] = json!(5);
            assert_eq!(parsed(other).person(&actor).ok(), (role == Role::Admin).then_some(id(5)));
        }
    }

    #[test]
    fn every_violation_is_reported_at_once() {
        let backwards = json!({"leave_type": "other", "date_from": "2026-03-03", "date_to": "2026-03-02"});
        let wrong = parsed(backwards).validate().expect_err("wrong");
        let fields: Vec<_> = wrong.fields().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["date_to", "other_reason"]);
        for &kind in LeaveType::ALL {
            let body = json!({"leave_type": kind, "date_from": "2026-03-02", "date_to": "2026-03-02"});
            assert_eq!(parsed(body).validate().is_ok(), kind != LeaveType::Other);
        }
    }
}
