//! Bonus stars (§11).

use inspection_domain::{
    bonus_stars::BonusStatus,
    notifications::NotificationType,
    points::PointKind,
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{bonus_stars, points, users};
use inspection_testkit::{
    builders::{act, bonus_request, engineer_job, input, user},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, leaves::now, notifications_to, notified_kinds, refusal, transactions::rows};

on_both_databases! {
    fn stars_are_points_at_once_in_the_major_role(db: TestDatabase) {
        let (context, _) = context();
        let (admin, engineer) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Engineer));
        let person = user(&db, &context, Role::Specialist);
        let job = engineer_job(&db, &context, &admin, &engineer);
        let body = json!({"user_id": person.id, "amount": 4, "reason": "Quick thinking", "related_job_type": "engineer", "related_job_id": job.id});
        let bonus = act(&db, &context, &engineer, |tx| bonus_stars::award(tx, input(body))).unwrap();
        assert_eq!((bonus.status, bonus.decided_by_id, bonus.requested_by_id), (BonusStatus::Approved, Some(engineer.id), None));
        let after = now(&db, &person);
        assert_eq!((after.total_points, after.specialist_points), (4, 4));
        let notified = notifications_to(&db, person.id);
        assert_eq!((notified[0].kind, notified[0].message.as_str()), (NotificationType::BonusAwarded, "You get 4 bonus stars: Quick thinking"));
        let line = db.read(|conn| points::list(conn, person.id, ALL)).unwrap().items.remove(0);
        assert_eq!((line.kind, line.awarded_by_id, line.related_id), (PointKind::BonusStars, Some(engineer.id), Some(bonus.id.get())));
    }

    fn requested_stars_become_points_on_approval(db: TestDatabase) {
        let (context, _) = context();
        let (admin, qe) = (user(&db, &context, Role::Admin), user(&db, &context, Role::QualityEngineer));
        let person = user(&db, &context, Role::Inspector);
        let requested = bonus_request(&db, &context, &qe, &person, 5);
        assert_eq!((requested.status, now(&db, &person).total_points), (BonusStatus::Pending, 0));
        assert_eq!(notified_kinds(&db, admin.id), [NotificationType::BonusRequest]);
        let given = act(&db, &context, &admin, |tx| bonus_stars::approve(tx, requested.id, &input(json!({"amount": 2})))).unwrap();
        assert_eq!((given.status, given.amount, given.requested_amount), (BonusStatus::Modified, 2, Some(5)));
        assert_eq!(now(&db, &person).inspector_points, 2);
        assert_eq!(notified_kinds(&db, person.id), [NotificationType::BonusAwarded]);
        let second = bonus_request(&db, &context, &qe, &person, 5);
        let given = act(&db, &context, &admin, |tx| bonus_stars::approve(tx, second.id, &input(json!({})))).unwrap();
        assert_eq!((given.status, now(&db, &person).total_points), (BonusStatus::Approved, 7));
        let third = bonus_request(&db, &context, &qe, &person, 5);
        let denied = act(&db, &context, &admin, |tx| bonus_stars::deny(tx, third.id, input(json!({"reason": "enough"})))).unwrap();
        assert_eq!((denied.status, denied.deny_reason.as_deref()), (BonusStatus::Denied, Some("enough")));
        assert_eq!(notified_kinds(&db, qe.id), [NotificationType::BonusDenied]);
        assert_eq!(now(&db, &person).total_points, 7);
    }

    fn a_refused_award_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let (admin, qe) = (user(&db, &context, Role::Admin), user(&db, &context, Role::QualityEngineer));
        let (person, gone) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let engineer = user(&db, &context, Role::Engineer);
        let job = engineer_job(&db, &context, &admin, &engineer);
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let for_admin = bonus_request(&db, &context, &qe, &admin, 5);
        let before = rows(&db);
        let award = |actor: &User, body: Value| refusal(act(&db, &context, actor, |tx| bonus_stars::award(tx, input(body))));
        let to = |user: &User, kind: Value, job: Value| json!({"user_id": user.id, "amount": 1, "reason": "x", "related_job_type": kind, "related_job_id": job});
        assert_eq!(award(&admin, to(&admin, json!(null), json!(null))), (Code::RuleViolation, vec![]));
        assert_eq!(award(&admin, to(&gone, json!(null), json!(null))), (Code::ValidationError, vec!["user_id".into()]));
        assert_eq!(award(&admin, to(&person, json!("specialist"), json!(job.id))), (Code::ValidationError, vec!["related_job_id".into()]));
        assert_eq!(award(&admin, to(&person, json!("engineer"), json!(null))).1, ["related_job_id"]);
        let own = act(&db, &context, &admin, |tx| bonus_stars::approve(tx, for_admin.id, &input(json!({}))));
        assert_eq!(refusal(own).0, Code::RuleViolation);
        let own = act(&db, &context, &qe, |tx| bonus_stars::request(tx, input(to(&qe, json!(null), json!(null)))));
        assert_eq!(refusal(own).0, Code::RuleViolation);
        assert_eq!(rows(&db), before);
    }

    fn users_see_stars_they_received_awarded_or_requested(db: TestDatabase) {
        let (context, _) = context();
        let (admin, qe) = (user(&db, &context, Role::Admin), user(&db, &context, Role::QualityEngineer));
        let (person, engineer) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Engineer));
        bonus_request(&db, &context, &qe, &person, 5);
        let body = json!({"user_id": qe.id, "amount": 1, "reason": "x"});
        act(&db, &context, &engineer, |tx| bonus_stars::award(tx, input(body))).unwrap();
        let seen = |actor: &User, body: Value| -> Vec<i64> {
            let page = db.read(|conn| bonus_stars::list(conn, actor, &input(body), ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|bonus| bonus.id.get()).collect()
        };
        assert_eq!([&admin, &qe, &person, &engineer].map(|who| seen(who, json!({}))), [vec![2, 1], vec![2, 1], vec![1], vec![2]]);
        assert_eq!(seen(&admin, json!({"status": "pending"})), [1]);
        assert_eq!(seen(&admin, json!({"user_id": qe.id})), [2]);
    }
}
