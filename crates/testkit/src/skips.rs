//! Tests skipped because the machine lacks a program, counted and reported.
//!
//! [`skip`] is the only way to a [`Skipped`], and [`or_skip!`](crate::or_skip) the only way to
//! return early with one: no test is skipped without being counted. Every test binary reports its
//! own skips when it ends. `cargo test --workspace` runs the documentation tests last, in the order
//! of the crates' names, and those of this crate report the skips of all binaries.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::process::parent_id,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use crate::environment::variable;

/// Prefix of the files that collect the skips of one run.
const PREFIX: &str = "inspection-skipped-";

/// Separates the fields of a line: program, test binary, test.
const SEPARATOR: char = '\t';

/// Skips of this process.
static SKIPS: Mutex<BTreeSet<Skip>> = Mutex::new(BTreeSet::new());

/// Proof that a skip was recorded.
#[derive(Debug)]
#[must_use = "a test without its program has to return"]
pub struct Skipped(());

/// A test that lacks a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Skip {
    program: String,
    binary: String,
    test: String,
}

/// A process, distinguished from later ones with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// Clock ticks since boot; 0 where `/proc` doesn't exist.
    started: u64,
}

/// Unwraps a `Result` with [`Skipped`] as its error, or returns from the test.
#[macro_export]
macro_rules! or_skip {
    ($available:expr) => {
        match $available {
            Ok(available) => available,
            Err(skipped) => {
                let _: $crate::skips::Skipped = skipped;
                return;
            }
        }
    };
}

/// Records that the current test is skipped because the machine lacks `program`.
///
/// # Panics
///
/// Under `CI=true`, where nothing may be skipped.
pub fn skip(program: &str) -> Skipped {
    assert!(variable("CI").is_none_or(|ci| ci != "true"), "{program} is not installed");
    let skip = Skip {
        program: program.to_owned(),
        binary: binary(),
        test: thread::current().name().unwrap_or("unnamed").to_owned(),
    };
    if SKIPS.lock().unwrap_or_else(PoisonError::into_inner).insert(skip.clone())
        && let Some(run) = Process::run()
    {
        // The report of this process is complete without the file of the run.
        let _ = append(&run.file(), &skip);
    }
    Skipped(())
}

/// Path of a program on `PATH` or in a folder of system administration.
///
/// # Panics
///
/// As [`skip`].
pub fn program(name: &str) -> Result<PathBuf, Skipped> {
    find(name).ok_or_else(|| skip(name))
}

/// Path of a program, without recording a skip.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let administration = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(administration).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Name of this test binary, without the hash that Cargo appends.
fn binary() -> String {
    let path = env::current_exe().unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(&*stem, |(name, _)| name).to_owned()
}

impl Skip {
    fn line(&self) -> String {
        [&self.program, &self.binary, &self.test].map(String::as_str).join(&SEPARATOR.to_string())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(SEPARATOR).map(ToOwned::to_owned);
        Some(Self { program: fields.next()?, binary: fields.next()?, test: fields.next()? })
    }
}

impl Process {
    /// The Cargo that runs this test binary; `None` for a binary started by hand.
    fn run() -> Option<Self> {
        variable("CARGO")?;
        let parent = parent_id();
        let rustdoc = Self::name(parent).is_some_and(|name| name == "rustdoc");
        Some(Self::numbered(if rustdoc { Self::parent(parent)? } else { parent }))
    }

    fn numbered(pid: u32) -> Self {
        Self { pid, started: Self::status(pid, 19).unwrap_or_default() }
    }

    fn name(pid: u32) -> Option<String> {
        Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
    }

    fn parent(pid: u32) -> Option<u32> {
        Self::status(pid, 1)?.try_into().ok()
    }

    /// A number in `/proc/<pid>/stat`, by its place after the name.
    fn status(pid: u32, place: usize) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        status.rsplit_once(") ")?.1.split(' ').nth(place)?.parse().ok()
    }

    fn file(self) -> PathBuf {
        env::temp_dir().join(format!("{PREFIX}{}-{}", self.pid, self.started))
    }

    fn of_file(name: &str) -> Option<Self> {
        let (pid, started) = name.strip_prefix(PREFIX)?.split_once('-')?;
        Some(Self { pid: pid.parse().ok()?, started: started.parse().ok()? })
    }
}

/// Adds a line in one write, which doesn't mix with those of other processes.
fn append(file: &Path, skip: &Skip) -> io::Result<()> {
    if !file.exists() {
        remove_finished(&env::temp_dir())?;
    }
    let line = format!("{}\n", skip.line());
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// Removes the files of runs that have ended.
fn remove_finished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let run = entry.file_name().to_str().and_then(Process::of_file);
        if run.is_some_and(|run| Process::numbered(run.pid) != run) {
            // Another process may have removed it.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Number of tests, and of the tests that lack each program, such as `3 tests (nginx 1, Redis 2)`.
fn count(skips: &BTreeSet<Skip>) -> String {
    let tests: BTreeSet<_> = skips.iter().map(|skip| (&skip.binary, &skip.test)).collect();
    let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
    for skip in skips {
        *programs.entry(&skip.program).or_default() += 1;
    }
    let mut text = format!("{} {}", tests.len(), if tests.len() == 1 { "test" } else { "tests" });
    for (place, (program, tests)) in programs.into_iter().enumerate() {
        let _ = write!(text, "{}{program} {tests}", if place == 0 { " (" } else { ", " });
    }
    if !tests.is_empty() {
        text.push(')');
    }
    text
}

/// The report of a run: the skips in its file.
fn report_of_run(file: &Path) -> String {
    let lines = fs::read_to_string(file).unwrap_or_default();
    let skips: BTreeSet<Skip> = lines.lines().filter_map(Skip::parse).collect();
    if skips.is_empty() {
        return "skipped in all: 0 tests".to_owned();
    }
    format!("skipped in all: {}; listed in {}", count(&skips), file.display())
}

/// Reports at the end of the process, past the capture of output: a test binary reports its own
/// skips, the documentation tests of this crate those of the run.
#[dtor::dtor(unsafe)]
fn report() {
    let is_doctest = Process::name(parent_id()).is_some_and(|name| name == "rustdoc");
    let report = if is_doctest {
        Process::run().map(|run| report_of_run(&run.file()))
    } else {
        let skips = SKIPS.lock().unwrap_or_else(PoisonError::into_inner);
        (!skips.is_empty()).then(|| format!("skipped in {}: {}", binary(), count(&skips)))
    };
    if let Some(report) = report {
        let _ = writeln!(io::stderr(), "{report}\n");
    }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    fn skips(all: [(&str, &str, &str); 4]) -> BTreeSet<Skip> {
        let skip = |(program, binary, test): (&str, &str, &str)| Skip {
            program: program.to_owned(),
            binary: binary.to_owned(),
            test: test.to_owned(),
        };
        all.into_iter().map(skip).collect()
    }

    #[test]
    fn a_report_counts_tests_and_programs() {
        let all = skips([
            ("PostgreSQL", "persistence", "users::postgres"),
            ("PostgreSQL", "service", "users::postgres"),
            ("nginx", "program", "behind_a_proxy"),
            ("PostgreSQL", "program", "behind_a_proxy"),
        ]);
        assert_eq!(count(&all), "3 tests (PostgreSQL 3, nginx 1)");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skips");
        assert_eq!(report_of_run(&file), "skipped in all: 0 tests");
        for skip in &all {
            append(&file, skip).unwrap();
        }
        let report = report_of_run(&file);
        assert!(
            report.starts_with("skipped in all: 3 tests (PostgreSQL 3, nginx 1); listed in "),
            "{report}"
        );
    }

    #[test]
    fn files_of_finished_runs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mine = Process::numbered(process::id());
        let earlier = Process { started: mine.started + 1, ..mine };
        for run in [mine, earlier] {
            fs::write(folder.path().join(run.file().file_name().unwrap()), "").unwrap();
        }
        remove_finished(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [folder.path().join(mine.file().file_name().unwrap())]);
    }
}
