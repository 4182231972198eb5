//! Ratings of inspections: lists and units of work (§5).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::Changes,
    ids::{InspectionId, UserId},
    inspections::Inspection,
    notifications::{Notice, NotificationType},
    page::{Counting, Known, Page, PageRequest},
    points::{PointKind, another_decides},
    ratings::{NewRating, Rating, RatingChanges, RatingRule},
    schema::inspection_ratings as ratings,
    users::Role,
};

use crate::{
    DbConnection, Error, Result, Tx,
    equipment::rows as equipment_rows,
    inspections::rows as inspection_rows,
    points::{self, Award},
    users::rows as user_rows,
};

/// The ratings of an inspector.
#[derive(Debug, Clone)]
pub struct TechnicianRatings {
    /// A page of the ratings, newest first.
    pub page: Page<Rating>,
    /// Mean of all ratings; `None` without ratings.
    pub average: Option<f64>,
}

/// The ratings of an inspector's inspections.
pub fn list_by_technician(
    conn: &mut DbConnection,
    id: UserId,
    page: PageRequest,
) -> Result<TechnicianRatings> {
    user_rows::get(conn, id)?;
    let uncounted = PageRequest { count: Some(Counting::None), ..page.clone() };
    let items = paged!(
        &mut *conn,
        uncounted,
        Rating,
        || ratings::table.filter(ratings::technician_id.eq(id)).into_boxed::<Backend>(),
        ratings by desc [id]
    )?;
    let counts: Vec<(i64, i64)> = with_conn!(conn, |c| ratings::table
        .filter(ratings::technician_id.eq(id))
        .group_by(ratings::rating)
        .select((ratings::rating, diesel::dsl::count_star()))
        .load(c))?;
    let total: i64 = counts.iter().map(|(_, number)| number).sum();
    let sum: i64 = counts.iter().map(|(rating, number)| rating * number).sum();
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^50 ratings")]
    let average = (total > 0).then(|| sum as f64 / total as f64);
    Ok(TechnicianRatings { page: Page { total, known: Known::Exactly, request: page, ..items }, average })
}

/// Rates a submitted inspection; its inspector is notified and gets the bonus (§5). Locks the
/// inspection, then the inspector.
pub fn rate(tx: &mut Tx<'_>, id: InspectionId, new: NewRating) -> Result<Rating> {
    let inspection = inspection_rows::lock(tx.conn, id)?;
    another_decides(tx.actor()?.id, &[inspection.technician_id])?;
    let rating = new.rate(&inspection, tx.actor()?.id, tx.now)?;
    if rows::find_by_inspection(tx.conn, id)?.is_some() {
        return Err(RatingRule::Rated.into());
    }
    let rating = rows::insert(tx, &rating)?;
    book_and_notify(tx, &inspection, &rating, None)?;
    Ok(rating)
}

/// Changes a rating; its inspector is notified, and the difference of the bonus is booked (§5).
/// Locks the inspection, then the inspector.
pub fn change(tx: &mut Tx<'_>, id: InspectionId, changes: RatingChanges) -> Result<Rating> {
    let inspection = inspection_rows::lock(tx.conn, id)?;
    let before = rows::find_by_inspection(tx.conn, id)?.ok_or_else(Error::not_found::<Rating>)?;
    another_decides(tx.actor()?.id, &[before.technician_id])?;
    let after = before.changed(changes, tx.actor()?.id, tx.now);
    let changes_made = Changes::between(Some(&before), Some(&after));
    if changes_made.is_empty() {
        return Ok(before);
    }
    rows::write(tx, &before, &after, changes_made)?;
    book_and_notify(tx, &inspection, &after, Some(&before))?;
    Ok(after)
}

/// Books the difference of the bonus, and notifies the inspector.
fn book_and_notify(
    tx: &mut Tx<'_>,
    inspection: &Inspection,
    rating: &Rating,
    before: Option<&Rating>,
) -> Result<()> {
    let award = Award::new(rating.technician_id, Role::Inspector, PointKind::QualityBonus).about(inspection);
    points::award(tx, &Award { amount: rating.bonus_over(before), ..award })?;
    let machine = equipment_rows::get(tx.conn, inspection.equipment_id)?;
    let notice = Notice::new(NotificationType::InspectionRated)
        .with("equipment", machine.name.as_str())
        .with("rating", &rating.rating)
        .about(inspection);
    tx.notify([rating.technician_id], &notice);
    Ok(())
}
