//! Inspections: reads, and units of work from start to review.

use diesel::{dsl::case_when, prelude::*, upsert::excluded};
use inspection_domain::{
    assignments::Assignment,
    audit::{AuditAction, Changes},
    checklists::{Item, Template},
    equipment::Equipment,
    files::Relation,
    ids::{AssignmentId, EquipmentId, FileId, InspectionId, ItemId},
    input::Invalid,
    inspections::{
        Answer, Inspection, InspectionCommand, InspectionFilter, InspectionOrder, InspectionResult,
        InspectionStatus, NewAnswer, Progress, Review, StartInspection, StartTarget, Visible, may_continue,
        may_start, may_start_half, visible_to,
    },
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{
        checklist_items as items, equipment_weekly_completions as completions, inspection_answers as answers,
        inspections,
    },
    sync::ChangedKind,
    time::SiteTimeZone,
    users::{Category, Role, User},
};

use crate::{
    DbConnection, Result, Tx, assignments,
    checklists::{self, Checklist},
    db::database::one_row,
    db::error::ConcurrentUpdate,
    defects, equipment, files, users,
};

/// A page of the inspections that the actor may see.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &InspectionFilter,
    calendar: &SiteTimeZone,
    page: PageRequest,
) -> Result<Page<Inspection>> {
    let sort = filter.sort.unwrap_or(Sort { by: InspectionOrder::Id, descending: true });
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = inspections::table.into_boxed::<Backend>();
            filter_by!(query, {
                inspections::status => filter.status,
                inspections::result => filter.result,
                inspections::equipment_id => filter.equipment_id,
                inspections::technician_id => filter.technician_id,
                inspections::assignment_id => filter.assignment_id,
            });
            if let Visible::Of(owner) = visible_to(actor) {
                query = query.filter(inspections::technician_id.eq(owner));
            }
            if let Some(from) = filter.date_from {
                query = query.filter(inspections::started_at.ge(calendar.start_of(from)));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(inspections::started_at.lt(calendar.start_of(to.plus_days(1))));
            }
            query
        };
        let ordered = order_by!(filtered(), sort, inspections::id, {
            InspectionOrder::Id => inspections::id,
            InspectionOrder::StartedAt => inspections::started_at,
        });
        let items = ordered
            .select(Inspection::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One inspection, as it is stored.
pub fn get(conn: &mut DbConnection, id: InspectionId) -> Result<Inspection> {
    with_conn!(conn, |c| inspections::table.find(id).select(Inspection::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("inspection").into())
}

/// What reviews are called among the records that rest on files.
const EVIDENCE: &str = "inspection";

/// One inspection with everything it consists of.
#[derive(Debug, Clone)]
pub struct InspectionDetail {
    /// The inspection.
    pub inspection: Inspection,
    /// The checklist.
    pub template: Template,
    /// The questions in its scope, in order.
    pub items: Vec<Item>,
    /// The answers given.
    pub answers: Vec<Answer>,
    /// The files its review rests on.
    pub review_files: Vec<FileId>,
}

impl InspectionDetail {
    /// How many questions are answered.
    pub fn progress(&self) -> Progress {
        self.inspection.progress(&self.items, &self.answers)
    }
}

/// The actor's own inspection of an assignment whose team they are on (§5).
pub fn get_visible_half(conn: &mut DbConnection, actor: &User, id: AssignmentId) -> Result<InspectionDetail> {
    let half = assignments::get(conn, id)?.half_of(actor)?;
    let own: Option<Inspection> = with_conn!(&mut *conn, |c| inspections::table
        .filter(inspections::assignment_id.eq(id))
        .filter(inspections::category.eq(half))
        .filter(inspections::technician_id.eq(actor.id))
        .select(Inspection::as_select())
        .first(c))
    .optional()?;
    load_detail(conn, own.ok_or(NotFound("inspection"))?)
}

fn answers_of(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Answer>> {
    Ok(with_conn!(conn, |c| answers::table
        .inner_join(items::table)
        .filter(answers::inspection_id.eq(id))
        .order(items::order_index)
        .select(Answer::as_select())
        .load(c))?)
}

fn load_detail(conn: &mut DbConnection, inspection: Inspection) -> Result<InspectionDetail> {
    let (template, mut items) = checklists::get(conn, inspection.template_id)?;
    items.retain(|item| inspection.covers(item));
    let answers = answers_of(conn, inspection.id)?;
    let review_files = match inspection.status {
        InspectionStatus::Reviewed => files::evidence_of(conn, EVIDENCE, inspection.id.get())?,
        InspectionStatus::Draft | InspectionStatus::Submitted => Vec::new(),
    };
    Ok(InspectionDetail { inspection, template, items, answers, review_files })
}

/// One inspection with everything it consists of, if the actor may see it (§5).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: InspectionId) -> Result<InspectionDetail> {
    let inspection = get(conn, id)?;
    inspection.may_be_seen_by(actor)?;
    load_detail(conn, inspection)
}

/// An inspection, whoever's it is, locked until the transaction ends.
pub(crate) fn held(tx: &mut Tx<'_>, id: InspectionId) -> Result<Inspection> {
    let found: Option<Inspection> =
        lock_rows!(&mut *tx.conn, inspections::table.find(id).select(Inspection::as_select()), first)
            .optional()?;
    found.ok_or_else(|| NotFound("inspection").into())
}

/// An inspection the actor may work on, locked until the transaction ends.
fn locked(tx: &mut Tx<'_>, id: InspectionId) -> Result<Inspection> {
    let inspection = held(tx, id)?;
    inspection.may_be_worked_on_by(tx.actor()?)?;
    Ok(inspection)
}

/// Starts an inspection, or finds the actor's draft of that machine; says whether it is new (§5).
pub fn start(tx: &mut Tx<'_>, start: &StartInspection) -> Result<(InspectionDetail, bool)> {
    match start.target()? {
        StartTarget::Half(id) => {
            let assignment = assignments::locked(tx.conn, id)?;
            let half = assignment.half_of(tx.actor()?)?;
            start.may_mean(assignment.equipment_id)?;
            start_half(tx, &assignment, half)
        }
        StartTarget::AdHoc(id) => start_ad_hoc(tx, id),
    }
}

/// The actor's draft of a machine, if they may go on with it.
fn draft_of(tx: &mut Tx<'_>, machine: EquipmentId, target: StartTarget) -> Result<Option<Inspection>> {
    let actor = tx.actor()?.clone();
    let draft = inspections::table
        .filter(inspections::technician_id.eq(actor.id))
        .filter(inspections::equipment_id.eq(machine))
        .filter(inspections::status.eq(InspectionStatus::Draft));
    let draft: Option<Inspection> =
        with_conn!(&mut *tx.conn, |c| draft.select(Inspection::as_select()).first(c)).optional()?;
    if let Some(draft) = &draft {
        may_continue(&actor, draft, target)?;
    }
    Ok(draft)
}

fn start_ad_hoc(tx: &mut Tx<'_>, id: EquipmentId) -> Result<(InspectionDetail, bool)> {
    // Held, so that nobody decommissions the machine in between.
    let machine = equipment::locked(tx.conn, id)?;
    if let Some(draft) = draft_of(tx, id, StartTarget::AdHoc(id))? {
        return Ok((load_detail(tx.conn, draft)?, false));
    }
    let template = checklists::active_for(tx.conn, &machine.equipment_type)?;
    let questions = match &template {
        Some(template) => checklists::questions(tx.conn, template.id)?,
        None => Vec::new(),
    };
    let actor = tx.actor()?;
    may_start(actor, &machine, template.as_ref(), &questions)?;
    let template = template.ok_or(ConcurrentUpdate)?;
    let new = Inspection::ad_hoc(machine.id, template.id, actor.id, tx.now);
    Ok((insert(tx, &new, (template, questions))?, true))
}

/// Starts the actor's half of an assignment, which is locked.
fn start_half(tx: &mut Tx<'_>, assignment: &Assignment, half: Category) -> Result<(InspectionDetail, bool)> {
    // Held, so that one who starts the same machine ad hoc at the same time finds this draft.
    let machine = equipment::locked(tx.conn, assignment.equipment_id)?;
    if let Some(draft) = draft_of(tx, machine.id, StartTarget::Half(assignment.id))? {
        return Ok((load_detail(tx.conn, draft)?, false));
    }
    let checklist = checklists::get(tx.conn, assignment.template_id)?;
    let actor = tx.actor()?;
    may_start_half(actor, &checklist.1)?;
    let new = Inspection::half(assignment, half, actor.id, tx.now);
    assignments::begin(tx, assignment, half)?;
    Ok((insert(tx, &new, checklist)?, true))
}

fn insert(tx: &mut Tx<'_>, new: &Inspection, (template, mut items): Checklist) -> Result<InspectionDetail> {
    let inspection: Inspection = with_conn!(&mut *tx.conn, |c| diesel::insert_into(inspections::table)
        .values(new)
        .returning(Inspection::as_returning())
        .get_result(c))?;
    items.retain(|item| inspection.covers(item));
    let changes = Changes::between(None, Some(&inspection));
    tx.record_change(ChangedKind::Inspection, inspection.id.get(), [inspection.technician_id]);
    tx.audit(AuditAction::Start, "inspection", inspection.id.get(), changes);
    Ok(InspectionDetail { inspection, template, items, answers: Vec::new(), review_files: Vec::new() })
}

/// Answers questions of a draft, all of them or none; answering again replaces (§5). `path` names where the
/// n-th answer stands in the input.
pub fn answer(
    tx: &mut Tx<'_>,
    id: InspectionId,
    given: Vec<NewAnswer>,
    path: impl Fn(usize) -> Option<String>,
) -> Result<(Vec<Answer>, Progress)> {
    let inspection = locked(tx, id)?;
    inspection.status.after(InspectionCommand::Answer)?;
    let wanted: Vec<ItemId> = given.iter().map(|answer| answer.checklist_item_id).collect();
    // Held, so that no question changes while it is being answered.
    let asked: Vec<Item> = lock_rows!(
        &mut *tx.conn,
        items::table.filter(items::id.eq_any(&wanted)).order(items::id).select(Item::as_select()),
        for_share,
        load
    )?;
    let (actor, now) = (tx.actor()?.id, tx.now);
    let mut errors = Invalid::default();
    let mut rows: Vec<Answer> = Vec::new();
    for (n, new) in given.into_iter().enumerate() {
        let item = asked.iter().find(|item| item.id == new.checklist_item_id);
        let answer = match inspection.answer(new, item, actor, now) {
            Ok(row) if rows.iter().any(|other| other.checklist_item_id == row.checklist_item_id) => {
                Err(Invalid::field("checklist_item_id", "is answered twice"))
            }
            other => other,
        };
        match (answer, path(n)) {
            (Ok(row), _) => rows.push(row),
            (Err(wrong), Some(path)) => errors.extend(wrong.at(&path)),
            (Err(wrong), None) => errors.extend(wrong),
        }
    }
    errors.into_result()?;
    let photos: Vec<(String, FileId)> = rows
        .iter()
        .enumerate()
        .filter_map(|(n, row)| {
            let place = path(n).map_or_else(String::new, |path| path + ".") + "photo_file_id";
            Some((place, row.photo_file_id?))
        })
        .collect();
    files::attach(tx, Relation::Inspection(id), &photos, |file| file.may_prove(&inspection))?;
    let before = answers_of(tx.conn, id)?;
    let saved: Vec<Answer> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(answers::table)
        .values(&rows)
        .on_conflict((answers::inspection_id, answers::checklist_item_id))
        .do_update()
        .set((
            answers::answer_value.eq(excluded(answers::answer_value)),
            answers::comment.eq(excluded(answers::comment)),
            answers::photo_path.eq(excluded(answers::photo_path)),
            answers::photo_file_id.eq(excluded(answers::photo_file_id)),
            answers::answered_by_id.eq(excluded(answers::answered_by_id)),
            answers::answered_at.eq(excluded(answers::answered_at)),
        ))
        .returning(Answer::as_returning())
        .get_results(c))?;
    for answer in &saved {
        let replaced = before.iter().find(|replaced| replaced.checklist_item_id == answer.checklist_item_id);
        tx.translate(replaced, answer);
    }
    let mut changes = Changes::none();
    for row in &saved {
        let old = before.iter().find(|answer| answer.checklist_item_id == row.checklist_item_id);
        changes
            .0
            .insert(format!("item_{}", row.checklist_item_id), serde_json::json!({"old": old, "new": row}));
    }
    tx.record_change(ChangedKind::Inspection, id.get(), [inspection.technician_id]);
    tx.audit(AuditAction::Answer, "inspection", id.get(), changes);
    let questions = checklists::questions(tx.conn, inspection.template_id)?;
    let all: Vec<Answer> = before
        .into_iter()
        .filter(|answer| !wanted.contains(&answer.checklist_item_id))
        .chain(saved.iter().cloned())
        .collect();
    let progress = inspection.progress(&questions, &all);
    Ok((saved, progress))
}

/// Answers one question of a draft; answering again replaces (§5).
pub fn answer_one(tx: &mut Tx<'_>, id: InspectionId, given: NewAnswer) -> Result<(Answer, Progress)> {
    let (mut saved, progress) = answer(tx, id, vec![given], |_| None)?;
    Ok((saved.pop().ok_or(ConcurrentUpdate)?, progress))
}

/// Hands an inspection in: result, defects, the week's count and the notifications, all or nothing (§5).
pub fn submit(tx: &mut Tx<'_>, id: InspectionId) -> Result<(Inspection, usize)> {
    let before = locked(tx, id)?;
    before.status.after(InspectionCommand::Submit)?;
    // Before anything that refers to the machine is written, as all lock.
    let assignment = match before.assignment_id {
        Some(id) => Some(assignments::locked(tx.conn, id)?),
        None => None,
    };
    checklists::hold(tx, before.template_id)?;
    let questions = checklists::questions(tx.conn, before.template_id)?;
    let given = answers_of(tx.conn, id)?;
    let submission = before.submit(&questions, &given, tx.now)?;
    write(tx, AuditAction::Submit, &before, &submission.inspection)?;
    let machine = equipment::get(tx.conn, before.equipment_id)?;
    let technician = users::get(tx.conn, before.technician_id)?;
    let found = defects::raise(tx, &submission, &machine, &technician)?;
    count_completion(tx, &machine)?;
    if let (Some(assignment), Some(half)) = (assignment, before.category) {
        assignments::complete_half(tx, &assignment, half)?;
    }
    let result = submission.inspection.result.unwrap_or(InspectionResult::Pass);
    let notice = Notice::new(NotificationType::InspectionSubmitted)
        .with("inspector", technician.full_name.as_str())
        .with("equipment", machine.name.as_str())
        .with("result", result)
        .about("inspection", id.get(), "/inspections");
    let admins = users::active_with(tx.conn, &[Role::Admin])?;
    tx.notify(admins, &notice);
    Ok((submission.inspection, found))
}

fn count_completion(tx: &mut Tx<'_>, machine: &Equipment) -> Result<()> {
    let today = tx.today();
    let week = today.week();
    // Of two at midnight, the one that began first may come second.
    let is_earlier = excluded(completions::last_completed_on).lt(completions::last_completed_on);
    let later = case_when(is_earlier, completions::last_completed_on)
        .otherwise(excluded(completions::last_completed_on));
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(completions::table)
        .values((
            completions::equipment_id.eq(machine.id),
            completions::iso_year.eq(week.year),
            completions::iso_week.eq(week.number),
            completions::completions.eq(1),
            completions::last_completed_on.eq(today),
        ))
        .on_conflict((completions::equipment_id, completions::iso_year, completions::iso_week))
        .do_update()
        .set((
            completions::completions.eq(completions::completions + 1),
            completions::last_completed_on.eq(later),
        ))
        .execute(c))?;
    Ok(())
}

/// Marks a submitted inspection as seen by the actor, an admin (§5).
pub fn review(tx: &mut Tx<'_>, id: InspectionId, review: Review) -> Result<Inspection> {
    let before = locked(tx, id)?;
    let ids = review.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let after = before.review(review, tx.actor()?.id, tx.now)?;
    write(tx, AuditAction::Review, &before, &after)?;
    files::attach(tx, Relation::Inspection(id), &files::named(&ids), |file| file.may_go_with(&after))?;
    files::rest_on(tx, EVIDENCE, id.get(), &ids)?;
    Ok(after)
}

/// Throws a draft away with its answers (§5).
pub fn delete(tx: &mut Tx<'_>, id: InspectionId) -> Result<()> {
    let before = locked(tx, id)?;
    before.status.after(InspectionCommand::Delete)?;
    let given = answers_of(tx.conn, id)?;
    let draft = inspections::table.find(id).filter(inspections::status.eq(before.status));
    let gone = with_conn!(&mut *tx.conn, |c| {
        diesel::delete(answers::table.filter(answers::inspection_id.eq(id))).execute(c)?;
        diesel::delete(draft).execute(c)
    })?;
    one_row(gone)?;
    let changes = Changes::between(Some(&before), None);
    let changes = if given.is_empty() { changes } else { changes.without("answers", &given) };
    tx.record_change(ChangedKind::Inspection, id.get(), [before.technician_id]);
    tx.audit(AuditAction::Delete, "inspection", id.get(), changes);
    Ok(())
}

/// Writes an inspection that is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Inspection,
    after: &Inspection,
) -> Result<()> {
    let seen = inspections::table.find(before.id).filter(inspections::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.record_change(ChangedKind::Inspection, before.id.get(), [before.technician_id, after.technician_id]);
    tx.audit(action, "inspection", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// How often a machine was inspected in an ISO week.
pub fn completions_of(
    conn: &mut DbConnection,
    machine: EquipmentId,
    week: inspection_domain::time::Week,
) -> Result<i32> {
    let count = with_conn!(conn, |c| completions::table
        .find((machine, week.year, week.number))
        .select(completions::completions)
        .first(c))
    .optional()?;
    Ok(count.unwrap_or(0))
}

/// Some inspections, whoever's they are.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Inspection>> {
    let wanted = inspections::table.filter(inspections::id.eq_any(ids));
    Ok(with_conn!(conn, |c| wanted.select(Inspection::as_select()).load(c))?)
}
