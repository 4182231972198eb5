//! Every operation of the API document, called without a session and with every role.

use std::collections::BTreeSet;

use inspection_domain::users::{Role, User};
use inspection_persistence::{Tx, holidays, inspections, jobs, notifications, ratings, schedules, users};
use inspection_testkit::{
    DatabaseKind,
    builders::{self, act, input},
    clients::{Client, FormFile, Response},
    files::png,
};
use serde_json::{Value, json};

use crate::{bad_input::required_body, site::TestSite};

mod people;
mod workshop;

use workshop::Prepared;

struct Operation {
    method: &'static str,
    path: &'static str,
    who: Vec<&'static str>,
}

/// The expected permissions, from `operations.tsv`.
fn table() -> Vec<Operation> {
    let rows = include_str!("operations.tsv").lines().skip(1);
    rows.map(|row| {
        let columns: Vec<_> = row.split('\t').collect();
        Operation { method: columns[0], path: columns[1], who: columns[2].split(',').collect() }
    })
    .collect()
}

impl Operation {
    fn is_public(&self) -> bool {
        self.who == ["public"]
    }

    fn allows(&self, role: Role) -> bool {
        let letter = match role {
            Role::Admin => "A",
            Role::Inspector => "I",
            Role::Specialist => "S",
            Role::Engineer => "E",
            Role::QualityEngineer => "Q",
        };
        self.who.contains(&"*") || self.who.contains(&letter)
    }

    /// Whether the operation knows `If-Match`.
    fn has_condition(&self, document: &Value) -> bool {
        let operation = &document["paths"][self.path][self.method.to_lowercase()];
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters.any(|parameter| parameter["name"] == "If-Match")
    }

    fn is_own(&self) -> bool {
        self.who.iter().any(|who| matches!(*who, "own" | "self"))
    }
}

/// Objects of one inspector, and a valid body for each operation.
struct PermissionFixture {
    site: TestSite,
    owner: User,
    machine: i64,
    checklist: i64,
    item: i64,
    fresh_checklist: i64,
    fresh_item: i64,
    draft: i64,
    submitted: i64,
    open_defect: i64,
    resolved_defect: i64,
    notification: i64,
    routine: i64,
    list: i64,
    free_assignment: i64,
    done_assignment: i64,
    assessment: i64,
    rated: i64,
    schedule: i64,
    holiday: i64,
    partner: i64,
    file: i64,
    /// Objects that were created for one operation.
    prepared: Option<Prepared>,
}

impl PermissionFixture {
    fn new() -> Self {
        let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
        let admin = site.user(Role::Admin);
        // A second admin, so that the first is not the last.
        site.user(Role::Admin);
        let team = builders::team(&site.db, &site.context);
        let owner = team.mechanical.clone();
        let (template, items) = builders::checklist(&site.db, &site.context, &admin);
        let (fresh, fresh_items) = builders::checklist_with(&site.db, &site.context, &admin, |body| {
            body["equipment_type"] = json!("pump");
        });
        let machine = builders::equipment(&site.db, &site.context);
        let (routine, _) = builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        let (list, on_it) = builders::generated(&site.db, &site.context, &admin);
        builders::assigned(&site.db, &site.context, &admin, on_it[1].id, &team);
        let assessment = builders::assessment(&site.db, &site.context, &team, on_it[1].id);
        let schedule = input(json!({"equipment_id": machine.id, "day_of_week": 0}));
        let (schedule, _) =
            act(&site.db, &site.context, &admin, |tx| schedules::create(tx, &schedule)).expect("planned");
        let holiday = input(json!({"date": "2026-03-30", "name": "Spring holiday"}));
        let holiday =
            act(&site.db, &site.context, &admin, |tx| holidays::create(tx, holiday)).expect("a holiday");
        let (rated, _) = builders::submitted(&site.db, &site.context, &owner, &machine, &[]);
        act(&site.db, &site.context, &admin, |tx| ratings::rate(tx, rated.id, input(json!({"rating": 3}))))
            .expect("rated");
        let (submitted, found) = builders::submitted(&site.db, &site.context, &owner, &machine, &[0, 2]);
        let resolution = input(json!({"resolution_notes": "tightened"}));
        act(&site.db, &site.context, &owner, |tx| jobs::resolve_defect(tx, found[1].id, resolution))
            .expect("resolved");
        let sheet = builders::answered(&site.db, &site.context, &owner, &machine, &[]);
        let inbox = site.db.read(|conn| {
            let page = inspection_domain::page::PageRequest::first(1);
            notifications::list(conn, owner.id, &input(json!({})), page)
        });
        let file = site.client(&owner).upload(&[], "photo.png", "image/png", &png(20, 20));
        Self {
            machine: machine.id.get(),
            checklist: template.id.get(),
            item: items[0].id.get(),
            fresh_checklist: fresh.id.get(),
            fresh_item: fresh_items[0].id.get(),
            draft: sheet.inspection.id.get(),
            submitted: submitted.id.get(),
            open_defect: found[0].id.get(),
            resolved_defect: found[1].id.get(),
            notification: inbox.expect("read").items[0].id.get(),
            routine: routine.id.get(),
            list: list.id.get(),
            free_assignment: on_it[0].id.get(),
            done_assignment: on_it[1].id.get(),
            assessment: assessment.id.get(),
            rated: rated.id.get(),
            schedule: schedule.id.get(),
            holiday: holiday.id.get(),
            partner: team.electrical.id.get(),
            file: file.id(),
            prepared: None,
            site,
            owner,
        }
    }

    fn path(&self, operation: &Operation) -> String {
        let (path, method) = (operation.path, operation.method);
        if let Some(ready) = &self.prepared {
            return path.replace("{id}", &ready.id.to_string()) + ready.query;
        }
        let id = match path {
            _ if path.starts_with("/api/users") => self.owner.id.get(),
            _ if path.starts_with("/api/equipment") => self.machine,
            _ if path.starts_with("/api/checklists") && method != "GET" => self.fresh_checklist,
            _ if path.starts_with("/api/checklists") => self.checklist,
            _ if path.starts_with("/api/inspection-routines") => self.routine,
            _ if path.starts_with("/api/inspection-assignments/lists") => self.list,
            "/api/inspection-assignments/{id}/complete" | "/api/inspection-assignments/{id}/answers" => {
                self.done_assignment
            }
            _ if path.starts_with("/api/inspection-assignments") => self.free_assignment,
            _ if path.starts_with("/api/assessments") => self.assessment,
            "/api/ratings/technicians/{id}" => self.owner.id.get(),
            "/api/ratings/inspections/{id}" if method == "PUT" => self.rated,
            _ if path.starts_with("/api/schedules") => self.schedule,
            _ if path.starts_with("/api/holidays") => self.holiday,
            "/api/inspections/{id}/review" | "/api/ratings/inspections/{id}" => self.submitted,
            _ if path.starts_with("/api/inspections") => self.draft,
            "/api/defects/{id}/close" | "/api/defects/{id}/reopen" => self.resolved_defect,
            _ if path.starts_with("/api/defects") => self.open_defect,
            _ if path.starts_with("/api/files") => self.file,
            _ => self.notification,
        };
        path.replace("{item_id}", &self.fresh_item.to_string())
            .replace("{assignment_id}", &self.done_assignment.to_string())
            .replace("{id}", &id.to_string())
            .replace("{name}", "check_backlog")
    }

    fn body(&self, operation: &Operation) -> Value {
        if let Some(ready) = &self.prepared {
            return ready.body.clone();
        }
        let answer = json!({"checklist_item_id": self.item, "answer_value": "pass"});
        let item = json!({"question_text": "New?", "answer_type": "text"});
        match (operation.method, operation.path) {
            ("POST", "/api/users") => json!({
                "email": "new@example.com", "password": "correct horse battery", "full_name": "New", "role": "engineer",
            }),
            (_, "/api/users/{id}/reset-password") => json!({"new_password": "another horse"}),
            (_, "/api/auth/change-password") => {
                json!({"current_password": builders::PASSWORD, "new_password": "another horse"})
            }
            ("POST", "/api/equipment") => {
                json!({"name": "New", "equipment_type": "crane", "serial_number": "N-1"})
            }
            ("POST", "/api/checklists") => json!({"name": "New", "equipment_type": "winch"}),
            (_, "/api/checklists/{id}/versions") => json!({"version": "9.9"}),
            ("POST", "/api/checklists/{id}/items") => item,
            ("POST", "/api/inspection-routines") => json!({
                "name": "New", "asset_types": ["crane"], "shift": "day", "days_of_week": ["monday"],
                "template_id": self.checklist,
            }),
            (_, "/api/inspection-assignments/lists/generate") => {
                json!({"target_date": "2026-03-20", "shift": "day"})
            }
            (_, "/api/inspection-assignments/{id}/assign") => {
                json!({"mechanical_inspector_id": self.owner.id, "electrical_inspector_id": self.partner})
            }
            ("POST", "/api/sync") => json!({
                "client_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "entity_type": "notification_read",
                "entity_data": {"notification_id": 1},
            }),
            ("POST", "/api/sync/batch") => json!({"items": []}),
            (_, "/api/inspection-assignments/batch") => json!({
                "assignment_ids": [self.free_assignment],
                "mechanical_inspector_id": self.owner.id, "electrical_inspector_id": self.partner,
            }),
            (_, "/api/inspection-assignments/{id}/berth") => json!({"berth": "B9"}),
            (_, "/api/assessments/{id}/verdict") => json!({"verdict": "operational"}),
            (_, "/api/assessments/{id}/admin-resolve") => json!({"decision": "operational", "notes": "seen"}),
            ("POST", "/api/ratings/inspections/{id}") => json!({"rating": 4, "comment": "thorough"}),
            ("POST", "/api/holidays") => json!({"date": "2026-03-31", "name": "Stocktaking"}),
            ("POST", "/api/schedules") => json!({"equipment_id": self.machine, "day_of_week": "friday"}),
            (_, "/api/inspections/start") => json!({"equipment_id": self.machine}),
            (_, "/api/inspections/{id}/answer") => answer,
            (_, "/api/inspections/{id}/answers") => json!({"answers": [answer]}),
            (_, "/api/defects/{id}/resolve") => json!({"resolution_notes": "tightened"}),
            (_, "/api/defects/{id}/reopen") => json!({"reason": "leaks again"}),
            // A sign-in without credentials is refused by its input, and not by a role.
            (_, "/api/auth/login") => json!({}),
            (method, path) => required_body(method, path),
        }
    }

    fn call(&self, client: &Client, operation: &Operation) -> Response {
        if operation.path == "/api/auth/sessions/{id}" {
            let own = client.get("/api/auth/sessions").json["data"][0]["id"].clone();
            let id = own.as_str().map_or_else(|| "0".repeat(32), str::to_owned);
            return client.delete(&operation.path.replace("{id}", &id));
        }
        let path = self.path(operation);
        let (name, declared, bytes) = ("photo.png", "image/png", &png(20, 20));
        match operation.method {
            "POST" if path == "/api/files/upload" => client.upload(&[], name, declared, bytes),
            "POST" if path == "/api/files/upload-multiple" => {
                let file = FormFile { field: "files", name, declared, bytes };
                client.post_form(&path, &[], &[file])
            }
            "POST" => client.post(&path, &self.body(operation)),
            "PUT" => client.put(&path, &self.body(operation)),
            method => client.send(method, &path, None),
        }
    }
}

/// Creates the objects that an operation needs for a caller with this role, or `None` if the
/// fixture has them.
fn prepare(site: &TestSite, operation: &Operation, caller: Role) -> Option<Prepared> {
    people::prepare(site, operation).or_else(|| workshop::prepare(site, operation, caller))
}

#[test]
fn the_document_has_exactly_the_operations_of_the_table() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let routed: BTreeSet<_> =
        inspection_http::routes().operations().map(|(method, path)| format!("{method} {path}")).collect();
    let expected: BTreeSet<_> = table().iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(documented, expected);
    assert_eq!(routed, expected);
}

#[test]
fn without_a_session_only_public_operations_are_allowed() {
    let fixture = PermissionFixture::new();
    let anonymous = fixture.site.anonymous();
    let forged = anonymous.with_token("eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl");
    for operation in table() {
        let what = format!("{} {}", operation.method, operation.path);
        let answer = fixture.call(&anonymous, &operation);
        if operation.is_public() {
            assert_ne!(answer.code(), "TOKEN_MISSING", "{what}");
        } else {
            assert_eq!((answer.status, answer.code()), (401, "TOKEN_MISSING"), "{what}: {}", answer.text);
            let answer = fixture.call(&forged, &operation);
            assert_eq!((answer.status, answer.code()), (401, "TOKEN_INVALID"), "{what}: {}", answer.text);
        }
    }
}

/// What a user may do before a required change of the password.
const BEFORE_PASSWORD_CHANGE: &[(&str, &str)] = &[
    ("GET", "/api/auth/me"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/logout-all"),
    ("POST", "/api/auth/change-password"),
];

#[test]
fn before_a_required_change_of_the_password_only_the_own_access_is_allowed() {
    let fixture = PermissionFixture::new();
    let admin = fixture.site.user(Role::Admin);
    let (db, context) = (&fixture.site.db, &fixture.site.context);
    let mut allowed = Vec::new();
    for operation in table() {
        if operation.is_public() || operation.who == ["refresh-token"] {
            continue;
        }
        // The role with the most permissions.
        let new = input(json!({
            "email": format!("new-{}@example.com", builders::serial(context)), "full_name": "New",
            "password": builders::PASSWORD, "role": "admin",
        }));
        let create = |tx: &mut Tx<'_>| users::create(tx, new, builders::password_hash());
        let newcomer = act(db, context, &admin, create).expect("an account");
        assert!(newcomer.must_change_password);
        let answer = fixture.call(&fixture.site.client(&newcomer), &operation);
        if answer.status == 200 {
            allowed.push((operation.method, operation.path));
        } else {
            let what = format!("{} {}: {}", operation.method, operation.path, answer.text);
            assert_eq!((answer.status, answer.code()), (403, "PASSWORD_CHANGE_REQUIRED"), "{what}");
            assert_eq!(answer.json["data"], json!({"change_password_page": "/password"}), "{what}");
        }
    }
    allowed.sort_unstable();
    let mut expected = BEFORE_PASSWORD_CHANGE.to_vec();
    expected.sort_unstable();
    assert_eq!(allowed, expected);
}

/// A client that has seen no version of anything.
fn with_stale_tag(client: &Client) -> Client {
    client.with_header("If-Match", "\"none\"")
}

/// Whether a response is one of an allowed operation.
fn is_allowed(operation: &Operation, answer: &Response) -> bool {
    match operation.path {
        "/docs" => answer.status == 302,
        // An empty body has no credentials.
        "/api/auth/login" => answer.status == 400,
        _ => matches!(answer.status, 200 | 201),
    }
}

#[test]
fn every_role_has_exactly_the_permissions_of_the_table() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut conditions = BTreeSet::new();
    for &role in Role::ALL {
        let mut fixture = PermissionFixture::new();
        for operation in table() {
            if operation.who == ["refresh-token"] {
                continue;
            }
            fixture.prepared = prepare(&fixture.site, &operation, role);
            let client = fixture.site.as_a(role);
            let stale =
                (operation.method != "GET").then(|| fixture.call(&with_stale_tag(&client), &operation));
            // Without a condition, the operation is carried out by now.
            let has_condition = operation.has_condition(&document);
            let answer = match stale.clone().filter(|stale| stale.status < 300) {
                Some(stale) => stale,
                None => fixture.call(&client, &operation),
            };
            let what = format!(
                "{} {} as {role}: {} {}",
                operation.method, operation.path, answer.status, answer.text
            );
            if let Some(stale) = stale {
                let refused = has_condition && answer.status < 300;
                let code = if refused { "PRECONDITION_FAILED" } else { answer.code() };
                assert_eq!(
                    (stale.code(), stale.status < 300),
                    (code, !refused && answer.status < 300),
                    "{what}"
                );
                if refused {
                    conditions.insert((operation.method, operation.path));
                }
            }
            if operation.is_public() || operation.allows(role) {
                assert!(is_allowed(&operation, &answer), "{what}");
            } else if operation.path.starts_with("/api/notifications") || operation.path == "/api/sync/{id}" {
                assert_eq!(answer.status, 404, "{what}");
            } else {
                assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{what}");
            }
            // A change may affect the next operations.
            if operation.method != "GET" && answer.status < 300 {
                fixture = PermissionFixture::new();
            }
        }
    }
    // Other operations are those of owners.
    assert!(conditions.len() > 50, "{conditions:?}");
}

#[test]
fn owners_have_the_permissions_of_the_table() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    for operation in table().into_iter().filter(Operation::is_own) {
        let mut fixture = PermissionFixture::new();
        fixture.prepared = prepare(&fixture.site, &operation, Role::Inspector);
        let owner = fixture.prepared.as_ref().map_or(&fixture.owner, |prepared| &prepared.owner);
        let client = fixture.site.client(owner);
        if operation.has_condition(&document) {
            let stale = fixture.call(&with_stale_tag(&client), &operation);
            assert_eq!(stale.code(), "PRECONDITION_FAILED", "{} {}", operation.method, operation.path);
        }
        let answer = fixture.call(&client, &operation);
        assert!(is_allowed(&operation, &answer), "{} {}: {}", operation.method, operation.path, answer.text);
    }
}

/// The owner of an object isn't more than another user where the table doesn't say so: an inspector
/// can't review their own inspection.
#[test]
fn owners_have_no_other_permissions() {
    let mut fixture = PermissionFixture::new();
    for operation in table() {
        fixture.prepared = prepare(&fixture.site, &operation, Role::Inspector);
        let owner = fixture.prepared.as_ref().map_or(&fixture.owner, |prepared| &prepared.owner);
        let is_open = operation.is_public() || operation.is_own() || operation.allows(owner.role);
        if is_open || operation.who == ["refresh-token"] {
            continue;
        }
        let client = fixture.site.client(owner);
        for client in [&client, &with_stale_tag(&client)] {
            let answer = fixture.call(client, &operation);
            let what = format!("{} {}: {}", operation.method, operation.path, answer.text);
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{what}");
        }
    }
}

#[test]
fn every_role_refreshes_with_a_refresh_token_and_nothing_else() {
    use inspection_auth::tokens::TokenType;
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    for &role in Role::ALL {
        let user = site.user(role);
        let refresh = |kind| {
            site.anonymous().with_token(&site.token(&user, kind)).post("/api/auth/refresh", &json!({}))
        };
        assert_eq!(refresh(TokenType::Refresh).status, 200, "{role}");
        assert_eq!(refresh(TokenType::Access).code(), "TOKEN_INVALID", "{role}");
    }
}

#[test]
fn a_refused_operation_changes_nothing() {
    let fixture = PermissionFixture::new();
    let specialist = fixture.site.as_a(Role::Specialist);
    let before = fixture
        .site
        .db
        .read(|conn| inspections::get_visible(conn, &fixture.owner, input_id(fixture.draft)))
        .expect("sheet");
    for operation in table().iter().filter(|row| row.path.starts_with("/api/inspections/{id}")) {
        assert_eq!(fixture.call(&specialist, operation).status, 403);
    }
    let after = fixture
        .site
        .db
        .read(|conn| inspections::get_visible(conn, &fixture.owner, input_id(fixture.draft)))
        .expect("sheet");
    assert_eq!(before.inspection, after.inspection);
    assert_eq!(before.answers, after.answers);
}

fn input_id<T: inspection_domain::input::Scalar>(number: i64) -> T {
    T::read(inspection_domain::input::RawValue::Json(number.into())).expect("an id")
}
