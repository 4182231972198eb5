//! Logs: text or JSON on stderr, and optionally in a rotated file. Stdout is for the output of
//! commands.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use inspection_operations::log_file::LogFile;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{
    filter::Targets, fmt::writer::BoxMakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// The filter: this workspace at the configured level, libraries at `INFO` in `DEBUG`.
///
/// The HTTP library reports a request that it cannot parse as an error, which any client could
/// repeat; the response is 400.
fn filter(level: LevelFilter) -> Targets {
    let libraries = if level == LevelFilter::DEBUG { LevelFilter::INFO } else { level };
    let connections = if level == LevelFilter::TRACE { level } else { LevelFilter::OFF };
    Targets::new()
        .with_default(libraries)
        .with_target("inspection_", level)
        .with_target("actix_http::h1::dispatcher", connections)
}

/// The guard of the log writer. Dropping it flushes pending lines.
#[derive(Debug)]
#[must_use]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Starts logging to stderr, for short-lived commands. A second call changes nothing.
pub fn start(level: LevelFilter, format: LogFormat) {
    install(level, format, BoxMakeWriter::new(io::stderr), io::stderr().is_terminal());
}

/// Starts logging for a service, to stderr and optionally to a file. A background thread writes the
/// lines, so that requests don't wait for a slow terminal or disk; if its queue is full, new lines
/// are dropped.
pub fn start_in_background(level: LevelFilter, format: LogFormat, file: Option<&Path>) -> Logging {
    let colours = io::stderr().is_terminal() && file.is_none();
    let (writer, guard) = NonBlocking::new(Tee { file: file.map(LogFile::new) });
    install(level, format, BoxMakeWriter::new(writer), colours);
    Logging { _writer: guard }
}

fn install(level: LevelFilter, format: LogFormat, writer: BoxMakeWriter, colours: bool) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    // Fails only if the embedding program has started logging.
    let _ = match format {
        LogFormat::Text => registry.with(layer.with_ansi(colours)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
}

/// Writes to stderr and to an optional file.
struct Tee {
    file: Option<LogFile>,
}

impl Write for Tee {
    /// Writes a line. An error of one target affects neither the other nor the caller.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(line);
        if let Some(file) = &mut self.file {
            file.write_line(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_apply_to_libraries_except_debug() {
        let filter = filter(LevelFilter::DEBUG);
        assert!(filter.would_enable("inspection_http::app", &Level::DEBUG));
        assert!(!filter.would_enable("actix_server", &Level::DEBUG));
        assert!(filter.would_enable("actix_server", &Level::INFO));
        assert!(super::filter(LevelFilter::TRACE).would_enable("actix_server", &Level::TRACE));
        assert!(!super::filter(LevelFilter::ERROR).would_enable("actix_server", &Level::INFO));
    }

    #[test]
    fn requests_that_cannot_be_parsed_are_no_errors() {
        for (level, is_logged) in [(LevelFilter::INFO, false), (LevelFilter::TRACE, true)] {
            let filter = filter(level);
            assert_eq!(filter.would_enable("actix_http::h1::dispatcher", &Level::ERROR), is_logged);
        }
    }
}
