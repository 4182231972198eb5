//! Offline work of phones: each item runs once, through the unit of work of the live request, in
//! its own transaction (rule §15).

mod changes;
mod day;

use inspection_auth::permissions::{Inspect, Permission, SignedIn};
use inspection_domain::{
    ids::{AssessmentId, AssignmentId, InspectionId, JobId, NotificationId, PauseId, SyncId},
    input::Input,
    rule::{Code, ErrorKind, Forbidden, NotFound, Rule},
    sync::{
        Document, NewSyncItem, SyncError, SyncItem, SyncKind, SyncOutcome,
        batch::{SyncBatch, Unsettled},
        clock::{PhoneClock, dated},
    },
    time::Instant,
    warning::Warning,
};
use inspection_persistence::{
    self as persistence, Context, Database, Error, Tx, assessments, assignments, defects, inspections, jobs,
    leaves, notifications, pauses, sessions, sync, translations,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    assessments::AssessmentView,
    assignments::AssignmentView,
    defects::DefectView,
    inspections::{AnswerView, InspectionDetailView, SubmittedView, warnings},
    jobs::JobView,
    leaves::LeaveView,
    notifications::NotificationView,
    pauses::PauseView,
    related::View,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        item_budget::ItemBudget,
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Done, Paged, Render, Reply},
        routes::Routes,
    },
};

/// Endpoints of offline work.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("sync", "Offline work, applied item by item");
    routes.tag("changes", "What changed for the user");
    routes.post("/api/sync", "sync.one", one, "Apply one item of offline work");
    routes.post(
        "/api/sync/batch",
        "sync.batch",
        batch,
        "Apply several items of offline work in order; a rejected item does not stop the rest",
    );
    routes.get("/api/sync/pending", "sync.pending", pending, "List the user's rejected items, oldest first");
    routes.get(
        "/api/sync/changes",
        "changes.list",
        changes::list,
        "List the user's changes since a cursor, in order",
    );
    routes.get(
        "/api/sync/day",
        "sync.day",
        day::read,
        "Get what the user's phone needs for a shift: assignments, questions, defects and jobs",
    );
    routes.delete("/api/sync/{id}", "sync.discard", discard, "Discard one of the user's rejected items");
}

/// The result of an item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Taken)]
struct SyncResult {
    /// Primary key of the item; none if it is not stored: it has no `client_id`, its `client_id` is
    /// used by another item, or it must be sent again.
    id: Option<SyncId>,
    /// Idempotency key from the client.
    client_id: Option<String>,
    /// `applied`, `duplicate` if it was applied before, `superseded` if a newer answer is on
    /// record, which is the result, or `rejected`.
    outcome: &'static str,
    /// The response of the live request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result: Option<Document>,
    /// The reason of a rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<SyncError>,
}

/// The results of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenTogether)]
struct SyncBatchResult {
    /// The results, in the order of the items.
    results: Vec<SyncResult>,
    /// Number of stored items, applied or rejected.
    submitted: usize,
    /// Primary keys of the stored items.
    ids: Vec<SyncId>,
}

impl SyncResult {
    fn of(item: SyncItem, is_new: bool) -> Self {
        let outcome = match (item.outcome, is_new) {
            (SyncOutcome::Applied, _) if item.is_superseded => "superseded",
            (SyncOutcome::Applied, true) => "applied",
            (SyncOutcome::Applied, false) => "duplicate",
            (SyncOutcome::Rejected, _) => "rejected",
        };
        let (id, client_id) = (Some(item.id), Some(item.client_id));
        Self { id, client_id, outcome, result: item.result, error: item.sync_error }
    }

    /// The result of an item that is not stored.
    fn refused(client_id: Option<String>, error: SyncError) -> Self {
        Self { id: None, client_id, outcome: "rejected", result: None, error: Some(error) }
    }

    /// Whether the item has its outcome: a conflict may pass when it is sent again.
    fn is_final(&self) -> bool {
        self.error.as_ref().is_none_or(|error| error.code != Code::Conflict.as_str())
    }
}

inspection_domain::shows!(SyncItemView {});

/// An item of offline work.
#[derive(Debug, Serialize, ToSchema)]
struct SyncItemView {
    #[serde(flatten)]
    item: SyncItem,
    /// Whether it was applied.
    is_synced: bool,
    /// Time at which it was applied.
    synced_at: Option<Instant>,
    /// Message of the error; none if applied.
    sync_error: Option<String>,
}

impl From<SyncItem> for SyncItemView {
    fn from(item: SyncItem) -> Self {
        let is_synced = item.outcome == SyncOutcome::Applied;
        Self {
            is_synced,
            synced_at: is_synced.then_some(item.created_at),
            sync_error: item.sync_error.as_ref().map(|error| error.message.clone()),
            item,
        }
    }
}

/// Maximum number of attempts in case of concurrent updates.
const MAX_TRIES: usize = 4;

/// Maximum number of refused items that a request tries again.
const MAX_RETRIES: usize = 200;

/// Processes the items of one request.
struct SyncProcessor<'a> {
    database: &'a Database,
    context: &'a Context,
    permit: &'a Permit<SignedIn>,
    caller: &'a Caller,
    /// Clock of the phone, as the batch or the first item that says it.
    clock: Option<PhoneClock>,
    unsettled: Unsettled,
    /// The applied items of the request, for which refused ones may have waited.
    causes: Vec<SyncItem>,
}

/// The effect of an item: the primary key of the object, its view, and whether a newer answer is on
/// record.
type Performed = (i64, Document, bool);

impl<'a> SyncProcessor<'a> {
    fn new(
        database: &'a Database,
        context: &'a Context,
        permit: &'a Permit<SignedIn>,
        caller: &'a Caller,
        clock: Option<PhoneClock>,
    ) -> Self {
        let unsettled = Unsettled::default();
        Self { database, context, permit, caller, clock, unsettled, causes: Vec::new() }
    }
}

impl SyncProcessor<'_> {
    /// Runs one transaction for what happened at this time, if the session is active.
    fn write<T>(
        &self,
        happened_at: Option<Instant>,
        work: impl FnOnce(&mut Tx<'_>) -> persistence::Result<T>,
    ) -> persistence::Result<T> {
        self.database.write(self.context, self.permit.origin.clone(), |tx| {
            let now = tx.now;
            let mut user = sessions::authenticate(tx.conn(), &self.permit.token.session, now)?;
            if let Some(at) = happened_at.filter(|_| user.is_on_leave) {
                // The leave may have begun after the work.
                let at = dated(at, None, now);
                user.is_on_leave = leaves::is_away(tx.conn(), user.id, at, &self.context.calendar)?;
            }
            tx.act_as(user);
            tx.date_back(happened_at);
            work(tx)
        })
    }

    /// Time of an item by the clock of the service.
    fn happened_at(&mut self, item: &NewSyncItem) -> Option<Instant> {
        if self.clock.is_none() {
            self.clock = item.sent_at.map(|at| PhoneClock::new(Some(at), self.caller.now));
        }
        item.happened_at(self.clock.unwrap_or_default(), self.context.clock.now())
    }

    /// The warning about the clock of the phone.
    fn warning(&self) -> Option<Warning> {
        self.clock.and_then(PhoneClock::warning)
    }

    /// An error in the language of the caller.
    fn error(&self, rule: &dyn Rule) -> SyncError {
        SyncError::of(rule, self.caller.language)
    }

    /// The result of an item that is not stored, because of this rule.
    fn refused(&self, item: &NewSyncItem, rule: &dyn Rule) -> SyncResult {
        SyncResult::refused(Some(item.client_id.as_str().to_owned()), self.error(rule))
    }

    /// Applies an item, unless it has been applied before, and stores its outcome. Fails only if
    /// the outcome is unknown.
    fn process(&mut self, item: &NewSyncItem) -> persistence::Result<SyncResult> {
        let happened_at = self.happened_at(item);
        let (result, stored) = self.apply(item, happened_at, None)?;
        self.causes.extend(stored.filter(|item| item.outcome == SyncOutcome::Applied));
        Ok(result)
    }

    /// Tries the refused items again that have waited for those of the request, the earliest first:
    /// after all of them, so that a submission doesn't come before answers of the same request.
    /// Returns the results of those that are applied. After an error, the others wait for a later
    /// request.
    fn heal(&mut self) -> Vec<SyncResult> {
        let mut healed = Vec::new();
        if let Err(error) = self.try_waiting_items(&mut healed) {
            tracing::warn!(%error, "refused items are not tried again");
        }
        healed
    }

    fn try_waiting_items(&mut self, healed: &mut Vec<SyncResult>) -> persistence::Result<()> {
        let (mut causes, mut tries) = (std::mem::take(&mut self.causes), 0);
        if causes.is_empty() {
            return Ok(());
        }
        let owner = self.caller.user.id;
        let mut waiting = self.database.read(|conn| sync::waiting(conn, owner))?;
        waiting.sort_by_key(|item| (item.time(), item.id));
        while !causes.is_empty() {
            let (ready, others): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|item| causes.iter().any(|cause| item.follows(cause)));
            (waiting, causes) = (others, Vec::new());
            for stored in ready {
                tries += 1;
                let Some(item) = stored.as_sent().filter(|_| tries <= MAX_RETRIES) else { return Ok(()) };
                let (result, applied) = self.apply(&item, Some(stored.time()), Some(&stored))?;
                if let Some(applied) = applied.filter(|item| item.outcome == SyncOutcome::Applied) {
                    healed.push(result);
                    causes.push(applied);
                } else {
                    waiting.push(stored);
                }
            }
        }
        Ok(())
    }

    /// Applies an item that has no outcome yet, or a refusal that is tried again, and stores its
    /// outcome. Returns the item, too, as it is stored. `waiting` is a stored refusal that the
    /// service tries again by itself; it stays as it is unless it is applied.
    fn apply(
        &mut self,
        item: &NewSyncItem,
        happened_at: Option<Instant>,
        waiting: Option<&SyncItem>,
    ) -> persistence::Result<(SyncResult, Option<SyncItem>)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.write(happened_at, |tx| {
                let (owner, now) = (self.caller.user.id, tx.now);
                let before = match sync::lock(tx.conn(), owner, &item.client_id)? {
                    Some(first) => match first.replay(item) {
                        Ok(first) if first.may_heal() && waiting.is_some() => Some(first),
                        Ok(first) if first.may_be_tried_again() && waiting.is_none() => Some(first),
                        Ok(first) => return Ok(Ok((first, false))),
                        Err(reused) => return Ok(Err(reused)),
                    },
                    // Discarded by its owner in the meantime.
                    None if waiting.is_some() => return Err(NotFound("sync item").into()),
                    None => None,
                };
                if let Some(first) = &before {
                    tx.repeats(first.created_at);
                }
                if let Some(same) = sync::find_same(tx.conn(), owner, item)? {
                    let again = same.again(item.clone(), now);
                    return Ok(Ok((sync::store(tx, before.as_ref(), again)?, false)));
                }
                let document = sync::resolved(tx.conn(), owner, item)?;
                if let Some(at) = happened_at.filter(|_| waiting.is_some() && item.occurred_at.is_some())
                    && item.entity_type == SyncKind::InspectionSubmit
                {
                    inspections::may_submit_as_of(tx.conn(), document.number("inspection_id")?, at)?;
                }
                let (entity_id, result, is_superseded) = self.perform(tx, item.entity_type, document)?;
                let applied = SyncItem::applied(item.clone(), owner, entity_id, result, now);
                let applied = SyncItem { is_superseded, ..applied };
                Ok(Ok((sync::store(tx, before.as_ref(), applied)?, true)))
            });
            let rule = match outcome {
                Ok(Ok((stored, is_new))) => {
                    return Ok((SyncResult::of(stored.clone(), is_new), Some(stored)));
                }
                Ok(Err(not_stored)) => return Ok((self.refused(item, &not_stored), None)),
                Err(Error::Rule(rule)) if rule.code().kind() != ErrorKind::Unauthenticated => rule,
                Err(other) => return Err(other),
            };
            if rule.code() == Code::Conflict {
                if tries < MAX_TRIES {
                    continue;
                }
                // Not stored, so that it can be sent again.
                self.unsettled.note_lost_race();
                return Ok((self.refused(item, rule.as_ref()), None));
            }
            if waiting.is_some() {
                return Ok((self.refused(item, rule.as_ref()), None));
            }
            if let Err(unsettled) = self.unsettled.may_reject(item) {
                return Ok((self.refused(item, &unsettled), None));
            }
            let error = self.error(rule.as_ref());
            return match self.write(happened_at, |tx| sync::reject(tx, item.clone(), error)) {
                Ok((stored, is_new)) => Ok((SyncResult::of(stored, is_new), None)),
                Err(Error::Rule(rule)) if rule.code() == Code::Conflict => {
                    Ok((self.refused(item, rule.as_ref()), None))
                }
                Err(other) => Err(other),
            };
        }
    }

    /// Parses and processes an item of a batch. A malformed item is not stored.
    fn parse_and_process(&mut self, raw: Value) -> persistence::Result<SyncResult> {
        let name = raw.get("client_id").and_then(Value::as_str).map(str::to_owned);
        let result = match NewSyncItem::from_json(raw) {
            Ok(item) => self.process(&item)?,
            Err(errors) => SyncResult::refused(name, self.error(&errors)),
        };
        self.unsettled.note(result.client_id.as_deref(), result.id.is_some());
        Ok(result)
    }

    /// Runs the unit of work of the live request.
    fn perform(&self, tx: &mut Tx<'_>, kind: SyncKind, document: Document) -> persistence::Result<Performed> {
        // The time of the transaction, not that of the request.
        let caller = &Caller { now: tx.now, today: tx.today(), ..self.caller.clone() };
        let language = caller.language;
        macro_rules! shown {
            ($id:expr, $view:expr) => {{
                let (id, mut view) = ($id, $view);
                translations::show(tx.conn(), language, &mut view)?;
                Ok((id.get(), to_document(&view), false))
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
                let (detail, _) = inspections::start(tx, &document.read()?)?;
                let id = detail.inspection.id;
                shown!(id, InspectionDetailView::load(tx.conn(), detail, caller)?)
            }
            SyncKind::InspectionAnswer => {
                let id: InspectionId = document.number("inspection_id")?;
                let new = document.read()?;
                let hints = warnings(std::slice::from_ref(&new), caller, |_| String::new());
                let (saved, is_superseded) = inspections::answer_dated(tx, id, new)?;
                let shown = shown!(saved.0.id, AnswerView::load(tx.conn(), saved, hints, caller)?);
                shown.map(|(id, view, _)| (id, view, is_superseded))
            }
            SyncKind::AnswerPhoto => {
                let (id, document) = Self::answer_of_photo(tx, document)?;
                let saved = inspections::add_photos(tx, id, document.read()?)?;
                shown!(saved.0.id, AnswerView::load(tx.conn(), saved, Vec::new(), caller)?)
            }
            SyncKind::InspectionSubmit => {
                let id: InspectionId = document.number("inspection_id")?;
                let (inspection, found) = inspections::submit(tx, id)?;
                shown!(id, SubmittedView::load(tx.conn(), inspection, found, caller)?)
            }
            SyncKind::AssignmentComplete => {
                let id: AssignmentId = document.number("assignment_id")?;
                let assignment = assignments::confirm(tx.conn(), &caller.user, id)?;
                shown!(id, AssignmentView::one(tx.conn(), assignment, caller)?)
            }
            SyncKind::AssessmentVerdict => {
                let id = self.assessment(tx, &document)?;
                let assessment = assessments::give_verdict(tx, id, document.read()?)?;
                shown!(id, AssessmentView::one(tx.conn(), assessment, caller)?)
            }
            SyncKind::JobPlannedTime => {
                let (kind, id) = job(tx)?;
                let planned = jobs::plan(tx, kind, id, &document.read()?)?;
                shown!(id, JobView::one(tx.conn(), planned, caller)?)
            }
            SyncKind::JobStart => {
                let (kind, id) = job(tx)?;
                let started = jobs::start(tx, kind, id, document.read()?)?;
                shown!(id, JobView::one(tx.conn(), started, caller)?)
            }
            SyncKind::JobComplete => {
                let (kind, id) = job(tx)?;
                let completed = jobs::complete(tx, kind, id, document.read()?)?;
                shown!(id, JobView::one(tx.conn(), completed, caller)?)
            }
            SyncKind::JobIncomplete => {
                let (kind, id) = job(tx)?;
                let left = jobs::leave_incomplete(tx, kind, id, document.read()?)?;
                shown!(id, JobView::one(tx.conn(), left, caller)?)
            }
            SyncKind::PauseRequest => {
                let (kind, id) = job(tx)?;
                let pause = pauses::request(tx, kind, id, document.read()?)?;
                shown!(pause.id, PauseView::one(tx.conn(), pause, caller)?)
            }
            SyncKind::PauseResume => {
                let id: PauseId = document.number("pause_id")?;
                let pause = pauses::resume(tx, id)?;
                shown!(id, PauseView::one(tx.conn(), pause, caller)?)
            }
            SyncKind::LeaveRequest => {
                let leave = leaves::request(tx, document.read()?)?;
                shown!(leave.id, LeaveView::one(tx.conn(), leave, caller)?)
            }
            SyncKind::DefectReport => {
                let defect = defects::report(tx, document.read()?)?;
                shown!(defect.id, DefectView::one(tx.conn(), defect, caller)?)
            }
            SyncKind::NotificationRead => {
                let id: NotificationId = document.number("notification_id")?;
                let read = notifications::mark_read(tx, id)?;
                Ok((id.get(), to_document(&NotificationView::new(read, language)), false))
            }
        }
    }

    /// The inspection of an answer that gets photos, and the item with the question of the answer.
    /// A client may name the answer instead of the inspection and the question.
    fn answer_of_photo(tx: &mut Tx<'_>, document: Document) -> persistence::Result<(InspectionId, Document)> {
        if document.0.contains_key("inspection_id") || !document.0.contains_key("answer_id") {
            return Ok((document.number("inspection_id")?, document));
        }
        let answer = inspections::get_answer(tx.conn(), document.number("answer_id")?)?;
        let item = answer.checklist_item_id.get();
        Ok((answer.inspection_id, document.with_number("checklist_item_id", item)))
    }

    /// The assessment of a verdict. A client that was offline when it was created refers to its
    /// assignment instead.
    fn assessment(&self, tx: &mut Tx<'_>, document: &Document) -> persistence::Result<AssessmentId> {
        if document.0.contains_key("assessment_id") || !document.0.contains_key("assignment_id") {
            return Ok(document.number("assessment_id")?);
        }
        let assignment: AssignmentId = document.number("assignment_id")?;
        Ok(assessments::get_visible_by_assignment(tx.conn(), &self.caller.user, assignment)?.id)
    }
}

fn to_document(view: &impl Serialize) -> Document {
    match serde_json::to_value(view) {
        Ok(Value::Object(map)) => Document(map),
        _ => Document::default(),
    }
}

async fn one(
    app: App,
    permit: Permit<SignedIn>,
    budget: ItemBudget,
    body: Body<NewSyncItem>,
) -> Result<Rendered<Reply<SyncResult>>, Problem> {
    budget.spend(1).await?;
    app.write_in_steps(permit.clone(), body, move |database, context, caller, item| {
        let mut processor = SyncProcessor::new(database, context, &permit, caller, None);
        let result = processor.process(&item)?;
        let result = processor.heal().into_iter().find(|healed| healed.id == result.id).unwrap_or(result);
        let is_final = result.is_final();
        let mut reply = Reply::new(result);
        reply.warn(processor.warning().into_iter().collect());
        Ok((reply, is_final))
    })
    .await
}

async fn batch(
    app: App,
    permit: Permit<SignedIn>,
    budget: ItemBudget,
    body: Body<SyncBatch>,
) -> Result<Rendered<Reply<SyncBatchResult>>, Problem> {
    budget.spend(body.peek().map_or(0, |batch| batch.items.0.len())).await?;
    app.write_in_steps(permit.clone(), body, move |database, context, caller, batch| {
        let clock = batch.sent_at.map(|at| PhoneClock::new(Some(at), caller.now));
        let mut processor = SyncProcessor::new(database, context, &permit, caller, clock);
        let items = batch.items.0.into_iter();
        let mut results = items.map(|raw| processor.parse_and_process(raw)).collect::<Result<Vec<_>, _>>()?;
        for healed in processor.heal() {
            if let Some(refused) = results.iter_mut().find(|result| result.id == healed.id) {
                *refused = healed;
            }
        }
        let ids: Vec<SyncId> = results.iter().filter_map(|result| result.id).collect();
        let is_final = results.iter().all(SyncResult::is_final);
        let mut reply = Reply::new(SyncBatchResult { submitted: ids.len(), ids, results });
        reply.warn(processor.warning().into_iter().collect());
        Ok((reply, is_final))
    })
    .await
}

async fn pending(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<SyncItemView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        Ok(sync::rejected(conn, caller.user.id, page)?.map(SyncItemView::from))
    });
    Ok(Paged(page.await?))
}

async fn discard(app: App, permit: Permit<SignedIn>, id: Path<SyncId>) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        sync::discard(tx, id)?;
        Ok(Done("item discarded"))
    })
    .await
}
