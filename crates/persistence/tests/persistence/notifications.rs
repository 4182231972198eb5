//! Notifications and their owners (§12).

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use diesel::prelude::*;
use inspection_domain::{
    ids::NotificationId,
    notifications::{Notice, NotificationFilter, NotificationType},
    rule::Code,
    schema::notifications as rows,
    users::Role,
};
use inspection_persistence::{Database, Settings, notifications, notify::Topic};
use inspection_testkit::{
    builders::{CRITICAL, PASS_FAIL, act, checklist, equipment, leave, submitted, user},
    context::context,
    on_both_databases,
};
use serde_json::json;
use tokio::sync::watch;

use crate::{ALL, code, filter, notifications_to};

on_both_databases! {
    fn users_see_their_own_notifications_only(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL, CRITICAL]);
        submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL]);
        let (own, theirs) = (notifications_to(&db, inspector.id), notifications_to(&db, admin.id));
        assert_eq!((own.len(), theirs.len()), (2, 2));
        let id = own[0].id;
        assert_eq!(code(act(&db, &context, &admin, |tx| notifications::mark_read(tx, id))), Code::NotFound);
        assert_eq!(code(act(&db, &context, &admin, |tx| notifications::delete(tx, id))), Code::NotFound);
        let nothing = NotificationId::new(9_999).unwrap();
        assert_eq!(
            code(act(&db, &context, &admin, |tx| notifications::mark_read(tx, nothing))),
            Code::NotFound
        );
        assert_eq!(notifications_to(&db, inspector.id), own);

        clock.advance_seconds(60);
        let read = act(&db, &context, &inspector, |tx| notifications::mark_read(tx, id)).unwrap();
        assert_eq!((read.is_read, read.read_at), (true, Some(context.clock.now())));
        clock.advance_seconds(60);
        assert_eq!(act(&db, &context, &inspector, |tx| notifications::mark_read(tx, id)).unwrap(), read);
        act(&db, &context, &inspector, |tx| notifications::delete(tx, own[1].id)).unwrap();
        assert_eq!(notifications_to(&db, inspector.id), [read]);
        assert_eq!(notifications_to(&db, admin.id), theirs);
    }

    fn a_persistent_notification_is_read_before_deletion(db: TestDatabase) {
        let (context, _) = context();
        let recipient = user(&db, &context, Role::Engineer);
        let notice = Notice::new(NotificationType::EquipmentStopped)
            .with("equipment", "Crane")
            .with("reason", "unsafe");
        let row = notice.address_to(recipient.id, context.clock.now());
        let insert = diesel::insert_into(rows::table).values(&row);
        assert_eq!(query!(db, |c| insert.execute(c)), 1);
        let id = notifications_to(&db, recipient.id)[0].id;
        let delete = || act(&db, &context, &recipient, |tx| notifications::delete(tx, id));
        assert_eq!(code(delete()), Code::RuleViolation);
        assert_eq!(notifications_to(&db, recipient.id).len(), 1);
        act(&db, &context, &recipient, |tx| notifications::mark_read(tx, id)).unwrap();
        delete().unwrap();
        assert_eq!(notifications_to(&db, recipient.id), []);
    }

    fn reading_all_counts_those_that_were_unread(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL, CRITICAL]);
        for _ in 0..2 {
            submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL]);
        }
        let unread = |of| db.read(|conn| notifications::unread_count(conn, of)).unwrap();
        let found = |body| {
            let filter: NotificationFilter = filter(body);
            db.read(|conn| notifications::list(conn, inspector.id, &filter, ALL)).unwrap().items.len()
        };
        assert_eq!((unread(inspector.id), unread(admin.id)), (3, 3));
        let id = notifications_to(&db, inspector.id)[0].id;
        act(&db, &context, &inspector, |tx| notifications::mark_read(tx, id)).unwrap();
        assert_eq!((unread(inspector.id), found(json!({"unread_only": true})), found(json!({}))), (2, 2, 3));
        assert_eq!(found(json!({"unread_only": false})), 3);
        assert_eq!((found(json!({"priority": "urgent"})), found(json!({"priority": "info"}))), (1, 0));
        assert_eq!(found(json!({"type": "defect_created"})), 3);
        assert_eq!(found(json!({"type": "inspection_submitted"})), 0);
        assert_eq!(act(&db, &context, &inspector, notifications::mark_all_read).unwrap(), 2);
        assert_eq!(act(&db, &context, &inspector, notifications::mark_all_read).unwrap(), 0);
        assert_eq!((unread(inspector.id), unread(admin.id)), (0, 3));
    }

    fn a_reader_of_later_notifications_misses_none_during_concurrent_writes(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let people: Vec<_> = (0..4).map(|_| user(&db, &context, Role::Engineer)).collect();
        let rounds = 15;
        let writing = AtomicUsize::new(people.len());
        let seen = thread::scope(|scope| {
            for person in &people {
                let (db, context, writing) = (&db, &context, &writing);
                scope.spawn(move || {
                    for day in 1..=rounds {
                        let day = format!("2026-05-{day:02}");
                        leave(db, context, person, &day, &day);
                    }
                    writing.fetch_sub(1, Ordering::SeqCst);
                });
            }
            let (mut seen, mut last) = (Vec::new(), 0);
            loop {
                let done = writing.load(Ordering::SeqCst) == 0;
                let news = db.read(|conn| notifications::after(conn, admin.id, last, 7)).unwrap();
                if done && news.is_empty() {
                    return seen;
                }
                last = news.last().map_or(last, |newest| newest.id.get());
                seen.extend(news);
            }
        });
        assert_eq!(seen.len(), people.len() * rounds);
        let mut all: Vec<_> = notifications_to(&db, admin.id).iter().map(|one| one.id).collect();
        all.sort();
        assert!(seen.iter().map(|one| one.id).eq(all));
    }

    fn waiters_are_woken_by_local_and_remote_commits(db: TestDatabase) {
        let (context, _) = context();
        let person = user(&db, &context, Role::Engineer);
        let elsewhere = Database::open(Settings { size: 1, overflow: 0, ..Settings::new(db.url.clone()) }).unwrap();
        let mut listener = elsewhere.pg_listener();
        listener.poll().unwrap();
        let (mut here, mut there) = (db.subscribe(Topic::Notifications), elsewhere.subscribe(Topic::Notifications));
        let woken = |receiver: &mut watch::Receiver<()>| {
            let changed = receiver.has_changed().unwrap();
            receiver.borrow_and_update();
            changed
        };
        assert!(!woken(&mut here) && !woken(&mut there));
        // No recipient, because there is no admin.
        leave(&db, &context, &person, "2026-05-01", "2026-05-01");
        assert!(!woken(&mut here));
        user(&db, &context, Role::Admin);
        leave(&db, &context, &person, "2026-05-02", "2026-05-02");
        assert!(woken(&mut here) && !woken(&mut here), "once");
        let notified = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            listener.poll().unwrap();
            woken(&mut there)
        });
        assert_eq!(notified, db.is_postgres(), "a SQLite file belongs to one process");
    }
}
