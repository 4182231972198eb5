//! Notifications: written by units of work when they finish, read and removed by their owner.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable},
};
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{NotificationId, UserId},
    notifications::{Notification, NotificationFilter},
    page::{Page, PageRequest},
    rule::NotFound,
    schema::notifications,
    sync::ChangedKind,
};

use crate::{DbConnection, Result, Tx};

/// A page of somebody's notifications, newest first.
pub fn list(
    conn: &mut DbConnection,
    owner: UserId,
    filter: &NotificationFilter,
    page: PageRequest,
) -> Result<Page<Notification>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query =
                notifications::table.filter(notifications::user_id.eq(owner)).into_boxed::<Backend>();
            filter_by!(query, {
                notifications::priority => filter.priority,
                notifications::kind => filter.r#type,
            });
            if filter.unread_only == Some(true) {
                query = query.filter(diesel::dsl::not(notifications::is_read));
            }
            query
        };
        let items = filtered()
            .select(Notification::as_select())
            .order(notifications::id.desc())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// Somebody's notifications with a number above this, the oldest first. They are numbered in the order of the commits, so whoever
/// goes on from the last one they have seen misses none.
pub fn after(conn: &mut DbConnection, owner: UserId, last: i64, at_most: u32) -> Result<Vec<Notification>> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(notifications::id.nullable().gt(last.into_sql::<Nullable<BigInt>>()))
        .select(Notification::as_select())
        .order(notifications::id)
        .limit(at_most.into())
        .load(c))?)
}

/// Notifications of these people with a number above this, the oldest first, and the number of the last of them.
pub fn after_all(
    conn: &mut DbConnection,
    owners: &[UserId],
    last: i64,
    at_most: u32,
) -> Result<(Vec<Notification>, i64)> {
    let news: Vec<Notification> = with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq_any(owners))
        .filter(notifications::id.nullable().gt(last.into_sql::<Nullable<BigInt>>()))
        .select(Notification::as_select())
        .order(notifications::id)
        .limit(at_most.into())
        .load(c))?;
    let newest = news.last().map_or(last, |newest| newest.id.get());
    Ok((news, newest))
}

/// The number of the newest notification of anybody; zero if there is none.
pub fn newest(conn: &mut DbConnection) -> Result<i64> {
    let newest: Option<NotificationId> =
        with_conn!(conn, |c| notifications::table.select(diesel::dsl::max(notifications::id)).get_result(c))?;
    Ok(newest.map_or(0, NotificationId::get))
}

/// How many somebody hasn't read.
pub fn unread_count(conn: &mut DbConnection, owner: UserId) -> Result<i64> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(diesel::dsl::not(notifications::is_read))
        .count()
        .get_result(c))?)
}

/// One of the actor's own; others' are not found.
fn locked(tx: &mut Tx<'_>, id: NotificationId) -> Result<Notification> {
    let owner = tx.actor()?.id;
    let own = notifications::table.find(id).filter(notifications::user_id.eq(owner));
    lock_rows!(&mut *tx.conn, own.select(Notification::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("notification").into())
}

/// Marks one of the actor's as read; again changes nothing (§12).
pub fn mark_read(tx: &mut Tx<'_>, id: NotificationId) -> Result<Notification> {
    let seen = locked(tx, id)?;
    if seen.is_read {
        return Ok(seen);
    }
    let now = tx.now;
    let read: Notification = with_conn!(&mut *tx.conn, |c| diesel::update(notifications::table.find(id))
        .set((notifications::is_read.eq(true), notifications::read_at.eq(now)))
        .returning(Notification::as_returning())
        .get_result(c))?;
    tx.record_change(ChangedKind::Notification, id.get(), [read.user_id]);
    tx.audit(AuditAction::Read, "notification", id.get(), Changes::between(Some(&seen), Some(&read)));
    Ok(read)
}

/// Marks all of the actor's as read and says how many there were (§12).
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
        tx.audit(AuditAction::Read, "user", owner.get(), changes);
    }
    Ok(count)
}

/// Removes one of the actor's, unless it is persistent and unread (§12).
pub fn delete(tx: &mut Tx<'_>, id: NotificationId) -> Result<()> {
    let gone = locked(tx, id)?;
    gone.may_be_deleted()?;
    with_conn!(&mut *tx.conn, |c| diesel::delete(notifications::table.find(id)).execute(c))?;
    tx.record_change(ChangedKind::Notification, id.get(), [gone.user_id]);
    tx.audit(AuditAction::Delete, "notification", id.get(), Changes::between(Some(&gone), None));
    Ok(())
}

/// Some of somebody's notifications.
pub fn by_ids(conn: &mut DbConnection, owner: UserId, ids: &[i64]) -> Result<Vec<Notification>> {
    Ok(with_conn!(conn, |c| notifications::table
        .filter(notifications::user_id.eq(owner))
        .filter(notifications::id.eq_any(ids))
        .select(Notification::as_select())
        .load(c))?)
}
