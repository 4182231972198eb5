//! Signals to the processes of a test.

use std::{fs, time::Duration};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Sends a signal to a process, without the program `kill`, which a small machine lacks.
///
/// # Panics
///
/// When the process doesn't exist.
pub fn signal(pid: u32, signal: Signal) {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("the number of a process");
    kill_process(process, signal).unwrap_or_else(|error| panic!("{signal:?} to {pid}: {error}"));
}

/// Processor time of a process and of those of its children that run.
pub fn processor_time(pid: u32) -> Duration {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = all.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let all: u32 = stats.filter_map(|stat| hundredths(&stat, pid)).sum();
    Duration::from_millis(10 * u64::from(all))
}

/// Processor time in a line of `/proc/…/stat`, if it is that of the process or of a child.
fn hundredths(stat: &str, pid: u32) -> Option<u32> {
    let (number, rest) = stat.split_once(' ')?;
    // The name of the program is in parentheses and may contain anything.
    let mut fields = rest.rsplit_once(')')?.1.split_whitespace().skip(1);
    let parent = fields.next()?;
    let mut times = fields.skip(9).map_while(|field| field.parse::<u32>().ok());
    let time = times.next()? + times.next()?;
    (number.parse() == Ok(pid) || parent.parse() == Ok(pid)).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_and_its_children_is_read_from_its_line() {
        let stat = "7 (a ) b) S 3 7 7 0 -1 4194560 1 2 3 4 150 20 0 0 20 0 1 0 100 0 0";
        assert_eq!(
            [hundredths(stat, 7), hundredths(stat, 3), hundredths(stat, 4)],
            [Some(170), Some(170), None]
        );
    }
}
