//! The scheduled tasks: when they are due, and what is kept of their runs (rule book §16).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    ids::TaskRunId,
    input::{input, text_enum},
    rule::{Code, Rule},
    time::{Date, Instant, SiteTimeZone},
};

text_enum! {
    /// What happens by itself (§16).
    pub enum TaskName {
        /// Lists for the next day, day and night.
        GenerateDailyLists = "generate_daily_lists",
        /// Assignments past their deadline are marked, and the admins told.
        CheckBacklog = "check_backlog",
        /// Those who could take a stalled job over are told.
        DetectStalledJobs = "detect_stalled_jobs",
        /// Leaves whose last day is past are ended.
        CheckExpiredLeaves = "check_expired_leaves",
        /// People whose leave has begun are marked.
        ActivateStartingLeaves = "activate_starting_leaves",
        /// Quality engineers are warned of overdue reviews.
        MonitorQeSla = "monitor_qe_sla",
    }
}

impl TaskName {
    /// When it is due (§16).
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

    /// What it does, in a sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::GenerateDailyLists => "Makes tomorrow's inspection lists, day and night",
            Self::CheckBacklog => "Marks overdue assignments and tells the admins",
            Self::DetectStalledJobs => "Tells those who could take a stalled job over",
            Self::CheckExpiredLeaves => "Ends leaves whose last day is past",
            Self::ActivateStartingLeaves => "Marks people whose approved leave has begun",
            Self::MonitorQeSla => "Warns quality engineers of overdue reviews",
        }
    }
}

/// When a task is due, by the clocks of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Once on every date, also where clocks leap over that time or show it twice.
    Daily {
        /// Hour, 0 to 23.
        hour: i8,
        /// Minute.
        minute: i8,
    },
    /// At every hour of the day that is a multiple of this; once where clocks show it twice.
    EveryHours(i8),
    /// At every multiple of so many minutes of the hour.
    EveryMinutes(i8),
}

impl fmt::Display for Schedule {
    /// As a line of cron.
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
    /// The instants of a date at which it is due, in order.
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

    /// The instants after one and up to another at which it is due, in order.
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

    /// When it is due next after an instant.
    pub fn next(self, after: Instant, calendar: &SiteTimeZone) -> Instant {
        let today = calendar.date(after);
        (0..3)
            .flat_map(|days| self.on(today.plus_days(days), calendar))
            .find(|at| *at > after)
            .unwrap_or_else(|| after.plus_seconds(86_400))
    }

    /// Seconds that have passed since it was due for the first time after what is done; none if nothing is to be done.
    pub fn seconds_late(self, done_until: Option<Instant>, now: Instant, calendar: &SiteTimeZone) -> i64 {
        let due = match done_until {
            Some(done) if done < now => Some(self.next(done, calendar)),
            Some(_) => None,
            None => self.latest(now, calendar),
        };
        due.filter(|due| *due <= now).map_or(0, |due| now.as_second() - due.as_second())
    }

    /// When it was due last, up to an instant.
    pub fn latest(self, until: Instant, calendar: &SiteTimeZone) -> Option<Instant> {
        let today = calendar.date(until);
        (0..3).find_map(|days| self.on(today.plus_days(-days), calendar).into_iter().rfind(|at| *at <= until))
    }
}

text_enum! {
    /// What became of a run.
    pub enum TaskOutcome {
        /// Under way, or given up by an instance that has died: then another one takes it over.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Tried several times, and given up; the error says why.
        Failed = "failed",
    }
}

/// How much of what a run has done: `{"lists": 2, "assignments": 40}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<String, usize>);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Counts);

impl Counts {
    /// Adds to a number.
    pub fn add(&mut self, what: &str, number: usize) {
        *self.0.entry(what.to_owned()).or_default() += number;
    }

    /// One of the numbers; nothing was counted if it is none.
    pub fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }
}

/// A run of a task: one for each time it was due, whichever instance did it (§16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::task_runs, treat_none_as_default_value = false)
)]
pub struct TaskRun {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: TaskRunId,
    /// The task.
    pub task: TaskName,
    /// When it was due, or when somebody asked for it.
    pub scheduled_for: Instant,
    /// Whether somebody asked for it.
    pub is_manual: bool,
    /// The instance that runs it, or has.
    pub instance: String,
    /// When it was begun, by the first instance that did.
    pub started_at: Instant,
    /// Until when the instance has it for itself.
    #[serde(skip)]
    pub lease_until: Instant,
    /// How many instances have begun it.
    pub attempts: i64,
    /// When it was over.
    pub finished_at: Option<Instant>,
    /// What became of it.
    pub outcome: TaskOutcome,
    /// How much it has done.
    pub counts: Counts,
    /// What went wrong.
    pub error: Option<String>,
}

crate::shows!(TaskRun {});

impl TaskRun {
    /// A run that begins.
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

    /// The run that somebody asks for, unless it is under way already.
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

/// Seconds for which an instance has a run for itself; it asks for more while it works.
pub const LEASE: i64 = 120;

/// Instances that may begin a run before it is given up: it may be the run that kills them.
pub const MOST_ATTEMPTS: i64 = 5;

/// Why a task isn't run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskRule {
    /// One at a time.
    #[error("{0} is under way")]
    UnderWay(TaskName),
}

impl Rule for TaskRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }
}

input! {
    /// Which runs of a task, the latest first.
    pub struct TaskRunFilter {
        /// With this outcome.
        outcome: Option<TaskOutcome>,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_task_is_late_from_the_first_time_on_that_it_has_not_done() {
        let at = |text: &str| Instant::parse(text).expect("an instant");
        let late = |done: Option<&str>, now: &str| {
            Schedule::EveryHours(4).seconds_late(done.map(at), at(now), &SiteTimeZone::utc())
        };
        for (done, now, seconds) in [
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T11:59:59Z", 0),
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T12:00:30Z", 30),
            (Some("2026-03-02T08:00:00Z"), "2026-03-02T18:00:00Z", 6 * 3600),
            // Somebody asked for it between two times.
            (Some("2026-03-02T09:13:00Z"), "2026-03-02T12:00:00Z", 0),
            (Some("2026-03-02T12:00:00Z"), "2026-03-02T12:00:00Z", 0),
            (Some("2026-03-02T12:00:00Z"), "2026-03-02T09:00:00Z", 0),
            // Never yet: since it was due last.
            (None, "2026-03-02T09:00:00Z", 3600),
        ] {
            assert_eq!(late(done, now), seconds, "{done:?} {now}");
        }
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    #[test]
    fn the_six_are_due_when_the_rule_book_says() {
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
    fn they_are_due_by_the_clocks_of_the_site() {
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
    fn a_day_on_which_clocks_leap_over_the_time_has_it_all_the_same_and_one_that_shows_it_twice_has_it_once()
    {
        // In Cairo, clocks went from 24:00 on 23 April 2026 to 01:00, and on 29 October 2026 they go from 24:00 back to 23:00.
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
        fn going_from_one_to_the_next_meets_all_between_and_no_others(
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
