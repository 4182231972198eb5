//! Leaderboards.

use actix_web::{HttpRequest, HttpResponse, Responder};
use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    leaderboards::{LeaderboardFilter, Period, PeriodFilter, Ranking},
    page::Page,
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
    reply::{Bare, Paged, Pagination},
    routes::Routes,
};

/// Endpoints of leaderboards.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("leaderboards", "Rankings of users by points");
    routes.get(
        "/api/leaderboards",
        "leaderboards.overall",
        overall,
        "Rank active users by points, of all roles or one",
    );
    routes.get(
        "/api/leaderboards/inspectors",
        "leaderboards.inspectors",
        inspectors,
        "Rank inspectors by the points earned in this role",
    );
    routes.get(
        "/api/leaderboards/specialists",
        "leaderboards.specialists",
        specialists,
        "Rank specialists by the points earned in this role",
    );
    routes.get(
        "/api/leaderboards/engineers",
        "leaderboards.engineers",
        engineers,
        "Rank engineers by the points earned in this role",
    );
    routes.get(
        "/api/leaderboards/quality-engineers",
        "leaderboards.quality_engineers",
        quality_engineers,
        "Rank quality engineers by the points earned in this role",
    );
}

inspection_domain::shows!(Board {});

/// A page of a leaderboard.
#[derive(Debug)]
struct Board {
    filter: LeaderboardFilter,
    page: Page<Ranking>,
}

/// A leaderboard.
#[derive(Debug, Serialize, ToSchema)]
struct BoardView {
    /// The ranked role; none for all roles.
    role_filter: Option<Role>,
    /// The counted period.
    period: Period,
    /// The ranks on this page.
    rankings: Vec<Ranking>,
    /// Number of users on all pages.
    total: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct BoardBody {
    /// Always `success`.
    status: &'static str,
    /// The leaderboard.
    data: BoardView,
    /// Position of the page in the leaderboard.
    pagination: Pagination,
}

impl Responder for Board {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Self { filter, page } = self;
        let body = BoardBody {
            status: "success",
            pagination: Pagination::new(request, &page),
            data: BoardView {
                role_filter: filter.role,
                period: filter.period.unwrap_or(Period::AllTime),
                rankings: page.items,
                total: page.total,
            },
        };
        Bare(body).respond_to(request)
    }
}

impl Describe for Board {
    fn describe(operation: &mut Operation) {
        operation.bare_read::<BoardBody>();
    }
}

async fn of_role(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
    role: Role,
) -> Result<Paged<Ranking>, Problem> {
    let calendar = app.context().calendar.clone();
    let page = app.report(permit, query, move |conn, caller, (PeriodFilter { period }, page)| {
        let filter = LeaderboardFilter { role: Some(role), period };
        leaderboards::board(conn, &filter, caller.today, &calendar, page)
    });
    Ok(Paged(page.await?))
}

async fn overall(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<LeaderboardFilter>,
) -> Result<Board, Problem> {
    let calendar = app.context().calendar.clone();
    let board = app.report(permit, query, move |conn, caller, (filter, page)| {
        let page = leaderboards::board(conn, &filter, caller.today, &calendar, page)?;
        Ok(Board { filter, page })
    });
    board.await
}

async fn inspectors(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<Paged<Ranking>, Problem> {
    of_role(app, permit, query, Role::Inspector).await
}

async fn specialists(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<Paged<Ranking>, Problem> {
    of_role(app, permit, query, Role::Specialist).await
}

async fn engineers(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<Paged<Ranking>, Problem> {
    of_role(app, permit, query, Role::Engineer).await
}

async fn quality_engineers(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<PeriodFilter>,
) -> Result<Paged<Ranking>, Problem> {
    of_role(app, permit, query, Role::QualityEngineer).await
}
