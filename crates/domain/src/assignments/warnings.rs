//! Hints about a team that is assigned all the same (rule book §4).

use crate::{
    assignments::{AssignTeam, Assignment, Candidates},
    leaves::{Absence, HalfDay, Leave, LeaveStatus},
    message,
    roster::{Duty, RosterShift},
    users::User,
    warning::{Warning, WarningCode},
};

impl Assignment {
    /// Hints about the members of a team, each with its field: a half day
    /// of leave, a request for leave, another shift or none (§4).
    pub fn warnings_about(&self, team: &AssignTeam, candidates: &Candidates) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (field, _, id) in team.seats() {
            let Some(person) = candidates.people.iter().find(|person| person.id == id) else { continue };
            warnings.extend(self.leave_warnings(field, person, candidates));
            warnings.extend(self.shift_warning(field, person, candidates));
        }
        warnings
    }

    fn leave_warnings(&self, field: &str, person: &User, candidates: &Candidates) -> Vec<Warning> {
        let (name, date) = (person.full_name.as_str(), self.target_date);
        let own = candidates.leaves.iter().filter(|leave| leave.user_id == person.id && leave.is_open());
        let warning = |leave: &Leave| {
            let absence = leave.absence_from(date, self.shift)?;
            let (code, message) = match absence {
                _ if leave.status == LeaveStatus::Pending => (
                    WarningCode::LeaveRequested,
                    message!("{person} has requested leave on {date}", person = name, date),
                ),
                Absence::Half(HalfDay::Am) => (
                    WarningCode::HalfDayLeave,
                    message!("{person} is on leave until 13:00 on {date}", person = name, date),
                ),
                Absence::Half(HalfDay::Pm) => (
                    WarningCode::HalfDayLeave,
                    message!("{person} is on leave from 13:00 on {date}", person = name, date),
                ),
                Absence::Full => return None,
            };
            Some(Warning::of_field(code, field, message))
        };
        own.filter_map(warning).collect()
    }

    fn shift_warning(&self, field: &str, person: &User, candidates: &Candidates) -> Option<Warning> {
        let (name, date) = (person.full_name.as_str(), self.target_date);
        let duty = Duty::of(person, date, &candidates.roster);
        let shift = duty.shift.filter(|shift| *shift != self.shift.into())?;
        let (code, message) = match (shift, duty.is_of_roster) {
            (RosterShift::Off, _) => {
                (WarningCode::OffDuty, message!("{person} is off on {date}", person = name, date))
            }
            (shift, true) => (
                WarningCode::OtherShift,
                message!("{person} works the {shift} shift on {date}", person = name, shift, date),
            ),
            (shift, false) => {
                (WarningCode::OtherShift, message!("{person} works the {shift} shift", person = name, shift))
            }
        };
        Some(Warning::of_field(code, field, message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        roster::RosterEntry,
        testing::{assignment, id, leave, now, user},
        users::{Role, Shift},
    };

    #[test]
    fn the_grid_of_leaves_and_warnings() {
        let team = json!({"mechanical_inspector_id": 1, "electrical_inspector_id": 2});
        let team = AssignTeam::from_json(team).expect("a team");
        let day = assignment().target_date;
        let mut grid = String::new();
        for &status in LeaveStatus::ALL {
            for half_day in [None, Some(HalfDay::Am), Some(HalfDay::Pm)] {
                for &shift in Shift::ALL {
                    let own = Leave { user_id: id(2), status, half_day, ..leave(day, day) };
                    let warnings = |own: &Leave| {
                        let person = User { id: id(2), shift: None, ..user(Role::Inspector) };
                        let candidates = Candidates {
                            people: vec![person],
                            leaves: vec![own.clone()],
                            roster: Vec::new(),
                        };
                        Assignment { shift, ..assignment() }.warnings_about(&team, &candidates)
                    };
                    for warning in warnings(&own) {
                        assert_eq!(warning.field.as_deref(), Some("electrical_inspector_id"));
                        let text = warning.message.english().replace(&day.to_string(), "<day>");
                        grid += &format!("{status} {half_day:?}, {shift}: {} {text}\n", warning.code);
                    }
                    assert_eq!(warnings(&Leave { ended_at: Some(now()), ..own.clone() }), [], "it has ended");
                    assert_eq!(warnings(&Leave { user_id: id(3), ..own }), [], "of another person");
                }
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn the_grid_of_shifts_and_warnings() {
        let team = json!({"mechanical_inspector_id": 1, "electrical_inspector_id": 2});
        let team = AssignTeam::from_json(team).expect("a team");
        let day = assignment().target_date;
        let rostered = || std::iter::once(None).chain(RosterShift::ALL.iter().copied().map(Some));
        let mut grid = String::new();
        for regular in [None, Some(Shift::Day), Some(Shift::Night)] {
            for (entry, date) in rostered().flat_map(|entry| [(entry, day), (entry, day.plus_days(1))]) {
                let person = User { id: id(1), shift: regular, ..user(Role::Inspector) };
                let entry = entry.map(|shift| RosterEntry {
                    id: id(1),
                    user_id: id(1),
                    date,
                    shift,
                    set_by_id: None,
                    created_at: now(),
                    updated_at: now(),
                });
                let roster: Vec<RosterEntry> = entry.clone().into_iter().collect();
                let candidates = Candidates { people: vec![person], leaves: Vec::new(), roster };
                let found =
                    Assignment { shift: Shift::Day, ..assignment() }.warnings_about(&team, &candidates);
                if date != day {
                    let is_warned = regular == Some(Shift::Night);
                    assert_eq!(found.len(), usize::from(is_warned), "an entry of another date");
                    continue;
                }
                let texts = found.iter().map(|warning| {
                    format!(
                        "{} {}",
                        warning.code,
                        warning.message.english().replace(&day.to_string(), "<day>")
                    )
                });
                let entry = entry.map(|entry| entry.shift);
                grid += &format!(
                    "regular {regular:?}, roster {entry:?}: {}\n",
                    texts.collect::<Vec<_>>().join(" ")
                );
            }
        }
        insta::assert_snapshot!(grid);
    }
}
