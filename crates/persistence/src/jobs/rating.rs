//! After a job: the cleaning report with its rating, and the admin's bonus (§7).

use inspection_domain::{
    audit::AuditAction,
    files::Relation,
    ids::{FileId, JobId},
    jobs::{BonusRating, Cleaning, CleaningRating, Job, JobCommand, JobKind, JobRule, NewCleaning},
    points::{PointKind, another_decides},
};

use crate::{
    DbConnection, Result, Tx,
    files::{self, rows as file_rows},
    jobs::rows,
    points::{self, Award},
};

/// Record type of cleanings in `evidence`.
const EVIDENCE: &str = "cleaning";

/// The cleaning report of a repair, with its photos.
pub fn find_cleaning(conn: &mut DbConnection, id: JobId) -> Result<Option<(Cleaning, Vec<FileId>)>> {
    match rows::find_cleaning(conn, id)? {
        Some(cleaning) => Ok(Some((cleaning, file_rows::list_evidence(conn, EVIDENCE, id.get())?))),
        None => Ok(None),
    }
}

/// Reports how the place of a repair was left, with photos; a second report replaces the notes and
/// adds photos (§7). Locks the job and the files.
pub fn clean(tx: &mut Tx<'_>, id: JobId, report: NewCleaning) -> Result<(Job, Cleaning, Vec<FileId>)> {
    let job = rows::lock_for_actor(tx, JobKind::Specialist, id)?;
    let ids = report.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let before = find_cleaning(tx.conn, id)?.map(|(cleaning, _)| cleaning);
    let by = tx.actor()?.id;
    let cleaning = Cleaning::of(&job, report, before.as_ref(), by, tx.now)?;
    files::attach(tx, Relation::Cleaning(id), &files::named(&ids), |file| file.may_show_cleaning(&job))?;
    match &before {
        None => rows::insert_cleaning(tx, &cleaning)?,
        Some(before) => rows::write_cleaning(tx, AuditAction::Update, before, &cleaning)?,
    }
    file_rows::add_evidence(tx, EVIDENCE, id.get(), &ids)?;
    Ok((job, cleaning, file_rows::list_evidence(tx.conn, EVIDENCE, id.get())?))
}

/// Rates a cleaning, or changes its rating: the difference is booked on the specialist's points
/// (§7). Locks the job and the specialist.
pub fn rate_cleaning(tx: &mut Tx<'_>, id: JobId, rating: &CleaningRating) -> Result<(Job, Cleaning)> {
    let job = rows::lock_of_kind(tx.conn, JobKind::Specialist, id)?;
    job.status.after(JobCommand::Reward)?;
    let (before, _) = find_cleaning(tx.conn, id)?.ok_or(JobRule::NotCleaned)?;
    another_decides(tx.actor()?.id, &[before.cleaned_by_id])?;
    let after = before.rated(rating.cleaning_rating.get(), tx.actor()?.id, tx.now);
    rows::write_cleaning(tx, AuditAction::Rate, &before, &after)?;
    let award = Award::new(after.cleaned_by_id, job.kind.role(), PointKind::Cleaning).about(&job);
    let amount = after.rating_over(points::booked(tx.conn, &award)?);
    points::award(tx, &Award { amount, ..award })?;
    Ok((job, after))
}

/// Grants the admin's bonus of a job, or changes it: the difference is booked on the owner's points
/// (§7). Locks the job and the owner.
pub fn reward(tx: &mut Tx<'_>, kind: JobKind, id: JobId, bonus: &BonusRating) -> Result<Job> {
    let before = rows::lock_of_kind(tx.conn, kind, id)?;
    another_decides(tx.actor()?.id, &[before.owner_id])?;
    let after = before.rewarded(bonus.admin_bonus.get(), tx.now)?;
    rows::write(tx, AuditAction::Rate, &before, &after)?;
    let award = Award::new(after.owner_id, kind.role(), PointKind::JobBonus).about(&after);
    let amount = after.bonus_over(points::booked(tx.conn, &award)?);
    points::award(tx, &Award { amount, ..award })?;
    Ok(after)
}
