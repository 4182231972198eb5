//! Outages of Redis and PostgreSQL under load.

use std::{path::Path, time::Duration};

use inspection_testkit::{or_skip, outages::survive};

#[test]
fn outages_of_redis_and_postgresql_are_survived_without_a_wrong_answer_or_a_lost_write() {
    let program = Path::new(env!("CARGO_BIN_EXE_inspection-server"));
    let pause = Duration::from_secs(1);
    let outcome = or_skip!(survive(program, Duration::ZERO, pause, 6));
    let tally = &outcome.tally;
    assert!(tally.wrong.is_empty(), "{:#?}\n{:#?}\n{:#?}", tally.wrong, tally.statuses, outcome.errors);
    assert!(outcome.losses.is_empty(), "{:#?}", outcome.losses);
    assert!(outcome.errors.is_empty(), "{:#?}", outcome.errors);
    // There were successes, refusals, and rate-limited requests.
    assert!(tally.created.len() > 10, "{:?}", tally.statuses);
    assert!(tally.answered(503) > 0, "{:?}", tally.statuses);
    assert_eq!(outcome.recoveries.len(), 3);
}
