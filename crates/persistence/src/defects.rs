//! Defects: lists, and units of work from raising to closing (§6).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{
        Defect, DefectChanges, DefectFilter, DefectOrder, DefectStatus, NewDefect, Reopening, Resolution,
        Severity, may_be_assigned_to,
    },
    equipment::Equipment,
    files::Relation,
    ids::{DefectId, FileId},
    inspections::Submission,
    notifications::{Notice, NotificationPriority, NotificationType},
    page::{Page, PageRequest, Sort},
    schema::defects,
    search::SearchedKind,
    time::Date,
    users::{Role, User},
};

pub use rows::{by_ids, get, list_by_inspection};

use crate::{
    DbConnection, Result, Tx,
    db::query::BATCH,
    equipment::rows as equipment_rows,
    files::{self, rows as file_rows},
    translations,
    users::rows as user_rows,
};

/// Record type of reported defects in `evidence`.
const EVIDENCE: &str = "defect";

/// The photos of a defect that was reported without an inspection, by id.
pub fn list_photos(conn: &mut DbConnection, id: DefectId) -> Result<Vec<FileId>> {
    file_rows::list_evidence(conn, EVIDENCE, id.get())
}

/// A page of defects; by default by due date, with the highest severity of a day first.
pub fn list(
    conn: &mut DbConnection,
    filter: &DefectFilter,
    today: Date,
    page: PageRequest,
) -> Result<Page<Defect>> {
    let sort = filter.sort.unwrap_or(Sort { by: DefectOrder::DueDate, descending: false });
    searched!(
        conn,
        page,
        Defect,
        search(SearchedKind::Defect, filter.q.as_deref()),
        || {
            let mut query = defects::table.into_boxed::<Backend>();
            filter_by!(query, {
                defects::assigned_to_id => filter.assigned_to_id,
                defects::equipment_id => filter.equipment_id,
            });
            filter_any!(query, {
                defects::status => filter.status,
                defects::severity => filter.severity,
                defects::priority => filter.priority,
                defects::category => filter.category,
                defects::assessment_status => filter.assessment_status,
            });
            let unresolved = DefectStatus::UNRESOLVED;
            query = match filter.overdue {
                Some(true) => {
                    query.filter(defects::due_date.lt(today)).filter(defects::status.eq_any(unresolved))
                }
                Some(false) => {
                    query.filter(defects::due_date.ge(today).or(defects::status.ne_all(unresolved)))
                }
                None => query,
            };
            query
        },
        defects by sort {
            DefectOrder::Id => [id],
            DefectOrder::DueDate => {due_date, !(severity_rank = |defect: &Defect| defect.severity.rank()), id},
            DefectOrder::Severity => [(severity_rank = |defect: &Defect| defect.severity.rank()), id],
            DefectOrder::CreatedAt => [created_at, id],
        }
    )
}

/// Raises the defects of an inspection that is being submitted, and notifies its inspector of each
/// (§6). Returns their number.
pub(crate) fn raise(
    tx: &mut Tx<'_>,
    submission: &Submission<'_>,
    machine: &Equipment,
    technician: &User,
) -> Result<usize> {
    let (today, now) = (tx.today(), tx.now);
    let new: Vec<Defect> = submission
        .failed
        .iter()
        .map(|item| Defect::from_failed(item, &submission.inspection, technician.specialization, today, now))
        .collect();
    for batch in new.chunks(BATCH) {
        let raised: Vec<Defect> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(defects::table)
            .values(batch)
            .returning(Defect::as_returning())
            .get_results(c))?;
        for defect in &raised {
            tx.notify(defect.assigned_to_id, &created(defect, machine));
            tx.record(AuditAction::Create, None, Some(defect));
        }
    }
    Ok(new.len())
}

/// A notice about a new defect, which is urgent if the defect is critical (§6).
fn created(defect: &Defect, machine: &Equipment) -> Notice {
    let notice = notice(NotificationType::DefectCreated, defect, machine).with("date", &defect.due_date);
    match defect.severity {
        Severity::Critical => notice.priority(NotificationPriority::Urgent),
        _ => notice,
    }
}

/// A notice about a defect, with its machine and its description.
pub(crate) fn notice(kind: NotificationType, defect: &Defect, machine: &Equipment) -> Notice {
    Notice::new(kind)
        .with("equipment", machine.name.as_str())
        .with("defect", (defect.description.as_str(), defect.description_ar.as_deref()))
        .about(defect)
}

/// Reports a defect without an inspection, with an optional photo; admins and engineers except the
/// reporter are notified (§6). Locks the photo.
pub fn report(tx: &mut Tx<'_>, new: NewDefect) -> Result<Defect> {
    let machine = equipment_rows::get(tx.conn, new.equipment_id)?;
    let reporter = tx.actor()?.id;
    let photo = new.photo_file_id;
    let defect = rows::insert(tx, &Defect::reported(new, reporter, tx.today(), tx.now))?;
    if let Some(photo) = photo {
        let named = [("photo_file_id".to_owned(), photo)];
        files::attach(tx, Relation::Defect(defect.id), &named, |file| file.may_show_defect(&defect))?;
        file_rows::add_evidence(tx, EVIDENCE, defect.id.get(), &[photo])?;
    }
    let mut planners = user_rows::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
    planners.retain(|planner| *planner != reporter);
    tx.notify(planners, &created(&defect, &machine));
    Ok(defect)
}

/// Changes a defect's particulars (§6). Locks the defect.
pub fn update(tx: &mut Tx<'_>, id: DefectId, changes: DefectChanges) -> Result<Defect> {
    let before = rows::lock(tx.conn, id)?;
    let mut after = before.changed(changes, tx.today(), tx.now)?;
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    if let Some(assignee) = after.assigned_to_id.filter(|_| after.assigned_to_id != before.assigned_to_id) {
        may_be_assigned_to(user_rows::find(tx.conn, assignee)?.as_ref())?;
    }
    rows::write(tx, AuditAction::Update, &before, &after)?;
    Ok(after)
}

/// Marks a defect, which is locked, as repaired by the actor; the other admins are notified (§6,
/// §7).
pub(crate) fn resolve_locked(
    tx: &mut Tx<'_>,
    before: &Defect,
    machine: &Equipment,
    resolution: Resolution,
) -> Result<Defect> {
    let actor = tx.actor()?.clone();
    let after = before.resolve(resolution, actor.id, tx.now)?;
    rows::write(tx, AuditAction::Resolve, before, &after)?;
    let notice =
        notice(NotificationType::DefectResolved, &after, machine).with("person", actor.full_name.as_str());
    let mut admins = user_rows::active_admins(tx.conn)?;
    admins.retain(|admin| *admin != actor.id);
    tx.notify(admins, &notice);
    Ok(after)
}

/// Closes a resolved defect (§6). Locks the defect.
pub fn close(tx: &mut Tx<'_>, id: DefectId) -> Result<Defect> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.close(tx.now)?;
    rows::write(tx, AuditAction::Close, &before, &after)?;
    Ok(after)
}

/// Reopens a defect; the audit trail records the reason (§6). Locks the defect.
pub fn reopen(tx: &mut Tx<'_>, id: DefectId, reopening: Reopening) -> Result<Defect> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.reopen(tx.now)?;
    let changes =
        Changes::between(Some(&before), Some(&after)).with("reason", String::from(reopening.reason));
    rows::write_with(tx, AuditAction::Reopen, &before, &after, changes)?;
    Ok(after)
}
