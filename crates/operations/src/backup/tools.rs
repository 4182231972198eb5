//! `pg_dump` and `pg_restore`: finding the installed versions, and running them without a visible
//! password.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::address::Address;
use crate::{
    Error, Result,
    error::{Context as _, bail, ensure},
};

/// Folder in which Debian installs each version, off `PATH`.
const INSTALLED: &str = "/usr/lib/postgresql";

/// Interval between two polls of a child process.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// `pg_dump` and `pg_restore` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tools {
    /// Their folder; none if they are on `PATH`.
    folder: Option<PathBuf>,
    major: u32,
}

impl Tools {
    /// The tools of the server's major version, or else of the next newer one: dumps of newer tools
    /// may hold commands that an older server doesn't know.
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
            let searched = folder.map_or_else(
                || format!("on PATH or below {INSTALLED}"),
                |folder| format!("in {}", folder.display()),
            );
            let fault = newest.map_or_else(
                || format!("there is no pg_dump {searched}"),
                |newest| format!("the pg_dump {searched} is of PostgreSQL {newest}, older than the server's {server}"),
            );
            Error::Refused(format!(
                "{fault}; install the client programs of PostgreSQL {server}, such as postgresql-client-{server}"
            ))
        })
    }

    fn command(&self, program: &str, address: &Address) -> Command {
        let mut command = Command::new(path(self.folder.as_deref(), program));
        // Without the password: command lines are visible to every user of the machine.
        command.arg("--no-password").arg(format!("--dbname={}", address.public()));
        if let Some(password) = address.password() {
            command.env("PGPASSWORD", password);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts dumping a snapshot of a database into a file.
    pub(super) fn dump(&self, address: &Address, snapshot: &str, to: &Path) -> Result<ToolRun> {
        let mut command = self.command("pg_dump", address);
        command.args(["--format=custom", &format!("--snapshot={snapshot}")]).arg("--file").arg(to);
        ToolRun::start("pg_dump", command, address)
    }

    /// Starts restoring a dump into a database in one transaction. `replacing` drops existing
    /// tables.
    pub(super) fn restore(&self, address: &Address, from: &Path, replacing: bool) -> Result<ToolRun> {
        let mut command = self.command("pg_restore", address);
        // Roles of the old server need not exist: the restoring role owns everything.
        command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
        if replacing {
            command.args(["--clean", "--if-exists"]);
        }
        command.arg(from);
        ToolRun::start("pg_restore", command, address)
    }
}

fn path(folder: Option<&Path>, program: &str) -> PathBuf {
    folder.map_or_else(|| program.into(), |folder| folder.join(program))
}

/// The major version of the tools in a folder, if both exist and agree.
fn major(folder: Option<&Path>) -> Option<u32> {
    let version = |program: &str| {
        let output =
            Command::new(path(folder, program)).arg("--version").stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| version_in(&String::from_utf8_lossy(&output.stdout)))?
    };
    let (dump, restore) = (version("pg_dump")?, version("pg_restore")?);
    (dump == restore).then_some(dump)
}

/// The major version in the output of `--version`: `pg_dump (PostgreSQL) 16.14 (Debian 16.14-1)`.
fn version_in(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A running tool; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct ToolRun {
    name: &'static str,
    child: Child,
    stderr: Option<JoinHandle<String>>,
    address: Address,
}

impl ToolRun {
    fn start(name: &'static str, mut command: Command, address: &Address) -> Result<Self> {
        let mut child = command.spawn().with_context(|| format!("can't start {name}"))?;
        let mut errors = child.stderr.take().context("the error output is not captured")?;
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { name, child, stderr: Some(stderr), address: address.clone() })
    }

    /// Waits for its end and calls `meanwhile` at every poll. The error of a failed tool is its
    /// output, with the password masked.
    pub(super) fn finish(mut self, mut meanwhile: impl FnMut()) -> Result<()> {
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            meanwhile();
            thread::sleep(POLL_INTERVAL);
        };
        let output = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
        if !status.success() {
            bail!("{} failed ({status}): {}", self.name, self.address.without_password(output.trim()));
        }
        Ok(())
    }
}

impl Drop for ToolRun {
    fn drop(&mut self) {
        if self.stderr.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Parses an address given as an argument. Refuses a password, since arguments are visible to every
/// user of the machine.
pub(super) fn address_argument(url: &str) -> Result<Address> {
    let address = Address::parse(url)?;
    ensure!(
        address.password().is_none(),
        "a password in an argument is visible to every user of this machine; use PGPASSWORD or ~/.pgpass"
    );
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with tools that report this version.
    fn fake_tools(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["pg_dump", "pg_restore"] {
            // Written by another process: a file that this one had open for writing may still be
            // open in a child of a concurrent test, and then can't be executed.
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
    fn missing_and_old_tools_are_refused_with_a_remedy() {
        let folder = fake_tools("15.3");
        let refused = Tools::find(Some(folder.path()), 16).expect_err("too old").to_string();
        assert!(refused.contains("PostgreSQL 15") && refused.contains("postgresql-client-16"), "{refused}");
        assert_eq!(Tools::find(Some(folder.path()), 15).expect("fits").major, 15);
        assert_eq!(Tools::find(Some(folder.path()), 14).expect("fits").major, 15);
        let refused = Tools::find(Some(Path::new("/nowhere")), 16).expect_err("none").to_string();
        assert!(
            refused.contains("no pg_dump in /nowhere") && refused.contains("postgresql-client-16"),
            "{refused}"
        );
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
        assert!(address_argument("postgres://ann:s3cret@db/x").is_err());
    }

    #[test]
    fn the_error_of_a_tool_masks_the_password() {
        let address = Address::parse("postgres://ann:s3cret@db/site").expect("an address");
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"no entry for $PGPASSWORD\" >&2; exit 3"]).env("PGPASSWORD", "s3cret");
        command.stderr(Stdio::piped());
        let refused = ToolRun::start("pg_dump", command, &address).expect("started").finish(|| {});
        let refused = refused.expect_err("failed").to_string();
        assert!(refused.contains("no entry for ********") && !refused.contains("s3cret"), "{refused}");
    }
}
