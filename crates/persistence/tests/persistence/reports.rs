//! Reports in the site's time zone (§11).

use inspection_domain::users::Role;
use inspection_persistence::{leaderboards, reports};
use inspection_testkit::{
    builders::{CRITICAL, PASS_FAIL, YES_NO, checklist, equipment, input, submitted, user},
    context::context_in,
    on_both_databases,
};
use serde_json::json;

use crate::{ALL, points::award};

on_both_databases! {
    fn a_day_is_the_sites_day(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Kathmandu");
        let (admin, inspector) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Inspector));
        checklist(&db, &context, &admin);
        let machine = equipment(&db, &context);
        // Midnight at the site is 18:15 UTC.
        for (at, failing) in [
            ("2026-03-01T18:14:59Z", &[PASS_FAIL][..]),
            ("2026-03-01T18:15:00Z", &[YES_NO, CRITICAL]),
            ("2026-03-02T18:14:59Z", &[]),
            ("2026-03-03T18:15:00Z", &[YES_NO, CRITICAL]),
        ] {
            clock.set(at);
            submitted(&db, &context, &inspector, &machine, failing);
            award(&db, &context, &inspector, Role::Inspector, 1);
        }
        let trend = |metric: &str, bucket: &str| {
            let query = input(json!({"metric": metric, "from": "2026-03-01", "to": "2026-03-04", "bucket": bucket}));
            db.read(|conn| reports::trend(conn, &query, context.today(), &context.calendar)).expect("a trend").points
        };
        let totals = |metric, bucket| trend(metric, bucket).iter().map(|point| point.total).collect::<Vec<_>>();
        assert_eq!(totals("inspections", "day"), [1, 2, 0, 1]);
        let found = totals("defects", "day");
        assert_eq!((found[0], found[1], found[2]), (1, 2, 0));
        // 1 March was a Sunday.
        assert_eq!(totals("inspections", "week"), [1, 3]);
        assert_eq!(totals("inspections", "month"), [4]);
        let passed: Vec<_> = trend("inspections", "day").iter().map(|point| point.values["passed"]).collect();
        assert_eq!(passed[..3], [0, 1, 0]);
        clock.set("2026-03-02T12:00:00Z");
        let numbers = db.read(|conn| reports::admin(conn, context.today(), &context.calendar)).unwrap();
        assert_eq!((numbers.inspections.total, numbers.inspections_today), (4, 1), "from 07:00 on");
        let board = |period: &str| {
            let filter = input(json!({ "period": period, "role": "inspector" }));
            db.read(|conn| leaderboards::board(conn, &filter, context.today(), &context.calendar, ALL)).expect("a board").items[0].points
        };
        assert_eq!((board("daily"), board("monthly"), board("all_time")), (2, 4, 4), "from 07:00 on");
    }
}
