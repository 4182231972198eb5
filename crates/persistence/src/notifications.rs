//! Notifications: inserted at the end of units of work, read and deleted by their owner (§12).

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable},
};
use inspection_domain::{
    audit::{AuditAction, Changes},
    entity::Entity,
    ids::{NotificationId, UserId},
    notifications::{Notification, NotificationFilter},
    page::{Page, PageRequest},
    schema::{changes, notifications},
    sync::ChangedKind,
    users::User,
};

use crate::{DbConnection, Error, Result, Tx};

/// A page of a person's notifications, newest first.
pub fn list(
    conn: &mut DbConnection,
    owner: UserId,
    filter: &NotificationFilter,
    page: PageRequest,
) -> Result<Page<Notification>> {
    paged!(
        conn,
        page,
        Notification,
        || {
            let mut query =
                notifications::table.filter(notifications::user_id.eq(owner)).into_boxed::<Backend>();
            filter_any!(query, {
                notifications::priority => filter.priority,
                notifications::kind => filter.r#type,
            });
            if filter.unread_only == Some(true) {
                query = query.filter(diesel::dsl::not(notifications::is_read));
            }
            query
        },
        notifications by desc [id]
    )
}

/// A person's notifications with ids above `last`, the oldest first. Ids are in commit order, so a
/// reader that continues from the last id misses none.
pub fn after(conn: &mut DbConnection, owner: UserId, last: i64, at_most: u32) -> Result<Vec<Notification>> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(notifications::id.nullable().gt(last.into_sql::<Nullable<BigInt>>()))
        .select(Notification::as_select())
        .order(notifications::id)
        .limit(at_most.into())
        .load(c))?)
}

/// The notifications of these people with ids above `last`, the oldest first, and the id of the
/// last one.
pub fn after_all(
    conn: &mut DbConnection,
    owners: &[UserId],
    last: i64,
    at_most: u32,
) -> Result<(Vec<Notification>, i64)> {
    let found: Vec<Notification> = with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq_any(owners))
        .filter(notifications::id.nullable().gt(last.into_sql::<Nullable<BigInt>>()))
        .select(Notification::as_select())
        .order(notifications::id)
        .limit(at_most.into())
        .load(c))?;
    let newest = found.last().map_or(last, |newest| newest.id.get());
    Ok((found, newest))
}

/// The id of the newest notification of all; 0 if there is none.
pub fn newest(conn: &mut DbConnection) -> Result<i64> {
    let newest: Option<NotificationId> =
        with_conn!(conn, |c| notifications::table.select(diesel::dsl::max(notifications::id)).get_result(c))?;
    Ok(newest.map_or(0, NotificationId::get))
}

/// Number of a person's unread notifications.
pub fn unread_count(conn: &mut DbConnection, owner: UserId) -> Result<i64> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(diesel::dsl::not(notifications::is_read))
        .count()
        .get_result(c))?)
}

/// One of the actor's notifications, locked; those of others aren't found.
fn lock_for_actor(tx: &mut Tx<'_>, id: NotificationId) -> Result<Notification> {
    let owner = tx.actor()?.id;
    let own = notifications::table.find(id).filter(notifications::user_id.eq(owner));
    lock_rows!(&mut *tx.conn, own.select(Notification::as_select()), first)
        .optional()?
        .ok_or_else(Error::not_found::<Notification>)
}

/// Marks one of the actor's notifications as read (§12); idempotent. Locks it.
pub fn mark_read(tx: &mut Tx<'_>, id: NotificationId) -> Result<Notification> {
    let seen = lock_for_actor(tx, id)?;
    if seen.is_read {
        return Ok(seen);
    }
    let now = tx.now;
    let read: Notification = with_conn!(&mut *tx.conn, |c| diesel::update(notifications::table.find(id))
        .set((notifications::is_read.eq(true), notifications::read_at.eq(now)))
        .returning(Notification::as_returning())
        .get_result(c))?;
    tx.record(AuditAction::Read, Some(&seen), Some(&read));
    Ok(read)
}

/// Marks all of the actor's notifications as read (§12); returns the number of unread ones.
pub fn mark_all_read(tx: &mut Tx<'_>) -> Result<usize> {
    let (owner, now) = (tx.actor()?.id, tx.now);
    let unread = notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(diesel::dsl::not(notifications::is_read));
    let read: Vec<i64> = with_conn!(&mut *tx.conn, |c| diesel::update(unread)
        .set((notifications::is_read.eq(true), notifications::read_at.eq(now)))
        .returning(notifications::id)
        .get_results(c))?;
    let count = read.len();
    tx.record_changes(ChangedKind::Notification, &read, owner);
    if count > 0 {
        let changes = Changes::none().with("notifications_read", count);
        tx.audit(AuditAction::Read, User::NAME, owner.get(), changes);
    }
    Ok(count)
}

/// Deletes one of the actor's notifications, unless it is persistent and unread (§12). Locks it.
pub fn delete(tx: &mut Tx<'_>, id: NotificationId) -> Result<()> {
    let deleted = lock_for_actor(tx, id)?;
    deleted.may_be_deleted()?;
    with_conn!(&mut *tx.conn, |c| diesel::delete(notifications::table.find(id)).execute(c))?;
    tx.record(AuditAction::Delete, Some(&deleted), None);
    Ok(())
}

/// Deletes up to `limit` notifications that were read before their retention, without an entry in
/// the audit trail; returns their number.
pub(crate) fn delete_old_read(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let since = tx.retained_since(|retention| retention.read_notifications);
    let old: Vec<(i64, UserId)> = with_conn!(&mut *tx.conn, |c| notifications::table
        .filter(notifications::read_at.lt(since))
        .order(notifications::read_at)
        .limit(limit)
        .select((notifications::id, notifications::user_id))
        .load(c))?;
    let (ids, owners): (Vec<i64>, Vec<UserId>) = old.into_iter().unzip();
    let known = changes::table
        .filter(changes::user_id.eq_any(owners))
        .filter(changes::entity_type.eq(ChangedKind::Notification))
        .filter(changes::entity_id.eq_any(&ids));
    with_conn!(&mut *tx.conn, |c| diesel::delete(known).execute(c))?;
    let deleted = notifications::table.filter(notifications::id.eq_any(&ids));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(deleted).execute(c))?)
}

/// A person's notifications with these ids.
pub fn by_ids(conn: &mut DbConnection, owner: UserId, ids: &[i64]) -> Result<Vec<Notification>> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(notifications::id.eq_any(ids))
        .select(Notification::as_select())
        .load(c))?)
}
