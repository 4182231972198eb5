//! Journeys across features.

mod daily_list;
mod inspection_day;
pub(crate) mod repairs;
mod spellings;
