//! Accounts, badges and sessions (§1).

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    rule::Code,
    schema::{badges, sessions as rows, users as people},
    sessions::{Session, SessionEnd, SessionRef},
    tasks::TaskName,
    users::{Password, Role, User, UserChanges, UserFilter},
};
use inspection_persistence::{Context, Database, Origin, Result, sessions, tasks, users};
use inspection_testkit::{
    builders::{PASSWORD, act, input, password_hash, user, user_with},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, refusal, trail};

fn create(db: &Database, context: &Context, body: Value) -> Result<User> {
    let mut whole = json!({"password": PASSWORD, "full_name": "Somebody", "role": "engineer"});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let new = input(whole);
    db.write(context, Origin::default(), |tx| users::create(tx, new, password_hash()))
}

fn change(db: &Database, context: &Context, actor: &User, of: &User, body: Value) -> Result<User> {
    let changes: UserChanges = input(body);
    act(db, context, actor, |tx| users::update(tx, of.id, changes))
}

fn badges_in_use(db: &Database) -> Vec<String> {
    query!(db, |c| badges::table.select(badges::badge).order(badges::badge).load(c))
}

const IDLE: i64 = 86_400;

fn account(db: &Database, user: &User) -> sessions::Account {
    db.read(|conn| sessions::find_account(conn, &user.email)).unwrap().unwrap()
}

fn start(db: &Database, context: &Context, account: &sessions::Account) -> Result<Session> {
    db.write(context, Origin::default(), |tx| sessions::start(tx, account, IDLE))
}

fn session(db: &Database, context: &Context, user: &User) -> SessionRef {
    start(db, context, &account(db, user)).unwrap().reference()
}

fn authenticate(db: &Database, context: &Context, session: &SessionRef) -> Result<User> {
    db.read(|conn| sessions::authenticate(conn, session, context.clock.now()))
}

on_both_databases! {
    fn badges_count_up_for_each_role(db: TestDatabase) {
        let (context, _) = context();
        let badge = |role| user(&db, &context, role).role_id;
        assert_eq!([badge(Role::Inspector), badge(Role::Inspector)], ["INS001", "INS002"]);
        assert_eq!([badge(Role::QualityEngineer), badge(Role::Admin)], ["QE001", "ADM001"]);
        let both = user_with(&db, &context, Role::Specialist, |body| body["minor_role"] = json!("inspector"));
        assert_eq!((both.role_id.as_str(), both.minor_role_id.as_deref()), ("SPE001", Some("INS003")));
        assert_eq!(badges_in_use(&db), ["ADM001", "INS001", "INS002", "INS003", "QE001", "SPE001"]);
    }

    fn a_requested_badge_is_used_and_numbering_continues_after_it(db: TestDatabase) {
        let (context, _) = context();
        let given = user_with(&db, &context, Role::Inspector, |body| body["role_id"] = json!("ins1007"));
        assert_eq!(given.role_id, "INS1007");
        assert_eq!(user(&db, &context, Role::Inspector).role_id, "INS1008");
        let free = user_with(&db, &context, Role::Inspector, |body| body["role_id"] = json!("BOSS"));
        assert_eq!(free.role_id, "BOSS");
        assert_eq!(user(&db, &context, Role::Inspector).role_id, "INS1009");
    }

    fn a_duplicate_is_refused_and_its_field_is_named(db: TestDatabase) {
        let (context, _) = context();
        create(
            &db,
            &context,
            json!({
                "email": "One@Example.com", "role_id": "ENG007",
                "minor_role": "quality_engineer", "minor_role_id": "QE007",
            }),
        )
        .unwrap();
        let refused = |body| refusal(create(&db, &context, body));
        let duplicate = |field: &str| (Code::Duplicate, vec![field.to_owned()]);
        assert_eq!(refused(json!({"email": "oNe@eXample.COM"})), duplicate("email"));
        assert_eq!(refused(json!({"email": "2@example.com", "role_id": "eng007"})), duplicate("role_id"));
        // A badge is unique across roles.
        assert_eq!(refused(json!({"email": "2@example.com", "role_id": "QE007"})), duplicate("role_id"));
        let minor = |badge: &str| {
            json!({
                "email": "2@example.com", "minor_role": "quality_engineer", "minor_role_id": badge,
            })
        };
        assert_eq!(refused(minor("QE007")), duplicate("minor_role_id"));
        assert_eq!(refused(minor("ENG007")), duplicate("minor_role_id"));
        assert_eq!(badges_in_use(&db), ["ENG007", "QE007"], "a refusal uses no badge");

        let other = create(&db, &context, json!({"email": "2@example.com"})).unwrap();
        let changed = |body| refusal(change(&db, &context, &other, &other, body));
        assert_eq!(changed(json!({"email": "ONE@example.com"})), duplicate("email"));
        assert_eq!(changed(json!({"role_id": "ENG007"})), duplicate("role_id"));
        assert_eq!(
            changed(json!({"minor_role": "specialist", "minor_role_id": "QE007"})),
            duplicate("minor_role_id")
        );
    }

    fn a_generated_badge_avoids_a_requested_one_of_the_same_user(db: TestDatabase) {
        let (context, _) = context();
        let created = create(
            &db,
            &context,
            json!({
                "email": "1@example.com", "minor_role": "quality_engineer", "minor_role_id": "ENG001",
            }),
        )
        .unwrap();
        assert_eq!((created.role_id.as_str(), created.minor_role_id.as_deref()), ("ENG002", Some("ENG001")));
    }

    fn a_new_role_brings_a_new_badge_and_frees_the_old_one(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user(&db, &context, Role::Inspector);
        let moved =
            change(&db, &context, &admin, &person, json!({"role": "engineer", "minor_role": "inspector"}));
        let moved = moved.unwrap();
        assert_eq!((moved.role_id.as_str(), moved.minor_role_id.as_deref()), ("ENG001", Some("INS002")));
        assert_eq!(badges_in_use(&db), ["ADM001", "ENG001", "INS002"]);
        let again = user_with(&db, &context, Role::Inspector, |body| body["role_id"] = json!("INS001"));
        assert_eq!(again.role_id, "INS001");
        let bare = change(&db, &context, &admin, &moved, json!({"minor_role": null})).unwrap();
        assert_eq!(bare.minor_role_id, None);
        assert_eq!(badges_in_use(&db), ["ADM001", "ENG001", "INS001"]);
        assert_eq!(db.read(|conn| users::get(conn, bare.id)).unwrap(), bare);
    }

    fn the_last_active_admin_cannot_be_demoted(db: TestDatabase) {
        let (context, _) = context();
        let [first, second] = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        act(&db, &context, &first, |tx| users::deactivate(tx, second.id)).unwrap();
        assert_eq!(code(act(&db, &context, &first, |tx| users::deactivate(tx, first.id))), Code::RuleViolation);
        let demoted = change(&db, &context, &first, &first, json!({"role": "engineer"}));
        assert_eq!(code(demoted), Code::RuleViolation);
        let disabled = change(&db, &context, &first, &first, json!({"is_active": false}));
        assert_eq!(code(disabled), Code::RuleViolation);
        change(&db, &context, &first, &second, json!({"is_active": true})).unwrap();
        change(&db, &context, &first, &first, json!({"role": "engineer"})).unwrap();
        assert_eq!(
            code(act(&db, &context, &second, |tx| users::deactivate(tx, second.id))),
            Code::RuleViolation
        );
    }

    fn changes_leave_an_audit_entry(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user(&db, &context, Role::Inspector);
        change(&db, &context, &admin, &person, json!({"full_name": "Other"})).unwrap();
        let lines = trail(&db, &context, json!({"entity_type": "user", "entity_id": person.id}));
        let actions: Vec<_> = lines.iter().map(|line| (line.action, line.actor_id)).collect();
        assert_eq!(actions, [(AuditAction::Update, Some(admin.id)), (AuditAction::Create, None)]);
        let notified = serde_json::to_value(&lines[0].changes).unwrap();
        assert_eq!(notified, json!({"full_name": {"old": person.full_name, "new": "Other"}}));
        assert!(!lines[1].changes.0.contains_key("password_hash"));
    }

    fn a_deactivated_account_is_out_at_once_and_its_old_sessions_stay_out(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user(&db, &context, Role::Inspector);
        let account =
            db.read(|conn| sessions::find_account(conn, &person.email.to_uppercase())).unwrap().unwrap();
        assert_eq!((&account.user, account.password_hash.as_str()), (&person, password_hash()));
        let open = session(&db, &context, &person);
        assert_eq!(authenticate(&db, &context, &open).unwrap(), person);

        let gone = act(&db, &context, &admin, |tx| users::deactivate(tx, person.id)).unwrap();
        assert_eq!(code(authenticate(&db, &context, &open)), Code::AccountDisabled);
        // A sign-in whose password was verified before.
        assert_eq!(code(start(&db, &context, &account)), Code::AccountDisabled);
        act(&db, &context, &admin, |tx| users::deactivate(tx, person.id)).unwrap();
        change(&db, &context, &admin, &gone, json!({"is_active": true})).unwrap();
        assert_eq!(code(authenticate(&db, &context, &open)), Code::TokenRevoked);
        let new = session(&db, &context, &person);
        assert!(authenticate(&db, &context, &new).is_ok());

        let unknown = inspection_domain::ids::UserId::new(9_999).unwrap();
        let lost = SessionRef { user_id: unknown, ..new };
        assert_eq!(code(authenticate(&db, &context, &lost)), Code::TokenInvalid);
        let foreign = SessionRef { user_id: admin.id, ..new };
        assert_eq!(code(authenticate(&db, &context, &foreign)), Code::TokenRevoked);
        assert!(db.read(|conn| sessions::find_account(conn, "nobody@example.com")).unwrap().is_none());
    }

    fn a_new_password_and_a_logout_from_everywhere_end_every_session(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user(&db, &context, Role::Engineer);
        let new = Password::new("another horse battery");
        let others = session(&db, &context, &admin);

        let (open, seen) = (session(&db, &context, &person), account(&db, &person));
        act(&db, &context, &admin, |tx| users::reset_password(tx, person.id, &new, "hash 2")).unwrap();
        assert_eq!(code(authenticate(&db, &context, &open)), Code::TokenRevoked);
        // A sign-in whose password was verified before.
        assert_eq!(code(start(&db, &context, &seen)), Code::InvalidCredentials);

        let open = session(&db, &context, &person);
        let change =
            |seen| act(&db, &context, &person, |tx| users::change_password(tx, &new, seen, "hash 3", IDLE));
        assert_eq!(
            refusal(change(password_hash())),
            (Code::ValidationError, vec!["current_password".to_owned()])
        );
        assert!(authenticate(&db, &context, &open).is_ok(), "a refusal ends no session");
        let (_, next) = change("hash 2").unwrap();
        assert_eq!(code(authenticate(&db, &context, &open)), Code::TokenRevoked);
        assert!(authenticate(&db, &context, &next.reference()).is_ok());

        act(&db, &context, &person, sessions::logout_all).unwrap();
        assert_eq!(code(authenticate(&db, &context, &next.reference())), Code::TokenRevoked);
        assert!(authenticate(&db, &context, &others).is_ok(), "others stay");
        let reasons: Vec<Option<SessionEnd>> = query!(db, |c| rows::table
            .filter(rows::user_id.eq(person.id))
            .order((rows::created_at, rows::end_reason))
            .select(rows::end_reason)
            .load(c));
        let new_password = Some(SessionEnd::NewPassword);
        assert_eq!(reasons, [Some(SessionEnd::LogoutAll), new_password, new_password]);

        let weak = Password::new("password1");
        let refused = act(&db, &context, &admin, |tx| users::reset_password(tx, person.id, &weak, "hash 4"));
        assert_eq!(refusal(refused), (Code::ValidationError, vec!["new_password".to_owned()]));
    }

    fn sessions_are_deleted_once_their_tokens_have_expired(db: TestDatabase) {
        let (context, clock) = context();
        let person = user(&db, &context, Role::Engineer);
        let deleted = || {
            let run = tasks::run_now(&db, &context, "instance", TaskName::CheckExpiredLeaves);
            run.unwrap().counts.of("sessions")
        };
        let ended = session(&db, &context, &person);
        act(&db, &context, &person, |tx| sessions::end(tx, ended.id)).unwrap();
        clock.advance_seconds(1);
        let open = session(&db, &context, &person);
        assert_eq!(deleted(), 0);
        clock.advance_seconds(IDLE - 1);
        assert_eq!(deleted(), 0);
        clock.advance_seconds(1);
        assert_eq!((deleted(), code(authenticate(&db, &context, &ended))), (1, Code::TokenRevoked));
        clock.advance_seconds(1);
        assert_eq!((deleted(), code(authenticate(&db, &context, &open))), (1, Code::TokenRevoked));
    }

    fn a_session_is_tried_without_a_trace(db: TestDatabase) {
        let (context, _) = context();
        let person = user(&db, &context, Role::Admin);
        let account = account(&db, &person);
        let tried = sessions::try_ending(&db, &context, &account, |session| Some(session.reference()));
        assert_eq!(tried.unwrap(), (true, false));
        let left: i64 = query!(db, |c| rows::table.count().get_result(c));
        assert_eq!(left, 0);
    }

    fn users_are_filtered_by_role_shift_trade_and_text(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let both = user_with(&db, &context, Role::Specialist, |body| {
            body["minor_role"] = json!("inspector");
            body["full_name"] = json!("Underscore_100%");
            body["shift"] = json!("night");
        });
        let inspector = user_with(&db, &context, Role::Inspector, |body| {
            body["full_name"] = json!("محمد العلي");
            body["specialization"] = json!("electrical");
            body["role_id"] = json!("INSX-9");
        });
        let gone = user_with(&db, &context, Role::Inspector, |body| body["full_name"] = json!("ÖZGÜR"));
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let found = |body| -> Vec<_> {
            let filter: UserFilter = filter(body);
            db.read(|conn| users::list(conn, &filter, ALL))
                .unwrap()
                .items
                .iter()
                .map(|user| user.id)
                .collect()
        };
        let sorted = |mut body: Value| {
            body["sort"] = json!("id");
            found(body)
        };
        assert_eq!(sorted(json!({})), [admin.id, both.id, inspector.id], "active ones by default");
        assert_eq!(found(json!({"is_active": false})), [gone.id]);
        assert_eq!(sorted(json!({"role": "inspector"})), [both.id, inspector.id], "major or minor");
        assert_eq!(found(json!({"shift": "night"})), [both.id]);
        assert_eq!(found(json!({"specialization": "electrical"})), [inspector.id]);
        assert_eq!(found(json!({"is_on_leave": true})), []);
        assert_eq!(found(json!({"q": "UNDERSCORE_1"})), [both.id]);
        assert_eq!(found(json!({"q": "١٠٠"})), [both.id]);
        assert_eq!(found(json!({"q": "under_100"})), [], "a code from its beginning");
        assert_eq!(found(json!({"q": "العلي"})), [inspector.id]);
        assert_eq!(found(json!({"q": "insx"})), [inspector.id]);
        assert_eq!(found(json!({"q": "ADMIN-"})), [admin.id], "by address");
        assert_eq!(found(json!({"q": "ozgur", "is_active": false})), [gone.id], "without accents");
        let found = db.read(|conn| users::by_ids(conn, [gone.id, both.id, gone.id])).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&both.id].role_id, both.role_id);
    }

    fn the_operator_sees_whether_accounts_exist_and_lists_the_admins(db: TestDatabase) {
        let (context, _) = context();
        assert!(db.read(users::is_empty).unwrap());
        user(&db, &context, Role::Engineer);
        let admin = user(&db, &context, Role::Admin);
        assert!(!db.read(users::is_empty).unwrap());
        assert_eq!(db.read(users::admins).unwrap(), [admin]);
        let hashes: Vec<String> = query!(db, |c| people::table.select(people::password_hash).load(c));
        assert_eq!(hashes, [password_hash(), password_hash()]);
    }
}
