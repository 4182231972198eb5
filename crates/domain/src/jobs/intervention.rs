//! Interventions: commands of admins and engineers on the job of another user (rule book §7). They
//! are never changed.

use serde::Serialize;

use super::job::Job;
use crate::{
    audit::Changes,
    ids::{InterventionId, JobId, UserId},
    input::text_enum,
    time::Instant,
};

text_enum! {
    /// Command of an intervention.
    pub enum InterventionAction {
        /// Planned time entered for the owner.
        Plan = "plan",
        /// Started for the owner.
        Start = "start",
        /// Completed for the owner.
        Complete = "complete",
        /// Left incomplete for the owner.
        LeaveIncomplete = "leave_incomplete",
        /// Cancelled.
        Cancel = "cancel",
        /// Transferred to another owner.
        Reassign = "reassign",
        /// Timer corrected.
        CorrectTimer = "correct_timer",
    }
}

/// A command of an admin or engineer on the job of another user.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::job_interventions, treat_none_as_default_value = false)
)]
pub struct Intervention {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: InterventionId,
    /// The job.
    pub job_id: JobId,
    /// Command.
    pub action: InterventionAction,
    /// The acting admin or engineer.
    pub actor_id: UserId,
    /// Owner of the job at that time.
    pub owner_id: UserId,
    /// Reason.
    pub reason: Option<String>,
    /// Old and new values of a corrected timer; empty for other commands.
    pub changes: Changes,
    /// Time of the command.
    pub created_at: Instant,
}

impl Intervention {
    /// Builds the record of a command on a job, which has this state before.
    pub fn new(
        before: &Job,
        action: InterventionAction,
        actor: UserId,
        reason: Option<String>,
        now: Instant,
    ) -> Self {
        Self {
            id: InterventionId::UNSAVED,
            job_id: before.id,
            action,
            actor_id: actor,
            owner_id: before.owner_id,
            reason,
            changes: Changes::none(),
            created_at: now,
        }
    }
}
