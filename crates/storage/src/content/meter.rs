//! Limits of the work of a decoder while it runs.
//!
//! Decoders have no hooks, but all of them read their source in small pieces: there the limits are
//! checked.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    error::{ContentError, Refusal},
    limits::{MAX_CPU_MS, MAX_GROWTH},
};

/// Reason for ending a decoder early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The request has ended.
    Cancelled,
    /// The decoder has taken too much CPU time or memory.
    Excess,
}

/// Name of the threads that the JPEG decoder starts, one for each component, as the operating
/// system cuts it off. No other decoder starts threads.
const HELPER: &str = "(worker thread f)";

/// Threads of a decoder: its own, and those of four components.
const THREADS: u32 = 5;

/// CPU time of a thread by its line of figures.
fn cpu_time_of(stat: &str) -> Option<Duration> {
    // The name of the thread, which ends with the last bracket, may contain blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // 100 ticks a second (proc(5)).
    Some(Duration::from_millis(ticks * 10))
}

/// CPU time of the current thread, if the operating system tells it.
fn cpu_time() -> Option<Duration> {
    cpu_time_of(&fs::read_to_string("/proc/thread-self/stat").ok()?)
}

/// CPU time of the threads that decoders have started and that run now. It may include those of
/// other decoders: nothing tells whose they are, and all of them together take little.
fn helpers() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(HELPER)).filter_map(|stat| cpu_time_of(&stat)).sum()
}

/// Resident memory of the process in bytes, if the operating system tells it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// The limits of one piece of work, which runs on the current thread. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    cancelled: Arc<AtomicBool>,
    started: Instant,
    cpu: Option<Duration>,
    /// The least memory of the process so far: other work may end meanwhile, and its memory doesn't
    /// make room for the growth of this one.
    least_resident: Option<Arc<AtomicU64>>,
    max_cpu: Duration,
    stopped: Arc<OnceLock<Stop>>,
}

impl Meter {
    /// Starts the clock.
    pub(crate) fn start(cancelled: Arc<AtomicBool>) -> Self {
        Self {
            cancelled,
            started: Instant::now(),
            cpu: cpu_time(),
            least_resident: resident().map(|bytes| Arc::new(AtomicU64::new(bytes))),
            max_cpu: Duration::from_millis(MAX_CPU_MS),
            stopped: Arc::default(),
        }
    }

    fn stop(&self) -> Option<Stop> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        // A thread takes no more CPU time than time.
        let took_long = self.started.elapsed() * THREADS > self.max_cpu
            && match self.cpu.zip(cpu_time()) {
                Some((then, now)) => now.saturating_sub(then) + helpers() > self.max_cpu,
                None => self.started.elapsed() > self.max_cpu,
            };
        let has_grown = self.least_resident.as_ref().zip(resident()).is_some_and(|(least, now)| {
            let least = least.fetch_min(now, Ordering::Relaxed).min(now);
            now.saturating_sub(least) > MAX_GROWTH
        });
        (took_long || has_grown).then_some(Stop::Excess)
    }

    /// Fails if the work must end.
    pub(crate) fn check(&self) -> io::Result<()> {
        let Some(stop) = self.stop() else { return Ok(()) };
        // Decoders may lose the error.
        let _ = self.stopped.set(stop);
        Err(io::Error::other("the work was ended"))
    }

    /// The error of the work: the reason for ending it early, or else its own.
    pub(crate) fn explain(&self, error: ContentError) -> ContentError {
        match self.stopped.get() {
            None => error,
            Some(Stop::Excess) => Refusal::TooComplex.into(),
            Some(Stop::Cancelled) => ContentError::Io(io::Error::other("the request has ended")),
        }
    }

    pub(crate) fn of<R>(&self, source: R) -> Metered<R> {
        Metered { source, meter: self.clone() }
    }
}

/// A source that fails when the work must end.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    source: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.check()?;
        self.source.read(buffer)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.source.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_with_the_request() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let meter = Meter::start(Arc::clone(&cancelled));
        let mut source = meter.of(io::repeat(1));
        assert_eq!(source.read(&mut [0; 10]).expect("read"), 10);
        cancelled.store(true, Ordering::Relaxed);
        assert!(source.read(&mut [0; 10]).is_err());
        assert!(matches!(meter.explain(Refusal::Damaged.into()), ContentError::Io(_)));
    }

    #[test]
    fn reading_ends_after_the_cpu_time() {
        let mut meter = Meter::start(Arc::default());
        meter.max_cpu = Duration::from_millis(50);
        let mut source = meter.of(io::repeat(1));
        let mut pieces = 0_u64;
        while source.read(&mut [0; 10]).is_ok() {
            pieces += 1;
        }
        assert!(pieces > 0);
        let explained = meter.explain(Refusal::Damaged.into());
        assert!(matches!(explained, ContentError::Refused(Refusal::TooComplex)));
    }

    #[test]
    fn the_cpu_time_of_the_threads_of_a_decoder_counts() {
        let mut meter = Meter::start(Arc::default());
        meter.max_cpu = Duration::from_millis(300);
        let mut source = meter.of(io::repeat(1));
        let ended = Arc::new(AtomicBool::new(false));
        let helper = {
            let ended = Arc::clone(&ended);
            let work = move || while !ended.load(Ordering::Relaxed) {};
            std::thread::Builder::new().name("worker thread for component 0".into()).spawn(work)
        };
        let before = cpu_time();
        while source.read(&mut [0; 10]).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let own = cpu_time().zip(before).map(|(now, then)| now.saturating_sub(then));
        ended.store(true, Ordering::Relaxed);
        helper.expect("a thread").join().expect("ended");
        let explained = meter.explain(Refusal::Damaged.into());
        assert!(matches!(explained, ContentError::Refused(Refusal::TooComplex)));
        assert!(own.is_none_or(|own| own < meter.max_cpu), "{own:?}");
    }

    /// A source that notes the threads of decoders.
    struct Watched<R>(R, Arc<AtomicBool>);

    impl<R: Read> Read for Watched<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
            let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
            self.1.fetch_or(names.into_iter().any(|stat| stat.contains(HELPER)), Ordering::Relaxed);
            self.0.read(buffer)
        }
    }

    #[test]
    fn the_threads_of_the_jpeg_decoder_have_the_expected_name() {
        let file = inspection_testkit::files::jpeg(2000, 1500);
        let found = Arc::new(AtomicBool::new(false));
        let source = io::BufReader::with_capacity(1024, Watched(io::Cursor::new(file), Arc::clone(&found)));
        jpeg_decoder::Decoder::new(source).decode().expect("a picture");
        assert!(found.load(Ordering::Relaxed) || cfg!(not(target_os = "linux")));
    }

    #[test]
    fn the_operating_system_tells_time_and_memory() {
        if cfg!(target_os = "linux") {
            assert!(cpu_time().is_some());
            assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
        }
    }
}
