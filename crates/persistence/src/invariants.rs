//! Checks of the invariants of the stored data (rule book, "Invariants"): one query each, on one
//! snapshot, within a limited time. Nothing is corrected.

mod daily_lists;
mod defects;
mod inspecting;
mod jobs;
mod leaves;
mod marks;
mod people;
mod plant;
mod query;
mod records;

use std::time::{Duration, Instant as Moment};

use diesel::prelude::*;
use inspection_domain::{
    invariants::{Invariant, InvariantResult, MOST_IDS, OffendingIds},
    schema::invariant_results as results,
    time::Instant,
};

use self::query::{Query, Setting};
use crate::{Context, Database, DbConnection, Origin, Result, Tx};

/// The queries of the invariants of stored rows. Those of the file store have none.
fn queries() -> impl Iterator<Item = &'static (Invariant, Query)> {
    let by_subject = [
        people::QUERIES,
        plant::QUERIES,
        daily_lists::QUERIES,
        defects::QUERIES,
        jobs::QUERIES,
        leaves::QUERIES,
        records::QUERIES,
        // Last, since they read all answers.
        inspecting::QUERIES,
    ];
    by_subject.into_iter().flatten()
}

/// Checks all invariants of stored rows on one snapshot. Those
/// that were not reached within the limit have no number. Blocks.
///
/// On PostgreSQL the limit ends a statement, too; on SQLite only the last statement may exceed it.
pub fn check(database: &Database, context: &Context, limit: Duration) -> Result<Vec<InvariantResult>> {
    database.read(|conn| conn.snapshot(|conn| check_in(conn, context, limit)))
}

/// As [`check`], in the transaction of a connection, whatever it sees.
#[doc(hidden)]
pub fn check_in(conn: &mut DbConnection, context: &Context, limit: Duration) -> Result<Vec<InvariantResult>> {
    let begun = Moment::now();
    let setting = Setting::read(conn, context)?;
    let mut found = Vec::new();
    let mut is_over = false;
    for (invariant, query) in queries() {
        let started = Moment::now();
        let left = limit.saturating_sub(begun.elapsed());
        is_over |= left.is_zero();
        let offending = if is_over { None } else { one(conn, query, &setting, left)? };
        // A statement that PostgreSQL has cancelled ends the snapshot.
        is_over |= offending.is_none();
        let (violations, ids) = offending.map_or((None, Vec::new()), |(number, ids)| (Some(number), ids));
        found.push(InvariantResult {
            name: *invariant,
            checked_at: setting.now,
            violations,
            ids: OffendingIds(ids),
            took_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
        });
    }
    found.sort_by_key(|result| result.name);
    Ok(found)
}

/// The number of violations of one invariant and the first ids; none if the time ran out.
fn one(
    conn: &mut DbConnection,
    query: &Query,
    setting: &Setting,
    left: Duration,
) -> Result<Option<(i64, Vec<i64>)>> {
    let begun = Moment::now();
    conn.limit_statements(left)?;
    match query.offending(conn, setting, MOST_IDS) {
        Ok(found) => Ok(Some(found)),
        // PostgreSQL counts whole milliseconds.
        Err(error) if begun.elapsed().as_millis() >= left.as_millis() => {
            tracing::warn!(error = %error, "the check of the invariants took too long");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Logs the violations among results, and stores the results in place of earlier ones. Returns the
/// number of invariants that don't hold.
pub fn record(database: &Database, context: &Context, new: &[InvariantResult]) -> Result<usize> {
    database.write(context, Origin::default(), |tx| write(tx, new))?;
    Ok(log(new))
}

/// Logs the violations among results; returns the number of invariants that don't hold.
pub(crate) fn log(found: &[InvariantResult]) -> usize {
    let violated: Vec<&InvariantResult> = found.iter().filter(|result| !result.holds()).collect();
    for result in &violated {
        let invariant = result.name.as_str();
        if let Some(violations) = result.violations {
            let (ids, sentence) = (&result.ids.0, result.name.sentence());
            tracing::error!(invariant, violations, ?ids, "an invariant is violated: {sentence}");
        } else {
            tracing::warn!(invariant, "there was no time to check an invariant");
        }
    }
    violated.len()
}

/// Stores results in place of earlier ones of the same invariants.
pub(crate) fn write(tx: &mut Tx<'_>, new: &[InvariantResult]) -> Result<()> {
    let names: Vec<Invariant> = new.iter().map(|result| result.name).collect();
    let earlier = results::table.filter(results::name.eq_any(names));
    with_conn!(&mut *tx.conn, |c| {
        diesel::delete(earlier).execute(c)?;
        diesel::insert_into(results::table).values(new).execute(c)
    })?;
    Ok(())
}

/// Claims the check of the stored rows, unless it began within this time, in seconds. Instances
/// that ask at once don't check twice.
pub(crate) fn claim(tx: &mut Tx<'_>, interval: i64) -> Result<bool> {
    let first = InvariantResult {
        name: Invariant::PointsMatchLedger,
        checked_at: tx.now,
        violations: None,
        ids: OffendingIds(Vec::new()),
        took_ms: 0,
    };
    let is_old = results::checked_at.le(tx.now.plus_seconds(-interval));
    let claimed = with_conn!(&mut *tx.conn, |c| {
        let inserted =
            diesel::insert_into(results::table).values(&first).on_conflict_do_nothing().execute(c)?;
        let old = results::table.find(first.name).filter(is_old);
        inserted + diesel::update(old).set(results::checked_at.eq(tx.now)).execute(c)?
    });
    Ok(claimed > 0)
}

/// The latest result of each invariant that was checked.
pub fn latest(conn: &mut DbConnection) -> Result<Vec<InvariantResult>> {
    // Another version of the program may have had others.
    let known = results::table.filter(results::name.eq_any(Invariant::ALL)).order(results::name);
    let mut found: Vec<InvariantResult> =
        with_conn!(conn, |c| known.select(InvariantResult::as_select()).load(c))?;
    found.sort_by_key(|result| result.name);
    Ok(found)
}

/// Numbers of violations by invariant, as of the latest check.
pub fn violations(conn: &mut DbConnection) -> Result<Vec<(Invariant, i64)>> {
    let found = latest(conn)?;
    Ok(found.into_iter().filter_map(|result| Some((result.name, result.violations?))).collect())
}

/// The results of one invariant of the file store, which reads no rows here.
pub fn storage_result(
    name: Invariant,
    checked_at: Instant,
    number: u64,
    ids: impl Iterator<Item = i64>,
    took: Duration,
) -> InvariantResult {
    InvariantResult {
        name,
        checked_at,
        violations: Some(i64::try_from(number).unwrap_or(i64::MAX)),
        ids: OffendingIds(ids.take(MOST_IDS).collect()),
        took_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
    }
}
