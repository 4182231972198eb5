//! The outbox: background jobs. The transaction of a change inserts them; one worker at a time
//! claims a job.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::OutboxId,
    outbox::{LEASE, MOST_ATTEMPTS, OutboxFilter, OutboxJob, OutboxKind, OutboxStatus},
    page::{Page, PageRequest},
    schema::outbox,
    time::Instant,
};

use crate::{DbConnection, Error, Result, Tx, db::database::one_row, db::error::ConcurrentUpdate};

/// A page of the background jobs that aren't done, the oldest first.
pub fn list(conn: &mut DbConnection, filter: &OutboxFilter, page: PageRequest) -> Result<Page<OutboxJob>> {
    paged!(
        conn,
        page,
        OutboxJob,
        || {
            let mut query = outbox::table.into_boxed::<Backend>();
            filter_any!(query, { outbox::status => filter.status, outbox::kind => filter.kind });
            query
        },
        outbox by asc [id]
    )
}

/// Numbers of background jobs by status, and the age of the oldest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting.
    pub pending: i64,
    /// Claimed by a worker.
    pub running: i64,
    /// Given up.
    pub dead: i64,
    /// Due time of the oldest job that isn't given up.
    pub oldest: Option<Instant>,
}

/// The depth of the outbox.
pub fn depth(conn: &mut DbConnection) -> Result<Depth> {
    use diesel::dsl::{count_star, min};
    type DepthRow = (OutboxStatus, i64, Option<Instant>);
    let rows: Vec<DepthRow> = with_conn!(conn, |c| outbox::table
        .group_by(outbox::status)
        .select((outbox::status, count_star(), min(outbox::run_at)))
        .load(c))?;
    let mut depth = Depth::default();
    for (status, count, oldest) in rows {
        match status {
            OutboxStatus::Pending => depth.pending = count,
            OutboxStatus::Running => depth.running = count,
            OutboxStatus::Dead => depth.dead = count,
        }
        if status != OutboxStatus::Dead {
            depth.oldest = depth.oldest.into_iter().chain(oldest).min();
        }
    }
    Ok(depth)
}

/// The outcome of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxClaim {
    /// Jobs that belong to the worker now.
    Jobs(Vec<OutboxJob>),
    /// Nothing is due; due time of the next job, if any.
    Nothing(Option<Instant>),
}

/// Claims the jobs of a kind that have been due the longest, including those whose worker has died.
/// Each claim has a new worker name, so that a late worker can't finish a job that was claimed
/// again.
pub fn claim(tx: &mut Tx<'_>, kind: OutboxKind, instance: &str) -> Result<OutboxClaim> {
    let now = tx.now;
    let worker = format!("{instance}/{}", tx.unique());
    let abandoned = outbox::table
        .filter(outbox::kind.eq(kind))
        .filter(outbox::status.eq(OutboxStatus::Running))
        .filter(outbox::lease_until.le(now));
    let no_worker = (outbox::worker.eq(None::<&str>), outbox::lease_until.eq(None::<Instant>));
    // The job itself may kill its workers.
    let give_up = (outbox::status.eq(OutboxStatus::Dead), outbox::error.eq("its workers died"));
    let hopeless = abandoned.filter(outbox::attempts.ge(MOST_ATTEMPTS));
    with_conn!(&mut *tx.conn, |c| diesel::update(hopeless).set((give_up, no_worker)).execute(c))?;
    let pending = outbox::status.eq(OutboxStatus::Pending);
    with_conn!(&mut *tx.conn, |c| diesel::update(abandoned).set((pending, no_worker)).execute(c))?;
    let pending =
        outbox::table.filter(outbox::kind.eq(kind)).filter(outbox::status.eq(OutboxStatus::Pending));
    let due = pending
        .filter(outbox::run_at.le(now))
        .order((outbox::run_at, outbox::id))
        .limit(kind.batch().into())
        .select(outbox::id);
    // Jobs that another worker is claiming are skipped.
    let ids: Vec<OutboxId> = by_backend!(
        &mut *tx.conn,
        postgres(c) => due.for_no_key_update().skip_locked().load(c)?,
        sqlite(c) => due.load(c)?,
    );
    if ids.is_empty() {
        let next: Option<Instant> =
            with_conn!(&mut *tx.conn, |c| pending.select(diesel::dsl::min(outbox::run_at)).get_result(c))?;
        return Ok(OutboxClaim::Nothing(next));
    }
    let mut jobs: Vec<OutboxJob> =
        with_conn!(&mut *tx.conn, |c| diesel::update(outbox::table.filter(outbox::id.eq_any(ids)))
            .set((
                outbox::status.eq(OutboxStatus::Running),
                outbox::worker.eq(worker),
                outbox::lease_until.eq(now.plus_seconds(LEASE)),
                outbox::attempts.eq(outbox::attempts + 1),
            ))
            .returning(OutboxJob::as_returning())
            .get_results(c))?;
    jobs.sort_unstable_by_key(|job| job.id);
    Ok(OutboxClaim::Jobs(jobs))
}

/// Deletes jobs of one claim, in the transaction of their effects. If one of them was claimed again
/// meanwhile, the transaction fails with `CONFLICT` and the effects are rolled back.
pub fn complete(tx: &mut Tx<'_>, jobs: &[OutboxJob]) -> Result<()> {
    let Some(worker) = jobs.first().and_then(|job| job.worker.as_deref()) else { return Ok(()) };
    let own = outbox::table
        .filter(outbox::id.eq_any(jobs.iter().map(|job| job.id)))
        .filter(outbox::worker.eq(worker));
    let gone = with_conn!(&mut *tx.conn, |c| diesel::delete(own).execute(c))?;
    if gone == jobs.len() { Ok(()) } else { Err(ConcurrentUpdate.into()) }
}

/// Deletes up to `limit` jobs that were given up, after their retention; returns their number.
pub(crate) fn delete_old_dead(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let since = tx.retained_since(|retention| retention.dead_jobs);
    let old: Vec<OutboxId> = with_conn!(&mut *tx.conn, |c| outbox::table
        .filter(outbox::status.eq(OutboxStatus::Dead))
        .filter(outbox::created_at.lt(since))
        .order(outbox::id)
        .limit(limit)
        .select(outbox::id)
        .load(c))?;
    let deleted = outbox::table.filter(outbox::id.eq_any(old)).filter(outbox::status.eq(OutboxStatus::Dead));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(deleted).execute(c))?)
}

/// Returns failed jobs, to be retried or given up. Jobs that were claimed again are skipped.
pub fn fail(tx: &mut Tx<'_>, jobs: &[OutboxJob], error: &str, wait: Option<i64>) -> Result<()> {
    let now = tx.now;
    for job in jobs {
        let [chance, ..] = tx.random();
        let after = job.failed(error, wait, chance, now);
        if after.status == OutboxStatus::Dead {
            tracing::error!(
                job = job.id.get(),
                kind = job.kind.as_str(),
                error,
                "a background job is dead after its last attempt"
            );
        }
        return_job(tx, job, &after)?;
    }
    Ok(())
}

/// Returns the claimed jobs of an instance that is shutting down, without counting the attempt;
/// returns their number.
pub fn hand_back(tx: &mut Tx<'_>, instance: &str) -> Result<usize> {
    let own = outbox::table
        .filter(outbox::status.eq(OutboxStatus::Running))
        .filter(outbox::worker.like(format!("{instance}/%")));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::update(own)
        .set((
            outbox::status.eq(OutboxStatus::Pending),
            outbox::worker.eq(None::<String>),
            outbox::lease_until.eq(None::<Instant>),
            outbox::attempts.eq(outbox::attempts - 1),
        ))
        .execute(c))?)
}

fn return_job(tx: &mut Tx<'_>, before: &OutboxJob, after: &OutboxJob) -> Result<usize> {
    let seen = outbox::table
        .find(before.id)
        .filter(outbox::status.eq(before.status))
        .filter(outbox::worker.is_null().or(outbox::worker.eq(before.worker.as_deref())));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::update(seen)
        .set((
            outbox::status.eq(after.status),
            outbox::worker.eq(&after.worker),
            outbox::lease_until.eq(after.lease_until),
            outbox::run_at.eq(after.run_at),
            outbox::attempts.eq(after.attempts),
            outbox::error.eq(&after.error),
        ))
        .execute(c))?)
}

/// Retries a job that was given up. Locks the job.
pub fn retry(tx: &mut Tx<'_>, id: OutboxId) -> Result<OutboxJob> {
    let before =
        lock_row!(&mut *tx.conn, outbox, OutboxJob, id)?.ok_or_else(Error::not_found::<OutboxJob>)?;
    let after = before.retried(tx.now)?;
    one_row(return_job(tx, &before, &after)?)?;
    tx.record(AuditAction::Update, Some(&before), Some(&after));
    tx.wake_outbox();
    Ok(after)
}
