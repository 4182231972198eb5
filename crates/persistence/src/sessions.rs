//! Sessions: their start, authentication, refresh and end (§1). Each unit of work locks the account
//! before the session.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    entity::Entity,
    ids::UserId,
    key::Key,
    notifications::{Notice, NotificationType},
    rule::{NotFound, Rule},
    schema::{sessions, users},
    sessions::{
        Refresh, Session, SessionEnd, SessionId, SessionRef, SessionRule, attempts::FREE_FAILURES, authorize,
    },
    time::Instant,
    users::{Badge, User},
};

use crate::{Context, Database, DbConnection, Result, Tx, users::rows as user_rows};

/// Maximum number of sessions in the list of a user.
const LISTED: i64 = 100;

/// An account with its credentials, for signing in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account.
    pub user: User,
    /// Hash of the password.
    pub password_hash: String,
    /// Hash of the same password with current parameters, which replaces a weaker one.
    pub renewed_hash: Option<String>,
}

/// The account of an e-mail address or badge, in any spelling (§1). An address has an `@`, and a
/// badge has none.
pub fn find_account(conn: &mut DbConnection, name: &str) -> Result<Option<Account>> {
    let found: Option<(User, String)> = with_conn!(conn, |c| {
        let query = users::table.select((User::as_select(), users::password_hash)).into_boxed::<Backend>();
        let query = if let Ok(badge) = Badge::new(name) {
            let badge = String::from(badge);
            query.filter(users::role_id.eq(badge.clone()).or(users::minor_role_id.eq(badge)))
        } else {
            // A program without keys stores addresses in lower case.
            let key = Key::of(name);
            query.filter(users::email_key.eq(key.clone()).or(users::email.eq(key)))
        };
        query.first(c).optional()?
    });
    Ok(found.map(|(user, password_hash)| Account { user, password_hash, renewed_hash: None }))
}

/// The account of a valid session (§1). One statement.
pub fn authenticate(conn: &mut DbConnection, session: &SessionRef, now: Instant) -> Result<User> {
    let of_user = sessions::id.eq(session.id).and(sessions::user_id.eq(users::id));
    let found: Option<(User, Option<Session>)> = with_conn!(conn, |c| users::table
        .left_join(sessions::table.on(of_user))
        .filter(users::id.eq(session.user_id))
        .select((User::as_select(), Option::<Session>::as_select()))
        .first(c))
    .optional()?;
    let (user, session) = found.ok_or(SessionRule::Invalid)?;
    authorize(&user, session.as_ref(), now)?;
    Ok(user)
}

/// The valid sessions of a user, up to a hundred, the latest used first.
pub fn list(conn: &mut DbConnection, owner: UserId, now: Instant) -> Result<Vec<Session>> {
    Ok(with_conn!(conn, |c| sessions::table
        .filter(sessions::user_id.eq(owner))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .limit(LISTED)
        .select(Session::as_select())
        .load(c))?)
}

/// Starts a session of an account, whose password the caller has verified (§1). It ends after the
/// time `idle` without a refresh, in seconds. Locks the account, which may have been deactivated or
/// have another password by now.
pub fn start(tx: &mut Tx<'_>, account: &Account, idle: i64) -> Result<Session> {
    let user = user_rows::lock(tx.conn, account.user.id)?;
    if !user.is_active {
        return Err(SessionRule::Disabled.into());
    }
    if user_rows::password_hash(tx.conn, user.id)? != account.password_hash {
        return Err(SessionRule::WrongCredentials.into());
    }
    if let Some(renewed) = &account.renewed_hash {
        user_rows::renew_password_hash(tx.conn, user.id, renewed)?;
    }
    let session = start_of(tx, user.id, idle)?;
    let id = user.id.get();
    tx.act_as(user);
    tx.audit(AuditAction::SignIn, User::NAME, id, Changes::none().with("session", session.id.to_string()));
    Ok(session)
}

/// A refused sign-in.
#[derive(Debug, Clone)]
pub struct FailedSignIn {
    /// Digest of the account as it was entered.
    pub account: String,
    /// The account, if it exists.
    pub user_id: Option<UserId>,
    /// The reason.
    pub rule: SessionRule,
    /// Number of the attempt since the last success of the account.
    pub number: u32,
}

/// Records a refused sign-in (§1). After ten failures in a row, the owner of the account is
/// notified of the delay.
pub fn fail(tx: &mut Tx<'_>, failed: &FailedSignIn) -> Result<()> {
    let id = failed.user_id.map(UserId::get);
    let changes =
        Changes::none().with("account", failed.account.as_str()).with("reason", failed.rule.code().as_str());
    tx.audit(AuditAction::FailSignIn, User::NAME, id, changes);
    if failed.number == FREE_FAILURES {
        let changes = Changes::none().with("account", failed.account.as_str());
        tx.audit(AuditAction::DelaySignIn, User::NAME, id, changes);
        tx.notify(failed.user_id, &Notice::new(NotificationType::SignInsDelayed));
    }
    Ok(())
}

/// Addresses of the latest sessions of an account, up to a hundred; sessions that have ended count
/// until their tokens have expired.
pub fn addresses(conn: &mut DbConnection, owner: UserId) -> Result<Vec<String>> {
    let found: Vec<Option<String>> = with_conn!(conn, |c| sessions::table
        .filter(sessions::user_id.eq(owner))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .limit(LISTED)
        .select(sessions::address)
        .load(c))?;
    Ok(found.into_iter().flatten().collect())
}

/// Starts a session of an account, which is locked.
pub(crate) fn start_of(tx: &mut Tx<'_>, owner: UserId, idle: i64) -> Result<Session> {
    let new = Session::start(SessionId::new(tx.random()), owner, tx.device(), tx.now, idle);
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(sessions::table).values(&new).execute(c))?;
    Ok(new)
}

/// Uses the refresh token of this number (§1): the session continues, and ends after the time
/// `idle` without another refresh, in seconds. A token that was used before ends the session and
/// notifies its user; the result is `None`, since the end must be committed.
pub fn refresh(tx: &mut Tx<'_>, session: &SessionRef, number: i64, idle: i64) -> Result<Option<Session>> {
    let user = authenticate(tx.conn, session, tx.now)?;
    user_rows::lock(tx.conn, user.id)?;
    let before = lock(tx.conn, session)?.ok_or(SessionRule::Revoked)?;
    let device = tx.device();
    match before.refresh(number, device, tx.now, idle)? {
        Refresh::Rotated(after) => {
            write(tx, &after)?;
            let id = user.id.get();
            tx.act_as(user);
            tx.audit(
                AuditAction::Refresh,
                User::NAME,
                id,
                Changes::none().with("session", after.id.to_string()),
            );
            Ok(Some(after))
        }
        Refresh::Repeated => Ok(Some(before)),
        Refresh::Reused(ended) => {
            write(tx, &ended)?;
            let changes = Changes::none().with("session", ended.id.to_string());
            tx.audit(AuditAction::ReuseToken, User::NAME, user.id.get(), changes);
            tx.notify([user.id], &Notice::new(NotificationType::SessionReused));
            Ok(None)
        }
    }
}

fn lock(conn: &mut DbConnection, session: &SessionRef) -> Result<Option<Session>> {
    let found = lock_row!(conn, sessions, Session, session.id)?;
    Ok(found.filter(|found| found.user_id == session.user_id))
}

fn write(tx: &mut Tx<'_>, after: &Session) -> Result<()> {
    update_row!(tx, sessions, after, after)
}

/// Ends a valid session of a user, whose account is locked; returns whether there is one.
fn end_one(tx: &mut Tx<'_>, session: &SessionRef, reason: SessionEnd) -> Result<bool> {
    let now = tx.now;
    let Some(before) = lock(tx.conn, session)?.filter(|found| found.is_open(now)) else { return Ok(false) };
    write(tx, &before.end(reason, now))?;
    let changes = Changes::none().with("session", before.id.to_string());
    tx.audit(AuditAction::Logout, User::NAME, before.user_id.get(), changes);
    Ok(true)
}

/// Ends the session of the request and, if its refresh token was sent, another one of the actor.
/// Locks the account.
pub fn logout(tx: &mut Tx<'_>, current: SessionId, other: Option<SessionId>) -> Result<()> {
    let user_id = tx.actor()?.id;
    user_rows::lock(tx.conn, user_id)?;
    for id in [Some(current), other].into_iter().flatten() {
        end_one(tx, &SessionRef { user_id, id }, SessionEnd::Logout)?;
    }
    Ok(())
}

/// Ends a session of the actor, from their list. Locks the account.
pub fn end(tx: &mut Tx<'_>, id: SessionId) -> Result<()> {
    let user_id = tx.actor()?.id;
    user_rows::lock(tx.conn, user_id)?;
    let ended = end_one(tx, &SessionRef { user_id, id }, SessionEnd::Removed)?;
    if ended { Ok(()) } else { Err(NotFound("session").into()) }
}

/// Ends all sessions of an account, which is locked.
pub(crate) fn end_all(tx: &mut Tx<'_>, owner: UserId, reason: SessionEnd) -> Result<()> {
    let open = sessions::table.filter(sessions::user_id.eq(owner)).filter(sessions::ended_at.is_null());
    let ended = (sessions::ended_at.eq(tx.now), sessions::end_reason.eq(reason));
    with_conn!(&mut *tx.conn, |c| diesel::update(open).set(ended).execute(c))?;
    Ok(())
}

/// Ends all of the actor's sessions. Locks the account.
pub fn logout_all(tx: &mut Tx<'_>) -> Result<()> {
    let id = tx.actor()?.id;
    user_rows::lock(tx.conn, id)?;
    end_all(tx, id, SessionEnd::LogoutAll)?;
    tx.audit(AuditAction::LogoutAll, User::NAME, id.get(), Changes::none());
    Ok(())
}

/// Deletes up to `limit` sessions whose tokens have all expired; returns their number.
pub(crate) fn delete_expired(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let now = tx.now;
    let expired: Vec<SessionId> = with_conn!(&mut *tx.conn, |c| sessions::table
        .filter(sessions::expires_at.lt(now))
        .order(sessions::expires_at)
        .limit(limit)
        .select(sessions::id)
        .load(c))?;
    let deleted = sessions::table.filter(sessions::id.eq_any(expired));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(deleted).execute(c))?)
}

/// Starts a session, ends it, and rolls back. `read` names the session as its token does. Returns
/// whether the session was valid before and after its end.
pub fn try_ending(
    database: &Database,
    context: &Context,
    account: &Account,
    read: impl FnOnce(&Session) -> Option<SessionRef>,
) -> Result<(bool, bool)> {
    database.dry_run(context, |tx| {
        let session = start(tx, account, 60)?;
        let Some(reference) = read(&session) else { return Ok((false, false)) };
        let now = tx.now;
        let before = authenticate(tx.conn, &reference, now).is_ok();
        tx.act_as(account.user.clone());
        logout(tx, session.id, None)?;
        Ok((before, authenticate(tx.conn, &reference, now).is_ok()))
    })
}
