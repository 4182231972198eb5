//! Outages of PostgreSQL and Redis under load, for ten minutes or as many seconds as in the
//! argument. Prints response counts and latencies; fails if a response was wrong or a write was
//! lost.
#![allow(clippy::print_stdout, reason = "a benchmark is for people")]

use std::{env, path::Path, time::Duration};

use inspection_testkit::{or_skip, outages::survive};

fn main() {
    let seconds = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(600);
    let program = Path::new(env!("CARGO_BIN_EXE_inspection-server"));
    let outcome = or_skip!(survive(program, Duration::from_secs(seconds), Duration::from_secs(6), 16));
    let tally = &outcome.tally;
    println!("{} outages of each kind, {} answers", outcome.cycles, tally.times.len());
    for ((what, status), count) in &tally.statuses {
        println!("{what:>8} {status} {count:>8}");
    }
    for (name, thousandths) in [("50 %", 500), ("95 %", 950), ("99 %", 990), ("99.9 %", 999), ("all", 1000)] {
        println!("{name:>8} within {:.1} ms", tally.within(thousandths).as_secs_f64() * 1000.0);
    }
    println!("back after {:?}", outcome.recoveries);
    println!(
        "{} machines made, {} refused, of which {} are there",
        tally.created.len(),
        tally.unsure.len(),
        outcome.kept_though_refused
    );
    for (what, lines) in [("wrong", &tally.wrong), ("lost", &outcome.losses), ("errors", &outcome.errors)] {
        println!("{what}: {lines:#?}");
    }
    assert!(tally.wrong.is_empty() && outcome.losses.is_empty() && outcome.errors.is_empty());
}
