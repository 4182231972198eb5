//! Accounts and badges: lists and units of work (§1).

mod open_work;
pub(crate) mod rows;

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::UserId,
    key::Key,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort},
    schema::users,
    search::SearchedKind,
    sessions::{Session, SessionEnd},
    time::Instant,
    users::{
        Badge, BadgeRequest, Draft, NewUser, OwnChanges, Password, Role, User, UserChanges, UserFilter,
        UserOrder, UserRule, keeps_an_admin,
    },
};

use crate::{DbConnection, Result, Tx, db::error::ConcurrentUpdate, sessions};

pub use open_work::open_work;
pub use rows::{find, get};

/// A page of accounts.
pub fn list(conn: &mut DbConnection, filter: &UserFilter, page: PageRequest) -> Result<Page<User>> {
    let sort = filter.sort.unwrap_or(Sort { by: UserOrder::FullName, descending: false });
    searched!(
        conn,
        page,
        User,
        search(SearchedKind::User, filter.q.as_deref()),
        || {
            let mut query = users::table
                .filter(users::is_active.eq(filter.is_active.unwrap_or(true)))
                .into_boxed::<Backend>();
            filter_by!(query, { users::is_on_leave => filter.is_on_leave });
            filter_any!(query, {
                users::shift => filter.shift,
                users::specialization => filter.specialization,
            });
            match filter.role.values() {
                [] => {}
                roles => {
                    let is_minor = users::minor_role.eq_any(roles.to_vec());
                    query = query.filter(users::role.eq_any(roles.to_vec()).or(is_minor));
                }
            }
            query
        },
        users by sort {
            UserOrder::Id => [id],
            UserOrder::FullName => [full_name, id],
            UserOrder::Email => [email, id],
            UserOrder::RoleId => [role_id, id],
            UserOrder::TotalPoints => [total_points, id],
            UserOrder::CreatedAt => [created_at, id],
        }
    )
}

/// These accounts, by id. One statement.
pub fn by_ids(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, User>> {
    let mut ids: Vec<UserId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<User> =
        with_conn!(conn, |c| users::table.filter(users::id.eq_any(ids)).select(User::as_select()).load(c))?;
    Ok(found.into_iter().map(|user| (user.id, user)).collect())
}

/// All admins, active or not, by id.
pub fn admins(conn: &mut DbConnection) -> Result<Vec<User>> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::role.eq(Role::Admin))
        .order(users::id)
        .select(User::as_select())
        .load(c))?)
}

/// Number of active accounts with an e-mail address of this domain.
pub fn active_under(conn: &mut DbConnection, domain: &str) -> Result<i64> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::is_active)
        .filter(users::email_key.like(format!("%@{}", Key::of(domain))))
        .count()
        .get_result(c))?)
}

/// Whether there is no account.
pub fn is_empty(conn: &mut DbConnection) -> Result<bool> {
    let first: Option<UserId> = with_conn!(conn, |c| users::table.select(users::id).first(c)).optional()?;
    Ok(first.is_none())
}

/// Reserves a free badge: the requested one, or the next number of the role (§1). Concurrent
/// requests for the same number wait for each other; the later one gets another number.
fn reserve_badge(tx: &mut Tx<'_>, field: &'static str, request: BadgeRequest) -> Result<String> {
    match request {
        BadgeRequest::Chosen(badge) => {
            if !rows::insert_badge(tx, &badge)? {
                return Err(crate::db::constraints::duplicate_badge(field).into());
            }
            Ok(badge.into())
        }
        BadgeRequest::NextOf(role) => {
            let last = rows::last_badge(tx.conn, role)?;
            // Each concurrent reservation costs one more attempt.
            for offset in 1..=1000 {
                let badge = Badge::numbered(role, last.unwrap_or(0) + offset);
                if rows::insert_badge(tx, &badge)? {
                    return Ok(badge.into());
                }
            }
            Err(ConcurrentUpdate.into())
        }
    }
}

/// Reserves the badges a draft requests. Chosen badges come first, so that numbering skips them,
/// then in alphabetical order, so that two transactions that request the same two badges don't
/// deadlock. A badge the account already has, for either role, stays with it.
fn assign_badges(tx: &mut Tx<'_>, before: Option<&User>, draft: Draft) -> Result<User> {
    let Draft { mut user, badge, minor_badge } = draft;
    let mut requests: Vec<(&'static str, BadgeRequest)> =
        [("role_id", badge), ("minor_role_id", minor_badge)]
            .into_iter()
            .filter_map(|(field, request)| Some((field, request?)))
            .collect();
    requests.sort_by_key(|(_, request)| match request {
        BadgeRequest::Chosen(badge) => (false, badge.as_str().to_owned()),
        BadgeRequest::NextOf(role) => (true, role.badge_prefix().to_owned()),
    });
    for (field, request) in requests {
        let is_own = |badge: &Badge| {
            before.is_some_and(|user| {
                user.role_id == badge.as_str() || user.minor_role_id.as_deref() == Some(badge.as_str())
            })
        };
        let badge = match request {
            BadgeRequest::Chosen(badge) if is_own(&badge) => badge.into(),
            request => reserve_badge(tx, field, request)?,
        };
        match field {
            "role_id" => user.role_id = badge,
            _ => user.minor_role_id = Some(badge),
        }
    }
    Ok(user)
}

/// Creates an account (§1). `password_hash` is the hash of its password, which must be changed
/// unless the service itself creates the account.
pub fn create(tx: &mut Tx<'_>, new: NewUser, password_hash: &str) -> Result<User> {
    let draft = new.draft(tx.actor_id(), tx.now)?;
    let user = assign_badges(tx, None, draft)?;
    rows::insert(tx, &user, password_hash)
}

/// Changes an account (§1); locks the active admins, then the account. Deactivation ends its
/// sessions.
pub fn update(tx: &mut Tx<'_>, id: UserId, changes: UserChanges) -> Result<User> {
    change(tx, id, AuditAction::Update, |before, now| Ok(changes.draft(before, now)?))
}

/// Changes the phone number and the language of the actor's own account (§1). Locks the account.
pub fn update_own(tx: &mut Tx<'_>, changes: OwnChanges) -> Result<User> {
    let before = rows::lock_exclusively(tx.conn, tx.actor()?.id)?;
    let user = changes.apply(&before, tx.now);
    write(tx, AuditAction::Update, &before, Draft { user, badge: None, minor_badge: None })
}

/// Deactivates an account and ends its sessions (§1); idempotent. Its [`open_work`] stays as it is.
/// Locks the active admins, then the account.
pub fn deactivate(tx: &mut Tx<'_>, id: UserId) -> Result<User> {
    change(tx, id, AuditAction::Deactivate, |before, now| {
        let user = User { is_active: false, updated_at: now, ..before.clone() };
        Ok(Draft { user, badge: None, minor_badge: None })
    })
}

fn change(
    tx: &mut Tx<'_>,
    id: UserId,
    action: AuditAction,
    draft: impl FnOnce(&User, Instant) -> Result<Draft>,
) -> Result<User> {
    let admins = rows::lock_active_admins(tx.conn)?;
    let before = rows::lock_exclusively(tx.conn, id)?;
    let draft = draft(&before, tx.now)?;
    keeps_an_admin(&before, &draft.user, admins.iter().filter(|admin| **admin != id).count())?;
    write(tx, action, &before, draft)
}

/// Writes an account that is locked exclusively. Without a change nothing is written or audited.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &User, draft: Draft) -> Result<User> {
    let after = assign_badges(tx, Some(before), draft)?;
    let changes = Changes::between(Some(before), Some(&after));
    if changes.is_empty() {
        return Ok(before.clone());
    }
    rows::write(tx, action, before, &after, changes)?;
    let old = [Some(&before.role_id), before.minor_role_id.as_ref()];
    let current = [Some(&after.role_id), after.minor_role_id.as_ref()];
    let freed: Vec<&String> = old.into_iter().filter(|badge| !current.contains(badge)).flatten().collect();
    if !freed.is_empty() {
        rows::delete_badges(tx, &freed)?;
    }
    if before.is_active && !after.is_active {
        sessions::end_all(tx, before.id, SessionEnd::Deactivated)?;
    }
    Ok(after)
}

/// Replaces the password of another user's account, who must change it, and ends its sessions (§1).
/// Locks the account.
pub fn reset_password(tx: &mut Tx<'_>, id: UserId, password: &Password, password_hash: &str) -> Result<User> {
    let user = rows::lock(tx.conn, id)?;
    if tx.actor_id() == Some(id) {
        return Err(UserRule::OwnReset.into());
    }
    check_password(password, &user, "new_password")?;
    set_password(tx, &user, password_hash, AuditAction::ResetPassword)
}

/// Replaces the actor's password, ends their sessions, and starts a new one, which ends after the
/// time `idle` without a refresh, in seconds (§1). Locks the account. The caller has verified the
/// current password against `seen_hash`; if another hash is stored by now, the password is refused.
pub fn change_password(
    tx: &mut Tx<'_>,
    password: &Password,
    seen_hash: &str,
    password_hash: &str,
    idle: i64,
) -> Result<(User, Session)> {
    let id = tx.actor()?.id;
    let user = rows::lock(tx.conn, id)?;
    if rows::password_hash(tx.conn, id)? != seen_hash {
        return Err(UserRule::WrongPassword.into());
    }
    check_password(password, &user, "new_password")?;
    let user = set_password(tx, &user, password_hash, AuditAction::ChangePassword)?;
    let session = sessions::start_of(tx, user.id, idle)?;
    Ok((user, session))
}

fn check_password(password: &Password, user: &User, field: &str) -> Result<()> {
    Ok(user.validate_password(password).map_err(|wrong| wrong.at(field))?)
}

fn set_password(tx: &mut Tx<'_>, before: &User, password_hash: &str, action: AuditAction) -> Result<User> {
    let must_change_password = action == AuditAction::ResetPassword;
    let user = User { must_change_password, updated_at: tx.now, ..before.clone() };
    rows::write_password(tx, action, before, &user, password_hash)?;
    let notice = Notice::new(NotificationType::PasswordChanged);
    let notice = match tx.actor() {
        Ok(actor) => notice.with("person", actor.full_name.as_str()),
        // Reset on the command line.
        Err(_) => notice.with("person", ("an operator", Some("مشغل النظام"))),
    };
    tx.notify([user.id], &notice);
    sessions::end_all(tx, user.id, SessionEnd::NewPassword)?;
    Ok(user)
}
