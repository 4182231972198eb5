//! `check`: whether this configuration is fit for production on this machine, or with `--data`
//! whether the stored data keep the invariants.

use anyhow::Result;
use inspection_operations::check;

use super::{database::opened, findings};
use crate::{
    config::{Config, Sources},
    wire,
};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Check the invariants of the stored data and files instead.
    #[arg(long)]
    data: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if args.data {
        let config = Config::load(&Sources::from_system()?)?;
        let (database, context) = opened(&config)?;
        return findings::print(check::data(&database, &wire::storage(&config)?, &context)?, args.json);
    }
    let resolved = Sources::from_system()?.resolve();
    let deployment = Config::validate(&resolved).map(|config| wire::deployment(&config));
    let deployment = deployment.as_ref().map_err(|problems| problems.each().collect());
    findings::print(check::run(deployment, &wire::secrets(&resolved)), args.json)
}
