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

use crate::{DbConnection, Error, Result, Tx, db::error::ConcurrentUpdate};

/// The item that a person has sent with this client id.
pub fn find(conn: &mut DbConnection, owner: UserId, name: &ClientId) -> Result<Option<SyncItem>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::user_id.eq(owner))
        .filter(items::client_id.eq(name.as_str()))
        .select(SyncItem::as_select())
        .first(c))
    .optional()?)
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

/// Stores the outcome of an applied item, in the transaction that has applied it.
pub fn applied(tx: &mut Tx<'_>, item: NewSyncItem, entity_id: i64, result: Document) -> Result<SyncItem> {
    let new = SyncItem::applied(item, tx.actor()?.id, entity_id, result, tx.now);
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
/// item, the first one stands; the flag says whether it is this one.
pub fn reject(tx: &mut Tx<'_>, item: NewSyncItem, error: SyncError) -> Result<(SyncItem, bool)> {
    let owner = tx.actor()?.id;
    let new = SyncItem::rejected(item.clone(), owner, error, tx.now);
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
    let first = find(tx.conn, owner, &item.client_id)?.ok_or(ConcurrentUpdate)?;
    Ok((first.replay(&item)?, false))
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
