//! What every feature stands on: inputs, texts, instants, ids, pages and refusals.

pub mod ids;
pub mod input;
pub mod page;
pub mod rule;
pub mod text;
pub mod time;
pub mod weekdays;
