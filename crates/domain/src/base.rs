//! Building blocks of every feature: inputs, texts, time, ids, pages and errors. Uses no feature.

pub(crate) mod characters;
pub mod entity;
pub mod ids;
pub mod input;
pub mod key;
pub mod message;
pub mod number;
pub mod page;
pub mod rule;
pub mod search;
pub mod text;
pub mod time;
pub mod warning;
pub mod weekdays;
