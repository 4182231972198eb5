//! Bonus stars: reads, and units of work (rule book §11). Whoever decides on a request holds it, and then its people.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    bonus_stars::{Bonus, BonusApproval, BonusDenial, BonusFilter, NewBonus},
    ids::BonusId,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    rule::NotFound,
    schema::bonus_stars as bonuses,
    users::{User, active},
};

use crate::{
    DbConnection, Result, Tx,
    db::database::one_row,
    jobs,
    points::{self, Award},
    users,
};

/// A page of bonus stars, the latest first: everybody's for admins, else those one got, gave or asked for (§11).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &BonusFilter,
    page: PageRequest,
) -> Result<Page<Bonus>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = bonuses::table.into_boxed::<Backend>();
            if !actor.is_admin() {
                let own = bonuses::user_id
                    .eq(actor.id)
                    .or(bonuses::requested_by_id.eq(actor.id))
                    .or(bonuses::decided_by_id.eq(actor.id));
                query = query.filter(own);
            }
            filter_by!(query, { bonuses::status => filter.status, bonuses::user_id => filter.user_id });
            query
        };
        let items = filtered()
            .order(bonuses::id.desc())
            .select(Bonus::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

fn insert(tx: &mut Tx<'_>, action: AuditAction, new: &Bonus) -> Result<Bonus> {
    let bonus: Bonus = with_conn!(&mut *tx.conn, |c| diesel::insert_into(bonuses::table)
        .values(new)
        .returning(Bonus::as_returning())
        .get_result(c))?;
    tx.translate(None, &bonus);
    tx.audit(action, "bonus_star", bonus.id.get(), Changes::between(None, Some(&bonus)));
    Ok(bonus)
}

fn notice(kind: NotificationType, bonus: &Bonus) -> Notice {
    Notice::new(kind).with("points", &bonus.amount).with("reason", bonus.reason.as_str()).about(
        "bonus_star",
        bonus.id.get(),
        "/bonus-stars",
    )
}

/// The person and the job that are named exist.
fn check(tx: &mut Tx<'_>, wanted: &NewBonus) -> Result<User> {
    wanted.check()?;
    let recipient = users::held(tx.conn, &[wanted.user_id])?.pop();
    let recipient = active(recipient, "user_id")?;
    if let Some(id) = wanted.related_job_id {
        wanted.check_job(jobs::by_ids(tx.conn, &[id])?.first())?;
    }
    Ok(recipient)
}

/// Books stars that are given on the major role of whoever gets them, who is told (§11).
fn book(tx: &mut Tx<'_>, bonus: &Bonus, recipient: &User) -> Result<()> {
    points::award(
        tx,
        &Award {
            user_id: recipient.id,
            role: recipient.role,
            amount: bonus.amount,
            kind: PointKind::BonusStars,
            related: Some(("bonus_star", bonus.id.get())),
        },
    )?;
    tx.notify([recipient.id], &notice(NotificationType::BonusAwarded, bonus));
    Ok(())
}

/// Gives stars to somebody else, at once (§11).
pub fn award(tx: &mut Tx<'_>, wanted: NewBonus) -> Result<Bonus> {
    let recipient = check(tx, &wanted)?;
    let bonus = insert(tx, AuditAction::Award, &wanted.award(tx.actor()?.id, tx.now)?)?;
    book(tx, &bonus, &recipient)?;
    Ok(bonus)
}

/// Asks for stars for somebody else; the admins are told (§11).
pub fn request(tx: &mut Tx<'_>, wanted: NewBonus) -> Result<Bonus> {
    let recipient = check(tx, &wanted)?;
    let bonus = insert(tx, AuditAction::Request, &wanted.request(tx.actor()?.id, tx.now)?)?;
    let told = notice(NotificationType::BonusRequest, &bonus)
        .with("person", jobs::actor_name(tx)?.as_str())
        .with("recipient", recipient.full_name.as_str());
    let admins = jobs::admins(tx)?;
    tx.notify(admins, &told);
    Ok(bonus)
}

fn locked(tx: &mut Tx<'_>, id: BonusId) -> Result<Bonus> {
    lock_rows!(&mut *tx.conn, bonuses::table.find(id).select(Bonus::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("bonus star request").into())
}

fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Bonus, after: &Bonus) -> Result<()> {
    let seen = bonuses::table.find(before.id).filter(bonuses::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.audit(action, "bonus_star", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// Gives the stars that were asked for, or another number of them; who gets them is told (§11).
pub fn approve(tx: &mut Tx<'_>, id: BonusId, approval: &BonusApproval) -> Result<Bonus> {
    let before = locked(tx, id)?;
    let after = before.approve(approval, tx.actor()?.id, tx.now)?;
    let recipient = users::held(tx.conn, &[after.user_id])?.pop().ok_or(NotFound("user"))?;
    write(tx, AuditAction::Approve, &before, &after)?;
    book(tx, &after, &recipient)?;
    Ok(after)
}

/// Doesn't give the stars that were asked for; who asked is told (§11).
pub fn deny(tx: &mut Tx<'_>, id: BonusId, denial: BonusDenial) -> Result<Bonus> {
    let before = locked(tx, id)?;
    let after = before.deny(denial, tx.actor()?.id, tx.now)?;
    write(tx, AuditAction::Deny, &before, &after)?;
    let recipient = users::get(tx.conn, after.user_id)?;
    let told = notice(NotificationType::BonusDenied, &after).with("recipient", recipient.full_name.as_str());
    tx.notify(after.requested_by_id, &told);
    Ok(after)
}
