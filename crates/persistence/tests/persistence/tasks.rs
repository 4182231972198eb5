//! Runs of scheduled tasks that last, and runs that fail (§16).

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use diesel::RunQueryDsl;
use inspection_domain::{
    tasks::{TaskName, TaskOutcome},
    time::{Clock, Instant},
    users::Role,
};
use inspection_persistence::{Context, tasks};
use inspection_testkit::{
    builders::{approved_leave, user},
    context::{context, instant},
    on_both_databases,
};

/// A clock that moves on by some seconds whenever it is read.
struct TickingClock {
    now: AtomicI64,
    seconds: i64,
}

impl Clock for TickingClock {
    fn now(&self) -> Instant {
        let now = self.now.fetch_add(1000 * self.seconds, Ordering::SeqCst);
        Instant::from_millisecond(now).expect("an instant")
    }
}

on_both_databases! {
    fn a_run_that_outlives_its_lease_renews_it(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..6 {
            let person = user(&db, &context, Role::Engineer);
            approved_leave(&db, &context, &admin, &person, "2026-03-02", "2026-03-03");
        }
        let now = instant("2026-03-05T00:15:00Z").as_millisecond().into();
        let slow = Context { clock: Arc::new(TickingClock { now, seconds: 15 }), ..context };
        let task = TaskName::CheckExpiredLeaves;
        let claimed = tasks::claim(&db, &slow, "one", task, slow.clock.now()).expect("claimed").expect("unclaimed");
        let lease = claimed.lease_until;
        let run = tasks::run(&db, &slow, claimed, &AtomicBool::new(false)).expect("a run");
        assert_eq!((run.outcome, run.counts.of("ended")), (TaskOutcome::Succeeded, 6));
        assert!(run.finished_at > Some(lease), "{run:?}");
        assert!(run.finished_at < Some(run.lease_until), "no other instance could take it over: {run:?}");
    }

    fn a_failed_run_waits_and_a_late_attempt_of_its_own_instance_writes_nothing(db: TestDatabase) {
        let (context, clock) = context();
        let task = TaskName::CheckExpiredLeaves;
        let attempt = |run| tasks::run(&db, &context, run, &AtomicBool::new(false));
        let claimed = tasks::claim(&db, &context, "one", task, context.clock.now()).expect("claimed").expect("unclaimed");
        query!(db, |c| diesel::sql_query("ALTER TABLE leaves RENAME TO hidden").execute(c));
        let failed = attempt(claimed.clone()).expect("a run");
        query!(db, |c| diesel::sql_query("ALTER TABLE hidden RENAME TO leaves").execute(c));
        assert_eq!((failed.outcome, failed.lease_until), (TaskOutcome::Running, context.clock.now().plus_seconds(10)));
        clock.advance_seconds(9);
        assert!(tasks::take_over(&db, &context, "one").expect("asked").is_empty(), "not due yet");
        clock.advance_seconds(1);
        let [again] = tasks::take_over(&db, &context, "one").expect("asked").try_into().expect("one");
        assert!(attempt(claimed).is_err(), "the first attempt has lost the run");
        assert_eq!(attempt(again).expect("a run").outcome, TaskOutcome::Succeeded);
    }

    fn a_manual_run_of_a_dead_instance_is_not_repeated(db: TestDatabase) {
        let (context, clock) = context();
        let now = context.clock.now();
        tasks::claim(&db, &context, "one", TaskName::CheckExpiredLeaves, now).expect("claimed").expect("unclaimed");
        query!(db, |c| diesel::sql_query("UPDATE task_runs SET is_manual = true").execute(c));
        clock.advance_seconds(3_600);
        assert!(tasks::take_over(&db, &context, "another").expect("asked").is_empty());
    }

    fn a_manual_run_that_fails_is_over(db: TestDatabase) {
        let (context, clock) = context();
        let task = TaskName::CheckExpiredLeaves;
        let run_now = || tasks::run_now(&db, &context, "one", task).expect("a run");
        query!(db, |c| diesel::sql_query("ALTER TABLE leaves RENAME TO hidden").execute(c));
        let failed = run_now();
        assert_eq!((failed.outcome, failed.finished_at), (TaskOutcome::Failed, Some(context.clock.now())));
        assert!(failed.error.as_deref().is_some_and(|error| error.contains("leaves")), "{failed:?}");
        assert_eq!(db.read(|conn| tasks::latest(conn, task)).expect("read").as_ref(), Some(&failed));
        query!(db, |c| diesel::sql_query("ALTER TABLE hidden RENAME TO leaves").execute(c));
        clock.advance_seconds(120);
        assert!(tasks::take_over(&db, &context, "another").expect("asked").is_empty(), "nobody repeats it");
        assert_eq!(run_now().outcome, TaskOutcome::Succeeded);
    }
}
