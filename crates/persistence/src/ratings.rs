//! Ratings of inspections: reads, and units of work.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{InspectionId, UserId},
    inspections::Inspection,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    ratings::{NewRating, Rating, RatingChanges, RatingRule},
    rule::NotFound,
    schema::inspection_ratings as ratings,
    users::Role,
};

use crate::{
    DbConnection, Result, Tx, equipment, inspections,
    points::{self, Award},
    users,
};

/// How somebody's inspections were rated.
#[derive(Debug, Clone)]
pub struct TechnicianRatings {
    /// A page of the ratings, newest first.
    pub page: Page<Rating>,
    /// Mean of all ratings; none if there are none.
    pub average: Option<f64>,
}

/// How an inspector's work was rated.
pub fn list_by_technician(
    conn: &mut DbConnection,
    id: UserId,
    page: PageRequest,
) -> Result<TechnicianRatings> {
    users::get(conn, id)?;
    let (items, counts) = with_conn!(conn, |c| {
        let own = ratings::table.filter(ratings::technician_id.eq(id));
        let items: Vec<Rating> = own
            .order(ratings::id.desc())
            .select(Rating::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        let counts: Vec<(i64, i64)> =
            own.group_by(ratings::rating).select((ratings::rating, diesel::dsl::count_star())).load(c)?;
        (items, counts)
    });
    let total: i64 = counts.iter().map(|(_, number)| number).sum();
    let sum: i64 = counts.iter().map(|(rating, number)| rating * number).sum();
    #[expect(clippy::cast_precision_loss, reason = "exact as long as nobody has 2^50 ratings")]
    let average = (total > 0).then(|| sum as f64 / total as f64);
    Ok(TechnicianRatings { page: Page { items, total, request: page }, average })
}

fn of_inspection(conn: &mut DbConnection, id: InspectionId) -> Result<Option<Rating>> {
    Ok(with_conn!(conn, |c| ratings::table
        .filter(ratings::inspection_id.eq(id))
        .select(Rating::as_select())
        .first(c))
    .optional()?)
}

/// Rates an inspection that was handed in; its inspector is told and gets the bonus (§5).
pub fn rate(tx: &mut Tx<'_>, id: InspectionId, new: NewRating) -> Result<Rating> {
    let inspection = inspections::held(tx, id)?;
    let rating = new.rate(&inspection, tx.actor()?.id, tx.now)?;
    if of_inspection(tx.conn, id)?.is_some() {
        return Err(RatingRule::Rated.into());
    }
    let rating: Rating = with_conn!(&mut *tx.conn, |c| diesel::insert_into(ratings::table)
        .values(&rating)
        .returning(Rating::as_returning())
        .get_result(c))?;
    tx.translate(None, &rating);
    tx.audit(AuditAction::Create, "rating", rating.id.get(), Changes::between(None, Some(&rating)));
    tell(tx, &inspection, &rating, None)?;
    Ok(rating)
}

/// Changes a rating; its inspector is told, and the difference of the bonus is booked (§5).
pub fn change(tx: &mut Tx<'_>, id: InspectionId, changes: RatingChanges) -> Result<Rating> {
    let inspection = inspections::held(tx, id)?;
    let before = of_inspection(tx.conn, id)?.ok_or(NotFound("rating"))?;
    let after = before.changed(changes, tx.actor()?.id, tx.now);
    let audited = Changes::between(Some(&before), Some(&after));
    if audited.is_empty() {
        return Ok(before);
    }
    with_conn!(&mut *tx.conn, |c| diesel::update(ratings::table.find(before.id)).set(&after).execute(c))?;
    tx.translate(Some(&before), &after);
    tx.audit(AuditAction::Update, "rating", after.id.get(), audited);
    tell(tx, &inspection, &after, Some(&before))?;
    Ok(after)
}

fn tell(tx: &mut Tx<'_>, inspection: &Inspection, rating: &Rating, before: Option<&Rating>) -> Result<()> {
    let bonus = Award {
        user_id: rating.technician_id,
        role: Role::Inspector,
        amount: rating.bonus_over(before),
        kind: PointKind::QualityBonus,
        related: Some(("inspection", inspection.id.get())),
    };
    points::award(tx, &bonus)?;
    let machine = equipment::get(tx.conn, inspection.equipment_id)?;
    let notice = Notice::new(NotificationType::InspectionRated)
        .with("equipment", machine.name.as_str())
        .with("rating", &rating.rating)
        .about("inspection", inspection.id.get(), "/inspections");
    tx.notify([rating.technician_id], &notice);
    Ok(())
}
