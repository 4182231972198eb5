//! Inspections: lists, details, and units of work from start to review (§5).

mod answers;
mod handing_in;
mod records;
pub(crate) mod rows;
pub(crate) mod withdrawing;

use diesel::prelude::*;
use inspection_domain::{
    assignments::Assignment,
    audit::AuditAction,
    checklists::{Item, Template},
    files::Relation,
    ids::{AssignmentId, EquipmentId, FileId, InspectionId},
    inspections::{
        Answer, Inspection, InspectionFilter, InspectionOrder, InspectionStatus, Progress, Review,
        StartInspection, StartTarget, Visible, may_continue, may_read_halves, may_start, may_start_half,
        visible_to,
    },
    page::{Page, PageRequest, Sort},
    ratings::Rating,
    schema::inspections,
    time::SiteTimeZone,
    users::{Category, User},
    versions::Version,
};

pub use answers::{add_photos, answer, answer_dated, answer_one, get_answer, may_submit_as_of};
pub use handing_in::submit;
pub use records::{InspectionRecord, RecordedInspection, get_record};
pub use rows::{by_ids, drafts_of, get};
pub use withdrawing::{assign, delete, remove, unassign};

use crate::{
    DbConnection, Error, Result, Tx,
    assignments::{self, rows as assignment_rows},
    checklists::{self, Checklist, rows as checklist_rows},
    db::error::ConcurrentUpdate,
    db::tx::expected::version_of,
    equipment::rows as equipment_rows,
    files::{self, rows as file_rows},
    ratings::rows as rating_rows,
};

/// A page of the inspections the actor may see (§5).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &InspectionFilter,
    calendar: &SiteTimeZone,
    page: PageRequest,
) -> Result<Page<Inspection>> {
    let sort = filter.sort.unwrap_or(Sort { by: InspectionOrder::Id, descending: true });
    paged!(
        conn,
        page,
        Inspection,
        || {
            let mut query = inspections::table.into_boxed::<Backend>();
            filter_by!(query, {
                inspections::equipment_id => filter.equipment_id,
                inspections::technician_id => filter.technician_id,
                inspections::assignment_id => filter.assignment_id,
            });
            filter_any!(query, {
                inspections::status => filter.status,
                inspections::result => filter.result,
            });
            if let Visible::Of(reader) = visible_to(actor) {
                let is_partner = inspections::partner_id.eq(reader);
                query = query.filter(inspections::technician_id.eq(reader).or(is_partner));
            }
            if let Some(from) = filter.date_from {
                query = query.filter(inspections::started_at.ge(calendar.start_of(from)));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(inspections::started_at.lt(calendar.start_of(to.plus_days(1))));
            }
            query
        },
        inspections by sort {
            InspectionOrder::Id => [id],
            InspectionOrder::StartedAt => [started_at, id],
        }
    )
}

/// Record type of reviews in `evidence`.
const EVIDENCE: &str = "inspection";

/// An inspection with its checklist, answers and review files.
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
    /// Evidence files of the review.
    pub review_files: Vec<FileId>,
}

impl InspectionDetail {
    /// The version of the inspection, its answers and its rating (§15).
    pub fn version(&self, conn: &mut DbConnection) -> Result<Version> {
        version_of(&(&self.inspection, &self.answers, find_rating(conn, &self.inspection)?))
    }

    /// Numbers of answered and open questions.
    pub fn progress(&self) -> Progress {
        self.inspection.progress(&self.items, &self.answers)
    }
}

/// One inspection in detail, if the actor may see it (§5).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: InspectionId) -> Result<InspectionDetail> {
    let inspection = rows::get(conn, id)?;
    inspection.may_be_seen_by(actor)?;
    load_detail(conn, inspection)
}

/// The rating of an inspection. A draft has none.
fn find_rating(conn: &mut DbConnection, inspection: &Inspection) -> Result<Option<Rating>> {
    match inspection.status {
        InspectionStatus::Draft => Ok(None),
        InspectionStatus::Submitted | InspectionStatus::Reviewed => {
            rating_rows::find_by_inspection(conn, inspection.id)
        }
    }
}

/// The state of an inspection: its answers and its rating.
pub(crate) fn get_state(
    conn: &mut DbConnection,
    id: InspectionId,
) -> Result<(Inspection, Vec<Answer>, Option<Rating>)> {
    let inspection = rows::get(conn, id)?;
    let rating = find_rating(conn, &inspection)?;
    Ok((inspection, answers::list(conn, id)?, rating))
}

/// The actor's inspection of their half of an assignment, in detail (§5).
pub fn get_visible_half(conn: &mut DbConnection, actor: &User, id: AssignmentId) -> Result<InspectionDetail> {
    let half = assignment_rows::get(conn, id)?.half_of(actor)?;
    let own = rows::find_half(conn, id, half, actor.id)?;
    load_detail(conn, own.ok_or_else(Error::not_found::<Inspection>)?)
}

fn load_detail(conn: &mut DbConnection, inspection: Inspection) -> Result<InspectionDetail> {
    let template = checklist_rows::get(conn, inspection.template_id)?;
    let mut items = checklist_rows::questions_of(conn, &inspection)?;
    items.retain(|item| inspection.covers(item));
    let answers = answers::list(conn, inspection.id)?;
    let review_files = match inspection.status {
        InspectionStatus::Reviewed => file_rows::list_evidence(conn, EVIDENCE, inspection.id.get())?,
        InspectionStatus::Draft | InspectionStatus::Submitted => Vec::new(),
    };
    Ok(InspectionDetail { inspection, template, items, answers, review_files })
}

/// One half of an assignment, as its team reads it.
#[derive(Debug, Clone)]
pub struct Half {
    /// Trade of the half.
    pub category: Category,
    /// Its inspection, if it has been started.
    pub inspection: Option<Inspection>,
    /// The questions in its scope, in order.
    pub items: Vec<Item>,
    /// The answers given.
    pub answers: Vec<Answer>,
    /// Number of answered questions; none if it has not been started.
    pub progress: Option<Progress>,
}

/// The questions and answers of both halves of an assignment, the mechanical one first, if the
/// actor may read them (§5). A fixed number of statements.
pub fn get_halves(
    conn: &mut DbConnection,
    actor: &User,
    id: AssignmentId,
) -> Result<(Assignment, Template, Vec<Half>)> {
    let assignment = assignment_rows::get(conn, id)?;
    may_read_halves(actor, &assignment)?;
    let (template, present) = checklists::get(conn, assignment.template_id)?;
    let started = rows::halves(conn, id)?;
    let ids: Vec<InspectionId> = started.iter().map(|inspection| inspection.id).collect();
    let given = answers::list_of_all(conn, &ids)?;
    let mut halves = Vec::with_capacity(Category::ALL.len());
    for category in Category::ALL.iter().copied() {
        let inspection = started.iter().find(|inspection| inspection.category == Some(category)).cloned();
        let (mut items, answers) = match &inspection {
            None => (present.clone(), Vec::new()),
            Some(inspection) => {
                let is_own = |answer: &&Answer| answer.inspection_id == inspection.id;
                let own = given.iter().filter(is_own).cloned().collect();
                let kept = inspection.revision_id.is_some();
                let asked =
                    if kept { checklist_rows::questions_of(conn, inspection)? } else { present.clone() };
                (asked, own)
            }
        };
        items.retain(|item| match &inspection {
            Some(inspection) => inspection.covers(item),
            None => item.category.is_none_or(|trade| trade == category),
        });
        let progress = inspection.as_ref().map(|inspection| inspection.progress(&items, &answers));
        halves.push(Half { category, inspection, items, answers, progress });
    }
    Ok((assignment, template, halves))
}

/// The questions of an inspection with this primary key, in order.
pub fn questions(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Item>> {
    let inspection = rows::get(conn, id)?;
    checklist_rows::questions_of(conn, &inspection)
}

/// Starts an inspection, or finds the actor's draft of the same target; the flag says whether it is
/// new (§5). Locks the checklist (shared), the assignment, if any, and the machine: concurrent
/// starts find the same draft, and neither the machine can be decommissioned nor the questions be
/// changed meanwhile.
pub fn start(tx: &mut Tx<'_>, start: &StartInspection) -> Result<(InspectionDetail, bool)> {
    match start.target()? {
        StartTarget::Half(id) => {
            let template = assignment_rows::get(tx.conn, id)?.template_id;
            checklist_rows::lock_shared(tx.conn, template)?;
            let assignment = assignment_rows::lock(tx.conn, id)?;
            let half = assignment.half_of(tx.actor()?)?;
            start.may_mean(assignment.equipment_id)?;
            start_half(tx, &assignment, half)
        }
        StartTarget::AdHoc(id) => start_ad_hoc(tx, id),
    }
}

fn start_ad_hoc(tx: &mut Tx<'_>, id: EquipmentId) -> Result<(InspectionDetail, bool)> {
    let kind = equipment_rows::get(tx.conn, id)?.equipment_type;
    let template = checklist_rows::active_for(tx.conn, &kind)?;
    if let Some(template) = &template {
        checklist_rows::lock_shared(tx.conn, template.id)?;
    }
    let machine = equipment_rows::lock(tx.conn, id)?;
    let actor = tx.actor()?.clone();
    if let Some(draft) = rows::find_ad_hoc_draft(tx.conn, actor.id, id)? {
        may_continue(&actor)?;
        return Ok((load_detail(tx.conn, draft)?, false));
    }
    let questions = match &template {
        Some(template) => checklist_rows::questions(tx.conn, template.id)?,
        None => Vec::new(),
    };
    may_start(&actor, &machine, template.as_ref(), &questions)?;
    let template = template.ok_or(ConcurrentUpdate)?;
    let at = tx.happened_after([Some(machine.created_at), Some(template.created_at)]);
    let new = Inspection::ad_hoc(machine.id, template.id, actor.id, at).received(at, tx.now);
    Ok((insert(tx, &new, (template, questions))?, true))
}

/// Starts the actor's half of an assignment, which is locked.
fn start_half(tx: &mut Tx<'_>, assignment: &Assignment, half: Category) -> Result<(InspectionDetail, bool)> {
    equipment_rows::lock(tx.conn, assignment.equipment_id)?;
    let actor = tx.actor()?.clone();
    if let Some(draft) = rows::find_half_draft(tx.conn, actor.id, assignment.id)? {
        may_continue(&actor)?;
        return Ok((load_detail(tx.conn, draft)?, false));
    }
    let checklist = checklists::get(tx.conn, assignment.template_id)?;
    may_start_half(&actor, &checklist.1)?;
    let at = tx.happened_after([Some(assignment.created_at), assignment.assigned_at]);
    let new = Inspection::half(assignment, half, actor.id, at).received(at, tx.now);
    assignments::begin(tx, assignment, half)?;
    Ok((insert(tx, &new, checklist)?, true))
}

fn insert(tx: &mut Tx<'_>, new: &Inspection, (template, mut items): Checklist) -> Result<InspectionDetail> {
    let inspection = rows::insert(tx, new)?;
    items.retain(|item| inspection.covers(item));
    Ok(InspectionDetail { inspection, template, items, answers: Vec::new(), review_files: Vec::new() })
}

/// Marks a submitted inspection as reviewed by the actor, an admin (§5). Locks the inspection and
/// the files.
pub fn review(tx: &mut Tx<'_>, id: InspectionId, review: Review) -> Result<Inspection> {
    let before = rows::lock_for_actor(tx, id)?;
    let ids = review.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let after = before.review(review, tx.actor()?.id, tx.now)?;
    rows::write(tx, AuditAction::Review, &before, &after)?;
    files::attach(tx, Relation::Inspection(id), &files::named(&ids), |file| file.may_go_with(&after))?;
    file_rows::add_evidence(tx, EVIDENCE, id.get(), &ids)?;
    Ok(after)
}
