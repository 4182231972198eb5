//! Reports: figures of dashboards and analytics, aggregated from counts (rule book §11).

mod numbers;
mod workforce;

use std::collections::BTreeMap;

use crate::{
    defects::{DefectStatus, Severity},
    equipment::EquipmentStatus,
    inspections::{InspectionResult, InspectionStatus},
    jobs::{JobKind, JobStatus},
    pauses::{PauseReason, PauseStatus},
    quality_reviews::ReviewStatus,
    users::Category,
};

use numbers::{numbers, tenths};
pub use workforce::{Capacity, HalfDayCount, Headcount, PeopleCount, Workforce};

/// Sum of the counts that match.
fn sum<K: Copy>(counts: &[(K, i64)], fits: impl Fn(K) -> bool) -> i64 {
    counts.iter().filter(|(key, _)| fits(*key)).map(|(_, count)| count).sum()
}

/// Sums by a part of the key, with an entry for each of its values.
fn by<K: Copy, T: Copy + PartialEq>(
    counts: &[(K, i64)],
    values: &[T],
    name: impl Fn(T) -> &'static str,
    part: impl Fn(K) -> T,
) -> BTreeMap<&'static str, i64> {
    values.iter().map(|value| (name(*value), sum(counts, |key| part(key) == *value))).collect()
}

numbers! {
    /// Figures of inspections.
    pub struct InspectionNumbers {
        /// Total.
        total: i64,
        /// With the result `pass`.
        passed: i64,
        /// With the result `fail`.
        failed: i64,
        /// Number of drafts.
        in_progress: i64,
    }

    /// Figures of defects.
    pub struct DefectNumbers {
        /// Total.
        total: i64,
        /// Open.
        open: i64,
        /// In progress.
        in_progress: i64,
        /// Resolved and not closed.
        resolved: i64,
        /// Open with critical severity.
        critical_open: i64,
        /// Open or in progress after the due date.
        overdue: i64,
    }

    /// Figures of machines.
    pub struct EquipmentNumbers {
        /// Total.
        total: i64,
        /// In operation.
        active: i64,
        /// Under repair.
        under_maintenance: i64,
        /// Stopped for safety.
        stopped: i64,
        /// At rest.
        paused: i64,
        /// Decommissioned.
        out_of_service: i64,
    }

    /// Figures of the jobs of a kind.
    pub struct JobNumbers {
        /// Total.
        total: i64,
        /// In progress.
        in_progress: i64,
        /// Paused.
        paused: i64,
        /// Completed and not approved.
        completed: i64,
    }

    /// Figures of today's daily lists.
    pub struct TodayNumbers {
        /// Number of assignments.
        assignments: i64,
        /// Number of completed assignments.
        completed_assignments: i64,
    }

    /// Dashboard of admins.
    pub struct AdminStats {
        /// Inspections.
        inspections: InspectionNumbers,
        /// Defects.
        defects: DefectNumbers,
        /// Machines.
        equipment: EquipmentNumbers,
        /// Repair jobs.
        specialist_jobs: JobNumbers,
        /// Engineer jobs.
        engineer_jobs: JobNumbers,
        /// Active people.
        workforce: Workforce,
        /// Today's daily lists.
        today: TodayNumbers,
        /// Number of active people.
        users_count: i64,
        /// Number of machines.
        equipment_count: i64,
        /// Number of inspections started today.
        inspections_today: i64,
        /// Number of open defects.
        open_defects: i64,
        /// Number of leaves in force today.
        active_leaves: i64,
    }

    /// Figures of every dashboard, of the objects that its reader sees in lists.
    pub struct DashboardTotals {
        /// Number of inspections.
        total_inspections: i64,
        /// Number of unresolved defects.
        pending_defects: i64,
        /// Number of jobs in progress.
        active_jobs: i64,
        /// Submitted inspections in percent of all, to one decimal; 0 if there are none.
        completion_rate: f64,
    }

    /// Dashboard of engineers.
    pub struct EngineerStats {
        /// Number of own jobs.
        my_jobs: i64,
        /// Number of assignments on today's lists.
        assignments_today: i64,
        /// Number of pauses waiting for a decision.
        pending_pauses: i64,
    }

    /// Dashboard of inspectors.
    pub struct InspectorStats {
        /// Number of own assignments on today's lists.
        today_assignments: i64,
        /// Number of assessments waiting for the inspector's verdict.
        pending_assessments: i64,
        /// Total points.
        total_points: i64,
        /// Trade.
        specialization: Option<Category>,
    }

    /// Figures of a specialist's own jobs.
    pub struct OwnJobNumbers {
        /// Total.
        total: i64,
        /// In progress.
        in_progress: i64,
        /// Paused.
        paused: i64,
        /// Completed and not approved.
        completed: i64,
        /// Without a planned time.
        pending_planned_time: i64,
    }

    /// Dashboard of specialists.
    pub struct SpecialistStats {
        /// Own jobs.
        my_jobs: OwnJobNumbers,
        /// Total points.
        total_points: i64,
        /// Number of pending reviews of own work.
        pending_qc: i64,
    }

    /// Dashboard of quality engineers.
    pub struct QualityStats {
        /// Number of pending reviews.
        pending_reviews: i64,
        /// Number of approvals.
        approved: i64,
        /// Number of rejections.
        rejected: i64,
        /// Number of pending reviews after their deadline.
        overdue: i64,
        /// Total points.
        total_points: i64,
    }

    /// Analytics of pauses.
    pub struct PauseAnalytics {
        /// Number of pauses and requests, in any status.
        total_pauses: i64,
        /// Mean length of ended pauses in minutes; 0 if there are none.
        average_duration_minutes: f64,
        /// Number by reason.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_category: BTreeMap<&'static str, i64>,
        /// Number waiting for a decision.
        pending_count: i64,
    }

    /// Analytics of defects.
    pub struct DefectAnalytics {
        /// Total.
        total: i64,
        /// Total.
        total_defects: i64,
        /// Number by severity.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_severity: BTreeMap<&'static str, i64>,
        /// Number by trade; `both` counts defects without one.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_category: BTreeMap<&'static str, i64>,
        /// Number by status.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
        by_status: BTreeMap<&'static str, i64>,
    }
}

/// Counts of inspections by status and result.
pub type InspectionCounts = [((InspectionStatus, Option<InspectionResult>), i64)];
/// Counts of defects by status, severity and trade.
pub type DefectCounts = [((DefectStatus, Severity, Option<Category>), i64)];

impl InspectionNumbers {
    /// Aggregates counts.
    pub fn of(counts: &InspectionCounts) -> Self {
        Self {
            total: sum(counts, |_| true),
            passed: sum(counts, |(_, result)| result == Some(InspectionResult::Pass)),
            failed: sum(counts, |(_, result)| result == Some(InspectionResult::Fail)),
            in_progress: sum(counts, |(status, _)| status == InspectionStatus::Draft),
        }
    }
}

impl DashboardTotals {
    /// Aggregates counts.
    pub fn new(total_inspections: i64, drafts: i64, pending_defects: i64, active_jobs: i64) -> Self {
        let completion_rate = tenths((total_inspections - drafts) * 100, total_inspections);
        Self { total_inspections, pending_defects, active_jobs, completion_rate }
    }

    /// The figures of the whole site.
    pub fn of_site(stats: &AdminStats) -> Self {
        let AdminStats { inspections, defects, specialist_jobs, engineer_jobs, .. } = stats;
        let active_jobs = specialist_jobs.in_progress + engineer_jobs.in_progress;
        let pending_defects = defects.open + defects.in_progress;
        Self::new(inspections.total, inspections.in_progress, pending_defects, active_jobs)
    }
}

impl DefectNumbers {
    /// Aggregates counts.
    pub fn of(counts: &DefectCounts, overdue: i64) -> Self {
        let with = |selected: DefectStatus| sum(counts, |(status, ..)| status == selected);
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
    /// Aggregates counts.
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
    /// Aggregates counts by status.
    pub fn of(counts: &[(EquipmentStatus, i64)]) -> Self {
        let with = |selected| sum(counts, |status| status == selected);
        Self {
            total: sum(counts, |_| true),
            active: with(EquipmentStatus::Active),
            under_maintenance: with(EquipmentStatus::UnderMaintenance),
            stopped: with(EquipmentStatus::Stopped),
            paused: with(EquipmentStatus::Paused),
            out_of_service: with(EquipmentStatus::OutOfService),
        }
    }
}

impl JobNumbers {
    /// Aggregates the counts of a kind by status.
    pub fn of(counts: &[((JobKind, JobStatus), i64)], selected: JobKind) -> Self {
        let with = |status| sum(counts, |key| key == (selected, status));
        Self {
            total: sum(counts, |(kind, _)| kind == selected),
            in_progress: with(JobStatus::InProgress),
            paused: with(JobStatus::Paused),
            completed: with(JobStatus::Completed),
        }
    }
}

impl OwnJobNumbers {
    /// Combines the figures of a specialist's jobs with the number of those without a planned time.
    pub fn of(jobs: &JobNumbers, pending_planned_time: i64) -> Self {
        let JobNumbers { total, in_progress, paused, completed } = *jobs;
        Self { total, in_progress, paused, completed, pending_planned_time }
    }
}

impl QualityStats {
    /// Aggregates the counts of the user's own reviews by status.
    pub fn of(counts: &[(ReviewStatus, i64)], overdue: i64, total_points: i64) -> Self {
        let with = |selected| sum(counts, |status| status == selected);
        Self {
            pending_reviews: with(ReviewStatus::Pending),
            approved: with(ReviewStatus::Approved),
            rejected: with(ReviewStatus::Rejected),
            overdue,
            total_points,
        }
    }
}

/// Count of pauses by reason and status, with their total length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PauseCount {
    /// Reason.
    pub reason: PauseReason,
    /// Status.
    pub status: PauseStatus,
    /// Number of pauses.
    pub count: i64,
    /// Number of pauses with a length.
    pub measured: i64,
    /// Total length in seconds.
    pub seconds: i64,
}

impl PauseAnalytics {
    /// Aggregates counts.
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

crate::shows!(AdminStats {}, PauseAnalytics {}, DefectAnalytics {});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fields;

    /// Counts of 1, 2, 4, … so that each sum tells which keys it includes.
    fn counts<K>(keys: impl IntoIterator<Item = K>) -> Vec<(K, i64)> {
        keys.into_iter().zip((0..).map(|n| 1 << n)).collect()
    }

    #[test]
    fn figures_of_inspections_count_results_and_drafts() {
        let results = [None, Some(InspectionResult::Pass), Some(InspectionResult::Fail)];
        let keys = InspectionStatus::ALL.iter().flat_map(|&status| results.map(|result| (status, result)));
        let numbers = InspectionNumbers::of(&counts(keys));
        let [passed, failed] = [0o222, 0o444];
        assert_eq!(numbers, InspectionNumbers { total: 0o777, passed, failed, in_progress: 0o7 });
    }

    #[test]
    fn figures_by_status_count_that_status() {
        let equipment = EquipmentNumbers::of(&counts(EquipmentStatus::ALL.iter().copied()));
        insta::assert_snapshot!(fields(&equipment).join("\n"), @r"
        total: 31
        active: 1
        under_maintenance: 2
        stopped: 8
        paused: 16
        out_of_service: 4
        ");
        let reviews = QualityStats::of(&counts(ReviewStatus::ALL.iter().copied()), 50, 60);
        insta::assert_snapshot!(fields(&reviews).join("\n"), @r"
        pending_reviews: 1
        approved: 2
        rejected: 4
        overdue: 50
        total_points: 60
        ");
        let keys =
            JobKind::ALL.iter().flat_map(|&kind| JobStatus::ALL.iter().map(move |&status| (kind, status)));
        let counts = counts(keys);
        let specialists = JobNumbers::of(&counts, JobKind::Specialist);
        let engineers = JobNumbers::of(&counts, JobKind::Engineer);
        let expected = JobNumbers { total: 127, in_progress: 2, paused: 4, completed: 8 };
        assert_eq!(specialists, expected);
        let JobNumbers { total, in_progress, paused, completed } = expected;
        let [total, in_progress, paused, completed] =
            [total, in_progress, paused, completed].map(|count| count << 7);
        assert_eq!(engineers, JobNumbers { total, in_progress, paused, completed });
        let own = OwnJobNumbers::of(&specialists, 50);
        let expected =
            OwnJobNumbers { total: 127, in_progress: 2, paused: 4, completed: 8, pending_planned_time: 50 };
        assert_eq!(own, expected);
    }

    #[test]
    fn every_partial_count_is_included_in_the_total() {
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
        let defects = DefectNumbers::of(&counts, 7);
        let expected = DefectNumbers {
            total: 180,
            open: 12,
            in_progress: 24,
            resolved: 36,
            critical_open: 3,
            overdue: 7,
        };
        assert_eq!(defects, expected);
        insta::assert_snapshot!(fields(&numbers).join("\n"), @r#"
        total: 180
        total_defects: 180
        by_severity: {"critical": 45, "high": 45, "low": 45, "medium": 45}
        by_category: {"both": 60, "electrical": 60, "mechanical": 60}
        by_status: {"closed": 48, "false_alarm": 60, "in_progress": 24, "open": 12, "resolved": 36}
        "#);
    }

    #[test]
    fn the_mean_includes_ended_pauses_only() {
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
