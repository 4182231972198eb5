//! Equipment.

use std::collections::HashMap;

use inspection_auth::permissions::{ManageEquipment, SignedIn};
use inspection_domain::{
    defects::Defect,
    equipment::{Equipment, EquipmentChanges, EquipmentFilter, NewEquipment, StatusChange},
    ids::{DefectId, EquipmentId, JobId, UserId},
    inspections::Inspection,
    jobs::{Job, JobKind, JobStatus},
    text::Language,
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, equipment, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path, Unfiltered},
    permit::Permit,
    problem::Problem,
    reply::{Created, Paged, Plain, Reply},
    routes::Routes,
};

/// Endpoints of equipment.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/equipment", "equipment.list", list, "Equipment, filtered");
    routes.post("/api/equipment", "equipment.create", create, "Register a machine");
    routes.get("/api/equipment/types", "equipment.types", types, "The types of equipment there are");
    routes.get("/api/equipment/{id}", "equipment.get", get, "One machine");
    routes.put(
        "/api/equipment/{id}",
        "equipment.update",
        update,
        "Change a machine; a status given may release a stopped one",
    );
    routes.delete(
        "/api/equipment/{id}",
        "equipment.decommission",
        decommission,
        "Decommission a machine; nothing is removed",
    );
    routes.get(
        "/api/equipment/{id}/history",
        "equipment.history",
        history,
        "What happened to a machine, newest first",
    );
}

inspection_domain::shows!(EquipmentView { equipment }, EventView { inspection, defect });

/// A machine for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EquipmentView {
    #[serde(flatten)]
    equipment: Equipment,
    /// Where it stands, as it was written.
    location_en: Option<String>,
    /// Who looks after it.
    assigned_technician: Option<UserSummary>,
}

impl EquipmentView {
    /// The machine, with its location in the reader's language.
    pub(crate) fn new(
        mut equipment: Equipment,
        language: Language,
        people: &HashMap<UserId, UserSummary>,
    ) -> Self {
        let location_en = equipment.location.clone();
        if let Some(original) = &equipment.location {
            equipment.location = Some(language.choose(original, equipment.location_ar.as_deref()).to_owned());
        }
        let assigned_technician = equipment.assigned_technician_id.and_then(|id| people.get(&id).cloned());
        Self { equipment, location_en, assigned_technician }
    }

    fn one(conn: &mut DbConnection, equipment: Equipment, language: Language) -> persistence::Result<Self> {
        let people = users::summaries(conn, equipment.assigned_technician_id)?;
        Ok(Self::new(equipment, language, &people))
    }
}

/// The machines and people that the rows of a list refer to.
pub(crate) struct Related {
    machines: HashMap<EquipmentId, Equipment>,
    people: HashMap<UserId, UserSummary>,
}

impl Related {
    /// Loads them: two queries, however many rows there are.
    pub(crate) fn of(
        conn: &mut DbConnection,
        machines: impl IntoIterator<Item = EquipmentId>,
        people: impl IntoIterator<Item = Option<UserId>>,
    ) -> persistence::Result<Self> {
        let machines = equipment::by_ids(conn, machines)?;
        Self::with(conn, machines, people)
    }

    /// Loads the people; the machines are at hand.
    pub(crate) fn with(
        conn: &mut DbConnection,
        machines: HashMap<EquipmentId, Equipment>,
        people: impl IntoIterator<Item = Option<UserId>>,
    ) -> persistence::Result<Self> {
        let technicians = machines.values().map(|machine| machine.assigned_technician_id);
        let people =
            users::summaries(conn, people.into_iter().chain(technicians).flatten().collect::<Vec<_>>())?;
        Ok(Self { machines, people })
    }

    /// One of the machines, for a reader.
    pub(crate) fn machine(&self, id: EquipmentId, language: Language) -> Option<EquipmentView> {
        let machine = self.machines.get(&id)?.clone();
        Some(EquipmentView::new(machine, language, &self.people))
    }

    /// Name of one of the machines.
    pub(crate) fn machine_name(&self, id: EquipmentId) -> Option<String> {
        self.machines.get(&id).map(|machine| machine.name.clone())
    }

    /// One of the people.
    pub(crate) fn person(&self, id: Option<UserId>) -> Option<UserSummary> {
        self.people.get(&id?).cloned()
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<EquipmentFilter>,
) -> Result<Paged<EquipmentView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = equipment::list(conn, &filter, page)?;
        let people =
            users::summaries(conn, page.items.iter().filter_map(|machine| machine.assigned_technician_id))?;
        Ok(page.map(|machine| EquipmentView::new(machine, caller.language, &people)))
    });
    Ok(Paged(page.await?))
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<EquipmentId>,
) -> Result<Reply<EquipmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let machine = equipment::get(conn, id)?;
        EquipmentView::one(conn, machine, caller.language)
    });
    Ok(Reply::new(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageEquipment>,
    body: Body<NewEquipment>,
) -> Result<Created<EquipmentView>, Problem> {
    let view = app.write(permit, body, |tx, caller, new| {
        let machine = equipment::create(tx, new)?;
        EquipmentView::one(tx.conn(), machine, caller.language)
    });
    Ok(Created::with(view.await?, "equipment registered"))
}

async fn update(
    app: App,
    permit: Permit<ManageEquipment>,
    id: Path<EquipmentId>,
    body: Body<EquipmentChanges>,
) -> Result<Reply<EquipmentView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, changes)| {
        let machine = equipment::update(tx, id, changes)?;
        EquipmentView::one(tx.conn(), machine, caller.language)
    });
    Ok(Reply::with(view.await?, "equipment changed"))
}

async fn decommission(
    app: App,
    permit: Permit<ManageEquipment>,
    id: Path<EquipmentId>,
) -> Result<Reply<EquipmentView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let machine = equipment::decommission(tx, id)?;
        EquipmentView::one(tx.conn(), machine, caller.language)
    });
    Ok(Reply::with(view.await?, "equipment decommissioned"))
}

/// A type of equipment.
#[derive(Debug, Serialize, ToSchema)]
struct TypeView {
    /// The type.
    equipment_type: String,
    /// The type in Arabic, where it is known.
    equipment_type_ar: Option<String>,
}

async fn types(app: App, permit: Permit<SignedIn>) -> Result<Reply<Vec<TypeView>>, Problem> {
    let Plain(types) = app.read(permit, (), |conn, _, ()| Ok(Plain(equipment::types(conn)?))).await?;
    let views = types
        .into_iter()
        .map(|(equipment_type, equipment_type_ar)| TypeView { equipment_type, equipment_type_ar });
    Ok(Reply::new(views.collect()))
}

/// Something that happened to a machine: one of the three is there.
#[derive(Debug, Serialize, ToSchema)]
struct EventView {
    /// `inspection`, `defect` or `status_change`.
    kind: &'static str,
    /// When.
    at: Instant,
    /// The inspection.
    #[serde(skip_serializing_if = "Option::is_none")]
    inspection: Option<Inspection>,
    /// The defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    defect: Option<Defect>,
    /// The job somebody got.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobEvent>,
    /// The change of status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_change: Option<StatusChange>,
}

impl EventView {
    fn new(at: Instant, event: equipment::Event, language: Language) -> Self {
        let nothing = Self { kind: "", at, inspection: None, defect: None, job: None, status_change: None };
        match event {
            equipment::Event::Inspection(it) => Self { kind: "inspection", inspection: Some(it), ..nothing },
            equipment::Event::Defect(it) => {
                let defect = crate::defects::localised(it, language);
                Self { kind: "defect", defect: Some(defect), ..nothing }
            }
            equipment::Event::Job(it) => Self { kind: "job", job: Some(JobEvent::from(*it)), ..nothing },
            equipment::Event::StatusChange(it) => {
                Self { kind: "status_change", status_change: Some(it), ..nothing }
            }
        }
    }
}

/// What everybody may know of a job.
#[derive(Debug, Serialize, ToSchema)]
struct JobEvent {
    /// Number.
    id: JobId,
    /// Whose kind of job it is.
    kind: JobKind,
    /// Its number, as people say it.
    job_id: String,
    /// How far it is.
    status: JobStatus,
    /// The defect it repairs, or has to do with.
    defect_id: Option<DefectId>,
    /// When it was done.
    completed_at: Option<Instant>,
}

impl From<Job> for JobEvent {
    fn from(job: Job) -> Self {
        let Job { id, kind, job_id, status, defect_id, completed_at, .. } = job;
        Self { id, kind, job_id, status, defect_id, completed_at }
    }
}

async fn history(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<EquipmentId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<EventView>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        let page = equipment::history(conn, id, page)?;
        Ok(page.map(|(at, event)| EventView::new(at, event, caller.language)))
    });
    Ok(Paged(page.await?))
}
