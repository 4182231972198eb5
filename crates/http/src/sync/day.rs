//! A shift as a phone needs it offline, in one response.

use std::collections::HashSet;

use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    ids::{DefectId, EquipmentId, TemplateId},
    jobs::Job,
    sync::day::DayQuery,
    time::Date,
};
use inspection_persistence::{assignments, checklists, defects, jobs};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    assignments::AssignmentView,
    checklists::ChecklistView,
    defects::DefectView,
    jobs::JobView,
    related::{References, View},
    web::{app::App, input::QueryParams, permit::Permit, problem::Problem, reply::Reply},
};

/// A shift of the user: the work, and what is asked and known about its machines.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PhoneDayView {
    /// The day.
    date: Date,
    /// The user's assignments of the shift, with their machines.
    assignments: Vec<AssignmentView>,
    /// The checklists of the assignments, each once, with their questions in both languages.
    templates: Vec<ChecklistView>,
    /// The unresolved defects of the machines and of the user's repairs.
    defects: Vec<DefectView>,
    /// The user's jobs that are not ended, of both kinds.
    jobs: Vec<JobView>,
}

inspection_domain::shows!(PhoneDayView { assignments, templates, defects, jobs });

/// The shift of the user, with a fixed number of queries.
pub(super) async fn read(
    app: App,
    permit: Permit<SignedIn>,
    query: QueryParams<DayQuery>,
) -> Result<Reply<PhoneDayView>, Problem> {
    let view = app.read(permit, query, |conn, caller, query| {
        let date = query.date.unwrap_or(caller.today);
        let own = assignments::list_by_day(conn, caller.user.id, date, &query.shift)?;
        let templates: Vec<TemplateId> = own.iter().map(|assignment| assignment.template_id).collect();
        let templates = checklists::by_ids(conn, &templates)?;
        let jobs = jobs::live_of(conn, caller.user.id)?;
        let machines: Vec<EquipmentId> = own.iter().map(|assignment| assignment.equipment_id).collect();
        let repaired: Vec<DefectId> = jobs.iter().filter_map(|job| job.defect_id).collect();
        let found = defects::unresolved_of(conn, &machines, &repaired)?;
        let hidden: HashSet<DefectId> = jobs.iter().filter_map(Job::hidden_defect).collect();

        let mut references = References::default();
        references.add::<_, AssignmentView>(&own);
        references.add::<_, DefectView>(&found);
        references.add::<_, JobView>(&jobs);
        // Only completed jobs have a cleaning.
        references.without_cleanings();
        references.hide(hidden);
        let related = references.load(conn, caller)?;
        let language = caller.language;
        Ok(PhoneDayView {
            date,
            assignments: own.into_iter().map(|row| AssignmentView::new(row, &related, caller)).collect(),
            templates: templates.into_iter().map(|row| ChecklistView::new(row, language)).collect(),
            defects: found.into_iter().map(|row| DefectView::new(row, &related, caller)).collect(),
            jobs: jobs.into_iter().map(|row| JobView::new(row, &related, caller)).collect(),
        })
    });
    Ok(Reply::new(view.await?))
}
