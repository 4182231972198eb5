//! Rows of `users` and `badges`: lookups, locks, inserts and writes.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::UserId,
    key::Key,
    schema::{badges, users},
    users::{Badge, Role, User},
};

use crate::db::{
    connection::DbConnection,
    database::one_row,
    error::{Error, Result},
    tx::Tx,
};

/// One account, if it exists.
pub fn find(conn: &mut DbConnection, id: UserId) -> Result<Option<User>> {
    find_row!(conn, users, User, id)
}

/// One account.
pub fn get(conn: &mut DbConnection, id: UserId) -> Result<User> {
    find(conn, id)?.ok_or_else(Error::not_found::<User>)
}

/// All active accounts.
pub(crate) fn active(conn: &mut DbConnection) -> Result<Vec<User>> {
    Ok(with_conn!(conn, |c| users::table.filter(users::is_active).select(User::as_select()).load(c))?)
}

/// Ids of the active accounts that have one of these roles, as major or minor role, by id.
pub(crate) fn active_with(conn: &mut DbConnection, roles: &[Role]) -> Result<Vec<UserId>> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::is_active)
        .filter(users::role.eq_any(roles).or(users::minor_role.eq_any(roles)))
        .order(users::id)
        .select(users::id)
        .load(c))?)
}

/// Ids of the active admins, by id: the recipients of operational notifications.
pub(crate) fn active_admins(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    active_with(conn, &[Role::Admin])
}

/// One account, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: UserId) -> Result<User> {
    lock_row!(conn, users, User, id)?.ok_or_else(Error::not_found::<User>)
}

/// One account, locked for a change of its unique columns (e-mail address, badges). The lock
/// excludes rows that refer to the account; taken later in the transaction it could deadlock with
/// such a reference.
pub(crate) fn lock_exclusively(conn: &mut DbConnection, id: UserId) -> Result<User> {
    lock_row!(conn, users, User, id, for_update)?.ok_or_else(Error::not_found::<User>)
}

/// Several accounts, locked until the transaction ends. Accounts are locked in one order
/// everywhere: admins first, because every change of an account locks them before the account
/// itself, then by id.
pub(crate) fn lock_all(conn: &mut DbConnection, ids: &[UserId]) -> Result<Vec<User>> {
    let in_order = users::table.filter(users::id.eq_any(ids)).order((users::role.ne(Role::Admin), users::id));
    Ok(lock_rows!(conn, in_order.select(User::as_select()), load)?)
}

/// Several accounts, locked for changes that may give them other badges.
pub(crate) fn lock_all_for_badges(conn: &mut DbConnection, ids: &[UserId]) -> Result<Vec<User>> {
    lock_active_admins(conn)?;
    let in_order = users::table.filter(users::id.eq_any(ids)).order((users::role.ne(Role::Admin), users::id));
    Ok(lock_rows!(conn, in_order.select(User::as_select()), for_update, load)?)
}

/// Locks all active admins, by id, and returns their ids. Every change of an account locks them
/// before the account itself: two admins who deactivate each other then run one after the other,
/// and the second sees that no other admin is left. A change of badges that notifies all users
/// can't deadlock with another one.
pub(crate) fn lock_active_admins(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    let active_admins = users::table
        .filter(users::role.eq(Role::Admin).and(users::is_active))
        .order(users::id)
        .select(users::id);
    Ok(lock_rows!(conn, active_admins, load)?)
}

/// Hash of the password of an account.
pub(crate) fn password_hash(conn: &mut DbConnection, id: UserId) -> Result<String> {
    Ok(with_conn!(conn, |c| users::table.find(id).select(users::password_hash).first(c))?)
}

/// Inserts and records an account with the hash of its password.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &User, password_hash: &str) -> Result<User> {
    let keys = users::email_key.eq(Key::of(&new.email));
    let user = insert_row!(tx, users, User, (new, users::password_hash.eq(password_hash), keys))?;
    tx.record(AuditAction::Create, None, Some(&user));
    Ok(user)
}

/// Writes an account, which is locked exclusively, and records these changes.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &User,
    after: &User,
    changes: Changes,
) -> Result<()> {
    let email_key = Key::of(&after.email);
    update_row!(tx, users, before, (after, users::email_key.eq(&email_key)))?;
    tx.record_with(action, Some(before), Some(after), changes);
    Ok(())
}

/// Writes the password of an account, which is locked, and records the change except for the hash.
pub(crate) fn write_password(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &User,
    after: &User,
    password_hash: &str,
) -> Result<()> {
    let columns = (
        users::password_hash.eq(password_hash),
        users::must_change_password.eq(after.must_change_password),
        users::updated_at.eq(after.updated_at),
    );
    update_row!(tx, users, before, columns)?;
    tx.record_with(action, Some(before), Some(after), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// Writes another hash of the same password, of an account that is locked. Nothing that a user sees
/// changes, so nothing is recorded.
pub(crate) fn renew_password_hash(conn: &mut DbConnection, id: UserId, renewed: &str) -> Result<()> {
    let account = users::table.find(id);
    one_row(with_conn!(conn, |c| diesel::update(account).set(users::password_hash.eq(renewed)).execute(c))?)
}

/// Inserts a badge; `false` if it exists. Concurrent inserts of the same badge wait for each other.
pub(crate) fn insert_badge(tx: &mut Tx<'_>, badge: &Badge) -> Result<bool> {
    let (prefix, number) = badge.parts().unzip();
    let row = (badges::badge.eq(badge.as_str()), badges::prefix.eq(prefix), badges::number.eq(number));
    let inserted = with_conn!(&mut *tx.conn, |c| diesel::insert_into(badges::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Largest number among the badges of a role, if there are any.
pub(crate) fn last_badge(conn: &mut DbConnection, role: Role) -> Result<Option<i64>> {
    Ok(with_conn!(conn, |c| badges::table
        .filter(badges::prefix.eq(role.badge_prefix()))
        .select(diesel::dsl::max(badges::number))
        .first(c))?)
}

/// Deletes badges, which are free from then on.
pub(crate) fn delete_badges(tx: &mut Tx<'_>, freed: &[&String]) -> Result<()> {
    let freed = badges::table.filter(badges::badge.eq_any(freed));
    with_conn!(&mut *tx.conn, |c| diesel::delete(freed).execute(c))?;
    Ok(())
}
