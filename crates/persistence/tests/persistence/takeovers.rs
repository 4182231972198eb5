//! Takeovers of inspections.

use inspection_domain::{assignments::AssignmentStatus, rule::Code, users::Role};
use inspection_persistence::{assignments, takeovers, users};
use inspection_testkit::{
    builders::{act, assigned, checklist, equipment, generated, half_submitted, input, routine, team, user},
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{code, refusal};

on_both_databases! {
    fn a_request_is_not_approved_for_a_taker_who_is_no_active_inspector_any_more(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, _) = checklist(&db, &context, &admin);
        routine(&db, &context, &admin, template.id);
        equipment(&db, &context);
        let (_, listed) = generated(&db, &context, &admin);
        let (before, takers) = (team(&db, &context), team(&db, &context));
        let id = listed[0].id;
        assigned(&db, &context, &admin, id, &before);
        clock.advance_seconds(2 * 86_400);
        let partner = input(json!({"partner_id": takers.electrical.id}));
        let requested =
            act(&db, &context, &takers.mechanical, |tx| takeovers::request_assignment(tx, id, partner))
                .expect("a request");
        for (change, back) in [
            (json!({"is_active": false}), json!({"is_active": true})),
            (json!({"role": "specialist"}), json!({"role": "inspector"})),
        ] {
            let account = takers.mechanical.id;
            act(&db, &context, &admin, |tx| users::update(tx, account, input(change.clone()))).expect("changed");
            let outcome = act(&db, &context, &admin, |tx| takeovers::approve(tx, requested.id));
            assert_eq!(code(outcome), Code::Forbidden, "{change}");
            act(&db, &context, &admin, |tx| users::update(tx, account, input(back))).expect("changed back");
        }
        let unchanged = db.read(|conn| assignments::by_ids(conn, &[id.get()])).expect("an assignment").remove(0);
        assert_eq!(unchanged.team(), [Some(before.mechanical.id), Some(before.electrical.id)]);
        act(&db, &context, &admin, |tx| takeovers::approve(tx, requested.id)).expect("approved");
        let taken = db.read(|conn| assignments::by_ids(conn, &[id.get()])).expect("an assignment").remove(0);
        assert_eq!(taken.team(), [Some(takers.mechanical.id), Some(takers.electrical.id)]);
        assert_eq!(taken.status, AssignmentStatus::Assigned);
    }

    fn a_partner_who_completed_the_other_half_in_a_former_trade_is_refused(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, _) = checklist(&db, &context, &admin);
        routine(&db, &context, &admin, template.id);
        equipment(&db, &context);
        let (_, listed) = generated(&db, &context, &admin);
        let (before, takers) = (team(&db, &context), team(&db, &context));
        let (id, retrained) = (listed[0].id, before.mechanical.id);
        assigned(&db, &context, &admin, id, &before);
        half_submitted(&db, &context, &before.mechanical, id, &[]);
        clock.advance_seconds(2 * 86_400);
        let change = input(json!({"specialization": "electrical"}));
        act(&db, &context, &admin, |tx| users::update(tx, retrained, change)).expect("retrained");
        let partner = input(json!({"partner_id": retrained}));
        let requested = act(&db, &context, &takers.mechanical, |tx| takeovers::request_assignment(tx, id, partner));
        assert_eq!(refusal(requested), (Code::ValidationError, vec!["partner_id".to_owned()]));
    }
}
