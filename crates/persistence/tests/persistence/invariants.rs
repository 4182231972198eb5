//! Every invariant holds after the stories of all units of work, and each is found when raw SQL
//! breaks it.

use std::{collections::BTreeSet, time::Duration};

use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
use inspection_domain::invariants::{Invariant, InvariantResult, MOST_IDS};
use inspection_persistence::{Context, Database, DbConnection, invariants};
use inspection_testkit::{DatabaseKind, TestDatabase, on_both_databases, or_skip};

use crate::effects;

mod cases;

const LIMIT: Duration = Duration::from_mins(1);

fn batch(conn: &mut DbConnection, statements: &str) {
    let done = match conn {
        DbConnection::Postgres(c, _) => c.batch_execute(statements),
        DbConnection::Sqlite(c, _) => c.batch_execute(statements),
    };
    done.unwrap_or_else(|error| panic!("{error}: {statements}"));
}

fn execute(conn: &mut DbConnection, statement: &str) -> usize {
    let done = match conn {
        DbConnection::Postgres(c, _) => sql_query(statement).execute(c),
        DbConnection::Sqlite(c, _) => sql_query(statement).execute(c),
    };
    done.unwrap_or_else(|error| panic!("{error}: {statement}"))
}

/// Removes the constraints, unique indexes and triggers of a table, in a transaction.
fn unguard(conn: &mut DbConnection, table: &str) {
    let statements = match conn {
        DbConnection::Postgres(..) => format!(
            "DO $$ DECLARE r record; BEGIN
                FOR r IN SELECT conname AS name, conrelid::regclass AS of FROM pg_constraint
                    WHERE contype IN ('c', 'u', 'x', 'f')
                        AND (conrelid = '{table}'::regclass OR confrelid = '{table}'::regclass)
                LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', r.of, r.name);
                END LOOP;
                FOR r IN SELECT indexrelid::regclass AS name FROM pg_index
                    WHERE indrelid = '{table}'::regclass AND indisunique AND NOT indisprimary
                LOOP EXECUTE format('DROP INDEX %s CASCADE', r.name); END LOOP;
                ALTER TABLE {table} DISABLE TRIGGER USER;
            END $$"
        ),
        DbConnection::Sqlite(..) => format!(
            "CREATE TABLE unguarded AS SELECT * FROM {table};
            DROP TABLE {table};
            ALTER TABLE unguarded RENAME TO {table};"
        ),
    };
    batch(conn, &statements);
}

/// Breaks an invariant and checks all, then undoes it. None if the site has nothing to break.
fn broken(db: &Database, context: &Context, case: &cases::Case) -> Option<Vec<InvariantResult>> {
    db.read(|conn| {
        let is_sqlite = matches!(conn, DbConnection::Sqlite(..));
        if is_sqlite {
            batch(conn, "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;");
        }
        batch(conn, "BEGIN");
        for table in case.unguarded {
            unguard(conn, table);
        }
        let mut changed = case.statements.iter().map(|statement| execute(conn, statement));
        let is_broken = changed.next().is_some_and(|rows| rows > 0);
        changed.for_each(drop);
        let found = if is_broken { Some(invariants::check_in(conn, context, LIMIT)?) } else { None };
        batch(conn, "ROLLBACK");
        if is_sqlite {
            batch(conn, "PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF;");
        }
        Ok(found)
    })
    .expect("a check")
}

fn violated(results: &[InvariantResult]) -> Vec<&InvariantResult> {
    results.iter().filter(|result| !result.holds()).collect()
}

on_both_databases! {
    fn an_empty_database_violates_nothing(db: TestDatabase) {
        let (context, _) = inspection_testkit::context::context();
        let results = invariants::check(&db, &context, LIMIT).unwrap();
        assert_eq!(violated(&results), Vec::<&InvariantResult>::new());
        let checked: BTreeSet<Invariant> = results.iter().map(|result| result.name).collect();
        let expected: BTreeSet<Invariant> =
            Invariant::ALL.iter().copied().filter(|invariant| !invariant.is_of_storage()).collect();
        assert_eq!(checked, expected, "each has a query");
        assert_eq!(results.len(), expected.len(), "one query");
        let out_of_time = invariants::check(&db, &context, Duration::ZERO).unwrap();
        assert!(out_of_time.iter().all(|result| result.violations.is_none()), "{out_of_time:?}");
    }

    fn results_are_replaced_by_those_of_the_next_check(db: TestDatabase) {
        let (context, clock) = inspection_testkit::context::context();
        let latest = || db.read(invariants::latest).unwrap();
        assert_eq!(latest(), []);
        let first = invariants::check(&db, &context, LIMIT).unwrap();
        invariants::record(&db, &context, &first).unwrap();
        assert_eq!(latest(), first);
        clock.advance_seconds(60);
        let second = invariants::check(&db, &context, LIMIT).unwrap();
        invariants::record(&db, &context, &second).unwrap();
        assert_eq!(latest(), second);
        assert!(db.read(invariants::violations).unwrap().iter().all(|(_, number)| *number == 0));
    }
}

/// All stories on databases of a kind: none violates an invariant, and every break is found.
fn every_break_is_found(kind: DatabaseKind) {
    let mut covered = BTreeSet::new();
    for story in effects::STORIES {
        let db = or_skip!(TestDatabase::new(kind));
        let context = effects::after(&db, story);
        let clean = invariants::check(&db, &context, LIMIT).expect("a check");
        assert_eq!(violated(&clean), Vec::<&InvariantResult>::new(), "after the story {story}");
        for case in cases::all() {
            let Some(results) = broken(&db, &context, case) else { continue };
            let result = results.iter().find(|result| result.name == case.breaks).expect("a result");
            assert!(result.violations.is_some_and(|number| number > 0), "{story}: {:?}", case.breaks);
            assert!(!result.ids.0.is_empty() && result.ids.0.len() <= MOST_IDS, "{result:?}");
            covered.insert(case.breaks);
        }
        let undone = invariants::check(&db, &context, LIMIT).expect("a check");
        assert_eq!(violated(&undone), Vec::<&InvariantResult>::new(), "after the breaks of {story}");
    }
    let missing: Vec<&Invariant> = Invariant::ALL
        .iter()
        .filter(|invariant| !invariant.is_of_storage() && !covered.contains(invariant))
        .collect();
    assert!(missing.is_empty(), "invariants that no case has broken: {missing:?}");
}

mod every_break_of_an_invariant_is_found {
    use super::*;

    #[test]
    fn sqlite() {
        every_break_is_found(DatabaseKind::Sqlite);
    }

    #[test]
    fn postgres() {
        every_break_is_found(DatabaseKind::Postgres);
    }
}
