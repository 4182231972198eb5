//! What is told when jobs are made, worked on and rated.

use super::{EngineerJobType, Hours, JobCategory, JobStatus};
use crate::{
    ids::{DefectId, EquipmentId, FileId, InspectionId, UserId},
    input::{Integer, Invalid, ValueList, input, text_enum},
    page::Sort,
    rule::Forbidden,
    text::Text,
    users::User,
};

input! {
    /// Who repairs a defect.
    pub struct AssignSpecialist {
        /// The specialist.
        specialist_id: UserId,
        /// How large the repair is; `minor` if absent.
        category: Option<JobCategory>,
        /// Why it is a large one; needed if it is.
        major_reason: Option<Text<1000>>,
    }
}

impl AssignSpecialist {
    /// A large repair needs a reason (§6).
    pub fn check(&self) -> Result<(), Invalid> {
        large_needs_reason(self.category, self.major_reason.is_some())
    }
}

fn large_needs_reason(category: Option<JobCategory>, has_reason: bool) -> Result<(), Invalid> {
    if category == Some(JobCategory::Major) && !has_reason {
        return Err(Invalid::field("major_reason", "is required for a major job"));
    }
    Ok(())
}

input! {
    /// A job for an engineer.
    pub struct NewEngineerJob {
        /// What it is.
        job_type: EngineerJobType,
        /// Title.
        title: Text<200>,
        /// What is to be done.
        description: Option<Text<5000>>,
        /// Whose it is; an engineer's own if absent.
        engineer_id: Option<UserId>,
        /// How large it is; `minor` if absent.
        category: Option<JobCategory>,
        /// Why it is a large one; needed if it is.
        major_reason: Option<Text<1000>>,
        /// The machine.
        equipment_id: Option<EquipmentId>,
        /// The inspection it has to do with.
        related_inspection_id: Option<InspectionId>,
        /// The defect it has to do with.
        related_defect_id: Option<DefectId>,
        /// Days it is to take.
        planned_time_days: Option<Integer<1, 3650>>,
    }
}

impl NewEngineerJob {
    /// Whose job it becomes: an admin makes one for anybody, an engineer for themself (§7).
    pub fn owner(&self, actor: &User) -> Result<UserId, Forbidden> {
        match self.engineer_id {
            Some(id) if id != actor.id && !actor.is_admin() => {
                Err(Forbidden("engineers make jobs for themselves only"))
            }
            owner => Ok(owner.unwrap_or(actor.id)),
        }
    }

    /// A large job needs a reason.
    pub fn check(&self) -> Result<(), Invalid> {
        large_needs_reason(self.category, self.major_reason.is_some())
    }
}

input! {
    /// How long the owner of a job thinks it takes.
    pub struct PlannedTime {
        /// Hours, more than 0 and at most 999.99.
        planned_time_hours | "hours": Hours,
    }
}

input! {
    /// What was done.
    pub struct Completion {
        /// What was done, in 10 letters or more.
        work_notes: Text<2000, 10>,
        /// How it was completed, in the client's words.
        completion_status: Option<Text<50>>,
    }
}

input! {
    /// Why a job is left undone.
    pub struct IncompleteReason {
        /// The reason, in 10 letters or more.
        reason: Text<2000, 10>,
    }
}

input! {
    /// Who gets a job that was left undone.
    pub struct Reassignment {
        /// The specialist.
        specialist_id: UserId,
        /// Why.
        reason: Option<Text<2000>>,
    }
}

input! {
    /// How the place of a repair was left.
    pub struct NewCleaning {
        /// What was done.
        notes | "cleaning_notes": Text<2000>,
        /// Photos, uploaded before.
        file_ids: Option<ValueList<FileId, 0, 10>>,
    }
}

input! {
    /// How clean the place of a repair was left.
    pub struct CleaningRating {
        /// 0 to 2.
        cleaning_rating | "rating": Integer<0, 2>,
    }
}

input! {
    /// An admin's bonus for a job.
    pub struct BonusRating {
        /// 0 to 10.
        admin_bonus | "bonus": Integer<0, 10>,
    }
}

text_enum! {
    /// What jobs can be ordered by.
    pub enum JobOrder {
        /// Number, which is also the order in which they were made.
        Id = "id" | "created_at",
        /// When it was begun.
        StartedAt = "started_at",
        /// When it was done.
        CompletedAt = "completed_at",
    }
}

input! {
    /// Which repairs.
    pub struct JobFilter {
        /// Of this status.
        status: Option<JobStatus>,
        /// Of this specialist.
        specialist_id: Option<UserId>,
        /// So large.
        category: Option<JobCategory>,
        /// Order; the newest first if absent.
        sort: Option<Sort<JobOrder>>,
    }
}

input! {
    /// Which jobs of engineers.
    pub struct EngineerJobFilter {
        /// Of this status.
        status: Option<JobStatus>,
        /// Of this sort.
        job_type: Option<EngineerJobType>,
        /// Order; the newest first if absent.
        sort: Option<Sort<JobOrder>>,
    }
}
