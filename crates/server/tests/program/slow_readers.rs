//! Clients that read nothing.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::{clients::Client, files::big_pdf};
use serde_json::json;

use super::{Running, folder};

/// Time that the connections may take to end, on a busy machine.
const WAIT_TIMEOUT: Duration = Duration::from_mins(2);

#[test]
fn a_connection_whose_client_reads_nothing_ends() {
    let folder = folder();
    let service = Running::start(&folder, &[("WRITE_TIMEOUT", "2s")]);
    let anonymous = Client::new(&service.base);
    let credentials = json!({"email": service.email, "password": service.password});
    let token = anonymous.post("/api/auth/login", &credentials).json["access_token"].clone();
    let token = token.as_str().expect("a token");
    // More than the buffers of the operating system take.
    let file = big_pdf(15 << 20);
    let id = anonymous.with_token(token).upload(&[], "report.pdf", "application/pdf", &file).id();
    let address = service.base.trim_start_matches("http://").to_owned();
    // The open files and connections of the program.
    let open = || fs::read_dir(format!("/proc/{}/fd", service.child.id())).expect("a process").count();
    let before = open();
    let request = format!(
        "GET /api/files/{id}/download HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let clients: Vec<_> = (0..5)
        .map(|_| {
            let mut client = TcpStream::connect(&address).expect("connected");
            client.write_all(request.as_bytes()).expect("sent");
            client
        })
        .collect();
    let begun = Instant::now();
    let wait_until = |is_met: &dyn Fn() -> bool, what: &str| {
        while !is_met() {
            assert!(begun.elapsed() < WAIT_TIMEOUT, "{what}: {} open files, {before} before", open());
            thread::sleep(Duration::from_millis(50));
        }
    };
    wait_until(&|| open() >= before + clients.len(), "the downloads begin");
    wait_until(&|| open() <= before, "the downloads end");
    drop(clients);
    assert_eq!(anonymous.get("/health/live").status, 200);
    service.stop();
}
