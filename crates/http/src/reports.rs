//! Dashboards, analytics and trends.

mod site_numbers;

use inspection_auth::permissions::{AnalyseDefects, AnalysePauses, ReadSiteNumbers, SignedIn};
use inspection_domain::{
    leaves::CapacityFilter,
    reports::{
        AdminStats, Capacity, DefectAnalytics, EngineerStats, InspectorStats, PauseAnalytics, QualityStats,
        SpecialistStats,
    },
    trends::{Trend, TrendQuery},
    users::Role,
};
use inspection_persistence::reports;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::site_numbers::SiteNumbers;

use crate::web::{
    app::App, extract::State, input::QueryParams, permit::Permit, problem::Problem, reply::Reply,
    routes::Routes,
};

/// Endpoints of reports.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/reports/dashboard",
        "reports.dashboard",
        dashboard,
        "The numbers that matter to one's own role",
    );
    routes.get(
        "/api/reports/admin-dashboard",
        "reports.admin_dashboard",
        admin_dashboard,
        "The numbers of the whole site",
    );
    routes.get(
        "/api/reports/pause-analytics",
        "reports.pause_analytics",
        pause_analytics,
        "Why jobs are paused, and for how long",
    );
    routes.get(
        "/api/reports/defect-analytics",
        "reports.defect_analytics",
        defect_analytics,
        "Defects by severity, trade and status",
    );
    routes.get(
        "/api/reports/capacity",
        "reports.capacity",
        capacity,
        "How many people are there today, by role and by shift",
    );
    routes.get(
        "/api/reports/trends",
        "reports.trends",
        trends,
        "How many in each day, week or month, site time",
    );
}

inspection_domain::shows!(DashboardView {});

/// What somebody sees, by their major role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Stats {
    Admin(Box<AdminStats>),
    Engineer(EngineerStats),
    Inspector(InspectorStats),
    Specialist(SpecialistStats),
    QualityEngineer(QualityStats),
}

/// The numbers that matter to a role.
#[derive(Debug, Serialize, ToSchema)]
struct DashboardView {
    /// The role.
    role: Role,
    /// The numbers.
    stats: Stats,
}

async fn dashboard(
    app: App,
    permit: Permit<SignedIn>,
    State(site): State<SiteNumbers>,
) -> Result<Reply<DashboardView>, Problem> {
    let context = app.context().clone();
    let view = app.read(permit, (), move |conn, caller, ()| {
        let (user, today) = (&caller.user, context.today());
        let stats = match user.role {
            Role::Admin => Stats::Admin(Box::new(site.get(conn, &context)?)),
            Role::Engineer => Stats::Engineer(reports::engineer(conn, user, today)?),
            Role::Inspector => Stats::Inspector(reports::inspector(conn, user, today)?),
            Role::Specialist => Stats::Specialist(reports::specialist(conn, user)?),
            Role::QualityEngineer => {
                Stats::QualityEngineer(reports::quality_engineer(conn, user, context.clock.now())?)
            }
        };
        Ok(DashboardView { role: user.role, stats })
    });
    Ok(Reply::new(view.await?))
}

async fn admin_dashboard(
    app: App,
    permit: Permit<ReadSiteNumbers>,
    State(site): State<SiteNumbers>,
) -> Result<Reply<AdminStats>, Problem> {
    let context = app.context().clone();
    let numbers = app.read(permit, (), move |conn, _, ()| site.get(conn, &context));
    Ok(Reply::new(numbers.await?))
}

async fn pause_analytics(app: App, permit: Permit<AnalysePauses>) -> Result<Reply<PauseAnalytics>, Problem> {
    let numbers = app.read(permit, (), |conn, _, ()| reports::pause_analytics(conn));
    Ok(Reply::new(numbers.await?))
}

async fn defect_analytics(
    app: App,
    permit: Permit<AnalyseDefects>,
) -> Result<Reply<DefectAnalytics>, Problem> {
    let numbers = app.read(permit, (), |conn, _, ()| reports::defect_analytics(conn));
    Ok(Reply::new(numbers.await?))
}

async fn capacity(
    app: App,
    permit: Permit<ReadSiteNumbers>,
    query: QueryParams<CapacityFilter>,
) -> Result<Reply<Capacity>, Problem> {
    let numbers = app.read(permit, query, |conn, _, filter| reports::capacity(conn, &filter));
    Ok(Reply::new(numbers.await?))
}

async fn trends(
    app: App,
    permit: Permit<AnalyseDefects>,
    query: QueryParams<TrendQuery>,
) -> Result<Reply<Trend>, Problem> {
    let context = app.context().clone();
    let trend = app.read(permit, query, move |conn, _, query| {
        reports::trend(conn, &query, context.today(), &context.calendar)
    });
    Ok(Reply::new(trend.await?))
}
