//! Quality reviews: lists and units of work (§8). Every change of a review locks its job.

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    files::Relation,
    ids::{FileId, JobId, ReviewId, UserId},
    input::{AnyOf, Invalid},
    jobs::{Job, JobCommand},
    notifications::NotificationType,
    page::{Page, PageRequest},
    points::{PointKind, another_decides},
    quality_reviews::{
        Approval, NewReview, QualityReview, Rejection, ReviewFilter, ReviewReassignment, ReviewRule,
        ReviewStatus, Validation, least_busy,
    },
    schema::quality_reviews as reviews,
    time::Instant,
    users::{Role, User},
};

use crate::{
    DbConnection, Error, Result, Tx,
    defects::rows as defect_rows,
    files::{self, rows as file_rows},
    jobs::{
        rows as job_rows,
        work::{JobWork, notice},
    },
    points::{self, Award},
    users::rows as user_rows,
};

/// Record type of rejections in `evidence`.
const EVIDENCE: &str = "quality_review";

/// Pending reviews.
fn pending_reviews() -> ReviewFilter {
    ReviewFilter { status: AnyOf::from_iter([ReviewStatus::Pending]), job_type: AnyOf::default() }
}

fn load_page(
    conn: &mut DbConnection,
    qe: Option<UserId>,
    filter: &ReviewFilter,
    overdue_at: Option<Instant>,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    paged!(
        conn,
        page,
        QualityReview,
        || {
            let mut query = reviews::table.into_boxed::<Backend>();
            filter_by!(query, { reviews::qe_id => qe });
            filter_any!(query, {
                reviews::status => filter.status,
                reviews::kind => filter.job_type,
            });
            if let Some(now) = overdue_at {
                query = query.filter(reviews::sla_deadline.lt(now));
            }
            query
        },
        reviews by desc [id]
    )
}

/// The quality engineer to whom a list is limited: the actor, or none for admins.
fn visible_to(actor: &User) -> Option<UserId> {
    (!actor.is_admin()).then_some(actor.id)
}

/// A page of reviews, the latest first: the actor's own, or all for admins (§8).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &ReviewFilter,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    load_page(conn, visible_to(actor), filter, None, page)
}

/// A page of the actor's pending reviews (§8).
pub fn pending(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<QualityReview>> {
    load_page(conn, Some(actor.id), &pending_reviews(), None, page)
}

/// A page of the reviews that are pending past their deadline: the actor's own, or all for admins
/// (§8).
pub fn overdue(
    conn: &mut DbConnection,
    actor: &User,
    now: Instant,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    load_page(conn, visible_to(actor), &pending_reviews(), Some(now), page)
}

/// One review, if the actor may see it, with the evidence of its rejection (§8).
pub fn get_visible(
    conn: &mut DbConnection,
    actor: &User,
    id: ReviewId,
) -> Result<(QualityReview, Vec<FileId>)> {
    let review = rows::get(conn, id)?;
    review.may_be_seen_by(actor)?;
    Ok((review, file_rows::list_evidence(conn, EVIDENCE, id.get())?))
}

/// Warns quality engineers of reviews that are pending past the deadline, once a day per review
/// (§8, §16). Locks up to `limit` reviews; returns their number.
pub(crate) fn warn_overdue(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let (now, today) = (tx.now, tx.today());
    let unwarned = reviews::table
        .filter(reviews::status.eq(ReviewStatus::Pending))
        .filter(reviews::sla_deadline.lt(now))
        .filter(reviews::sla_warned_on.is_null().or(reviews::sla_warned_on.lt(today)))
        .order(reviews::id)
        .limit(limit);
    let late: Vec<QualityReview> =
        lock_rows!(&mut *tx.conn, unwarned.select(QualityReview::as_select()), load)?;
    let ids: Vec<ReviewId> = late.iter().map(|review| review.id).collect();
    with_conn!(&mut *tx.conn, |c| diesel::update(reviews::table.filter(reviews::id.eq_any(ids)))
        .set(reviews::sla_warned_on.eq(today))
        .execute(c))?;
    let job_ids: Vec<JobId> = late.iter().map(|review| review.job_id).collect();
    let reviewed = job_rows::by_ids(tx.conn, &job_ids)?;
    for review in &late {
        let Some(job) = reviewed.iter().find(|job| job.id == review.job_id) else { continue };
        let warning =
            notice(NotificationType::SlaWarning, job).with("date", &tx.calendar().date(review.sla_deadline));
        tx.notify([review.qe_id], &warning);
    }
    Ok(late.len())
}

/// Assigns the review of a completed job, which is locked, to the quality engineer with the fewest
/// pending reviews; without a candidate the admins are notified (§8). `others` are the people the
/// same unit of work changes: all are locked together, in order, so that two jobs completed at once
/// don't choose the same engineer while another one is free. Returns the job with its reviewer.
pub(crate) fn request(tx: &mut Tx<'_>, job: &Job, others: &[UserId]) -> Result<Job> {
    let candidates = user_rows::active_with(tx.conn, &[Role::QualityEngineer])?;
    let ids: Vec<UserId> = candidates.iter().chain(others).copied().collect();
    let people = user_rows::lock_all(tx.conn, &ids)?;
    let loads = rows::count_pending(tx.conn, &candidates)?;
    let with_loads = people.iter().map(|person| (person, loads.get(&person.id).copied().unwrap_or(0)));
    let doers: Vec<UserId> = tx.actor_id().into_iter().chain([job.owner_id]).collect();
    if let Some(qe) = least_busy(with_loads, &doers) {
        let (after, _) = assign(tx, job, qe.id)?;
        return Ok(after);
    }
    let admins = user_rows::active_admins(tx.conn)?;
    tx.notify(admins, &notice(NotificationType::NoQualityEngineer, job));
    Ok(job.clone())
}

fn assign(tx: &mut Tx<'_>, job: &Job, qe: UserId) -> Result<(Job, QualityReview)> {
    let review = rows::insert(tx, &QualityReview::of(job, qe, tx.now))?;
    let after = job.reviewed_by(Some(qe), tx.now);
    job_rows::write(tx, AuditAction::Assign, job, &after)?;
    notify_assigned(tx, job, &review);
    Ok((after, review))
}

fn notify_assigned(tx: &mut Tx<'_>, job: &Job, review: &QualityReview) {
    let assigned = notice(NotificationType::QualityReviewAssigned, job)
        .with("date", &tx.calendar().date(review.sla_deadline))
        .about(review);
    tx.notify([review.qe_id], &assigned);
}

/// The quality engineer to whom an admin gives the review of a job, which is locked: active, not on
/// leave, and another user than those who have done the work (§8). Locks the account.
fn lock_reviewer(tx: &mut Tx<'_>, job: &Job, qe: UserId) -> Result<User> {
    let mut doers = job_rows::completed_for(tx.conn, job.id, job.owner_id)?;
    doers.push(job.owner_id);
    let found = user_rows::lock_all(tx.conn, &[qe])?;
    let fit = least_busy(found.iter().map(|person| (person, 0)), &doers).cloned();
    Ok(fit.ok_or_else(|| {
        Invalid::field(
            "qe_id",
            "must be an active quality engineer who isn't on leave and hasn't done the work",
        )
    })?)
}

/// Assigns the review of a completed job that has none to a quality engineer (§8). Locks the job
/// and the engineer.
pub fn create(tx: &mut Tx<'_>, new: &NewReview) -> Result<QualityReview> {
    let job = job_rows::lock(tx.conn, new.job_id)?;
    if new.job_type.is_some_and(|kind| kind != job.kind) {
        return Err(Error::not_found::<Job>());
    }
    job.status.after(JobCommand::ApproveQuality)?;
    if rows::is_under_review(tx.conn, job.id)? {
        return Err(ReviewRule::UnderReview.into());
    }
    let qe = lock_reviewer(tx, &job, new.qe_id)?;
    let (_, review) = assign(tx, &job, qe.id)?;
    Ok(review)
}

/// Gives a pending review to another quality engineer, by an admin; both are notified (§8). Locks
/// the job and the engineer.
pub fn reassign(tx: &mut Tx<'_>, id: ReviewId, reassignment: ReviewReassignment) -> Result<QualityReview> {
    let seen = rows::get(tx.conn, id)?;
    let job = job_rows::lock(tx.conn, seen.job_id)?;
    let before = rows::get(tx.conn, id)?;
    let after = before.given_to(reassignment.qe_id, tx.now)?;
    let qe = lock_reviewer(tx, &job, reassignment.qe_id)?;
    let changes = Changes::between(Some(&before), Some(&after));
    let changes = match reassignment.reason {
        Some(reason) => changes.with("reason", String::from(reason)),
        None => changes,
    };
    rows::write_with(tx, AuditAction::Reassign, &before, &after, changes)?;
    job_rows::write(tx, AuditAction::Assign, &job, &job.reviewed_by(Some(qe.id), tx.now))?;
    let reassigned = notice(NotificationType::QualityReviewReassigned, &job)
        .with("person", qe.full_name.as_str())
        .about(&after);
    tx.notify([before.qe_id], &reassigned);
    notify_assigned(tx, &job, &after);
    Ok(after)
}

/// A review, its job and the objects that the work changes, all locked.
fn lock_with_work(tx: &mut Tx<'_>, id: ReviewId) -> Result<(JobWork, QualityReview)> {
    let seen = rows::get(tx.conn, id)?;
    let work = JobWork::lock(tx, seen.job_id)?;
    Ok((work, rows::get(tx.conn, id)?))
}

/// Approves the work; the worker is notified (§8). Locks the machine, the defect and the job.
pub fn approve(tx: &mut Tx<'_>, id: ReviewId, approval: Approval) -> Result<QualityReview> {
    let (work, before) = lock_with_work(tx, id)?;
    before.may_be_done_by(tx.actor()?)?;
    let after = before.approve(approval, tx.now)?;
    let approved = work.job.approve_quality(after.qc_rating, tx.now)?;
    job_rows::write(tx, AuditAction::Approve, &work.job, &approved)?;
    rows::write(tx, AuditAction::Approve, &before, &after)?;
    let rating = after.qc_rating.unwrap_or_default();
    let approval = notice(NotificationType::QualityApproved, &work.job).with("rating", &rating);
    tx.notify([after.worker_id], &approval);
    Ok(after)
}

/// Rejects the work; the admins are notified, one of whom validates the rejection (§8). Locks the
/// machine, the defect, the job and the files.
pub fn reject(tx: &mut Tx<'_>, id: ReviewId, rejection: Rejection) -> Result<QualityReview> {
    let (work, before) = lock_with_work(tx, id)?;
    before.may_be_done_by(tx.actor()?)?;
    let ids = rejection.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let after = before.reject(rejection, tx.now)?;
    files::attach(tx, Relation::QualityReview(id), &files::named(&ids), |file| {
        file.may_prove_rejection(&before, &work.job)
    })?;
    rows::write(tx, AuditAction::Reject, &before, &after)?;
    file_rows::add_evidence(tx, EVIDENCE, id.get(), &ids)?;
    let rejected = notice(NotificationType::QualityRejectionPending, &work.job)
        .with("person", tx.actor_name()?)
        .with("reason", after.rejection_reason.as_deref().unwrap_or_default())
        .about(&after);
    let admins = user_rows::active_admins(tx.conn)?;
    tx.notify(admins, &rejected);
    Ok(after)
}

/// Validates a rejection, once: a right one sends the work back and costs the worker points; a
/// wrong one costs the quality engineer points, and the work is approved without a rating (§8).
/// Locks the machine, the defect, the job, and last the two accounts.
pub fn validate(tx: &mut Tx<'_>, id: ReviewId, validation: Validation) -> Result<QualityReview> {
    let (work, before) = lock_with_work(tx, id)?;
    another_decides(tx.actor()?.id, &[before.worker_id, before.qe_id])?;
    let is_valid = validation.admin_validation.is_valid();
    let after = before.validate(validation, tx.actor()?.id, tx.now)?;
    rows::write(tx, AuditAction::Validate, &before, &after)?;
    let job = if is_valid {
        let reason = after.rejection_reason.clone().unwrap_or_default();
        work.job.reject_quality(reason, tx.now)?
    } else {
        work.job.approve_quality(None, tx.now)?
    };
    job_rows::write(tx, AuditAction::Validate, &work.job, &job)?;
    // A defect that is open already stays open, and a later one stands for a resolved one.
    if let Some(defect) = work.defect.filter(|_| is_valid) {
        let later = defect_rows::find_later(tx.conn, &defect)?;
        if let Ok(reopened) = defect.rework(later.as_ref(), tx.now) {
            defect_rows::write(tx, AuditAction::Reopen, &defect, &reopened)?;
        }
    }
    let stakes = after.stakes();
    user_rows::lock_all(tx.conn, &stakes.map(|(user, _, _)| user))?;
    for (user_id, role, amount) in stakes {
        let award = Award::new(user_id, role, PointKind::Rejection).about(&after);
        points::award(tx, &Award { amount, ..award })?;
    }
    let validated =
        notice(NotificationType::RejectionValidated, &job).with("is_valid", is_valid).about(&after);
    tx.notify([after.qe_id, after.worker_id], &validated);
    Ok(after)
}
