//! Every list at 200,000 rows: the plans of its statements read an index, for each filter and each
//! order. The filters and the orders are those of the types, so a new one is covered by itself.

mod tables;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::InstrumentationEvent, sql_query, sql_types::Text,
};
use inspection_domain::{
    assessments::AssessmentFilter,
    assignments::AssignmentFilter,
    audit::AuditFilter,
    bonus_stars::BonusFilter,
    checklists::TemplateFilter,
    daily_lists::ListFilter,
    defects::DefectFilter,
    equipment::EquipmentFilter,
    holidays::HolidayFilter,
    ids::{DefectId, EquipmentId, JobId, UserId},
    input::{FieldDoc, Input},
    inspections::InspectionFilter,
    jobs::{EngineerJobFilter, JobFilter, JobKind},
    leaves::LeaveFilter,
    notifications::NotificationFilter,
    outbox::OutboxFilter,
    page::PageRequest,
    quality_reviews::ReviewFilter,
    roster::RosterFilter,
    routines::RoutineFilter,
    takeovers::{QueueOf, TakeoverFilter},
    tasks::{TaskName, TaskRunFilter},
    trends::TrendQuery,
    users::{Role, User, UserFilter},
};
use inspection_persistence::{
    Database, DbConnection, Result, assessments, assignments, audit, bonus_stars, checklists, daily_lists,
    defect_assessments, defects, equipment, files, holidays, inspections, jobs, leaves, notifications,
    outbox, pauses, points, quality_reviews, ratings, reports, roster, routines, sync, takeovers, tasks,
    users,
};
use inspection_testkit::{
    builders::{user, user_with},
    context::{context, instant},
    on_both_databases,
};
use serde_json::{Map, Value, json};

use self::tables::{TABLES, fill_all};

/// Reads a page of a list with a filter.
type Read<'a> = dyn Fn(&mut DbConnection, Value, PageRequest) -> Result<()> + 'a;

/// A list: its name, its filters, and how it is read.
struct List<'a> {
    name: &'static str,
    fields: Vec<FieldDoc>,
    read: Box<Read<'a>>,
}

/// A list with filters.
fn filtered<'a, F: Input, T>(
    name: &'static str,
    read: impl Fn(&mut DbConnection, F, PageRequest) -> Result<T> + 'a,
) -> List<'a> {
    let read = move |conn: &mut DbConnection, filter, page| {
        read(conn, F::from_json(filter).expect("a filter"), page).map(|_| ())
    };
    List { name, fields: F::fields(), read: Box::new(read) }
}

/// A list without filters.
fn plain<'a, T>(
    name: &'static str,
    read: impl Fn(&mut DbConnection, PageRequest) -> Result<T> + 'a,
) -> List<'a> {
    let read = move |conn: &mut DbConnection, _, page| read(conn, page).map(|_| ());
    List { name, fields: Vec::new(), read: Box::new(read) }
}

/// The lists of all modules, read by an admin or a person of a trade.
fn every_list<'a>(admin: &'a User, person: &'a User) -> Vec<List<'a>> {
    let now = instant("2026-03-02T08:00:00Z");
    let calendar = || context().0.calendar;
    let today = move || calendar().date(now);
    let job = JobId::new(3).expect("an id");
    let defect = DefectId::new(3).expect("an id");
    let machine = EquipmentId::new(1).expect("an id");
    vec![
        filtered("users", |c, f: UserFilter, p| users::list(c, &f, p)),
        filtered("equipment", |c, f: EquipmentFilter, p| equipment::list(c, &f, p)),
        plain("equipment history", move |c, p| equipment::history(c, machine, p)),
        filtered("checklists", |c, f: TemplateFilter, p| checklists::list(c, &f, p)),
        filtered("inspections", move |c, f: InspectionFilter, p| {
            inspections::list(c, admin, &f, &calendar(), p)
        }),
        filtered("inspections of an inspector", move |c, f: InspectionFilter, p| {
            inspections::list(c, person, &f, &calendar(), p)
        }),
        filtered("defects", move |c, f: DefectFilter, p| defects::list(c, &f, today(), p)),
        filtered("notifications", |c, f: NotificationFilter, p| notifications::list(c, person.id, &f, p)),
        filtered("audit", move |c, f: AuditFilter, p| audit::list(c, &f, &calendar(), p)),
        filtered("roster", |c, f: RosterFilter, p| roster::list(c, &f, p)),
        filtered("routines", |c, f: RoutineFilter, p| routines::list(c, &f, p)),
        filtered("daily_lists", |c, f: ListFilter, p| daily_lists::list(c, &f, p)),
        filtered("holidays", |c, f: HolidayFilter, p| holidays::list(c, &f, p)),
        filtered("assignments of an inspector", |c, f: AssignmentFilter, p| {
            assignments::list_by_inspector(c, person.id, &f, p)
        }),
        plain("assignments of the backlog", move |c, p| assignments::backlog(c, now, p)),
        filtered("assessments", |c, f: AssessmentFilter, p| assessments::list(c, admin, &f, p)),
        filtered("assessments of an inspector", |c, f: AssessmentFilter, p| {
            assessments::list(c, person, &f, p)
        }),
        plain("assessments waiting", |c, p| assessments::waiting_for(c, person, p)),
        plain("ratings", |c, p| ratings::list_by_technician(c, person.id, p)),
        filtered("leaves", |c, f: LeaveFilter, p| leaves::list(c, admin, &f, p)),
        filtered("leaves of a person", |c, f: LeaveFilter, p| leaves::list(c, person, &f, p)),
        plain("leaves in force", move |c, p| leaves::active(c, today(), p)),
        plain("files of a person", |c, p| files::list(c, person, None, p)),
        plain("points", |c, p| points::list(c, person.id, p)),
        filtered("jobs", |c, f: JobFilter, p| jobs::repairs(c, admin, &f, p)),
        filtered("jobs of a specialist", |c, f: JobFilter, p| jobs::repairs(c, person, &f, p)),
        filtered("jobs of engineers", |c, f: EngineerJobFilter, p| jobs::engineer_jobs(c, admin, &f, p)),
        filtered("jobs of an engineer", |c, f: EngineerJobFilter, p| jobs::engineer_jobs(c, person, &f, p)),
        plain("jobs unplanned", |c, p| jobs::unplanned(c, person, p)),
        plain("jobs active", |c, p| jobs::active(c, person, p)),
        plain("jobs stalled", move |c, p| jobs::stalled(c, now, p)),
        plain("interventions", move |c, p| jobs::interventions(c, admin, JobKind::Engineer, job, p)),
        plain("occurrences", move |c, p| defects::occurrences(c, defect, p)),
        plain("pauses", move |c, p| pauses::history(c, admin, JobKind::Engineer, job, p)),
        plain("pauses pending", pauses::pending),
        filtered("takeovers", |c, f: TakeoverFilter, p| takeovers::list(c, admin, &f, p)),
        filtered("takeovers of a person", |c, f: TakeoverFilter, p| takeovers::list(c, person, &f, p)),
        filtered("takeovers queue", |c, f: QueueOf, p| takeovers::queue(c, &f, p)),
        filtered("quality_reviews", |c, f: ReviewFilter, p| quality_reviews::list(c, admin, &f, p)),
        filtered("quality_reviews of a person", |c, f: ReviewFilter, p| {
            quality_reviews::list(c, person, &f, p)
        }),
        plain("quality_reviews pending", |c, p| quality_reviews::pending(c, person, p)),
        plain("quality_reviews overdue", move |c, p| quality_reviews::overdue(c, admin, now, p)),
        plain("defect_assessments", |c, p| defect_assessments::list(c, admin, p)),
        plain("defect_assessments of a person", |c, p| defect_assessments::list(c, person, p)),
        plain("defect_assessments pending", |c, p| defect_assessments::pending(c, person, p)),
        filtered("bonus_stars", |c, f: BonusFilter, p| bonus_stars::list(c, admin, &f, p)),
        filtered("bonus_stars of a person", |c, f: BonusFilter, p| bonus_stars::list(c, person, &f, p)),
        filtered("tasks", |c, f: TaskRunFilter, p| tasks::runs(c, TaskName::CheckBacklog, &f, p)),
        filtered("outbox", |c, f: OutboxFilter, p| outbox::list(c, &f, p)),
        plain("sync", |c, p| sync::rejected(c, person.id, p)),
        filtered("trends", move |c, f: TrendQuery, _| reports::trend(c, &f, today(), &calendar())),
    ]
}

thread_local! {
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The statements that a list sends.
fn statements(db: &Database, list: &List<'_>, filter: &Value) -> Vec<String> {
    STATEMENTS.take();
    let record = |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            STATEMENTS.with_borrow_mut(|all| all.push(query.to_string()));
        }
    };
    db.read(|conn| {
        match conn {
            DbConnection::Postgres(c, _) => c.set_instrumentation(record),
            DbConnection::Sqlite(c, _) => c.set_instrumentation(record),
        }
        let read = (list.read)(conn, filter.clone(), PageRequest::first(20));
        let none: Option<Box<dyn diesel::connection::Instrumentation>> = None;
        match conn {
            DbConnection::Postgres(c, _) => c.set_instrumentation(none),
            DbConnection::Sqlite(c, _) => c.set_instrumentation(none),
        }
        read
    })
    .unwrap_or_else(|error| panic!("{} {filter}: {error}", list.name));
    STATEMENTS.take()
}

/// A statement with its parameters as literals. Diesel shows both.
fn with_literals(statement: &str) -> String {
    let (sql, binds) = statement.split_once(" -- binds: ").expect("parameters");
    let (mut values, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for letter in binds.trim().strip_prefix('[').expect("a list").chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '(' if !quoted => depth += 1,
            ']' | ')' if !quoted => depth -= 1,
            ',' if depth == 0 && !quoted => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth < 0 {
            break;
        }
        values.last_mut().expect("one").push(letter);
    }
    let mut sql = sql.to_owned();
    for (n, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", n + 1), &literal(value.trim()));
    }
    sql
}

/// The literal of a value that is shown for debugging: `UserId(3)`, `InProgress`, `"text"`,
/// `[Open]`.
fn literal(shown: &str) -> String {
    if let Some(list) = shown.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        let values: Vec<String> =
            list.split(", ").map(|value| literal(value).trim_matches('\'').to_owned()).collect();
        return format!("'{{{}}}'", values.join(","));
    }
    if let Some((_, inner)) = shown.split_once('(')
        && let Some(inner) = inner.strip_suffix(')')
    {
        return literal(inner);
    }
    if shown.parse::<i64>().is_ok() {
        return shown.to_owned();
    }
    if matches!(shown, "true" | "false") || shown.starts_with(|first: char| first.is_ascii_digit()) {
        return format!("'{shown}'");
    }
    if let Some(text) = shown.strip_prefix('"') {
        return format!("'{}'", text.trim_end_matches('"').replace('\'', "''"));
    }
    let mut snake = String::new();
    for letter in shown.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    format!("'{snake}'")
}

/// The steps of a plan of PostgreSQL that take longer the larger the table is. Under a limit, a
/// scan ends early if at least a fifth of the rows match.
fn postgres_faults(node: &Value, limited: bool, faults: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let rows = node["Plan Rows"].as_i64().unwrap_or_default();
    let table = TABLES.iter().find(|(table, ..)| node["Relation Name"] == *table);
    if let ("Seq Scan", Some((table, all, _))) = (kind, table)
        && !(limited && rows * 5 >= *all)
    {
        faults.push(format!("reads {table} whole"));
    }
    let sorts = kind == "Sort" || (kind == "Incremental Sort" && !limited);
    if sorts && rows > MOST_SORTED {
        faults.push(format!("sorts {rows} rows"));
    }
    let limited = match kind {
        "Limit" => true,
        "Sort" | "Aggregate" | "Hash" => false,
        _ => limited,
    };
    for inner in node["Plans"].as_array().into_iter().flatten() {
        postgres_faults(inner, limited, faults);
    }
}

/// The faults of the plan of a statement.
fn faults(db: &Database, statement: &str) -> Vec<String> {
    let sql = if db.is_postgres() {
        with_literals(statement)
    } else {
        statement.split(" -- binds: ").next().expect("a statement").to_owned()
    };
    let explain = if db.is_postgres() { format!("EXPLAIN (FORMAT JSON) {sql}") } else { sql.clone() };
    let mut found = Vec::new();
    if db.is_postgres() {
        #[derive(QueryableByName)]
        struct Plan {
            #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
            plan: String,
        }
        let plans: Vec<Plan> = query!(db, |c| sql_query(&explain).load(c));
        let plan: Value = serde_json::from_str(&plans[0].plan).expect("JSON");
        postgres_faults(&plan[0]["Plan"], false, &mut found);
        return found.into_iter().map(|fault| format!("{fault}: {sql}")).collect();
    }
    let lines = sqlite_plan(db, &explain);
    let searches = lines.iter().any(|line| line.starts_with("SEARCH"));
    let is_filtered = sql.contains(" WHERE ");
    for line in &lines {
        let is_large = TABLES.iter().any(|(table, ..)| {
            line.strip_prefix("SCAN ").is_some_and(|rest| rest.split(' ').next() == Some(table))
        });
        if is_large && is_filtered {
            found.push(format!("{line}: {sql}"));
        }
        if line.contains("USE TEMP B-TREE FOR ORDER BY") && !searches {
            found.push(format!("{line}: {sql}"));
        }
    }
    found
}

/// The lines of a plan of SQLite.
fn sqlite_plan(db: &Database, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let steps: Vec<Step> = db
        .read(|conn| match conn {
            DbConnection::Sqlite(c, _) => Ok(sql_query(&explain).load(c)?),
            DbConnection::Postgres(..) => unreachable!("it is SQLite"),
        })
        .unwrap_or_else(|error| panic!("{explain}: {error}"));
    steps.into_iter().map(|step| step.detail).collect()
}

/// The values to try for a filter.
fn values(field: &FieldDoc) -> Vec<Value> {
    let schema = serde_json::to_value(&field.schema).expect("a schema");
    let one = if schema["items"].is_object() { &schema["items"] } else { &schema };
    if let Some(all) = one["enum"].as_array() {
        return all.clone();
    }
    match (one["type"].as_str(), one["format"].as_str()) {
        (Some("integer"), _) => vec![json!(7)],
        (Some("boolean"), _) => vec![json!(true), json!(false)],
        (Some("string"), Some("date")) => vec![json!("2026-03-02")],
        _ if field.name == "entity_type" => vec![json!("defect")],
        // Few rows, all rows of the list of defects, and no rows.
        _ if field.name == "q" => vec![json!("crane 777"), json!("crane"), json!("absent")],
        _ => vec![json!("crane 777")],
    }
}

/// The parameters that a list requires.
fn required(list: &str) -> Map<String, Value> {
    let required = match list {
        "takeovers queue" => json!({"job_type": "specialist", "job_id": 7}),
        "trends" => json!({"metric": "inspections"}),
        _ => json!({}),
    };
    required.as_object().expect("an object").clone()
}

/// Rows that a statement may sort.
const MOST_SORTED: i64 = 2000;

/// Filters that most rows match, and ranges.
const UNSELECTIVE: &[(&str, &str)] = &[
    // Later, or done: nearly all.
    ("defects", "overdue"),
    // Two dates bound a range; one of them bounds half of the table.
    ("leaves", "date_from"),
    ("leaves", "date_to"),
    ("roster", "from"),
    ("roster", "to"),
    // In the order of the numbers, which grow with the time.
    ("inspections", "date_from"),
    ("inspections", "date_to"),
    ("audit", "date_from"),
    ("audit", "date_to"),
];

/// The public functions that return a page, as `module::function`.
fn functions_of_pages(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions_of_pages(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source file");
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        for function in source.split("\npub fn ").skip(1) {
            let signature = function.split('{').next().unwrap_or_default();
            if signature.contains("-> Result<Page<") {
                let name = signature.split(['(', '<']).next().unwrap_or_default();
                found.insert(format!("{module}::{name}"));
            }
        }
    }
}

#[test]
fn every_list_is_explained() {
    let mut lists = BTreeSet::new();
    functions_of_pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut lists);
    // One row a person: it is computed whole.
    lists.remove("leaderboards::board");
    let here = include_str!("list_plans.rs");
    lists.retain(|list| ![format!("{list}("), format!("{list})")].iter().any(|call| here.contains(call)));
    assert!(lists.is_empty(), "{lists:?}");
}

on_both_databases! {
    fn every_filter_and_every_order_reads_an_index(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let person = user_with(&db, &context, Role::Inspector, |_| {});
        assert_eq!((admin.id, person.id), (UserId::new(1).unwrap(), UserId::new(2).unwrap()));
        inspection_testkit::builders::equipment(&db, &context);
        fill_all(&db);
        let mut wrong = BTreeMap::<String, BTreeSet<String>>::new();
        let mut tried = 0;
        for list in every_list(&admin, &person) {
            let sorts: Vec<Value> = list.fields.iter().filter(|field| field.name == "sort").flat_map(values).collect();
            let filters = list.fields.iter().filter(|field| field.name != "sort");
            let filters = filters.filter(|field| !UNSELECTIVE.iter().any(|(of, name)| list.name.starts_with(of) && *name == field.name));
            let filters = filters.flat_map(|field| values(field).into_iter().map(|value| Some((field.name, value))));
            for filter in [None].into_iter().chain(filters) {
                for sort in [None].into_iter().chain(sorts.iter().map(Some)) {
                    let mut query = required(list.name);
                    query.extend(sort.map(|sort| ("sort".to_owned(), sort.clone())));
                    query.extend(filter.clone().map(|(name, value)| (name.to_owned(), value)));
                    let query = Value::Object(query);
                    for statement in statements(&db, &list, &query).iter().filter(|sql| sql.starts_with("SELECT") && !sql.contains("(1=0)")) {
                        tried += 1;
                        for fault in faults(&db, statement) {
                            wrong.entry(format!("{} {query}", list.name)).or_default().insert(fault);
                        }
                    }
                }
            }
        }
        assert!(tried > 500, "{tried}");
        assert!(wrong.is_empty(), "{} lists: {wrong:#?}", wrong.len());
    }
}
