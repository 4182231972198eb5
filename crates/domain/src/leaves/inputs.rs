//! What is asked of leaves.

use super::{LeaveScope, LeaveStatus, LeaveType};
use crate::{
    ids::{LeaveId, UserId},
    input::{Invalid, input, text_enum},
    leaves::Leave,
    page::Sort,
    rule::Forbidden,
    text::Text,
    time::{Date, Instant},
    users::{Shift, User},
};

input! {
    /// A request for leave.
    pub struct NewLeave {
        /// Who is away; oneself if absent. Only admins ask for somebody else.
        user_id: Option<UserId>,
        /// Why.
        leave_type: LeaveType,
        /// Why, if it is `other`.
        other_reason: Option<Text<500>>,
        /// The first day.
        date_from: Date,
        /// The last day.
        date_to: Date,
        /// More about it.
        reason: Option<Text<1000>>,
        /// Which of their roles rest; all if absent.
        scope: Option<LeaveScope>,
    }
}

impl NewLeave {
    /// Whose leave it is: an admin asks for anybody, everybody else for themself (§10).
    pub fn person(&self, actor: &User) -> Result<UserId, Forbidden> {
        match self.user_id {
            Some(id) if id != actor.id && !actor.is_admin() => {
                Err(Forbidden("only an admin asks for leave for somebody else"))
            }
            person => Ok(person.unwrap_or(actor.id)),
        }
    }

    /// The days are in order, and another reason is told (§10).
    pub fn check(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        if self.date_to < self.date_from {
            errors.extend(Invalid::field("date_to", "must not be before date_from"));
        }
        if self.leave_type == LeaveType::Other && self.other_reason.is_none() {
            errors.extend(Invalid::field("other_reason", "is required for another reason"));
        }
        errors.into_result()
    }

    /// The request (§10).
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

input! {
    /// A leave is granted.
    pub struct LeaveApproval {
        /// Who covers.
        coverage_user_id: Option<UserId>,
    }
}

input! {
    /// A leave is refused.
    pub struct LeaveRejection {
        /// Why.
        reason: Text<1000>,
    }
}

input! {
    /// Somebody covers a leave.
    pub struct CoverageAssignment {
        /// Who.
        coverage_user_id: UserId,
    }
}

text_enum! {
    /// What leaves can be ordered by.
    pub enum LeaveOrder {
        /// Number.
        Id = "id",
        /// The first day.
        DateFrom = "date_from",
        /// The last day.
        DateTo = "date_to",
    }
}

input! {
    /// Which leaves.
    pub struct LeaveFilter {
        /// Of this status.
        status: Option<LeaveStatus>,
        /// Of this type.
        leave_type: Option<LeaveType>,
        /// Of this person.
        user_id: Option<UserId>,
        /// That last until this day or longer.
        date_from: Option<Date>,
        /// That begin on this day or earlier.
        date_to: Option<Date>,
        /// Order; newest first if absent.
        sort: Option<Sort<LeaveOrder>>,
    }
}

input! {
    /// Of whom the capacity is counted.
    pub struct CapacityFilter {
        /// People of this shift; all if absent.
        shift: Option<Shift>,
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

    fn wanted(body: serde_json::Value) -> NewLeave {
        NewLeave::from_json(body).expect("a request")
    }

    #[test]
    fn only_an_admin_asks_for_somebody_else() {
        let body = json!({"leave_type": "sick", "date_from": "2026-03-02", "date_to": "2026-03-02"});
        for &role in Role::ALL {
            let actor = User { id: id(4), ..user(role) };
            assert_eq!(wanted(body.clone()).person(&actor), Ok(id(4)));
            let mut other = body.clone();
            other["user_id"] = json!(5);
            assert_eq!(wanted(other).person(&actor).ok(), (role == Role::Admin).then_some(id(5)));
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let backwards = json!({"leave_type": "other", "date_from": "2026-03-03", "date_to": "2026-03-02"});
        let wrong = wanted(backwards).check().expect_err("wrong");
        let fields: Vec<_> = wrong.fields().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["date_to", "other_reason"]);
        for &kind in LeaveType::ALL {
            let body = json!({"leave_type": kind, "date_from": "2026-03-02", "date_to": "2026-03-02"});
            assert_eq!(wanted(body).check().is_ok(), kind != LeaveType::Other);
        }
    }
}
