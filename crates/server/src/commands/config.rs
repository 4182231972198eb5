//! `config`: shows the effective configuration.

use anyhow::Result;
use clap::Subcommand;

use super::output::{say, table};
use crate::config::{Config, Resolved, Sources};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List every variable with its value and its source; secrets are masked.
    Show,
}

pub(super) fn run(action: &Action) -> Result<()> {
    let Action::Show = action;
    let resolved = Sources::from_system()?.resolve();
    say(shown(&resolved))?;
    // Printed before the validation, so that the sources of invalid values are visible.
    let config = Config::validate(&resolved)?;
    for warning in config.warnings() {
        say(format!("\nwarning: {warning}"))?;
    }
    Ok(())
}

fn shown(resolved: &Resolved) -> String {
    let heading = ["variable", "value", "from"].map(String::from).to_vec();
    let lines = resolved.shown().into_iter().map(|line| {
        let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        vec![line.name, dash(line.value), dash(line.from)]
    });
    table(&std::iter::once(heading).chain(lines).collect::<Vec<_>>())
}
