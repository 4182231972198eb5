//! Roster: the shift of a person on a date, in place of the regular one (rule book §1).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    ids::{RosterEntryId, UserId},
    input::{Invalid, NonEmptyList, Patch, input, text_enum},
    message,
    time::{Date, Instant},
    users::{Shift, User},
};

text_enum! {
    /// Shift of a person on a date.
    pub enum RosterShift {
        /// The day shift.
        Day = "day",
        /// The night shift.
        Night = "night",
        /// No shift.
        Off = "off",
    }
}

impl From<Shift> for RosterShift {
    fn from(shift: Shift) -> Self {
        match shift {
            Shift::Day => Self::Day,
            Shift::Night => Self::Night,
        }
    }
}

/// The shift of a person on a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::roster_entries, treat_none_as_default_value = false)
)]
pub struct RosterEntry {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: RosterEntryId,
    /// The person.
    pub user_id: UserId,
    /// The date.
    pub date: Date,
    /// Shift on the date, or `off`.
    pub shift: RosterShift,
    /// User that set it last.
    pub set_by_id: Option<UserId>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::shows!(RosterEntry {});

impl crate::entity::Entity for RosterEntry {
    const NAME: &'static str = "roster_entry";
    const LABEL: &'static str = "roster entry";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// The shift of one person on a date.
    pub struct RosterLine {
        /// The person.
        user_id: UserId,
        /// The date.
        date: Date,
        /// Shift on the date, or `off`; required. `null` removes the entry, so that the regular
        /// shift counts again.
        shift: Patch<RosterShift>,
    }
}

input! {
    /// Shifts of people on dates, set all or none.
    pub struct RosterChange {
        /// The entries; at most one per person and date.
        entries: NonEmptyList<RosterLine, 1000>,
    }
}

input! {
    /// Filter of the roster, earliest date first.
    pub struct RosterFilter {
        /// Earliest date.
        from | "date_from": Option<Date>,
        /// Latest date.
        to | "date_to": Option<Date>,
        /// Filter by person.
        user_id: Option<UserId>,
    }
}

/// A requested shift; none to remove the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedShift {
    /// The person.
    pub user_id: UserId,
    /// The date.
    pub date: Date,
    /// Shift on the date.
    pub shift: Option<RosterShift>,
}

/// The effect of a change of the roster on its entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RosterPlan {
    /// New entries.
    pub created: Vec<RosterEntry>,
    /// Changed entries, before and after.
    pub changed: Vec<(RosterEntry, RosterEntry)>,
    /// Entries to remove.
    pub removed: Vec<RosterEntry>,
    /// Number of entries that are as requested already.
    pub unchanged: usize,
}

impl RosterChange {
    /// The requested shifts. Every line without a shift, and every repeated person and date, is
    /// named by its index.
    pub fn requested(self) -> Result<Vec<RequestedShift>, Invalid> {
        let mut errors = Invalid::default();
        let mut seen = BTreeMap::new();
        let mut requested = Vec::with_capacity(self.entries.0.len());
        for (n, RosterLine { user_id, date, shift: given }) in self.entries.0.into_iter().enumerate() {
            if !given.is_given() {
                let message = "is required, or null to remove the entry";
                errors.extend(Invalid::field(format!("entries[{n}].shift"), message));
            }
            if let Some(first) = seen.insert((user_id, date), n) {
                let message = message!("is the person and date of entries[{first}], too", first);
                errors.extend(Invalid::field(format!("entries[{n}]"), message));
            }
            let mut shift = None;
            given.apply(&mut shift);
            requested.push(RequestedShift { user_id, date, shift });
        }
        errors.into_result().map(|()| requested)
    }
}

impl RosterPlan {
    /// Compares the requested shifts with the stored entries, of which there may be more. Every
    /// person that doesn't exist or is not active is named by the index of the entry; entries of
    /// people who are not active may be removed.
    pub fn new(
        requested: &[RequestedShift],
        people: &[User],
        stored: Vec<RosterEntry>,
        by: UserId,
        now: Instant,
    ) -> Result<Self, Invalid> {
        let people: BTreeMap<UserId, &User> = people.iter().map(|person| (person.id, person)).collect();
        let mut stored: BTreeMap<(UserId, Date), RosterEntry> =
            stored.into_iter().map(|entry| ((entry.user_id, entry.date), entry)).collect();
        let (mut plan, mut errors) = (Self::default(), Invalid::default());
        for (n, RequestedShift { user_id, date, shift }) in requested.iter().copied().enumerate() {
            let is_fit = people.get(&user_id).is_some_and(|person| person.is_active || shift.is_none());
            if !is_fit {
                let field = format!("entries[{n}].user_id");
                errors.extend(Invalid::field(field, "must be an active person"));
            }
            match (stored.remove(&(user_id, date)), shift) {
                (None, None) => plan.unchanged += 1,
                (Some(before), Some(shift)) if before.shift == shift => plan.unchanged += 1,
                (Some(before), None) => plan.removed.push(before),
                (Some(before), Some(shift)) => {
                    let after = RosterEntry { shift, set_by_id: Some(by), updated_at: now, ..before.clone() };
                    plan.changed.push((before, after));
                }
                (None, Some(shift)) => plan.created.push(RosterEntry {
                    id: RosterEntryId::UNSAVED,
                    user_id,
                    date,
                    shift,
                    set_by_id: Some(by),
                    created_at: now,
                    updated_at: now,
                }),
            }
        }
        errors.into_result().map(|()| plan)
    }
}

/// The shift of a person on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// The shift; none if it is unknown.
    pub shift: Option<RosterShift>,
    /// Whether the roster says so, and not the account.
    pub is_of_roster: bool,
}

impl Duty {
    /// The shift by the roster, or without an entry the regular one (§1).
    pub fn of(person: &User, date: Date, roster: &[RosterEntry]) -> Self {
        let mut own = roster.iter().filter(|entry| entry.user_id == person.id);
        match own.find(|entry| entry.date == date) {
            Some(entry) => Self { shift: Some(entry.shift), is_of_roster: true },
            None => Self { shift: person.shift.map(Into::into), is_of_roster: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        input::Input,
        rule::Rule,
        testing::{id, later, now, user},
        users::Role,
    };

    fn date(day: i8) -> Date {
        Date::new(2026, 3, day).expect("a date")
    }

    fn entry(number: i64, person: i64, day: i8, shift: RosterShift) -> RosterEntry {
        RosterEntry {
            id: id(number),
            user_id: id(person),
            date: date(day),
            shift,
            set_by_id: Some(id(9)),
            created_at: now(),
            updated_at: now(),
        }
    }

    fn requested(entries: Value) -> Result<Vec<RequestedShift>, Invalid> {
        RosterChange::from_json(json!({ "entries": entries }))?.requested()
    }

    fn named(wrong: &Invalid) -> Vec<String> {
        wrong.fields().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_wrong_entry_is_named_by_its_index() {
        let wrong = requested(json!([
            {"user_id": 1, "date": "2026-03-02", "shift": "day"},
            {"user_id": 1, "date": "2026-03-03"},
            {"user_id": 1, "date": "2026-03-02", "shift": "off"},
            {"user_id": 2, "date": "2026-03-02", "shift": null},
        ]));
        assert_eq!(named(&wrong.expect_err("wrong")), ["entries[1].shift", "entries[2]"]);
        let unreadable = requested(json!([
            {"user_id": "x", "date": "2026-03-02", "shift": "day"},
            {"user_id": 1, "date": "2026-02-30", "shift": "noon"},
        ]));
        let fields = named(&unreadable.expect_err("unreadable"));
        assert_eq!(fields, ["entries[0].user_id", "entries[1].date", "entries[1].shift"]);
        let line = json!({"user_id": 1, "date": "2026-03-02", "shift": "day"});
        for entries in [json!([]), json!(vec![line; 1001])] {
            assert_eq!(named(&requested(entries).expect_err("a bound")), ["entries"]);
        }
        let inactive = User { id: id(2), is_active: false, ..user(Role::Inspector) };
        let lines = requested(json!([
            {"user_id": 7, "date": "2026-03-02", "shift": "day"},
            {"user_id": 2, "date": "2026-03-02", "shift": "day"},
            {"user_id": 2, "date": "2026-03-03", "shift": null},
        ]));
        let plan = RosterPlan::new(&lines.expect("lines"), &[inactive], Vec::new(), id(1), now());
        assert_eq!(named(&plan.expect_err("unfit")), ["entries[0].user_id", "entries[1].user_id"]);
    }

    #[test]
    fn the_grid_of_stored_and_requested_shifts() {
        let people = [User { id: id(1), ..user(Role::Inspector) }];
        let shifts = || std::iter::once(None).chain(RosterShift::ALL.iter().copied().map(Some));
        for (stored, shift) in shifts().flat_map(|stored| shifts().map(move |shift| (stored, shift))) {
            let before: Vec<RosterEntry> = stored.map(|stored| entry(5, 1, 2, stored)).into_iter().collect();
            let others = [entry(6, 1, 3, RosterShift::Off), entry(7, 2, 2, RosterShift::Off)];
            let all = before.iter().cloned().chain(others).collect();
            let line = RequestedShift { user_id: id(1), date: date(2), shift };
            let plan = RosterPlan::new(&[line], &people, all, id(3), later()).expect("a plan");
            let sizes = (plan.created.len(), plan.changed.len(), plan.removed.len(), plan.unchanged);
            let expected = match (stored, shift) {
                (stored, shift) if stored == shift => (0, 0, 0, 1),
                (None, Some(_)) => (1, 0, 0, 0),
                (Some(_), None) => (0, 0, 1, 0),
                _ => (0, 1, 0, 0),
            };
            assert_eq!(sizes, expected, "{stored:?} {shift:?}");
            for (old, new) in &plan.changed {
                let changed = RosterEntry {
                    shift: shift.expect("a shift"),
                    set_by_id: Some(id(3)),
                    updated_at: later(),
                    ..old.clone()
                };
                assert_eq!(new, &changed);
            }
        }
    }

    #[test]
    fn an_entry_of_the_roster_overrides_the_regular_shift_on_its_date_only() {
        let roster = [entry(1, 4, 2, RosterShift::Off), entry(2, 5, 3, RosterShift::Night)];
        for regular in [None, Some(Shift::Day), Some(Shift::Night)] {
            let person = User { id: id(4), shift: regular, ..user(Role::Inspector) };
            let duty = |day| Duty::of(&person, date(day), &roster);
            assert_eq!(duty(2), Duty { shift: Some(RosterShift::Off), is_of_roster: true });
            assert_eq!(duty(3), Duty { shift: regular.map(Into::into), is_of_roster: false });
        }
    }
}
