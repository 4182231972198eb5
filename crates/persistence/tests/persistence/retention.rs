//! Records that prove nothing are deleted after their retention, by a scheduled task (§16).

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};
use inspection_domain::{retention::Retention, tasks::TaskName, users::Role};
use inspection_persistence::{Context, notifications, tasks};
use inspection_testkit::{
    TestDatabase,
    builders::{act, checklist, equipment, submitted, user},
    context::context,
    on_both_databases,
};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn rows(db: &TestDatabase, of: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS rows FROM {of}");
    let found: Vec<Count> = query!(db, |c| diesel::sql_query(sql).load(c));
    found[0].rows
}

fn run(db: &TestDatabase, context: &Context) -> inspection_domain::tasks::TaskRun {
    tasks::run_now(db, context, "one", TaskName::CheckExpiredLeaves).expect("a run")
}

/// Rejected and applied items, jobs that were given up or wait, and keys: one of each, from now.
fn leave_records(db: &TestDatabase, context: &Context, owner: i64) {
    let now = context.clock.now().to_string();
    let item = |id: i64, outcome: &str, entity: &str, result: &str, error: &str| {
        format!(
            "INSERT INTO sync_items (user_id, client_id, entity_type, entity_data, outcome, entity_id, result, \
             sync_error, content_hash, created_at) VALUES ({owner}, 'item-{id}', 'job_start', '{{}}', '{outcome}', {entity}, \
             {result}, {error}, 'hash', '{now}')"
        )
    };
    let job = |status: &str| {
        format!(
            "INSERT INTO outbox (kind, payload, status, attempts, run_at, created_at) \
             VALUES ('translate', '{{}}', '{status}', 1, '{now}', '{now}')"
        )
    };
    let key = format!(
        "INSERT INTO idempotency_keys (user_id, key, operation, fingerprint, status, body, created_at) \
         VALUES ({owner}, 'a key', 'POST /', 'a hash', 200, '{{}}', '{now}')"
    );
    let error = r#"'{"code":"NOT_FOUND","message":"no such job","errors":[]}'"#;
    for statement in [
        item(1, "rejected", "NULL", "NULL", error),
        item(2, "applied", "1", "'{}'", "NULL"),
        job("dead"),
        job("pending"),
        key,
    ] {
        query!(db, |c| diesel::sql_query(&statement).execute(c));
    }
}

on_both_databases! {
    fn records_that_prove_nothing_are_deleted_after_their_retention(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let machine = equipment(&db, &context);
        submitted(&db, &context, &inspector, &machine, &[0]);
        act(&db, &context, &inspector, |tx| notifications::mark_all_read(tx).map(drop)).expect("read");
        leave_records(&db, &context, admin.id.get());
        let (read, unread) = (rows(&db, "notifications WHERE is_read"), rows(&db, "notifications WHERE NOT is_read"));
        assert!(read > 0 && unread > 0, "{read} {unread}");
        let proofs = |db: &TestDatabase| {
            [rows(db, "audit_entries"), rows(db, "inspection_answers"), rows(db, "sync_items WHERE outcome = 'applied'")]
        };
        let before = proofs(&db);
        run(&db, &context);

        clock.advance_seconds(DAY + 1);
        let done = run(&db, &context);
        assert_eq!((rows(&db, "idempotency_keys"), done.counts.of("keys")), (0, 1));
        assert_eq!(rows(&db, "sync_items"), 2);
        clock.advance_seconds(30 * DAY);
        let done = run(&db, &context);
        assert_eq!((rows(&db, "sync_items"), done.counts.of("rejected_items")), (1, 1));
        assert_eq!((rows(&db, "outbox"), rows(&db, "task_runs")), (2, 3));
        clock.advance_seconds(60 * DAY);
        let done = run(&db, &context);
        assert_eq!((rows(&db, "outbox WHERE status = 'pending'"), rows(&db, "outbox")), (1, 1));
        assert_eq!((done.counts.of("dead_jobs"), done.counts.of("runs"), rows(&db, "task_runs")), (1, 1, 3));
        assert_eq!(rows(&db, "notifications WHERE is_read"), read);
        let changes = rows(&db, "changes");
        clock.advance_seconds(90 * DAY);
        let done = run(&db, &context);
        assert_eq!(done.counts.of("notifications"), usize::try_from(read).expect("a count"));
        assert_eq!((rows(&db, "notifications"), rows(&db, "changes")), (unread, changes - read));
        let after = proofs(&db);
        assert_eq!((after[1], after[2]), (before[1], before[2]));
        assert!(after[0] >= before[0], "the trail only grows");
    }

    fn the_latest_successful_run_of_a_task_stays_and_what_failed_after_it(db: TestDatabase) {
        let (context, clock) = context();
        run(&db, &context);
        clock.advance_seconds(DAY);
        run(&db, &context);
        clock.advance_seconds(DAY);
        query!(db, |c| diesel::sql_query("ALTER TABLE leaves RENAME TO hidden").execute(c));
        run(&db, &context);
        query!(db, |c| diesel::sql_query("ALTER TABLE hidden RENAME TO leaves").execute(c));
        clock.advance_seconds(365 * DAY);
        let backlog = |context: &Context| tasks::run_now(&db, context, "one", TaskName::CheckBacklog).expect("a run");
        backlog(&context);
        assert_eq!(run(&db, &context).counts.of("runs"), 1, "the first one; the second says what is due");
        assert_eq!(rows(&db, "task_runs"), 4);
    }

    fn retention_is_a_setting(db: TestDatabase) {
        let (context, clock) = context();
        let days = |count: u64| std::time::Duration::from_hours(24 * count);
        let retention = Retention { idempotency_keys: days(3), rejected_items: days(2), ..Retention::default() };
        let context = Context { retention, ..context };
        let admin = user(&db, &context, Role::Admin);
        leave_records(&db, &context, admin.id.get());
        clock.advance_seconds(2 * DAY + 1);
        let done = run(&db, &context);
        assert_eq!((done.counts.of("keys"), done.counts.of("rejected_items")), (0, 1));
        clock.advance_seconds(DAY);
        assert_eq!(run(&db, &context).counts.of("keys"), 1);
    }
}
