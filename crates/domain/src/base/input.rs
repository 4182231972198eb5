//! Inputs: typed commands and filters, with errors for **every** invalid field.
//!
//! A command or filter is declared once with the `input!` macro. The declaration yields its names
//! in JSON, its parser for JSON objects and query strings, and its schema in the API document.

#[cfg(feature = "openapi")]
mod example;
mod field;
mod invalid;
mod macros;
mod object;
mod raw;
mod scalar;
mod values;

pub use field::{Change, Field, Patch};
pub use invalid::Invalid;
#[cfg(feature = "diesel")]
pub(crate) use macros::stored_as_json;
pub(crate) use macros::{input, text_enum};
#[cfg(feature = "openapi")]
pub use object::FieldDoc;
pub use object::{Input, NonEmptyList, Object};
pub use raw::{RawInput, RawValue};
pub use scalar::Scalar;
pub(crate) use scalar::whole;
#[cfg(feature = "openapi")]
pub(crate) use scalar::{number_or_text, object};
pub use values::{AnyOf, Integer, ValueList};

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares what other crates use")]
mod tests;
