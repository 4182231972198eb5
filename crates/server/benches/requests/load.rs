//! Requests from 16 connections at once, and what they took.

use std::{
    borrow::Cow,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::raw_http::Connection;

/// Number of connections.
pub(crate) const CONNECTIONS: usize = 16;

/// Times of the requests of a load.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Times from the first byte sent to the last one received, in ascending order.
    pub(crate) times: Vec<Duration>,
    /// Duration of the load.
    pub(crate) seconds: f64,
    /// Size of the last body.
    pub(crate) bytes: usize,
    /// Processor time of the program and of the sessions of its database.
    pub(crate) processor: Duration,
    /// Responses with another status than the expected one.
    pub(crate) failures: Vec<u16>,
}

impl Measured {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.times.len()) / self.seconds
    }

    /// Processor time of a request, in milliseconds.
    pub(crate) fn processor_milliseconds(&self) -> f64 {
        self.processor.as_secs_f64() * 1000.0 / number(self.times.len()).max(1.0)
    }

    /// A percentile of the times, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let place = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }

    /// Adds another load of the same request.
    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.times.sort_unstable();
        self.seconds += other.seconds;
        self.processor += other.processor;
        self.bytes = other.bytes;
        self.failures.extend(other.failures);
    }

    /// Panics if a response had another status than the expected one.
    pub(crate) fn expect_success(&self, what: &str) {
        assert!(self.failures.is_empty(), "{what}: status {:?}", self.failures.first());
    }
}

/// A number for a ratio.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a moderate number"))
}

/// Bytes of a request without a body.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

/// Bytes of a request with a body.
pub(crate) fn post(path: &str, token: Option<&str>, kind: &str, body: &[u8]) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends one request over and over. A status other than 200 is a failure.
pub(crate) fn repeat(address: &str, time: Duration, request: &[u8]) -> Measured {
    drive(address, CONNECTIONS, time, 200, |_, _| Cow::Borrowed(request))
}

/// Sends requests from so many connections, one after another on each, for this time. `request`
/// returns the bytes of a request by the numbers of its connection and its turn.
pub(crate) fn drive<'a>(
    address: &str,
    connections: usize,
    time: Duration,
    expected: u16,
    request: impl Fn(usize, usize) -> Cow<'a, [u8]> + Sync,
) -> Measured {
    let barrier = Barrier::new(connections);
    let one = &|connection: usize| {
        let mut measured = Measured::default();
        let mut stream = Connection::open(address).expect("a connection");
        let mut body = Vec::new();
        let mut turn = 0;
        let mut exchange = |turn: usize| {
            let bytes = request(connection, turn);
            let started = Instant::now();
            let head = stream.exchange(&bytes, &mut body).or_else(|_| {
                // The service closes a connection that waits too long at the barrier.
                stream = Connection::open(address)?;
                stream.exchange(&bytes, &mut body)
            });
            (started.elapsed(), head.expect("a response").status, body.len())
        };
        // The service has seen the connection and the request before it is measured.
        exchange(turn);
        barrier.wait();
        let started = Instant::now();
        while started.elapsed() < time {
            turn += 1;
            let (took, status, bytes) = exchange(turn);
            measured.times.push(took);
            measured.bytes = bytes;
            if status != expected {
                measured.failures.push(status);
            }
        }
        measured.seconds = started.elapsed().as_secs_f64();
        measured
    };
    let mut all = Measured::default();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|connection| scope.spawn(move || one(connection))).collect();
        for thread in threads {
            let measured = thread.join().expect("measured");
            all.times.extend(measured.times);
            all.seconds = all.seconds.max(measured.seconds);
            all.bytes = measured.bytes;
            all.failures.extend(measured.failures);
        }
    });
    all.times.sort_unstable();
    all
}
