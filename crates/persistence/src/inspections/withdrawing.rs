//! Deleting drafts, and taking assignments back: from their teams or a member, from their lists,
//! and with their machines (§1, §2, §4, §5).

use diesel::prelude::*;
use inspection_domain::{
    assignments::{AssignTeam, Assignment, replacing::Replacement},
    audit::{AuditAction, Changes},
    daily_lists::InspectionList,
    equipment::Equipment,
    ids::{AssignmentId, EquipmentId, InspectionId, UserId},
    inspections::{Inspection, InspectionCommand},
    schema::{inspection_answers, inspections},
};

use super::{answers, rows};
use crate::{
    Result, Tx,
    assignments::{self, notices, rows as assignment_rows},
    daily_lists::{self, rows as list_rows},
    db::{database::one_row, error::ConcurrentUpdate},
    equipment::rows as equipment_rows,
    takeovers,
};

/// Locks these assignments, after the drafts of their halves.
fn lock(tx: &mut Tx<'_>, ids: &[AssignmentId]) -> Result<(Vec<Inspection>, Vec<Assignment>)> {
    let found = rows::drafts_of_assignments(tx.conn, ids)?;
    let drafts = rows::lock_all(tx.conn, &found)?;
    let assignments = assignment_rows::lock_all(tx.conn, ids)?;
    // A half that was begun meanwhile would be lost.
    if rows::drafts_of_assignments(tx.conn, ids)? != found || drafts.len() != found.len() {
        return Err(ConcurrentUpdate.into());
    }
    Ok((drafts, assignments))
}

/// Assigns a team; an admin also replaces members of a team that has begun (§1, §4). Locks the
/// assignment, its list and the inspectors.
pub fn assign(tx: &mut Tx<'_>, id: AssignmentId, team: &AssignTeam) -> Result<Assignment> {
    let found = assignment_rows::get(tx.conn, id)?;
    if found.is_replaced_by(tx.actor()?) {
        return replace(tx, id, team);
    }
    let after = assignments::assign(tx, id, team)?;
    if found.is_takeover && !after.is_takeover {
        takeovers::expire(tx, None, Some(id))?;
    }
    Ok(after)
}

/// Replaces members of a team that has begun: the drafts of those who lose their seat are
/// discarded, and the team is notified. Locks the drafts, the assignment, its list and the
/// inspectors.
fn replace(tx: &mut Tx<'_>, id: AssignmentId, team: &AssignTeam) -> Result<Assignment> {
    let (drafts, assignments) = lock(tx, &[id])?;
    let [before] = assignments.as_slice() else { return Err(ConcurrentUpdate.into()) };
    let list = list_rows::lock(tx.conn, before.list_id)?;
    let today = tx.today();
    let candidates = assignments::lock_candidates(tx, team, before.target_date.max(today))?;
    let begun: Vec<_> =
        drafts.iter().filter_map(|draft| Some((draft.category?, draft.technician_id))).collect();
    let taker = takeovers::taker_of(tx.conn, id)?;
    let replacement = Replacement { team, begun: &begun, taker, today };
    let after = before.with_replaced_team(replacement, &candidates, tx.actor()?.id, tx.now)?;
    tx.warn(before.warnings_about(team, &candidates));
    if after == *before {
        return Ok(after);
    }
    let stays = |draft: &&Inspection| {
        draft.category.is_some_and(|half| after.inspector(half) == Some(draft.technician_id))
    };
    for draft in drafts.iter().filter(|draft| !stays(draft)) {
        discard(tx, draft)?;
    }
    if taker.is_some_and(|taker| !after.team().contains(&Some(taker))) {
        takeovers::expire(tx, None, Some(id))?;
    }
    assignment_rows::write(tx, AuditAction::Assign, before, &after)?;
    rows::write_partners(tx.conn, &after)?;
    daily_lists::recount(tx, &list)?;
    notices::seats_changed(tx, &[(before, Some(&after))])?;
    Ok(after)
}

/// Withdraws the team of an assignment of which nothing is submitted; its drafts are discarded, its
/// takeovers end, and the team is notified (§4). Locks the drafts, the assignment and its list.
pub fn unassign(tx: &mut Tx<'_>, id: AssignmentId) -> Result<Assignment> {
    assignment_rows::get(tx.conn, id)?;
    let (drafts, assignments) = lock(tx, &[id])?;
    let [before] = assignments.as_slice() else { return Err(ConcurrentUpdate.into()) };
    let after = before.unassigned(tx.now)?;
    let list = list_rows::lock(tx.conn, before.list_id)?;
    for draft in &drafts {
        discard(tx, draft)?;
    }
    let machine = equipment_rows::get(tx.conn, before.equipment_id)?;
    takeovers::close(tx, before, &machine)?;
    assignment_rows::write(tx, AuditAction::Unassign, before, &after)?;
    daily_lists::recount(tx, &list)?;
    notices::seats_changed(tx, &[(before, Some(&after))])?;
    Ok(after)
}

/// Teams that may be withdrawn: their assignments, drafts and lists, which are locked.
pub(crate) struct HeldTeams {
    drafts: Vec<Inspection>,
    assignments: Vec<Assignment>,
    lists: Vec<InspectionList>,
}

impl HeldTeams {
    /// Locks the drafts, the assignments and their lists.
    pub(crate) fn lock(tx: &mut Tx<'_>, ids: &[AssignmentId]) -> Result<Self> {
        let (drafts, assignments) = lock(tx, ids)?;
        let lists = list_rows::lock_all(tx.conn, assignments.iter().map(|assignment| assignment.list_id))?;
        Ok(Self { drafts, assignments, lists })
    }

    /// Whether another member than this one has begun a half.
    pub(crate) fn is_begun_beside(&self, id: AssignmentId, absent: UserId) -> bool {
        self.drafts.iter().any(|draft| draft.assignment_id == Some(id) && draft.technician_id != absent)
    }

    /// Withdraws the teams of these of the assignments, because one of each is absent: drafts are
    /// discarded, takeovers end, and the teams are notified (§10). Fails with a concurrent update
    /// if one is not locked.
    pub(crate) fn withdraw(&self, tx: &mut Tx<'_>, ids: &[AssignmentId]) -> Result<()> {
        let held = self.assignments.iter().filter(|assignment| ids.contains(&assignment.id));
        let held: Vec<&Assignment> = held.collect();
        if held.len() != ids.len() {
            return Err(ConcurrentUpdate.into());
        }
        let machines =
            equipment_rows::by_ids(tx.conn, held.iter().map(|assignment| assignment.equipment_id))?;
        let mut withdrawn = Vec::with_capacity(held.len());
        for before in held {
            let after = before.unassigned(tx.now)?;
            for draft in self.drafts.iter().filter(|draft| draft.assignment_id == Some(before.id)) {
                discard(tx, draft)?;
            }
            if let Some(machine) = machines.get(&before.equipment_id) {
                takeovers::close(tx, before, machine)?;
            }
            assignment_rows::write(tx, AuditAction::Unassign, before, &after)?;
            withdrawn.push((before, after));
        }
        for list in &self.lists {
            daily_lists::recount(tx, list)?;
        }
        let seats: Vec<_> = withdrawn.iter().map(|(before, after)| (*before, Some(after))).collect();
        notices::seats_changed(tx, &seats)
    }
}

/// Removes an assignment that no inspection was started for from its list; the team is notified
/// (§4). Locks the assignment and its list.
pub fn remove(tx: &mut Tx<'_>, id: AssignmentId) -> Result<()> {
    let before = assignment_rows::lock(tx.conn, id)?;
    before.may_be_removed()?;
    let machine = equipment_rows::get(tx.conn, before.equipment_id)?;
    cancel(tx, &[before], &machine)
}

/// Cancels the assignments of a machine of which nothing is submitted, because the machine is taken
/// out of service: drafts are discarded, and the teams are notified (§2). Locks the drafts, the
/// assignments and their lists, so the machine is locked afterwards. Returns the number.
pub(crate) fn cancel_all(tx: &mut Tx<'_>, id: EquipmentId) -> Result<usize> {
    let ids = assignment_rows::ids_without_submission(tx.conn, id)?;
    if ids.is_empty() {
        return Ok(0);
    }
    let (drafts, assignments) = lock(tx, &ids)?;
    if assignments.len() != ids.len() || !assignments.iter().all(Assignment::is_without_submission) {
        return Err(ConcurrentUpdate.into());
    }
    for draft in &drafts {
        discard(tx, draft)?;
    }
    let machine = equipment_rows::get(tx.conn, id)?;
    cancel(tx, &assignments, &machine)?;
    Ok(ids.len())
}

/// Deletes assignments of a machine, which are locked and have no inspections, with the requests to
/// take them over; the audit trail keeps both.
fn cancel(tx: &mut Tx<'_>, assignments: &[Assignment], machine: &Equipment) -> Result<()> {
    let lists = list_rows::lock_all(tx.conn, assignments.iter().map(|assignment| assignment.list_id))?;
    for before in assignments {
        takeovers::close(tx, before, machine)?;
        takeovers::delete_all(tx, before.id)?;
        assignment_rows::delete(tx, before)?;
    }
    for list in &lists {
        daily_lists::recount(tx, list)?;
    }
    let seats: Vec<_> = assignments.iter().map(|before| (before, None)).collect();
    notices::seats_changed(tx, &seats)
}

/// Deletes a draft with its answers (§5). Locks the inspection.
pub fn delete(tx: &mut Tx<'_>, id: InspectionId) -> Result<()> {
    let before = rows::lock_for_actor(tx, id)?;
    discard(tx, &before)
}

/// Deletes a draft, which is locked, with its answers. The audit trail keeps them.
pub(crate) fn discard(tx: &mut Tx<'_>, before: &Inspection) -> Result<()> {
    let id = before.id;
    before.status.after(InspectionCommand::Delete)?;
    let given = answers::list(tx.conn, id)?;
    answers::release_photos(tx, &given)?;
    let draft = inspections::table.find(id).filter(inspections::status.eq(before.status));
    let deleted = with_conn!(&mut *tx.conn, |c| {
        let of_draft = inspection_answers::table.filter(inspection_answers::inspection_id.eq(id));
        diesel::delete(of_draft).execute(c)?;
        diesel::delete(draft).execute(c)
    })?;
    one_row(deleted)?;
    let changes = Changes::between(Some(before), None);
    let changes = if given.is_empty() { changes } else { changes.without("answers", &given) };
    tx.record_with(AuditAction::Delete, Some(before), None, changes);
    Ok(())
}
