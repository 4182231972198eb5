//! Invariants of jobs under random commands by random actors.

use inspection_domain::{
    defects::DefectStatus,
    equipment::EquipmentStatus,
    jobs::{Job, JobStatus},
    pauses::PauseStatus,
    users::{Role, User},
};
use inspection_persistence::{
    Context, Database, Result, defect_assessments, defects, equipment as machines, jobs, pauses,
    quality_reviews, takeovers, users,
};
use inspection_testkit::{
    builders::{act, input, user},
    context::context,
    invariants, on_both_databases,
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    ALL,
    jobs::{Shop, shop},
};

/// The people of the site.
struct Crew {
    shop: Shop,
    others: Vec<User>,
    jobs: Vec<Job>,
}

fn any_user(crew: &Crew, n: usize) -> User {
    let all: Vec<&User> = [&crew.shop.admin, &crew.shop.specialist].into_iter().chain(&crew.others).collect();
    all[n % all.len()].clone()
}

/// One command on one job by an actor who is usually allowed.
fn try_one(
    db: &Database,
    context: &Context,
    crew: &Crew,
    (what, which, who): (usize, usize, usize),
) -> Result<()> {
    let seen = &crew.jobs[which % crew.jobs.len()];
    let job = db.read(|conn| jobs::get_visible(conn, &crew.shop.admin, seen.kind, seen.id))?;
    let owner = db.read(|conn| users::get(conn, job.owner_id))?;
    let (kind, id, admin) = (job.kind, job.id, &crew.shop.admin);
    let actor = if who.is_multiple_of(4) { any_user(crew, who / 4) } else { owner };
    let latest = |status: PauseStatus| {
        let log = db.read(|conn| pauses::history(conn, admin, kind, id, ALL)).expect("a log").items;
        log.into_iter().find(|pause| pause.status == status).map(|pause| pause.id)
    };
    let review = || {
        let all = db
            .read(|conn| quality_reviews::list(conn, admin, &input(json!({})), ALL))
            .expect("reviews")
            .items;
        all.into_iter()
            .find(|review| review.job_id == id)
            .map(|review| (review.id, db.read(|conn| users::get(conn, review.qe_id)).expect("a reviewer")))
    };
    let waiting = || {
        let all = db
            .read(|conn| takeovers::list(conn, admin, &input(json!({"status": "pending"})), ALL))
            .expect("a queue");
        all.items.into_iter().find(|takeover| takeover.job_id == Some(id)).map(|takeover| takeover.id)
    };
    match what {
        0 => act(db, context, &actor, |tx| jobs::plan(tx, kind, id, &input(json!({"hours": 1.5})))).map(drop),
        1 | 2 => act(db, context, &actor, |tx| jobs::start(tx, kind, id, input(json!({})))).map(drop),
        3 | 4 => act(db, context, &actor, |tx| {
            jobs::complete(tx, kind, id, input(json!({"work_notes": "Changed the seal."})))
        })
        .map(drop),
        5 => act(db, context, &actor, |tx| {
            jobs::leave_incomplete(tx, kind, id, input(json!({"reason": "No parts for weeks."})))
        })
        .map(drop),
        6 => act(db, context, &actor, |tx| {
            pauses::request(tx, kind, id, input(json!({"reason_category": "parts"})))
        })
        .map(drop),
        7 => latest(PauseStatus::Pending)
            .map_or(Ok(()), |pause| act(db, context, admin, |tx| pauses::approve(tx, pause)).map(drop)),
        8 => latest(PauseStatus::Approved)
            .map_or(Ok(()), |pause| act(db, context, &actor, |tx| pauses::resume(tx, pause)).map(drop)),
        9 => act(db, context, admin, |tx| pauses::force(tx, kind, id, input(json!({})))).map(drop),
        10 => act(db, context, &any_user(crew, who), |tx| {
            takeovers::request_job(tx, kind, id, input(json!({})))
        })
        .map(drop),
        11 => waiting().map_or(Ok(()), |takeover| {
            act(db, context, admin, |tx| takeovers::approve(tx, takeover)).map(drop)
        }),
        12 => review().map_or(Ok(()), |(review, qe)| {
            act(db, context, &qe, |tx| quality_reviews::approve(tx, review, input(json!({"rating": 4}))))
                .map(drop)
        }),
        13 => review().map_or(Ok(()), |(review, qe)| {
            let rejection = json!({"category": "other", "reason": "It still leaks as it did before."});
            act(db, context, &qe, |tx| quality_reviews::reject(tx, review, input(rejection))).map(drop)
        }),
        14 => review().map_or(Ok(()), |(review, _)| {
            let decision = json!({"is_valid": who.is_multiple_of(2)});
            act(db, context, admin, |tx| quality_reviews::validate(tx, review, input(decision))).map(drop)
        }),
        15 => {
            let to = any_user(crew, who).id;
            act(db, context, admin, |tx| jobs::reassign(tx, id, input(json!({"specialist_id": to}))))
                .map(drop)
        }
        16 => act(db, context, admin, |tx| jobs::reward(tx, kind, id, &input(json!({"bonus": who % 11}))))
            .map(drop),
        17 => act(db, context, &actor, |tx| jobs::clean(tx, id, input(json!({"notes": "Swept."})))).map(drop),
        18 => act(db, context, admin, |tx| jobs::rate_cleaning(tx, id, &input(json!({"rating": who % 3}))))
            .map(drop),
        19 => {
            let verdict = ["confirm", "minor", "reject"][who % 3];
            let assessment =
                json!({"defect_id": job.defect_id, "verdict": verdict, "technical_notes": "Seen."});
            act(db, context, &actor, |tx| defect_assessments::assess(tx, input(assessment))).map(drop)
        }
        20 => {
            let reason = input(json!({"reason": "The crane is sold."}));
            act(db, context, admin, |tx| jobs::cancel(tx, kind, id, reason)).map(drop)
        }
        21 => {
            let done = json!({"work_notes": "Changed the seal.", "on_behalf_reason": "The owner is ill."});
            act(db, context, admin, |tx| jobs::complete(tx, kind, id, input(done))).map(drop)
        }
        22 => {
            let started =
                job.started_at.unwrap_or(job.created_at).plus_seconds(-(i64::try_from(who).unwrap_or(0)));
            let timer = json!({"started_at": started, "reason": "The phone was off."});
            act(db, context, admin, |tx| jobs::correct_timer(tx, kind, id, input(timer))).map(drop)
        }
        23 => act(db, context, admin, |tx| {
            jobs::correct_timer(tx, kind, id, input(json!({"pauses": [], "reason": "The phone was off."})))
        })
        .map(drop),
        _ => {
            let to = any_user(crew, who).id;
            let new = json!({"specialist_id": to});
            act(db, context, admin, |tx| {
                jobs::assign_specialist(tx, job.defect_id.expect("a defect"), input(new))
            })
            .map(drop)
        }
    }
}

/// Checks the invariants.
fn all_is_well(db: &Database, context: &Context, crew: &Crew) {
    let admin = &crew.shop.admin;
    invariants::assert_kept(db, context);
    let all = db.read(|conn| jobs::repairs(conn, admin, &input(json!({})), ALL)).expect("jobs").items;
    let now = context.clock.now();
    for job in &all {
        let log = db.read(|conn| pauses::history(conn, admin, job.kind, job.id, ALL)).expect("a log").items;
        let open = log.iter().filter(|pause| pause.status == PauseStatus::Approved).count();
        assert_eq!(open, usize::from(job.status == JobStatus::Paused), "{job:?}");
        assert_eq!(job.paused_at.is_some(), job.status == JobStatus::Paused);
        if let Some(started) = job.started_at {
            let since_start = log.iter().filter(|pause| pause.paused_at >= Some(started));
            let paused: i64 = since_start.filter_map(|pause| pause.duration_seconds).sum();
            assert_eq!(paused, job.paused_seconds, "the log and the job agree");
            let until = job.completed_at.unwrap_or(now);
            let times = job.times(now);
            assert_eq!(times.worked + times.paused, until.as_second() - started.as_second());
        }
        let defect = db.read(|conn| defects::get(conn, job.defect_id.expect("a defect"))).expect("a defect");
        if JobStatus::LIVE.contains(&job.status) {
            assert_eq!(defect.status, DefectStatus::InProgress, "{job:?}");
            let live = all
                .iter()
                .filter(|other| other.defect_id == job.defect_id && JobStatus::LIVE.contains(&other.status));
            assert_eq!(live.count(), 1);
        }
    }
    let begun = all.iter().any(|job| {
        JobStatus::RUNNING.contains(&job.status)
            || job.status == JobStatus::Assigned && job.planned_time_hours.is_some()
    });
    let status = db.read(|conn| machines::get(conn, crew.shop.machine.id)).expect("a machine").status;
    assert!(matches!(status, EquipmentStatus::Active | EquipmentStatus::UnderMaintenance));
    assert!(!begun || status == EquipmentStatus::UnderMaintenance, "a repair is in progress");
}

on_both_databases! {
    fn no_sequence_of_job_commands_violates_an_invariant(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let mut others: Vec<User> = (0..2).map(|_| user(&db, &context, Role::Specialist)).collect();
        others.extend([user(&db, &context, Role::QualityEngineer), user(&db, &context, Role::QualityEngineer)]);
        let mut crew = Crew { shop, others, jobs: Vec::new() };
        let mut done = 0;
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 10, ..ProptestConfig::default() });
        let steps = prop::collection::vec((0..25_usize, 0..3_usize, 0..60_usize, 0..200_000_i64), 1..80);
        let cases: Vec<_> = (0..10)
            .map(|_| steps.new_tree(&mut runner).expect("a case"))
            .map(|tree| proptest::strategy::ValueTree::current(&tree))
            .collect();
        for steps in cases {
            crew.jobs = (0..3).map(|_| crew.shop.repair(&db, &context)).collect();
            for (what, which, who, seconds) in steps {
                clock.advance_seconds(seconds);
                if try_one(&db, &context, &crew, (what, which, who)).is_ok() {
                    done += 1;
                    if done % 4 == 0 {
                        all_is_well(&db, &context, &crew);
                    }
                }
            }
            all_is_well(&db, &context, &crew);
        }
        assert!(done > 50, "{done} of the commands could be carried out");
    }
}
