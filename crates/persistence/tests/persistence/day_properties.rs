//! Invariants of inspection days under random commands: counters, points and the status of
//! machines.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use diesel::prelude::*;
use inspection_domain::{
    assessments::{Assessment, AssessmentFilter, AssessmentStatus, Verdict},
    assignments::{AssignTeam, Assignment, AssignmentStatus},
    daily_lists::GenerateList,
    equipment::{Equipment, EquipmentStatus},
    ids::{AssessmentId, InspectionId, UserId},
    inspections::{Inspection, InspectionFilter, StartInspection},
    points::PointKind,
    rule::Code,
    schema::point_entries,
    users::{Category, Role, User},
};
use inspection_persistence::{
    Context, Error, Result, assessments, assignments, daily_lists, inspections, users,
};
use inspection_testkit::{
    TestDatabase,
    builders::{
        CRITICAL, TODAY, Team, act, answers, checklist, equipment, input, routine, team, user, verdict,
    },
    context::context,
    invariants, on_both_databases,
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof},
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::{
    ALL,
    assessments::{TOMORROW, decide, set_status, status_of, true_lists},
    filter,
    ratings::{rate, rerate},
};

/// Selects a target: one that is ready for the command, if requested and available, or any.
#[derive(Debug, Clone, Copy)]
struct Pick {
    is_ready: bool,
    n: usize,
}

impl Pick {
    fn of<T>(self, all: &[T], ready: impl Fn(&T) -> bool) -> Option<&T> {
        let suitable: Vec<&T> = all.iter().filter(|one| self.is_ready && ready(one)).collect();
        if suitable.is_empty() {
            all.get(self.n % all.len().max(1))
        } else {
            Some(suitable[self.n % suitable.len()])
        }
    }
}

/// Each assignment with either half.
fn halves<T: Clone>(all: Vec<T>) -> Vec<(T, Category)> {
    all.into_iter().flat_map(|of| Category::ALL.iter().map(move |half| (of.clone(), *half))).collect()
}

/// Whether a half of an assignment is due.
fn is_open(of: &Assignment, half: Category) -> bool {
    let done = match half {
        Category::Mechanical => AssignmentStatus::MechComplete,
        Category::Electrical => AssignmentStatus::ElecComplete,
    };
    AssignmentStatus::UNFINISHED.contains(&of.status) && of.status != done
}

/// Whether an inspector's verdict is missing.
fn awaits_verdict(of: &Assessment, half: Category) -> bool {
    let given = match half {
        Category::Mechanical => of.mechanical_verdict,
        Category::Electrical => of.electrical_verdict,
    };
    of.status == AssessmentStatus::Pending && given.is_none()
}

/// An attempted command.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    Generate { tomorrow: bool, refresh: bool },
    Assign { which: Pick, team: usize },
    Start { which: Pick },
    HandIn { which: Pick, fails: bool },
    Judge { which: Pick, verdict: Verdict },
    Decide { which: Pick, decision: Verdict },
    Rate { which: Pick, bonus: i64 },
    Rerate { which: Pick, bonus: i64 },
    SetStatus { machine: usize, status: EquipmentStatus },
}

impl Attempt {
    fn kind(self) -> &'static str {
        match self {
            Self::Generate { .. } => "generate",
            Self::Assign { .. } => "assign",
            Self::Start { .. } => "start",
            Self::HandIn { .. } => "hand in",
            Self::Judge { .. } => "judge",
            Self::Decide { .. } => "decide",
            Self::Rate { .. } => "rate",
            Self::Rerate { .. } => "rerate",
            Self::SetStatus { .. } => "set status",
        }
    }
}

fn attempt() -> impl Strategy<Value = Attempt> {
    // Usually on a target that is ready.
    let which = || (0..5_u8, 0..60_usize).prop_map(|(luck, n)| Pick { is_ready: luck > 0, n });
    let word = || prop_oneof![3 => Just(Verdict::Operational), 2 => Just(Verdict::Urgent)];
    let status = (0..EquipmentStatus::ALL.len()).prop_map(|n| EquipmentStatus::ALL[n]);
    prop_oneof![
        3 => (any::<bool>(), 0..4_u8)
            .prop_map(|(tomorrow, luck)| Attempt::Generate { tomorrow, refresh: luck > 0 }),
        4 => (which(), 0..2_usize).prop_map(|(which, team)| Attempt::Assign { which, team }),
        2 => which().prop_map(|which| Attempt::Start { which }),
        10 => (which(), any::<bool>()).prop_map(|(which, fails)| Attempt::HandIn { which, fails }),
        9 => (which(), word()).prop_map(|(which, verdict)| Attempt::Judge { which, verdict }),
        3 => (which(), word()).prop_map(|(which, decision)| Attempt::Decide { which, decision }),
        2 => (which(), 0..=10_i64).prop_map(|(which, bonus)| Attempt::Rate { which, bonus }),
        3 => (which(), 0..=10_i64).prop_map(|(which, bonus)| Attempt::Rerate { which, bonus }),
        2 => (0..3_usize, status).prop_map(|(machine, status)| Attempt::SetStatus { machine, status }),
    ]
}

/// The sources of a machine's status: the admin's choice, and the assessments that hold it stopped.
struct Machine {
    given: EquipmentStatus,
    held_by: BTreeSet<AssessmentId>,
}

impl Machine {
    fn status(&self) -> EquipmentStatus {
        if self.held_by.is_empty() { self.given } else { EquipmentStatus::Stopped }
    }

    fn give(&mut self, status: EquipmentStatus) {
        if status != self.status() {
            self.given = status;
            self.held_by.clear();
        }
    }

    fn judge(&mut self, by: &Assessment) {
        let verdicts = [by.mechanical_verdict, by.electrical_verdict];
        let is_urgent = match by.decision {
            Some(decision) => decision == Verdict::Urgent,
            None => verdicts.contains(&Some(Verdict::Urgent)),
        };
        if is_urgent {
            self.held_by.insert(by.id);
        } else {
            self.held_by.remove(&by.id);
        }
    }
}

struct TestSite<'db> {
    db: &'db TestDatabase,
    context: Context,
    admin: User,
    teams: [Team; 2],
    machines: [Equipment; 3],
    expected: [Machine; 3],
    rated: BTreeSet<InspectionId>,
}

impl<'db> TestSite<'db> {
    fn new(db: &'db TestDatabase) -> Self {
        let (context, _) = context();
        let admin = user(db, &context, Role::Admin);
        let (template, _) = checklist(db, &context, &admin);
        routine(db, &context, &admin, template.id);
        let teams = [team(db, &context), team(db, &context)];
        let machines = std::array::from_fn(|_| equipment(db, &context));
        let expected =
            std::array::from_fn(|_| Machine { given: EquipmentStatus::Active, held_by: BTreeSet::new() });
        Self { db, context, admin, teams, machines, expected, rated: BTreeSet::new() }
    }

    fn person(&self, id: Option<UserId>) -> &User {
        let people = self.teams.iter().flat_map(Team::both);
        people.into_iter().find(|person| Some(person.id) == id).unwrap_or(&self.teams[0].mechanical)
    }

    fn assignments(&self) -> Vec<Assignment> {
        true_lists(self.db).into_iter().flat_map(|(_, on_it)| on_it).collect()
    }

    fn assessments(&self) -> Vec<Assessment> {
        let all: AssessmentFilter = filter(json!({}));
        self.db.read(|conn| assessments::list(conn, &self.admin, &all, ALL)).expect("a list").items
    }

    /// An inspection; a ready one is submitted and rated, or not rated.
    fn inspection(&self, which: Pick, is_rated: bool) -> Option<InspectionId> {
        let all: InspectionFilter = filter(json!({"sort": "id"}));
        let site = &self.context.calendar;
        let found =
            self.db.read(|conn| inspections::list(conn, &self.admin, &all, site, ALL)).expect("a list");
        let ready = |of: &Inspection| of.submitted_at.is_some() && self.rated.contains(&of.id) == is_rated;
        which.of(&found.items, ready).map(|inspection| inspection.id)
    }

    fn machine(&mut self, of: &Assessment) -> &mut Machine {
        let n =
            self.machines.iter().position(|machine| machine.id == of.equipment_id).expect("one of the three");
        &mut self.expected[n]
    }

    /// The outcome of the attempt; `None` without a target.
    fn make(&mut self, attempt: Attempt) -> Option<Result<()>> {
        let (db, context) = (self.db, self.context.clone());
        Some(match attempt {
            Attempt::Generate { tomorrow, refresh } => {
                let date = if tomorrow { TOMORROW } else { TODAY };
                let request: GenerateList =
                    input(json!({"target_date": date, "shift": "day", "refresh": refresh}));
                act(db, &context, &self.admin, |tx| daily_lists::generate(tx, &request)).map(|_| ())
            }
            Attempt::Assign { which, team } => {
                let all = self.assignments();
                let id = which.of(&all, |of| of.status == AssignmentStatus::Unassigned)?.id;
                let team = &self.teams[team];
                let members: AssignTeam = input(json!({
                    "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
                }));
                act(db, &context, &self.admin, |tx| assignments::assign(tx, id, &members)).map(|_| ())
            }
            Attempt::Start { which } => {
                let all = halves(self.assignments());
                let (of, half) = which.of(&all, |(of, half)| is_open(of, *half))?;
                let inspector = self.person(of.inspector(*half));
                let what: StartInspection = input(json!({"assignment_id": of.id}));
                act(db, &context, inspector, |tx| inspections::start(tx, &what)).map(|_| ())
            }
            Attempt::HandIn { which, fails } => {
                let all = halves(self.assignments());
                let (of, half) = which.of(&all, |(of, half)| is_open(of, *half))?;
                let inspector = self.person(of.inspector(*half));
                let what: StartInspection = input(json!({"assignment_id": of.id}));
                act(db, &context, inspector, |tx| inspections::start(tx, &what)).and_then(|(sheet, _)| {
                    let given = answers(&sheet, if fails { &[CRITICAL] } else { &[] });
                    let id = sheet.inspection.id;
                    act(db, &context, inspector, |tx| inspections::answer(tx, id, given, |_| None))?;
                    act(db, &context, inspector, |tx| inspections::submit(tx, id)).map(|_| ())
                })
            }
            Attempt::Judge { which, verdict: given } => {
                let all = halves(self.assessments());
                let (of, half) = which.of(&all, |(of, half)| awaits_verdict(of, *half))?;
                let [mechanical, electrical] = of.inspectors();
                let inspector = self.person(Some(match half {
                    Category::Mechanical => mechanical,
                    Category::Electrical => electrical,
                }));
                let judged = verdict(db, &context, inspector, of.id, given);
                judged.map(|judged| self.machine(&judged).judge(&judged))
            }
            Attempt::Decide { which, decision } => {
                let all = self.assessments();
                let of = which.of(&all, |of| of.equipment_hold.is_some())?;
                let decided = decide(db, &context, &self.admin, of.id, decision);
                decided.map(|decided| self.machine(&decided).judge(&decided))
            }
            Attempt::Rate { which, bonus } => {
                let id = self.inspection(which, false)?;
                let rated =
                    rate(db, &context, &self.admin, id, json!({"rating": 4, "admin_quality_bonus": bonus}));
                rated.map(|rated| _ = self.rated.insert(rated.inspection_id))
            }
            Attempt::Rerate { which, bonus } => {
                let id = self.inspection(which, true)?;
                rerate(db, &context, &self.admin, id, json!({"admin_quality_bonus": bonus})).map(|_| ())
            }
            Attempt::SetStatus { machine, status } => {
                let changed = set_status(db, &context, &self.admin, self.machines[machine].id, status);
                changed.map(|_| self.expected[machine].give(status))
            }
        })
    }

    /// Checks the invariants.
    fn check(&self) {
        let db = self.db;
        let on_lists: BTreeMap<_, _> = self.assignments().into_iter().map(|of| (of.id, of)).collect();
        invariants::assert_kept(db, &self.context);

        let own = point_entries::table.filter(point_entries::kind.eq(PointKind::Assessment));
        let columns =
            (point_entries::related_id.assume_not_null(), point_entries::user_id, point_entries::amount);
        let mut given: Vec<(i64, i64, i64)> = query!(db, |c| own
            .order((point_entries::related_id, point_entries::user_id))
            .select(columns)
            .load(c));
        let found = self.assessments();
        let mut expected = Vec::new();
        for of in &found {
            let is_done = of.status == AssessmentStatus::Completed;
            let stage =
                if is_done { AssignmentStatus::Completed } else { AssignmentStatus::AssessmentPending };
            assert_eq!(on_lists[&of.assignment_id].status, stage, "{of:?}");
            if is_done {
                expected.extend(of.inspectors().map(|inspector| (of.id.get(), inspector.get(), 1)));
            }
        }
        expected.sort_unstable();
        given.sort_unstable();
        assert_eq!(given, expected, "one point each for a finished assessment, and none before");
        let assessed: BTreeSet<_> = found.iter().map(|of| of.assignment_id).collect();
        for of in on_lists.values() {
            let has_one =
                matches!(of.status, AssignmentStatus::AssessmentPending | AssignmentStatus::Completed);
            assert_eq!(assessed.contains(&of.id), has_one, "{of:?}");
        }

        for (machine, expected) in self.machines.iter().zip(&self.expected) {
            let holding: BTreeSet<AssessmentId> = found
                .iter()
                .filter(|of| of.equipment_id == machine.id && of.equipment_hold.is_some())
                .map(|of| of.id)
                .collect();
            let status = status_of(db, machine.id);
            assert!(holding.is_empty() || status == EquipmentStatus::Stopped, "{holding:?} {status}");
            assert_eq!((&holding, status), (&expected.held_by, expected.status()));
        }
    }
}

/// The start of every case: usually a list with a team.
const BEGINNING: [Attempt; 3] = [
    Attempt::Generate { tomorrow: false, refresh: false },
    Attempt::Generate { tomorrow: true, refresh: true },
    Attempt::Assign { which: Pick { is_ready: true, n: 0 }, team: 0 },
];

/// Minimum number of successful attempts per kind over the whole run.
const LEAST: [(&str, u32); 9] = [
    ("generate", 20),
    ("assign", 20),
    ("start", 4),
    ("hand in", 40),
    ("judge", 20),
    ("decide", 10),
    ("rate", 8),
    ("rerate", 4),
    ("set status", 10),
];

on_both_databases! {
    fn no_sequence_of_commands_on_inspection_days_corrupts_counters_points_or_machines(db: TestDatabase) {
        let tally: RefCell<BTreeMap<&str, [u32; 2]>> = RefCell::default();
        let attempts = prop::collection::vec(attempt(), 50);
        // Deterministic cases without a regression file: a failure shows again at the next run.
        let config = ProptestConfig {
            cases: 8, failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default()
        };
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::default()))
            .run(&attempts, |attempts| {
                let db = TestDatabase::new(db.kind).expect("another one");
                let mut site = TestSite::new(&db);
                for attempt in BEGINNING.into_iter().chain(attempts) {
                    let outcome = match site.make(attempt) {
                        None => continue,
                        Some(Ok(())) => 0,
                        // Without concurrency there is no conflict.
                        Some(Err(Error::Rule(rule))) if rule.code() != Code::Conflict => 1,
                        Some(Err(other)) => panic!("{attempt:?}: {other:?}"),
                    };
                    tally.borrow_mut().entry(attempt.kind()).or_default()[outcome] += 1;
                    site.check();
                }
                let people = db.read(|conn| users::list(conn, &filter(json!({})), ALL)).expect("people");
                assert_eq!(people.total, 5);
                Ok(())
            })
            .unwrap();
        let tally = tally.into_inner();
        for (kind, least) in LEAST {
            let [done, _] = tally.get(kind).copied().unwrap_or_default();
            assert!(done >= least, "{kind}: too few of {tally:?}");
        }
        let refused: u32 = tally.values().map(|[_, refused]| refused).sum();
        assert!(refused >= 40, "rules have been tried, too: {tally:?}");
    }
}
