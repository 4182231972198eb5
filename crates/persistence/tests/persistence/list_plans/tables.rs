//! Rows of the lists, made up by the databases themselves.

use diesel::{RunQueryDsl, sql_query};
use inspection_persistence::{Database, DbConnection};

/// Rows of a large table, on PostgreSQL. The planner of SQLite doesn't know how many there are.
const LARGE: i64 = 200_000;

/// Rows of the other tables.
const MEDIUM: i64 = 30_000;

/// A column, and an expression for it.
type Column = (&'static str, &'static str);

/// Tables of the lists with an expression for each column, of the number `n` of the row:
/// `{at}` is a time, `{day}` a date, `[a b]` one of these texts, `{one_of k}` a number from 1 to k.
pub(super) const TABLES: &[(&str, i64, &[Column])] = &[
    (
        "inspections",
        LARGE,
        &[
            ("equipment_id", "{2000}"),
            ("template_id", "1"),
            ("technician_id", "{500}"),
            ("partner_id", "CASE WHEN n % 2 = 0 THEN {500} END"),
            ("status", "[submitted reviewed submitted]"),
            ("result", "[pass pass pass fail]"),
            ("started_at", "{at}"),
            ("submitted_at", "{at}"),
            ("updated_at", "{at}"),
            ("reviewed_at", "CASE WHEN n % 3 = 1 THEN {at} END"),
            ("reviewed_by_id", "CASE WHEN n % 3 = 1 THEN 1 END"),
        ],
    ),
    (
        "defects",
        LARGE,
        &[
            ("inspection_id", "n"),
            ("checklist_item_id", "1"),
            ("equipment_id", "{2000}"),
            ("category", "[mechanical electrical]"),
            ("severity", "[low medium high critical]"),
            ("priority", "[low medium high urgent low]"),
            ("description", "'x'"),
            ("status", "[closed closed open false_alarm closed closed in_progress]"),
            ("assessment_status", "[pending confirmed rejected]"),
            ("assigned_to_id", "{500}"),
            ("due_date", "{day}"),
            ("sla_days", "1"),
            ("created_at", "{at}"),
            ("reported_by_id", "{500}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "notifications",
        LARGE,
        &[
            ("user_id", "CASE WHEN n % 2 = 0 THEN 2 ELSE {500} END"),
            ("type", "[defect_created bonus_awarded job_assigned]"),
            ("title", "'x'"),
            ("title_ar", "'x'"),
            ("message", "'x'"),
            ("message_ar", "'x'"),
            ("priority", "[info warning urgent critical]"),
            ("is_persistent", "FALSE"),
            ("is_read", "n % 3 <> 0"),
            ("read_at", "CASE WHEN n % 3 <> 0 THEN {at} END"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "audit_entries",
        MEDIUM,
        &[
            ("at", "{at}"),
            ("actor_id", "{500}"),
            ("action", "[create update delete award]"),
            ("entity_type", "[defect inspection job user]"),
            ("entity_id", "n"),
            ("changes", "'{}'"),
        ],
    ),
    (
        "inspection_assignments",
        MEDIUM,
        &[
            ("list_id", "n / 100 + 1"),
            ("equipment_id", "n % 100 + 1"),
            ("template_id", "1"),
            ("target_date", "{day}"),
            ("shift", "[day night]"),
            ("status", "CASE n % 40 WHEN 3 THEN 'assigned' WHEN 7 THEN 'mech_complete' ELSE 'completed' END"),
            ("mechanical_inspector_id", "{500}"),
            ("electrical_inspector_id", "{400}"),
            ("deadline", "{at}"),
            ("completed_at", "{at}"),
            ("assigned_at", "{at}"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "final_assessments",
        MEDIUM,
        &[
            ("assignment_id", "n"),
            ("equipment_id", "{2000}"),
            ("mechanical_inspector_id", "{500}"),
            ("electrical_inspector_id", "{400}"),
            ("status", "[completed completed pending]"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "jobs",
        MEDIUM,
        &[
            ("kind", "[specialist specialist specialist engineer]"),
            ("universal_id", "n"),
            ("job_id", "'J-' || n"),
            ("owner_id", "{500}"),
            ("category", "[major minor]"),
            ("status", "[completed qc_approved paused assigned cancelled]"),
            ("defect_id", "n"),
            ("equipment_id", "{2000}"),
            ("job_type", "[custom_project system_review special_task]"),
            ("started_at", "CASE WHEN n % 5 <> 0 THEN {at} END"),
            ("paused_at", "CASE WHEN n % 5 = 2 THEN {at} END"),
            ("completed_at", "CASE WHEN n % 2 <> 0 THEN {at} END"),
            ("paused_seconds", "0"),
            ("planned_time_hours", "CASE WHEN n % 7 <> 0 THEN 2 END"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "job_pauses",
        MEDIUM,
        &[
            ("job_id", "n"),
            ("requested_by_id", "{500}"),
            ("reason_category", "[tools parts]"),
            ("status", "[approved approved denied pending]"),
            ("is_forced", "FALSE"),
            ("requested_at", "{at}"),
        ],
    ),
    (
        "job_interventions",
        MEDIUM,
        &[
            ("job_id", "n"),
            ("action", "[plan start complete]"),
            ("actor_id", "{500}"),
            ("owner_id", "{500}"),
            ("changes", "'{}'"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "takeovers",
        MEDIUM,
        &[
            (
                "kind",
                "CASE WHEN n % 50 = 0 THEN 'engineer' WHEN n % 50 < 5 THEN 'inspection' ELSE 'specialist' END",
            ),
            ("job_id", "n"),
            ("assignment_id", "n"),
            ("requested_by_id", "{500}"),
            ("place", "1"),
            ("status", "[denied denied pending]"),
            ("requested_at", "{at}"),
        ],
    ),
    (
        "quality_reviews",
        MEDIUM,
        &[
            ("kind", "CASE WHEN n % 50 = 0 THEN 'engineer' ELSE 'specialist' END"),
            ("job_id", "n"),
            ("worker_id", "{500}"),
            ("qe_id", "{100}"),
            ("status", "[approved approved rejected pending]"),
            ("sla_deadline", "{at}"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "defect_occurrences",
        MEDIUM,
        &[("defect_id", "{2000}"), ("found_by_id", "{500}"), ("found_at", "{at}")],
    ),
    (
        "defect_assessments",
        MEDIUM,
        &[
            ("defect_id", "n"),
            ("job_id", "n"),
            ("specialist_id", "{500}"),
            ("verdict", "[confirm minor reject]"),
            ("technical_notes", "'x'"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "leaves",
        MEDIUM,
        &[
            ("user_id", "{500}"),
            ("leave_type", "[annual sick emergency]"),
            ("date_from", "{day}"),
            ("date_to", "{day}"),
            ("scope", "'full'"),
            ("status", "[rejected approved cancelled pending]"),
            ("ended_at", "CASE WHEN n % 4 = 1 AND n % 100 <> 1 THEN {at} END"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "roster_entries",
        MEDIUM,
        &[
            ("user_id", "1 + n % 200"),
            ("date", "{day}"),
            ("shift", "[day night off]"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "bonus_stars",
        MEDIUM,
        &[
            ("user_id", "{500}"),
            ("amount", "1"),
            ("reason", "'x'"),
            ("status", "[approved denied pending]"),
            ("requested_by_id", "CASE WHEN n % 10 <> 0 THEN {400} END"),
            ("decided_by_id", "{300}"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "point_entries",
        MEDIUM,
        &[
            ("user_id", "{500}"),
            ("role", "'inspector'"),
            ("amount", "1"),
            ("kind", "'bonus_stars'"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "inspection_ratings",
        MEDIUM,
        &[
            ("inspection_id", "n"),
            ("technician_id", "{500}"),
            ("rating", "n % 5 + 1"),
            ("admin_quality_bonus", "0"),
            ("rated_by_id", "1"),
            ("created_at", "{at}"),
            ("updated_at", "{at}"),
        ],
    ),
    (
        "files",
        MEDIUM,
        &[
            ("\"key\"", "'k' || n"),
            ("original_filename", "'x'"),
            ("mime_type", "'image/png'"),
            ("file_size", "1"),
            ("sha256", "'x'"),
            ("category", "'photo'"),
            ("uploaded_by_id", "{500}"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "task_runs",
        MEDIUM,
        &[
            ("task", "[check_backlog monitor_qe_sla]"),
            ("scheduled_for", "{at}"),
            ("is_manual", "FALSE"),
            ("instance", "'i'"),
            ("started_at", "{at}"),
            ("lease_until", "{at}"),
            ("attempts", "1"),
            ("finished_at", "{at}"),
            ("outcome", "[succeeded succeeded succeeded succeeded failed]"),
            ("counts", "'{}'"),
        ],
    ),
    (
        "outbox",
        MEDIUM,
        &[
            ("kind", "[translate translate]"),
            ("payload", "'{}'"),
            ("status", "[pending pending dead]"),
            ("attempts", "0"),
            ("run_at", "{at}"),
            ("created_at", "{at}"),
        ],
    ),
    (
        "sync_items",
        MEDIUM,
        &[
            ("user_id", "{500}"),
            ("client_id", "'c' || n"),
            ("entity_type", "'leave_request'"),
            ("entity_data", "'{}'"),
            ("outcome", "[applied applied rejected]"),
            ("content_hash", "'x'"),
            ("created_at", "{at}"),
        ],
    ),
];

/// The statement that fills a table.
fn fill(is_postgres: bool, table: &str, rows: i64, columns: &[(&str, &str)]) -> String {
    let (at, day) = if is_postgres {
        ("timestamptz '2025-01-01 00:00Z' + n * interval '3 minutes'", "date '2025-01-01' + (n / 200)::int")
    } else {
        (
            "strftime('%Y-%m-%dT%H:%M:%fZ', '2025-01-01', '+' || (n * 3) || ' minutes')",
            "date('2025-01-01', '+' || (n / 200) || ' days')",
        )
    };
    let expression = |text: &str| {
        let mut text = text.replace("{at}", at).replace("{day}", day);
        for number in [100, 300, 400, 500, 2000] {
            text = text.replace(&format!("{{{number}}}"), &format!("(n / 7 * 13 + n) % {number} + 1"));
        }
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(texts) => {
                let texts: Vec<&str> = texts.split(' ').collect();
                let cases: Vec<String> =
                    texts.iter().enumerate().map(|(n, text)| format!("WHEN {n} THEN '{text}'")).collect();
                format!("CASE n % {} {} END", texts.len(), cases.join(" "))
            }
            None => text,
        }
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns.iter().map(|(_, text)| expression(text)).collect();
    let numbers = if is_postgres {
        format!("generate_series(1::bigint, {rows}) AS numbers (n)")
    } else {
        format!(
            "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) \
             SELECT n FROM numbers)"
        )
    };
    format!("INSERT INTO {table} ({}) SELECT {} FROM {numbers}", names.join(", "), values.join(", "))
}

fn execute(conn: &mut DbConnection, statement: &str) {
    let done = match conn {
        DbConnection::Postgres(c, _) => sql_query(statement).execute(c),
        DbConnection::Sqlite(c, _) => sql_query(statement).execute(c),
    };
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Fills all tables, without their checks: the rows need not fit together.
pub(super) fn fill_all(db: &Database) {
    db.read(|conn| {
        if db.is_postgres() {
            execute(conn, "SET session_replication_role = replica");
            let checks = "DO $$ DECLARE k record; BEGIN FOR k IN SELECT conrelid::regclass AS t, conname \
                FROM pg_constraint WHERE contype IN ('c', 'x') AND connamespace = 'public'::regnamespace LOOP \
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.t, k.conname); END LOOP; END $$";
            execute(conn, checks);
        } else {
            for pragma in ["foreign_keys = OFF", "ignore_check_constraints = ON", "synchronous = OFF"] {
                execute(conn, &format!("PRAGMA {pragma}"));
            }
            execute(conn, "DROP TRIGGER IF EXISTS leaves_no_overlap_insert");
            execute(conn, "DROP TRIGGER IF EXISTS leaves_no_overlap_update");
        }
        for (table, rows, columns) in TABLES {
            let rows = if db.is_postgres() { *rows } else { 200 };
            execute(conn, &fill(db.is_postgres(), table, rows, columns));
        }
        if db.is_postgres() {
            let words = format!(
                "INSERT INTO search_entries (kind, id, words) \
                 SELECT 'defect', n, array_to_tsvector(ARRAY['d' || n % 1000, 'dcrane' || n % 5, 'dx' || n]) \
                 FROM generate_series(1, {LARGE}) AS numbers (n)"
            );
            execute(conn, &words);
        }
        execute(conn, if db.is_postgres() { "VACUUM ANALYZE" } else { "SELECT 1" });
        Ok(())
    })
    .expect("filled");
}
