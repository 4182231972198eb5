//! `health`: the probes of containers, as one line and an exit code.

use anyhow::Result;
use inspection_operations::readiness::{Probe, own_address, probe};

use super::output::say;
use crate::config::{Config, Sources};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the service; by default the configured one.
    #[arg(long)]
    url: Option<String>,
    /// Check whether the process responds, with or without its database.
    #[arg(long)]
    live: bool,
}

pub(super) fn run(args: Args) -> Result<()> {
    let base = match args.url {
        Some(url) => url,
        // Without logging: a probe every few seconds must not fill the log.
        None => own_address(Config::load(&Sources::from_system()?)?.address()),
    };
    let question = if args.live { Probe::Live } else { Probe::Ready };
    Ok(say(probe(&base, question)?)?)
}
