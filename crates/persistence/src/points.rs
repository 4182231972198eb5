//! The ledger of points, and the totals that follow from it (§1).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    entity::Entity,
    ids::{PointEntryId, UserId},
    page::{Page, PageRequest},
    points::{PointEntry, PointKind},
    schema::{point_entries, users},
    users::Role,
};

use crate::{DbConnection, Result, Tx, users::rows as user_rows};

/// An award (positive) or penalty (negative) to be booked.
#[derive(Debug, Clone)]
pub struct Award {
    /// The account.
    pub user_id: UserId,
    /// The role in which the points are won.
    pub role: Role,
    /// Number of points; 0 books nothing.
    pub amount: i64,
    /// Reason.
    pub kind: PointKind,
    /// Name and id of the related entity.
    pub related: Option<(&'static str, i64)>,
}

impl Award {
    /// An award of no points yet, about nothing.
    pub(crate) fn new(user_id: UserId, role: Role, kind: PointKind) -> Self {
        Self { user_id, role, amount: 0, kind, related: None }
    }

    /// Relates the award to an entity.
    pub(crate) fn about(self, entity: &impl Entity) -> Self {
        Self { related: Some((entity.name(), entity.id())), ..self }
    }
}

/// Books an award: an entry of the ledger, and the totals of its user in the same transaction (§1).
/// Locks the account.
pub fn award(tx: &mut Tx<'_>, award: &Award) -> Result<()> {
    if award.amount == 0 {
        return Ok(());
    }
    let before = user_rows::lock(tx.conn, award.user_id)?;
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
        diesel::update(users::table.find(after.id)).set(&after).execute(c)
    })?;
    let changes = Changes::between(Some(&before), Some(&after)).with("reason", award.kind.as_str());
    tx.record_with(AuditAction::Award, Some(&before), Some(&after), changes);
    Ok(())
}

/// The points a person has been awarded so far in this role, for this reason and about this object.
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

/// A page of a person's ledger, newest first.
pub fn list(conn: &mut DbConnection, owner: UserId, page: PageRequest) -> Result<Page<PointEntry>> {
    paged!(
        conn,
        page,
        PointEntry,
        || point_entries::table.filter(point_entries::user_id.eq(owner)).into_boxed::<Backend>(),
        point_entries by desc [id]
    )
}
