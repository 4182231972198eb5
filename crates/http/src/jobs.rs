//! Repairs by specialists; and how jobs of both kinds are shown.

use inspection_auth::permissions::{ManageJobs, Permission, RepairDefects, SignedIn};
use inspection_domain::{
    defects::Defect,
    ids::{FileId, JobId, UserId},
    jobs::{
        BonusRating, Cleaning, CleaningRating, Completion, IncompleteReason, Job, JobFilter, JobKind,
        JobRule, NewCleaning, PlannedTime, Reassignment,
    },
    pauses::{ForcedPause, NewPause, Pause},
    rule::Rule,
    takeovers::{NewTakeover, Takeover},
    time::Instant,
    translations::{Slot, Translated},
    users::{User, UserSummary},
};
use inspection_persistence::{self as persistence, DbConnection, Tx, defects, jobs, pauses, takeovers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::{EquipmentView, Related},
    takeovers::TakeoverView,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of repairs.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/jobs",
        "jobs.list",
        list,
        "Repairs, filtered, newest first; one's own for inspectors and specialists",
    );
    routes.get("/api/jobs/active", "jobs.active", active, "One's own repairs that are under way, or paused");
    routes.get(
        "/api/jobs/stalled",
        "jobs.stalled",
        stalled,
        "Jobs of both kinds that have been paused for three days or more",
    );
    routes.get(
        "/api/jobs/pending-planned-time",
        "jobs.unplanned",
        unplanned,
        "One's own repairs that want a planned time",
    );
    routes.get("/api/jobs/{id}", "jobs.get", get::<Jobs>, "One repair");
    routes.post(
        "/api/jobs/{id}/planned-time",
        "jobs.plan",
        plan::<Jobs>,
        "Enter the planned time of one's own repair, once",
    );
    routes.post("/api/jobs/{id}/start", "jobs.start", start::<Jobs>, "Begin one's own repair");
    routes.post(
        "/api/jobs/{id}/complete",
        "jobs.complete",
        complete::<Jobs>,
        "Finish one's own repair; it goes to review",
    );
    routes.post("/api/jobs/{id}/incomplete", "jobs.leave", leave::<Jobs>, "Leave one's own repair undone");
    routes.post("/api/jobs/{id}/pause", "jobs.pause", pause::<Jobs>, "Ask for a pause of one's own repair");
    routes.get(
        "/api/jobs/{id}/pause-history",
        "jobs.pause_history",
        pause_history::<Jobs>,
        "The pauses of a repair, the latest first",
    );
    routes.post(
        "/api/jobs/{id}/cleaning",
        "jobs.clean",
        clean,
        "Tell how the place of one's own repair was left",
    );
    routes.post(
        "/api/jobs/{id}/takeover",
        "jobs.take_over",
        take_over::<Jobs>,
        "Queue up to take a stalled repair over",
    );
    routes.post(
        "/api/jobs/{id}/reassign",
        "jobs.reassign",
        reassign,
        "Give a repair that was left undone to a specialist",
    );
    routes.post(
        "/api/jobs/{id}/admin/force-pause",
        "jobs.force_pause",
        force_pause::<Jobs>,
        "Pause a repair",
    );
    routes.post(
        "/api/jobs/{id}/admin/cleaning-rating",
        "jobs.rate_cleaning",
        rate_cleaning,
        "Rate how the place of a repair was left, or rate it again",
    );
    routes.post(
        "/api/jobs/{id}/admin/bonus",
        "jobs.reward",
        reward::<Jobs>,
        "Give a bonus for a repair, or another one",
    );
}

inspection_domain::shows!(OpenJob { job }, JobDetail { job, equipment, defect });

/// One of the two kinds of job, whose endpoints are the same.
pub(crate) trait Kind: 'static {
    /// The kind.
    const KIND: JobKind;
    /// What those need who take such a job over.
    type Taker: Permission;
}

/// Repairs by specialists.
pub(crate) enum Jobs {}

impl Kind for Jobs {
    const KIND: JobKind = JobKind::Specialist;
    type Taker = RepairDefects;
}

/// A job for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenJob {
    #[serde(flatten)]
    job: Job,
    /// The specialist whose repair it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    specialist_id: Option<UserId>,
    /// The engineer whose job it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    engineer_id: Option<UserId>,
    /// Whose job it is.
    owner: Option<UserSummary>,
    /// Who reviews it.
    qe: Option<UserSummary>,
    /// Name of the machine.
    equipment_name: Option<String>,
    /// Seconds it has been worked on so far.
    worked_seconds: i64,
    /// Seconds it has been paused so far, with a pause that goes on.
    total_paused_seconds: i64,
    /// Whether it has been paused for three days or more.
    is_stalled: bool,
}

/// All that the owner of a job sees before entering the planned time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedJob {
    /// Number.
    id: JobId,
    /// Number among all of its kind.
    universal_id: i64,
    /// Its number, as people say it.
    job_id: String,
    /// Name of the machine.
    equipment_name: Option<String>,
    /// Always `PLANNED_TIME_REQUIRED`.
    code: &'static str,
}

/// A job, or all that its owner sees of it before entering the planned time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum JobView {
    /// With its details.
    Open(Box<OpenJob>),
    /// Without.
    Closed(ClosedJob),
}

impl Translated for JobView {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        if let Self::Open(job) = self {
            job.texts(see);
        }
    }
}

/// What jobs refer to.
pub(crate) fn related(conn: &mut DbConnection, jobs: &[Job]) -> persistence::Result<Related> {
    let machines = jobs.iter().filter_map(|job| job.equipment_id);
    Related::of(conn, machines, jobs.iter().flat_map(|job| [Some(job.owner_id), job.qe_id]))
}

impl JobView {
    pub(crate) fn new(job: Job, related: &Related, reader: &User, now: Instant) -> Self {
        let equipment_name = job.equipment_id.and_then(|id| related.machine_name(id));
        if let Err(rule) = job.may_be_opened_by(reader) {
            let code = rule.code().as_str();
            let (id, universal_id, job_id) = (job.id, job.universal_id, job.job_id);
            return Self::Closed(ClosedJob { id, universal_id, job_id, equipment_name, code });
        }
        let times = job.times(now);
        let owner = |kind| (job.kind == kind).then_some(job.owner_id);
        Self::Open(Box::new(OpenJob {
            specialist_id: owner(JobKind::Specialist),
            engineer_id: owner(JobKind::Engineer),
            owner: related.person(Some(job.owner_id)),
            qe: related.person(job.qe_id),
            equipment_name,
            worked_seconds: times.worked,
            total_paused_seconds: times.paused,
            is_stalled: job.is_stalled(now),
            job,
        }))
    }

    pub(crate) fn one(
        conn: &mut DbConnection,
        job: Job,
        caller: &Caller,
        now: Instant,
    ) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&job))?;
        Ok(Self::new(job, &related, &caller.user, now))
    }

    pub(crate) fn changed(tx: &mut Tx<'_>, caller: &Caller, job: Job) -> persistence::Result<Self> {
        let now = tx.now;
        Self::one(tx.conn(), job, caller, now)
    }
}

/// A page of jobs for a reader.
pub(crate) fn views(
    conn: &mut DbConnection,
    page: inspection_domain::page::Page<Job>,
    caller: &Caller,
    now: Instant,
) -> persistence::Result<inspection_domain::page::Page<JobView>> {
    let related = related(conn, &page.items)?;
    Ok(page.map(|job| JobView::new(job, &related, &caller.user, now)))
}

/// How the place of a repair was left.
#[derive(Debug, Serialize, ToSchema)]
struct CleaningView {
    #[serde(flatten)]
    cleaning: Cleaning,
    /// Photos of that.
    file_ids: Vec<FileId>,
}

/// A job with what it repairs and how the place was left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    job: OpenJob,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// The defect it repairs, or has to do with.
    defect: Option<Defect>,
    /// How the place was left.
    cleaning: Option<CleaningView>,
}

/// A job's details, or all that its owner sees of it.
pub(crate) enum Seen {
    Open(Box<JobDetail>),
    Closed(ClosedJob),
}

impl Translated for Seen {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        if let Self::Open(job) = self {
            job.texts(see);
        }
    }
}

impl Seen {
    pub(crate) fn of(
        conn: &mut DbConnection,
        job: Job,
        caller: &Caller,
        now: Instant,
    ) -> persistence::Result<Self> {
        let (id, defect, machine) = (job.id, job.defect_id, job.equipment_id);
        let related = related(conn, std::slice::from_ref(&job))?;
        Ok(match JobView::new(job, &related, &caller.user, now) {
            JobView::Closed(closed) => Self::Closed(closed),
            JobView::Open(job) => {
                let defect = match defect {
                    Some(id) => Some(crate::defects::localised(defects::get(conn, id)?, caller.language)),
                    None => None,
                };
                let equipment = machine.and_then(|id| related.machine(id, caller.language));
                let cleaning = jobs::find_cleaning(conn, id)?;
                let cleaning = cleaning.map(|(cleaning, file_ids)| CleaningView { cleaning, file_ids });
                Self::Open(Box::new(JobDetail { job: *job, equipment, defect, cleaning }))
            }
        })
    }

    /// The details, or a refusal with the little that may be seen.
    pub(crate) fn reply(self) -> Result<Reply<JobDetail>, Problem> {
        match self {
            Self::Open(detail) => Ok(Reply::new(*detail)),
            Self::Closed(closed) => {
                let data = serde_json::to_value(closed).map_err(Problem::internal)?;
                Err(Problem::from_rule(&JobRule::PlannedTimeRequired).with_data(data))
            }
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<JobFilter>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = jobs::repairs(conn, &caller.user, &filter, page)?;
        views(conn, page, caller, now)
    });
    Ok(Paged(page.await?))
}

async fn active(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (_, page)| {
        let page = jobs::active(conn, &caller.user, page)?;
        views(conn, page, caller, now)
    });
    Ok(Paged(page.await?))
}

async fn unplanned(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (_, page)| {
        let page = jobs::unplanned(conn, &caller.user, page)?;
        views(conn, page, caller, now)
    });
    Ok(Paged(page.await?))
}

async fn stalled(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (_, page)| {
        let page = jobs::stalled(conn, now, page)?;
        views(conn, page, caller, now)
    });
    Ok(Paged(page.await?))
}

pub(crate) async fn get<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<JobDetail>, Problem> {
    let now = app.now();
    let seen = app.read(permit, id, move |conn, caller, id| {
        let job = jobs::get_visible(conn, &caller.user, K::KIND, id)?;
        Seen::of(conn, job, caller, now)
    });
    seen.await?.reply()
}

pub(crate) async fn plan<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<PlannedTime>,
) -> Result<Reply<JobDetail>, Problem> {
    let seen = app.write(permit, (id, body), |tx, caller, (id, planned)| {
        let job = jobs::plan(tx, K::KIND, id, &planned)?;
        let now = tx.now;
        Seen::of(tx.conn(), job, caller, now)
    });
    seen.await?.reply()
}

pub(crate) async fn start<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let job = jobs::start(tx, K::KIND, id)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job started"))
}

pub(crate) async fn complete<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<Completion>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, done)| {
        let job = jobs::complete(tx, K::KIND, id, done)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job completed"))
}

pub(crate) async fn leave<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<IncompleteReason>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, reason)| {
        let job = jobs::leave_incomplete(tx, K::KIND, id, reason)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job left incomplete"))
}

pub(crate) async fn pause<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewPause>,
) -> Result<Created<Pause>, Problem> {
    let pause = app.write(permit, (id, body), |tx, _, (id, wanted)| pauses::request(tx, K::KIND, id, wanted));
    Ok(Created::with(pause.await?, "pause requested"))
}

pub(crate) async fn pause_history<K: Kind>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<Pause>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        pauses::history(conn, &caller.user, K::KIND, id, page)
    });
    Ok(Paged(page.await?))
}

async fn clean(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewCleaning>,
) -> Result<Reply<JobDetail>, Problem> {
    let seen = app.write(permit, (id, body), |tx, caller, (id, wanted)| {
        let (job, _, _) = jobs::clean(tx, id, wanted)?;
        let now = tx.now;
        Seen::of(tx.conn(), job, caller, now)
    });
    seen.await?.reply()
}

pub(crate) async fn take_over<K: Kind>(
    app: App,
    permit: Permit<K::Taker>,
    id: Path<JobId>,
    body: Body<NewTakeover>,
) -> Result<Created<TakeoverView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, wanted)| {
        let takeover: Takeover = takeovers::request_job(tx, K::KIND, id, wanted)?;
        TakeoverView::one(tx.conn(), takeover)
    });
    Ok(Created::with(view.await?, "takeover requested"))
}

async fn reassign(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<Reassignment>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, wanted)| {
        let job = jobs::reassign(tx, id, wanted)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "job reassigned"))
}

pub(crate) async fn force_pause<K: Kind>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<ForcedPause>,
) -> Result<Reply<Pause>, Problem> {
    let pause = app.write(permit, (id, body), |tx, _, (id, order)| pauses::force(tx, K::KIND, id, order));
    Ok(Reply::with(pause.await?, "job paused"))
}

async fn rate_cleaning(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<CleaningRating>,
) -> Result<Reply<JobDetail>, Problem> {
    let seen = app.write(permit, (id, body), |tx, caller, (id, rating)| {
        let (job, _) = jobs::rate_cleaning(tx, id, &rating)?;
        let now = tx.now;
        Seen::of(tx.conn(), job, caller, now)
    });
    seen.await?.reply()
}

pub(crate) async fn reward<K: Kind>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<BonusRating>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, bonus)| {
        let job = jobs::reward(tx, K::KIND, id, &bonus)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Reply::with(view.await?, "bonus given"))
}
