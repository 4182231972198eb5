//! Several processes on one PostgreSQL database, killed at random: each tick and each background
//! job runs exactly once.

use std::{
    io::{BufRead, Write},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant as Moment},
};

use async_trait::async_trait;
use inspection_domain::{
    equipment::Equipment,
    ids::Ids,
    outbox::OutboxKind,
    page::PageRequest,
    retention::Retention,
    tasks::{Schedule, TaskName, TaskOutcome},
    text::Language,
    time::{Clock, Instant, SiteTimeZone},
    users::Role,
};
use inspection_persistence::{
    Context, Database, Settings, daily_lists, equipment, notifications, outbox, tasks, translations,
};
use inspection_scheduler::{
    Background, BackgroundSettings,
    outbox::Handler,
    translations::Translations,
    translator::{TranslateError, Translator},
};
use inspection_testkit::{
    DatabaseKind, TestDatabase,
    builders::{self, act, input},
    context::context,
    or_skip,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Milliseconds since 1970 by the system clock.
#[expect(clippy::disallowed_methods, reason = "the processes share no other clock")]
fn wall() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292278994")
}

/// Instructions for a process: its database, clock and work.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Orders {
    url: String,
    name: String,
    /// System time in milliseconds at which the simulated clock shows `from`.
    begun: i64,
    from: i64,
    /// Factor by which the simulated clock is faster.
    speed: i64,
    ticks: bool,
}

struct FastClock(Orders);

impl Clock for FastClock {
    fn now(&self) -> Instant {
        let Orders { begun, from, speed, .. } = self.0;
        Instant::from_millisecond(from + (wall() - begun) * speed).expect("an instant")
    }
}

/// Ids that are unique across processes.
struct OwnIds(String, std::sync::atomic::AtomicU64);

impl Ids for OwnIds {
    fn unique(&self) -> String {
        format!("{}-{}", self.0, self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 16] {
        [u8::try_from(wall() % 256).unwrap_or_default(); 16]
    }
}

struct Mirror;

fn mirrored(text: &str) -> String {
    format!("ترجمة {text}")
}

#[async_trait]
impl Translator for Mirror {
    async fn translate(&self, texts: &[String], _: Language) -> Result<Vec<String>, TranslateError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(texts.iter().map(|text| mirrored(text)).collect())
    }
}

/// Body of a child process. It runs until it is killed or its input ends.
#[test]
#[ignore = "the other tests start it as a child process"]
fn a_process() {
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    if input.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let orders: Orders = serde_json::from_str(&line).expect("orders");
    let database = Database::open(Settings { size: 4, overflow: 0, ..Settings::new(orders.url.clone()) })
        .expect("opened");
    let context = Context {
        clock: Arc::new(FastClock(orders.clone())),
        ids: Arc::new(OwnIds(orders.name.clone(), 0.into())),
        calendar: SiteTimeZone::utc(),
        translates: true,
        retention: Retention::default(),
    };
    let translations = Translations::new(database.clone(), context.clone(), Arc::new(Mirror));
    let handler: Arc<dyn Handler> = Arc::new(translations);
    let every_minute = || TaskName::ALL.iter().map(|task| (*task, Schedule::EveryMinutes(1))).collect();
    let settings = BackgroundSettings {
        database,
        context,
        instance: orders.name.clone(),
        tasks: if orders.ticks { every_minute() } else { Vec::new() },
        handlers: if orders.ticks { [].into() } else { [(OutboxKind::Translate, handler)].into() },
        poll_interval: Duration::from_millis(30),
        shutdown_timeout: Duration::from_secs(5),
    };
    let background = Background::start(settings, || std::process::exit(1)).expect("started");
    while input.read_line(&mut line).unwrap_or(0) > 0 {}
    background.stop();
}

/// A child process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(orders: &Orders) -> Process {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "instances::a_process", "--ignored", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    let mut line = serde_json::to_string(orders).expect("orders");
    line.push('\n');
    child.stdin.as_mut().expect("its input").write_all(line.as_bytes()).expect("sent");
    Process(child)
}

/// Three processes; the test kills and replaces them one by one.
struct Fleet {
    orders: Orders,
    /// Names and processes, the oldest first.
    running: Vec<(String, Process)>,
    killed: usize,
    begun: Moment,
}

impl Fleet {
    fn start(orders: Orders) -> Self {
        let mut fleet = Self { orders, running: Vec::new(), killed: 0, begun: Moment::now() };
        (0..3).for_each(|_| fleet.add());
        fleet
    }

    fn add(&mut self) {
        let name = format!("process-{}", self.killed + self.running.len());
        let orders = Orders { name: name.clone(), ..self.orders.clone() };
        self.running.push((name, start(&orders)));
    }

    /// Kills the oldest process and starts another.
    fn replace_one(&mut self) {
        self.running.remove(0);
        self.killed += 1;
        self.add();
    }

    /// Sleeps for a moment; fails after the timeout.
    fn wait(&self, timeout: Duration) {
        assert!(self.begun.elapsed() < timeout, "not done in time");
        thread::sleep(Duration::from_millis(20));
    }

    /// Stops all processes and returns the number of killed ones.
    fn stop(self) -> usize {
        for (_, mut process) in self.running {
            drop(process.0.stdin.take());
            assert!(process.0.wait().expect("ended").success(), "a stopped process exits with success");
        }
        self.killed
    }
}

/// Number of ticks of each task.
const TICKS: usize = 500;

#[test]
fn each_tick_runs_exactly_once_although_processes_are_killed() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let (context, clock) = context();
    let from = Instant::from_millisecond(wall()).expect("an instant");
    clock.set(&from.to_string());
    let admin = builders::user(&db, &context, Role::Admin);
    let team = builders::team(&db, &context);
    let checklist = builders::checklist(&db, &context, &admin);
    for _ in 0..5 {
        builders::equipment(&db, &context);
    }
    builders::routine(&db, &context, &admin, checklist.0.id);
    let (_, assignments) = builders::generated(&db, &context, &admin);
    for assignment in &assignments {
        builders::assigned(&db, &context, &admin, assignment.id, &team);
    }
    // The deadlines passed months ago.
    let orders = Orders {
        url: db.url.clone(),
        name: String::new(),
        begun: from.as_millisecond(),
        from: from.as_millisecond(),
        speed: 600,
        ticks: true,
    };
    let latest = |task: &TaskName| {
        let filter = input(json!({}));
        db.read(|conn| tasks::runs(conn, *task, &filter, PageRequest::first(100))).expect("read").items
    };
    // A process with a run follows the clock from then on.
    let has_begun =
        |name: &str| TaskName::ALL.iter().any(|task| latest(task).iter().any(|run| run.instance == name));
    let timeout = Duration::from_mins(4);
    let mut fleet = Fleet::start(orders.clone());
    // It follows the clock of the tasks that it has run, and the others those of the rest.
    let all_have_begun = || TaskName::ALL.iter().all(|task| !latest(task).is_empty());
    while !(all_have_begun() && fleet.running.iter().all(|(name, _)| has_begun(name))) {
        fleet.wait(timeout);
    }
    let from = FastClock(orders).now();
    let due = Schedule::EveryMinutes(1).between(from, from.plus_seconds(60 * 500), &SiteTimeZone::utc());
    assert_eq!(due.len(), TICKS);
    let last = *due.last().expect("the last");
    let mut next = from.plus_seconds(60 * 25);
    loop {
        let runs = TaskName::ALL.iter().map(|task| latest(task).first().map(|run| run.scheduled_for));
        let through = runs.min().flatten().unwrap_or(from);
        if through > last.plus_seconds(60 * 10) {
            break;
        }
        // The two other processes run the times that are due meanwhile.
        if through > next && fleet.running.iter().skip(1).all(|(name, _)| has_begun(name)) {
            fleet.replace_one();
            next = through.plus_seconds(60 * 25);
        }
        fleet.wait(timeout);
    }
    let killed = fleet.stop();
    assert!(killed > 5, "{killed} killed");
    let mut taken_over = 0;
    for task in TaskName::ALL {
        let mut runs = Vec::new();
        loop {
            let number = u32::try_from(runs.len() / 100 + 1).expect("a page");
            let page = PageRequest::new(number, 100);
            let found =
                db.read(|conn| tasks::runs(conn, *task, &input(json!({})), page)).expect("read").items;
            let is_last = found.len() < 100;
            runs.extend(found);
            if is_last {
                break;
            }
        }
        let expected: Vec<_> =
            runs.iter().filter(|run| run.scheduled_for > from && run.scheduled_for <= last).collect();
        let mut at: Vec<Instant> = expected.iter().map(|run| run.scheduled_for).collect();
        at.sort_unstable();
        assert_eq!(at, due, "{task}");
        for run in expected {
            assert_eq!(run.outcome, TaskOutcome::Succeeded, "{run:?}");
            taken_over += usize::from(run.attempts > 1);
        }
    }
    println!("{killed} killed, {taken_over} runs taken over");
    let notified = db.read(|conn| {
        notifications::list(
            conn,
            admin.id,
            &input(json!({"type": "backlog_triggered"})),
            PageRequest::new(1, 100),
        )
    });
    assert_eq!(notified.expect("read").total, 5, "one notification for each overdue assignment");
    let filter = input(json!({}));
    let all = db.read(|conn| daily_lists::list(conn, &filter, PageRequest::new(1, 100))).expect("read");
    assert!(all.total >= 3, "lists of the next days were generated");
}

/// Number of background jobs.
const JOBS: usize = 10_000;

#[test]
fn ten_thousand_jobs_run_exactly_once_although_processes_are_killed() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Postgres));
    let (mut context, clock) = context();
    context.translates = true;
    let admin = builders::user(&db, &context, Role::Admin);
    let begun = wall();
    clock.set(&Instant::from_millisecond(begun).expect("an instant").to_string());
    let machines: Vec<Equipment> = thread::scope(|scope| {
        let (db, context, admin) = (&db, &context, &admin);
        let threads: Vec<_> = (0..4)
            .map(|part| {
                scope.spawn(move || {
                    let create = |number: usize| {
                        let body = json!({
                            "name": "Crane", "equipment_type": "crane", "serial_number": format!("{part}-{number}"),
                            "location": format!("Quay {part}, bollard {number}"),
                        });
                        act(db, context, admin, |tx| equipment::registry::create(tx, input(body))).expect("created")
                    };
                    (0..JOBS / 4).map(create).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("created")).collect()
    });
    let depth = || db.read(outbox::depth).expect("read");
    assert_eq!(usize::try_from(depth().pending), Ok(JOBS));
    let orders =
        Orders { url: db.url.clone(), name: String::new(), begun, from: begun, speed: 100, ticks: false };
    let mut fleet = Fleet::start(orders);
    let (mut left, mut next) = (depth(), i64::try_from(JOBS).expect("a number") - 500);
    while left.pending + left.running > 0 {
        if left.pending + left.running < next {
            fleet.replace_one();
            next = left.pending + left.running - 500;
        }
        fleet.wait(Duration::from_mins(4));
        left = depth();
    }
    let killed = fleet.stop();
    assert!(killed > 5, "{killed} killed");
    assert_eq!(depth(), outbox::Depth::default(), "no job is dead");
    for part in machines.chunks(1000) {
        let mut shown = part.to_vec();
        db.read(|conn| translations::show(conn, Language::Ar, &mut shown)).expect("read");
        for (shown, machine) in shown.iter().zip(part) {
            assert_eq!(shown.location, machine.location.as_deref().map(mirrored));
        }
    }
}
