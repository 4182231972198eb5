//! Background jobs (rule book §13).

use std::{
    thread,
    time::{Duration, Instant as Moment},
};

use inspection_domain::users::Role;
use inspection_testkit::{builders, clients::Client};
use serde_json::{Value, json};

use crate::site::on_both;

/// The numbers of background jobs by status.
pub(crate) fn depth(admin: &Client) -> Value {
    admin.get("/api/admin/system").data()["outbox"].clone()
}

/// Waits until no job is pending or running.
pub(crate) fn wait_until_done(admin: &Client) {
    let begun = Moment::now();
    while depth(admin)["pending"] != 0 || depth(admin)["running"] != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", depth(admin));
        thread::sleep(Duration::from_millis(20));
    }
}

on_both! {
    fn a_dead_job_is_listed_and_retried(site: TestSite) {
        let chief = site.user(Role::Admin);
        let admin = site.client(&chief);
        let dead = builders::dead_job(&site.db, &chief);
        assert_eq!(depth(&admin)["dead"], 1);
        let seen = admin.get("/api/admin/outbox?status=dead&kind=translate");
        assert_eq!(seen.data()[0]["error"], "the translator is unavailable");
        assert_eq!(seen.data()[0]["attempts"], dead.attempts);
        let path = format!("/api/admin/outbox/{}/retry", dead.id);
        let again = admin.post(&path, &json!({}));
        assert_eq!((&again.data()["status"], &again.data()["attempts"]), (&json!("pending"), &json!(0)));
        assert_eq!(admin.post(&path, &json!({})).code(), "INVALID_STATE");
        assert_eq!(admin.post("/api/admin/outbox/99999/retry", &json!({})).code(), "NOT_FOUND");
        assert_eq!(depth(&admin)["dead"], 0);
    }
}
