//! The simulation: a queue of events in chronological order. Each one calls the unit of work that
//! real use would call, at its simulated time.

mod events;
mod rounds;

use std::{collections::BTreeMap, sync::Arc};

use fastrand::Rng;
use inspection_auth::passwords;
use inspection_domain::{
    assessments::Verdict,
    checklists::NewTemplate,
    equipment::{Equipment, EquipmentStatus, NewEquipment},
    ids::{AssessmentId, AssignmentId, DefectId, EquipmentId, InspectionId, JobId, UserId},
    input::Input,
    inspections::NewAnswer,
    retention::Retention,
    text::Language,
    time::{Clock, Date, Instant, SiteTimeZone},
    users::{NewUser, Password, Role, Shift, User},
};
use inspection_persistence::{Context, Database, Origin, Tx, checklists, equipment, users};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    random::{SequentialIds, SimulatedClock, duration, pick},
    site::{LOCATIONS, MACHINE_TYPES, PASSWORD, PEOPLE},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// An event of the simulation.
enum Event {
    Inspect { inspector: User, half_of: Option<AssignmentId>, is_unfinished: bool },
    Answer { inspector: User, id: InspectionId, answers: Vec<NewAnswer>, is_unfinished: bool },
    Submit { inspector: User, id: InspectionId },
    GenerateList { date: Date, shift: Shift },
    GiveVerdict { inspector: User, assessment: AssessmentId, verdict: Verdict },
    Review { id: InspectionId, inspector: UserId },
    Assign { defect: DefectId, specialist: UserId, is_worse: bool },
    Begin { defect: DefectId, specialist: User, hours: f64 },
    Resolve { defect: DefectId, specialist: User, then: FollowUp },
    ReviewWork { job: JobId },
    Close { defect: DefectId },
    Reopen { defect: DefectId },
    SetStatus { machine: EquipmentId, status: EquipmentStatus },
    AwardStars { specialist: UserId },
    RequestLeave { person: User, is_granted: bool },
    RequestStars { qe: User },
    ReadNotifications { user: User },
}

/// The fate of a resolved defect.
#[derive(Clone, Copy)]
enum FollowUp {
    Nothing,
    Closed,
    Reopened,
}

/// The generated site.
#[derive(Debug, Clone)]
pub struct Site {
    /// Accounts, in the order of their creation.
    pub people: Vec<User>,
    /// Number of machines.
    pub machines: usize,
    /// Number of inspections.
    pub inspections: usize,
    /// Number of defects.
    pub defects: usize,
}

struct DemoSimulator<'a> {
    database: &'a Database,
    clock: Arc<SimulatedClock>,
    context: Context,
    rng: Rng,
    end: Instant,
    /// Future events; the number orders those of the same instant.
    queue: BTreeMap<(Instant, u64), Event>,
    planned: u64,
    people: Vec<User>,
    machines: Vec<Equipment>,
    inspections: usize,
    defects: usize,
}

/// Simulates `days` until `end`, with the random choices of a seed.
pub(crate) fn simulate(
    database: &Database,
    calendar: &SiteTimeZone,
    end: Instant,
    days: u16,
    seed: u64,
    mut on_day: impl FnMut(u64),
) -> Result<Site> {
    let clock = Arc::new(SimulatedClock::at(end));
    let ids = Arc::new(SequentialIds::default());
    let context = Context {
        clock: Arc::<SimulatedClock>::clone(&clock),
        ids,
        calendar: calendar.clone(),
        translates: false,
        retention: Retention::default(),
    };
    let mut simulator = DemoSimulator {
        database,
        clock,
        context,
        rng: Rng::with_seed(seed),
        end,
        queue: BTreeMap::new(),
        planned: 0,
        people: Vec::new(),
        machines: Vec::new(),
        inspections: 0,
        defects: 0,
    };
    let first = calendar.date(end).plus_days(-i32::from(days));
    simulator.create_site(first.plus_days(-1))?;
    for n in 0..days {
        simulator.plan_day(calendar.start_of(first.plus_days(n.into())), n, n + 1 == days)?;
    }
    // For yesterday and today only: the simulation doesn't work through older ones.
    for date in [calendar.date(end).plus_days(-1), calendar.date(end)] {
        simulator.plan_list(calendar.start_of(date), date);
    }
    let begin = calendar.start_of(first);
    while let Some(((at, _), event)) = simulator.queue.pop_first() {
        on_day(u64::try_from((at.as_second() - begin.as_second()) / DAY).unwrap_or(0));
        simulator.clock.set(at);
        simulator.apply(event)?;
    }
    Ok(Site {
        people: simulator.people,
        machines: simulator.machines.len(),
        inspections: simulator.inspections,
        defects: simulator.defects,
    })
}

fn read<T: Input>(document: Value) -> Result<T> {
    Ok(T::from_json(document)?)
}

fn in_language_of(user: &User, (english, arabic): (&'static str, &'static str)) -> &'static str {
    match user.language {
        Language::En => english,
        Language::Ar => arabic,
    }
}

impl DemoSimulator<'_> {
    /// Runs one unit of work as an actor.
    fn act<T>(
        &self,
        actor: Option<&User>,
        work: impl FnOnce(&mut Tx<'_>) -> inspection_persistence::Result<T>,
    ) -> Result<T> {
        Ok(self.database.write(&self.context, Origin::default(), |tx| {
            if let Some(actor) = actor {
                tx.act_as(actor.clone());
            }
            work(tx)
        })?)
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Queues an event. Events after the end are dropped.
    fn plan(&mut self, at: Instant, event: Event) {
        if at < self.end {
            self.planned += 1;
            self.queue.insert((at, self.planned), event);
        }
    }

    fn all_with(&self, role: Role) -> Vec<User> {
        self.people.iter().filter(|user| user.role == role).cloned().collect()
    }

    /// The last person of a role.
    fn last_with(&self, role: Role) -> Result<User> {
        self.all_with(role).pop().ok_or(Error::Missing("person of a role"))
    }

    fn random_person(&mut self, role: Role) -> Result<User> {
        let all = self.all_with(role);
        pick(&mut self.rng, &all).cloned()
    }

    /// Creates people, machines and checklists on the day before the first.
    fn create_site(&mut self, day: Date) -> Result<()> {
        let morning = self.context.calendar.start_of(day).plus_seconds(8 * HOUR);
        self.clock.set(morning);
        // One hash for all, since hashing is slow by design.
        let hash = passwords::hash(&Password::new(PASSWORD), self.context.ids.random())?;
        for (n, person) in PEOPLE.iter().enumerate() {
            let number = 1 + PEOPLE.iter().take(n).filter(|other| other.role == person.role).count();
            let new: NewUser = read(person.account(number))?;
            // Created by the service itself, so that the password stays valid.
            let user = self.act(None, |tx| users::create(tx, new, &hash))?;
            self.people.push(user);
        }
        let admin = self.people.first().cloned();
        let mut templates = Vec::new();
        for machine_type in &MACHINE_TYPES {
            let new: NewTemplate = read(machine_type.checklist())?;
            templates.push(self.act(admin.as_ref(), |tx| checklists::create(tx, new))?.0.id);
            for n in 1..=machine_type.count {
                let location = pick(&mut self.rng, &LOCATIONS)?;
                let age = 300 + i32::try_from(self.rng.u32(0..4000))?;
                let new: NewEquipment = read(machine_type.machine(n, *location, day.plus_days(-age)))?;
                let machine = self.act(admin.as_ref(), |tx| equipment::registry::create(tx, new))?;
                self.machines.push(machine);
            }
        }
        self.plan_rounds(&templates)
    }

    /// Queues the events of a day from which all others follow.
    fn plan_day(&mut self, midnight: Instant, n: u16, is_last: bool) -> Result<()> {
        let inspectors = self.all_with(Role::Inspector);
        let rounds = if n % 9 < 5 { 6 } else { 5 };
        for round in 0..rounds {
            let inspector = pick(&mut self.rng, &inspectors)?.clone();
            let start = match inspector.shift {
                Some(Shift::Night) => 19 * HOUR + 10 * MINUTE + round * 40 * MINUTE,
                _ => 7 * HOUR + 30 * MINUTE + round * 95 * MINUTE,
            };
            let at = midnight.plus_seconds(start + duration(&mut self.rng, 0, 15 * MINUTE));
            // Some inspections of the last day stay unfinished.
            let is_unfinished = is_last && round % 2 == 0;
            self.plan(at, Event::Inspect { inspector, half_of: None, is_unfinished });
        }
        for (position, user) in (0_u16..).zip(self.people.clone()) {
            let reads = (n + position).is_multiple_of(9);
            if reads && !is_last {
                self.plan(midnight.plus_seconds(12 * HOUR), Event::ReadNotifications { user });
            }
        }
        if is_last {
            for (role, is_granted) in [(Role::Inspector, true), (Role::Specialist, false)] {
                let person = self.last_with(role)?;
                self.plan(midnight.plus_seconds(9 * HOUR), Event::RequestLeave { person, is_granted });
            }
            let qe = self.last_with(Role::QualityEngineer)?;
            self.plan(midnight.plus_seconds(11 * HOUR), Event::RequestStars { qe });
        }
        let change = match n {
            40 => Some((11, EquipmentStatus::OutOfService)),
            87 => Some((30, EquipmentStatus::Paused)),
            86 => Some((17, EquipmentStatus::UnderMaintenance)),
            _ => None,
        };
        if let Some((number, status)) = change {
            let machine = self.machines.get(number).ok_or(Error::Missing("such machine"))?.id;
            self.plan(midnight.plus_seconds(10 * HOUR), Event::SetStatus { machine, status });
        }
        Ok(())
    }
}
