//! Scheduled tasks: their schedules and the records of their runs (rule book §16).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    ids::TaskRunId,
    input::{AnyOf, input, text_enum},
    message,
    message::Message,
    rule::{Code, Rule},
    time::{Date, Instant, SiteTimeZone},
};

text_enum! {
    /// Name of a scheduled task (§16).
    pub enum TaskName {
        /// Generates the daily lists of the next day.
        GenerateDailyLists = "generate_daily_lists",
        /// Marks overdue assignments, notifies the admins, reminds of jobs that run for long, and
        /// updates who is on leave when the day of the site begins.
        CheckBacklog = "check_backlog",
        /// Notifies the candidates for takeovers of stalled jobs.
        DetectStalledJobs = "detect_stalled_jobs",
        /// Ends leaves whose last day is past.
        CheckExpiredLeaves = "check_expired_leaves",
        /// Marks people whose leave begins.
        ActivateStartingLeaves = "activate_starting_leaves",
        /// Warns quality engineers of overdue reviews.
        MonitorQeSla = "monitor_qe_sla",
    }
}

impl TaskName {
    /// Schedule (§16).
    pub const fn schedule(self) -> Schedule {
        match self {
            Self::GenerateDailyLists => Schedule::Daily { hour: 13, minute: 0 },
            Self::CheckBacklog => Schedule::EveryHours(1),
            Self::DetectStalledJobs => Schedule::EveryHours(6),
            Self::CheckExpiredLeaves => Schedule::Daily { hour: 0, minute: 30 },
            Self::ActivateStartingLeaves => Schedule::Daily { hour: 0, minute: 15 },
            Self::MonitorQeSla => Schedule::EveryHours(4),
        }
    }

    /// Description in one sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::GenerateDailyLists => "Generates the daily lists of the next day, for both shifts",
            Self::CheckBacklog => {
                "Marks overdue assignments, notifies the admins, reminds of jobs that run for long, and \
                 updates who is on leave"
            }
            Self::DetectStalledJobs => "Notifies the users who can take over a stalled job",
            Self::CheckExpiredLeaves => "Ends leaves whose last day is past",
            Self::ActivateStartingLeaves => {
                "Marks users whose approved leave has begun, and checks the invariants"
            }
            Self::MonitorQeSla => "Warns quality engineers of overdue reviews",
        }
    }
}

/// Schedule of a task in site time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Once per date, including dates on which a clock change skips or repeats the time.
    Daily {
        /// Hour, 0 to 23.
        hour: i8,
        /// Minute, 0 to 59.
        minute: i8,
    },
    /// At every hour of the day that is a multiple of this number; a repeated hour counts once.
    EveryHours(i8),
    /// At every minute of the hour that is a multiple of this number.
    EveryMinutes(i8),
}

impl fmt::Display for Schedule {
    /// Formats the schedule as a cron expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily { hour, minute } => write!(f, "{minute} {hour} * * *"),
            Self::EveryHours(1) => f.write_str("0 * * * *"),
            Self::EveryHours(hours) => write!(f, "0 */{hours} * * *"),
            Self::EveryMinutes(minutes) => write!(f, "*/{minutes} * * * *"),
        }
    }
}

impl Schedule {
    /// Due times on a date, in order.
    fn on(self, date: Date, calendar: &SiteTimeZone) -> Vec<Instant> {
        let hourly = |every: i8| (0..24).step_by(usize::from(every.unsigned_abs().max(1)));
        let mut due: Vec<Instant> = match self {
            Self::Daily { hour, minute } => vec![calendar.at_minute(date, hour, minute)],
            Self::EveryHours(every) => hourly(every).map(|hour| calendar.at(date, hour)).collect(),
            Self::EveryMinutes(every) => {
                let minutes = || (0..60).step_by(usize::from(every.unsigned_abs().max(1)));
                hourly(1)
                    .flat_map(|hour| minutes().map(move |minute| calendar.at_minute(date, hour, minute)))
                    .collect()
            }
        };
        due.sort_unstable();
        due.dedup();
        due
    }

    /// Due times in the interval from `after`, exclusive, to `until`, inclusive, in order.
    pub fn between(self, after: Instant, until: Instant, calendar: &SiteTimeZone) -> Vec<Instant> {
        let mut date = calendar.date(after);
        let last = calendar.date(until);
        let mut due = Vec::new();
        while date <= last {
            due.extend(self.on(date, calendar).into_iter().filter(|at| *at > after && *at <= until));
            date = date.plus_days(1);
        }
        due
    }

    /// First due time after an instant.
    pub fn next(self, after: Instant, calendar: &SiteTimeZone) -> Instant {
        let today = calendar.date(after);
        (0..3)
            .flat_map(|days| self.on(today.plus_days(days), calendar))
            .find(|at| *at > after)
            .unwrap_or_else(|| after.plus_seconds(86_400))
    }

    /// Seconds since the first due time after `done_until`; none if no run is due.
    pub fn seconds_late(self, done_until: Option<Instant>, now: Instant, calendar: &SiteTimeZone) -> i64 {
        let due = match done_until {
            Some(done) if done < now => Some(self.next(done, calendar)),
            Some(_) => None,
            None => self.latest(now, calendar),
        };
        due.filter(|due| *due <= now).map_or(0, |due| now.as_second() - due.as_second())
    }

    /// Last due time up to an instant.
    pub fn latest(self, until: Instant, calendar: &SiteTimeZone) -> Option<Instant> {
        let today = calendar.date(until);
        (0..3).find_map(|days| self.on(today.plus_days(-days), calendar).into_iter().rfind(|at| *at <= until))
    }
}

text_enum! {
    /// Outcome of a run.
    pub enum TaskOutcome {
        /// Running. The lease of an instance that crashed expires, and another instance takes the
        /// run over.
        Running = "running",
        /// Succeeded.
        Succeeded = "succeeded",
        /// Failed after the maximum number of attempts.
        Failed = "failed",
    }
}

/// Figures of a run by name: `{"lists": 2, "assignments": 40}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = BTreeMap<String, usize>))]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<String, usize>);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Counts);

impl Counts {
    /// Adds to a figure.
    pub fn add(&mut self, what: &str, number: usize) {
        *self.0.entry(what.to_owned()).or_default() += number;
    }

    /// Value of a figure; 0 if absent.
    pub fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }
}

/// A run of a task. Each due time has one run across all instances (§16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::task_runs, treat_none_as_default_value = false)
)]
pub struct TaskRun {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: TaskRunId,
    /// The task.
    pub task: TaskName,
    /// Due time, or the time of a manual start.
    pub scheduled_for: Instant,
    /// Whether it was started manually.
    pub is_manual: bool,
    /// Instance that runs it, or ran it last.
    pub instance: String,
    /// Start time of the first attempt.
    pub started_at: Instant,
    /// End of the lease of the instance.
    #[serde(skip)]
    pub lease_until: Instant,
    /// Number of attempts.
    pub attempts: i64,
    /// Completion time.
    pub finished_at: Option<Instant>,
    /// Outcome.
    pub outcome: TaskOutcome,
    /// Figures of the run.
    pub counts: Counts,
    /// Error of the last attempt.
    pub error: Option<String>,
}

crate::shows!(TaskRun {});

impl TaskRun {
    /// Builds a run in its first attempt.
    pub fn new(task: TaskName, scheduled_for: Instant, instance: &str, now: Instant) -> Self {
        Self {
            id: TaskRunId::UNSAVED,
            task,
            scheduled_for,
            is_manual: false,
            instance: instance.to_owned(),
            started_at: now,
            lease_until: now.plus_seconds(LEASE),
            attempts: 1,
            finished_at: None,
            outcome: TaskOutcome::Running,
            counts: Counts::default(),
            error: None,
        }
    }

    /// Builds a manual run, unless the task is running.
    pub fn asked_for(
        latest: Option<&Self>,
        task: TaskName,
        instance: &str,
        now: Instant,
    ) -> Result<Self, TaskRule> {
        if latest.is_some_and(|run| run.outcome == TaskOutcome::Running && run.lease_until > now) {
            return Err(TaskRule::UnderWay(task));
        }
        Ok(Self { is_manual: true, ..Self::new(task, now, instance, now) })
    }
}

/// Length of a lease in seconds; the instance renews it while the run lasts.
pub const LEASE: i64 = 120;

/// Maximum number of attempts. A run may be the cause of the crashes that interrupt it.
pub const MOST_ATTEMPTS: i64 = 5;

/// Reasons for rejecting a manual run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskRule {
    /// The task is running.
    #[error("{}", self.message())]
    UnderWay(TaskName),
}

impl Rule for TaskRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }

    fn message(&self) -> Message {
        match self {
            Self::UnderWay(task) => message!("{task} is already running", task),
        }
    }
}

input! {
    /// Filter of a list of runs, latest first.
    pub struct TaskRunFilter {
        /// Filter by outcome.
        outcome: AnyOf<TaskOutcome>,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{changed_fields, fields, later, now};

    #[test]
    fn a_run_begins_with_its_first_attempt_and_a_lease() {
        let run = TaskRun::new(TaskName::CheckBacklog, now(), "instance 1", later());
        insta::assert_snapshot!(fields(&run).join("\n"), @r#"
        id: TaskRunId(0)
        task: CheckBacklog
        scheduled_for: Instant(2026-03-01T07:00:00Z)
        is_manual: false
        instance: "instance 1"
        started_at: Instant(2026-03-01T08:00:00Z)
        lease_until: Instant(2026-03-01T08:02:00Z)
        attempts: 1
        finished_at: None
        outcome: Running
        counts: Counts({})
        error: None
        "#);
        let manual = TaskRun::asked_for(None, TaskName::CheckBacklog, "instance 2", later()).expect("free");
        insta::assert_snapshot!(changed_fields(&run, &manual), @r#"
        scheduled_for: Instant(2026-03-01T08:00:00Z)
        is_manual: true
        instance: "instance 2"
        "#);
    }

    #[test]
    fn a_task_is_started_by_hand_unless_it_is_running_under_a_lease() {
        let start = |outcome, lease_until| {
            let run = TaskRun::new(TaskName::CheckBacklog, now(), "instance 1", now());
            let run = TaskRun { lease_until, outcome, ..run };
            TaskRun::asked_for(Some(&run), TaskName::CheckBacklog, "instance 2", now()).map(|_| ())
        };
        let refused = Err(TaskRule::UnderWay(TaskName::CheckBacklog));
        assert_eq!(start(TaskOutcome::Running, now().next()), refused);
        assert_eq!(start(TaskOutcome::Running, now()), Ok(()), "the lease is over");
        assert_eq!(start(TaskOutcome::Succeeded, later()), Ok(()));
        assert_eq!(start(TaskOutcome::Failed, later()), Ok(()));
        assert_eq!(TaskRule::UnderWay(TaskName::CheckBacklog).code(), Code::InvalidState);
    }

    #[test]
    fn figures_add_up_by_name() {
        let mut counts = Counts::default();
        counts.add("lists", 2);
        counts.add("lists", 3);
        counts.add("assignments", 40);
        assert_eq!((counts.of("lists"), counts.of("assignments"), counts.of("leaves")), (5, 40, 0));
    }

    #[test]
    fn every_task_has_a_description_of_its_own() {
        let mut descriptions: Vec<_> = TaskName::ALL.iter().map(|task| task.description()).collect();
        descriptions.sort_unstable();
        descriptions.dedup();
        assert_eq!(descriptions.len(), TaskName::ALL.len());
        assert!(descriptions.iter().all(|text| text.contains(' ')));
    }

    #[test]
    fn an_interval_excludes_its_beginning_and_includes_its_end() {
        let due = |schedule: Schedule, from: &str, to: &str| {
            let times = schedule.between(at(from), at(to), &SiteTimeZone::utc());
            times.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            due(Schedule::EveryMinutes(20), "2026-03-01T10:20:00Z", "2026-03-01T11:20:00Z"),
            ["2026-03-01T10:40:00.000Z", "2026-03-01T11:00:00.000Z", "2026-03-01T11:20:00.000Z"]
        );
        assert_eq!(
            due(Schedule::EveryHours(6), "2026-03-01T12:00:00Z", "2026-03-02T00:00:00Z"),
            ["2026-03-01T18:00:00.000Z", "2026-03-02T00:00:00.000Z"]
        );
        assert_eq!(due(Schedule::EveryHours(1), "2026-03-01T10:00:00Z", "2026-03-01T10:59:59Z"), [""; 0]);
        assert_eq!(Schedule::EveryMinutes(20).to_string(), "*/20 * * * *");
    }

    #[test]
    fn an_hour_that_a_clock_change_repeats_or_skips_counts_once() {
        // In Berlin, clocks go from 03:00 back to 02:00 on 25 October 2026.
        let berlin = SiteTimeZone::new("Europe/Berlin").expect("a zone");
        let due =
            Schedule::EveryHours(1).between(at("2026-10-24T23:30:00Z"), at("2026-10-25T02:30:00Z"), &berlin);
        assert_eq!(due, ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"].map(at));
        // From 02:00 on 29 March 2026 they go to 03:00: two times of that day are the same instant.
        let due =
            Schedule::EveryHours(1).between(at("2026-03-29T00:30:00Z"), at("2026-03-29T02:30:00Z"), &berlin);
        assert_eq!(due, ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"].map(at));
    }

    #[test]
    fn lateness_counts_from_the_first_missed_due_time() {
        let at = |text: &str| Instant::parse(text).expect("an instant");
        let late = |done: Option<&str>, now: &str| {
            Schedule::EveryHours(4).seconds_late(done.map(at), at(now), &SiteTimeZone::utc())
        };
        for (done, now, seconds) in [
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T11:59:59Z", 0),
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T12:00:30Z", 30),
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T18:00:00Z", 6 * 3600),
            // A manual run between two due times.
            (Some("2026-03-02T09:13:00Z"), "2026-03-02T12:00:00Z", 0),
            (Some("2026-03-02T12:00:00Z"), "2026-03-02T12:00:00Z", 0),
            (Some("2026-03-02T12:00:00Z"), "2026-03-02T09:00:00Z", 0),
            // No run so far: late since the last due time.
            (None, "2026-03-02T09:00:00Z", 3600),
        ] {
            assert_eq!(late(done, now), seconds, "{done:?} {now}");
        }
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    #[test]
    fn the_six_tasks_are_due_as_in_the_rule_book() {
        let lines: Vec<String> =
            TaskName::ALL.iter().map(|task| format!("{task}: {}", task.schedule())).collect();
        assert_eq!(
            lines,
            [
                "generate_daily_lists: 0 13 * * *",
                "check_backlog: 0 * * * *",
                "detect_stalled_jobs: 0 */6 * * *",
                "check_expired_leaves: 30 0 * * *",
                "activate_starting_leaves: 15 0 * * *",
                "monitor_qe_sla: 0 */4 * * *",
            ]
        );
    }

    #[test]
    fn tasks_are_due_in_site_time() {
        let riyadh = SiteTimeZone::new("Asia/Riyadh").expect("a zone");
        let lists = TaskName::GenerateDailyLists.schedule();
        assert_eq!(lists.next(at("2026-03-01T10:00:00Z"), &riyadh), at("2026-03-02T10:00:00Z"));
        assert_eq!(lists.next(at("2026-03-01T09:59:59.999Z"), &riyadh), at("2026-03-01T10:00:00Z"));
        assert_eq!(lists.latest(at("2026-03-01T10:00:00Z"), &riyadh), Some(at("2026-03-01T10:00:00Z")));
        assert_eq!(lists.latest(at("2026-03-01T09:59:59.999Z"), &riyadh), Some(at("2026-02-28T10:00:00Z")));
        let kolkata = SiteTimeZone::new("Asia/Kolkata").expect("a zone");
        let hourly = TaskName::CheckBacklog.schedule();
        assert_eq!(hourly.next(at("2026-03-01T10:00:00Z"), &kolkata), at("2026-03-01T10:30:00Z"));
    }

    #[test]
    fn a_daily_task_is_due_once_when_a_clock_change_skips_or_repeats_its_time() {
        // In Cairo, clocks went from 24:00 on 23 April 2026 to 01:00; on 29 October 2026 they go
        // from 24:00 back to 23:00.
        let cairo = SiteTimeZone::new("Africa/Cairo").expect("a zone");
        let due =
            |from: &str, to: &str| TaskName::CheckExpiredLeaves.schedule().between(at(from), at(to), &cairo);
        assert_eq!(
            due("2026-04-22T00:00:00Z", "2026-04-25T00:00:00Z"),
            ["2026-04-22T22:30:00Z", "2026-04-23T22:30:00Z", "2026-04-24T21:30:00Z"].map(at)
        );
        // On the Azores, clocks go from 01:00 back to 00:00 on 25 October 2026.
        let azores = SiteTimeZone::new("Atlantic/Azores").expect("a zone");
        let due = TaskName::CheckExpiredLeaves.schedule().between(
            at("2026-10-24T12:00:00Z"),
            at("2026-10-26T12:00:00Z"),
            &azores,
        );
        assert_eq!(due, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"].map(at));
    }

    proptest! {
        #[test]
        fn successive_due_times_are_exactly_those_of_the_interval(
            zone in prop::sample::select(vec!["UTC", "Africa/Cairo", "Atlantic/Azores", "Australia/Lord_Howe", "Asia/Kathmandu"]),
            from in 1_767_225_600_000_i64..1_830_297_600_000,
            hours in 1_i64..400,
            task in prop::sample::select(TaskName::ALL),
        ) {
            let calendar = SiteTimeZone::new(zone).expect("a zone");
            let schedule = task.schedule();
            let from = Instant::from_millisecond(from).expect("an instant");
            let until = from.plus_seconds(hours * 3600);
            let all = schedule.between(from, until, &calendar);
            let mut walked = Vec::new();
            let mut now = from;
            loop {
                now = schedule.next(now, &calendar);
                if now > until {
                    break;
                }
                prop_assert_eq!(schedule.latest(now, &calendar), Some(now));
                walked.push(now);
            }
            prop_assert_eq!(&walked, &all);
            prop_assert_eq!(schedule.latest(until, &calendar).filter(|last| *last > from), all.last().copied());
            if let Schedule::Daily { .. } = schedule {
                let mut dates: Vec<Date> = all.iter().map(|at| calendar.date(*at)).collect();
                let count = dates.len();
                dates.dedup();
                prop_assert_eq!(dates.len(), count, "once a day");
            }
        }
    }
}
