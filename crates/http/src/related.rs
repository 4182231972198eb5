//! Views of rows, and the objects that rows refer to.

use std::collections::{HashMap, HashSet};

use inspection_auth::permissions::Permission;
use inspection_domain::{
    equipment::Equipment,
    ids::{AssignmentId, DefectId, EquipmentId, JobId, UserId},
    jobs::Job,
    page::{Page, PageRequest},
    translations::Translated,
    users::{Role, UserSummary},
};
use inspection_persistence::{self as persistence, DbConnection, equipment, inspections, jobs, users};

use crate::web::{
    app::{App, Caller},
    input::ListQuery,
    permit::Permit,
    problem::Problem,
    reply::Paged,
};

/// Ids of the objects that rows refer to.
#[derive(Debug, Default)]
pub(crate) struct References {
    machines: Vec<EquipmentId>,
    jobs: Vec<JobId>,
    cleanings: Vec<JobId>,
    defects: Vec<DefectId>,
    people: Vec<UserId>,
    teams: Vec<(AssignmentId, [Option<UserId>; 2])>,
    hidden: Option<HashSet<DefectId>>,
}

impl References {
    /// The references of these rows.
    pub(crate) fn of<Row, V: View<Row>>(rows: &[Row]) -> Self {
        let mut references = Self::default();
        references.add::<Row, V>(rows);
        references
    }

    /// Adds the references of these rows.
    pub(crate) fn add<Row, V: View<Row>>(&mut self, rows: &[Row]) {
        for row in rows {
            V::references(row, self);
        }
    }

    /// Adds a machine.
    pub(crate) fn machine(&mut self, id: impl Into<Option<EquipmentId>>) {
        self.machines.extend(id.into());
    }

    /// Adds a job.
    pub(crate) fn job(&mut self, id: JobId) {
        self.jobs.push(id);
    }

    /// Adds the cleaning of a job.
    pub(crate) fn cleaning(&mut self, id: JobId) {
        self.cleanings.push(id);
    }

    /// Adds a defect that is shown.
    pub(crate) fn defect(&mut self, id: DefectId) {
        self.defects.push(id);
    }

    /// Leaves the cleanings of the jobs out.
    pub(crate) fn without_cleanings(&mut self) {
        self.cleanings.clear();
    }

    /// Sets the defects whose findings the reader doesn't see yet (§7), which are loaded otherwise.
    pub(crate) fn hide(&mut self, hidden: HashSet<DefectId>) {
        self.hidden = Some(hidden);
    }

    /// Adds an assignment and its team.
    pub(crate) fn assignment(&mut self, id: AssignmentId, team: [Option<UserId>; 2]) {
        self.teams.push((id, team));
    }

    /// Adds users.
    pub(crate) fn people(&mut self, ids: impl IntoIterator<Item = Option<UserId>>) {
        self.people.extend(ids.into_iter().flatten());
    }

    /// Loads the objects, and the technicians of the machines, with at most one query for each
    /// kind.
    pub(crate) fn load(mut self, conn: &mut DbConnection, caller: &Caller) -> persistence::Result<Related> {
        let machines = equipment::by_ids(conn, std::mem::take(&mut self.machines))?;
        self.load_with(conn, caller, machines)
    }

    /// Loads the jobs and the users; the machines are loaded already.
    pub(crate) fn load_with(
        mut self,
        conn: &mut DbConnection,
        caller: &Caller,
        machines: HashMap<EquipmentId, Equipment>,
    ) -> persistence::Result<Related> {
        let jobs = if self.jobs.is_empty() { Vec::new() } else { jobs::by_ids(conn, &self.jobs)? };
        let cleaning_ratings = if self.cleanings.is_empty() {
            HashMap::new()
        } else {
            jobs::cleaning_ratings(conn, &self.cleanings)?
        };
        let hidden_defects = match self.hidden.take() {
            Some(hidden) => hidden,
            None => hidden_defects(conn, caller, std::mem::take(&mut self.defects))?,
        };
        let own = self.teams.iter().filter(|(_, team)| team.contains(&Some(caller.user.id)));
        let own: Vec<AssignmentId> = own.map(|(id, _)| *id).collect();
        let begun =
            if own.is_empty() { HashSet::new() } else { inspections::drafts_of(conn, caller.user.id, &own)? };
        self.people(machines.values().map(|machine| machine.assigned_technician_id));
        let people = users::by_ids(conn, self.people)?;
        let people = people.into_iter().map(|(id, person)| (id, person.seen_by(&caller.user))).collect();
        Ok(Related { machines, jobs, cleaning_ratings, hidden_defects, begun, people })
    }
}

/// Those of the defects whose findings the reader doesn't see yet (§7).
pub(crate) fn hidden_defects(
    conn: &mut DbConnection,
    caller: &Caller,
    defects: Vec<DefectId>,
) -> persistence::Result<HashSet<DefectId>> {
    if defects.is_empty() || !caller.user.has(Role::Specialist) {
        return Ok(HashSet::new());
    }
    jobs::unplanned_defects(conn, caller.user.id, &defects)
}

/// The objects that rows refer to.
#[derive(Debug)]
pub(crate) struct Related {
    machines: HashMap<EquipmentId, Equipment>,
    jobs: Vec<Job>,
    cleaning_ratings: HashMap<JobId, i64>,
    hidden_defects: HashSet<DefectId>,
    begun: HashSet<AssignmentId>,
    people: HashMap<UserId, UserSummary>,
}

impl Related {
    /// One of the machines.
    pub(crate) fn machine(&self, id: EquipmentId) -> Option<&Equipment> {
        self.machines.get(&id)
    }

    /// One of the jobs.
    pub(crate) fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Rating of the cleaning of one of the jobs.
    pub(crate) fn cleaning_rating(&self, id: JobId) -> Option<i64> {
        self.cleaning_ratings.get(&id).copied()
    }

    /// Whether the reader must enter the planned time of the defect's repair before seeing what was
    /// found.
    pub(crate) fn is_hidden(&self, id: DefectId) -> bool {
        self.hidden_defects.contains(&id)
    }

    /// Whether the reader has a draft of their half of one of the assignments.
    pub(crate) fn has_draft(&self, id: AssignmentId) -> bool {
        self.begun.contains(&id)
    }

    /// One of the users.
    pub(crate) fn person(&self, id: impl Into<Option<UserId>>) -> Option<UserSummary> {
        self.people.get(&id.into()?).cloned()
    }
}

/// A row as the API shows it, together with the objects it refers to.
pub(crate) trait View<Row>: Sized {
    /// Adds the ids of the objects that the row refers to.
    fn references(row: &Row, references: &mut References);

    /// The view of a row whose related objects are loaded.
    fn new(row: Row, related: &Related, caller: &Caller) -> Self;

    /// The view of one row.
    fn one(conn: &mut DbConnection, row: Row, caller: &Caller) -> persistence::Result<Self> {
        let related = References::of::<Row, Self>(std::slice::from_ref(&row)).load(conn, caller)?;
        Ok(Self::new(row, &related, caller))
    }

    /// The views of several rows, with a fixed number of queries.
    fn many(conn: &mut DbConnection, rows: Vec<Row>, caller: &Caller) -> persistence::Result<Vec<Self>> {
        let related = References::of::<Row, Self>(&rows).load(conn, caller)?;
        Ok(rows.into_iter().map(|row| Self::new(row, &related, caller)).collect())
    }

    /// The views of a page of rows, with a fixed number of queries.
    fn page(conn: &mut DbConnection, page: Page<Row>, caller: &Caller) -> persistence::Result<Page<Self>> {
        let related = References::of::<Row, Self>(&page.items).load(conn, caller)?;
        Ok(page.map(|row| Self::new(row, &related, caller)))
    }
}

/// Handles the request for a page of a list: `rows` reads the rows of the page, `V` shows them.
pub(crate) async fn list_views<P, Filter, Row, V>(
    app: App,
    permit: Permit<P>,
    query: ListQuery<Filter>,
    rows: impl FnOnce(&mut DbConnection, &Caller, Filter, PageRequest) -> persistence::Result<Page<Row>>
    + Send
    + 'static,
) -> Result<Paged<V>, Problem>
where
    P: Permission,
    Filter: Send + 'static,
    V: View<Row> + Translated + Send + 'static,
{
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = rows(conn, caller, filter, page)?;
        V::page(conn, page, caller)
    });
    Ok(Paged(page.await?))
}
