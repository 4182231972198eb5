//! An S3 server for tests: the real protocol with signatures on a temporary folder, with injected
//! faults.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use s3s::{Body, HttpResponse, auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Name of the only bucket.
pub const BUCKET: &str = "evidence";
/// Key id of the only account.
pub const KEY_ID: &str = "test-key-id";
/// Secret of the only account.
pub const SECRET: &str = "test-secret-of-some-length";

/// Fault of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// None.
    Fine,
    /// Refuses requests with this status.
    Refusing(u16),
    /// Stores this number of objects and refuses to store more.
    FullAfter(usize),
    /// Accepts requests and never responds.
    Silent,
    /// Carries out requests of this method and never responds.
    SilentAfter(&'static str),
}

impl Mood {
    /// The mood for the next request, by its method.
    fn next(&mut self, method: &hyper::Method) -> Self {
        match self {
            Self::FullAfter(left) if method == hyper::Method::PUT => match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return Self::Refusing(403),
            },
            _ => {}
        }
        self.clone()
    }
}

/// A running S3 server.
#[derive(Debug)]
pub struct S3Server {
    /// Address, such as `http://127.0.0.1:12345`.
    pub endpoint: String,
    folder: TempDir,
    mood: Arc<Mutex<Mood>>,
    done: mpsc::Receiver<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// A server with an empty bucket.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let files = FileSystem::new(folder.path()).expect("a store");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = service.build();
        let mood = Arc::new(Mutex::new(Mood::Fine));
        let (stop, stopped) = oneshot::channel();
        let (started, address) = mpsc::channel::<SocketAddr>();
        let (tell, done) = mpsc::channel();
        let seen = Arc::clone(&mood);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let serve = async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                started.send(listener.local_addr().expect("an address")).expect("a receiver");
                while let Ok((socket, _)) = listener.accept().await {
                    let (service, seen, tell) = (service.clone(), Arc::clone(&seen), tell.clone());
                    let answer =
                        hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                            let (service, tell) = (service.clone(), tell.clone());
                            let mood = seen.lock().expect("a mood").next(request.method());
                            async move {
                                let method = request.method().to_string();
                                let answer = match mood {
                                    Mood::Refusing(status) => refusal(status),
                                    Mood::Silent => {
                                        // A test need not wait for it.
                                        let _ = tell.send(method);
                                        return std::future::pending().await;
                                    }
                                    Mood::Fine | Mood::FullAfter(_) | Mood::SilentAfter(_) => service
                                        .call(request.map(Body::from))
                                        .await
                                        .unwrap_or_else(|_| refusal(500)),
                                };
                                if matches!(mood, Mood::SilentAfter(silent) if silent == method) {
                                    // A test need not wait for it.
                                    let _ = tell.send(method);
                                    return std::future::pending().await;
                                }
                                Ok::<_, Infallible>(answer)
                            }
                        });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), answer);
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "a connection of a server that a test stops"
                    )]
                    tokio::spawn(connection);
                }
            };
            runtime.block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("a server that started");
        let endpoint = format!("http://{address}");
        Self { endpoint, folder, mood, done, stop: Some(stop), thread: Some(thread) }
    }

    /// Sets the fault for the requests that follow.
    pub fn be(&self, mood: Mood) {
        *self.mood.lock().expect("a mood") = mood;
    }

    /// Waits for a request without a response, carried out or not.
    pub fn wait_for_silence(&self) {
        self.done.recv_timeout(Duration::from_secs(20)).expect("a request");
    }

    /// Paths of the files in the bucket.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.folder.path().join(BUCKET), &mut found);
        found.sort();
        found
    }
}

fn refusal(status: u16) -> HttpResponse {
    let mut answer = HttpResponse::new(Body::empty());
    *answer.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    answer
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server ended badly");
        }
    }
}
