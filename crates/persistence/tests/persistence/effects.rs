//! The effects of every unit of work: notifications and their recipients, audit entries, changes
//! for the phones of followers, texts queued for translation, and points. The snapshots are the
//! table; a unit of work that isn't in it fails the test.

mod background;
mod inspecting;
mod people;
mod plant;
mod repairing;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
};

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use inspection_domain::{
    audit::AuditEntry,
    notifications::Notification,
    outbox::OutboxJob,
    points::PointEntry,
    schema,
    sync::{Changed, ChangedKind},
    tasks::{TaskName, TaskOutcome},
    users::User,
};
use inspection_persistence::{Context, Database, Result, Tx, tasks, users};
use inspection_testkit::{
    TestDatabase,
    builders::{act, input, user_with},
    context::{FixedClock, context},
    on_both_databases,
};
use serde_json::{Value, json};

/// Calls a unit of work by its path and records its effects. A text before the path distinguishes
/// several cases of one unit.
macro_rules! effects {
    ($ledger:expr, $actor:expr, $($segment:ident)::+($($argument:expr),* $(,)?)) => {
        effects!($ledger, $actor, "", $($segment)::+($($argument),*))
    };
    ($ledger:expr, $actor:expr, $case:expr, $first:ident $(::$segment:ident)+($($argument:expr),* $(,)?)) => {
        $ledger.record(
            concat!(stringify!($first) $(, "::", stringify!($segment))+),
            $case,
            $actor,
            |tx| inspection_persistence::$first$(::$segment)+(tx, $($argument),*),
        )
    };
}
use effects;

/// Highest keys of the tables that units of work append to.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    notifications: i64,
    audit: i64,
    outbox: i64,
    changes: i64,
    points: i64,
}

/// A site whose units of work are recorded.
struct Ledger<'a> {
    db: &'a Database,
    context: Context,
    clock: Arc<FixedClock>,
    units: BTreeSet<&'static str>,
    tasks: HashSet<TaskName>,
    text: String,
}

impl<'a> Ledger<'a> {
    fn new(db: &'a Database) -> Self {
        let (mut context, clock) = context();
        context.translates = true;
        Self { db, context, clock, units: BTreeSet::new(), tasks: HashSet::new(), text: String::new() }
    }

    /// A user with this name, by which the table refers to them.
    fn user(&self, name: &str, body: Value) -> User {
        let role = serde_json::from_value(body["role"].clone()).expect("a role");
        user_with(self.db, &self.context, role, |defaults| {
            for (field, value) in body.as_object().expect("an object") {
                defaults[field] = value.clone();
            }
            defaults["full_name"] = json!(name);
        })
    }

    fn record<T>(
        &mut self,
        unit: &'static str,
        case: &str,
        actor: &User,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> T {
        self.units.insert(unit);
        let before = self.marks();
        let outcome = act(self.db, &self.context, actor, work)
            .unwrap_or_else(|error| panic!("{unit}, {case}: {error}"));
        self.write(unit, case, &actor.full_name, before);
        outcome
    }

    fn set_active(&self, admin: &User, person: &User, active: bool) {
        let changes = input(json!({"is_active": active}));
        act(self.db, &self.context, admin, |tx| users::update(tx, person.id, changes)).expect("an update");
    }

    /// Runs a scheduled task; the service itself acts.
    fn run_task(&mut self, task: &str) {
        let task: TaskName = serde_json::from_value(json!(task)).expect("a task");
        let before = self.marks();
        let run = tasks::run_now(self.db, &self.context, "instance", task).expect("a run");
        assert_eq!(run.outcome, TaskOutcome::Succeeded, "{run:?}");
        self.tasks.insert(task);
        self.write("tasks::run_now", task.as_str(), "the service", before);
    }

    fn marks(&self) -> Marks {
        macro_rules! highest {
            ($table:ident) => {
                query!(self.db, |c| schema::$table::table
                    .select(diesel::dsl::max(schema::$table::id))
                    .get_result::<Option<i64>>(c))
                .unwrap_or(0)
            };
        }
        Marks {
            notifications: highest!(notifications),
            audit: highest!(audit_entries),
            outbox: highest!(outbox),
            changes: highest!(changes),
            points: highest!(point_entries),
        }
    }

    /// Writes the rows beyond the marks as a paragraph of the table.
    fn write(&mut self, unit: &str, case: &str, actor: &str, before: Marks) {
        let users: Vec<(i64, String)> = query!(self.db, |c| schema::users::table
            .select((schema::users::id, schema::users::full_name))
            .load(c));
        let names: BTreeMap<i64, String> = users.into_iter().collect();
        let name = |id: i64| names.get(&id).cloned().unwrap_or_else(|| format!("user {id}"));
        macro_rules! beyond {
            ($table:ident, $row:ty, $mark:expr) => {{
                let rows: Vec<$row> = query!(self.db, |c| schema::$table::table
                    .filter(schema::$table::id.gt($mark))
                    .order(schema::$table::id)
                    .select(<$row>::as_select())
                    .load(c));
                rows
            }};
        }
        let text = &mut self.text;
        let separator = if case.is_empty() { "" } else { ", " };
        writeln!(text, "{unit}{separator}{case}, by {actor}").expect("written");

        let mut recipients: Vec<(String, Vec<String>)> = Vec::new();
        for row in beyond!(notifications, Notification, before.notifications) {
            let about = row.related_type.map(|kind| format!(" about {kind} {}", row.related_id.unwrap_or(0)));
            let notice = format!("{}{}", row.kind, about.unwrap_or_default());
            match recipients.iter_mut().find(|(seen, _)| *seen == notice) {
                Some((_, to)) => to.push(name(row.user_id.get())),
                None => recipients.push((notice, vec![name(row.user_id.get())])),
            }
        }
        for (notice, mut to) in recipients {
            // An announcement has no order.
            to.sort();
            writeln!(text, "    notice {notice} → {}", to.join(", ")).expect("written");
        }
        for row in beyond!(audit_entries, AuditEntry, before.audit) {
            let by = row.actor_id.map_or_else(|| "the service".to_owned(), |id| name(id.get()));
            let fields = row.changes.0.iter().map(|(field, change)| {
                let new = &change["new"];
                let user = is_user(&row.entity_type, field).then(|| new.as_i64()).flatten();
                match user {
                    Some(user) => format!("{field}: {}", name(user)),
                    None if new.is_null() => format!("no {field}"),
                    None => format!("{field}: {new}"),
                }
            });
            let fields = fields.collect::<Vec<_>>().join(", ");
            let (action, entity) = (row.action, &row.entity_type);
            writeln!(text, "    audit {action} {entity} by {by} {{{fields}}}").expect("written");
        }
        let mut followers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in beyond!(changes, Changed, before.changes) {
            // The notices name the recipients of new notifications.
            if row.entity_type == ChangedKind::Notification && row.entity_id > before.notifications {
                continue;
            }
            followers
                .entry(format!("{} {}", row.entity_type, row.entity_id))
                .or_default()
                .insert(name(row.user_id.get()));
        }
        for (object, to) in followers {
            let to: Vec<String> = to.into_iter().collect();
            writeln!(text, "    change {object} → {}", to.join(", ")).expect("written");
        }
        for row in beyond!(outbox, OutboxJob, before.outbox) {
            let payload: Value = serde_json::from_str(&row.payload).expect("JSON");
            let field = |field: &str| payload[field].as_str().unwrap_or_default().to_owned();
            let (model, field) = (field("model_type"), field("field_name"));
            writeln!(text, "    {} {model}.{field}", row.kind).expect("written");
        }
        for row in beyond!(point_entries, PointEntry, before.points) {
            let about = row.related_type.unwrap_or_default();
            let by = row.awarded_by_id.map_or_else(|| "the service".to_owned(), |id| name(id.get()));
            let (person, amount, kind, role) = (name(row.user_id.get()), row.amount, row.kind, row.role);
            writeln!(text, "    points {person} {amount:+} {kind} {about} as {role}, by {by}")
                .expect("written");
        }
    }
}

/// Whether a field of an audit entry holds the key of a user.
fn is_user(entity: &str, field: &str) -> bool {
    const FIELDS: &[&str] = &[
        "admin_decision_by",
        "approved_by",
        "assigned_by",
        "assigned_technician_id",
        "assigned_to_id",
        "coverage_user_id",
        "electrical_inspector_id",
        "leave_coverage_for",
        "mechanical_inspector_id",
        "on_behalf_of",
        "owner_id",
        "partner_id",
        "qe_id",
        "requested_by",
        "technician_id",
        "user_id",
    ];
    (field == "id" && entity == "user") || field.ends_with("_by_id") || FIELDS.contains(&field)
}

/// A story of the site, and the units of work in it.
type Scenario = fn(&mut Ledger<'_>);

const SCENARIOS: &[(&str, Scenario)] = &[
    ("people", people::story),
    ("plant", plant::story),
    ("inspecting", inspecting::story),
    ("repairing", repairing::story),
    ("background", background::story),
];

/// Names of the stories.
pub(crate) const STORIES: [&str; 5] = ["people", "plant", "inspecting", "repairing", "background"];

fn ledger_of<'a>(db: &'a Database, name: &str) -> Ledger<'a> {
    let (_, story) = SCENARIOS.iter().find(|(story, _)| *story == name).expect("a story");
    let mut ledger = Ledger::new(db);
    story(&mut ledger);
    ledger
}

/// Fills a database by the units of work of a story; returns the context at its end.
pub(crate) fn after(db: &Database, name: &str) -> Context {
    ledger_of(db, name).context
}

fn compare(db: &Database, name: &str) {
    let ledger = ledger_of(db, name);
    insta::assert_snapshot!(format!("effects_{name}"), ledger.text);
}

on_both_databases! {
    fn of_units_about_people(db: TestDatabase) {
        compare(&db, "people");
    }

    fn of_units_about_the_plant(db: TestDatabase) {
        compare(&db, "plant");
    }

    fn of_units_about_inspections(db: TestDatabase) {
        compare(&db, "inspecting");
    }

    fn of_units_about_repairs(db: TestDatabase) {
        compare(&db, "repairing");
    }

    fn of_units_in_the_background(db: TestDatabase) {
        compare(&db, "background");
    }
}

/// The units of work in the sources: public functions with a `Tx` as the first argument.
fn units_in_sources() -> BTreeSet<String> {
    fn collect(folder: &Path, units: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                if !entry.ends_with("src/db") {
                    collect(&entry, units);
                }
                continue;
            }
            let path =
                entry.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
            let feature = path.iter().next().expect("a name").to_string_lossy();
            let feature = feature.trim_end_matches(".rs");
            let source = fs::read_to_string(&entry).expect("a source");
            for function in source.split("\npub fn ").skip(1) {
                let (name, rest) = function.split_once('(').expect("arguments");
                if rest.trim_start().starts_with("tx: &mut Tx") {
                    // A public module in a feature, such as `equipment::registry`.
                    let module = if feature == "equipment" { "equipment::registry" } else { feature };
                    units.insert(format!("{module}::{name}"));
                }
            }
        }
    }
    let mut units = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut units);
    units
}

#[test]
fn every_unit_of_work_is_in_the_table() {
    let (mut recorded, mut tasks) = (BTreeSet::new(), HashSet::new());
    for (_, story) in SCENARIOS {
        let db = TestDatabase::new(inspection_testkit::DatabaseKind::Sqlite).expect("a database");
        let mut ledger = Ledger::new(&db);
        story(&mut ledger);
        recorded.extend(ledger.units.iter().map(|unit| (*unit).to_owned()));
        tasks.extend(ledger.tasks);
    }
    assert_eq!(tasks.len(), TaskName::ALL.len(), "scheduled tasks with recorded effects: {tasks:?}");
    let expected = units_in_sources();
    assert!(expected.len() > 80, "the sources are read: {expected:?}");
    let missing: Vec<&String> = expected.difference(&recorded).collect();
    assert!(missing.is_empty(), "units of work without recorded effects: {missing:?}");
}
