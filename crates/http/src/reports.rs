//! Dashboards, analytics and trends.

mod site_numbers;

use std::borrow::Cow;

use inspection_auth::permissions::{AnalyseDefects, AnalysePauses, ReadSiteNumbers, SignedIn};
use inspection_domain::{
    leaves::CapacityFilter,
    reports::{
        AdminStats, Capacity, DashboardTotals, DefectAnalytics, EngineerStats, InspectorStats,
        PauseAnalytics, QualityStats, SpecialistStats,
    },
    trends::{Trend, TrendQuery},
    users::Role,
};
use inspection_persistence::reports;
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{AllOfBuilder, OneOfBuilder, Ref, RefOr, Schema},
};

pub(crate) use self::site_numbers::SiteNumbers;

use crate::web::{
    app::App, extract::State, input::QueryParams, permit::Permit, problem::Problem, reply::Reply,
    routes::Routes,
};

/// Endpoints of reports.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("reports", "Dashboards, analytics and time series");
    routes.get(
        "/api/reports/dashboard",
        "reports.dashboard",
        dashboard,
        "Get the dashboard of the user's role",
    );
    routes.get(
        "/api/reports/admin-dashboard",
        "reports.admin_dashboard",
        admin_dashboard,
        "Get the site-wide numbers",
    );
    routes.get(
        "/api/reports/pause-analytics",
        "reports.pause_analytics",
        pause_analytics,
        "Get the reasons and durations of job pauses",
    );
    routes.get(
        "/api/reports/defect-analytics",
        "reports.defect_analytics",
        defect_analytics,
        "Get the numbers of defects by severity, trade and status",
    );
    routes.get(
        "/api/reports/capacity",
        "reports.capacity",
        capacity,
        "Get the number of people present today, by role and by shift",
    );
    routes.get(
        "/api/reports/trends",
        "reports.trends",
        trends,
        "Get counts for each day, week or month, in site time",
    );
}

inspection_domain::shows!(DashboardView {}, AdminDashboardView {});

/// The numbers of a dashboard, by major role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Stats {
    Admin(Box<AdminStats>),
    Engineer(EngineerStats),
    Inspector(InspectorStats),
    Specialist(SpecialistStats),
    QualityEngineer(QualityStats),
}

/// The numbers of a dashboard.
#[derive(Debug, Serialize)]
struct StatsView {
    #[serde(flatten)]
    totals: DashboardTotals,
    #[serde(flatten)]
    stats: Stats,
}

/// Name of a dashboard's schema for each role, and of the schema of its own numbers.
fn dashboards() -> [(&'static str, Cow<'static, str>); 5] {
    [
        ("AdminDashboard", AdminStats::name()),
        ("EngineerDashboard", EngineerStats::name()),
        ("InspectorDashboard", InspectorStats::name()),
        ("SpecialistDashboard", SpecialistStats::name()),
        ("QualityDashboard", QualityStats::name()),
    ]
}

/// One of several schemas with names: generators of clients don't flatten a union.
impl PartialSchema for StatsView {
    fn schema() -> RefOr<Schema> {
        let of_roles = dashboards().map(|(name, _)| Ref::from_schema_name(name)).into_iter();
        let any = of_roles.fold(OneOfBuilder::new(), OneOfBuilder::item);
        any.description(Some("The numbers of a dashboard.")).into()
    }
}

impl ToSchema for StatsView {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        DashboardTotals::schemas(schemas);
        schemas.push((DashboardTotals::name().into_owned(), DashboardTotals::schema()));
        Stats::schemas(schemas);
        for (name, own) in dashboards() {
            let parts = [DashboardTotals::name(), own].map(Ref::from_schema_name).into_iter();
            let dashboard = parts.fold(AllOfBuilder::new(), AllOfBuilder::item);
            schemas.push((name.to_owned(), dashboard.description(Some("Numbers of a dashboard.")).into()));
        }
    }
}

/// A dashboard.
#[derive(Debug, Serialize, ToSchema)]
struct DashboardView {
    /// The role.
    role: Role,
    /// The numbers.
    stats: StatsView,
}

/// The site-wide numbers.
#[derive(Debug, Serialize, ToSchema)]
struct AdminDashboardView {
    #[serde(flatten)]
    totals: DashboardTotals,
    #[serde(flatten)]
    stats: AdminStats,
}

async fn dashboard(
    app: App,
    permit: Permit<SignedIn>,
    State(site): State<SiteNumbers>,
) -> Result<Reply<DashboardView>, Problem> {
    let context = app.context().clone();
    let view = app.read(permit, (), move |conn, caller, ()| {
        let (user, today) = (&caller.user, caller.today);
        let stats = match user.role {
            Role::Admin => Stats::Admin(Box::new(site.get(conn, &context)?)),
            Role::Engineer => Stats::Engineer(reports::engineer(conn, user, today)?),
            Role::Inspector => Stats::Inspector(reports::inspector(conn, user, today)?),
            Role::Specialist => Stats::Specialist(reports::specialist(conn, user)?),
            Role::QualityEngineer => {
                Stats::QualityEngineer(reports::quality_engineer(conn, user, caller.now)?)
            }
        };
        let totals = match &stats {
            Stats::Admin(stats) => DashboardTotals::of_site(stats),
            _ => reports::totals(conn, user)?,
        };
        Ok(DashboardView { role: user.role, stats: StatsView { totals, stats } })
    });
    Ok(Reply::new(view.await?))
}

async fn admin_dashboard(
    app: App,
    permit: Permit<ReadSiteNumbers>,
    State(site): State<SiteNumbers>,
) -> Result<Reply<AdminDashboardView>, Problem> {
    let context = app.context().clone();
    let numbers = app.report(permit, (), move |conn, _, ()| {
        let stats = site.get(conn, &context)?;
        Ok(AdminDashboardView { totals: DashboardTotals::of_site(&stats), stats })
    });
    Ok(Reply::new(numbers.await?))
}

async fn pause_analytics(app: App, permit: Permit<AnalysePauses>) -> Result<Reply<PauseAnalytics>, Problem> {
    let numbers = app.report(permit, (), |conn, _, ()| reports::pause_analytics(conn));
    Ok(Reply::new(numbers.await?))
}

async fn defect_analytics(
    app: App,
    permit: Permit<AnalyseDefects>,
) -> Result<Reply<DefectAnalytics>, Problem> {
    let numbers = app.report(permit, (), |conn, _, ()| reports::defect_analytics(conn));
    Ok(Reply::new(numbers.await?))
}

async fn capacity(
    app: App,
    permit: Permit<ReadSiteNumbers>,
    query: QueryParams<CapacityFilter>,
) -> Result<Reply<Capacity>, Problem> {
    let numbers =
        app.report(permit, query, |conn, caller, filter| reports::capacity(conn, &filter, caller.today));
    Ok(Reply::new(numbers.await?))
}

async fn trends(
    app: App,
    permit: Permit<AnalyseDefects>,
    query: QueryParams<TrendQuery>,
) -> Result<Reply<Trend>, Problem> {
    let calendar = app.context().calendar.clone();
    let trend = app.report(permit, query, move |conn, caller, query| {
        reports::trend(conn, &query, caller.today, &calendar)
    });
    Ok(Reply::new(trend.await?))
}
