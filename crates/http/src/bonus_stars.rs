//! Bonus stars.

use inspection_auth::permissions::{AwardBonuses, DecideBonuses, RequestBonuses, SignedIn};
use inspection_domain::{
    bonus_stars::{Bonus, BonusApproval, BonusDenial, BonusFilter, NewBonus},
    ids::BonusId,
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
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of bonus stars.
pub(crate) fn routes(routes: &mut Routes) {
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

inspection_domain::shows!(BonusView { bonus });

/// Bonus stars.
#[derive(Debug, Serialize, ToSchema)]
struct BonusView {
    #[serde(flatten)]
    bonus: Bonus,
    /// The recipient.
    user: Option<UserSummary>,
    /// The requesting user.
    requested_by: Option<UserSummary>,
    /// The user who awarded them or decided on the request.
    decided_by: Option<UserSummary>,
}

impl View<Bonus> for BonusView {
    fn references(bonus: &Bonus, references: &mut References) {
        references.people([Some(bonus.user_id), bonus.requested_by_id, bonus.decided_by_id]);
    }

    fn new(bonus: Bonus, related: &Related, _: &Caller) -> Self {
        Self {
            user: related.person(bonus.user_id),
            requested_by: related.person(bonus.requested_by_id),
            decided_by: related.person(bonus.decided_by_id),
            bonus,
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
) -> Result<Created<BonusView>, Problem> {
    let view = app.write(permit, body, |tx, caller, new| {
        let bonus = bonus_stars::award(tx, new)?;
        BonusView::one(tx.conn(), bonus, caller)
    });
    Ok(Created::with(view.await?, "bonus stars awarded"))
}

async fn request(
    app: App,
    permit: Permit<RequestBonuses>,
    body: Body<NewBonus>,
) -> Result<Created<BonusView>, Problem> {
    let view = app.write(permit, body, |tx, caller, new| {
        let bonus = bonus_stars::request(tx, new)?;
        BonusView::one(tx.conn(), bonus, caller)
    });
    Ok(Created::with(view.await?, "bonus stars requested"))
}

async fn approve(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusApproval>,
) -> Result<Reply<BonusView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, approval)| {
        let bonus = bonus_stars::approve(tx, id, &approval)?;
        BonusView::one(tx.conn(), bonus, caller)
    });
    Ok(Reply::with(view.await?, "bonus stars approved"))
}

async fn deny(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusDenial>,
) -> Result<Reply<BonusView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, denial)| {
        let bonus = bonus_stars::deny(tx, id, denial)?;
        BonusView::one(tx.conn(), bonus, caller)
    });
    Ok(Reply::with(view.await?, "bonus stars denied"))
}
