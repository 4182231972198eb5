//! Repair jobs of specialists, and the views and endpoints that both kinds of jobs share.

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
    translations::{Slot, Translated},
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, defects, jobs, pauses, takeovers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    related::{References, Related, View, list_views},
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

/// Endpoints of repair jobs.
pub(crate) fn routes(routes: &mut Routes) {
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
    routes.get("/api/jobs/{id}", "jobs.get", get::<RepairJobs>, "Get a repair job");
    routes.post(
        "/api/jobs/{id}/planned-time",
        "jobs.plan",
        plan::<RepairJobs>,
        "Enter the planned time of the user's own repair job, once",
    );
    routes.post("/api/jobs/{id}/start", "jobs.start", start::<RepairJobs>, "Start the user's own repair job");
    routes.post(
        "/api/jobs/{id}/complete",
        "jobs.complete",
        complete::<RepairJobs>,
        "Complete the user's own repair job and send it to quality review",
    );
    routes.post(
        "/api/jobs/{id}/incomplete",
        "jobs.leave",
        leave::<RepairJobs>,
        "Report the user's own repair job as incomplete",
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
        "Reassign an incomplete repair job to a specialist",
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

inspection_domain::shows!(UnlockedJob { job }, JobDetail { job, equipment, defect });

/// The kind of jobs that a generic endpoint serves.
pub(crate) trait JobEndpoints: 'static {
    /// The kind.
    const KIND: JobKind;
    /// Permission to request a takeover of such a job.
    type Taker: Permission;
}

/// Repair jobs, done by specialists.
pub(crate) enum RepairJobs {}

impl JobEndpoints for RepairJobs {
    const KIND: JobKind = JobKind::Specialist;
    type Taker = RepairDefects;
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenJob)]
pub(crate) struct UnlockedJob {
    #[serde(flatten)]
    job: Job,
    /// Owner of a repair job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    specialist_id: Option<UserId>,
    /// Owner of an engineer job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    engineer_id: Option<UserId>,
    /// The owner.
    owner: Option<UserSummary>,
    /// The reviewing quality engineer.
    qe: Option<UserSummary>,
    /// Name of the machine.
    equipment_name: Option<String>,
    /// Working time so far, in seconds.
    worked_seconds: i64,
    /// Paused time so far, in seconds, including a current pause.
    total_paused_seconds: i64,
    /// Whether the current pause has lasted three days or more.
    is_stalled: bool,
}

/// The part of a job that its owner sees before entering the planned time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClosedJob)]
pub(crate) struct LockedJob {
    /// Primary key.
    id: JobId,
    /// Number among the jobs of its kind.
    universal_id: i64,
    /// Display number.
    job_id: String,
    /// Name of the machine.
    equipment_name: Option<String>,
    /// Always `PLANNED_TIME_REQUIRED`.
    code: &'static str,
}

/// A job, or the part that its owner sees before entering the planned time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum JobView {
    /// All fields.
    Unlocked(Box<UnlockedJob>),
    /// The visible part.
    Locked(LockedJob),
}

impl Translated for JobView {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        if let Self::Unlocked(job) = self {
            job.texts(visit);
        }
    }
}

impl View<Job> for JobView {
    fn references(job: &Job, references: &mut References) {
        references.machine(job.equipment_id);
        references.people([Some(job.owner_id), job.qe_id]);
    }

    fn new(job: Job, related: &Related, caller: &Caller) -> Self {
        let machine = job.equipment_id.and_then(|id| related.machine(id));
        let equipment_name = machine.map(|machine| machine.name.clone());
        if let Err(rule) = job.may_be_opened_by(&caller.user) {
            let code = rule.code().as_str();
            let (id, universal_id, job_id) = (job.id, job.universal_id, job.job_id);
            return Self::Locked(LockedJob { id, universal_id, job_id, equipment_name, code });
        }
        let times = job.times(caller.now);
        let owner = |kind| (job.kind == kind).then_some(job.owner_id);
        Self::Unlocked(Box::new(UnlockedJob {
            specialist_id: owner(JobKind::Specialist),
            engineer_id: owner(JobKind::Engineer),
            owner: related.person(job.owner_id),
            qe: related.person(job.qe_id),
            equipment_name,
            worked_seconds: times.worked,
            total_paused_seconds: times.paused,
            is_stalled: job.is_stalled(caller.now),
            job,
        }))
    }
}

/// The cleaning after a repair job.
#[derive(Debug, Serialize, ToSchema)]
struct CleaningView {
    #[serde(flatten)]
    cleaning: Cleaning,
    /// Photos.
    file_ids: Vec<FileId>,
}

/// A job with its machine, defect and cleaning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    job: UnlockedJob,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// The defect to repair, or a related one.
    defect: Option<Defect>,
    /// The cleaning.
    cleaning: Option<CleaningView>,
}

/// The details of a job, or the part visible before its owner enters the planned time.
pub(crate) enum JobDetailOrLocked {
    Detail(Box<JobDetail>),
    Locked(LockedJob),
}

impl Translated for JobDetailOrLocked {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        if let Self::Detail(job) = self {
            job.texts(visit);
        }
    }
}

impl JobDetailOrLocked {
    fn load(conn: &mut DbConnection, job: Job, caller: &Caller) -> persistence::Result<Self> {
        let (id, defect, machine) = (job.id, job.defect_id, job.equipment_id);
        let related = References::of::<_, JobView>(std::slice::from_ref(&job)).load(conn, caller)?;
        Ok(match JobView::new(job, &related, caller) {
            JobView::Locked(locked) => Self::Locked(locked),
            JobView::Unlocked(job) => {
                let defect = match defect {
                    Some(id) => Some(defects::get(conn, id)?.in_language(caller.language)),
                    None => None,
                };
                let equipment = machine.and_then(|id| EquipmentView::of(id, &related, caller));
                let cleaning = jobs::find_cleaning(conn, id)?;
                let cleaning = cleaning.map(|(cleaning, file_ids)| CleaningView { cleaning, file_ids });
                Self::Detail(Box::new(JobDetail { job: *job, equipment, defect, cleaning }))
            }
        })
    }

    /// The details, or `PLANNED_TIME_REQUIRED` with the visible part.
    fn reply(self) -> Result<Reply<JobDetail>, Problem> {
        match self {
            Self::Detail(detail) => Ok(Reply::new(*detail)),
            Self::Locked(locked) => {
                let data = serde_json::to_value(locked).map_err(Problem::internal)?;
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
    list_views(app, permit, query, |conn, caller, filter, page| {
        jobs::repairs(conn, &caller.user, &filter, page)
    })
    .await
}

async fn active(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::active(conn, &caller.user, page)).await
}

async fn unplanned(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::unplanned(conn, &caller.user, page)).await
}

async fn stalled(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<JobView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| jobs::stalled(conn, caller.now, page)).await
}

pub(crate) async fn get<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<JobDetail>, Problem> {
    let detail = app.read(permit, id, |conn, caller, id| {
        let job = jobs::get_visible(conn, &caller.user, K::KIND, id)?;
        JobDetailOrLocked::load(conn, job, caller)
    });
    detail.await?.reply()
}

pub(crate) async fn plan<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<PlannedTime>,
) -> Result<Reply<JobDetail>, Problem> {
    let detail = app.write(permit, (id, body), |tx, caller, (id, planned)| {
        let job = jobs::plan(tx, K::KIND, id, &planned)?;
        JobDetailOrLocked::load(tx.conn(), job, caller)
    });
    detail.await?.reply()
}

pub(crate) async fn start<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let job = jobs::start(tx, K::KIND, id)?;
        JobView::one(tx.conn(), job, caller)
    });
    Ok(Reply::with(view.await?, "job started"))
}

pub(crate) async fn complete<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<Completion>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, done)| {
        let job = jobs::complete(tx, K::KIND, id, done)?;
        JobView::one(tx.conn(), job, caller)
    });
    Ok(Reply::with(view.await?, "job completed"))
}

pub(crate) async fn leave<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<IncompleteReason>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, reason)| {
        let job = jobs::leave_incomplete(tx, K::KIND, id, reason)?;
        JobView::one(tx.conn(), job, caller)
    });
    Ok(Reply::with(view.await?, "job left incomplete"))
}

pub(crate) async fn pause<K: JobEndpoints>(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<JobId>,
    body: Body<NewPause>,
) -> Result<Created<Pause>, Problem> {
    let pause = app.write(permit, (id, body), |tx, _, (id, new)| pauses::request(tx, K::KIND, id, new));
    Ok(Created::with(pause.await?, "pause requested"))
}

pub(crate) async fn pause_history<K: JobEndpoints>(
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
    let detail = app.write(permit, (id, body), |tx, caller, (id, new)| {
        let (job, _, _) = jobs::clean(tx, id, new)?;
        JobDetailOrLocked::load(tx.conn(), job, caller)
    });
    detail.await?.reply()
}

pub(crate) async fn take_over<K: JobEndpoints>(
    app: App,
    permit: Permit<K::Taker>,
    id: Path<JobId>,
    body: Body<NewTakeover>,
) -> Result<Created<TakeoverView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, new)| {
        let takeover: Takeover = takeovers::request_job(tx, K::KIND, id, new)?;
        TakeoverView::one(tx.conn(), takeover, caller)
    });
    Ok(Created::with(view.await?, "takeover requested"))
}

async fn reassign(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<Reassignment>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, new)| {
        let job = jobs::reassign(tx, id, new)?;
        JobView::one(tx.conn(), job, caller)
    });
    Ok(Reply::with(view.await?, "job reassigned"))
}

pub(crate) async fn force_pause<K: JobEndpoints>(
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
    let detail = app.write(permit, (id, body), |tx, caller, (id, rating)| {
        let (job, _) = jobs::rate_cleaning(tx, id, &rating)?;
        JobDetailOrLocked::load(tx.conn(), job, caller)
    });
    detail.await?.reply()
}

pub(crate) async fn reward<K: JobEndpoints>(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<JobId>,
    body: Body<BonusRating>,
) -> Result<Reply<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, bonus)| {
        let job = jobs::reward(tx, K::KIND, id, &bonus)?;
        JobView::one(tx.conn(), job, caller)
    });
    Ok(Reply::with(view.await?, "bonus awarded"))
}
