//! Takeovers of inspections (rule book §7).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::json;

use crate::{actors::Actor, site::on_both};

on_both! {
    fn a_late_inspection_is_taken_over_by_a_team(site: TestSite) {
        let admin = Actor { user: site.user(Role::Admin) };
        let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
        builders::routine(&site.db, &site.context, &admin.user, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin.user);
        let assignment = on_it[0].id;
        let old = builders::team(&site.db, &site.context);
        builders::assigned(&site.db, &site.context, &admin.user, assignment, &old);
        // The mechanical half is submitted, the electrical one is a draft.
        builders::half_submitted(&site.db, &site.context, &old.mechanical, assignment, &[]);
        let draft = builders::half_draft(&site.db, &site.context, &old.electrical, assignment).inspection.id;
        let new = builders::team(&site.db, &site.context);
        let (taker, partner) = (Actor { user: new.electrical.clone() }, Actor { user: new.mechanical.clone() });
        let path = format!("/api/inspection-assignments/{assignment}/takeover");
        let body = json!({"partner_id": partner.user.id, "reason": "We are there."});
        assert_eq!(taker.refused(&site, &path, body.clone()).1, "INVALID_STATE", "not late yet");
        site.clock.set("2026-03-04T08:00:00Z");
        assert_eq!(taker.refused(&site, &path, json!({"partner_id": old.electrical.id})).1, "VALIDATION_ERROR", "the same trade");
        let requested = taker.post(&site, &path, body);
        assert_eq!((&requested["job_type"], &requested["job_id"]), (&json!("inspection"), &json!(assignment)));
        admin.new_notifications(&site);
        let queue = || {
            let path = format!("/api/takeovers/queue?job_type=inspection&job_id={assignment}");
            admin.client(&site).get(&path).json["pagination"]["total"].clone()
        };
        assert_eq!(queue(), 1);
        admin.post(&site, &format!("/api/takeovers/{}/approve", requested["id"]), json!({}));
        assert_eq!(queue(), 0, "of pending requests");
        let backlog = admin.client(&site).get("/api/inspection-assignments/backlog");
        assert_eq!(backlog.json["pagination"]["total"], 0, "the deadline is extended");
        let left = Actor { user: old.electrical.clone() };
        assert!(left.new_notifications(&site).contains(&"takeover_approved".to_owned()));
        let remaining = left.client(&site).get(&format!("/api/inspections/{draft}"));
        assert_eq!((&remaining.data()["status"], &remaining.data()["assignment_id"]), (&json!("draft"), &json!(null)), "the draft remains");
        builders::half_submitted(&site.db, &site.context, &taker.user, assignment, &[]);
        assert_eq!((taker.points(&site), partner.points(&site)), (3, 0));
        assert!(taker.new_notifications(&site).contains(&"takeover_bonus".to_owned()));
        assert_eq!(admin.client(&site).get("/api/takeovers?job_type=inspection").data()[0]["status"], "completed");
    }

    fn a_member_who_stays_on_the_team_submits_the_begun_half(site: TestSite) {
        let admin = Actor { user: site.user(Role::Admin) };
        let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
        builders::routine(&site.db, &site.context, &admin.user, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin.user);
        let assignment = on_it[0].id;
        let old = builders::team(&site.db, &site.context);
        builders::assigned(&site.db, &site.context, &admin.user, assignment, &old);
        builders::half_draft(&site.db, &site.context, &old.electrical, assignment);
        site.clock.set("2026-03-04T08:00:00Z");
        let taker = Actor { user: builders::team(&site.db, &site.context).mechanical };
        let requested = taker.post(
            &site,
            &format!("/api/inspection-assignments/{assignment}/takeover"),
            json!({"partner_id": old.electrical.id}),
        );
        admin.post(&site, &format!("/api/takeovers/{}/approve", requested["id"]), json!({}));
        let list = taker.client(&site).get("/api/inspection-assignments/my-assignments");
        assert_eq!(list.data()[0]["status"], "in_progress", "the electrical half is begun");
        builders::half_submitted(&site.db, &site.context, &old.electrical, assignment, &[]);
        builders::half_submitted(&site.db, &site.context, &taker.user, assignment, &[]);
        assert_eq!(taker.points(&site), 3);
    }
}
