//! Dashboards, analytics and trends.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

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
use inspection_persistence::{Context, DbConnection, Result as Stored, reports};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    extract::{Options, Permit},
    problem::Problem,
    reply::Reply,
    routes::Routes,
};

/// Endpoints of reports.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/reports/dashboard", dashboard, "The numbers that matter to one's own role");
    routes.get("/api/reports/admin-dashboard", admin_dashboard, "The numbers of the whole site");
    routes.get("/api/reports/pause-analytics", pause_analytics, "Why jobs are paused, and for how long");
    routes.get("/api/reports/defect-analytics", defect_analytics, "Defects by severity, trade and status");
    routes.get("/api/reports/capacity", capacity, "How many people are there today, by role and by shift");
    routes.get("/api/reports/trends", trends, "How many in each day, week or month, site time");
}

inspection_domain::shows!(DashboardView {});

/// The numbers of the whole site, for a moment: they are counted over all there ever was, and many look at them.
#[derive(Debug, Clone)]
pub(crate) struct SiteNumbers {
    /// How old they may be.
    age: Duration,
    last: Arc<Mutex<Option<(Instant, AdminStats)>>>,
    /// Whether somebody is counting.
    is_counting: Arc<AtomicBool>,
}

/// Somebody who counts; others may when they are done, or have failed.
struct Counting<'n>(&'n AtomicBool);

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl SiteNumbers {
    pub(crate) fn new(age: Duration) -> Self {
        Self { age, last: Arc::default(), is_counting: Arc::default() }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Instant, AdminStats)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers: those of a moment ago, if somebody is counting them anew just now.
    fn of(&self, conn: &mut DbConnection, context: &Context) -> Stored<AdminStats> {
        let count = |conn| reports::admin(conn, context.today(), &context.calendar);
        if self.age.is_zero() {
            return count(conn);
        }
        let known = self.last().clone();
        if let Some((at, numbers)) = &known
            && at.elapsed() < self.age
        {
            return Ok(numbers.clone());
        }
        let is_alone = !self.is_counting.swap(true, Ordering::Acquire);
        let counting = is_alone.then(|| Counting(&self.is_counting));
        match known {
            Some((_, numbers)) if counting.is_none() => Ok(numbers),
            _ => {
                // As old as the question, not as the answer.
                let asked = Instant::now();
                let numbers = count(conn)?;
                *self.last() = Some((asked, numbers.clone()));
                Ok(numbers)
            }
        }
    }
}

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

async fn dashboard(app: App, permit: Permit<SignedIn>) -> Result<Reply<DashboardView>, Problem> {
    let (context, calendar) = (app.context().clone(), app.site_numbers().clone());
    let view = app.read(permit, (), move |conn, caller, ()| {
        let (user, today) = (&caller.user, context.today());
        let stats = match user.role {
            Role::Admin => Stats::Admin(Box::new(calendar.of(conn, &context)?)),
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

async fn admin_dashboard(app: App, permit: Permit<ReadSiteNumbers>) -> Result<Reply<AdminStats>, Problem> {
    let (context, calendar) = (app.context().clone(), app.site_numbers().clone());
    let numbers = app.read(permit, (), move |conn, _, ()| calendar.of(conn, &context));
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
    query: Options<CapacityFilter>,
) -> Result<Reply<Capacity>, Problem> {
    let numbers = app.read(permit, query, |conn, _, filter| reports::capacity(conn, &filter));
    Ok(Reply::new(numbers.await?))
}

async fn trends(
    app: App,
    permit: Permit<AnalyseDefects>,
    query: Options<TrendQuery>,
) -> Result<Reply<Trend>, Problem> {
    let context = app.context().clone();
    let trend = app.read(permit, query, move |conn, _, query| {
        reports::trend(conn, &query, context.today(), &context.calendar)
    });
    Ok(Reply::new(trend.await?))
}
