//! Verdicts on machines and the decisions of admins (rule book §9): what follows from them, and that nothing gets around
//! them.

use diesel::{prelude::*, result::DatabaseErrorKind};
use inspection_domain::{
    assessments::{
        AdminDecision, Assessment, AssessmentFilter, AssessmentStatus, NewVerdict, ResolvedBy, Verdict,
    },
    assignments::{Assignment, AssignmentStatus},
    audit::{AuditAction, AuditEntry},
    equipment::{Equipment, EquipmentChanges, EquipmentStatus, StatusChange},
    ids::{AssessmentId, AssignmentId, EquipmentId, ListId, UserId},
    lists::{GenerateList, InspectionList, ListFilter, ListStatus},
    notifications::{Notification, NotificationPriority, NotificationType},
    page::PageRequest,
    points::PointKind,
    rule::Code,
    schema::{equipment_status_changes as status_changes, notifications as told, point_entries},
    users::{Role, User},
};
use inspection_persistence::{
    Database, DbConnection, Error, Origin, Result, World, assessments, assignments, equipment as machines,
    lists, notifications, points, users,
};
use inspection_testkit::{
    TestDatabase,
    builders::{
        TODAY, Team, URGENT_REASON, act, assessment, assigned, checklist, equipment, half_submitted, input,
        routine, team, user, user_with, verdict,
    },
    on_both_databases,
    world::world,
};
use serde_json::json;

use crate::{ALL, code, filter, refusal, told_to, trail, transactions::rows};

/// The day after [`TODAY`].
pub(crate) const TOMORROW: &str = "2026-03-03";

/// A site where cranes are inspected every day.
pub(crate) struct Yard {
    pub(crate) admin: User,
    pub(crate) team: Team,
}

pub(crate) fn yard(db: &Database, world: &World) -> Yard {
    let admin = user(db, world, Role::Admin);
    let (template, _) = checklist(db, world, &admin);
    routine(db, world, &admin, template.id);
    Yard { admin, team: team(db, world) }
}

/// The day shift's list of a day, generated or completed with what is missing.
pub(crate) fn list_of(db: &Database, world: &World, planner: &User, date: &str) -> InspectionList {
    let wanted: GenerateList = input(json!({"target_date": date, "shift": "day", "refresh": true}));
    act(db, world, planner, |tx| lists::generate(tx, &wanted)).expect("a list").list
}

/// The assignment of a machine on the list of a day.
pub(crate) fn listed(
    db: &Database,
    world: &World,
    planner: &User,
    machine: &Equipment,
    date: &str,
) -> Assignment {
    let list = list_of(db, world, planner, date);
    let on_it = db.read(|conn| lists::assignments_of(conn, list.id)).expect("assignments");
    on_it.into_iter().find(|(_, of)| of.id == machine.id).expect("the machine is on it").0
}

impl Yard {
    /// The assessment of a machine that both have inspected on a day, and not judged yet.
    pub(crate) fn asked(&self, db: &Database, world: &World, machine: &Equipment, date: &str) -> Assessment {
        let assignment = listed(db, world, &self.admin, machine, date);
        assigned(db, world, &self.admin, assignment.id, &self.team);
        assessment(db, world, &self.team, assignment.id)
    }

    pub(crate) fn decide(
        &self,
        db: &Database,
        world: &World,
        id: AssessmentId,
        decision: Verdict,
    ) -> Result<Assessment> {
        decide(db, world, &self.admin, id, decision)
    }

    pub(crate) fn set_status(&self, db: &Database, world: &World, id: EquipmentId, status: EquipmentStatus) {
        let changed = set_status(db, world, &self.admin, id, status).expect("a change");
        assert_eq!(changed.status, status);
    }
}

/// What an admin notes about a decision.
pub(crate) fn notes(decision: Verdict) -> String {
    format!("I say {decision}, having looked myself.")
}

pub(crate) fn decide(
    db: &Database,
    world: &World,
    admin: &User,
    id: AssessmentId,
    decision: Verdict,
) -> Result<Assessment> {
    let decision: AdminDecision = input(json!({"decision": decision, "notes": notes(decision)}));
    act(db, world, admin, |tx| assessments::decide(tx, id, decision))
}

pub(crate) fn set_status(
    db: &Database,
    world: &World,
    admin: &User,
    id: EquipmentId,
    status: EquipmentStatus,
) -> Result<Equipment> {
    let change: EquipmentChanges = input(json!({"status": status}));
    act(db, world, admin, |tx| machines::update(tx, id, change))
}

pub(crate) fn status_of(db: &Database, id: EquipmentId) -> EquipmentStatus {
    db.read(|conn| machines::get(conn, id)).expect("a machine").status
}

pub(crate) fn stored(db: &Database, reader: &User, id: AssessmentId) -> Assessment {
    db.read(|conn| assessments::get(conn, reader, id)).expect("an assessment")
}

/// Who got a point for an assessment, once for each time.
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

/// Everybody who was told something about an object, in the order of their numbers.
pub(crate) fn told_about(db: &Database, kind: NotificationType, id: i64) -> Vec<Notification> {
    let about = told::table.filter(told::kind.eq(kind)).filter(told::related_id.eq(id));
    query!(db, |c| about.order((told::user_id, told::id)).select(Notification::as_select()).load(c))
}

pub(crate) fn times_stopped(db: &Database, id: AssessmentId, reader: &User) -> usize {
    let told = told_about(db, NotificationType::EquipmentStopped, id.get());
    told.iter().filter(|told| told.user_id == reader.id).count()
}

/// Every list with what is on it, after a look at its counters and its status, which must be true.
pub(crate) fn true_lists(db: &Database) -> Vec<(InspectionList, Vec<Assignment>)> {
    let filter: ListFilter = filter(json!({"sort": "id"}));
    let found = db.read(|conn| lists::list(conn, &filter, ALL)).expect("lists").items;
    found.into_iter().map(|list| (list.clone(), true_list(db, list.id))).collect()
}

/// What is on a list, of which the counters and the status are true.
pub(crate) fn true_list(db: &Database, id: ListId) -> Vec<Assignment> {
    let list = db.read(|conn| lists::get(conn, id)).expect("a list");
    let on_it = db.read(|conn| lists::assignments_of(conn, id)).expect("assignments");
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

/// How a machine's status has changed, and by whom.
fn changes_of(db: &Database, id: EquipmentId) -> Vec<(EquipmentStatus, EquipmentStatus, Option<UserId>)> {
    let own = status_changes::table.filter(status_changes::equipment_id.eq(id));
    let found: Vec<StatusChange> =
        query!(db, |c| own.order(status_changes::id).select(StatusChange::as_select()).load(c));
    found.into_iter().filter_map(|row| Some((row.from_status?, row.to_status, row.changed_by_id))).collect()
}

/// What was done to an object and by whom, in order.
fn done_to(db: &Database, world: &World, entity: &str, id: i64) -> Vec<(AuditAction, Option<UserId>)> {
    let mut lines = trail(db, world, json!({"entity_type": entity, "entity_id": id}));
    lines.reverse();
    lines.iter().map(|line| (line.action, line.actor_id)).collect()
}

fn last_line(db: &Database, world: &World, entity: &str, id: i64) -> AuditEntry {
    trail(db, world, json!({"entity_type": entity, "entity_id": id})).swap_remove(0)
}

/// An assessment with one verdict more, and nothing else of it changed.
fn with_verdict(before: &Assessment, by: &User, verdict: Verdict, world: &World) -> Assessment {
    let at = world.clock.now();
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

/// Carries a statement out that goes past every unit of work, and gives what the database says to it.
fn slip_in(db: &TestDatabase, statement: &str) -> Result<usize> {
    db.read(|conn| match conn {
        DbConnection::Postgres(c) => Ok(diesel::sql_query(statement).execute(c)?),
        DbConnection::Sqlite(c) => Ok(diesel::sql_query(statement).execute(c)?),
    })
}

/// A statement that the database must refuse because of a constraint of this name; nothing changes.
fn refused_by(db: &TestDatabase, constraint: &str, statement: &str) {
    let before = rows(db);
    let error = slip_in(db, statement).expect_err(statement);
    match &error {
        Error::Rule(rule) => {
            // Which one it was, is no more to be seen.
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

on_both_databases! {
    fn one_urgent_verdict_stops_the_machine_at_once_whatever_it_was_and_whatever_the_other_one_is(db: TestDatabase) {
        let (world, clock) = world();
        let yard = yard(&db, &world);
        for &before in EquipmentStatus::ALL {
            for verdicts in [[Operational, Operational], [Operational, Urgent], [Urgent, Operational], [Urgent, Urgent]] {
                for order in [[0, 1], [1, 0]] {
                    clock.advance_seconds(60);
                    let crane = equipment(&db, &world);
                    let asked = yard.asked(&db, &world, &crane, TODAY);
                    if before != Active {
                        yard.set_status(&db, &world, crane.id, before);
                    }
                    let changes = changes_of(&db, crane.id);
                    let [first, second] = order.map(|n| yard.team.both()[n]);
                    let case = format!("{before}: {verdicts:?} {order:?}");

                    clock.advance_seconds(60);
                    let one = verdict(&db, &world, first, asked.id, verdicts[0]).unwrap();
                    let mut expected = with_verdict(&asked, first, verdicts[0], &world);
                    let stopped_from = (before != Stopped).then_some(before);
                    if verdicts[0] == Urgent {
                        (expected.equipment_hold, expected.stopped_from) = (Some(Stopped), stopped_from);
                    }
                    assert_eq!(one, expected, "{case}");
                    assert_eq!(stored(&db, &yard.admin, asked.id), one, "{case}");
                    let seen = if verdicts[0] == Urgent { Stopped } else { before };
                    assert_eq!(status_of(&db, crane.id), seen, "nobody waits for the other: {case}");
                    assert_eq!(times_stopped(&db, asked.id, &yard.admin), usize::from(verdicts[0] == Urgent), "{case}");
                    assert_eq!(assignment(&db, asked.assignment_id).status, AssignmentStatus::AssessmentPending);
                    assert_eq!(pointed(&db, asked.id), [0_i64; 0], "{case}");

                    clock.advance_seconds(60);
                    let both = verdict(&db, &world, second, asked.id, verdicts[1]).unwrap();
                    let is_urgent = verdicts.contains(&Urgent);
                    let mut expected = with_verdict(&one, second, verdicts[1], &world);
                    expected.status = AssessmentStatus::Completed;
                    expected.decision = Some(if is_urgent { Urgent } else { Operational });
                    expected.resolved_by = Some(if verdicts[0] == verdicts[1] {
                        ResolvedBy::Agreement
                    } else {
                        ResolvedBy::SafetyRule
                    });
                    expected.resolved_at = Some(world.clock.now());
                    if is_urgent {
                        (expected.equipment_hold, expected.stopped_from) = (Some(Stopped), stopped_from);
                    }
                    assert_eq!(both, expected, "{case}");
                    assert_eq!(stored(&db, &yard.admin, asked.id), both, "{case}");
                    assert_eq!(status_of(&db, crane.id), if is_urgent { Stopped } else { before }, "{case}");
                    assert_eq!(times_stopped(&db, asked.id, &yard.admin), usize::from(is_urgent), "told once: {case}");
                    let done = assignment(&db, asked.assignment_id);
                    assert_eq!(
                        (done.status, done.completed_at),
                        (AssignmentStatus::Completed, Some(world.clock.now())),
                        "{case}"
                    );
                    assert_eq!(pointed(&db, asked.id), both_pointed(&asked), "{case}");

                    let mut expected = changes;
                    if is_urgent && before != Stopped {
                        let who = if verdicts[0] == Urgent { first } else { second };
                        expected.push((before, Stopped, Some(who.id)));
                    }
                    assert_eq!(changes_of(&db, crane.id), expected, "{case}");
                }
            }
        }
        let lists = true_lists(&db);
        let [(list, _)] = &lists[..] else { panic!("one list") };
        assert_eq!((list.status, list.completed_assets), (ListStatus::Completed, 40));
        assert_eq!(db.read(points::mismatches).unwrap(), []);
        for inspector in yard.team.both() {
            let now = db.read(|conn| users::get(conn, inspector.id)).unwrap();
            assert_eq!((now.total_points, now.inspector_points), (40, 40));
        }
    }

    fn admins_and_engineers_are_told_in_both_languages_that_a_machine_was_stopped(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let minor = |role: Role, minor: Role| {
            user_with(&db, &world, role, |body| body["minor_role"] = json!(minor))
        };
        let told = [
            yard.admin.clone(),
            user(&db, &world, Role::Admin),
            user(&db, &world, Role::Engineer),
            minor(Role::QualityEngineer, Role::Engineer),
            minor(Role::Specialist, Role::Engineer),
            minor(Role::Engineer, Role::QualityEngineer),
        ];
        let gone = [
            user(&db, &world, Role::Admin),
            user(&db, &world, Role::Engineer),
            minor(Role::Specialist, Role::Engineer),
        ];
        for somebody in &gone {
            act(&db, &world, &yard.admin, |tx| users::deactivate(tx, somebody.id)).unwrap();
        }
        for role in [Role::Inspector, Role::Specialist, Role::QualityEngineer] {
            user(&db, &world, role);
        }
        let crane = equipment(&db, &world);
        let asked = yard.asked(&db, &world, &crane, TODAY);
        verdict(&db, &world, &yard.team.electrical, asked.id, Urgent).unwrap();

        let found = told_about(&db, NotificationType::EquipmentStopped, asked.id.get());
        assert_eq!(
            found.iter().map(|told| told.user_id).collect::<Vec<_>>(),
            told.iter().map(|somebody| somebody.id).collect::<Vec<_>>()
        );
        for told in &found {
            assert_eq!(
                *told,
                Notification {
                    id: told.id,
                    user_id: told.user_id,
                    kind: NotificationType::EquipmentStopped,
                    title: "Equipment stopped".into(),
                    title_ar: "تم إيقاف معدة".into(),
                    message: format!("{} was stopped for safety: {URGENT_REASON}", crane.name),
                    message_ar: format!("تم إيقاف {} لدواعي السلامة: {URGENT_REASON}", crane.name),
                    related_type: Some("assessment".into()),
                    related_id: Some(asked.id.get()),
                    priority: NotificationPriority::Critical,
                    is_persistent: true,
                    action_url: Some(format!("/assessments/{}", asked.id)),
                    is_read: false,
                    read_at: None,
                    created_at: world.clock.now(),
                }
            );
        }
        let own = found.iter().find(|told| told.user_id == yard.admin.id).unwrap();
        let delete = || act(&db, &world, &yard.admin, |tx| notifications::delete(tx, own.id));
        assert_eq!(code(delete()), Code::RuleViolation, "it stays until it is read");

        verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).unwrap();
        assert_eq!(told_about(&db, NotificationType::EquipmentStopped, asked.id.get()), found, "once");
    }

    fn both_inspectors_are_asked_once_in_both_languages(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let assignment = listed(&db, &world, &yard.admin, &crane, TODAY);
        assigned(&db, &world, &yard.admin, assignment.id, &yard.team);
        half_submitted(&db, &world, &yard.team.electrical, assignment.id, &[]);
        let of = |actor: &User| db.read(|conn| assessments::of_assignment(conn, actor, assignment.id));
        assert_eq!(code(of(&yard.team.electrical)), Code::InvalidState, "a half is missing");
        assert_eq!(rows(&db)["final_assessments"], 0);
        half_submitted(&db, &world, &yard.team.mechanical, assignment.id, &[]);
        let asked = of(&yard.team.electrical).unwrap();
        let found = told_about(&db, NotificationType::AssessmentRequired, asked.id.get());
        let [mechanical, electrical] = &found[..] else { panic!("two are told: {found:?}") };
        assert_eq!([mechanical.user_id, electrical.user_id], yard.team.both().map(|inspector| inspector.id));
        for told in [mechanical, electrical] {
            assert_eq!((told.title.as_str(), told.title_ar.as_str()), ("Your verdict is needed", "مطلوب حكمك"));
            assert_eq!(
                told.message,
                format!("Both inspections of {} are complete: is it operational, or urgent?", crane.name)
            );
            assert_eq!(
                told.message_ar,
                format!("اكتمل فحصا {}: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟", crane.name)
            );
            assert_eq!((told.priority, told.is_persistent), (NotificationPriority::Urgent, false));
            assert_eq!(told.action_url, Some(format!("/assessments/{}", asked.id)));
        }
    }

    fn finishing_gives_each_inspector_one_point_and_counts_on_the_list(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let cranes = [equipment(&db, &world), equipment(&db, &world)];
        let asked = cranes.each_ref().map(|crane| yard.asked(&db, &world, crane, TODAY));
        let list = || true_lists(&db).swap_remove(0).0;
        assert_eq!((list().status, list().completed_assets), (ListStatus::FullyAssigned, 0));
        for (n, of) in asked.iter().enumerate() {
            for (inspector, done) in yard.team.both().into_iter().zip([n, n + 1]) {
                verdict(&db, &world, inspector, of.id, Operational).unwrap();
                assert_eq!(list().completed_assets, i64::try_from(done).unwrap());
            }
        }
        assert_eq!(list().status, ListStatus::Completed);
        for inspector in yard.team.both() {
            let ledger = db.read(|conn| points::list(conn, inspector.id, ALL)).unwrap().items;
            let lines: Vec<_> = ledger
                .iter()
                .map(|line| (line.amount, line.role, line.kind, line.related_type.as_deref(), line.related_id))
                .collect();
            let expected = [&asked[1], &asked[0]].map(|of| {
                (1, Role::Inspector, PointKind::Assessment, Some("assessment"), Some(of.id.get()))
            });
            assert_eq!(lines, expected);
        }
        assert_eq!(db.read(points::mismatches).unwrap(), []);
    }

    fn an_admin_decides_before_between_and_after_the_verdicts_and_points_are_given_once(db: TestDatabase) {
        let (world, clock) = world();
        let yard = yard(&db, &world);
        for decision in [Operational, Urgent] {
            for given in [vec![], vec![Operational], vec![Urgent], vec![Operational, Urgent], vec![Urgent, Urgent]] {
                let case = format!("{given:?}, then {decision}");
                let crane = equipment(&db, &world);
                let asked = yard.asked(&db, &world, &crane, TODAY);
                let mut before = asked.clone();
                for (inspector, given) in yard.team.both().into_iter().zip(&given) {
                    before = verdict(&db, &world, inspector, asked.id, *given).unwrap();
                }
                clock.advance_seconds(60);
                let decided = yard.decide(&db, &world, asked.id, decision).unwrap();
                let holds = decision == Urgent;
                assert_eq!(
                    decided,
                    Assessment {
                        status: AssessmentStatus::Completed,
                        decision: Some(decision),
                        resolved_by: Some(ResolvedBy::Admin),
                        resolved_at: Some(world.clock.now()),
                        decided_by_id: Some(yard.admin.id),
                        admin_notes: Some(notes(decision)),
                        equipment_hold: holds.then_some(Stopped),
                        stopped_from: holds.then_some(Active),
                        updated_at: world.clock.now(),
                        ..before.clone()
                    },
                    "{case}"
                );
                assert_eq!(stored(&db, &yard.admin, asked.id), decided, "{case}");
                let expected = if holds { Stopped } else { Active };
                assert_eq!(status_of(&db, crane.id), expected, "{case}");
                assert_eq!(assignment(&db, asked.assignment_id).status, AssignmentStatus::Completed, "{case}");
                assert_eq!(pointed(&db, asked.id), both_pointed(&asked), "{case}");
                for inspector in yard.team.both() {
                    let late = verdict(&db, &world, inspector, asked.id, Operational);
                    assert_eq!(code(late), Code::InvalidState, "too late: {case}");
                }
                // Again and again: the last one stands.
                for again in [Urgent, Urgent, Operational, Operational, Urgent, Operational] {
                    yard.decide(&db, &world, asked.id, again).unwrap();
                    let expected = if again == Urgent { Stopped } else { Active };
                    assert_eq!(status_of(&db, crane.id), expected, "{case}, and {again}");
                }
                assert_eq!(pointed(&db, asked.id), both_pointed(&asked), "never twice: {case}");
                true_lists(&db);
            }
        }
        assert_eq!(db.read(points::mismatches).unwrap(), []);
        for inspector in yard.team.both() {
            assert_eq!(db.read(|conn| users::get(conn, inspector.id)).unwrap().inspector_points, 10);
        }
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(yard.decide(&db, &world, nothing, Operational)), Code::NotFound);
    }

    fn an_admin_who_stops_a_machine_says_why_and_each_stop_is_told_once(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let asked = yard.asked(&db, &world, &crane, TODAY);
        yard.decide(&db, &world, asked.id, Urgent).unwrap();
        yard.decide(&db, &world, asked.id, Urgent).unwrap();
        let found = told_about(&db, NotificationType::EquipmentStopped, asked.id.get());
        let [told] = &found[..] else { panic!("one is told once: {found:?}") };
        assert_eq!(told.user_id, yard.admin.id);
        assert_eq!(told.message, format!("{} was stopped for safety: {}", crane.name, notes(Urgent)));
        assert_eq!(told.message_ar, format!("تم إيقاف {} لدواعي السلامة: {}", crane.name, notes(Urgent)));
        yard.decide(&db, &world, asked.id, Operational).unwrap();
        yard.decide(&db, &world, asked.id, Urgent).unwrap();
        assert_eq!(times_stopped(&db, asked.id, &yard.admin), 2, "it was stopped again");
        let by = Some(yard.admin.id);
        assert_eq!(
            changes_of(&db, crane.id),
            [(Active, Stopped, by), (Stopped, Active, by), (Active, Stopped, by)]
        );
    }

    fn operational_gives_a_machine_the_status_it_had_when_this_assessment_stopped_it(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for &before in EquipmentStatus::ALL {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            if before != Active {
                yard.set_status(&db, &world, crane.id, before);
            }
            verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).unwrap();
            let decided = yard.decide(&db, &world, asked.id, Operational).unwrap();
            assert_eq!((decided.equipment_hold, decided.stopped_from), (None, None), "{before}");
            assert_eq!((decided.released_at, decided.released_by_id), (None, None), "{before}");
            assert_eq!(status_of(&db, crane.id), before, "what an admin stopped stays so");
        }
    }

    fn a_machine_that_two_assessments_hold_is_stopped_until_the_last_lets_go_of_it(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for before in [Active, UnderMaintenance] {
            for order in [[0, 1], [1, 0]] {
                let crane = equipment(&db, &world);
                if before != Active {
                    yard.set_status(&db, &world, crane.id, before);
                }
                let asked = [TODAY, TOMORROW].map(|day| yard.asked(&db, &world, &crane, day));
                for of in &asked {
                    let judged = verdict(&db, &world, &yard.team.mechanical, of.id, Urgent).unwrap();
                    assert_eq!((judged.equipment_hold, judged.stopped_from), (Some(Stopped), Some(before)));
                    assert_eq!(times_stopped(&db, of.id, &yard.admin), 1);
                }
                let stops = changes_of(&db, crane.id).len();
                let [first, last] = order.map(|n| asked[n].id);
                yard.decide(&db, &world, first, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), Stopped, "the other holds it");
                yard.decide(&db, &world, first, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), Stopped);
                yard.decide(&db, &world, last, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), before);
                let changes = changes_of(&db, crane.id);
                assert_eq!(changes[stops..], [(Stopped, before, Some(yard.admin.id))]);
            }
        }
    }

    fn an_assessment_that_finds_nothing_wrong_lets_a_machine_stay_stopped_that_another_holds(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let [first, second] = [TODAY, TOMORROW].map(|day| yard.asked(&db, &world, &crane, day));
        verdict(&db, &world, &yard.team.mechanical, first.id, Urgent).unwrap();
        for inspector in yard.team.both() {
            verdict(&db, &world, inspector, second.id, Operational).unwrap();
        }
        yard.decide(&db, &world, second.id, Operational).unwrap();
        assert_eq!(status_of(&db, crane.id), Stopped);
        verdict(&db, &world, &yard.team.electrical, first.id, Operational).unwrap();
        assert_eq!(status_of(&db, crane.id), Stopped, "one urgent verdict is enough");
    }

    fn a_machine_that_an_admin_stopped_stays_so_whatever_is_decided(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let asked = [TODAY, TOMORROW].map(|day| yard.asked(&db, &world, &crane, day));
        yard.set_status(&db, &world, crane.id, Stopped);
        for of in &asked {
            verdict(&db, &world, &yard.team.electrical, of.id, Urgent).unwrap();
        }
        for of in &asked {
            yard.decide(&db, &world, of.id, Operational).unwrap();
            assert_eq!(status_of(&db, crane.id), Stopped);
        }
        for inspector in yard.team.both() {
            let released = verdict(&db, &world, inspector, asked[0].id, Operational);
            assert_eq!(code(released), Code::InvalidState);
        }
        assert_eq!(changes_of(&db, crane.id), [(Active, Stopped, Some(yard.admin.id))]);
    }

    fn an_admin_who_changes_the_status_of_a_machine_releases_it_and_it_is_kept_who_and_when(db: TestDatabase) {
        let (world, clock) = world();
        let yard = yard(&db, &world);
        let other = user(&db, &world, Role::Admin);
        for to in [Active, UnderMaintenance, Paused, OutOfService] {
            let crane = equipment(&db, &world);
            let asked = [TODAY, TOMORROW].map(|day| yard.asked(&db, &world, &crane, day));
            let judged = asked.each_ref().map(|of| {
                verdict(&db, &world, &yard.team.mechanical, of.id, Urgent).unwrap()
            });
            clock.advance_seconds(60);
            let named: EquipmentChanges = input(json!({"name": format!("Crane {to}"), "status": "stopped"}));
            act(&db, &world, &other, |tx| machines::update(tx, crane.id, named)).unwrap();
            assert_eq!(judged.each_ref().map(|of| stored(&db, &other, of.id)), judged, "the status is the same");
            if to == OutOfService {
                act(&db, &world, &other, |tx| machines::decommission(tx, crane.id)).unwrap();
            } else {
                set_status(&db, &world, &other, crane.id, to).unwrap();
            }
            assert_eq!(status_of(&db, crane.id), to);
            for before in judged {
                let released = stored(&db, &yard.admin, before.id);
                assert_eq!(
                    released,
                    Assessment {
                        equipment_hold: None,
                        stopped_from: None,
                        released_at: Some(world.clock.now()),
                        released_by_id: Some(other.id),
                        updated_at: world.clock.now(),
                        ..before
                    }
                );
                let line = last_line(&db, &world, "assessment", released.id.get());
                assert_eq!((line.action, line.actor_id), (AuditAction::Release, Some(other.id)));
                assert_eq!(line.changes.0["equipment_hold"], json!({"old": "stopped", "new": null}));
                assert_eq!(line.changes.0["stopped_from"], json!({"old": "active", "new": null}));
                assert_eq!(line.changes.0["released_by_id"], json!({"old": null, "new": other.id}));
                // It holds the machine no more, so it has nothing to release.
                yard.decide(&db, &world, released.id, Operational).unwrap();
                assert_eq!(status_of(&db, crane.id), to);
            }
            let by = Some(other.id);
            assert_eq!(changes_of(&db, crane.id)[1..], [(Stopped, to, by)]);
            assert_eq!(last_line(&db, &world, "equipment", crane.id.get()).actor_id, by);
        }
    }

    fn the_second_verdict_after_a_release_stops_the_machine_again(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        for second in [Operational, Urgent] {
            let crane = equipment(&db, &world);
            let asked = yard.asked(&db, &world, &crane, TODAY);
            verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).unwrap();
            yard.set_status(&db, &world, crane.id, Paused);
            let judged = verdict(&db, &world, &yard.team.electrical, asked.id, second).unwrap();
            assert_eq!(judged.decision, Some(Urgent), "one is enough");
            assert_eq!((judged.equipment_hold, judged.stopped_from), (Some(Stopped), Some(Paused)));
            assert_eq!((judged.released_at, judged.released_by_id), (None, None));
            assert_eq!(status_of(&db, crane.id), Stopped);
            assert_eq!(times_stopped(&db, asked.id, &yard.admin), 2);
            yard.decide(&db, &world, asked.id, Operational).unwrap();
            assert_eq!(status_of(&db, crane.id), Paused);
        }
    }

    fn the_trail_tells_of_every_step(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let asked = yard.asked(&db, &world, &crane, TODAY);
        let [mechanical, electrical] = yard.team.both();
        let lines_of = |entity: &str, id: i64| done_to(&db, &world, entity, id);
        let begun = lines_of("assignment", asked.assignment_id.get()).len();
        verdict(&db, &world, mechanical, asked.id, Urgent).unwrap();
        let line = last_line(&db, &world, "assessment", asked.id.get());
        assert_eq!(line.changes.0["mechanical_verdict"], json!({"old": null, "new": "urgent"}));
        assert_eq!(line.changes.0["equipment_hold"], json!({"old": null, "new": "stopped"}));
        assert_eq!(lines_of("assignment", asked.assignment_id.get()).len(), begun, "it isn't done yet");
        verdict(&db, &world, electrical, asked.id, Operational).unwrap();
        let line = last_line(&db, &world, "assessment", asked.id.get());
        assert_eq!(line.changes.0["decision"], json!({"old": null, "new": "urgent"}));
        assert_eq!(line.changes.0["resolved_by"], json!({"old": null, "new": "safety_rule"}));
        yard.decide(&db, &world, asked.id, Operational).unwrap();
        let line = last_line(&db, &world, "assessment", asked.id.get());
        assert_eq!(line.changes.0["decision"], json!({"old": "urgent", "new": "operational"}));
        assert_eq!(line.changes.0["admin_notes"], json!({"old": null, "new": notes(Operational)}));
        let (one, other, admin) = (Some(mechanical.id), Some(electrical.id), Some(yard.admin.id));
        assert_eq!(
            lines_of("assessment", asked.id.get()),
            [
                (AuditAction::Create, other),
                (AuditAction::Verdict, one),
                (AuditAction::Verdict, other),
                (AuditAction::Decide, admin),
            ]
        );
        assert_eq!(
            lines_of("equipment", crane.id.get())[1..],
            [(AuditAction::Stop, one), (AuditAction::Release, admin)]
        );
        assert_eq!(
            lines_of("assignment", asked.assignment_id.get())[begun..],
            [(AuditAction::Complete, other)]
        );
        for inspector in yard.team.both() {
            let awards = trail(&db, &world, json!({
                "entity_type": "user", "entity_id": inspector.id, "action": "award",
            }));
            let [award] = &awards[..] else { panic!("one award: {awards:?}") };
            assert_eq!(award.changes.0["reason"], json!({"old": null, "new": "assessment"}));
            assert_eq!(award.changes.0["inspector_points"], json!({"old": 0, "new": 1}));
        }
    }

    fn a_verdict_that_is_refused_changes_nothing(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let others = Role::ALL.iter().map(|role| user(&db, &world, *role)).collect::<Vec<_>>();
        let crane = equipment(&db, &world);
        let asked = yard.asked(&db, &world, &crane, TODAY);
        let [mechanical, electrical] = yard.team.both();
        let unchanged = |outcome: Result<Assessment>| {
            let now = stored(&db, &yard.admin, asked.id);
            (refusal(outcome), now, status_of(&db, crane.id), rows(&db))
        };
        let nothing_of = |code: Code, fields: &[&str], now: &Assessment, status, rows: &_| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
            ((code, fields), now.clone(), status, std::collections::BTreeMap::clone(rows))
        };
        let before = rows(&db);
        for stranger in others.iter().chain([&yard.admin]) {
            for given in [Operational, Urgent] {
                let outcome = verdict(&db, &world, stranger, asked.id, given);
                assert_eq!(
                    unchanged(outcome),
                    nothing_of(Code::Forbidden, &[], &asked, Active, &before),
                    "{}",
                    stranger.role
                );
            }
        }
        let nobody = db.write(&world, Origin::default(), |tx| {
            assessments::give_verdict(tx, asked.id, input(json!({"verdict": "operational"})))
        });
        assert_eq!(unchanged(nobody), nothing_of(Code::Forbidden, &[], &asked, Active, &before));
        let nobody = db.write(&world, Origin::default(), |tx| {
            assessments::decide(tx, asked.id, input(json!({"decision": "urgent", "notes": "!"})))
        });
        assert_eq!(unchanged(nobody), nothing_of(Code::Forbidden, &[], &asked, Active, &before));

        let short = |body: serde_json::Value| {
            let given: NewVerdict = input(body);
            act(&db, &world, mechanical, |tx| assessments::give_verdict(tx, asked.id, given))
        };
        let field = nothing_of(Code::ValidationError, &["urgent_reason"], &asked, Active, &before);
        assert_eq!(unchanged(short(json!({"verdict": "urgent"}))), field);
        assert_eq!(unchanged(short(json!({"verdict": "urgent", "urgent_reason": "It leaks."}))), field);
        let almost = "é".repeat(49);
        assert_eq!(unchanged(short(json!({"verdict": "urgent", "urgent_reason": almost}))), field);

        let judged = verdict(&db, &world, mechanical, asked.id, Urgent).unwrap();
        let before = rows(&db);
        for given in [Operational, Urgent] {
            let again = verdict(&db, &world, mechanical, asked.id, given);
            assert_eq!(unchanged(again), nothing_of(Code::InvalidState, &[], &judged, Stopped, &before));
        }
        let judged = verdict(&db, &world, electrical, asked.id, Operational).unwrap();
        let before = rows(&db);
        for inspector in yard.team.both() {
            let again = verdict(&db, &world, inspector, asked.id, Operational);
            assert_eq!(unchanged(again), nothing_of(Code::InvalidState, &[], &judged, Stopped, &before));
        }
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(verdict(&db, &world, mechanical, nothing, Operational)), Code::NotFound);
        assert_eq!(rows(&db), before);
    }

    fn fifty_characters_are_reason_enough_and_an_operational_verdict_keeps_none(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let asked = yard.asked(&db, &world, &equipment(&db, &world), TODAY);
        let enough = "خ".repeat(50);
        let given: NewVerdict = input(json!({"verdict": "urgent", "urgent_reason": enough}));
        let judged =
            act(&db, &world, &yard.team.mechanical, |tx| assessments::give_verdict(tx, asked.id, given)).unwrap();
        assert_eq!(judged.mechanical_reason, Some(enough));
        let judged = verdict(&db, &world, &yard.team.electrical, asked.id, Operational).unwrap();
        assert_eq!(judged.electrical_reason, None);
    }

    fn a_machine_that_an_assessment_holds_has_no_other_status_whoever_writes_it(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let crane = equipment(&db, &world);
        let asked = yard.asked(&db, &world, &crane, TODAY);
        verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).unwrap();
        for status in EquipmentStatus::ALL.iter().filter(|status| **status != Stopped) {
            refused_by(
                &db,
                STOPPED_FKEY,
                &format!("UPDATE equipment SET status = '{status}' WHERE id = {}", crane.id),
            );
        }
        refused_by(&db, STOPPED_FKEY, "UPDATE equipment SET status = 'active'");
        assert_eq!(status_of(&db, crane.id), Stopped);
        verdict(&db, &world, &yard.team.electrical, asked.id, Operational).unwrap();
        refused_by(&db, STOPPED_FKEY, "UPDATE equipment SET status = 'active'");
        // What isn't held may change, so it was the hold that kept the others from it.
        yard.decide(&db, &world, asked.id, Operational).unwrap();
        assert_eq!(slip_in(&db, "UPDATE equipment SET status = 'paused'").unwrap(), 1);
    }

    fn nothing_urgent_is_stored_that_does_not_hold_its_machine(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let [crane, other] = [equipment(&db, &world), equipment(&db, &world)];
        let asked = yard.asked(&db, &world, &crane, TODAY);
        let set = |what: &str| format!("UPDATE final_assessments SET {what} WHERE id = {}", asked.id);
        for half in ["mechanical", "electrical"] {
            let urgent = format!("{half}_verdict = 'urgent', {half}_reason = 'r', {half}_verdict_at = created_at");
            refused_by(&db, HOLDS_CHECK, &set(&urgent));
            // The machine runs, so it can't be held either.
            refused_by(&db, STOPPED_FKEY, &set(&format!("{urgent}, equipment_hold = 'stopped'")));
            refused_by(
                &db,
                "final_assessments_hold_check",
                &set(&format!("{urgent}, equipment_hold = 'active'")),
            );
        }
        let decided = |decision: &str, by: &str| {
            format!("status = 'completed', decision = '{decision}', resolved_by = '{by}', resolved_at = created_at")
        };
        let by_admin = format!(", decided_by_id = {}, admin_notes = 'n'", yard.admin.id);
        refused_by(&db, HOLDS_CHECK, &set(&(decided("urgent", "admin") + &by_admin)));
        // A hold without anything urgent, and on a machine that runs.
        refused_by(&db, HOLDS_CHECK, &set("equipment_hold = 'stopped'"));
        refused_by(&db, "final_assessments_stopped_check", &set("stopped_from = 'active'"));

        verdict(&db, &world, &yard.team.mechanical, asked.id, Urgent).unwrap();
        let held = stored(&db, &yard.admin, asked.id);
        // Letting go of it.
        refused_by(&db, HOLDS_CHECK, &set("equipment_hold = NULL, stopped_from = NULL"));
        refused_by(&db, "final_assessments_", &set("equipment_hold = NULL"));
        refused_by(&db, HOLDS_CHECK, &set("released_at = created_at"));
        refused_by(&db, "final_assessments_hold_check", &set("equipment_hold = 'active'"));
        refused_by(&db, STOPPED_FKEY, &set(&format!("equipment_id = {}", other.id)));
        refused_by(&db, "final_assessments_reasons_check", &set("mechanical_verdict = NULL, equipment_hold = NULL, stopped_from = NULL"));
        // Deciding otherwise.
        for by in ["agreement", "safety_rule"] {
            let let_go = ", equipment_hold = NULL, stopped_from = NULL";
            let second = ", electrical_verdict = 'operational', electrical_verdict_at = created_at";
            refused_by(&db, "final_assessments_", &set(&decided("operational", by)));
            refused_by(&db, SAFETY_CHECK, &set(&(decided("operational", by) + let_go)));
            refused_by(&db, SAFETY_CHECK, &set(&(decided("operational", by) + second + let_go)));
            refused_by(&db, SAFETY_CHECK, &set(&decided("urgent", by)));
        }
        let let_go = ", equipment_hold = NULL, stopped_from = NULL";
        refused_by(&db, "final_assessments_admin_check", &set(&(decided("operational", "admin") + let_go)));
        refused_by(&db, "final_assessments_completed_check", &set("status = 'completed'"));
        refused_by(&db, "final_assessments_completed_check", &set(&format!("decision = 'operational' {let_go}")));
        assert_eq!(stored(&db, &yard.admin, asked.id), held);
        assert_eq!(status_of(&db, crane.id), Stopped);
    }

    fn two_verdicts_that_are_operational_are_not_resolved_as_urgent(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let asked = yard.asked(&db, &world, &equipment(&db, &world), TODAY);
        for inspector in yard.team.both() {
            verdict(&db, &world, inspector, asked.id, Operational).unwrap();
        }
        yard.set_status(&db, &world, asked.equipment_id, Stopped);
        for by in ["agreement", "safety_rule"] {
            refused_by(&db, SAFETY_CHECK, &format!(
                "UPDATE final_assessments SET decision = 'urgent', resolved_by = '{by}', equipment_hold = 'stopped'"
            ));
        }
        refused_by(&db, "final_assessments_resolved_by_check", "UPDATE final_assessments SET resolved_by = 'nobody'");
    }

    fn an_assignment_has_one_assessment_and_an_assessment_gives_one_point(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let asked = yard.asked(&db, &world, &equipment(&db, &world), TODAY);
        refused_by(&db, "final_assessments_assignment_id_key", &format!(
            "INSERT INTO final_assessments (assignment_id, equipment_id, mechanical_inspector_id, \
             electrical_inspector_id, status, created_at, updated_at) \
             SELECT assignment_id, equipment_id, mechanical_inspector_id, electrical_inspector_id, status, \
             created_at, updated_at FROM final_assessments WHERE id = {}",
            asked.id
        ));
        yard.decide(&db, &world, asked.id, Operational).unwrap();
        for inspector in yard.team.both() {
            refused_by(&db, "point_entries_assessment_key", &format!(
                "INSERT INTO point_entries (user_id, role, amount, kind, related_type, related_id, created_at) \
                 SELECT user_id, role, amount, kind, related_type, related_id, created_at FROM point_entries \
                 WHERE user_id = {}",
                inspector.id
            ));
            refused_by(&db, "point_entries_assessment_key", &format!(
                "INSERT INTO point_entries (user_id, role, amount, kind, related_type, related_id, created_at) \
                 SELECT user_id, 'admin', 7, kind, related_type, related_id, created_at FROM point_entries \
                 WHERE user_id = {}",
                inspector.id
            ));
        }
    }

    fn counters_of_a_list_stay_within_bounds(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        yard.asked(&db, &world, &equipment(&db, &world), TODAY);
        for what in [
            "completed_assets = 2",
            "completed_assets = -1",
            "assigned_assets = 2",
            "assigned_assets = -1",
            "total_assets = 0",
            "assigned_assets = 0, completed_assets = 1",
        ] {
            refused_by(&db, "inspection_lists_counters_check", &format!("UPDATE inspection_lists SET {what}"));
        }
        refused_by(&db, "inspection_lists_status_check", "UPDATE inspection_lists SET status = 'done'");
        refused_by(&db, "inspection_assignments_completed_check", "UPDATE inspection_assignments SET status = 'completed'");
        refused_by(&db, "inspection_assignments_team_check", "UPDATE inspection_assignments SET status = 'unassigned'");
    }

    fn everybody_sees_the_assessments_that_are_theirs_to_see(db: TestDatabase) {
        let (world, _) = world();
        let yard = yard(&db, &world);
        let other = team(&db, &world);
        let [engineer, quality, specialist, stranger] =
            [Role::Engineer, Role::QualityEngineer, Role::Specialist, Role::Inspector]
                .map(|role| user(&db, &world, role));
        let minor = user_with(&db, &world, Role::Specialist, |body| body["minor_role"] = json!("engineer"));
        let cranes = [equipment(&db, &world), equipment(&db, &world), equipment(&db, &world)];
        let [first, second] = [0, 1].map(|n| yard.asked(&db, &world, &cranes[n], TODAY));
        let third = Yard { admin: yard.admin.clone(), team: other.clone() }.asked(&db, &world, &cranes[2], TODAY);
        verdict(&db, &world, &yard.team.mechanical, first.id, Operational).unwrap();
        yard.decide(&db, &world, second.id, Operational).unwrap();

        let listed = |actor: &User, body| {
            let filter: AssessmentFilter = filter(body);
            let page = db.read(|conn| assessments::list(conn, actor, &filter, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(&yard.admin, json!({})), [third.id, second.id, first.id], "newest first");
        assert_eq!(listed(&yard.admin, json!({"status": "pending"})), [third.id, first.id]);
        assert_eq!(listed(&yard.admin, json!({"status": "completed"})), [second.id]);
        for inspector in yard.team.both() {
            assert_eq!(listed(inspector, json!({})), [second.id, first.id]);
            assert_eq!(listed(inspector, json!({"status": "pending"})), [first.id]);
        }
        assert_eq!(listed(&other.electrical, json!({})), [third.id]);
        for somebody in [&engineer, &quality, &specialist, &stranger, &minor] {
            assert_eq!(listed(somebody, json!({})), [], "{}", somebody.role);
        }
        let pages = (1..=3).map(|page| {
            let filter: AssessmentFilter = filter(json!({}));
            let page = PageRequest { page, per_page: 2 };
            let page = db.read(|conn| assessments::list(conn, &yard.admin, &filter, page)).unwrap();
            assert_eq!(page.total, 3);
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        });
        assert_eq!(pages.collect::<Vec<_>>(), [vec![third.id, second.id], vec![first.id], vec![]]);

        let waiting = |actor: &User| {
            let page = db.read(|conn| assessments::waiting_for(conn, actor, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|of| of.id).collect::<Vec<_>>()
        };
        assert_eq!(waiting(&yard.team.mechanical), [], "given, or decided");
        assert_eq!(waiting(&yard.team.electrical), [first.id]);
        for inspector in other.both() {
            assert_eq!(waiting(inspector), [third.id]);
        }
        assert_eq!(waiting(&yard.admin), [], "an admin isn't asked");
        let fourth = yard.asked(&db, &world, &cranes[0], TOMORROW);
        assert_eq!(waiting(&yard.team.mechanical), [fourth.id]);
        assert_eq!(waiting(&yard.team.electrical), [first.id, fourth.id], "the oldest first");

        for reader in [&yard.admin, &engineer, &quality, &minor, &yard.team.mechanical, &yard.team.electrical] {
            assert_eq!(stored(&db, reader, second.id), stored(&db, &yard.admin, second.id));
        }
        for reader in [&specialist, &stranger, &other.mechanical] {
            assert_eq!(code(db.read(|conn| assessments::get(conn, reader, first.id))), Code::Forbidden);
        }
        let of = |actor: &User, id| db.read(|conn| assessments::of_assignment(conn, actor, id));
        for reader in [&yard.admin, &yard.team.mechanical, &yard.team.electrical] {
            assert_eq!(of(reader, first.assignment_id).unwrap().id, first.id);
        }
        for reader in [&engineer, &quality, &specialist, &stranger, &minor, &other.mechanical] {
            assert_eq!(code(of(reader, first.assignment_id)), Code::Forbidden, "{}", reader.role);
        }
        assert_eq!(code(of(&yard.admin, AssignmentId::new(9_999).unwrap())), Code::NotFound);
        let nothing = AssessmentId::new(9_999).unwrap();
        assert_eq!(code(db.read(|conn| assessments::get(conn, &yard.admin, nothing))), Code::NotFound);
        let required = told_to(&db, yard.team.mechanical.id);
        let asked = required.iter().filter(|told| told.kind == NotificationType::AssessmentRequired).count();
        assert_eq!(asked, 3);
    }
}
