//! Workforce and its capacity (rule book §10).

use std::collections::BTreeMap;

use super::numbers::{numbers, tenths};
use crate::{
    input::AnyOf,
    leaves::HalfDay,
    users::{Role, Shift},
};

/// Count of active people by roles, shift and leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleCount {
    /// Major role.
    pub role: Role,
    /// Second role.
    pub minor_role: Option<Role>,
    /// Regular shift.
    pub shift: Option<Shift>,
    /// Whether the people are on leave.
    pub is_on_leave: bool,
    /// Number of people.
    pub count: i64,
}

/// Count of active people with a half day of leave today, by shift and half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfDayCount {
    /// Regular shift.
    pub shift: Option<Shift>,
    /// The half in which they are absent.
    pub half: HalfDay,
    /// Number of people.
    pub count: i64,
}

numbers! {
    /// Figures of active people. People with two roles count in both.
    pub struct Workforce {
        /// Total.
        total_users: i64,
        /// Number on leave.
        on_leave: i64,
        /// Number of inspectors.
        inspectors: i64,
        /// Number of specialists.
        specialists: i64,
        /// Number of engineers.
        engineers: i64,
        /// Number of quality engineers.
        quality_engineers: i64,
    }

    /// Headcount of a group.
    pub struct Headcount {
        /// Total.
        total: i64,
        /// Number not on leave.
        available: i64,
        /// Number on leave.
        on_leave: i64,
    }

    /// Capacity of today: active people that are present.
    pub struct Capacity {
        /// Total.
        total: i64,
        /// Total.
        total_staff: i64,
        /// Number not on leave.
        available: i64,
        /// Number on leave.
        on_leave: i64,
        /// Number with a half day of leave today, until 13:00.
        on_leave_am: i64,
        /// Number with a half day of leave today, from 13:00.
        on_leave_pm: i64,
        /// Percentage of people not on leave, to one decimal.
        utilization_rate: f64,
        /// Headcount by major role.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, Headcount>))]
        by_role: BTreeMap<&'static str, Headcount>,
        /// Headcount by shift; `none` counts people without one.
        #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, Headcount>))]
        by_shift: BTreeMap<&'static str, Headcount>,
    }
}

impl Headcount {
    fn of<'c>(counts: impl Iterator<Item = &'c PeopleCount>) -> Self {
        let mut own = Self { total: 0, available: 0, on_leave: 0 };
        for people in counts {
            own.total += people.count;
            *(if people.is_on_leave { &mut own.on_leave } else { &mut own.available }) += people.count;
        }
        own
    }
}

impl Workforce {
    /// Aggregates counts.
    pub fn of(counts: &[PeopleCount]) -> Self {
        let all = Headcount::of(counts.iter());
        let with = |role| {
            let fits = |c: &&PeopleCount| c.role == role || c.minor_role == Some(role);
            counts.iter().filter(fits).map(|c| c.count).sum()
        };
        Self {
            total_users: all.total,
            on_leave: all.on_leave,
            inspectors: with(Role::Inspector),
            specialists: with(Role::Specialist),
            engineers: with(Role::Engineer),
            quality_engineers: with(Role::QualityEngineer),
        }
    }
}

impl Capacity {
    /// Aggregates counts of some shifts, or of all (§10).
    pub fn of(counts: &[PeopleCount], halves: &[HalfDayCount], shift: &AnyOf<Shift>) -> Self {
        let fits = |of: Option<Shift>| of.map_or(shift.values().is_empty(), |it| shift.admits(&it));
        let counts: Vec<_> = counts.iter().filter(|people| fits(people.shift)).collect();
        let halves: Vec<_> = halves.iter().filter(|people| fits(people.shift)).collect();
        let of_half = |half: HalfDay| {
            halves.iter().filter(|people| people.half == half).map(|people| people.count).sum()
        };
        let part = |fits: &dyn Fn(&PeopleCount) -> bool| {
            Headcount::of(counts.iter().copied().filter(|people| fits(people)))
        };
        let Headcount { total, available, on_leave } = part(&|_| true);
        let shifts = [Some(Shift::Day), Some(Shift::Night), None];
        Self {
            total,
            total_staff: total,
            available,
            on_leave,
            on_leave_am: of_half(HalfDay::Am),
            on_leave_pm: of_half(HalfDay::Pm),
            utilization_rate: tenths(available * 100, total),
            by_role: Role::ALL.iter().map(|role| (role.as_str(), part(&|c| c.role == *role))).collect(),
            by_shift: shifts
                .iter()
                .map(|shift| (shift.map_or("none", Shift::as_str), part(&|c| c.shift == *shift)))
                .collect(),
        }
    }
}

crate::shows!(Capacity {});

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Vec<PeopleCount> {
        let people = |role, minor_role, shift, is_on_leave, count| PeopleCount {
            role,
            minor_role,
            shift,
            is_on_leave,
            count,
        };
        vec![
            people(Role::Inspector, None, Some(Shift::Day), false, 5),
            people(Role::Inspector, None, Some(Shift::Night), true, 2),
            people(Role::Specialist, Some(Role::Inspector), Some(Shift::Day), true, 1),
            people(Role::Admin, None, None, false, 1),
        ]
    }

    #[test]
    fn the_workforce_by_roles_of_both_kinds() {
        let workforce = Workforce::of(&counts());
        let expected = Workforce {
            total_users: 9,
            on_leave: 3,
            inspectors: 8,
            specialists: 1,
            engineers: 0,
            quality_engineers: 0,
        };
        assert_eq!(workforce, expected);
    }

    #[test]
    fn the_capacity_of_all_and_of_a_shift() {
        let halves = [
            (Some(Shift::Day), HalfDay::Am, 2),
            (Some(Shift::Night), HalfDay::Pm, 1),
            (None, HalfDay::Pm, 4),
        ]
        .map(|(shift, half, count)| HalfDayCount { shift, half, count });
        let all = Capacity::of(&counts(), &halves, &AnyOf::default());
        assert_eq!((all.on_leave_am, all.on_leave_pm), (2, 5));
        assert_eq!((all.total, all.total_staff, all.available, all.on_leave), (9, 9, 6, 3));
        assert!((all.utilization_rate - 66.7).abs() < 1e-9);
        let head = |total, available, on_leave| Headcount { total, available, on_leave };
        assert_eq!(all.by_role.get("inspector"), Some(&head(7, 5, 2)));
        assert_eq!(all.by_role.get("engineer"), Some(&head(0, 0, 0)));
        assert_eq!(all.by_shift.get("day"), Some(&head(6, 5, 1)));
        assert_eq!(all.by_shift.get("none"), Some(&head(1, 1, 0)));
        let night = Capacity::of(&counts(), &halves, &AnyOf::from_iter([Shift::Night]));
        assert_eq!((night.on_leave_am, night.on_leave_pm), (0, 1));
        assert_eq!((night.total, night.available, night.on_leave), (2, 0, 2));
        assert!(
            Capacity::of(&[], &[], &AnyOf::default()).utilization_rate.abs() < f64::EPSILON,
            "no people, and no division by zero"
        );
    }
}
