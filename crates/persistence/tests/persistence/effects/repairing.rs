//! Repair and engineer jobs, pauses, takeovers, quality reviews and cleaning.

use inspection_domain::{jobs::Job, users::User};
use inspection_testkit::builders::{
    checklist, completed, defect, engineer_job, equipment, finished, input, paused, repair, review, started,
};
use serde_json::json;

use super::{Ledger, effects};

pub(super) fn story(ledger: &mut Ledger<'_>) {
    let admin = ledger.user("admin", json!({"role": "admin"}));
    let qe = ledger.user("quality engineer", json!({"role": "quality_engineer"}));
    let engineer = ledger.user("engineer", json!({"role": "engineer"}));
    let person = |ledger: &Ledger<'_>, name: &str, role: &str| -> User {
        ledger.user(name, json!({"role": role, "specialization": "mechanical"}))
    };
    let inspector = person(ledger, "inspector", "inspector");
    let owner = person(ledger, "owner", "specialist");
    let taker = person(ledger, "taker", "specialist");
    let other = person(ledger, "other", "specialist");
    let (db, context) = (ledger.db, ledger.context.clone());
    checklist(db, &context, &admin);
    let crane = equipment(db, &context);
    let found = |ledger: &Ledger<'_>| defect(ledger.db, &ledger.context, &inspector, &crane).id;

    // From the assignment to the reward.
    let one = found(ledger);
    let assign =
        json!({"specialist_id": owner.id, "category": "major", "major_reason": "The gear is cracked."});
    let job = effects!(ledger, &admin, jobs::assign_specialist(one, input(assign)));
    effects!(ledger, &owner, jobs::plan(job.kind, job.id, &input(json!({"planned_time_hours": 2}))));
    effects!(ledger, &owner, jobs::start(job.kind, job.id, input(json!({}))));
    let pause = json!({"reason_category": "parts", "reason_details": "The seal is ordered."});
    let denied = effects!(ledger, &owner, pauses::request(job.kind, job.id, input(pause.clone())));
    effects!(ledger, &admin, pauses::deny(denied.id, input(json!({"reason": "There is one in the store."}))));
    let pause = effects!(ledger, &owner, "another", pauses::request(job.kind, job.id, input(pause)));
    effects!(ledger, &admin, pauses::approve(pause.id));
    ledger.clock.advance_seconds(3_600);
    effects!(ledger, &owner, pauses::resume(pause.id));
    let order = input(json!({"reason_category": "other", "reason": "A storm is coming."}));
    let forced = effects!(ledger, &admin, pauses::force(job.kind, job.id, order));
    ledger.clock.advance_seconds(1_800);
    effects!(ledger, &owner, "a forced pause", pauses::resume(forced.id));
    effects!(
        ledger,
        &owner,
        "after pauses",
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Changed the gear."})))
    );
    let (first, reviewer) = review(db, &admin, &job);
    assert_eq!(reviewer.id, qe.id);
    let rejection = json!({
        "rejection_category": "wrong_parts", "rejection_reason": "The gear is from another crane.",
        "evidence": "The number on it.",
    });
    effects!(ledger, &qe, quality_reviews::reject(first.id, input(rejection.clone())));
    let validation = input(json!({"is_valid": true, "notes": "Seen on the photo."}));
    effects!(ledger, &admin, "valid", quality_reviews::validate(first.id, validation));
    let again = input(json!({"specialist_id": owner.id}));
    effects!(ledger, &admin, "rejected", jobs::reassign(job.id, again));
    started(db, &ledger.context, &owner, &job);
    completed(db, &context, &owner, &job);
    let (second, _) = review(db, &admin, &job);
    effects!(
        ledger,
        &qe,
        quality_reviews::approve(second.id, input(json!({"qc_rating": 4, "notes": "Good."})))
    );
    effects!(ledger, &owner, jobs::clean(job.id, input(json!({"notes": "Swept."}))));
    effects!(ledger, &admin, jobs::rate_cleaning(job.id, &input(json!({"cleaning_rating": 2}))));
    effects!(ledger, &admin, jobs::reward(job.kind, job.id, &input(json!({"admin_bonus": 3}))));

    // A rejection that an admin overrules, and a review assigned by hand.
    let job = repair(db, &context, &admin, found(ledger), &owner);
    started(db, &context, &owner, &job);
    effects!(
        ledger,
        &owner,
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Changed the seal."})))
    );
    let (third, _) = review(db, &admin, &job);
    effects!(ledger, &qe, "overruled", quality_reviews::reject(third.id, input(rejection)));
    let validation = input(json!({"is_valid": false, "notes": "The number is right."}));
    effects!(ledger, &admin, "not valid", quality_reviews::validate(third.id, validation));
    let job = repair(db, &context, &admin, found(ledger), &owner);
    started(db, &ledger.context, &owner, &job);
    ledger.set_active(&admin, &qe, false);
    effects!(
        ledger,
        &owner,
        "no quality engineer",
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Changed the seal."})))
    );
    ledger.set_active(&admin, &qe, true);
    let by_hand = json!({"job_type": "specialist", "job_id": job.id, "qe_id": qe.id});
    effects!(ledger, &admin, quality_reviews::create(&input(by_hand)));
    ledger.clock.advance_seconds(8 * 86_400);
    ledger.run_task("monitor_qe_sla");

    // Reviews that are given to another quality engineer.
    let job = repair(db, &context, &admin, found(ledger), &owner);
    finished(db, &ledger.context, &owner, &job);
    let (pending, _) = review(db, &admin, &job);
    let second = ledger.user("second quality engineer", json!({"role": "quality_engineer"}));
    let to = input(json!({"qe_id": second.id, "reason": "Her colleague is ill."}));
    effects!(ledger, &admin, quality_reviews::reassign(pending.id, to));
    ledger.set_active(&admin, &second, false);

    // Work on behalf of an owner, and corrections of the timer.
    let job = repair(db, &context, &admin, found(ledger), &owner);
    let ill = "The owner is ill.";
    let plan = json!({"planned_time_hours": 2, "on_behalf_reason": ill});
    effects!(ledger, &engineer, "on behalf", jobs::plan(job.kind, job.id, &input(plan)));
    let start = json!({"on_behalf_reason": ill});
    effects!(ledger, &engineer, "on behalf", jobs::start(job.kind, job.id, input(start)));
    effects!(ledger, &owner, "again", jobs::start(job.kind, job.id, input(json!({}))));
    ledger.clock.advance_seconds(13 * 3_600);
    ledger.run_task("check_backlog");
    let now = ledger.context.clock.now();
    let pauses = json!([{"paused_at": now.plus_seconds(-12 * 3_600), "resumed_at": now}]);
    let timer = json!({"pauses": pauses, "reason": "The phone was off."});
    effects!(ledger, &admin, jobs::correct_timer(job.kind, job.id, input(timer)));
    let done = json!({"work_notes": "Changed the seal.", "on_behalf_reason": ill});
    effects!(ledger, &admin, "on behalf", jobs::complete(job.kind, job.id, input(done)));

    // A job cancelled while paused, with requests for a takeover.
    let job = repair(db, &context, &admin, found(ledger), &owner);
    started(db, &context, &owner, &job);
    paused(db, &context, &owner, &admin, &job);
    ledger.clock.advance_seconds(3 * 86_400);
    effects!(
        ledger,
        &other,
        "of a job to cancel",
        takeovers::request_job(job.kind, job.id, input(json!({})))
    );
    let reason = input(json!({"reason": "The crane is sold."}));
    effects!(ledger, &engineer, jobs::cancel(job.kind, job.id, reason));

    // A job left incomplete while paused, and assigned again.
    let job = repair(db, &context, &admin, found(ledger), &owner);
    started(db, &context, &owner, &job);
    paused(db, &context, &owner, &admin, &job);
    ledger.clock.advance_seconds(600);
    effects!(
        ledger,
        &owner,
        jobs::leave_incomplete(job.kind, job.id, input(json!({"reason": "No parts for weeks."})))
    );
    let reassignment = input(json!({"specialist_id": other.id, "reason": "Back next month."}));
    effects!(ledger, &admin, jobs::reassign(job.id, reassignment));

    // A stalled job is taken over.
    let stalled = |ledger: &mut Ledger<'_>| -> Job {
        let job = repair(ledger.db, &ledger.context, &admin, found(ledger), &owner);
        started(ledger.db, &ledger.context, &owner, &job);
        paused(ledger.db, &ledger.context, &owner, &admin, &job);
        ledger.clock.advance_seconds(3 * 86_400);
        job
    };
    let job = stalled(ledger);
    ledger.run_task("detect_stalled_jobs");
    let takeover = |reason: &str| input(json!({"reason": reason}));
    let refused = effects!(ledger, &other, takeovers::request_job(job.kind, job.id, takeover("Next to it.")));
    effects!(ledger, &admin, takeovers::deny(refused.id));
    let wanted = effects!(
        ledger,
        &taker,
        "another",
        takeovers::request_job(job.kind, job.id, takeover("Free today."))
    );
    effects!(ledger, &other, "a third", takeovers::request_job(job.kind, job.id, takeover("Free as well.")));
    effects!(ledger, &admin, takeovers::approve(wanted.id));
    effects!(
        ledger,
        &taker,
        "taken over",
        jobs::plan(job.kind, job.id, &input(json!({"planned_time_hours": 1})))
    );
    effects!(ledger, &taker, "taken over", jobs::start(job.kind, job.id, input(json!({}))));
    effects!(
        ledger,
        &taker,
        "taken over",
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Changed the seal."})))
    );

    // The owner is back before a request is decided.
    let job = stalled(ledger);
    effects!(ledger, &other, "in vain", takeovers::request_job(job.kind, job.id, takeover("Free now.")));
    let last = db
        .read(|conn| inspection_persistence::pauses::history(conn, &owner, job.kind, job.id, crate::ALL))
        .expect("pauses");
    let pause = last.items.first().expect("a pause").id;
    effects!(ledger, &owner, "requests wait", pauses::resume(pause));
    effects!(
        ledger,
        &owner,
        "requests wait",
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Changed the seal."})))
    );

    // Jobs of engineers.
    let new = json!({
        "job_type": "special_task", "title": "Survey of the quay", "engineer_id": engineer.id,
        "description": "The north end.", "equipment_id": crane.id,
    });
    let job = effects!(ledger, &admin, jobs::create_for_engineer(input(new)));
    effects!(
        ledger,
        &engineer,
        "an engineer's",
        jobs::plan(job.kind, job.id, &input(json!({"planned_time_hours": 5})))
    );
    effects!(ledger, &engineer, "an engineer's", jobs::start(job.kind, job.id, input(json!({}))));
    effects!(
        ledger,
        &engineer,
        "an engineer's",
        jobs::complete(job.kind, job.id, input(json!({"work_notes": "Surveyed all of it."})))
    );
    let own = json!({"job_type": "custom_project", "title": "A new survey"});
    let job = effects!(ledger, &engineer, "for oneself", jobs::create_for_engineer(input(own)));
    let colleague = ledger.user("colleague", json!({"role": "engineer"}));
    let to = input(json!({"engineer_id": colleague.id, "reason": "She knows the quay."}));
    effects!(ledger, &admin, jobs::reassign_engineer_job(job.id, to));
    ledger.set_active(&admin, &colleague, false);
    let job = engineer_job(db, &context, &admin, &engineer);
    started(db, &context, &engineer, &job);
    effects!(
        ledger,
        &engineer,
        "an engineer's",
        jobs::leave_incomplete(job.kind, job.id, input(json!({"reason": "The quay is closed."})))
    );
}
