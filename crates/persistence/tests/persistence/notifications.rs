//! Notifications and their owners (rule book §12).

use diesel::prelude::*;
use inspection_domain::{
    ids::NotificationId,
    notifications::{Notice, NotificationFilter, NotificationType},
    rule::Code,
    schema::notifications as rows,
    users::Role,
};
use inspection_persistence::notifications;
use inspection_testkit::{
    builders::{CRITICAL, PASS_FAIL, act, checklist, equipment, submitted, user},
    on_both_databases,
    world::world,
};
use serde_json::json;

use crate::{ALL, code, filter, told_to};

on_both_databases! {
    fn everybody_has_their_own_and_nobody_elses(db: TestDatabase) {
        let (world, clock) = world();
        let admin = user(&db, &world, Role::Admin);
        let inspector = user(&db, &world, Role::Inspector);
        checklist(&db, &world, &admin);
        submitted(&db, &world, &inspector, &equipment(&db, &world), &[PASS_FAIL, CRITICAL]);
        let (own, theirs) = (told_to(&db, inspector.id), told_to(&db, admin.id));
        assert_eq!((own.len(), theirs.len()), (2, 1));
        let id = own[0].id;
        assert_eq!(code(act(&db, &world, &admin, |tx| notifications::mark_read(tx, id))), Code::NotFound);
        assert_eq!(code(act(&db, &world, &admin, |tx| notifications::delete(tx, id))), Code::NotFound);
        let nothing = NotificationId::new(9_999).unwrap();
        assert_eq!(
            code(act(&db, &world, &admin, |tx| notifications::mark_read(tx, nothing))),
            Code::NotFound
        );
        assert_eq!(told_to(&db, inspector.id), own);

        clock.advance_seconds(60);
        let read = act(&db, &world, &inspector, |tx| notifications::mark_read(tx, id)).unwrap();
        assert_eq!((read.is_read, read.read_at), (true, Some(world.clock.now())));
        clock.advance_seconds(60);
        assert_eq!(act(&db, &world, &inspector, |tx| notifications::mark_read(tx, id)).unwrap(), read);
        act(&db, &world, &inspector, |tx| notifications::delete(tx, own[1].id)).unwrap();
        assert_eq!(told_to(&db, inspector.id), [read]);
        assert_eq!(told_to(&db, admin.id), theirs);
    }

    fn a_persistent_one_is_read_before_it_goes(db: TestDatabase) {
        let (world, _) = world();
        let somebody = user(&db, &world, Role::Engineer);
        let notice = Notice::new(NotificationType::EquipmentStopped)
            .with("equipment", "Crane")
            .with("reason", "unsafe");
        let row = notice.address_to(somebody.id, world.clock.now());
        let insert = diesel::insert_into(rows::table).values(&row);
        assert_eq!(query!(db, |c| insert.execute(c)), 1);
        let id = told_to(&db, somebody.id)[0].id;
        let delete = || act(&db, &world, &somebody, |tx| notifications::delete(tx, id));
        assert_eq!(code(delete()), Code::RuleViolation);
        assert_eq!(told_to(&db, somebody.id).len(), 1);
        act(&db, &world, &somebody, |tx| notifications::mark_read(tx, id)).unwrap();
        delete().unwrap();
        assert_eq!(told_to(&db, somebody.id), []);
    }

    fn reading_all_counts_those_that_were_unread(db: TestDatabase) {
        let (world, _) = world();
        let admin = user(&db, &world, Role::Admin);
        let inspector = user(&db, &world, Role::Inspector);
        checklist(&db, &world, &admin);
        submitted(&db, &world, &inspector, &equipment(&db, &world), &[PASS_FAIL, CRITICAL]);
        submitted(&db, &world, &inspector, &equipment(&db, &world), &[PASS_FAIL]);
        let unread = |of| db.read(|conn| notifications::unread_count(conn, of)).unwrap();
        let found = |body| {
            let filter: NotificationFilter = filter(body);
            db.read(|conn| notifications::list(conn, inspector.id, &filter, ALL)).unwrap().items.len()
        };
        assert_eq!((unread(inspector.id), unread(admin.id)), (3, 2));
        let id = told_to(&db, inspector.id)[0].id;
        act(&db, &world, &inspector, |tx| notifications::mark_read(tx, id)).unwrap();
        assert_eq!((unread(inspector.id), found(json!({"unread_only": true})), found(json!({}))), (2, 2, 3));
        assert_eq!(found(json!({"unread_only": false})), 3);
        assert_eq!((found(json!({"priority": "urgent"})), found(json!({"priority": "info"}))), (1, 0));
        assert_eq!(found(json!({"type": "defect_created"})), 3);
        assert_eq!(found(json!({"type": "inspection_submitted"})), 0);
        assert_eq!(act(&db, &world, &inspector, notifications::mark_all_read).unwrap(), 2);
        assert_eq!(act(&db, &world, &inspector, notifications::mark_all_read).unwrap(), 0);
        assert_eq!((unread(inspector.id), unread(admin.id)), (0, 2));
    }
}
