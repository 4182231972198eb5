//! Roles of people.

use crate::input::text_enum;

text_enum! {
    /// Role of a person at the site.
    pub enum Role {
        /// Administers the service and its data.
        Admin = "admin",
        /// Inspects equipment.
        Inspector = "inspector",
        /// Repairs equipment.
        Specialist = "specialist",
        /// Plans repairs and projects.
        Engineer = "engineer",
        /// Reviews repairs.
        QualityEngineer = "quality_engineer",
    }
}

impl Role {
    /// Prefix of the badges of this role.
    pub const fn badge_prefix(self) -> &'static str {
        match self {
            Self::Admin => "ADM",
            Self::Inspector => "INS",
            Self::Specialist => "SPE",
            Self::Engineer => "ENG",
            Self::QualityEngineer => "QE",
        }
    }
}
