//! References between items of offline work (§15).

use inspection_domain::{
    rule::Code,
    sync::{Document, NewSyncItem, SyncItem},
    users::{Role, User},
};
use inspection_persistence::sync;
use inspection_testkit::{
    builders::{act, input, user},
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::code;

fn name(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn item(number: u32, kind: &str, data: serde_json::Value) -> NewSyncItem {
    input(json!({"client_id": name(number), "entity_type": kind, "entity_data": data}))
}

on_both_databases! {
    fn a_reference_is_to_an_own_item_of_the_right_kind(db: TestDatabase) {
        let (context, _) = context();
        let (owner, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        for (number, kind) in [(1, "inspection_start"), (2, "pause_request"), (3, "leave_request")] {
            let new = item(number, kind, json!({}));
            let applied = SyncItem::applied(
                new,
                owner.id,
                i64::from(number) + 70,
                Document::default(),
                context.clock.now(),
            );
            act(&db, &context, &owner, |tx| sync::store(tx, None, applied)).expect("applied");
        }
        let resolved = |who: &User, field: &str, number: u32| {
            let item = item(9, "inspection_submit", json!({field: name(number)}));
            db.read(|conn| sync::resolved(conn, who.id, &item)).map(|data| data.0[field].clone())
        };
        for (field, own) in [("inspection_id", 1), ("pause_id", 2), ("leave_id", 3)] {
            for number in 1..=4 {
                if number == own {
                    assert_eq!(resolved(&owner, field, number).expect("a reference"), json!(number + 70));
                } else {
                    assert_eq!(code(resolved(&owner, field, number)), Code::NotFound, "{field} {number}");
                }
            }
            assert_eq!(code(resolved(&other, field, own)), Code::NotFound, "{field} of another user");
        }
    }
}
