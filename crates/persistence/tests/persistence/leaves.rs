//! Leaves and coverage (§10).

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::LeaveId,
    leaves::{Leave, LeaveStatus},
    notifications::NotificationType,
    rule::Code,
    schema::{badges, leaves as stored},
    users::{Role, User},
};
use inspection_persistence::{Context, Database, defects, leaves, users};
use inspection_testkit::{
    builders::{
        act, approved_leave, checklist, defect, equipment, input, leave, repair, started, user, user_with,
    },
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, notifications_to, notified_kinds, refusal, trail, transactions::rows};

pub(crate) fn now(db: &Database, person: &User) -> User {
    db.read(|conn| users::get(conn, person.id)).expect("a user")
}

fn cover(
    db: &Database,
    context: &Context,
    admin: &User,
    id: LeaveId,
    by: &User,
) -> inspection_persistence::Result<Leave> {
    let body = json!({"coverage_user_id": by.id});
    act(db, context, admin, |tx| leaves::assign_coverage(tx, id, &input(body)))
}

fn end(db: &Database, context: &Context, admin: &User, id: LeaveId) -> inspection_persistence::Result<Leave> {
    act(db, context, admin, |tx| leaves::end(tx, id))
}

fn standing(db: &Database, person: &User) -> (Option<Role>, Option<String>, Option<i64>) {
    let now = now(db, person);
    (now.minor_role, now.minor_role_id, now.leave_coverage_for.map(inspection_domain::ids::UserId::get))
}

on_both_databases! {
    fn a_leave_is_requested_and_the_admins_are_notified(db: TestDatabase) {
        let (context, _) = context();
        let (admin, other) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Admin));
        let former = user(&db, &context, Role::Admin);
        act(&db, &context, &admin, |tx| users::update(tx, former.id, input(json!({"is_active": false})))).unwrap();
        let person = user(&db, &context, Role::Inspector);
        let requested = leave(&db, &context, &person, "2026-03-02", "2026-03-05");
        assert_eq!((requested.status, requested.total_days(), requested.requested_by_id), (LeaveStatus::Pending, 4, Some(person.id)));
        for admin in [&admin, &other] {
            assert_eq!(notified_kinds(&db, admin.id), [NotificationType::LeaveRequested]);
        }
        assert_eq!(notified_kinds(&db, former.id), []);
        assert!(!now(&db, &person).is_on_leave);
        let filed = json!({"user_id": person.id, "leave_type": "sick", "date_from": "2026-04-01", "date_to": "2026-04-01"});
        let filed = act(&db, &context, &admin, |tx| leaves::request(tx, input(filed.clone()))).unwrap();
        assert_eq!((filed.user_id, filed.requested_by_id), (person.id, Some(admin.id)));
        assert_eq!((notified_kinds(&db, admin.id).len(), notified_kinds(&db, other.id).len()), (1, 2), "the acting admin is not notified");
        let lines = trail(&db, &context, json!({"entity_type": "leave"}));
        assert_eq!((lines.len(), lines[0].action), (2, AuditAction::Request));
    }

    fn a_refused_leave_request_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (person, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let gone = user(&db, &context, Role::Engineer);
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let before = rows(&db);
        let ask = |actor: &User, body: Value| refusal(act(&db, &context, actor, |tx| leaves::request(tx, input(body))));
        let body = |id: Option<&User>, from: &str, to: &str| {
            json!({"user_id": id.map(|user| user.id), "leave_type": "annual", "date_from": from, "date_to": to})
        };
        let one = "2026-03-02";
        assert_eq!(ask(&person, body(Some(&other), one, one)), (Code::Forbidden, vec![]));
        assert_eq!(ask(&person, body(None, one, "2026-03-01")), (Code::ValidationError, vec!["date_to".into()]));
        assert_eq!(ask(&admin, body(Some(&gone), one, one)), (Code::ValidationError, vec!["user_id".into()]));
        let unknown = json!({"user_id": 999_999, "leave_type": "annual", "date_from": one, "date_to": one});
        assert_eq!(ask(&admin, unknown).0, Code::ValidationError);
        assert_eq!(rows(&db), before);
    }

    fn leaves_of_one_person_never_overlap(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (person, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let held = leave(&db, &context, &person, "2026-03-10", "2026-03-12");
        leave(&db, &context, &other, "2026-03-10", "2026-03-12");
        let ask = |from: &str, to: &str| {
            let body = json!({"leave_type": "annual", "date_from": from, "date_to": to});
            act(&db, &context, &person, |tx| leaves::request(tx, input(body)))
        };
        let days = [("2026-03-01", "2026-03-10"), ("2026-03-12", "2026-03-20"), ("2026-03-11", "2026-03-11"), ("2026-03-01", "2026-03-31")];
        for (from, to) in days {
            assert_eq!(code(ask(from, to)), Code::RuleViolation, "{from} {to}");
        }
        act(&db, &context, &admin, |tx| leaves::approve(tx, held.id, &input(json!({})))).unwrap();
        assert_eq!(code(ask("2026-03-11", "2026-03-11")), Code::RuleViolation, "also of an approved one");
        ask("2026-03-01", "2026-03-09").unwrap();
        ask("2026-03-13", "2026-03-13").unwrap();
        end(&db, &context, &admin, held.id).unwrap();
        let free = ask("2026-03-11", "2026-03-11").unwrap();
        act(&db, &context, &person, |tx| leaves::cancel(tx, free.id)).unwrap();
        let again = ask("2026-03-11", "2026-03-11").unwrap();
        act(&db, &context, &admin, |tx| leaves::reject(tx, again.id, input(json!({"reason": "no"})))).unwrap();
        ask("2026-03-10", "2026-03-12").unwrap();
    }

    fn the_database_rejects_overlapping_leaves(db: TestDatabase) {
        let (context, _) = context();
        let person = user(&db, &context, Role::Inspector);
        let first = leave(&db, &context, &person, "2026-03-10", "2026-03-12");
        let insert = |from: i8, to: i8, status: LeaveStatus| {
            let date = |day| inspection_domain::time::Date::new(2026, 3, day).unwrap();
            let twin = Leave { date_from: date(from), date_to: date(to), status, ..first.clone() };
            act(&db, &context, &person, |tx| match tx.conn() {
                inspection_persistence::DbConnection::Postgres(c, _) => Ok(diesel::insert_into(stored::table).values(&twin).execute(c)?),
                inspection_persistence::DbConnection::Sqlite(c, _) => Ok(diesel::insert_into(stored::table).values(&twin).execute(c)?),
            })
        };
        for status in [LeaveStatus::Pending, LeaveStatus::Approved] {
            assert_eq!(code(insert(12, 14, status)), Code::RuleViolation, "{status}");
        }
        insert(12, 14, LeaveStatus::Cancelled).unwrap();
        insert(13, 14, LeaveStatus::Approved).unwrap();
        let moved = diesel::update(stored::table.find(first.id)).set(stored::date_to.eq(inspection_domain::time::Date::new(2026, 3, 13).unwrap()));
        let outcome: inspection_persistence::Result<usize> = act(&db, &context, &person, |tx| match tx.conn() {
            inspection_persistence::DbConnection::Postgres(c, _) => Ok(moved.execute(c)?),
            inspection_persistence::DbConnection::Sqlite(c, _) => Ok(moved.execute(c)?),
        });
        assert_eq!(code(outcome), Code::RuleViolation);
    }

    fn approval_marks_users_absent_today_and_notifies_all_others(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let people: Vec<User> = (0..5).map(|_| user(&db, &context, Role::Engineer)).collect();
        let gone = user(&db, &context, Role::Engineer);
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let [today, later] = [&people[0], &people[1]];
        approved_leave(&db, &context, &admin, today, "2026-03-01", "2026-03-02");
        assert!(now(&db, today).is_on_leave);
        approved_leave(&db, &context, &admin, later, "2026-03-03", "2026-03-09");
        assert!(!now(&db, later).is_on_leave, "not yet");
        let of = |who: &User| notifications_to(&db, who.id).iter().filter(|notified| notified.kind == NotificationType::LeaveNotification).count();
        assert_eq!((of(&admin), of(today), of(later), of(&people[4]), of(&gone)), (2, 1, 1, 2, 0));
        let notified = notifications_to(&db, people[4].id);
        let expected = format!("{} is on leave from 2026-03-03 to 2026-03-09.", later.full_name);
        assert_eq!((notified[0].message.as_str(), notified[0].related_type.as_deref()), (expected.as_str(), Some("leave")));
        assert!(notified[0].message_ar.contains("2026-03-09"));
    }

    fn notifying_all_users_takes_one_statement(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user(&db, &context, Role::Inspector);
        let statements = |from: &str| {
            let requested = leave(&db, &context, &person, from, from);
            let before = db.statements();
            act(&db, &context, &admin, |tx| leaves::approve(tx, requested.id, &input(json!({})))).unwrap();
            db.statements() - before
        };
        let few = statements("2026-05-01");
        for _ in 0..60 {
            user(&db, &context, Role::Engineer);
        }
        assert_eq!(statements("2026-05-02"), few);
    }

    fn a_leave_is_refused_withdrawn_or_ended_once(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (person, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let refused = leave(&db, &context, &person, "2026-03-02", "2026-03-02");
        let reject = |id| act(&db, &context, &admin, |tx| leaves::reject(tx, id, input(json!({"reason": "Too many are away."}))));
        let after = reject(refused.id).unwrap();
        assert_eq!((after.status, after.rejection_reason.as_deref()), (LeaveStatus::Rejected, Some("Too many are away.")));
        let notified = notifications_to(&db, person.id);
        assert_eq!(notified[0].kind, NotificationType::LeaveRejected);
        assert!(notified[0].message.ends_with("was rejected: Too many are away."), "{}", notified[0].message);
        assert_eq!(code(reject(refused.id)), Code::InvalidState);
        let mine = leave(&db, &context, &person, "2026-03-03", "2026-03-03");
        let cancel = |who: &User, id| act(&db, &context, who, |tx| leaves::cancel(tx, id));
        assert_eq!(code(cancel(&other, mine.id)), Code::Forbidden);
        assert_eq!(code(cancel(&admin, mine.id)), Code::Forbidden);
        assert_eq!(cancel(&person, mine.id).unwrap().status, LeaveStatus::Cancelled);
        assert_eq!(code(cancel(&person, mine.id)), Code::InvalidState);
        assert_eq!(code(end(&db, &context, &admin, mine.id)), Code::InvalidState);
        let taken = approved_leave(&db, &context, &admin, &person, "2026-03-02", "2026-03-09");
        assert_eq!(code(cancel(&person, taken.id)), Code::InvalidState, "granted already");
        let over = end(&db, &context, &admin, taken.id).unwrap();
        assert_eq!((over.ended_by_id, over.ended_at), (Some(admin.id), Some(context.clock.now())));
        assert!(!now(&db, &person).is_on_leave);
        assert_eq!(code(end(&db, &context, &admin, taken.id)), Code::InvalidState);
        assert_eq!(code(cover(&db, &context, &admin, taken.id, &other)), Code::InvalidState);
    }

    fn the_end_of_one_leave_is_not_the_end_of_anothers_absence(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let (person, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let short = approved_leave(&db, &context, &admin, &person, "2026-03-02", "2026-03-02");
        let next = approved_leave(&db, &context, &admin, &person, "2026-03-03", "2026-03-05");
        approved_leave(&db, &context, &admin, &other, "2026-03-02", "2026-03-05");
        clock.set("2026-03-03T06:59:59Z");
        assert_eq!(db.read(|conn| leaves::expired(conn, context.today())).unwrap(), []);
        clock.set("2026-03-03T07:00:00Z");
        assert_eq!(db.read(|conn| leaves::expired(conn, context.today())).unwrap(), [short.id]);
        end(&db, &context, &admin, short.id).unwrap();
        assert!(now(&db, &person).is_on_leave, "the next one has begun");
        assert!(now(&db, &other).is_on_leave);
        end(&db, &context, &admin, next.id).unwrap();
        assert!(!now(&db, &person).is_on_leave);
        assert!(now(&db, &other).is_on_leave, "the leave of another user is not affected");
    }

    fn a_specialist_who_covers_an_inspector_inspects_for_that_time(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (absent, specialist) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Specialist));
        let taken = approved_leave(&db, &context, &admin, &absent, "2026-03-02", "2026-03-05");
        let covered = cover(&db, &context, &admin, taken.id, &specialist).unwrap();
        let badge = format!("COV-{}", specialist.role_id);
        assert_eq!((covered.coverage_user_id, covered.coverage_badge.as_deref()), (Some(specialist.id), Some(badge.as_str())));
        assert_eq!(standing(&db, &specialist), (Some(Role::Inspector), Some(badge.clone()), Some(absent.id.get())));
        let notified = notifications_to(&db, specialist.id);
        assert_eq!(notified[0].message, format!("You cover for {} from 2026-03-02 to 2026-03-05.", absent.full_name));
        let held = |badge: &str| query!(db, |c| badges::table.filter(badges::badge.eq(badge)).count().get_result::<i64>(c));
        assert_eq!(held(&badge), 1);
        end(&db, &context, &admin, taken.id).unwrap();
        assert_eq!(standing(&db, &specialist), (None, None, None));
        assert_eq!(held(&badge), 0, "free for the next time");
        assert!(!now(&db, &absent).is_on_leave);
    }

    fn coverage_of_two_leaves_ends_with_each_leave(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let specialist = user(&db, &context, Role::Specialist);
        let people = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        let taken = [0, 1].map(|n| approved_leave(&db, &context, &admin, &people[n], "2026-03-02", "2026-03-05"));
        for taken in &taken {
            cover(&db, &context, &admin, taken.id, &specialist).unwrap();
        }
        let badge = Some(format!("COV-{}", specialist.role_id));
        let inspects = Some(Role::Inspector);
        assert_eq!(standing(&db, &specialist), (inspects, badge.clone(), Some(people[0].id.get())));
        end(&db, &context, &admin, taken[0].id).unwrap();
        assert_eq!(standing(&db, &specialist), (inspects, badge, Some(people[1].id.get())));
        assert!(now(&db, &people[1]).is_on_leave);
        end(&db, &context, &admin, taken[1].id).unwrap();
        assert_eq!(standing(&db, &specialist), (None, None, None));
    }

    fn coverage_is_transferred_as_a_whole(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let absent = user(&db, &context, Role::Inspector);
        let [one, other] = [0, 1].map(|_| user(&db, &context, Role::Specialist));
        let requested = leave(&db, &context, &absent, "2026-03-02", "2026-03-05");
        let body = json!({"coverage_user_id": one.id});
        act(&db, &context, &admin, |tx| leaves::approve(tx, requested.id, &input(body))).unwrap();
        assert_eq!(standing(&db, &one).0, Some(Role::Inspector));
        cover(&db, &context, &admin, requested.id, &other).unwrap();
        assert_eq!(standing(&db, &one), (None, None, None));
        assert_eq!(standing(&db, &other).2, Some(absent.id.get()));
        cover(&db, &context, &admin, requested.id, &other).unwrap();
        assert_eq!(standing(&db, &other).0, Some(Role::Inspector), "the same again is the same");
        // A role that an admin grants meanwhile stays.
        let body = json!({"minor_role": "inspector", "minor_role_id": "INS900"});
        act(&db, &context, &admin, |tx| users::update(tx, other.id, input(body))).unwrap();
        end(&db, &context, &admin, requested.id).unwrap();
        assert_eq!(standing(&db, &other), (Some(Role::Inspector), Some("INS900".into()), None));
    }

    fn only_available_users_cover(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (absent, away, free) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector), user(&db, &context, Role::Engineer));
        let gone = user(&db, &context, Role::Specialist);
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        approved_leave(&db, &context, &admin, &away, "2026-03-05", "2026-03-09");
        let pending = leave(&db, &context, &absent, "2026-03-02", "2026-03-05");
        assert_eq!(code(cover(&db, &context, &admin, pending.id, &free)), Code::InvalidState, "granted ones only");
        let before = rows(&db);
        for unavailable in [&absent, &away, &gone] {
            let body = json!({"coverage_user_id": unavailable.id});
            let refused = refusal(act(&db, &context, &admin, |tx| leaves::approve(tx, pending.id, &input(body))));
            assert_eq!(refused, (Code::ValidationError, vec!["coverage_user_id".into()]));
        }
        assert_eq!(rows(&db), before, "and the leave isn't granted either");
        assert!(!now(&db, &absent).is_on_leave);
        assert_eq!(db.read(|conn| leaves::get_visible(conn, &admin, pending.id)).unwrap().status, LeaveStatus::Pending);
    }

    fn candidates_are_ranked_by_score(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        checklist(&db, &context, &admin);
        let machine = equipment(&db, &context);
        let person = |name: &str, role: Role, trade: &str, shift: &str| user_with(&db, &context, role, |body| {
            body["full_name"] = json!(name);
            body["specialization"] = json!(trade);
            body["shift"] = json!(shift);
        });
        let absent = person("Absent", Role::Inspector, "mechanical", "day");
        person("Inspector, same trade, same shift", Role::Inspector, "mechanical", "day");
        person("Inspector, other trade, other shift", Role::Inspector, "electrical", "night");
        let busy = person("Specialist at work", Role::Specialist, "mechanical", "day");
        person("Specialist without work", Role::Specialist, "electrical", "night");
        let charged = person("Specialist with a defect", Role::Specialist, "electrical", "night");
        let given = defect(&db, &context, &absent, &machine).id;
        let to = input(json!({"assigned_to_id": charged.id}));
        act(&db, &context, &admin, |tx| defects::update(tx, given, to)).expect("given");
        person("Engineer, same shift", Role::Engineer, "electrical", "day");
        let away = person("Away", Role::Inspector, "mechanical", "day");
        approved_leave(&db, &context, &admin, &away, "2026-03-04", "2026-03-04");
        for _ in 0..2 {
            let found = defect(&db, &context, &absent, &machine);
            let job = repair(&db, &context, &admin, found.id, &busy);
            started(&db, &context, &busy, &job);
        }
        let taken = approved_leave(&db, &context, &admin, &absent, "2026-03-02", "2026-03-05");
        let before = db.statements();
        let ranked = db.read(|conn| leaves::candidates(conn, taken.id)).unwrap();
        assert_eq!(db.statements() - before, 6);
        let scores: Vec<_> = ranked.iter().map(|c| (c.user.full_name.as_str(), c.score, c.active_jobs)).collect();
        let admin = admin.full_name.as_str();
        assert_eq!(scores, [
            ("Inspector, same trade, same shift", 10 + 8 + 3, 0),
            ("Specialist at work", 10 + 3 + 2 - 2, 2),
            ("Engineer, same shift", 10, 0),
            ("Inspector, other trade, other shift", 8, 0),
            ("Specialist without work", 5, 0),
            ("Specialist with a defect", 2, 0),
            (admin, 0, 0),
        ]);
    }

    fn lists_contain_visible_leaves_only(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (one, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Engineer));
        let taken = approved_leave(&db, &context, &admin, &one, "2026-03-01", "2026-03-03");
        leave(&db, &context, &one, "2026-03-10", "2026-03-12");
        let theirs = leave(&db, &context, &other, "2026-03-03", "2026-03-10");
        let found = |actor: &User, body: Value| -> Vec<i64> {
            let page = db.read(|conn| leaves::list(conn, actor, &input(body), ALL)).unwrap();
            page.items.iter().map(|leave| leave.id.get()).collect()
        };
        assert_eq!(found(&admin, json!({})), [3, 2, 1]);
        assert_eq!(found(&one, json!({})), [2, 1]);
        assert_eq!(found(&one, json!({"user_id": other.id})), Vec::<i64>::new());
        assert_eq!(found(&admin, json!({"status": "pending", "sort": "date_from"})), [3, 2]);
        assert_eq!(found(&admin, json!({"date_from": "2026-03-04"})), [3, 2], "until that day or longer");
        assert_eq!(found(&admin, json!({"date_to": "2026-03-03"})), [3, 1], "from that day or earlier");
        assert_eq!(found(&admin, json!({"leave_type": "sick"})), Vec::<i64>::new());
        let third = user(&db, &context, Role::Engineer);
        let short = approved_leave(&db, &context, &admin, &third, "2026-03-02", "2026-03-02");
        let active = db.read(|conn| leaves::active(conn, context.today(), ALL)).unwrap();
        let ids: Vec<_> = active.items.iter().map(|leave| leave.id).collect();
        assert_eq!((active.total, ids), (2, vec![short.id, taken.id]), "who is back first");
        assert!(db.read(|conn| leaves::get_visible(conn, &other, theirs.id)).is_ok());
        assert_eq!(code(db.read(|conn| leaves::get_visible(conn, &one, theirs.id))), Code::Forbidden);
    }
}
