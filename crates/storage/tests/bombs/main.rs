//! Peak memory and CPU time of each bomb, in a process of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a panic reports the failure of a test"
)]

use std::{fs, path::Path, process::Command, time::Duration};

use inspection_domain::files::FileKind;
use inspection_storage::{Requester, Storage, UploadError};
use inspection_testkit::{
    bombs::{bombs, duds, heavy},
    documents::active_documents,
    files::{Hostile, png},
};

/// Growth of the process while it refuses or accepts any file, in MiB: all decoders together may
/// take 256 MiB.
const MAX_GROWTH: u64 = 256;

/// CPU time of one file, in milliseconds, with all threads.
const MAX_CPU_MS: u64 = 10_000;

/// Beginning of the line of figures of one file.
const FIGURES: &str = "figures: ";

/// A memory figure of the process, in KiB.
fn memory(figure: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("a figure");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}

/// CPU time of all threads of the process, also of those that have ended.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("a process");
    let fields: Vec<_> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("ticks");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn inspect(
    storage: &Storage,
    name: &str,
    declared: &str,
    bytes: &[u8],
    user: i64,
) -> Result<FileKind, UploadError> {
    let mut incoming = storage.begin(16 << 20);
    incoming.write(bytes).await?;
    let staged = incoming.finish().await?;
    let inspected = storage.inspect(staged, name, Some(declared), Requester::User(user)).await;
    inspected.map(|(_, kind)| kind)
}

fn all() -> Vec<Hostile> {
    bombs().into_iter().chain(duds()).chain(heavy()).chain(active_documents()).collect()
}

/// Inspects the file of the current folder, and prints its figures.
#[test]
#[ignore = "the other test starts it as a child process"]
fn one_bomb() {
    let described = fs::read_to_string("described").expect("a description");
    let mut lines = described.lines();
    let (name, declared) = (lines.next().expect("a name"), lines.next().expect("a type"));
    let (storage, bytes) =
        (Storage::local(Path::new(".")).expect("a store"), fs::read("bomb").expect("a file"));
    run(inspect(&storage, "a.png", "image/png", &png(1, 1), 1)).expect("a small image");
    let (before, started) = (memory("VmRSS:"), cpu_time());
    // Resets the peak.
    fs::write("/proc/self/clear_refs", "5").expect("reset");
    let outcome = run(inspect(&storage, name, declared, &bytes, 1));
    let (cpu, peak, after) = (cpu_time().saturating_sub(started), memory("VmHWM:"), memory("VmRSS:"));
    let growth = |now: u64| now.saturating_sub(before) >> 10;
    let outcome = outcome.map_or_else(|error| error.to_string(), |kind| kind.to_string());
    println!("{FIGURES}{} {} {} {outcome}", cpu.as_millis(), growth(peak), growth(after));
}

#[test]
fn every_bomb_takes_bounded_memory_and_time() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in all() {
        fs::write(folder.path().join("bomb"), &file.bytes).expect("written");
        let described = format!("{}\n{}", file.name, file.declared);
        fs::write(folder.path().join("described"), described).expect("written");
        let output = Command::new(std::env::current_exe().expect("a program"))
            .args(["one_bomb", "--ignored", "--nocapture"])
            .current_dir(folder.path())
            .output()
            .expect("a process");
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = text.split(FIGURES).nth(1).and_then(|rest| rest.lines().next());
        let mut parts = figures.unwrap_or_else(|| panic!("{}: {text}", file.what)).splitn(4, ' ');
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).expect("a number");
        let (cpu, growth, left) = (number(), number(), number());
        let outcome = parts.next().expect("an outcome");
        let kilobytes = file.bytes.len() >> 10;
        println!("{}: {kilobytes} kB, {cpu} ms, {growth} MiB, then {left} MiB: {outcome}", file.what);
        assert!(outcome.contains(file.refusal), "{}: {outcome}", file.what);
        assert!(growth <= MAX_GROWTH, "{}: {growth} MiB", file.what);
        assert!(cpu <= MAX_CPU_MS, "{}: {cpu} ms", file.what);
    }
}
