//! The weekly plan (rule book §5).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn the_weekly_plan_lists_due_and_overdue_machines(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let inspector = site.user(Role::Inspector);
        builders::checklist(&site.db, &site.context, &admin_user);
        let [one, two] = [(); 2].map(|()| builders::equipment(&site.db, &site.context));
        let admin = site.client(&admin_user);
        let plan = |machine: &inspection_domain::equipment::Equipment, day: Value| {
            admin.post("/api/schedules", &json!({"equipment_id": machine.id, "day_of_week": day}))
        };
        // Wednesday and Friday. The Friday is New Year's Day 2027, in ISO week 53 of 2026.
        let friday = plan(&one, json!("friday"));
        assert_eq!((friday.status, &friday.data()["day_of_week"]), (201, &json!(4)));
        assert_eq!(plan(&one, json!(4)).fields(), ["day_of_week"]);
        assert_eq!(plan(&one, json!(9)).fields(), ["day_of_week"]);
        for (machine, day) in [(&one, 2), (&two, 2), (&two, 3)] {
            plan(machine, json!(day)).data();
        }
        let week = admin.get("/api/schedules/weekly?lang=ar");
        assert_eq!((&week.json["schedule"]["2"]["day"], &week.json["schedule"]["2"]["day_en"]), (&json!("الأربعاء"), &json!("Wednesday")));
        assert_eq!(week.json["schedule"]["2"]["equipment"].as_array().map(Vec::len), Some(2));
        assert_eq!(week.json["schedule"]["4"]["equipment"][0]["id"], friday.data()["id"]);
        let rows = week.data().as_array().expect("rows");
        assert_eq!((rows.len(), &rows[0]["day_name"], &rows[0]["is_active"]), (4, &json!("الأربعاء"), &json!(true)));
        let today = |at: &str| {
            site.clock.set(at);
            let answer = site.client(&inspector).get("/api/schedules/today");
            let of = |part: &str| -> Vec<(i64, bool)> {
                let all = answer.data()[part].as_array().expect("a list").iter();
                all.map(|due| (due["equipment"]["id"].as_i64().expect("an id"), due["is_completed"] == true)).collect()
            };
            (of("scheduled_today"), of("overdue"), answer.data().clone())
        };
        let (first, second) = (one.id.get(), two.id.get());
        let (due, late, _) = today("2026-12-30T08:00:00Z");
        assert_eq!((due, late), (vec![(first, false), (second, false)], vec![]));
        builders::submitted(&site.db, &site.context, &inspector, &one, &[]);
        let (due, late, _) = today("2026-12-31T08:00:00Z");
        assert_eq!((due, late), (vec![(second, false)], vec![(second, false)]), "one was inspected on Wednesday");
        builders::submitted(&site.db, &site.context, &inspector, &two, &[]);
        let (due, late, _) = today("2026-12-31T09:00:00Z");
        assert_eq!((due, late), (vec![(second, true)], vec![]), "the inspection for Wednesday was late");
        let (due, late, data) = today("2027-01-01T08:00:00Z");
        assert_eq!((due, late), (vec![(first, false)], vec![]), "the inspection of Wednesday does not count for Friday");
        assert_eq!((&data["today"], &data["day_of_week"], &data["week_number"], &data["week_year"]),
            (&json!("2027-01-01"), &json!(4), &json!(53), &json!(2026)));
        let (_, late, _) = today("2027-01-03T08:00:00Z");
        assert_eq!(late, [(first, false)]);
        let (due, late, data) = today("2027-01-04T08:00:00Z");
        assert_eq!((due.len(), late.len(), &data["week_number"]), (0, 0, &json!(1)), "a new week");
        let admin = site.client(&admin_user);
        let path = format!("/api/schedules/{}", friday.data()["id"]);
        assert_eq!((admin.delete(&path).status, admin.delete(&path).status), (200, 404));
    }
}
