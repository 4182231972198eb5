//! Ratings of inspections.

use actix_web::{HttpRequest, HttpResponse, Responder};
use inspection_auth::permissions::RateInspections;
use inspection_domain::{
    ids::{InspectionId, UserId},
    page::Page,
    ratings::{NewRating, Rating, RatingChanges},
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::ratings::{self, TechnicianRatings};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View},
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        openapi::{Describe, Operation},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Bare, Created, Pagination, Reply},
        routes::Routes,
    },
};

/// Endpoints of ratings.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("ratings", "Ratings of inspections by admins");
    routes.post("/api/ratings/inspections/{id}", "ratings.rate", rate, "Rate a submitted inspection");
    routes.put(
        "/api/ratings/inspections/{id}",
        "ratings.change",
        change,
        "Change the rating of an inspection",
    );
    routes.get(
        "/api/ratings/technicians/{id}",
        "ratings.of_technician",
        of_technician,
        "Get the ratings of a technician's inspections",
    );
}

inspection_domain::shows!(RatingView { rating }, Record { page });

/// A rating.
#[derive(Debug, Serialize, ToSchema)]
struct RatingView {
    #[serde(flatten)]
    rating: Rating,
    /// The admin that rated it.
    rated_by: Option<UserSummary>,
    /// Always null: points for the machine are given with the assessment.
    asset_points: Option<i64>,
    /// Always null: findings give no points.
    finding_points: Option<i64>,
    /// Time of the first rating.
    rated_at: Instant,
}

impl View<Rating> for RatingView {
    fn references(rating: &Rating, references: &mut References) {
        references.people([Some(rating.rated_by_id)]);
    }

    fn new(rating: Rating, related: &Related, _: &Caller) -> Self {
        Self {
            rated_by: related.person(rating.rated_by_id),
            asset_points: None,
            finding_points: None,
            rated_at: rating.created_at,
            rating,
        }
    }
}

async fn rate(
    app: App,
    permit: Permit<RateInspections>,
    id: Path<InspectionId>,
    body: Body<NewRating>,
) -> Result<Rendered<Created<RatingView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let rating = ratings::rate(tx, id, new)?;
        Ok(Created::with(RatingView::one(tx.conn(), rating, caller)?, "inspection rated"))
    })
    .await
}

async fn change(
    app: App,
    permit: Permit<RateInspections>,
    id: Path<InspectionId>,
    body: Body<RatingChanges>,
) -> Result<Rendered<Reply<RatingView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, changes)| {
        let rating = ratings::change(tx, id, changes)?;
        Ok(Reply::with(RatingView::one(tx.conn(), rating, caller)?, "rating changed"))
    })
    .await
}

/// The ratings of a technician's inspections.
#[derive(Debug, Serialize, ToSchema)]
struct RecordView {
    /// The technician.
    technician_id: UserId,
    /// Number of ratings on all pages.
    total_ratings: i64,
    /// Mean rating, 1 to 5; 0 if there are none.
    average_rating: f64,
    /// The ratings of this page, newest first.
    ratings: Vec<RatingView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecordBody {
    /// Always `success`.
    status: &'static str,
    /// The ratings.
    data: RecordView,
    /// Position of the page in the list of ratings.
    pagination: Pagination,
}

/// A page of the ratings of a technician.
#[derive(Debug)]
struct Record {
    technician_id: UserId,
    average: Option<f64>,
    page: Page<RatingView>,
}

impl Responder for Record {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let body = RecordBody {
            status: "success",
            pagination: Pagination::new(request, &self.page),
            data: RecordView {
                technician_id: self.technician_id,
                total_ratings: self.page.total,
                average_rating: self.average.unwrap_or(0.0),
                ratings: self.page.items,
            },
        };
        Bare(body).respond_to(request)
    }
}

impl Describe for Record {
    fn describe(operation: &mut Operation) {
        operation.bare_read::<RecordBody>();
    }
}

async fn of_technician(
    app: App,
    permit: Permit<RateInspections>,
    id: Path<UserId>,
    query: ListQuery<Unfiltered>,
) -> Result<Record, Problem> {
    let record = app.read(permit, (id, query), |conn, caller, (technician_id, (_, page))| {
        let TechnicianRatings { page, average } = ratings::list_by_technician(conn, technician_id, page)?;
        Ok(Record { technician_id, average, page: RatingView::page(conn, page, caller)? })
    });
    record.await
}
