use inspection_domain::{
    audit::AuditFilter,
    defects::{DefectFilter, DefectStatus},
    equipment::EquipmentStatus,
    inspections::{InspectionFilter, InspectionStatus},
    text::Language,
    time::{Instant, SiteTimeZone},
    users::{NewUser, Role},
};
use inspection_persistence::{
    Origin, Tx, assignments, audit, checklists, daily_lists, defects, inspections, notifications,
};

use inspection_testkit::{DatabaseKind, TestDatabase};

use super::*;

/// A page that holds all of any list.
const ALL: PageRequest = PageRequest { page: 1, per_page: 100_000 };

struct Dump {
    people: Vec<inspection_domain::users::User>,
    machines: Vec<inspection_domain::equipment::Equipment>,
    checklists: Vec<checklists::Checklist>,
    inspections: Vec<inspection_domain::inspections::Inspection>,
    defects: Vec<inspection_domain::defects::Defect>,
    overdue: i64,
    lists: Vec<inspection_domain::daily_lists::InspectionList>,
    backlog: i64,
    /// For each person: all, unread.
    notifications: Vec<(i64, i64)>,
    points: i64,
    trail: Vec<inspection_domain::audit::AuditEntry>,
    mismatches: usize,
}

fn dump(database: &Database, calendar: &SiteTimeZone, end: Instant) -> Dump {
    database
        .read(|conn| {
            let people = users::list(conn, &everything()?, ALL)?.items;
            let viewer = people.iter().find(|user| user.is_admin()).expect("an admin").clone();
            let overdue = DefectFilter { overdue: Some(true), ..everything()? };
            let mut counts = Vec::new();
            for user in &people {
                let all = notifications::list(conn, user.id, &everything()?, PageRequest::first(1))?.total;
                counts.push((all, notifications::unread_count(conn, user.id)?));
            }
            let found = everything::<InspectionFilter>()?;
            Ok(Dump {
                machines: equipment::list(conn, &everything()?, ALL)?.items,
                checklists: checklists::list(conn, &everything()?, ALL)?.items,
                inspections: inspections::list(conn, &viewer, &found, calendar, ALL)?.items,
                defects: defects::list(conn, &everything()?, calendar.date(end), ALL)?.items,
                overdue: defects::list(conn, &overdue, calendar.date(end), ALL)?.total,
                lists: daily_lists::list(conn, &everything()?, ALL)?.items,
                backlog: assignments::backlog(conn, end, ALL)?.total,
                notifications: counts,
                points: people.iter().map(|user| user.total_points).sum(),
                trail: audit::list(conn, &everything::<AuditFilter>()?, calendar, ALL)?.items,
                mismatches: inspection_testkit::ledger::mismatches(conn)?.len(),
                people,
            })
        })
        .expect("read")
}

/// An empty, migrated database.
fn empty() -> TestDatabase {
    TestDatabase::new(DatabaseKind::Sqlite).expect("SQLite")
}

fn generated(days: u16, end: &str) -> Dump {
    let (test, calendar) = (empty(), SiteTimeZone::utc());
    let end = Instant::parse(end).expect("an instant");
    generate(&test.database, &calendar, end, days, |_| ()).expect("generated");
    dump(&test.database, &calendar, end)
}

#[test]
fn the_site_is_believable() {
    let end = "2026-03-01T00:00:00Z";
    let site = generated(DAYS, end);
    let role = |role| site.people.iter().filter(|user| user.role == role).count();
    assert_eq!(Role::ALL.iter().map(|r| role(*r)).collect::<Vec<_>>(), [2, 8, 5, 3, 2]);
    assert!(site.people.iter().any(|user| user.minor_role.is_some()));
    assert!(site.people.iter().filter(|user| user.language == Language::Ar).count() >= 8);
    assert_eq!((site.machines.len(), site.checklists.len()), (40, 6));
    for status in EquipmentStatus::ALL {
        assert!(site.machines.iter().any(|machine| machine.status == *status), "no machine is {status}");
    }

    let inspections = |status| site.inspections.iter().filter(|i| i.status == status).count();
    assert!((510..=524).contains(&site.inspections.len()), "{}", site.inspections.len());
    assert!(inspections(InspectionStatus::Reviewed) > 350);
    assert!(
        (1..=4).contains(&inspections(InspectionStatus::Draft)),
        "{}",
        inspections(InspectionStatus::Draft)
    );
    let end = Instant::parse(end).expect("an instant");
    assert!(site.trail.iter().all(|entry| entry.at < end), "nothing happens in the future");
    assert!(site.trail.is_sorted_by(|newer, older| newer.at >= older.at), "things happen in order");

    let defects = |status| site.defects.iter().filter(|defect| defect.status == status).count();
    assert!((100..200).contains(&site.defects.len()), "{}", site.defects.len());
    assert!(defects(DefectStatus::Closed) > 40 && defects(DefectStatus::Resolved) > 20);
    assert!((5..40).contains(&site.overdue), "{}", site.overdue);
    let approved = site.trail.iter().filter(|entry| entry.action.as_str() == "approve").count();
    assert!(approved > 60, "work is reviewed: {approved}");
    let reopened = site.trail.iter().filter(|entry| entry.action.as_str() == "reopen").count();
    assert_eq!(reopened, 1);

    let days: Vec<_> = site.lists.iter().map(|list| (list.assigned_assets, list.completed_assets)).collect();
    assert_eq!(days, [(6, 0), (6, 0), (6, 6), (6, 5)], "the latest first: {:?}", site.lists);
    assert_eq!(site.backlog, 0);
    let stopped = site.trail.iter().filter(|entry| entry.action.as_str() == "stop").count();
    assert_eq!(stopped, 1, "by an urgent verdict");

    let (all, unread): (Vec<i64>, Vec<i64>) = site.notifications.iter().copied().unzip();
    let (all, unread) = (all.iter().sum::<i64>(), unread.iter().sum::<i64>());
    assert!(0 < unread && unread < all / 2, "{unread} of {all} are unread");
    assert!(site.points > 20, "{}", site.points);
    assert_eq!(site.mismatches, 0, "totals are the sums of the ledger");
}

#[test]
fn the_site_is_the_same_every_time() {
    let end = "2026-03-01T00:00:00Z";
    let [one, other] = [generated(12, end), generated(12, end)];
    assert_eq!(one.people, other.people);
    assert_eq!(one.machines, other.machines);
    assert_eq!(one.inspections, other.inspections);
    assert_eq!(one.defects, other.defects);
    assert_eq!(one.lists, other.lists);
    assert_eq!(one.notifications, other.notifications);
    assert_eq!(one.trail, other.trail);
    // On another day all times move by the same amount, and nothing else changes.
    let later = generated(12, "2026-08-17T00:00:00Z");
    assert_eq!(one.trail.len(), later.trail.len());
    assert_eq!(one.overdue, later.overdue);
}

#[test]
fn only_an_empty_database_is_filled() {
    let test = empty();
    let (database, (context, _)) = (&test.database, inspection_testkit::context::context());
    let fresh = || database.read(is_fresh).expect("read");
    assert!(fresh());
    let admin = |email: &str| {
        let new = NewUser::from_json(serde_json::json!({
            "email": email, "full_name": "Somebody", "password": "correct horse", "role": "admin",
        }));
        let create = |tx: &mut Tx<'_>| users::create(tx, new.expect("valid"), "unused");
        database.write(&context, Origin::default(), create).expect("created");
    };
    admin("one@example.com");
    assert!(fresh(), "a first admin is no site");
    admin("two@example.com");
    assert!(!fresh(), "two accounts are");
    let refused = generate(database, &SiteTimeZone::utc(), context.clock.now(), 1, |_| ());
    assert!(refused.expect_err("refused").to_string().contains("in use"));
}
