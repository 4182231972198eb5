//! A unit of work is one transaction however it ends; instants are independent of the server's time
//! zone.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use diesel::{QueryDsl, RunQueryDsl};
use inspection_domain::{
    audit::AuditEntry,
    rule::{Code, NotFound},
    schema,
    users::Role,
};
use inspection_persistence::{
    Database, Error, Origin, QueryStats, Result, Settings, audit, users, with_query_stats,
};
use inspection_testkit::{
    DatabaseKind, TestDatabase,
    builders::{act, input, password_hash, user},
    context::{context, context_in, instant},
    on_both_databases, or_skip,
};
use serde_json::json;

use crate::{ALL, code, filter, trail};

/// Number of rows of each table.
pub(crate) fn rows(db: &Database) -> BTreeMap<&'static str, i64> {
    macro_rules! counts {
        ($($table:ident),* $(,)?) => {
            BTreeMap::from([$(
                (stringify!($table), query!(db, |c| schema::$table::table.count().get_result(c))),
            )*])
        };
    }
    counts!(
        audit_entries,
        badges,
        bonus_stars,
        changes,
        checklist_items,
        checklist_revisions,
        checklist_templates,
        defect_assessments,
        defect_occurrences,
        defects,
        equipment,
        equipment_schedules,
        equipment_status_changes,
        equipment_weekly_completions,
        evidence,
        files,
        final_assessments,
        idempotency_keys,
        inspection_answers,
        inspection_assignments,
        inspection_lists,
        inspection_ratings,
        inspection_routines,
        inspections,
        invariant_results,
        job_cleanings,
        job_counters,
        job_interventions,
        job_pauses,
        job_reminders,
        jobs,
        leaves,
        quality_reviews,
        sync_items,
        takeovers,
        task_runs,
        translations,
        notifications,
        outbox,
        point_entries,
        roster_entries,
        routine_asset_types,
        search_fills,
        sessions,
        users,
    )
}

fn new_user(n: usize) -> inspection_domain::users::NewUser {
    input(json!({
        "email": format!("{n}@example.com"), "password": "correct horse battery", "full_name": "Somebody",
        "role": "engineer",
    }))
}

on_both_databases! {
    fn a_failed_unit_of_work_is_rolled_back(db: TestDatabase) {
        let (context, _) = context();
        let before = rows(&db);
        let failed: Result<()> = db.write(&context, Origin::default(), |tx| {
            users::create(tx, new_user(1), password_hash())?;
            Err(NotFound("something else").into())
        });
        assert_eq!(code(failed), Code::NotFound);
        assert_eq!(rows(&db), before);
    }

    fn a_panicking_unit_of_work_is_rolled_back_and_its_connection_is_closed(db: TestDatabase) {
        let (context, _) = context();
        let before = rows(&db);
        for n in 0..10 {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                db.write(&context, Origin::default(), |tx| -> Result<()> {
                    users::create(tx, new_user(n), password_hash())?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                })
            }));
            assert!(panicked.is_err());
        }
        assert_eq!(rows(&db), before);
        assert_eq!(user(&db, &context, Role::Engineer).role_id, "ENG001");
    }

    fn the_audit_trail_records_actor_time_and_origin(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        clock.set("2026-03-01T20:59:59.123Z");
        let admin = user(&db, &context, Role::Admin);
        clock.set("2026-03-01T21:00:00Z");
        let origin = Origin {
            address: Some("192.0.2.1".into()),
            user_agent: None,
            request_id: Some("r-1".into()),
        };
        let created = db
            .write(&context, origin, |tx| {
                tx.act_as(admin.clone());
                users::create(tx, new_user(1), password_hash())
            })
            .unwrap();
        let [line]: [AuditEntry; 1] = trail(&db, &context, json!({"user_id": admin.id})).try_into().unwrap();
        assert_eq!(
            (line.at, line.actor_id, line.entity_id),
            (context.clock.now(), Some(admin.id), Some(created.id.get()))
        );
        assert_eq!((line.address.as_deref(), line.request_id.as_deref()), (Some("192.0.2.1"), Some("r-1")));

        let found =
            |body| trail(&db, &context, body).iter().map(|line| line.entity_id.unwrap()).collect::<Vec<_>>();
        let (first, second) = (admin.id.get(), created.id.get());
        assert_eq!(found(json!({})), [second, first]);
        assert_eq!(found(json!({"date_from": "2026-03-02"})), [second], "days of the site");
        assert_eq!(found(json!({"date_to": "2026-03-01"})), [first]);
        assert_eq!(found(json!({"action": "create", "entity_type": "user", "entity_id": first})), [first]);
        assert_eq!(found(json!({"entity_type": "defect"})), Vec::<i64>::new());
        assert_eq!(found(json!({"action": "update"})), Vec::<i64>::new());
        assert_eq!(
            trail(&db, &context, json!({"date_to": "2026-03-01"}))[0].at,
            instant("2026-03-01T20:59:59.123Z")
        );
    }

    fn statements_are_counted_and_those_for_lists_do_not_grow(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let list = || {
            db.read(|conn| {
                // On the connection already checked out, because a checkout may take a statement.
                let before = db.statements();
                audit::list(conn, &filter(json!({})), &context.calendar, ALL)?;
                users::list(conn, &filter(json!({})), ALL)?;
                users::by_ids(conn, [admin.id])?;
                Ok(db.statements() - before)
            })
            .unwrap()
        };
        let short = list();
        for _ in 0..5 {
            user(&db, &context, Role::Engineer);
        }
        assert_eq!((short, list()), (5, 5));
    }

    fn nested_work_is_counted_by_both_levels(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (inner, outer) = db
            .read(|conn| {
                let (inner, outer) = with_query_stats(|| {
                    users::by_ids(conn, [admin.id])?;
                    let (found, inner) = with_query_stats(|| users::by_ids(conn, [admin.id]));
                    found.map(|_| inner)
                });
                Ok((inner?, outer))
            })
            .unwrap();
        assert_eq!((inner.statements, outer.statements), (1, 2));
        assert!(!inner.time.is_zero() && outer.time > inner.time, "{inner:?} {outer:?}");
        assert_eq!(with_query_stats(|| ()).1, QueryStats::default());
    }
}

#[test]
fn instants_are_the_same_whatever_the_time_zone_of_the_server() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let (context, clock) = context();
    let moved = format!("{}?options=-c%20TimeZone%3DAsia%2FRiyadh", db.url);
    let elsewhere = Database::open(Settings::new(moved)).unwrap();
    let here = user(&db, &context, Role::Admin);
    clock.advance_seconds(3600);
    let there = user(&elsewhere, &context, Role::Admin);
    for person in [&here, &there] {
        for connection in [&db.database, &elsewhere] {
            assert_eq!(connection.read(|conn| users::get(conn, person.id)).unwrap(), *person);
        }
    }
    // Comparisons in the database agree on the instant, too.
    let days = |body| trail(&elsewhere, &context, body).len();
    clock.set("2026-03-02T23:30:00Z");
    act(&db, &context, &here, |tx| users::deactivate(tx, there.id)).unwrap();
    assert_eq!((days(json!({"date_to": "2026-03-02"})), days(json!({"date_from": "2026-03-03"}))), (3, 0));
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let settings = Settings { wait_seconds: 1, ..Settings::new(format!("{}_not", db.url)) };
    let database = Database::open(settings).unwrap();
    let error = database.ping().unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(!error.to_string().contains("inspection@"), "the address may hold a password");
    assert!(db.ping().is_ok());
}
