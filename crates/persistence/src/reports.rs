//! Reports: a fixed number of aggregate statements each, over covering indexes (§11).

use diesel::{
    dsl::{count_star, sql},
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use inspection_domain::{
    assignments::AssignmentStatus,
    defects::DefectStatus,
    equipment::EquipmentStatus,
    input::AnyOf,
    inspections::{InspectionResult, InspectionStatus, Visible, visible_to},
    jobs::{JobKind, JobStatus, may_see_all},
    leaves::CapacityFilter,
    page::PageRequest,
    quality_reviews::ReviewStatus,
    reports::{
        AdminStats, Capacity, DashboardTotals, DefectAnalytics, DefectNumbers, EngineerStats,
        EquipmentNumbers, InspectionNumbers, InspectorStats, JobNumbers, OwnJobNumbers, PauseAnalytics,
        PauseCount, PeopleCount, QualityStats, SpecialistStats, TodayNumbers, Workforce,
    },
    schema::{
        defects, equipment, inspection_assignments as assignments, inspections, job_pauses as pauses, jobs,
        quality_reviews as reviews, users,
    },
    time::{Date, Instant, SiteTimeZone},
    trends::{Metric, SlotCount, Steps, TOTAL, Trend, TrendQuery},
    users::{Category, User},
};

use crate::{
    DbConnection, Result, assessments, assignments as teams, jobs as work, leaves, pauses as requests,
    quality_reviews,
};

/// The smallest page, for lists of which only the total is used.
const TOTAL_ONLY: PageRequest = PageRequest::total_only();

fn people(conn: &mut DbConnection) -> Result<Vec<PeopleCount>> {
    let by = (users::role, users::minor_role, users::shift, users::is_on_leave);
    let rows: Vec<((_, _, _, _), i64)> = with_conn!(conn, |c| users::table
        .filter(users::is_active)
        .group_by(by)
        .select((by, count_star()))
        .load(c))?;
    let count = |((role, minor_role, shift, is_on_leave), count)| PeopleCount {
        role,
        minor_role,
        shift,
        is_on_leave,
        count,
    };
    Ok(rows.into_iter().map(count).collect())
}

/// The people present now, and half days of leave on the date of today (§10).
pub fn capacity(conn: &mut DbConnection, filter: &CapacityFilter, today: Date) -> Result<Capacity> {
    Ok(Capacity::of(&people(conn)?, &leaves::half_days(conn, today)?, &filter.shift))
}

type DefectCount = ((DefectStatus, inspection_domain::defects::Severity, Option<Category>), i64);

fn defect_counts(conn: &mut DbConnection) -> Result<Vec<DefectCount>> {
    let by = (defects::status, defects::severity, defects::category);
    Ok(with_conn!(conn, |c| defects::table.group_by(by).select((by, count_star())).load(c))?)
}

fn job_counts(conn: &mut DbConnection, owner: Option<&User>) -> Result<Vec<((JobKind, JobStatus), i64)>> {
    let by = (jobs::kind, jobs::status);
    Ok(with_conn!(conn, |c| {
        let mut query = jobs::table.group_by(by).select((by, count_star())).into_boxed::<Backend>();
        filter_by!(query, { jobs::owner_id => owner.map(|owner| owner.id) });
        query.load(c)
    })?)
}

fn assignments_of(conn: &mut DbConnection, day: Date) -> Result<TodayNumbers> {
    let counts: Vec<(AssignmentStatus, i64)> = with_conn!(conn, |c| assignments::table
        .filter(assignments::target_date.eq(day))
        .group_by(assignments::status)
        .select((assignments::status, count_star()))
        .load(c))?;
    let completed = counts.iter().filter(|(status, _)| *status == AssignmentStatus::Completed);
    Ok(TodayNumbers {
        assignments: counts.iter().map(|(_, count)| count).sum(),
        completed_assignments: completed.map(|(_, count)| count).sum(),
    })
}

/// The dashboard of admins. Seven statements.
pub fn admin(conn: &mut DbConnection, today: Date, calendar: &SiteTimeZone) -> Result<AdminStats> {
    let (inspected, machines, few) = with_conn!(conn, |c| {
        let by = (inspections::status, inspections::result);
        let inspected: Vec<((_, _), i64)> =
            inspections::table.group_by(by).select((by, count_star())).load(c)?;
        let machines: Vec<(EquipmentStatus, i64)> =
            equipment::table.group_by(equipment::status).select((equipment::status, count_star())).load(c)?;
        let begun_today = inspections::table
            .filter(inspections::started_at.ge(calendar.start_of_working_day(today)))
            .filter(inspections::started_at.lt(calendar.start_of_working_day(today.plus_days(1))))
            .count();
        let overdue = defects::table
            .filter(defects::status.eq_any(DefectStatus::UNRESOLVED))
            .filter(defects::due_date.lt(today))
            .count();
        let away = leaves::in_force!(today, today).count();
        let few: [Option<i64>; 3] =
            diesel::select((begun_today.single_value(), overdue.single_value(), away.single_value()))
                .get_result::<(_, _, _)>(c)
                .map(<[_; 3]>::from)?;
        (inspected, machines, few)
    });
    let [inspections_today, overdue, active_leaves] = few.map(Option::unwrap_or_default);
    let defects = DefectNumbers::of(&defect_counts(conn)?, overdue);
    let equipment = EquipmentNumbers::of(&machines);
    let jobs = job_counts(conn, None)?;
    let workforce = Workforce::of(&people(conn)?);
    Ok(AdminStats {
        inspections: InspectionNumbers::of(&inspected),
        specialist_jobs: JobNumbers::of(&jobs, JobKind::Specialist),
        engineer_jobs: JobNumbers::of(&jobs, JobKind::Engineer),
        today: assignments_of(conn, today)?,
        users_count: workforce.total_users,
        equipment_count: equipment.total,
        inspections_today,
        open_defects: defects.open,
        active_leaves,
        workforce,
        equipment,
        defects,
    })
}

/// The figures of the dashboard of a user who is no admin: of what lists show. One statement.
pub fn totals(conn: &mut DbConnection, actor: &User) -> Result<DashboardTotals> {
    let inspector = match visible_to(actor) {
        Visible::All => None,
        Visible::Of(id) => Some(id),
    };
    let sees_repairs = may_see_all(actor);
    let counts: [Option<i64>; 4] = with_conn!(conn, |c| {
        let inspected = || {
            let mut query = inspections::table.select(count_star()).into_boxed::<Backend>();
            filter_by!(query, { inspections::technician_id => inspector });
            query
        };
        let drafts = inspected().filter(inspections::status.eq(InspectionStatus::Draft));
        let pending =
            defects::table.filter(defects::status.eq_any(DefectStatus::UNRESOLVED)).select(count_star());
        let is_own = jobs::owner_id.eq(actor.id);
        let is_repair = jobs::kind.eq(JobKind::Specialist);
        let active = jobs::table.filter(jobs::status.eq(JobStatus::InProgress)).select(count_star());
        let active = if sees_repairs {
            active.filter(is_own.or(is_repair)).into_boxed::<Backend>()
        } else {
            active.filter(is_own).into_boxed::<Backend>()
        };
        diesel::select((
            inspected().single_value(),
            drafts.single_value(),
            pending.single_value(),
            active.single_value(),
        ))
        .get_result::<(_, _, _, _)>(c)
        .map(<[_; 4]>::from)?
    });
    let [inspected, drafts, pending, active] = counts.map(Option::unwrap_or_default);
    Ok(DashboardTotals::new(inspected, drafts, pending, active))
}

/// The dashboard of an engineer.
pub fn engineer(conn: &mut DbConnection, actor: &User, today: Date) -> Result<EngineerStats> {
    Ok(EngineerStats {
        my_jobs: JobNumbers::of(&job_counts(conn, Some(actor))?, JobKind::Engineer).total,
        assignments_today: assignments_of(conn, today)?.assignments,
        pending_pauses: requests::pending(conn, TOTAL_ONLY)?.total,
    })
}

/// The dashboard of an inspector.
pub fn inspector(conn: &mut DbConnection, actor: &User, today: Date) -> Result<InspectorStats> {
    let today = inspection_domain::assignments::AssignmentFilter {
        date: Some(today),
        status: AnyOf::default(),
        sort: None,
    };
    Ok(InspectorStats {
        today_assignments: teams::list_by_inspector(conn, actor.id, &today, TOTAL_ONLY)?.total,
        pending_assessments: assessments::waiting_for(conn, actor, TOTAL_ONLY)?.total,
        total_points: actor.total_points,
        specialization: actor.specialization,
    })
}

/// The dashboard of a specialist.
pub fn specialist(conn: &mut DbConnection, actor: &User) -> Result<SpecialistStats> {
    let jobs = JobNumbers::of(&job_counts(conn, Some(actor))?, JobKind::Specialist);
    let pending_qc: i64 = with_conn!(conn, |c| reviews::table
        .filter(reviews::worker_id.eq(actor.id))
        .filter(reviews::status.eq(ReviewStatus::Pending))
        .count()
        .get_result(c))?;
    Ok(SpecialistStats {
        my_jobs: OwnJobNumbers::of(&jobs, work::unplanned(conn, actor, TOTAL_ONLY)?.total),
        total_points: actor.total_points,
        pending_qc,
    })
}

/// The dashboard of a quality engineer.
pub fn quality_engineer(conn: &mut DbConnection, actor: &User, now: Instant) -> Result<QualityStats> {
    let counts: Vec<(ReviewStatus, i64)> = with_conn!(conn, |c| reviews::table
        .filter(reviews::qe_id.eq(actor.id))
        .group_by(reviews::status)
        .select((reviews::status, count_star()))
        .load(c))?;
    let overdue = quality_reviews::overdue(conn, actor, now, TOTAL_ONLY)?.total;
    Ok(QualityStats::of(&counts, overdue, actor.total_points))
}

/// Pauses by reason and status.
pub fn pause_analytics(conn: &mut DbConnection) -> Result<PauseAnalytics> {
    let rows: Vec<(_, _, i64, i64, i64)> = with_conn!(conn, |c| pauses::table
        .group_by((pauses::reason_category, pauses::status))
        .select((
            pauses::reason_category,
            pauses::status,
            count_star(),
            diesel::dsl::count(pauses::duration_seconds),
            sql::<BigInt>("CAST(COALESCE(SUM(duration_seconds), 0) AS BIGINT)"),
        ))
        .load(c))?;
    let count =
        |(reason, status, count, measured, seconds)| PauseCount { reason, status, count, measured, seconds };
    Ok(PauseAnalytics::of(&rows.into_iter().map(count).collect::<Vec<_>>()))
}

/// Defects by status, severity and category.
pub fn defect_analytics(conn: &mut DbConnection) -> Result<DefectAnalytics> {
    Ok(DefectAnalytics::of(&defect_counts(conn)?))
}

/// Counts the rows whose instant is within the steps, by slot and by another column.
macro_rules! by_slot {
    ($conn:expr, $steps:expr, $table:ident . $at:ident, $name:literal: $sql:ty as $type:ty) => {{
        let (at, seconds) = (stringify!($at), $steps.slot_seconds());
        let unix = by_backend!(
            $conn,
            postgres(_) => format!("CAST(FLOOR(EXTRACT(EPOCH FROM {at})) AS BIGINT)"),
            sqlite(_) => format!("CAST(strftime('%s', {at}) AS INTEGER)"),
        );
        // SQL division truncates towards zero; slots before 1970 need floor division.
        let slot = format!("({unix} - (({unix} % {seconds}) + {seconds}) % {seconds}) / {seconds}");
        let columns = format!("{slot}, {}, COUNT(*)", $name);
        let rows: Vec<(i64, $type, i64)> = with_conn!($conn, |c| $table::table
            .filter($table::$at.ge($steps.start()))
            .filter($table::$at.lt($steps.end))
            .group_by(sql::<Text>("1, 2"))
            .select(sql::<(BigInt, $sql, BigInt)>(&columns))
            .load(c))?;
        rows
    }};
}

/// Counts per day, week or month.
pub fn trend(
    conn: &mut DbConnection,
    query: &TrendQuery,
    today: Date,
    calendar: &SiteTimeZone,
) -> Result<Trend> {
    let (bucket, from, to) = query.days(today);
    let steps = Steps::of(bucket, from, to, calendar)?;
    let mut counts: Vec<SlotCount> = Vec::new();
    let mut add = |slot, name: &'static str, count| counts.push(SlotCount { slot, name, count });
    let names: &[&'static str] = match query.metric {
        Metric::Inspections => {
            for (slot, result, count) in by_slot!(conn, steps, inspections.submitted_at, "result": Nullable<Text> as Option<InspectionResult>)
            {
                add(slot, TOTAL, count);
                match result {
                    Some(InspectionResult::Pass) => add(slot, "passed", count),
                    Some(InspectionResult::Fail) => add(slot, "failed", count),
                    None => {}
                }
            }
            &["passed", "failed"]
        }
        Metric::Defects => {
            for (slot, _, count) in
                by_slot!(conn, steps, defects.created_at, "NULL": Nullable<Text> as Option<String>)
            {
                add(slot, TOTAL, count);
            }
            for (slot, _, count) in
                by_slot!(conn, steps, defects.resolved_at, "NULL": Nullable<Text> as Option<String>)
            {
                add(slot, "resolved", count);
            }
            &["resolved"]
        }
        Metric::Jobs => {
            for (slot, kind, count) in by_slot!(conn, steps, jobs.completed_at, "kind": Text as JobKind) {
                add(slot, TOTAL, count);
                add(slot, kind.as_str(), count);
            }
            &["specialist", "engineer"]
        }
        Metric::Sla => {
            for (slot, met, count) in
                by_slot!(conn, steps, reviews.reviewed_at, "sla_met": Nullable<Bool> as Option<bool>)
            {
                add(slot, TOTAL, count);
                add(slot, if met == Some(true) { "met" } else { "missed" }, count);
            }
            &["met", "missed"]
        }
    };
    Ok(Trend { metric: query.metric, bucket, from, to, points: steps.sum(&counts, names) })
}
