//! Work on a job by its owner, or by an admin or engineer for the owner (§7).

use inspection_domain::{
    audit::{AuditAction, Changes},
    jobs::{Intervention, InterventionAction, Job, OnBehalfReason},
    notifications::NotificationType,
};

use crate::{
    Result, Tx,
    jobs::{rows, work::notice},
};

/// The reason for which the actor works on a job for its owner; none for the owner (§7).
pub(crate) fn authorize(tx: &Tx<'_>, job: &Job, reason: Option<OnBehalfReason>) -> Result<Option<String>> {
    let actor = tx.actor()?;
    job.may_be_acted_on_by(actor)?;
    Ok(job.on_behalf(actor, reason)?)
}

/// Writes a job, which is locked, after work on it. Work for the owner is recorded with its reason,
/// and the owner is notified (§7).
pub(crate) fn write(
    tx: &mut Tx<'_>,
    (action, command): (AuditAction, InterventionAction),
    before: &Job,
    after: &Job,
    reason: Option<String>,
) -> Result<()> {
    let Some(reason) = reason else { return rows::write(tx, action, before, after) };
    let changes = Changes::between(Some(before), Some(after))
        .with("on_behalf_of", before.owner_id.get())
        .with("on_behalf_reason", reason.as_str());
    rows::write_with(tx, action, before, after, changes)?;
    let acted = notice(NotificationType::JobOnBehalf, after)
        .with("person", tx.actor_name()?)
        .with("action", command.as_str())
        .with("reason", reason.as_str());
    tx.notify([before.owner_id], &acted);
    record(tx, command, before, Some(reason))
}

/// Records an intervention of the actor in a job, which is locked and had this state before (§7).
pub(crate) fn record(
    tx: &mut Tx<'_>,
    command: InterventionAction,
    before: &Job,
    reason: Option<String>,
) -> Result<()> {
    let intervention = Intervention::new(before, command, tx.actor()?.id, reason, tx.now);
    rows::insert_intervention(tx, &intervention)
}
