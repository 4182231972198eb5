//! Quality reviews.

use std::collections::HashMap;

use inspection_auth::permissions::{ReadReviews, ReviewQuality, SignedIn, ValidateRejections};
use inspection_domain::{
    ids::{FileId, ReviewId, UserId},
    jobs::Job,
    quality_reviews::{Approval, NewReview, QualityReview, Rejection, ReviewFilter, Validation},
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, Tx, jobs, quality_reviews, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path, Unfiltered},
    permit::Permit,
    problem::Problem,
    reply::{Created, Paged, Reply},
    routes::Routes,
};

/// Endpoints of quality reviews.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/quality-reviews",
        "quality_reviews.list",
        list,
        "Reviews, filtered, newest first; all for an admin, else one's own",
    );
    routes.post(
        "/api/quality-reviews",
        "quality_reviews.create",
        create,
        "Give the review of a finished job to a quality engineer",
    );
    routes.get(
        "/api/quality-reviews/pending",
        "quality_reviews.pending",
        pending,
        "The reviews that wait for oneself",
    );
    routes.get(
        "/api/quality-reviews/overdue",
        "quality_reviews.overdue",
        overdue,
        "The reviews that are pending past their deadline",
    );
    routes.get("/api/quality-reviews/{id}", "quality_reviews.get", get, "One review");
    routes.post(
        "/api/quality-reviews/{id}/approve",
        "quality_reviews.approve",
        approve,
        "Find the work good: its quality engineer",
    );
    routes.post(
        "/api/quality-reviews/{id}/reject",
        "quality_reviews.reject",
        reject,
        "Find the work not good: its quality engineer",
    );
    routes.post(
        "/api/quality-reviews/{id}/validate",
        "quality_reviews.validate",
        validate,
        "Decide whether a rejection is right, once",
    );
}

inspection_domain::shows!(ReviewView { review }, ReviewDetail { review });

/// A review for a reader.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewView {
    #[serde(flatten)]
    review: QualityReview,
    /// Number of the job, as people say it.
    job_number: Option<String>,
    /// Who did the work.
    worker: Option<UserSummary>,
    /// Who reviews it.
    qe: Option<UserSummary>,
    /// Whether it is pending past its deadline.
    is_overdue: bool,
}

/// What reviews refer to.
struct Context {
    jobs: Vec<Job>,
    people: HashMap<UserId, UserSummary>,
}

impl Context {
    fn of(conn: &mut DbConnection, reviews: &[QualityReview]) -> persistence::Result<Self> {
        let ids: Vec<_> = reviews.iter().map(|review| review.job_id).collect();
        let people = reviews.iter().flat_map(|review| [review.worker_id, review.qe_id]);
        Ok(Self { jobs: jobs::by_ids(conn, &ids)?, people: users::summaries(conn, people)? })
    }
}

impl ReviewView {
    fn new(review: QualityReview, context: &Context, now: Instant) -> Self {
        let job = context.jobs.iter().find(|job| job.id == review.job_id);
        Self {
            job_number: job.map(|job| job.job_id.clone()),
            worker: context.people.get(&review.worker_id).cloned(),
            qe: context.people.get(&review.qe_id).cloned(),
            is_overdue: review.is_overdue(now),
            review,
        }
    }

    fn changed(tx: &mut Tx<'_>, review: QualityReview) -> persistence::Result<Self> {
        let now = tx.now;
        let context = Context::of(tx.conn(), std::slice::from_ref(&review))?;
        Ok(Self::new(review, &context, now))
    }
}

/// A review with the files its rejection rests on.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewDetail {
    #[serde(flatten)]
    review: ReviewView,
    /// The files.
    evidence_file_ids: Vec<FileId>,
}

async fn list(
    app: App,
    permit: Permit<ReadReviews>,
    query: ListQuery<ReviewFilter>,
) -> Result<Paged<ReviewView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = quality_reviews::list(conn, &caller.user, &filter, page)?;
        let context = Context::of(conn, &page.items)?;
        Ok(page.map(|review| ReviewView::new(review, &context, now)))
    });
    Ok(Paged(page.await?))
}

async fn pending(
    app: App,
    permit: Permit<ReviewQuality>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<ReviewView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (_, page)| {
        let page = quality_reviews::pending(conn, &caller.user, page)?;
        let context = Context::of(conn, &page.items)?;
        Ok(page.map(|review| ReviewView::new(review, &context, now)))
    });
    Ok(Paged(page.await?))
}

async fn overdue(
    app: App,
    permit: Permit<ReadReviews>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<ReviewView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (_, page)| {
        let page = quality_reviews::overdue(conn, &caller.user, now, page)?;
        let context = Context::of(conn, &page.items)?;
        Ok(page.map(|review| ReviewView::new(review, &context, now)))
    });
    Ok(Paged(page.await?))
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<ReviewId>) -> Result<Reply<ReviewDetail>, Problem> {
    let now = app.now();
    let view = app.read(permit, id, move |conn, caller, id| {
        let (review, evidence_file_ids) = quality_reviews::get_visible(conn, &caller.user, id)?;
        let context = Context::of(conn, std::slice::from_ref(&review))?;
        Ok(ReviewDetail { review: ReviewView::new(review, &context, now), evidence_file_ids })
    });
    Ok(Reply::new(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ValidateRejections>,
    body: Body<NewReview>,
) -> Result<Created<ReviewView>, Problem> {
    let view = app.write(permit, body, |tx, _, wanted| {
        let review = quality_reviews::create(tx, &wanted)?;
        ReviewView::changed(tx, review)
    });
    Ok(Created::with(view.await?, "review assigned"))
}

async fn approve(
    app: App,
    permit: Permit<ReviewQuality>,
    id: Path<ReviewId>,
    body: Body<Approval>,
) -> Result<Reply<ReviewView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, approval)| {
        let review = quality_reviews::approve(tx, id, approval)?;
        ReviewView::changed(tx, review)
    });
    Ok(Reply::with(view.await?, "work approved"))
}

async fn reject(
    app: App,
    permit: Permit<ReviewQuality>,
    id: Path<ReviewId>,
    body: Body<Rejection>,
) -> Result<Reply<ReviewView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, rejection)| {
        let review = quality_reviews::reject(tx, id, rejection)?;
        ReviewView::changed(tx, review)
    });
    Ok(Reply::with(view.await?, "work rejected"))
}

async fn validate(
    app: App,
    permit: Permit<ValidateRejections>,
    id: Path<ReviewId>,
    body: Body<Validation>,
) -> Result<Reply<ReviewView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, validation)| {
        let review = quality_reviews::validate(tx, id, validation)?;
        ReviewView::changed(tx, review)
    });
    Ok(Reply::with(view.await?, "rejection decided"))
}
