//! `check`: whether this configuration is fit for production on this machine.

use anyhow::Result;
use inspection_operations::check;

use super::findings;
use crate::{
    config::{Config, Sources},
    wire,
};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let resolved = Sources::from_system()?.resolve();
    let deployment = Config::validate(&resolved).map(|config| wire::deployment(&config));
    let deployment = deployment.as_ref().map_err(|problems| problems.each().collect());
    findings::print(check::run(deployment, &wire::secrets(&resolved)), args.json)
}
