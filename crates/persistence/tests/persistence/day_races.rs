//! Concurrency on an inspection day: planning, both halves, verdicts and decisions. The second
//! transaction waits or is refused; counters, points and the machine's status are right in every
//! order.

mod judging;
mod working;

use std::collections::BTreeSet;

use inspection_domain::{
    assessments::{AssessmentStatus, ResolvedBy, Verdict},
    assignments::{AssignTeam, Assignment, AssignmentStatus},
    daily_lists::{GenerateList, ListStatus},
    equipment::{Equipment, EquipmentStatus},
    ids::AssignmentId,
    inspections::StartInspection,
    notifications::NotificationType,
    rule::Code,
    time::Date,
    users::{Role, Shift, User, UserChanges},
};
use inspection_persistence::{
    Context, Database, Result, assessments, assignments,
    daily_lists::{self, Generated},
    equipment as machines, inspections, ratings, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, PASS_FAIL, TODAY, Team, act, assigned, equipment, half_answered, half_draft,
        half_submitted, input, submitted, team, user, user_with, verdict,
    },
    context::context,
    invariants, ledger, on_both_databases, rounds,
};
use serde_json::json;

use EquipmentStatus::{Active, OutOfService, Paused, Stopped, UnderMaintenance};
use Verdict::{Operational, Urgent};

use crate::{
    ALL,
    assessments::{
        TOMORROW, Yard, both_pointed, decide, list_of, listed, notified_of, pointed, set_status, status_of,
        stored, times_stopped, true_list, true_lists, yard,
    },
    races::{at_once, both, tally},
    ratings::{rate, rerate},
    trail,
    transactions::rows,
};

const COMBINATIONS: [[Verdict; 2]; 4] =
    [[Operational, Operational], [Operational, Urgent], [Urgent, Operational], [Urgent, Urgent]];

/// The date this many days after the Monday of the tests.
fn day(n: usize) -> String {
    Date::parse(TODAY).expect("a date").plus_days(i32::try_from(n).expect("few")).to_string()
}

fn generate(db: &Database, context: &Context, actor: &User, date: &str, refresh: bool) -> Result<Generated> {
    let request: GenerateList = input(json!({"target_date": date, "shift": "day", "refresh": refresh}));
    act(db, context, actor, |tx| daily_lists::generate(tx, &request))
}

fn assign(
    db: &Database,
    context: &Context,
    planner: &User,
    id: AssignmentId,
    team: &Team,
) -> Result<Assignment> {
    let members: AssignTeam = input(json!({
        "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
    }));
    act(db, context, planner, |tx| assignments::assign(tx, id, &members))
}

/// Starts an inspector's half; returns whether the draft is new.
fn start(db: &Database, context: &Context, inspector: &User, id: AssignmentId) -> Result<(i64, bool)> {
    let what: StartInspection = input(json!({"assignment_id": id}));
    let (sheet, is_new) = act(db, context, inspector, |tx| inspections::start(tx, &what))?;
    Ok((sheet.inspection.id.get(), is_new))
}

/// Changes an account's e-mail address.
fn move_to(db: &Database, context: &Context, admin: &User, whom: &User, email: &str) -> Result<User> {
    let moved: UserChanges = input(json!({ "email": email }));
    act(db, context, admin, |tx| users::update(tx, whom.id, moved))
}

fn assignment(db: &Database, id: AssignmentId) -> Assignment {
    db.read(|conn| assignments::get(conn, id)).expect("an assignment")
}

fn members(of: &Assignment) -> [Option<i64>; 2] {
    [of.mechanical_inspector_id, of.electrical_inspector_id]
        .map(|id| id.map(inspection_domain::ids::UserId::get))
}

fn ids(team: &Team) -> [Option<i64>; 2] {
    team.both().map(|inspector| Some(inspector.id.get()))
}

/// Checks the invariants.
fn all_is_well(db: &Database) {
    true_lists(db);
    assert_eq!(db.read(ledger::mismatches).expect("a check"), []);
}

/// A machine whose assignment of the day has a team and no draft.
fn planned(db: &Database, context: &Context, yard: &Yard) -> (Equipment, Assignment) {
    let crane = equipment(db, context);
    let on_list = listed(db, context, &yard.admin, &crane, TODAY);
    (crane, assigned(db, context, &yard.admin, on_list.id, &yard.team))
}
