//! Rows of `inspection_ratings`: lookup, insert and write. A rating is changed only while its
//! inspection is locked.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::InspectionId,
    ratings::Rating,
    schema::inspection_ratings as ratings,
};

use crate::db::{connection::DbConnection, error::Result, tx::Tx};

/// The rating of an inspection, if there is one.
pub(crate) fn find_by_inspection(conn: &mut DbConnection, id: InspectionId) -> Result<Option<Rating>> {
    let of_inspection = ratings::table.filter(ratings::inspection_id.eq(id));
    Ok(with_conn!(conn, |c| of_inspection.select(Rating::as_select()).first(c)).optional()?)
}

/// Inserts and records a rating.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Rating) -> Result<Rating> {
    let rating = insert_row!(tx, ratings, Rating, new)?;
    tx.record(AuditAction::Create, None, Some(&rating));
    Ok(rating)
}

/// Writes a rating, whose inspection is locked, and records these changes.
pub(crate) fn write(tx: &mut Tx<'_>, before: &Rating, after: &Rating, changes: Changes) -> Result<()> {
    update_row!(tx, ratings, before, after)?;
    tx.record_with(AuditAction::Update, Some(before), Some(after), changes);
    Ok(())
}
