//! Rows of `checklist_templates` and `checklist_items`: lookups, locks, inserts and writes. A
//! question is changed only while its checklist is locked.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    checklists::{Item, Template},
    ids::{ItemId, TemplateId},
    schema::{checklist_items as items, checklist_templates as templates},
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
        .order(items::order_index)
        .select(Item::as_select())
        .load(c))?)
}

/// The newest active checklist of a type of equipment (§3).
pub(crate) fn active_for(conn: &mut DbConnection, equipment_type: &str) -> Result<Option<Template>> {
    Ok(with_conn!(conn, |c| templates::table
        .filter(templates::equipment_type.eq(equipment_type).and(templates::is_active))
        .order(templates::id.desc())
        .select(Template::as_select())
        .first(c))
    .optional()?)
}

/// Position of the last question of a checklist, if it has any.
pub(crate) fn last_index(conn: &mut DbConnection, id: TemplateId) -> Result<Option<i32>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::template_id.eq(id))
        .select(diesel::dsl::max(items::order_index))
        .first(c))?)
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
    let own = items::table.find(id).filter(items::template_id.eq(template));
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
    insert_row!(tx, templates, Template, new)
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
    update_row!(tx, templates, before, after)?;
    tx.record(AuditAction::Update, Some(before), Some(after));
    Ok(())
}

/// Writes and records a question, which is locked.
pub(crate) fn write_item(tx: &mut Tx<'_>, before: &Item, after: &Item) -> Result<()> {
    update_row!(tx, items, before, after)?;
    tx.record(AuditAction::Update, Some(before), Some(after));
    Ok(())
}

/// Deletes a question, which is locked, and records it.
pub(crate) fn delete_item(tx: &mut Tx<'_>, item: &Item) -> Result<()> {
    delete_row!(tx, items[item.id])?;
    tx.record(AuditAction::Delete, Some(item), None);
    Ok(())
}
