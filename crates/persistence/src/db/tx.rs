//! A unit of work in progress: its context, its actor, and the rows that it leaves when it
//! finishes.

mod effects;
pub(crate) mod expected;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use inspection_domain::{
    audit::{AuditAction, AuditEntry, Changes},
    entity::Entity,
    ids::{AuditId, Ids, UserId},
    notifications::{Notice, Notification},
    outbox::{OutboxJob, OutboxKind},
    retention::{self, Retention},
    sessions::Device,
    sync::{ChangedKind, clock::dated},
    time::{Clock, Date, Instant, SiteTimeZone},
    translations::{self, Translated, TranslationRequest},
    users::User,
    versions::Precondition,
    warning::Warning,
};
use serde::Serialize;

use self::{
    effects::ChangedObjects,
    expected::{Expected, Target},
};
use super::{
    notify::{self, Topic},
    search,
};
use crate::{DbConnection, Error, Result};

/// Dependencies of units of work: clock, ids and the site's calendar.
#[derive(Clone)]
pub struct Context {
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Source of unique names and random bytes.
    pub ids: Arc<dyn Ids>,
    /// Converts instants to the site's dates.
    pub calendar: SiteTimeZone,
    /// Whether new texts are queued for translation in the background.
    pub translates: bool,
    /// Periods after which records that prove nothing are deleted.
    pub retention: Retention,
}

impl Context {
    /// Today at the site: the day of the shift that runs now.
    pub fn today(&self) -> Date {
        self.calendar.working_day(self.clock.now())
    }
}

/// Origin of a request, for the audit trail.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Network address of the client.
    pub address: Option<String>,
    /// Value of the header `User-Agent`.
    pub user_agent: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
}

/// Work that remains after the commit of a unit of work.
pub(crate) struct Aftermath {
    /// Topics to wake.
    pub(crate) topics: Vec<Topic>,
    /// Entries of the audit trail to log.
    security_events: Vec<AuditEntry>,
}

impl Aftermath {
    /// Logs the entries that concern access, so that an operator can watch them without reading the
    /// audit trail.
    pub(crate) fn log(&self) {
        for entry in &self.security_events {
            let fact = |name: &str| entry.changes.0.get(name).and_then(|change| change["new"].as_str());
            tracing::info!(
                target: "inspection::security",
                request_id = entry.request_id,
                event = entry.action.as_str(),
                user = entry.actor_id.map(UserId::get),
                entity_type = entry.entity_type,
                entity_id = entry.entity_id,
                account = fact("account"),
                address = entry.address,
                user_agent = fact("user_agent"),
                "security"
            );
        }
    }
}

/// A unit of work in progress.
pub struct Tx<'c> {
    /// The connection, inside the transaction.
    pub(crate) conn: &'c mut DbConnection,
    /// Time of the unit of work, the same for all of its rows.
    pub now: Instant,
    happened_at: Option<Instant>,
    received_before: Option<Instant>,
    context: &'c Context,
    origin: Origin,
    actor: Option<User>,
    notifications: Vec<Notification>,
    announcements: Vec<(UserId, Notice)>,
    audit_entries: Vec<AuditEntry>,
    outbox_jobs: Vec<OutboxJob>,
    searched: search::Entries,
    changed: ChangedObjects,
    warnings: Vec<Warning>,
    wakes_outbox: bool,
    expected: Option<Expected>,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c mut DbConnection, context: &'c Context, origin: Origin) -> Self {
        let now = context.clock.now();
        Self {
            conn,
            now,
            happened_at: None,
            received_before: None,
            context,
            origin,
            actor: None,
            notifications: Vec::new(),
            announcements: Vec::new(),
            audit_entries: Vec::new(),
            outbox_jobs: Vec::new(),
            searched: search::Entries::new(),
            changed: ChangedObjects::new(),
            warnings: Vec::new(),
            wakes_outbox: false,
            expected: None,
        }
    }

    /// The earliest time of records with this period of retention.
    pub(crate) fn retained_since(&self, period: impl Fn(&Retention) -> Duration) -> Instant {
        retention::since(self.now, period(&self.context.retention))
    }

    /// The connection, for reads inside the transaction.
    pub fn conn(&mut self) -> &mut DbConnection {
        self.conn
    }

    /// Dates the records of the unit of work back to what happened offline (§15).
    pub fn date_back(&mut self, happened_at: Option<Instant>) {
        self.happened_at = happened_at;
    }

    /// Says that the unit of work repeats one that was received at this time, and refused (§15).
    pub fn repeats(&mut self, received_at: Instant) {
        self.received_before = Some(received_at);
    }

    /// Time at which the unit of work was first received, if it was refused then.
    pub(crate) fn received_before(&self) -> Option<Instant> {
        self.received_before
    }

    /// Time of what happened offline; none for a live request.
    pub(crate) fn happened_at(&self) -> Option<Instant> {
        self.happened_at
    }

    /// Time of what the unit of work records, which is not before what it follows (§15). It is now
    /// unless it happened offline.
    pub(crate) fn happened_after(&self, follows: impl IntoIterator<Item = Option<Instant>>) -> Instant {
        match self.happened_at {
            Some(at) => dated(at, follows.into_iter().flatten().max(), self.now),
            None => self.now,
        }
    }

    /// Sets the actor. Without one, the service itself acts.
    pub fn act_as(&mut self, actor: User) {
        self.actor = Some(actor);
    }

    /// Makes the unit of work fail with [`PreconditionRule`](inspection_domain::versions), unless
    /// it changes the resource in a version that meets this condition (§15).
    pub fn expect(&mut self, target: Option<Target>, condition: Precondition) -> Result<()> {
        self.expected = Expected::new(self.conn, target, condition)?;
        Ok(())
    }

    /// The error of the unit of work, which has failed with this one.
    pub(crate) fn refusal(&self, error: Error) -> Error {
        match &self.expected {
            Some(expected) => expected.refusal(error),
            None => error,
        }
    }

    /// The actor. Fails with [`Forbidden`](inspection_domain::rule::Forbidden) if the service
    /// itself acts.
    pub(crate) fn actor(&self) -> Result<&User> {
        let anonymous = inspection_domain::rule::Forbidden("this requires a signed-in user");
        self.actor.as_ref().ok_or_else(|| anonymous.into())
    }

    /// Name of the actor, for notifications.
    pub(crate) fn actor_name(&self) -> Result<&str> {
        Ok(&self.actor()?.full_name)
    }

    /// Id of the actor; none if the service itself acts.
    pub(crate) fn actor_id(&self) -> Option<UserId> {
        self.actor.as_ref().map(|actor| actor.id)
    }

    /// Today at the site: the day of the shift that runs now.
    pub fn today(&self) -> Date {
        self.context.calendar.working_day(self.now)
    }

    /// The site's calendar.
    pub(crate) fn calendar(&self) -> &SiteTimeZone {
        &self.context.calendar
    }

    /// Sends a notification to these users. Its rows are inserted at the end of the unit of work.
    pub(crate) fn notify(&mut self, recipients: impl IntoIterator<Item = UserId>, notice: &Notice) {
        let now = self.now;
        self.notifications.extend(recipients.into_iter().map(|user| notice.address_to(user, now)));
    }

    /// Sends a notification to every active user except one, at the end of the unit of work.
    pub(crate) fn announce(&mut self, except: UserId, notice: Notice) {
        self.announcements.push((except, notice));
    }

    /// Queues the new texts of an object for translation in the background (§13).
    pub(crate) fn translate<T: Translated + Clone>(&mut self, before: Option<&T>, after: &T) {
        if self.context.translates {
            let (requests, now) = (translations::requests(before, after), self.now);
            let job =
                |request: TranslationRequest| OutboxJob::new(OutboxKind::Translate, request.payload(), now);
            self.outbox_jobs.extend(requests.into_iter().map(job));
        }
    }

    /// Records a change of an object in the feed of each follower (§15), at the end of the unit of
    /// work.
    pub(crate) fn record_change(
        &mut self,
        kind: ChangedKind,
        id: i64,
        followers: impl IntoIterator<Item = impl Into<Option<UserId>>>,
    ) {
        let recorded = self.changed.entry((kind, id)).or_default();
        for follower in followers.into_iter().filter_map(Into::into) {
            if !recorded.contains(&follower) {
                recorded.push(follower);
            }
        }
    }

    /// Records changes of several objects with one follower.
    pub(crate) fn record_changes(&mut self, kind: ChangedKind, ids: &[i64], follower: UserId) {
        for id in ids {
            self.record_change(kind, *id, [follower]);
        }
    }

    /// Adds warnings, which the response shows beside the result.
    pub(crate) fn warn(&mut self, warnings: impl IntoIterator<Item = Warning>) {
        self.warnings.extend(warnings);
    }

    /// The warnings of the unit of work so far.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// Wakes the workers of the outbox after the commit.
    pub(crate) fn wake_outbox(&mut self) {
        self.wakes_outbox = true;
    }

    /// The client of the request.
    pub(crate) fn device(&self) -> Device {
        let Origin { address, user_agent, .. } = self.origin.clone();
        Device { address, user_agent }
    }

    /// A name that is used nowhere else.
    pub(crate) fn unique(&self) -> String {
        self.context.ids.unique()
    }

    /// Unpredictable bytes.
    pub(crate) fn random(&self) -> [u8; 16] {
        self.context.ids.random()
    }

    /// Records a change of an entity: queues new texts for translation (§13), updates the index of
    /// searches, records the change in the feed of its followers (§15), and audits the changed
    /// fields. `before` is `None` for a new
    /// entity, `after` for a deleted one.
    pub(crate) fn record<T>(&mut self, action: AuditAction, before: Option<&T>, after: Option<&T>)
    where
        T: Entity + Translated + Clone + Serialize,
    {
        self.record_with(action, before, after, Changes::between(before, after));
    }

    /// Records a change of an entity as [`record`](Self::record) does, and audits these changes.
    pub(crate) fn record_with<T>(
        &mut self,
        action: AuditAction,
        before: Option<&T>,
        after: Option<&T>,
        changes: Changes,
    ) where
        T: Entity + Translated + Clone + Serialize,
    {
        let Some(entity) = after.or(before) else { return };
        if let Some(expected) = &mut self.expected {
            expected.compare(self.conn, before, entity.id());
        }
        if let Some(after) = after {
            self.translate(before, after);
        }
        search::note(&mut self.searched, before, after);
        if let Some(kind) = T::CHANGED_KIND {
            let followers = before.into_iter().chain(after).flat_map(Entity::followers);
            self.record_change(kind, entity.id(), followers);
        }
        self.audit(action, entity.name(), entity.id(), changes);
    }

    /// Adds an entry to the audit trail, which is inserted at the end of the unit of work.
    pub(crate) fn audit(
        &mut self,
        action: AuditAction,
        entity_type: &'static str,
        entity_id: impl Into<Option<i64>>,
        changes: Changes,
    ) {
        let mut entry = AuditEntry {
            id: AuditId::UNSAVED,
            at: self.now,
            actor_id: self.actor_id(),
            action,
            entity_type: entity_type.into(),
            entity_id: entity_id.into(),
            address: self.origin.address.clone(),
            request_id: self.origin.request_id.clone(),
            changes,
        };
        if let Some(user_agent) = self.device().user_agent.filter(|_| entry.is_security_event()) {
            entry.changes = entry.changes.with("user_agent", user_agent);
        }
        self.audit_entries.push(entry);
    }

    /// Inserts the rows that the unit of work leaves, and returns what to do after the commit.
    pub(crate) fn finish(mut self) -> Result<Aftermath> {
        if let Some(expected) = self.expected.take() {
            expected.outcome(self.conn)?;
        }
        search::write(self.conn, &self.searched)?;
        effects::insert_audit_entries(self.conn, &self.audit_entries)?;
        effects::insert_outbox_jobs(self.conn, &self.outbox_jobs)?;
        let mut topics = Vec::new();
        if self.wakes_outbox || !self.outbox_jobs.is_empty() {
            topics.push(Topic::Outbox);
        }
        let notifies = !self.notifications.is_empty() || !self.announcements.is_empty();
        self.changed.retain(|_, followers| !followers.is_empty());
        if notifies || !self.changed.is_empty() {
            // All others wait for the lock of the commit order, so its holder must not wait for any
            // of them.
            let recipients = self.notifications.iter().map(|notification| notification.user_id);
            let recipients: BTreeSet<UserId> =
                recipients.chain(self.changed.values().flatten().copied()).collect();
            effects::lock_recipients(self.conn, &recipients, !self.announcements.is_empty())?;
            self.conn.lock_commit_order()?;
            effects::replace_changes(self.conn, &self.changed, self.now)?;
        }
        if notifies {
            for (except, notice) in &self.announcements {
                effects::insert_announcement(self.conn, *except, notice, self.now)?;
            }
            effects::insert_notifications(self.conn, &self.notifications, self.now)?;
            topics.push(Topic::Notifications);
        }
        for topic in &topics {
            notify::notify_others(self.conn, *topic)?;
        }
        self.audit_entries.retain(AuditEntry::is_security_event);
        Ok(Aftermath { topics, security_events: self.audit_entries })
    }
}
