//! The change feed: the changes of a user's objects since a cursor.

use std::collections::HashMap;

use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    ids::JobId,
    input::{Integer, Invalid},
    sync::{Changed, ChangedKind, ChangesSince},
    time::Instant,
    translations::{Slot, Translated},
};
use inspection_persistence::{
    self as persistence, DbConnection, assignments, changes, defects, inspections, jobs, notifications,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    assignments::AssignmentView,
    defects::DefectView,
    inspections::InspectionView,
    jobs::JobView,
    notifications::NotificationView,
    related::{References, View},
    web::{
        app::{App, Caller},
        input::QueryParams,
        permit::Permit,
        problem::Problem,
        reply::Reply,
    },
};

/// Default number of changes in a response.
const DEFAULT_LIMIT: i64 = 100;

/// A changed object, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ObjectView {
    Assignment(Box<AssignmentView>),
    Inspection(Box<InspectionView>),
    Job(Box<JobView>),
    Defect(Box<DefectView>),
    Notification(Box<NotificationView>),
}

impl Translated for ObjectView {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        match self {
            Self::Assignment(view) => view.texts(visit),
            Self::Inspection(view) => view.texts(visit),
            Self::Job(view) => view.texts(visit),
            Self::Defect(view) => view.texts(visit),
            Self::Notification(view) => view.texts(visit),
        }
    }
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// Kind of the object.
    entity_type: ChangedKind,
    /// Primary key of the object.
    entity_id: i64,
    /// Time of the latest change.
    changed_at: Instant,
    /// The current object; none if it is deleted or no longer the user's.
    data: Option<ObjectView>,
}

/// A page of the change feed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangesView {
    /// The latest change of each object, in commit order.
    changes: Vec<ChangeView>,
    /// Cursor for the next request.
    cursor: String,
    /// Whether more changes are available.
    has_more: bool,
}

inspection_domain::shows!(ChangeView { data }, ChangesView { changes });

/// The changed objects that the user owns, with a fixed number of queries.
fn objects(
    conn: &mut DbConnection,
    caller: &Caller,
    changed: &[Changed],
) -> persistence::Result<HashMap<(ChangedKind, i64), ObjectView>> {
    let user = caller.user.id;
    let ids = |kind| -> Vec<i64> {
        changed.iter().filter(|change| change.entity_type == kind).map(|change| change.entity_id).collect()
    };
    let mut assignments = assignments::by_ids(conn, &ids(ChangedKind::Assignment))?;
    assignments.retain(|assignment| assignment.team().contains(&Some(user)));
    let mut inspections = inspections::by_ids(conn, &ids(ChangedKind::Inspection))?;
    inspections.retain(|inspection| inspection.technician_id == user);
    let mut defects = defects::by_ids(conn, &ids(ChangedKind::Defect))?;
    defects.retain(|defect| defect.assigned_to_id == Some(user));
    let job_ids: Vec<JobId> = ids(ChangedKind::Job).into_iter().filter_map(JobId::new).collect();
    let mut jobs = jobs::by_ids(conn, &job_ids)?;
    jobs.retain(|job| job.owner_id == user);
    let notifications = notifications::by_ids(conn, user, &ids(ChangedKind::Notification))?;

    let mut references = References::default();
    references.add::<_, AssignmentView>(&assignments);
    references.add::<_, InspectionView>(&inspections);
    references.add::<_, DefectView>(&defects);
    references.add::<_, JobView>(&jobs);
    // Always queried, so that the number of queries does not depend on the kinds of changes.
    references.people([Some(user)]);
    let related = references.load(conn, caller)?;
    let mut objects = HashMap::new();
    for assignment in assignments {
        let key = (ChangedKind::Assignment, assignment.id.get());
        let view = AssignmentView::new(assignment, &related, caller);
        objects.insert(key, ObjectView::Assignment(Box::new(view)));
    }
    for inspection in inspections {
        let key = (ChangedKind::Inspection, inspection.id.get());
        let view = InspectionView::new(inspection, &related, caller);
        objects.insert(key, ObjectView::Inspection(Box::new(view)));
    }
    for defect in defects {
        let key = (ChangedKind::Defect, defect.id.get());
        let view = DefectView::new(defect, &related, caller);
        objects.insert(key, ObjectView::Defect(Box::new(view)));
    }
    for job in jobs {
        let key = (ChangedKind::Job, job.id.get());
        let view = JobView::new(job, &related, caller);
        objects.insert(key, ObjectView::Job(Box::new(view)));
    }
    for notification in notifications {
        let key = (ChangedKind::Notification, notification.id.get());
        let view = NotificationView::new(notification, caller.language);
        objects.insert(key, ObjectView::Notification(Box::new(view)));
    }
    Ok(objects)
}

/// The changes since a cursor, in commit order. An object that changes again appears again, later;
/// concurrent writes are never missed.
pub(super) async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: QueryParams<ChangesSince>,
) -> Result<Reply<ChangesView>, Problem> {
    let cursors = app.cursors().clone();
    let view = app.read(permit, query, move |conn, caller, query| {
        let owner = caller.user.id;
        let last = match &query.since {
            None => 0,
            Some(cursor) => cursors.read(cursor, owner).ok_or_else(|| {
                Invalid::field("since", "must be a cursor of one's own, as an answer had it")
            })?,
        };
        let limit = query.limit.map_or(DEFAULT_LIMIT, Integer::get);
        let mut changed = changes::after(conn, owner, last, limit + 1)?;
        let has_more = i64::try_from(changed.len()).is_ok_and(|count| count > limit);
        changed.truncate(usize::try_from(limit).unwrap_or_default());
        let last = changed.last().map_or(last, |change| change.id.get());
        let mut objects = objects(conn, caller, &changed)?;
        let view = |Changed { entity_type, entity_id, changed_at, .. }| {
            let data = objects.remove(&(entity_type, entity_id));
            ChangeView { entity_type, entity_id, changed_at, data }
        };
        Ok(ChangesView {
            changes: changed.into_iter().map(view).collect(),
            cursor: cursors.sign(owner, last).unwrap_or_default(),
            has_more,
        })
    });
    Ok(Reply::new(view.await?))
}
