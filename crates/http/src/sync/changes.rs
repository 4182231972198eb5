//! What has changed for somebody since they looked last.

use std::collections::HashMap;

use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    assignments::Assignment,
    ids::{JobId, UserId},
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
    equipment::Related,
    inspections::InspectionView,
    jobs::JobView,
    notifications::NotificationView,
    web::{
        app::{App, Caller},
        input::QueryParams,
        permit::Permit,
        problem::Problem,
        reply::Reply,
    },
};

/// Changes an answer, if no other number is asked for.
const LIMIT: i64 = 100;

/// An object as lists show it.
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
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        match self {
            Self::Assignment(view) => view.texts(see),
            Self::Inspection(view) => view.texts(see),
            Self::Job(view) => view.texts(see),
            Self::Defect(view) => view.texts(see),
            Self::Notification(view) => view.texts(see),
        }
    }
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// Kind of the object.
    entity_type: ChangedKind,
    /// Number of the object.
    entity_id: i64,
    /// When it has changed last.
    changed_at: Instant,
    /// The object as it is now; none if it is gone, or one's own no more.
    data: Option<ObjectView>,
}

/// What has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangesView {
    /// The changes, in order; of each object the latest.
    changes: Vec<ChangeView>,
    /// From where on to ask the next time.
    cursor: String,
    /// Whether there is more already.
    has_more: bool,
}

inspection_domain::shows!(ChangeView { data }, ChangesView { changes });

/// The objects of these changes that are somebody's own: a fixed number of queries.
fn objects(
    conn: &mut DbConnection,
    caller: &Caller,
    changed: &[Changed],
    now: Instant,
    calendar: &inspection_domain::time::SiteTimeZone,
) -> persistence::Result<HashMap<(ChangedKind, i64), ObjectView>> {
    let (reader, language) = (&caller.user, caller.language);
    let own = Some(reader.id);
    let ids = |kind| -> Vec<i64> {
        changed.iter().filter(|change| change.entity_type == kind).map(|change| change.entity_id).collect()
    };
    let mut assignments = assignments::by_ids(conn, &ids(ChangedKind::Assignment))?;
    assignments.retain(|assignment| assignment.team().contains(&own));
    let mut inspections = inspections::by_ids(conn, &ids(ChangedKind::Inspection))?;
    inspections.retain(|inspection| Some(inspection.technician_id) == own);
    let mut defects = defects::by_ids(conn, &ids(ChangedKind::Defect))?;
    defects.retain(|defect| defect.assigned_to_id == own);
    let numbers: Vec<JobId> = ids(ChangedKind::Job).into_iter().filter_map(JobId::new).collect();
    let mut jobs = jobs::by_ids(conn, &numbers)?;
    jobs.retain(|job| Some(job.owner_id) == own);
    let notifications = notifications::by_ids(conn, reader.id, &ids(ChangedKind::Notification))?;

    let machines = assignments
        .iter()
        .map(|assignment| assignment.equipment_id)
        .chain(inspections.iter().map(|inspection| inspection.equipment_id))
        .chain(defects.iter().map(|defect| defect.equipment_id))
        .chain(jobs.iter().filter_map(|job| job.equipment_id));
    let people: Vec<Option<UserId>> = assignments
        .iter()
        .flat_map(Assignment::team)
        .chain(inspections.iter().map(|inspection| inspection.reviewed_by_id))
        .chain(defects.iter().map(|defect| defect.resolved_by_id))
        .chain(jobs.iter().map(|job| job.qe_id))
        .chain([own])
        .collect();
    let related = Related::of(conn, machines.collect::<Vec<_>>(), people)?;
    let today = calendar.date(now);
    let mut objects = HashMap::new();
    for one in assignments {
        let view = AssignmentView::new(one.clone(), &related, now, language);
        objects.insert((ChangedKind::Assignment, one.id.get()), ObjectView::Assignment(Box::new(view)));
    }
    for one in inspections {
        let id = one.id.get();
        let view = InspectionView::new(one, &related, language);
        objects.insert((ChangedKind::Inspection, id), ObjectView::Inspection(Box::new(view)));
    }
    for one in defects {
        let id = one.id.get();
        let view = DefectView::new(one, &related, today, language);
        objects.insert((ChangedKind::Defect, id), ObjectView::Defect(Box::new(view)));
    }
    for one in jobs {
        let id = one.id.get();
        let view = JobView::new(one, &related, reader, now);
        objects.insert((ChangedKind::Job, id), ObjectView::Job(Box::new(view)));
    }
    for one in notifications {
        let id = one.id.get();
        let view = NotificationView::new(one, language);
        objects.insert((ChangedKind::Notification, id), ObjectView::Notification(Box::new(view)));
    }
    Ok(objects)
}

/// What has changed since a cursor, in the order in which it was committed. An object that changes again comes again, later; nothing is
/// missed, whatever is written meanwhile.
pub(super) async fn list(
    app: App,
    permit: Permit<SignedIn>,
    wanted: QueryParams<ChangesSince>,
) -> Result<Reply<ChangesView>, Problem> {
    let (now, calendar, cursors) = (app.now(), app.context().calendar.clone(), app.cursors().clone());
    let view = app.read(permit, wanted, move |conn, caller, wanted| {
        let owner = caller.user.id;
        let last = match &wanted.since {
            None => 0,
            Some(cursor) => cursors.read(cursor, owner).ok_or_else(|| {
                Invalid::field("since", "must be a cursor of one's own, as an answer had it")
            })?,
        };
        let limit = wanted.limit.map_or(LIMIT, Integer::get);
        let mut changed = changes::after(conn, owner, last, limit + 1)?;
        let has_more = i64::try_from(changed.len()).is_ok_and(|count| count > limit);
        changed.truncate(usize::try_from(limit).unwrap_or_default());
        let last = changed.last().map_or(last, |change| change.id.get());
        let mut objects = objects(conn, caller, &changed, now, &calendar)?;
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
