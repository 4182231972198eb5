//! Logs: text or JSON to stderr. Stdout is for people and for what commands print.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

/// What is logged: our crates at the level asked for, libraries no deeper than `INFO` unless everything is
/// asked for.
fn filter(level: LevelFilter) -> Targets {
    let libraries = if level == LevelFilter::DEBUG { LevelFilter::INFO } else { level };
    Targets::new().with_default(libraries).with_target("inspection_", level)
}

/// Starts logging; once per process, again changes nothing.
pub fn start(level: LevelFilter, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Only fails when logging was started before, by whoever embeds the program.
    let _ = match format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(layer.with_ansi(colours)).try_init()
        }
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn debug_is_for_our_own_crates() {
        let filter = filter(LevelFilter::DEBUG);
        assert!(filter.would_enable("inspection_http::app", &Level::DEBUG));
        assert!(!filter.would_enable("actix_server", &Level::DEBUG));
        assert!(filter.would_enable("actix_server", &Level::INFO));
    }

    #[test]
    fn trace_and_error_are_for_all() {
        assert!(filter(LevelFilter::TRACE).would_enable("actix_server", &Level::TRACE));
        assert!(!filter(LevelFilter::ERROR).would_enable("actix_server", &Level::INFO));
    }
}
