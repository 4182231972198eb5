//! One day of a daily list, from the routine to the last verdict.

use inspection_domain::users::{Role, User};
use inspection_testkit::{
    builders::{self, URGENT_REASON},
    clients::{Client, Response},
};
use serde_json::{Value, json};

use crate::{
    actors::at_once,
    site::{TestSite, on_both},
};

fn person(site: &TestSite, role: Role, name: &str, change: impl FnOnce(&mut Value)) -> User {
    builders::user_with(&site.db, &site.context, role, |body| {
        body["full_name"] = json!(name);
        body["shift"] = json!("day");
        change(body);
    })
}

/// The users of the day, by their role.
struct Staff {
    admin: User,
    engineer: User,
    mechanic: User,
    electrician: User,
    /// An admin by major role and an engineer by minor role. Receives each notification once.
    chief: User,
}

impl Staff {
    fn new(site: &TestSite) -> Self {
        Self {
            admin: person(site, Role::Admin, "Adam", |_| {}),
            engineer: person(site, Role::Engineer, "Eve", |_| {}),
            mechanic: person(site, Role::Inspector, "Mona", |_| {}),
            electrician: person(site, Role::Inspector, "Omar", |body| {
                body["specialization"] = json!("electrical");
                body["language"] = json!("ar");
            }),
            chief: person(site, Role::Admin, "Carl", |body| body["minor_role"] = json!("engineer")),
        }
    }
}

/// All notifications, oldest first: type, priority, English text, Arabic text.
fn notifications(client: &Client) -> Vec<(String, String, String, String)> {
    let answer = client.get("/api/notifications?per_page=100&lang=en");
    let text =
        |notification: &Value, field: &str| notification[field].as_str().unwrap_or_default().to_owned();
    let all = answer.data().as_array().expect("a list").iter().rev();
    all.map(|notification| {
        let text = |field| text(notification, field);
        (text("type"), text("priority"), text("message_en"), text("message_ar"))
    })
    .collect()
}

fn line(kind: &str, priority: &str, english: &str, arabic: &str) -> (String, String, String, String) {
    (kind.to_owned(), priority.to_owned(), english.to_owned(), arabic.to_owned())
}

fn statuses(answers: &[Response]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

fn counters(list: &Value) -> (&str, [i64; 3]) {
    let number = |field: &str| list[field].as_i64().expect("a number");
    let numbers = ["total_assets", "assigned_assets", "completed_assets"].map(number);
    (list["status"].as_str().expect("a status"), numbers)
}

on_both! {
    fn a_day_from_the_routine_to_the_rating(site: TestSite) {
        let staff = Staff::new(&site);
        let [admin, engineer, mechanic, electrician, chief] =
            [&staff.admin, &staff.engineer, &staff.mechanic, &staff.electrician, &staff.chief].map(|user| site.client(user));
        let (template, items) = builders::checklist(&site.db, &site.context, &staff.admin);
        let crane = |name: &str| {
            builders::equipment_with(&site.db, &site.context, |body| body["name"] = json!(name))
        };
        let [first, second] = [crane("Crane 1"), crane("Crane 2")];
        let machine = format!("/api/equipment/{}", first.id);

        // Plan.
        let routine = admin.post("/api/inspection-routines", &json!({
            "name": "Daily round", "asset_types": ["crane"], "shift": "day", "days_of_week": ["monday", 2],
            "template_id": template.id,
        }));
        assert_eq!((routine.status, &routine.data()["days_of_week"]), (201, &json!([0, 2])));
        let monday = json!({"target_date": "2026-03-02", "shift": "day"});
        let list = engineer.post("/api/inspection-assignments/lists/generate", &monday);
        assert_eq!((list.status, counters(list.data())), (201, ("generated", [2, 0, 0])));
        assert_eq!(engineer.post("/api/inspection-assignments/lists/generate", &monday).code(), "DUPLICATE");
        let tuesday = json!({"target_date": "2026-03-03", "shift": "day"});
        let empty = engineer.post("/api/inspection-assignments/lists/generate", &tuesday);
        assert_eq!((empty.status, empty.code()), (400, "RULE_VIOLATION"), "no routine runs on Tuesday");
        let list = format!("/api/inspection-assignments/lists/{}", list.id());
        let on_it = engineer.get(&list);
        assert_eq!(on_it.data()["assignments"][0]["equipment"]["name"], "Crane 1");
        assert_eq!(on_it.data()["assignments"][1]["berth"], "B1");
        let assignment = |n: usize| format!("/api/inspection-assignments/{}", on_it.data()["assignments"][n]["id"]);

        // Team.
        let assign = |n: usize, mechanical: &User, electrical: &User| {
            engineer.post(&format!("{}/assign", assignment(n)), &json!({
                "mechanical_inspector_id": mechanical.id, "electrical_inspector_id": electrical.id,
            }))
        };
        let swapped = assign(0, &staff.electrician, &staff.mechanic);
        assert_eq!((swapped.status, swapped.code()), (400, "RULE_VIOLATION"));
        assert_eq!(swapped.json["errors"], json!([
            {"field": "mechanical_inspector_id", "message": "is not of the mechanical trade"},
            {"field": "electrical_inspector_id", "message": "is not of the electrical trade"},
        ]));
        for n in [0, 1] {
            let assigned = assign(n, &staff.mechanic, &staff.electrician);
            assert_eq!((&assigned.data()["status"], &assigned.data()["deadline"]),
                (&json!("assigned"), &json!("2026-03-03T13:00:00.000Z")));
            assert_eq!(assigned.data()["electrical_inspector"]["full_name"], "Omar");
        }
        assert_eq!(counters(engineer.get(&list).data()), ("fully_assigned", [2, 2, 0]));
        let moved = engineer.put(&format!("{}/berth", assignment(1)), &json!({"berth": "B7"}));
        assert_eq!(moved.data()["berth"], "B7");
        let mine = electrician.get("/api/inspection-assignments/my-assignments?date=2026-03-02&status=assigned");
        assert_eq!((&mine.json["pagination"]["total"], &mine.data()[0]["mechanical_inspector"]["full_name"]),
            (&json!(2), &json!("Mona")));
        assert_eq!(engineer.get("/api/inspection-assignments/my-assignments").json["pagination"]["total"], 0);

        // Both inspectors work at the same time.
        let inspectors = [mechanic.clone(), electrician.clone()];
        let id_of = |n: usize| on_it.data()["assignments"][n]["id"].clone();
        assert_eq!(mechanic.get(&format!("/api/inspections/by-assignment/{}", id_of(0))).status, 404, "not started");
        let inspect = |n: usize, failing: Option<usize>| {
            let start = json!({"assignment_id": id_of(n)});
            let started = at_once(&inspectors, |_, client| client.post("/api/inspections/start", &start));
            assert_eq!(statuses(&started), [201, 201], "{started:?}");
            for (inspector, started) in inspectors.iter().zip(&started) {
                assert_eq!(started.data()["assignment_id"], id_of(n));
                let asked = started.data()["checklist_items"].as_array().expect("questions");
                assert_eq!(asked.len(), 4, "questions of the trade of the inspector and of both trades");
                assert_eq!(inspector.post("/api/inspections/start", &start).id(), started.id());
                let own = inspector.get(&format!("/api/inspections/by-assignment/{}", id_of(n)));
                assert_eq!(own.id(), started.id());
                let confirm = inspector.post(&format!("{}/complete", assignment(n)), &json!({}));
                assert_eq!(confirm.code(), "INVALID_STATE", "not submitted");
                let answers: Vec<Value> = items.iter().enumerate()
                    .filter(|(_, item)| asked.iter().any(|asked| asked["id"] == json!(item.id)))
                    .map(|(place, item)| builders::answer_body(place, item.id, failing == Some(place)))
                    .collect();
                inspector.post(&format!("/api/inspections/{}/answers", started.id()), &json!({"answers": answers})).data();
            }
            let early = admin.post(&format!("/api/assessments/create/{}", id_of(n)), &json!({}));
            assert_eq!(early.code(), "INVALID_STATE", "{}", early.text);
            let submitted = at_once(&inspectors, |n, client| {
                client.post(&format!("/api/inspections/{}/submit", started[n].id()), &json!({}))
            });
            assert_eq!(statuses(&submitted), [200, 200], "{submitted:?}");
            let confirm = || mechanic.post(&format!("{}/complete", assignment(n)), &json!({}));
            assert_eq!((&confirm().data()["status"], confirm().status), (&json!("assessment_pending"), 200));
            let found = admin.post(&format!("/api/assessments/create/{}", id_of(n)), &json!({}));
            assert_eq!((found.status, &found.data()["status"]), (200, &json!("pending")));
            (format!("/api/assessments/{}", found.id()), started.iter().map(Response::id).collect::<Vec<_>>())
        };
        // Only the mechanical half fails, at a question of its own trade.
        let (urgent, inspections) = inspect(0, Some(builders::PASS_FAIL));
        let (harmless, _) = inspect(1, None);
        assert_eq!(engineer.post("/api/inspections/start", &json!({"assignment_id": id_of(0)})).status, 403);

        // Verdicts.
        let verdict = |client: &Client, path: &str, body: Value| client.post(&format!("{path}/verdict"), &body);
        let waiting = |client: &Client| client.get("/api/assessments/pending").json["pagination"]["total"].clone();
        assert_eq!((waiting(&mechanic), waiting(&admin)), (json!(2), json!(0)));
        let short = verdict(&electrician, &urgent, json!({"verdict": "urgent", "urgent_reason": "it smells"}));
        assert_eq!((short.code(), short.fields()), ("VALIDATION_ERROR", vec!["urgent_reason"]));
        assert_eq!(verdict(&admin, &urgent, json!({"verdict": "operational"})).status, 403);
        let one = verdict(&electrician, &urgent, json!({"verdict": "urgent", "urgent_reason": URGENT_REASON}));
        assert_eq!((&one.data()["status"], &one.data()["equipment"]["status"]), (&json!("pending"), &json!("stopped")));
        assert_eq!((&one.data()["mech_verdict"], &one.data()["elec_verdict"], &one.data()["final_status"]),
            (&json!(null), &json!("urgent"), &json!(null)));
        assert_eq!(one.data()["urgent_reason"], URGENT_REASON, "the one that counts");
        assert_eq!(verdict(&electrician, &urgent, json!({"verdict": "operational"})).code(), "INVALID_STATE");
        assert_eq!(admin.get(&machine).data()["status"], "stopped", "before the other verdict");
        let both = verdict(&mechanic, &urgent, json!({"verdict": "operational"}));
        assert_eq!((&both.data()["final_status"], &both.data()["resolved_by"]), (&json!("urgent"), &json!("safety_rule")));
        assert_eq!(counters(engineer.get(&list).data()), ("fully_assigned", [2, 2, 1]));
        for client in [&mechanic, &electrician] {
            verdict(client, &harmless, json!({"verdict": "operational"})).data();
        }
        let agreed = engineer.get(&harmless);
        assert_eq!((&agreed.data()["final_status"], &agreed.data()["resolved_by"]), (&json!("operational"), &json!("agreement")));
        assert_eq!(counters(engineer.get(&list).data()), ("completed", [2, 2, 2]));
        assert_eq!(waiting(&mechanic), 0);
        let points = |user: &User| {
            let user = admin.get(&format!("/api/users/{}", user.id));
            (user.data()["total_points"].as_i64(), user.data()["inspector_points"].as_i64())
        };
        assert_eq!((points(&staff.mechanic), points(&staff.electrician)), ((Some(2), Some(2)), (Some(2), Some(2))));

        // Repeated decisions of admins.
        let decide = |client: &Client, decision: &str| {
            let body = json!({"decision": decision, "notes": format!("{decision}, I looked at it")});
            client.post(&format!("{urgent}/admin-resolve"), &body)
        };
        assert_eq!(decide(&engineer, "operational").status, 403);
        let missing = admin.post(&format!("{urgent}/admin-resolve"), &json!({}));
        assert_eq!(missing.fields(), ["decision", "notes"]);
        for (decision, status) in [("operational", "active"), ("urgent", "stopped"), ("urgent", "stopped"), ("operational", "active")] {
            let decided = decide(&admin, decision);
            assert_eq!((&decided.data()["final_status"], &decided.data()["resolved_by"], &decided.data()["equipment"]["status"]),
                (&json!(decision), &json!("admin"), &json!(status)));
            let notes = json!(format!("{decision}, I looked at it"));
            assert_eq!((&decided.data()["admin_decision_notes"], &decided.data()["admin_decision_by"]), (&notes, &decided.data()["admin"]["id"]));
            assert_eq!(decided.data()["urgent_reason"], if decision == "urgent" { notes } else { json!(null) });
            assert!(decided.data()["finalized_at"].is_string() && decided.data()["inspection_assignment_id"].is_number());
        }
        assert_eq!((points(&staff.mechanic), points(&staff.electrician)), ((Some(2), Some(2)), (Some(2), Some(2))));
        assert_eq!(counters(engineer.get(&list).data()), ("completed", [2, 2, 2]));

        // Rating.
        let rate = format!("/api/ratings/inspections/{}", inspections[0]);
        let rated = admin.post(&rate, &json!({"rating": 5, "comment": "thorough", "admin_quality_bonus": 6}));
        assert_eq!((rated.status, &rated.data()["technician_id"]), (201, &json!(staff.mechanic.id)));
        assert_eq!(admin.post(&rate, &json!({"rating": 4})).code(), "DUPLICATE");
        assert_eq!(admin.put(&rate, &json!({"rating": 3, "admin_quality_bonus": 2})).data()["comment"], "thorough");
        assert_eq!(admin.put(&rate, &json!({"rating": 6, "admin_quality_bonus": 11})).fields(), ["rating", "admin_quality_bonus"]);
        assert_eq!(points(&staff.mechanic), (Some(4), Some(4)));
        let record = admin.get(&format!("/api/ratings/technicians/{}", staff.mechanic.id));
        assert_eq!((&record.data()["total_ratings"], &record.data()["average_rating"]), (&json!(1), &json!(3.0)));
        let ledger = mechanic.get(&format!("/api/users/{}/points", staff.mechanic.id));
        let entries: Vec<_> = ledger.data().as_array().expect("entries").iter()
            .map(|entry| (entry["kind"].as_str().expect("a kind"), entry["amount"].as_i64().expect("an amount"))).collect();
        assert_eq!(entries, [("quality_bonus", -4), ("quality_bonus", 6), ("assessment", 1), ("assessment", 1)]);
        assert_eq!(site.db.read(inspection_testkit::ledger::mismatches).expect("read"), []);

        // Notifications.
        let assigned = |n: u8, partner: &str| line("inspection_assigned", "info",
            &format!("You are assigned to inspect Crane {n} on 2026-03-02, with {partner}."),
            &format!("أنت مكلّف بفحص Crane {n} بتاريخ 2026-03-02 مع {partner}."));
        let asked = |n: u8| line("assessment_required", "urgent",
            &format!("Both inspections of Crane {n} are complete: is it operational, or urgent?"),
            &format!("اكتمل فحصا Crane {n}: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟"));
        let rated = |rating: u8| line("inspection_rated", "info",
            &format!("Your inspection of Crane 1 was rated {rating} of 5."),
            &format!("تم تقييم فحصك لـ Crane 1 بدرجة {rating} من 5."));
        let defect = line("defect_created", "warning",
            "Crane 1: Failed: Are the brakes sound? (due 2026-03-09)",
            "Crane 1: فشل: هل الفرامل سليمة؟ (موعد الإصلاح 2026-03-09)");
        let stopped = |reason: &str| line("equipment_stopped", "critical",
            &format!("Crane 1 was stopped for safety: {reason}"),
            &format!("تم إيقاف Crane 1 لدواعي السلامة: {reason}"));
        assert_eq!(notifications(&mechanic), [assigned(1, "Omar"), assigned(2, "Omar"), defect, asked(1), asked(2), rated(5), rated(3)]);
        assert_eq!(notifications(&electrician), [assigned(1, "Mona"), assigned(2, "Mona"), asked(1), asked(2)]);
        let stops = [stopped(URGENT_REASON), stopped("urgent, I looked at it")];
        assert_eq!(notifications(&engineer), stops);
        for client in [&admin, &chief] {
            let received = notifications(client);
            let submitted = received.iter().filter(|line| line.0 == "inspection_submitted").count();
            assert_eq!((submitted, received.len()), (4, 6), "{received:?}");
            assert!(received.contains(&line("inspection_submitted", "info",
                "Mona submitted the inspection of Crane 1: fail.", "قدّم Mona فحص Crane 1: غير مطابق.")));
            assert_eq!(received.iter().filter(|line| line.0 == "equipment_stopped").cloned().collect::<Vec<_>>(), stops);
        }
        let inbox = electrician.get("/api/notifications?type=inspection_assigned");
        assert_eq!(inbox.data()[0]["title"], "تم تكليفك بفحص", "in the reader's language");
        let inbox = engineer.get("/api/notifications");
        let path = format!("/api/notifications/{}", inbox.data()[0]["id"]);
        assert_eq!(engineer.delete(&path).code(), "RULE_VIOLATION", "persistent and unread");
        engineer.post(&format!("{path}/read"), &json!({})).data();
        assert_eq!(engineer.delete(&path).status, 200);
        assert_eq!(admin.get("/api/notifications?type=equipment_stopped").data()[0]["action_url"],
            format!("/assessments/{}", urgent.rsplit('/').next().expect("an id")));

        // Status history of the machine.
        let history = admin.get(&format!("{machine}/history?per_page=100"));
        let changes: Vec<_> = history.data().as_array().expect("events").iter().rev()
            .filter(|event| event["kind"] == "status_change")
            .map(|event| event["status_change"]["to_status"].as_str().expect("a status")).collect();
        assert_eq!(changes, ["active", "stopped", "active", "stopped", "active"]);
        let second = admin.get(&format!("/api/equipment/{}", second.id));
        assert_eq!(second.data()["status"], "active");
    }
}
