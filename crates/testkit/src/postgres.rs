//! Temporary PostgreSQL servers: one shared by the tests of a process, and servers of single tests
//! that can be stopped and restarted.
//!
//! A server listens on a Unix socket only, stores its data in its own folder, and trades all
//! durability for speed. Nothing of it outlives the test process, even a killed one.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::{ffi::OsStrExt, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

use crate::{
    environment::variable,
    processes::{Signal, signal},
    skips::{Skipped, find, skip},
};

/// Name of PostgreSQL among the skips.
const POSTGRESQL: &str = "PostgreSQL";
/// Bytes that a part of a URL must not contain.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longest path of a socket that every system takes.
const SOCKET_PATH_MAX: usize = 100;
const START_TIMEOUT: Duration = Duration::from_secs(30);
const LOG_TAIL_LINES: usize = 20;

/// Becomes the server; `$1` is the folder of the binaries, `$2` that of the server, and all others
/// are settings. It waits for a line and ends at the end of its input, so that nothing starts
/// before its supervisor runs. The trap lets `initdb` finish: interrupted, it would leave shared
/// memory behind.
const RUNNER: &str = r#"
trap exit QUIT
read -r _ || exit
bin=$1 folder=$2
shift 2
[ -e data/PG_VERSION ] || "$bin/initdb" -D data -U inspection --auth=trust --no-sync -E UTF8 --locale=C || exit
exec "$bin/postgres" -D data -k "$folder" -p 5432 -c listen_addresses= -c fsync=off \
    -c full_page_writes=off -c autovacuum=off \
    -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=2GB "$@"
"#;

/// Stops the server after the test process; `$1` is the process of the runner, `$2` the folder of
/// the server. Its input ends with the test process, however that ends; a line of input means that
/// the test stopped the server and may restart it. The signal is repeated because the runner may
/// miss it on its way to becoming the server.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
read -r _ && exit
tries=100
while [ $tries -gt 0 ] && kill -s QUIT "$1"; do
    tries=$((tries - 1))
    sleep 0.1
done
rm -rf "$2"
"#;

/// The PostgreSQL server of this test process. It stops when the process ends, however that ends.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    /// Holds the write end of the supervisor's input, which must stay open.
    _supervisor: Child,
}

/// A PostgreSQL server of one test, which can be stopped and restarted. Dropping it removes it.
#[derive(Debug)]
pub struct OwnServer {
    bin: PathBuf,
    user: Option<User>,
    folder: PathBuf,
    settings: Vec<String>,
    running: Option<(Child, Child)>,
}

/// Mode of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Closes connections and writes everything to disk.
    Fast,
    /// Ends at once, as in a crash; the next start recovers all commits.
    Immediate,
}

/// The unprivileged user for a server started by root, as which it refuses to run.
#[derive(Debug, Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Server {
    /// The server of this process, started at the first call.
    ///
    /// # Panics
    ///
    /// When the server doesn't start, and as [`skip`].
    pub fn shared() -> Result<&'static Server, Skipped> {
        static SHARED: OnceLock<Result<Option<Server>, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match binaries()? {
            Some(bin) => Server::start(bin).map(Some),
            None => Ok(None),
        });
        match shared {
            Ok(server) => server.as_ref().ok_or_else(|| skip(POSTGRESQL)),
            Err(error) => panic!("PostgreSQL for the tests: {error}"),
        }
    }

    /// Folder of `pg_dump` and `pg_restore`.
    ///
    /// # Panics
    ///
    /// As [`skip`].
    pub fn tools(&self) -> Result<PathBuf, Skipped> {
        let folder = |file: PathBuf| file.parent().map(Path::to_owned).unwrap_or_default();
        let restore = folder(self.tool("pg_restore")?);
        let dump = folder(self.tool("pg_dump")?);
        assert_eq!(dump, restore, "the client programs of PostgreSQL are in one folder");
        Ok(dump)
    }

    /// A client program such as `psql`: one that came with the server, or one on `PATH`.
    ///
    /// # Panics
    ///
    /// As [`skip`].
    pub fn tool(&self, name: &str) -> Result<PathBuf, Skipped> {
        let own = Some(self.bin.join(name)).filter(|file| file.is_file());
        own.or_else(|| find(name)).ok_or_else(|| skip(name))
    }

    /// Major version, such as 16.
    pub fn major_version(&self) -> u32 {
        let output = Command::new(self.bin.join("postgres")).arg("--version").output().expect("its version");
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok());
        version.unwrap_or_else(|| panic!("no version in {text:?}"))
    }

    /// The URL of a database of this server, which need not exist yet; `postgres` always does.
    pub fn url(&self, database: &str) -> String {
        url(&self.folder, database)
    }

    /// A name for a database that no other call in this process returns.
    pub fn fresh_name(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn start(bin: PathBuf) -> Result<Server, String> {
        let user = unprivileged_user()?;
        let folder = new_folder(user, &process::id().to_string())?;
        let settings = ["-c".to_owned(), "synchronous_commit=off".to_owned()];
        let (_, supervisor) = launch(&bin, &folder, user, &settings)?;
        Ok(Server { bin, folder, _supervisor: supervisor })
    }
}

impl OwnServer {
    /// A new server, running.
    ///
    /// # Panics
    ///
    /// As [`Server::shared`].
    pub fn start() -> Result<Self, Skipped> {
        Self::start_with(&[])
    }

    /// A new server with these settings, such as `shared_buffers=512MB`, running.
    ///
    /// # Panics
    ///
    /// As [`Server::shared`].
    pub fn start_with(settings: &[&str]) -> Result<Self, Skipped> {
        let prepared = binaries().and_then(|bin| {
            let Some(bin) = bin else { return Ok(None) };
            let user = unprivileged_user()?;
            let folder = Self::new_folder(user)?;
            let all = ["synchronous_commit=on"].iter().chain(settings);
            let settings = all.flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
            Ok(Some(Self { bin, user, folder, settings, running: None }))
        });
        let server = prepared.unwrap_or_else(|error| panic!("PostgreSQL for the tests: {error}"));
        let mut server = server.ok_or_else(|| skip(POSTGRESQL))?;
        server.resume();
        Ok(server)
    }

    /// The URL of a database of this server, which need not exist yet; `postgres` always does.
    pub fn url(&self, database: &str) -> String {
        url(&self.folder, database)
    }

    fn new_folder(user: Option<User>) -> Result<PathBuf, String> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        new_folder(user, &format!("{}-{number}", process::id()))
    }

    /// A streaming replica of this server, running.
    ///
    /// # Panics
    ///
    /// When it can't be copied or started.
    #[must_use]
    pub fn replica(&self) -> Self {
        let folder = Self::new_folder(self.user).unwrap_or_else(|error| panic!("{error}"));
        let mut copy = Command::new(self.tool("pg_basebackup").expect("pg_basebackup"));
        copy.arg("-h")
            .arg(&self.folder)
            .args(["-p", "5432", "-U", "inspection", "-D"])
            .arg(folder.join("data"));
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        copy.current_dir(&folder);
        if let Some(User { uid, gid }) = self.user {
            copy.uid(uid).gid(gid);
        }
        let output = copy.output().expect("pg_basebackup runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (bin, settings) = (self.bin.clone(), self.settings.clone());
        let mut replica = Self { bin, user: self.user, folder, settings, running: None };
        replica.resume();
        replica
    }

    /// Number of the process of the running server, whose children are the sessions.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|(runner, _)| runner.id())
    }

    /// A client program such as `pgbench` that came with the server, or else one on `PATH`.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        let own = Some(self.bin.join(name)).filter(|file| file.is_file());
        own.or_else(|| find(name))
    }

    /// Starts the server with its present data.
    ///
    /// # Panics
    ///
    /// When it doesn't start.
    pub fn resume(&mut self) {
        // A crash leaves it behind, and `wait_until_ready` would read it.
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        let started = launch(&self.bin, &self.folder, self.user, &self.settings);
        self.running = Some(started.unwrap_or_else(|error| panic!("PostgreSQL for the tests: {error}")));
    }

    /// Stops the server and waits for its end.
    ///
    /// # Panics
    ///
    /// When it can't be stopped.
    pub fn stop(&mut self, how: Stop) {
        let Some((mut runner, mut supervisor)) = self.running.take() else { return };
        signal(runner.id(), if how == Stop::Fast { Signal::INT } else { Signal::QUIT });
        runner.wait().expect("it has ended");
        let mut input = supervisor.stdin.take().expect("input");
        input.write_all(b"stopped\n").expect("a supervisor that listens");
        supervisor.wait().expect("it has ended");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // The supervisor of a running server sees the end of its input, stops it and removes the
        // folder.
        if self.running.is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn url(folder: &Path, database: &str) -> String {
    // Without a port, libpq would use the one in PGPORT.
    let host = percent_encode(folder.as_os_str().as_bytes(), RESERVED);
    format!("postgres://inspection@{host}:5432/{}", utf8_percent_encode(database, RESERVED))
}

/// Starts a server in its folder. Returns the process that becomes the server, and its supervisor.
fn launch(
    bin: &Path,
    folder: &Path,
    user: Option<User>,
    settings: &[String],
) -> Result<(Child, Child), String> {
    let spawned = spawn_runner(bin, folder, user, settings).and_then(|mut runner| {
        let mut supervisor = Command::new("sh");
        supervisor.args(["-c", SUPERVISOR, "supervisor", &runner.id().to_string()]).arg(folder);
        // Its own process group, which signals to the test run don't reach. No output: a reader of
        // the tests' output would wait for it.
        supervisor.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let supervisor = supervisor.spawn()?;
        // Taking it closes it: the server needs no input.
        runner.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(b"go\n")?;
        Ok((runner, supervisor))
    });
    let (mut runner, supervisor) = spawned.map_err(|error| format!("not started: {error}"))?;
    wait_until_ready(&mut runner, folder)?;
    Ok((runner, supervisor))
}

fn spawn_runner(bin: &Path, folder: &Path, user: Option<User>, settings: &[String]) -> io::Result<Child> {
    let log = File::create(folder.join("log"))?;
    let mut runner = Command::new("sh");
    runner.args(["-c", RUNNER, "runner"]).args([bin, folder]).args(settings);
    // `initdb` needs a current folder that the user may enter.
    runner.current_dir(folder).process_group(0);
    runner.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
    if let Some(user) = user {
        runner.uid(user.uid).gid(user.gid);
    }
    runner.spawn()
}

fn wait_until_ready(runner: &mut Child, folder: &Path) -> Result<(), String> {
    let started = Instant::now();
    loop {
        // The server accepts connections before it answers them; the eighth line reports readiness,
        // and of a replica, that it can be read.
        let state = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|status| ["ready", "standby"].contains(&status.trim())) {
            return Ok(());
        }
        let problem = match runner.try_wait() {
            Ok(None) if started.elapsed() < START_TIMEOUT => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            Ok(None) => format!("not ready after {} s", START_TIMEOUT.as_secs()),
            Ok(Some(status)) => format!("ended while starting, {status}"),
            Err(error) => format!("lost while starting: {error}"),
        };
        let log = fs::read_to_string(folder.join("log")).unwrap_or_else(|error| error.to_string());
        let lines: Vec<_> = log.lines().collect();
        let (_, tail) = lines.split_at(lines.len().saturating_sub(LOG_TAIL_LINES));
        return Err(format!("{problem}; the end of its log:\n{}", tail.join("\n")));
    }
}

/// The folder that holds `initdb` and `postgres`.
fn binaries() -> Result<Option<PathBuf>, String> {
    let usable =
        |dir: &PathBuf| dir.is_absolute() && dir.join("initdb").is_file() && dir.join("postgres").is_file();
    if let Some(dir) = variable("INSPECTION_TEST_PG_BIN").map(PathBuf::from) {
        let problem = || format!("INSPECTION_TEST_PG_BIN: no initdb and postgres under {}", dir.display());
        return if usable(&dir) { Ok(Some(dir)) } else { Err(problem()) };
    }
    let path = variable("PATH").unwrap_or_default();
    if let Some(dir) = env::split_paths(&path).find(usable) {
        return Ok(Some(dir));
    }
    // Debian installs them off PATH, in one folder per version.
    let version = |dir: &Path| -> Option<Vec<u32>> {
        dir.file_name()?.to_str()?.split('.').map(|part| part.parse().ok()).collect()
    };
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = installed.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin"))));
    Ok(versions.filter(|(_, dir)| usable(dir)).max().map(|(_, dir)| dir))
}

/// The user for the server if this process runs as root; `None` if it can run the server itself.
fn unprivileged_user() -> Result<Option<User>, String> {
    // The owner of a new file is the user of this process.
    let own = tempfile::tempfile().and_then(|file| file.metadata());
    if own.map_err(|error| format!("no temporary file: {error}"))?.uid() != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let find = |name: &str| {
        let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut fields = line.split(':').skip(1).map_while(|field| field.parse().ok());
        Some(User { uid: fields.next()?, gid: fields.next()? })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.map(Some).ok_or_else(|| "neither postgres nor nobody is a user, and root can't run it".to_owned())
}

/// Creates the folder of the server: under `target/`, or else among the temporary files.
fn new_folder(user: Option<User>, name: &str) -> Result<PathBuf, String> {
    static CLEANED: Once = Once::new();
    let target = fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target"));
    let parents = [(target, "pg-"), (fs::canonicalize(env::temp_dir()), "inspection-pg-")];
    // Before the first server of this process, whose folder would count as stale.
    CLEANED.call_once(|| {
        for (parent, prefix) in &parents {
            if let Ok(parent) = parent {
                remove_stale(parent, prefix);
            }
        }
    });
    let mut problems = Vec::new();
    for (parent, prefix) in parents {
        let created = parent.and_then(|parent| create_folder(&parent.join(format!("{prefix}{name}")), user));
        match created {
            Ok(folder) => return Ok(folder),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Err(format!("no folder for it: {}", problems.join("; ")))
}

fn create_folder(folder: &Path, user: Option<User>) -> io::Result<PathBuf> {
    if folder.join(".s.PGSQL.5432").as_os_str().len() >= SOCKET_PATH_MAX {
        return Err(io::Error::other(format!("{} is too long for a socket", folder.display())));
    }
    let passable = |dir: &Path| fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0);
    if user.is_some() && !folder.ancestors().skip(1).all(passable) {
        return Err(io::Error::other(format!("{} is closed to other users", folder.display())));
    }
    DirBuilder::new().mode(0o700).create(folder)?;
    if let Some(User { uid, gid }) = user {
        chown(folder, Some(uid), Some(gid))?;
    }
    Ok(folder.to_owned())
}

/// Removes the folders of processes that have ended, which remain only if their supervisor was
/// killed as well. A server that still runs in one ends when its files disappear. Process numbers
/// are reused, so a folder with the number of this process is stale, too.
fn remove_stale(parent: &Path, prefix: &str) {
    // Only Linux lists its processes here.
    let gone =
        |pid: u32| Path::new("/proc/self").exists() && !Path::new("/proc").join(pid.to_string()).exists();
    // The supervisor of a process killed during its start may still wait for `initdb`.
    let old = |dir: io::Result<fs::Metadata>| {
        let age = dir.and_then(|dir| dir.modified()).ok().and_then(|changed| changed.elapsed().ok());
        age.is_some_and(|age| age > START_TIMEOUT)
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split('-').next()?.parse().ok());
        if pid.is_some_and(|pid| pid == process::id() || gone(pid) && old(entry.metadata())) {
            // Another test process may remove it at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
