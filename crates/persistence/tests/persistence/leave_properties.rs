//! Invariants of leaves under random commands and passing days: a person is on leave exactly while
//! a leave in force covers today, and covers others exactly while a leave in force names them
//! (§10).

use std::cell::RefCell;

use inspection_domain::{
    leaves::Leave,
    time::Date,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, DbConnection, Error, leaves};
use inspection_testkit::{
    DatabaseKind, TestDatabase,
    builders::{act, input, user},
    context::{FixedClock, context},
    or_skip,
    skips::Skipped,
};
use proptest::{
    prelude::{ProptestConfig, any, prop},
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::{ALL, leaves::now};

struct TestSite {
    db: TestDatabase,
    context: Context,
    clock: std::sync::Arc<FixedClock>,
    admin: User,
    people: Vec<User>,
}

impl TestSite {
    fn new(kind: DatabaseKind) -> Result<Self, Skipped> {
        let db = TestDatabase::new(kind)?;
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let roles = [Role::Inspector, Role::Inspector, Role::Specialist, Role::Specialist];
        let people = roles.map(|role| user(&db, &context, role)).to_vec();
        Ok(Self { db, context, clock, admin, people })
    }

    fn all(&self) -> Vec<Leave> {
        self.db.read(|conn| leaves::list(conn, &self.admin, &input(json!({})), ALL)).expect("leaves").items
    }

    /// One step, allowed or not.
    fn step(&self, (what, who, which, days): (u8, u8, u8, u8)) {
        let (db, context, admin): (&Database, _, _) = (&self.db, &self.context, &self.admin);
        let person = &self.people[usize::from(who) % self.people.len()];
        let other = &self.people[usize::from(which) % self.people.len()];
        let known = self.all();
        let leave = (!known.is_empty()).then(|| known[usize::from(which) % known.len()].id);
        let outcome = match (what % 8, leave) {
            (0 | 1, _) => {
                let from = context.today().plus_days(i32::from(days % 5) - 1);
                let to = from.plus_days(i32::from(days / 5 % 4));
                let body = json!({"leave_type": "annual", "date_from": from, "date_to": to});
                act(db, context, person, |tx| leaves::request(tx, input(body))).map(drop)
            }
            (2, Some(id)) => {
                act(db, context, admin, |tx| leaves::approve(tx, id, &input(json!({})))).map(drop)
            }
            (3, Some(id)) => {
                let body = json!({"coverage_user_id": person.id});
                act(db, context, admin, |tx| leaves::approve(tx, id, &input(body))).map(drop)
            }
            (4, Some(id)) => {
                let body = json!({"coverage_user_id": person.id});
                act(db, context, admin, |tx| leaves::assign_coverage(tx, id, &input(body))).map(drop)
            }
            (5, Some(id)) => act(db, context, admin, |tx| leaves::end(tx, id)).map(drop),
            (6, Some(id)) if days % 2 == 0 => act(db, context, other, |tx| leaves::cancel(tx, id)).map(drop),
            (6, Some(id)) => {
                act(db, context, admin, |tx| leaves::reject(tx, id, input(json!({"reason": "no"})))).map(drop)
            }
            _ => {
                self.clock.advance_seconds(86_400);
                self.night();
                Ok(())
            }
        };
        assert!(matches!(outcome, Ok(()) | Err(Error::Rule(_))), "{outcome:?}");
    }

    /// The scheduled tasks at the end of a day.
    fn night(&self) {
        let today = self.context.today();
        let (db, context) = (&self.db, &self.context);
        for id in db.read(|conn| leaves::expired(conn, today)).expect("leaves") {
            act(db, context, &self.admin, |tx| leaves::end(tx, id)).expect("over");
        }
        let turning =
            |conn: &mut DbConnection| leaves::turning(conn, self.context.clock.now(), &self.context.calendar);
        for id in db.read(turning).expect("leaves") {
            act(db, context, &self.admin, |tx| leaves::begin(tx, id)).expect("begun");
        }
    }

    fn all_is_well(&self) {
        let (today, all): (Date, _) = (self.context.today(), self.all());
        for person in &self.people {
            let now = now(&self.db, person);
            let own = |leave: &&Leave| leave.user_id == person.id;
            assert_eq!(now.is_on_leave, all.iter().filter(own).any(|leave| leave.covers(today)), "{all:?}");
            let covered = || {
                all.iter().filter(|leave| leave.coverage_user_id == Some(person.id) && leave.is_in_force())
            };
            assert_eq!(now.leave_coverage_for.is_some(), covered().count() > 0, "{all:?}");
            let needs =
                person.role == Role::Specialist && covered().any(|leave| leave.coverage_badge.is_some());
            assert_eq!(now.minor_role, needs.then_some(Role::Inspector), "{all:?}");
            for (n, leave) in all.iter().enumerate() {
                let twin = |other: &&Leave| other.user_id == leave.user_id && other.is_open();
                let rest = all.iter().skip(n + 1).filter(twin);
                assert!(
                    !leave.is_open()
                        || !rest.clone().any(|other| other.overlaps(leave.date_from, leave.date_to))
                );
            }
        }
    }
}

fn whatever_is_done(kind: DatabaseKind, cases: u32) {
    let site = or_skip!(TestSite::new(kind));
    let site = RefCell::new(site);
    let steps = prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..25);
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::default()))
        .run(&steps, |steps| {
            let site = site.borrow();
            for step in steps {
                site.step(step);
                site.all_is_well();
            }
            // Ends all leaves, so that the next case starts clean.
            for leave in site.all() {
                drop(act(&site.db, &site.context, &site.admin, |tx| leaves::end(tx, leave.id)));
                drop(act(&site.db, &site.context, &site.admin, |tx| {
                    leaves::reject(tx, leave.id, input(json!({"reason": "no"})))
                }));
            }
            site.all_is_well();
            site.clock.advance_seconds(30 * 86_400);
            Ok(())
        })
        .expect("all is well");
}

#[test]
fn who_is_on_leave_follows_from_the_leaves_sqlite() {
    whatever_is_done(DatabaseKind::Sqlite, 24);
}

#[test]
fn who_is_on_leave_follows_from_the_leaves_postgres() {
    whatever_is_done(DatabaseKind::Postgres, 12);
}
