#![doc = include_str!("../README.md")]

pub mod backups;
pub mod checklist;
pub mod cli;
pub mod config;
mod disk;
pub mod logging;
pub mod system;
pub mod wire;
