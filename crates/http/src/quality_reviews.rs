//! Quality reviews.

use inspection_auth::permissions::{ReadReviews, ReviewQuality, SignedIn, ValidateRejections};
use inspection_domain::{
    ids::{FileId, ReviewId},
    quality_reviews::{
        Approval, NewReview, QualityReview, Rejection, ReviewFilter, ReviewReassignment, Validation,
    },
    users::UserSummary,
};
use inspection_persistence::{quality_reviews, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of quality reviews.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("quality_reviews", "Quality reviews of completed work");
    routes.get(
        "/api/quality-reviews",
        "quality_reviews.list",
        list,
        "List quality reviews, filtered, newest first; admins see all, others their own",
    );
    routes.post(
        "/api/quality-reviews",
        "quality_reviews.create",
        create,
        "Assign the review of a completed job to a quality engineer",
    );
    routes.get(
        "/api/quality-reviews/pending",
        "quality_reviews.pending",
        pending,
        "List the user's pending reviews",
    );
    routes.get(
        "/api/quality-reviews/overdue",
        "quality_reviews.overdue",
        overdue,
        "List pending reviews past their deadline",
    );
    routes.get("/api/quality-reviews/{id}", "quality_reviews.get", get, "Get a quality review");
    routes.post(
        "/api/quality-reviews/{id}/approve",
        "quality_reviews.approve",
        approve,
        "Approve the work; allowed for its quality engineer",
    );
    routes.post(
        "/api/quality-reviews/{id}/reject",
        "quality_reviews.reject",
        reject,
        "Reject the work; allowed for its quality engineer",
    );
    routes.post(
        "/api/quality-reviews/{id}/validate",
        "quality_reviews.validate",
        validate,
        "Validate a rejection, once",
    );
    routes.post(
        "/api/quality-reviews/{id}/reassign",
        "quality_reviews.reassign",
        reassign,
        "Give a pending review to another quality engineer",
    );
}

inspection_domain::shows!(ReviewView { review }, ReviewDetail { review });

/// A quality review.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewView {
    #[serde(flatten)]
    review: QualityReview,
    /// Display number of the job.
    job_number: Option<String>,
    /// The worker.
    worker: Option<UserSummary>,
    /// The quality engineer.
    quality_engineer: Option<UserSummary>,
    /// Whether the deadline has passed and the review is pending.
    is_overdue: bool,
}

impl View<QualityReview> for ReviewView {
    fn references(review: &QualityReview, references: &mut References) {
        references.job(review.job_id);
        references.people([Some(review.worker_id), Some(review.qe_id)]);
    }

    fn new(review: QualityReview, related: &Related, caller: &Caller) -> Self {
        Self {
            job_number: related.job(review.job_id).map(|job| job.job_id.clone()),
            worker: related.person(review.worker_id),
            quality_engineer: related.person(review.qe_id),
            is_overdue: review.is_overdue(caller.now),
            review,
        }
    }
}

/// A quality review with the evidence of its rejection.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewDetail {
    #[serde(flatten)]
    review: ReviewView,
    /// Evidence files.
    evidence_file_ids: Vec<FileId>,
}

async fn list(
    app: App,
    permit: Permit<ReadReviews>,
    query: ListQuery<ReviewFilter>,
) -> Result<Paged<ReviewView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        quality_reviews::list(conn, &caller.user, &filter, page)
    })
    .await
}

async fn pending(
    app: App,
    permit: Permit<ReviewQuality>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<ReviewView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| quality_reviews::pending(conn, &caller.user, page))
        .await
}

async fn overdue(
    app: App,
    permit: Permit<ReadReviews>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<ReviewView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| {
        quality_reviews::overdue(conn, &caller.user, caller.now, page)
    })
    .await
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<ReviewId>) -> Result<Reply<ReviewDetail>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let (review, evidence_file_ids) = quality_reviews::get_visible(conn, &caller.user, id)?;
        let version = versions::of(&review)?;
        let review = ReviewView::one(conn, review, caller)?;
        Ok(Versioned { version, view: ReviewDetail { review, evidence_file_ids } })
    });
    Ok(Reply::versioned(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ValidateRejections>,
    body: Body<NewReview>,
) -> Result<Rendered<Created<ReviewView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let review = quality_reviews::create(tx, &new)?;
        Ok(Created::with(ReviewView::one(tx.conn(), review, caller)?, "review assigned"))
    })
    .await
}

async fn approve(
    app: App,
    permit: Permit<ReviewQuality>,
    id: Path<ReviewId>,
    body: Body<Approval>,
) -> Result<Rendered<Reply<ReviewView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, approval)| {
        let review = quality_reviews::approve(tx, id, approval)?;
        Ok(Reply::with(ReviewView::one(tx.conn(), review, caller)?, "work approved"))
    })
    .await
}

async fn reject(
    app: App,
    permit: Permit<ReviewQuality>,
    id: Path<ReviewId>,
    body: Body<Rejection>,
) -> Result<Rendered<Reply<ReviewView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, rejection)| {
        let review = quality_reviews::reject(tx, id, rejection)?;
        Ok(Reply::with(ReviewView::one(tx.conn(), review, caller)?, "work rejected"))
    })
    .await
}

async fn validate(
    app: App,
    permit: Permit<ValidateRejections>,
    id: Path<ReviewId>,
    body: Body<Validation>,
) -> Result<Rendered<Reply<ReviewView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, validation)| {
        let review = quality_reviews::validate(tx, id, validation)?;
        Ok(Reply::with(ReviewView::one(tx.conn(), review, caller)?, "rejection decided"))
    })
    .await
}

async fn reassign(
    app: App,
    permit: Permit<ValidateRejections>,
    id: Path<ReviewId>,
    body: Body<ReviewReassignment>,
) -> Result<Rendered<Reply<ReviewView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let review = quality_reviews::reassign(tx, id, new)?;
        Ok(Reply::with(ReviewView::one(tx.conn(), review, caller)?, "review reassigned"))
    })
    .await
}
