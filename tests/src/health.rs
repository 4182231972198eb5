//! The health of the service.

use crate::site::on_both;

on_both! {
    fn the_service_reports_its_health(site: TestSite) {
        let anonymous = site.anonymous();
        let root = anonymous.get("/").json;
        assert_eq!((&root["status"], &root["endpoints"]["docs"]), (&"running".into(), &"/docs".into()));
        let health = anonymous.get("/health");
        assert_eq!((health.status, &health.json["status"], &health.json["database"]),
            (200, &"healthy".into(), &"connected".into()));
        assert_eq!(health.json["timestamp"], "2026-03-02T08:00:00.000Z");
        assert_eq!(anonymous.get("/health/live").status, 200);
        let ready = anonymous.get("/health/ready");
        assert_eq!((ready.status, &ready.json["migrations"]), (200, &"applied".into()));
        inspection_persistence::migrations::down(&site.db).expect("taken back");
        let ready = anonymous.get("/health/ready");
        assert_eq!((ready.status, &ready.json["status"], &ready.json["migrations"]),
            (503, &"degraded".into(), &"pending".into()));
    }
}

#[test]
fn an_unreachable_database_degrades_the_service_and_leaks_nothing() {
    use inspection_persistence::{Database, Settings};
    use inspection_testkit::context::context;
    let (context, _) = context();
    let settings = Settings { wait_seconds: 1, ..Settings::new("postgres://user:secret@127.0.0.1:1/none") };
    let database = Database::open(settings).expect("a pool without connections");
    let keys = inspection_auth::keys::Keys::new(&"s".repeat(32).into(), &[]);
    let tokens = inspection_auth::tokens::Tokens::new(keys.clone(), 60, 60);
    let links = inspection_auth::links::Links::new(keys.clone());
    let signatures = (links, inspection_auth::cursors::Cursors::new(keys));
    let folder = tempfile::tempdir().expect("a folder");
    let storage = inspection_storage::Storage::local(folder.path()).expect("a store");
    let app =
        inspection_http::App::new(database, context, tokens, signatures, storage, crate::site::settings());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let started = move |stopper| sender.send(stopper).expect("a waiting thread");
        inspection_http::run(app, listener, 1, std::time::Duration::from_secs(1), started).expect("a server");
    });
    let stopper: inspection_http::Stopper = receiver.recv().expect("started");
    let anonymous = inspection_testkit::clients::Client::new(&base).holding_to(&crate::site::CONTRACT);
    let health = anonymous.get("/health");
    assert_eq!((health.status, &health.json["database"]), (503, &"unreachable".into()));
    let login =
        anonymous.post("/api/auth/login", &serde_json::json!({"email": "a@example.com", "password": "x"}));
    assert_eq!((login.status, login.code(), login.header("retry-after")), (503, "UNAVAILABLE", Some("5")));
    for word in ["secret", "127.0.0.1:1", "connection", "libpq"] {
        assert!(!login.text.contains(word), "{}", login.text);
    }
    stopper.stop();
    thread.join().expect("ended");
}
