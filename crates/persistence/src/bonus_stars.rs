//! Bonus stars: lists and units of work (§11). A decision locks the request, and then the accounts.

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    bonus_stars::{Bonus, BonusApproval, BonusDenial, BonusFilter, NewBonus},
    ids::BonusId,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    schema::bonus_stars as bonuses,
    users::{User, active},
};

use crate::{
    DbConnection, Error, Result, Tx,
    jobs::rows as job_rows,
    points::{self, Award},
    users::rows as user_rows,
};

/// A page of bonus stars, the latest first: all for admins, else those the actor received, decided
/// or requested (§11).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &BonusFilter,
    page: PageRequest,
) -> Result<Page<Bonus>> {
    paged!(
        conn,
        page,
        Bonus,
        || {
            let mut query = bonuses::table.into_boxed::<Backend>();
            if !actor.is_admin() {
                let own = bonuses::user_id
                    .eq(actor.id)
                    .or(bonuses::requested_by_id.eq(actor.id))
                    .or(bonuses::decided_by_id.eq(actor.id));
                query = query.filter(own);
            }
            filter_by!(query, { bonuses::user_id => filter.user_id });
            filter_any!(query, { bonuses::status => filter.request_status });
            if !filter.request_status.values().is_empty() {
                query = query.filter(bonuses::requested_by_id.is_not_null());
            }
            query
        },
        bonuses by desc [id]
    )
}

fn notice(kind: NotificationType, bonus: &Bonus) -> Notice {
    Notice::new(kind).with("points", &bonus.amount).with("reason", bonus.reason.as_str()).about(bonus)
}

/// Checks the recipient, who is locked, and the related job.
fn check(tx: &mut Tx<'_>, new: &NewBonus) -> Result<User> {
    new.validate()?;
    let recipient = user_rows::lock_all(tx.conn, &[new.user_id])?.pop();
    let recipient = active(recipient, "user_id")?;
    if let Some(id) = new.related_job_id {
        new.check_job(job_rows::by_ids(tx.conn, &[id])?.first())?;
    }
    Ok(recipient)
}

/// Books awarded stars on the major role of the recipient, who is notified (§11).
fn book(tx: &mut Tx<'_>, bonus: &Bonus, recipient: &User) -> Result<()> {
    let award = Award::new(recipient.id, recipient.role, PointKind::BonusStars).about(bonus);
    points::award(tx, &Award { amount: bonus.amount, ..award })?;
    tx.notify([recipient.id], &notice(NotificationType::BonusAwarded, bonus));
    Ok(())
}

/// Awards stars to another user directly (§11). Locks the recipient.
pub fn award(tx: &mut Tx<'_>, new: NewBonus) -> Result<Bonus> {
    let recipient = check(tx, &new)?;
    let bonus = rows::insert(tx, AuditAction::Award, &new.award(tx.actor()?.id, tx.now)?)?;
    book(tx, &bonus, &recipient)?;
    Ok(bonus)
}

/// Requests stars for another user; the admins are notified (§11). Locks the recipient.
pub fn request(tx: &mut Tx<'_>, new: NewBonus) -> Result<Bonus> {
    let recipient = check(tx, &new)?;
    let bonus = rows::insert(tx, AuditAction::Request, &new.request(tx.actor()?.id, tx.now)?)?;
    let requested = notice(NotificationType::BonusRequest, &bonus)
        .with("person", tx.actor_name()?)
        .with("recipient", recipient.full_name.as_str());
    let admins = user_rows::active_admins(tx.conn)?;
    tx.notify(admins, &requested);
    Ok(bonus)
}

/// Approves a request, with the requested or another number of stars; the recipient is notified
/// (§11). Locks the request, then the recipient.
pub fn approve(tx: &mut Tx<'_>, id: BonusId, approval: &BonusApproval) -> Result<Bonus> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.approve(approval, tx.actor()?.id, tx.now)?;
    let recipient =
        user_rows::lock_all(tx.conn, &[after.user_id])?.pop().ok_or_else(Error::not_found::<User>)?;
    rows::write(tx, AuditAction::Approve, &before, &after)?;
    book(tx, &after, &recipient)?;
    Ok(after)
}

/// Denies a request; the requester is notified (§11). Locks the request.
pub fn deny(tx: &mut Tx<'_>, id: BonusId, denial: BonusDenial) -> Result<Bonus> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.deny(denial, tx.actor()?.id, tx.now)?;
    rows::write(tx, AuditAction::Deny, &before, &after)?;
    let recipient = user_rows::get(tx.conn, after.user_id)?;
    let denied =
        notice(NotificationType::BonusDenied, &after).with("recipient", recipient.full_name.as_str());
    tx.notify(after.requested_by_id, &denied);
    Ok(after)
}
