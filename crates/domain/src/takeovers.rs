//! Taking over what has come to a standstill: jobs paused for long, and inspections of the backlog (rule book §7).

use serde::Serialize;

use crate::{
    assignments::Assignment,
    ids::{AssignmentId, JobId, TakeoverId, UserId},
    input::{Invalid, input, text_enum},
    jobs::{Job, JobKind, JobStatus},
    rule::{Code, FieldError, Forbidden, Rule, article},
    text::Text,
    time::Instant,
    users::{Category, Role, User},
};

text_enum! {
    /// What is taken over.
    pub enum TakeoverKind {
        /// A specialist's job.
        Specialist = "specialist" | "specialist_job",
        /// An engineer's job.
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
    /// The role in which the bonus is won.
    pub const fn role(self) -> Role {
        match self {
            Self::Specialist => Role::Specialist,
            Self::Engineer => Role::Engineer,
            Self::Inspection => Role::Inspector,
        }
    }
}

text_enum! {
    /// How far a request to take over is.
    pub enum TakeoverStatus {
        /// In the queue.
        Pending = "pending",
        /// It was taken over.
        Approved = "approved",
        /// Somebody else got it, or nobody.
        Denied = "denied",
        /// Taken over and done.
        Completed = "completed",
    }
}

text_enum! {
    /// What can be done with a request to take over.
    pub enum TakeoverCommand {
        /// Let it be taken over.
        Approve = "approve",
        /// Don't.
        Deny = "deny",
        /// It is done.
        Complete = "complete",
        /// Somebody else has it now.
        Expire = "expire",
    }
}

/// Why something can't be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverRule {
    /// The command needs another status (§7).
    #[error("cannot {command} {} {status} takeover", article(.status.as_str()))]
    WrongStatus {
        /// What was asked.
        command: TakeoverCommand,
        /// The status it has.
        status: TakeoverStatus,
    },
    /// It hasn't been paused for three days, or isn't in the backlog (§7).
    #[error("only a job paused for three days, or an inspection of the backlog, can be taken over")]
    NotStalled,
    /// It is one's own (§7).
    #[error("it is yours already")]
    Own,
    /// Not on leave (§7).
    #[error("nobody takes anything over while on leave")]
    OnLeave,
    /// One request each (§7).
    #[error("you are in the queue already")]
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
}

/// Why a takeover is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverRefusal {
    /// The actor lacks the role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The partner doesn't fit.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A rule of §7 forbids it.
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

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Forbidden(refusal) => refusal.fields(),
            Self::Invalid(refusal) => refusal.fields(),
            Self::Rule(refusal) => refusal.fields(),
        }
    }
}

impl TakeoverStatus {
    /// The status after a command (§7).
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

/// A place in the queue of those who would take something over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::takeovers, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Takeover {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: TakeoverId,
    /// What is taken over.
    #[serde(rename = "job_type")]
    pub kind: TakeoverKind,
    /// The job, if it is one.
    #[serde(skip)]
    pub job_id: Option<JobId>,
    /// The assignment, if it is an inspection.
    pub assignment_id: Option<AssignmentId>,
    /// Who would take it over.
    pub requested_by_id: UserId,
    /// Who would inspect with them.
    pub partner_id: Option<UserId>,
    /// Whose job it was.
    pub previous_owner_id: Option<UserId>,
    /// Place in the queue, from 1.
    #[cfg_attr(feature = "diesel", diesel(column_name = place))]
    pub position: i64,
    /// Why they.
    pub reason: Option<String>,
    /// How far it is.
    pub status: TakeoverStatus,
    /// When it was asked for.
    pub requested_at: Instant,
    /// Who decided on it.
    pub decided_by_id: Option<UserId>,
    /// When that was.
    pub decided_at: Option<Instant>,
    /// When the taker was done.
    pub completed_at: Option<Instant>,
}

input! {
    /// A request to take a job over.
    pub struct NewTakeover {
        /// Why you.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// A request to take an inspection over.
    pub struct NewInspectionTakeover {
        /// Who inspects with you; one of you is mechanical, the other electrical.
        partner_id: UserId,
        /// Why you.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// Which requests.
    pub struct TakeoverFilter {
        /// Of this status.
        status: Option<TakeoverStatus>,
        /// For this kind of thing.
        job_type: Option<TakeoverKind>,
        /// For the job, or assignment, of this number.
        job_id: Option<i64>,
    }
}

input! {
    /// Whose queue.
    pub struct QueueOf {
        /// What is taken over.
        job_type: TakeoverKind,
        /// Number of the job, or of the assignment.
        job_id: i64,
    }
}

/// Seconds after which a paused job is stalled: three days (§7).
pub const STALLED_AFTER: i64 = 3 * 86_400;

/// Points for finishing what was taken over (§7).
pub const BONUS: i64 = 3;

impl Job {
    /// Whether it has been paused for three days or more (§7).
    pub fn is_stalled(&self, now: Instant) -> bool {
        self.status == JobStatus::Paused
            && self.paused_at.is_some_and(|since| since.plus_seconds(STALLED_AFTER) <= now)
    }

    /// Whether the actor may queue up for it: they have its role, don't own it, aren't on leave, and it is stalled (§7).
    pub fn may_be_taken_over_by(&self, actor: &User, now: Instant) -> Result<(), TakeoverRefusal> {
        if !actor.has(self.kind.role()) {
            return Err(Forbidden("only somebody with the role of a job may take it over").into());
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
    /// Whether the actor may queue up for it, with a partner of the other trade: both inspect, aren't on leave and aren't the
    /// same, the actor isn't on the team, and it belongs to the backlog (§7).
    pub fn may_be_taken_over_by(
        &self,
        actor: &User,
        partner: Option<&User>,
        now: Instant,
    ) -> Result<(), TakeoverRefusal> {
        let partner = partner
            .filter(|partner| partner.is_active && partner.has(Role::Inspector) && !partner.is_on_leave);
        let other = actor.specialization.map(Category::other);
        if partner.is_none_or(|partner| partner.specialization != other) {
            let other = other.map_or("other", Category::as_str);
            return Err(Invalid::field(
                "partner_id",
                format!("must be an active {other} inspector who isn't on leave"),
            )
            .into());
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

/// The next place in a queue that the actor isn't in yet (§7).
pub fn next_place(queue: &[Takeover], actor: UserId) -> Result<i64, TakeoverRule> {
    if queue.iter().any(|takeover| takeover.requested_by_id == actor) {
        return Err(TakeoverRule::Queued);
    }
    Ok(queue.iter().map(|takeover| takeover.position).max().unwrap_or(0) + 1)
}

impl Takeover {
    /// A place in the queue for a job.
    pub fn of_job(job: &Job, wanted: NewTakeover, by: UserId, position: i64, now: Instant) -> Self {
        Self {
            id: TakeoverId::UNSAVED,
            kind: job.kind.into(),
            job_id: Some(job.id),
            assignment_id: None,
            requested_by_id: by,
            partner_id: None,
            previous_owner_id: Some(job.owner_id),
            position,
            reason: wanted.reason.map(Into::into),
            status: TakeoverStatus::Pending,
            requested_at: now,
            decided_by_id: None,
            decided_at: None,
            completed_at: None,
        }
    }

    /// A place in the queue for an inspection.
    pub fn of_assignment(
        assignment: &Assignment,
        wanted: NewInspectionTakeover,
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
            partner_id: Some(wanted.partner_id),
            previous_owner_id: None,
            position,
            reason: wanted.reason.map(Into::into),
            status: TakeoverStatus::Pending,
            requested_at: now,
            decided_by_id: None,
            decided_at: None,
            completed_at: None,
        }
    }

    /// Number of the job, or of the assignment.
    pub fn target(&self) -> i64 {
        let assignment = self.assignment_id.map(AssignmentId::get);
        self.job_id.map(JobId::get).or(assignment).unwrap_or_default()
    }

    /// Taken over, or not (§7).
    pub fn decide(
        &self,
        command: TakeoverCommand,
        by: Option<UserId>,
        now: Instant,
    ) -> Result<Self, TakeoverRule> {
        let status = self.status.after(command)?;
        Ok(Self { status, decided_by_id: by, decided_at: Some(now), ..self.clone() })
    }

    /// Done by the taker (§7).
    pub fn complete(&self, now: Instant) -> Result<Self, TakeoverRule> {
        let status = self.status.after(TakeoverCommand::Complete)?;
        Ok(Self { status, completed_at: Some(now), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        jobs::Numbers,
        testing::{id, now, user},
    };

    #[test]
    fn the_grid_of_states_and_commands() {
        let mut grid = String::new();
        for &status in TakeoverStatus::ALL {
            for &command in TakeoverCommand::ALL {
                let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
                grid += &format!("{status:<9} {command:<8} -> {outcome}\n");
            }
        }
        insta::assert_snapshot!(grid, @r"
        pending   approve  -> approved
        pending   deny     -> denied
        pending   complete -> INVALID_STATE
        pending   expire   -> INVALID_STATE
        approved  approve  -> INVALID_STATE
        approved  deny     -> INVALID_STATE
        approved  complete -> completed
        approved  expire   -> denied
        denied    approve  -> INVALID_STATE
        denied    deny     -> INVALID_STATE
        denied    complete -> INVALID_STATE
        denied    expire   -> INVALID_STATE
        completed approve  -> INVALID_STATE
        completed deny     -> INVALID_STATE
        completed complete -> INVALID_STATE
        completed expire   -> INVALID_STATE
        ");
    }

    fn job(status: JobStatus) -> Job {
        let wanted = NewEngineer::input();
        let numbers = Numbers { universal: 1, of_owner: 1 };
        let job = Job::of_engineer(wanted, &user(Role::Engineer), numbers, None, now());
        Job { status, started_at: Some(now()), paused_at: Some(now()), ..job }
    }

    struct NewEngineer;

    impl NewEngineer {
        fn input() -> crate::jobs::NewEngineerJob {
            Input::from_json(json!({"job_type": "special_task", "title": "Look"})).expect("a job")
        }
    }

    #[test]
    fn each_is_once_in_a_queue_and_at_its_end() {
        let stalled = job(JobStatus::Paused);
        let wanted = || NewTakeover::from_json(json!({})).expect("a request");
        let queue = [3, 7].map(|place| Takeover::of_job(&stalled, wanted(), id(place), place, now()));
        assert_eq!(next_place(&[], id(3)), Ok(1));
        assert_eq!(next_place(&queue, id(4)), Ok(8), "places that became free aren't given again");
        assert_eq!(next_place(&queue, id(7)), Err(TakeoverRule::Queued));
    }

    #[test]
    fn three_days_to_the_second_make_a_paused_job_stalled() {
        let later = |seconds| now().plus_seconds(STALLED_AFTER + seconds);
        for &status in JobStatus::ALL {
            assert_eq!(job(status).is_stalled(later(0)), status == JobStatus::Paused, "{status}");
        }
        assert!(!job(JobStatus::Paused).is_stalled(later(-1)));
        assert!(job(JobStatus::Paused).is_stalled(later(1)));
    }

    #[test]
    fn whoever_has_the_role_and_time_may_queue_up() {
        let stalled = job(JobStatus::Paused);
        let then = now().plus_seconds(STALLED_AFTER);
        for &role in Role::ALL {
            let somebody = User { id: id(7), ..user(role) };
            let outcome = stalled.may_be_taken_over_by(&somebody, then);
            assert_eq!(outcome.is_ok(), role == Role::Engineer, "{role}");
        }
        let taker = User { id: id(7), ..user(Role::Engineer) };
        let away = User { is_on_leave: true, ..taker.clone() };
        let minor = User { minor_role: Some(Role::Engineer), ..User { id: id(7), ..user(Role::Inspector) } };
        let outcome = |who: &User, at| stalled.may_be_taken_over_by(who, at);
        assert_eq!(outcome(&taker, then), Ok(()));
        assert_eq!(outcome(&minor, then), Ok(()));
        assert_eq!(outcome(&away, then), Err(TakeoverRule::OnLeave.into()));
        assert_eq!(outcome(&user(Role::Engineer), then), Err(TakeoverRule::Own.into()));
        assert_eq!(outcome(&taker, now()), Err(TakeoverRule::NotStalled.into()));
    }
}
