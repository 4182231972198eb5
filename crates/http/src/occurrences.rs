//! Findings of defects: when and where each was found, with the failed answers.

use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    defects::occurrences::Occurrence, ids::DefectId, inspections::Answer, jobs::JobRule, rule::Rule,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, defects};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related},
    web::{
        app::{App, Caller},
        input::{ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::Paged,
        routes::Routes,
    },
};

/// Endpoints of findings.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/defects/{id}/occurrences",
        "defects.occurrences",
        list,
        "List the findings of a defect with the failed answers, newest first",
    );
}

/// Number of findings that a defect or its job shows; all of them have a list.
const SHOWN: i64 = 10;

inspection_domain::shows!(OccurrenceView { answer });

/// A finding of a defect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OccurrenceView {
    #[serde(flatten)]
    occurrence: Occurrence,
    /// `PLANNED_TIME_REQUIRED` if the user must enter the planned time of the repair first. Until
    /// then the answer is null.
    code: Option<&'static str>,
    /// The inspector, or the reporter.
    found_by: Option<UserSummary>,
    /// The failed answer; none if the defect was reported.
    answer: Option<Answer>,
}

impl OccurrenceView {
    fn new(occurrence: Occurrence, answer: Option<Answer>, related: &Related) -> Self {
        let is_hidden = related.is_hidden(occurrence.defect_id);
        Self {
            code: is_hidden.then(|| JobRule::PlannedTimeRequired.code().as_str()),
            found_by: related.person(occurrence.found_by_id),
            answer: answer.filter(|_| !is_hidden),
            occurrence,
        }
    }

    /// The latest findings of a defect that is not hidden from the reader.
    pub(crate) fn latest(
        conn: &mut DbConnection,
        id: DefectId,
        caller: &Caller,
    ) -> persistence::Result<Vec<Self>> {
        let found = Findings::latest(conn, id)?;
        let mut references = References::default();
        found.references(&mut references);
        let related = references.load(conn, caller)?;
        Ok(found.views(&related))
    }
}

/// The latest findings of a defect, which are shown with it.
pub(crate) struct Findings(Vec<(Occurrence, Option<Answer>)>);

impl Findings {
    /// Reads the findings.
    pub(crate) fn latest(conn: &mut DbConnection, id: DefectId) -> persistence::Result<Self> {
        Ok(Self(defects::latest_occurrences(conn, id, SHOWN)?))
    }

    /// Adds what they refer to; the defect itself is one of the references.
    pub(crate) fn references(&self, references: &mut References) {
        references.people(self.0.iter().map(|(occurrence, _)| Some(occurrence.found_by_id)));
    }

    /// The views, as the reader of the defect sees them.
    pub(crate) fn views(self, related: &Related) -> Vec<OccurrenceView> {
        let view = |(occurrence, answer)| OccurrenceView::new(occurrence, answer, related);
        self.0.into_iter().map(view).collect()
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<DefectId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<OccurrenceView>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        let page = defects::occurrences(conn, id, page)?;
        let mut references = References::default();
        references.defect(id);
        references.people(page.items.iter().map(|occurrence| Some(occurrence.found_by_id)));
        let related = references.load(conn, caller)?;
        let answers = defects::answers_of(conn, &page.items)?;
        Ok(page.map(|occurrence| {
            let answer = answers.iter().find(|answer| occurrence.is_of(answer)).cloned();
            OccurrenceView::new(occurrence, answer, &related)
        }))
    });
    Ok(Paged(page.await?))
}
