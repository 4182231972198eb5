//! Versions of resources: a request changes a resource only in the state that its client has seen
//! (§15).

use inspection_domain::{
    ids::{
        AssessmentId, AssignmentId, BonusId, DefectId, EquipmentId, FileId, HolidayId, InspectionId, ItemId,
        JobId, LeaveId, ListId, NotificationId, OutboxId, PauseId, ReviewId, RoutineId, ScheduleId, SyncId,
        TakeoverId, TemplateId, UserId,
    },
    sessions::SessionId,
    tasks::TaskName,
};

pub use crate::db::tx::expected::{Target, validate, version_of as of_state, version_of_entity as of};
use crate::{
    DbConnection, assessments, checklists, daily_lists, defects, equipment, files, inspections, jobs, leaves,
    quality_reviews, routines, users,
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
                    Ok(vec![Some(of(&$get(conn, id)?)?)])
                };
                Some(Target { entities: &[$entity], id: self.get(), read, lock: None })
            }
        }
    )+};
}

/// Resources whose state has rows of several primary keys. Their units of work lock the first one
/// before any other.
macro_rules! aggregates {
    ($($id:ident => $entity:literal, $get:path, $lock:path;)+) => {$(
        impl Resource for $id {
            fn target(self) -> Option<Target> {
                let read = |conn: &mut DbConnection, id| {
                    let id = $id::new(id).unwrap_or($id::UNSAVED);
                    Ok(vec![Some(of_state(&$get(conn, id)?)?)])
                };
                let lock = |conn: &mut DbConnection, id| {
                    $lock(conn, $id::new(id).unwrap_or($id::UNSAVED))?;
                    Ok(())
                };
                Some(Target { entities: &[$entity], id: self.get(), read, lock: Some(lock) })
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
    LeaveId => "leave", leaves::rows::get;
    ListId => "inspection_list", daily_lists::rows::get;
    ReviewId => "quality_review", quality_reviews::rows::get;
    UserId => "user", users::rows::get;
}

aggregates! {
    InspectionId => "inspection", inspections::get_state, inspections::rows::lock;
    RoutineId => "routine", routines::rows::get, routines::rows::lock;
    TemplateId => "checklist", checklists::get, checklists::rows::lock;
}

/// The state of a job includes its cleaning. Its units of work lock the machine and the defect of a
/// repair before the job, so the job can't be locked ahead of them.
impl Resource for JobId {
    fn target(self) -> Option<Target> {
        let read = |conn: &mut DbConnection, id| {
            let id = Self::new(id).unwrap_or(Self::UNSAVED);
            let (job, cleaning) = jobs::get_state(conn, id)?;
            jobs::versions_of_rows(&job, cleaning.as_ref())
        };
        Some(Target { entities: &["job", "cleaning"], id: self.get(), read, lock: None })
    }
}

unversioned! {
    AssignmentId,
    BonusId,
    HolidayId,
    ItemId,
    NotificationId,
    OutboxId,
    PauseId,
    ScheduleId,
    SessionId,
    SyncId,
    TakeoverId,
    TaskName,
}
