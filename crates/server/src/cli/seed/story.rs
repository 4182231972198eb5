//! What happened at the invented site: a queue of events in the order of time, each carried out by the unit of
//! work that real use would carry it out by, at the time it has in the story.

mod events;
mod rounds;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result};
use inspection_auth::passwords;
use inspection_domain::{
    assessments::Verdict,
    checklists::NewTemplate,
    equipment::{Equipment, EquipmentStatus, NewEquipment},
    ids::{AssessmentId, AssignmentId, DefectId, EquipmentId, InspectionId, JobId, UserId},
    input::Input,
    inspections::NewAnswer,
    text::Language,
    time::{Clock, Date, Instant, SiteTimeZone},
    users::{NewUser, Password, Role, Shift, User},
};
use inspection_persistence::{Context, Database, Origin, Tx, checklists, equipment, users};
use serde_json::Value;

use super::{
    chance::{Dice, StoryClock, StoryIds},
    site::{KINDS, PASSWORD, PEOPLE, PLACES},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Something that happens.
enum Event {
    Inspect { inspector: User, half_of: Option<AssignmentId>, is_left: bool },
    Answer { inspector: User, id: InspectionId, answers: Vec<NewAnswer>, is_left: bool },
    Submit { inspector: User, id: InspectionId },
    List { date: Date, shift: Shift },
    Judge { inspector: User, assessment: AssessmentId, verdict: Verdict },
    Review { id: InspectionId, inspector: UserId },
    Assign { defect: DefectId, specialist: UserId, is_worse: bool },
    Begin { defect: DefectId, specialist: User, hours: f64 },
    Resolve { defect: DefectId, specialist: User, then: After },
    CheckWork { job: JobId },
    Close { defect: DefectId },
    Reopen { defect: DefectId },
    SetStatus { machine: EquipmentId, status: EquipmentStatus },
    Thank { specialist: UserId },
    AskForLeave { person: User, is_granted: bool },
    AskForStars { qe: User },
    ReadNotifications { user: User },
}

/// What becomes of a resolved defect.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    Closed,
    Reopened,
}

/// What there is now.
pub(super) struct Told {
    pub(super) people: Vec<User>,
    pub(super) machines: usize,
    pub(super) inspections: usize,
    pub(super) defects: usize,
}

struct Story<'a> {
    database: &'a Database,
    clock: Arc<StoryClock>,
    context: Context,
    dice: Dice,
    end: Instant,
    /// What is to happen; the number keeps those of the same instant in order.
    queue: BTreeMap<(Instant, u64), Event>,
    planned: u64,
    people: Vec<User>,
    machines: Vec<Equipment>,
    inspections: usize,
    defects: usize,
}

/// Tells the story of so many days until `end`, and says after each how many are over.
pub(super) fn tell(
    database: &Database,
    site: &SiteTimeZone,
    end: Instant,
    days: u16,
    mut on_day: impl FnMut(u64),
) -> Result<Told> {
    let clock = Arc::new(StoryClock::at(end));
    let ids = Arc::new(StoryIds::default());
    let context =
        Context { clock: Arc::<StoryClock>::clone(&clock), ids, calendar: site.clone(), translates: false };
    let mut story = Story {
        database,
        clock,
        context,
        dice: Dice::new(20),
        end,
        queue: BTreeMap::new(),
        planned: 0,
        people: Vec::new(),
        machines: Vec::new(),
        inspections: 0,
        defects: 0,
    };
    let first = site.date(end).plus_days(-i32::from(days));
    story.found_site(first.plus_days(-1))?;
    for n in 0..days {
        story.plan_day(site.start_of(first.plus_days(n.into())), n, n + 1 == days)?;
    }
    // Of yesterday and today: there is nobody in the story who would see to older ones.
    for date in [site.date(end).plus_days(-1), site.date(end)] {
        story.plan_list(site.start_of(date), date);
    }
    let begin = site.start_of(first);
    while let Some(((at, _), event)) = story.queue.pop_first() {
        on_day(u64::try_from((at.as_second() - begin.as_second()) / DAY).unwrap_or(0));
        story.clock.set(at);
        story.happen(event)?;
    }
    Ok(Told {
        people: story.people,
        machines: story.machines.len(),
        inspections: story.inspections,
        defects: story.defects,
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

impl Story<'_> {
    /// One unit of work, by somebody.
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

    /// Lets something happen later; what would lie in the future hasn't happened yet.
    fn plan(&mut self, at: Instant, event: Event) {
        if at < self.end {
            self.planned += 1;
            self.queue.insert((at, self.planned), event);
        }
    }

    fn all_with(&self, role: Role) -> Vec<User> {
        self.people.iter().filter(|user| user.role == role).cloned().collect()
    }

    /// The one with this role who came last.
    fn last_with(&self, role: Role) -> Result<User> {
        self.all_with(role).pop().context("nobody with this role")
    }

    fn somebody(&mut self, role: Role) -> Result<User> {
        let all = self.all_with(role);
        self.dice.pick(&all).cloned()
    }

    /// People, machines and checklists, on the day before the first.
    fn found_site(&mut self, day: Date) -> Result<()> {
        let morning = self.context.calendar.start_of(day).plus_seconds(8 * HOUR);
        self.clock.set(morning);
        // Once for all of them: hashing is slow on purpose.
        let hash = passwords::hash(&Password::new(PASSWORD), self.context.ids.random())?;
        for (n, person) in PEOPLE.iter().enumerate() {
            let number = 1 + PEOPLE.iter().take(n).filter(|other| other.role == person.role).count();
            let new: NewUser = read(person.account(number))?;
            let user = self.act(self.people.first(), |tx| users::create(tx, new, &hash))?;
            self.people.push(user);
        }
        let admin = self.people.first().cloned();
        let mut templates = Vec::new();
        for kind in &KINDS {
            let new: NewTemplate = read(kind.checklist())?;
            templates.push(self.act(admin.as_ref(), |tx| checklists::create(tx, new))?.0.id);
            for n in 1..=kind.count {
                let place = self.dice.pick(&PLACES)?;
                let age = 300 + i32::try_from(self.dice.roll(4000))?;
                let new: NewEquipment = read(kind.machine(n, *place, day.plus_days(-age)))?;
                let machine = self.act(admin.as_ref(), |tx| equipment::create(tx, new))?;
                self.machines.push(machine);
            }
        }
        self.plan_rounds(&templates)
    }

    /// What people have in mind for a day; the rest follows from it.
    fn plan_day(&mut self, midnight: Instant, n: u16, is_last: bool) -> Result<()> {
        let inspectors = self.all_with(Role::Inspector);
        let rounds = if n % 9 < 5 { 6 } else { 5 };
        for round in 0..rounds {
            let inspector = self.dice.pick(&inspectors)?.clone();
            let start = match inspector.shift {
                Some(Shift::Night) => 19 * HOUR + 10 * MINUTE + round * 40 * MINUTE,
                _ => 7 * HOUR + 30 * MINUTE + round * 95 * MINUTE,
            };
            let at = midnight.plus_seconds(start + self.dice.between(0, 15 * MINUTE));
            // Some of the last day's are not finished yet.
            let is_left = is_last && round % 2 == 0;
            self.plan(at, Event::Inspect { inspector, half_of: None, is_left });
        }
        for (place, user) in (0_u16..).zip(self.people.clone()) {
            let reads = (n + place).is_multiple_of(9);
            if reads && !is_last {
                self.plan(midnight.plus_seconds(12 * HOUR), Event::ReadNotifications { user });
            }
        }
        if is_last {
            for (role, is_granted) in [(Role::Inspector, true), (Role::Specialist, false)] {
                let person = self.last_with(role)?;
                self.plan(midnight.plus_seconds(9 * HOUR), Event::AskForLeave { person, is_granted });
            }
            let qe = self.last_with(Role::QualityEngineer)?;
            self.plan(midnight.plus_seconds(11 * HOUR), Event::AskForStars { qe });
        }
        let fate = match n {
            40 => Some((11, EquipmentStatus::OutOfService)),
            87 => Some((30, EquipmentStatus::Paused)),
            86 => Some((17, EquipmentStatus::UnderMaintenance)),
            _ => None,
        };
        if let Some((number, status)) = fate {
            let machine = self.machines.get(number).context("no such machine")?.id;
            self.plan(midnight.plus_seconds(10 * HOUR), Event::SetStatus { machine, status });
        }
        Ok(())
    }
}
