//! A temporary Redis server that can be killed, frozen and restarted at the same address.
//!
//! It listens on a Unix socket only and stores nothing on disk. Nothing of it outlives the test
//! process, even a killed one.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    processes::{Signal, signal},
    skips::{self, Skipped},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the server and prints its process; `$1` is the program, `$2` the folder. Its input ends
/// with the test process, however that ends: then it stops the server and removes the folder. After
/// the line `stop` it leaves the folder for another start.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
"$1" "$2/redis.conf" >"$2/log" 2>&1 &
echo $!
read -r line
kill -s KILL $!
wait $!
[ "$line" = stop ] || rm -rf "$2"
"#;

/// A Redis server of one test. Dropping it removes it.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    folder: TempDir,
    password: Option<String>,
    /// Port with TLS.
    tls_port: Option<u16>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    supervisor: Child,
    server: String,
}

impl Redis {
    /// A server without a password.
    ///
    /// # Panics
    ///
    /// When it doesn't start, and as [`crate::skips::skip`].
    pub fn start() -> Result<Self, Skipped> {
        Self::start_with(None)
    }

    /// A server with a password.
    pub fn start_with(password: Option<&str>) -> Result<Self, Skipped> {
        Self::start_in(password, None)
    }

    /// A server with TLS and this certificate for 127.0.0.1 and its key, both in PEM.
    pub fn start_with_tls(certificate: &[u8], key: &[u8]) -> Result<Self, Skipped> {
        Self::start_in(None, Some((certificate, key)))
    }

    fn start_in(password: Option<&str>, tls: Option<(&[u8], &[u8])>) -> Result<Self, Skipped> {
        let program = skips::program("redis-server")?;
        let folder = tempfile::Builder::new().prefix("inspection-redis-").tempdir().expect("a folder");
        let mut settings = format!(
            "port 0\nunixsocket {}\nsave \"\"\nappendonly no\ndir {}\n",
            folder.path().join("socket").display(),
            folder.path().display()
        );
        if let Some(password) = password {
            settings.push_str(&format!("requirepass {password}\n"));
        }
        let mut tls_port = None;
        if let Some((certificate, key)) = tls {
            // Free a moment ago; the system doesn't reuse it soon.
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            tls_port = Some(port);
            settings.push_str(&format!("bind 127.0.0.1\ntls-port {port}\ntls-auth-clients no\n"));
            for (name, bytes) in [("cert", certificate), ("key", key)] {
                let file = folder.path().join(name);
                fs::write(&file, bytes).expect("a file");
                settings.push_str(&format!("tls-{name}-file {}\n", file.display()));
            }
        }
        fs::write(folder.path().join("redis.conf"), settings).expect("its settings");
        let password = password.map(ToOwned::to_owned);
        let mut redis = Self { program, folder, password, tls_port, running: None };
        redis.resume();
        Ok(redis)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Address, which doesn't change.
    pub fn url(&self) -> String {
        if let Some(port) = self.tls_port {
            return format!("rediss://127.0.0.1:{port}");
        }
        self.url_with(self.password.as_deref())
    }

    /// Address with this password.
    pub fn url_with(&self, password: Option<&str>) -> String {
        let password = password.map(|password| format!("?pass={password}")).unwrap_or_default();
        format!("redis+unix://{}{password}", self.socket().display())
    }

    /// Restarts the server without data.
    pub fn resume(&mut self) {
        let mut supervisor = Command::new("sh");
        supervisor.args(["-c", SUPERVISOR, "supervisor"]).arg(&self.program).arg(self.folder.path());
        // Its own process group, which signals to the test run don't reach.
        supervisor.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut supervisor = supervisor.spawn().expect("a shell");
        let mut server = String::new();
        let output = supervisor.stdout.take().expect("output");
        BufReader::new(output).read_line(&mut server).expect("the number of a process");
        self.running = Some(Running { supervisor, server: server.trim().to_owned() });
        let started = Instant::now();
        while !responds(&self.socket()) {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(
                started.elapsed() < START_TIMEOUT,
                "Redis for the tests isn't ready; its log:\n{}",
                log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the server, as the kernel does when memory runs out.
    pub fn kill(&mut self) {
        if let Some(Running { mut supervisor, .. }) = self.running.take() {
            let mut input = supervisor.stdin.take().expect("input");
            input.write_all(b"stop\n").expect("a supervisor that listens");
            supervisor.wait().expect("ended");
            let _ = fs::remove_file(self.socket());
        }
    }

    /// Suspends the server: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes the server after [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, kind: Signal) {
        let running = self.running.as_ref().expect("a server that runs");
        signal(running.server.parse().expect("the number of a process"), kind);
    }

    /// Response to a command in the protocol of Redis: one line, or the lines of a list of numbers.
    pub fn call(&self, words: &[&str]) -> Vec<String> {
        let mut stream = UnixStream::connect(self.socket()).expect("Redis");
        let mut answers = BufReader::new(stream.try_clone().expect("a connection"));
        let mut line = || {
            let mut line = String::new();
            answers.read_line(&mut line).expect("an answer");
            line.trim_end().to_owned()
        };
        if let Some(password) = &self.password {
            stream.write_all(format!("AUTH {password}\r\n").as_bytes()).expect("Redis listens");
            assert_eq!(line(), "+OK");
        }
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes()).expect("Redis listens");
        let first = line();
        match first.strip_prefix('*').map(|length| length.parse().expect("a length")) {
            Some(length) => (0..length).map(|_: usize| line()).collect(),
            None => vec![first],
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if thread::panicking() {
            // The supervisor does the rest.
            self.running = None;
        } else {
            self.kill();
        }
    }
}

fn responds(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut first = [0];
    // A refusal for lack of a password is a response, too.
    stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut first)).is_ok() && first != [0]
}
