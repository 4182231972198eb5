//! Engineer jobs.

use inspection_auth::permissions::{EngineerWork, ManageJobs, SignedIn, TakeEngineerJobsOver};
use inspection_domain::{
    ids::JobId,
    jobs::{EngineerJobFilter, EngineerReassignment, JobKind, NewEngineerJob},
};
use inspection_persistence::jobs;

use crate::{
    jobs::{
        EngineerJobDetail, EngineerJobView, JobDetail, JobEndpoints, cancel, complete, correct_timer,
        force_pause, interventions, leave, pause, pause_history, plan, reward, start, take_over,
    },
    related::{View, list_views},
    web::{
        app::App,
        entity_tags::Versioned,
        input::{Body, ListQuery, Path},
        limits::Limit,
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of engineer jobs.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("engineer_jobs", "Jobs of engineers");
    routes.get(
        "/api/engineer-jobs",
        "engineer_jobs.list",
        list,
        "List engineer jobs, filtered, newest first; admins see all, engineers their own",
    );
    routes
        .post(
            "/api/engineer-jobs",
            "engineer_jobs.create",
            create,
            "Create an engineer job; admins for any engineer, engineers for themselves",
        )
        .limit(Limit::EngineerJobs);
    routes.get("/api/engineer-jobs/{id}", "engineer_jobs.get", get, "Get an engineer job");
    routes.post(
        "/api/engineer-jobs/{id}/planned-time",
        "engineer_jobs.plan",
        plan::<EngineerJobs>,
        "Enter the planned time of a job, once; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/engineer-jobs/{id}/start",
        "engineer_jobs.start",
        start::<EngineerJobs>,
        "Start a job; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/engineer-jobs/{id}/complete",
        "engineer_jobs.complete",
        complete::<EngineerJobs>,
        "Complete a job; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/engineer-jobs/{id}/incomplete",
        "engineer_jobs.leave",
        leave::<EngineerJobs>,
        "Report a job as incomplete; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/engineer-jobs/{id}/pause",
        "engineer_jobs.pause",
        pause::<EngineerJobs>,
        "Request a pause of the user's own job",
    );
    routes.get(
        "/api/engineer-jobs/{id}/pause-history",
        "engineer_jobs.pause_history",
        pause_history::<EngineerJobs>,
        "List the pauses of an engineer job, latest first",
    );
    routes.post(
        "/api/engineer-jobs/{id}/takeover",
        "engineer_jobs.take_over",
        take_over::<EngineerJobs>,
        "Request the takeover of a stalled engineer job",
    );
    routes.post(
        "/api/engineer-jobs/{id}/reassign",
        "engineer_jobs.reassign",
        reassign,
        "Reassign an unfinished engineer job to an engineer",
    );
    routes.post(
        "/api/engineer-jobs/{id}/cancel",
        "engineer_jobs.cancel",
        cancel::<EngineerJobs>,
        "Cancel an engineer job before its completion",
    );
    routes.put(
        "/api/engineer-jobs/{id}/timer",
        "engineer_jobs.correct_timer",
        correct_timer::<EngineerJobs>,
        "Correct the timer of an engineer job",
    );
    routes.get(
        "/api/engineer-jobs/{id}/interventions",
        "engineer_jobs.interventions",
        interventions::<EngineerJobs>,
        "List what admins and engineers did on an engineer job in its owner's place, latest first",
    );
    routes.post(
        "/api/engineer-jobs/{id}/admin/force-pause",
        "engineer_jobs.force_pause",
        force_pause::<EngineerJobs>,
        "Force a pause of an engineer job",
    );
    routes.post(
        "/api/engineer-jobs/{id}/admin/bonus",
        "engineer_jobs.reward",
        reward::<EngineerJobs>,
        "Award a bonus for an engineer job, or change it",
    );
}

/// Engineer jobs.
enum EngineerJobs {}

impl JobEndpoints for EngineerJobs {
    const KIND: JobKind = JobKind::Engineer;
    type Taker = TakeEngineerJobsOver;
    type View = EngineerJobView;
    type Detail = EngineerJobDetail;
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<EngineerJobFilter>,
) -> Result<Paged<EngineerJobView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        jobs::engineer_jobs(conn, &caller.user, &filter, page)
    })
    .await
}

async fn create(
    app: App,
    permit: Permit<EngineerWork>,
    body: Body<NewEngineerJob>,
) -> Result<Rendered<Created<EngineerJobView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let job = jobs::create_for_engineer(tx, new)?;
        Ok(Created::with(EngineerJobView::one(tx.conn(), job, caller)?, "engineer job created"))
    })
    .await
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<EngineerJobDetail>, Problem> {
    let detail = app.read(permit, id, |conn, caller, id| {
        let job = jobs::get_visible(conn, &caller.user, JobKind::Engineer, id)?;
        let version = jobs::version(&job, None)?;
        Ok(Versioned { version, view: EngineerJobDetail::load(conn, job, caller)? })
    });
    Ok(Reply::versioned(detail.await?))
}

async fn reassign(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<EngineerReassignment>,
) -> Result<Rendered<Reply<EngineerJobView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let job = jobs::reassign_engineer_job(tx, id, new)?;
        Ok(Reply::with(EngineerJobView::one(tx.conn(), job, caller)?, "job reassigned"))
    })
    .await
}
