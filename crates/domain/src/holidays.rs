//! Holidays of the site, on which routines may rest (rule book §4).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    ids::{HolidayId, UserId},
    input::input,
    text::Text,
    time::{Date, Instant},
};

/// A holiday of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::holidays, treat_none_as_default_value = false)
)]
pub struct Holiday {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: HolidayId,
    /// The day; unique.
    pub date: Date,
    /// Name, in the reader's language.
    pub name: String,
    /// Name in Arabic.
    pub name_ar: Option<String>,
    /// User that added it.
    pub created_by_id: Option<UserId>,
    /// Creation time.
    pub created_at: Instant,
}

impl crate::entity::Entity for Holiday {
    const NAME: &'static str = "holiday";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

crate::shows!(Holiday {});

input! {
    /// A holiday to add.
    pub struct NewHoliday {
        /// The day.
        date: Date,
        /// Name.
        name | "name_en": Text<200>,
        /// Name in Arabic.
        name_ar: Option<Text<200>>,
    }
}

input! {
    /// Filter of a list of holidays, the earliest first.
    pub struct HolidayFilter {
        /// Earliest day.
        date_from: Option<Date>,
        /// Latest day.
        date_to: Option<Date>,
    }
}

impl NewHoliday {
    /// Builds the holiday.
    pub fn draft(self, by: UserId, now: Instant) -> Holiday {
        Holiday {
            id: HolidayId::UNSAVED,
            date: self.date,
            name: self.name.into(),
            name_ar: self.name_ar.map(Into::into),
            created_by_id: Some(by),
            created_at: now,
        }
    }
}

/// The dates of holidays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holidays(BTreeSet<Date>);

impl Holidays {
    /// Whether a date is a holiday.
    pub fn contains(&self, date: Date) -> bool {
        self.0.contains(&date)
    }
}

impl FromIterator<Date> for Holidays {
    fn from_iter<I: IntoIterator<Item = Date>>(dates: I) -> Self {
        Self(dates.into_iter().collect())
    }
}
