//! Bombs: small files that take much memory or time to decode, against the program itself.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use inspection_testkit::{
    bombs::{bombs, duds},
    clients::Client,
    documents::active_documents,
    files::{Hostile, hostile, png},
};
use serde_json::json;

use super::{Running, folder};

/// Growth of the program while it refuses any bomb, in MiB: less than its decoders together may
/// take, with the request itself and a reserve.
const MAX_GROWTH: u64 = 400;

/// A memory figure of the process, in MiB.
fn memory(service: &Running, figure: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.child.id())).expect("a process");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("a figure");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).expect("a number") >> 10
}

fn engineer(service: &Running) -> Client {
    let credentials = json!({"email": "other@example.com", "password": "correct horse battery"});
    let mut account = credentials.clone();
    account["full_name"] = json!("Other");
    account["role"] = json!("engineer");
    assert_eq!(service.admin().post("/api/users", &account).status, 201);
    let anonymous = Client::new(&service.base);
    let login = anonymous.post("/api/auth/login", &credentials);
    let newcomer = anonymous.with_token(login.json["access_token"].as_str().expect("a token"));
    let change =
        json!({"current_password": "correct horse battery", "new_password": "another horse battery"});
    let changed = newcomer.post("/api/auth/change-password", &change);
    anonymous.with_token(changed.json["access_token"].as_str().expect("a token"))
}

/// Uploads a bomb, and while it is refused a small image of another user.
fn explode(service: &Running, attacker: &Client, other: &Client, bomb: &Hostile) {
    let before = memory(service, "VmRSS:");
    // Resets the peak.
    fs::write(format!("/proc/{}/clear_refs", service.child.id()), "5").expect("reset");
    let small = png(1, 1);
    let started = Instant::now();
    let (refused, took, accepted, waited) = thread::scope(|scope| {
        let refused = scope.spawn(|| {
            let refused = attacker.upload(&[], bomb.name, bomb.declared, &bomb.bytes);
            (refused, started.elapsed())
        });
        thread::sleep(Duration::from_millis(20));
        let begun = Instant::now();
        let accepted = other.upload(&[], "photo.png", "image/png", &small);
        let waited = begun.elapsed();
        let (refused, took) = refused.join().expect("an answer");
        (refused, took, accepted, waited)
    });
    let growth = memory(service, "VmHWM:").saturating_sub(before);
    println!(
        "{}: {} kB, {took:.0?}, {growth} MiB; the small image of {} bytes: {waited:.0?}",
        bomb.what,
        bomb.bytes.len() >> 10,
        small.len(),
    );
    assert_eq!(accepted.status, 201, "{}: {}", bomb.what, accepted.text);
    if bomb.refusal.is_empty() {
        assert_eq!(refused.status, 201, "{}: {}", bomb.what, refused.text);
    } else {
        assert_eq!(refused.status, 400, "{}: {}", bomb.what, refused.text);
        assert!(refused.text.contains(bomb.refusal), "{}: {}", bomb.what, refused.text);
    }
    assert!(growth < MAX_GROWTH, "{}: {growth} MiB", bomb.what);
}

#[test]
fn bombs_take_little_memory_and_hold_up_no_other_user() {
    let folder = folder();
    let service = Running::start(&folder, &[("RATE_LIMITS", "off")]);
    let (attacker, other) = (service.admin(), engineer(&service));
    for bomb in bombs().iter().chain(&duds()).chain(&active_documents()) {
        explode(&service, &attacker, &other, bomb);
    }
    service.stop();
}

#[test]
fn all_bombs_at_once_have_bounded_memory() {
    let folder = folder();
    let service = Running::start(&folder, &[("RATE_LIMITS", "off")]);
    let (attacker, other) = (service.admin(), engineer(&service));
    let files: Vec<_> = bombs().into_iter().chain(hostile()).filter(|file| !file.bytes.is_empty()).collect();
    let before = memory(&service, "VmRSS:");
    thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(16)) {
            scope.spawn(|| {
                for (n, file) in part.iter().enumerate() {
                    let client = if n % 2 == 0 { &attacker } else { &other };
                    let refused = client.upload(&[], file.name, file.declared, &file.bytes);
                    // Waiting for a turn has a deadline, which a busy machine may exceed.
                    assert!(matches!(refused.status, 400 | 503), "{}: {}", file.what, refused.text);
                }
            });
        }
    });
    let growth = memory(&service, "VmHWM:").saturating_sub(before);
    println!("{} files by 16 at once: {growth} MiB", files.len());
    assert!(growth < MAX_GROWTH, "{growth} MiB");
    assert_eq!(other.upload(&[], "photo.png", "image/png", &png(1, 1)).status, 201);
    service.stop();
}
