#![doc = include_str!("../README.md")]

pub mod links;
pub mod passwords;
pub mod permissions;
pub mod tokens;
