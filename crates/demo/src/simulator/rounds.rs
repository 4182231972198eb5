//! Daily rounds: routines, lists, teams and verdicts of the last days, and the weekly plan.

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

use super::{DAY, DemoSimulator, Event, HOUR, MINUTE, in_language_of, read};
use crate::{
    error::{Error, Result},
    random::{duration, pick},
    site::{MACHINE_TYPES, STOPPED_FOR},
};

/// Number of machines per list that get a team.
const TEAMS: usize = 6;

impl DemoSimulator<'_> {
    /// Creates a routine for each of the first two machine types, and the weekly plan of the
    /// others.
    pub(super) fn plan_rounds(&mut self, templates: &[TemplateId]) -> Result<()> {
        let admin = self.people.first().cloned();
        let named = [("Day round", "جولة النهار", Shift::Day), ("Night round", "جولة الليل", Shift::Night)];
        for ((machine_type, template), (name, name_ar, shift)) in
            MACHINE_TYPES.iter().zip(templates).zip(named)
        {
            let routine: NewRoutine = read(json!({
                "name": format!("{name}: {}", machine_type.name), "name_ar": format!("{name_ar}: {}", machine_type.name_ar),
                "asset_types": [machine_type.name], "shift": shift, "days_of_week": [0, 1, 2, 3, 4, 5, 6],
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

    /// Queues the generation of the lists of a day, at 13:00 of the day before.
    pub(super) fn plan_list(&mut self, midnight: Instant, date: Date) {
        for shift in [Shift::Day, Shift::Night] {
            self.plan(midnight.plus_seconds(13 * HOUR - DAY), Event::GenerateList { date, shift });
        }
    }

    pub(super) fn generate_list(&mut self, date: Date, shift: Shift) -> Result<()> {
        let engineer = self.random_person(Role::Engineer)?;
        let input: GenerateList = read(json!({"target_date": date, "shift": shift}))?;
        let list = self.act(Some(&engineer), |tx| daily_lists::generate(tx, &input))?.list;
        let on_it = self.database.read(|conn| daily_lists::assignments_of(conn, &[list.id]))?;
        let begin = self.context.calendar.at(date, shift.first_hour());
        for (round, (assignment, _)) in (0..).zip(on_it.into_iter().take(TEAMS)) {
            let mut member = |trade| {
                let mut able = self.all_with(Role::Inspector);
                able.retain(|user| user.specialization == Some(trade) && user.shift == Some(shift));
                pick(&mut self.rng, &able).cloned()
            };
            let pair = [member(Category::Mechanical)?, member(Category::Electrical)?];
            let [mechanical, electrical] = &pair;
            let team: AssignTeam = read(json!({
                "mechanical_inspector_id": mechanical.id, "electrical_inspector_id": electrical.id,
            }))?;
            self.act(Some(&engineer), |tx| assignments::assign(tx, assignment.id, &team))?;
            for inspector in pair {
                let late = duration(&mut self.rng, 0, 15 * MINUTE);
                let at = begin.plus_seconds(round * 45 * MINUTE + late);
                self.plan(
                    at,
                    Event::Inspect { inspector, half_of: Some(assignment.id), is_unfinished: false },
                );
            }
        }
        Ok(())
    }

    /// Queues both verdicts once both halves are submitted. The mechanical inspector finds the last
    /// machine of the day list urgent.
    pub(super) fn plan_verdicts(&mut self, inspector: &User, id: AssignmentId) -> Result<()> {
        let assessed = self.database.read(|conn| {
            let assignment = assignments::get(conn, id)?;
            let assessment = assessments::get_visible_by_assignment(conn, inspector, id);
            Ok(assessment.ok().map(|assessment| (assignment, assessment)))
        })?;
        let Some((assignment, assessment)) = assessed else { return Ok(()) };
        let last = self.database.read(|conn| daily_lists::assignments_of(conn, &[assignment.list_id]))?;
        let is_last = last.get(TEAMS - 1).is_some_and(|(last, _)| last.id == id);
        for (n, user) in (0..).zip(assessment.inspectors()) {
            let user = self
                .people
                .iter()
                .find(|person| person.id == user)
                .cloned()
                .ok_or(Error::Missing("inspector of an assessment"))?;
            let is_urgent = is_last && n == 0 && assignment.shift == Shift::Day;
            let verdict = if is_urgent { Verdict::Urgent } else { Verdict::Operational };
            let at = self.now().plus_seconds(duration(&mut self.rng, 5 * MINUTE, 40 * MINUTE));
            self.plan(at, Event::GiveVerdict { inspector: user, assessment: assessment.id, verdict });
        }
        Ok(())
    }

    pub(super) fn give_verdict(
        &mut self,
        inspector: &User,
        id: AssessmentId,
        verdict: Verdict,
    ) -> Result<()> {
        let reason = in_language_of(inspector, STOPPED_FOR);
        let input: NewVerdict = read(json!({"verdict": verdict, "urgent_reason": reason}))?;
        self.act(Some(inspector), |tx| assessments::give_verdict(tx, id, input)).map(drop)
    }
}
