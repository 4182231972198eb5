//! Takeovers of stalled work: jobs that are paused for long, and inspections of the backlog (rule
//! book §7).

use serde::Serialize;

use crate::{
    assignments::Assignment,
    ids::{AssignmentId, JobId, TakeoverId, UserId},
    input::{AnyOf, Invalid, input, text_enum},
    jobs::{Job, JobKind, JobStatus},
    message,
    message::Message,
    rule::{Code, FieldError, Forbidden, Rule, article},
    text::Text,
    time::Instant,
    users::{Category, Role, User},
};

text_enum! {
    /// Kind of work that is taken over.
    pub enum TakeoverKind {
        /// A repair job of a specialist.
        Specialist = "specialist" | "specialist_job",
        /// A job of an engineer.
        Engineer = "engineer" | "engineer_job",
        /// An assignment of a daily list.
        Inspection = "inspection",
    }
}

impl From<JobKind> for TakeoverKind {
    fn from(kind: JobKind) -> Self {
        match kind {
            JobKind::Specialist => Self::Specialist,
            JobKind::Engineer => Self::Engineer,
        }
    }
}

impl TakeoverKind {
    /// Role in which the bonus is earned.
    pub const fn role(self) -> Role {
        match self {
            Self::Specialist => Role::Specialist,
            Self::Engineer => Role::Engineer,
            Self::Inspection => Role::Inspector,
        }
    }
}

text_enum! {
    /// Lifecycle status of a takeover request.
    pub enum TakeoverStatus {
        /// Waiting in the queue.
        Pending = "pending",
        /// Approved; the work is transferred.
        Approved = "approved",
        /// Denied, or superseded by another request.
        Denied = "denied",
        /// The work was completed by the taker.
        Completed = "completed",
    }
}

text_enum! {
    /// Commands on a takeover request.
    pub enum TakeoverCommand {
        /// Approve the transfer.
        Approve = "approve",
        /// Deny the transfer.
        Deny = "deny",
        /// Complete the work.
        Complete = "complete",
        /// Expire an approval because the work was transferred again or ended.
        Expire = "expire",
    }
}

/// Reasons for rejecting a takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverRule {
    /// The command is not allowed in the current status (§7).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: TakeoverCommand,
        /// Current status.
        status: TakeoverStatus,
    },
    /// The job is not paused for three days, or the inspection is not in the backlog (§7).
    #[error("only a job paused for three days, or an inspection of the backlog, can be taken over")]
    NotStalled,
    /// The actor already owns the work (§7).
    #[error("you already own this")]
    Own,
    /// The actor is on leave (§7).
    #[error("you can't take over work while on leave")]
    OnLeave,
    /// The actor has a request in the queue (§7).
    #[error("you are already in the queue")]
    Queued,
}

impl Rule for TakeoverRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::NotStalled => Code::InvalidState,
            Self::Own | Self::OnLeave => Code::RuleViolation,
            Self::Queued => Code::Duplicate,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => message!(
                "cannot {command} {article} {status} takeover",
                command,
                article = article(status.as_str()),
                status,
            ),
            rule => rule.to_string().into(),
        }
    }
}

/// Error of a takeover: a missing role, an unsuitable partner or a violated rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverRefusal {
    /// The actor lacks the role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The partner is unsuitable.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A rule of takeovers is violated (§7).
    #[error(transparent)]
    Rule(#[from] TakeoverRule),
}

impl Rule for TakeoverRefusal {
    fn code(&self) -> Code {
        match self {
            Self::Forbidden(refusal) => refusal.code(),
            Self::Invalid(refusal) => refusal.code(),
            Self::Rule(refusal) => refusal.code(),
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::Forbidden(refusal) => refusal.message(),
            Self::Invalid(refusal) => refusal.message(),
            Self::Rule(refusal) => refusal.message(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Forbidden(refusal) => refusal.fields(),
            Self::Invalid(refusal) => refusal.fields(),
            Self::Rule(refusal) => refusal.fields(),
        }
    }
}

impl TakeoverStatus {
    /// Status after a command (§7).
    pub fn after(self, command: TakeoverCommand) -> Result<Self, TakeoverRule> {
        match (self, command) {
            (Self::Pending, TakeoverCommand::Approve) => Ok(Self::Approved),
            (Self::Pending, TakeoverCommand::Deny) | (Self::Approved, TakeoverCommand::Expire) => {
                Ok(Self::Denied)
            }
            (Self::Approved, TakeoverCommand::Complete) => Ok(Self::Completed),
            (status, command) => Err(TakeoverRule::WrongStatus { command, status }),
        }
    }
}

/// A request in the queue for a takeover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::takeovers, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Takeover {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: TakeoverId,
    /// Kind of the work.
    #[serde(rename = "job_type")]
    pub kind: TakeoverKind,
    /// The job; none for an inspection.
    #[serde(skip)]
    pub job_id: Option<JobId>,
    /// The assignment; none for a job.
    pub assignment_id: Option<AssignmentId>,
    /// User that requests the takeover.
    #[serde(rename = "requested_by")]
    pub requested_by_id: UserId,
    /// Partner for an inspection.
    pub partner_id: Option<UserId>,
    /// Previous owner of the job.
    pub previous_owner_id: Option<UserId>,
    /// Position in the queue, from 1.
    #[serde(rename = "queue_position")]
    #[cfg_attr(feature = "diesel", diesel(column_name = place))]
    pub position: i64,
    /// Reason of the requester.
    pub reason: Option<String>,
    /// Lifecycle status.
    pub status: TakeoverStatus,
    /// Time of the request.
    pub requested_at: Instant,
    /// User that approved or denied it.
    #[serde(rename = "approved_by")]
    pub decided_by_id: Option<UserId>,
    /// Time of the approval or denial.
    #[serde(rename = "approved_at")]
    pub decided_at: Option<Instant>,
    /// Time at which the taker completed the work.
    pub completed_at: Option<Instant>,
}

impl crate::entity::Entity for Takeover {
    const NAME: &'static str = "takeover";
    const PATH: Option<&'static str> = Some("/takeovers");

    fn id(&self) -> i64 {
        self.id.get()
    }
}

crate::shows!(Takeover {});

input! {
    /// A request to take over a job.
    pub struct NewTakeover {
        /// Reason for the request.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// A request to take over an inspection.
    pub struct NewInspectionTakeover {
        /// Partner; one of the two is mechanical, the other electrical.
        partner_id: UserId,
        /// Reason for the request.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// Filter of a list of takeover requests.
    pub struct TakeoverFilter {
        /// Filter by status.
        status: AnyOf<TakeoverStatus>,
        /// Filter by kind of work.
        job_type: AnyOf<TakeoverKind>,
        /// Filter by primary key of the job or assignment.
        job_id: Option<i64>,
    }
}

input! {
    /// The queue to list.
    pub struct QueueOf {
        /// Kind of the work.
        job_type: TakeoverKind,
        /// Primary key of the job or assignment.
        job_id: i64,
    }
}

/// Seconds after which a paused job is stalled: three days (§7).
pub const STALLED_AFTER: i64 = 3 * 86_400;

/// Points for completing a takeover (§7).
pub const BONUS: i64 = 3;

impl Job {
    /// Whether it has been paused for at least three days (§7).
    pub fn is_stalled(&self, now: Instant) -> bool {
        self.status == JobStatus::Paused
            && self.paused_at.is_some_and(|since| since.plus_seconds(STALLED_AFTER) <= now)
    }

    /// Checks that the actor may request it: in its role, not its owner, not on leave, and the job
    /// is stalled (§7).
    pub fn may_be_taken_over_by(&self, actor: &User, now: Instant) -> Result<(), TakeoverRefusal> {
        if !actor.has(self.kind.role()) {
            return Err(Forbidden("only a user with the role of the job may take it over").into());
        }
        if self.is_owned_by(actor) {
            Err(TakeoverRule::Own.into())
        } else if actor.is_on_leave {
            Err(TakeoverRule::OnLeave.into())
        } else if self.is_stalled(now) {
            Ok(())
        } else {
            Err(TakeoverRule::NotStalled.into())
        }
    }
}

impl Assignment {
    /// Checks that the actor may request it with a partner of the other trade: both are active
    /// inspectors and not on leave, the actor is not on the team, the partner has not completed the
    /// other half, and the assignment belongs to the backlog (§7).
    pub fn may_be_taken_over_by(
        &self,
        actor: &User,
        partner: Option<&User>,
        now: Instant,
    ) -> Result<(), TakeoverRefusal> {
        if !actor.is_active || !actor.has(Role::Inspector) {
            return Err(Forbidden("only an active inspector may take an inspection over").into());
        }
        let partner = partner
            .filter(|partner| partner.is_active && partner.has(Role::Inspector) && !partner.is_on_leave);
        let other = actor.specialization.map(Category::other);
        if partner.is_none_or(|partner| partner.specialization != other) {
            let other = other.map_or("other", Category::as_str);
            return Err(Invalid::field(
                "partner_id",
                message!("must be an active {trade} inspector who isn't on leave", trade = other),
            )
            .into());
        }
        // The trade of an inspector can change, but each half has its own inspector.
        let done_by =
            self.completed_half().and_then(|half| self.inspector(half).filter(|_| Some(half) != other));
        if done_by.is_some() && done_by == partner.map(|partner| partner.id) {
            return Err(Invalid::field("partner_id", "has completed the other half").into());
        }
        if self.team().contains(&Some(actor.id)) {
            Err(TakeoverRule::Own.into())
        } else if actor.is_on_leave {
            Err(TakeoverRule::OnLeave.into())
        } else if self.is_overdue(now) {
            Ok(())
        } else {
            Err(TakeoverRule::NotStalled.into())
        }
    }
}

/// Next position in a queue without a request of the actor (§7).
pub fn next_position(queue: &[Takeover], actor: UserId) -> Result<i64, TakeoverRule> {
    if queue.iter().any(|takeover| takeover.requested_by_id == actor) {
        return Err(TakeoverRule::Queued);
    }
    Ok(queue.iter().map(|takeover| takeover.position).max().unwrap_or(0) + 1)
}

impl Takeover {
    /// Builds a request for a job.
    pub fn of_job(job: &Job, input: NewTakeover, by: UserId, position: i64, now: Instant) -> Self {
        Self {
            id: TakeoverId::UNSAVED,
            kind: job.kind.into(),
            job_id: Some(job.id),
            assignment_id: None,
            requested_by_id: by,
            partner_id: None,
            previous_owner_id: Some(job.owner_id),
            position,
            reason: input.reason.map(Into::into),
            status: TakeoverStatus::Pending,
            requested_at: now,
            decided_by_id: None,
            decided_at: None,
            completed_at: None,
        }
    }

    /// Builds a request for an inspection.
    pub fn of_assignment(
        assignment: &Assignment,
        input: NewInspectionTakeover,
        by: UserId,
        position: i64,
        now: Instant,
    ) -> Self {
        Self {
            id: TakeoverId::UNSAVED,
            kind: TakeoverKind::Inspection,
            job_id: None,
            assignment_id: Some(assignment.id),
            requested_by_id: by,
            partner_id: Some(input.partner_id),
            previous_owner_id: None,
            position,
            reason: input.reason.map(Into::into),
            status: TakeoverStatus::Pending,
            requested_at: now,
            decided_by_id: None,
            decided_at: None,
            completed_at: None,
        }
    }

    /// Primary key of the job or assignment.
    pub fn target(&self) -> i64 {
        let assignment = self.assignment_id.map(AssignmentId::get);
        self.job_id.map(JobId::get).or(assignment).unwrap_or_default()
    }

    /// Applies an approval, a denial or an expiry (§7).
    pub fn decide(
        &self,
        command: TakeoverCommand,
        by: Option<UserId>,
        now: Instant,
    ) -> Result<Self, TakeoverRule> {
        let status = self.status.after(command)?;
        Ok(Self { status, decided_by_id: by, decided_at: Some(now), ..self.clone() })
    }

    /// Everyone that it gives the work to.
    pub fn takers(&self) -> Vec<UserId> {
        self.partner_id.into_iter().chain([self.requested_by_id]).collect()
    }

    /// Records that the taker completed the work (§7).
    pub fn complete(&self, now: Instant) -> Result<Self, TakeoverRule> {
        let status = self.status.after(TakeoverCommand::Complete)?;
        Ok(Self { status, completed_at: Some(now), ..self.clone() })
    }
}

#[cfg(test)]
mod tests;
