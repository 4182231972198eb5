//! Files and crashes: the program is killed at every step, and reconciles its files.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::{
    clients::{Client, form},
    files::{big_pdf, jpeg},
    s3::{BUCKET, KEY_ID, Mood, S3Server, SECRET},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Running, folder, program};

/// Time that files may take to become old enough for `files tidy`.
const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// Number of files below a folder.
fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| if path.is_dir() { count(&path) } else { 1 })
        .sum()
}

/// The success and the output of `files …`.
fn files(folder: &TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let output = program(folder, settings, &[&["files"], arguments].concat()).output().expect("ended");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The success of `check --data`, and the invariants that don't hold.
fn violated(folder: &TempDir) -> (bool, Vec<String>) {
    let checked = program(folder, &[], &["check", "--data", "--json"]).output().expect("ended");
    let report: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings").iter();
    let failed = findings.filter(|finding| finding["verdict"] != "pass");
    let names = failed.map(|finding| finding["id"].as_str().expect("a name").to_owned());
    (checked.status.success(), names.collect())
}

/// The number in a row of the output of `files …`.
fn count_in(text: &str, words: &str) -> usize {
    let line =
        text.lines().find(|line| line.starts_with(words)).unwrap_or_else(|| panic!("no {words} in {text}"));
    line[words.len()..].split_whitespace().next().expect("a number").parse().expect("a number")
}

fn upload(client: &Client) -> inspection_testkit::clients::Response {
    client.upload(&[], "photo.jpg", "image/jpeg", &jpeg(60, 40))
}

/// Runs `files tidy` until its output meets a condition, since it spares files younger than a
/// second, the least age that it accepts. Returns that output.
fn tidy_until(folder: &TempDir, settings: &[(&str, &str)], is_done: impl Fn(&str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let (fine, text) = files(folder, settings, &["tidy", "--older-than", "1s"]);
        assert!(fine && begun.elapsed() < WAIT_TIMEOUT, "{text}");
        if is_done(&text) {
            return text;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn bucket(server: &S3Server) -> Vec<(&str, &str)> {
    vec![
        ("STORAGE_URL", "s3://evidence/site"),
        ("AWS_ENDPOINT_URL", &server.endpoint),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ]
}

#[test]
fn killed_between_content_and_row_it_leaves_an_orphan_that_is_found() {
    assert_eq!(BUCKET, "evidence");
    let (folder, server) = (folder(), S3Server::start());
    let settings = bucket(&server);
    let service = Running::start(&folder, &settings);
    let admin = service.admin();
    assert_eq!(upload(&admin).status, 201);
    let remaining = server.files().len();
    server.be(Mood::SilentAfter("PUT"));
    let under_way = {
        let base = service.base.clone();
        let (content_type, body) = form(
            &[],
            &[inspection_testkit::clients::FormFile {
                field: "file",
                name: "photo.jpg",
                declared: "image/jpeg",
                bytes: &jpeg(60, 40),
            }],
        );
        let token = admin.token().expect("a token").to_owned();
        thread::spawn(move || {
            let mut socket = TcpStream::connect(base.trim_start_matches("http://")).expect("connected");
            let head = format!(
                "POST /api/files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            socket.write_all(&[head.as_bytes(), &body].concat()).expect("sent");
            socket
        })
    };
    server.wait_for_silence();
    service.kill();
    drop(under_way.join().expect("sent"));
    server.be(Mood::Fine);
    assert!(server.files().len() > remaining, "the content exists");
    let (fine, text) = files(&folder, &settings, &["check"]);
    assert!(
        fine && count_in(&text, "orphaned files") == 0,
        "within the hour they may belong to an upload: {text}"
    );
    let text = tidy_until(&folder, &settings, |text| count_in(text, "orphaned files") > 0);
    assert_eq!(
        (count_in(&text, "recorded files"), count_in(&text, "orphaned files"), count_in(&text, "missing")),
        (1, 1, 0),
        "{text}"
    );
    assert_eq!(server.files().len(), remaining);
    let (fine, text) = files(&folder, &settings, &["check", "--contents"]);
    assert!(fine && count_in(&text, "orphaned files") == 0, "{text}");
}

#[test]
fn killed_between_row_and_content_it_leaves_an_orphan_that_is_found() {
    let (folder, server) = (folder(), S3Server::start());
    let settings = bucket(&server);
    let service = Running::start(&folder, &settings);
    let admin = service.admin();
    let (gone, stays) = (upload(&admin).id(), upload(&admin).id());
    let remaining = server.files().len();
    server.be(Mood::Silent);
    let base = (service.base.clone(), admin.token().expect("a token").to_owned());
    let under_way = thread::spawn(move || {
        let mut socket = TcpStream::connect(base.0.trim_start_matches("http://")).expect("connected");
        let head = format!(
            "DELETE /api/files/{gone} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            base.1
        );
        socket.write_all(head.as_bytes()).expect("sent");
        socket
    });
    server.wait_for_silence();
    assert_eq!(admin.get(&format!("/api/files/{gone}")).status, 404, "the row is deleted");
    service.kill();
    drop(under_way.join().expect("sent"));
    server.be(Mood::Fine);
    assert_eq!(server.files().len(), remaining, "the content isn't");
    let text = tidy_until(&folder, &settings, |text| count_in(text, "orphaned files") > 0);
    assert_eq!(
        (count_in(&text, "recorded files"), count_in(&text, "orphaned files"), count_in(&text, "missing")),
        (1, 1, 0),
        "{text}"
    );
    assert!(server.files().len() < remaining);
    let service = Running::start(&folder, &settings);
    let anonymous = Client::new(&service.base);
    assert_eq!(anonymous.get(&format!("/api/files/{stays}/download")).status, 401);
    service.stop();
}

#[test]
fn killed_repeatedly_under_load_it_never_lacks_content() {
    let folder = folder();
    let mut credentials = None;
    for round in 0..4 {
        let mut service = Running::start(&folder, &[]);
        if round == 0 {
            credentials = Some((service.email.clone(), service.password.clone()));
        }
        (service.email, service.password) = credentials.clone().expect("an admin");
        let admin = service.admin();
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let admin = admin.clone();
                thread::spawn(move || {
                    // Ends with the service.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        loop {
                            let id = upload(&admin).json["data"]["id"].as_i64();
                            if let Some(id) = id.filter(|id| id % 3 == 0) {
                                admin.delete(&format!("/api/files/{id}"));
                            }
                        }
                    }));
                })
            })
            .collect();
        // The kill meets another step in each round.
        thread::sleep(Duration::from_millis(300 + 77 * round));
        service.kill();
        for client in clients {
            client.join().expect("ended");
        }
        let (fine, text) = files(&folder, &[], &["check", "--contents"]);
        assert!(fine && count_in(&text, "recorded files") > 0, "every recorded file exists: {text}");
        assert_eq!(violated(&folder), (true, vec![]), "the stored data are those of a running service");
    }
    // Every recorded file exists, and in the end no other.
    let uploads = folder.path().join("data/uploads");
    tidy_until(&folder, &[], |text| count(&uploads) == count_in(text, "recorded files"));
    fs::remove_dir_all(&uploads).expect("removed");
    assert_eq!(violated(&folder), (false, vec!["files_have_their_bytes".to_owned()]));
}

#[test]
fn killed_during_an_upload_it_leaves_a_file_that_is_found() {
    let folder = folder();
    let service = Running::start(&folder, &[]);
    let token = service.admin().token().expect("a token").to_owned();
    let mut socket = TcpStream::connect(service.base.trim_start_matches("http://")).expect("connected");
    let head = format!(
        "POST /api/files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9000000\r\n\
         Content-Type: multipart/form-data; boundary=B\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; \
         filename=\"a.pdf\"\r\n\r\n"
    );
    socket.write_all(&[head.as_bytes(), &big_pdf(500_000)].concat()).expect("sent");
    let uploads = folder.path().join("data/uploads");
    for _ in 0..200 {
        if count(&uploads) > 0 {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(count(&uploads), 1);
    service.kill();
    let text = tidy_until(&folder, &[], |text| count_in(text, "abandoned uploads") > 0);
    assert_eq!((count_in(&text, "abandoned uploads"), count(&uploads)), (1, 0), "{text}");
}

#[test]
fn missing_and_changed_files_are_reported() {
    let folder = folder();
    let service = Running::start(&folder, &[]);
    let admin = service.admin();
    let ids: Vec<i64> = (0..4).map(|_| upload(&admin).id()).collect();
    let path = |id: i64| {
        let name =
            admin.get(&format!("/api/files/{id}")).data()["filename"].as_str().expect("a name").to_owned();
        let day = fs::read_dir(folder.path().join("data/uploads/general")).expect("years").next();
        let mut path = day.expect("a year").expect("a year").path();
        for _ in 0..2 {
            path = fs::read_dir(path).expect("a folder").next().expect("one").expect("one").path();
        }
        path.join(name)
    };
    let (missing, shorter, changed) = (path(ids[0]), path(ids[1]), path(ids[2]));
    service.stop();
    fs::remove_file(missing).expect("removed");
    fs::write(shorter, b"short").expect("written");
    let mut bytes = fs::read(&changed).expect("read");
    bytes[100] ^= 1;
    fs::write(&changed, bytes).expect("written");
    let (fine, text) = files(&folder, &[], &["check"]);
    assert!(!fine, "{text}");
    assert_eq!((count_in(&text, "missing"), count_in(&text, "changed")), (1, 1), "by size: {text}");
    assert!(text.contains(&format!("numbers {}", ids[0])), "{text}");
    let (fine, text) = files(&folder, &[], &["check", "--contents"]);
    assert!(!fine, "{text}");
    assert_eq!((count_in(&text, "missing"), count_in(&text, "changed")), (1, 2), "by contents: {text}");
}

/// A command of this program as an unprivileged user, since root may write anywhere.
pub(super) fn unprivileged(folder: &TempDir, settings: &[(&str, &str)]) -> Command {
    let mut command = program(folder, settings, &[]);
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        let unprivileged = 65534;
        std::os::unix::fs::chown(folder.path(), Some(unprivileged), Some(unprivileged)).expect("given");
        command.uid(unprivileged).gid(unprivileged);
    }
    command
}

#[test]
fn a_read_only_folder_is_reported() {
    let folder = folder();
    let service = Running::spawn(unprivileged(&folder, &[("PORT", "0"), ("LOG_LEVEL", "off")]));
    let admin = service.admin();
    let id = upload(&admin).id();
    let uploads = folder.path().join("data/uploads");
    let allow = |mode: u32| {
        for folder in [uploads.clone(), uploads.join(".staging")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("set");
        }
    };
    allow(0o555);
    let refused = upload(&admin);
    assert_eq!((refused.status, refused.code()), (503, "UNAVAILABLE"), "{}", refused.text);
    assert_eq!(admin.get(&format!("/api/files/{id}/download")).status, 200, "reading works");
    let ready = admin.get("/health/ready");
    assert_eq!((ready.status, &ready.json["storage"]), (503, &"unusable".into()), "{}", ready.text);
    assert_eq!(admin.get("/api/files").json["pagination"]["total"], 1);
    allow(0o755);
    assert_eq!(upload(&admin).status, 201, "it works again");
    assert_eq!(count(&uploads), 2);
    service.stop();
}

#[test]
fn a_disk_that_fills_up_during_an_upload_is_reported() {
    let folder = folder();
    let mut command = Command::new("sh");
    // Files can't grow beyond 8 MiB, as on a full disk; the unit is 512 or 1024 bytes.
    let script = "trap '' XFSZ; ulimit -f 8192 && exec \"$0\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_inspection-server")]);
    command.current_dir(folder.path()).env_clear().envs([
        ("PORT", "0"),
        ("LOG_LEVEL", "off"),
        ("PATH", "/usr/bin:/bin"),
    ]);
    let service = Running::spawn(command);
    let admin = service.admin();
    let refused = admin.upload(&[], "large.pdf", "application/pdf", &big_pdf(12 << 20));
    assert_eq!((refused.status, refused.code()), (503, "UNAVAILABLE"), "{}", refused.text);
    let uploads = folder.path().join("data/uploads");
    assert_eq!(count(&uploads), 0, "nothing is stored partially");
    assert_eq!(admin.get("/api/files").json["pagination"]["total"], 0);
    assert_eq!(upload(&admin).status, 201, "a small file is accepted");
    service.stop();
}

#[test]
fn an_invalid_store_prevents_the_start() {
    let folder = folder();
    fs::create_dir(folder.path().join("data")).expect("a folder");
    fs::write(folder.path().join("data/uploads"), b"a file").expect("written");
    let output = program(&folder, &[("PORT", "0")], &["serve"]).output().expect("ended");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("uploads"), "{output:?}");
}
