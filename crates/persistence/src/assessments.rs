//! Final assessments: reads, and units of work from the question to the decision.

use diesel::prelude::*;
use inspection_domain::{
    assessments::{AdminDecision, Assessment, AssessmentFilter, AssessmentStatus, NewVerdict, lists_all},
    assignments::{Assignment, AssignmentCommand},
    audit::{AuditAction, Changes},
    daily_lists::InspectionList,
    equipment::{Equipment, EquipmentStatus},
    ids::{AssessmentId, AssignmentId, EquipmentId},
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    rule::NotFound,
    schema::final_assessments as assessments,
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx, assignments, daily_lists,
    db::database::one_row,
    db::error::ConcurrentUpdate,
    equipment,
    points::{self, Award},
    users,
};

/// A page of assessments, newest first: all for an admin, else those the actor is asked in.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &AssessmentFilter,
    page: PageRequest,
) -> Result<Page<Assessment>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = assessments::table.into_boxed::<Backend>();
            filter_by!(query, { assessments::status => filter.status });
            if !lists_all(actor) {
                let own = assessments::mechanical_inspector_id
                    .eq(actor.id)
                    .or(assessments::electrical_inspector_id.eq(actor.id));
                query = query.filter(own);
            }
            query
        };
        let items = filtered()
            .order(assessments::id.desc())
            .select(Assessment::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// A page of the assessments that wait for the actor's verdict, the oldest first.
pub fn waiting_for(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Assessment>> {
    let (items, total) = with_conn!(conn, |c| {
        let mechanical =
            assessments::mechanical_inspector_id.eq(actor.id).and(assessments::mechanical_verdict.is_null());
        let electrical =
            assessments::electrical_inspector_id.eq(actor.id).and(assessments::electrical_verdict.is_null());
        let waiting = assessments::table
            .filter(mechanical.or(electrical))
            .filter(assessments::status.eq(AssessmentStatus::Pending));
        let items = waiting
            .order(assessments::id)
            .select(Assessment::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, waiting.count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

pub(crate) fn get(conn: &mut DbConnection, id: AssessmentId) -> Result<Assessment> {
    with_conn!(conn, |c| assessments::table.find(id).select(Assessment::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("assessment").into())
}

/// One assessment, if the actor may see it.
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: AssessmentId) -> Result<Assessment> {
    let assessment = get(conn, id)?;
    assessment.may_be_seen_by(actor)?;
    Ok(assessment)
}

/// Makes the assessment of an assignment, which is locked, and asks both inspectors (§9).
pub(crate) fn make(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<()> {
    let (Some(mechanical), Some(electrical)) =
        (assignment.mechanical_inspector_id, assignment.electrical_inspector_id)
    else {
        return Err(ConcurrentUpdate.into());
    };
    let new = Assessment::of(assignment, [mechanical, electrical], tx.now);
    let made: Assessment = with_conn!(&mut *tx.conn, |c| diesel::insert_into(assessments::table)
        .values(&new)
        .returning(Assessment::as_returning())
        .get_result(c))?;
    let machine = equipment::get(tx.conn, made.equipment_id)?;
    let notice = Notice::new(NotificationType::AssessmentRequired)
        .with("equipment", machine.name.as_str())
        .about("assessment", made.id.get(), "/assessments");
    tx.notify(made.inspectors(), &notice);
    tx.audit(AuditAction::Create, "assessment", made.id.get(), Changes::between(None, Some(&made)));
    Ok(())
}

/// The assessment of an assignment, for its team and admins: handing in the second half has made it (§9).
pub fn get_visible_by_assignment(
    conn: &mut DbConnection,
    actor: &User,
    id: AssignmentId,
) -> Result<Assessment> {
    let assignment = assignments::get(conn, id)?;
    assignment.may_be_assessed_by(actor)?;
    let made: Option<Assessment> = with_conn!(conn, |c| assessments::table
        .filter(assessments::assignment_id.eq(id))
        .select(Assessment::as_select())
        .first(c))
    .optional()?;
    match made {
        Some(assessment) => Ok(assessment),
        // Not yet: the status says why.
        None => Err(assignment
            .status
            .after(AssignmentCommand::Assess)
            .err()
            .map_or(ConcurrentUpdate.into(), Into::into)),
    }
}

/// An assessment under judgement, and what follows from it; everything is locked, in the order in which all lock.
struct Case {
    assignment: Assignment,
    list: InspectionList,
    machine: Equipment,
    assessment: Assessment,
}

impl Case {
    fn open(tx: &mut Tx<'_>, id: AssessmentId) -> Result<Self> {
        let seen = get(tx.conn, id)?;
        let assignment = assignments::locked(tx.conn, seen.assignment_id)?;
        let list = daily_lists::locked(tx.conn, assignment.list_id)?;
        let machine = equipment::locked(tx.conn, seen.equipment_id)?;
        let assessment =
            lock_rows!(&mut *tx.conn, assessments::table.find(id).select(Assessment::as_select()), first)?;
        Ok(Self { assignment, list, machine, assessment })
    }

    /// Writes what became of the assessment and everything that follows: the machine's status, whoever must know, and
    /// with the decision the end of the assignment and the points (§9). Every verdict and every decision goes through here.
    fn settle(self, tx: &mut Tx<'_>, action: AuditAction, judged: &Assessment) -> Result<Assessment> {
        let before = self.assessment;
        let mut holding = holding(tx.conn, self.machine.id)?;
        holding.retain(|other| other.id != before.id);
        let (after, status) = judged.settled(self.machine.status, &holding);
        // An assessment holds only a machine that is stopped, so which of the two is written first depends.
        if after.equipment_hold.is_some() {
            equipment::become_status(tx, &self.machine, status)?;
            write(tx, action, &before, &after)?;
        } else {
            write(tx, action, &before, &after)?;
            equipment::become_status(tx, &self.machine, status)?;
        }
        if before.equipment_hold.is_none() && after.equipment_hold.is_some() {
            let notice = Notice::new(NotificationType::EquipmentStopped)
                .with("equipment", self.machine.name.as_str())
                .with("reason", after.urgent_reason().as_str())
                .about("assessment", after.id.get(), "/assessments");
            let told = users::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
            tx.notify(told, &notice);
        }
        if before.status == AssessmentStatus::Pending && after.status == AssessmentStatus::Completed {
            assignments::finish(tx, &self.assignment, &self.list)?;
            users::held(tx.conn, &after.inspectors())?;
            for user_id in after.inspectors() {
                let related = Some(("assessment", after.id.get()));
                let (role, kind) = (Role::Inspector, PointKind::Assessment);
                points::award(tx, &Award { user_id, role, amount: 1, kind, related })?;
            }
        }
        Ok(after)
    }
}

/// The assessments that hold a machine.
fn holding(conn: &mut DbConnection, machine: EquipmentId) -> Result<Vec<Assessment>> {
    Ok(with_conn!(conn, |c| assessments::table
        .filter(assessments::equipment_id.eq(machine))
        .filter(assessments::equipment_hold.eq(EquipmentStatus::Stopped))
        .order(assessments::id)
        .select(Assessment::as_select())
        .load(c))?)
}

fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Assessment, after: &Assessment) -> Result<()> {
    let seen = assessments::table.find(before.id).filter(assessments::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.audit(action, "assessment", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// Takes the verdict of one of the two inspectors (§9).
pub fn give_verdict(tx: &mut Tx<'_>, id: AssessmentId, given: NewVerdict) -> Result<Assessment> {
    let case = Case::open(tx, id)?;
    let half = case.assessment.half_of(tx.actor()?)?;
    let (verdict, reason) = given.checked()?;
    let judged = case.assessment.with_verdict(half, verdict, reason, tx.now)?;
    case.settle(tx, AuditAction::Verdict, &judged)
}

/// Decides an assessment, or decides it again, as the actor, an admin (§9).
pub fn decide(tx: &mut Tx<'_>, id: AssessmentId, decision: AdminDecision) -> Result<Assessment> {
    let case = Case::open(tx, id)?;
    let judged = case.assessment.decided(decision, tx.actor()?.id, tx.now);
    case.settle(tx, AuditAction::Decide, &judged)
}

/// Makes every assessment let go of a machine, which is locked, since its status is changed by hand (§2).
pub(crate) fn release_hold(tx: &mut Tx<'_>, machine: EquipmentId) -> Result<()> {
    for before in holding(tx.conn, machine)? {
        let after = before.released(tx.actor_id(), tx.now);
        write(tx, AuditAction::Release, &before, &after)?;
    }
    Ok(())
}
