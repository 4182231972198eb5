//! Rows of `roster_entries`: lookup, inserts, writes and deletion.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{RosterEntryId, UserId},
    roster::{RosterEntry, RosterShift},
    schema::roster_entries,
    time::Date,
};

use crate::db::{
    connection::DbConnection,
    error::{ConcurrentUpdate, Result},
    query::BATCH,
    tx::Tx,
};

/// The entries of these people on these dates.
pub(crate) fn list_of(
    conn: &mut DbConnection,
    people: &[UserId],
    dates: &[Date],
) -> Result<Vec<RosterEntry>> {
    Ok(with_conn!(conn, |c| roster_entries::table
        .filter(roster_entries::user_id.eq_any(people))
        .filter(roster_entries::date.eq_any(dates))
        .select(RosterEntry::as_select())
        .load(c))?)
}

/// Inserts and records entries.
pub(crate) fn insert_all(tx: &mut Tx<'_>, new: &[RosterEntry]) -> Result<()> {
    for batch in new.chunks(BATCH) {
        let stored: Vec<RosterEntry> =
            with_conn!(&mut *tx.conn, |c| diesel::insert_into(roster_entries::table)
                .values(batch)
                .returning(RosterEntry::as_returning())
                .get_results(c))?;
        for entry in &stored {
            tx.record(AuditAction::Create, None, Some(entry));
        }
    }
    Ok(())
}

/// Writes and records entries, whose people are locked. One statement for each shift.
pub(crate) fn write_all(tx: &mut Tx<'_>, changed: &[(RosterEntry, RosterEntry)]) -> Result<()> {
    for shift in RosterShift::ALL {
        let to_shift = || changed.iter().filter(|(_, after)| after.shift == *shift);
        let Some((_, first)) = to_shift().next() else { continue };
        let ids: Vec<RosterEntryId> = to_shift().map(|(before, _)| before.id).collect();
        let entries = roster_entries::table.filter(roster_entries::id.eq_any(&ids));
        let written = with_conn!(&mut *tx.conn, |c| diesel::update(entries)
            .set((
                roster_entries::shift.eq(first.shift),
                roster_entries::set_by_id.eq(first.set_by_id),
                roster_entries::updated_at.eq(first.updated_at),
            ))
            .execute(c))?;
        if written != ids.len() {
            return Err(ConcurrentUpdate.into());
        }
    }
    for (before, after) in changed {
        tx.record(AuditAction::Update, Some(before), Some(after));
    }
    Ok(())
}

/// Deletes and records entries, whose people are locked.
pub(crate) fn delete_all(tx: &mut Tx<'_>, removed: &[RosterEntry]) -> Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    let ids: Vec<RosterEntryId> = removed.iter().map(|entry| entry.id).collect();
    let entries = roster_entries::table.filter(roster_entries::id.eq_any(&ids));
    let deleted = with_conn!(&mut *tx.conn, |c| diesel::delete(entries).execute(c))?;
    if deleted != ids.len() {
        return Err(ConcurrentUpdate.into());
    }
    for entry in removed {
        tx.record(AuditAction::Delete, Some(entry), None);
    }
    Ok(())
}
