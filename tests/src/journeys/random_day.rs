//! Three random days at the site: two phones with wrong clocks that send their batches again, the
//! office online, repairs, and a clock that jumps. At the end of each, no answer is lost, no defect
//! is doubled, points equal their ledger, no repair continues behind a settled defect, and those
//! who act on the evidence can read it.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use inspection_domain::{
    tasks::TaskName,
    time::Instant,
    users::{Role, User},
};
use inspection_persistence::tasks;
use inspection_testkit::{DatabaseKind, builders, clients::Client, files::png, ledger, or_skip};
use serde_json::{Value, json};

use crate::{
    actors::{Actor, ok},
    site::TestSite,
};

/// The fields of an answer that a phone has sent.
type Fields = BTreeMap<String, Value>;

/// Milliseconds.
const TWO_HOURS: i64 = 2 * 60 * 60 * 1000;
const THREE_YEARS: i64 = 3 * 365 * 24 * 60 * 60 * 1000;

/// An inspection that a phone has begun.
struct Draft {
    /// The id of the item that began it.
    named: String,
    /// The assignment; none of an inspection of a machine without one.
    assignment: Option<i64>,
    /// The questions, as places in the checklist.
    places: Vec<usize>,
    is_handed_in: bool,
}

/// A phone with the items that it has not sent yet.
struct Phone {
    inspector: Actor,
    /// Milliseconds by which its clock is fast.
    ahead: i64,
    places: Vec<usize>,
    queue: Vec<Value>,
    drafts: Vec<Draft>,
    /// The inspections by the ids of the items that began them.
    begun: BTreeMap<String, i64>,
    /// The answers that the service has taken, by inspection and question.
    taken: BTreeMap<(i64, i64), Fields>,
}

/// A site on a random day.
struct RandomDay {
    site: TestSite,
    rng: Rng,
    admin: Actor,
    engineer: Actor,
    specialists: [Actor; 2],
    qe: Actor,
    phones: [Phone; 2],
    questions: Vec<i64>,
    machines: Vec<i64>,
    assignments: Vec<i64>,
    /// Number of items of the phones.
    items: usize,
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("not a number: {value}"))
}

fn rows(client: &Client, path: &str) -> Vec<Value> {
    let answer = client.get(path);
    assert!(answer.json["pagination"]["total"].as_i64() <= Some(100), "more than one page of {path}");
    answer.data().as_array().expect("a list").clone()
}

impl RandomDay {
    fn begin(site: TestSite, seed: u64) -> Self {
        let (db, context) = (&site.db, &site.context);
        let person = |role| Actor { user: site.user(role) };
        let (admin, engineer, qe) =
            (person(Role::Admin), person(Role::Engineer), person(Role::QualityEngineer));
        let specialists = [person(Role::Specialist), person(Role::Specialist)];
        let (template, questions) = builders::checklist(db, context, &admin.user);
        builders::routine(db, context, &admin.user, template.id);
        let machines = (0..2).map(|_| builders::equipment(db, context).id.get()).collect();
        let team = builders::team(db, context);
        let (_, listed) = builders::generated(db, context, &engineer.user);
        for assignment in &listed {
            builders::assigned(db, context, &engineer.user, assignment.id, &team);
        }
        let phone = |user: &User, other: usize, ahead| Phone {
            inspector: Actor { user: user.clone() },
            ahead,
            places: (0..questions.len()).filter(|place| *place != other).collect(),
            queue: Vec::new(),
            drafts: Vec::new(),
            begun: BTreeMap::new(),
            taken: BTreeMap::new(),
        };
        let phones = [
            phone(&team.mechanical, builders::YES_NO, TWO_HOURS),
            phone(&team.electrical, builders::PASS_FAIL, -THREE_YEARS),
        ];
        Self {
            rng: Rng::with_seed(seed),
            admin,
            engineer,
            specialists,
            qe,
            phones,
            questions: questions.iter().map(|item| item.id.get()).collect(),
            machines,
            assignments: listed.iter().map(|assignment| assignment.id.get()).collect(),
            items: 0,
            site,
        }
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.rng.usize(..one_in) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.rng.usize(..from.len())].clone())
    }

    /// A request that may be refused, and that may be sent twice with one key.
    fn attempt(&mut self, client: &Client, path: &str, body: Value) {
        self.items += 1;
        let client = client.with_header("idempotency-key", &format!("request-{}", self.items));
        let answer = client.post(path, &body);
        assert!(answer.status < 500, "{path}: {}", answer.text);
        if self.chance(5) {
            let again = client.post(path, &body);
            if answer.status < 300 {
                assert_eq!(
                    (again.status, &again.json["data"]),
                    (answer.status, &answer.json["data"]),
                    "{path}"
                );
            }
        }
    }

    /// The time by the clock of a phone, plus these milliseconds.
    fn time_of(&self, phone: usize, plus: i64) -> String {
        let now = self.site.context.clock.now().as_millisecond();
        let shown = Instant::from_millisecond(now + self.phones[phone].ahead + plus);
        shown.expect("an instant").to_string()
    }

    fn queue(&mut self, phone: usize, kind: &str, data: Value) -> String {
        self.items += 1;
        let id = format!("0f8fad5b-d9cb-469f-a165-{:012}", self.items);
        // No two actions of a phone have the same time.
        let earlier = i64::try_from(self.items).expect("a number") - 100_000;
        let occurred_at = self.time_of(phone, earlier);
        self.phones[phone].queue.push(json!({
            "client_id": id, "entity_type": kind, "entity_data": data, "occurred_at": occurred_at,
        }));
        id
    }

    fn start(&mut self, phone: usize) {
        let of_assignment = self.chance(2);
        let places = if of_assignment { self.phones[phone].places.clone() } else { (0..5).collect() };
        let (assignment, data) = if of_assignment {
            let id = self.pick(&self.assignments.clone()).expect("an assignment");
            if self.phones[phone].drafts.iter().any(|draft| draft.assignment == Some(id)) {
                return;
            }
            (Some(id), json!({"assignment_id": id}))
        } else {
            let machine = self.pick(&self.machines.clone()).expect("a machine");
            (None, json!({"equipment_id": machine}))
        };
        let named = self.queue(phone, "inspection_start", data);
        self.phones[phone].drafts.push(Draft { named, assignment, places, is_handed_in: false });
    }

    /// Answers a question: a verdict, a photo, a remark, or some of them.
    fn answer(&mut self, phone: usize, draft: usize, place: usize) {
        let Draft { named, .. } = &self.phones[phone].drafts[draft];
        let mut data = json!({"inspection_id": named, "checklist_item_id": self.questions[place]});
        let id = inspection_domain::ids::ItemId::new(self.questions[place]).expect("an id");
        let fails = self.chance(3);
        if !self.chance(4) {
            data["answer_value"] = builders::answer_body(place, id, fails)["answer_value"].clone();
        }
        if self.chance(3) {
            data["comment"] = json!(format!("Remark {}.", self.items));
        }
        if self.chance(3) {
            let client = self.site.client(&self.phones[phone].inspector.user);
            data["photo_file_id"] = json!(client.upload(&[], "photo.png", "image/png", &png(8, 8)).id());
        }
        if data.as_object().expect("fields").len() > 2 {
            self.queue(phone, "inspection_answer", data);
        }
    }

    /// Answers what is open on the phone, with a photo each, and hands the inspection in.
    fn hand_in(&mut self, phone: usize, draft: usize) {
        for place in self.phones[phone].drafts[draft].places.clone() {
            let named = self.phones[phone].drafts[draft].named.clone();
            let id = inspection_domain::ids::ItemId::new(self.questions[place]).expect("an id");
            let fails = self.chance(3);
            let client = self.site.client(&self.phones[phone].inspector.user);
            let photo = client.upload(&[], "photo.png", "image/png", &png(8, 8)).id();
            let value = builders::answer_body(place, id, fails)["answer_value"].clone();
            let data = json!({"inspection_id": named, "checklist_item_id": id, "answer_value": value, "photo_file_id": photo});
            self.queue(phone, "inspection_answer", data);
        }
        let named = self.phones[phone].drafts[draft].named.clone();
        self.queue(phone, "inspection_submit", json!({"inspection_client_id": named}));
        self.phones[phone].drafts[draft].is_handed_in = true;
    }

    /// Sends what the phone has recorded, again if the response is lost.
    fn send(&mut self, phone: usize) {
        let items = std::mem::take(&mut self.phones[phone].queue);
        if items.is_empty() {
            return;
        }
        let client = self.site.client(&self.phones[phone].inspector.user);
        let sent_at = self.time_of(phone, 0);
        let send = |items: &[Value]| {
            let answer = client.post("/api/sync/batch", &json!({"items": items, "sent_at": sent_at}));
            answer.data()["results"].as_array().expect("results").clone()
        };
        let mut results = send(&items);
        if self.chance(3) {
            let from = self.rng.usize(..items.len());
            for (first, again) in results[from..].iter_mut().zip(send(&items[from..])) {
                // A refusal may have healed; nothing else is carried out again.
                if first["outcome"] == "rejected" {
                    *first = again;
                    continue;
                }
                assert_ne!(again["outcome"], "applied", "applied twice: {again}");
                assert_eq!(again["result"], first["result"], "the first outcome");
            }
        }
        let taken = |(_, result): &(&Value, &Value)| result["outcome"] == "applied";
        for (item, result) in items.iter().zip(&results).filter(taken) {
            let (phone, data) = (&mut self.phones[phone], &item["entity_data"]);
            let name = item["client_id"].as_str().expect("an id").to_owned();
            match item["entity_type"].as_str() {
                Some("inspection_start") => {
                    let id = number(result.pointer("/result/data/id").unwrap_or(&result["result"]["id"]));
                    phone.begun.insert(name, id);
                }
                Some("inspection_answer") => {
                    let inspection = phone.begun[data["inspection_id"].as_str().expect("a name")];
                    let given =
                        phone.taken.entry((inspection, number(&data["checklist_item_id"]))).or_default();
                    for (field, value) in data.as_object().expect("fields") {
                        given.insert(field.clone(), value.clone());
                    }
                }
                _ => {}
            }
        }
    }

    fn inspect(&mut self) {
        let phone = self.rng.usize(..2);
        let open: Vec<usize> = self.phones[phone]
            .drafts
            .iter()
            .enumerate()
            .filter(|(_, draft)| !draft.is_handed_in)
            .map(|(n, _)| n)
            .collect();
        match (self.pick(&open), self.rng.usize(..4)) {
            (None, _) | (_, 0) => self.start(phone),
            (Some(draft), 1) => self.hand_in(phone, draft),
            (Some(draft), _) => {
                let place = self.pick(&self.phones[phone].drafts[draft].places.clone()).expect("a question");
                self.answer(phone, draft, place);
            }
        }
    }

    fn give_verdict(&mut self) {
        let phone = self.rng.usize(..2);
        let assignment = self.pick(&self.assignments.clone()).expect("an assignment");
        let is_urgent = self.chance(3);
        let verdict = if is_urgent {
            json!({"assignment_id": assignment, "verdict": "urgent", "reason": builders::URGENT_REASON})
        } else {
            json!({"assignment_id": assignment, "verdict": "operational"})
        };
        self.queue(phone, "assessment_verdict", verdict);
    }

    /// A decision of the office about a defect.
    fn decide(&mut self) {
        let defects = rows(&self.admin.client(&self.site), "/api/defects?per_page=100");
        if let Some(defect) = self.pick(&defects) {
            self.decide_on(&format!("/api/defects/{}", defect["id"]));
        }
    }

    fn decide_on(&mut self, path: &str) {
        let (admin, engineer) = (self.admin.client(&self.site), self.engineer.client(&self.site));
        let specialist = self.rng.usize(..2);
        let specialist = self.specialists[specialist].user.id;
        match self.rng.usize(..10) {
            0..=4 => self.attempt(
                &engineer,
                &format!("{path}/assign-specialist"),
                json!({"specialist_id": specialist}),
            ),
            5 => {
                self.attempt(
                    &engineer,
                    &format!("{path}/resolve"),
                    json!({"resolution_notes": "Tightened."}),
                );
            }
            6 => self.attempt(&engineer, &format!("{path}/false-alarm"), json!({"reason": "A shadow."})),
            7 => self.attempt(&admin, &format!("{path}/reopen"), json!({"reason": "It leaks."})),
            8 => self.attempt(&admin, &format!("{path}/close"), json!({})),
            _ => {
                let pauses = rows(&admin, "/api/jobs/pauses/pending?per_page=100");
                if let Some(pause) = self.pick(&pauses) {
                    let path = format!("/api/jobs/pauses/{}/approve", pause["id"]);
                    self.attempt(&engineer, &path, json!({}));
                }
                let reviews = rows(&admin, "/api/quality-reviews?status=rejected&per_page=100");
                if let Some(review) = self.pick(&reviews) {
                    let is_valid = self.chance(2);
                    let path = format!("/api/quality-reviews/{}/validate", review["id"]);
                    self.attempt(&admin, &path, json!({"is_valid": is_valid, "notes": "Seen."}));
                }
            }
        }
    }

    /// A step of a specialist or of the quality engineer.
    fn repair(&mut self) {
        if self.chance(5) {
            let qe = self.qe.client(&self.site);
            let pending = rows(&qe, "/api/quality-reviews/pending?per_page=100");
            if let Some(review) = self.pick(&pending) {
                self.review(&qe, &format!("/api/quality-reviews/{}", review["id"]));
            }
        } else {
            let who = self.rng.usize(..2);
            let client = self.specialists[who].client(&self.site);
            let jobs = rows(&client, "/api/jobs?per_page=100");
            let live: Vec<Value> = jobs.into_iter().filter(is_live).collect();
            if let Some(job) = self.pick(&live) {
                self.work(&client, &job);
            }
        }
    }

    fn review(&mut self, qe: &Client, path: &str) {
        if self.chance(2) {
            self.attempt(qe, &format!("{path}/approve"), json!({"rating": 4, "notes": "Sound."}));
        } else {
            let reason = "The cover is loose, and oil drips.";
            self.attempt(qe, &format!("{path}/reject"), json!({"category": "other", "reason": reason}));
        }
    }

    fn work(&mut self, client: &Client, job: &Value) {
        let path = format!("/api/jobs/{}", job["id"]);
        match (job["status"].as_str(), self.rng.usize(..6)) {
            (_, 0) if job["code"].is_null() => {
                let verdict = if self.chance(3) { "reject" } else { "confirm" };
                let body = json!({"defect_id": job["defect_id"], "verdict": verdict, "technical_notes": "As described."});
                self.attempt(client, "/api/defect-assessments", body);
            }
            (Some("assigned"), _) if !job["code"].is_null() => {
                self.attempt(client, &format!("{path}/planned-time"), json!({"hours": 2}));
            }
            (Some("assigned"), _) => self.attempt(client, &format!("{path}/start"), json!({})),
            (Some("paused"), _) => {
                let history = client.get(&format!("{path}/pause-history"));
                let open = history.data().as_array().and_then(|all| all.first().cloned());
                if let Some(pause) = open {
                    self.attempt(client, &format!("/api/jobs/pauses/{}/resume", pause["id"]), json!({}));
                }
            }
            (_, 1) => self.attempt(client, &format!("{path}/pause"), json!({"reason_category": "parts"})),
            (_, 2) => self.attempt(
                client,
                &format!("{path}/incomplete"),
                json!({"reason": "There is no such part."}),
            ),
            _ => self.attempt(
                client,
                &format!("{path}/complete"),
                json!({"work_notes": "Changed the worn part."}),
            ),
        }
    }

    fn step(&mut self) {
        match self.rng.usize(..20) {
            0..=7 => self.inspect(),
            8..=10 => {
                let phone = self.rng.usize(..2);
                self.send(phone);
            }
            11..=13 => self.decide(),
            14..=17 => self.repair(),
            18 => self.give_verdict(),
            _ => {
                let seconds = self.rng.i64(60..4 * 60 * 60);
                self.site.clock.advance_seconds(seconds);
            }
        }
    }

    /// Lets the night pass, with its tasks, and plans the next day for the same team. What the
    /// phones have not sent stays on them.
    fn next_day(&mut self) {
        let (db, context) = (&self.site.db, &self.site.context);
        let day = context.today().plus_days(1);
        self.site.clock.set(&context.calendar.start_of_working_day(day).to_string());
        for task in TaskName::ALL {
            tasks::run_now(db, context, "night", *task).expect("a run");
        }
        let engineer = self.engineer.client(&self.site);
        let body = json!({"target_date": day.to_string(), "shift": "day", "refresh": true});
        let list = engineer.post("/api/inspection-assignments/lists/generate", &body);
        if list.code() == "RULE_VIOLATION" {
            return;
        }
        let list = engineer.get(&format!("/api/inspection-assignments/lists/{}", list.id())).data().clone();
        let open = list["assignments"].as_array().expect("assignments").iter();
        let open: Vec<i64> = open.map(|assignment| number(&assignment["id"])).collect();
        let [mechanical, electrical] = &self.phones;
        let body = json!({
            "assignment_ids": open, "mechanical_inspector_id": mechanical.inspector.user.id,
            "electrical_inspector_id": electrical.inspector.user.id,
        });
        ok(&engineer, "/api/inspection-assignments/batch", body);
        self.assignments.extend(open);
    }

    fn check(&self) {
        let admin = self.admin.client(&self.site);
        let defects = rows(&admin, "/api/defects?per_page=100");
        self.check_answers(&admin, &defects);
        let mut questions = BTreeSet::new();
        for defect in defects.iter().filter(|defect| is_unresolved(defect)) {
            let is_first = questions.insert((number(&defect["equipment_id"]), number(&defect["lineage"])));
            assert!(is_first, "a second unresolved defect of its machine and question: {defect}");
        }
        let jobs = rows(&admin, "/api/jobs?per_page=100");
        let mut in_work = BTreeSet::new();
        for job in &jobs {
            let defect = defects.iter().find(|defect| defect["id"] == job["defect_id"]).expect("its defect");
            assert!(is_unresolved(defect) || !is_live(job), "a repair behind a settled defect: {job}");
            // A repair that was left incomplete waits for another owner, and its machine with it.
            let waits = job["status"] == "incomplete" && is_unresolved(defect);
            if waits || is_live(job) && job["has_planned_time"] == true {
                in_work.insert(number(&defect["equipment_id"]));
            }
        }
        for machine in rows(&admin, "/api/equipment?per_page=100") {
            let is_in_work = in_work.contains(&number(&machine["id"]));
            assert!(machine["status"] != "under_maintenance" || is_in_work, "no repair of {machine}");
        }
        self.check_evidence(&defects, &jobs);
        let mismatches = self.site.db.read(ledger::mismatches).expect("the ledger");
        assert_eq!(mismatches, [], "points that differ from their ledger");
    }

    /// Every answer that was taken is there, and each failed one of a submission is a finding.
    fn check_answers(&self, admin: &Client, defects: &[Value]) {
        for ((inspection, question), given) in self.phones.iter().flat_map(|phone| &phone.taken) {
            let shown = admin.get(&format!("/api/inspections/{inspection}"));
            let answers = shown.data()["answers"].as_array().expect("answers");
            let answer = answers.iter().find(|answer| answer["checklist_item_id"] == json!(question));
            let answer = answer.unwrap_or_else(|| panic!("lost: {given:?}"));
            for (field, value) in given.iter().filter(|(field, _)| field.as_str() != "inspection_id") {
                let is_equal = answer[field] == *value
                    || answer[field].as_str().is_some_and(|text| value.as_f64() == text.parse().ok());
                assert!(is_equal, "{field} of {answer} is not {value}");
            }
        }
        let mut failed = BTreeSet::new();
        for inspection in rows(admin, "/api/inspections?status=submitted,reviewed&per_page=100") {
            let shown = admin.get(&format!("/api/inspections/{}", inspection["id"]));
            let answers = shown.data()["answers"].as_array().expect("answers").iter();
            let of = |answer: &Value| (number(&inspection["id"]), number(&answer["checklist_item_id"]));
            failed.extend(answers.filter(|answer| answer["is_failed"] == true).map(of));
        }
        let mut found = BTreeSet::new();
        for defect in defects {
            let findings = rows(admin, &format!("/api/defects/{}/occurrences?per_page=100", defect["id"]));
            assert_eq!(json!(findings.len()), defect["occurrence_count"], "{defect}");
            for finding in findings {
                let of = (number(&finding["inspection_id"]), number(&finding["checklist_item_id"]));
                assert!(found.insert(of), "found twice: {finding}");
            }
        }
        assert_eq!(found, failed, "the findings are the failed answers");
    }

    /// The office, the inspectors and the owner of the repair can read the photos of findings.
    fn check_evidence(&self, defects: &[Value], jobs: &[Value]) {
        let admin = self.admin.client(&self.site);
        for defect in defects.iter().filter(|defect| is_unresolved(defect)) {
            let mut readers =
                vec![&self.engineer, &self.qe, &self.phones[0].inspector, &self.phones[1].inspector];
            let owners =
                jobs.iter().filter(|job| job["defect_id"] == defect["id"] && job["has_planned_time"] == true);
            let owners: Vec<&Value> = owners.map(|job| &job["specialist_id"]).collect();
            readers.extend(self.specialists.iter().filter(|person| owners.contains(&&json!(person.user.id))));
            let findings = rows(&admin, &format!("/api/defects/{}/occurrences?per_page=100", defect["id"]));
            for photo in
                findings.iter().map(|finding| &finding["answer"]["photo_file_id"]).filter(|id| !id.is_null())
            {
                for reader in &readers {
                    let seen = self.site.client(&reader.user).get(&format!("/api/files/{photo}"));
                    assert_eq!(seen.status, 200, "{}: {}", reader.user.role, seen.text);
                }
            }
        }
    }
}

fn is_live(job: &Value) -> bool {
    matches!(job["status"].as_str(), Some("assigned" | "in_progress" | "paused"))
}

fn is_unresolved(defect: &Value) -> bool {
    matches!(defect["status"].as_str(), Some("open" | "in_progress"))
}

fn random_days(kind: DatabaseKind, seeds: std::ops::Range<u64>) {
    let (mut found_again, mut repaired) = (0, 0);
    for seed in seeds {
        let mut day = RandomDay::begin(or_skip!(TestSite::start(kind)), seed);
        for steps in [160, 80, 80] {
            for _ in 0..steps {
                day.step();
            }
            for phone in 0..2 {
                day.send(phone);
            }
            day.check();
            day.next_day();
        }
        let admin = day.admin.client(&day.site);
        let defects = rows(&admin, "/api/defects?per_page=100");
        found_again += defects.iter().filter(|defect| number(&defect["occurrence_count"]) > 1).count();
        repaired += rows(&admin, "/api/jobs?status=completed,qc_approved&per_page=100").len();
    }
    assert!(found_again > 0 && repaired > 0, "the days were empty: {found_again} {repaired}");
}

#[test]
fn random_days_lose_nothing_sqlite() {
    random_days(DatabaseKind::Sqlite, 0..6);
}

#[test]
fn random_days_lose_nothing_postgres() {
    random_days(DatabaseKind::Postgres, 100..103);
}
