//! Versions of resources: a request changes a resource only in the state that its client has seen
//! (§15).

use inspection_domain::{
    ids::{
        AssessmentId, AssignmentId, BonusId, DefectId, EquipmentId, FileId, InspectionId, ItemId, JobId,
        LeaveId, ListId, NotificationId, OutboxId, PauseId, ReviewId, RoutineId, ScheduleId, SyncId,
        TakeoverId, TemplateId, UserId,
    },
    tasks::TaskName,
};

pub use crate::db::tx::expected::{Target, version_of as of};
use crate::{
    DbConnection, assessments, checklists, daily_lists, db::tx::expected::Present, defects, equipment, files,
    inspections, jobs, leaves, quality_reviews, routines, users,
};

/// A name of a resource in a path.
pub trait Resource: Copy {
    /// The resource, if responses show its version.
    fn target(self) -> Option<Target> {
        None
    }
}

/// Resources whose state is one row. Their units of work lock the row, and then record the change.
macro_rules! rows {
    ($($id:ident => $entity:literal, $get:path;)+) => {$(
        impl Resource for $id {
            fn target(self) -> Option<Target> {
                let read = |conn: &mut DbConnection, id| {
                    let id = $id::new(id).unwrap_or($id::UNSAVED);
                    Ok(Present::Read(of(&$get(conn, id)?)?))
                };
                Some(Target { entity: $entity, id: self.get(), read })
            }
        }
    )+};
}

/// Resources whose state has several rows. Their units of work lock the first one before any other.
macro_rules! aggregates {
    ($($id:ident => $entity:literal, $lock:path;)+) => {$(
        impl Resource for $id {
            fn target(self) -> Option<Target> {
                let read = |conn: &mut DbConnection, id| {
                    let id = $id::new(id).unwrap_or($id::UNSAVED);
                    Ok(Present::Held(of(&$lock(conn, id)?)?))
                };
                Some(Target { entity: $entity, id: self.get(), read })
            }
        }
    )+};
}

/// Names of resources without a response that shows one of them alone.
macro_rules! unversioned {
    ($($id:ident,)+) => { $( impl Resource for $id {} )+ };
}

rows! {
    AssessmentId => "assessment", assessments::rows::get;
    DefectId => "defect", defects::rows::get;
    EquipmentId => "equipment", equipment::rows::get;
    FileId => "file", files::rows::get;
    JobId => "job", jobs::rows::get;
    LeaveId => "leave", leaves::rows::get;
    ListId => "inspection_list", daily_lists::rows::get;
    ReviewId => "quality_review", quality_reviews::rows::get;
    UserId => "user", users::rows::get;
}

aggregates! {
    InspectionId => "inspection", inspections::lock_state;
    RoutineId => "routine", routines::rows::lock;
    TemplateId => "checklist", checklists::lock_state;
}

unversioned! {
    AssignmentId,
    BonusId,
    ItemId,
    NotificationId,
    OutboxId,
    PauseId,
    ScheduleId,
    SyncId,
    TakeoverId,
    TaskName,
}
