//! PostgreSQL's own programs: which there are, and how they are run without showing a password.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::address::Address;

/// Where Debian and its relatives keep them, off `PATH`: one folder for each version.
const INSTALLED: &str = "/usr/lib/postgresql";

/// How often to look whether one has ended.
const LOOK: Duration = Duration::from_millis(50);

/// `pg_dump` and `pg_restore` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tools {
    /// Their folder; none if `PATH` has them.
    folder: Option<PathBuf>,
    major: u32,
}

impl Tools {
    /// Those that fit a server: of its own major version, or else the next newer one there is. Newer ones say things that
    /// older servers don't know.
    pub(super) fn find(folder: Option<&Path>, server: u32) -> Result<Self> {
        let folders = if let Some(folder) = folder {
            vec![Some(folder.to_owned())]
        } else {
            let installed = fs::read_dir(INSTALLED).into_iter().flatten().flatten();
            let installed = installed.map(|entry| Some(entry.path().join("bin")));
            std::iter::once(None).chain(installed).collect()
        };
        let found: Vec<Self> = folders
            .into_iter()
            .filter_map(|folder| Some(Self { major: major(folder.as_deref())?, folder }))
            .collect();
        let newest = found.iter().map(|tools| tools.major).max();
        let fitting = found.into_iter().filter(|tools| tools.major >= server).min_by_key(|tools| tools.major);
        fitting.ok_or_else(|| {
            let place = folder.map_or_else(
                || format!("on PATH or below {INSTALLED}"),
                |folder| format!("in {}", folder.display()),
            );
            let what = newest.map_or_else(
                || format!("there is no pg_dump {place}"),
                |newest| format!("the pg_dump {place} is of PostgreSQL {newest}, older than the server's {server}"),
            );
            anyhow!("{what}; install the client programs of PostgreSQL {server}, such as postgresql-client-{server}")
        })
    }

    fn command(&self, program: &str, address: &Address) -> Command {
        let mut command = Command::new(path(self.folder.as_deref(), program));
        // The address without the password: everybody on the machine sees command lines.
        command.arg("--no-password").arg(format!("--dbname={}", address.public()));
        if let Some(password) = address.password() {
            command.env("PGPASSWORD", password);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts to dump a state of a database into a file.
    pub(super) fn dump(&self, address: &Address, snapshot: &str, to: &Path) -> Result<Run> {
        let mut command = self.command("pg_dump", address);
        command.args(["--format=custom", &format!("--snapshot={snapshot}")]).arg("--file").arg(to);
        Run::start("pg_dump", command, address)
    }

    /// Starts to put a dump into a database, all of it or nothing. `replacing` what is there, if it is.
    pub(super) fn restore(&self, address: &Address, from: &Path, replacing: bool) -> Result<Run> {
        let mut command = self.command("pg_restore", address);
        // Roles of the old server need not be here: everything belongs to whoever restores it.
        command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
        if replacing {
            command.args(["--clean", "--if-exists"]);
        }
        command.arg(from);
        Run::start("pg_restore", command, address)
    }
}

fn path(folder: Option<&Path>, program: &str) -> PathBuf {
    folder.map_or_else(|| program.into(), |folder| folder.join(program))
}

/// The major version of the programs in a folder, if both are there.
fn major(folder: Option<&Path>) -> Option<u32> {
    let version = |program: &str| {
        let output =
            Command::new(path(folder, program)).arg("--version").stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| version_in(&String::from_utf8_lossy(&output.stdout)))?
    };
    let (dump, restore) = (version("pg_dump")?, version("pg_restore")?);
    (dump == restore).then_some(dump)
}

/// The major version in what `--version` prints: `pg_dump (PostgreSQL) 16.14 (Debian 16.14-1)`.
fn version_in(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// One of the programs at work; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Run {
    name: &'static str,
    child: Child,
    said: Option<JoinHandle<String>>,
    address: Address,
}

impl Run {
    fn start(name: &'static str, mut command: Command, address: &Address) -> Result<Self> {
        let mut child = command.spawn().with_context(|| format!("can't start {name}"))?;
        let mut errors = child.stderr.take().context("no way to hear it")?;
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        Ok(Self { name, child, said: Some(said), address: address.clone() })
    }

    /// Waits for its end; `meanwhile` is called now and then. What it says about a failure is the error, without the password.
    pub(super) fn finish(mut self, mut meanwhile: impl FnMut()) -> Result<()> {
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            meanwhile();
            thread::sleep(LOOK);
        };
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        if !status.success() {
            bail!("{} has failed ({status}): {}", self.name, self.address.without_password(said.trim()));
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.said.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Says no to an address whose password everybody on the machine can see.
pub(super) fn seen_by_everybody(url: &str) -> Result<Address> {
    let address = Address::parse(url)?;
    ensure!(
        address.password().is_none(),
        "a password in an argument can be seen by everybody on this machine; leave it to PGPASSWORD or ~/.pgpass"
    );
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with programs that say they are of this version.
    fn pretending(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["pg_dump", "pg_restore"] {
            // Written by another process: what this one has open for writing, a test beside may hold on to, and then it
            // can't be run.
            let script =
                "printf '#!/bin/sh\\necho \"%s (PostgreSQL) %s\"\\n' \"$1\" \"$2\" > \"$1\"; chmod +x \"$1\"";
            let mut shell = Command::new("sh");
            shell.current_dir(folder.path()).args(["-c", script, "sh", name, version]);
            assert!(shell.status().expect("a shell").success());
        }
        folder
    }

    #[test]
    fn versions_are_read_as_they_are_printed() {
        assert_eq!(version_in("pg_dump (PostgreSQL) 16.14 (Debian 16.14-1.pgdg12+1)\n"), Some(16));
        assert_eq!(version_in("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(version_in("something else"), None);
    }

    #[test]
    fn tools_that_are_too_old_or_absent_are_told_in_a_sentence() {
        let folder = pretending("15.3");
        let told = Tools::find(Some(folder.path()), 16).expect_err("too old").to_string();
        assert!(told.contains("PostgreSQL 15") && told.contains("postgresql-client-16"), "{told}");
        assert_eq!(Tools::find(Some(folder.path()), 15).expect("fits").major, 15);
        assert_eq!(Tools::find(Some(folder.path()), 14).expect("fits").major, 15);
        let told = Tools::find(Some(Path::new("/nowhere")), 16).expect_err("none").to_string();
        assert!(told.contains("no pg_dump in /nowhere") && told.contains("postgresql-client-16"), "{told}");
    }

    #[test]
    fn a_password_is_in_the_environment_and_not_in_the_arguments() {
        let address = Address::parse("postgres://ann:s3cret@db/site?sslmode=require").expect("an address");
        let command = Tools { folder: None, major: 16 }.command("pg_dump", &address);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(
            arguments.contains(&"--dbname=postgres://ann@db/site?sslmode=require".into()),
            "{arguments:?}"
        );
        assert!(!arguments.iter().any(|argument| argument.contains("s3cret")), "{arguments:?}");
        let password =
            command.get_envs().find(|(name, _)| *name == "PGPASSWORD").and_then(|(_, value)| value);
        assert_eq!(password, Some("s3cret".as_ref()));
        assert!(seen_by_everybody("postgres://ann:s3cret@db/x").is_err());
    }

    #[test]
    fn what_a_tool_says_is_told_without_the_password() {
        let address = Address::parse("postgres://ann:s3cret@db/site").expect("an address");
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"no entry for $PGPASSWORD\" >&2; exit 3"]).env("PGPASSWORD", "s3cret");
        command.stderr(Stdio::piped());
        let told = Run::start("pg_dump", command, &address).expect("started").finish(|| {});
        let told = told.expect_err("failed").to_string();
        assert!(told.contains("no entry for ********") && !told.contains("s3cret"), "{told}");
    }
}
