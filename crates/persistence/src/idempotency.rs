//! First responses to requests with an `Idempotency-Key` (§15). The key is claimed at the beginning
//! of the transaction of the request, and the response is stored at its end.

use diesel::prelude::*;
use inspection_domain::{
    idempotency::{FirstResponse, KeyedRequest},
    ids::UserId,
    schema::idempotency_keys as keys,
    time::Instant,
};

use crate::{DbConnection, Result, Tx, db::error::ConcurrentUpdate};

/// How long a request waits for another one with its key.
const CLAIM_TIMEOUT_SECONDS: u32 = 5;

/// Claims the key of a request of the actor for this transaction, or returns the response to the
/// first request with it. Waits for a transaction that handles a request with the same key, and
/// fails with `CONFLICT` if that takes longer than five seconds, or if the key stands for another
/// request.
pub fn claim(tx: &mut Tx<'_>, request: &KeyedRequest) -> Result<Option<FirstResponse>> {
    let (owner, now) = (tx.actor()?.id, tx.now);
    let key = request.key.as_str();
    let new = FirstResponse::of(request.clone(), owner, now);
    tx.conn.limit_lock_waits(Some(CLAIM_TIMEOUT_SECONDS))?;
    delete_if_expired(tx, owner, key)?;
    let claimed = with_conn!(&mut *tx.conn, |c| diesel::insert_into(keys::table)
        .values(&new)
        .on_conflict((keys::user_id, keys::key))
        .do_nothing()
        .execute(c))?;
    tx.conn.limit_lock_waits(None)?;
    if claimed == 1 {
        return Ok(None);
    }
    let first = find(tx.conn, owner, key)?.ok_or(ConcurrentUpdate)?;
    Ok(Some(first.replay(request)?))
}

/// The oldest time of a key that still stands for its request.
fn valid_since(tx: &Tx<'_>) -> Instant {
    tx.retained_since(|retention| retention.idempotency_keys)
}

fn delete_if_expired(tx: &mut Tx<'_>, owner: UserId, key: &str) -> Result<()> {
    let expired = keys::table.find((owner, key)).filter(keys::created_at.lt(valid_since(tx)));
    with_conn!(&mut *tx.conn, |c| diesel::delete(expired).execute(c))?;
    Ok(())
}

fn find(conn: &mut DbConnection, owner: UserId, key: &str) -> Result<Option<FirstResponse>> {
    Ok(with_conn!(conn, |c| keys::table.find((owner, key)).select(FirstResponse::as_select()).first(c))
        .optional()?)
}

/// The response to an earlier request with the key of this one, not before `since`.
pub fn find_response(
    conn: &mut DbConnection,
    owner: UserId,
    request: &KeyedRequest,
    since: Instant,
) -> Result<Option<FirstResponse>> {
    let found = find(conn, owner, request.key.as_str())?.filter(|first| first.created_at >= since);
    Ok(found.map(|first| first.replay(request)).transpose()?)
}

/// Stores the response to a request that a rule has refused, or that has no transaction of its own.
/// Of concurrent requests with the same key, the first response stays.
pub fn store_afterwards(tx: &mut Tx<'_>, request: KeyedRequest, status: u16, body: String) -> Result<()> {
    let owner = tx.actor()?.id;
    delete_if_expired(tx, owner, request.key.as_str())?;
    let response = FirstResponse { status: status.into(), body, ..FirstResponse::of(request, owner, tx.now) };
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(keys::table)
        .values(&response)
        .on_conflict((keys::user_id, keys::key))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Stores the response to a request whose key this transaction has claimed.
pub fn store(tx: &mut Tx<'_>, request: &KeyedRequest, status: u16, body: &str) -> Result<()> {
    let claimed = keys::table.find((tx.actor()?.id, request.key.as_str()));
    let response = (keys::status.eq(i32::from(status)), keys::body.eq(body));
    with_conn!(&mut *tx.conn, |c| diesel::update(claimed).set(response).execute(c))?;
    Ok(())
}

/// Deletes up to `limit` expired keys; returns their number.
pub(crate) fn delete_expired(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let since = valid_since(tx);
    let expired = keys::created_at.lt(since);
    // The last one of the batch is the bound: SQLite knows no limit of a deletion.
    let bound: Option<Instant> = with_conn!(&mut *tx.conn, |c| keys::table
        .filter(expired)
        .order(keys::created_at)
        .offset(limit - 1)
        .select(keys::created_at)
        .first(c))
    .optional()?;
    let bound = bound.unwrap_or(since);
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(
        keys::table.filter(expired).filter(keys::created_at.le(bound))
    )
    .execute(c))?)
}
