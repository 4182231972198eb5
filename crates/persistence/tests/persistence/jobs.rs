//! Jobs in progress: numbers, machines, database constraints (§7).

use diesel::{RunQueryDsl, sql_query};
use inspection_domain::{
    defects::DefectStatus,
    equipment::{Equipment, EquipmentStatus},
    ids::EquipmentId,
    jobs::{Job, JobStatus},
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, defects, equipment as machines, jobs, pauses, takeovers};
use inspection_testkit::{
    builders::{
        act, checklist, completed, defect, engineer_job, equipment, finished, input, paused, planned, repair,
        started, user,
    },
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{code, transactions::rows};

/// A site with a machine, its inspector and workers.
pub(crate) struct Shop {
    pub(crate) admin: User,
    pub(crate) inspector: User,
    pub(crate) specialist: User,
    pub(crate) machine: Equipment,
}

pub(crate) fn shop(db: &Database, context: &Context) -> Shop {
    let admin = user(db, context, Role::Admin);
    checklist(db, context, &admin);
    Shop {
        inspector: user(db, context, Role::Inspector),
        specialist: user(db, context, Role::Specialist),
        machine: equipment(db, context),
        admin,
    }
}

impl Shop {
    /// A repair of a new defect of the machine.
    pub(crate) fn repair(&self, db: &Database, context: &Context) -> Job {
        self.repair_by(db, context, &self.specialist)
    }

    pub(crate) fn repair_by(&self, db: &Database, context: &Context, specialist: &User) -> Job {
        let found = defect(db, context, &self.inspector, &self.machine);
        repair(db, context, &self.admin, found.id, specialist)
    }
}

fn status(db: &Database, id: EquipmentId) -> EquipmentStatus {
    db.read(|conn| machines::get(conn, id)).expect("a machine").status
}

on_both_databases! {
    fn numbers_follow_each_other_for_each_kind_and_each_badge(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let (other, engineer) = (user(&db, &context, Role::Specialist), user(&db, &context, Role::Engineer));
        let numbers = |job: Job| (job.universal_id, job.job_id);
        assert_eq!(numbers(shop.repair(&db, &context)), (1, format!("{}-001", shop.specialist.role_id)));
        assert_eq!(numbers(shop.repair(&db, &context)), (2, format!("{}-002", shop.specialist.role_id)));
        assert_eq!(numbers(shop.repair_by(&db, &context, &other)), (3, format!("{}-001", other.role_id)));
        let job = engineer_job(&db, &context, &shop.admin, &engineer);
        assert_eq!(numbers(job), (1, format!("{}-001", engineer.role_id)));
    }

    fn a_machine_runs_when_the_last_of_its_repairs_is_done(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let id = shop.machine.id;
        let (one, other) = (shop.repair(&db, &context), shop.repair(&db, &context));
        assert_eq!(status(&db, id), EquipmentStatus::Active);
        started(&db, &context, &shop.specialist, &one);
        assert_eq!(status(&db, id), EquipmentStatus::UnderMaintenance);
        planned(&db, &context, &shop.specialist, &other);
        completed(&db, &context, &shop.specialist, &one);
        assert_eq!(status(&db, id), EquipmentStatus::UnderMaintenance, "another is planned");
        act(&db, &context, &shop.specialist, |tx| jobs::start(tx, other.kind, other.id, input(json!({})))).expect("begun");
        completed(&db, &context, &shop.specialist, &other);
        assert_eq!(status(&db, id), EquipmentStatus::Active);
    }

    fn work_never_leads_out_of_stopped_or_out_of_service(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        for fixed in ["stopped", "out_of_service"] {
            let job = shop.repair(&db, &context);
            act(&db, &context, &shop.admin, |tx| machines::registry::update(tx, shop.machine.id, input(json!({"status": fixed})))).expect("changed");
            finished(&db, &context, &shop.specialist, &job);
            assert_eq!(status(&db, shop.machine.id).as_str(), fixed);
            act(&db, &context, &shop.admin, |tx| machines::registry::update(tx, shop.machine.id, input(json!({"status": "active"})))).expect("changed");
        }
        // Stopped during the work: the end of the work doesn't release the machine.
        let job = shop.repair(&db, &context);
        started(&db, &context, &shop.specialist, &job);
        act(&db, &context, &shop.admin, |tx| machines::registry::update(tx, shop.machine.id, input(json!({"status": "stopped"})))).expect("changed");
        completed(&db, &context, &shop.specialist, &job);
        assert_eq!(status(&db, shop.machine.id), EquipmentStatus::Stopped);
    }

    fn what_is_refused_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let job = shop.repair(&db, &context);
        let other = user(&db, &context, Role::Specialist);
        let (kind, id) = (job.kind, job.id);
        let before = rows(&db);
        let done = || input(json!({"work_notes": "Changed the seal."}));
        assert_eq!(code(act(&db, &context, &shop.specialist, |tx| jobs::start(tx, kind, id, input(json!({}))))), Code::PlannedTimeRequired);
        assert_eq!(code(act(&db, &context, &shop.specialist, |tx| jobs::complete(tx, kind, id, done()))), Code::InvalidState);
        assert_eq!(code(act(&db, &context, &other, |tx| jobs::start(tx, kind, id, input(json!({}))))), Code::Forbidden);
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| jobs::complete(tx, kind, id, done()))), Code::ValidationError, "on behalf, without a reason");
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| pauses::force(tx, kind, id, input(json!({}))))), Code::InvalidState);
        assert_eq!(code(act(&db, &context, &other, |tx| takeovers::request_job(tx, kind, id, input(json!({}))))), Code::InvalidState);
        let reward = input(json!({"bonus": 3}));
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| jobs::reward(tx, kind, id, &reward))), Code::InvalidState);
        let body = json!({"specialist_id": other.id});
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| jobs::reassign(tx, id, input(json!({"specialist_id": shop.admin.id}))))), Code::ValidationError);
        let timer = || input(json!({"pauses": [], "reason": "The phone was off."}));
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| jobs::correct_timer(tx, kind, id, timer()))), Code::InvalidState);
        assert_eq!(code(act(&db, &context, &shop.admin, |tx| jobs::assign_specialist(tx, job.defect_id.unwrap(), input(body.clone())))), Code::InvalidState);
        assert_eq!(rows(&db), before);
        assert_eq!(db.read(|conn| jobs::get_visible(conn, &shop.admin, kind, id)).expect("a job"), job);
    }

    fn the_objects_of_an_engineer_job_must_exist(db: TestDatabase) {
        let (context, _) = context();
        let (admin, engineer) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Engineer));
        for field in ["equipment_id", "related_inspection_id", "related_defect_id"] {
            let mut body = json!({"engineer_id": engineer.id, "job_type": "special_task", "title": "Look at the quay"});
            body[field] = json!(9_999);
            let refused = act(&db, &context, &admin, |tx| jobs::create_for_engineer(tx, input(body)));
            assert_eq!(code(refused), Code::NotFound, "{field}");
        }
    }

    fn the_owner_of_a_job_may_resolve_its_defect(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let job = shop.repair(&db, &context);
        let other = user(&db, &context, Role::Specialist);
        let id = job.defect_id.unwrap();
        let notes = || input(json!({"resolution_notes": "tightened"}));
        assert_eq!(code(act(&db, &context, &other, |tx| jobs::resolve_defect(tx, id, notes()))), Code::Forbidden);
        act(&db, &context, &shop.specialist, |tx| jobs::resolve_defect(tx, id, notes())).expect("resolved");
        let done = db.read(|conn| jobs::get_visible(conn, &shop.admin, job.kind, job.id)).expect("a job");
        assert_eq!((done.status, done.time_rating), (JobStatus::Completed, None), "it was not started");
        assert_eq!(done.work_notes.as_deref(), Some("tightened"));
    }

    fn an_incomplete_job_is_reassigned(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let job = shop.repair(&db, &context);
        started(&db, &context, &shop.specialist, &job);
        paused(&db, &context, &shop.specialist, &shop.admin, &job);
        let left = act(&db, &context, &shop.specialist, |tx| {
            jobs::leave_incomplete(tx, job.kind, job.id, input(json!({"reason": "No parts for weeks."})))
        })
        .expect("left");
        assert_eq!((left.status, left.paused_at), (JobStatus::Incomplete, None));
        let defect = db.read(|conn| defects::get(conn, job.defect_id.unwrap())).expect("a defect");
        assert_eq!(defect.status, DefectStatus::InProgress);
        let other = user(&db, &context, Role::Specialist);
        let again = act(&db, &context, &shop.admin, |tx| jobs::reassign(tx, job.id, input(json!({"specialist_id": other.id})))).expect("reassigned");
        assert_eq!((again.owner_id, again.status, again.incomplete_reason), (other.id, JobStatus::Assigned, None));
        finished(&db, &context, &other, &job);
    }

    fn the_database_enforces_the_invariants_of_jobs(db: TestDatabase) {
        let (context, _) = context();
        let shop = shop(&db, &context);
        let job = shop.repair(&db, &context);
        let twin = format!(
            "INSERT INTO jobs (kind, universal_id, job_id, owner_id, category, status, defect_id, equipment_id, paused_seconds, created_at, updated_at) \
             SELECT kind, 99, 'twin', owner_id, category, 'assigned', defect_id, equipment_id, 0, created_at, updated_at FROM jobs WHERE id = {}",
            job.id
        );
        for (what, statement) in [
            ("two repairs of one defect", twin),
            ("work without a beginning", format!("UPDATE jobs SET status = 'in_progress' WHERE id = {}", job.id)),
            ("a pause without a beginning", format!("UPDATE jobs SET status = 'paused' WHERE id = {}", job.id)),
            ("done without a time", format!("UPDATE jobs SET status = 'completed' WHERE id = {}", job.id)),
            ("a rating out of bounds", format!("UPDATE jobs SET time_rating = 8 WHERE id = {}", job.id)),
            ("a bonus out of bounds", format!("UPDATE jobs SET admin_bonus = 11 WHERE id = {}", job.id)),
            ("time that runs backwards", format!("UPDATE jobs SET paused_seconds = -1 WHERE id = {}", job.id)),
            ("a repair of nothing", format!("UPDATE jobs SET defect_id = NULL WHERE id = {}", job.id)),
        ] {
            let outcome = db.read(|conn| match conn {
                inspection_persistence::DbConnection::Postgres(c, _) => Ok(sql_query(&statement).execute(c)),
                inspection_persistence::DbConnection::Sqlite(c, _) => Ok(sql_query(&statement).execute(c)),
            });
            assert!(outcome.expect("an answer").is_err(), "{what}");
        }
    }

    fn three_paused_days_of_a_job_are_not_counted(db: TestDatabase) {
        let (context, clock) = context();
        let shop = shop(&db, &context);
        let job = shop.repair(&db, &context);
        started(&db, &context, &shop.specialist, &job);
        clock.advance_seconds(3600);
        let pause = paused(&db, &context, &shop.specialist, &shop.admin, &job);
        clock.advance_seconds(3 * 86_400 - 1);
        let page = || inspection_domain::page::PageRequest::first(10);
        let stalled =
            || db.read(|conn| jobs::stalled(conn, context.clock.now(), page())).expect("a list").total;
        assert_eq!(stalled(), 0);
        clock.advance_seconds(1);
        assert_eq!(stalled(), 1, "three days to the second");
        act(&db, &context, &shop.specialist, |tx| pauses::resume(tx, pause.id)).expect("going on");
        clock.advance_seconds(3600);
        let done = completed(&db, &context, &shop.specialist, &job);
        assert_eq!((done.paused_seconds, done.time_rating), (3 * 86_400, Some(5)), "two hours planned, two hours worked");
        assert_eq!(done.actual_time_hours.map(inspection_domain::jobs::Hours::number), Some(2.0));
    }
}
