//! A leave, from the request to its end (rule book §10).

use serde::Serialize;

use super::{
    half_day::HalfDay,
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
    #[serde(rename = "approved_by_id")]
    pub decided_by_id: Option<UserId>,
    /// Time of the approval or rejection.
    #[serde(rename = "approved_at")]
    pub decided_at: Option<Instant>,
    /// Reason for the rejection.
    pub rejection_reason: Option<String>,
    /// User that ended it; none if it ended with its last day.
    pub ended_by_id: Option<UserId>,
    /// Covering person.
    pub coverage_user_id: Option<UserId>,
    /// Badge of the role that the covering person holds during the leave.
    pub coverage_badge: Option<String>,
    /// Half of the day; null for whole days.
    pub half_day: Option<HalfDay>,
}

// The reasons of a leave may say something about the person's health: no other service reads them.
crate::shows!(Leave {});

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
        let half_day = self.half();
        let reason: Option<String> = self.reason.map(Into::into);
        let general = reason.clone().filter(|_| self.leave_type == LeaveType::Other);
        Leave {
            id: LeaveId::UNSAVED,
            user_id: person,
            leave_type: self.leave_type,
            other_reason: self.other_reason.map(Into::into).or(general),
            date_from: self.date_from,
            date_to: self.date_to,
            reason,
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
            half_day,
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

    /// Checks that no user approves their own leave while another active admin could (§10).
    pub fn may_be_approved_by(&self, by: UserId, active_admins: &[UserId]) -> Result<(), Forbidden> {
        let has_another = active_admins.iter().any(|admin| *admin != by);
        if self.user_id == by && has_another {
            return Err(Forbidden("another administrator approves your leave"));
        }
        Ok(())
    }

    /// Rejects it for a reason (§10).
    pub fn reject(&self, rejection: LeaveRejection, by: UserId, now: Instant) -> Result<Self, LeaveRule> {
        let after = self.after(LeaveCommand::Reject, now)?;
        let rejection_reason = Some(rejection.rejection_reason.into());
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
        Err(Forbidden("only the absent person or an admin may see this leave"))
    }

    /// Checks that the actor may withdraw it: the person (§10).
    pub fn may_be_cancelled_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.user_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("only the absent person may withdraw the request"))
    }

    /// Whether the person is absent on a day: approved, not ended, both ends inclusive (§10).
    pub fn covers(&self, date: Date) -> bool {
        self.is_in_force() && self.overlaps(date, date)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        rule::{Code, Rule},
        testing::{self, changed_fields, changes, fields, id, later, now, user},
        users::Role,
    };

    fn leave(date_from: Date, date_to: Date) -> Leave {
        Leave { id: id(7), user_id: id(4), ..testing::leave(date_from, date_to) }
    }

    fn rejection() -> LeaveRejection {
        LeaveRejection::from_json(json!({"reason": "Too many are away."})).expect("a rejection")
    }

    fn date(day: i8) -> Date {
        Date::new(2026, 3, day).expect("a date")
    }

    #[test]
    fn another_administrator_approves_the_leave_of_one() {
        let own = leave(date(2), date(4));
        let stranger = id(own.user_id.get() + 1);
        for (by, admins, is_fine) in [
            (stranger, vec![stranger], true),
            (stranger, vec![stranger, own.user_id], true),
            (own.user_id, vec![own.user_id], true),
            (own.user_id, vec![own.user_id, stranger], false),
        ] {
            assert_eq!(own.may_be_approved_by(by, &admins).is_ok(), is_fine, "{by:?} {admins:?}");
        }
    }

    #[test]
    fn the_grid_of_states_and_commands() {
        let mut grid = String::new();
        for &status in LeaveStatus::ALL {
            for &command in LeaveCommand::ALL {
                let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
                grid += &format!("{status:<9} {command:<7} -> {outcome}\n");
            }
        }
        insta::assert_snapshot!(grid, @r"
        pending   approve -> approved
        pending   reject  -> rejected
        pending   cancel  -> cancelled
        pending   cover   -> INVALID_STATE
        pending   end     -> INVALID_STATE
        approved  approve -> INVALID_STATE
        approved  reject  -> INVALID_STATE
        approved  cancel  -> INVALID_STATE
        approved  cover   -> approved
        approved  end     -> approved
        rejected  approve -> INVALID_STATE
        rejected  reject  -> INVALID_STATE
        rejected  cancel  -> INVALID_STATE
        rejected  cover   -> INVALID_STATE
        rejected  end     -> INVALID_STATE
        cancelled approve -> INVALID_STATE
        cancelled reject  -> INVALID_STATE
        cancelled cancel  -> INVALID_STATE
        cancelled cover   -> INVALID_STATE
        cancelled end     -> INVALID_STATE
        ");
    }

    #[test]
    fn a_request_is_pending_for_all_roles_unless_it_names_a_scope() {
        let request = |body| {
            let new = NewLeave::from_json(body).expect("a request");
            new.request(id(4), id(5), now())
        };
        let bare = json!({"leave_type": "sick", "date_from": "2026-03-02", "date_to": "2026-03-04"});
        let asked = request(bare);
        insta::assert_snapshot!(fields(&asked).join("\n"), @r"
        id: LeaveId(0)
        user_id: UserId(4)
        leave_type: Sick
        other_reason: None
        date_from: Date(2026-03-02)
        date_to: Date(2026-03-04)
        reason: None
        scope: Full
        status: Pending
        ended_at: None
        created_at: Instant(2026-03-01T07:00:00Z)
        updated_at: Instant(2026-03-01T07:00:00Z)
        requested_by_id: Some(UserId(5))
        decided_by_id: None
        decided_at: None
        rejection_reason: None
        ended_by_id: None
        coverage_user_id: None
        coverage_badge: None
        half_day: None
        ");
        let full = request(json!({
            "leave_type": "other", "date_from": "2026-03-02", "date_to": "2026-03-04",
            "other_reason": "Moving house.", "reason": "On short notice.", "scope": "major_only",
        }));
        insta::assert_snapshot!(changed_fields(&asked, &full), @r#"
        leave_type: Other
        other_reason: Some("Moving house.")
        reason: Some("On short notice.")
        scope: MajorOnly
        "#);
        let general = request(json!({
            "leave_type": "other", "date_from": "2026-03-02", "date_to": "2026-03-04", "reason": "Moving house.",
        }));
        insta::assert_snapshot!(changed_fields(&asked, &general), @r#"
        leave_type: Other
        other_reason: Some("Moving house.")
        reason: Some("Moving house.")
        "#);
    }

    #[test]
    fn every_transition_changes_these_fields() {
        let approved = leave(date(2), date(4));
        let asked = Leave { status: LeaveStatus::Pending, ..approved.clone() };
        let substitute = User { id: id(8), ..user(Role::Specialist) };
        let covered = approved.cover(&substitute, Some("COV-SPE001".into()), later()).expect("approved");
        let again = covered.cover(&user(Role::Admin), None, later().next()).expect("approved");
        insta::assert_snapshot!(changes(&[
            ("approve", &asked, &asked.approve(id(9), later()).expect("pending")),
            ("reject", &asked, &asked.reject(rejection(), id(9), later()).expect("pending")),
            ("cancel", &asked, &asked.cancel(later()).expect("pending")),
            ("cover", &approved, &covered),
            ("cover by another person", &covered, &again),
            ("end early", &approved, &approved.end(Some(id(9)), later()).expect("approved")),
            ("end with its last day", &approved, &approved.end(None, later()).expect("approved")),
        ]), @r#"
        approve
          status: Approved
          updated_at: Instant(2026-03-01T08:00:00Z)
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
        reject
          status: Rejected
          updated_at: Instant(2026-03-01T08:00:00Z)
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
          rejection_reason: Some("Too many are away.")
        cancel
          status: Cancelled
          updated_at: Instant(2026-03-01T08:00:00Z)
        cover
          updated_at: Instant(2026-03-01T08:00:00Z)
          coverage_user_id: Some(UserId(8))
          coverage_badge: Some("COV-SPE001")
        cover by another person
          updated_at: Instant(2026-03-01T08:00:00.001Z)
          coverage_user_id: Some(UserId(1))
          coverage_badge: None
        end early
          ended_at: Some(Instant(2026-03-01T08:00:00Z))
          updated_at: Instant(2026-03-01T08:00:00Z)
          ended_by_id: Some(UserId(9))
        end with its last day
          ended_at: Some(Instant(2026-03-01T08:00:00Z))
          updated_at: Instant(2026-03-01T08:00:00Z)
        "#);
    }

    #[test]
    fn every_command_obeys_the_state_machine() {
        let substitute = user(Role::Specialist);
        for &status in LeaveStatus::ALL {
            for ended_at in [None, Some(now())] {
                let subject = Leave { status, ended_at, ..leave(date(2), date(4)) };
                let outcomes = [
                    (LeaveCommand::Approve, subject.approve(id(9), now())),
                    (LeaveCommand::Reject, subject.reject(rejection(), id(9), now())),
                    (LeaveCommand::Cancel, subject.cancel(now())),
                    (LeaveCommand::Cover, subject.cover(&substitute, None, now())),
                    (LeaveCommand::End, subject.end(None, now())),
                ];
                for (command, outcome) in outcomes {
                    let allowed =
                        if ended_at.is_some() { Err(LeaveRule::Ended) } else { status.after(command) };
                    assert_eq!(outcome.map(|leave| leave.status), allowed, "{command} {status} {ended_at:?}");
                }
                let excludes =
                    ended_at.is_none() && matches!(status, LeaveStatus::Pending | LeaveStatus::Approved);
                assert_eq!(subject.is_open(), excludes, "{status} {ended_at:?}");
            }
        }
        assert_eq!(
            (LeaveRule::Ended.code(), LeaveRule::Overlap.code()),
            (Code::InvalidState, Code::RuleViolation)
        );
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
            let other_user = User { id: id(90), ..user(role) };
            assert_eq!(own.may_be_seen_by(&other_user).is_ok(), role == Role::Admin);
            assert!(own.may_be_cancelled_by(&other_user).is_err());
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
