//! Pauses of jobs: asked for by their owner, allowed by somebody else, or ordered by an admin (rule book §7).

use serde::Serialize;

use crate::{
    ids::{JobId, PauseId, UserId},
    input::{Invalid, input, text_enum},
    rule::{Code, Forbidden, Rule, article},
    text::Text,
    time::Instant,
    users::User,
};

text_enum! {
    /// Why a job is to be paused.
    pub enum PauseReason {
        /// Parts are missing.
        Parts = "parts",
        /// The shift is over.
        DutyFinish = "duty_finish",
        /// Tools are missing.
        Tools = "tools",
        /// People are missing.
        Manpower = "manpower",
        /// The manufacturer is needed.
        Oem = "oem",
        /// Something else, which is told.
        Other = "other",
    }
}

text_enum! {
    /// How far a pause is.
    pub enum PauseStatus {
        /// It was asked for.
        Pending = "pending",
        /// It goes on.
        Approved = "approved",
        /// It was not allowed.
        Denied = "denied",
        /// It is over.
        Ended = "ended",
        /// The job went on before anybody decided.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What can be done with a pause.
    pub enum PauseCommand {
        /// Allow it.
        Approve = "approve",
        /// Don't allow it.
        Deny = "deny",
        /// End it.
        End = "end",
        /// There is no need for it any more.
        Cancel = "cancel",
    }
}

/// Why a pause can't go on as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PauseRule {
    /// The command needs another status (§7).
    #[error("cannot {command} {} {status} pause", article(.status.as_str()))]
    WrongStatus {
        /// What was asked.
        command: PauseCommand,
        /// The status it has.
        status: PauseStatus,
    },
    /// One request a job at a time (§7).
    #[error("a pause of this job has been asked for already")]
    Pending,
}

impl Rule for PauseRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } => Code::InvalidState,
            Self::Pending => Code::Duplicate,
        }
    }
}

impl PauseStatus {
    /// The status after a command (§7).
    pub fn after(self, command: PauseCommand) -> Result<Self, PauseRule> {
        match (self, command) {
            (Self::Pending, PauseCommand::Approve) => Ok(Self::Approved),
            (Self::Pending, PauseCommand::Deny) => Ok(Self::Denied),
            (Self::Pending, PauseCommand::Cancel) => Ok(Self::Cancelled),
            (Self::Approved, PauseCommand::End) => Ok(Self::Ended),
            (status, command) => Err(PauseRule::WrongStatus { command, status }),
        }
    }
}

/// A pause of a job, or the request for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::job_pauses, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Pause {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: PauseId,
    /// The job.
    pub job_id: JobId,
    /// Who asked for it, or ordered it.
    pub requested_by_id: UserId,
    /// Why.
    pub reason_category: PauseReason,
    /// More about it.
    pub reason_details: Option<String>,
    /// How far it is.
    pub status: PauseStatus,
    /// Whether an admin ordered it.
    pub is_forced: bool,
    /// When it was asked for.
    pub requested_at: Instant,
    /// Who decided on it.
    pub decided_by_id: Option<UserId>,
    /// When that was.
    pub decided_at: Option<Instant>,
    /// Why it wasn't allowed.
    pub deny_reason: Option<String>,
    /// When the job was paused.
    pub paused_at: Option<Instant>,
    /// When it went on.
    pub resumed_at: Option<Instant>,
    /// Who let it go on.
    pub resumed_by_id: Option<UserId>,
    /// Seconds it was paused.
    pub duration_seconds: Option<i64>,
}

crate::shows!(Pause {});

/// Letters that tell what `other` is.
const SHORTEST_DETAILS: usize = 20;

input! {
    /// A request for a pause.
    pub struct NewPause {
        /// Why.
        reason_category: PauseReason,
        /// More about it; at least 20 letters if it is `other`.
        reason_details: Option<Text<1000>>,
    }
}

impl NewPause {
    /// Another reason must be told (§7).
    pub fn check(&self) -> Result<(), Invalid> {
        let told = self.reason_details.as_ref().map_or(0, |details| details.chars().count());
        if self.reason_category == PauseReason::Other && told < SHORTEST_DETAILS {
            let message = format!("must have at least {SHORTEST_DETAILS} characters for another reason");
            return Err(Invalid::field("reason_details", message));
        }
        Ok(())
    }

    /// The request (§7).
    pub fn request(self, job: JobId, by: UserId, now: Instant) -> Pause {
        Pause {
            id: PauseId::UNSAVED,
            job_id: job,
            requested_by_id: by,
            reason_category: self.reason_category,
            reason_details: self.reason_details.map(Into::into),
            status: PauseStatus::Pending,
            is_forced: false,
            requested_at: now,
            decided_by_id: None,
            decided_at: None,
            deny_reason: None,
            paused_at: None,
            resumed_at: None,
            resumed_by_id: None,
            duration_seconds: None,
        }
    }
}

input! {
    /// An admin's order to pause a job.
    pub struct ForcedPause {
        /// Why; `other` if absent.
        reason_category: Option<PauseReason>,
        /// More about it.
        reason_details | "reason": Option<Text<1000>>,
    }
}

impl ForcedPause {
    /// The order, as a request that is allowed at once (§7).
    pub fn order(self, job: JobId, by: UserId, now: Instant) -> Pause {
        let reason_category = self.reason_category.unwrap_or(PauseReason::Other);
        let request = NewPause { reason_category, reason_details: self.reason_details }.request(job, by, now);
        Pause {
            status: PauseStatus::Approved,
            is_forced: true,
            decided_by_id: Some(by),
            decided_at: Some(now),
            paused_at: Some(now),
            ..request
        }
    }
}

input! {
    /// Why a pause isn't allowed.
    pub struct Denial {
        /// The reason.
        reason: Text<1000>,
    }
}

impl Pause {
    fn after(&self, command: PauseCommand) -> Result<Self, PauseRule> {
        Ok(Self { status: self.status.after(command)?, ..self.clone() })
    }

    /// Whether the actor may decide on it: nobody but an admin decides on what they asked for themself.
    pub fn may_be_decided_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || self.requested_by_id != actor.id {
            return Ok(());
        }
        Err(Forbidden("somebody else decides on the pause you asked for"))
    }

    /// Allowed: the job is paused from now on (§7).
    pub fn approve(&self, by: UserId, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::Approve)?;
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), paused_at: Some(now), ..after })
    }

    /// Not allowed, for a reason (§7).
    pub fn deny(&self, denial: Denial, by: UserId, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::Deny)?;
        let deny_reason = Some(denial.reason.into());
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), deny_reason, ..after })
    }

    /// Over (§7).
    pub fn end(&self, by: Option<UserId>, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::End)?;
        let since = self.paused_at.unwrap_or(now);
        let duration_seconds = Some((now.as_second() - since.as_second()).max(0));
        Ok(Self { resumed_at: Some(now), resumed_by_id: by, duration_seconds, ..after })
    }

    /// Not needed any more: the job has ended.
    pub fn cancel(&self) -> Result<Self, PauseRule> {
        self.after(PauseCommand::Cancel)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        testing::{id, now, user},
        users::Role,
    };

    fn pause(status: PauseStatus) -> Pause {
        let new = NewPause::from_json(json!({"reason_category": "parts"})).expect("a request");
        Pause { status, paused_at: Some(now()), ..new.request(id(1), id(2), now()) }
    }

    #[test]
    fn the_grid_of_states_and_commands() {
        let mut grid = String::new();
        for &status in PauseStatus::ALL {
            for &command in PauseCommand::ALL {
                let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
                grid += &format!("{status:<9} {command:<7} -> {outcome}\n");
            }
        }
        insta::assert_snapshot!(grid, @r"
        pending   approve -> approved
        pending   deny    -> denied
        pending   end     -> INVALID_STATE
        pending   cancel  -> cancelled
        approved  approve -> INVALID_STATE
        approved  deny    -> INVALID_STATE
        approved  end     -> ended
        approved  cancel  -> INVALID_STATE
        denied    approve -> INVALID_STATE
        denied    deny    -> INVALID_STATE
        denied    end     -> INVALID_STATE
        denied    cancel  -> INVALID_STATE
        ended     approve -> INVALID_STATE
        ended     deny    -> INVALID_STATE
        ended     end     -> INVALID_STATE
        ended     cancel  -> INVALID_STATE
        cancelled approve -> INVALID_STATE
        cancelled deny    -> INVALID_STATE
        cancelled end     -> INVALID_STATE
        cancelled cancel  -> INVALID_STATE
        ");
    }

    #[test]
    fn nobody_but_an_admin_decides_on_their_own_request() {
        for &role in Role::ALL {
            let requester = User { id: id(2), ..user(role) };
            assert_eq!(
                pause(PauseStatus::Pending).may_be_decided_by(&requester).is_ok(),
                role == Role::Admin
            );
            let other = User { id: id(9), ..user(role) };
            assert!(pause(PauseStatus::Pending).may_be_decided_by(&other).is_ok());
        }
    }

    #[test]
    fn another_reason_is_told_in_twenty_letters() {
        let check = |body| NewPause::from_json(body).expect("a request").check();
        for &reason in PauseReason::ALL {
            let bare = check(json!({"reason_category": reason}));
            assert_eq!(bare.is_ok(), reason != PauseReason::Other, "{reason}");
        }
        let details =
            |count: usize| check(json!({"reason_category": "other", "reason_details": "x".repeat(count)}));
        assert!(details(19).is_err() && details(20).is_ok());
    }

    #[test]
    fn the_length_of_a_pause_is_kept_in_seconds() {
        let ended =
            pause(PauseStatus::Approved).end(Some(id(3)), now().plus_seconds(3 * 86_400 + 7)).expect("over");
        assert_eq!((ended.duration_seconds, ended.resumed_by_id), (Some(3 * 86_400 + 7), Some(id(3))));
        let early = pause(PauseStatus::Approved).end(None, now().plus_seconds(-5)).expect("over");
        assert_eq!(early.duration_seconds, Some(0), "clocks may be set back");
    }
}
