//! Equipment: what is inspected and repaired (rule book §2).

use serde::Serialize;

use crate::{
    ids::{EquipmentId, StatusChangeId, UserId},
    input::{Change, Invalid, Patch, input, text_enum},
    page::Sort,
    text::{Language, Text},
    time::{Date, Instant},
    users::{Role, User},
};

text_enum! {
    /// Whether a machine may run.
    pub enum EquipmentStatus {
        /// Runs.
        Active = "active",
        /// Is being repaired.
        UnderMaintenance = "under_maintenance",
        /// Decommissioned.
        OutOfService = "out_of_service",
        /// Stopped for safety; only an admin's explicit decision releases it.
        Stopped = "stopped",
        /// Rests.
        Paused = "paused",
    }
}

impl EquipmentStatus {
    /// The status once somebody has planned to repair the machine: one that runs or rests is under maintenance (§7).
    #[must_use]
    pub const fn under_repair(self) -> Self {
        match self {
            Self::Active | Self::Paused => Self::UnderMaintenance,
            other => other,
        }
    }

    /// The status once nobody works on the machine any more: what was under maintenance runs. A machine that is stopped or
    /// decommissioned stays that (§2, §7).
    #[must_use]
    pub const fn after_repair(self) -> Self {
        match self {
            Self::UnderMaintenance => Self::Active,
            other => other,
        }
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::equipment, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Equipment {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: EquipmentId,
    /// Technical name, in English.
    pub name: String,
    /// Name in Arabic, for people who look it up.
    pub name_ar: Option<String>,
    /// Type; checklists and routines are per type.
    pub equipment_type: String,
    /// Type in Arabic.
    pub equipment_type_ar: Option<String>,
    /// Serial number, unique.
    pub serial_number: String,
    /// Where it stands, in the reader's language.
    pub location: Option<String>,
    /// Where it stands, in Arabic.
    pub location_ar: Option<String>,
    /// Berth it is at.
    pub berth: Option<String>,
    /// Berth it belongs to.
    pub home_berth: Option<String>,
    /// Whether it may run.
    pub status: EquipmentStatus,
    /// The inspector or specialist who looks after it.
    pub assigned_technician_id: Option<UserId>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Model.
    pub model_number: Option<String>,
    /// When it was installed.
    pub installation_date: Option<Date>,
    /// When it was registered.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

crate::translations::translated!(Equipment, "equipment", { location / location_ar });

/// One change of a machine's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::equipment_status_changes, treat_none_as_default_value = false)
)]
pub struct StatusChange {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: StatusChangeId,
    /// Which machine.
    pub equipment_id: EquipmentId,
    /// Status before; none when it was registered.
    pub from_status: Option<EquipmentStatus>,
    /// Status after.
    pub to_status: EquipmentStatus,
    /// Who changed it; nobody when the service did.
    pub changed_by_id: Option<UserId>,
    /// When.
    pub changed_at: Instant,
}

input! {
    /// A machine to register.
    pub struct NewEquipment {
        /// Technical name, in English.
        name: Text<200>,
        /// Name in Arabic.
        name_ar: Option<Text<200>>,
        /// Type; checklists and routines are per type.
        equipment_type: Text<100>,
        /// Type in Arabic.
        equipment_type_ar: Option<Text<100>>,
        /// Serial number, unique.
        serial_number: Text<100>,
        /// Where it stands.
        location: Option<Text<200>>,
        /// Where it stands, in Arabic.
        location_ar: Option<Text<200>>,
        /// Berth it is at.
        berth: Option<Text<50>>,
        /// Berth it belongs to; the one it is at, if absent.
        home_berth: Option<Text<50>>,
        /// Status; `active` if absent.
        status: Option<EquipmentStatus>,
        /// The inspector or specialist who looks after it.
        assigned_technician_id: Option<UserId>,
        /// Who made it.
        manufacturer: Option<Text<100>>,
        /// Model.
        model_number: Option<Text<100>>,
        /// When it was installed.
        installation_date: Option<Date>,
    }
}

input! {
    /// What to change of a machine. A status given here is an admin's explicit decision, which may release
    /// a stopped machine.
    pub struct EquipmentChanges {
        /// Technical name, in English.
        name: Change<Text<200>>,
        /// Name in Arabic.
        name_ar: Patch<Text<200>>,
        /// Type.
        equipment_type: Change<Text<100>>,
        /// Type in Arabic.
        equipment_type_ar: Patch<Text<100>>,
        /// Serial number, unique.
        serial_number: Change<Text<100>>,
        /// Where it stands.
        location | "location_en": Patch<Text<200>>,
        /// Where it stands, in Arabic.
        location_ar: Patch<Text<200>>,
        /// Berth it is at.
        berth: Patch<Text<50>>,
        /// Berth it belongs to.
        home_berth: Patch<Text<50>>,
        /// Status.
        status: Change<EquipmentStatus>,
        /// The inspector or specialist who looks after it.
        assigned_technician_id: Patch<UserId>,
        /// Who made it.
        manufacturer: Patch<Text<100>>,
        /// Model.
        model_number: Patch<Text<100>>,
        /// When it was installed.
        installation_date: Patch<Date>,
    }
}

text_enum! {
    /// What machines can be ordered by.
    pub enum EquipmentOrder {
        /// Number.
        Id = "id",
        /// Name.
        Name = "name",
        /// Type.
        EquipmentType = "equipment_type",
        /// Serial number.
        SerialNumber = "serial_number",
        /// Status.
        Status = "status",
        /// When it was registered.
        CreatedAt = "created_at",
    }
}

input! {
    /// Which machines.
    pub struct EquipmentFilter {
        /// Of this status.
        status: Option<EquipmentStatus>,
        /// Of this type.
        equipment_type: Option<Text<100>>,
        /// At this berth.
        berth: Option<Text<50>>,
        /// Looked after by this person.
        assigned_technician_id: Option<UserId>,
        /// With this text in name, serial number, location or model.
        q: Option<Text<100>>,
        /// Order; by name if absent.
        sort: Option<Sort<EquipmentOrder>>,
    }
}

impl NewEquipment {
    /// The machine as it will stand in the register.
    pub fn register(self, now: Instant) -> Equipment {
        let berth: Option<String> = self.berth.map(Into::into);
        Equipment {
            id: EquipmentId::UNSAVED,
            name: self.name.into(),
            name_ar: self.name_ar.map(Into::into),
            equipment_type: self.equipment_type.into(),
            equipment_type_ar: self.equipment_type_ar.map(Into::into),
            serial_number: self.serial_number.into(),
            location: self.location.map(Into::into),
            location_ar: self.location_ar.map(Into::into),
            home_berth: self.home_berth.map(Into::into).or_else(|| berth.clone()),
            berth,
            status: self.status.unwrap_or(EquipmentStatus::Active),
            assigned_technician_id: self.assigned_technician_id,
            manufacturer: self.manufacturer.map(Into::into),
            model_number: self.model_number.map(Into::into),
            installation_date: self.installation_date,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Equipment {
    /// The machine with these changes.
    #[must_use]
    pub fn changed(&self, changes: EquipmentChanges, now: Instant) -> Self {
        let mut after = Self { updated_at: now, ..self.clone() };
        changes.name.apply(&mut after.name);
        changes.name_ar.apply(&mut after.name_ar);
        changes.equipment_type.apply(&mut after.equipment_type);
        changes.equipment_type_ar.apply(&mut after.equipment_type_ar);
        changes.serial_number.apply(&mut after.serial_number);
        changes.location.apply(&mut after.location);
        let (new, original) = (after.location.as_deref(), self.location.as_deref());
        if let (Some(new), Some(original)) = (new, original)
            && Language::is_read_back(new, original, self.location_ar.as_deref())
        {
            after.location.clone_from(&self.location);
        }
        changes.location_ar.apply(&mut after.location_ar);
        changes.berth.apply(&mut after.berth);
        changes.home_berth.apply(&mut after.home_berth);
        changes.status.apply(&mut after.status);
        changes.assigned_technician_id.apply(&mut after.assigned_technician_id);
        changes.manufacturer.apply(&mut after.manufacturer);
        changes.model_number.apply(&mut after.model_number);
        changes.installation_date.apply(&mut after.installation_date);
        after
    }

    /// The machine decommissioned: nothing is removed (§2).
    #[must_use]
    pub fn decommissioned(&self, now: Instant) -> Self {
        Self { status: EquipmentStatus::OutOfService, updated_at: now, ..self.clone() }
    }
}

/// Only an active inspector or specialist looks after a machine (§2).
pub fn may_look_after(technician: Option<&User>) -> Result<(), Invalid> {
    match technician {
        Some(user) if user.is_active && (user.has(Role::Inspector) || user.has(Role::Specialist)) => Ok(()),
        Some(_) => Err(Invalid::field("assigned_technician_id", "must be an active inspector or specialist")),
        None => Err(Invalid::field("assigned_technician_id", "there is no such user")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{equipment, now, user};

    #[test]
    fn only_an_active_inspector_or_specialist_looks_after_a_machine() {
        for &role in Role::ALL {
            let person = user(role);
            let fine = matches!(role, Role::Inspector | Role::Specialist);
            assert_eq!(may_look_after(Some(&person)).is_ok(), fine, "{role}");
            assert!(may_look_after(Some(&User { is_active: false, ..person })).is_err());
        }
        assert!(may_look_after(None).is_err());
    }

    #[test]
    fn decommissioning_changes_the_status_and_nothing_else() {
        let before = equipment();
        let after = before.decommissioned(now());
        assert_eq!(after, Equipment { status: EquipmentStatus::OutOfService, updated_at: now(), ..before });
    }
}
