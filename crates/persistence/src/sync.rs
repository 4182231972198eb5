//! Outcomes of offline changes, one per client id (§15). An item is applied by an ordinary
//! unit of work; the same transaction stores its outcome.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{SyncId, UserId},
    page::{Page, PageRequest},
    rule::NotFound,
    schema::sync_items as items,
    sync::{
        ClientId, Document, MAX_REJECTED, MAX_REJECTED_BYTES, NewSyncItem, SyncError, SyncItem, SyncOutcome,
    },
    time::Instant,
    users::User,
};

use crate::{
    DbConnection, Error, Result, Tx,
    db::{database::one_row, error::ConcurrentUpdate},
};

/// The item that a person has sent with this client id.
pub fn find(conn: &mut DbConnection, owner: UserId, name: &ClientId) -> Result<Option<SyncItem>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::user_id.eq(owner))
        .filter(items::client_id.eq(name.as_str()))
        .select(SyncItem::as_select())
        .first(c))
    .optional()?)
}

/// The item that a person has sent with this client id, locked until the transaction ends.
pub fn lock(conn: &mut DbConnection, owner: UserId, name: &ClientId) -> Result<Option<SyncItem>> {
    let own = items::table.filter(items::user_id.eq(owner)).filter(items::client_id.eq(name.as_str()));
    Ok(lock_rows!(conn, own.select(SyncItem::as_select()), first).optional()?)
}

/// The same action, applied before under another client id: a phone that was set up again sends
/// what it has sent before (§15).
pub fn find_same(conn: &mut DbConnection, owner: UserId, item: &NewSyncItem) -> Result<Option<SyncItem>> {
    let Some(at) = item.occurred_at.filter(|_| item.entity_type.repeats()) else { return Ok(None) };
    let same = items::table
        .filter(items::user_id.eq(owner))
        .filter(items::content_hash.eq(item.hash()))
        .filter(items::occurred_at.eq(at))
        .filter(items::outcome.eq(SyncOutcome::Applied.as_str().into_sql::<diesel::sql_types::Text>()))
        .order(items::id);
    Ok(with_conn!(conn, |c| same.select(SyncItem::as_select()).first(c)).optional()?)
}

/// The rejected items of a person that may heal, the oldest first (§15).
pub fn waiting(conn: &mut DbConnection, owner: UserId) -> Result<Vec<SyncItem>> {
    let rejected = items::table
        .filter(items::user_id.eq(owner))
        .filter(items::outcome.eq(SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>()))
        .order(items::id);
    let mut found: Vec<SyncItem> = with_conn!(conn, |c| rejected.select(SyncItem::as_select()).load(c))?;
    found.retain(SyncItem::may_heal);
    Ok(found)
}

/// A page of a person's rejected items, the oldest first.
pub fn rejected(conn: &mut DbConnection, owner: UserId, page: PageRequest) -> Result<Page<SyncItem>> {
    paged!(
        conn,
        page,
        SyncItem,
        || items::table
            .filter(items::user_id.eq(owner))
            .filter(items::outcome.eq(SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>()))
            .into_boxed::<Backend>(),
        items by asc [id]
    )
}

/// The document of an item, with client ids of other items replaced by the ids of their objects
/// (§15). An item that was never sent isn't found.
pub fn resolved(conn: &mut DbConnection, owner: UserId, item: &NewSyncItem) -> Result<Document> {
    let mut document = item.entity_data.clone();
    for (field, name, kind) in item.entity_data.references() {
        let referenced = find(conn, owner, &name)?.filter(|item| item.entity_type == kind);
        let referenced = referenced.ok_or(NotFound("the item it refers to"))?;
        document = document.with_number(field, referenced.created_id(field)?);
    }
    Ok(document)
}

/// Stores an item with its outcome, in the transaction that has applied it. A rejected item that
/// has healed keeps its place and the time of its receipt; it is locked (§15).
pub fn store(tx: &mut Tx<'_>, before: Option<&SyncItem>, new: SyncItem) -> Result<SyncItem> {
    let new = SyncItem { happened_at: new.happened_at.or(tx.happened_at()), ..new };
    if let Some(before) = before {
        let healed = SyncItem { id: before.id, created_at: before.created_at, ..new };
        let rejected = SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>();
        let row = items::table.find(before.id).filter(items::outcome.eq(rejected));
        with_conn!(&mut *tx.conn, |c| diesel::update(row)
            .set((
                items::outcome.eq(healed.outcome),
                items::entity_id.eq(healed.entity_id),
                items::result.eq(healed.result.clone()),
                items::sync_error.eq(healed.sync_error.clone()),
                items::happened_at.eq(healed.happened_at),
                items::is_superseded.eq(healed.is_superseded),
            ))
            .execute(c))
        .map_err(Error::from)
        .and_then(one_row)?;
        let changes = Changes::none()
            .with("entity_type", healed.entity_type.as_str())
            .with("outcome", healed.outcome.as_str());
        tx.record_with(AuditAction::Update, Some(before), Some(&healed), changes);
        return Ok(healed);
    }
    let item = insert_row!(tx, items, SyncItem, &new)?;
    // The changes have audit entries of their own; this one adds the time of the offline change.
    let mut changes = Changes::none().with("entity_type", item.entity_type.as_str());
    if let Some(at) = item.occurred_at {
        changes = changes.with("occurred_at", at.to_string());
    }
    tx.record_with(AuditAction::Create, None, Some(&item), changes);
    Ok(item)
}

/// Stores an item that a rule has refused, for its owner to see. Of concurrent outcomes of the same
/// item, the first one stands; the flag says whether it is this one. The reason of an item that was
/// tried again is the last one.
pub fn reject(tx: &mut Tx<'_>, item: NewSyncItem, error: SyncError) -> Result<(SyncItem, bool)> {
    let owner = tx.actor()?.id;
    let rejected = SyncItem::rejected(item.clone(), owner, error, tx.now);
    let new = SyncItem { happened_at: tx.happened_at(), ..rejected };
    let inserted: Option<SyncItem> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table)
        .values(&new)
        .on_conflict((items::user_id, items::client_id))
        .do_nothing()
        .returning(SyncItem::as_returning())
        .get_result(c))
    .optional()?;
    if let Some(item) = inserted {
        enforce_quotas(tx, owner)?;
        return Ok((item, true));
    }
    let first = lock(tx.conn, owner, &item.client_id)?.ok_or(ConcurrentUpdate)?.replay(&item)?;
    if !first.may_heal() || first.sync_error == new.sync_error {
        return Ok((first, false));
    }
    let row = items::table.find(first.id);
    with_conn!(&mut *tx.conn, |c| diesel::update(row)
        .set(items::sync_error.eq(new.sync_error.clone()))
        .execute(c))?;
    Ok((SyncItem { sync_error: new.sync_error, ..first }, false))
}

/// Deletes the rejected items of a user beyond the quotas (§15), the oldest ones.
fn enforce_quotas(tx: &mut Tx<'_>, owner: UserId) -> Result<()> {
    let rejected = || {
        items::table
            .filter(items::user_id.eq(owner))
            .filter(items::outcome.eq(SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>()))
    };
    macro_rules! newest {
        ($conn:expr, $bytes:literal) => {
            rejected()
                .select((items::id, diesel::dsl::sql::<diesel::sql_types::BigInt>($bytes), items::created_at))
                .order(items::id.desc())
                .limit(i64::try_from(MAX_REJECTED).unwrap_or(i64::MAX).saturating_add(1))
                .load($conn)?
        };
    }
    let newest: Vec<(SyncId, i64, Instant)> = by_backend!(
        &mut *tx.conn,
        postgres(conn) => newest!(conn, "octet_length(entity_data)::bigint"),
        sqlite(conn) => newest!(conn, "length(CAST(entity_data AS BLOB))"),
    );
    let since = tx.retained_since(|retention| retention.rejected_items);
    let mut bytes = 0;
    let beyond = newest.iter().enumerate().find(|(n, (_, size, at))| {
        bytes += size;
        *n >= MAX_REJECTED || bytes > MAX_REJECTED_BYTES || *at < since
    });
    if let Some((_, (last, ..))) = beyond {
        let old = rejected().filter(items::id.le(*last));
        with_conn!(&mut *tx.conn, |c| diesel::delete(old).execute(c))?;
    }
    Ok(())
}

/// Deletes up to `limit` rejected items after their retention; returns their number.
pub(crate) fn delete_old_rejected(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let since = tx.retained_since(|retention| retention.rejected_items);
    let old: Vec<SyncId> = with_conn!(&mut *tx.conn, |c| items::table
        .filter(items::outcome.eq(SyncOutcome::Rejected.as_str().into_sql::<diesel::sql_types::Text>()))
        .filter(items::created_at.lt(since))
        .order(items::id)
        .limit(limit)
        .select(items::id)
        .load(c))?;
    let deleted = items::table.filter(items::id.eq_any(old));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(deleted).execute(c))?)
}

/// Deletes a rejected item; its client id may be used again. Locks the item.
pub fn discard(tx: &mut Tx<'_>, id: SyncId) -> Result<()> {
    let owner: &User = tx.actor()?;
    let own = items::table.find(id).filter(items::user_id.eq(owner.id));
    let found = lock_rows!(&mut *tx.conn, own.select(SyncItem::as_select()), first);
    let item = found.optional()?.ok_or_else(Error::not_found::<SyncItem>)?;
    item.may_be_discarded()?;
    with_conn!(&mut *tx.conn, |c| diesel::delete(items::table.find(id)).execute(c))?;
    // The body is the user's, and may be large.
    let digest = Changes::none()
        .with("entity_type", item.entity_type.as_str())
        .with("client_id", item.client_id.as_str())
        .with("content_hash", item.content_hash.as_str());
    tx.record_with(AuditAction::Delete, Some(&item), None, digest);
    Ok(())
}
