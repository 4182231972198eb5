//! Leaderboards.

use actix_web::{HttpRequest, HttpResponse, Responder};
use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    leaderboards::{LeaderboardFilter, Period, PeriodFilter, Ranking},
    page::PageRequest,
    users::Role,
};
use inspection_persistence::leaderboards;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::ListQuery,
    openapi::{Describe, Operation},
    permit::Permit,
    problem::Problem,
    reply::{Paged, Pagination},
    routes::Routes,
};

/// Endpoints of leaderboards.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/leaderboards",
        "leaderboards.overall",
        overall,
        "Active people by their points, of all roles or of one",
    );
    routes.get(
        "/api/leaderboards/inspectors",
        "leaderboards.inspectors",
        inspectors,
        "Inspectors by the points won as such",
    );
    routes.get(
        "/api/leaderboards/specialists",
        "leaderboards.specialists",
        specialists,
        "Specialists by the points won as such",
    );
    routes.get(
        "/api/leaderboards/engineers",
        "leaderboards.engineers",
        engineers,
        "Engineers by the points won as such",
    );
    routes.get(
        "/api/leaderboards/quality-engineers",
        "leaderboards.quality_engineers",
        quality_engineers,
        "Quality engineers by the points won as such",
    );
}

inspection_domain::shows!(BoardBody {});

/// A leaderboard.
#[derive(Debug, Serialize, ToSchema)]
struct BoardView {
    /// The role it is of; nothing if of all.
    role_filter: Option<Role>,
    /// Which points count.
    period: Period,
    /// The places of this page.
    rankings: Vec<Ranking>,
    /// People on all pages.
    total: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct BoardBody {
    /// Always `success`.
    status: &'static str,
    /// The leaderboard.
    data: BoardView,
    /// Where in the leaderboard the page is.
    pagination: Pagination,
}

impl Responder for BoardBody {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self)
    }
}

impl Describe for BoardBody {
    fn describe(operation: &mut Operation) {
        let body = operation.schema::<Self>();
        operation.bare(200, body);
    }
}

async fn board<I>(
    app: App,
    permit: Permit<SignedIn>,
    query: I,
    filter: impl FnOnce(I::Out) -> (LeaderboardFilter, PageRequest) + Send + 'static,
) -> Result<BoardBody, Problem>
where
    I: crate::web::input::Validate + Send + 'static,
{
    let context = app.context().clone();
    let body = app.read(permit, query, move |conn, _, asked| {
        let (filter, page) = filter(asked);
        let page = leaderboards::board(conn, &filter, context.today(), &context.calendar, page)?;
        Ok(BoardBody {
            status: "success",
            pagination: Paged::pagination(&page),
            data: BoardView {
                role_filter: filter.role,
                period: filter.period.unwrap_or(Period::AllTime),
                rankings: page.items,
                total: page.total,
            },
        })
    });
    body.await
}

async fn of_role(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
    role: Role,
) -> Result<BoardBody, Problem> {
    board(app, permit, query, move |(PeriodFilter { period }, page)| {
        (LeaderboardFilter { role: Some(role), period }, page)
    })
    .await
}

async fn overall(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<LeaderboardFilter>,
) -> Result<BoardBody, Problem> {
    board(app, permit, query, |asked| asked).await
}

async fn inspectors(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<BoardBody, Problem> {
    of_role(app, permit, query, Role::Inspector).await
}

async fn specialists(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<BoardBody, Problem> {
    of_role(app, permit, query, Role::Specialist).await
}

async fn engineers(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<BoardBody, Problem> {
    of_role(app, permit, query, Role::Engineer).await
}

async fn quality_engineers(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<BoardBody, Problem> {
    of_role(app, permit, query, Role::QualityEngineer).await
}
