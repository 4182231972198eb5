//! Machines: lists, history, and units of work (§2).

pub mod registry;
pub(crate) mod rows;

use std::{cmp::Ordering, collections::HashMap};

use diesel::{
    prelude::*,
    query_dsl::positional_order_dsl::{OrderColumn, PositionalOrderDsl},
    sql_types::Text,
};
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::Defect,
    equipment::{
        Equipment, EquipmentFilter, EquipmentOrder, EquipmentStatus, LabelFilter, MOST_LABELS, StatusChange,
    },
    ids::EquipmentId,
    input::Invalid,
    inspections::Inspection,
    jobs::Job,
    key::Key,
    page::{Counting, Page, PageRequest, Sort, position_value},
    schema::{defects, equipment, equipment_status_changes as status_changes, inspections, jobs},
    search::SearchedKind,
    time::Instant,
};

pub use rows::{by_ids, get};

use crate::{
    DbConnection, Error, Result, Tx,
    assessments::rows as assessment_rows,
    db::{
        keyset::{Compared, bound},
        totals::{CountRows as _, one},
    },
};

/// A page of machines.
pub fn list(conn: &mut DbConnection, filter: &EquipmentFilter, page: PageRequest) -> Result<Page<Equipment>> {
    let sort = filter.sort.unwrap_or(Sort { by: EquipmentOrder::Name, descending: false });
    searched!(
        conn,
        page,
        Equipment,
        search(SearchedKind::Equipment, filter.q.as_deref()),
        || {
            let mut query = equipment::table.into_boxed::<Backend>();
            filter_by!(query, {
                equipment::type_key => Key::of_optional(filter.equipment_type.as_deref()),
                equipment::berth_key => Key::of_optional(filter.berth.as_deref()),
                equipment::assigned_technician_id => filter.assigned_technician_id,
            });
            filter_any!(query, { equipment::status => filter.status });
            query
        },
        equipment by sort {
            EquipmentOrder::Id => [id],
            EquipmentOrder::Name => [name, id],
            EquipmentOrder::EquipmentType => [equipment_type, id],
            EquipmentOrder::SerialNumber => [serial_number, id],
            EquipmentOrder::Status => [status, id],
            EquipmentOrder::CreatedAt => [created_at, id],
        }
    )
}

/// The machines of a filter of labels, in the order in which they are printed.
pub fn labelled(conn: &mut DbConnection, filter: &LabelFilter) -> Result<Vec<Equipment>> {
    let chosen = filter.chosen()?;
    if chosen.is_empty() {
        let mut page = PageRequest::new(1, u32::from(MOST_LABELS));
        page.count = Some(Counting::None);
        return Ok(list(conn, &filter.in_service(), page)?.items);
    }
    let mut found = by_ids(conn, chosen.iter().copied())?;
    chosen.into_iter().map(|id| found.remove(&id).ok_or_else(Error::not_found::<Equipment>)).collect()
}

/// The types of equipment in use, in alphabetical order, each with its Arabic name if known. Of
/// several spellings of a type, the first is listed.
pub fn types(conn: &mut DbConnection) -> Result<Vec<(String, Option<String>)>> {
    let spellings: Vec<(String, Option<String>)> = with_conn!(conn, |c| equipment::table
        .group_by(equipment::equipment_type)
        .select((equipment::equipment_type, diesel::dsl::max(equipment::equipment_type_ar)))
        .order(equipment::equipment_type)
        .load(c))?;
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut types: Vec<(String, Option<String>)> = Vec::new();
    for (spelling, arabic) in spellings {
        let place = *places.entry(Key::of(&spelling)).or_insert(types.len());
        match types.get_mut(place) {
            Some((_, known)) => *known = known.take().or(arabic),
            None => types.push((spelling, arabic)),
        }
    }
    Ok(types)
}

/// An event in the history of a machine.
#[derive(Debug, Clone)]
pub enum Event {
    /// An inspection.
    Inspection(Inspection),
    /// A defect.
    Defect(Defect),
    /// A job.
    Job(Box<Job>),
    /// A change of status.
    StatusChange(StatusChange),
}

/// The values by which the history of a machine is ordered: kind, id and time of an event.
type EventKey = (String, i64, Instant);

/// The keys of the first events of a kind that come after a position. Each kind has the order and
/// the end of the page, because no database passes these on to the parts of a union.
macro_rules! events {
    ($before:ident, $end:expr, $query:expr, $kind:literal, $table:ident, $at:ident) => {{
        let query = $query
            .select(($kind.into_sql::<Text>(), $table::id, $table::$at))
            .order(($table::$at.desc(), $table::id.desc()))
            .limit($end);
        match $before($kind) {
            None => query,
            Some((at, id)) => query.filter(Compared {
                columns: ($table::$at, $table::id),
                values: (bound(&$table::$at, at), bound(&$table::id, id)),
                operator: " < ",
            }),
        }
    }};
}

/// A page of the history of a machine, newest first. A fixed number of statements.
pub fn history(
    conn: &mut DbConnection,
    id: EquipmentId,
    page: PageRequest,
) -> Result<Page<(Instant, Event)>> {
    rows::get(conn, id)?;
    let after = page.after.as_ref().map(|after| {
        let (kind, id, at) = (|key: &EventKey| key.0.clone(), |key: &EventKey| key.1, |key: &EventKey| key.2);
        Ok::<EventKey, Invalid>((after.value(0, kind)?, after.value(1, id)?, after.value(2, at)?))
    });
    let after = after.transpose()?;
    // The events of a kind that come after the position are those before a time and an id: of the
    // events at that time, the kinds are in alphabetical order.
    let before = |kind: &str| {
        let (last, id, at) = after.as_ref()?;
        let below = match kind.cmp(last) {
            Ordering::Less => 0,
            Ordering::Equal => *id,
            Ordering::Greater => i64::MAX,
        };
        Some((*at, below))
    };
    with_conn!(conn, |c, estimates| {
        let found = || inspections::table.filter(inspections::equipment_id.eq(id)).into_boxed::<Backend>();
        let raised = || defects::table.filter(defects::equipment_id.eq(id)).into_boxed::<Backend>();
        let worked = || jobs::table.filter(jobs::equipment_id.eq(id)).into_boxed::<Backend>();
        let changed =
            || status_changes::table.filter(status_changes::equipment_id.eq(id)).into_boxed::<Backend>();
        let end = page.limit() + page.offset();
        let keys: Vec<EventKey> = events!(before, end, found(), "inspection", inspections, started_at)
            .union_all(events!(before, end, raised(), "defect", defects, created_at))
            .union_all(events!(before, end, worked(), "job", jobs, created_at))
            .union_all(events!(before, end, changed(), "status_change", status_changes, changed_at))
            .positional_order_by((OrderColumn(3).desc(), OrderColumn(1).asc(), OrderColumn(2).desc()))
            .limit(page.limit())
            .offset(page.offset())
            .load(c)?;
        let all = found()
            .select(one())
            .union_all(raised().select(one()))
            .union_all(worked().select(one()))
            .union_all(changed().select(one()));
        let total = c.total(estimates, &all, page.count)?;
        let page = Page::new(page, keys, total, |(kind, id, at)| {
            vec![position_value(kind), position_value(id), position_value(at)]
        });
        let keys = &page.items;
        let ids_of = |kind: &str| -> Vec<i64> {
            keys.iter().filter(|(of, _, _)| of == kind).map(|(_, id, _)| *id).collect()
        };
        let loaded_inspections: Vec<Inspection> = inspections::table
            .filter(inspections::id.eq_any(ids_of("inspection")))
            .select(Inspection::as_select())
            .load(c)?;
        let loaded_defects: Vec<Defect> = defects::table
            .filter(defects::id.eq_any(ids_of("defect")))
            .select(Defect::as_select())
            .load(c)?;
        let loaded_jobs: Vec<Job> =
            jobs::table.filter(jobs::id.eq_any(ids_of("job"))).select(Job::as_select()).load(c)?;
        let loaded_changes: Vec<StatusChange> = status_changes::table
            .filter(status_changes::id.eq_any(ids_of("status_change")))
            .select(StatusChange::as_select())
            .load(c)?;
        let mut events: HashMap<(&str, i64), Event> = HashMap::new();
        events.extend(
            loaded_inspections.into_iter().map(|row| (("inspection", row.id.get()), Event::Inspection(row))),
        );
        events.extend(loaded_defects.into_iter().map(|row| (("defect", row.id.get()), Event::Defect(row))));
        events.extend(loaded_jobs.into_iter().map(|row| (("job", row.id.get()), Event::Job(Box::new(row)))));
        events.extend(
            loaded_changes.into_iter().map(|row| (("status_change", row.id.get()), Event::StatusChange(row))),
        );
        let items = keys
            .iter()
            .filter_map(|(kind, id, at)| events.remove(&(kind.as_str(), *id)).map(|event| (*at, event)))
            .collect();
        Ok(page.with_items(items))
    })
}

/// Gives a machine, which is locked, the status required by an assessment or by the work on it (§7,
/// §9). The present status changes nothing.
pub(crate) fn change_status(tx: &mut Tx<'_>, before: &Equipment, status: EquipmentStatus) -> Result<()> {
    let action = match (before.status, status) {
        (_, EquipmentStatus::Stopped) => AuditAction::Stop,
        (EquipmentStatus::Stopped, _) => AuditAction::Release,
        _ => AuditAction::Update,
    };
    write(tx, action, before, Equipment { status, updated_at: tx.now, ..before.clone() }, None)?;
    Ok(())
}

/// Writes a machine, which is locked; every change of a status goes through here, with its reason,
/// if one is given. A status other than `stopped` first releases the holds of assessments, without
/// which the database refuses it.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Equipment,
    after: Equipment,
    reason: Option<&str>,
) -> Result<Equipment> {
    let changes = Changes::between(Some(before), Some(&after));
    if changes.is_empty() {
        return Ok(before.clone());
    }
    if before.status == EquipmentStatus::Stopped && after.status != before.status {
        assessment_rows::release_hold(tx, before.id)?;
    }
    rows::write(tx, action, before, &after, changes, reason)?;
    Ok(after)
}
