//! Rows that every unit of work leaves when it finishes: audit entries, outbox jobs, changes and
//! notifications.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamp},
};
use inspection_domain::{
    audit::AuditEntry,
    ids::{ChangeId, UserId},
    notifications::{Notice, Notification},
    outbox::OutboxJob,
    schema::{audit_entries, changes, notifications, outbox, users},
    sync::{Changed, ChangedKind},
    time::Instant,
};

use crate::{DbConnection, Result, db::query::BATCH};

/// Objects that a unit of work has changed, and the users that follow each of them.
pub(super) type ChangedObjects = BTreeMap<(ChangedKind, i64), Vec<UserId>>;

pub(super) fn insert_audit_entries(conn: &mut DbConnection, entries: &[AuditEntry]) -> Result<()> {
    for batch in entries.chunks(BATCH) {
        with_conn!(&mut *conn, |c| diesel::insert_into(audit_entries::table).values(batch).execute(c))?;
    }
    Ok(())
}

pub(super) fn insert_outbox_jobs(conn: &mut DbConnection, jobs: &[OutboxJob]) -> Result<()> {
    for batch in jobs.chunks(BATCH) {
        with_conn!(&mut *conn, |c| diesel::insert_into(outbox::table).values(batch).execute(c))?;
    }
    Ok(())
}

/// Takes the locks that rows which refer to these users, or to all active ones, need (`FOR KEY
/// SHARE`). A unit of work that locks an account exclusively is waited for here and not under the
/// lock of the commit order, which all others wait for.
pub(super) fn lock_recipients(
    conn: &mut DbConnection,
    recipients: &BTreeSet<UserId>,
    all_active: bool,
) -> Result<()> {
    by_backend!(
        conn,
        postgres(c) => {
            use inspection_domain::users::Role;

            let recipients = users::id.eq_any(recipients).or(users::is_active.and(all_active.into_sql::<Bool>()));
            let in_lock_order =
                users::table.filter(recipients).order((users::role.ne(Role::Admin), users::id)).select(users::id);
            in_lock_order.for_key_share().load::<UserId>(c)?;
            Ok(())
        },
        sqlite(_) => {
            // Its write transactions are exclusive.
            let _ = (recipients, all_active);
            Ok(())
        },
    )
}

/// Inserts a change with a new number for every follower, in place of the object's earlier one. The
/// transaction holds the lock of the commit order.
pub(super) fn replace_changes(conn: &mut DbConnection, changed: &ChangedObjects, now: Instant) -> Result<()> {
    let mut groups: BTreeMap<(ChangedKind, &[UserId]), Vec<i64>> = BTreeMap::new();
    for ((entity_type, entity_id), followers) in changed {
        groups.entry((*entity_type, followers)).or_default().push(*entity_id);
    }
    let mut rows = Vec::new();
    for ((entity_type, followers), ids) in groups {
        for batch in ids.chunks(BATCH) {
            let earlier = changes::table
                .filter(changes::user_id.eq_any(followers))
                .filter(changes::entity_type.eq(entity_type))
                .filter(changes::entity_id.eq_any(batch));
            with_conn!(&mut *conn, |c| diesel::delete(earlier).execute(c))?;
        }
        let of_each = |id: &i64| followers.iter().map(|user| change(entity_type, *id, *user, now)).collect();
        rows.extend(ids.iter().flat_map::<Vec<_>, _>(of_each));
    }
    insert_changes(conn, &rows)
}

/// Inserts the changes of new notifications, which have no earlier ones.
fn insert_notification_changes(
    conn: &mut DbConnection,
    notifications: &[(i64, UserId)],
    now: Instant,
) -> Result<()> {
    let change_of = |(id, owner): &(i64, UserId)| change(ChangedKind::Notification, *id, *owner, now);
    let rows: Vec<Changed> = notifications.iter().map(change_of).collect();
    insert_changes(conn, &rows)
}

fn change(entity_type: ChangedKind, entity_id: i64, user_id: UserId, changed_at: Instant) -> Changed {
    Changed { id: ChangeId::UNSAVED, user_id, entity_type, entity_id, changed_at }
}

fn insert_changes(conn: &mut DbConnection, rows: &[Changed]) -> Result<()> {
    for batch in rows.chunks(BATCH) {
        with_conn!(&mut *conn, |c| diesel::insert_into(changes::table).values(batch).execute(c))?;
    }
    Ok(())
}

/// Inserts notifications and their changes.
pub(super) fn insert_notifications(
    conn: &mut DbConnection,
    rows: &[Notification],
    now: Instant,
) -> Result<()> {
    let mut all = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        let inserted: Vec<(i64, UserId)> =
            with_conn!(&mut *conn, |c| diesel::insert_into(notifications::table)
                .values(batch)
                .returning((notifications::id, notifications::user_id))
                .get_results(c))?;
        all.extend(inserted);
    }
    insert_notification_changes(conn, &all, now)
}

/// Inserts a notification, and its change, for every active user except one, in one statement
/// whatever their number.
pub(super) fn insert_announcement(
    conn: &mut DbConnection,
    except: UserId,
    notice: &Notice,
    now: Instant,
) -> Result<()> {
    let Notification {
        id: _,
        user_id: _,
        kind,
        title,
        title_ar,
        message,
        message_ar,
        related_type,
        related_id,
        priority,
        is_persistent,
        action_url,
        is_read,
        read_at,
        created_at,
    } = notice.address_to(except, now);
    let inserted: Vec<(i64, UserId)> = with_conn!(&mut *conn, |c| users::table
        .filter(users::is_active)
        .filter(users::id.ne(except))
        .select((
            users::id,
            kind.into_sql::<Text>(),
            title.into_sql::<Text>(),
            title_ar.into_sql::<Text>(),
            message.into_sql::<Text>(),
            message_ar.into_sql::<Text>(),
            related_type.into_sql::<Nullable<Text>>(),
            related_id.into_sql::<Nullable<BigInt>>(),
            priority.into_sql::<Text>(),
            is_persistent.into_sql::<Bool>(),
            action_url.into_sql::<Nullable<Text>>(),
            is_read.into_sql::<Bool>(),
            read_at.into_sql::<Nullable<Timestamp>>(),
            created_at.into_sql::<Timestamp>(),
        ))
        .insert_into(notifications::table)
        .into_columns((
            notifications::user_id,
            notifications::kind,
            notifications::title,
            notifications::title_ar,
            notifications::message,
            notifications::message_ar,
            notifications::related_type,
            notifications::related_id,
            notifications::priority,
            notifications::is_persistent,
            notifications::action_url,
            notifications::is_read,
            notifications::read_at,
            notifications::created_at,
        ))
        .returning((notifications::id, notifications::user_id))
        .get_results(c))?;
    insert_notification_changes(conn, &inserted, now)
}
