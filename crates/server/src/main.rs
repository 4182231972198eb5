//! The entry point. The library does the work, so that tests can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    inspection_server::commands::run(std::env::args_os())
}
