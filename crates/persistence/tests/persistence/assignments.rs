//! Daily lists and their assignments: generation, teams, halves (§4, §5).

mod generating;
mod halves;
mod teams;

use diesel::prelude::*;
use inspection_domain::{
    assessments::{Assessment, AssessmentStatus, Verdict},
    assignments::{AssignTeam, Assignment, AssignmentFilter, AssignmentStatus},
    audit::{AuditAction, AuditEntry},
    daily_lists::{GenerateList, InspectionList, ListFilter, ListStatus},
    equipment::{Equipment, EquipmentStatus},
    ids::{AssignmentId, EquipmentId, LeaveId, ListId, NotificationId, TemplateId, UserId},
    inspections::{Inspection, InspectionStatus, NewAnswers, StartInspection},
    leaves::{Leave, LeaveScope, LeaveStatus, LeaveType},
    notifications::{Notification, NotificationPriority, NotificationType},
    page::PageRequest,
    rule::Code,
    schema::{
        equipment as all_machines, equipment_weekly_completions as completions,
        inspection_assignments as stored, leaves, users as people,
    },
    time::Date,
    users::{Category, Role, Shift, User},
};
use inspection_persistence::{
    Context, Database, Origin, Result, assessments, assignments, checklists,
    daily_lists::{self, Generated},
    equipment as machines,
    inspections::{self, InspectionDetail},
    routines, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, PASS_FAIL, TEXT, TODAY, Team, YES_NO, act, answer_body, assessment, assigned,
        checklist, checklist_with, draft, equipment, equipment_with, generated, half_answered, half_draft,
        half_submitted, input, routine, routine_with, submitted, team, user, user_with, verdict,
    },
    context::{context, context_in, instant},
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, notifications_to, refusal, trail, transactions::rows};

fn date(text: &str) -> Date {
    Date::parse(text).expect("a date")
}

/// Generates a list as an actor, or as the service.
fn generate(db: &Database, context: &Context, planner: Option<&User>, body: Value) -> Result<Generated> {
    let request: GenerateList = input(body);
    db.write(context, Origin::default(), |tx| {
        if let Some(planner) = planner {
            tx.act_as(planner.clone());
        }
        daily_lists::generate(tx, &request)
    })
}

fn on_list(db: &Database, id: ListId) -> Vec<Assignment> {
    let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[id])).expect("assignments");
    on_it
        .into_iter()
        .map(|(assignment, machine)| {
            assert_eq!(assignment.equipment_id, machine.id);
            assignment
        })
        .collect()
}

fn get(db: &Database, id: AssignmentId) -> Assignment {
    db.read(|conn| assignments::get(conn, id)).expect("an assignment")
}

/// The entries of a list, as machine and checklist.
fn pairs(db: &Database, id: ListId) -> Vec<(EquipmentId, TemplateId)> {
    on_list(db, id).iter().map(|assignment| (assignment.equipment_id, assignment.template_id)).collect()
}

/// The counters and the status of a list, after a check that they match its assignments.
fn counted(db: &Database, id: ListId) -> (i64, i64, i64, ListStatus) {
    let list: InspectionList = db.read(|conn| daily_lists::get(conn, id)).expect("a list");
    let statuses: Vec<AssignmentStatus> =
        on_list(db, id).iter().map(|assignment| assignment.status).collect();
    let number = |counts: fn(AssignmentStatus) -> bool| {
        i64::try_from(statuses.iter().filter(|status| counts(**status)).count()).expect("few")
    };
    let counts = (
        number(|_| true),
        number(|status| status != AssignmentStatus::Unassigned),
        number(|status| status == AssignmentStatus::Completed),
    );
    assert_eq!((list.total_assets, list.assigned_assets, list.completed_assets), counts);
    (counts.0, counts.1, counts.2, list.status)
}

fn assign(
    db: &Database,
    context: &Context,
    planner: &User,
    id: AssignmentId,
    mechanical: UserId,
    electrical: UserId,
) -> Result<Assignment> {
    let members: AssignTeam =
        input(json!({"mechanical_inspector_id": mechanical, "electrical_inspector_id": electrical}));
    act(db, context, planner, |tx| assignments::assign(tx, id, &members))
}

fn start(db: &Database, context: &Context, actor: &User, body: Value) -> Result<(InspectionDetail, bool)> {
    let what: StartInspection = input(body);
    act(db, context, actor, |tx| inspections::start(tx, &what))
}

fn submit(
    db: &Database,
    context: &Context,
    actor: &User,
    of: &InspectionDetail,
) -> Result<(Inspection, usize)> {
    act(db, context, actor, |tx| inspections::submit(tx, of.inspection.id))
}

fn confirm(db: &Database, actor: &User, id: AssignmentId) -> Result<Assignment> {
    db.read(|conn| assignments::confirm(conn, actor, id))
}

fn backlog(db: &Database, context: &Context) -> Vec<AssignmentId> {
    let page = db.read(|conn| assignments::backlog(conn, context.clock.now(), ALL)).expect("a backlog");
    assert_eq!(page.total, i64::try_from(page.items.len()).expect("few"));
    page.items.iter().map(|assignment| assignment.id).collect()
}

/// Forces an assignment with a team into a status.
fn put(db: &Database, id: AssignmentId, status: AssignmentStatus) {
    let completed = (status == AssignmentStatus::Completed).then(|| instant("2026-03-02T12:00:00Z"));
    let row = diesel::update(stored::table.find(id))
        .set((stored::status.eq(status), stored::completed_at.eq(completed)));
    assert_eq!(query!(db, |c| row.execute(c)), 1);
}

fn set_out_on_leave(db: &Database, person: &User) -> User {
    let away = diesel::update(people::table.find(person.id)).set(people::is_on_leave.eq(true));
    assert_eq!(query!(db, |c| away.execute(c)), 1);
    db.read(|conn| users::get(conn, person.id)).expect("a user")
}

fn places(sheet: &InspectionDetail) -> Vec<usize> {
    sheet.items.iter().map(|item| usize::try_from(item.order_index).expect("a place")).collect()
}

/// A list of one machine with the checklist of all question types, and its team.
struct Case {
    admin: User,
    team: Team,
    machine: Equipment,
    list: ListId,
    id: AssignmentId,
}

fn case(db: &Database, context: &Context) -> Case {
    let admin = user(db, context, Role::Admin);
    let template = checklist(db, context, &admin).0.id;
    case_of(db, context, admin, template)
}

fn case_of(db: &Database, context: &Context, admin: User, template: TemplateId) -> Case {
    let machine = equipment(db, context);
    routine(db, context, &admin, template);
    let team = team(db, context);
    let (list, assignments) = generated(db, context, &admin);
    let id = assignments[0].id;
    assigned(db, context, &admin, id, &team);
    Case { admin, team, machine, list: list.id, id }
}

/// A stored leave from one day to another.
fn away(person: &User, days: [&str; 2], status: LeaveStatus, ended: bool, context: &Context) -> Leave {
    let now = context.clock.now();
    Leave {
        id: LeaveId::UNSAVED,
        user_id: person.id,
        leave_type: LeaveType::Sick,
        other_reason: None,
        date_from: date(days[0]),
        date_to: date(days[1]),
        reason: None,
        scope: LeaveScope::MajorOnly,
        status,
        ended_at: ended.then_some(now),
        created_at: now,
        updated_at: now,
        requested_by_id: None,
        decided_by_id: None,
        decided_at: None,
        rejection_reason: None,
        ended_by_id: None,
        coverage_user_id: None,
        coverage_badge: None,
        half_day: None,
    }
}

fn store(db: &Database, away: &Leave) {
    let insert = diesel::insert_into(leaves::table).values(away);
    assert_eq!(query!(db, |c| insert.execute(c)), 1);
}

const MECHANICAL: &str = "mechanical_inspector_id";
const ELECTRICAL: &str = "electrical_inspector_id";

/// The members of a team, with another person in one of the seats.
fn with_other(team: &Team, seat: &str, other: UserId) -> [UserId; 2] {
    let [mechanical, electrical] = [team.mechanical.id, team.electrical.id];
    if seat == MECHANICAL { [other, electrical] } else { [mechanical, other] }
}
