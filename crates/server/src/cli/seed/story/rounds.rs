//! The daily rounds: routines, lists, teams and verdicts of the last days, and the weekly plan.

use anyhow::{Context as _, Result};
use inspection_domain::{
    assessments::{NewVerdict, Verdict},
    assignments::AssignTeam,
    daily_lists::GenerateList,
    ids::{AssessmentId, AssignmentId, TemplateId},
    routines::NewRoutine,
    schedules::NewSchedule,
    time::{Date, Instant},
    users::{Category, Role, Shift, User},
};
use inspection_persistence::{assessments, assignments, daily_lists, routines, schedules};
use serde_json::json;

use super::{DAY, Event, HOUR, MINUTE, Story, in_language_of, read};
use crate::cli::seed::site::{KINDS, STOPPED_FOR};

/// Machines of each list that get a team.
const TEAMS: usize = 6;

impl Story<'_> {
    /// The routines of the site, one for each of the first two types of machine, and the weekly plan of the others.
    pub(super) fn plan_rounds(&mut self, templates: &[TemplateId]) -> Result<()> {
        let admin = self.people.first().cloned();
        let named = [("Day round", "جولة النهار", Shift::Day), ("Night round", "جولة الليل", Shift::Night)];
        for ((kind, template), (name, name_ar, shift)) in KINDS.iter().zip(templates).zip(named) {
            let routine: NewRoutine = read(json!({
                "name": format!("{name}: {}", kind.name), "name_ar": format!("{name_ar}: {}", kind.name_ar),
                "asset_types": [kind.name], "shift": shift, "days_of_week": [0, 1, 2, 3, 4, 5, 6],
                "template_id": template,
            }))?;
            self.act(admin.as_ref(), |tx| routines::create(tx, routine))?;
        }
        let planned: Vec<_> = self.machines.iter().rev().take(14).map(|machine| machine.id).collect();
        for (n, machine) in planned.into_iter().enumerate() {
            let day: NewSchedule = read(json!({"equipment_id": machine, "day_of_week": n % 7}))?;
            self.act(admin.as_ref(), |tx| schedules::create(tx, &day))?;
        }
        Ok(())
    }

    /// The list of a day and shift is made at noon of the day before, and some of its machines get a team.
    pub(super) fn plan_list(&mut self, midnight: Instant, date: Date) {
        for shift in [Shift::Day, Shift::Night] {
            self.plan(midnight.plus_seconds(13 * HOUR - DAY), Event::List { date, shift });
        }
    }

    pub(super) fn make_list(&mut self, date: Date, shift: Shift) -> Result<()> {
        let engineer = self.somebody(Role::Engineer)?;
        let wanted: GenerateList = read(json!({"target_date": date, "shift": shift}))?;
        let list = self.act(Some(&engineer), |tx| daily_lists::generate(tx, &wanted))?.list;
        let on_it = self.database.read(|conn| daily_lists::assignments_of(conn, list.id))?;
        let begin = self.context.calendar.at(date, shift.first_hour());
        for (round, (assignment, _)) in (0..).zip(on_it.into_iter().take(TEAMS)) {
            let mut member = |trade| {
                let mut able = self.all_with(Role::Inspector);
                able.retain(|user| user.specialization == Some(trade) && user.shift == Some(shift));
                self.dice.pick(&able).cloned()
            };
            let pair = [member(Category::Mechanical)?, member(Category::Electrical)?];
            let [mechanical, electrical] = &pair;
            let team: AssignTeam = read(json!({
                "mechanical_inspector_id": mechanical.id, "electrical_inspector_id": electrical.id,
            }))?;
            self.act(Some(&engineer), |tx| assignments::assign(tx, assignment.id, &team))?;
            for inspector in pair {
                let late = self.dice.between(0, 15 * MINUTE);
                let at = begin.plus_seconds(round * 45 * MINUTE + late);
                self.plan(at, Event::Inspect { inspector, half_of: Some(assignment.id), is_left: false });
            }
        }
        Ok(())
    }

    /// Once both halves are handed in, both inspectors give their verdict; of the last machine of a list the mechanic says
    /// that it is urgent.
    pub(super) fn plan_verdicts(&mut self, inspector: &User, id: AssignmentId) -> Result<()> {
        let made = self.database.read(|conn| {
            let assignment = assignments::get(conn, id)?;
            let assessment = assessments::get_visible_by_assignment(conn, inspector, id);
            Ok(assessment.ok().map(|assessment| (assignment, assessment)))
        })?;
        let Some((assignment, assessment)) = made else { return Ok(()) };
        let last = self.database.read(|conn| daily_lists::assignments_of(conn, assignment.list_id))?;
        let is_last = last.get(TEAMS - 1).is_some_and(|(last, _)| last.id == id);
        for (n, user) in (0..).zip(assessment.inspectors()) {
            let user =
                self.people.iter().find(|person| person.id == user).cloned().context("an inspector")?;
            let is_urgent = is_last && n == 0 && assignment.shift == Shift::Day;
            let verdict = if is_urgent { Verdict::Urgent } else { Verdict::Operational };
            let at = self.now().plus_seconds(self.dice.between(5 * MINUTE, 40 * MINUTE));
            self.plan(at, Event::Judge { inspector: user, assessment: assessment.id, verdict });
        }
        Ok(())
    }

    pub(super) fn judge(&mut self, inspector: &User, id: AssessmentId, verdict: Verdict) -> Result<()> {
        let reason = in_language_of(inspector, STOPPED_FOR);
        let given: NewVerdict = read(json!({"verdict": verdict, "urgent_reason": reason}))?;
        self.act(Some(inspector), |tx| assessments::give_verdict(tx, id, given)).map(drop)
    }
}
