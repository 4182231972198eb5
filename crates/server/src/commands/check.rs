//! `check`: whether this configuration is fit for production on this machine.

use anyhow::Result;
use inspection_operations::check;

use super::findings;
use crate::{
    config::{Config, Resolved, Sources},
    wire,
};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    findings::print(all(&Sources::from_system()?.resolve()), args.json)
}

fn all(resolved: &Resolved) -> Vec<inspection_operations::Finding> {
    let deployment = Config::check(resolved).map(|config| wire::deployment(&config));
    let deployment = deployment.as_ref().map_err(|problems| problems.each().collect());
    check::run(deployment, &wire::secrets(resolved))
}

#[cfg(test)]
mod tests;
