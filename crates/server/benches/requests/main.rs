//! Speed of the program: requests per second by path, start, memory, sign-ins, offline work and
//! uploads, on a site of any size. With `--pages`, every list at two sizes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark is for people"
)]

mod extras;
mod fill;
mod load;
mod pages;
mod rows;
mod site;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use inspection_domain::users::Role;
use inspection_testkit::{clients::Client, or_skip};
use serde_json::Value;

use crate::{
    load::get,
    site::{DatabaseSystem, FilledSite, Server},
};

/// Speed of the program.
#[derive(Parser)]
struct Arguments {
    /// Inspections of the site; defects, notifications and all other rows in proportion.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(i64).range(2000..=10_000_000))]
    inspections: i64,
    /// Database.
    #[arg(long, value_enum, default_value_t = DatabaseSystem::Postgres)]
    database: DatabaseSystem,
    /// Compares the pages of every list with those of a site with 2,000 inspections.
    #[arg(long)]
    pages: bool,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Only paths that contain this text.
    #[arg(long)]
    only: Option<String>,
    /// Passed by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The smaller site of a comparison.
const SMALL: i64 = 2000;

/// Requests of which the fewest statements count.
const COUNTED: usize = 4;

/// Measured paths and their readers.
const PATHS: &[(&str, Role)] = &[
    ("/health/live", Role::Admin),
    ("/api/auth/me", Role::Admin),
    ("/api/equipment/7", Role::Admin),
    ("/api/inspections/1000", Role::Admin),
    ("/api/defects/100", Role::Admin),
    ("/api/jobs/101", Role::Admin),
    ("/api/users/7", Role::Admin),
    ("/api/equipment", Role::Admin),
    ("/api/inspections", Role::Admin),
    ("/api/inspections", Role::Inspector),
    ("/api/defects", Role::Admin),
    ("/api/defects?status=open,in_progress&sort=-created_at", Role::Admin),
    ("/api/defects?q=crane", Role::Admin),
    ("/api/notifications", Role::Inspector),
    ("/api/notifications/unread-count", Role::Inspector),
    ("/api/jobs", Role::Admin),
    ("/api/jobs", Role::Specialist),
    ("/api/assessments", Role::Admin),
    ("/api/quality-reviews", Role::QualityEngineer),
    ("/api/inspection-assignments/my-assignments", Role::Inspector),
    ("/api/inspection-assignments/backlog", Role::Admin),
    ("/api/users", Role::Admin),
    ("/api/admin/audit", Role::Admin),
    ("/api/sync/changes", Role::Inspector),
    ("/api/leaderboards/inspectors", Role::Inspector),
    ("/api/reports/dashboard", Role::Inspector),
    ("/api/reports/dashboard", Role::Specialist),
    ("/api/reports/admin-dashboard", Role::Admin),
    ("/api/reports/defect-analytics", Role::Admin),
    ("/api/reports/pause-analytics", Role::Admin),
    ("/api/reports/capacity", Role::Admin),
    ("/api/reports/trends?metric=inspections", Role::Admin),
];

fn main() {
    let arguments = Arguments::parse();
    let time = Duration::from_secs(arguments.seconds.max(1));
    let server = or_skip!(Server::start(arguments.database));
    let filling = Instant::now();
    let site = server.site("site", arguments.inspections);
    println!(
        "{:?}, {} inspections, filled in {:.0} s",
        arguments.database,
        site.inspections,
        filling.elapsed().as_secs_f64()
    );
    if arguments.pages {
        let small = server.site("small", SMALL);
        let slow = pages::compare(&small, &site, time, arguments.only.as_deref());
        println!("more than five fourths of the processor time at {SMALL}: {slow:#?}");
        return;
    }
    if arguments.only.is_none() {
        extras::start_and_idle_memory(&site);
    }
    paths(&server, &site, time, arguments.only.as_deref());
    if arguments.only.is_none() {
        extras::memory_after_load(&site);
        extras::sign_ins(&site, time * 3);
        extras::offline_actions(&site, time * 2);
        extras::uploads(&site, time * 2);
        extras::memory_after_load(&site);
    }
}

/// Measures and prints the paths.
fn paths(server: &Server, site: &FilledSite, time: Duration, only: Option<&str>) {
    let chosen = PATHS.iter().filter(|(path, _)| only.is_none_or(|text| path.contains(text)));
    let chosen: Vec<_> = chosen.collect();
    let statements = statements(site, &chosen);
    let before = server.selects(time);
    let measured: Vec<_> = chosen
        .iter()
        .map(|(path, role)| {
            let measured = site.repeat(time, &get(path, Some(site.token(*role))));
            measured.expect_success(path);
            measured
        })
        .collect();
    // Other work on the machine may have begun or ended meanwhile.
    let selects = before.zip(server.selects(time)).map(|(before, after)| before.midpoint(after));
    if let Some(selects) = selects {
        println!("SELECT by key: {selects:.0}/s");
    }
    println!(
        "{:<56} {:>16} {:>8} {:>8} {:>8} {:>8} {:>10} {:>7} {:>7}",
        "path", "reader", "per s", "p50 ms", "p99 ms", "CPU ms", "statements", "bytes", "ratio"
    );
    for (((path, role), measured), statements) in chosen.iter().zip(&measured).zip(statements) {
        let ratio = selects.map_or_else(String::new, |selects| format!("{:.3}", measured.rate() / selects));
        println!(
            "{path:<56} {:>16} {:>8.0} {:>8.2} {:>8.2} {:>8.2} {statements:>10} {:>7} {ratio:>7}",
            role.as_str(),
            measured.rate(),
            measured.percentile(50),
            measured.percentile(99),
            measured.processor_milliseconds(),
            measured.bytes
        );
    }
}

/// Numbers of statements of the requests, from the log of another process of the program.
fn statements(site: &FilledSite, paths: &[&(&str, Role)]) -> Vec<u64> {
    let logging = site.another(&[("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")]);
    let request = |(path, role): &(&str, Role)| {
        let client = Client::new(logging.base()).with_token(site.token(*role));
        let ids = (0..COUNTED).map(|_| client.get(path).header("x-request-id").expect("an id").to_owned());
        ids.collect::<Vec<_>>()
    };
    let ids: Vec<Vec<String>> = paths.iter().map(|path| request(path)).collect();
    // The log is written in the background.
    thread::sleep(Duration::from_secs(1));
    let by_id: BTreeMap<String, u64> = logging.log().lines().filter_map(counted).collect();
    let fewest = |ids: &Vec<String>| ids.iter().filter_map(|id| by_id.get(id)).min().copied();
    ids.iter().map(|ids| fewest(ids).expect("a line of the log")).collect()
}

/// Id of a request and its number of statements, from a line of the log.
fn counted(line: &str) -> Option<(String, u64)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| Some(&line[name]).filter(|value| !value.is_null()).or(line["fields"].get(name));
    Some((field("request_id")?.as_str()?.to_owned(), field("queries")?.as_u64()?))
}
