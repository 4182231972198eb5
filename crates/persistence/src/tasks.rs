//! Scheduled tasks: claims of their runs, and the work of each (§16). The scheduler decides when
//! they are due.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use diesel::prelude::*;
use inspection_domain::{
    daily_lists::GenerateList,
    ids::TaskRunId,
    invariants,
    page::{Page, PageRequest},
    rule::Code,
    schema::task_runs as runs,
    tasks::{Counts, LEASE, MOST_ATTEMPTS, TaskName, TaskOutcome, TaskRun, TaskRunFilter},
    time::Instant,
    users::Shift,
};

use crate::{
    Context, Database, DbConnection, Error, Origin, Result, Tx, assignments, daily_lists,
    db::database::one_row, idempotency, invariants as checks, jobs, leaves, notifications, outbox, pauses,
    quality_reviews, sessions, sync,
};

/// Minimum time between checks of the invariants, in seconds. Runs that are made up or retried at
/// shorter intervals don't repeat them.
const CHECK_INTERVAL: i64 = 12 * 3600;

/// Rows per unit of work.
const BATCH: i64 = 200;

/// A page of the runs of a task, the latest first.
pub fn runs(
    conn: &mut DbConnection,
    task: TaskName,
    filter: &TaskRunFilter,
    page: PageRequest,
) -> Result<Page<TaskRun>> {
    paged!(
        conn,
        page,
        TaskRun,
        || {
            let mut query = runs::table.filter(runs::task.eq(task)).into_boxed::<Backend>();
            filter_any!(query, { runs::outcome => filter.outcome });
            query
        },
        runs by desc [scheduled_for]
    )
}

/// The latest run of a task.
pub fn latest(conn: &mut DbConnection, task: TaskName) -> Result<Option<TaskRun>> {
    Ok(with_conn!(conn, |c| runs::table
        .filter(runs::task.eq(task))
        .order(runs::scheduled_for.desc())
        .select(TaskRun::as_select())
        .first(c))
    .optional()?)
}

/// The scheduled time of each task's latest successful run. Tasks without one are absent.
pub fn done_until(conn: &mut DbConnection) -> Result<Vec<(TaskName, Instant)>> {
    let rows: Vec<(TaskName, Option<Instant>)> = with_conn!(conn, |c| runs::table
        .filter(runs::outcome.eq(TaskOutcome::Succeeded))
        .group_by(runs::task)
        .select((runs::task, diesel::dsl::max(runs::scheduled_for)))
        .load(c))?;
    Ok(rows.into_iter().filter_map(|(task, at)| Some((task, at?))).collect())
}

/// Claims a run, unless it is claimed already: the instance that inserts the row owns the run
/// (§16).
pub fn claim(
    database: &Database,
    context: &Context,
    instance: &str,
    task: TaskName,
    scheduled_for: Instant,
) -> Result<Option<TaskRun>> {
    database.write(context, Origin::default(), |tx| {
        insert(tx, &TaskRun::new(task, scheduled_for, instance, tx.now))
    })
}

/// Claims the same run for two instances and rolls back: whether each claim succeeded.
pub fn try_claims(database: &Database, context: &Context) -> Result<(bool, bool)> {
    database.dry_run(context, |tx| {
        let mut claim = |instance: &str| {
            let run = TaskRun::new(TaskName::CheckBacklog, tx.now, instance, tx.now);
            Ok::<_, Error>(insert(tx, &run)?.is_some())
        };
        Ok((claim("one")?, claim("another")?))
    })
}

fn insert(tx: &mut Tx<'_>, new: &TaskRun) -> Result<Option<TaskRun>> {
    Ok(with_conn!(&mut *tx.conn, |c| diesel::insert_into(runs::table)
        .values(new)
        .on_conflict((runs::task, runs::scheduled_for))
        .do_nothing()
        .returning(TaskRun::as_returning())
        .get_result(c))
    .optional()?)
}

/// Claims the runs whose lease has expired: their instance died, or the run failed and is due for a
/// retry.
pub fn take_over(database: &Database, context: &Context, instance: &str) -> Result<Vec<TaskRun>> {
    database.write(context, Origin::default(), |tx| {
        let now = tx.now;
        let abandoned = runs::table
            .filter(runs::outcome.eq(TaskOutcome::Running))
            .filter(runs::lease_until.le(now))
            .filter(runs::is_manual.eq(false));
        let hopeless = abandoned.filter(runs::attempts.ge(MOST_ATTEMPTS));
        with_conn!(&mut *tx.conn, |c| diesel::update(hopeless)
            .set((runs::outcome.eq(TaskOutcome::Failed), runs::finished_at.eq(now)))
            .execute(c))?;
        Ok(with_conn!(&mut *tx.conn, |c| diesel::update(abandoned)
            .set((
                runs::instance.eq(instance),
                runs::lease_until.eq(now.plus_seconds(LEASE)),
                runs::attempts.eq(runs::attempts + 1),
            ))
            .returning(TaskRun::as_returning())
            .get_results(c))?)
    })
}

/// Runs a claimed run. A failed run is retried with a delay, up to a number of attempts; its error
/// is stored with it. At shutdown the rest is left to another instance, or to the next start.
pub fn run(database: &Database, context: &Context, run: TaskRun, stopping: &AtomicBool) -> Result<TaskRun> {
    let mut work = TaskWork { database, context, run, stopping, counts: Counts::default() };
    let outcome = work.perform();
    let TaskWork { mut run, counts, .. } = work;
    let now = context.clock.now();
    run.counts = counts;
    match outcome {
        Ok(()) => {
            (run.outcome, run.finished_at, run.error) = (TaskOutcome::Succeeded, Some(now), None);
        }
        Err(error) => {
            run.error = Some(error.to_string().chars().take(500).collect());
            let wait = if stopping.load(Ordering::SeqCst) { 0 } else { 10 * run.attempts };
            run.lease_until = now.plus_seconds(wait);
            if run.is_manual || run.attempts >= MOST_ATTEMPTS {
                (run.outcome, run.finished_at) = (TaskOutcome::Failed, Some(now));
            }
        }
    }
    database.write(context, Origin::default(), |tx| write(tx, &run))?;
    Ok(run)
}

/// Runs a task on demand, unless it is running.
pub fn run_now(database: &Database, context: &Context, instance: &str, task: TaskName) -> Result<TaskRun> {
    let claimed = database.write(context, Origin::default(), |tx| {
        let last = latest(tx.conn, task)?;
        let new = TaskRun::asked_for(last.as_ref(), task, instance, tx.now)?;
        insert(tx, &new)?.ok_or_else(|| crate::db::error::ConcurrentUpdate.into())
    })?;
    run(database, context, claimed, &AtomicBool::new(false))
}

/// Writes a run that still belongs to this instance.
fn write(tx: &mut Tx<'_>, run: &TaskRun) -> Result<()> {
    let own = runs::table
        .find(run.id)
        .filter(runs::outcome.eq(TaskOutcome::Running))
        .filter(runs::instance.eq(&run.instance))
        .filter(runs::attempts.eq(run.attempts));
    let values = (
        runs::lease_until.eq(run.lease_until),
        runs::finished_at.eq(run.finished_at),
        runs::outcome.eq(run.outcome),
        runs::counts.eq(&run.counts),
        runs::error.eq(&run.error),
    );
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(own).set(values).execute(c))?)
}

/// Deletes up to `limit` finished runs after their retention; returns their number. The latest
/// successful run of each task stays, since it says what is due, and all that failed after it.
fn delete_old(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let since = tx.retained_since(|retention| retention.task_runs);
    let later = diesel::alias!(runs as later);
    let is_superseded = diesel::dsl::exists(
        later
            .filter(later.field(runs::task).eq(runs::task))
            .filter(later.field(runs::outcome).eq(TaskOutcome::Succeeded))
            .filter(later.field(runs::scheduled_for).gt(runs::scheduled_for)),
    );
    let old: Vec<TaskRunId> = with_conn!(&mut *tx.conn, |c| runs::table
        .filter(runs::finished_at.lt(since))
        .filter(is_superseded)
        .order(runs::id)
        .limit(limit)
        .select(runs::id)
        .load(c))?;
    let deleted = runs::table.filter(runs::id.eq_any(old));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(deleted).execute(c))?)
}

/// A run in progress.
struct TaskWork<'a> {
    database: &'a Database,
    context: &'a Context,
    run: TaskRun,
    stopping: &'a AtomicBool,
    counts: Counts,
}

impl TaskWork<'_> {
    /// The work of each task, in units of work that each leave a consistent state: a run that is
    /// claimed or started again continues with the remaining rows.
    fn perform(&mut self) -> Result<()> {
        match self.run.task {
            TaskName::GenerateDailyLists => self.generate_lists(),
            TaskName::CheckBacklog => {
                // An error of one part does not keep the others from their work.
                let ended = self.end_leaves();
                let begun = self.begin_leaves();
                let marked = self.in_batches("marked", assignments::mark_backlog);
                let reminded = self.in_batches("reminded", jobs::remind_of_long_runs);
                ended.and(begun).and(marked).and(reminded)
            }
            TaskName::DetectStalledJobs => self.in_batches("jobs", pauses::announce_stalled),
            TaskName::MonitorQeSla => self.in_batches("warned", quality_reviews::warn_overdue),
            TaskName::CheckExpiredLeaves => {
                let ended = self.end_leaves();
                self.in_batches("keys", idempotency::delete_expired)?;
                self.in_batches("sessions", sessions::delete_expired)?;
                self.in_batches("notifications", notifications::delete_old_read)?;
                self.in_batches("rejected_items", sync::delete_old_rejected)?;
                self.in_batches("dead_jobs", outbox::delete_old_dead)?;
                self.in_batches("runs", delete_old)?;
                ended
            }
            TaskName::ActivateStartingLeaves => {
                let begun = self.begin_leaves();
                begun.and(self.check_invariants())
            }
        }
    }

    /// Checks the invariants of the stored data and stores the results: once a night, or on demand.
    fn check_invariants(&mut self) -> Result<()> {
        let is_due = self.unit(|tx| checks::claim(tx, CHECK_INTERVAL))?;
        // A retry repeats the check of a run that has failed.
        if !is_due && !self.run.is_manual && self.run.attempts == 1 {
            return Ok(());
        }
        // The check takes no longer than the lease that this renews, if necessary.
        self.unit(|_| Ok(()))?;
        let limit = Duration::from_secs(invariants::TIME_LIMIT);
        let results = checks::check(self.database, self.context, limit)?;
        self.unit(|tx| checks::write(tx, &results))?;
        self.counts.add("violated_invariants", checks::log(&results));
        Ok(())
    }

    /// Ends the leaves whose last day, at the site, is past.
    fn end_leaves(&mut self) -> Result<()> {
        let today = self.context.today();
        let expired = self.database.read(|conn| leaves::expired(conn, today))?;
        self.each("ended", expired, |tx, id| leaves::end(tx, id).map(drop))
    }

    /// Marks the people whose leave began with the day of the site, and those whose half day of
    /// leave has begun or ended.
    fn begin_leaves(&mut self) -> Result<()> {
        let (now, calendar) = (self.context.clock.now(), &self.context.calendar);
        let turning = self.database.read(|conn| leaves::turning(conn, now, calendar))?;
        self.each("begun", turning, leaves::begin)
    }

    /// One transaction, while the run belongs to this instance.
    fn unit<T>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        if self.stopping.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("the process is shutting down".into()));
        }
        let now = self.context.clock.now();
        if now.plus_seconds(LEASE / 2) > self.run.lease_until {
            self.run.lease_until = now.plus_seconds(LEASE);
            let run = &self.run;
            self.database.write(self.context, Origin::default(), |tx| write(tx, run))?;
        }
        self.database.write(self.context, Origin::default(), work)
    }

    /// Generates the lists of the day after the scheduled one; existing lists stay unchanged.
    fn generate_lists(&mut self) -> Result<()> {
        let target_date = self.context.calendar.working_day(self.run.scheduled_for).plus_days(1);
        for shift in Shift::ALL {
            let request = GenerateList { target_date, shift: *shift, refresh: None };
            match self.unit(|tx| daily_lists::generate(tx, &request)) {
                Ok(generated) => {
                    self.counts.add("lists", 1);
                    self.counts.add("assignments", generated.added);
                }
                Err(Error::Rule(rule)) if rule.code() == Code::Duplicate => {}
                Err(Error::Rule(rule)) if rule.code() == Code::RuleViolation => {
                    let reasons = rule.fields().into_iter().map(|reason| reason.message.to_string());
                    let reasons: Vec<String> = reasons.collect();
                    tracing::warn!(%target_date, %shift, ?reasons, "no daily list: {rule}");
                    self.counts.add("nothing_to_inspect", 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Repeats a unit of work until it finds less than a full batch.
    fn in_batches(&mut self, counted: &str, work: impl Fn(&mut Tx<'_>, i64) -> Result<usize>) -> Result<()> {
        loop {
            let done = self.unit(|tx| work(tx, BATCH))?;
            self.counts.add(counted, done);
            if i64::try_from(done).unwrap_or(i64::MAX) < BATCH {
                return Ok(());
            }
        }
    }

    /// One unit of work per id; rows that were changed concurrently are skipped. An error of one
    /// row is returned after the others.
    fn each<I>(
        &mut self,
        counted: &str,
        ids: Vec<I>,
        work: impl Fn(&mut Tx<'_>, I) -> Result<()>,
    ) -> Result<()> {
        let mut failed = Ok(());
        for id in ids {
            match self.unit(|tx| work(tx, id)) {
                Ok(()) => self.counts.add(counted, 1),
                Err(Error::Rule(rule)) if matches!(rule.code(), Code::InvalidState) => {}
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }
}
