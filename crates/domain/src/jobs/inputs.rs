//! Inputs of the commands on jobs.

use super::{
    kind::{EngineerJobType, JobCategory, JobKind},
    status::JobStatus,
    timer::Hours,
};
use crate::{
    ids::{DefectId, EquipmentId, FileId, InspectionId, UserId},
    input::{AnyOf, Integer, Invalid, ValueList, input, text_enum},
    page::Sort,
    rule::Forbidden,
    text::Text,
    users::User,
};

input! {
    /// Assignment of a defect to a specialist.
    pub struct AssignSpecialist {
        /// The specialist.
        specialist_id: UserId,
        /// Size of the repair; `minor` if absent.
        category: Option<JobCategory>,
        /// Reason for the size `major`, which requires one.
        major_reason: Option<Text<1000>>,
    }
}

impl AssignSpecialist {
    /// Checks that a large repair has a reason (§6).
    pub fn validate(&self) -> Result<(), Invalid> {
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
    /// A job to create for an engineer.
    pub struct NewEngineerJob {
        /// Type of the job.
        job_type: EngineerJobType,
        /// Title.
        title: Text<200>,
        /// Description.
        description: Option<Text<5000>>,
        /// Owner; the engineer that creates it if absent.
        engineer_id: Option<UserId>,
        /// Size; `minor` if absent.
        category: Option<JobCategory>,
        /// Reason for the size `major`, which requires one.
        major_reason: Option<Text<1000>>,
        /// The machine.
        equipment_id: Option<EquipmentId>,
        /// Related inspection.
        related_inspection_id: Option<InspectionId>,
        /// Related defect.
        related_defect_id: Option<DefectId>,
        /// Planned time in days.
        planned_time_days: Option<Integer<1, 3650>>,
    }
}

impl NewEngineerJob {
    /// Owner of the new job: admins create jobs for any engineer, engineers for themselves (§7).
    pub fn owner(&self, actor: &User) -> Result<UserId, Forbidden> {
        match self.engineer_id {
            Some(id) if id != actor.id && !actor.is_admin() => {
                Err(Forbidden("engineers may create jobs for themselves only"))
            }
            owner => Ok(owner.unwrap_or(actor.id)),
        }
    }

    /// Checks that a large job has a reason.
    pub fn validate(&self) -> Result<(), Invalid> {
        large_needs_reason(self.category, self.major_reason.is_some())
    }
}

/// The reason for which an admin or engineer acts for the owner of a job.
pub type OnBehalfReason = Text<1000>;

input! {
    /// The owner's estimate of the working time.
    pub struct PlannedTime {
        /// Hours, more than 0 and at most 999.99; required unless the days of an engineer's job are
        /// given.
        planned_time_hours | "hours": Option<Hours>,
        /// Days of an engineer's job; without hours, a day is 8 hours.
        planned_time_days | "days": Option<Integer<1, 3650>>,
        /// Reason of an admin or engineer who acts for the owner, who needs none.
        on_behalf_reason: Option<OnBehalfReason>,
    }
}

input! {
    /// Start of a job.
    #[derive(Default)]
    pub struct StartJob {
        /// Reason of an admin or engineer who acts for the owner, who needs none.
        on_behalf_reason: Option<OnBehalfReason>,
    }
}

/// A valid estimate of the working time of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Hours.
    pub hours: Hours,
    /// Days, if the owner of an engineer's job gave them.
    pub days: Option<i64>,
}

impl PlannedTime {
    /// Checks that the hours are given or follow from the days of an engineer's job (§7).
    pub fn estimate(&self, kind: JobKind) -> Result<Estimate, Invalid> {
        let days = self.planned_time_days.filter(|_| kind == JobKind::Engineer).map(Integer::get);
        let hours = match (self.planned_time_hours, days) {
            (Some(hours), _) => hours,
            (None, Some(days)) => Hours::of_days(days).ok_or_else(|| {
                Invalid::field(
                    "planned_time_days",
                    "must be fewer than 125 days, unless planned_time_hours is given",
                )
            })?,
            (None, None) => return Err(Invalid::field("planned_time_hours", "is required")),
        };
        Ok(Estimate { hours, days })
    }
}

input! {
    /// Completion of a job.
    pub struct Completion {
        /// Description of the work; at least 10 characters.
        work_notes: Text<2000, 10>,
        /// Completion status, as given by the client.
        completion_status: Option<Text<50>>,
        /// Reason of an admin or engineer who acts for the owner, who needs none.
        on_behalf_reason: Option<OnBehalfReason>,
    }
}

input! {
    /// Abandonment of a job.
    pub struct IncompleteReason {
        /// Reason; at least 10 characters.
        reason: Text<2000, 10>,
        /// Reason of an admin or engineer who acts for the owner, who needs none.
        on_behalf_reason: Option<OnBehalfReason>,
    }
}

input! {
    /// Cancellation of a job.
    pub struct Cancellation {
        /// Reason.
        reason: Text<2000>,
    }
}

input! {
    /// Transfer of an unfinished job to another engineer.
    pub struct EngineerReassignment {
        /// The engineer.
        engineer_id: UserId,
        /// Reason.
        reason: Option<Text<2000>>,
    }
}

input! {
    /// Transfer of an unfinished job to another specialist.
    pub struct Reassignment {
        /// The specialist.
        specialist_id: UserId,
        /// Reason.
        reason: Option<Text<2000>>,
    }
}

input! {
    /// Report of the cleaning after a repair.
    pub struct NewCleaning {
        /// Description of the cleaning.
        notes | "cleaning_notes": Option<Text<2000>>,
        /// Photos, uploaded before.
        file_ids: Option<ValueList<FileId, 0, 10>>,
    }
}

input! {
    /// Rating of the cleaning after a repair.
    pub struct CleaningRating {
        /// Rating, 0 to 2.
        cleaning_rating | "rating": Integer<0, 2>,
    }
}

input! {
    /// An admin's bonus for a job.
    pub struct BonusRating {
        /// Bonus, 0 to 10.
        admin_bonus | "bonus": Integer<0, 10>,
    }
}

text_enum! {
    /// Sort key of jobs.
    pub enum JobOrder {
        /// Primary key, which is also the order of creation.
        Id = "id" | "created_at",
        /// Start time.
        StartedAt = "started_at",
        /// Completion time.
        CompletedAt = "completed_at",
    }
}

input! {
    /// Filter and order of a list of repair jobs.
    pub struct JobFilter {
        /// Filter by status.
        status: AnyOf<JobStatus>,
        /// Filter by specialist.
        specialist_id: Option<UserId>,
        /// Filter by size.
        category: AnyOf<JobCategory>,
        /// Sort order; newest first if absent.
        sort: Option<Sort<JobOrder>>,
    }
}

input! {
    /// Filter and order of a list of engineer jobs.
    pub struct EngineerJobFilter {
        /// Filter by status.
        status: AnyOf<JobStatus>,
        /// Filter by type.
        job_type: AnyOf<EngineerJobType>,
        /// Sort order; newest first if absent.
        sort: Option<Sort<JobOrder>>,
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

    #[test]
    fn engineers_create_jobs_for_themselves_and_admins_for_any_engineer() {
        let owner = |engineer: Option<i64>, role| {
            let body = json!({"job_type": "special_task", "title": "Look", "engineer_id": engineer});
            let input = NewEngineerJob::from_json(body).expect("a job");
            input.owner(&User { id: id(4), ..user(role) }).ok().map(UserId::get)
        };
        for &role in Role::ALL {
            assert_eq!((owner(None, role), owner(Some(4), role)), (Some(4), Some(4)));
            assert_eq!(owner(Some(5), role), (role == Role::Admin).then_some(5), "{role}");
        }
    }

    #[test]
    fn hours_are_given_or_follow_from_the_days_of_an_engineer() {
        let estimate = |kind, body: serde_json::Value| {
            let planned = PlannedTime::from_json(body).expect("a planned time");
            let estimate = planned.estimate(kind);
            estimate
                .map(|estimate| (estimate.hours.number(), estimate.days))
                .map_err(|wrong| wrong.fields()[0].field.clone())
        };
        let both = json!({"planned_time_hours": 20, "planned_time_days": 3});
        let days = |days: i64| json!({ "planned_time_days": days });
        assert_eq!(estimate(JobKind::Engineer, both.clone()), Ok((20.0, Some(3))));
        assert_eq!(estimate(JobKind::Engineer, json!({"hours": 5})), Ok((5.0, None)));
        assert_eq!(estimate(JobKind::Engineer, days(3)), Ok((24.0, Some(3))));
        assert_eq!(estimate(JobKind::Engineer, days(124)), Ok((992.0, Some(124))));
        assert_eq!(estimate(JobKind::Engineer, days(125)), Err("planned_time_days".to_owned()));
        assert_eq!(estimate(JobKind::Specialist, both), Ok((20.0, None)));
        for (kind, body) in [(JobKind::Specialist, days(3)), (JobKind::Engineer, json!({}))] {
            assert_eq!(estimate(kind, body), Err("planned_time_hours".to_owned()));
        }
    }

    #[test]
    fn a_large_job_needs_a_reason() {
        let sizes =
            [(None, None), (Some("minor"), None), (Some("major"), Some("Crane.")), (Some("major"), None)];
        for (category, reason) in sizes {
            let repair = json!({"specialist_id": 4, "category": category, "major_reason": reason});
            let repair = AssignSpecialist::from_json(repair).expect("an assignment").validate();
            let task = json!({
                "job_type": "special_task", "title": "Look", "category": category, "major_reason": reason,
            });
            let task = NewEngineerJob::from_json(task).expect("a job").validate();
            assert_eq!(repair, task);
            let refused: Vec<_> =
                repair.err().iter().flat_map(Rule::fields).map(|error| error.field).collect();
            let is_bare = (category, reason) == (Some("major"), None);
            assert_eq!(
                refused,
                if is_bare { vec!["major_reason"] } else { vec![] },
                "{category:?} {reason:?}"
            );
        }
    }
}
