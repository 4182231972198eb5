//! A job, from its assignment to its end (rule book §7).

use serde::Serialize;

use super::{
    inputs::{AssignSpecialist, Completion, Estimate, NewEngineerJob, OnBehalfReason},
    kind::{EngineerJobType, JobCategory, JobKind},
    status::{JobCommand, JobRule, JobStatus},
    timer::{Hours, Times, time_rating},
};
use crate::{
    defects::Defect,
    ids::{DefectId, EquipmentId, InspectionId, JobId, UserId},
    input::Invalid,
    message,
    rule::Forbidden,
    time::Instant,
    users::{Role, User},
};

/// Work of one person, measured by a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::jobs, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Job {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: JobId,
    /// Kind of the job.
    pub kind: JobKind,
    /// Sequence number among all jobs of its kind.
    pub universal_id: i64,
    /// Badge of the first owner and sequence number, such as `SPE003-012`.
    pub job_id: String,
    /// Owner.
    pub owner_id: UserId,
    /// User that created it.
    pub created_by_id: Option<UserId>,
    /// Size.
    pub category: JobCategory,
    /// Reason for the size `major`.
    pub major_reason: Option<String>,
    /// Lifecycle status.
    pub status: JobStatus,
    /// Defect to repair, or related defect.
    pub defect_id: Option<DefectId>,
    /// The machine.
    pub equipment_id: Option<EquipmentId>,
    /// Related inspection.
    pub inspection_id: Option<InspectionId>,
    /// Type of an engineer's job.
    pub job_type: Option<EngineerJobType>,
    /// Title of an engineer's job.
    pub title: Option<String>,
    /// Description of an engineer's job.
    pub description: Option<String>,
    /// Planned time of an engineer's job in days, by its creator or its owner.
    pub planned_time_days: Option<i64>,
    /// Planned time in hours, entered by the owner.
    pub planned_time_hours: Option<Hours>,
    /// Start time.
    pub started_at: Option<Instant>,
    /// Begin of the present pause; none unless paused.
    pub paused_at: Option<Instant>,
    /// Total length of the completed pauses in seconds.
    pub paused_seconds: i64,
    /// Completion time.
    pub completed_at: Option<Instant>,
    /// Hours worked, without pauses.
    pub actual_time_hours: Option<Hours>,
    /// Rating of the planned time, 1 to 7.
    pub time_rating: Option<i64>,
    /// Description of the work.
    pub work_notes: Option<String>,
    /// Completion status, as given by the client.
    pub completion_status: Option<String>,
    /// Reason for leaving it incomplete, for its rejection or its cancellation.
    pub incomplete_reason: Option<String>,
    /// Admin's bonus, 0 to 10.
    pub admin_bonus: Option<i64>,
    /// Quality engineer of the review.
    pub qe_id: Option<UserId>,
    /// Rating of the review, 1 to 5.
    pub qc_rating: Option<i64>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// Time at which the last change made offline was received; none if there was none.
    pub received_at: Option<Instant>,
}

crate::translated!(Job, "job", { title, description, major_reason, work_notes, incomplete_reason });

impl crate::entity::Entity for Job {
    /// The audit trail and notifications have the name of the job's kind instead.
    const NAME: &'static str = "job";
    const CHANGED_KIND: Option<crate::entity::ChangedKind> = Some(crate::entity::ChangedKind::Job);

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn name(&self) -> &'static str {
        self.kind.names().0
    }

    fn path(&self) -> Option<&'static str> {
        Some(self.kind.names().1)
    }

    fn followers(&self) -> Vec<UserId> {
        vec![self.owner_id]
    }
}

/// Sequence numbers of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Sequence number among all jobs of its kind.
    pub universal: i64,
    /// Sequence number among the jobs with the owner's badge.
    pub of_owner: i64,
}

impl Numbers {
    /// Human-readable job number, padded to three digits (§7).
    pub fn job_id(self, badge: &str) -> String {
        format!("{badge}-{:03}", self.of_owner)
    }
}

/// Checks that a person can own a job of this kind: active, in its role and not on leave (§7).
pub fn may_own(person: Option<&User>, kind: JobKind, field: &str) -> Result<(), Invalid> {
    let role = kind.role();
    match person {
        Some(person) if person.is_active && person.has(role) && !person.is_on_leave => Ok(()),
        _ => Err(Invalid::field(field, message!("must be an active {role} who isn't on leave", role))),
    }
}

/// Whether the actor may list all jobs: admins, engineers and quality engineers (§7).
pub fn may_see_all(actor: &User) -> bool {
    actor.is_admin() || actor.has(Role::Engineer) || actor.has(Role::QualityEngineer)
}

/// Extent of a job that a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// The outline, until the planned time is entered.
    Outline(JobRule),
    /// The facts, since the job belongs to another user.
    Facts,
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
            received_at: None,
        }
    }

    /// Builds the repair of a defect (§6).
    pub fn repair(
        defect: &Defect,
        input: AssignSpecialist,
        specialist: &User,
        numbers: Numbers,
        by: Option<UserId>,
        now: Instant,
    ) -> Self {
        Self {
            category: input.category.unwrap_or(JobCategory::Minor),
            major_reason: input.major_reason.map(Into::into),
            defect_id: Some(defect.id),
            equipment_id: Some(defect.equipment_id),
            inspection_id: defect.inspection_id,
            ..Self::new(JobKind::Specialist, specialist, numbers, by, now)
        }
    }

    /// Builds a job of an engineer (§7).
    pub fn of_engineer(
        input: NewEngineerJob,
        engineer: &User,
        numbers: Numbers,
        by: Option<UserId>,
        now: Instant,
    ) -> Self {
        Self {
            category: input.category.unwrap_or(JobCategory::Minor),
            major_reason: input.major_reason.map(Into::into),
            defect_id: input.related_defect_id,
            equipment_id: input.equipment_id,
            inspection_id: input.related_inspection_id,
            job_type: Some(input.job_type),
            title: Some(input.title.into()),
            description: input.description.map(Into::into),
            planned_time_days: input.planned_time_days.map(Into::into),
            ..Self::new(JobKind::Engineer, engineer, numbers, by, now)
        }
    }

    /// Whether the person owns it.
    pub(crate) fn is_owned_by(&self, person: &User) -> bool {
        self.owner_id == person.id
    }

    /// Checks that the actor may see it: its owner and users that see all jobs (§7).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        let sees = match self.kind {
            JobKind::Specialist => may_see_all(actor),
            JobKind::Engineer => actor.is_admin() || actor.has(Role::QualityEngineer),
        };
        if sees || self.is_owned_by(actor) {
            return Ok(());
        }
        Err(Forbidden("this job belongs to another user"))
    }

    /// Checks that the actor may work on it: its owner (§7).
    pub fn may_be_worked_on_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.is_owned_by(actor) { Ok(()) } else { Err(Forbidden("this job belongs to another user")) }
    }

    /// Checks that the actor may act on it: its owner, and an engineer or an admin for the owner
    /// (§7).
    pub fn may_be_acted_on_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.has(Role::Engineer) { Ok(()) } else { self.may_be_worked_on_by(actor) }
    }

    /// The reason for which the actor acts for the owner, which is required; none if the actor is
    /// the owner (§7).
    pub fn on_behalf(&self, actor: &User, reason: Option<OnBehalfReason>) -> Result<Option<String>, Invalid> {
        if self.is_owned_by(actor) {
            return Ok(None);
        }
        let missing = || Invalid::field("on_behalf_reason", "is required to act for the owner of the job");
        reason.map(|reason| Some(reason.into())).ok_or_else(missing)
    }

    /// Checks that the actor may correct its timer: not its owner, whose rating follows (§7).
    pub fn may_be_corrected_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.is_owned_by(actor) {
            return Err(Forbidden("another administrator corrects the timer of your own job"));
        }
        Ok(())
    }

    /// Checks that the actor may resume it: its owner, an engineer or an admin (§7).
    pub fn may_be_resumed_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.is_owned_by(actor) || actor.is_admin() || actor.has(Role::Engineer) {
            return Ok(());
        }
        Err(Forbidden("only its owner, an engineer or an admin may resume a job"))
    }

    /// Checks that the actor may see its details: the owner must enter the planned time first,
    /// which is possible until the job ends (§7).
    pub fn may_be_opened_by(&self, actor: &User) -> Result<(), JobRule> {
        let is_live = JobStatus::LIVE.contains(&self.status);
        if is_live && self.is_owned_by(actor) { self.is_planned() } else { Ok(()) }
    }

    /// The part that the reader sees (§7): everything of a job that the reader may open; what its
    /// owner sees before the planned time is entered, with the reason; and for all others its
    /// facts.
    pub fn seen_by(self, reader: &User) -> (Self, Detail) {
        if self.may_be_seen_by(reader).is_err() {
            return (self.facts(), Detail::Facts);
        }
        match self.may_be_opened_by(reader) {
            Ok(()) => (self, Detail::Full),
            Err(rule) => (self.outline(), Detail::Outline(rule)),
        }
    }

    /// The part that every signed-in user sees: what is or was done by whom on which machine, when,
    /// and the status; no notes, no reasons, no planned or counted hours and no ratings (§7).
    #[must_use]
    fn facts(self) -> Self {
        Self {
            created_by_id: None,
            major_reason: None,
            description: None,
            planned_time_days: None,
            planned_time_hours: None,
            paused_seconds: 0,
            actual_time_hours: None,
            time_rating: None,
            work_notes: None,
            completion_status: None,
            incomplete_reason: None,
            admin_bonus: None,
            qe_id: None,
            qc_rating: None,
            ..self
        }
    }

    /// The part that its owner sees before the planned time is entered: number, size, status, and
    /// the defect of a repair or the type of an engineer's job (§7).
    #[must_use]
    pub fn outline(&self) -> Self {
        Self {
            created_by_id: None,
            major_reason: None,
            defect_id: self.defect_id.filter(|_| self.kind == JobKind::Specialist),
            equipment_id: None,
            inspection_id: None,
            title: None,
            description: None,
            planned_time_days: None,
            ..self.clone()
        }
    }

    /// The defect whose findings the owner doesn't see yet: that of a repair without planned time
    /// (§7).
    pub fn hidden_defect(&self) -> Option<DefectId> {
        let is_hidden = self.kind == JobKind::Specialist
            && self.status == JobStatus::Assigned
            && self.planned_time_hours.is_none();
        self.defect_id.filter(|_| is_hidden)
    }

    /// Checks that the planned time has been entered.
    pub(crate) const fn is_planned(&self) -> Result<(), JobRule> {
        if self.planned_time_hours.is_some() { Ok(()) } else { Err(JobRule::PlannedTimeRequired) }
    }

    pub(super) fn after(&self, command: JobCommand, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { status: self.status.after(command)?, updated_at: now, ..self.clone() })
    }

    /// Records the planned time, which is entered once (§7).
    pub fn plan(&self, estimate: Estimate, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Plan, now)?;
        if self.planned_time_hours.is_some() {
            return Err(JobRule::PlannedAlready);
        }
        let planned_time_days = estimate.days.or(self.planned_time_days);
        Ok(Self { planned_time_hours: Some(estimate.hours), planned_time_days, ..after })
    }

    /// Starts it. A job in progress stays as it is, so that a request may be repeated (§7).
    pub fn start(&self, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Start, now)?;
        if self.status == JobStatus::InProgress {
            return Ok(self.clone());
        }
        self.is_planned()?;
        Ok(Self { started_at: Some(now), ..after })
    }

    /// The job after a change at this time, which was received now (§15).
    #[must_use]
    pub fn received(self, at: Instant, now: Instant) -> Self {
        let received_at = if at < now { Some(now) } else { self.received_at };
        Self { received_at, updated_at: now, ..self }
    }

    /// Pauses it; the pause began at `since` (§7).
    pub fn pause(&self, since: Instant, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { paused_at: Some(since), ..self.after(JobCommand::Pause, now)? })
    }

    /// Resumes it and adds the pause to the paused time (§7).
    pub fn resume(&self, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Resume, now)?;
        Ok(Self { paused_seconds: self.times(now).paused, paused_at: None, ..after })
    }

    /// Time worked and time paused up to `until`, or up to its completion.
    pub fn times(&self, until: Instant) -> Times {
        let until = self.completed_at.unwrap_or(until);
        self.started_at.map_or(Times::default(), |started| {
            Times::of_totals(started, self.paused_seconds, self.paused_at, until)
        })
    }

    /// Completes it and rates the planned time (§7).
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

    /// Leaves it incomplete for a reason; ends a present pause (§7).
    pub fn leave_incomplete(&self, reason: String, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::LeaveIncomplete, now)?;
        let paused_seconds = self.times(now).paused;
        Ok(Self { paused_seconds, paused_at: None, incomplete_reason: Some(reason), ..after })
    }

    /// Cancels it for a reason; ends a present pause (§6, §7).
    pub fn cancel(&self, reason: String, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Cancel, now)?;
        let paused_seconds = self.times(now).paused;
        Ok(Self { paused_seconds, paused_at: None, incomplete_reason: Some(reason), ..after })
    }

    /// Completes it because its defect was resolved, with the notes of the resolution; ends a
    /// present pause. A job that was not started has no hours and no rating (§6).
    pub fn complete_with_defect(&self, notes: &str, now: Instant) -> Result<Self, JobRule> {
        let after = self.after(JobCommand::Settle, now)?;
        let times = self.times(now);
        let planned = self.planned_time_hours.filter(|_| self.started_at.is_some());
        Ok(Self {
            paused_seconds: times.paused,
            paused_at: None,
            completed_at: Some(now),
            actual_time_hours: planned.map(|_| Hours::of_seconds(times.worked)),
            time_rating: planned.map(|planned| time_rating(planned.seconds(), times.worked)),
            work_notes: Some(notes.to_owned()),
            ..after
        })
    }

    /// Whether its completion by the resolution of its defect is reviewed: if the work was started,
    /// or if its owner resolved the defect and so reports work as done (§6).
    pub fn is_reviewed_if_settled_by(&self, actor: UserId) -> bool {
        self.started_at.is_some() || self.owner_id == actor
    }

    /// Assigns the quality engineer of the review (§8).
    #[must_use]
    pub fn reviewed_by(&self, qe: Option<UserId>, now: Instant) -> Self {
        Self { qe_id: qe, updated_at: now, ..self.clone() }
    }

    /// Approves the work with a rating; without one if a rejection was found invalid (§8).
    pub fn approve_quality(&self, rating: Option<i64>, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { qc_rating: rating, ..self.after(JobCommand::ApproveQuality, now)? })
    }

    /// Rejects the work (§8).
    pub fn reject_quality(&self, reason: String, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { incomplete_reason: Some(reason), ..self.after(JobCommand::RejectQuality, now)? })
    }

    /// Transfers it to another owner as if newly assigned. Its history remains in the pauses, the
    /// takeover and the audit trail (§7).
    fn transferred_to(after: Self, owner: UserId) -> Self {
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
            received_at: None,
            ..after
        }
    }

    /// Transfers a stalled job to the taker (§7).
    pub fn taken_over_by(&self, taker: UserId, now: Instant) -> Result<Self, JobRule> {
        Ok(Self::transferred_to(self.after(JobCommand::TakeOver, now)?, taker))
    }

    /// Transfers an unfinished job to another owner, by an admin (§7).
    pub fn reassigned_to(&self, owner: UserId, now: Instant) -> Result<Self, JobRule> {
        Ok(Self::transferred_to(self.after(JobCommand::Reassign, now)?, owner))
    }

    /// Records an admin's bonus (§7).
    pub fn rewarded(&self, bonus: i64, now: Instant) -> Result<Self, JobRule> {
        Ok(Self { admin_bonus: Some(bonus), ..self.after(JobCommand::Reward, now)? })
    }

    /// Points to award for the bonus: the difference to those awarded so far (§7).
    pub fn bonus_over(&self, booked: i64) -> i64 {
        self.admin_bonus.unwrap_or(0) - booked
    }
}
