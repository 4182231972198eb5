//! Equipment: the machines that are inspected and repaired (rule book §2).

use serde::Serialize;

use crate::{
    ids::{EquipmentId, StatusChangeId, UserId},
    input::{AnyOf, Change, Invalid, Patch, input, text_enum},
    message,
    page::Sort,
    search::{SearchedKind, SearchedTexts},
    text::Text,
    time::{Date, Instant},
    users::{Role, User},
    warning::{Warning, WarningCode},
};

text_enum! {
    /// Operational status of a machine.
    pub enum EquipmentStatus {
        /// In operation.
        Active = "active",
        /// Under repair.
        UnderMaintenance = "under_maintenance",
        /// Decommissioned.
        OutOfService = "out_of_service",
        /// Stopped for safety. Only an explicit decision of an admin releases it.
        Stopped = "stopped",
        /// Out of operation for the time being.
        Paused = "paused",
    }
}

impl EquipmentStatus {
    /// Status after a repair is planned: an active or paused machine is under maintenance (§7).
    #[must_use]
    pub const fn under_repair(self) -> Self {
        match self {
            Self::Active | Self::Paused => Self::UnderMaintenance,
            other => other,
        }
    }

    /// Status after the last repair ends: a machine under maintenance is active. A stopped or
    /// decommissioned machine keeps its status (§2, §7).
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
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: EquipmentId,
    /// Technical name in English.
    pub name: String,
    /// Name in Arabic, for searching.
    pub name_ar: Option<String>,
    /// Type of equipment; checklists and routines refer to it.
    pub equipment_type: String,
    /// Type of equipment in Arabic.
    pub equipment_type_ar: Option<String>,
    /// Serial number; unique.
    pub serial_number: String,
    /// Location, in the reader's language; empty if unknown.
    #[serde(serialize_with = "crate::text::or_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub location: Option<String>,
    /// Location in Arabic.
    pub location_ar: Option<String>,
    /// Present berth.
    pub berth: Option<String>,
    /// Home berth.
    pub home_berth: Option<String>,
    /// Operational status.
    pub status: EquipmentStatus,
    /// Responsible inspector or specialist.
    pub assigned_technician_id: Option<UserId>,
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Model number.
    pub model_number: Option<String>,
    /// Date of installation.
    pub installation_date: Option<Date>,
    /// Time of registration.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::translated!(Equipment, "equipment", { location / location_ar });

impl crate::entity::Entity for Equipment {
    const NAME: &'static str = "equipment";

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn searched(&self) -> Option<SearchedTexts<'_>> {
        let texts = [
            Some(self.name.as_str()),
            self.name_ar.as_deref(),
            Some(self.serial_number.as_str()),
            self.model_number.as_deref(),
            self.location.as_deref(),
            self.location_ar.as_deref(),
        ];
        Some(SearchedTexts::new(SearchedKind::Equipment, texts))
    }
}

/// A change of a machine's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::equipment_status_changes, treat_none_as_default_value = false)
)]
pub struct StatusChange {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: StatusChangeId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// Previous status; none at registration.
    pub from_status: Option<EquipmentStatus>,
    /// New status.
    pub to_status: EquipmentStatus,
    /// Acting user; none for changes by the service.
    pub changed_by_id: Option<UserId>,
    /// Time of the change.
    pub changed_at: Instant,
    /// Reason that the user gave.
    pub reason: Option<String>,
}

input! {
    /// A machine to register.
    pub struct NewEquipment {
        /// Technical name in English.
        name: Text<200>,
        /// Name in Arabic.
        name_ar: Option<Text<200>>,
        /// Type of equipment; checklists and routines refer to it.
        equipment_type: Text<100>,
        /// Type of equipment in Arabic.
        equipment_type_ar: Option<Text<100>>,
        /// Serial number; unique.
        serial_number: Text<100>,
        /// Location.
        location: Option<Text<200>>,
        /// Location in Arabic.
        location_ar: Option<Text<200>>,
        /// Present berth.
        berth: Option<Text<50>>,
        /// Home berth; the present berth if absent.
        home_berth: Option<Text<50>>,
        /// Operational status; `active` if absent.
        status: Option<EquipmentStatus>,
        /// Responsible inspector or specialist.
        assigned_technician_id: Option<UserId>,
        /// Manufacturer.
        manufacturer: Option<Text<100>>,
        /// Model number.
        model_number: Option<Text<100>>,
        /// Date of installation.
        installation_date: Option<Date>,
    }
}

input! {
    /// Changes of a machine. A status counts as an explicit decision of an admin, which may release
    /// a stopped machine.
    pub struct EquipmentChanges {
        /// Technical name in English.
        name: Change<Text<200>>,
        /// Name in Arabic.
        name_ar: Patch<Text<200>>,
        /// Type of equipment.
        equipment_type: Change<Text<100>>,
        /// Type of equipment in Arabic.
        equipment_type_ar: Patch<Text<100>>,
        /// Serial number; unique.
        serial_number: Change<Text<100>>,
        /// Location.
        location | "location_en": Patch<Text<200>>,
        /// Location in Arabic.
        location_ar: Patch<Text<200>>,
        /// Present berth.
        berth: Patch<Text<50>>,
        /// Home berth.
        home_berth: Patch<Text<50>>,
        /// Operational status.
        status: Change<EquipmentStatus>,
        /// Reason of a change of the status, for the history.
        status_reason: Option<Text<500>>,
        /// Responsible inspector or specialist.
        assigned_technician_id: Patch<UserId>,
        /// Manufacturer.
        manufacturer: Patch<Text<100>>,
        /// Model number.
        model_number: Patch<Text<100>>,
        /// Date of installation.
        installation_date: Patch<Date>,
    }
}

text_enum! {
    /// Sort key of machines.
    pub enum EquipmentOrder {
        /// Primary key.
        Id = "id",
        /// Name.
        Name = "name",
        /// Type of equipment.
        EquipmentType = "equipment_type",
        /// Serial number.
        SerialNumber = "serial_number",
        /// Operational status.
        Status = "status",
        /// Time of registration.
        CreatedAt = "created_at",
    }
}

input! {
    /// Filter and order of a list of machines.
    pub struct EquipmentFilter {
        /// Filter by status.
        status: AnyOf<EquipmentStatus>,
        /// Filter by type of equipment.
        equipment_type: Option<Text<100>>,
        /// Filter by present berth.
        berth: Option<Text<50>>,
        /// Filter by responsible inspector or specialist.
        assigned_technician_id: Option<UserId>,
        /// Beginnings of words in name, serial number, location and model, all of which must match.
        q | "search": Option<Text<100>>,
        /// Sort order; by name if absent.
        sort: Option<Sort<EquipmentOrder>>,
    }
}

/// The most labels of a document: ten pages.
pub const MOST_LABELS: u16 = 240;

input! {
    /// Machines whose labels are printed.
    pub struct LabelFilter {
        /// These machines; at most 240. They are printed in this order, and the other filters have
        /// no effect.
        ids: AnyOf<EquipmentId>,
        /// Machines of a type of equipment that are in service.
        equipment_type | "type": Option<Text<100>>,
        /// Machines at a berth that are in service.
        berth: Option<Text<50>>,
    }
}

impl LabelFilter {
    /// The machines to print, each once, in order; empty if the other filters choose them.
    pub fn chosen(&self) -> Result<Vec<EquipmentId>, Invalid> {
        let mut chosen = Vec::new();
        for id in self.ids.values() {
            if !chosen.contains(id) {
                chosen.push(*id);
            }
        }
        if chosen.len() > usize::from(MOST_LABELS) {
            return Err(Invalid::field("ids", message!("may be at most {max} at once", max = MOST_LABELS)));
        }
        Ok(chosen)
    }

    /// The machines in service of a type or at a berth.
    pub fn in_service(&self) -> EquipmentFilter {
        let is_in_service = |status: &&EquipmentStatus| **status != EquipmentStatus::OutOfService;
        EquipmentFilter {
            status: EquipmentStatus::ALL.iter().filter(is_in_service).copied().collect(),
            equipment_type: self.equipment_type.clone(),
            berth: self.berth.clone(),
            assigned_technician_id: None,
            q: None,
            sort: None,
        }
    }
}

impl NewEquipment {
    /// Builds the machine to register.
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
    /// Applies the changes.
    #[must_use]
    pub fn changed(&self, changes: EquipmentChanges, now: Instant) -> Self {
        let mut after = Self { updated_at: now, ..self.clone() };
        changes.name.apply(&mut after.name);
        changes.name_ar.apply(&mut after.name_ar);
        changes.equipment_type.apply(&mut after.equipment_type);
        changes.equipment_type_ar.apply(&mut after.equipment_type_ar);
        changes.serial_number.apply(&mut after.serial_number);
        changes.location.apply_original(&mut after.location, self.location_ar.as_deref());
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

    /// Decommissions the machine; it is never deleted (§2).
    #[must_use]
    pub fn decommissioned(&self, now: Instant) -> Self {
        Self { status: EquipmentStatus::OutOfService, updated_at: now, ..self.clone() }
    }
}

/// Whether inspections of a type of equipment are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// An active routine names the type.
    pub has_routine: bool,
    /// A checklist of the type is active.
    pub has_checklist: bool,
}

impl Equipment {
    /// Warnings about a type that no active routine or no active checklist covers (§2).
    pub fn not_covered(&self, coverage: Coverage) -> Vec<Warning> {
        let of_type = self.equipment_type.as_str();
        let checks = [
            (coverage.has_routine, message!("no active routine covers the type {of_type}", of_type)),
            (coverage.has_checklist, message!("no active checklist covers the type {of_type}", of_type)),
        ];
        let warning = |message| Warning::of_field(WarningCode::NotCovered, "equipment_type", message);
        checks.into_iter().filter(|(is_met, _)| !is_met).map(|(_, message)| warning(message)).collect()
    }
}

/// Checks that the responsible person is an active inspector or specialist (§2).
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
    use crate::{
        input::Input,
        rule::Rule,
        testing::{changes, equipment, fields, id, later, now, user},
    };
    use serde_json::json;

    #[test]
    fn only_an_active_inspector_or_specialist_is_responsible_for_a_machine() {
        for &role in Role::ALL {
            let person = user(role);
            let fine = matches!(role, Role::Inspector | Role::Specialist);
            assert_eq!(may_look_after(Some(&person)).is_ok(), fine, "{role}");
            let inactive = User { is_active: false, ..person };
            for technician in [None, Some(&inactive)] {
                let wrong = may_look_after(technician).expect_err("refused");
                assert_eq!(wrong.fields()[0].field, "assigned_technician_id");
            }
        }
    }

    fn whole() -> serde_json::Value {
        json!({
            "name": "Pump 2", "name_ar": "مضخة ٢", "equipment_type": "pump", "equipment_type_ar": "مضخة",
            "serial_number": "P-2", "location": "Hall", "location_ar": "قاعة", "berth": "B2",
            "home_berth": "B3", "status": "paused", "assigned_technician_id": 3, "manufacturer": "M",
            "model_number": "N", "installation_date": "2020-01-02",
        })
    }

    #[test]
    fn a_new_machine_has_what_was_entered_or_the_defaults() {
        let register = |body| NewEquipment::from_json(body).expect("a machine").register(now());
        let all = register(whole());
        let least =
            json!({"name": "Pump 2", "equipment_type": "pump", "serial_number": "P-2", "berth": "B2"});
        insta::assert_snapshot!(fields(&all).join("\n"), @r#"
        id: EquipmentId(0)
        name: "Pump 2"
        name_ar: Some("مضخة ٢")
        equipment_type: "pump"
        equipment_type_ar: Some("مضخة")
        serial_number: "P-2"
        location: Some("Hall")
        location_ar: Some("قاعة")
        berth: Some("B2")
        home_berth: Some("B3")
        status: Paused
        assigned_technician_id: Some(UserId(3))
        manufacturer: Some("M")
        model_number: Some("N")
        installation_date: Some(Date(2020-01-02))
        created_at: Instant(2026-03-01T07:00:00Z)
        updated_at: Instant(2026-03-01T07:00:00Z)
        "#);
        insta::assert_snapshot!(changes(&[("the least", &all, &register(least))]), @r#"
        the least
          name_ar: None
          equipment_type_ar: None
          location: None
          location_ar: None
          home_berth: Some("B2")
          status: Active
          assigned_technician_id: None
          manufacturer: None
          model_number: None
          installation_date: None
        "#);
    }

    #[test]
    fn every_transition_changes_these_fields() {
        let change = |before: &Equipment, body| {
            before.changed(EquipmentChanges::from_json(body).expect("input"), later())
        };
        let before = Equipment { id: id(7), location_ar: Some("رصيف".into()), ..equipment() };
        let all = change(&before, whole());
        let optional = [
            "name_ar",
            "equipment_type_ar",
            "location",
            "location_ar",
            "berth",
            "home_berth",
            "assigned_technician_id",
            "manufacturer",
            "model_number",
            "installation_date",
        ];
        let cleared = change(&all, optional.into_iter().map(|field| (field, json!(null))).collect());
        insta::assert_snapshot!(changes(&[
            ("change everything", &before, &all),
            ("clear everything", &all, &cleared),
            ("return the Arabic text", &before, &change(&before, json!({"location": "رصيف"}))),
            ("decommission", &before, &before.decommissioned(later())),
        ]), @r#"
        change everything
          name: "Pump 2"
          name_ar: Some("مضخة ٢")
          equipment_type: "pump"
          equipment_type_ar: Some("مضخة")
          serial_number: "P-2"
          location: Some("Hall")
          location_ar: Some("قاعة")
          berth: Some("B2")
          home_berth: Some("B3")
          status: Paused
          assigned_technician_id: Some(UserId(3))
          manufacturer: Some("M")
          model_number: Some("N")
          installation_date: Some(Date(2020-01-02))
          updated_at: Instant(2026-03-01T08:00:00Z)
        clear everything
          name_ar: None
          equipment_type_ar: None
          location: None
          location_ar: None
          berth: None
          home_berth: None
          assigned_technician_id: None
          manufacturer: None
          model_number: None
          installation_date: None
        return the Arabic text
          updated_at: Instant(2026-03-01T08:00:00Z)
        decommission
          status: OutOfService
          updated_at: Instant(2026-03-01T08:00:00Z)
        "#);
    }

    #[test]
    fn a_repair_changes_the_status_of_a_machine_that_may_run() {
        use EquipmentStatus::{Active, OutOfService, Paused, Stopped, UnderMaintenance};
        let all = [Active, UnderMaintenance, OutOfService, Stopped, Paused];
        assert_eq!(all, EquipmentStatus::ALL);
        assert_eq!(
            all.map(EquipmentStatus::under_repair),
            [UnderMaintenance, UnderMaintenance, OutOfService, Stopped, UnderMaintenance]
        );
        assert_eq!(all.map(EquipmentStatus::after_repair), [Active, Active, OutOfService, Stopped, Paused]);
    }

    #[test]
    fn a_type_that_is_never_inspected_is_warned_about() {
        for (has_routine, has_checklist, warned) in
            [(true, true, 0), (false, true, 1), (true, false, 1), (false, false, 2)]
        {
            let warnings = equipment().not_covered(Coverage { has_routine, has_checklist });
            assert_eq!(warnings.len(), warned);
            let about_type = |one: &Warning| {
                (one.code, one.field.as_deref()) == (WarningCode::NotCovered, Some("equipment_type"))
            };
            assert!(warnings.iter().all(about_type), "{warnings:?}");
        }
    }
}
