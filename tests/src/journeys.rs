//! Journeys across features.

mod daily_list;
mod inspection_day;
mod random_day;
pub(crate) mod repairs;
mod spellings;
