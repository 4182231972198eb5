//! Dashboards and analytics: equal to numbers computed by hand and to the totals of lists (rule
//! book §11).

use std::time::Duration;

use inspection_domain::{
    assessments::Verdict,
    users::{Role, User},
};
use inspection_http::Settings;
use inspection_persistence::pauses;
use inspection_testkit::{
    DatabaseKind,
    builders::{self, CRITICAL, PASS_FAIL, act, input},
    clients::Client,
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both, settings};

/// One day at a small site.
struct SampleDay {
    site: TestSite,
    admin: User,
    mechanical: User,
    specialist: User,
    engineer: User,
    qe: User,
}

impl SampleDay {
    fn new(site: TestSite) -> Self {
        let (db, context) = (&site.db, &site.context);
        let (admin, specialist) = (site.user(Role::Admin), site.user(Role::Specialist));
        let (engineer, qe) = (site.user(Role::Engineer), site.user(Role::QualityEngineer));
        let (template, _) = builders::checklist(db, context, &admin);
        let machine = builders::equipment(db, context);
        let other = builders::equipment(db, context);
        builders::routine(db, context, &admin, template.id);
        let team = builders::team(db, context);
        let (_, on_it) = builders::generated(db, context, &admin);
        // One of two assignments is completed: two inspections that passed.
        for assignment in &on_it {
            builders::assigned(db, context, &admin, assignment.id, &team);
        }
        let first = builders::assessment(db, context, &team, on_it[0].id);
        for inspector in team.both() {
            builders::verdict(db, context, inspector, first.id, Verdict::Operational).expect("a verdict");
        }
        // The other one awaits two verdicts: two more inspections.
        builders::assessment(db, context, &team, on_it[1].id);
        // A failed inspection with a medium and a critical defect, one with a medium defect, and a
        // draft.
        let (_, both) = builders::submitted(db, context, &team.mechanical, &machine, &[PASS_FAIL, CRITICAL]);
        let (_, single) = builders::submitted(db, context, &team.mechanical, &other, &[PASS_FAIL]);
        builders::draft(db, context, &team.mechanical, &machine);
        // Three repairs: one completed, one paused again after a pause of 45 minutes, one without a
        // planned time.
        let repair = |id| builders::repair(db, context, &admin, id, &specialist);
        builders::finished(db, context, &specialist, &repair(single[0].id));
        let job = repair(both[0].id);
        builders::started(db, context, &specialist, &job);
        let pause = builders::paused(db, context, &specialist, &admin, &job);
        site.clock.advance_seconds(45 * 60);
        act(db, context, &specialist, |tx| pauses::resume(tx, pause.id)).expect("going on");
        builders::paused(db, context, &specialist, &admin, &job);
        repair(both[1].id);
        // Two engineer jobs, one of them started, with a pending pause request.
        builders::engineer_job(db, context, &admin, &engineer);
        let job = builders::engineer_job(db, context, &admin, &engineer);
        builders::started(db, context, &engineer, &job);
        let body = input(json!({"reason_category": "tools"}));
        act(db, context, &engineer, |tx| pauses::request(tx, job.kind, job.id, body)).expect("a request");
        let away = site.user(Role::Inspector);
        builders::approved_leave(db, context, &admin, &away, "2026-03-01", "2026-03-03");
        Self { admin, mechanical: team.mechanical, specialist, engineer, qe, site }
    }

    fn stats(&self, who: &User) -> Value {
        let answer = self.site.client(who).get("/api/reports/dashboard");
        assert_eq!((answer.status, &answer.data()["role"]), (200, &json!(who.role)), "{}", answer.text);
        answer.data()["stats"].clone()
    }
}

impl SampleDay {
    /// The numbers with those of every dashboard, which are those of the lists that a person sees.
    fn with_totals(&self, who: &User, mut stats: Value) -> Value {
        let client = self.site.client(who);
        let count = |path: &str| total(&client, path).as_i64().expect("a number");
        // The lists of an inspector also have the other halves of the team.
        let own = match who.role {
            Role::Inspector | Role::Specialist => format!("technician_id={}", who.id),
            _ => String::new(),
        };
        let all = count(&format!("/api/inspections?{own}"));
        let drafts = count(&format!("/api/inspections?status=draft&{own}"));
        let jobs =
            ["/api/jobs", "/api/engineer-jobs"].map(|path| count(&format!("{path}?status=in_progress")));
        let tenths = (all - drafts) * 10_000 / all.max(1);
        stats["total_inspections"] = json!(all);
        stats["pending_defects"] = json!(count("/api/defects?status=open,in_progress"));
        stats["active_jobs"] = json!(jobs.iter().sum::<i64>());
        stats["completion_rate"] = json!(f64::from(i32::try_from((tenths + 5) / 10).expect("small")) / 10.0);
        stats
    }
}

fn total(client: &Client, path: &str) -> Value {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json["pagination"]["total"].clone()
}

on_both! {
    fn the_numbers_of_every_dashboard(site: TestSite) {
        let day = SampleDay::new(site);
        let expected = json!({
            "inspections": {"total": 7, "passed": 4, "failed": 2, "in_progress": 1},
            "defects": {"total": 3, "open": 0, "in_progress": 2, "resolved": 1, "critical_open": 0, "overdue": 0},
            "equipment": {"total": 2, "active": 1, "under_maintenance": 1, "stopped": 0, "paused": 0, "out_of_service": 0},
            "specialist_jobs": {"total": 3, "in_progress": 0, "paused": 1, "completed": 1},
            "engineer_jobs": {"total": 2, "in_progress": 1, "paused": 0, "completed": 0},
            "workforce": {"total_users": 7, "on_leave": 1, "inspectors": 3, "specialists": 1, "engineers": 1, "quality_engineers": 1},
            "today": {"assignments": 2, "completed_assignments": 1},
            "users_count": 7, "equipment_count": 2, "inspections_today": 7, "open_defects": 0, "active_leaves": 1,
            "total_inspections": 7, "pending_defects": 2, "active_jobs": 1, "completion_rate": 85.7,
        });
        let client = day.site.client(&day.admin);
        assert_eq!(client.get("/api/reports/admin-dashboard").data(), &expected);
        assert_eq!(day.stats(&day.admin), expected);
        assert_eq!(day.stats(&day.engineer), day.with_totals(&day.engineer, json!({"my_jobs": 2, "assignments_today": 2, "pending_pauses": 1})));
        assert_eq!(day.stats(&day.mechanical), day.with_totals(&day.mechanical, json!({
            "today_assignments": 2, "pending_assessments": 1, "total_points": 1, "specialization": "mechanical",
        })));
        assert_eq!(day.stats(&day.specialist), day.with_totals(&day.specialist, json!({
            "my_jobs": {"total": 3, "in_progress": 0, "paused": 1, "completed": 1, "pending_planned_time": 1},
            "total_points": 0, "pending_qc": 1,
        })));
        let of_qe = |pending, overdue| day.with_totals(&day.qe, json!({"pending_reviews": pending, "approved": 0, "rejected": 0, "overdue": overdue, "total_points": 0}));
        assert_eq!(day.stats(&day.qe), of_qe(1, 0));
        day.site.clock.set("2026-04-20T08:00:00Z");
        assert_eq!(day.stats(&day.qe), of_qe(1, 1));
        let later = day.stats(&day.admin);
        assert_eq!((&later["defects"]["overdue"], &later["today"]["assignments"]), (&json!(2), &json!(0)));
        assert_eq!((&later["inspections_today"], &later["active_leaves"]), (&json!(0), &json!(0)));
    }

    fn the_numbers_are_those_of_the_lists(site: TestSite) {
        let day = SampleDay::new(site);
        // On the same day, and weeks later, when defects are overdue.
        for at in ["2026-03-02T20:00:00Z", "2026-04-20T08:00:00Z"] {
            day.site.clock.set(at);
            let client = day.site.client(&day.admin);
            let numbers = client.get("/api/reports/admin-dashboard").data().clone();
            let today = &at[..10];
            let today_only = format!("/api/inspections?date_from={today}&date_to={today}");
            for (pointer, path) in [
                ("/inspections/total", "/api/inspections"),
                ("/inspections/passed", "/api/inspections?result=pass"),
                ("/inspections/failed", "/api/inspections?result=fail"),
                ("/inspections/in_progress", "/api/inspections?status=draft"),
                ("/inspections_today", &today_only),
                ("/defects/total", "/api/defects"),
                ("/defects/open", "/api/defects?status=open"),
                ("/defects/in_progress", "/api/defects?status=in_progress"),
                ("/defects/resolved", "/api/defects?status=resolved"),
                ("/defects/critical_open", "/api/defects?status=open&severity=critical"),
                ("/defects/overdue", "/api/defects?overdue=true"),
                ("/open_defects", "/api/defects?status=open"),
                ("/equipment/total", "/api/equipment"),
                ("/equipment/active", "/api/equipment?status=active"),
                ("/equipment/under_maintenance", "/api/equipment?status=under_maintenance"),
                ("/equipment/stopped", "/api/equipment?status=stopped"),
                ("/equipment/paused", "/api/equipment?status=paused"),
                ("/equipment/out_of_service", "/api/equipment?status=out_of_service"),
                ("/equipment_count", "/api/equipment"),
                ("/specialist_jobs/total", "/api/jobs"),
                ("/specialist_jobs/in_progress", "/api/jobs?status=in_progress"),
                ("/specialist_jobs/paused", "/api/jobs?status=paused"),
                ("/specialist_jobs/completed", "/api/jobs?status=completed"),
                ("/engineer_jobs/total", "/api/engineer-jobs"),
                ("/engineer_jobs/in_progress", "/api/engineer-jobs?status=in_progress"),
                ("/engineer_jobs/paused", "/api/engineer-jobs?status=paused"),
                ("/engineer_jobs/completed", "/api/engineer-jobs?status=completed"),
                ("/workforce/total_users", "/api/users"),
                ("/users_count", "/api/users"),
                ("/workforce/on_leave", "/api/users?is_on_leave=true"),
                ("/workforce/inspectors", "/api/users?role=inspector"),
                ("/workforce/specialists", "/api/users?role=specialist"),
                ("/workforce/engineers", "/api/users?role=engineer"),
                ("/workforce/quality_engineers", "/api/users?role=quality_engineer"),
                ("/active_leaves", "/api/leaves/active"),
            ] {
                assert_eq!(numbers.pointer(pointer), Some(&total(&client, path)), "{pointer} {path}");
            }
            let analytics = client.get("/api/reports/defect-analytics").data().clone();
            for (part, filter) in [("by_severity", "severity"), ("by_category", "category"), ("by_status", "status")] {
                for (value, count) in analytics[part].as_object().expect("counts").iter().filter(|(value, _)| *value != "both") {
                    assert_eq!(count, &total(&client, &format!("/api/defects?{filter}={value}")), "{part} {value}");
                }
            }
            let pauses = client.get("/api/reports/pause-analytics").data().clone();
            assert_eq!(pauses["pending_count"], total(&client, "/api/jobs/pauses/pending"));
            let client = day.site.client(&day.specialist);
            let own = client.get("/api/reports/dashboard").data()["stats"].clone();
            for (pointer, path) in [
                ("/my_jobs/total", "/api/jobs"),
                ("/my_jobs/paused", "/api/jobs?status=paused"),
                ("/my_jobs/completed", "/api/jobs?status=completed"),
                ("/my_jobs/pending_planned_time", "/api/jobs/pending-planned-time"),
            ] {
                assert_eq!(own.pointer(pointer), Some(&total(&client, path)), "{pointer}");
            }
            let client = day.site.client(&day.qe);
            let own = client.get("/api/reports/dashboard").data()["stats"].clone();
            for (pointer, path) in [
                ("/pending_reviews", "/api/quality-reviews/pending"),
                ("/approved", "/api/quality-reviews?status=approved"),
                ("/rejected", "/api/quality-reviews?status=rejected"),
                ("/overdue", "/api/quality-reviews/overdue"),
            ] {
                assert_eq!(own.pointer(pointer), Some(&total(&client, path)), "{pointer}");
            }
            let client = day.site.client(&day.engineer);
            let own = client.get("/api/reports/dashboard").data()["stats"].clone();
            assert_eq!(own["my_jobs"], total(&client, "/api/engineer-jobs"));
            assert_eq!(own["pending_pauses"], total(&client, "/api/jobs/pauses/pending"));
            let client = day.site.client(&day.mechanical);
            let own = client.get("/api/reports/dashboard").data()["stats"].clone();
            assert_eq!(own["today_assignments"], total(&client, &format!("/api/inspection-assignments/my-assignments?date={today}")));
            assert_eq!(own["pending_assessments"], total(&client, "/api/assessments/pending"));
        }
    }

    fn a_night_inspector_at_two_o_clock_has_today_s_work(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        builders::equipment_with(&site.db, &site.context, |body| body["status"] = json!("paused"));
        let team = builders::team(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin);
        builders::assigned(&site.db, &site.context, &admin, on_it[0].id, &team);
        let today = |now: &str| {
            site.clock.set(now);
            let inspector = site.client(&team.mechanical).get("/api/reports/dashboard").data()["stats"].clone();
            let stats = site.client(&admin).get("/api/reports/admin-dashboard").data().clone();
            assert_eq!(inspector["today_assignments"], stats["today"]["assignments"]);
            (stats["today"]["assignments"].clone(), stats["inspections_today"].clone())
        };
        assert_eq!(today("2026-03-02T06:59:59Z"), (json!(0), json!(0)), "the night shift of the day before");
        assert_eq!(today("2026-03-02T07:00:00Z"), (json!(1), json!(0)));
        site.clock.set("2026-03-03T01:00:00Z");
        builders::half_draft(&site.db, &site.context, &team.mechanical, on_it[0].id);
        assert_eq!(today("2026-03-03T02:00:00Z"), (json!(1), json!(1)));
        assert_eq!(today("2026-03-03T07:00:00Z"), (json!(0), json!(0)));
        let machines = site.client(&admin).get("/api/reports/admin-dashboard").data()["equipment"].clone();
        let parts = ["active", "under_maintenance", "stopped", "paused", "out_of_service"];
        let sum: i64 = parts.iter().map(|part| machines[part].as_i64().expect("a number")).sum();
        assert_eq!((json!(sum), &machines["paused"]), (machines["total"].clone(), &json!(1)), "{machines}");
    }

    fn analytics_and_capacity(site: TestSite) {
        let day = SampleDay::new(site);
        let client = day.site.client(&day.admin);
        assert_eq!(client.get("/api/reports/pause-analytics").data(), &json!({
            "total_pauses": 3, "average_duration_minutes": 45.0, "pending_count": 1,
            "by_category": {"parts": 2, "tools": 1, "duty_finish": 0, "manpower": 0, "oem": 0, "other": 0},
        }));
        assert_eq!(client.get("/api/reports/defect-analytics").data(), &json!({
            "total": 3, "total_defects": 3,
            "by_severity": {"low": 0, "medium": 2, "high": 0, "critical": 1},
            "by_category": {"mechanical": 3, "electrical": 0, "both": 0},
            "by_status": {"open": 0, "in_progress": 2, "resolved": 1, "closed": 0, "false_alarm": 0},
        }));
        let head = |total, on_leave| json!({"total": total, "available": total - on_leave, "on_leave": on_leave});
        assert_eq!(client.get("/api/reports/capacity").data(), &json!({
            "total": 7, "total_staff": 7, "available": 6, "on_leave": 1, "on_leave_am": 0, "on_leave_pm": 0, "utilization_rate": 85.7,
            "by_role": {"admin": head(1, 0), "inspector": head(3, 1), "specialist": head(1, 0), "engineer": head(1, 0), "quality_engineer": head(1, 0)},
            "by_shift": {"day": head(2, 0), "night": head(0, 0), "none": head(5, 1)},
        }));
        let of_day = client.get("/api/reports/capacity?shift=day");
        assert_eq!((&of_day.data()["total"], &of_day.data()["utilization_rate"]), (&json!(2), &json!(100.0)));
        assert_eq!(client.get("/api/reports/capacity?shift=noon").status, 400);
    }

    fn trends_have_a_point_for_every_step(site: TestSite) {
        let day = SampleDay::new(site);
        let client = day.site.client(&day.admin);
        let trend = |query: &str| client.get(&format!("/api/reports/trends?{query}"));
        let days = "from=2026-03-01&to=2026-03-03";
        for (metric, values) in [
            ("inspections", json!({"total": 6, "values": {"passed": 4, "failed": 2}})),
            ("defects", json!({"total": 3, "values": {"resolved": 1}})),
            ("jobs", json!({"total": 1, "values": {"specialist": 1, "engineer": 0}})),
            ("sla", json!({"total": 0, "values": {"met": 0, "missed": 0}})),
        ] {
            let answer = trend(&format!("metric={metric}&{days}"));
            let points = answer.data()["points"].as_array().expect("points").clone();
            let dates: Vec<_> = points.iter().map(|point| point["date"].clone()).collect();
            assert_eq!(dates, ["2026-03-01", "2026-03-02", "2026-03-03"]);
            assert_eq!((&points[1]["total"], &points[1]["values"]), (&values["total"], &values["values"]), "{metric}");
            assert_eq!((&points[0]["total"], &points[2]["total"]), (&json!(0), &json!(0)));
        }
        let standard = trend("metric=jobs");
        assert_eq!((&standard.data()["from"], &standard.data()["to"], &standard.data()["bucket"]), (&json!("2026-02-01"), &json!("2026-03-02"), &json!("day")));
        assert_eq!(standard.data()["points"].as_array().map(Vec::len), Some(30));
        let weeks = trend("metric=defects&from=2026-02-25&to=2026-03-09&bucket=week");
        let totals: Vec<_> = weeks.data()["points"].as_array().expect("points").iter().map(|point| point["total"].clone()).collect();
        assert_eq!(totals, [0, 3, 0]);
        for wrong in ["", "metric=tea", "metric=jobs&from=2026-03-02&to=2026-03-01", "metric=jobs&from=0001-01-01", "metric=jobs&bucket=hour", "metric=jobs&from=soon"] {
            assert_eq!((trend(wrong).status, trend(wrong).code()), (400, "VALIDATION_ERROR"), "{wrong}");
        }
    }
}

#[test]
fn the_numbers_of_the_site_are_cached() {
    let settings = Settings { dashboard_age: Duration::from_hours(1), ..settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let admin = site.user(Role::Admin);
    let client = site.client(&admin);
    let count = || client.get("/api/reports/admin-dashboard").data()["equipment_count"].clone();
    assert_eq!(count(), json!(0));
    builders::equipment(&site.db, &site.context);
    let before = site.db.statements();
    assert_eq!(count(), json!(0), "the cached number");
    assert_eq!(site.db.statements() - before, 1, "the session is checked each time");
    assert_eq!(site.as_a(Role::Inspector).get("/api/reports/admin-dashboard").status, 403);
}
