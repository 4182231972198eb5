//! Views of jobs.

use inspection_domain::{
    defects::Defect,
    ids::{DefectId, EquipmentId, FileId, InspectionId, JobId, UserId},
    jobs::{Cleaning, Detail, EngineerJobType, Hours, Job, JobCategory, JobKind, JobRule, JobStatus, Times},
    rule::Rule,
    time::Instant,
    translations::{Slot, Translated},
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, defects, jobs};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    occurrences::OccurrenceView,
    related::{References, Related, View, hidden_defects},
    web::{app::Caller, entity_tags::Versioned, problem::Problem, reply::Reply},
};

/// Fields of jobs of both kinds. Until its owner has entered the planned time, the owner sees the
/// number, size, status and origin of a job, and users that may not open it see what was done when;
/// all other fields are null.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "flags that clients read")]
pub(crate) struct JobFields {
    /// Primary key.
    id: JobId,
    /// Kind of the job.
    kind: JobKind,
    /// Number among the jobs of its kind.
    universal_id: i64,
    /// Badge of the first owner and sequence number, such as `SPE003-012`.
    job_id: String,
    /// User that created it.
    created_by_id: Option<UserId>,
    /// Size.
    category: JobCategory,
    /// Reason for the size `major`.
    major_reason: Option<String>,
    /// Lifecycle status.
    status: JobStatus,
    /// Whether the job is in progress.
    is_running: bool,
    /// Whether the job is paused.
    is_paused: bool,
    /// Whether the current pause has lasted three days or more.
    is_stalled: bool,
    /// Whether the owner has entered the planned time.
    has_planned_time: bool,
    /// Whether the user sees all fields.
    can_view_details: bool,
    /// `PLANNED_TIME_REQUIRED` if the user must enter the planned time first.
    code: Option<&'static str>,
    /// The machine.
    equipment_id: Option<EquipmentId>,
    /// Name of the machine.
    equipment_name: Option<String>,
    /// Related inspection.
    inspection_id: Option<InspectionId>,
    /// Planned time in hours, entered by the owner.
    planned_time_hours: Option<Hours>,
    /// Start time.
    started_at: Option<Instant>,
    /// Begin of the present pause; none unless paused.
    paused_at: Option<Instant>,
    /// Total length of the completed pauses in seconds.
    paused_seconds: i64,
    /// Completion time.
    completed_at: Option<Instant>,
    /// Hours worked, without pauses.
    actual_time_hours: Option<Hours>,
    /// Working time so far, in seconds.
    worked_seconds: i64,
    /// Paused time so far, in seconds, including a current pause.
    total_paused_seconds: i64,
    /// Rating of the planned time, 1 to 7.
    time_rating: Option<i64>,
    /// Description of the work.
    work_notes: Option<String>,
    /// Completion status, as given by the client.
    completion_status: Option<String>,
    /// Reason for leaving it incomplete, for its rejection or its cancellation.
    incomplete_reason: Option<String>,
    /// Admin's bonus, 0 to 10.
    admin_bonus: Option<i64>,
    /// Quality engineer of the review.
    qe_id: Option<UserId>,
    /// The reviewing quality engineer.
    quality_engineer: Option<UserSummary>,
    /// Rating of the review, 1 to 5.
    qc_rating: Option<i64>,
    /// The owner.
    owner: Option<UserSummary>,
    /// Creation time.
    created_at: Instant,
    /// Time of the last change.
    updated_at: Instant,
    /// Time at which the last change made offline was received; none if there was none.
    received_at: Option<Instant>,
}

impl JobFields {
    /// The fields that the caller may see, and the job reduced to what the caller may see.
    fn of(job: Job, related: &Related, caller: &Caller) -> (Self, Job) {
        let machine = job.equipment_id.and_then(|id| related.machine(id));
        let equipment_name = machine.map(|machine| machine.name.clone());
        let has_planned_time = job.planned_time_hours.is_some();
        let (job, detail) = job.seen_by(&caller.user);
        let code = match detail {
            Detail::Outline(rule) => Some(rule.code().as_str()),
            Detail::Full | Detail::Facts => None,
        };
        let times = match detail {
            Detail::Full => job.times(caller.now),
            Detail::Outline(_) | Detail::Facts => Times::default(),
        };
        let fields = Self {
            id: job.id,
            kind: job.kind,
            universal_id: job.universal_id,
            job_id: job.job_id.clone(),
            created_by_id: job.created_by_id,
            category: job.category,
            major_reason: job.major_reason.clone(),
            status: job.status,
            is_running: job.status == JobStatus::InProgress,
            is_paused: job.status == JobStatus::Paused,
            is_stalled: job.is_stalled(caller.now),
            has_planned_time,
            can_view_details: detail == Detail::Full,
            code,
            equipment_id: job.equipment_id,
            equipment_name,
            inspection_id: job.inspection_id,
            planned_time_hours: job.planned_time_hours,
            started_at: job.started_at,
            paused_at: job.paused_at,
            paused_seconds: job.paused_seconds,
            completed_at: job.completed_at,
            actual_time_hours: job.actual_time_hours,
            worked_seconds: times.worked,
            total_paused_seconds: times.paused,
            time_rating: job.time_rating,
            work_notes: job.work_notes.clone(),
            completion_status: job.completion_status.clone(),
            incomplete_reason: job.incomplete_reason.clone(),
            admin_bonus: job.admin_bonus,
            qe_id: job.qe_id,
            quality_engineer: related.person(job.qe_id),
            qc_rating: job.qc_rating,
            owner: related.person(job.owner_id),
            created_at: job.created_at,
            updated_at: job.updated_at,
            received_at: job.received_at,
        };
        (fields, job)
    }

    fn references(job: &Job, references: &mut References) {
        references.machine(job.equipment_id);
        references.people([Some(job.owner_id), job.qe_id]);
    }
}

inspection_domain::translated!(JobFields, "job", { major_reason, work_notes, incomplete_reason });

/// A repair job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpecialistJobView {
    #[serde(flatten)]
    job: JobFields,
    /// The owner.
    specialist_id: UserId,
    /// The defect to repair.
    #[schema(value_type = DefectId)]
    defect_id: Option<DefectId>,
    /// Rating of the cleaning, 0 to 2.
    cleaning_rating: Option<i64>,
}

impl View<Job> for SpecialistJobView {
    fn references(job: &Job, references: &mut References) {
        JobFields::references(job, references);
        references.cleaning(job.id);
    }

    fn new(job: Job, related: &Related, caller: &Caller) -> Self {
        let (fields, job) = JobFields::of(job, related, caller);
        Self {
            specialist_id: job.owner_id,
            defect_id: job.defect_id,
            cleaning_rating: related.cleaning_rating(job.id).filter(|_| fields.can_view_details),
            job: fields,
        }
    }
}

/// An engineer job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EngineerJobView {
    #[serde(flatten)]
    job: JobFields,
    /// The owner.
    engineer_id: UserId,
    /// Type of the job.
    #[schema(value_type = EngineerJobType)]
    job_type: Option<EngineerJobType>,
    /// Title.
    title: Option<String>,
    /// Description; empty if there is none.
    description: Option<String>,
    /// Planned time in days.
    planned_time_days: Option<i64>,
    /// Related defect.
    defect_id: Option<DefectId>,
}

impl View<Job> for EngineerJobView {
    fn references(job: &Job, references: &mut References) {
        JobFields::references(job, references);
    }

    fn new(job: Job, related: &Related, caller: &Caller) -> Self {
        let (fields, job) = JobFields::of(job, related, caller);
        Self {
            description: fields.can_view_details.then(|| job.description.unwrap_or_default()),
            job: fields,
            engineer_id: job.owner_id,
            job_type: job.job_type,
            title: job.title,
            planned_time_days: job.planned_time_days,
            defect_id: job.defect_id,
        }
    }
}

impl Translated for EngineerJobView {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        self.job.texts(see);
        for (field_name, text) in [("title", &mut self.title), ("description", &mut self.description)] {
            if let Some(text) = text {
                let model_id = self.job.id.get();
                see(Slot { model_type: "job", model_id, field_name, text, arabic: None });
            }
        }
    }
}

/// A job of either kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum JobView {
    /// A repair job.
    Repair(Box<SpecialistJobView>),
    /// An engineer job.
    Engineer(Box<EngineerJobView>),
}

impl View<Job> for JobView {
    fn references(job: &Job, references: &mut References) {
        match job.kind {
            JobKind::Specialist => SpecialistJobView::references(job, references),
            JobKind::Engineer => EngineerJobView::references(job, references),
        }
    }

    fn new(job: Job, related: &Related, caller: &Caller) -> Self {
        match job.kind {
            JobKind::Specialist => Self::Repair(Box::new(SpecialistJobView::new(job, related, caller))),
            JobKind::Engineer => Self::Engineer(Box::new(EngineerJobView::new(job, related, caller))),
        }
    }
}

impl Translated for JobView {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        match self {
            Self::Repair(job) => job.texts(see),
            Self::Engineer(job) => job.texts(see),
        }
    }
}

/// A job with the objects that it concerns.
pub(crate) trait JobDetail: Translated + Serialize + ToSchema + Send + Sized + 'static {
    /// Loads the objects that the caller may see.
    fn load(conn: &mut DbConnection, job: Job, caller: &Caller) -> persistence::Result<Self>;
}

/// A job with its machine and its defect.
struct JobInContext<V> {
    view: V,
    equipment: Option<EquipmentView>,
    defect: Option<Defect>,
}

impl<V: View<Job>> JobInContext<V> {
    fn load(conn: &mut DbConnection, job: Job, caller: &Caller) -> persistence::Result<Self> {
        let related = References::of::<_, V>(std::slice::from_ref(&job)).load(conn, caller)?;
        let reader = &caller.user;
        let is_open = job.may_be_seen_by(reader).is_ok() && job.may_be_opened_by(reader).is_ok();
        let defect = match job.defect_id.filter(|_| is_open) {
            Some(id) => {
                let defect = defects::get(conn, id)?;
                // An engineer's job may concern a defect that the same user repairs.
                let is_hidden = hidden_defects(conn, caller, vec![id])?.contains(&id);
                let defect = if is_hidden { defect.outline() } else { defect };
                Some(defect.in_language(caller.language))
            }
            None => None,
        };
        let machine = job.equipment_id.filter(|_| is_open);
        let equipment = machine.and_then(|id| EquipmentView::of(id, &related, caller));
        Ok(Self { view: V::new(job, &related, caller), equipment, defect })
    }
}

/// A repair job with its machine, defect and cleaning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpecialistJobDetail {
    #[serde(flatten)]
    job: SpecialistJobView,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// The defect to repair.
    defect: Option<Defect>,
    /// The latest findings of the defect; none until the user sees all fields.
    findings: Vec<OccurrenceView>,
    /// Photos of the report of the defect, if it was reported without an inspection.
    photo_file_ids: Vec<FileId>,
    /// Description of the cleaning.
    cleaning_notes: Option<String>,
    /// User that reported the cleaning.
    cleaned_by_id: Option<UserId>,
    /// Time of the report.
    cleaned_at: Option<Instant>,
    /// Admin that rated the cleaning.
    cleaning_rated_by_id: Option<UserId>,
    /// Time of the last rating.
    cleaning_rated_at: Option<Instant>,
    /// Photos of the cleaning.
    cleaning_file_ids: Vec<FileId>,
}

impl JobDetail for SpecialistJobDetail {
    fn load(conn: &mut DbConnection, job: Job, caller: &Caller) -> persistence::Result<Self> {
        let cleaning = jobs::find_cleaning(conn, job.id)?;
        Self::load_with(conn, job, cleaning, caller)
    }
}

impl SpecialistJobDetail {
    /// The details with the version of the job and its cleaning.
    pub(super) fn load_versioned(
        conn: &mut DbConnection,
        job: Job,
        caller: &Caller,
    ) -> persistence::Result<Versioned<Self>> {
        let cleaning = jobs::find_cleaning(conn, job.id)?;
        let version = jobs::version(&job, cleaning.as_ref().map(|(cleaning, _)| cleaning))?;
        Ok(Versioned { version, view: Self::load_with(conn, job, cleaning, caller)? })
    }

    fn load_with(
        conn: &mut DbConnection,
        job: Job,
        cleaning: Option<(Cleaning, Vec<FileId>)>,
        caller: &Caller,
    ) -> persistence::Result<Self> {
        let JobInContext { view: job, equipment, defect } = JobInContext::load(conn, job, caller)?;
        let findings = match &defect {
            Some(defect) => OccurrenceView::latest(conn, defect.id, caller)?,
            None => Vec::new(),
        };
        let photo_file_ids = match &defect {
            Some(defect) if defect.inspection_id.is_none() => defects::list_photos(conn, defect.id)?,
            _ => Vec::new(),
        };
        let (cleaning, cleaning_file_ids) = cleaning.unzip();
        let cleaning = cleaning.as_ref();
        let notes = cleaning.map(|cleaning| cleaning.notes.clone());
        Ok(Self {
            job,
            equipment,
            defect,
            findings,
            photo_file_ids,
            cleaning_notes: notes.filter(|notes| !notes.is_empty()),
            cleaned_by_id: cleaning.map(|cleaning| cleaning.cleaned_by_id),
            cleaned_at: cleaning.map(|cleaning| cleaning.cleaned_at),
            cleaning_rated_by_id: cleaning.and_then(|cleaning| cleaning.rated_by_id),
            cleaning_rated_at: cleaning.and_then(|cleaning| cleaning.rated_at),
            cleaning_file_ids: cleaning_file_ids.unwrap_or_default(),
        })
    }

    /// The details, or `PLANNED_TIME_REQUIRED` with the visible part.
    pub(super) fn reply(detail: Versioned<Self>) -> Result<Reply<Self>, Problem> {
        if detail.view.job.job.can_view_details {
            return Ok(Reply::versioned(detail));
        }
        let data = serde_json::to_value(detail.view).map_err(Problem::internal)?;
        Err(Problem::from_rule(&JobRule::PlannedTimeRequired).with_data(data))
    }
}

/// An engineer job with its machine and defect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EngineerJobDetail {
    #[serde(flatten)]
    job: EngineerJobView,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// A related defect.
    defect: Option<Defect>,
}

impl JobDetail for EngineerJobDetail {
    fn load(conn: &mut DbConnection, job: Job, caller: &Caller) -> persistence::Result<Self> {
        let JobInContext { view: job, equipment, defect } = JobInContext::load(conn, job, caller)?;
        Ok(Self { job, equipment, defect })
    }
}

inspection_domain::shows!(
    SpecialistJobView { job },
    SpecialistJobDetail { job, equipment, defect, findings },
    EngineerJobDetail { job, equipment, defect },
);
