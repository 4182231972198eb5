//! Memory of uploads: 50 concurrent files of 16 MB of each kind. Prints the growth of the process;
//! fails at 64 MB or more.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark is for people"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Instant,
};

use inspection_testkit::{
    clients::Client,
    files::{big_pdf, encoded, jpeg_of_quality, noise},
};
use serde_json::json;

const AT_ONCE: usize = 50;
const LARGEST: usize = 16 << 20;
const GROWTH: u64 = 64 << 10;

/// A memory figure of the process, in kB.
fn memory(of: &Child, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", of.id())).expect("a process");
    let line = status.lines().find(|line| line.starts_with(what)).expect("a figure");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

fn start(folder: &tempfile::TempDir) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_inspection-server"))
        .current_dir(folder.path())
        .env_clear()
        .envs([
            ("APP_ENV", "testing"),
            ("PORT", "0"),
            ("LOG_LEVEL", "info"),
            ("LOG_FORMAT", "json"),
            ("ADMIN_EMAIL", "admin@example.com"),
            ("ADMIN_PASSWORD", "correct horse battery"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stderr.take().expect("a log")).lines();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let address = line.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next());
            if let Some(address) = address.filter(|_| line.contains("listening")) {
                sender.send(address.to_owned()).expect("a receiver");
            }
        }
    });
    (child, format!("http://{}", receiver.recv().expect("an address")))
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut child, base) = start(&folder);
    let anonymous = Client::new(&base);
    let credentials = json!({"email": "admin@example.com", "password": "correct horse battery"});
    let login = anonymous.post("/api/auth/login", &credentials);
    let client = anonymous.with_token(login.json["access_token"].as_str().expect("a token"));
    let files = [
        ("report.pdf", "application/pdf", big_pdf(LARGEST - 10_000)),
        ("photo.jpg", "image/jpeg", jpeg_of_quality(&noise(4000, 3000), 78)),
        ("photo.png", "image/png", encoded(&noise(2400, 2300), image::ImageFormat::Png)),
    ];
    let mut worst = 0;
    for (name, declared, bytes) in files {
        let bytes = Arc::new(bytes);
        assert!(bytes.len() <= LARGEST, "{name} has {} bytes", bytes.len());
        let before = memory(&child, "VmRSS:");
        // Resets the peak.
        fs::write(format!("/proc/{}/clear_refs", child.id()), "5").expect("reset");
        let started = Instant::now();
        let uploads: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (client, bytes) = (client.clone(), Arc::clone(&bytes));
                // A user has a share of the places, and waiting for one has a deadline.
                thread::spawn(move || {
                    loop {
                        match client.upload(&[], name, declared, &bytes).status {
                            503 => {}
                            status => return status,
                        }
                    }
                })
            })
            .collect();
        for upload in uploads {
            assert_eq!(upload.join().expect("an answer"), 201);
        }
        let growth = memory(&child, "VmHWM:").saturating_sub(before);
        println!(
            "{AT_ONCE} × {name} of {:.1} MB at once: {:.1} s, from {} MB, growth at most {} MB, {} MB afterwards",
            f64::from(u32::try_from(bytes.len()).expect("a size")) / f64::from(1 << 20),
            started.elapsed().as_secs_f64(),
            before >> 10,
            growth >> 10,
            memory(&child, "VmRSS:") >> 10,
        );
        worst = worst.max(growth);
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(worst < GROWTH, "uploads took {} MB", worst >> 10);
}
