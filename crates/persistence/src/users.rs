//! People: reads, and units of work on accounts and badges.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::UserId,
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{badges, users},
    users::{
        Badge, BadgeRequest, Draft, NewUser, Password, Role, User, UserChanges, UserFilter, UserOrder,
        UserRule, UserSummary, keeps_an_admin,
    },
};

use crate::{
    DbConnection, Result, Tx,
    db::database::one_row,
    db::error::ConcurrentUpdate,
    db::query::{anywhere, lower},
    sessions,
};

/// A page of people.
pub fn list(conn: &mut DbConnection, filter: &UserFilter, page: PageRequest) -> Result<Page<User>> {
    let sort = filter.sort.unwrap_or(Sort { by: UserOrder::FullName, descending: false });
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = users::table
                .filter(users::is_active.eq(filter.is_active.unwrap_or(true)))
                .into_boxed::<Backend>();
            filter_by!(query, {
                users::shift => filter.shift,
                users::specialization => filter.specialization,
                users::is_on_leave => filter.is_on_leave,
            });
            if let Some(role) = filter.role {
                query = query.filter(users::role.eq(role).or(users::minor_role.eq(role)));
            }
            if let Some(q) = &filter.q {
                let pattern = anywhere(q);
                query = query.filter(
                    lower(users::full_name.nullable())
                        .like(pattern.clone())
                        .escape('\\')
                        .or(users::email.nullable().like(pattern.clone()).escape('\\'))
                        .or(lower(users::role_id.nullable()).like(pattern).escape('\\')),
                );
            }
            query
        };
        let ordered = order_by!(filtered(), sort, users::id, {
            UserOrder::Id => users::id,
            UserOrder::FullName => users::full_name,
            UserOrder::Email => users::email,
            UserOrder::RoleId => users::role_id,
            UserOrder::TotalPoints => users::total_points,
            UserOrder::CreatedAt => users::created_at,
        });
        let items =
            ordered.select(User::as_select()).limit(page.per_page.into()).offset(page.offset()).load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One person.
pub fn get(conn: &mut DbConnection, id: UserId) -> Result<User> {
    find(conn, id)?.ok_or_else(|| NotFound("user").into())
}

/// One person, if there is such a one.
pub fn find(conn: &mut DbConnection, id: UserId) -> Result<Option<User>> {
    Ok(with_conn!(conn, |c| users::table.find(id).select(User::as_select()).first(c)).optional()?)
}

/// Who these people are, by id: one query.
pub fn summaries(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, UserSummary>> {
    let mut ids: Vec<UserId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<UserSummary> = with_conn!(conn, |c| users::table
        .filter(users::id.eq_any(ids))
        .select(UserSummary::as_select())
        .load(c))?;
    Ok(found.into_iter().map(|summary| (summary.id, summary)).collect())
}

/// All admins, for the operator.
pub fn admins(conn: &mut DbConnection) -> Result<Vec<User>> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::role.eq(Role::Admin))
        .order(users::id)
        .select(User::as_select())
        .load(c))?)
}

/// How many active people have an address of this domain.
pub fn active_under(conn: &mut DbConnection, domain: &str) -> Result<i64> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::is_active)
        .filter(users::email.like(format!("%@{domain}")))
        .count()
        .get_result(c))?)
}

/// Everybody active who has one of these roles, major or, but for admin, minor; for notifications.
pub(crate) fn active_with(conn: &mut DbConnection, roles: &[Role]) -> Result<Vec<UserId>> {
    Ok(with_conn!(conn, |c| users::table
        .filter(users::is_active)
        .filter(users::role.eq_any(roles).or(users::minor_role.eq_any(roles)))
        .order(users::id)
        .select(users::id)
        .load(c))?)
}

/// Whether there is nobody yet.
pub fn is_empty(conn: &mut DbConnection) -> Result<bool> {
    let first: Option<UserId> = with_conn!(conn, |c| users::table.select(users::id).first(c)).optional()?;
    Ok(first.is_none())
}

/// One person, locked until the transaction ends.
pub(crate) fn locked(conn: &mut DbConnection, id: UserId) -> Result<User> {
    lock_rows!(conn, users::table.find(id).select(User::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("user").into())
}

/// Several people, locked until the transaction ends in the order in which all lock people: admins first, which a change
/// of any account locks before the account itself, and equal ones by id.
pub(crate) fn held(conn: &mut DbConnection, ids: &[UserId]) -> Result<Vec<User>> {
    let in_order = users::table.filter(users::id.eq_any(ids)).order((users::role.ne(Role::Admin), users::id));
    Ok(lock_rows!(conn, in_order.select(User::as_select()), load)?)
}

/// Every active admin, whom a change of accounts holds before the account itself, and always in the same order: two who
/// deactivate each other then wait for one another instead of both seeing an admin left, and whoever changes badges and
/// tells everybody of it doesn't wait for somebody else who does.
fn hold_admins(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    let active_admins = users::table
        .filter(users::role.eq(Role::Admin).and(users::is_active))
        .order(users::id)
        .select(users::id);
    Ok(lock_rows!(conn, active_admins, load)?)
}

/// Several people, locked for changes that may give them other badges.
pub(crate) fn held_for_badges(conn: &mut DbConnection, ids: &[UserId]) -> Result<Vec<User>> {
    hold_admins(conn)?;
    let in_order = users::table.filter(users::id.eq_any(ids)).order((users::role.ne(Role::Admin), users::id));
    Ok(lock_rows!(conn, in_order.select(User::as_select()), for_update, load)?)
}

/// Everybody active.
pub(crate) fn active(conn: &mut DbConnection) -> Result<Vec<User>> {
    Ok(with_conn!(conn, |c| users::table.filter(users::is_active).select(User::as_select()).load(c))?)
}

/// Takes a badge out of the ones that are free: the wanted one, or the next number of the role (§1). Whoever
/// comes second waits for the first, and then gets another one.
fn take_badge(tx: &mut Tx<'_>, field: &'static str, wanted: BadgeRequest) -> Result<String> {
    let insert = |tx: &mut Tx<'_>, badge: &Badge| {
        let (prefix, number) = badge.parts().unzip();
        let row = (badges::badge.eq(badge.as_str()), badges::prefix.eq(prefix), badges::number.eq(number));
        with_conn!(&mut *tx.conn, |c| diesel::insert_into(badges::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))
    };
    match wanted {
        BadgeRequest::Chosen(badge) => {
            if insert(tx, &badge)? == 0 {
                return Err(crate::db::constraints::duplicate_badge(field).into());
            }
            Ok(badge.into())
        }
        BadgeRequest::NextOf(role) => {
            let last: Option<i64> = with_conn!(&mut *tx.conn, |c| badges::table
                .filter(badges::prefix.eq(role.badge_prefix()))
                .select(diesel::dsl::max(badges::number))
                .first(c))?;
            // Everybody who is faster costs one more try; that many at once would be a flood.
            for more in 1..=1000 {
                let badge = Badge::numbered(role, last.unwrap_or(0) + more);
                if insert(tx, &badge)? == 1 {
                    return Ok(badge.into());
                }
            }
            Err(ConcurrentUpdate.into())
        }
    }
}

/// Takes the badges that are wanted: given ones first, so that counting goes past them, and then in the order of
/// their letters, so that two people who want both of two badges don't wait for each other.
/// Those somebody has already they keep, in whichever role.
fn give_badges(tx: &mut Tx<'_>, before: Option<&User>, draft: Draft) -> Result<User> {
    let Draft { mut user, badge, minor_badge } = draft;
    let mut wanted: Vec<(&'static str, BadgeRequest)> = [("role_id", badge), ("minor_role_id", minor_badge)]
        .into_iter()
        .filter_map(|(field, w)| Some((field, w?)))
        .collect();
    wanted.sort_by_key(|(_, wanted)| match wanted {
        BadgeRequest::Chosen(badge) => (false, badge.as_str().to_owned()),
        BadgeRequest::NextOf(role) => (true, role.badge_prefix().to_owned()),
    });
    for (field, wanted) in wanted {
        let held = |badge: &Badge| {
            before.is_some_and(|user| {
                user.role_id == badge.as_str() || user.minor_role_id.as_deref() == Some(badge.as_str())
            })
        };
        let badge = match wanted {
            BadgeRequest::Chosen(badge) if held(&badge) => badge.into(),
            wanted => take_badge(tx, field, wanted)?,
        };
        match field {
            "role_id" => user.role_id = badge,
            _ => user.minor_role_id = Some(badge),
        }
    }
    Ok(user)
}

/// Makes an account (§1). The hash is that of its password.
pub fn create(tx: &mut Tx<'_>, new: NewUser, password_hash: &str) -> Result<User> {
    let draft = new.draft(tx.now)?;
    let user = give_badges(tx, None, draft)?;
    let user: User = with_conn!(&mut *tx.conn, |c| diesel::insert_into(users::table)
        .values((&user, users::password_hash.eq(password_hash)))
        .returning(User::as_returning())
        .get_result(c))?;
    tx.audit(AuditAction::Create, "user", user.id.get(), Changes::between(None, Some(&user)));
    Ok(user)
}

/// Changes an account (§1). Taking away its right to sign in ends its sessions.
pub fn update(tx: &mut Tx<'_>, id: UserId, changes: UserChanges) -> Result<User> {
    change(tx, id, AuditAction::Update, |before, now| Ok(changes.draft(before, now)?))
}

/// Deactivates an account and ends its sessions (§1); again changes nothing.
pub fn deactivate(tx: &mut Tx<'_>, id: UserId) -> Result<User> {
    change(tx, id, AuditAction::Deactivate, |before, now| {
        let user = User { is_active: false, updated_at: now, ..before.clone() };
        Ok(Draft { user, badge: None, minor_badge: None })
    })
}

fn change(
    tx: &mut Tx<'_>,
    id: UserId,
    action: AuditAction,
    draft: impl FnOnce(&User, inspection_domain::time::Instant) -> Result<Draft>,
) -> Result<User> {
    let admins = hold_admins(tx.conn)?;
    // Stronger than other locks, since addresses and badges are unique: taken later, it would wait for somebody who refers
    // to the account and waits for it.
    let before: User =
        lock_rows!(&mut *tx.conn, users::table.find(id).select(User::as_select()), for_update, first)
            .optional()?
            .ok_or(NotFound("user"))?;
    let draft = draft(&before, tx.now)?;
    keeps_an_admin(&before, &draft.user, admins.iter().filter(|admin| **admin != id).count())?;
    write(tx, action, &before, draft)
}

/// Writes an account that is locked for this; what doesn't change it leaves no trace.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &User, draft: Draft) -> Result<User> {
    let id = before.id;
    let after = give_badges(tx, Some(before), draft)?;
    let changes = Changes::between(Some(before), Some(&after));
    if changes.is_empty() {
        return Ok(before.clone());
    }
    let written =
        with_conn!(&mut *tx.conn, |c| diesel::update(users::table.find(id)).set(&after).execute(c))?;
    one_row(written)?;
    let old = [Some(&before.role_id), before.minor_role_id.as_ref()];
    let kept = [Some(&after.role_id), after.minor_role_id.as_ref()];
    let freed: Vec<&String> = old.into_iter().filter(|badge| !kept.contains(badge)).flatten().collect();
    if !freed.is_empty() {
        with_conn!(&mut *tx.conn, |c| diesel::delete(badges::table.filter(badges::badge.eq_any(freed)))
            .execute(c))?;
    }
    if before.is_active && !after.is_active {
        sessions::end_all(tx, id)?;
    }
    tx.audit(action, "user", id.get(), changes);
    Ok(after)
}

/// Gives somebody a new password and ends their sessions (§1).
pub fn reset_password(tx: &mut Tx<'_>, id: UserId, password: &Password, password_hash: &str) -> Result<User> {
    let user = locked(tx.conn, id)?;
    check_password(password, &user, "new_password")?;
    set_password(tx, &user, password_hash, AuditAction::ResetPassword)?;
    Ok(user)
}

/// Gives the actor a new password and ends their sessions; returns the generation new ones belong to (§1). The
/// caller has checked the current password against `seen_hash`: if that isn't the hash any more, a race is lost.
pub fn change_password(
    tx: &mut Tx<'_>,
    password: &Password,
    seen_hash: &str,
    password_hash: &str,
) -> Result<(User, i64)> {
    let id = tx.actor()?.id;
    let user = locked(tx.conn, id)?;
    let stored: String =
        with_conn!(&mut *tx.conn, |c| users::table.find(id).select(users::password_hash).first(c))?;
    if stored != seen_hash {
        return Err(UserRule::WrongPassword.into());
    }
    check_password(password, &user, "new_password")?;
    let generation = set_password(tx, &user, password_hash, AuditAction::ChangePassword)?;
    Ok((user, generation))
}

fn check_password(password: &Password, user: &User, field: &str) -> Result<()> {
    Ok(password.check(&user.email).map_err(|wrong| wrong.at(field))?)
}

fn set_password(tx: &mut Tx<'_>, user: &User, password_hash: &str, action: AuditAction) -> Result<i64> {
    let now = tx.now;
    with_conn!(&mut *tx.conn, |c| diesel::update(users::table.find(user.id))
        .set((users::password_hash.eq(password_hash), users::updated_at.eq(now)))
        .execute(c))?;
    tx.audit(action, "user", user.id.get(), Changes::none());
    sessions::end_all(tx, user.id)
}
