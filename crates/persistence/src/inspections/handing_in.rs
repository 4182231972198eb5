//! Handing in: the submission of an inspection and everything that follows from it in the same
//! transaction (§5, §7, §9).
//!
//! The term covers four steps: *submit* records the result and the defects, *half* completes the
//! half of the assignment, *assessment* opens the final assessment with the second half, and
//! *takeover* ends an approved takeover of the assignment. The API names the command `submit`.

use diesel::{dsl::case_when, prelude::*, upsert::excluded};
use inspection_domain::{
    assignments::{Assignment, AssignmentCommand, AssignmentStatus},
    audit::AuditAction,
    defects::Defect,
    equipment::Equipment,
    ids::InspectionId,
    inspections::{Inspection, InspectionCommand, InspectionResult},
    notifications::{Notice, NotificationPriority, NotificationType},
    schema::equipment_weekly_completions as completions,
    time::Date,
    users::Category,
};

use crate::{
    Result, Tx, assessments,
    assignments::rows as assignment_rows,
    checklists::rows as checklist_rows,
    defects,
    equipment::rows as equipment_rows,
    inspections::{answers, rows},
    takeovers,
    users::rows as user_rows,
};

/// Submits an inspection: result, defects, the weekly count and the notifications, all or nothing
/// (§5). Locks the inspection and its assignment, before anything that refers to the machine is
/// written; after a failed answer, the machine and its unresolved defects of the failed questions.
/// Returns the inspection and the number of new defects.
pub fn submit(tx: &mut Tx<'_>, id: InspectionId) -> Result<(Inspection, usize)> {
    let before = rows::lock_for_actor(tx, id)?;
    before.status.after(InspectionCommand::Submit)?;
    let assignment = match before.assignment_id {
        Some(id) => Some(assignment_rows::lock(tx.conn, id)?),
        None => None,
    };
    let questions = checklist_rows::questions_of(tx.conn, &before)?;
    let given = answers::list(tx.conn, id)?;
    let answered = given.iter().map(|answer| Some(answer.answered_at));
    let at = tx.happened_after(answered.chain([Some(before.started_at)]));
    let mut submission = before.submit(&questions, &given, at)?;
    submission.inspection = submission.inspection.received(at, tx.now);
    rows::write(tx, AuditAction::Submit, &before, &submission.inspection)?;
    // Two inspections of a machine that fail the same question find one defect.
    let machine = if submission.failed.is_empty() {
        equipment_rows::get(tx.conn, before.equipment_id)?
    } else {
        equipment_rows::lock(tx.conn, before.equipment_id)?
    };
    let technician = match tx.actor() {
        Ok(actor) if actor.id == before.technician_id => actor.clone(),
        _ => user_rows::get(tx.conn, before.technician_id)?,
    };
    let found = defects::raise(tx, &submission, &machine, &technician)?;
    count_completion(tx, &machine, tx.calendar().working_day(at))?;
    if let (Some(assignment), Some(half)) = (assignment, before.category) {
        complete_half(tx, &assignment, half, &machine)?;
    }
    let result = submission.inspection.result.unwrap_or(InspectionResult::Pass);
    let again: Vec<&Defect> = found.again.iter().collect();
    let (english, arabic) =
        if again.is_empty() { ("none".to_owned(), "none".to_owned()) } else { defects::quoted(&again) };
    let notice = Notice::new(NotificationType::InspectionSubmitted)
        .with("inspector", technician.full_name.as_str())
        .with("equipment", machine.name.as_str())
        .with("result", result)
        .with("again", (english.as_str(), Some(arabic.as_str())))
        .about(&submission.inspection);
    let notice = if again.is_empty() { notice } else { notice.priority(NotificationPriority::Warning) };
    let mut admins = user_rows::active_admins(tx.conn)?;
    // An inspector who is an admin has the summary of the failed answers.
    let has_summary = !found.new.is_empty() || !again.is_empty();
    let actor = tx.actor_id();
    admins.retain(|admin| Some(*admin) != actor && !(has_summary && *admin == technician.id));
    tx.notify(admins, &notice);
    Ok((submission.inspection, found.new.len()))
}

/// Counts an inspection of a machine in the ISO week of its day (§5).
fn count_completion(tx: &mut Tx<'_>, machine: &Equipment, day: Date) -> Result<()> {
    let week = day.week();
    // Around midnight, the transaction that began first may commit last.
    let is_earlier = excluded(completions::last_completed_on).lt(completions::last_completed_on);
    let later = case_when(is_earlier, completions::last_completed_on)
        .otherwise(excluded(completions::last_completed_on));
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(completions::table)
        .values((
            completions::equipment_id.eq(machine.id),
            completions::iso_year.eq(week.year),
            completions::iso_week.eq(week.number),
            completions::completions.eq(1),
            completions::last_completed_on.eq(day),
        ))
        .on_conflict((completions::equipment_id, completions::iso_year, completions::iso_week))
        .do_update()
        .set((
            completions::completions.eq(completions::completions + 1),
            completions::last_completed_on.eq(later),
        ))
        .execute(c))?;
    Ok(())
}

/// Completes one half of an assignment, which is locked. With the second half, the assessment of
/// the machine is created, both inspectors are asked for their verdict, and a takeover ends (§5,
/// §7, §9).
fn complete_half(tx: &mut Tx<'_>, before: &Assignment, half: Category, machine: &Equipment) -> Result<()> {
    let complete = before.after(AssignmentCommand::Complete(half), tx.now)?;
    assignment_rows::write(tx, AuditAction::Complete, before, &complete)?;
    if complete.status == AssignmentStatus::BothComplete {
        let assessed = complete.after(AssignmentCommand::Assess, tx.now)?;
        assignment_rows::write(tx, AuditAction::Update, &complete, &assessed)?;
        assessments::create(tx, &assessed, machine)?;
        takeovers::finish_assignment(tx, &complete, machine)?;
    }
    Ok(())
}
