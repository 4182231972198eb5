//! The shift that a phone takes along (rule book §15).

use crate::{
    input::{AnyOf, input},
    time::Date,
    users::Shift,
};

input! {
    /// The day and the shift.
    pub struct DayQuery {
        /// The day; today if absent.
        date: Option<Date>,
        /// Filter by shift.
        shift: AnyOf<Shift>,
    }
}
