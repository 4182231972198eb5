#![doc = include_str!("../README.md")]

pub mod commands;
pub mod config;
pub mod logging;
mod supervisor;
pub mod system;
pub mod wire;
