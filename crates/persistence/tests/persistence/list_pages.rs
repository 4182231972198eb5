//! Every list: pages are contiguous, orders are total, and pages past the end are empty.

use std::{collections::BTreeSet, fmt::Display};

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, delete, sql_query};

use inspection_domain::{
    audit::AuditFilter,
    checklists::{TemplateFilter, TemplateOrder},
    defects::{DefectFilter, DefectOrder},
    equipment::{EquipmentFilter, EquipmentOrder},
    inspections::{InspectionFilter, InspectionOrder},
    notifications::NotificationFilter,
    page::{Counting, Known, Page, PageRequest},
    schema::{equipment as equipment_table, equipment_status_changes as status_changes},
    users::{Role, User, UserFilter, UserOrder},
};
use inspection_persistence::{
    Context, Database, audit, checklists, defects, equipment, inspections, jobs, notifications, points, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, PASS_FAIL, YES_NO, act, checklist, equipment as machine, input, submitted, user,
        user_with,
    },
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{ALL, filter, points::award};

/// The ids of a whole list of this length, after a check of its pages and of the positions between
/// them.
fn whole<T>(length: usize, list: impl Fn(PageRequest) -> Page<T>, number: impl Fn(&T) -> i64) -> Vec<i64> {
    let numbers = |page: &Page<T>| page.items.iter().map(&number).collect::<Vec<_>>();
    let total = i64::try_from(length).expect("short");
    let all = list(ALL);
    assert_eq!((all.items.len(), all.total), (length, total));
    let mut in_pages = Vec::new();
    for page in 1.. {
        let part = list(PageRequest::new(page, 2));
        assert_eq!((part.total, &part.request), (total, &PageRequest::new(page, 2)));
        if part.items.is_empty() {
            break;
        }
        in_pages.extend(numbers(&part));
    }
    assert_eq!(in_pages, numbers(&all));
    let (mut walked, mut request) = (Vec::new(), PageRequest::new(1, 2));
    loop {
        let part = list(request);
        walked.extend(numbers(&part));
        assert_eq!((part.total, part.known), (total, Known::Exactly));
        let Some(next) = part.next else { break };
        request = PageRequest { page: next.page, after: Some(next), ..PageRequest::new(1, 2) };
    }
    assert_eq!(walked, in_pages, "by position");
    let past = list(PageRequest::new(u32::MAX, 100));
    assert_eq!((past.items.len(), past.total), (0, total));
    in_pages
}

/// Checks a list in every order; descending is the reverse of ascending. Most rows tie where they
/// can.
fn in_every_order<T>(
    length: usize,
    orders: &[impl Display],
    list: impl Fn(&str, PageRequest) -> Page<T>,
    number: impl Fn(&T) -> i64,
) {
    for order in orders.iter().map(ToString::to_string) {
        let up = whole(length, |page| list(&order, page), &number);
        let mut down = whole(length, |page| list(&format!("-{order}"), page), &number);
        down.reverse();
        assert_eq!(up, down, "{order}");
        assert!(order != "id" || up.is_sorted(), "{up:?}");
    }
}

struct TestSite {
    admin: User,
    inspector: User,
}

/// Five of everything.
fn build(db: &Database, context: &Context) -> TestSite {
    let same_name = |body: &mut serde_json::Value| body["full_name"] = json!("Same");
    let admin = user_with(db, context, Role::Admin, same_name);
    let inspector = user_with(db, context, Role::Inspector, same_name);
    for _ in 0..3 {
        user_with(db, context, Role::Engineer, same_name);
    }
    for _ in 0..5 {
        checklist(db, context, &admin);
        machine(db, context);
    }
    let crane = machine(db, context);
    for failing in [&[PASS_FAIL, YES_NO, NUMERIC, CRITICAL][..], &[CRITICAL], &[], &[], &[]] {
        submitted(db, context, &inspector, &crane, failing);
        // A question that fails again raises a second defect after the first one is resolved.
        let critical = json!({"severity": "critical"});
        let open = db.read(|conn| defects::list(conn, &filter(critical), context.today(), ALL)).unwrap();
        for defect in open.items.iter().filter(|defect| defect.status.is_unresolved()) {
            let notes = input(json!({"resolution_notes": "A new hook."}));
            act(db, context, &admin, |tx| jobs::resolve_defect(tx, defect.id, notes)).unwrap();
        }
        award(db, context, &inspector, Role::Inspector, 1);
    }
    TestSite { admin, inspector }
}

on_both_databases! {
    fn pages_fit_together_in_every_order(db: TestDatabase) {
        let (context, _) = context();
        let TestSite { admin, inspector } = build(&db, &context);

        in_every_order(
            5,
            UserOrder::ALL,
            |sort, page| {
                let filter: UserFilter = filter(json!({ "sort": sort }));
                db.read(|conn| users::list(conn, &filter, page)).unwrap()
            },
            |row| row.id.get(),
        );

        in_every_order(
            6,
            EquipmentOrder::ALL,
            |sort, page| {
                let filter: EquipmentFilter = filter(json!({ "sort": sort }));
                db.read(|conn| equipment::list(conn, &filter, page)).unwrap()
            },
            |row| row.id.get(),
        );

        in_every_order(
            5,
            TemplateOrder::ALL,
            |sort, page| {
                let filter: TemplateFilter = filter(json!({ "sort": sort }));
                db.read(|conn| checklists::list(conn, &filter, page)).unwrap()
            },
            |(row, _)| row.id.get(),
        );

        in_every_order(
            5,
            InspectionOrder::ALL,
            |sort, page| {
                let filter: InspectionFilter = filter(json!({ "sort": sort }));
                db.read(|conn| inspections::list(conn, &admin, &filter, &context.calendar, page)).unwrap()
            },
            |row| row.id.get(),
        );

        in_every_order(
            5,
            DefectOrder::ALL,
            |sort, page| {
                let filter: DefectFilter = filter(json!({ "sort": sort }));
                db.read(|conn| defects::list(conn, &filter, context.today(), page)).unwrap()
            },
            |row| row.id.get(),
        );

        let notified: NotificationFilter = filter(json!({}));
        let newest_first = whole(
            2,
            |page| db.read(|conn| notifications::list(conn, inspector.id, &notified, page)).unwrap(),
            |row| row.id.get(),
        );
        assert!(newest_first.is_sorted_by(|a, b| a > b));

        let newest_first = whole(
            5,
            |page| db.read(|conn| points::list(conn, inspector.id, page)).unwrap(),
            |row| row.id.get(),
        );
        assert!(newest_first.is_sorted_by(|a, b| a > b));

        let awards: AuditFilter = filter(json!({"action": "award"}));
        let newest_first = whole(
            5,
            |page| db.read(|conn| audit::list(conn, &awards, &context.calendar, page)).unwrap(),
            |row| row.id.get(),
        );
        assert!(newest_first.is_sorted_by(|a, b| a > b));
    }

    fn a_list_of_nothing_is_empty_and_not_an_error(db: TestDatabase) {
        let (context, _) = context();
        let person = user(&db, &context, Role::Engineer);
        let none = |total: i64, length: usize| assert_eq!((total, length), (0, 0));
        let page = db.read(|conn| equipment::list(conn, &filter(json!({})), ALL)).unwrap();
        none(page.total, page.items.len());
        let page = db.read(|conn| checklists::list(conn, &filter(json!({})), ALL)).unwrap();
        none(page.total, page.items.len());
        let page =
            db.read(|conn| inspections::list(conn, &person, &filter(json!({})), &context.calendar, ALL)).unwrap();
        none(page.total, page.items.len());
        let page = db.read(|conn| defects::list(conn, &filter(json!({})), context.today(), ALL)).unwrap();
        none(page.total, page.items.len());
        let page = db.read(|conn| notifications::list(conn, person.id, &filter(json!({})), ALL)).unwrap();
        none(page.total, page.items.len());
        let page = db.read(|conn| points::list(conn, person.id, ALL)).unwrap();
        none(page.total, page.items.len());
        assert!(db.read(|conn| users::by_ids(conn, [])).unwrap().is_empty());
        assert!(db.read(|conn| equipment::by_ids(conn, [])).unwrap().is_empty());
    }

    fn a_walk_by_position_meets_every_row_once_while_rows_come_and_go(db: TestDatabase) {
        let (context, clock) = context();
        let insert = |n: usize| {
            clock.advance_seconds(1);
            for _ in 0..n {
                machine(&db, &context);
            }
        };
        insert(9);
        for sort in ["created_at", "-created_at", "status", "-status", "name"] {
            let filter: EquipmentFilter = filter(json!({ "sort": sort }));
            let read = |request: PageRequest| db.read(|conn| equipment::list(conn, &filter, request)).unwrap();
            let before: Vec<_> = read(ALL).items.iter().map(|row| row.id).collect();
            let (mut walked, mut request) = (Vec::new(), PageRequest::new(1, 2));
            loop {
                let page = read(request);
                walked.extend(page.items.iter().map(|row| row.id));
                insert(1);
                // The row at which the page ended is gone, and one that is behind it already.
                for gone in [walked.len() - 1, 0] {
                    let (id, changes) = (walked[gone], status_changes::table);
                    query!(db, |c| delete(changes.filter(status_changes::equipment_id.eq(id))).execute(c));
                    query!(db, |c| delete(equipment_table::table.find(id)).execute(c));
                }
                let Some(next) = page.next else { break };
                request = PageRequest { page: next.page, after: Some(next), ..PageRequest::new(1, 2) };
            }
            let met: Vec<_> = walked.iter().filter(|id| before.contains(id)).copied().collect();
            assert_eq!(met, before, "{sort}: all rows of the beginning, once and in order");
            assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), walked.len(), "{sort}: none twice");
        }
    }

    fn totals_are_exact_up_to_the_bound_and_estimates_beyond(db: TestDatabase) {
        let (context, _) = context();
        let owner = user(&db, &context, Role::Engineer);
        let fill = |from: i64, to: i64| {
            let one = format!(
                "n, {}, 'bonus_awarded', 'info', 'x', 'x', 'x', 'x', FALSE, FALSE, '{}'",
                owner.id,
                if db.is_postgres() { "2026-03-02 08:00:00" } else { "2026-03-02T08:00:00.000Z" }
            );
            let numbers = format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {to})"
            );
            let columns = "id, user_id, type, priority, title, title_ar, message, message_ar, is_persistent, is_read, created_at";
            let statement = format!("INSERT INTO notifications ({columns}) {numbers} SELECT {one} FROM numbers");
            query!(db, |c| sql_query(&statement).execute(c));
        };
        let read = |count: Option<Counting>| {
            let request = PageRequest { count, ..PageRequest::new(1, 2) };
            let page =
                db.read(|conn| notifications::list(conn, owner.id, &filter(json!({})), request)).unwrap();
            assert!(page.next.is_some(), "from one row more, not from the total");
            (page.total, page.known)
        };
        fill(1, 10_000);
        assert_eq!(read(None), (10_000, Known::Exactly));
        fill(10_001, 10_001);
        query!(db, |c| sql_query("ANALYZE").execute(c));
        let (total, known) = read(None);
        assert_eq!(known, Known::Estimated);
        assert!((10_001..11_000).contains(&total), "{total}");
        assert_eq!(read(Some(Counting::Exact)), (10_001, Known::Exactly));
        assert_eq!(read(Some(Counting::None)), (0, Known::Not));
        assert_eq!(read(None).1, Known::Estimated, "from the estimate of a moment ago");
        query!(db, |c| sql_query("DELETE FROM notifications WHERE id > 3").execute(c));
        let last = PageRequest::new(2, 2);
        let last = db.read(|conn| notifications::list(conn, owner.id, &filter(json!({})), last)).unwrap();
        assert_eq!((last.total, last.known), (3, Known::Exactly), "the page shows the end");
    }
}
