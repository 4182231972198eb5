//! Environment variables of the test run.

use std::{env, ffi::OsString};

/// The value of a variable that describes the machine or the run, such as `PATH`.
#[expect(clippy::disallowed_methods, reason = "the machine defines where its programs are")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}
