#![doc = include_str!("../README.md")]

pub mod cli;
pub mod config;
pub mod logging;
pub mod wire;
pub mod world;
