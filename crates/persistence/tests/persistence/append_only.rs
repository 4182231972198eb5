//! The audit trail and the ledger of points refuse changes, whatever the statement.

use diesel::{RunQueryDsl, sql_query};
use inspection_domain::users::Role;
use inspection_persistence::{DbConnection, points};
use inspection_testkit::{TestDatabase, builders::user, context::context, on_both_databases};

use serde_json::json;

use crate::{ALL, points::award, trail};

/// The error of a statement, as text.
fn refusal(db: &TestDatabase, statement: &str) -> Option<String> {
    db.read(|conn| {
        Ok(match conn {
            DbConnection::Postgres(c, _) => sql_query(statement).execute(c),
            DbConnection::Sqlite(c, _) => sql_query(statement).execute(c),
        })
    })
    .expect("a connection")
    .err()
    .map(|error| error.to_string())
}

on_both_databases! {
    fn history_is_neither_changed_nor_deleted(db: TestDatabase) {
        let (context, _) = context();
        let person = user(&db, &context, Role::Inspector);
        award(&db, &context, &person, Role::Inspector, 3);
        let trail = || trail(&db, &context, json!({}));
        let ledger = || db.read(|conn| points::list(conn, person.id, ALL)).unwrap().items;
        let before = (trail(), ledger());
        assert!(!before.0.is_empty() && before.1.len() == 1);
        let mut statements = vec![
            "UPDATE audit_entries SET action = 'read'",
            "UPDATE audit_entries SET actor_id = NULL WHERE id = 1",
            "DELETE FROM audit_entries",
            "DELETE FROM users",
            "UPDATE point_entries SET amount = 100",
            "DELETE FROM point_entries",
        ];
        if db.is_postgres() {
            // Whether or not a row is found.
            statements.extend([
                "TRUNCATE audit_entries",
                "TRUNCATE point_entries",
                "TRUNCATE users CASCADE",
                "UPDATE audit_entries SET action = 'read' WHERE false",
                "DELETE FROM point_entries WHERE false",
            ]);
        } else {
            statements.extend([
                "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries",
                "INSERT OR REPLACE INTO point_entries SELECT * FROM point_entries",
            ]);
        }
        for statement in statements {
            assert!(refusal(&db, statement).is_some(), "{statement}");
            assert_eq!((trail(), ledger()), before, "{statement}");
        }
        let reason = refusal(&db, "DELETE FROM audit_entries").unwrap_or_default();
        assert!(reason.contains("append-only") || reason.contains("permission denied"), "{reason}");
        award(&db, &context, &person, Role::Inspector, 2);
        assert_eq!(ledger().len(), 2, "new entries are taken");
    }
}
