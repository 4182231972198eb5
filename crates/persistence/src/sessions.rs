//! Sessions: authentication of tokens, and the end of sessions (§1).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    entity::Entity,
    ids::UserId,
    schema::{revoked_tokens, users},
    sessions::{Session, SessionRule},
    time::Instant,
    users::User,
};

use crate::{Context, Database, DbConnection, Result, Tx};

/// An account with its credentials, for signing in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account.
    pub user: User,
    /// Hash of the password.
    pub password_hash: String,
    /// Generation of the sessions.
    pub generation: i64,
}

/// The account of an e-mail address, case-insensitive.
pub fn find_account(conn: &mut DbConnection, email: &str) -> Result<Option<Account>> {
    let email = email.trim().to_lowercase();
    let found = with_conn!(conn, |c| users::table
        .filter(users::email.eq(email))
        .select((User::as_select(), users::password_hash, users::session_generation))
        .first(c))
    .optional()?;
    Ok(found.map(|(user, password_hash, generation)| Account { user, password_hash, generation }))
}

/// The account of a valid session (§1). One statement.
pub fn authenticate(conn: &mut DbConnection, session: &Session) -> Result<User> {
    let found: Option<(User, i64, Option<String>)> = with_conn!(conn, |c| users::table
        .left_join(revoked_tokens::table.on(revoked_tokens::jti.eq(session.token_id.as_str())))
        .filter(users::id.eq(session.user_id))
        .select((User::as_select(), users::session_generation, revoked_tokens::jti.nullable()))
        .first(c))
    .optional()?;
    let (user, generation, revoked) = found.ok_or(SessionRule::Invalid)?;
    session.authorize(&user, generation, revoked.is_some())?;
    Ok(user)
}

/// Revokes one token before it expires, and deletes expired revocations.
fn revoke(tx: &mut Tx<'_>, token_id: &str, owner: UserId, expires_at: Instant) -> Result<()> {
    let now = tx.now;
    with_conn!(&mut *tx.conn, |c| {
        diesel::delete(revoked_tokens::table.filter(revoked_tokens::expires_at.lt(now))).execute(c)?;
        diesel::insert_into(revoked_tokens::table)
            .values((
                revoked_tokens::jti.eq(token_id),
                revoked_tokens::user_id.eq(owner),
                revoked_tokens::expires_at.eq(expires_at),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    Ok(())
}

/// Revokes tokens of the actor, given by id and expiry: the access token in use, and a refresh
/// token.
pub fn logout(tx: &mut Tx<'_>, tokens: &[(String, Instant)]) -> Result<()> {
    let owner = tx.actor()?.id;
    for (token_id, expires_at) in tokens {
        revoke(tx, token_id, owner, *expires_at)?;
    }
    tx.audit(AuditAction::Logout, User::NAME, owner.get(), Changes::none());
    Ok(())
}

/// Revokes a token and rolls back: returns whether it was valid before and after.
pub fn try_ending(
    database: &Database,
    context: &Context,
    owner: &User,
    session: &Session,
    expires_at: Instant,
) -> Result<(bool, bool)> {
    database.dry_run(context, |tx| {
        let before = authenticate(tx.conn, session).is_ok();
        tx.act_as(owner.clone());
        logout(tx, &[(session.token_id.clone(), expires_at)])?;
        Ok((before, authenticate(tx.conn, session).is_ok()))
    })
}

/// Ends all sessions of an account by starting a new generation, which is returned.
pub(crate) fn end_all(tx: &mut Tx<'_>, id: UserId) -> Result<i64> {
    Ok(with_conn!(&mut *tx.conn, |c| diesel::update(users::table.find(id))
        .set(users::session_generation.eq(users::session_generation + 1))
        .returning(users::session_generation)
        .get_result(c))?)
}

/// Ends all of the actor's sessions.
pub fn logout_all(tx: &mut Tx<'_>) -> Result<()> {
    let id = tx.actor()?.id;
    end_all(tx, id)?;
    tx.audit(AuditAction::LogoutAll, User::NAME, id.get(), Changes::none());
    Ok(())
}
