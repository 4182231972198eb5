//! Checklists: lists, and units of work on versions and questions (§3).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    checklists::{
        History, Item, ItemChanges, NewItem, NewTemplate, NewVersion, Template, TemplateChanges,
        TemplateFilter, TemplateOrder,
    },
    ids::{ItemId, TemplateId},
    page::{Page, PageRequest, Sort},
    schema::{checklist_items as items, checklist_templates as templates, inspection_answers, inspections},
    search::SearchedKind,
    time::Instant,
};

use crate::{DbConnection, Result, Tx, db::search::found, translations};

/// A checklist and its questions, in order.
pub type Checklist = (Template, Vec<Item>);

/// The questions with these ids.
pub fn questions_by_ids(conn: &mut DbConnection, ids: &[ItemId]) -> Result<Vec<Item>> {
    Ok(with_conn!(conn, |c| items::table.filter(items::id.eq_any(ids)).select(Item::as_select()).load(c))?)
}

/// A page of checklists with their questions (§3).
pub fn list(conn: &mut DbConnection, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Checklist>> {
    let sort = filter.sort.unwrap_or(Sort { by: TemplateOrder::Id, descending: true });
    let templates = paged!(
        &mut *conn,
        page,
        Template,
        || {
            let mut query = templates::table.into_boxed::<Backend>();
            filter_by!(query, {
                templates::equipment_type => filter.equipment_type.as_deref(),
                templates::is_active => filter.is_active,
            });
            if let Some(q) = &filter.q {
                query = query.filter(found(templates::id, SearchedKind::Checklist, q));
            }
            query
        },
        templates by sort {
            TemplateOrder::Id => [id],
            TemplateOrder::Name => [name, id],
            TemplateOrder::EquipmentType => [equipment_type, id],
            TemplateOrder::CreatedAt => [created_at, id],
        }
    )?;
    let questions: Vec<Item> = with_conn!(conn, |c| items::table
        .filter(items::template_id.eq_any(templates.items.iter().map(|template| template.id)))
        .order((items::template_id, items::order_index))
        .select(Item::as_select())
        .load(c))?;
    Ok(templates.map(|template| {
        let own = questions.iter().filter(|item| item.template_id == template.id).cloned().collect();
        (template, own)
    }))
}

/// One checklist with its questions.
pub fn get(conn: &mut DbConnection, id: TemplateId) -> Result<Checklist> {
    Ok((rows::get(conn, id)?, rows::questions(conn, id)?))
}

/// When an inspection with this checklist was last submitted.
fn last_submit(tx: &mut Tx<'_>, template: TemplateId) -> Result<Option<Instant>> {
    Ok(with_conn!(&mut *tx.conn, |c| inspections::table
        .filter(inspections::template_id.eq(template))
        .select(diesel::dsl::max(inspections::submitted_at))
        .first(c))?)
}

/// A question of this checklist, locked until the transaction ends, and its history. Answering
/// locks the question and submitting locks the checklist, so neither can happen to a question that
/// is being changed.
fn lock_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<(Item, History)> {
    rows::lock(tx.conn, template)?;
    let item = rows::lock_item(tx.conn, template, id)?;
    let answered: bool = with_conn!(&mut *tx.conn, |c| diesel::select(diesel::dsl::exists(
        inspection_answers::table.filter(inspection_answers::checklist_item_id.eq(id))
    ))
    .get_result(c))?;
    let history = match last_submit(tx, template)? {
        Some(at) if at >= item.created_at => History::HandedIn,
        _ if answered => History::Answered,
        _ => History::None,
    };
    Ok((item, history))
}

fn insert(tx: &mut Tx<'_>, template: Template, mut questions: Vec<Item>) -> Result<Checklist> {
    let template = rows::insert(tx, &template)?;
    for item in &mut questions {
        item.template_id = template.id;
    }
    rows::insert_items(tx, &questions)?;
    let questions = rows::questions(tx.conn, template.id)?;
    for item in &questions {
        tx.translate(None, item);
    }
    let changes = Changes::between(None, Some(&template)).with("items", questions.len());
    tx.record_with(AuditAction::Create, None, Some(&template), changes);
    Ok((template, questions))
}

/// Creates a checklist with its first questions (§3).
pub fn create(tx: &mut Tx<'_>, new: NewTemplate) -> Result<Checklist> {
    let (template, questions) = new.draft(tx.actor()?.id, tx.now)?;
    insert(tx, template, questions)
}

/// Copies a checklist and its questions as a new version (§3). Locks the original.
pub fn clone(tx: &mut Tx<'_>, id: TemplateId, new: NewVersion) -> Result<Checklist> {
    let original = rows::lock(tx.conn, id)?;
    let now = tx.now;
    let questions = rows::questions(tx.conn, id)?.into_iter().map(|item| Item {
        created_at: now,
        updated_at: now,
        ..item
    });
    let next = original.next_version(new, tx.actor()?.id, now);
    insert(tx, next, questions.collect())
}

/// Renames, activates or deactivates a checklist (§3). Locks the checklist.
pub fn update(tx: &mut Tx<'_>, id: TemplateId, changes: TemplateChanges) -> Result<Checklist> {
    let before = rows::lock(tx.conn, id)?;
    let mut after = before.changed(changes, tx.now);
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    rows::write(tx, &before, &after)?;
    Ok((after, rows::questions(tx.conn, id)?))
}

/// Adds a question, at the given position or after the last (§3). Locks the checklist.
pub fn add_item(tx: &mut Tx<'_>, template: TemplateId, new: NewItem) -> Result<Item> {
    rows::lock(tx.conn, template)?;
    let last = rows::last_index(tx.conn, template)?;
    // Later than every submit so far, even if the clocks of instances differ: no submitted
    // inspection had this question.
    let now = last_submit(tx, template)?.map_or(tx.now, |at| tx.now.max(at.next()));
    let item = new.draft(template, last.map_or(0, |last| last.saturating_add(1)), now)?;
    rows::insert_item(tx, &item)
}

/// Changes a question, as far as its answers allow (§3). Locks the checklist, then the question.
pub fn update_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId, changes: ItemChanges) -> Result<Item> {
    let (before, history) = lock_item(tx, template, id)?;
    let mut after = before.changed(changes, tx.now)?;
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    before.may_become(&after, history)?;
    rows::write_item(tx, &before, &after)?;
    Ok(after)
}

/// Deletes a question without answers (§3). Locks the checklist, then the question.
pub fn delete_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<()> {
    let (item, history) = lock_item(tx, template, id)?;
    Item::may_be_deleted(history)?;
    rows::delete_item(tx, &item)
}
