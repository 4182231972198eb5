#![doc = include_str!("../README.md")]

mod blocks;
mod code;
mod document;
mod error;
mod flow;
mod fonts;
mod labels;
mod numbers;
mod pages;
mod picture;
mod text;

pub use blocks::{Block, Cell, Column, Facts, Photo, Table, Tone};
pub use code::Code;
pub use document::{Document, Moment, Properties};
pub use error::Error;
pub use labels::{Label, print_labels};
pub use text::{Direction, Text, isolate, isolate_ltr};
