//! Repair jobs of specialists, and the views and endpoints that both kinds of jobs share.

mod view;

use inspection_auth::permissions::{CancelJobs, ManageJobs, Permission, RepairDefects, SignedIn};
use inspection_domain::{
    ids::JobId,
    jobs::{
        BonusRating, Cancellation, CleaningRating, Completion, IncompleteReason, Intervention, Job,
        JobFilter, JobKind, NewCleaning, PlannedTime, Reassignment, StartJob, TimerCorrection,
    },
    pauses::{ForcedPause, NewPause},
    takeovers::{NewTakeover, Takeover},
    translations::Translated,
    users::UserSummary,
};
use inspection_persistence::{jobs, pauses, takeovers};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use view::{
    EngineerJobDetail, EngineerJobView, JobDetail, JobView, SpecialistJobDetail, SpecialistJobView,
};

use crate::{
    pauses::PauseView,
    related::{References, Related, View, list_views},
    takeovers::TakeoverView,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of repair jobs.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("jobs", "Repair jobs of specialists");
    routes.get(
        "/api/jobs",
        "jobs.list",
        list,
        "List repair jobs, filtered, newest first; inspectors and specialists see their own",
    );
    routes.get(
        "/api/jobs/active",
        "jobs.active",
        active,
        "List the user's repair jobs in progress or paused",
    );
    routes.get(
        "/api/jobs/stalled",
        "jobs.stalled",
        stalled,
        "List jobs of both kinds paused for three days or more",
    );
    routes.get(
        "/api/jobs/pending-planned-time",
        "jobs.unplanned",
        unplanned,
        "List the user's repair jobs without a planned time",
    );
    routes.get("/api/jobs/{id}", "jobs.get", get, "Get a repair job");
    routes.post(
        "/api/jobs/{id}/planned-time",
        "jobs.plan",
        plan::<RepairJobs>,
        "Enter the planned time of a repair job, once; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/jobs/{id}/start",
        "jobs.start",
        start::<RepairJobs>,
        "Start a repair job; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/jobs/{id}/complete",
        "jobs.complete",
        complete::<RepairJobs>,
        "Complete a repair job; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/jobs/{id}/incomplete",
        "jobs.leave",
        leave::<RepairJobs>,
        "Report a repair job as incomplete; its owner, or an admin or engineer on behalf",
    );
    routes.post(
        "/api/jobs/{id}/pause",
        "jobs.pause",
        pause::<RepairJobs>,
        "Request a pause of the user's own repair job",
    );
    routes.get(
        "/api/jobs/{id}/pause-history",
        "jobs.pause_history",
        pause_history::<RepairJobs>,
        "List the pauses of a repair job, latest first",
    );
    routes.post(
        "/api/jobs/{id}/cleaning",
        "jobs.clean",
        clean,
        "Report the cleaning after the user's own repair job",
    );
    routes.post(
        "/api/jobs/{id}/takeover",
        "jobs.take_over",
        take_over::<RepairJobs>,
        "Request the takeover of a stalled repair job",
    );
    routes.post(
        "/api/jobs/{id}/reassign",
        "jobs.reassign",
        reassign,
        "Reassign an unfinished repair job to a specialist",
    );
    routes.post(
        "/api/jobs/{id}/cancel",
        "jobs.cancel",
        cancel::<RepairJobs>,
        "Cancel a repair job before its completion",
    );
    routes.put(
        "/api/jobs/{id}/timer",
        "jobs.correct_timer",
        correct_timer::<RepairJobs>,
        "Correct the timer of a repair job",
    );
    routes.get(
        "/api/jobs/{id}/interventions",
        "jobs.interventions",
        interventions::<RepairJobs>,
        "List what admins and engineers did on a repair job in its owner's place, latest first",
    );
    routes.post(
        "/api/jobs/{id}/admin/force-pause",
        "jobs.force_pause",
        force_pause::<RepairJobs>,
        "Force a pause of a repair job",
    );
    routes.post(
        "/api/jobs/{id}/admin/cleaning-rating",
        "jobs.rate_cleaning",
        rate_cleaning,
        "Rate the cleaning after a repair job, or change the rating",
    );
    routes.post(
        "/api/jobs/{id}/admin/bonus",
        "jobs.reward",
        reward::<RepairJobs>,
        "Award a bonus for a repair job, or change it",
    );
}

/// The kind of jobs that a generic endpoint serves.
pub(crate) trait JobEndpoints: 'static {
    /// The kind.
    const KIND: JobKind;
    /// Permission to request a takeover of such a job.
    type Taker: Permission;
    /// View of such a job.
    type View: View<Job> + Translated + Serialize + ToSchema + Send + 'static;
    /// View with the objects that the job concerns.
    type Detail: JobDetail;
}

/// Repair jobs, done by specialists.
pub(crate) enum RepairJobs {}

impl JobEndpoints for RepairJobs {
    const KIND: JobKind = JobKind::Specialist;
    type Taker = RepairDefects;
    type View = SpecialistJobView;
    type Detail = SpecialistJobDetail;
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<JobFilter>,
) -> Result<Paged<SpecialistJobView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        jobs::repairs(conn, &caller.user, &filter, page)
    })
    .await
}

async fn active(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<SpecialistJobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::active(conn, &caller.user, page)).await
}

async fn unplanned(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<SpecialistJobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::unplanned(conn, &caller.user, page)).await
}

async fn stalled(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::stalled(conn, caller.now, page)).await
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<SpecialistJobDetail>, Problem> {
    let detail = app.read(permit, id, |conn, caller, id| {
        let job = jobs::get_visible(conn, &caller.user, JobKind::Specialist, id)?;
        SpecialistJobDetail::load_versioned(conn, job, caller)
    });
    SpecialistJobDetail::reply(detail.await?)
}

pub(crate) async fn plan<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<PlannedTime>,
) -> Result<Rendered<Reply<K::Detail>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, planned)| {
        let job = jobs::plan(tx, K::KIND, id, &planned)?;
        Ok(Reply::new(K::Detail::load(tx.conn(), job, caller)?))
    })
    .await
}

pub(crate) async fn start<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<StartJob>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, start)| {
        let job = jobs::start(tx, K::KIND, id, start)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "job started"))
    })
    .await
}

pub(crate) async fn complete<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<Completion>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, done)| {
        let job = jobs::complete(tx, K::KIND, id, done)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "job completed"))
    })
    .await
}

pub(crate) async fn leave<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<IncompleteReason>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, reason)| {
        let job = jobs::leave_incomplete(tx, K::KIND, id, reason)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "job left incomplete"))
    })
    .await
}

pub(crate) async fn pause<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewPause>,
) -> Result<Rendered<Created<PauseView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let pause = pauses::request(tx, K::KIND, id, new)?;
        Ok(Created::with(PauseView::one(tx.conn(), pause, caller)?, "pause requested"))
    })
    .await
}

pub(crate) async fn pause_history<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<PauseView>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        let page = pauses::history(conn, &caller.user, K::KIND, id, page)?;
        PauseView::page(conn, page, caller)
    });
    Ok(Paged(page.await?))
}

async fn clean(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewCleaning>,
) -> Result<Rendered<Reply<SpecialistJobDetail>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let (job, _, _) = jobs::clean(tx, id, new)?;
        Ok(Reply::new(SpecialistJobDetail::load(tx.conn(), job, caller)?))
    })
    .await
}

pub(crate) async fn take_over<K: JobEndpoints>(
    app: App,
    permit: Permit<K::Taker>,
    id: Path<JobId>,
    body: Body<NewTakeover>,
) -> Result<Rendered<Created<TakeoverView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let takeover: Takeover = takeovers::request_job(tx, K::KIND, id, new)?;
        Ok(Created::with(TakeoverView::one(tx.conn(), takeover, caller)?, "takeover requested"))
    })
    .await
}

async fn reassign(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<Reassignment>,
) -> Result<Rendered<Reply<SpecialistJobView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let job = jobs::reassign(tx, id, new)?;
        Ok(Reply::with(SpecialistJobView::one(tx.conn(), job, caller)?, "job reassigned"))
    })
    .await
}

pub(crate) async fn cancel<K: JobEndpoints>(
    app: App,
    permit: Permit<CancelJobs>,
    id: Path<JobId>,
    body: Body<Cancellation>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, cancellation)| {
        let job = jobs::cancel(tx, K::KIND, id, cancellation)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "job cancelled"))
    })
    .await
}

pub(crate) async fn correct_timer<K: JobEndpoints>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<TimerCorrection>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, correction)| {
        let job = jobs::correct_timer(tx, K::KIND, id, correction)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "timer corrected"))
    })
    .await
}

inspection_domain::shows!(InterventionView {});

/// A command of an admin or engineer on the job of another user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InterventionView {
    #[serde(flatten)]
    intervention: Intervention,
    /// The acting admin or engineer.
    actor: Option<UserSummary>,
    /// The owner of the job at that time.
    owner: Option<UserSummary>,
}

impl View<Intervention> for InterventionView {
    fn references(intervention: &Intervention, references: &mut References) {
        references.people([Some(intervention.actor_id), Some(intervention.owner_id)]);
    }

    fn new(intervention: Intervention, related: &Related, _: &Caller) -> Self {
        Self {
            actor: related.person(intervention.actor_id),
            owner: related.person(intervention.owner_id),
            intervention,
        }
    }
}

pub(crate) async fn interventions<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<InterventionView>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        let page = jobs::interventions(conn, &caller.user, K::KIND, id, page)?;
        InterventionView::page(conn, page, caller)
    });
    Ok(Paged(page.await?))
}

pub(crate) async fn force_pause<K: JobEndpoints>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<ForcedPause>,
) -> Result<Rendered<Reply<PauseView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, order)| {
        let pause = pauses::force(tx, K::KIND, id, order)?;
        Ok(Reply::with(PauseView::one(tx.conn(), pause, caller)?, "job paused"))
    })
    .await
}

async fn rate_cleaning(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<CleaningRating>,
) -> Result<Rendered<Reply<SpecialistJobDetail>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, rating)| {
        let (job, _) = jobs::rate_cleaning(tx, id, &rating)?;
        Ok(Reply::new(SpecialistJobDetail::load(tx.conn(), job, caller)?))
    })
    .await
}

pub(crate) async fn reward<K: JobEndpoints>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<BonusRating>,
) -> Result<Rendered<Reply<K::View>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, bonus)| {
        let job = jobs::reward(tx, K::KIND, id, &bonus)?;
        Ok(Reply::with(K::View::one(tx.conn(), job, caller)?, "bonus awarded"))
    })
    .await
}
