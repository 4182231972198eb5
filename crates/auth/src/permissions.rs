//! The permission table: permission × role.
//!
//! The domain's rules decide about the individual object. Only the major role grants an admin's
//! permissions.

use inspection_domain::users::{PasswordChangeRequired, Role, User};

/// A permission as a type. An endpoint names it in its signature.
pub trait Permission: 'static {
    /// Row of the table.
    const ROW: PermissionRow;
    /// Whether it extends to users who must change their password first (§1).
    const BEFORE_PASSWORD_CHANGE: bool = false;

    /// Checks that the user needn't change the password first, on the page at this address (§1).
    fn validate_password_of(
        user: &User,
        page: impl FnOnce() -> String,
    ) -> Result<(), PasswordChangeRequired> {
        if Self::BEFORE_PASSWORD_CHANGE { Ok(()) } else { user.require_own_password(page) }
    }

    /// Whether a role of the user has this permission.
    fn is_granted_to(user: &User) -> bool {
        Self::ROW.roles.iter().any(|role| user.has(*role))
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct PermissionRow {
    /// Name of the type.
    pub name: &'static str,
    /// Description of the allowed operations.
    pub meaning: &'static str,
    /// Roles that have it.
    pub roles: &'static [Role],
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident $(($before:ident))?: $($role:ident)+;)*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Permission for $name {
                const ROW: PermissionRow = PermissionRow {
                    name: stringify!($name),
                    meaning: concat!($($doc),+),
                    roles: &[$(Role::$role),+],
                };
                $(permissions!(@ $before);)?
            }
        )*

        /// All permissions.
        pub const TABLE: &[PermissionRow] = &[$($name::ROW,)*];
    };
    (@ before_password_change) => {
        const BEFORE_PASSWORD_CHANGE: bool = true;
    };
}

permissions! {
    /// Everything that each signed-in user may do; rules on ownership apply.
    SignedIn: Admin Inspector Specialist Engineer QualityEngineer;
    /// Read the own account, change its password and sign out, also before a required change.
    OwnAccess(before_password_change): Admin Inspector Specialist Engineer QualityEngineer;
    /// Create, change and deactivate accounts.
    ManageUsers: Admin;
    /// Read the directory of active users.
    ReadDirectory: Admin Engineer Inspector;
    /// Read and change the roster.
    PlanRoster: Admin Engineer;
    /// Register, change and decommission equipment.
    ManageEquipment: Admin;
    /// Read checklists.
    ReadChecklists: Admin Engineer;
    /// Create and change checklists.
    ManageChecklists: Admin;
    /// Read routines.
    ReadRoutines: Admin Engineer;
    /// Create, change and remove routines.
    ManageRoutines: Admin;
    /// Read and generate daily lists, assign teams and correct berths.
    PlanInspections: Admin Engineer;
    /// Read and change the weekly plan.
    ManageSchedules: Admin;
    /// Start inspections.
    Inspect: Admin Inspector;
    /// Review submitted inspections.
    ReviewInspections: Admin;
    /// Rate inspections.
    RateInspections: Admin;
    /// Decide assessments.
    DecideAssessments: Admin;
    /// Change defects and assign them to specialists.
    PlanRepairs: Admin Engineer;
    /// Take over overdue inspections.
    TakeInspectionsOver: Inspector;
    /// Assess defects and take over repair jobs.
    RepairDefects: Specialist;
    /// Decide on pauses of jobs.
    DecidePauses: Admin Engineer;
    /// Take over engineer jobs.
    TakeEngineerJobsOver: Engineer;
    /// Create engineer jobs.
    EngineerWork: Admin Engineer;
    /// Cancel jobs before their completion.
    CancelJobs: Admin Engineer;
    /// Pause, reassign and reward jobs, correct their timers, and decide on takeovers.
    ManageJobs: Admin;
    /// Read quality reviews.
    ReadReviews: Admin QualityEngineer;
    /// Review completed work.
    ReviewQuality: QualityEngineer;
    /// Assign reviews to quality engineers and validate their rejections.
    ValidateRejections: Admin;
    /// Decide on leaves, end them and assign coverage.
    ManageLeaves: Admin;
    /// Award bonus stars to other users.
    AwardBonuses: Admin Engineer;
    /// Request bonus stars for other users.
    RequestBonuses: QualityEngineer;
    /// Decide on requests for bonus stars.
    DecideBonuses: Admin;
    /// Read the site-wide numbers.
    ReadSiteNumbers: Admin;
    /// Read the analytics of pauses.
    AnalysePauses: Admin Engineer;
    /// Read the analytics of defects and the trends.
    AnalyseDefects: Admin Engineer QualityEngineer;
    /// Close defects and reopen them.
    CloseDefects: Admin;
    /// Read the audit trail.
    ReadAudit: Admin;
    /// Read the state of the service, run its tasks and retry background jobs.
    OperateService: Admin;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in Markdown.
    fn table() -> String {
        let mut text = String::from("| permission | allows to |");
        for role in Role::ALL {
            text += &format!(" {role} |");
        }
        text += "\n|---|---|";
        text += &"---|".repeat(Role::ALL.len());
        for row in TABLE {
            text += &format!("\n| `{}` | {} |", row.name, row.meaning.trim());
            for role in Role::ALL {
                text += if row.roles.contains(role) { " ✔ |" } else { " |" };
            }
        }
        text
    }

    #[test]
    fn the_readme_has_the_current_table() {
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table()), "replace the table in the README with:\n{}", table());
    }
}
