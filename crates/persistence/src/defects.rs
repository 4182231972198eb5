//! Defects: reads, and units of work from raising to closing.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{
        Defect, DefectChanges, DefectFilter, DefectOrder, DefectStatus, Reopening, Resolution, Severity,
        may_be_assigned_to,
    },
    equipment::Equipment,
    ids::{DefectId, InspectionId},
    inspections::Submission,
    notifications::{Notice, NotificationPriority, NotificationType},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::defects,
    sync::ChangedKind,
    time::Date,
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx,
    db::database::one_row,
    db::query::{BATCH, anywhere, lower},
    equipment, jobs, translations, users,
};

/// A page of defects; by due date, the worst first, if no order is asked for.
pub fn list(
    conn: &mut DbConnection,
    filter: &DefectFilter,
    today: Date,
    page: PageRequest,
) -> Result<Page<Defect>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = defects::table.into_boxed::<Backend>();
            filter_by!(query, {
                defects::status => filter.status,
                defects::severity => filter.severity,
                defects::priority => filter.priority,
                defects::category => filter.category,
                defects::assessment_status => filter.assessment_status,
                defects::assigned_to_id => filter.assigned_to_id,
                defects::equipment_id => filter.equipment_id,
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
            if let Some(q) = &filter.q {
                let pattern = anywhere(q);
                query = query.filter(
                    lower(defects::description.nullable()).like(pattern.clone()).escape('\\').or(lower(
                        defects::description_ar,
                    )
                    .like(pattern)
                    .escape('\\')),
                );
            }
            query
        };
        let ordered = match filter.sort.unwrap_or(Sort { by: DefectOrder::DueDate, descending: false }) {
            Sort { by: DefectOrder::DueDate, descending: false } => {
                filtered().order((defects::due_date.asc(), defects::severity_rank.desc(), defects::id.asc()))
            }
            Sort { by: DefectOrder::DueDate, descending: true } => {
                filtered().order((defects::due_date.desc(), defects::severity_rank.asc(), defects::id.desc()))
            }
            sort => order_by!(filtered(), sort, defects::id, {
                DefectOrder::Id | DefectOrder::DueDate => defects::id,
                DefectOrder::Severity => defects::severity_rank,
                DefectOrder::CreatedAt => defects::created_at,
            }),
        };
        let items =
            ordered.select(Defect::as_select()).limit(page.per_page.into()).offset(page.offset()).load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One defect.
pub fn get(conn: &mut DbConnection, id: DefectId) -> Result<Defect> {
    with_conn!(conn, |c| defects::table.find(id).select(Defect::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("defect").into())
}

/// The defects an inspection found, in order.
pub fn list_by_inspection(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Defect>> {
    Ok(with_conn!(conn, |c| defects::table
        .filter(defects::inspection_id.eq(id))
        .order(defects::id)
        .select(Defect::as_select())
        .load(c))?)
}

/// Raises the defects of an inspection that is being handed in, and tells its inspector of each (§6).
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
            let notice = Notice::new(NotificationType::DefectCreated)
                .with("equipment", machine.name.as_str())
                .with("defect", (defect.description.as_str(), defect.description_ar.as_deref()))
                .with("date", &defect.due_date)
                .about("defect", defect.id.get(), "/defects");
            let notice = match defect.severity {
                Severity::Critical => notice.priority(NotificationPriority::Urgent),
                _ => notice,
            };
            tx.notify(defect.assigned_to_id, &notice);
            tx.translate(None, defect);
            tx.record_change(ChangedKind::Defect, defect.id.get(), [defect.assigned_to_id]);
            tx.audit(AuditAction::Create, "defect", defect.id.get(), Changes::between(None, Some(defect)));
        }
    }
    Ok(new.len())
}

/// One defect, locked until the transaction ends.
pub(crate) fn locked(tx: &mut Tx<'_>, id: DefectId) -> Result<Defect> {
    let found: Option<Defect> =
        lock_rows!(&mut *tx.conn, defects::table.find(id).select(Defect::as_select()), first).optional()?;
    found.ok_or_else(|| NotFound("defect").into())
}

/// Writes a defect that is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Defect,
    after: &Defect,
    changes: Changes,
) -> Result<()> {
    let seen = defects::table.find(before.id).filter(defects::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.record_change(ChangedKind::Defect, before.id.get(), [before.assigned_to_id, after.assigned_to_id]);
    tx.audit(action, "defect", before.id.get(), changes);
    Ok(())
}

/// Changes a defect's particulars (§6).
pub fn update(tx: &mut Tx<'_>, id: DefectId, changes: DefectChanges) -> Result<Defect> {
    let before = locked(tx, id)?;
    let mut after = before.changed(changes, tx.today(), tx.now)?;
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    if let Some(assignee) = after.assigned_to_id.filter(|_| after.assigned_to_id != before.assigned_to_id) {
        may_be_assigned_to(users::find(tx.conn, assignee)?.as_ref())?;
    }
    write(tx, AuditAction::Update, &before, &after, Changes::between(Some(&before), Some(&after)))?;
    Ok(after)
}

/// Repaired; the admins are told (§6).
pub fn resolve(tx: &mut Tx<'_>, id: DefectId, resolution: Resolution) -> Result<Defect> {
    let before = locked(tx, id)?;
    let specialist = jobs::find_live_repair(tx.conn, id)?.map(|job| job.owner_id);
    before.may_be_resolved_by(tx.actor()?, specialist)?;
    let machine = equipment::get(tx.conn, before.equipment_id)?;
    resolve_locked(tx, &before, &machine, resolution)
}

/// Calls a defect, which is locked, resolved by whoever acts, and tells the admins (§6, §7).
pub(crate) fn resolve_locked(
    tx: &mut Tx<'_>,
    before: &Defect,
    machine: &Equipment,
    resolution: Resolution,
) -> Result<Defect> {
    let actor = tx.actor()?.clone();
    let id = before.id;
    let after = before.resolve(resolution, actor.id, tx.now)?;
    write(tx, AuditAction::Resolve, before, &after, Changes::between(Some(before), Some(&after)))?;
    let notice = Notice::new(NotificationType::DefectResolved)
        .with("person", actor.full_name.as_str())
        .with("equipment", machine.name.as_str())
        .with("defect", (after.description.as_str(), after.description_ar.as_deref()))
        .about("defect", id.get(), "/defects");
    let admins = users::active_with(tx.conn, &[Role::Admin])?;
    tx.notify(admins, &notice);
    Ok(after)
}

/// Done with (§6).
pub fn close(tx: &mut Tx<'_>, id: DefectId) -> Result<Defect> {
    let before = locked(tx, id)?;
    let after = before.close(tx.now)?;
    write(tx, AuditAction::Close, &before, &after, Changes::between(Some(&before), Some(&after)))?;
    Ok(after)
}

/// Open again, for a reason that the audit trail keeps (§6).
pub fn reopen(tx: &mut Tx<'_>, id: DefectId, reopening: Reopening) -> Result<Defect> {
    let before = locked(tx, id)?;
    let after = before.reopen(tx.now)?;
    let changes =
        Changes::between(Some(&before), Some(&after)).with("reason", String::from(reopening.reason));
    write(tx, AuditAction::Reopen, &before, &after, changes)?;
    Ok(after)
}

/// Some defects, whoever's they are.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Defect>> {
    let wanted = defects::table.filter(defects::id.eq_any(ids));
    Ok(with_conn!(conn, |c| wanted.select(Defect::as_select()).load(c))?)
}
