//! Quality reviews: reads, and units of work (rule book §8).

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    files::Relation,
    ids::{FileId, JobId, ReviewId, UserId},
    jobs::Job,
    notifications::NotificationType,
    page::{Page, PageRequest},
    points::PointKind,
    quality_reviews::{
        Approval, NewReview, QualityReview, Rejection, ReviewFilter, ReviewRule, ReviewStatus, Validation,
        least_busy,
    },
    rule::NotFound,
    schema::quality_reviews as reviews,
    time::Instant,
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx,
    db::database::one_row,
    defects, files,
    jobs::{self, Work},
    points::{self, Award},
    users,
};

/// What rejections are called among the records that rest on files.
const EVIDENCE: &str = "quality_review";

fn pages(
    conn: &mut DbConnection,
    qe: Option<UserId>,
    filter: &ReviewFilter,
    overdue_at: Option<Instant>,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = reviews::table.into_boxed::<Backend>();
            filter_by!(query, {
                reviews::qe_id => qe,
                reviews::status => filter.status,
                reviews::kind => filter.job_type,
            });
            if let Some(now) = overdue_at {
                query = query.filter(reviews::sla_deadline.lt(now));
            }
            query
        };
        let items = filtered()
            .order(reviews::id.desc())
            .select(QualityReview::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

fn own(actor: &User) -> Option<UserId> {
    (!actor.is_admin()).then_some(actor.id)
}

/// A page of reviews, the latest first: one's own, or everybody's for admins (§8).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &ReviewFilter,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    pages(conn, own(actor), filter, None, page)
}

const PENDING: ReviewFilter = ReviewFilter { status: Some(ReviewStatus::Pending), job_type: None };

/// A page of the reviews that wait for the actor (§8).
pub fn pending(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<QualityReview>> {
    pages(conn, Some(actor.id), &PENDING, None, page)
}

/// A page of the reviews that are pending past their deadline: one's own, or everybody's for admins (§8).
pub fn overdue(
    conn: &mut DbConnection,
    actor: &User,
    now: Instant,
    page: PageRequest,
) -> Result<Page<QualityReview>> {
    pages(conn, own(actor), &PENDING, Some(now), page)
}

/// Warns the quality engineers of their reviews that are pending past the deadline, of each once a day (§8, §16). At most so
/// many reviews; says how many.
pub(crate) fn warn_overdue(tx: &mut Tx<'_>, at_most: i64) -> Result<usize> {
    let (now, today) = (tx.now, tx.today());
    let unwarned = reviews::table
        .filter(reviews::status.eq(ReviewStatus::Pending))
        .filter(reviews::sla_deadline.lt(now))
        .filter(reviews::sla_warned_on.is_null().or(reviews::sla_warned_on.lt(today)))
        .order(reviews::id)
        .limit(at_most);
    let late: Vec<QualityReview> =
        lock_rows!(&mut *tx.conn, unwarned.select(QualityReview::as_select()), load)?;
    let ids: Vec<ReviewId> = late.iter().map(|review| review.id).collect();
    with_conn!(&mut *tx.conn, |c| diesel::update(reviews::table.filter(reviews::id.eq_any(ids)))
        .set(reviews::sla_warned_on.eq(today))
        .execute(c))?;
    let job_ids: Vec<JobId> = late.iter().map(|review| review.job_id).collect();
    let reviewed = jobs::by_ids(tx.conn, &job_ids)?;
    for review in &late {
        let Some(job) = reviewed.iter().find(|job| job.id == review.job_id) else { continue };
        let notice = jobs::notice(NotificationType::SlaWarning, job)
            .with("date", &tx.calendar().date(review.sla_deadline));
        tx.notify([review.qe_id], &notice);
    }
    Ok(late.len())
}

/// One review, whoever's it is.
pub(crate) fn get(conn: &mut DbConnection, id: ReviewId) -> Result<QualityReview> {
    with_conn!(conn, |c| reviews::table.find(id).select(QualityReview::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("quality review").into())
}

/// One review, if the actor may see it, and the files its rejection rests on (§8).
pub fn get_visible(
    conn: &mut DbConnection,
    actor: &User,
    id: ReviewId,
) -> Result<(QualityReview, Vec<FileId>)> {
    let review = get(conn, id)?;
    review.may_be_seen_by(actor)?;
    Ok((review, files::evidence_of(conn, EVIDENCE, id.get())?))
}

/// How many reviews wait for each of these.
fn loads(conn: &mut DbConnection, of: &[UserId]) -> Result<HashMap<UserId, i64>> {
    let counts: Vec<(UserId, i64)> = with_conn!(conn, |c| reviews::table
        .filter(reviews::qe_id.eq_any(of))
        .filter(reviews::status.eq(ReviewStatus::Pending))
        .group_by(reviews::qe_id)
        .select((reviews::qe_id, diesel::dsl::count_star()))
        .load(c))?;
    Ok(counts.into_iter().collect())
}

/// Asks the quality engineer with the least to do to review a finished job, which is locked. With nobody at hand the admins are
/// told. `others` are people whom the same work changes: all are locked together, so that two jobs that are finished at once
/// don't choose the same while somebody else is free (§8).
pub(crate) fn request(tx: &mut Tx<'_>, job: &Job, others: &[UserId]) -> Result<Job> {
    let candidates = users::active_with(tx.conn, &[Role::QualityEngineer])?;
    let everybody: Vec<UserId> = candidates.iter().chain(others).copied().collect();
    let people = users::held(tx.conn, &everybody)?;
    let loads = loads(tx.conn, &candidates)?;
    let with_loads = people.iter().map(|person| (person, loads.get(&person.id).copied().unwrap_or(0)));
    if let Some(qe) = least_busy(with_loads, job.owner_id) {
        return assign(tx, job, qe.id);
    }
    let told = jobs::admins(tx)?;
    tx.notify(told, &jobs::notice(NotificationType::NoQualityEngineer, job));
    Ok(job.clone())
}

fn assign(tx: &mut Tx<'_>, job: &Job, qe: UserId) -> Result<Job> {
    let new = QualityReview::of(job, qe, tx.now);
    let review: QualityReview = with_conn!(&mut *tx.conn, |c| diesel::insert_into(reviews::table)
        .values(&new)
        .returning(QualityReview::as_returning())
        .get_result(c))?;
    tx.audit(AuditAction::Create, "quality_review", review.id.get(), Changes::between(None, Some(&review)));
    let after = job.reviewed_by(Some(qe), tx.now);
    jobs::write(tx, AuditAction::Assign, job, &after)?;
    let assigned = jobs::notice(NotificationType::QualityReviewAssigned, job)
        .with("date", &tx.calendar().date(review.sla_deadline))
        .about("quality_review", review.id.get(), "/quality-reviews");
    tx.notify([qe], &assigned);
    Ok(after)
}

/// Gives the review of a finished job to a quality engineer, since nobody was at hand when it was done (§8).
pub fn create(tx: &mut Tx<'_>, wanted: &NewReview) -> Result<QualityReview> {
    let job = jobs::locked(tx, wanted.job_id)?;
    if wanted.job_type.is_some_and(|kind| kind != job.kind) {
        return Err(NotFound("job").into());
    }
    job.status.after(inspection_domain::jobs::JobCommand::ApproveQuality)?;
    let of_job = reviews::table.filter(reviews::job_id.eq(job.id)).filter(
        reviews::status.eq(ReviewStatus::Pending).or(
            // A rejection that an admin has still to decide on.
            reviews::status.eq(ReviewStatus::Rejected).and(reviews::is_valid.is_null()),
        ),
    );
    let is_reviewed: bool =
        with_conn!(&mut *tx.conn, |c| diesel::select(diesel::dsl::exists(of_job)).get_result(c))?;
    if is_reviewed {
        return Err(ReviewRule::UnderReview.into());
    }
    let found = users::held(tx.conn, &[wanted.qe_id])?;
    let qe = least_busy(found.iter().map(|person| (person, 0)), job.owner_id).ok_or_else(|| {
        let message = "must be an active quality engineer who isn't on leave and hasn't done the work";
        inspection_domain::input::Invalid::field("qe_id", message)
    })?;
    let after = assign(tx, &job, qe.id)?;
    let made =
        reviews::table.filter(reviews::job_id.eq(after.id)).filter(reviews::status.eq(ReviewStatus::Pending));
    Ok(with_conn!(&mut *tx.conn, |c| made.select(QualityReview::as_select()).first(c))?)
}

/// A review with its job and what its work changes; everything is locked. Whoever changes a review holds its job.
fn open(tx: &mut Tx<'_>, id: ReviewId) -> Result<(Work, QualityReview)> {
    let seen = get(tx.conn, id)?;
    let work = Work::open(tx, seen.job_id)?;
    Ok((work, get(tx.conn, id)?))
}

fn write(tx: &mut Tx<'_>, action: AuditAction, before: &QualityReview, after: &QualityReview) -> Result<()> {
    let seen = reviews::table
        .find(before.id)
        .filter(reviews::status.eq(before.status))
        .filter(reviews::validated_at.is_null());
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.audit(action, "quality_review", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// The work is good; who did it is told (§8).
pub fn approve(tx: &mut Tx<'_>, id: ReviewId, approval: Approval) -> Result<QualityReview> {
    let (work, before) = open(tx, id)?;
    before.may_be_done_by(tx.actor()?)?;
    let after = before.approve(approval, tx.now)?;
    let approved = work.job.approve_quality(after.qc_rating, tx.now)?;
    jobs::write(tx, AuditAction::Approve, &work.job, &approved)?;
    write(tx, AuditAction::Approve, &before, &after)?;
    let rating = after.qc_rating.unwrap_or_default();
    let told = jobs::notice(NotificationType::QualityApproved, &work.job).with("rating", &rating);
    tx.notify([after.worker_id], &told);
    Ok(after)
}

/// The work isn't good; the admins are told, one of whom decides (§8).
pub fn reject(tx: &mut Tx<'_>, id: ReviewId, rejection: Rejection) -> Result<QualityReview> {
    let (work, before) = open(tx, id)?;
    before.may_be_done_by(tx.actor()?)?;
    let ids = rejection.file_ids.as_ref().map(|ids| ids.0.clone()).unwrap_or_default();
    let after = before.reject(rejection, tx.now)?;
    files::attach(tx, Relation::QualityReview(id), &files::named(&ids), |file| {
        file.may_prove_rejection(&before, &work.job)
    })?;
    write(tx, AuditAction::Reject, &before, &after)?;
    files::rest_on(tx, EVIDENCE, id.get(), &ids)?;
    let rejected = jobs::notice(NotificationType::QualityRejectionPending, &work.job)
        .with("person", jobs::actor_name(tx)?.as_str())
        .with("reason", after.rejection_reason.as_deref().unwrap_or_default())
        .about("quality_review", id.get(), "/quality-reviews");
    let told = jobs::admins(tx)?;
    tx.notify(told, &rejected);
    Ok(after)
}

/// Decides on a rejection, once: a right one sends the work back and costs the worker, a wrong one costs its quality engineer,
/// and the work is approved without a rating (§8).
pub fn validate(tx: &mut Tx<'_>, id: ReviewId, validation: Validation) -> Result<QualityReview> {
    let (work, before) = open(tx, id)?;
    let is_valid = validation.is_valid;
    let after = before.validate(validation, tx.actor()?.id, tx.now)?;
    write(tx, AuditAction::Validate, &before, &after)?;
    let job = if is_valid {
        let reason = after.rejection_reason.clone().unwrap_or_default();
        work.job.reject_quality(reason, tx.now)?
    } else {
        work.job.approve_quality(None, tx.now)?
    };
    jobs::write(tx, AuditAction::Validate, &work.job, &job)?;
    // One that is open already stays as it is.
    if let Some(defect) = work.defect.filter(|_| is_valid)
        && let Ok(reopened) = defect.rework(tx.now)
    {
        let changes = Changes::between(Some(&defect), Some(&reopened));
        defects::write(tx, AuditAction::Reopen, &defect, &reopened, changes)?;
    }
    let stakes = after.stakes();
    users::held(tx.conn, &stakes.map(|(user, _, _)| user))?;
    for (user_id, role, amount) in stakes {
        let related = Some(("quality_review", id.get()));
        points::award(tx, &Award { user_id, role, amount, kind: PointKind::Rejection, related })?;
    }
    let told = jobs::notice(NotificationType::RejectionValidated, &job).with("is_valid", is_valid).about(
        "quality_review",
        id.get(),
        "/quality-reviews",
    );
    tx.notify([after.qe_id, after.worker_id], &told);
    Ok(after)
}
