//! `config`: shows the effective configuration.

use anyhow::Result;
use clap::Subcommand;

use super::{say, table};
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
    let config = Config::check(&resolved)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_their_origin_and_without_secrets() {
        let sources = Sources {
            environment: vec![
                ("SECRET_KEY".into(), "hush-hush".into()),
                ("GUNICORN_WORKERS".into(), "3".into()),
            ],
            ..Sources::default()
        };
        let text = shown(&sources.resolve());
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect("shown");
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("SECRET_KEY"), "SECRET_KEY ******** environment");
        assert_eq!(line("WORKERS"), "WORKERS 3 environment (GUNICORN_WORKERS)");
        assert_eq!(line("LOG_FORMAT"), "LOG_FORMAT text default");
        assert_eq!(line("PORT"), "PORT – –");
        assert!(!text.contains("hush"));
    }
}
