//! Pauses of jobs: requested by the owner and approved by another user, or ordered by an admin
//! (rule book §7).

use serde::Serialize;

use crate::{
    ids::{JobId, PauseId, UserId},
    input::{Invalid, input, text_enum},
    message,
    message::Message,
    rule::{Code, Forbidden, Rule, article},
    text::Text,
    time::Instant,
    users::User,
};

text_enum! {
    /// Reason for a pause.
    pub enum PauseReason {
        /// Waiting for parts.
        Parts = "parts",
        /// End of the shift.
        DutyFinish = "duty_finish",
        /// Waiting for tools.
        Tools = "tools",
        /// Waiting for personnel.
        Manpower = "manpower",
        /// Waiting for the manufacturer.
        Oem = "oem",
        /// Other; requires details.
        Other = "other",
    }
}

text_enum! {
    /// Lifecycle status of a pause.
    pub enum PauseStatus {
        /// Requested.
        Pending = "pending",
        /// Approved: the job is paused.
        Approved = "approved",
        /// Denied.
        Denied = "denied",
        /// Ended: the job was resumed.
        Ended = "ended",
        /// Obsolete: the job ended before a decision.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// Decision on a pause, as the API shows it.
    pub enum PauseDecision {
        /// Requested.
        Pending = "pending",
        /// Approved: the job is or was paused.
        Approved = "approved",
        /// Denied, or obsolete because the job ended before a decision.
        Denied = "denied",
    }
}

text_enum! {
    /// Commands on a pause.
    pub enum PauseCommand {
        /// Approve the request.
        Approve = "approve",
        /// Deny the request.
        Deny = "deny",
        /// End it.
        End = "end",
        /// Cancel an obsolete request.
        Cancel = "cancel",
    }
}

/// Reasons for rejecting a command on a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PauseRule {
    /// The command is not allowed in the current status (§7).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: PauseCommand,
        /// Current status.
        status: PauseStatus,
    },
    /// The job has a pending request (§7).
    #[error("a pause of this job has already been requested")]
    Pending,
}

impl Rule for PauseRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } => Code::InvalidState,
            Self::Pending => Code::Duplicate,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => message!(
                "cannot {command} {article} {status} pause",
                command,
                article = article(status.as_str()),
                status,
            ),
            rule @ Self::Pending => rule.to_string().into(),
        }
    }
}

impl PauseStatus {
    /// The decision. It stays after the end of the pause; an obsolete request counts as denied.
    pub const fn decision(self) -> PauseDecision {
        match self {
            Self::Pending => PauseDecision::Pending,
            Self::Approved | Self::Ended => PauseDecision::Approved,
            Self::Denied | Self::Cancelled => PauseDecision::Denied,
        }
    }

    /// Status after a command (§7).
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
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::job_pauses, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Pause {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: PauseId,
    /// The job.
    pub job_id: JobId,
    /// User that requested or ordered it.
    #[serde(rename = "requested_by")]
    pub requested_by_id: UserId,
    /// Reason.
    pub reason_category: PauseReason,
    /// Details of the reason.
    pub reason_details: Option<String>,
    /// Lifecycle status.
    pub status: PauseStatus,
    /// Whether an admin ordered it.
    pub is_forced: bool,
    /// Time of the request.
    pub requested_at: Instant,
    /// User that decided it.
    #[serde(rename = "approved_by")]
    pub decided_by_id: Option<UserId>,
    /// Time of the decision.
    #[serde(rename = "approved_at")]
    pub decided_at: Option<Instant>,
    /// Reason for the denial.
    #[serde(rename = "denial_reason")]
    pub deny_reason: Option<String>,
    /// Begin of the pause.
    pub paused_at: Option<Instant>,
    /// End of the pause.
    pub resumed_at: Option<Instant>,
    /// User that resumed the job.
    pub resumed_by_id: Option<UserId>,
    /// Length of the pause in seconds.
    pub duration_seconds: Option<i64>,
}

crate::shows!(Pause {});

impl crate::entity::Entity for Pause {
    const NAME: &'static str = "pause";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

/// Minimum length of the details of `other`, in characters.
const SHORTEST_DETAILS: usize = 20;

input! {
    /// A request for a pause.
    pub struct NewPause {
        /// Reason.
        reason_category: PauseReason,
        /// Details; at least 20 characters for `other`.
        reason_details: Option<Text<1000>>,
    }
}

impl NewPause {
    /// Checks that the reason `other` has details (§7).
    pub fn validate(&self) -> Result<(), Invalid> {
        let length = self.reason_details.as_ref().map_or(0, |details| details.chars().count());
        if self.reason_category == PauseReason::Other && length < SHORTEST_DETAILS {
            let min = SHORTEST_DETAILS;
            let message = message!("must have at least {min} characters for another reason", min);
            return Err(Invalid::field("reason_details", message));
        }
        Ok(())
    }

    /// Builds the request (§7).
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
        /// Reason; `other` if absent.
        reason_category: Option<PauseReason>,
        /// Details of the reason.
        reason_details | "reason": Option<Text<1000>>,
    }
}

impl ForcedPause {
    /// Builds the ordered pause, which is approved at once and began at `since` (§7).
    pub fn order(self, job: JobId, by: UserId, since: Instant, now: Instant) -> Pause {
        let reason_category = self.reason_category.unwrap_or(PauseReason::Other);
        let request = NewPause { reason_category, reason_details: self.reason_details }.request(job, by, now);
        Pause {
            status: PauseStatus::Approved,
            is_forced: true,
            decided_by_id: Some(by),
            decided_at: Some(now),
            paused_at: Some(since),
            ..request
        }
    }
}

/// Reason for a denial without one.
const NO_REASON: &str = "No reason was given.";

input! {
    /// Denial of a pause.
    pub struct Denial {
        /// Reason; a default text if absent.
        reason | "denial_reason": Option<Text<1000>>,
    }
}

/// Whole seconds between two instants.
fn seconds_between(from: Instant, until: Instant) -> i64 {
    (until.as_second() - from.as_second()).max(0)
}

impl Pause {
    fn after(&self, command: PauseCommand) -> Result<Self, PauseRule> {
        Ok(Self { status: self.status.after(command)?, ..self.clone() })
    }

    /// Checks that the actor may decide it: only admins decide their own requests.
    pub fn may_be_decided_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || self.requested_by_id != actor.id {
            return Ok(());
        }
        Err(Forbidden("you can't decide on your own request for a pause"))
    }

    /// Begin of the pause that a request leads to: the instant of the request, since waiting for
    /// the decision is not work. `working_since` is the start of the job or the end of its last
    /// pause, which a correction of the timer may have moved (§7).
    pub fn begins_at(&self, working_since: Instant, now: Instant) -> Instant {
        self.requested_at.max(working_since).min(now)
    }

    /// Approves it; the pause began at `since` (§7).
    pub fn approve(&self, by: UserId, since: Instant, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::Approve)?;
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), paused_at: Some(since), ..after })
    }

    /// Denies it (§7).
    pub fn deny(&self, denial: Denial, by: UserId, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::Deny)?;
        let deny_reason = Some(denial.reason.map_or_else(|| NO_REASON.to_owned(), Into::into));
        Ok(Self { decided_by_id: Some(by), decided_at: Some(now), deny_reason, ..after })
    }

    /// Length of the pause in whole minutes.
    pub fn duration_minutes(&self) -> Option<i64> {
        self.duration_seconds.map(|seconds| seconds / 60)
    }

    /// The pause with other bounds, by a correction of the timer (§7).
    #[must_use]
    pub fn corrected(&self, from: Instant, until: Option<Instant>) -> Self {
        let duration_seconds = until.map(|until| seconds_between(from, until));
        Self { paused_at: Some(from), resumed_at: until, duration_seconds, ..self.clone() }
    }

    /// The pause as if it had not happened, by a correction of the timer (§7).
    #[must_use]
    pub fn void(&self) -> Self {
        let status = PauseStatus::Cancelled;
        Self { status, paused_at: None, resumed_at: None, duration_seconds: None, ..self.clone() }
    }

    /// Builds a pause that a correction of the timer adds (§7).
    pub fn added(
        job: JobId,
        reason: &str,
        by: UserId,
        from: Instant,
        until: Option<Instant>,
        now: Instant,
    ) -> Self {
        let order = ForcedPause { reason_category: None, reason_details: None };
        let added = order.order(job, by, from, now).corrected(from, until);
        let reason_details = Some(reason.to_owned());
        Self { status: PauseStatus::Ended, resumed_by_id: Some(by), reason_details, ..added }
    }

    /// Ends it (§7).
    pub fn end(&self, by: Option<UserId>, now: Instant) -> Result<Self, PauseRule> {
        let after = self.after(PauseCommand::End)?;
        let since = self.paused_at.unwrap_or(now);
        let duration_seconds = Some(seconds_between(since, now));
        Ok(Self { resumed_at: Some(now), resumed_by_id: by, duration_seconds, ..after })
    }

    /// Cancels a request that the end of the job made obsolete.
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
        testing::{changed_fields, changes, fields, id, later, now, user},
        users::Role,
    };

    fn request(body: serde_json::Value) -> Pause {
        NewPause::from_json(body).expect("a request").request(id(4), id(2), now())
    }

    fn pause(status: PauseStatus) -> Pause {
        let request = request(json!({"reason_category": "parts"}));
        Pause { id: id(7), status, paused_at: Some(now()), ..request }
    }

    fn denial() -> Denial {
        Denial::from_json(json!({"reason": "Not now."})).expect("a denial")
    }

    #[test]
    fn a_request_waits_for_a_decision_and_an_order_is_approved_at_once() {
        let asked = request(json!({"reason_category": "tools", "reason_details": "Torque wrench."}));
        insta::assert_snapshot!(fields(&asked).join("\n"), @r#"
        id: PauseId(0)
        job_id: JobId(4)
        requested_by_id: UserId(2)
        reason_category: Tools
        reason_details: Some("Torque wrench.")
        status: Pending
        is_forced: false
        requested_at: Instant(2026-03-01T07:00:00Z)
        decided_by_id: None
        decided_at: None
        deny_reason: None
        paused_at: None
        resumed_at: None
        resumed_by_id: None
        duration_seconds: None
        "#);
        let order = |body| ForcedPause::from_json(body).expect("an order").order(id(4), id(3), now(), now());
        let ordered = order(json!({"reason_category": "tools", "reason": "Torque wrench."}));
        insta::assert_snapshot!(changed_fields(&asked, &ordered), @r"
        requested_by_id: UserId(3)
        status: Approved
        is_forced: true
        decided_by_id: Some(UserId(3))
        decided_at: Some(Instant(2026-03-01T07:00:00Z))
        paused_at: Some(Instant(2026-03-01T07:00:00Z))
        ");
        let bare = order(json!({}));
        assert_eq!(changed_fields(&ordered, &bare), "reason_category: Other\nreason_details: None");
    }

    #[test]
    fn every_transition_changes_these_fields() {
        let (asked, begun) = (pause(PauseStatus::Pending), pause(PauseStatus::Approved));
        insta::assert_snapshot!(changes(&[
            ("approve", &asked, &asked.approve(id(9), now(), later()).expect("allowed")),
            ("deny", &asked, &asked.deny(denial(), id(9), later()).expect("allowed")),
            ("cancel", &asked, &asked.cancel().expect("allowed")),
            ("end", &begun, &begun.end(Some(id(9)), later()).expect("allowed")),
            ("end with the job", &begun, &begun.end(None, later()).expect("allowed")),
        ]), @r#"
        approve
          status: Approved
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
        deny
          status: Denied
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
          deny_reason: Some("Not now.")
        cancel
          status: Cancelled
        end
          status: Ended
          resumed_at: Some(Instant(2026-03-01T08:00:00Z))
          resumed_by_id: Some(UserId(9))
          duration_seconds: Some(3600)
        end with the job
          status: Ended
          resumed_at: Some(Instant(2026-03-01T08:00:00Z))
          duration_seconds: Some(3600)
        "#);
    }

    #[test]
    fn every_command_obeys_the_state_machine() {
        let status_of = |after: Result<Pause, PauseRule>| after.map(|pause| pause.status);
        for &status in PauseStatus::ALL {
            let subject = pause(status);
            let outcomes = [
                (PauseCommand::Approve, subject.approve(id(9), now(), now())),
                (PauseCommand::Deny, subject.deny(denial(), id(9), now())),
                (PauseCommand::End, subject.end(None, now())),
                (PauseCommand::Cancel, subject.cancel()),
            ];
            for (command, outcome) in outcomes {
                assert_eq!(status_of(outcome), status.after(command), "{command} {status}");
            }
        }
    }

    #[test]
    fn a_decision_stays_and_an_obsolete_request_counts_as_denied() {
        let decisions: Vec<_> = PauseStatus::ALL.iter().map(|status| status.decision().as_str()).collect();
        assert_eq!(decisions, ["pending", "approved", "denied", "approved", "denied"]);
    }

    #[test]
    fn a_denial_has_the_given_or_a_default_reason() {
        let reason = |body| {
            let denial = Denial::from_json(body).expect("a denial");
            let denied = pause(PauseStatus::Pending).deny(denial, id(9), now()).expect("pending");
            denied.deny_reason.expect("a reason")
        };
        assert_eq!(reason(json!({"reason": "Not now."})), "Not now.");
        assert_eq!(reason(json!({"denial_reason": "Not now."})), "Not now.");
        assert_eq!(reason(json!({})), NO_REASON);
    }

    #[test]
    fn a_pause_begins_with_its_request_and_not_before_the_work() {
        let at = |seconds: i64| now().plus_seconds(seconds);
        let asked = Pause { requested_at: at(60), ..pause(PauseStatus::Pending) };
        for (working_since, decided, begins) in [
            (at(0), at(7200), at(60)),
            (at(60), at(60), at(60)),
            // A correction of the timer has moved the start or the last pause behind the request.
            (at(90), at(7200), at(90)),
            // The clock was set back.
            (at(0), at(30), at(30)),
        ] {
            assert_eq!(asked.begins_at(working_since, decided), begins);
        }
        let approved = asked.approve(id(9), at(60), at(7200)).expect("pending");
        assert_eq!((approved.paused_at, approved.decided_at), (Some(at(60)), Some(at(7200))));
        assert_eq!(approved.end(None, at(7260)).expect("begun").duration_seconds, Some(7200));
    }

    #[test]
    fn a_second_request_is_a_duplicate() {
        assert_eq!(PauseRule::Pending.code(), Code::Duplicate);
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
    fn only_admins_decide_their_own_requests() {
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
    fn the_reason_other_needs_twenty_characters_of_details() {
        let check = |body| NewPause::from_json(body).expect("a request").validate();
        for &reason in PauseReason::ALL {
            let bare = check(json!({"reason_category": reason}));
            assert_eq!(bare.is_ok(), reason != PauseReason::Other, "{reason}");
        }
        let details =
            |count: usize| check(json!({"reason_category": "other", "reason_details": "x".repeat(count)}));
        assert_eq!(details(20), Ok(()));
        let refused = details(19).expect_err("too short").fields();
        assert_eq!(refused.iter().map(|error| &*error.field).collect::<Vec<_>>(), ["reason_details"]);
        let multibyte = json!({"reason_category": "other", "reason_details": "م".repeat(19)});
        assert!(check(multibyte).is_err(), "characters, not bytes, are counted");
    }

    #[test]
    fn the_length_of_a_pause_is_stored_in_seconds() {
        let begun = pause(PauseStatus::Approved);
        let length = |pause: &Pause, seconds| {
            pause.end(None, now().plus_seconds(seconds)).expect("over").duration_seconds
        };
        assert_eq!(length(&begun, 3 * 86_400 + 7), Some(3 * 86_400 + 7));
        let ended = begun.end(None, now().plus_seconds(179)).expect("over");
        assert_eq!((ended.duration_minutes(), begun.duration_minutes()), (Some(2), None));
        assert_eq!(length(&begun, -5), Some(0), "a clock set back yields no negative length");
        assert_eq!(length(&Pause { paused_at: None, ..begun }, 60), Some(0), "no known beginning");
    }
}
