//! `health`: the readiness probe of containers, as one line and an exit code.

use anyhow::Result;
use inspection_operations::readiness::{own_address, probe};

use super::output::say;
use crate::config::{Config, Sources};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the service; by default the configured one.
    #[arg(long)]
    url: Option<String>,
}

pub(super) fn run(args: Args) -> Result<()> {
    let base = match args.url {
        Some(url) => url,
        // Without logging: a probe every few seconds must not fill the log.
        None => own_address(Config::load(&Sources::from_system()?)?.address()),
    };
    Ok(say(probe(&base)?)?)
}
