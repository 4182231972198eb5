//! The points ledger and the totals that follow from it.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{PointEntryId, UserId},
    page::{Page, PageRequest},
    points::{PointEntry, PointKind},
    schema::{point_entries, users as people},
    users::{Role, User},
};

use crate::{DbConnection, Result, Tx, users};

/// An award (positive) or penalty (negative) to be booked.
#[derive(Debug, Clone)]
pub struct Award {
    /// Whose points.
    pub user_id: UserId,
    /// The role they are won in.
    pub role: Role,
    /// How many; 0 books nothing.
    pub amount: i64,
    /// Why.
    pub kind: PointKind,
    /// Kind and number of the object it is about.
    pub related: Option<(&'static str, i64)>,
}

/// Books an award: one line of the ledger, and the totals of its user in the same transaction (§1).
pub fn award(tx: &mut Tx<'_>, award: &Award) -> Result<()> {
    if award.amount == 0 {
        return Ok(());
    }
    let before = users::locked(tx.conn, award.user_id)?;
    let entry = PointEntry {
        id: PointEntryId::UNSAVED,
        user_id: award.user_id,
        role: award.role,
        amount: award.amount,
        kind: award.kind,
        related_type: award.related.map(|(kind, _)| kind.to_owned()),
        related_id: award.related.map(|(_, id)| id),
        awarded_by_id: tx.actor_id(),
        created_at: tx.now,
    };
    let mut after = before.clone();
    entry.book(&mut after);
    with_conn!(&mut *tx.conn, |c| {
        diesel::insert_into(point_entries::table).values(&entry).execute(c)?;
        diesel::update(people::table.find(after.id)).set(&after).execute(c)
    })?;
    let changes = Changes::between(Some(&before), Some(&after)).with("reason", award.kind.as_str());
    tx.audit(AuditAction::Award, "user", after.id.get(), changes);
    Ok(())
}

/// What somebody has got so far in one role for one reason, about one object.
pub(crate) fn booked(conn: &mut DbConnection, like: &Award) -> Result<i64> {
    let Some((kind, id)) = like.related else { return Ok(0) };
    let amounts: Vec<i64> = with_conn!(conn, |c| point_entries::table
        .filter(point_entries::user_id.eq(like.user_id))
        .filter(point_entries::role.eq(like.role))
        .filter(point_entries::kind.eq(like.kind))
        .filter(point_entries::related_type.eq(kind))
        .filter(point_entries::related_id.eq(id))
        .select(point_entries::amount)
        .load(c))?;
    Ok(amounts.into_iter().sum())
}

/// A page of somebody's ledger, newest first.
pub fn list(conn: &mut DbConnection, owner: UserId, page: PageRequest) -> Result<Page<PointEntry>> {
    paged!(conn, page, PointEntry, || point_entries::table.filter(point_entries::user_id.eq(owner)), |own| {
        own.order(point_entries::id.desc())
    })
}

/// People whose totals are not the sums of their ledger; there should be none (§1).
pub fn mismatches(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    let (all, entries) = with_conn!(conn, |c| {
        let all: Vec<User> = people::table.select(User::as_select()).order(people::id).load(c)?;
        let entries: Vec<PointEntry> = point_entries::table.select(PointEntry::as_select()).load(c)?;
        (all, entries)
    });
    let mut sums: HashMap<UserId, User> = all
        .iter()
        .map(|user| {
            let bare = User { total_points: 0, inspector_points: 0, specialist_points: 0, ..user.clone() };
            (user.id, User { engineer_points: 0, qe_points: 0, ..bare })
        })
        .collect();
    for entry in entries {
        if let Some(sum) = sums.get_mut(&entry.user_id) {
            entry.book(sum);
        }
    }
    Ok(all.into_iter().filter(|user| sums.get(&user.id) != Some(user)).map(|user| user.id).collect())
}
