//! Rows of `users`: lookups and locks.

use diesel::prelude::*;
use inspection_domain::{
    ids::UserId,
    rule::NotFound,
    schema::users,
    users::{Role, User},
};

use crate::db::{connection::DbConnection, error::Result};

/// One account, if it exists.
pub fn find(conn: &mut DbConnection, id: UserId) -> Result<Option<User>> {
    find_row!(conn, users, User, id)
}

/// One account.
pub fn get(conn: &mut DbConnection, id: UserId) -> Result<User> {
    find(conn, id)?.ok_or_else(|| NotFound("user").into())
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
    lock_row!(conn, users, User, id)?.ok_or_else(|| NotFound("user").into())
}

/// One account, locked for a change of its unique columns (e-mail address, badges). The lock
/// excludes rows that refer to the account; taken later in the transaction it could deadlock with
/// such a reference.
pub(crate) fn lock_exclusively(conn: &mut DbConnection, id: UserId) -> Result<User> {
    lock_row!(conn, users, User, id, for_update)?.ok_or_else(|| NotFound("user").into())
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
/// and the second sees that no other admin is left. A change of badges that notifies everybody
/// can't deadlock with another one.
pub(crate) fn lock_active_admins(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    let active_admins = users::table
        .filter(users::role.eq(Role::Admin).and(users::is_active))
        .order(users::id)
        .select(users::id);
    Ok(lock_rows!(conn, active_admins, load)?)
}
