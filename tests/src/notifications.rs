//! The SSE stream of new notifications: every event once and in order, until the session ends (rule
//! book §12).

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, ErrorKind, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant as Moment},
};

use inspection_domain::{
    page::PageRequest,
    users::{Role, User},
};
use inspection_persistence::notifications;
use inspection_testkit::{DatabaseKind, builders, or_skip};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

/// An open stream. HTTP/1.0 leaves the body without chunks.
struct EventStream {
    reader: BufReader<TcpStream>,
    status: u16,
    headers: String,
}

/// One part of a stream.
#[derive(Debug, Clone, PartialEq)]
enum StreamPart {
    Event { id: i64, data: Value },
    Heartbeat,
    End,
    Nothing,
}

impl EventStream {
    fn open(site: &TestSite, token: &str, last: Option<i64>) -> Self {
        let address = site.base.strip_prefix("http://").expect("an address");
        let mut connection = TcpStream::connect(address).expect("connected");
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!(
            "GET /api/notifications/stream HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{last}\r\n"
        );
        connection.write_all(request.as_bytes()).expect("sent");
        connection.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        let mut reader = BufReader::new(connection);
        let mut headers = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            if line.trim().is_empty() {
                break;
            }
            headers += &line.to_ascii_lowercase();
        }
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Self { reader, status, headers }
    }

    /// The next part within a timeout.
    fn next(&mut self, timeout: Duration) -> StreamPart {
        self.reader.get_ref().set_read_timeout(Some(timeout)).expect("set");
        let (mut id, mut data, mut comment) = (None, None, false);
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) => return StreamPart::End,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return StreamPart::Nothing;
                }
                Err(_) => return StreamPart::End,
            }
            let line = line.trim_end();
            if line.is_empty() {
                match (id, data) {
                    (Some(id), Some(data)) => return StreamPart::Event { id, data },
                    _ if comment => return StreamPart::Heartbeat,
                    _ => {}
                }
                (id, data, comment) = (None, None, false);
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().ok();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).ok();
            } else if line.starts_with(": still") {
                comment = true;
            }
        }
    }

    /// The next event within ten seconds. Heartbeats are skipped.
    fn event(&mut self) -> (i64, Value) {
        let begun = Moment::now();
        while begun.elapsed() < Duration::from_secs(10) {
            match self.next(Duration::from_secs(10)) {
                StreamPart::Event { id, data } => return (id, data),
                StreamPart::Heartbeat => {}
                other => panic!("{other:?} instead of an event"),
            }
        }
        panic!("only heartbeats");
    }

    /// Whether the stream ends within ten seconds.
    fn ends(&mut self) -> bool {
        let begun = Moment::now();
        while begun.elapsed() < Duration::from_secs(10) {
            match self.next(Duration::from_secs(10)) {
                StreamPart::End => return true,
                StreamPart::Nothing => return false,
                _ => {}
            }
        }
        false
    }
}

fn token(site: &TestSite, user: &User) -> String {
    site.token(user, inspection_auth::tokens::TokenType::Access)
}

/// Requests a leave, which notifies the admins.
fn notify_admins(site: &TestSite, from: &User, day: usize) {
    let day = format!("2027-{:02}-{:02}", day / 28 % 12 + 1, day % 28 + 1);
    builders::leave(&site.db, &site.context, from, &day, &day);
}

fn all_ids(site: &TestSite, user: &User) -> BTreeSet<i64> {
    let mut ids = BTreeSet::new();
    for page in 1.. {
        let page = PageRequest::new(page, 100);
        let found =
            site.db.read(|conn| notifications::list(conn, user.id, &builders::input(json!({})), page));
        let found = found.expect("read").items;
        if found.is_empty() {
            return ids;
        }
        ids.extend(found.iter().map(|one| one.id.get()));
    }
    ids
}

on_both! {
    fn events_equal_the_items_of_lists_and_heartbeats_keep_the_stream_open(site: TestSite) {
        let admin = site.user(Role::Admin);
        let engineer = site.user(Role::Engineer);
        notify_admins(&site, &engineer, 1);
        let mut stream = EventStream::open(&site, &token(&site, &admin), None);
        assert_eq!(stream.status, 200);
        for header in ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"] {
            assert!(stream.headers.contains(header), "{header} in {}", stream.headers);
        }
        assert_eq!(stream.next(Duration::from_secs(5)), StreamPart::Heartbeat, "no earlier notification");
        notify_admins(&site, &engineer, 2);
        let (id, data) = stream.event();
        let listed = site.client(&admin).get("/api/notifications");
        assert_eq!(data, listed.data()[0]);
        assert_eq!(json!(id), listed.data()[0]["id"]);
        assert_eq!(stream.next(Duration::from_secs(5)), StreamPart::Heartbeat, "once");
        // From the first notification on with the id 0.
        let mut stream = EventStream::open(&site, &token(&site, &admin), Some(0));
        assert_eq!(stream.event().0 + 1, stream.event().0);
        for bad in ["x", "-1", "99999999999999999999"] {
            let refused = site.client(&admin).with_header("last-event-id", bad).get("/api/notifications/stream");
            assert_eq!((refused.status, refused.fields()), (400, vec!["last_event_id"]), "{}", refused.text);
        }
        let resumed = site.client(&admin).get(&format!("/api/notifications/stream?last_event_id={id}"));
        assert_eq!(resumed.status, 200);
    }

    fn a_stream_with_a_hundred_interruptions_delivers_each_event_once_and_in_order(site: TestSite) {
        let admin = site.user(Role::Admin);
        let people: Vec<User> = (0..3).map(|_| site.user(Role::Engineer)).collect();
        let each = 60;
        let writing = AtomicUsize::new(people.len());
        let got = thread::scope(|scope| {
            for person in &people {
                let (site, writing) = (&site, &writing);
                scope.spawn(move || {
                    for day in 0..each {
                        notify_admins(site, person, day);
                        thread::sleep(Duration::from_millis(15));
                    }
                    writing.fetch_sub(1, Ordering::SeqCst);
                });
            }
            let token = token(&site, &admin);
            let (mut got, mut last, mut interruptions): (Vec<i64>, i64, usize) = (Vec::new(), 0, 0);
            loop {
                let is_written = writing.load(Ordering::SeqCst) == 0;
                let mut stream = EventStream::open(&site, &token, Some(last));
                assert_eq!(stream.status, 200);
                // Zero to four events are read; a partly sent event is lost with the connection.
                let count = interruptions % 5;
                for _ in 0..count {
                    match stream.next(Duration::from_millis(40)) {
                        StreamPart::Event { id, .. } => {
                            got.push(id);
                            last = id;
                        }
                        StreamPart::Heartbeat | StreamPart::Nothing => break,
                        StreamPart::End => panic!("the stream ended"),
                    }
                }
                interruptions += 1;
                if is_written && interruptions >= 100 && got.len() >= people.len() * each {
                    return got;
                }
                assert!(interruptions < 5_000, "{} of {}", got.len(), people.len() * each);
            }
        });
        assert!(got.is_sorted_by(|one, next| one < next), "in order, none twice");
        assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), all_ids(&site, &admin));
    }

    fn a_stream_ends_with_its_session(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let [out, gone, late] = [(); 3].map(|()| site.user(Role::Engineer));
        let tokens = [&out, &gone].map(|user| token(&site, user));
        let mut streams = tokens.each_ref().map(|token| EventStream::open(&site, token, None));
        assert!(streams.iter().all(|stream| stream.status == 200));
        site.anonymous().with_token(&tokens[0]).post("/api/auth/logout", &json!({}));
        assert!(streams[0].ends(), "signed out");
        assert_eq!(streams[1].next(Duration::from_secs(5)), StreamPart::Heartbeat, "the stream of another user continues");
        assert_eq!(admin.delete(&format!("/api/users/{}", gone.id)).status, 200);
        assert!(streams[1].ends(), "deactivated");
        let mut stream = EventStream::open(&site, &token(&site, &late), None);
        site.clock.advance_seconds(3600);
        assert!(stream.ends(), "expired");
        assert_eq!(EventStream::open(&site, "nonsense", None).status, 401);
    }

    fn the_oldest_of_too_many_streams_of_a_user_ends(site: TestSite) {
        let engineer = site.user(Role::Engineer);
        let token = token(&site, &engineer);
        let mut open: Vec<EventStream> = (0..5).map(|_| EventStream::open(&site, &token, None)).collect();
        let other = site.user(Role::Engineer);
        let mut others = EventStream::open(&site, &site.token(&other, inspection_auth::tokens::TokenType::Access), None);
        let mut sixth = EventStream::open(&site, &token, None);
        assert!(open[0].ends(), "the oldest");
        for stream in open[1..].iter_mut().chain([&mut sixth, &mut others]) {
            assert_eq!((stream.status, stream.next(Duration::from_secs(5))), (200, StreamPart::Heartbeat));
        }
    }

    fn many_missed_events_arrive_in_order_and_a_slow_reader_delays_no_other(site: TestSite) {
        let admin = site.user(Role::Admin);
        let engineer = site.user(Role::Engineer);
        let lazy = EventStream::open(&site, &token(&site, &admin), Some(0));
        for day in 0..330 {
            notify_admins(&site, &engineer, day);
        }
        let mut stream = EventStream::open(&site, &token(&site, &admin), Some(0));
        let got: Vec<i64> = (0..330).map(|_| stream.event().0).collect();
        assert!(got.is_sorted_by(|one, next| one < next));
        drop(lazy);
    }

    fn many_open_streams_share_one_reader(site: TestSite) {
        let people: Vec<User> = (0..20).map(|_| site.user(Role::Engineer)).collect();
        let admin = site.user(Role::Admin);
        let mut streams: Vec<EventStream> =
            people.iter().map(|person| EventStream::open(&site, &token(&site, person), None)).collect();
        let mut own = EventStream::open(&site, &token(&site, &admin), None);
        notify_admins(&site, &people[0], 1);
        own.event();
        assert!(streams.iter_mut().all(|stream| stream.status == 200));
        assert!(streams.iter_mut().all(|stream| matches!(stream.next(Duration::from_secs(5)), StreamPart::Heartbeat)));
    }
}

#[test]
fn events_of_another_instance_arrive_within_a_second() {
    let site = or_skip!(TestSite::start(DatabaseKind::Postgres));
    let admin = site.user(Role::Admin);
    let engineer = site.user(Role::Engineer);
    let _hearing = site.db.listen(|| {});
    let elsewhere =
        inspection_persistence::Database::open(inspection_persistence::Settings::new(site.db.url.clone()));
    let elsewhere = elsewhere.expect("opened");
    let mut stream = EventStream::open(&site, &token(&site, &admin), None);
    assert_eq!(stream.next(Duration::from_secs(5)), StreamPart::Heartbeat);
    let in_time = (1..10).filter(|day| {
        let day = format!("2026-06-{day:02}");
        let begun = Moment::now();
        builders::leave(&elsewhere, &site.context, &engineer, &day, &day);
        stream.event();
        begun.elapsed() < Duration::from_secs(4)
    });
    // The next poll would bring none of them in time; a busy machine may delay a few.
    let in_time = in_time.count();
    assert!(in_time > 4, "{in_time} of 9 events arrive before the next poll");
}

#[test]
fn a_stop_does_not_wait_for_open_streams() {
    let stops_at_once = |_| {
        let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
        let engineer = site.user(Role::Engineer);
        let mut stream = EventStream::open(&site, &token(&site, &engineer), None);
        assert_eq!(stream.status, 200);
        let begun = Moment::now();
        drop(site);
        assert!(stream.ends());
        begun.elapsed() < Duration::from_secs(4)
    };
    // The timeout for open requests is five seconds, each time.
    assert!((0..3).any(stops_at_once), "it waits for the timeout");
}
