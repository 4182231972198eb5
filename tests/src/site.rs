//! A running service with its own database, and its clients.

use std::{
    net::TcpListener,
    path::Path,
    sync::{Arc, LazyLock},
    thread::JoinHandle,
    time::Duration,
};

use inspection_auth::{
    cursors::Cursors,
    keys::Keys,
    links::Links,
    tokens::{TokenType, Tokens},
};
use inspection_domain::users::{Role, User};
use inspection_http::{App, Settings, Stopper};
use inspection_persistence::{Context, Database, Origin, sessions};
use inspection_storage::Storage;
use inspection_testkit::{
    DatabaseKind, TestDatabase, builders,
    clients::Client,
    context::{FixedClock, context, context_in},
    contract::Contract,
    invariants,
    skips::Skipped,
};
use tempfile::TempDir;

use crate::logs;

/// The API document, which every response of every test is checked against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(serde_json::from_str(inspection_http::openapi()).expect("JSON")));

/// The path of the largest page of a list; of other reads, the path itself.
pub(crate) fn largest_page(path: &str) -> String {
    if CONTRACT.takes(path, "per_page") { with(path, "per_page=100") } else { path.to_owned() }
}

/// A path with further parameters.
pub(crate) fn with(path: &str, parameters: &str) -> String {
    format!("{path}{}{parameters}", if path.contains('?') { '&' } else { '?' })
}

/// A running service.
pub(crate) struct TestSite {
    pub(crate) db: TestDatabase,
    pub(crate) context: Context,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) base: String,
    /// The folder of its files.
    pub(crate) folder: TempDir,
    tokens: Tokens,
    /// Stopped with the site.
    _instance: Instance,
}

/// An instance of the service, until it is dropped.
pub(crate) struct Instance {
    pub(crate) base: String,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    fn start(
        database: Database,
        context: Context,
        tokens: Tokens,
        storage: Storage,
        settings: Settings,
    ) -> Self {
        let keys = Keys::new(&"another secret, for links".to_owned().into(), &[]);
        let signatures = (Links::new(keys.clone()), Cursors::new(keys));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let app = App::new(database, context, tokens, signatures, storage, settings);
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let started = move |stopper| sender.send(stopper).expect("a waiting thread");
            inspection_http::run(app, listener, 2, Duration::from_secs(5), started).expect("a server");
        });
        let stopper = receiver.recv().expect("a server that started");
        Self { base, stopper, thread: Some(thread) }
    }

    /// A client without a session.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(&self.base).holding_to(&CONTRACT)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server failed");
        }
    }
}

/// Settings without rate limits.
pub(crate) fn settings() -> Settings {
    Settings {
        cors_origins: vec!["*".into()],
        trusted_proxies: Vec::new(),
        app_url: None,
        security_contacts: vec!["mailto:security@example.com".into()],
        rate_limits: false,
        redis_url: None,
        redis_timeout: Duration::from_secs(10),
        metrics_token: None,
        extra_metrics: Vec::new(),
        socket_outlives: false,
        https_redirect: false,
        max_content_length: 16 << 20,
        dashboard_age: Duration::ZERO,
        request_timeout: Duration::from_mins(1),
        write_timeout: Duration::from_secs(30),
        heartbeat: Duration::from_millis(300),
    }
}

/// A store in a folder.
fn local(folder: &Path) -> Storage {
    Storage::local(folder).expect("a store")
}

impl TestSite {
    /// A service on a new database.
    pub(crate) fn start(kind: DatabaseKind) -> Result<Self, Skipped> {
        Self::start_with(kind, settings())
    }

    /// A service with these settings.
    pub(crate) fn start_with(kind: DatabaseKind, settings: Settings) -> Result<Self, Skipped> {
        Self::start_over(kind, settings, local)
    }

    /// A service that queues texts for translation.
    pub(crate) fn start_translated(kind: DatabaseKind) -> Result<Self, Skipped> {
        let (mut context, clock) = context();
        context.translates = true;
        Self::start_in(kind, settings(), local, (context, clock))
    }

    /// A service in an IANA time zone.
    pub(crate) fn start_in_zone(kind: DatabaseKind, zone: &str) -> Result<Self, Skipped> {
        Self::start_in(kind, settings(), local, context_in(zone))
    }

    /// A service with this storage, which may use the folder.
    pub(crate) fn start_over(
        kind: DatabaseKind,
        settings: Settings,
        storage: impl FnOnce(&Path) -> Storage,
    ) -> Result<Self, Skipped> {
        Self::start_in(kind, settings, storage, context())
    }

    fn start_in(
        kind: DatabaseKind,
        settings: Settings,
        storage: impl FnOnce(&Path) -> Storage,
        (context, clock): (Context, Arc<FixedClock>),
    ) -> Result<Self, Skipped> {
        logs::capture();
        let db = TestDatabase::new(kind)?;
        let keys = Keys::new(&"a secret for tests, of some length".to_owned().into(), &[]);
        let tokens = Tokens::new(keys, 3600, 86400);
        let folder = tempfile::tempdir().expect("a folder");
        let storage = storage(folder.path());
        let instance =
            Instance::start(db.database.clone(), context.clone(), tokens.clone(), storage, settings);
        Ok(Self { db, context, clock, base: instance.base.clone(), folder, tokens, _instance: instance })
    }

    /// Another instance of the service, with a pool of its own.
    pub(crate) fn another_instance(&self) -> Instance {
        let settings = inspection_persistence::Settings::new(self.db.url.clone());
        let database = Database::open(settings).expect("a pool");
        let storage = Storage::local(self.folder.path()).expect("a store");
        Instance::start(database, self.context.clone(), self.tokens.clone(), storage, self::settings())
    }

    /// A client without a session.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(&self.base).holding_to(&CONTRACT)
    }

    /// A client with a session of the user.
    pub(crate) fn client(&self, user: &User) -> Client {
        self.anonymous().with_token(&self.token(user, TokenType::Access))
    }

    /// A token of a new session of the user.
    pub(crate) fn token(&self, user: &User, kind: TokenType) -> String {
        let account = self
            .db
            .read(|conn| sessions::find_account(conn, &user.email))
            .expect("read")
            .expect("an account");
        let idle = self.tokens.seconds(TokenType::Refresh);
        let session =
            self.db.write(&self.context, Origin::default(), |tx| sessions::start(tx, &account, idle));
        self.tokens.issue(kind, &session.expect("a session"), self.context.clock.now()).expect("a token")
    }

    /// A new user with this role.
    pub(crate) fn user(&self, role: Role) -> User {
        builders::user(&self.db, &self.context, role)
    }

    /// A client of a new user with this role.
    pub(crate) fn as_a(&self, role: Role) -> Client {
        self.client(&self.user(role))
    }
}

impl Drop for TestSite {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            logs::assert_no_leaks();
            invariants::assert_kept(&self.db, &self.context);
        }
    }
}

/// Runs each function against a service on either database. Each becomes a module with the tests
/// `sqlite` and `postgres`.
macro_rules! on_both {
    ($( $(#[$meta:meta])* fn $name:ident($site:ident: TestSite) $body:block )+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a test may name everything by its path")]
            use super::*;

            fn check($site: $crate::site::TestSite) $body

            #[test]
            fn sqlite() {
                $crate::site::TestSite::start(inspection_testkit::DatabaseKind::Sqlite).into_iter().for_each(check);
            }

            #[test]
            fn postgres() {
                $crate::site::TestSite::start(inspection_testkit::DatabaseKind::Postgres).into_iter().for_each(check);
            }
        }
    )+};
}
pub(crate) use on_both;
