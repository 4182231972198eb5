//! Checklists: lists, and units of work on versions and questions (§3).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    checklists::{
        ChecklistRule, History, Item, ItemChanges, NewItem, NewTemplate, NewVersion, Questions, Template,
        TemplateChanges, TemplateFilter, TemplateOrder, check_conditions,
    },
    ids::{ItemId, TemplateId},
    key::Key,
    page::{Page, PageRequest, Sort},
    schema::{checklist_items as items, checklist_templates as templates, inspection_answers, inspections},
    search::SearchedKind,
    time::Instant,
};

use crate::{DbConnection, Result, Tx, inspections::rows as inspection_rows, translations};

/// A checklist and its questions, in order.
pub type Checklist = (Template, Vec<Item>);

/// The questions with these ids.
pub fn questions_by_ids(conn: &mut DbConnection, ids: &[ItemId]) -> Result<Vec<Item>> {
    Ok(with_conn!(conn, |c| items::table.filter(items::id.eq_any(ids)).select(Item::as_select()).load(c))?)
}

/// The checklists with these ids and their questions, in order. One statement.
pub fn by_ids(conn: &mut DbConnection, ids: &[TemplateId]) -> Result<Vec<Checklist>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Template, Item)> = with_conn!(conn, |c| items::table
        .inner_join(templates::table)
        .filter(items::template_id.eq_any(ids))
        .filter(items::removed_at.is_null())
        .order((items::template_id, items::order_index))
        .select((Template::as_select(), Item::as_select()))
        .load(c))?;
    let mut found: Vec<Checklist> = Vec::new();
    for (template, item) in rows {
        match found.last_mut() {
            Some((last, questions)) if last.id == template.id => questions.push(item),
            _ => found.push((template, vec![item])),
        }
    }
    Ok(found)
}

/// A page of checklists with their questions (§3).
pub fn list(conn: &mut DbConnection, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Checklist>> {
    let sort = filter.sort.unwrap_or(Sort { by: TemplateOrder::Id, descending: true });
    let templates = searched!(
        &mut *conn,
        page,
        Template,
        search(SearchedKind::Checklist, filter.q.as_deref()),
        || {
            let mut query = templates::table.into_boxed::<Backend>();
            filter_by!(query, {
                templates::type_key => Key::of_optional(filter.equipment_type.as_deref()),
                templates::is_active => filter.is_active,
            });
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
        .filter(items::removed_at.is_null())
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

/// Locks a checklist for a change of its questions. Drafts that follow the checklist keep the
/// questions that it has now (§5): they are locked too, so that none is submitted meanwhile, and
/// no inspection can start until the change is done.
fn lock_for_change(tx: &mut Tx<'_>, template: TemplateId) -> Result<()> {
    rows::lock(tx.conn, template)?;
    let drafts = inspection_rows::lock_drafts_that_follow(tx.conn, template)?;
    if !drafts.is_empty() {
        let kept = Questions(rows::questions(tx.conn, template)?);
        let revision = rows::insert_revision(tx, template, &kept)?;
        inspection_rows::keep_revision(tx.conn, &drafts, revision)?;
    }
    Ok(())
}

/// A question of this checklist, locked until the transaction ends, and its history. Answering
/// locks the question.
fn lock_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<(Item, History)> {
    lock_for_change(tx, template)?;
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
        lineage_id: Some(item.lineage()),
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

/// Adds a question, at the given position or after the last (§3). Locks the checklist, then its
/// drafts.
pub fn add_item(tx: &mut Tx<'_>, template: TemplateId, new: NewItem) -> Result<Item> {
    lock_for_change(tx, template)?;
    let last = rows::last_index(tx.conn, template)?;
    // Later than every submit so far, even if the clocks of instances differ: no submitted
    // inspection had this question.
    let now = last_submit(tx, template)?.map_or(tx.now, |at| tx.now.max(at.next()));
    let item = new.draft(template, last.map_or(0, |last| last.saturating_add(1)), now)?;
    check_with(rows::questions(tx.conn, template)?, &item)?;
    rows::insert_item(tx, &item)
}

/// Checks the conditions of all questions of a checklist with one of them added or changed.
fn check_with(mut all: Vec<Item>, item: &Item) -> Result<()> {
    all.retain(|other| other.id != item.id);
    all.push(item.clone());
    let orders: Vec<i32> = all.iter().map(|item| item.order_index).collect();
    let last = all.len().saturating_sub(1);
    let path = |n: usize| match orders.get(n) {
        Some(order) if n != last => format!("items[{order}].show_if"),
        _ => "show_if".to_owned(),
    };
    Ok(check_conditions(&all, path)?)
}

/// Changes a question, as far as its answers allow (§3). Locks the checklist, its drafts, and the
/// question.
pub fn update_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId, changes: ItemChanges) -> Result<Item> {
    let (before, history) = lock_item(tx, template, id)?;
    let mut after = before.changed(changes, tx.now)?;
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    let after = after.in_line_with(&before);
    before.may_become(&after, history)?;
    check_with(rows::questions(tx.conn, template)?, &after)?;
    rows::write_item(tx, &before, &after)?;
    Ok(after)
}

/// Removes a question without answers from its checklist (§3). Drafts that were started with it
/// still ask it. Locks the checklist, its drafts, and the question.
pub fn delete_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<()> {
    let (item, history) = lock_item(tx, template, id)?;
    Item::may_be_deleted(history)?;
    let is_condition = |other: &Item| {
        other.show_if.as_ref().is_some_and(|condition| condition.item_order == item.order_index)
    };
    if rows::questions(tx.conn, template)?.iter().any(is_condition) {
        return Err(ChecklistRule::IsCondition.into());
    }
    if inspection_rows::is_inspected(tx.conn, template)? {
        return rows::remove_item(tx, &item);
    }
    rows::delete_item(tx, &item)
}
