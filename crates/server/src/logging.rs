//! Logs: text or JSON on stderr, and optionally in a rotated file. Stdout is for the output of
//! commands.

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

/// Size in bytes at which the log file is rotated.
pub const FILE_SIZE: usize = 10 << 20;

/// Number of rotated log files that are kept.
pub const FILES_KEPT: usize = 5;

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
    let (writer, guard) = NonBlocking::new(Tee { file: file.map(RotatingFile::new) });
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
    file: Option<RotatingFile>,
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

/// A rotated file; older files are kept as `….1`, `….2` and so on. After a failure, such as a full
/// disk or a removed folder, the next line tries again.
struct RotatingFile {
    path: PathBuf,
    file: Option<FileRotate<AppendCount>>,
    /// Whether the last line was written partially or not at all.
    is_broken: bool,
}

impl RotatingFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, is_broken: false }
    }

    fn write_line(&mut self, line: &[u8]) {
        // The library panics if files disappear during a rotation.
        let written = catch_unwind(AssertUnwindSafe(|| self.try_line(line)));
        let is_broken = !matches!(written, Ok(Ok(())));
        if is_broken {
            self.file = None;
        }
        if is_broken != self.is_broken {
            self.is_broken = is_broken;
            let notice: &[u8] = if is_broken {
                b"can't write the log file; logging to stderr only\n"
            } else {
                b"the log file is writable again\n"
            };
            let _ = io::stderr().write_all(notice);
        }
    }

    fn try_line(&mut self, line: &[u8]) -> io::Result<()> {
        // A moved or removed file is created again.
        if self.file.is_some() && !self.path.exists() {
            self.file = None;
        }
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // The library doesn't report a failure to open the file.
            std::fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
            let (suffix, limit) = (AppendCount::new(FILES_KEPT), ContentLimit::BytesSurpassed(FILE_SIZE));
            self.file = Some(FileRotate::new(&self.path, suffix, limit, Compression::None, None));
        }
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if self.is_broken {
            // Ends a partial line.
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

    #[test]
    fn files_rotate_at_ten_megabytes_and_five_are_kept() {
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
        assert!(sizes.iter().skip(1).all(|(_, size)| *size == 11 << 20), "lines are not split: {sizes:?}");
    }

    #[test]
    fn an_unwritable_file_is_tried_again_with_every_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join("logs");
        let mut file = RotatingFile::new(&logs.join("app.log"));
        file.write_line(b"one\n");
        fs::remove_dir_all(&logs).expect("removed");
        fs::write(&logs, "in the way").expect("a file");
        file.write_line(b"lost\n");
        assert!(file.is_broken);
        fs::remove_file(&logs).expect("removed");
        file.write_line(b"two\n");
        file.write_line(b"three\n");
        assert!(!file.is_broken);
        assert_eq!(fs::read_to_string(logs.join("app.log")).expect("a log"), "\ntwo\nthree\n");
    }

    #[test]
    fn a_full_disk_is_survived() {
        let mut file = RotatingFile::new(Path::new("/dev/full"));
        for _ in 0..3 {
            file.write_line(b"this line doesn't fit\n");
            assert!(file.is_broken);
        }
    }
}
