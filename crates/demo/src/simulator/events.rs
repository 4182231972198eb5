//! The effect of each event, and the events that follow.

use inspection_domain::{
    bonus_stars::NewBonus,
    checklists::{AnswerType, Item},
    defects::{Defect, DefectChanges, Reopening, Severity},
    equipment::{EquipmentChanges, EquipmentStatus},
    ids::{AssignmentId, DefectId, EquipmentId, InspectionId, JobId, UserId},
    input::AnyOf,
    inspections::{NewAnswer, Review, StartInspection},
    jobs::{AssignSpecialist, Completion, Job, PlannedTime, StartJob},
    leaves::{LeaveApproval, NewLeave},
    page::PageRequest,
    points::PointKind,
    quality_reviews::{Approval, ReviewFilter, ReviewStatus},
    users::{Role, User},
};
use inspection_persistence::{
    bonus_stars, defects, equipment, inspections, jobs, leaves, notifications,
    points::{self, Award},
    quality_reviews, users,
};
use serde_json::json;

use super::{DAY, DemoSimulator, Event, FollowUp, HOUR, MINUTE, in_language_of, read};
use crate::{
    error::{Error, Result},
    random::{duration, pick},
    site::{FINDINGS, REMARKS, REPAIRS},
};

impl DemoSimulator<'_> {
    pub(super) fn apply(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Inspect { inspector, half_of, is_unfinished } => {
                self.inspect(inspector, half_of, is_unfinished)
            }
            Event::GenerateList { date, shift } => self.generate_list(date, shift),
            Event::GiveVerdict { inspector, assessment, verdict } => {
                self.give_verdict(&inspector, assessment, verdict)
            }
            Event::Answer { inspector, id, answers, is_unfinished } => {
                self.act(Some(&inspector), |tx| inspections::answer(tx, id, answers, |_| None))?;
                if !is_unfinished {
                    let at = self.now().plus_seconds(duration(&mut self.rng, MINUTE, 8 * MINUTE));
                    self.plan(at, Event::Submit { inspector, id });
                }
                Ok(())
            }
            Event::Submit { inspector, id } => self.submit(&inspector, id),
            Event::Review { id, inspector } => self.review(id, inspector),
            Event::Assign { defect, specialist, is_worse } => {
                let engineer = self.random_person(Role::Engineer)?;
                let changes: DefectChanges = read(if is_worse {
                    json!({"assigned_to_id": specialist, "severity": Severity::High})
                } else {
                    json!({"assigned_to_id": specialist})
                })?;
                let assignment: AssignSpecialist = read(json!({"specialist_id": specialist}))?;
                self.act(Some(&engineer), |tx| {
                    defects::update(tx, defect, changes)?;
                    jobs::assign_specialist(tx, defect, assignment)
                })
                .map(drop)
            }
            Event::Begin { defect, specialist, hours } => self.begin(defect, &specialist, hours),
            Event::Resolve { defect, specialist, then } => self.resolve(defect, &specialist, then),
            Event::ReviewWork { job } => self.review_work(job),
            Event::Close { defect } => {
                let admin = self.random_person(Role::Admin)?;
                self.act(Some(&admin), |tx| defects::close(tx, defect)).map(drop)
            }
            Event::Reopen { defect } => {
                let admin = self.random_person(Role::Admin)?;
                let reason =
                    in_language_of(&admin, ("The fault came back under load", "عاد العطل تحت الحمل"));
                let why: Reopening = read(json!({"reason": reason}))?;
                self.act(Some(&admin), |tx| defects::reopen(tx, defect, why)).map(drop)
            }
            Event::SetStatus { machine, status } => self.set_status(machine, status),
            Event::AwardStars { specialist } => {
                let engineer = self.random_person(Role::Engineer)?;
                let thanks = in_language_of(&engineer, ("Quick and clean work", "عمل سريع ومتقن"));
                let amount = 1 + self.rng.u32(0..5);
                let bonus: NewBonus =
                    read(json!({"user_id": specialist, "amount": amount, "reason": thanks}))?;
                self.act(Some(&engineer), |tx| bonus_stars::award(tx, bonus)).map(drop)
            }
            Event::RequestStars { qe } => {
                let specialist = self.last_with(Role::Specialist)?.id;
                let reason = in_language_of(&qe, ("No rework in three weeks", "ثلاثة أسابيع دون إعادة عمل"));
                let bonus: NewBonus = read(json!({"user_id": specialist, "amount": 5, "reason": reason}))?;
                self.act(Some(&qe), |tx| bonus_stars::request(tx, bonus)).map(drop)
            }
            Event::RequestLeave { person, is_granted } => {
                let today = self.context.today();
                let (from, to) = (today.plus_days(7), today.plus_days(13));
                let reason = in_language_of(&person, ("Visiting my family", "زيارة العائلة"));
                let leave: NewLeave = read(
                    json!({"leave_type": "annual", "date_from": from, "date_to": to, "reason": reason}),
                )?;
                let leave = self.act(Some(&person), |tx| leaves::request(tx, leave))?;
                if is_granted {
                    let (admin, coverer) = (self.last_with(Role::Admin)?, self.last_with(Role::Specialist)?);
                    let approval: LeaveApproval = read(json!({"coverage_user_id": coverer.id}))?;
                    self.act(Some(&admin), |tx| leaves::approve(tx, leave.id, &approval))?;
                }
                Ok(())
            }
            Event::ReadNotifications { user } => {
                self.act(Some(&user), notifications::mark_all_read).map(drop)
            }
        }
    }

    fn inspect(&mut self, inspector: User, half_of: Option<AssignmentId>, is_unfinished: bool) -> Result<()> {
        let start: StartInspection = read(match half_of {
            Some(assignment) => json!({"assignment_id": assignment}),
            None => json!({"equipment_id": self.any_machine()?}),
        })?;
        let (sheet, is_new) = self.act(Some(&inspector), |tx| inspections::start(tx, &start))?;
        if !is_new {
            return Ok(());
        }
        self.inspections += 1;
        let failures = match self.rng.u32(0..100) {
            0..4 => 2,
            4..24 => 1,
            _ => 0,
        };
        let checks: Vec<&Item> =
            sheet.items.iter().filter(|item| item.answer_type != AnswerType::Text).collect();
        let mut failed = Vec::new();
        for _ in 0..failures {
            failed.push(pick(&mut self.rng, &checks)?.id);
        }
        let mut answers: Vec<NewAnswer> = Vec::new();
        for item in &sheet.items {
            answers.push(read(if failed.contains(&item.id) {
                json!({
                    "checklist_item_id": item.id,
                    "answer_value": wrong_answer(item),
                    "comment": in_language_of(&inspector, *pick(&mut self.rng, &FINDINGS)?),
                    "photo_path": format!("demo/inspection-{}-item-{}.jpg", sheet.inspection.id, item.id),
                })
            } else {
                json!({"checklist_item_id": item.id, "answer_value": self.right_answer(item, &inspector)?})
            })?);
        }
        if is_unfinished {
            answers.truncate(sheet.items.len() / 2);
        }
        let at = self.now().plus_seconds(duration(&mut self.rng, 10 * MINUTE, 25 * MINUTE));
        self.plan(at, Event::Answer { inspector, id: sheet.inspection.id, answers, is_unfinished });
        Ok(())
    }

    fn any_machine(&mut self) -> Result<EquipmentId> {
        let running: Vec<EquipmentId> = self
            .machines
            .iter()
            .filter(|machine| machine.status != EquipmentStatus::OutOfService)
            .map(|machine| machine.id)
            .collect();
        pick(&mut self.rng, &running).copied()
    }

    fn right_answer(&mut self, item: &Item, inspector: &User) -> Result<String> {
        Ok(match item.answer_type {
            AnswerType::PassFail => "pass".into(),
            AnswerType::YesNo => "yes".into(),
            AnswerType::Numeric => {
                let (min, max) = range(item);
                // Well inside the limits, as most measurements are.
                let part = f64::from(2 + self.rng.u32(0..7)) / 10.0;
                format!("{:.1}", min + (max - min) * part)
            }
            // The site asks no other questions than those and remarks.
            _ => in_language_of(inspector, *pick(&mut self.rng, &REMARKS)?).into(),
        })
    }

    fn submit(&mut self, inspector: &User, id: InspectionId) -> Result<()> {
        let (submitted, _) = self.act(Some(inspector), |tx| inspections::submit(tx, id))?;
        if let Some(assignment) = submitted.assignment_id {
            self.plan_verdicts(inspector, assignment)?;
        }
        if self.rng.u32(0..5) > 0 {
            let at = self.now().plus_seconds(duration(&mut self.rng, 10 * HOUR, 20 * HOUR));
            self.plan(at, Event::Review { id, inspector: inspector.id });
        }
        // The repair of a defect that was found again is planned already.
        let found = self.database.read(|conn| defects::list_by_inspection(conn, id))?;
        for defect in found.iter().filter(|defect| defect.inspection_id == Some(id)) {
            self.plan_repair(defect)?;
        }
        Ok(())
    }

    /// Queues the repair of a defect. A few are forgotten, overdue, or turn out worse.
    fn plan_repair(&mut self, defect: &Defect) -> Result<()> {
        let n = self.defects;
        self.defects += 1;
        let now = self.now();
        let is_critical = defect.severity == Severity::Critical;
        let is_forgotten = n % 12 == 5;
        if is_critical {
            let stop = Event::SetStatus { machine: defect.equipment_id, status: EquipmentStatus::Stopped };
            self.plan(now.plus_seconds(20 * MINUTE), stop);
        }
        if is_forgotten {
            return Ok(());
        }
        let mut specialists = self.all_with(Role::Specialist);
        specialists.retain(|user| defect.category.is_none() || user.specialization == defect.category);
        let specialist = pick(&mut self.rng, &specialists)?.clone();
        let assigned = now.plus_seconds(duration(&mut self.rng, 30 * MINUTE, 3 * HOUR));
        let is_worse = !is_critical && n % 15 == 7;
        self.plan(assigned, Event::Assign { defect: defect.id, specialist: specialist.id, is_worse });
        let takes = match n {
            _ if is_critical => duration(&mut self.rng, 4 * HOUR, 20 * HOUR),
            n if n % 9 == 4 => duration(&mut self.rng, 9 * DAY, 13 * DAY),
            _ => duration(&mut self.rng, 8 * HOUR, 5 * DAY),
        };
        let resolved = assigned.plus_seconds(takes);
        let then = match n {
            21 => FollowUp::Reopened,
            n if n % 3 == 0 => FollowUp::Nothing,
            _ => FollowUp::Closed,
        };
        // Jobs wait most of the time; the planned time is a round number near the real one.
        let worked = duration(&mut self.rng, HOUR, takes.min(7 * HOUR));
        let hours = duration(&mut self.rng, 2, 14);
        let begun = Event::Begin {
            defect: defect.id,
            specialist: specialist.clone(),
            hours: f64::from(i32::try_from(hours)?) / 2.0,
        };
        let mut begins = resolved.plus_seconds(-worked);
        if n % 3 == 1 && resolved >= self.end {
            // Some of the repairs that are open at the end are in progress then.
            begins = begins.min(self.end.plus_seconds(-HOUR)).max(assigned);
        }
        self.plan(begins, begun);
        self.plan(resolved, Event::Resolve { defect: defect.id, specialist, then });
        if is_critical {
            let release = Event::SetStatus { machine: defect.equipment_id, status: EquipmentStatus::Active };
            self.plan(resolved.plus_seconds(HOUR), release);
        }
        Ok(())
    }

    fn review(&mut self, id: InspectionId, inspector: UserId) -> Result<()> {
        let admin = self.random_person(Role::Admin)?;
        let notes = (self.rng.u32(0..4) == 0).then(|| in_language_of(&admin, ("Thorough work", "عمل دقيق")));
        let review: Review = read(json!({"notes": notes}))?;
        let bonus = (self.rng.u32(0..20) == 0).then(|| Award {
            user_id: inspector,
            role: Role::Inspector,
            amount: 1 + i64::from(self.rng.u32(0..5)),
            kind: PointKind::QualityBonus,
            related: Some(("inspection", id.get())),
        });
        self.act(Some(&admin), |tx| {
            inspections::review(tx, id, review)?;
            bonus.iter().try_for_each(|bonus| points::award(tx, bonus))
        })
    }

    /// The repair job of a defect.
    fn repair_of(&self, defect: DefectId) -> Result<Job> {
        self.database
            .read(|conn| jobs::find_repair(conn, defect))?
            .ok_or(Error::Missing("repair of a defect"))
    }

    fn begin(&mut self, defect: DefectId, specialist: &User, hours: f64) -> Result<()> {
        let job = self.repair_of(defect)?;
        let planned: PlannedTime = read(json!({"planned_time_hours": hours}))?;
        self.act(Some(specialist), |tx| {
            jobs::plan(tx, job.kind, job.id, &planned)?;
            jobs::start(tx, job.kind, job.id, StartJob::default())
        })
        .map(drop)
    }

    fn review_work(&mut self, id: JobId) -> Result<()> {
        let admin = self.random_person(Role::Admin)?;
        let rating: Approval = read(json!({"qc_rating": 3 + self.rng.u32(0..3)}))?;
        let waiting = self.database.read(|conn| {
            let all = quality_reviews::list(conn, &admin, &pending_reviews(), PageRequest::first(100))?;
            Ok(all.items.into_iter().find(|review| review.job_id == id))
        })?;
        let Some(review) = waiting else { return Ok(()) };
        let qe = self.database.read(|conn| users::get(conn, review.qe_id))?;
        self.act(Some(&qe), |tx| quality_reviews::approve(tx, review.id, rating)).map(drop)
    }

    fn resolve(&mut self, defect: DefectId, specialist: &User, then: FollowUp) -> Result<()> {
        let notes = in_language_of(specialist, *pick(&mut self.rng, &REPAIRS)?);
        let done: Completion = read(json!({"work_notes": notes}))?;
        let job = self.repair_of(defect)?;
        self.act(Some(specialist), |tx| jobs::complete(tx, job.kind, job.id, done))?;
        if self.rng.u32(0..6) > 0 {
            let at = self.now().plus_seconds(duration(&mut self.rng, HOUR, 40 * HOUR));
            self.plan(at, Event::ReviewWork { job: job.id });
        }
        let later = self.now().plus_seconds(duration(&mut self.rng, 12 * HOUR, 2 * DAY));
        match then {
            FollowUp::Nothing => {}
            FollowUp::Closed => self.plan(later, Event::Close { defect }),
            FollowUp::Reopened => self.plan(later, Event::Reopen { defect }),
        }
        if self.rng.u32(0..8) == 0 {
            self.plan(later.plus_seconds(HOUR), Event::AwardStars { specialist: specialist.id });
        }
        Ok(())
    }

    fn set_status(&mut self, id: EquipmentId, status: EquipmentStatus) -> Result<()> {
        let admin = self.random_person(Role::Admin)?;
        let Some(machine) = self.machines.iter_mut().find(|machine| machine.id == id) else { return Ok(()) };
        if machine.status == EquipmentStatus::OutOfService || machine.status == status {
            return Ok(());
        }
        machine.status = status;
        let changes: EquipmentChanges = read(json!({"status": status}))?;
        self.act(Some(&admin), |tx| match status {
            EquipmentStatus::OutOfService => equipment::registry::decommission(tx, id),
            _ => equipment::registry::update(tx, id, changes),
        })
        .map(drop)
    }
}

/// Pending quality reviews.
fn pending_reviews() -> ReviewFilter {
    ReviewFilter { status: AnyOf::from_iter([ReviewStatus::Pending]), job_type: AnyOf::default() }
}

fn range(item: &Item) -> (f64, f64) {
    let rule = item.pass_fail_rule;
    let min = rule.and_then(|rule| rule.min).unwrap_or(0.0);
    (min, rule.and_then(|rule| rule.max).unwrap_or(min + 1.0))
}

fn wrong_answer(item: &Item) -> String {
    match item.answer_type {
        AnswerType::YesNo => "no".into(),
        AnswerType::Numeric => {
            let (min, max) = range(item);
            format!("{:.1}", min - (max - min) / 4.0)
        }
        _ => "fail".into(),
    }
}
