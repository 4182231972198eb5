//! Corrections of the timer of a job by an admin (rule book §7).

use serde_json::json;

use super::{
    job::Job,
    status::{JobCommand, JobRule},
    timer::{Hours, time_rating},
};
use crate::{
    audit::Changes,
    ids::{PauseId, UserId},
    input::{Invalid, Object, ValueList, input},
    pauses::{Pause, PauseStatus},
    text::Text,
    time::Instant,
};

input! {
    /// A pause in a correction of a timer.
    pub struct CorrectedPause {
        /// The recorded pause; a new one if absent.
        id: Option<PauseId>,
        /// Begin.
        paused_at: Instant,
        /// End; absent for the present pause only.
        resumed_at: Option<Instant>,
    }
}

input! {
    /// Correction of the timer of a job. Absent values stay.
    pub struct TimerCorrection {
        /// Start.
        started_at: Option<Instant>,
        /// Completion, if the job has been completed.
        completed_at: Option<Instant>,
        /// All pauses since the start. Recorded ones that are absent did not happen, except the
        /// present one.
        pauses: Option<ValueList<Object<CorrectedPause>, 0, 100>>,
        /// Reason.
        reason: Text<1000>,
    }
}

/// A pause before and after a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseChange {
    /// The recorded pause; none if the correction adds it.
    pub before: Option<Pause>,
    /// The pause from then on.
    pub after: Pause,
}

/// A valid timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectedTimer {
    /// Start.
    pub started_at: Instant,
    /// Completion.
    pub completed_at: Option<Instant>,
    /// Pauses since the start, in order, and those that did not happen.
    pub pauses: Vec<PauseChange>,
}

/// A pause of the new timer, with its name in errors.
struct Interval<'a> {
    field: String,
    before: Option<&'a Pause>,
    from: Instant,
    until: Option<Instant>,
}

impl Interval<'_> {
    /// The name of one of its fields in errors.
    fn name(&self, field: &str) -> String {
        if self.field.contains('[') { format!("{}.{field}", self.field) } else { self.field.clone() }
    }
}

impl TimerCorrection {
    /// The corrected timer of a job whose pauses are `log`: in order, without overlaps, between
    /// start and completion, and not in the future (§7).
    pub fn timer(
        &self,
        job: &Job,
        log: &[Pause],
        by: UserId,
        now: Instant,
    ) -> Result<CorrectedTimer, Invalid> {
        let mut errors = Invalid::default();
        let begun = log.iter().filter(|pause| pause.paused_at.is_some());
        let (present, earlier): (Vec<&Pause>, Vec<&Pause>) =
            begun.partition(|pause| pause.paused_at >= job.started_at);
        let started_at = self.started_at.or(job.started_at).unwrap_or(now);
        let completed_at = self.completed_at.or(job.completed_at);
        if self.completed_at.is_some() && job.completed_at.is_none() {
            errors.extend(Invalid::field("completed_at", "belongs to a job that has been completed"));
        }
        for (field, at) in [("started_at", Some(started_at)), ("completed_at", completed_at)] {
            if at.is_some_and(|at| at > now) {
                errors.extend(Invalid::field(field, "lies in the future"));
            }
        }
        if completed_at.is_some_and(|end| end < started_at) {
            errors.extend(Invalid::field("completed_at", "lies before the start"));
        }
        if earlier.iter().any(|pause| pause.resumed_at > Some(started_at)) {
            errors.extend(Invalid::field("started_at", "lies before the end of an earlier pause"));
        }
        let mut intervals = self.intervals(&present, &mut errors);
        intervals.sort_by_key(|interval| (interval.from, interval.until.is_none(), interval.until));
        validate(&intervals, started_at, completed_at.unwrap_or(now), &mut errors);
        errors.into_result()?;
        let kept: Vec<PauseId> = intervals.iter().filter_map(|interval| Some(interval.before?.id)).collect();
        let corrected = intervals.iter().map(|interval| PauseChange {
            before: interval.before.cloned(),
            after: match interval.before {
                Some(before) => before.corrected(interval.from, interval.until),
                None => Pause::added(job.id, &self.reason, by, interval.from, interval.until, now),
            },
        });
        let void = present
            .iter()
            .filter(|pause| !kept.contains(&pause.id))
            .map(|pause| PauseChange { before: Some((*pause).clone()), after: pause.void() });
        Ok(CorrectedTimer { started_at, completed_at, pauses: corrected.chain(void).collect() })
    }

    /// The pauses of the new timer, of those recorded since the start.
    fn intervals<'a>(&self, present: &[&'a Pause], errors: &mut Invalid) -> Vec<Interval<'a>> {
        let as_recorded = |pause: &&'a Pause| {
            let from = pause.paused_at?;
            Some(Interval { field: "pauses".into(), before: Some(*pause), from, until: pause.resumed_at })
        };
        let Some(ValueList(given)) = &self.pauses else {
            return present.iter().filter_map(as_recorded).collect();
        };
        let open = present.iter().copied().find(|pause| pause.status == PauseStatus::Approved);
        let mut intervals: Vec<Interval<'a>> = Vec::new();
        for (n, Object(pause)) in given.iter().enumerate() {
            let before = match pause.id {
                Some(id) => present.iter().copied().find(|recorded| recorded.id == id),
                None => open.filter(|_| pause.resumed_at.is_none()),
            };
            let (from, until) = (pause.paused_at, pause.resumed_at);
            let interval = Interval { field: format!("pauses[{n}]"), before, from, until };
            let is_open = before.is_some_and(|before| before.status == PauseStatus::Approved);
            if pause.id.is_some() && before.is_none() {
                errors.extend(Invalid::field(interval.name("id"), "is no pause of the present timer"));
            } else if is_open && until.is_some() {
                let message = "must be absent for the present pause, which ends when the job is resumed";
                errors.extend(Invalid::field(interval.name("resumed_at"), message));
            } else if !is_open && until.is_none() {
                errors.extend(Invalid::field(interval.name("resumed_at"), "is required"));
            }
            let seen = |other: &Interval<'_>| other.before.map(|before| before.id);
            if before.is_some() && intervals.iter().any(|other| seen(other) == before.map(|it| it.id)) {
                errors.extend(Invalid::field(interval.name("id"), "is named twice"));
            }
            intervals.push(interval);
        }
        let is_named = |pause: &&Pause| {
            intervals.iter().any(|interval| interval.before.is_some_and(|before| before.id == pause.id))
        };
        let unnamed = open.filter(|pause| !is_named(pause));
        intervals.extend(unnamed.as_ref().and_then(as_recorded));
        intervals
    }
}

/// Validates that pauses, sorted by their begin, lie between the start and the end one after
/// another.
fn validate(intervals: &[Interval<'_>], started_at: Instant, end: Instant, errors: &mut Invalid) {
    let mut refuse = |interval: &Interval<'_>, field: &str, message: &'static str| {
        errors.extend(Invalid::field(interval.name(field), message));
    };
    let mut free_from = Some(started_at);
    for interval in intervals {
        if interval.from < started_at {
            refuse(interval, "paused_at", "lies before the start");
        } else if free_from.is_none_or(|free| interval.from < free) {
            refuse(interval, "paused_at", "overlaps another pause");
        }
        if interval.until.is_some_and(|until| until < interval.from) {
            refuse(interval, "resumed_at", "lies before the begin of the pause");
        }
        if interval.until.unwrap_or(interval.from) > end {
            refuse(interval, "resumed_at", "lies after the completion of the job, or in the future");
        }
        free_from = interval.until;
    }
}

impl Job {
    /// Checks that it has a timer to correct: it was started, and is neither assigned again nor
    /// cancelled (§7).
    pub fn has_timer(&self) -> Result<(), JobRule> {
        let (command, status) = (JobCommand::CorrectTimer, self.status);
        status.after(command)?;
        if self.started_at.is_some() { Ok(()) } else { Err(JobRule::WrongStatus { command, status }) }
    }

    /// Applies a correction of its timer. The hours and the rating of a completed job follow (§7).
    pub fn corrected(&self, timer: &CorrectedTimer, now: Instant) -> Result<Self, JobRule> {
        self.has_timer()?;
        let after = Self {
            started_at: Some(timer.started_at),
            completed_at: timer.completed_at,
            paused_at: timer.paused_at(),
            paused_seconds: timer.paused_seconds(),
            ..self.after(JobCommand::CorrectTimer, now)?
        };
        let Some(completed) = after.completed_at else { return Ok(after) };
        let worked = after.times(completed).worked;
        let rated = after.planned_time_hours.map(|planned| time_rating(planned.seconds(), worked));
        let time_rating = rated.or(after.time_rating);
        Ok(Self { actual_time_hours: Some(Hours::of_seconds(worked)), time_rating, ..after })
    }
}

impl CorrectedTimer {
    /// Total length of the completed pauses in seconds.
    fn paused_seconds(&self) -> i64 {
        self.pauses.iter().filter_map(|pause| pause.after.duration_seconds).sum()
    }

    /// Begin of the present pause.
    fn paused_at(&self) -> Option<Instant> {
        let open = self.pauses.iter().find(|pause| pause.after.status == PauseStatus::Approved);
        open.and_then(|pause| pause.after.paused_at)
    }

    /// Old and new values of everything that the correction changes.
    pub fn changes(&self, before: &Job, after: &Job) -> Changes {
        let mut changes = Changes::between(Some(before), Some(after));
        let shown = |pause: &Pause| {
            let (paused_at, resumed_at) = (pause.paused_at?, pause.resumed_at);
            let id = Some(pause.id).filter(|id| *id != PauseId::UNSAVED);
            Some(json!({"id": id, "paused_at": paused_at, "resumed_at": resumed_at}))
        };
        let old: Vec<_> =
            self.pauses.iter().filter_map(|pause| pause.before.as_ref()).filter_map(shown).collect();
        let new: Vec<_> = self.pauses.iter().filter_map(|pause| shown(&pause.after)).collect();
        if old != new {
            changes.0.insert("pauses".to_owned(), json!({"old": old, "new": new}));
        }
        changes
    }
}

#[cfg(test)]
mod tests;
