//! Invariants of the stored data: the nightly check, its results and their metric.

use inspection_domain::{invariants::Invariant, tasks::TaskName, users::Role};
use inspection_persistence::tasks;
use inspection_testkit::{clients::Client, ledger};
use serde_json::Value;

use crate::site::{TestSite, on_both};

const PATH: &str = "/api/admin/invariants";

/// The nightly task.
fn run_nightly(site: &TestSite) -> usize {
    let run =
        tasks::run_now(&site.db, &site.context, "instance", TaskName::ActivateStartingLeaves).expect("a run");
    assert_eq!(run.error, None);
    site.clock.advance_seconds(1);
    run.counts.of("violated_invariants")
}

fn of(admin: &Client, name: &str) -> Value {
    let all = admin.get(PATH);
    let found = all.data().as_array().expect("a list").iter().find(|one| one["name"] == name);
    found.cloned().unwrap_or_else(|| panic!("no {name} in {}", all.text))
}

on_both! {
    fn admins_read_the_results_of_the_nightly_check_in_their_language(site: TestSite) {
        let chief = site.user(Role::Admin);
        let admin = site.client(&chief);
        let name = Invariant::PointsMatchLedger.as_str();
        let unchecked = of(&admin, name);
        assert_eq!((&unchecked["checked_at"], &unchecked["violations"]), (&Value::Null, &Value::Null));
        assert_eq!(admin.get(PATH).data().as_array().map(Vec::len), Some(Invariant::ALL.len()));

        assert_eq!(run_nightly(&site), 0);
        let kept = of(&admin, name);
        assert_eq!((&kept["violations"], &kept["checked_at"]), (&0.into(), &"2026-03-02T08:00:00.000Z".into()));
        assert_eq!((&kept["section"], &kept["severity"]), (&1.into(), &"critical".into()));
        let metric = format!("inspection_invariant_violations{{name=\"{name}\"}} ");
        assert!(site.anonymous().get("/metrics").text.contains(&format!("{metric}0\n")));

        let total = |points: i64| site.db.read(|conn| ledger::falsify(conn, chief.id, points)).expect("an update");
        total(1);
        assert_eq!(run_nightly(&site), 1);
        let broken = of(&admin, name);
        assert_eq!((&broken["violations"], &broken["ids"]), (&1.into(), &serde_json::json!([chief.id])));
        assert_eq!(broken["sentence"], "the points of every account are the sums of its entries in the ledger");
        assert!(site.anonymous().get("/metrics").text.contains(&format!("{metric}1\n")));
        let arabic = admin.get(&format!("{PATH}?lang=ar"));
        assert_eq!(arabic.data()[0]["sentence"], Invariant::ALL[0].sentence().arabic().into_owned());

        // Nothing is corrected.
        assert_eq!(run_nightly(&site), 1);
        total(-1);
        assert_eq!(run_nightly(&site), 0);
        assert_eq!(of(&admin, name)["violations"], 0);
    }
}
