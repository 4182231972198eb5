//! Both databases have the same schema, and it matches the program.

use std::collections::BTreeSet;

use diesel::{debug_query, pg::Pg, prelude::*, sql_query, sql_types::Text};
use inspection_domain::schema;
use inspection_persistence::{Database, DbConnection, Settings, migrations, scratch, unique_constraints};
use inspection_testkit::{DatabaseKind, TestDatabase, on_both_databases, or_skip, postgres::Server};

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    fact: String,
}

// Except exclusion constraints: SQLite has triggers instead; `leaves` tests that both behave the
// same. Except the index of searches, too, which is a full-text table of SQLite; `searches` tests
// both.
const POSTGRES: &[&str] = &[
    "SELECT 'column ' || c.relname || '.' || a.attname
         || ' ' || replace(format_type(a.atttypid, a.atttypmod), ' with time zone', '')
         || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
         || CASE WHEN a.attgenerated <> '' THEN ' generated'
                 WHEN d.oid IS NULL THEN ''
                 ELSE ' default ' || replace(pg_get_expr(d.adbin, d.adrelid), '::text', '') END AS fact
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT IN ('__diesel_schema_migrations', 'search_entries')",
    "SELECT c.relname || ' ' || pg_get_constraintdef(k.oid) AS fact
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('p', 'f')
       AND c.relname NOT IN ('__diesel_schema_migrations', 'search_entries')",
    "SELECT 'check ' || c.relname || ' ' || k.conname AS fact
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     WHERE k.connamespace = 'public'::regnamespace AND k.contype = 'c'",
    "SELECT CASE WHEN x.indisunique THEN 'unique ' ELSE '' END
         || 'index ' || i.relname || ' on ' || t.relname || ' ('
         || (SELECT string_agg(CASE x.indkey[n - 1] WHEN 0 THEN 'expression' ELSE pg_get_indexdef(i.oid, n, true) END
                    || CASE WHEN x.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY n)
             FROM generate_series(1, x.indnkeyatts::int) n) || ')'
         || CASE WHEN x.indpred IS NULL THEN '' ELSE ' partial' END AS fact
     FROM pg_index x
     JOIN pg_class i ON i.oid = x.indexrelid AND i.relnamespace = 'public'::regnamespace
     JOIN pg_class t ON t.oid = x.indrelid
     WHERE NOT x.indisprimary AND NOT x.indisexclusion AND t.relname <> 'search_entries'",
];

const SQLITE: &[&str] = &[
    "SELECT 'column ' || t.name || '.' || c.name || ' '
         || lower(CASE WHEN c.pk = 1 AND c.type = 'INTEGER' THEN 'BIGINT' ELSE c.type END)
         || CASE WHEN c.\"notnull\" THEN ' not null' ELSE '' END
         || CASE WHEN c.hidden IN (2, 3) THEN ' generated'
                 ELSE COALESCE(' default ' || c.dflt_value, '') END AS fact
     FROM sqlite_master t, pragma_table_xinfo(t.name) c
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '__diesel_schema_migrations'
       AND t.name NOT LIKE 'search_entries%'",
    "SELECT t.name || ' PRIMARY KEY ('
         || (SELECT group_concat(name, ', ')
             FROM (SELECT name FROM pragma_table_xinfo(t.name) WHERE pk > 0 ORDER BY pk))
         || ')' AS fact
     FROM sqlite_master t
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '__diesel_schema_migrations'
       AND t.name NOT LIKE 'search_entries%'",
    "SELECT t.name || ' FOREIGN KEY (' || group_concat(k.\"from\", ', ' ORDER BY k.seq) || ') REFERENCES '
         || k.\"table\" || '(' || group_concat(k.\"to\", ', ' ORDER BY k.seq) || ')'
         || CASE k.on_delete WHEN 'NO ACTION' THEN '' ELSE ' ON DELETE ' || k.on_delete END AS fact
     FROM sqlite_master t, pragma_foreign_key_list(t.name) k
     WHERE t.type = 'table'
     GROUP BY t.name, k.id",
    "SELECT CASE WHEN i.\"unique\" THEN 'unique ' ELSE '' END
         || 'index ' || i.name || ' on ' || t.name || ' ('
         || (SELECT group_concat(COALESCE(name, 'expression') || CASE WHEN \"desc\" THEN ' DESC' ELSE '' END, ', ')
             FROM (SELECT name, \"desc\" FROM pragma_index_xinfo(i.name) WHERE key ORDER BY seqno)) || ')'
         || CASE WHEN i.partial THEN ' partial' ELSE '' END AS fact
     FROM sqlite_master t, pragma_index_list(t.name) i
     WHERE t.type = 'table' AND i.origin = 'c'",
];

/// Names of table constraints stand only in the text of the table.
const SQLITE_TABLES: &str = "SELECT sql AS fact FROM sqlite_master
     WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '__diesel_schema_migrations'
       AND name NOT LIKE 'search_entries%'";

/// A description of a schema, one sentence per fact.
fn facts(db: &Database) -> BTreeSet<String> {
    let load = |statements: &[&str]| -> Vec<String> {
        let load = |statement: &&str| -> Vec<Fact> { query!(db, |c| sql_query(*statement).load(c)) };
        statements.iter().flat_map(load).map(|row| row.fact).collect()
    };
    if db.is_postgres() {
        load(POSTGRES).into_iter().collect()
    } else {
        let named = load(&[SQLITE_TABLES]);
        load(SQLITE).into_iter().chain(named.iter().flat_map(|sql| named_constraints(sql))).collect()
    }
}

/// The named unique constraints and checks in the text of a `CREATE TABLE`.
fn named_constraints(sql: &str) -> Vec<String> {
    let plain: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let plain = plain.join(" ");
    let (head, body) =
        plain.trim_end().strip_suffix(')').and_then(|sql| sql.split_once('(')).expect("columns");
    let table = head.split_whitespace().last().expect("a name").trim_matches('"');
    let (mut clauses, mut depth) = (vec![String::new()], 0);
    for letter in body.chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        match letter {
            ',' if depth == 0 => clauses.push(String::new()),
            _ => clauses.last_mut().expect("one at least").push(letter),
        }
    }
    let mut facts = Vec::new();
    for clause in &clauses {
        let words: Vec<&str> = clause.split_whitespace().collect();
        for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "CONSTRAINT") {
            match words[at + 2] {
                "CHECK" => facts.push(format!("check {table} {}", words[at + 1])),
                "UNIQUE" if at == 0 => {
                    let columns = words[3..].join(" ");
                    facts.push(format!("unique index {} on {table} {columns}", words[1]));
                }
                "UNIQUE" => facts.push(format!("unique index {} on {table} ({})", words[at + 1], words[0])),
                _ => {}
            }
        }
    }
    facts
}

#[test]
fn both_databases_have_the_same_schema() {
    let postgres = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let sqlite = TestDatabase::new(DatabaseKind::Sqlite).expect("always there");
    let (postgres, sqlite) = (facts(&postgres), facts(&sqlite));
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>| -> Vec<String> {
        here.difference(there).cloned().collect()
    };
    assert_eq!(
        (only(&postgres, &sqlite), only(&sqlite, &postgres)),
        (vec![], vec![]),
        "only in PostgreSQL, only in SQLite"
    );
    for known in [
        "column defects.severity_rank integer not null generated",
        "column files.file_size bigint not null",
        "column users.id bigint not null",
        "users FOREIGN KEY (role_id) REFERENCES badges(badge)",
        "equipment_weekly_completions PRIMARY KEY (equipment_id, iso_year, iso_week)",
        "unique index inspections_one_draft_key on inspections (technician_id, equipment_id) partial",
        "unique index checklist_items_order_index_key on checklist_items (template_id, order_index)",
        "unique index users_email_key on users (email)",
        "index defects_due_date_idx on defects (due_date, severity_rank DESC, id)",
        "check defects defects_resolved_check",
    ] {
        assert!(sqlite.contains(known), "{known}");
    }
}

/// The statement that reads every column of a table known to the program.
macro_rules! statements {
    ($($table:ident),* $(,)?) => {
        [$(debug_query::<Pg, _>(&schema::$table::table.select(schema::$table::all_columns)).to_string()),*]
    };
}

on_both_databases! {
    fn the_program_knows_every_column_and_no_other(db: TestDatabase) {
        let statements = statements!(
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
            final_assessments,
            holidays,
            idempotency_keys,
            inspection_answers,
            inspection_assignments,
            inspection_lists,
            inspection_ratings,
            inspection_routines,
            inspections,
            invariant_results,
            evidence,
            files,
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
        );
        let mut known = BTreeSet::new();
        for statement in statements {
            let statement = statement.split(" -- ").next().expect("a statement");
            let _: usize = query!(db, |c| sql_query(statement).execute(c));
            let (columns, _) = statement.trim_start_matches("SELECT ").split_once(" FROM ").expect("a table");
            known.extend(columns.split(", ").map(|column| column.replace('"', "")));
        }
        let facts = facts(&db);
        let columns = facts.iter().filter_map(|fact| fact.strip_prefix("column "));
        let there: BTreeSet<String> =
            columns.filter_map(|fact| fact.split(' ').next()).map(str::to_owned).collect();
        assert_eq!(known, there);
    }

    fn every_unique_constraint_has_a_meaning(db: TestDatabase) {
        let facts = facts(&db);
        let unique = facts.iter().filter_map(|fact| fact.strip_prefix("unique index ")?.split(' ').next());
        // A generated id is unique.
        let keys = facts
            .iter()
            .filter_map(|fact| fact.split_once(" PRIMARY KEY "))
            .filter(|(_, key)| *key != "(id)");
        let there: BTreeSet<String> =
            unique.map(str::to_owned).chain(keys.map(|(table, _)| format!("{table}_pkey"))).collect();
        let known: BTreeSet<String> = unique_constraints().into_iter().map(str::to_owned).collect();
        assert_eq!(known, there);
    }

    fn migrations_go_down_to_nothing_and_up_again(db: TestDatabase) {
        let before = facts(&db);
        let all = migrations::status(&db).unwrap();
        assert!(all.len() >= 7 && all.iter().all(|migration| migration.applied), "{all:?}");
        assert!(!migrations::is_pending(&db).unwrap());
        assert_eq!(migrations::up(&db).unwrap(), Vec::<String>::new());

        for (n, migration) in all.iter().enumerate().rev() {
            assert_eq!(migrations::down(&db).unwrap(), migration.name);
            let applied =
                migrations::status(&db).unwrap().iter().filter(|migration| migration.applied).count();
            assert_eq!(applied, n);
        }
        assert_eq!(facts(&db), BTreeSet::new());
        assert!(migrations::is_pending(&db).unwrap());

        assert_eq!(migrations::up(&db).unwrap().len(), all.len());
        assert_eq!(facts(&db), before);
        assert_eq!(migrations::status(&db).unwrap(), all);
    }

    fn instances_that_start_at_once_migrate_once(db: TestDatabase) {
        let all: Vec<String> =
            migrations::status(&db).unwrap().into_iter().map(|migration| migration.name).collect();
        for round in 0..4 {
            let (url, _fresh) = fresh(&db, round);
            // One pool per process.
            let instances: [Database; 4] =
                std::array::from_fn(|_| Database::open(Settings::new(url.as_str())).unwrap());
            let applied = crate::races::at_once(4, |n| migrations::up(&instances[n]));
            let applied: Vec<Vec<String>> =
                applied.into_iter().map(|outcome| outcome.expect("migrated")).collect();
            assert_eq!(applied.concat(), all);
        }
    }
}

/// The URL of an empty database next to this one.
fn fresh(db: &TestDatabase, number: usize) -> (String, Fresh) {
    if db.kind == DatabaseKind::Sqlite {
        return (format!("{}-{number}", db.url), Fresh(None));
    }
    let server = Server::shared().expect("it has this database");
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, None).unwrap();
    (server.url(&name), Fresh(Some((server, name))))
}

/// Removes the database on drop; a file goes with its folder.
struct Fresh(Option<(&'static Server, String)>);

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.0 {
            let _ = scratch::drop_database(&server.url("postgres"), name);
        }
    }
}

#[test]
fn the_connection_type_identifies_the_database() {
    for kind in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        let db = or_skip!(TestDatabase::new(kind));
        let is_postgres = db.read(|conn| Ok(matches!(conn, DbConnection::Postgres(..)))).unwrap();
        assert_eq!(
            (is_postgres, db.is_postgres()),
            (kind == DatabaseKind::Postgres, kind == DatabaseKind::Postgres)
        );
    }
}
