//! A site with rows in every state, made by the requests of its people.

use inspection_domain::{
    assessments::Verdict,
    ids::AssignmentId,
    users::{Role, User},
};
use inspection_testkit::{
    builders::{self, Team},
    clients::Client,
    files::png,
};
use serde_json::{Value, json};

use crate::{
    site::{TestSite, largest_page},
    visibility::{Crew, ROLES, two_crews},
};

/// The commands that bring rows into their states.
struct SiteHistory<'a> {
    site: &'a TestSite,
    admin: User,
}

impl SiteHistory<'_> {
    fn post(&self, who: &User, path: &str, body: Value) -> Value {
        let response = self.site.client(who).post(path, &body);
        assert!(response.status < 300, "{path} {body}: {}", response.text);
        response.json["data"].clone()
    }

    fn decide(&self, path: &str, body: Value) -> Value {
        self.post(&self.admin, path, body)
    }

    /// A new repair of a new defect.
    fn repair(&self, inspector: &User, specialist: &User) -> (i64, i64) {
        let (db, context) = (&self.site.db, &self.site.context);
        let machine = builders::equipment(db, context);
        let defect = builders::defect(db, context, inspector, &machine);
        let job = builders::repair(db, context, &self.admin, defect.id, specialist);
        (defect.id.get(), job.id.get())
    }

    /// Plans and starts a job.
    fn start(&self, owner: &User, job: &str) {
        self.post(owner, &format!("{job}/planned-time"), json!({"hours": 2}));
        self.post(owner, &format!("{job}/start"), json!({}));
    }

    /// Completes a new repair; its path, and the path of its review.
    fn complete(&self, inspector: &User, specialist: &User) -> (String, String) {
        let (_, job) = self.repair(inspector, specialist);
        let path = format!("/api/jobs/{job}");
        self.start(specialist, &path);
        self.post(specialist, &format!("{path}/complete"), json!({"work_notes": "Changed the seal."}));
        let reviews = self.site.client(&self.admin).get("/api/quality-reviews?per_page=100");
        let mut reviews = reviews.data().as_array().expect("reviews").iter();
        let review = reviews.find(|review| review["job_id"] == job).expect("its review")["id"].clone();
        (path, format!("/api/quality-reviews/{review}"))
    }

    /// The assignments of a new list.
    fn assignments(&self, date: &str, shift: &str) -> Vec<AssignmentId> {
        let list = self.decide(
            "/api/inspection-assignments/lists/generate",
            json!({"target_date": date, "shift": shift}),
        );
        let list =
            self.site.client(&self.admin).get(&format!("/api/inspection-assignments/lists/{}", list["id"]));
        let ids = list.data()["assignments"].as_array().expect("assignments").iter();
        ids.map(|row| serde_json::from_value(row["id"].clone()).expect("an id")).collect()
    }

    fn inspections(&self, team: &Team) {
        let (db, context, admin) = (&self.site.db, &self.site.context, &self.admin);
        let ids = self.assignments("2026-03-07", "day");
        for id in ids.iter().take(6) {
            builders::assigned(db, context, admin, *id, team);
        }
        builders::half_draft(db, context, &team.mechanical, ids[0]);
        builders::half_submitted(db, context, &team.mechanical, ids[1], &[]);
        builders::half_submitted(db, context, &team.electrical, ids[2], &[]);
        for (n, verdicts) in
            [[Verdict::Operational; 2], [Verdict::Urgent, Verdict::Operational]].iter().enumerate()
        {
            let assessment = builders::assessment(db, context, team, ids[3 + n]);
            for (inspector, verdict) in team.both().into_iter().zip(verdicts) {
                builders::verdict(db, context, inspector, assessment.id, *verdict).expect("a verdict");
            }
        }
        self.assignments("2026-03-08", "day");
        // A list with one assignment each: all assigned, and all completed.
        builders::equipment_with(db, context, |body| body["equipment_type"] = json!("pump"));
        let (template, _) =
            builders::checklist_with(db, context, admin, |body| body["equipment_type"] = json!("pump"));
        builders::routine_with(db, context, admin, template.id, |body| {
            body["asset_types"] = json!(["pump"]);
            body["shift"] = json!("night");
        });
        let inspector = |trade: &str| {
            builders::user_with(db, context, Role::Inspector, |body| {
                body["specialization"] = json!(trade);
                body["shift"] = json!("night");
            })
        };
        let team = &Team { mechanical: inspector("mechanical"), electrical: inspector("electrical") };
        for date in ["2026-03-07", "2026-03-08"] {
            let night = self.assignments(date, "night");
            builders::assigned(db, context, admin, night[0], team);
            if date.ends_with('8') {
                let assessment = builders::assessment(db, context, team, night[0]);
                for inspector in team.both() {
                    builders::verdict(db, context, inspector, assessment.id, Verdict::Operational)
                        .expect("a verdict");
                }
            }
        }
        let machine = builders::equipment(db, context);
        let (inspection, _) = builders::submitted(db, context, &team.mechanical, &machine, &[]);
        self.decide(&format!("/api/inspections/{}/review", inspection.id), json!({"notes": "Seen."}));
        self.decide("/api/schedules", json!({"equipment_id": machine.id, "day_of_week": 0}));
        self.decide("/api/schedules", json!({"equipment_id": machine.id, "day_of_week": 4}));
        for status in ["active", "under_maintenance", "out_of_service", "stopped", "paused"] {
            let machine = builders::equipment_with(db, context, |body| {
                body["assigned_technician_id"] = json!(team.mechanical.id);
            });
            let path = format!("/api/equipment/{}", machine.id);
            let changed = self.site.client(admin).put(&path, &json!({"status": status}));
            assert_eq!(changed.status, 200, "{}", changed.text);
        }
    }

    fn repairs(&self, crew: &Crew) {
        let (inspector, specialist, engineer) = (&crew.team.mechanical, &crew.specialist, &crew.engineer);
        for (verdict, resolves) in [("confirm", true), ("minor", false), ("reject", false)] {
            let (defect, job) = self.repair(inspector, specialist);
            self.post(specialist, &format!("/api/jobs/{job}/planned-time"), json!({"hours": 2}));
            let verdict =
                json!({"defect_id": defect, "verdict": verdict, "technical_notes": "Looked at it closely."});
            self.post(specialist, "/api/defect-assessments", verdict);
            if resolves {
                let notes = json!({"resolution_notes": "Done on the way."});
                self.decide(&format!("/api/defects/{defect}/resolve"), notes);
                self.decide(&format!("/api/defects/{defect}/close"), json!({}));
            }
        }
        let (_, review) = self.complete(inspector, specialist);
        let reviewer = self.reviewer(&review);
        self.post(&reviewer, &format!("{review}/approve"), json!({"qc_rating": 4, "notes": "Good."}));
        for is_valid in [true, false] {
            let (job, review) = self.complete(inspector, specialist);
            let rejection = json!({"category": "other", "reason": "It leaks again already.", "evidence": "See the photo."});
            self.post(&self.reviewer(&review), &format!("{review}/reject"), rejection);
            self.decide(&format!("{review}/validate"), json!({"is_valid": is_valid}));
            if is_valid {
                let files = json!({"notes": "Swept.", "file_ids": [self.photo(specialist)]});
                let cleaned = self.site.client(specialist).post(&format!("{job}/cleaning"), &files);
                assert!(cleaned.status < 500, "{}", cleaned.text);
            }
        }
        let (_, job) = self.repair(inspector, specialist);
        let job = format!("/api/jobs/{job}");
        self.start(specialist, &job);
        self.post(
            specialist,
            &format!("{job}/incomplete"),
            json!({"reason": "The part does not fit at all."}),
        );
        self.pauses(inspector, specialist);
        let survey = || {
            let body =
                json!({"job_type": "custom_project", "title": "A new quay", "engineer_id": engineer.id});
            let job = self.decide("/api/engineer-jobs", body);
            let path = format!("/api/engineer-jobs/{}", job["id"]);
            self.start(engineer, &path);
            (job["id"].clone(), path)
        };
        self.decide(&format!("{}/admin/force-pause", survey().1), json!({"reason_category": "manpower"}));
        survey();
        let reason = json!({"reason": "The plans are not ready."});
        self.post(engineer, &format!("{}/incomplete", survey().1), reason);
        let (id, done) = survey();
        self.post(engineer, &format!("{done}/complete"), json!({"work_notes": "Measured the quay."}));
        let reviews = self.site.client(&self.admin).get("/api/quality-reviews?per_page=100");
        let mut reviews = reviews.data().as_array().expect("reviews").iter();
        let review = reviews.find(|review| review["job_id"] == id).expect("its review")["id"].clone();
        let review = format!("/api/quality-reviews/{review}");
        self.post(&self.reviewer(&review), &format!("{review}/approve"), json!({"qc_rating": 5}));
    }

    fn photo(&self, who: &User) -> i64 {
        self.site.client(who).upload(&[], "photo.png", "image/png", &png(20, 20)).id()
    }

    fn reviewer(&self, review: &str) -> User {
        let review = self.site.client(&self.admin).get(review).data()["qe_id"].as_i64().expect("a number");
        let id = serde_json::from_value(json!(review)).expect("an id");
        self.site.db.read(|conn| inspection_persistence::users::get(conn, id)).expect("a user")
    }

    fn pauses(&self, inspector: &User, specialist: &User) {
        let (_, job) = self.repair(inspector, specialist);
        let path = format!("/api/jobs/{job}");
        self.start(specialist, &path);
        let pause = || {
            let pause = self.post(specialist, &format!("{path}/pause"), json!({"reason_category": "tools"}));
            format!("/api/jobs/pauses/{}", pause["id"])
        };
        self.decide(&format!("{}/deny", pause()), json!({"reason": "Finish it first."}));
        let approved = pause();
        self.decide(&format!("{approved}/approve"), json!({}));
        self.site.clock.advance_seconds(600);
        self.decide(&format!("{approved}/resume"), json!({}));
        // A request that is pending when the work ends is cancelled.
        pause();
        self.post(specialist, &format!("{path}/complete"), json!({"work_notes": "Changed the seal."}));
    }

    fn people(&self, crew: &Crew) {
        let (db, context) = (&self.site.db, &self.site.context);
        let engineer = &crew.engineer;
        let leave = |from: &str| builders::leave(db, context, engineer, from, from).id;
        let rejected = leave("2026-06-01");
        self.decide(&format!("/api/leaves/{rejected}/reject"), json!({"reason": "Nobody else is here."}));
        let cancelled = leave("2026-06-03");
        self.post(engineer, &format!("/api/leaves/{cancelled}/cancel"), json!({}));
        let covered = leave("2026-06-05");
        let cover = self.site.user(Role::Engineer);
        self.decide(&format!("/api/leaves/{covered}/approve"), json!({"coverage_user_id": cover.id}));
        let bonus = |recipient: &User| {
            let request = builders::bonus_request(db, context, &crew.quality_engineer, recipient, 4);
            format!("/api/bonus-stars/{}", request.id)
        };
        self.decide(&format!("{}/approve", bonus(&crew.specialist)), json!({}));
        self.decide(&format!("{}/approve", bonus(engineer)), json!({"amount": 2}));
        self.decide(&format!("{}/deny", bonus(&crew.team.electrical)), json!({"reason": "No."}));
        let takeovers = self.site.client(&self.admin).get("/api/takeovers?per_page=100");
        // Both crews requested a job and an inspection.
        let pending = takeovers.data().as_array().expect("takeovers");
        let (inspections, jobs): (Vec<_>, Vec<_>) =
            pending.iter().partition(|row| row["job_type"] == "inspection");
        let own = inspections.iter().find(|row| row["requested_by"] == json!(crew.team.mechanical.id));
        let own = own.expect("the crew's own");
        for (takeover, decision) in [(own, "approve"), (&jobs[0], "approve"), (&jobs[1], "deny")] {
            self.decide(&format!("/api/takeovers/{}/{decision}", takeover["id"]), json!({}));
        }
        let taken = serde_json::from_value(own["job_id"].clone()).expect("an id");
        // The mechanical half was submitted before.
        builders::half_submitted(db, context, &crew.team.electrical, taken, &[]);
        for person in ROLES.map(|role| crew.person(role)).into_iter().chain([&self.admin]) {
            let rejected = json!({
                "client_id": context.ids.unique(), "entity_type": "notification_read",
                "entity_data": {"notification_id": 999_999},
            });
            self.site.client(person).post("/api/sync", &rejected);
            let relation = [("related_type", "equipment"), ("related_id", "1")];
            self.site.client(person).upload(&relation, "photo.png", "image/png", &png(20, 20)).id();
        }
    }
}

/// Fills the site; clients of an admin, and of one person of each other role.
pub(crate) fn every_state(site: &TestSite) -> Vec<Client> {
    let (crews, _) = two_crews(site);
    let history = SiteHistory { site, admin: site.user(Role::Admin) };
    history.inspections(&crews[0].team);
    history.repairs(&crews[0]);
    history.people(&crews[0]);
    let people = ROLES.map(|role| site.client(crews[0].person(role)));
    [site.client(&history.admin)].into_iter().chain(people).collect()
}

/// The path of a list, with its required parameters.
pub(super) fn with_parameters(path: &str) -> String {
    match path {
        "/api/takeovers/queue" => format!("{path}?job_type=specialist&job_id=1"),
        "/api/reports/trends" => format!("{path}?metric=inspections"),
        "/api/files" => format!("{path}?per_page=100&related_type=equipment&related_id=1"),
        _ => largest_page(path),
    }
}
