//! What is told and rated after a job: cleaning and bonus (rule book §7).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    files::Relation,
    ids::{FileId, JobId},
    jobs::{BonusRating, Cleaning, CleaningRating, Job, JobCommand, JobKind, JobRule, NewCleaning},
    points::PointKind,
    rule::NotFound,
    schema::job_cleanings as cleanings,
};

use super::{find_cleaning, locked, own, write};
use crate::{
    Result, Tx, files,
    points::{self, Award},
};

/// What cleanings are called among the records that rest on files.
pub(super) const EVIDENCE: &str = "cleaning";

/// Tells how the place of a repair was left, with photos; telling again replaces the notes and adds photos (§7).
pub fn clean(tx: &mut Tx<'_>, id: JobId, wanted: NewCleaning) -> Result<(Job, Cleaning, Vec<FileId>)> {
    let job = own(tx, JobKind::Specialist, id)?;
    let ids = wanted.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let before = find_cleaning(tx.conn, id)?.map(|(cleaning, _)| cleaning);
    let by = tx.actor()?.id;
    let cleaning = Cleaning::of(&job, wanted, before.as_ref(), by, tx.now)?;
    files::attach(tx, Relation::Cleaning(id), &files::named(&ids), |file| file.may_show_cleaning(&job))?;
    with_conn!(&mut *tx.conn, |c| match &before {
        None => diesel::insert_into(cleanings::table).values(&cleaning).execute(c)?,
        Some(_) => diesel::update(cleanings::table.find(id)).set(&cleaning).execute(c)?,
    });
    files::rest_on(tx, EVIDENCE, id.get(), &ids)?;
    let changes = Changes::between(before.as_ref(), Some(&cleaning));
    tx.audit(AuditAction::Update, "cleaning", id.get(), changes);
    Ok((job, cleaning, files::evidence_of(tx.conn, EVIDENCE, id.get())?))
}

/// Rates a cleaning, or rates it again: the difference goes to the specialist's points (§7).
pub fn rate_cleaning(tx: &mut Tx<'_>, id: JobId, rating: &CleaningRating) -> Result<(Job, Cleaning)> {
    let job = Some(locked(tx, id)?).filter(|job| job.kind == JobKind::Specialist).ok_or(NotFound("job"))?;
    job.status.after(JobCommand::Reward)?;
    let (before, _) = find_cleaning(tx.conn, id)?.ok_or(JobRule::NotCleaned)?;
    let after = before.rated(rating.cleaning_rating.get(), tx.actor()?.id, tx.now);
    with_conn!(&mut *tx.conn, |c| diesel::update(cleanings::table.find(id)).set(&after).execute(c))?;
    tx.audit(AuditAction::Rate, "cleaning", id.get(), Changes::between(Some(&before), Some(&after)));
    let related = Some((job.kind.names().0, id.get()));
    let (user_id, role, kind) = (after.cleaned_by_id, job.kind.role(), PointKind::Cleaning);
    let award = Award { user_id, role, amount: 0, kind, related };
    let amount = after.rating_over(points::booked(tx.conn, &award)?);
    points::award(tx, &Award { amount, ..award })?;
    Ok((job, after))
}

/// Gives an admin's bonus, or another one: the difference goes to the owner's points (§7).
pub fn reward(tx: &mut Tx<'_>, kind: JobKind, id: JobId, bonus: &BonusRating) -> Result<Job> {
    let before = Some(locked(tx, id)?).filter(|job| job.kind == kind).ok_or(NotFound("job"))?;
    let after = before.rewarded(bonus.admin_bonus.get(), tx.now)?;
    write(tx, AuditAction::Rate, &before, &after)?;
    let related = Some((kind.names().0, id.get()));
    let award =
        Award { user_id: after.owner_id, role: kind.role(), amount: 0, kind: PointKind::JobBonus, related };
    let amount = after.bonus_over(points::booked(tx.conn, &award)?);
    points::award(tx, &Award { amount, ..award })?;
    Ok(after)
}
