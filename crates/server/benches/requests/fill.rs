//! A site of any size. Its users, machines and checklist are created by the units of work; the rest
//! is inserted in bulk and meets the constraints of the schema.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use inspection_domain::users::Role;
use inspection_persistence::{Context, Database, DbConnection};
use inspection_testkit::{builders, context::context};
use serde_json::json;

use crate::rows::{EXPRESSIONS, ROWS, Rows};

/// Number of users of each role, in the order of their ids.
const USERS: &[(Role, i64)] = &[
    (Role::Admin, 1),
    (Role::Inspector, 300),
    (Role::Specialist, 100),
    (Role::Engineer, 50),
    (Role::QualityEngineer, 50),
];

const MACHINES: usize = 2000;

/// Fills a migrated, empty database with a site that has so many inspections.
pub(crate) fn fill(db: &Database, inspections: i64) {
    let (context, clock) = context();
    people_and_machines(db, &context);
    clock.advance_seconds(60);
    db.read(|conn| {
        if db.is_postgres() {
            // No foreign keys are checked: all of them are met.
            execute(conn, "SET session_replication_role = replica");
            execute(conn, "SET synchronous_commit = off");
        } else {
            execute(conn, "PRAGMA foreign_keys = OFF");
            execute(conn, "PRAGMA synchronous = OFF");
        }
        // An index is created faster than it is updated a million times.
        let indexes = indexes(conn);
        for index in &indexes {
            execute(conn, &format!("DROP INDEX {}", index.name));
        }
        for rows in ROWS {
            execute(conn, &statement(db.is_postgres(), rows, inspections));
        }
        execute(conn, &words_of_defects(db.is_postgres(), inspections / 4));
        for index in &indexes {
            execute(conn, &index.definition);
        }
        execute(conn, if db.is_postgres() { "VACUUM ANALYZE" } else { "PRAGMA optimize" });
        Ok(())
    })
    .expect("filled");
}

/// Creates users in the order of [`USERS`], one checklist, and machines of its type.
fn people_and_machines(db: &Database, context: &Context) {
    let mut admin = None;
    for (role, number) in USERS {
        for n in 0..*number {
            let user = builders::user_with(db, context, *role, |body| {
                body["email"] = json!(email(*role, n));
                if *role == Role::Inspector || *role == Role::Specialist {
                    body["specialization"] = json!(if n % 2 == 0 { "mechanical" } else { "electrical" });
                }
            });
            admin.get_or_insert(user);
        }
    }
    builders::checklist(db, context, &admin.expect("an admin"));
    for n in 0..MACHINES {
        builders::equipment_with(db, context, |body| body["berth"] = json!(format!("B{}", n % 20)));
    }
}

/// E-mail address of a user, by role and number.
pub(crate) fn email(role: Role, number: i64) -> String {
    format!("{role}-{number}@example.com")
}

fn statement(is_postgres: bool, rows: &Rows, inspections: i64) -> String {
    let all = (inspections / rows.per * rows.times).max(1);
    let names: Vec<&str> = rows.columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> =
        rows.columns.iter().map(|(_, text)| expression(is_postgres, text, all)).collect();
    let (table, names, values) = (rows.table, names.join(", "), values.join(", "));
    format!("INSERT INTO {table} ({names}) SELECT {values} FROM {}", numbers(is_postgres, all))
}

/// The numbers from 1, as a table with the column `n`.
fn numbers(is_postgres: bool, all: i64) -> String {
    if is_postgres {
        return format!("generate_series(1::bigint, {all}) AS numbers (n)");
    }
    format!(
        "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {all}) \
         SELECT n FROM numbers)"
    )
}

/// An expression in the language of a database. All rows lie within the last year.
fn expression(is_postgres: bool, text: &str, all: i64) -> String {
    let seconds = format!("(({all} - n) * 31000000 / {all})");
    let at = if is_postgres {
        format!("(date_trunc('day', now()) - {seconds} * interval '1 second')")
    } else {
        format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', 'start of day', '-' || {seconds} || ' seconds')")
    };
    let mut text = text.replace("{at}", &at).replace("{all}", &all.to_string());
    for (name, expression) in EXPRESSIONS {
        text = text.replace(&format!("{{{name}}}"), expression);
    }
    text = with_argument(&text, "last", |count| format!("(n > {all} - {count})"));
    text = with_argument(&text, "machine", |number| format!("(({number}) * 13 % 2000 + 1)"));
    with_argument(&text, "day", |day| {
        if is_postgres {
            format!("(current_date - 365 + ({day})::int)")
        } else {
            format!("date('now', (({day}) - 365) || ' days')")
        }
    })
}

/// Replaces each `{name argument}`.
fn with_argument(text: &str, name: &str, replacement: impl Fn(&str) -> String) -> String {
    let opening = format!("{{{name} ");
    let mut parts = text.split(opening.as_str());
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (argument, rest) = part.split_once('}').expect("an argument");
        replaced += &replacement(argument);
        replaced += rest;
    }
    replaced
}

/// Entries of the defects in the index of searches.
fn words_of_defects(is_postgres: bool, defects: i64) -> String {
    let numbers = numbers(is_postgres, defects);
    let machine = expression(is_postgres, "{machine n * 4}", defects);
    if is_postgres {
        return format!(
            "INSERT INTO search_entries (kind, id, words) SELECT 'defect', n, \
             array_to_tsvector(ARRAY['dfailed', 'dbrakes', 'dcrane', 'd' || {machine}, 'dsound']) FROM {numbers}"
        );
    }
    format!(
        "INSERT INTO search_entries (rowid, words) SELECT n << 3 | {kind}, \
         'dfailed dbrakes dcrane d' || {machine} || ' dsound' FROM {numbers}",
        kind = inspection_domain::search::SearchedKind::Defect.number()
    )
}

/// An index without a constraint.
#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

fn indexes(conn: &mut DbConnection) -> Vec<Index> {
    let loaded = match conn {
        DbConnection::Postgres(c, _) => sql_query(
            "SELECT indexname::text AS name, indexdef AS definition FROM pg_indexes \
             WHERE schemaname = 'public' AND indexdef LIKE 'CREATE INDEX%' \
             AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        )
        .load(c),
        DbConnection::Sqlite(c, _) => sql_query(
            "SELECT name, sql AS definition FROM sqlite_master \
             WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'",
        )
        .load(c),
    };
    loaded.expect("the indexes")
}

fn execute(conn: &mut DbConnection, statement: &str) {
    let done = match conn {
        DbConnection::Postgres(c, _) => sql_query(statement).execute(c),
        DbConnection::Sqlite(c, _) => sql_query(statement).execute(c),
    };
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}
