//! What phones did while they were offline: each item through the unit of work of the live request, in a transaction of its own,
//! done once (rule book §15).

mod changes;

use inspection_auth::permissions::{Inspect, Permission, SignedIn};
use inspection_domain::{
    ids::{AssessmentId, AssignmentId, InspectionId, JobId, NotificationId, PauseId, SyncId},
    input::Input,
    rule::{Code, ErrorKind, Forbidden, Rule},
    sync::{Document, NewSyncItem, SyncBatch, SyncError, SyncItem, SyncKind, SyncOutcome},
};
use inspection_persistence::{
    self as persistence, Context, Database, Error, Tx, assessments, assignments, inspections, jobs, leaves,
    notifications, pauses, sessions, sync, translations,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    assessments::AssessmentView,
    assignments::AssignmentView,
    inspections::{AnswerView, SheetView, SubmittedView},
    jobs::JobView,
    leaves::LeaveView,
    notifications::NotificationView,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::{Done, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of what was done offline.
pub(crate) fn routes(routes: &mut Routes) {
    routes.post("/api/sync", "sync.one", one, "Apply something that was done offline");
    routes.post(
        "/api/sync/batch",
        "sync.batch",
        batch,
        "Apply what was done offline, in order; what a rule forbids doesn't stop the rest",
    );
    routes.get(
        "/api/sync/pending",
        "sync.pending",
        pending,
        "One's items that were rejected, the oldest first",
    );
    routes.get(
        "/api/sync/changes",
        "changes.list",
        changes::list,
        "What has changed for one since a cursor, in order",
    );
    routes.delete("/api/sync/{id}", "sync.discard", discard, "Forget an item of one's own that was rejected");
}

/// What has become of an item.
#[derive(Debug, Serialize, ToSchema)]
struct Taken {
    /// Number of the item; none if it wasn't kept: it has no name, its name is used up, or it is to be sent again.
    id: Option<SyncId>,
    /// The name that the client has given it.
    client_id: Option<String>,
    /// `applied`, `duplicate` if it was applied before, or `rejected`.
    outcome: &'static str,
    /// What the live request answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Document>,
    /// Why it wasn't done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SyncError>,
}

/// What has become of items that were sent together.
#[derive(Debug, Serialize, ToSchema)]
struct TakenTogether {
    /// Each of them, in order.
    results: Vec<Taken>,
    /// How many are kept, done or rejected.
    submitted: usize,
    /// The numbers of those.
    ids: Vec<SyncId>,
}

impl Taken {
    fn of(item: SyncItem, is_new: bool) -> Self {
        let outcome = match (item.outcome, is_new) {
            (SyncOutcome::Applied, true) => "applied",
            (SyncOutcome::Applied, false) => "duplicate",
            (SyncOutcome::Rejected, _) => "rejected",
        };
        let (id, client_id) = (Some(item.id), Some(item.client_id));
        Self { id, client_id, outcome, result: item.result, error: item.sync_error }
    }

    /// An item that isn't kept.
    fn refused(client_id: Option<String>, rule: &dyn Rule) -> Self {
        Self { id: None, client_id, outcome: "rejected", result: None, error: Some(SyncError::of(rule)) }
    }
}

/// How often an item is tried that has lost a race.
const TRIES: usize = 4;

/// What an item is done with.
struct Desk<'a> {
    database: &'a Database,
    context: &'a Context,
    permit: &'a Permit<SignedIn>,
    caller: &'a Caller,
}

impl Desk<'_> {
    /// One transaction, while the session stands.
    fn write<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> persistence::Result<T>) -> persistence::Result<T> {
        self.database.write(self.context, self.permit.origin.clone(), |tx| {
            let user = sessions::authenticate(tx.conn(), &self.permit.token.session)?;
            tx.act_as(user);
            work(tx)
        })
    }

    /// Does an item, if it wasn't done before, and keeps what became of it. Fails only if nothing could be found out about it.
    fn take(&self, item: &NewSyncItem) -> persistence::Result<Taken> {
        let name = Some(item.client_id.as_str().to_owned());
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.write(|tx| {
                let owner = self.caller.user.id;
                if let Some(first) = sync::find(tx.conn(), owner, &item.client_id)? {
                    return Ok(first.replay(item).map(|first| Taken::of(first, false)));
                }
                item.check(tx.now)?;
                let document = sync::resolved(tx.conn(), owner, item)?;
                let (entity_id, result) = self.perform(tx, item.entity_type, document)?;
                Ok(Ok(Taken::of(sync::applied(tx, item.clone(), entity_id, result)?, true)))
            });
            let rule = match outcome {
                Ok(Ok(taken)) => return Ok(taken),
                Ok(Err(reused)) => return Ok(Taken::refused(name, &reused)),
                Err(Error::Rule(rule)) if rule.code().kind() != ErrorKind::Unauthenticated => rule,
                Err(other) => return Err(other),
            };
            if rule.code() == Code::Conflict {
                if tries < TRIES {
                    continue;
                }
                // Not kept, so that it is done when it is sent again.
                return Ok(Taken::refused(name, rule.as_ref()));
            }
            let error = SyncError::of(rule.as_ref());
            return match self.write(|tx| sync::reject(tx, item.clone(), error)) {
                Ok((item, is_new)) => Ok(Taken::of(item, is_new)),
                Err(Error::Rule(rule)) if rule.code() == Code::Conflict => {
                    Ok(Taken::refused(name, rule.as_ref()))
                }
                Err(other) => Err(other),
            };
        }
    }

    /// Reads an item and does it. What is no item isn't kept.
    fn read_and_take(&self, given: Value) -> persistence::Result<Taken> {
        let name = given.get("client_id").and_then(Value::as_str).map(str::to_owned);
        match NewSyncItem::from_json(given) {
            Ok(item) => self.take(&item),
            Err(wrong) => Ok(Taken::refused(name, &wrong)),
        }
    }

    /// What a live request of this kind does, and what it answers with: the number of the object, and the object.
    fn perform(
        &self,
        tx: &mut Tx<'_>,
        kind: SyncKind,
        document: Document,
    ) -> persistence::Result<(i64, Document)> {
        let (caller, language) = (self.caller, self.caller.language);
        macro_rules! shown {
            ($id:expr, $view:expr) => {{
                let (id, mut view) = ($id, $view);
                translations::show(tx.conn(), language, &mut view)?;
                Ok((id.get(), document_of(&view)))
            }};
        }
        let job = |tx: &mut Tx<'_>| {
            let id: JobId = document.number("job_id")?;
            Ok::<_, Error>((jobs::get_kind(tx.conn(), id)?, id))
        };
        match kind {
            SyncKind::InspectionStart => {
                if !Inspect::is_granted_to(&caller.user) {
                    return Err(Forbidden("your role may not do this").into());
                }
                let (sheet, _) = inspections::start(tx, &document.read()?)?;
                let id = sheet.inspection.id;
                shown!(id, SheetView::new(tx.conn(), sheet, language)?)
            }
            SyncKind::InspectionAnswer => {
                let id: InspectionId = document.number("inspection_id")?;
                let (answer, progress) = inspections::answer_one(tx, id, document.read()?)?;
                shown!(answer.id, AnswerView::new(answer, progress))
            }
            SyncKind::InspectionSubmit => {
                let id: InspectionId = document.number("inspection_id")?;
                let (inspection, defects) = inspections::submit(tx, id)?;
                shown!(id, SubmittedView::new(tx.conn(), inspection, defects, language)?)
            }
            SyncKind::AssignmentComplete => {
                let id: AssignmentId = document.number("assignment_id")?;
                let assignment = assignments::confirm(tx.conn(), &caller.user, id)?;
                let now = tx.now;
                shown!(id, AssignmentView::one(tx.conn(), assignment, now, language)?)
            }
            SyncKind::AssessmentVerdict => {
                let id = self.assessment(tx, &document)?;
                let assessment = assessments::give_verdict(tx, id, document.read()?)?;
                shown!(id, AssessmentView::one(tx.conn(), assessment, language)?)
            }
            SyncKind::JobPlannedTime => {
                let (kind, id) = job(tx)?;
                let planned = jobs::plan(tx, kind, id, &document.read()?)?;
                shown!(id, JobView::changed(tx, caller, planned)?)
            }
            SyncKind::JobStart => {
                let (kind, id) = job(tx)?;
                let started = jobs::start(tx, kind, id)?;
                shown!(id, JobView::changed(tx, caller, started)?)
            }
            SyncKind::JobComplete => {
                let (kind, id) = job(tx)?;
                let completed = jobs::complete(tx, kind, id, document.read()?)?;
                shown!(id, JobView::changed(tx, caller, completed)?)
            }
            SyncKind::JobIncomplete => {
                let (kind, id) = job(tx)?;
                let left = jobs::leave_incomplete(tx, kind, id, document.read()?)?;
                shown!(id, JobView::changed(tx, caller, left)?)
            }
            SyncKind::PauseRequest => {
                let (kind, id) = job(tx)?;
                let pause = pauses::request(tx, kind, id, document.read()?)?;
                Ok((pause.id.get(), document_of(&pause)))
            }
            SyncKind::PauseResume => {
                let id: PauseId = document.number("pause_id")?;
                Ok((id.get(), document_of(&pauses::resume(tx, id)?)))
            }
            SyncKind::LeaveRequest => {
                let leave = leaves::request(tx, document.read()?)?;
                shown!(leave.id, LeaveView::one(tx.conn(), leave)?)
            }
            SyncKind::NotificationRead => {
                let id: NotificationId = document.number("notification_id")?;
                let read = notifications::mark_read(tx, id)?;
                Ok((id.get(), document_of(&NotificationView::new(read, language))))
            }
        }
    }

    /// The assessment that a verdict is on; who was offline when it was made knows only its assignment.
    fn assessment(&self, tx: &mut Tx<'_>, document: &Document) -> persistence::Result<AssessmentId> {
        if document.0.contains_key("assessment_id") || !document.0.contains_key("assignment_id") {
            return Ok(document.number("assessment_id")?);
        }
        let assignment: AssignmentId = document.number("assignment_id")?;
        Ok(assessments::get_visible_by_assignment(tx.conn(), &self.caller.user, assignment)?.id)
    }
}

fn document_of(view: &impl Serialize) -> Document {
    match serde_json::to_value(view) {
        Ok(Value::Object(map)) => Document(map),
        _ => Document::default(),
    }
}

async fn one(app: App, permit: Permit<SignedIn>, body: Body<NewSyncItem>) -> Result<Reply<Taken>, Problem> {
    let taken = app.with_database(permit.clone(), body, move |database, context, caller, item| {
        Desk { database, context, permit: &permit, caller }.take(&item)
    });
    Ok(Reply::new(taken.await?))
}

async fn batch(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<SyncBatch>,
) -> Result<Reply<TakenTogether>, Problem> {
    let results = app.with_database(permit.clone(), body, move |database, context, caller, batch| {
        let desk = Desk { database, context, permit: &permit, caller };
        batch
            .items
            .0
            .into_iter()
            .map(|given| desk.read_and_take(given))
            .collect::<persistence::Result<Vec<_>>>()
    });
    let results = results.await?;
    let ids: Vec<SyncId> = results.iter().filter_map(|taken| taken.id).collect();
    Ok(Reply::new(TakenTogether { submitted: ids.len(), ids, results }))
}

async fn pending(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<SyncItem>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| sync::rejected(conn, caller.user.id, page));
    Ok(Paged(page.await?))
}

async fn discard(app: App, permit: Permit<SignedIn>, id: Path<SyncId>) -> Result<Done, Problem> {
    app.write(permit, id, |tx, _, id| sync::discard(tx, id)).await?;
    Ok(Done("item discarded"))
}
