//! Warnings: hints beside a success.

use serde::Serialize;

use crate::{input::text_enum, message::Message, text::Language};

text_enum! {
    /// Stable code of a warning, for comparison by clients.
    pub enum WarningCode {
        /// A member of a team works another shift.
        OtherShift = "OTHER_SHIFT",
        /// A member of a team is off on the day.
        OffDuty = "OFF_DUTY",
        /// A member of a team is on leave during a half of the shift.
        HalfDayLeave = "HALF_DAY_LEAVE",
        /// A member of a team has requested leave, which is pending.
        LeaveRequested = "LEAVE_REQUESTED",
        /// No active routine or no active checklist covers the type of a machine.
        NotCovered = "NOT_COVERED",
        /// An answer names a photo by its address on the phone, which was not stored.
        PhotoNotUploaded = "PHOTO_NOT_UPLOADED",
        /// The clock of a phone is wrong, and times were corrected.
        ClockCorrected = "CLOCK_CORRECTED",
    }
}

/// A hint beside a success: the command is carried out, but deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warning {
    /// Stable code.
    pub code: WarningCode,
    /// Human-readable message, in the language of the reader.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub message: Message,
    /// Path of the field that causes it, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub field: Option<String>,
}

impl Warning {
    /// A warning about a field.
    pub fn of_field(code: WarningCode, field: impl Into<String>, message: impl Into<Message>) -> Self {
        Self { code, message: message.into(), field: Some(field.into()) }
    }

    /// The same warning with its message in a language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Self {
        let message = self.message.in_language(language).into_owned().into();
        Self { message, ..self.clone() }
    }
}
