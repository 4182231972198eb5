#![doc = include_str!("../README.md")]

pub mod passwords;
pub mod permissions;
pub mod tokens;
