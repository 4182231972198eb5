//! Jobs of engineers.

use inspection_auth::permissions::{EngineerWork, ManageJobs, SignedIn};
use inspection_domain::{
    ids::JobId,
    jobs::{
        BonusRating, Completion, EngineerJobFilter, IncompleteReason, JobKind, NewEngineerJob, PlannedTime,
    },
    pauses::{ForcedPause, NewPause, Pause},
    takeovers::NewTakeover,
};
use inspection_persistence::{jobs, pauses, takeovers};

use crate::{
    app::App,
    extract::{Body, Path, Permit, Query, Unfiltered},
    jobs::{JobDetail, JobView, Seen, views},
    limits::Limit,
    problem::Problem,
    reply::{Created, Paged, Reply},
    routes::Routes,
    takeovers::TakeoverView,
};

/// Endpoints of engineers' jobs.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/engineer-jobs",
        list,
        "Engineers' jobs, filtered, newest first; all for an admin, else one's own",
    );
    routes.post(
        "/api/engineer-jobs",
        create,
        "Make a job: an admin for any engineer, an engineer for themself",
    );
    routes.limit("/api/engineer-jobs", Limit::EngineerJobs);
    routes.get("/api/engineer-jobs/{id}", get, "One engineer's job");
    routes.post(
        "/api/engineer-jobs/{id}/planned-time",
        plan,
        "Enter the planned time of one's own job, once",
    );
    routes.post("/api/engineer-jobs/{id}/start", start, "Begin one's own job");
    routes.post("/api/engineer-jobs/{id}/complete", complete, "Finish one's own job; it goes to review");
    routes.post("/api/engineer-jobs/{id}/incomplete", leave, "Leave one's own job undone");
    routes.post("/api/engineer-jobs/{id}/pause", pause, "Ask for a pause of one's own job");
    routes.get(
        "/api/engineer-jobs/{id}/pause-history",
        pause_history,
        "The pauses of a job, the latest first",
    );
    routes.post("/api/engineer-jobs/{id}/takeover", take_over, "Queue up to take a stalled job over");
    routes.post("/api/engineer-jobs/{id}/admin/force-pause", force_pause, "Pause an engineer's job");
    routes.post("/api/engineer-jobs/{id}/admin/bonus", reward, "Give a bonus for a job, or another one");
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: Query<EngineerJobFilter>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = jobs::of_engineers(conn, &caller.user, &filter, page)?;
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
        let job = jobs::create_for_engineer(tx, wanted)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Created::with(view.await?, "engineer job created"))
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<JobId>) -> Result<Reply<JobDetail>, Problem> {
    let now = app.now();
    let seen = app.read(permit, id, move |conn, caller, id| {
        let job = jobs::get(conn, &caller.user, JobKind::Engineer, id)?;
        Seen::of(conn, job, caller, now)
    });
    seen.await?.reply()
}

async fn plan(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<PlannedTime>,
) -> Result<Reply<JobDetail>, Problem> {
    let seen = app.write(permit, (id, body), |tx, caller, (id, planned)| {
        let job = jobs::plan(tx, JobKind::Engineer, id, &planned)?;
        let now = tx.now;
        Seen::of(tx.conn(), job, caller, now)
    });
    seen.await?.reply()
}

async fn start(app: App, permit: Permit<SignedIn>, id: Path<JobId>) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let job = jobs::start(tx, JobKind::Engineer, id)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job started"))
}

async fn complete(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<Completion>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, done)| {
        let job = jobs::complete(tx, JobKind::Engineer, id, done)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job completed"))
}

async fn leave(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<IncompleteReason>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, reason)| {
        let job = jobs::leave_incomplete(tx, JobKind::Engineer, id, reason)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job left incomplete"))
}

async fn pause(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewPause>,
) -> Result<Created<Pause>, Problem> {
    let pause = app
        .write(permit, (id, body), |tx, _, (id, wanted)| pauses::request(tx, JobKind::Engineer, id, wanted));
    Ok(Created::with(pause.await?, "pause requested"))
}

async fn pause_history(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    query: Query<Unfiltered>,
) -> Result<Paged<Pause>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        pauses::history(conn, &caller.user, JobKind::Engineer, id, page)
    });
    Ok(Paged(page.await?))
}

async fn take_over(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewTakeover>,
) -> Result<Created<TakeoverView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, wanted)| {
        let takeover = takeovers::request_job(tx, JobKind::Engineer, id, wanted)?;
        TakeoverView::one(tx.conn(), takeover)
    });
    Ok(Created::with(view.await?, "takeover requested"))
}

async fn force_pause(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<ForcedPause>,
) -> Result<Reply<Pause>, Problem> {
    let pause =
        app.write(permit, (id, body), |tx, _, (id, order)| pauses::force(tx, JobKind::Engineer, id, order));
    Ok(Reply::with(pause.await?, "job paused"))
}

async fn reward(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<BonusRating>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, bonus)| {
        let job = jobs::reward(tx, JobKind::Engineer, id, &bonus)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "bonus given"))
}
