//! Jobs of the outbox, claimed by several workers (§13).

use std::{sync::mpsc, thread, time::Duration};

use inspection_domain::{
    outbox::{LEASE, MOST_ATTEMPTS, OutboxJob, OutboxKind, OutboxStatus},
    rule::Code,
    users::Role,
};
use inspection_persistence::{
    Context, Database, Origin, Result, Tx,
    notify::Topic,
    outbox::{self, Depth, OutboxClaim},
};
use inspection_testkit::{
    DatabaseKind, TestDatabase,
    builders::{act, dead_job, equipment_with, user},
    context::{FixedClock, context},
    on_both_databases, or_skip,
};
use serde_json::{Value, json};

use crate::{
    ALL, code, filter,
    races::{at_once, tally},
};

/// A context with this number of jobs: machines with one text to translate each.
fn queued(db: &Database, count: usize) -> (Context, std::sync::Arc<FixedClock>) {
    let (mut context, clock) = context();
    context.translates = true;
    for _ in 0..count {
        equipment_with(db, &context, |body| body["location_ar"] = Value::Null);
    }
    (context, clock)
}

fn write<T>(db: &Database, context: &Context, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    db.write(context, Origin::default(), work)
}

fn claim(tx: &mut Tx<'_>, instance: &str) -> Result<Vec<OutboxJob>> {
    match outbox::claim(tx, OutboxKind::Translate, instance)? {
        OutboxClaim::Jobs(jobs) => Ok(jobs),
        OutboxClaim::Nothing(_) => Ok(Vec::new()),
    }
}

fn claimed(db: &Database, context: &Context, instance: &str) -> Vec<OutboxJob> {
    write(db, context, |tx| claim(tx, instance)).expect("a claim")
}

fn jobs(db: &Database) -> Vec<OutboxJob> {
    let all = filter(json!({}));
    db.read(|conn| outbox::list(conn, &all, ALL)).expect("a list").items
}

/// The SQL of the claim differs between the databases, and only one has concurrent writers.
#[test]
fn a_worker_claims_other_jobs_while_another_is_claiming() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let (context, _) = queued(&db, 25);
    let (db, context) = (&db, &context);
    let (first, second) = thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        write(db, context, |tx| {
            let first = claim(tx, "one")?;
            scope.spawn(move || sender.send(claimed(db, context, "two")));
            // The first transaction ends after the second, or after the timeout.
            Ok((first, receiver.recv_timeout(Duration::from_secs(5))))
        })
        .expect("a claim")
    });
    let second = second.expect("the second worker doesn't wait for the first");
    assert_eq!((first.len(), second.len()), (20, 5));
    assert!(first.iter().all(|job| second.iter().all(|other| other.id != job.id)), "each job once");
}

on_both_databases! {
    fn a_job_of_an_expired_lease_belongs_to_the_next_worker(db: TestDatabase) {
        let (context, clock) = queued(&db, 1);
        let late = claimed(&db, &context, "one");
        clock.advance_seconds(LEASE - 1);
        assert_eq!(claimed(&db, &context, "two"), [], "the lease lasts");
        clock.advance_seconds(1);
        let next = claimed(&db, &context, "two");
        assert_eq!((next[0].id, next[0].attempts), (late[0].id, 2));
        assert_eq!(code(write(&db, &context, |tx| outbox::complete(tx, &late))), Code::Conflict);
        write(&db, &context, |tx| outbox::fail(tx, &late, "too late", None)).expect("ignored");
        assert_eq!(jobs(&db), next, "the late worker changes nothing");
        write(&db, &context, |tx| outbox::complete(tx, &next)).expect("completed");
        assert_eq!(jobs(&db), []);
    }

    fn a_job_that_outlives_all_its_workers_is_given_up(db: TestDatabase) {
        let (context, clock) = queued(&db, 1);
        for attempt in 1..=MOST_ATTEMPTS {
            assert_eq!(claimed(&db, &context, "one")[0].attempts, attempt);
            clock.advance_seconds(LEASE);
        }
        assert_eq!(claimed(&db, &context, "one"), []);
        let [dead] = jobs(&db).try_into().expect("one job");
        assert_eq!((dead.status, dead.worker, dead.lease_until), (OutboxStatus::Dead, None, None));
        assert_eq!(dead.error.as_deref(), Some("its workers died"));
        let depth = db.read(outbox::depth).expect("a depth");
        assert_eq!(depth, Depth { dead: 1, ..Depth::default() }, "its age is not that of waiting work");
    }

    fn a_failed_job_waits_until_it_is_due(db: TestDatabase) {
        let (context, clock) = queued(&db, 1);
        let failed = claimed(&db, &context, "one");
        write(&db, &context, |tx| outbox::fail(tx, &failed, "busy", Some(60))).expect("returned");
        let [waiting] = jobs(&db).try_into().expect("one job");
        assert_eq!((waiting.status, waiting.worker.as_deref()), (OutboxStatus::Pending, None));
        assert_eq!(waiting.run_at, context.clock.now().plus_seconds(60));
        let next = || write(&db, &context, |tx| outbox::claim(tx, OutboxKind::Translate, "two")).expect("a claim");
        clock.advance_seconds(59);
        assert_eq!(next(), OutboxClaim::Nothing(Some(waiting.run_at)));
        assert_eq!(db.read(outbox::depth).expect("a depth").oldest, Some(waiting.run_at));
        clock.advance_seconds(1);
        assert_eq!(claimed(&db, &context, "two")[0].id, waiting.id);
    }

    fn of_two_retries_one_happens(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let dead = dead_job(&db, &admin).id;
        let outcomes = at_once(3, |_| act(&db, &context, &admin, |tx| outbox::retry(tx, dead)));
        let (done, refused) = tally(outcomes);
        assert_eq!((done.len(), refused), (1, vec![Code::InvalidState; 2]));
    }

    fn a_retry_wakes_the_workers(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let dead = dead_job(&db, &admin);
        let mut workers = db.subscribe(Topic::Outbox);
        workers.borrow_and_update();
        act(&db, &context, &admin, |tx| outbox::retry(tx, dead.id)).expect("retried");
        assert!(workers.has_changed().expect("open"));
    }

    fn a_stopping_instance_hands_back_its_own_jobs(db: TestDatabase) {
        let (context, _) = queued(&db, 25);
        let before = jobs(&db);
        assert_eq!(claimed(&db, &context, "one").len(), 20);
        let others = claimed(&db, &context, "another");
        assert_eq!(write(&db, &context, |tx| outbox::hand_back(tx, "one")).expect("handed back"), 20);
        assert_eq!(jobs(&db)[..20], before[..20], "as if never claimed");
        assert_eq!(jobs(&db)[20..], others);
    }
}
