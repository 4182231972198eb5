//! Scheduled tasks (rule book §16).

use std::{
    thread,
    time::{Duration, Instant as Moment},
};

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{site::on_both, translations::start_background};

on_both! {
    fn admins_list_tasks_and_runs_and_start_one_by_hand(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let tasks = admin.get("/api/admin/tasks");
        let tasks = tasks.data().as_array().expect("tasks");
        assert_eq!(tasks.len(), 6);
        assert_eq!(tasks[0]["name"], "generate_daily_lists");
        assert_eq!(tasks[0]["schedule"], "0 13 * * *");
        assert_eq!(tasks[0]["next_run"], "2026-03-02T13:00:00.000Z");
        assert_eq!(tasks[0]["last_run"], Value::Null);

        let chief = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &chief);
        builders::equipment(&site.db, &site.context);
        builders::routine(&site.db, &site.context, &chief, template.id);
        let path = "/api/admin/tasks/generate_daily_lists";
        let run = admin.post(&format!("{path}/run"), &json!({}));
        assert_eq!(run.data()["outcome"], "succeeded", "{}", run.text);
        assert_eq!(run.data()["counts"], json!({"lists": 1, "assignments": 1, "nothing_to_inspect": 1}));
        assert_eq!(run.data()["is_manual"], true);
        let lists = admin.get("/api/inspection-assignments/lists?date=2026-03-03");
        assert_eq!(lists.json["pagination"]["total"], 1, "no routine runs at night");
        site.clock.advance_seconds(1);
        let again = admin.post(&format!("{path}/run"), &json!({}));
        assert_eq!(again.data()["counts"]["lists"], Value::Null, "the lists exist");
        let runs = admin.get(&format!("{path}/runs?outcome=succeeded"));
        assert_eq!(runs.json["pagination"]["total"], 2);
        assert_eq!(runs.data()[0]["id"], again.data()["id"], "the latest first");
        assert_eq!(admin.get("/api/admin/tasks").data()[0]["last_run"]["id"], again.data()["id"]);
        assert_eq!(admin.get("/api/admin/tasks/dance/runs").fields(), ["name"]);
        assert_eq!(admin.get(&format!("{path}/runs?outcome=perhaps")).fields(), ["outcome"]);
    }

    fn tasks_run_on_schedule_and_missed_runs_are_caught_up_once_at_the_start(site: TestSite) {
        let away = site.user(Role::Engineer);
        builders::approved_leave(&site.db, &site.context, &site.user(Role::Admin), &away, "2026-03-04", "2026-03-05");
        site.clock.set("2026-03-04T08:30:00Z");
        let admin = site.as_a(Role::Admin);
        let background = start_background(&site, Duration::ZERO);
        let runs = |task: &str| {
            let runs = admin.get(&format!("/api/admin/tasks/{task}/runs"));
            runs.data().as_array().expect("runs").iter().map(|run| run["scheduled_for"].clone()).collect::<Vec<_>>()
        };
        let begun = Moment::now();
        while runs("monitor_qe_sla").is_empty() || runs("activate_starting_leaves").is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no run in time");
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(runs("activate_starting_leaves"), ["2026-03-04T00:15:00.000Z"], "once, though days were missed");
        background.stop();
        let person = admin.get(&format!("/api/users/{}", away.id));
        assert_eq!(person.data()["is_on_leave"], true);
    }
}
