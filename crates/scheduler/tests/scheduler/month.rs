//! A month of simulated time over the six scheduled tasks (rule §16).

use std::sync::atomic::AtomicBool;

use inspection_domain::{
    ids::UserId,
    notifications::NotificationType,
    page::PageRequest,
    tasks::{TaskName, TaskOutcome},
    time::{Clock, Date, Instant},
    users::{Role, User},
};
use inspection_persistence::{Context, daily_lists, notifications, tasks, users};
use inspection_scheduler::{Background, BackgroundSettings};
use inspection_testkit::{
    TestDatabase,
    builders::{self, input},
    context::context_in,
    on_both_databases, or_skip,
};
use serde_json::json;

/// A clock that panics on request.
struct FailingClock(std::sync::Arc<AtomicBool>);

impl Clock for FailingClock {
    fn now(&self) -> Instant {
        assert!(!self.0.load(std::sync::atomic::Ordering::SeqCst), "the clock is broken");
        Instant::parse("2026-03-02T08:00:00Z").expect("an instant")
    }
}

#[test]
fn a_failed_background_is_reported_and_a_stopped_one_is_not() {
    let db = or_skip!(TestDatabase::new(inspection_testkit::DatabaseKind::Sqlite));
    for breaks in [true, false] {
        let broken = std::sync::Arc::new(AtomicBool::new(false));
        let (context, _) = inspection_testkit::context::context();
        let settings = BackgroundSettings {
            database: db.database.clone(),
            context: Context {
                clock: std::sync::Arc::new(FailingClock(std::sync::Arc::clone(&broken))),
                ..context
            },
            instance: format!("one that breaks: {breaks}"),
            tasks: inspection_scheduler::all_tasks(),
            handlers: std::collections::BTreeMap::new(),
            poll_interval: std::time::Duration::from_millis(20),
            shutdown_timeout: std::time::Duration::from_secs(5),
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        let background =
            Background::start(settings, move || sender.send(()).expect("a receiver")).expect("started");
        broken.store(breaks, std::sync::atomic::Ordering::SeqCst);
        if breaks {
            receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("reported");
            background.stop();
        } else {
            background.stop();
            assert!(receiver.recv().is_err(), "nothing is reported");
        }
    }
}

fn notified(db: &TestDatabase, person: UserId, kind: NotificationType) -> i64 {
    let filter = input(json!({"type": kind.as_str()}));
    db.read(|conn| notifications::list(conn, person, &filter, PageRequest::first(1))).expect("read").total
}

fn is_on_leave(db: &TestDatabase, person: &User) -> bool {
    db.read(|conn| users::get(conn, person.id)).expect("read").is_on_leave
}

/// Runs all due times after one instant and up to another, in order. Returns their number.
fn advance(
    db: &TestDatabase,
    context: &Context,
    set: &dyn Fn(Instant),
    after: Instant,
    until: Instant,
) -> usize {
    let mut due: Vec<(Instant, TaskName)> = TaskName::ALL
        .iter()
        .flat_map(|task| {
            task.schedule().between(after, until, &context.calendar).into_iter().map(|at| (at, *task))
        })
        .collect();
    due.sort_unstable();
    for (at, task) in &due {
        set(*at);
        let claimed = tasks::claim(db, context, "one", *task, *at).expect("claimed").expect("unclaimed");
        assert!(tasks::claim(db, context, "another", *task, *at).expect("asked").is_none(), "claimed once");
        let run = tasks::run(db, context, claimed, &AtomicBool::new(false)).expect("run");
        assert_eq!(run.outcome, TaskOutcome::Succeeded, "{run:?}");
    }
    set(until);
    due.len()
}

on_both_databases! {
    fn a_month_produces_all_lists_backlog_entries_warnings_and_leaves(db: TestDatabase) {
        // Daylight saving time begins on 24 April.
        let (context, clock) = context_in("Africa/Cairo");
        let set = |at: Instant| clock.set(&at.to_string());
        let at = |text: &str| Instant::parse(text).expect("an instant");
        let date = |day| Date::new(2026, 4, day).expect("a date");
        clock.set("2026-04-01T06:00:00Z");
        let admin = builders::user(&db, &context, Role::Admin);
        let team = builders::team(&db, &context);
        let specialist = builders::user(&db, &context, Role::Specialist);
        let idle = builders::user(&db, &context, Role::Specialist);
        let qe = builders::user(&db, &context, Role::QualityEngineer);
        let (template, _) = builders::checklist(&db, &context, &admin);
        let machine = builders::equipment(&db, &context);
        builders::routine(&db, &context, &admin, template.id);
        // One repair job is finished and awaits its review; another one is paused.
        let defect = |inspector| builders::defect(&db, &context, inspector, &machine).id;
        let job = builders::repair(&db, &context, &admin, defect(&team.mechanical), &specialist);
        builders::finished(&db, &context, &specialist, &job);
        let job = builders::repair(&db, &context, &admin, defect(&team.electrical), &specialist);
        builders::started(&db, &context, &specialist, &job);
        builders::paused(&db, &context, &specialist, &admin, &job);
        // Two leaves: one of three days, one over the end of the month.
        let away = [builders::user(&db, &context, Role::Engineer), builders::user(&db, &context, Role::Engineer)];
        builders::approved_leave(&db, &context, &admin, &away[0], "2026-04-10", "2026-04-12");
        builders::approved_leave(&db, &context, &admin, &away[1], "2026-04-29", "2026-05-03");

        // The first list of the month gets a team that never inspects.
        let mut ran = advance(&db, &context, &set, at("2026-04-01T06:00:00Z"), at("2026-04-01T20:00:00Z"));
        let page = || PageRequest::first(100);
        let first = db.read(|conn| daily_lists::list(conn, &input(json!({})), page())).expect("read");
        assert_eq!(first.total, 1, "tomorrow; no routine runs at night");
        let day = first.items.iter().find(|list| list.total_assets > 0).expect("a list with the machine");
        assert_eq!(day.target_date, date(2));
        let (assignment, _) =
            db.read(|conn| daily_lists::assignments_of(conn, &[day.id])).expect("read").remove(0);
        let assigned = builders::assigned(&db, &context, &admin, assignment.id, &team);
        let deadline = assigned.deadline.expect("a deadline");

        ran += advance(&db, &context, &set, at("2026-04-01T20:00:00Z"), deadline);
        assert_eq!(notified(&db, admin.id, NotificationType::BacklogTriggered), 0, "the deadline itself is in time");
        ran += advance(&db, &context, &set, deadline, at("2026-04-04T05:59:00Z"));
        assert_eq!(notified(&db, admin.id, NotificationType::BacklogTriggered), 1);
        assert_eq!(notified(&db, idle.id, NotificationType::StalledJobAvailable), 0, "not yet three days");
        ran += advance(&db, &context, &set, at("2026-04-04T05:59:00Z"), at("2026-04-10T12:00:00Z"));
        assert_eq!(notified(&db, idle.id, NotificationType::StalledJobAvailable), 1);
        assert_eq!(notified(&db, specialist.id, NotificationType::StalledJobAvailable), 0, "the owner of the job is not notified");
        assert_eq!(away.each_ref().map(|person| is_on_leave(&db, person)), [true, false]);
        ran += advance(&db, &context, &set, at("2026-04-10T12:00:00Z"), at("2026-04-12T21:00:00Z"));
        assert!(is_on_leave(&db, &away[0]), "until the end of the last day");
        ran += advance(&db, &context, &set, at("2026-04-12T21:00:00Z"), at("2026-04-30T20:59:59Z"));
        assert_eq!(away.each_ref().map(|person| is_on_leave(&db, person)), [false, true]);
        assert_eq!(notified(&db, admin.id, NotificationType::BacklogTriggered), 1, "once");
        assert_eq!(notified(&db, idle.id, NotificationType::StalledJobAvailable), 1, "once for each pause");
        // The review is due on 3 April at 08:00; a warning follows each day.
        assert_eq!(notified(&db, qe.id, NotificationType::SlaWarning), 28);
        let all = db.read(|conn| daily_lists::list(conn, &input(json!({})), page())).expect("read");
        assert_eq!(all.total, 30, "from 2 April to 1 May");
        let mut days: Vec<Date> = all.items.iter().map(|list| list.target_date).collect();
        days.sort_unstable();
        days.dedup();
        assert_eq!(days.len(), 30);
        assert!(ran > 30 * 35, "{ran}");
    }

    fn a_background_runs_the_latest_missed_time_and_takes_over_runs_of_the_dead(db: TestDatabase) {
        let (context, clock) = context_in("UTC");
        clock.set("2026-04-01T08:30:00Z");
        let (task, interrupted) = (TaskName::CheckBacklog, TaskName::CheckExpiredLeaves);
        tasks::claim(&db, &context, "dead", interrupted, context.clock.now()).expect("claimed").expect("its own");
        let settings = BackgroundSettings {
            database: db.database.clone(),
            context: context.clone(),
            instance: "heir".into(),
            tasks: vec![(task, task.schedule())],
            handlers: std::collections::BTreeMap::new(),
            poll_interval: std::time::Duration::from_millis(20),
            shutdown_timeout: std::time::Duration::from_secs(5),
        };
        let background = Background::start(settings, || {}).expect("started");
        let soon = |task, scheduled_for: &str| {
            let begun = std::time::Instant::now();
            let due = Instant::parse(scheduled_for).expect("an instant");
            let is_done = |run: inspection_domain::tasks::TaskRun| {
                run.scheduled_for == due && run.outcome == TaskOutcome::Succeeded
            };
            while !db.read(|conn| tasks::latest(conn, task)).expect("read").is_some_and(is_done) {
                assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{task:?} {scheduled_for}");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        soon(task, "2026-04-01T08:00:00Z");
        clock.set("2026-04-01T12:00:00Z");
        soon(task, "2026-04-01T12:00:00Z");
        soon(interrupted, "2026-04-01T08:30:00Z");
        background.stop();
        let all = db.read(|conn| tasks::runs(conn, task, &input(json!({})), PageRequest::first(10))).expect("read");
        assert_eq!(all.total, 2, "the times between are missed");
    }

    fn a_run_of_a_dead_instance_is_taken_over_after_its_lease_and_the_dead_instance_cannot_write(db: TestDatabase) {
        let (context, clock) = context_in("UTC");
        clock.set("2026-04-01T06:00:00Z");
        let due = context.clock.now();
        let task = TaskName::CheckBacklog;
        let dead = tasks::claim(&db, &context, "dead", task, due).expect("claimed").expect("its own");
        clock.advance_seconds(119);
        assert!(tasks::take_over(&db, &context, "heir").expect("asked").is_empty(), "the lease has not expired");
        clock.advance_seconds(1);
        let [heir] = tasks::take_over(&db, &context, "heir").expect("asked").try_into().expect("one");
        assert_eq!((heir.id, heir.attempts, heir.instance.as_str()), (dead.id, 2, "heir"));
        assert!(tasks::run(&db, &context, dead, &AtomicBool::new(false)).is_err(), "the run belongs to another instance");
        let run = tasks::run(&db, &context, heir, &AtomicBool::new(false)).expect("run");
        assert_eq!(run.outcome, TaskOutcome::Succeeded);
        clock.advance_seconds(3600);
        assert!(tasks::take_over(&db, &context, "another").expect("asked").is_empty(), "the run has ended");
    }

    fn a_run_that_kills_its_instances_fails_and_a_stopped_one_continues_elsewhere_at_once(db: TestDatabase) {
        let (context, clock) = context_in("UTC");
        let task = TaskName::CheckExpiredLeaves;
        tasks::claim(&db, &context, "one", task, context.clock.now()).expect("claimed").expect("its own");
        for attempt in 2..=5 {
            clock.advance_seconds(120);
            assert_eq!(tasks::take_over(&db, &context, "next").expect("asked").len(), 1, "{attempt}");
        }
        clock.advance_seconds(120);
        assert!(tasks::take_over(&db, &context, "next").expect("asked").is_empty());
        let last = db.read(|conn| tasks::latest(conn, task)).expect("read").expect("a run");
        assert_eq!((last.outcome, last.attempts), (TaskOutcome::Failed, 5));

        let due = context.clock.now();
        let task = TaskName::CheckBacklog;
        let claimed = tasks::claim(&db, &context, "one", task, due).expect("claimed").expect("its own");
        let stopped = tasks::run(&db, &context, claimed, &AtomicBool::new(true)).expect("written");
        assert_eq!(stopped.outcome, TaskOutcome::Running);
        let [taken] = tasks::take_over(&db, &context, "two").expect("asked").try_into().expect("one");
        tasks::run(&db, &context, taken, &AtomicBool::new(false)).expect("run");
    }
}
