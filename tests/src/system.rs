//! The state of the service, for admins.

use inspection_domain::users::Role;
use inspection_testkit::{DatabaseKind, builders};
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn the_state_counts_files_background_jobs_and_time(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let state = || site.client(&admin_user).get("/api/admin/system").data().clone();
        let begin = state();
        assert_eq!(begin["storage"], json!({"files": 0, "bytes": 0}));
        assert_eq!(begin["outbox"], json!({"pending": 0, "running": 0, "dead": 0, "oldest_due": null}));
        assert_eq!(begin["database"], if site.db.kind == DatabaseKind::Sqlite { "sqlite" } else { "postgresql" });
        assert_eq!(begin["rate_limits"], "off");
        for _ in 0..2 {
            builders::file(&site.db, &site.context, &admin_user, json!({}));
        }
        builders::dead_job(&site.db, &admin_user);
        site.clock.advance_seconds(90);
        let later = state();
        assert_eq!(later["storage"], json!({"files": 2, "bytes": 200}));
        assert_eq!(later["outbox"], json!({"pending": 0, "running": 0, "dead": 1, "oldest_due": null}), "the dead are not due");
        let seconds = |state: &Value| state["uptime_seconds"].as_i64().expect("seconds");
        assert_eq!(seconds(&later) - seconds(&begin), 90);
        assert_eq!(later["started_at"], begin["started_at"]);
        assert!(later["pool"]["open"].as_u64() <= later["pool"]["most"].as_u64(), "{later}");
    }

    fn only_admins_see_the_state(site: TestSite) {
        for role in Role::ALL {
            let status = site.as_a(*role).get("/api/admin/system").status;
            assert_eq!(status, if *role == Role::Admin { 200 } else { 403 }, "{role}");
        }
    }
}
