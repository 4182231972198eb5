//! Kinds, sizes and types of jobs.

use crate::{input::text_enum, users::Role};

text_enum! {
    /// Kind of a job.
    pub enum JobKind {
        /// Repair of a defect by a specialist.
        Specialist = "specialist" | "specialist_job",
        /// Project, review or task of an engineer.
        Engineer = "engineer" | "engineer_job",
    }
}

impl JobKind {
    /// Role of the owner, in which the points are earned.
    pub const fn role(self) -> Role {
        match self {
            Self::Specialist => Role::Specialist,
            Self::Engineer => Role::Engineer,
        }
    }

    /// Entity type of the job in notifications and the audit trail, and its path on the API.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Specialist => ("specialist_job", "/jobs"),
            Self::Engineer => ("engineer_job", "/engineer-jobs"),
        }
    }
}

text_enum! {
    /// Size of a job.
    pub enum JobCategory {
        /// Normal.
        Minor = "minor",
        /// Large; requires a reason.
        Major = "major",
    }
}

text_enum! {
    /// Type of an engineer's job.
    pub enum EngineerJobType {
        /// A project.
        CustomProject = "custom_project",
        /// Review of a system.
        SystemReview = "system_review",
        /// Special task.
        SpecialTask = "special_task",
    }
}
