//! Rows of `checklist_templates`, `checklist_items` and `checklist_revisions`: lookups, locks,
//! inserts and writes. A question is changed only while its checklist is locked.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    checklists::{Item, Questions, Template},
    ids::{ItemId, RevisionId, TemplateId},
    inspections::Inspection,
    key::Key,
    schema::{checklist_items as items, checklist_revisions as revisions, checklist_templates as templates},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    query::BATCH,
    tx::Tx,
};

/// One checklist.
pub(crate) fn get(conn: &mut DbConnection, id: TemplateId) -> Result<Template> {
    find_row!(conn, templates, Template, id)?.ok_or_else(Error::not_found::<Template>)
}

/// The questions of a checklist, in order.
pub(crate) fn questions(conn: &mut DbConnection, id: TemplateId) -> Result<Vec<Item>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::template_id.eq(id))
        .filter(items::removed_at.is_null())
        .order(items::order_index)
        .select(Item::as_select())
        .load(c))?)
}

/// The questions of an inspection, in order, also those out of its scope: those of its checklist,
/// or those that it has kept since a change of the checklist (§5).
pub(crate) fn questions_of(conn: &mut DbConnection, inspection: &Inspection) -> Result<Vec<Item>> {
    let Some(revision) = inspection.revision_id else {
        return questions(conn, inspection.template_id);
    };
    let kept: Questions =
        with_conn!(&mut *conn, |c| revisions::table.find(revision).select(revisions::questions).first(c))?;
    let mut kept = kept.0;
    if kept.iter().all(|item| item.lineage_id.is_some()) {
        return Ok(kept);
    }
    // They may have been kept before lineages were recorded.
    let ids: Vec<ItemId> = kept.iter().map(|item| item.id).collect();
    let known: Vec<Item> =
        with_conn!(conn, |c| items::table.filter(items::id.eq_any(ids)).select(Item::as_select()).load(c))?;
    for item in kept.iter_mut().filter(|item| item.lineage_id.is_none()) {
        let same = known.iter().find(|known| known.id == item.id && known.is_same_question(item));
        item.lineage_id = same.and_then(|same| same.lineage_id);
    }
    Ok(kept)
}

/// Keeps the questions of a checklist for drafts.
pub(crate) fn insert_revision(tx: &mut Tx<'_>, template: TemplateId, kept: &Questions) -> Result<RevisionId> {
    let now = tx.now;
    Ok(with_conn!(&mut *tx.conn, |c| diesel::insert_into(revisions::table)
        .values((
            revisions::template_id.eq(template),
            revisions::questions.eq(kept),
            revisions::created_at.eq(now),
        ))
        .returning(revisions::id)
        .get_result(c))?)
}

/// The newest active checklist of a type of equipment (§3).
pub(crate) fn active_for(conn: &mut DbConnection, equipment_type: &str) -> Result<Option<Template>> {
    Ok(with_conn!(conn, |c| templates::table
        .filter(templates::type_key.eq(Key::of(equipment_type)).and(templates::is_active))
        .order(templates::id.desc())
        .select(Template::as_select())
        .first(c))
    .optional()?)
}

/// Position of the last question of a checklist, if it has any.
pub(crate) fn last_index(conn: &mut DbConnection, id: TemplateId) -> Result<Option<i32>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::template_id.eq(id))
        .filter(items::removed_at.is_null())
        .select(diesel::dsl::max(items::order_index))
        .first(c))?)
}

/// A position for a removed question: below those of the other removed ones, far from all others.
fn position_of_removed(conn: &mut DbConnection, id: TemplateId) -> Result<i32> {
    let least: Option<i32> = with_conn!(conn, |c| items::table
        .filter(items::template_id.eq(id))
        .filter(items::removed_at.is_not_null())
        .select(diesel::dsl::min(items::order_index))
        .first(c))?;
    Ok(least.unwrap_or(i32::MAX).saturating_sub(1))
}

/// One checklist, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: TemplateId) -> Result<Template> {
    lock_row!(conn, templates, Template, id)?.ok_or_else(Error::not_found::<Template>)
}

/// One checklist, if it exists, locked against changes of it and of its questions. Several
/// transactions may hold this lock.
pub(crate) fn lock_shared(conn: &mut DbConnection, id: TemplateId) -> Result<Option<Template>> {
    lock_row!(conn, templates, Template, id, for_share)
}

/// One question of this checklist, locked until the transaction ends.
pub(crate) fn lock_item(conn: &mut DbConnection, template: TemplateId, id: ItemId) -> Result<Item> {
    let own =
        items::table.find(id).filter(items::template_id.eq(template)).filter(items::removed_at.is_null());
    let item: Option<Item> = lock_rows!(conn, own.select(Item::as_select()), first).optional()?;
    item.ok_or_else(Error::not_found::<Item>)
}

/// The questions with these ids, locked against changes. Several transactions may hold this lock.
pub(crate) fn lock_items_shared(conn: &mut DbConnection, ids: &[ItemId]) -> Result<Vec<Item>> {
    Ok(lock_rows!(
        conn,
        items::table.filter(items::id.eq_any(ids)).order(items::id).select(Item::as_select()),
        for_share,
        load
    )?)
}

/// Inserts a checklist, which is recorded with its questions.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Template) -> Result<Template> {
    let type_key = Key::of(&new.equipment_type);
    insert_row!(tx, templates, Template, (new, templates::type_key.eq(&type_key)))
}

/// Inserts the questions of a new checklist.
pub(crate) fn insert_items(tx: &mut Tx<'_>, new: &[Item]) -> Result<()> {
    for batch in new.chunks(BATCH) {
        with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table).values(batch).execute(c))?;
    }
    Ok(())
}

/// Inserts and records a question.
pub(crate) fn insert_item(tx: &mut Tx<'_>, new: &Item) -> Result<Item> {
    let item = insert_row!(tx, items, Item, new)?;
    tx.record(AuditAction::Create, None, Some(&item));
    Ok(item)
}

/// Writes and records a checklist, which is locked.
pub(crate) fn write(tx: &mut Tx<'_>, before: &Template, after: &Template) -> Result<()> {
    let type_key = Key::of(&after.equipment_type);
    update_row!(tx, templates, before, (after, templates::type_key.eq(&type_key)))?;
    tx.record(AuditAction::Update, Some(before), Some(after));
    Ok(())
}

/// Writes and records a question, which is locked.
pub(crate) fn write_item(tx: &mut Tx<'_>, before: &Item, after: &Item) -> Result<()> {
    update_row!(tx, items, before, after)?;
    tx.record(AuditAction::Update, Some(before), Some(after));
    Ok(())
}

/// Removes a question, which is locked, from its checklist and records it. The row remains for the
/// drafts that ask it, and its position becomes free.
pub(crate) fn remove_item(tx: &mut Tx<'_>, item: &Item) -> Result<()> {
    let order_index = position_of_removed(tx.conn, item.template_id)?;
    let after = Item { order_index, removed_at: Some(tx.now), updated_at: tx.now, ..item.clone() };
    update_row!(tx, items, item, &after)?;
    tx.record(AuditAction::Delete, Some(item), None);
    Ok(())
}

/// Deletes a question, which is locked, and records it.
pub(crate) fn delete_item(tx: &mut Tx<'_>, item: &Item) -> Result<()> {
    delete_row!(tx, items[item.id])?;
    tx.record(AuditAction::Delete, Some(item), None);
    Ok(())
}
