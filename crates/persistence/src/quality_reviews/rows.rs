//! Rows of `quality_reviews`: lookups, insert and guarded write. A review is changed only while its
//! job is locked.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{JobId, ReviewId, UserId},
    quality_reviews::{QualityReview, ReviewStatus},
    schema::quality_reviews as reviews,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One review.
pub(crate) fn get(conn: &mut DbConnection, id: ReviewId) -> Result<QualityReview> {
    find_row!(conn, reviews, QualityReview, id)?.ok_or_else(Error::not_found::<QualityReview>)
}

/// Whether a job has a review that is pending, or rejected and not validated yet.
pub(crate) fn is_under_review(conn: &mut DbConnection, job: JobId) -> Result<bool> {
    let open = reviews::table.filter(reviews::job_id.eq(job)).filter(
        reviews::status
            .eq(ReviewStatus::Pending)
            .or(reviews::status.eq(ReviewStatus::Rejected).and(reviews::is_valid.is_null())),
    );
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(open)).get_result(c))?)
}

/// Number of pending reviews of each of these quality engineers who has any.
pub(crate) fn count_pending(conn: &mut DbConnection, of: &[UserId]) -> Result<HashMap<UserId, i64>> {
    let counts: Vec<(UserId, i64)> = with_conn!(conn, |c| reviews::table
        .filter(reviews::qe_id.eq_any(of))
        .filter(reviews::status.eq(ReviewStatus::Pending))
        .group_by(reviews::qe_id)
        .select((reviews::qe_id, diesel::dsl::count_star()))
        .load(c))?;
    Ok(counts.into_iter().collect())
}

/// Inserts and records a review.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &QualityReview) -> Result<QualityReview> {
    let review = insert_row!(tx, reviews, QualityReview, new)?;
    tx.record(AuditAction::Create, None, Some(&review));
    Ok(review)
}

/// Writes and records a review, whose job is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &QualityReview,
    after: &QualityReview,
) -> Result<()> {
    write_with(tx, action, before, after, Changes::between(Some(before), Some(after)))
}

/// Writes a review, whose job is locked, and records these changes.
pub(crate) fn write_with(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &QualityReview,
    after: &QualityReview,
    changes: Changes,
) -> Result<()> {
    update_row!(
        tx,
        reviews,
        before,
        after,
        reviews::status.eq(before.status),
        reviews::validated_at.is_null()
    )?;
    tx.record_with(action, Some(before), Some(after), changes);
    Ok(())
}
