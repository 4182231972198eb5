//! Reports: what dashboards and analytics show, put together from counts (rule book §11).

mod workforce;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    defects::{DefectStatus, Severity},
    equipment::EquipmentStatus,
    inspections::{InspectionResult, InspectionStatus},
    jobs::{JobKind, JobStatus},
    pauses::{PauseReason, PauseStatus},
    quality_reviews::ReviewStatus,
    users::Category,
};

pub use workforce::{Capacity, Headcount, PeopleCount, Workforce};

/// The sum of the counts that fit.
fn sum<K: Copy>(counts: &[(K, i64)], fits: impl Fn(K) -> bool) -> i64 {
    counts.iter().filter(|(key, _)| fits(*key)).map(|(_, count)| count).sum()
}

/// Sums by one part of the key; every value it can have is there.
fn by<K: Copy, T: Copy + PartialEq>(
    counts: &[(K, i64)],
    values: &[T],
    name: impl Fn(T) -> &'static str,
    part: impl Fn(K) -> T,
) -> BTreeMap<&'static str, i64> {
    values.iter().map(|value| (name(*value), sum(counts, |key| part(key) == *value))).collect()
}

macro_rules! numbers {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])+ $field:ident: $type:ty,)+ })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Serialize)]
            #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
            pub struct $name { $($(#[$doc])+ pub $field: $type,)+ }
        )*
    };
}
pub(crate) use numbers;

numbers! {
    /// Inspections.
    pub struct InspectionNumbers {
        /// All.
        total: i64,
        /// With the result `pass`.
        passed: i64,
        /// With the result `fail`.
        failed: i64,
        /// Drafts.
        in_progress: i64,
    }

    /// Defects.
    pub struct DefectNumbers {
        /// All.
        total: i64,
        /// Open.
        open: i64,
        /// In progress.
        in_progress: i64,
        /// Resolved, and not closed yet.
        resolved: i64,
        /// Open and critical.
        critical_open: i64,
        /// Open or in progress, and past their due date.
        overdue: i64,
    }

    /// Machines.
    pub struct EquipmentNumbers {
        /// All.
        total: i64,
        /// In use.
        active: i64,
        /// Being repaired.
        under_maintenance: i64,
        /// Stopped for safety.
        stopped: i64,
        /// Decommissioned.
        out_of_service: i64,
    }

    /// Jobs of one kind.
    pub struct JobNumbers {
        /// All.
        total: i64,
        /// Under way.
        in_progress: i64,
        /// Paused.
        paused: i64,
        /// Finished, and not approved yet.
        completed: i64,
    }

    /// Today's daily lists.
    pub struct TodayNumbers {
        /// Assignments.
        assignments: i64,
        /// Those that are completed.
        completed_assignments: i64,
    }

    /// What admins see.
    pub struct AdminStats {
        /// Inspections.
        inspections: InspectionNumbers,
        /// Defects.
        defects: DefectNumbers,
        /// Machines.
        equipment: EquipmentNumbers,
        /// Repairs.
        specialist_jobs: JobNumbers,
        /// Engineers' jobs.
        engineer_jobs: JobNumbers,
        /// Active people.
        workforce: Workforce,
        /// Today's daily lists.
        today: TodayNumbers,
        /// Active people.
        users_count: i64,
        /// Machines.
        equipment_count: i64,
        /// Inspections begun today.
        inspections_today: i64,
        /// Open defects.
        open_defects: i64,
        /// Leaves that keep somebody away today.
        active_leaves: i64,
    }

    /// What engineers see.
    pub struct EngineerStats {
        /// Jobs of their own.
        my_jobs: i64,
        /// Assignments of today's lists.
        assignments_today: i64,
        /// Pauses that wait for a decision.
        pending_pauses: i64,
    }

    /// What inspectors see.
    pub struct InspectorStats {
        /// Their assignments of today's lists.
        today_assignments: i64,
        /// Assessments that wait for their verdict.
        pending_assessments: i64,
        /// Their points.
        total_points: i64,
        /// Their trade.
        specialization: Option<Category>,
    }

    /// A specialist's own jobs.
    pub struct OwnJobNumbers {
        /// All.
        total: i64,
        /// Under way.
        in_progress: i64,
        /// Paused.
        paused: i64,
        /// Finished, and not approved yet.
        completed: i64,
        /// Those whose planned time is missing.
        pending_planned_time: i64,
    }

    /// What specialists see.
    pub struct SpecialistStats {
        /// Their jobs.
        my_jobs: OwnJobNumbers,
        /// Their points.
        total_points: i64,
        /// Reviews of their work that are pending.
        pending_qc: i64,
    }

    /// What quality engineers see.
    pub struct QualityStats {
        /// Reviews that wait for them.
        pending_reviews: i64,
        /// Work they approved.
        approved: i64,
        /// Work they rejected.
        rejected: i64,
        /// Pending reviews past their deadline.
        overdue: i64,
        /// Their points.
        total_points: i64,
    }

    /// Pauses of jobs.
    pub struct PauseAnalytics {
        /// All that were asked for or ordered, whatever became of them.
        total_pauses: i64,
        /// Minutes a pause lasted, on the average of those that are over; 0 if there are none.
        average_duration_minutes: f64,
        /// How many by reason.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_category: BTreeMap<&'static str, i64>,
        /// Those that wait for a decision.
        pending_count: i64,
    }

    /// Defects.
    pub struct DefectAnalytics {
        /// All.
        total: i64,
        /// All.
        total_defects: i64,
        /// How many by severity.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_severity: BTreeMap<&'static str, i64>,
        /// How many by trade; `both` are those of either.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_category: BTreeMap<&'static str, i64>,
        /// How many by status.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_status: BTreeMap<&'static str, i64>,
    }
}

/// Counts of inspections by status and result.
pub type InspectionCounts = [((InspectionStatus, Option<InspectionResult>), i64)];
/// Counts of defects by status, severity and trade.
pub type DefectCounts = [((DefectStatus, Severity, Option<Category>), i64)];

impl InspectionNumbers {
    /// Put together from counts.
    pub fn of(counts: &InspectionCounts) -> Self {
        Self {
            total: sum(counts, |_| true),
            passed: sum(counts, |(_, result)| result == Some(InspectionResult::Pass)),
            failed: sum(counts, |(_, result)| result == Some(InspectionResult::Fail)),
            in_progress: sum(counts, |(status, _)| status == InspectionStatus::Draft),
        }
    }
}

impl DefectNumbers {
    /// Put together from counts.
    pub fn of(counts: &DefectCounts, overdue: i64) -> Self {
        let with = |wanted: DefectStatus| sum(counts, |(status, ..)| status == wanted);
        let is_critical = |(status, severity, _): (DefectStatus, Severity, _)| {
            status == DefectStatus::Open && severity == Severity::Critical
        };
        Self {
            total: sum(counts, |_| true),
            open: with(DefectStatus::Open),
            in_progress: with(DefectStatus::InProgress),
            resolved: with(DefectStatus::Resolved),
            critical_open: sum(counts, is_critical),
            overdue,
        }
    }
}

impl DefectAnalytics {
    /// Put together from counts.
    pub fn of(counts: &DefectCounts) -> Self {
        let total = sum(counts, |_| true);
        let trades = [Some(Category::Mechanical), Some(Category::Electrical), None];
        Self {
            total,
            total_defects: total,
            by_severity: by(counts, Severity::ALL, Severity::as_str, |(_, severity, _)| severity),
            by_category: by(counts, &trades, |trade| trade.map_or("both", Category::as_str), |key| key.2),
            by_status: by(counts, DefectStatus::ALL, DefectStatus::as_str, |(status, ..)| status),
        }
    }
}

impl EquipmentNumbers {
    /// Put together from counts by status.
    pub fn of(counts: &[(EquipmentStatus, i64)]) -> Self {
        let with = |wanted| sum(counts, |status| status == wanted);
        Self {
            total: sum(counts, |_| true),
            active: with(EquipmentStatus::Active),
            under_maintenance: with(EquipmentStatus::UnderMaintenance),
            stopped: with(EquipmentStatus::Stopped),
            out_of_service: with(EquipmentStatus::OutOfService),
        }
    }
}

impl JobNumbers {
    /// Put together from counts by kind and status.
    pub fn of(counts: &[((JobKind, JobStatus), i64)], wanted: JobKind) -> Self {
        let with = |status| sum(counts, |key| key == (wanted, status));
        Self {
            total: sum(counts, |(kind, _)| kind == wanted),
            in_progress: with(JobStatus::InProgress),
            paused: with(JobStatus::Paused),
            completed: with(JobStatus::Completed),
        }
    }
}

impl OwnJobNumbers {
    /// A specialist's jobs, and how many lack a planned time.
    pub fn of(jobs: &JobNumbers, pending_planned_time: i64) -> Self {
        let JobNumbers { total, in_progress, paused, completed } = *jobs;
        Self { total, in_progress, paused, completed, pending_planned_time }
    }
}

impl QualityStats {
    /// Put together from counts of one's own reviews by status.
    pub fn of(counts: &[(ReviewStatus, i64)], overdue: i64, total_points: i64) -> Self {
        let with = |wanted| sum(counts, |status| status == wanted);
        Self {
            pending_reviews: with(ReviewStatus::Pending),
            approved: with(ReviewStatus::Approved),
            rejected: with(ReviewStatus::Rejected),
            overdue,
            total_points,
        }
    }
}

/// How many pauses there are for a reason in a status, and the seconds of those that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PauseCount {
    /// The reason.
    pub reason: PauseReason,
    /// The status.
    pub status: PauseStatus,
    /// How many.
    pub count: i64,
    /// How many of them have a length.
    pub measured: i64,
    /// The sum of the lengths, in seconds.
    pub seconds: i64,
}

impl PauseAnalytics {
    /// Put together from counts.
    pub fn of(counts: &[PauseCount]) -> Self {
        let numbers: Vec<_> = counts.iter().map(|c| ((c.reason, c.status), c.count)).collect();
        let measured: i64 = counts.iter().map(|c| c.measured).sum();
        let seconds: i64 = counts.iter().map(|c| c.seconds).sum();
        Self {
            total_pauses: sum(&numbers, |_| true),
            average_duration_minutes: tenths(seconds, measured * 60),
            by_category: by(&numbers, PauseReason::ALL, PauseReason::as_str, |(reason, _)| reason),
            pending_count: sum(&numbers, |(_, status)| status == PauseStatus::Pending),
        }
    }
}

/// The quotient, rounded to one decimal place, half up; 0 if there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "numbers of this size are exact")]
fn tenths(dividend: i64, divisor: i64) -> f64 {
    if divisor <= 0 {
        return 0.0;
    }
    let rounded = (i128::from(dividend) * 20 + i128::from(divisor)).div_euclid(i128::from(divisor) * 2);
    i64::try_from(rounded).unwrap_or(i64::MAX) as f64 / 10.0
}

crate::shows!(AdminStats {}, PauseAnalytics {}, DefectAnalytics {});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_to_a_tenth() {
        let cases =
            [(0, 0, 0.0), (1, 0, 0.0), (1, 3, 0.3), (2, 3, 0.7), (1, 20, 0.1), (1, 21, 0.0), (100, 4, 25.0)];
        for (dividend, divisor, expected) in cases {
            assert!((tenths(dividend, divisor) - expected).abs() < f64::EPSILON, "{dividend} / {divisor}");
        }
    }

    #[test]
    fn what_is_counted_under_one_heading_is_counted_in_the_total() {
        let mut counts = Vec::new();
        for (n, &status) in (1..).zip(DefectStatus::ALL) {
            for &severity in Severity::ALL {
                for trade in [None, Some(Category::Mechanical), Some(Category::Electrical)] {
                    counts.push(((status, severity, trade), n));
                }
            }
        }
        let numbers = DefectAnalytics::of(&counts);
        assert_eq!(numbers.total, (1 + 2 + 3 + 4 + 5) * 12);
        for part in [&numbers.by_severity, &numbers.by_category, &numbers.by_status] {
            assert_eq!(part.values().sum::<i64>(), numbers.total);
        }
        assert_eq!(numbers.by_status.get("resolved"), Some(&36));
        let defects = DefectNumbers::of(&counts, 7);
        assert_eq!((defects.open, defects.critical_open, defects.overdue), (12, 3, 7));
    }

    #[test]
    fn the_average_is_of_the_pauses_that_are_over() {
        let pause = |status, count, measured, seconds| PauseCount {
            reason: PauseReason::Parts,
            status,
            count,
            measured,
            seconds,
        };
        let counts = [pause(PauseStatus::Ended, 2, 2, 5400), pause(PauseStatus::Pending, 3, 0, 0)];
        let numbers = PauseAnalytics::of(&counts);
        assert!((numbers.average_duration_minutes - 45.0).abs() < f64::EPSILON);
        assert_eq!((numbers.total_pauses, numbers.pending_count), (5, 3));
        assert_eq!(numbers.by_category.get("parts"), Some(&5));
        assert_eq!(numbers.by_category.get("tools"), Some(&0));
    }
}
