//! Machines.

mod labels;

use std::collections::HashSet;

use inspection_auth::permissions::{ManageEquipment, SignedIn};
use inspection_domain::{
    defects::Defect,
    equipment::{Equipment, EquipmentChanges, EquipmentFilter, NewEquipment, StatusChange},
    ids::{DefectId, EquipmentId, JobId},
    inspections::Inspection,
    jobs::{Job, JobKind, JobStatus},
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::{
    equipment::{self, registry},
    versions,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, hidden_defects, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Complete, Created, Paged, Plain, Reply},
        routes::Routes,
    },
};

/// Endpoints of equipment.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("equipment", "Machines and their history");
    routes.get("/api/equipment", "equipment.list", list, "List machines, filtered");
    routes.post("/api/equipment", "equipment.create", create, "Register a machine");
    routes.get("/api/equipment/types", "equipment.types", types, "List the equipment types in use");
    routes.get(
        "/api/equipment/labels.pdf",
        "equipment.labels",
        labels::labels,
        "Print labels with QR codes, 24 on a page: of these machines, or the first 240 of a filter by name",
    )
    .errors(&[404]);
    routes.get("/api/equipment/{id}", "equipment.get", get, "Get a machine");
    routes.put(
        "/api/equipment/{id}",
        "equipment.update",
        update,
        "Update a machine; setting the status may release a stopped one",
    );
    routes.delete(
        "/api/equipment/{id}",
        "equipment.decommission",
        decommission,
        "Decommission a machine; its records are kept",
    );
    routes.get(
        "/api/equipment/{id}/history",
        "equipment.history",
        history,
        "List the history of a machine, newest first",
    );
    routes.get(
        "/api/equipment/{id}/qr.svg",
        "equipment.qr_code",
        labels::qr_code,
        "Get the QR code of a machine: its address below the address of the service, or its serial number",
    );
}

inspection_domain::shows!(EquipmentView { equipment }, EventView { inspection, defect });

/// A machine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EquipmentView {
    #[serde(flatten)]
    equipment: Equipment,
    /// Location, as entered.
    location_en: Option<String>,
    /// The responsible technician.
    assigned_technician: Option<UserSummary>,
}

impl EquipmentView {
    /// A machine that a row refers to.
    pub(crate) fn of(id: EquipmentId, related: &Related, caller: &Caller) -> Option<Self> {
        Some(Self::new(related.machine(id)?.clone(), related, caller))
    }
}

impl View<Equipment> for EquipmentView {
    fn references(machine: &Equipment, references: &mut References) {
        references.people([machine.assigned_technician_id]);
    }

    fn new(mut equipment: Equipment, related: &Related, caller: &Caller) -> Self {
        let location_en = equipment.location.clone();
        if let Some(original) = &equipment.location {
            let location = caller.language.choose(original, equipment.location_ar.as_deref());
            equipment.location = Some(location.to_owned());
        }
        Self { location_en, assigned_technician: related.person(equipment.assigned_technician_id), equipment }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<EquipmentFilter>,
) -> Result<Paged<EquipmentView>, Problem> {
    list_views(app, permit, query, |conn, _, filter, page| equipment::list(conn, &filter, page)).await
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<EquipmentId>,
) -> Result<Reply<EquipmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let machine = equipment::get(conn, id)?;
        let version = versions::of(&machine)?;
        Ok(Versioned { version, view: EquipmentView::one(conn, machine, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageEquipment>,
    body: Body<NewEquipment>,
) -> Result<Rendered<Created<EquipmentView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let machine = registry::create(tx, new)?;
        Ok(Created::with(EquipmentView::one(tx.conn(), machine, caller)?, "equipment registered"))
    })
    .await
}

async fn update(
    app: App,
    permit: Permit<ManageEquipment>,
    id: Path<EquipmentId>,
    body: Body<EquipmentChanges>,
) -> Result<Rendered<Reply<EquipmentView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, changes)| {
        let machine = registry::update(tx, id, changes)?;
        Ok(Reply::with(EquipmentView::one(tx.conn(), machine, caller)?, "equipment changed"))
    })
    .await
}

async fn decommission(
    app: App,
    permit: Permit<ManageEquipment>,
    id: Path<EquipmentId>,
) -> Result<Rendered<Reply<EquipmentView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let machine = registry::decommission(tx, id)?;
        Ok(Reply::with(EquipmentView::one(tx.conn(), machine, caller)?, "equipment decommissioned"))
    })
    .await
}

/// An equipment type.
#[derive(Debug, Serialize, ToSchema)]
struct TypeView {
    /// The type.
    equipment_type: String,
    /// The type in Arabic, if known.
    equipment_type_ar: Option<String>,
}

async fn types(app: App, permit: Permit<SignedIn>) -> Result<Reply<Complete<TypeView>>, Problem> {
    let Plain(types) = app.read(permit, (), |conn, _, ()| Ok(Plain(equipment::types(conn)?))).await?;
    let views = types
        .into_iter()
        .map(|(equipment_type, equipment_type_ar)| TypeView { equipment_type, equipment_type_ar });
    Ok(Reply::new(Complete(views.collect())))
}

/// An event in the history of a machine; exactly one of the objects is set.
#[derive(Debug, Serialize, ToSchema)]
struct EventView {
    /// `inspection`, `defect`, `job` or `status_change`.
    kind: &'static str,
    /// Time of the event.
    at: Instant,
    /// The inspection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inspection: Option<Inspection>,
    /// The defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    defect: Option<Defect>,
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    job: Option<JobEvent>,
    /// The change of status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status_change: Option<StatusChange>,
}

impl EventView {
    /// The event as the reader sees it. `hidden` are the defects of jobs whose planned time the
    /// reader must enter first.
    fn new(at: Instant, event: equipment::Event, caller: &Caller, hidden: &HashSet<DefectId>) -> Self {
        let empty = Self { kind: "", at, inspection: None, defect: None, job: None, status_change: None };
        match event {
            equipment::Event::Inspection(it) => {
                Self { kind: "inspection", inspection: Some(it.seen_by(&caller.user)), ..empty }
            }
            equipment::Event::Defect(it) => {
                let it = if hidden.contains(&it.id) { it.outline() } else { it };
                Self { kind: "defect", defect: Some(it.in_language(caller.language)), ..empty }
            }
            equipment::Event::Job(it) => Self { kind: "job", job: Some(JobEvent::from(*it)), ..empty },
            equipment::Event::StatusChange(it) => {
                Self { kind: "status_change", status_change: Some(it), ..empty }
            }
        }
    }
}

/// The public part of a job.
#[derive(Debug, Serialize, ToSchema)]
struct JobEvent {
    /// Primary key.
    id: JobId,
    /// Kind of the job.
    kind: JobKind,
    /// Display number.
    job_id: String,
    /// Lifecycle status.
    status: JobStatus,
    /// The defect to repair, or a related one.
    defect_id: Option<DefectId>,
    /// Time of completion.
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
        let defects = page.items.iter().filter_map(|(_, event)| match event {
            equipment::Event::Defect(it) => Some(it.id),
            _ => None,
        });
        let hidden = hidden_defects(conn, caller, defects.collect())?;
        Ok(page.map(|(at, event)| EventView::new(at, event, caller, &hidden)))
    });
    Ok(Paged(page.await?))
}
