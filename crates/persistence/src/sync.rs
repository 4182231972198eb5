//! What phones did while they were offline: what became of each item, once for each name (rule book §15). What an item does
//! is a unit of work like any other; its outcome is written by the same transaction.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{SyncId, UserId},
    page::{Page, PageRequest},
    rule::NotFound,
    schema::sync_items as items,
    sync::{ClientId, Document, NewSyncItem, SyncError, SyncItem, SyncOutcome},
    users::User,
};

use crate::{DbConnection, Result, Tx, db::error::ConcurrentUpdate};

/// The item of this name that somebody has sent before.
pub fn find(conn: &mut DbConnection, owner: UserId, name: &ClientId) -> Result<Option<SyncItem>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::user_id.eq(owner))
        .filter(items::client_id.eq(name.as_str()))
        .select(SyncItem::as_select())
        .first(c))
    .optional()?)
}

/// A page of the items of somebody that were rejected, the oldest first.
pub fn rejected(conn: &mut DbConnection, owner: UserId, page: PageRequest) -> Result<Page<SyncItem>> {
    let (found, total) = with_conn!(conn, |c| {
        let own = items::table
            .filter(items::user_id.eq(owner))
            .filter(items::outcome.eq(SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>()));
        let found = own
            .order(items::id)
            .select(SyncItem::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (found, own.count().get_result(c)?)
    });
    Ok(Page { items: found, total, request: page })
}

/// The document of an item with the numbers of what it refers to by name (§15). What was never sent isn't found.
pub fn resolved(conn: &mut DbConnection, owner: UserId, item: &NewSyncItem) -> Result<Document> {
    let mut document = item.entity_data.clone();
    for (field, name, kind) in item.entity_data.references() {
        let made = find(conn, owner, &name)?.filter(|made| made.entity_type == kind);
        let made = made.ok_or(NotFound("the item it refers to"))?;
        document = document.with_number(field, made.created_id(field)?);
    }
    Ok(document)
}

/// Writes that an item was done, in the transaction that has done it.
pub fn applied(tx: &mut Tx<'_>, item: NewSyncItem, entity_id: i64, result: Document) -> Result<SyncItem> {
    let new = SyncItem::applied(item, tx.actor()?.id, entity_id, result, tx.now);
    let item: SyncItem = with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table)
        .values(&new)
        .returning(SyncItem::as_returning())
        .get_result(c))?;
    // What was done has lines of its own; this one tells that it was done offline, and when.
    let mut changes = Changes::none().with("entity_type", item.entity_type.as_str());
    if let Some(at) = item.occurred_at {
        changes = changes.with("occurred_at", at.to_string());
    }
    tx.audit(AuditAction::Create, "sync_item", item.id.get(), changes);
    Ok(item)
}

/// Keeps an item that a rule forbids, for its owner to see. If the same one was sent at the same time, the first outcome stands.
pub fn reject(tx: &mut Tx<'_>, item: NewSyncItem, error: SyncError) -> Result<(SyncItem, bool)> {
    let owner = tx.actor()?.id;
    let new = SyncItem::rejected(item.clone(), owner, error, tx.now);
    let made: Option<SyncItem> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table)
        .values(&new)
        .on_conflict((items::user_id, items::client_id))
        .do_nothing()
        .returning(SyncItem::as_returning())
        .get_result(c))
    .optional()?;
    if let Some(made) = made {
        return Ok((made, true));
    }
    let first = find(tx.conn, owner, &item.client_id)?.ok_or(ConcurrentUpdate)?;
    Ok((first.replay(&item)?, false))
}

/// Forgets an item that was rejected; its name may be used again.
pub fn discard(tx: &mut Tx<'_>, id: SyncId) -> Result<()> {
    let owner: &User = tx.actor()?;
    let own = items::table.find(id).filter(items::user_id.eq(owner.id));
    let found = lock_rows!(&mut *tx.conn, own.select(SyncItem::as_select()), first);
    let item = found.optional()?.ok_or(NotFound("sync item"))?;
    item.may_be_discarded()?;
    with_conn!(&mut *tx.conn, |c| diesel::delete(items::table.find(id)).execute(c))?;
    tx.audit(AuditAction::Delete, "sync_item", id.get(), Changes::between(Some(&item), None));
    Ok(())
}
