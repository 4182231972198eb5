//! Defects: lists, and units of work from raising to closing (§6).

pub(crate) mod rows;

use std::collections::BTreeSet;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{
        Defect, DefectChanges, DefectFilter, DefectOrder, DefectStatus, NewDefect, Reopening, Resolution,
        Severity, may_be_assigned_to, occurrences::Occurrence,
    },
    equipment::Equipment,
    files::Relation,
    ids::{DefectId, FileId, InspectionId, ItemId, UserId},
    inspections::{Answer, Inspection, Submission},
    notifications::{Notice, NotificationPriority, NotificationType},
    page::{Page, PageRequest, Sort},
    schema::{defect_occurrences as occurrences, defects, inspection_answers as answers},
    search::SearchedKind,
    time::{Date, Instant},
    users::{Role, User},
};

pub use rows::{by_ids, get, list_by_inspection, unresolved_of};

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

/// A page of the findings of a defect, the latest first.
pub fn occurrences(conn: &mut DbConnection, id: DefectId, page: PageRequest) -> Result<Page<Occurrence>> {
    rows::get(conn, id)?;
    paged!(
        conn,
        page,
        Occurrence,
        || occurrences::table.filter(occurrences::defect_id.eq(id)).into_boxed::<Backend>(),
        occurrences by desc [id]
    )
}

/// The latest findings of a defect with their failed answers, the latest first.
pub fn latest_occurrences(
    conn: &mut DbConnection,
    id: DefectId,
    limit: i64,
) -> Result<Vec<(Occurrence, Option<Answer>)>> {
    let is_its = answers::inspection_id
        .nullable()
        .eq(occurrences::inspection_id)
        .and(answers::checklist_item_id.nullable().eq(occurrences::checklist_item_id));
    Ok(with_conn!(conn, |c| occurrences::table
        .left_join(answers::table.on(is_its))
        .filter(occurrences::defect_id.eq(id))
        .order(occurrences::id.desc())
        .limit(limit)
        .select((Occurrence::as_select(), Option::<Answer>::as_select()))
        .load(c))?)
}

/// The failed answers of findings.
pub fn answers_of(conn: &mut DbConnection, found: &[Occurrence]) -> Result<Vec<Answer>> {
    let of: Vec<(InspectionId, ItemId)> = found
        .iter()
        .filter_map(|occurrence| occurrence.inspection_id.zip(occurrence.checklist_item_id))
        .collect();
    let inspections: Vec<InspectionId> = of.iter().map(|(inspection, _)| *inspection).collect();
    let items: Vec<ItemId> = of.iter().map(|(_, item)| *item).collect();
    let mut given: Vec<Answer> = with_conn!(conn, |c| answers::table
        .filter(answers::inspection_id.eq_any(inspections))
        .filter(answers::checklist_item_id.eq_any(items))
        .select(Answer::as_select())
        .load(c))?;
    given.retain(|answer| of.contains(&(answer.inspection_id, answer.checklist_item_id)));
    Ok(given)
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

/// Records the failed answers of an inspection that is being submitted, whose machine is locked: an
/// unresolved defect of the same machine and question is found again, and any other failed answer
/// raises a new defect (§6). The inspector gets one summary. The assignees of the defects found
/// again and the engineers are notified once each, except the inspector and the actor. Returns the
/// new defects and those found again.
pub(crate) fn raise(
    tx: &mut Tx<'_>,
    submission: &Submission<'_>,
    machine: &Equipment,
    technician: &User,
) -> Result<Findings> {
    let mut found = Findings::default();
    if submission.failed.is_empty() {
        return Ok(found);
    }
    let (today, now) = (tx.today(), tx.now);
    let inspection = &submission.inspection;
    let lineages: Vec<ItemId> = submission.failed.iter().map(|item| item.lineage()).collect();
    let unresolved = rows::lock_unresolved(tx.conn, machine.id, &lineages)?;
    let resolved = rows::latest_resolved(tx.conn, machine.id, &lineages)?;
    let mut new: Vec<Defect> = Vec::new();
    let mut occurrences: Vec<Occurrence> = Vec::new();
    for item in &submission.failed {
        let lineage = item.lineage();
        let Some(before) = unresolved.get(&lineage) else {
            let earlier = resolved.get(&lineage).copied();
            new.push(Defect::from_failed(item, inspection, technician.specialization, earlier, today, now));
            continue;
        };
        let after = before.found_again(item, today, now);
        let changes = Changes::between(Some(before), Some(&after)).with("inspection_id", inspection.id.get());
        rows::write_with(tx, AuditAction::Update, before, &after, changes)?;
        occurrences.push(Occurrence::again(after.id, item, inspection, now));
        found.again.push(after);
    }
    for batch in new.chunks(BATCH) {
        let raised: Vec<Defect> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(defects::table)
            .values(batch)
            .returning(Defect::as_returning())
            .get_results(c))?;
        for defect in raised {
            tx.record(AuditAction::Create, None, Some(&defect));
            occurrences.push(Occurrence::first(&defect));
            found.new.push(defect);
        }
    }
    rows::insert_occurrences(tx.conn, &occurrences)?;
    found.notify(tx, inspection, machine)?;
    Ok(found)
}

/// The defects that an inspection has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// New defects.
    pub(crate) new: Vec<Defect>,
    /// Unresolved defects that were found again.
    pub(crate) again: Vec<Defect>,
}

impl Findings {
    fn notify(&self, tx: &mut Tx<'_>, inspection: &Inspection, machine: &Equipment) -> Result<()> {
        let inspector = inspection.technician_id;
        let all: Vec<&Defect> = self.new.iter().chain(&self.again).collect();
        if let Some(summary) = summary(NotificationType::DefectCreated, &all, inspection, machine) {
            tx.notify([inspector], &summary);
        }
        if self.again.is_empty() {
            return Ok(());
        }
        let again: Vec<&Defect> = self.again.iter().collect();
        let engineers = user_rows::active_with(tx.conn, &[Role::Engineer])?;
        // The administrators read of them in the notification of the submission.
        let admins = user_rows::active_admins(tx.conn)?;
        let actor = tx.actor_id();
        let is_told =
            |person: &UserId| *person != inspector && Some(*person) != actor && !admins.contains(person);
        if let Some(notice) = summary(NotificationType::DefectFoundAgain, &again, inspection, machine) {
            tx.notify(engineers.iter().copied().filter(is_told), &notice);
        }
        let assignees: BTreeSet<UserId> = again.iter().filter_map(|defect| defect.assigned_to_id).collect();
        for assignee in assignees.into_iter().filter(is_told).filter(|person| !engineers.contains(person)) {
            let own: Vec<&Defect> =
                again.iter().copied().filter(|defect| defect.assigned_to_id == Some(assignee)).collect();
            if let Some(notice) = summary(NotificationType::DefectFoundAgain, &own, inspection, machine) {
                tx.notify([assignee], &notice);
            }
        }
        Ok(())
    }
}

/// Number of defects whose descriptions a notification quotes.
const QUOTED: usize = 3;

/// The descriptions of defects as one text, in English and in Arabic.
pub(crate) fn quoted(found: &[&Defect]) -> (String, String) {
    let rest = match found.len().saturating_sub(QUOTED) {
        0 => String::new(),
        more => format!(" (+{more})"),
    };
    let first = || found.iter().take(QUOTED);
    let english: Vec<&str> = first().map(|defect| defect.description.as_str()).collect();
    let arabic: Vec<&str> =
        first().map(|defect| defect.description_ar.as_deref().unwrap_or(&defect.description)).collect();
    (english.join("; ") + &rest, arabic.join("؛ ") + &rest)
}

/// One notice about the findings of an inspection. If there are several, it is about the
/// inspection, or about the machine if the defects are known. It is urgent if one of them is
/// critical.
fn summary(
    kind: NotificationType,
    found: &[&Defect],
    inspection: &Inspection,
    machine: &Equipment,
) -> Option<Notice> {
    let due = found.iter().map(|defect| defect.due_date).min()?;
    let (english, arabic) = quoted(found);
    let notice = Notice::new(kind)
        .with("equipment", machine.name.as_str())
        .with("defect", (english.as_str(), Some(arabic.as_str())))
        .with("date", &due);
    let notice = match found {
        [one] => notice.about(*one),
        // Assignees and engineers may not open the inspections of others.
        _ if kind == NotificationType::DefectFoundAgain => notice.about(machine),
        _ => notice.about(inspection),
    };
    let is_critical = found.iter().any(|defect| defect.severity == Severity::Critical);
    Some(if is_critical { notice.priority(NotificationPriority::Urgent) } else { notice })
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
    rows::insert_occurrences(tx.conn, &[Occurrence::first(&defect)])?;
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

/// Marks a defect, which is locked, as repaired by the actor at this time; the other admins are
/// notified (§6, §7).
pub(crate) fn resolve_locked(
    tx: &mut Tx<'_>,
    before: &Defect,
    machine: &Equipment,
    resolution: Resolution,
    at: Instant,
) -> Result<Defect> {
    let actor = tx.actor()?.clone();
    let after = Defect { updated_at: tx.now, ..before.resolve(resolution, actor.id, at)? };
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
    let later = rows::find_later(tx.conn, &before)?;
    let after = before.reopen(later.as_ref(), tx.now)?;
    let changes =
        Changes::between(Some(&before), Some(&after)).with("reason", String::from(reopening.reason));
    rows::write_with(tx, AuditAction::Reopen, &before, &after, changes)?;
    Ok(after)
}
