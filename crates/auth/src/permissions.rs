//! The permission table: what each role may do. Whether somebody may do it to *this* object is a rule of the
//! domain; an admin's powers come from the major role alone.

use inspection_domain::users::{Role, User};

/// Something that may be allowed, as a type: an endpoint names it in its signature.
pub trait Permission: 'static {
    /// Its row of the table.
    const ROW: Row;

    /// Whether somebody has it.
    fn is_granted_to(user: &User) -> bool {
        Self::ROW.roles.iter().any(|role| user.has(*role))
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Name of the permission.
    pub name: &'static str,
    /// What it allows.
    pub meaning: &'static str,
    /// Roles that have it.
    pub roles: &'static [Role],
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident: $($role:ident)+;)*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Permission for $name {
                const ROW: Row = Row {
                    name: stringify!($name),
                    meaning: concat!($($doc),+),
                    roles: &[$(Role::$role),+],
                };
            }
        )*

        /// Every permission.
        pub const TABLE: &[Row] = &[$($name::ROW,)*];
    };
}

permissions! {
    /// Whatever everybody may who is signed in; rules about one's own things apply.
    SignedIn: Admin Inspector Specialist Engineer QualityEngineer;
    /// Make, change and deactivate accounts.
    ManageUsers: Admin;
    /// Register, change and decommission equipment.
    ManageEquipment: Admin;
    /// Read checklists.
    ReadChecklists: Admin Engineer;
    /// Make and change checklists.
    ManageChecklists: Admin;
    /// Read routines.
    ReadRoutines: Admin Engineer;
    /// Make, change and remove routines.
    ManageRoutines: Admin;
    /// Read and generate daily lists, give assignments their teams and correct berths.
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
    /// Change defects and give them to specialists.
    PlanRepairs: Admin Engineer;
    /// Take late inspections over.
    TakeInspectionsOver: Inspector;
    /// Assess defects, and take repairs over.
    RepairDefects: Specialist;
    /// Decide on pauses of jobs.
    DecidePauses: Admin Engineer;
    /// Take engineers' jobs over.
    TakeEngineerJobsOver: Engineer;
    /// Make jobs for engineers.
    EngineerWork: Admin Engineer;
    /// Pause, reassign and reward jobs, and decide who takes them over.
    ManageJobs: Admin;
    /// Read quality reviews.
    ReadReviews: Admin QualityEngineer;
    /// Review finished work.
    ReviewQuality: QualityEngineer;
    /// Give reviews to quality engineers, and decide on their rejections.
    ValidateRejections: Admin;
    /// Decide on leaves, end them and assign coverage.
    ManageLeaves: Admin;
    /// Give bonus stars to others.
    AwardBonuses: Admin Engineer;
    /// Ask for bonus stars for others.
    RequestBonuses: QualityEngineer;
    /// Decide on bonus stars that were asked for.
    DecideBonuses: Admin;
    /// Read the numbers of the whole site.
    ReadSiteNumbers: Admin;
    /// Read how jobs are paused.
    AnalysePauses: Admin Engineer;
    /// Read the numbers of defects, and trends.
    AnalyseDefects: Admin Engineer QualityEngineer;
    /// Close defects and reopen them.
    CloseDefects: Admin;
    /// Read the audit trail.
    ReadAudit: Admin;
    /// See how the service is, run its tasks, have background work tried again.
    OperateService: Admin;
}

/// The table as it is printed in the README of this crate.
pub fn table() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_table_as_it_is() {
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table()), "put this table into the README:\n{}", table());
    }
}
