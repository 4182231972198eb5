#![doc = include_str!("../README.md")]

pub mod cursors;
pub mod keys;
pub mod links;
pub mod passwords;
pub mod permissions;
pub mod tokens;
