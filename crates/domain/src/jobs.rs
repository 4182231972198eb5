//! Jobs: repairs by specialists and work of engineers. Both have one timer and one state machine; what differs is named
//! (rule book §7).

mod cleaning;
mod inputs;
mod status;
mod timer;

use serde::Serialize;

pub use cleaning::Cleaning;
pub use inputs::{
    AssignSpecialist, BonusRating, CleaningRating, Completion, EngineerJobFilter, IncompleteReason,
    JobFilter, JobOrder, NewCleaning, NewEngineerJob, PlannedTime, Reassignment,
};
pub use status::{JobCommand, JobStatus};
pub use timer::{Hours, Segment, Times, time_rating};

use crate::{
    defects::Defect,
    ids::{DefectId, EquipmentId, InspectionId, JobId, UserId},
    input::{Invalid, text_enum},
    rule::{Code, Forbidden, Rule},
    time::Instant,
    users::{Role, User},
};

text_enum! {
    /// Whose kind of job it is.
    pub enum JobKind {
        /// A specialist repairs a defect.
        Specialist = "specialist" | "specialist_job",
        /// An engineer works on a project, a review or a task.
        Engineer = "engineer" | "engineer_job",
    }
}

impl JobKind {
    /// The role whose job it is, in which its points are won.
    pub const fn role(self) -> Role {
        match self {
            Self::Specialist => Role::Specialist,
            Self::Engineer => Role::Engineer,
        }
    }

    /// What such a job is called in notifications and the audit trail, and where clients find it.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Specialist => ("specialist_job", "/jobs"),
            Self::Engineer => ("engineer_job", "/engineer-jobs"),
        }
    }
}

text_enum! {
    /// How large a job is.
    pub enum JobCategory {
        /// Ordinary.
        Minor = "minor",
        /// Large, for a reason that is given.
        Major = "major",
    }
}

text_enum! {
    /// What an engineer works on.
    pub enum EngineerJobType {
        /// A project.
        CustomProject = "custom_project",
        /// A system is reviewed.
        SystemReview = "system_review",
        /// Something special.
        SpecialTask = "special_task",
    }
}

/// Work of one person, under a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::jobs, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Job {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: JobId,
    /// Whose kind of job it is.
    pub kind: JobKind,
    /// Number among all of its kind.
    pub universal_id: i64,
    /// Badge of its first owner and a number, such as `SPE003-012`.
    pub job_id: String,
    /// Whose job it is.
    pub owner_id: UserId,
    /// Who made it.
    pub created_by_id: Option<UserId>,
    /// How large it is.
    pub category: JobCategory,
    /// Why it is a large one.
    pub major_reason: Option<String>,
    /// How far it is.
    pub status: JobStatus,
    /// The defect it repairs, or has to do with.
    pub defect_id: Option<DefectId>,
    /// The machine.
    pub equipment_id: Option<EquipmentId>,
    /// The inspection it has to do with.
    pub inspection_id: Option<InspectionId>,
    /// What an engineer works on.
    pub job_type: Option<EngineerJobType>,
    /// Title of an engineer's job.
    pub title: Option<String>,
    /// What an engineer is to do.
    pub description: Option<String>,
    /// Days an engineer's job is to take.
    pub planned_time_days: Option<i64>,
    /// Hours its owner thinks it takes.
    pub planned_time_hours: Option<Hours>,
    /// When it was begun.
    pub started_at: Option<Instant>,
    /// Since when it has been paused, if it is.
    pub paused_at: Option<Instant>,
    /// Seconds of its pauses so far, without one that goes on.
    pub paused_seconds: i64,
    /// When it was done.
    pub completed_at: Option<Instant>,
    /// Hours it took, without pauses.
    pub actual_time_hours: Option<Hours>,
    /// How well the planned time was kept, 1 to 7.
    pub time_rating: Option<i64>,
    /// What was done.
    pub work_notes: Option<String>,
    /// How it was completed, in the client's words.
    pub completion_status: Option<String>,
    /// Why it was left undone, or not accepted.
    pub incomplete_reason: Option<String>,
    /// An admin's bonus, 0 to 10.
    pub admin_bonus: Option<i64>,
    /// Who reviews it.
    pub qe_id: Option<UserId>,
    /// How good the reviewer found it, 1 to 5.
    pub qc_rating: Option<i64>,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

crate::translations::translated!(Job, "job", { title, description, major_reason, work_notes, incomplete_reason });

/// Why a job can't go on as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobRule {
    /// The command needs another status (§7).
    #[error("{command} is not possible, the job is {status}")]
    WrongStatus {
        /// What was asked.
        command: JobCommand,
        /// The status it has.
        status: JobStatus,
    },
    /// The owner hasn't entered the planned time (§7).
    #[error("enter your planned time first")]
    PlannedTimeRequired,
    /// The planned time is entered once (§7).
    #[error("the planned time has been entered already")]
    PlannedAlready,
    /// One job a defect (§6).
    #[error("somebody works on this defect already")]
    AlreadyAssigned,
    /// Only repairs are cleaned up after (§7).
    #[error("there is nothing to rate yet: tell of the cleaning first")]
    NotCleaned,
}

impl Rule for JobRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::PlannedAlready | Self::NotCleaned => Code::InvalidState,
            Self::PlannedTimeRequired => Code::PlannedTimeRequired,
            Self::AlreadyAssigned => Code::Duplicate,
        }
    }
}

/// The numbers a new job gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Among all jobs of its kind.
    pub universal: i64,
    /// Among the jobs that began with its owner's badge.
    pub of_owner: i64,
}

impl Numbers {
    /// The number of a job as people say it: three digits or more (§7).
    pub fn job_id(self, badge: &str) -> String {
        format!("{badge}-{:03}", self.of_owner)
    }
}

/// Whether somebody can have a job of this kind: they are active, have its role and are not on leave (§7).
pub fn may_own(person: Option<&User>, kind: JobKind, field: &str) -> Result<(), Invalid> {
    let role = kind.role();
    match person {
        Some(person) if person.is_active && person.has(role) && !person.is_on_leave => Ok(()),
        _ => Err(Invalid::field(field, format!("must be an active {role} who isn't on leave"))),
    }
}

/// Whether somebody may list the jobs of everybody: admins, engineers and quality engineers (§7).
pub fn may_see_all(actor: &User) -> bool {
    actor.is_admin() || actor.has(Role::Engineer) || actor.has(Role::QualityEngineer)
}

impl Job {
    fn new(kind: JobKind, owner: &User, numbers: Numbers, by: Option<UserId>, now: Instant) -> Self {
        let badge = owner.badge_of(kind.role());
        Self {
            id: JobId::UNSAVED,
            kind,
            universal_id: numbers.universal,
            job_id: numbers.job_id(badge),
            owner_id: owner.id,
            created_by_id: by,
            category: JobCategory::Minor,
            major_reason: None,
            status: JobStatus::Assigned,
            defect_id: None,
            equipment_id: None,
            inspection_id: None,
            job_type: None,
            title: None,
            description: None,
            planned_time_days: None,
            planned_time_hours: None,
            started_at: None,
            paused_at: None,
            paused_seconds: 0,
            completed_at: None,
            actual_time_hours: None,
            time_rating: None,
            work_notes: None,
            completion_status: None,
            incomplete_reason: None,
            admin_bonus: None,
            qe_id: None,
            qc_rating: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The repair of a defect (§6).
    pub fn repair(
        defect: &Defect,
        wanted: AssignSpecialist,
        specialist: &User,
        numbers: Numbers,
        by: Option<UserId>,
        now: Instant,
    ) -> Self {
        Self {
            category: wanted.category.unwrap_or(JobCategory::Minor),
            major_reason: wanted.major_reason.map(Into::into),
            defect_id: Some(defect.id),
            equipment_id: Some(defect.equipment_id),
            inspection_id: Some(defect.inspection_id),
            ..Self::new(JobKind::Specialist, specialist, numbers, by, now)
        }
    }

    /// A job of an engineer (§7).
    pub fn of_engineer(
        wanted: NewEngineerJob,
        engineer: &User,
        numbers: Numbers,
        by: Option<UserId>,
        now: Instant,
    ) -> Self {
        Self {
            category: wanted.category.unwrap_or(JobCategory::Minor),
            major_reason: wanted.major_reason.map(Into::into),
            defect_id: wanted.related_defect_id,
            equipment_id: wanted.equipment_id,
            inspection_id: wanted.related_inspection_id,
            job_type: Some(wanted.job_type),
            title: Some(wanted.title.into()),
            description: wanted.description.map(Into::into),
            planned_time_days: wanted.planned_time_days.map(Into::into),
            ..Self::new(JobKind::Engineer, engineer, numbers, by, now)
        }
    }

    /// Whether it is this person's.
    pub fn is_owned_by(&self, person: &User) -> bool {
        self.owner_id == person.id
    }

    /// Whether the actor may see it: its owner, and whoever sees all (§7).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        let sees = match self.kind {
            JobKind::Specialist => may_see_all(actor),
            JobKind::Engineer => actor.is_admin() || actor.has(Role::QualityEngineer),
        };
        if sees || self.is_owned_by(actor) {
            return Ok(());
        }
        Err(Forbidden("this job is somebody else's"))
    }

    /// Whether the actor works on it: its owner (§7).
    pub fn may_be_worked_on_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.is_owned_by(actor) { Ok(()) } else { Err(Forbidden("this job is somebody else's")) }
    }

    /// Whether the actor may let it go on: its owner, an engineer or an admin (§7).
    pub fn may_be_resumed_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.is_owned_by(actor) || actor.is_admin() || actor.has(Role::Engineer) {
            return Ok(());
        }
        Err(Forbidden("only its owner, an engineer or an admin may let a job go on"))
    }

    /// Whether the actor sees its details: whoever owns it enters the planned time before (§7).
    pub fn may_be_opened_by(&self, actor: &User) -> Result<(), JobRule> {
        if self.is_owned_by(actor) { self.is_planned() } else { Ok(()) }
    }

    /// Whether the planned time has been entered.
    pub const fn is_planned(&self) -> Result<(), JobRule> {
        if self.planned_time_hours.is_some() { Ok(()) } else { Err(JobRule::PlannedTimeRequired) }
    }

    fn after(&self, command: JobCommand, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { status: self.status.after(command)?, updated_at: now, ..self.clone() })
    }

    /// With the planned time, which is entered once (§7).
    pub fn plan(&self, planned: &PlannedTime, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Plan, now)?;
        if self.planned_time_hours.is_some() {
            return Err(JobRule::PlannedAlready);
        }
        Ok(Self { planned_time_hours: Some(planned.planned_time_hours), ..after })
    }

    /// Begun (§7).
    pub fn start(&self, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Start, now)?;
        self.is_planned()?;
        Ok(Self { started_at: Some(now), ..after })
    }

    /// Paused from now on (§7).
    pub fn pause(&self, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { paused_at: Some(now), ..self.after(JobCommand::Pause, now)? })
    }

    /// Going on; the length of the pause is added to the paused time (§7).
    pub fn resume(&self, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Resume, now)?;
        Ok(Self { paused_seconds: self.times(now).paused, paused_at: None, ..after })
    }

    /// How long it has been worked on, and paused, until an instant or its end.
    pub fn times(&self, until: Instant) -> Times {
        let until = self.completed_at.unwrap_or(until);
        self.started_at.map_or(Times::default(), |started| {
            Times::of_totals(started, self.paused_seconds, self.paused_at, until)
        })
    }

    /// Done: how long it took, and how well that was planned (§7).
    pub fn complete(&self, done: Completion, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Complete, now)?;
        let planned = self.planned_time_hours.ok_or(JobRule::PlannedTimeRequired)?;
        let worked = self.times(now).worked;
        Ok(Self {
            completed_at: Some(now),
            actual_time_hours: Some(Hours::of_seconds(worked)),
            time_rating: Some(time_rating(planned.seconds(), worked)),
            work_notes: Some(done.work_notes.into()),
            completion_status: done.completion_status.map(Into::into),
            ..after
        })
    }

    /// Left undone, for a reason; a pause that goes on ends (§7).
    pub fn leave_incomplete(&self, reason: String, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::LeaveIncomplete, now)?;
        let paused_seconds = self.times(now).paused;
        Ok(Self { paused_seconds, paused_at: None, incomplete_reason: Some(reason), ..after })
    }

    /// Nothing to do after all (§6).
    pub fn cancel(&self, now: Instant) -> Result<Self, JobRule> {
        self.after(JobCommand::Cancel, now)
    }

    /// With a quality engineer who reviews it (§8).
    #[must_use]
    pub fn reviewed_by(&self, qe: Option<UserId>, now: Instant) -> Self {
        Self { qe_id: qe, updated_at: now, ..self.clone() }
    }

    /// Found good, with a rating, or without one if a rejection was wrong (§8).
    pub fn approve_quality(&self, rating: Option<i64>, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { qc_rating: rating, ..self.after(JobCommand::ApproveQuality, now)? })
    }

    /// Found not good enough (§8).
    pub fn reject_quality(&self, reason: String, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { incomplete_reason: Some(reason), ..self.after(JobCommand::RejectQuality, now)? })
    }

    /// Somebody else's, as if it had just been assigned to them; what happened before is in the pause log, the takeover and
    /// the audit trail (§7).
    fn handed_to(after: Self, owner: UserId) -> Self {
        Self {
            owner_id: owner,
            planned_time_hours: None,
            started_at: None,
            paused_at: None,
            paused_seconds: 0,
            completed_at: None,
            actual_time_hours: None,
            time_rating: None,
            work_notes: None,
            completion_status: None,
            incomplete_reason: None,
            admin_bonus: None,
            qe_id: None,
            qc_rating: None,
            ..after
        }
    }

    /// Taken over by somebody, since it has been paused for long (§7).
    pub fn taken_over_by(&self, taker: UserId, now: Instant) -> Result<Self, JobRule> {
        Ok(Self::handed_to(self.after(JobCommand::TakeOver, now)?, taker))
    }

    /// Given to somebody by an admin, since it was left undone (§7).
    pub fn reassigned_to(&self, specialist: UserId, now: Instant) -> Result<Self, JobRule> {
        Ok(Self::handed_to(self.after(JobCommand::Reassign, now)?, specialist))
    }

    /// With an admin's bonus (§7).
    pub fn rewarded(&self, bonus: i64, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { admin_bonus: Some(bonus), ..self.after(JobCommand::Reward, now)? })
    }

    /// Points to book for a bonus: the difference to what its owner has got for this job so far (§7).
    pub fn bonus_over(&self, booked: i64) -> i64 {
        self.admin_bonus.unwrap_or(0) - booked
    }
}

#[cfg(test)]
mod tests;
