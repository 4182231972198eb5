//! Pages of searches in a list of some thousands, whichever way the words are found.

use std::{cell::RefCell, collections::BTreeSet};

use diesel::{Connection, RunQueryDsl, connection::InstrumentationEvent, sql_query};
use inspection_domain::{
    equipment::{Equipment, EquipmentFilter},
    page::{COUNTED_EXACTLY, Counting, Known, Page, PageRequest},
};
use inspection_persistence::{Database, DbConnection, equipment};
use inspection_testkit::on_both_databases;
use serde_json::{Value, json};

use crate::filter;

/// Machines of the list.
const MACHINES: i64 = 4000;

/// The words of machines, and their condition on the number of a machine.
const WORDS: &[(&str, &str)] = &[
    ("crane", "TRUE"),
    ("odd", "n % 2 = 1"),
    ("even", "n % 2 = 0"),
    ("early", "n * 7919 % 4000 < 3000"),
    ("late", "n * 7919 % 4000 >= 3000"),
    ("some", "n % 11 = 3"),
    ("rare", "n % 700 = 5"),
];

/// Inserts the machines, in an order of their names of their own, and their words into the index.
fn fill(db: &Database, machines: i64) {
    let own = WORDS.iter().map(|(word, when)| format!("CASE WHEN {when} THEN ' {word}' ELSE '' END"));
    let own = own.collect::<Vec<_>>().join(" || ");
    let zeros = "SUBSTR(CAST(10000 + n * 7919 % 4000 AS TEXT), 2)";
    let numbers = format!(
        "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {machines}) \
         SELECT n FROM numbers) AS numbers"
    );
    let at = "'2026-03-02T08:00:00.000000Z'";
    execute(
        db,
        &format!(
            "INSERT INTO equipment (name, equipment_type, serial_number, status, created_at, updated_at) \
             SELECT 'N' || {zeros} || {own}, 'crane', 'S' || n, \
             CASE WHEN n % 40 = 0 THEN 'paused' ELSE 'active' END, {at}, {at} FROM {numbers}"
        ),
    );
    let entries = if db.is_postgres() {
        "INSERT INTO search_entries (kind, id, words) SELECT 'equipment', id, \
         ARRAY_TO_TSVECTOR(ARRAY(SELECT 'e' || LOWER(word) FROM UNNEST(STRING_TO_ARRAY(name, ' ')) AS word)) \
         FROM equipment"
    } else {
        "INSERT INTO search_entries (rowid, words) \
         SELECT id << 3 | 2, 'e' || REPLACE(LOWER(name), ' ', ' e') FROM equipment"
    };
    execute(db, entries);
}

fn execute(db: &Database, statement: &str) {
    query!(db, |c| sql_query(statement).execute(c));
}

thread_local! {
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A page of machines, and whether the whole list was read in its order, without the index.
fn page(db: &Database, body: &Value, request: PageRequest) -> (Page<Equipment>, bool) {
    let machines: EquipmentFilter = filter(body.clone());
    let record = |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            STATEMENTS.with_borrow_mut(|all| all.push(query.to_string()));
        }
    };
    STATEMENTS.take();
    let page = db.read(|conn| {
        match conn {
            DbConnection::Postgres(c, _) => c.set_instrumentation(record),
            DbConnection::Sqlite(c, _) => c.set_instrumentation(record),
        }
        equipment::list(conn, &machines, request)
    });
    let statements = STATEMENTS.take();
    assert!(statements.len() <= 7, "{body}: {statements:#?}");
    let from_index = statements.iter().any(|sql| sql.contains(" IN (SELECT") && !sql.contains("COUNT("));
    (page.expect("a page"), !from_index)
}

/// The machines of a list without a search.
fn all(db: &Database, sort: &str) -> Vec<(i64, String, String)> {
    let mut request = PageRequest::first(100);
    let mut all = Vec::new();
    loop {
        let (page, _) = page(db, &json!({"sort": sort}), request);
        all.extend(
            page.items
                .into_iter()
                .map(|machine| (machine.id.get(), machine.name, machine.status.to_string())),
        );
        let Some(next) = page.next else { return all };
        request = PageRequest { page: next.page, after: Some(next), ..PageRequest::first(100) };
    }
}

fn ids(page: &Page<Equipment>) -> Vec<i64> {
    page.items.iter().map(|machine| machine.id.get()).collect()
}

on_both_databases! {
    fn both_ways_to_search_a_long_list_find_the_same(db: TestDatabase) {
        fill(&db, MACHINES);
        let mut walked = BTreeSet::new();
        for sort in ["name", "-name", "id", "-status"] {
            let all = all(&db, sort);
            assert_eq!(all.len(), usize::try_from(MACHINES).expect("a number"));
            for text in [
                "crane", "cra", "odd", "early", "late", "crane late", "odd even", "early late", "some", "rare", "some crane",
                "rare crane odd", "rare even", "n0012", "n00 crane", "absent", "absent crane", "-",
            ] {
                for status in [None, Some("paused")] {
                    let words: Vec<&str> = text.split(' ').filter(|word| *word != "-").collect();
                    let expected: Vec<i64> = all.iter().filter(|(_, name, of)| {
                        let name = format!(" {}", name.to_lowercase());
                        !words.is_empty()
                            && words.iter().all(|word| name.contains(&format!(" {word}")))
                            && status.is_none_or(|status| status == of)
                    }).map(|(id, ..)| *id).collect();
                    let mut body = json!({"q": text, "sort": sort});
                    if let Some(status) = status {
                        body["status"] = json!(status);
                    }
                    let total = i64::try_from(expected.len()).expect("a number");
                    for number in [1, 2, 9, 300] {
                        for count in [None, Some(Counting::None), Some(Counting::Exact)] {
                            let request = PageRequest { count, ..PageRequest::new(number, 10) };
                            let (page, on_list) = page(&db, &body, request);
                            let skipped = (usize::try_from(number).expect("small") - 1) * 10;
                            let here: Vec<i64> = expected.iter().skip(skipped).take(10).copied().collect();
                            assert_eq!(ids(&page), here, "{body} page {number} {count:?}");
                            assert_eq!(page.next.is_some(), expected.len() > skipped + 10, "{body} page {number}");
                            if count != Some(Counting::None) {
                                assert_eq!((page.total, page.known), (total, Known::Exactly), "{body} {number} {count:?}");
                            }
                            if on_list && status.is_none() && number == 1 {
                                walked.insert(text);
                            }
                        }
                    }
                    let mut request = PageRequest::new(1, 100);
                    let mut seen = Vec::new();
                    loop {
                        let (page, _) = page(&db, &body, request);
                        seen.extend(ids(&page));
                        assert_eq!((page.total, page.known), (total, Known::Exactly), "{body}");
                        let Some(next) = page.next else { break };
                        request = PageRequest { page: next.page, after: Some(next), ..PageRequest::new(1, 100) };
                    }
                    assert_eq!(seen, expected, "{body} by position");
                }
            }
        }
        for text in ["crane", "cra", "odd", "crane late"] {
            assert!(walked.contains(text), "{text} is found along the list: {walked:?}");
        }
        for text in ["rare", "n0012", "rare crane odd", "absent", "odd even"] {
            assert!(!walked.contains(text), "{text} is found in the index: {walked:?}");
        }
    }

    fn totals_of_frequent_words_are_estimates_near_the_number(db: TestDatabase) {
        fill(&db, 40_000);
        if db.is_postgres() {
            execute(&db, "ANALYZE");
        }
        for (body, number) in [
            (json!({"q": "crane"}), 40_000),
            (json!({"q": "odd"}), 20_000),
            (json!({"q": "crane", "status": "active"}), 39_000),
            (json!({"q": "odd", "status": "active"}), 20_000),
        ] {
            let (page, on_list) = page(&db, &body, PageRequest::first(20));
            assert!(on_list, "{body}");
            assert_eq!(page.known, Known::Estimated, "{body}");
            assert!((page.total - number).abs() * 10 < number, "{body}: {}", page.total);
        }
        let (page, _) = page(&db, &json!({"q": "some"}), PageRequest::first(20));
        assert!(page.total < COUNTED_EXACTLY);
        assert_eq!((page.total, page.known), (3637, Known::Exactly));
    }
}
