//! Verdicts on machines and decisions of admins (§9): their consequences, and that no statement
//! bypasses them.

mod deciding;
mod holding;
mod refusing;

use diesel::{prelude::*, result::DatabaseErrorKind};
use inspection_domain::{
    assessments::{
        AdminDecision, Assessment, AssessmentFilter, AssessmentStatus, NewVerdict, ResolvedBy, Verdict,
    },
    assignments::{Assignment, AssignmentStatus},
    audit::{AuditAction, AuditEntry},
    daily_lists::{GenerateList, InspectionList, ListFilter, ListStatus},
    equipment::{Equipment, EquipmentChanges, EquipmentStatus, StatusChange},
    ids::{AssessmentId, AssignmentId, EquipmentId, ListId, UserId},
    notifications::{Notification, NotificationPriority, NotificationType},
    page::PageRequest,
    points::PointKind,
    rule::Code,
    schema::{equipment_status_changes as status_changes, notifications as notified, point_entries},
    users::{Role, User},
};
use inspection_persistence::{
    Context, Database, DbConnection, Error, Origin, Result, assessments, assignments, daily_lists,
    equipment as machines, notifications, points, users,
};
use inspection_testkit::{
    TestDatabase,
    builders::{
        TODAY, Team, URGENT_REASON, act, assessment, assigned, checklist, equipment, half_submitted, input,
        routine, team, user, user_with, verdict,
    },
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{ALL, code, filter, notifications_to, refusal, trail, transactions::rows};

/// The day after [`TODAY`].
pub(crate) const TOMORROW: &str = "2026-03-03";

/// A site with cranes that are inspected daily.
pub(crate) struct Yard {
    pub(crate) admin: User,
    pub(crate) team: Team,
}

pub(crate) fn yard(db: &Database, context: &Context) -> Yard {
    let admin = user(db, context, Role::Admin);
    let (template, _) = checklist(db, context, &admin);
    routine(db, context, &admin, template.id);
    Yard { admin, team: team(db, context) }
}

/// The day shift's list of a day, generated or refreshed.
pub(crate) fn list_of(db: &Database, context: &Context, planner: &User, date: &str) -> InspectionList {
    let request: GenerateList = input(json!({"target_date": date, "shift": "day", "refresh": true}));
    act(db, context, planner, |tx| daily_lists::generate(tx, &request)).expect("a list").list
}

/// The assignment of a machine on the list of a day.
pub(crate) fn listed(
    db: &Database,
    context: &Context,
    planner: &User,
    machine: &Equipment,
    date: &str,
) -> Assignment {
    let list = list_of(db, context, planner, date);
    let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).expect("assignments");
    on_it.into_iter().find(|(_, of)| of.id == machine.id).expect("the machine is on it").0
}

impl Yard {
    /// The assessment of a machine that both inspectors have inspected on a day, without verdicts.
    pub(crate) fn pending_assessment(
        &self,
        db: &Database,
        context: &Context,
        machine: &Equipment,
        date: &str,
    ) -> Assessment {
        let assignment = listed(db, context, &self.admin, machine, date);
        assigned(db, context, &self.admin, assignment.id, &self.team);
        assessment(db, context, &self.team, assignment.id)
    }

    pub(crate) fn decide(
        &self,
        db: &Database,
        context: &Context,
        id: AssessmentId,
        decision: Verdict,
    ) -> Result<Assessment> {
        decide(db, context, &self.admin, id, decision)
    }

    pub(crate) fn set_status(
        &self,
        db: &Database,
        context: &Context,
        id: EquipmentId,
        status: EquipmentStatus,
    ) {
        let changed = set_status(db, context, &self.admin, id, status).expect("a change");
        assert_eq!(changed.status, status);
    }
}

/// An admin's note on a decision.
pub(crate) fn notes(decision: Verdict) -> String {
    format!("I say {decision}, having looked myself.")
}

pub(crate) fn decide(
    db: &Database,
    context: &Context,
    admin: &User,
    id: AssessmentId,
    decision: Verdict,
) -> Result<Assessment> {
    let decision: AdminDecision = input(json!({"decision": decision, "notes": notes(decision)}));
    act(db, context, admin, |tx| assessments::decide(tx, id, decision))
}

pub(crate) fn set_status(
    db: &Database,
    context: &Context,
    admin: &User,
    id: EquipmentId,
    status: EquipmentStatus,
) -> Result<Equipment> {
    let change: EquipmentChanges = input(json!({"status": status}));
    act(db, context, admin, |tx| machines::registry::update(tx, id, change))
}

pub(crate) fn status_of(db: &Database, id: EquipmentId) -> EquipmentStatus {
    db.read(|conn| machines::get(conn, id)).expect("a machine").status
}

pub(crate) fn stored(db: &Database, reader: &User, id: AssessmentId) -> Assessment {
    db.read(|conn| assessments::get_visible(conn, reader, id)).expect("an assessment")
}

/// Recipients of points for an assessment, once per point.
pub(crate) fn pointed(db: &Database, id: AssessmentId) -> Vec<i64> {
    let own = point_entries::table
        .filter(point_entries::kind.eq(PointKind::Assessment))
        .filter(point_entries::related_type.eq("assessment"))
        .filter(point_entries::related_id.eq(id.get()))
        .filter(point_entries::amount.eq(1));
    query!(db, |c| own.order(point_entries::user_id).select(point_entries::user_id).load(c))
}

/// Both inspectors, as [`pointed`] lists them.
pub(crate) fn both_pointed(of: &Assessment) -> Vec<i64> {
    let mut ids = of.inspectors().map(UserId::get).to_vec();
    ids.sort_unstable();
    ids
}

/// Recipients of notifications about an object, by id.
pub(crate) fn notified_of(db: &Database, kind: NotificationType, id: i64) -> Vec<Notification> {
    let about = notified::table.filter(notified::kind.eq(kind)).filter(notified::related_id.eq(id));
    query!(db, |c| about.order((notified::user_id, notified::id)).select(Notification::as_select()).load(c))
}

pub(crate) fn times_stopped(db: &Database, id: AssessmentId, reader: &User) -> usize {
    let notified = notified_of(db, NotificationType::EquipmentStopped, id.get());
    notified.iter().filter(|notified| notified.user_id == reader.id).count()
}

/// Every list with its entries, after a check of its counters and status.
pub(crate) fn true_lists(db: &Database) -> Vec<(InspectionList, Vec<Assignment>)> {
    let filter: ListFilter = filter(json!({"sort": "id"}));
    let found = db.read(|conn| daily_lists::list(conn, &filter, ALL)).expect("lists").items;
    found.into_iter().map(|list| (list.clone(), true_list(db, list.id))).collect()
}

/// The entries of a list, after a check of its counters and status.
pub(crate) fn true_list(db: &Database, id: ListId) -> Vec<Assignment> {
    let list = db.read(|conn| daily_lists::get(conn, id)).expect("a list");
    let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[id])).expect("assignments");
    let on_it: Vec<Assignment> = on_it.into_iter().map(|(assignment, _)| assignment).collect();
    let count = |counts: fn(&Assignment) -> bool| {
        i64::try_from(on_it.iter().filter(|assignment| counts(assignment)).count()).expect("few")
    };
    let total = count(|_| true);
    let assigned = count(|assignment| assignment.mechanical_inspector_id.is_some());
    let completed = count(|assignment| assignment.status == AssignmentStatus::Completed);
    assert_eq!(
        (list.total_assets, list.assigned_assets, list.completed_assets),
        (total, assigned, completed)
    );
    assert_eq!(list.status, ListStatus::of(total, assigned, completed));
    on_it
}

fn assignment(db: &Database, id: AssignmentId) -> Assignment {
    db.read(|conn| assignments::get(conn, id)).expect("an assignment")
}

/// Changes of a machine's status, with their actors.
fn changes_of(db: &Database, id: EquipmentId) -> Vec<(EquipmentStatus, EquipmentStatus, Option<UserId>)> {
    let own = status_changes::table.filter(status_changes::equipment_id.eq(id));
    let found: Vec<StatusChange> =
        query!(db, |c| own.order(status_changes::id).select(StatusChange::as_select()).load(c));
    found.into_iter().filter_map(|row| Some((row.from_status?, row.to_status, row.changed_by_id))).collect()
}

/// Audited actions on an object with their actors, in order.
fn done_to(db: &Database, context: &Context, entity: &str, id: i64) -> Vec<(AuditAction, Option<UserId>)> {
    let mut lines = trail(db, context, json!({"entity_type": entity, "entity_id": id}));
    lines.reverse();
    lines.iter().map(|line| (line.action, line.actor_id)).collect()
}

fn last_line(db: &Database, context: &Context, entity: &str, id: i64) -> AuditEntry {
    trail(db, context, json!({"entity_type": entity, "entity_id": id})).swap_remove(0)
}

/// An assessment with one more verdict and no other change.
fn with_verdict(before: &Assessment, by: &User, verdict: Verdict, context: &Context) -> Assessment {
    let at = context.clock.now();
    let reason = (verdict == Verdict::Urgent).then(|| URGENT_REASON.to_owned());
    let mut after = Assessment { updated_at: at, ..before.clone() };
    if by.id == before.mechanical_inspector_id {
        (after.mechanical_verdict, after.mechanical_reason) = (Some(verdict), reason);
        after.mechanical_verdict_at = Some(at);
    } else {
        (after.electrical_verdict, after.electrical_reason) = (Some(verdict), reason);
        after.electrical_verdict_at = Some(at);
    }
    after
}

use EquipmentStatus::{Active, OutOfService, Paused, Stopped, UnderMaintenance};
use Verdict::{Operational, Urgent};

/// Runs a raw statement, bypassing the units of work, and returns the database's outcome.
fn slip_in(db: &TestDatabase, statement: &str) -> Result<usize> {
    db.read(|conn| match conn {
        DbConnection::Postgres(c, _) => Ok(diesel::sql_query(statement).execute(c)?),
        DbConnection::Sqlite(c, _) => Ok(diesel::sql_query(statement).execute(c)?),
    })
}

/// Runs a statement that must violate the constraint of this name; nothing changes.
fn refused_by(db: &TestDatabase, constraint: &str, statement: &str) {
    let before = rows(db);
    let error = slip_in(db, statement).expect_err(statement);
    match &error {
        Error::Rule(rule) => {
            // SQLite doesn't report the name.
            assert!(constraint.ends_with("_key"), "{constraint}: {rule}");
            assert_eq!(rule.code(), Code::Conflict, "{statement}");
        }
        Error::Database(diesel::result::Error::DatabaseError(kind, info)) => {
            let message = info.message();
            let is_named = message.contains(constraint);
            match kind {
                DatabaseErrorKind::ForeignKeyViolation => {
                    assert!(constraint.ends_with("_fkey") && (is_named || !db.is_postgres()), "{message}");
                }
                DatabaseErrorKind::CheckViolation => {
                    assert!(is_named, "{message}, not {constraint}: {statement}");
                }
                _ => panic!("{kind:?} {message}: {statement}"),
            }
        }
        other => panic!("{other:?}: {statement}"),
    }
    assert_eq!(rows(db), before);
}

const STOPPED_FKEY: &str = "final_assessments_equipment_stopped_fkey";
const HOLDS_CHECK: &str = "final_assessments_urgent_holds_check";
const SAFETY_CHECK: &str = "final_assessments_safety_check";
