//! Users, sessions, leaves, bonus stars and notifications.

use inspection_domain::{sessions::SessionRule, users::Password};
use inspection_persistence::sessions;
use inspection_testkit::builders::{PASSWORD, input, password_hash};
use serde_json::json;

use super::{Ledger, effects};
use crate::notifications_to;

pub(super) fn story(ledger: &mut Ledger<'_>) {
    let admin = ledger.user("admin", json!({"role": "admin"}));
    let second_admin = ledger.user("second admin", json!({"role": "admin"}));
    let qe = ledger.user("quality engineer", json!({"role": "quality_engineer"}));
    let shift = json!({"role": "inspector", "specialization": "mechanical", "shift": "day"});
    let inspector = ledger.user("inspector", shift.clone());
    let cover = ledger.user("cover", shift.clone());

    let new = input(json!({
        "email": "new@example.com", "password": PASSWORD, "full_name": "newcomer", "role": "specialist",
        "specialization": "electrical", "minor_role": "engineer",
    }));
    let newcomer = effects!(ledger, &admin, users::create(new, password_hash()));
    let changes = input(json!({"phone": "+966 50 123 4567", "shift": "night", "role": "inspector"}));
    effects!(ledger, &admin, users::update(newcomer.id, changes));
    effects!(ledger, &admin, "nothing changed", users::update(newcomer.id, input(json!({"shift": "night"}))));
    effects!(ledger, &newcomer, users::update_own(input(json!({"language": "ar"}))));
    let password = Password::new("another horse battery");
    effects!(ledger, &admin, users::reset_password(newcomer.id, &password, "a hash"));
    effects!(ledger, &newcomer, users::change_password(&password, "a hash", "a new hash", 60));
    effects!(ledger, &admin, users::deactivate(newcomer.id));

    let account = ledger.db.read(|conn| sessions::find_account(conn, &inspector.email));
    let account = account.expect("read").expect("an account");
    let mut sign_in = || effects!(ledger, &inspector, sessions::start(&account, 3600));
    let [reused, left, ended] = [(); 3].map(|()| sign_in());
    effects!(ledger, &inspector, sessions::refresh(&reused.reference(), 0, 3600));
    ledger.clock.advance_seconds(61);
    effects!(ledger, &inspector, "a used token", sessions::refresh(&reused.reference(), 0, 3600));
    effects!(ledger, &inspector, sessions::logout(left.id, Some(ended.id)));
    let listed = effects!(ledger, &inspector, sessions::start(&account, 3600));
    let failed = sessions::FailedSignIn {
        account: "a digest".into(),
        user_id: Some(inspector.id),
        rule: SessionRule::WrongCredentials,
        number: 10,
    };
    effects!(ledger, &inspector, sessions::fail(&failed));
    effects!(ledger, &inspector, sessions::end(listed.id));
    effects!(ledger, &inspector, sessions::logout_all());

    let leave = |from: &str, to: &str| json!({"leave_type": "annual", "date_from": from, "date_to": to, "reason": "family"});
    let request = input(leave("2026-03-10", "2026-03-12"));
    let first = effects!(ledger, &inspector, leaves::request(request));
    let rejection = input(json!({"reason": "Too few people that week."}));
    effects!(ledger, &admin, leaves::reject(first.id, rejection));
    let withdrawn =
        effects!(ledger, &inspector, "another", leaves::request(input(leave("2026-03-10", "2026-03-12"))));
    effects!(ledger, &inspector, "a request", leaves::cancel(withdrawn.id));
    let mut for_another = leave("2026-04-03", "2026-04-04");
    for_another["user_id"] = json!(inspector.id);
    let planned = effects!(ledger, &admin, "for another", leaves::request(input(for_another)));
    effects!(
        ledger,
        &second_admin,
        "with cover",
        leaves::approve(planned.id, &input(json!({"coverage_user_id": cover.id})))
    );
    let begins_today =
        effects!(ledger, &inspector, "from today", leaves::request(input(leave("2026-03-02", "2026-03-05"))));
    effects!(ledger, &admin, "from today", leaves::approve(begins_today.id, &input(json!({}))));
    effects!(
        ledger,
        &admin,
        leaves::assign_coverage(begins_today.id, &input(json!({"coverage_user_id": cover.id})))
    );
    effects!(ledger, &admin, leaves::end(begins_today.id));
    let tomorrow = effects!(
        ledger,
        &inspector,
        "from tomorrow",
        leaves::request(input(leave("2026-03-03", "2026-03-05")))
    );
    effects!(
        ledger,
        &admin,
        "from tomorrow",
        leaves::approve(tomorrow.id, &input(json!({"coverage_user_id": cover.id})))
    );
    ledger.clock.advance_seconds(86_400);
    effects!(ledger, &admin, leaves::begin(tomorrow.id));

    let line = json!({"user_id": inspector.id, "date": "2026-03-09", "shift": "off"});
    effects!(ledger, &admin, roster::change(input(json!({"entries": [line]}))));
    let stars =
        |amount: i64| input(json!({"user_id": inspector.id, "amount": amount, "reason": "A clean quay."}));
    effects!(ledger, &admin, bonus_stars::award(stars(3)));
    let requested = effects!(ledger, &qe, bonus_stars::request(stars(4)));
    effects!(ledger, &admin, bonus_stars::approve(requested.id, &input(json!({"amount": 2}))));
    let denied = effects!(ledger, &qe, "another", bonus_stars::request(stars(5)));
    effects!(ledger, &admin, bonus_stars::deny(denied.id, input(json!({"reason": "Twice for one thing."}))));

    let inbox = notifications_to(ledger.db, inspector.id);
    let [latest, earlier, ..] = inbox.as_slice() else { panic!("notifications of the inspector") };
    effects!(ledger, &inspector, notifications::mark_read(latest.id));
    effects!(ledger, &inspector, "read already", notifications::mark_read(latest.id));
    effects!(ledger, &inspector, notifications::delete(latest.id));
    effects!(ledger, &inspector, notifications::mark_all_read());
    effects!(ledger, &inspector, "another", notifications::delete(earlier.id));
}
