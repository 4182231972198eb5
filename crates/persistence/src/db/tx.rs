//! A unit of work under way: what it may use, and what it leaves behind.

use std::{collections::BTreeSet, sync::Arc};

use inspection_domain::{
    audit::{AuditAction, AuditEntry, Changes},
    ids::{AuditId, Ids, UserId},
    notifications::{Notice, Notification},
    outbox::{OutboxJob, OutboxKind},
    sync::ChangedKind,
    time::{Clock, Date, Instant, SiteTimeZone},
    translations::{self, Translated, TranslationRequest},
    users::User,
};

use crate::{
    DbConnection, Result, audit,
    changes::{self, Touched},
    db::notify::{self, Topic},
    notifications, outbox, users,
};

/// What a unit of work takes from outside: time, randomness, and where the site is.
#[derive(Clone)]
pub struct Context {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids up.
    pub ids: Arc<dyn Ids>,
    /// Turns instants into the site's dates.
    pub calendar: SiteTimeZone,
    /// Whether somebody translates texts in the background; if not, no work is left for that.
    pub translates: bool,
}

impl Context {
    /// Today at the site.
    pub fn today(&self) -> Date {
        self.calendar.date(self.clock.now())
    }
}

/// Where a request comes from, for the audit trail.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Network address.
    pub address: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
}

/// A unit of work under way.
pub struct Tx<'c> {
    /// The connection, inside the transaction.
    pub(crate) conn: &'c mut DbConnection,
    /// When it takes place.
    pub now: Instant,
    context: &'c Context,
    origin: Origin,
    actor: Option<User>,
    notifications: Vec<Notification>,
    announcements: Vec<(UserId, Notice)>,
    trail: Vec<AuditEntry>,
    work: Vec<OutboxJob>,
    touched: Touched,
    wakes_outbox: bool,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c mut DbConnection, context: &'c Context, origin: Origin) -> Self {
        let now = context.clock.now();
        Self {
            conn,
            now,
            context,
            origin,
            actor: None,
            notifications: Vec::new(),
            announcements: Vec::new(),
            trail: Vec::new(),
            work: Vec::new(),
            touched: Touched::new(),
            wakes_outbox: false,
        }
    }

    /// The connection, for reads in the middle of the work.
    pub fn conn(&mut self) -> &mut DbConnection {
        self.conn
    }

    /// Lets somebody act; without it, the service itself does.
    pub fn act_as(&mut self, actor: User) {
        self.actor = Some(actor);
    }

    /// Who acts; a unit of work that needs somebody fails without.
    pub(crate) fn actor(&self) -> Result<&User> {
        let nobody = inspection_domain::rule::Forbidden("somebody must be signed in to do this");
        self.actor.as_ref().ok_or_else(|| nobody.into())
    }

    /// Id of whoever acts, if anybody does.
    pub(crate) fn actor_id(&self) -> Option<UserId> {
        self.actor.as_ref().map(|actor| actor.id)
    }

    /// Today at the site.
    pub fn today(&self) -> Date {
        self.context.calendar.date(self.now)
    }

    /// Where the site is in time.
    pub(crate) fn calendar(&self) -> &SiteTimeZone {
        &self.context.calendar
    }

    /// Tells these people; the rows are written when the work is done.
    pub(crate) fn notify(&mut self, people: impl IntoIterator<Item = UserId>, notice: &Notice) {
        let now = self.now;
        self.notifications.extend(people.into_iter().map(|user| notice.address_to(user, now)));
    }

    /// Tells everybody active but one person, when the work is done.
    pub(crate) fn announce(&mut self, except: UserId, notice: Notice) {
        self.announcements.push((except, notice));
    }

    /// Leaves the texts of an object to be translated in the background that are new (§13).
    pub(crate) fn translate<T: Translated + Clone>(&mut self, before: Option<&T>, after: &T) {
        if self.context.translates {
            let (wanted, now) = (translations::requests(before, after), self.now);
            let job =
                |wanted: TranslationRequest| OutboxJob::new(OutboxKind::Translate, wanted.payload(), now);
            self.work.extend(wanted.into_iter().map(job));
        }
    }

    /// Tells the phones of these people, when the work is done, that an object has changed.
    pub(crate) fn record_change(
        &mut self,
        kind: ChangedKind,
        id: i64,
        people: impl IntoIterator<Item = impl Into<Option<UserId>>>,
    ) {
        let told = self.touched.entry((kind, id)).or_default();
        for person in people.into_iter().filter_map(Into::into) {
            if !told.contains(&person) {
                told.push(person);
            }
        }
    }

    /// The same for many objects of one person.
    pub(crate) fn record_changes(&mut self, kind: ChangedKind, ids: &[i64], person: UserId) {
        for id in ids {
            self.record_change(kind, *id, [person]);
        }
    }

    /// Wakes the workers of the outbox when the work is done.
    pub(crate) fn wake_outbox(&mut self) {
        self.wakes_outbox = true;
    }

    /// A new name that nobody else has.
    pub(crate) fn unique(&self) -> String {
        self.context.ids.unique()
    }

    /// Bytes nobody can guess.
    pub(crate) fn random(&self) -> [u8; 16] {
        self.context.ids.random()
    }

    /// Puts a line into the audit trail, when the work is done.
    pub(crate) fn audit(
        &mut self,
        action: AuditAction,
        entity_type: &'static str,
        entity_id: i64,
        changes: Changes,
    ) {
        self.trail.push(AuditEntry {
            id: AuditId::UNSAVED,
            at: self.now,
            actor_id: self.actor_id(),
            action,
            entity_type: entity_type.into(),
            entity_id: Some(entity_id),
            address: self.origin.address.clone(),
            request_id: self.origin.request_id.clone(),
            changes,
        });
    }

    /// Writes what the work leaves behind; tells what others may be waiting for once it is committed.
    pub(crate) fn finish(mut self) -> Result<Vec<Topic>> {
        audit::insert(self.conn, &self.trail)?;
        outbox::insert(self.conn, &self.work)?;
        let mut news = Vec::new();
        if self.wakes_outbox || !self.work.is_empty() {
            news.push(Topic::Outbox);
        }
        let tells = !self.notifications.is_empty() || !self.announcements.is_empty();
        self.touched.retain(|_, people| !people.is_empty());
        if tells || !self.touched.is_empty() {
            // Before the lock that all others wait for: nobody may hold it and wait for somebody who waits for it.
            let told = self.notifications.iter().map(|one| one.user_id);
            let told: BTreeSet<UserId> = told.chain(self.touched.values().flatten().copied()).collect();
            let told: Vec<UserId> = told.into_iter().collect();
            users::await_references(self.conn, &told, !self.announcements.is_empty())?;
            self.conn.lock_commit_order()?;
            changes::write(self.conn, &self.touched, self.now)?;
        }
        if tells {
            for (except, notice) in &self.announcements {
                let told = notifications::announce(self.conn, *except, notice, self.now)?;
                changes::write_new(self.conn, ChangedKind::Notification, &told, self.now)?;
            }
            let told = notifications::insert(self.conn, &self.notifications)?;
            changes::write_new(self.conn, ChangedKind::Notification, &told, self.now)?;
            news.push(Topic::Notifications);
        }
        for topic in &news {
            notify::notify_others(self.conn, *topic)?;
        }
        Ok(news)
    }
}
