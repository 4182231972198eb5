//! Logs: text or JSON to stderr, and to a file if there is one. Stdout is for people and for what commands print.

use std::{
    io::{self, IsTerminal, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use file_rotate::{ContentLimit, FileRotate, compression::Compression, suffix::AppendCount};
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{
    filter::Targets, fmt::writer::BoxMakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// Bytes after which the file of the log begins anew.
pub const FILE_SIZE: usize = 10 << 20;

/// Files of the log that are kept beside the newest one.
pub const FILES_KEPT: usize = 5;

/// What is logged: our crates at the level asked for, libraries no deeper than `INFO` unless everything is
/// asked for.
fn filter(level: LevelFilter) -> Targets {
    let libraries = if level == LevelFilter::DEBUG { LevelFilter::INFO } else { level };
    Targets::new().with_default(libraries).with_target("inspection_", level)
}

/// Keeps what is logged coming; when it is dropped, what is still to be written is written.
#[derive(Debug)]
#[must_use]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Starts logging to stderr; once per process, again changes nothing. For commands, which are over soon.
pub fn start(level: LevelFilter, format: LogFormat) {
    install(level, format, BoxMakeWriter::new(io::stderr), io::stderr().is_terminal());
}

/// Starts logging for a service: lines are written beside the requests, so that nobody waits for a slow terminal or disk; if too
/// many wait, the newest are lost. With a file, they are also written there.
pub fn start_beside(level: LevelFilter, format: LogFormat, file: Option<&Path>) -> Logging {
    let colours = io::stderr().is_terminal() && file.is_none();
    let (writer, guard) = NonBlocking::new(Tee { file: file.map(RotatingFile::new) });
    install(level, format, BoxMakeWriter::new(writer), colours);
    Logging { _writer: guard }
}

fn install(level: LevelFilter, format: LogFormat, writer: BoxMakeWriter, colours: bool) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    // Only fails when logging was started before, by whoever embeds the program.
    let _ = match format {
        LogFormat::Text => registry.with(layer.with_ansi(colours)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
}

/// Stderr, and the file if there is one.
struct Tee {
    file: Option<RotatingFile>,
}

impl Write for Tee {
    /// Writes a line. Neither place keeps the other one from getting it, and what can't be written is no reason to stop.
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

/// A file that begins anew when it is large, with the last few kept as `….1`, `….2` and so on. It survives a full disk, a
/// folder that goes away and whatever else may happen to it: the next line is tried afresh.
struct RotatingFile {
    path: PathBuf,
    file: Option<FileRotate<AppendCount>>,
    /// Whether the last line wasn't written, or not to its end.
    is_broken: bool,
}

impl RotatingFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, is_broken: false }
    }

    fn write_line(&mut self, line: &[u8]) {
        // The library panics if files disappear at the wrong moment.
        let written = catch_unwind(AssertUnwindSafe(|| self.try_line(line)));
        let is_broken = !matches!(written, Ok(Ok(())));
        if is_broken {
            self.file = None;
        }
        if is_broken != self.is_broken {
            self.is_broken = is_broken;
            let told: &[u8] = if is_broken {
                b"the file of the log can't be written to; its lines are only here\n"
            } else {
                b"the file of the log can be written to again\n"
            };
            let _ = io::stderr().write_all(told);
        }
    }

    fn try_line(&mut self, line: &[u8]) -> io::Result<()> {
        // A file that was moved or removed under us is made anew.
        if self.file.is_some() && !self.path.exists() {
            self.file = None;
        }
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // Whether it can be opened is told nowhere else.
            std::fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
            let (suffix, limit) = (AppendCount::new(FILES_KEPT), ContentLimit::BytesSurpassed(FILE_SIZE));
            self.file = Some(FileRotate::new(&self.path, suffix, limit, Compression::None, None));
        }
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if self.is_broken {
            // Half a line may be there.
            file.write_all(b"\n")?;
        }
        file.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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

    #[test]
    fn a_file_begins_anew_at_ten_megabytes_and_five_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = RotatingFile::new(&folder.path().join("logs/app.log"));
        let line = vec![b'x'; 1 << 20];
        for _ in 0..90 {
            file.write_line(&line);
        }
        let mut sizes: Vec<(String, u64)> = fs::read_dir(folder.path().join("logs"))
            .expect("files")
            .map(|entry| entry.expect("a file"))
            .map(|file| {
                (file.file_name().into_string().expect("a name"), file.metadata().expect("a size").len())
            })
            .collect();
        sizes.sort();
        let names: Vec<&str> = sizes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["app.log", "app.log.1", "app.log.2", "app.log.3", "app.log.4", "app.log.5"]);
        assert!(sizes.iter().skip(1).all(|(_, size)| *size == 11 << 20), "whole lines only: {sizes:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_to_is_tried_again_with_every_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("logs");
        let mut file = RotatingFile::new(&place.join("app.log"));
        file.write_line(b"one\n");
        fs::remove_dir_all(&place).expect("removed");
        fs::write(&place, "in the way").expect("a file");
        file.write_line(b"lost\n");
        assert!(file.is_broken);
        fs::remove_file(&place).expect("removed");
        file.write_line(b"two\n");
        file.write_line(b"three\n");
        assert!(!file.is_broken);
        assert_eq!(fs::read_to_string(place.join("app.log")).expect("a log"), "\ntwo\nthree\n");
    }

    #[test]
    fn a_full_disk_stops_nothing() {
        let mut file = RotatingFile::new(Path::new("/dev/full"));
        for _ in 0..3 {
            file.write_line(b"there is no room for this\n");
            assert!(file.is_broken);
        }
    }
}
