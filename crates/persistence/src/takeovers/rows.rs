//! Rows of `takeovers`: lookups, insert and guarded write. A request is changed only while its job
//! or assignment is locked.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{AssignmentId, JobId, TakeoverId, UserId},
    schema::takeovers,
    takeovers::{Takeover, TakeoverCommand, TakeoverStatus},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One request.
pub(crate) fn get(conn: &mut DbConnection, id: TakeoverId) -> Result<Takeover> {
    find_row!(conn, takeovers, Takeover, id)?.ok_or_else(Error::not_found::<Takeover>)
}

/// The pending requests for a job or an assignment, in the order of the queue.
pub(crate) fn pending(
    conn: &mut DbConnection,
    job: Option<JobId>,
    assignment: Option<AssignmentId>,
) -> Result<Vec<Takeover>> {
    Ok(with_conn!(conn, |c| {
        let mut query =
            takeovers::table.filter(takeovers::status.eq(TakeoverStatus::Pending)).into_boxed::<Backend>();
        filter_by!(query, { takeovers::job_id => job, takeovers::assignment_id => assignment });
        query.order(takeovers::place).select(Takeover::as_select()).load(c)
    })?)
}

/// The approved takeover of a job or an assignment; there is at most one.
pub(crate) fn find_approved(
    conn: &mut DbConnection,
    job: Option<JobId>,
    assignment: Option<AssignmentId>,
) -> Result<Option<Takeover>> {
    Ok(with_conn!(conn, |c| {
        let mut query =
            takeovers::table.filter(takeovers::status.eq(TakeoverStatus::Approved)).into_boxed::<Backend>();
        filter_by!(query, { takeovers::job_id => job, takeovers::assignment_id => assignment });
        query.select(Takeover::as_select()).first(c)
    })
    .optional()?)
}

/// The approved takeover of a job by this person.
pub(crate) fn find_approved_of(
    conn: &mut DbConnection,
    job: JobId,
    taker: UserId,
) -> Result<Option<Takeover>> {
    let approved = takeovers::table
        .filter(takeovers::job_id.eq(job))
        .filter(takeovers::status.eq(TakeoverStatus::Approved))
        .filter(takeovers::requested_by_id.eq(taker));
    Ok(with_conn!(conn, |c| approved.select(Takeover::as_select()).first(c)).optional()?)
}

/// Inserts and records a request.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Takeover) -> Result<Takeover> {
    let takeover = insert_row!(tx, takeovers, Takeover, new)?;
    tx.record(AuditAction::Request, None, Some(&takeover));
    Ok(takeover)
}

/// Writes and records a request, whose job or assignment is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Takeover, after: &Takeover) -> Result<()> {
    update_row!(tx, takeovers, before, after, takeovers::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}

/// Deletes the requests for an assignment, and returns them.
pub(crate) fn delete_of_assignment(tx: &mut Tx<'_>, id: AssignmentId) -> Result<Vec<Takeover>> {
    let of_assignment = takeovers::table.filter(takeovers::assignment_id.eq(id));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(of_assignment)
        .returning(Takeover::as_returning())
        .get_results(c))?)
}

/// Expires the approved takeover of an object, which is locked, because the object changes its
/// owner before the taker is done (§7).
pub(crate) fn expire(tx: &mut Tx<'_>, job: Option<JobId>, assignment: Option<AssignmentId>) -> Result<()> {
    if let Some(before) = find_approved(tx.conn, job, assignment)? {
        let after = before.decide(TakeoverCommand::Expire, tx.actor_id(), tx.now)?;
        write(tx, AuditAction::Cancel, &before, &after)?;
    }
    Ok(())
}
