#![doc = include_str!("../README.md")]

mod background;
mod blocking;
pub mod files;
pub mod outbox;
mod stream_backend;
mod tasks;
pub mod translations;
pub mod translator;

pub use background::{Background, BackgroundSettings, all_tasks};
