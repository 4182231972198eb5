//! Jobs of engineers.

use inspection_auth::permissions::{EngineerWork, SignedIn, TakeEngineerJobsOver};
use inspection_domain::jobs::{EngineerJobFilter, JobKind, NewEngineerJob};
use inspection_persistence::jobs as work;

use crate::{
    jobs::{self, JobView, Kind, views},
    web::{
        app::App,
        input::{Body, ListQuery},
        limits::Limit,
        permit::Permit,
        problem::Problem,
        reply::{Created, Paged},
        routes::Routes,
    },
};

/// Endpoints of engineers' jobs.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/engineer-jobs",
        "engineer_jobs.list",
        list,
        "Engineers' jobs, filtered, newest first; all for an admin, else one's own",
    );
    routes
        .post(
            "/api/engineer-jobs",
            "engineer_jobs.create",
            create,
            "Make a job: an admin for any engineer, an engineer for themself",
        )
        .limit(Limit::EngineerJobs);
    routes.get(
        "/api/engineer-jobs/{id}",
        "engineer_jobs.get",
        jobs::get::<EngineerJobs>,
        "One engineer's job",
    );
    routes.post(
        "/api/engineer-jobs/{id}/planned-time",
        "engineer_jobs.plan",
        jobs::plan::<EngineerJobs>,
        "Enter the planned time of one's own job, once",
    );
    routes.post(
        "/api/engineer-jobs/{id}/start",
        "engineer_jobs.start",
        jobs::start::<EngineerJobs>,
        "Begin one's own job",
    );
    routes.post(
        "/api/engineer-jobs/{id}/complete",
        "engineer_jobs.complete",
        jobs::complete::<EngineerJobs>,
        "Finish one's own job; it goes to review",
    );
    routes.post(
        "/api/engineer-jobs/{id}/incomplete",
        "engineer_jobs.leave",
        jobs::leave::<EngineerJobs>,
        "Leave one's own job undone",
    );
    routes.post(
        "/api/engineer-jobs/{id}/pause",
        "engineer_jobs.pause",
        jobs::pause::<EngineerJobs>,
        "Ask for a pause of one's own job",
    );
    routes.get(
        "/api/engineer-jobs/{id}/pause-history",
        "engineer_jobs.pause_history",
        jobs::pause_history::<EngineerJobs>,
        "The pauses of a job, the latest first",
    );
    routes.post(
        "/api/engineer-jobs/{id}/takeover",
        "engineer_jobs.take_over",
        jobs::take_over::<EngineerJobs>,
        "Queue up to take a stalled job over",
    );
    routes.post(
        "/api/engineer-jobs/{id}/admin/force-pause",
        "engineer_jobs.force_pause",
        jobs::force_pause::<EngineerJobs>,
        "Pause an engineer's job",
    );
    routes.post(
        "/api/engineer-jobs/{id}/admin/bonus",
        "engineer_jobs.reward",
        jobs::reward::<EngineerJobs>,
        "Give a bonus for a job, or another one",
    );
}

/// Jobs of engineers.
enum EngineerJobs {}

impl Kind for EngineerJobs {
    const KIND: JobKind = JobKind::Engineer;
    type Taker = TakeEngineerJobsOver;
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<EngineerJobFilter>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = work::engineer_jobs(conn, &caller.user, &filter, page)?;
        views(conn, page, caller, now)
    });
    Ok(Paged(page.await?))
}

async fn create(
    app: App,
    permit: Permit<EngineerWork>,
    body: Body<NewEngineerJob>,
) -> Result<Created<JobView>, Problem> {
    let view = app.write(permit, body, |tx, caller, wanted| {
        let job = work::create_for_engineer(tx, wanted)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Created::with(view.await?, "engineer job created"))
}
