//! Bonus stars.

use inspection_auth::permissions::{AwardBonuses, DecideBonuses, RequestBonuses, SignedIn};
use inspection_domain::{
    bonus_stars::{Bonus, BonusApproval, BonusDenial, BonusFilter, BonusStatus, NewBonus},
    ids::{BonusId, JobId, UserId},
    jobs::JobKind,
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::bonus_stars;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path},
        limits::Limit,
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of bonus stars.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("bonus_stars", "Bonus stars: awarded, or requested and approved");
    routes.get(
        "/api/bonus-stars",
        "bonus_stars.list",
        list,
        "List bonus stars, newest first; admins see all, others those received, awarded or requested",
    );
    routes
        .post("/api/bonus-stars", "bonus_stars.award", award, "Award bonus stars to another user")
        .limit(Limit::Bonuses);
    routes
        .post(
            "/api/bonus-stars/request",
            "bonus_stars.request",
            request,
            "Request bonus stars for another user",
        )
        .limit(Limit::BonusRequests);
    routes.post(
        "/api/bonus-stars/{id}/approve",
        "bonus_stars.approve",
        approve,
        "Approve requested bonus stars, or a different number",
    );
    routes.post("/api/bonus-stars/{id}/deny", "bonus_stars.deny", deny, "Deny requested bonus stars");
}

inspection_domain::translated!(BonusView, "bonus_star", { reason, deny_reason });

/// Bonus stars, awarded or requested.
#[derive(Debug, Serialize, ToSchema)]
struct BonusView {
    /// Primary key.
    id: BonusId,
    /// Recipient.
    user_id: UserId,
    /// The recipient.
    user: Option<UserSummary>,
    /// Number awarded or requested, 1 to 10.
    amount: i64,
    /// Number requested; null if awarded without a request.
    requested_amount: Option<i64>,
    /// Reason.
    reason: String,
    /// Kind of the related job.
    related_job_type: Option<JobKind>,
    /// Related job.
    related_job_id: Option<JobId>,
    /// Whether a quality engineer requested them.
    is_qe_request: bool,
    /// Status of the request; null if awarded without a request.
    request_status: Option<BonusStatus>,
    /// The requesting quality engineer.
    requester: Option<UserSummary>,
    /// User that awarded them; null until a request is approved.
    awarded_by: Option<UserId>,
    /// The awarding user.
    awarder: Option<UserSummary>,
    /// Time of the award, or of the request unless it is approved.
    awarded_at: Instant,
    /// Reason for the denial.
    deny_reason: Option<String>,
    /// Time of the award without a request, or of the request.
    created_at: Instant,
}

impl View<Bonus> for BonusView {
    fn references(bonus: &Bonus, references: &mut References) {
        references.people([Some(bonus.user_id), bonus.requested_by_id, bonus.awarded_by()]);
    }

    fn new(bonus: Bonus, related: &Related, _: &Caller) -> Self {
        Self {
            id: bonus.id,
            user_id: bonus.user_id,
            user: related.person(bonus.user_id),
            amount: bonus.amount,
            requested_amount: bonus.requested_amount,
            related_job_type: bonus.related_job_type,
            related_job_id: bonus.related_job_id,
            is_qe_request: bonus.requested_by_id.is_some(),
            request_status: bonus.request_status(),
            requester: related.person(bonus.requested_by_id),
            awarded_by: bonus.awarded_by(),
            awarder: related.person(bonus.awarded_by()),
            awarded_at: bonus.awarded_at(),
            created_at: bonus.created_at,
            reason: bonus.reason,
            deny_reason: bonus.deny_reason,
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<BonusFilter>,
) -> Result<Paged<BonusView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        bonus_stars::list(conn, &caller.user, &filter, page)
    })
    .await
}

async fn award(
    app: App,
    permit: Permit<AwardBonuses>,
    body: Body<NewBonus>,
) -> Result<Rendered<Created<BonusView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let bonus = bonus_stars::award(tx, new)?;
        Ok(Created::with(BonusView::one(tx.conn(), bonus, caller)?, "bonus stars awarded"))
    })
    .await
}

async fn request(
    app: App,
    permit: Permit<RequestBonuses>,
    body: Body<NewBonus>,
) -> Result<Rendered<Created<BonusView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let bonus = bonus_stars::request(tx, new)?;
        Ok(Created::with(BonusView::one(tx.conn(), bonus, caller)?, "bonus stars requested"))
    })
    .await
}

async fn approve(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusApproval>,
) -> Result<Rendered<Reply<BonusView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, approval)| {
        let bonus = bonus_stars::approve(tx, id, &approval)?;
        Ok(Reply::with(BonusView::one(tx.conn(), bonus, caller)?, "bonus stars approved"))
    })
    .await
}

async fn deny(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusDenial>,
) -> Result<Rendered<Reply<BonusView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, denial)| {
        let bonus = bonus_stars::deny(tx, id, denial)?;
        Ok(Reply::with(BonusView::one(tx.conn(), bonus, caller)?, "bonus stars denied"))
    })
    .await
}
