//! Registering, changing and decommissioning machines (§2).

use inspection_domain::{
    audit::AuditAction,
    equipment::{Coverage, Equipment, EquipmentChanges, EquipmentStatus, NewEquipment, may_look_after},
    ids::{EquipmentId, UserId},
};

use super::{rows, write};
use crate::{
    Result, Tx, assignments::rows as assignment_rows, checklists::rows as checklist_rows,
    db::error::ConcurrentUpdate, inspections::withdrawing, routines::rows as routine_rows, translations,
    users::rows as user_rows,
};

/// Checks that the assigned technician, if any, may be assigned to machines (§2).
fn check_technician(tx: &mut Tx<'_>, technician: Option<UserId>) -> Result<()> {
    if let Some(id) = technician {
        may_look_after(user_rows::find(tx.conn, id)?.as_ref())?;
    }
    Ok(())
}

/// Warns if no active routine, or no active checklist, covers the type of a machine (§2).
fn warn_if_not_covered(tx: &mut Tx<'_>, machine: &Equipment) -> Result<()> {
    let coverage = Coverage {
        has_routine: routine_rows::is_planned(tx.conn, &machine.equipment_type)?,
        has_checklist: checklist_rows::active_for(tx.conn, &machine.equipment_type)?.is_some(),
    };
    tx.warn(machine.not_covered(coverage));
    Ok(())
}

/// Registers a machine (§2).
pub fn create(tx: &mut Tx<'_>, new: NewEquipment) -> Result<Equipment> {
    let machine = new.register(tx.now);
    check_technician(tx, machine.assigned_technician_id)?;
    warn_if_not_covered(tx, &machine)?;
    rows::insert(tx, &machine)
}

/// Changes a machine (§2). A given status is an admin's explicit decision, which may release a
/// stopped machine. A machine that is taken out of service loses its open assignments. Locks these,
/// and then the machine.
pub fn update(tx: &mut Tx<'_>, id: EquipmentId, mut changes: EquipmentChanges) -> Result<Equipment> {
    let retires = changes.status.clone().find(|status| *status == EquipmentStatus::OutOfService).is_some();
    if retires {
        withdrawing::cancel_all(tx, id)?;
    }
    let before = rows::lock(tx.conn, id)?;
    let reason: Option<String> = changes.status_reason.take().map(Into::into);
    let mut after = before.changed(changes, tx.now);
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    if after.assigned_technician_id != before.assigned_technician_id {
        check_technician(tx, after.assigned_technician_id)?;
    }
    if after.equipment_type != before.equipment_type {
        warn_if_not_covered(tx, &after)?;
    }
    let after = write(tx, AuditAction::Update, &before, after, reason.as_deref())?;
    check_cancelled(tx, &after)?;
    Ok(after)
}

/// Decommissions a machine, whose history stays; its open assignments are cancelled (§2).
/// Idempotent. Locks the assignments, and then the machine.
pub fn decommission(tx: &mut Tx<'_>, id: EquipmentId) -> Result<Equipment> {
    withdrawing::cancel_all(tx, id)?;
    let before = rows::lock(tx.conn, id)?;
    let after = before.decommissioned(tx.now);
    let after = write(tx, AuditAction::Deactivate, &before, after, None)?;
    check_cancelled(tx, &after)?;
    Ok(after)
}

/// Checks that a machine that was taken out of service has got no assignment meanwhile. The change
/// of its status has waited for lists that were being generated.
fn check_cancelled(tx: &mut Tx<'_>, after: &Equipment) -> Result<()> {
    if after.status == EquipmentStatus::OutOfService
        && !assignment_rows::ids_without_submission(tx.conn, after.id)?.is_empty()
    {
        return Err(ConcurrentUpdate.into());
    }
    Ok(())
}
