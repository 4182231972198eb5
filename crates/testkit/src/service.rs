//! The program as a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The running program, in a folder of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    child: Child,
    base: String,
    started_in: Duration,
    folder: TempDir,
}

impl Service {
    /// Starts the program in the profile `development` with these settings only, and waits until it
    /// listens.
    ///
    /// # Panics
    ///
    /// When it doesn't start.
    pub fn start(program: &Path, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let started = Instant::now();
        let mut child = Command::new(program)
            .current_dir(folder.path())
            .env_clear()
            .envs([("PORT", "0"), ("LOG_LEVEL", "warn")])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stdout.take().expect("output")).lines().map_while(Result::ok);
        let mut base = None;
        for line in lines {
            base = line.trim().strip_prefix("Listening on ").map(ToOwned::to_owned).or(base);
            if line.ends_with("Ctrl-C") {
                break;
            }
        }
        let started_in = started.elapsed();
        let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let base = base.unwrap_or_else(|| panic!("the program doesn't listen: {}", log()));
        Self { child, base, started_in, folder }
    }

    /// Base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Time from the start of the process until it listened.
    pub const fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Folder in which the program runs.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in kB.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Whether the process runs.
    ///
    /// # Panics
    ///
    /// When its state is unknown.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_none()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).expect("a log");
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process has exited, unless the caller is done with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
