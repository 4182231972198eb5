//! Points of a job that changes hands (§7, §8).

use inspection_domain::{
    jobs::Job,
    notifications::NotificationType,
    rule::Code,
    takeovers::TakeoverStatus,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, jobs, pauses, quality_reviews, takeovers, users};
use inspection_testkit::{
    builders::{act, completed, engineer_job, finished, input, paused, repair, review, started, user},
    context::context,
    ledger, on_both_databases,
};
use serde_json::json;

use crate::{
    ALL, code,
    jobs::{Shop, shop},
    leaves::now,
    notified_kinds, refusal,
};

fn reward(db: &Database, context: &Context, shop: &Shop, job: &Job, bonus: i64) {
    let bonus = input(json!({ "bonus": bonus }));
    act(db, context, &shop.admin, |tx| jobs::reward(tx, job.kind, job.id, &bonus)).expect("rewarded");
}

/// The review rejects the work, and an admin confirms it.
fn rejected(db: &Database, context: &Context, shop: &Shop, job: &Job) {
    let (review, qe) = review(db, &shop.admin, job);
    let rejection = input(json!({"category": "other", "reason": "It still leaks as it did before."}));
    act(db, context, &qe, |tx| quality_reviews::reject(tx, review.id, rejection)).expect("rejected");
    let decision = input(json!({"is_valid": true}));
    act(db, context, &shop.admin, |tx| quality_reviews::validate(tx, review.id, decision)).expect("decided");
}

/// The review rejects the work, an admin confirms it, and the work is done again.
fn done_again(db: &Database, context: &Context, shop: &Shop, job: &Job, by: &User) {
    rejected(db, context, shop, job);
    let request = input(json!({"specialist_id": by.id}));
    act(db, context, &shop.admin, |tx| jobs::reassign(tx, job.id, request)).expect("reassigned");
    finished(db, context, by, job);
}

on_both_databases! {
    fn a_bonus_stays_with_its_owner_and_the_next_owner_gets_a_full_one(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        user(&db, &context, Role::QualityEngineer);
        let (first, second) = (shop.specialist.clone(), user(&db, &context, Role::Specialist));
        let job = shop.repair(&db, &context);
        finished(&db, &context, &first, &job);
        reward(&db, &context, &shop, &job, 4);
        done_again(&db, &context, &shop, &job, &second);
        reward(&db, &context, &shop, &job, 3);
        let of = |who: &User| now(&db, who).total_points;
        assert_eq!((of(&first), of(&second)), (4 - 2, 3));
        reward(&db, &context, &shop, &job, 5);
        assert_eq!((of(&first), of(&second)), (4 - 2, 5), "another bonus is the difference");
        done_again(&db, &context, &shop, &job, &first);
        reward(&db, &context, &shop, &job, 6);
        assert_eq!((of(&first), of(&second)), (6 - 2, 5 - 2), "the same person again gets the difference");
        assert_eq!(db.read(ledger::mismatches).unwrap(), []);
    }

    fn the_rating_of_a_cleaning_belongs_to_its_reporter(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        user(&db, &context, Role::QualityEngineer);
        let (first, second) = (shop.specialist.clone(), user(&db, &context, Role::Specialist));
        let job = shop.repair(&db, &context);
        let cleaned = |by: &User, rating: i64| {
            act(&db, &context, by, |tx| jobs::clean(tx, job.id, input(json!({"notes": "Swept."})))).expect("cleaned");
            let rating = input(json!({ "rating": rating }));
            act(&db, &context, &shop.admin, |tx| jobs::rate_cleaning(tx, job.id, &rating)).expect("rated");
        };
        finished(&db, &context, &first, &job);
        cleaned(&first, 2);
        done_again(&db, &context, &shop, &job, &second);
        cleaned(&second, 2);
        let of = |who: &User| now(&db, who).total_points;
        assert_eq!((of(&first), of(&second)), (0, 2), "the rejection cancels out the points of the cleaning");
    }

    fn requesters_are_notified_when_a_job_ends(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        for is_completed in [true, false] {
            let taker = user(&db, &context, Role::Specialist);
            let job = shop.repair(&db, &context);
            started(&db, &context, &shop.specialist, &job);
            let pause = paused(&db, &context, &shop.specialist, &shop.admin, &job);
            clock.advance_seconds(3 * 86_400);
            let queued = act(&db, &context, &taker, |tx| takeovers::request_job(tx, job.kind, job.id, input(json!({})))).expect("queued");
            act(&db, &context, &shop.specialist, |tx| pauses::resume(tx, pause.id)).expect("going on");
            let approved = act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued.id));
            assert_eq!(code(approved), Code::InvalidState, "it isn't stalled any more");
            let another = input(json!({"reason_category": "parts"}));
            act(&db, &context, &shop.specialist, |tx| pauses::request(tx, job.kind, job.id, another)).expect("requested");
            if is_completed {
                completed(&db, &context, &shop.specialist, &job);
            } else {
                let reason = input(json!({"reason": "There are no parts."}));
                act(&db, &context, &shop.specialist, |tx| jobs::leave_incomplete(tx, job.kind, job.id, reason)).expect("left");
            }
            let all = db.read(|conn| takeovers::list(conn, &shop.admin, &input(json!({})), ALL)).unwrap();
            assert_eq!(all.items[0].status, TakeoverStatus::Denied);
            assert_eq!(notified_kinds(&db, taker.id), [NotificationType::TakeoverDenied]);
            let approved = act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued.id));
            assert_eq!(code(approved), Code::InvalidState);
            assert_eq!(db.read(|conn| pauses::pending(conn, ALL)).unwrap().total, 0, "no pause is left to decide");
        }
    }

    fn a_takeover_is_not_approved_for_an_inactive_taker_or_a_job_that_went_on(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let taker = user(&db, &context, Role::Specialist);
        let job = shop.repair(&db, &context);
        started(&db, &context, &shop.specialist, &job);
        let pause = paused(&db, &context, &shop.specialist, &shop.admin, &job);
        clock.advance_seconds(3 * 86_400);
        let queued = act(&db, &context, &taker, |tx| takeovers::request_job(tx, job.kind, job.id, input(json!({})))).expect("queued");
        let approve = || act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued.id));
        let set_active = |is_active: bool| {
            let change = input(json!({"is_active": is_active}));
            act(&db, &context, &shop.admin, |tx| users::update(tx, taker.id, change)).expect("changed");
        };
        set_active(false);
        assert_eq!(refusal(approve()), (Code::ValidationError, vec!["requested_by".to_owned()]));
        set_active(true);
        act(&db, &context, &shop.specialist, |tx| pauses::resume(tx, pause.id)).expect("resumed");
        paused(&db, &context, &shop.specialist, &shop.admin, &job);
        assert_eq!(code(approve()), Code::InvalidState, "paused again, not stalled");
        clock.advance_seconds(3 * 86_400);
        assert_eq!(approve().expect("approved").status, TakeoverStatus::Approved);
    }

    fn a_takeover_expires_when_the_job_is_reassigned(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let [taker, third] = [(); 2].map(|()| user(&db, &context, Role::Specialist));
        let job = shop.repair(&db, &context);
        started(&db, &context, &shop.specialist, &job);
        paused(&db, &context, &shop.specialist, &shop.admin, &job);
        clock.advance_seconds(3 * 86_400);
        let queued = act(&db, &context, &taker, |tx| takeovers::request_job(tx, job.kind, job.id, input(json!({})))).expect("queued");
        act(&db, &context, &shop.admin, |tx| takeovers::approve(tx, queued.id)).expect("approved");
        started(&db, &context, &taker, &job);
        let reason = input(json!({"reason": "There are no parts."}));
        act(&db, &context, &taker, |tx| jobs::leave_incomplete(tx, job.kind, job.id, reason)).expect("left");
        let to = input(json!({"specialist_id": third.id}));
        act(&db, &context, &shop.admin, |tx| jobs::reassign(tx, job.id, to)).expect("reassigned");
        let all = db.read(|conn| takeovers::list(conn, &shop.admin, &input(json!({})), ALL)).unwrap();
        assert_eq!((all.total, all.items[0].status), (1, TakeoverStatus::Denied));
        assert_eq!((all.items[0].decided_by_id, all.items[0].decided_at), (Some(shop.admin.id), Some(context.clock.now())));
        finished(&db, &context, &third, &job);
        assert_eq!(now(&db, &taker).total_points, 0, "no bonus for a takeover that expired");
    }

    fn a_rejected_job_is_not_reassigned_while_another_repairs_its_defect(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        user(&db, &context, Role::QualityEngineer);
        let other = user(&db, &context, Role::Specialist);
        let job = shop.repair(&db, &context);
        finished(&db, &context, &shop.specialist, &job);
        rejected(&db, &context, &shop, &job);
        repair(&db, &context, &shop.admin, job.defect_id.unwrap(), &other);
        let to = input(json!({"specialist_id": other.id}));
        let refused = act(&db, &context, &shop.admin, |tx| jobs::reassign(tx, job.id, to));
        assert_eq!(refusal(refused), (Code::Duplicate, Vec::new()));
    }

    fn a_pause_is_decided_by_others_than_the_engineer_who_requests_it(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let [engineer, other] = [(); 2].map(|()| user(&db, &context, Role::Engineer));
        let job = engineer_job(&db, &context, &shop.admin, &engineer);
        started(&db, &context, &engineer, &job);
        let wanted = input(json!({"reason_category": "parts"}));
        act(&db, &context, &engineer, |tx| pauses::request(tx, job.kind, job.id, wanted)).expect("requested");
        assert_eq!(notified_kinds(&db, engineer.id), [NotificationType::EngineerJobCreated]);
        for decides in [&other, &shop.admin] {
            assert_eq!(notified_kinds(&db, decides.id), [NotificationType::PauseRequested]);
        }
    }
}
