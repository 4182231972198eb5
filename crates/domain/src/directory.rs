//! Directory: active people, and whether they can work on a date (rule book §1).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    assignments::Assignment,
    ids::UserId,
    input::{AnyOf, input, text_enum},
    leaves::{Absence, HalfDay, Leave},
    roster::{Duty, RosterEntry, RosterShift},
    search::Finder,
    text::Text,
    time::Date,
    users::{Category, Role, Shift, User},
};

input! {
    /// Filter of the directory, and the date and shift for which it says who can work.
    pub struct DirectoryFilter {
        /// Filter by role, major or minor.
        role: AnyOf<Role>,
        /// Filter by trade.
        specialization: AnyOf<Category>,
        /// The date; today if absent.
        date: Option<Date>,
        /// The shift that they could work; any if absent, or if both are named. It does not filter.
        shift: AnyOf<Shift>,
        /// Beginnings of words in name and badges, all of which must match.
        q | "search": Option<Text<100>>,
    }
}

text_enum! {
    /// Reason for which a person does not work.
    pub enum Unavailability {
        /// On leave.
        OnLeave = "on_leave",
        /// On leave until 13:00.
        OnLeaveAm = "on_leave_am",
        /// On leave from 13:00.
        OnLeavePm = "on_leave_pm",
        /// Off on the date.
        Off = "off",
        /// On the other shift on the date.
        OtherShift = "other_shift",
    }
}

/// A person in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DirectoryEntry {
    /// Primary key of the user.
    pub id: UserId,
    /// Full name.
    pub full_name: String,
    /// Major role.
    pub role: Role,
    /// Badge of the major role.
    pub role_id: String,
    /// Second role.
    pub minor_role: Option<Role>,
    /// Badge of the second role.
    pub minor_role_id: Option<String>,
    /// Trade.
    pub specialization: Option<Category>,
    /// Regular shift.
    pub shift: Option<Shift>,
    /// The date that the following fields are about.
    pub date: Date,
    /// Shift on the date, or `off`: by the roster, or without an entry the regular one.
    pub rostered_shift: Option<RosterShift>,
    /// Whether the person has a shift on the date: the requested one, if one is.
    pub rostered: bool,
    /// Whether an approved leave concerns the date and the requested shift, or a half of it.
    pub on_leave: bool,
    /// Reasons for which the person does not work then, or not in a half of it.
    pub unavailable_because: Vec<Unavailability>,
    /// Number of open halves of assignments of the date and the requested shift, and of unfinished
    /// jobs.
    pub open_work: i64,
}

crate::shows!(DirectoryEntry {});

/// Facts about the people of a page.
#[derive(Debug, Clone, Default)]
pub struct Schedules {
    /// Entries of the roster on the date.
    pub roster: Vec<RosterEntry>,
    /// Leaves that may include the date.
    pub leaves: Vec<Leave>,
    /// Unfinished assignments of the date.
    pub assignments: Vec<Assignment>,
    /// Numbers of unfinished jobs.
    pub jobs: Vec<(UserId, i64)>,
}

impl DirectoryFilter {
    /// The only requested shift.
    pub fn only_shift(&self) -> Option<Shift> {
        let shifts = self.shift.values();
        shifts.first().copied().filter(|first| shifts.iter().all(|shift| shift == first))
    }

    /// Those of the active people whom the filter admits, by name.
    pub fn select(&self, people: Vec<User>) -> Vec<User> {
        let finder = self.q.as_deref().map(Finder::new);
        let admits = |person: &User| {
            let roles = self.role.values();
            let badges = [Some(&person.role_id), person.minor_role_id.as_ref()].into_iter().flatten();
            (roles.is_empty() || roles.iter().any(|role| person.has(*role)))
                && (self.specialization.values().is_empty()
                    || person.specialization.is_some_and(|trade| self.specialization.admits(&trade)))
                && finder.as_ref().is_none_or(|finder| {
                    finder.finds(std::iter::once(&person.full_name).chain(badges).map(String::as_str))
                })
        };
        let mut found: Vec<User> = people.into_iter().filter(admits).collect();
        found.sort_by(|a, b| (&a.full_name, a.id).cmp(&(&b.full_name, b.id)));
        found
    }
}

impl DirectoryEntry {
    /// The entry of a person, for a date and perhaps a shift.
    pub fn new(person: User, date: Date, shift: Option<Shift>, known: &Schedules) -> Self {
        let duty = Duty::of(&person, date, &known.roster).shift;
        let in_force = known.leaves.iter().filter(|leave| leave.user_id == person.id && leave.is_in_force());
        let absences = in_force.filter_map(|leave| match (shift, leave.half_day) {
            (Some(shift), _) => leave.absence_from(date, shift),
            (None, half) if leave.overlaps(date, date) => Some(half.map_or(Absence::Full, Absence::Half)),
            (None, _) => None,
        });
        let mut reasons: BTreeSet<Unavailability> = absences
            .map(|absence| match absence {
                Absence::Full => Unavailability::OnLeave,
                Absence::Half(HalfDay::Am) => Unavailability::OnLeaveAm,
                Absence::Half(HalfDay::Pm) => Unavailability::OnLeavePm,
            })
            .collect();
        let on_leave = !reasons.is_empty();
        match (duty, shift) {
            (Some(RosterShift::Off), _) => drop(reasons.insert(Unavailability::Off)),
            (Some(duty), Some(shift)) if duty != shift.into() => {
                reasons.insert(Unavailability::OtherShift);
            }
            _ => {}
        }
        let has_open_half = |assignment: &&Assignment| {
            let open = Category::ALL.iter().filter(|half| assignment.completed_half() != Some(**half));
            let mut open = open.map(|half| assignment.inspector(*half));
            shift.is_none_or(|shift| shift == assignment.shift) && open.any(|id| id == Some(person.id))
        };
        let halves = known.assignments.iter().filter(has_open_half).count();
        let jobs: i64 = known.jobs.iter().filter(|(id, _)| *id == person.id).map(|(_, jobs)| jobs).sum();
        let is_on = |duty: RosterShift| match shift {
            Some(shift) => duty == shift.into(),
            None => duty != RosterShift::Off,
        };
        Self {
            id: person.id,
            full_name: person.full_name,
            role: person.role,
            role_id: person.role_id,
            minor_role: person.minor_role,
            minor_role_id: person.minor_role_id,
            specialization: person.specialization,
            shift: person.shift,
            date,
            rostered_shift: duty,
            rostered: duty.is_some_and(is_on),
            on_leave,
            unavailable_because: reasons.into_iter().collect(),
            open_work: i64::try_from(halves).unwrap_or(i64::MAX).saturating_add(jobs),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        assignments::AssignmentStatus::{Assigned, ElecComplete, MechComplete},
        input::Input,
        testing::{assignment, id, leave, now, user},
    };

    fn date() -> Date {
        assignment().target_date
    }

    fn entry(shift: RosterShift) -> RosterEntry {
        RosterEntry {
            id: id(1),
            user_id: id(1),
            date: date(),
            shift,
            set_by_id: None,
            created_at: now(),
            updated_at: now(),
        }
    }

    #[test]
    fn the_grid_of_shifts_leaves_and_reasons() {
        let mut grid = String::new();
        let off_or_not = [None, Some(RosterShift::Off), Some(RosterShift::Night)];
        let halves = [None, Some(None), Some(Some(HalfDay::Am)), Some(Some(HalfDay::Pm))];
        for shift in [None, Some(Shift::Day), Some(Shift::Night)] {
            for rostered in off_or_not {
                for half in halves {
                    let person = User { shift: Some(Shift::Day), ..user(Role::Inspector) };
                    let known = Schedules {
                        roster: rostered.map(entry).into_iter().collect(),
                        leaves: half
                            .map(|half_day| Leave { half_day, ..leave(date(), date()) })
                            .into_iter()
                            .collect(),
                        ..Schedules::default()
                    };
                    let found = DirectoryEntry::new(person, date(), shift, &known);
                    let reasons = found.unavailable_because.iter().map(|reason| reason.as_str());
                    grid += &format!(
                        "shift {shift:?}, roster {rostered:?}, leave {half:?}: rostered {}, {}\n",
                        found.rostered,
                        reasons.collect::<Vec<_>>().join(" "),
                    );
                    let on_leave =
                        found.unavailable_because.first().is_some_and(|reason| *reason < Unavailability::Off);
                    assert_eq!(found.on_leave, on_leave);
                }
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn open_work_is_open_halves_of_the_day_and_jobs() {
        let work = |status, number, shift| {
            let seated = Assignment {
                status,
                mechanical_inspector_id: Some(id(1)),
                electrical_inspector_id: Some(id(2)),
                ..assignment()
            };
            let known =
                Schedules { assignments: vec![seated], jobs: vec![(id(1), 2)], ..Schedules::default() };
            let person = User { id: id(number), ..user(Role::Inspector) };
            DirectoryEntry::new(person, date(), shift, &known).open_work
        };
        assert_eq!([Assigned, MechComplete, ElecComplete].map(|status| work(status, 1, None)), [3, 2, 3]);
        assert_eq!([Assigned, MechComplete, ElecComplete].map(|status| work(status, 2, None)), [1, 1, 0]);
        let other = if assignment().shift == Shift::Day { Shift::Night } else { Shift::Day };
        assert_eq!((work(Assigned, 1, Some(assignment().shift)), work(Assigned, 1, Some(other))), (3, 2));
        assert_eq!(work(Assigned, 3, None), 0);
    }

    #[test]
    fn people_are_found_by_role_trade_name_and_badge_and_not_by_address() {
        let person = |number, name: &str, role, badge: &str| User {
            id: id(number),
            full_name: name.into(),
            email: "hidden@example.com".into(),
            role_id: badge.into(),
            specialization: Some(Category::Mechanical),
            ..user(role)
        };
        let both = User {
            minor_role: Some(Role::Inspector),
            minor_role_id: Some("INS009".into()),
            ..person(1, "Zaki Ali", Role::Specialist, "SPE001")
        };
        let people = vec![
            both,
            person(2, "أحمد سالم", Role::Engineer, "ENG002"),
            person(3, "Ann Lee", Role::Inspector, "INS001"),
        ];
        let found = |filter| -> Vec<i64> {
            let filter = DirectoryFilter::from_json(filter).expect("a filter");
            filter.select(people.clone()).iter().map(|person| person.id.get()).collect()
        };
        for (filter, expected) in [
            (json!({}), &[3, 1, 2][..]),
            (json!({"role": "inspector"}), &[3, 1]),
            (json!({"role": "engineer,specialist"}), &[1, 2]),
            (json!({"specialization": "electrical"}), &[]),
            (json!({"q": "ins0"}), &[3, 1]),
            (json!({"q": "احمد"}), &[2]),
            (json!({"q": "lee ann"}), &[3]),
            (json!({"q": "ann ali"}), &[]),
            (json!({"q": "hidden"}), &[]),
            (json!({"q": "-"}), &[]),
        ] {
            assert_eq!(found(filter.clone()), expected, "{filter}");
        }
        let shift = |shift| {
            let filter = DirectoryFilter::from_json(json!({ "shift": shift })).expect("a filter");
            filter.only_shift()
        };
        assert_eq!(
            [json!(null), json!("night"), json!("day,day")].map(shift),
            [None, Some(Shift::Night), Some(Shift::Day)]
        );
        assert_eq!(shift(json!("day,night")), None, "any");
    }
}
