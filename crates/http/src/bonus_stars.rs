//! Bonus stars.

use std::collections::HashMap;

use inspection_auth::permissions::{AwardBonuses, DecideBonuses, RequestBonuses, SignedIn};
use inspection_domain::{
    bonus_stars::{Bonus, BonusApproval, BonusDenial, BonusFilter, NewBonus},
    ids::{BonusId, UserId},
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, bonus_stars, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path},
    limits::Limit,
    permit::Permit,
    problem::Problem,
    reply::{Created, Paged, Reply},
    routes::Routes,
};

/// Endpoints of bonus stars.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/bonus-stars",
        "bonus_stars.list",
        list,
        "Bonus stars, newest first; all for an admin, else those one got, gave or asked for",
    );
    routes
        .post("/api/bonus-stars", "bonus_stars.award", award, "Give somebody else stars, at once")
        .limit(Limit::Bonuses);
    routes
        .post("/api/bonus-stars/request", "bonus_stars.request", request, "Ask for stars for somebody else")
        .limit(Limit::BonusRequests);
    routes.post(
        "/api/bonus-stars/{id}/approve",
        "bonus_stars.approve",
        approve,
        "Give the stars asked for, or another number of them",
    );
    routes.post("/api/bonus-stars/{id}/deny", "bonus_stars.deny", deny, "Don't give the stars asked for");
}

inspection_domain::shows!(BonusView { bonus });

/// Bonus stars for a reader.
#[derive(Debug, Serialize, ToSchema)]
struct BonusView {
    #[serde(flatten)]
    bonus: Bonus,
    /// Who gets them.
    user: Option<UserSummary>,
    /// Who asked for them.
    requested_by: Option<UserSummary>,
    /// Who gave them, or decided on the request.
    decided_by: Option<UserSummary>,
}

fn people(conn: &mut DbConnection, bonuses: &[Bonus]) -> persistence::Result<HashMap<UserId, UserSummary>> {
    let ids = bonuses.iter().flat_map(|b| [Some(b.user_id), b.requested_by_id, b.decided_by_id]);
    users::summaries(conn, ids.flatten())
}

impl BonusView {
    fn new(bonus: Bonus, people: &HashMap<UserId, UserSummary>) -> Self {
        let person = |id: Option<UserId>| people.get(&id?).cloned();
        Self {
            user: person(Some(bonus.user_id)),
            requested_by: person(bonus.requested_by_id),
            decided_by: person(bonus.decided_by_id),
            bonus,
        }
    }

    fn one(conn: &mut DbConnection, bonus: Bonus) -> persistence::Result<Self> {
        let people = people(conn, std::slice::from_ref(&bonus))?;
        Ok(Self::new(bonus, &people))
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<BonusFilter>,
) -> Result<Paged<BonusView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = bonus_stars::list(conn, &caller.user, &filter, page)?;
        let people = people(conn, &page.items)?;
        Ok(page.map(|bonus| BonusView::new(bonus, &people)))
    });
    Ok(Paged(page.await?))
}

async fn award(
    app: App,
    permit: Permit<AwardBonuses>,
    body: Body<NewBonus>,
) -> Result<Created<BonusView>, Problem> {
    let view = app.write(permit, body, |tx, _, wanted| {
        let bonus = bonus_stars::award(tx, wanted)?;
        BonusView::one(tx.conn(), bonus)
    });
    Ok(Created::with(view.await?, "bonus stars awarded"))
}

async fn request(
    app: App,
    permit: Permit<RequestBonuses>,
    body: Body<NewBonus>,
) -> Result<Created<BonusView>, Problem> {
    let view = app.write(permit, body, |tx, _, wanted| {
        let bonus = bonus_stars::request(tx, wanted)?;
        BonusView::one(tx.conn(), bonus)
    });
    Ok(Created::with(view.await?, "bonus stars requested"))
}

async fn approve(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusApproval>,
) -> Result<Reply<BonusView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, approval)| {
        let bonus = bonus_stars::approve(tx, id, &approval)?;
        BonusView::one(tx.conn(), bonus)
    });
    Ok(Reply::with(view.await?, "bonus stars approved"))
}

async fn deny(
    app: App,
    permit: Permit<DecideBonuses>,
    id: Path<BonusId>,
    body: Body<BonusDenial>,
) -> Result<Reply<BonusView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, denial)| {
        let bonus = bonus_stars::deny(tx, id, denial)?;
        BonusView::one(tx.conn(), bonus)
    });
    Ok(Reply::with(view.await?, "bonus stars denied"))
}
