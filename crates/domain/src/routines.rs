//! Routines: which types of equipment are inspected on which days and shifts (rule book §4).

mod recurrence;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    checklists::Template,
    holidays::Holidays,
    ids::{AssetTypeId, RoutineId, TemplateId},
    input::{AnyOf, Change, Invalid, Object, Patch, ValueList, input, text_enum},
    key::Key,
    page::Sort,
    text::Text,
    time::{Date, Instant},
    users::Shift,
    weekdays::DaysOfWeek,
};
pub use recurrence::{OnHoliday, Recurrence, RecurrenceInput, RecurrenceUnit};

/// A recurring inspection of types of equipment by one checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspection_routines, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Routine {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: RoutineId,
    /// Name, in the reader's language.
    pub name: String,
    /// Name in Arabic.
    pub name_ar: Option<String>,
    /// Shift.
    pub shift: Shift,
    /// Days of the week, 0 (Monday) to 6 (Sunday).
    pub days_of_week: DaysOfWeek,
    /// Checklist of the inspections.
    pub template_id: TemplateId,
    /// Whether new daily lists include it.
    pub is_active: bool,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// Recurrence of the inspection days; none for the days of every week.
    pub recurrence: Option<Recurrence>,
    /// First day, from which the recurrence counts.
    pub starts_on: Option<Date>,
    /// Treatment of an inspection day that is a holiday.
    pub on_holiday: OnHoliday,
}

impl crate::entity::Entity for Routine {
    const NAME: &'static str = "routine";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

crate::shows!(Routine {});

/// A type of equipment of a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::routine_asset_types, treat_none_as_default_value = false)
)]
pub struct AssetType {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AssetTypeId,
    /// The routine.
    pub routine_id: RoutineId,
    /// Type of equipment.
    pub equipment_type: String,
}

/// Types of equipment of a routine; at least one.
pub type AssetTypes = ValueList<Text<100>, 1, 100>;

input! {
    /// A routine to create.
    pub struct NewRoutine {
        /// Name.
        name | "name_en": Text<200>,
        /// Name in Arabic.
        name_ar: Option<Text<200>>,
        /// Types of equipment.
        asset_types: AssetTypes,
        /// Shift.
        shift: Shift,
        /// Days of the week: numbers from 0 (Monday) to 6 (Sunday), or names.
        days_of_week: DaysOfWeek,
        /// Checklist; must be active.
        template_id: TemplateId,
        /// Whether new daily lists include it; `true` if absent.
        is_active: Option<bool>,
        /// Recurrence of the inspection days; the days of every week if absent.
        recurrence: Option<Object<RecurrenceInput>>,
        /// First day, from which the recurrence counts.
        starts_on: Option<Date>,
        /// Treatment of an inspection day that is a holiday; `run` if absent.
        on_holiday: Option<OnHoliday>,
    }
}

input! {
    /// Changes of a routine. Existing daily lists do not change.
    pub struct RoutineChanges {
        /// Name.
        name | "name_en": Change<Text<200>>,
        /// Name in Arabic.
        name_ar: Patch<Text<200>>,
        /// Types of equipment.
        asset_types: Change<AssetTypes>,
        /// Shift.
        shift: Change<Shift>,
        /// Days of the week: numbers from 0 (Monday) to 6 (Sunday), or names.
        days_of_week: Change<DaysOfWeek>,
        /// Checklist; must be active.
        template_id: Change<TemplateId>,
        /// Whether new daily lists include it.
        is_active: Change<bool>,
        /// Recurrence of the inspection days.
        recurrence: Patch<Object<RecurrenceInput>>,
        /// First day, from which the recurrence counts.
        starts_on: Patch<Date>,
        /// Treatment of an inspection day that is a holiday.
        on_holiday: Change<OnHoliday>,
    }
}

text_enum! {
    /// Sort key of routines.
    pub enum RoutineOrder {
        /// Primary key.
        Id = "id",
        /// Name.
        Name = "name",
    }
}

input! {
    /// Filter and order of a list of routines.
    pub struct RoutineFilter {
        /// Filter by shift.
        shift: AnyOf<Shift>,
        /// Filter by whether new daily lists include it.
        is_active: Option<bool>,
        /// Filter by checklist.
        template_id: Option<TemplateId>,
        /// Sort order; by primary key if absent.
        sort: Option<Sort<RoutineOrder>>,
    }
}

impl NewRoutine {
    /// Builds the routine and its types of equipment.
    pub fn draft(self, now: Instant) -> (Routine, Vec<String>) {
        let routine = Routine {
            id: RoutineId::UNSAVED,
            name: self.name.into(),
            name_ar: self.name_ar.map(Into::into),
            shift: self.shift,
            days_of_week: self.days_of_week,
            template_id: self.template_id,
            is_active: self.is_active.unwrap_or(true),
            created_at: now,
            updated_at: now,
            recurrence: self.recurrence.map(Recurrence::from),
            starts_on: self.starts_on,
            on_holiday: self.on_holiday.unwrap_or(OnHoliday::Run),
        };
        (routine, distinct(self.asset_types))
    }
}

/// The distinct types in alphabetical order. Of several spellings of a type, the first stays.
fn distinct(types: AssetTypes) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut types: Vec<String> = types.0.into_iter().map(Into::into).collect();
    types.retain(|spelling| known.insert(Key::of(spelling)));
    types.sort_unstable();
    types
}

impl Routine {
    /// Applies the changes; returns the types of equipment only if they change.
    #[must_use]
    pub fn changed(&self, changes: RoutineChanges, now: Instant) -> (Self, Option<Vec<String>>) {
        let mut after = Self { updated_at: now, ..self.clone() };
        changes.name.apply_original(&mut after.name, self.name_ar.as_deref());
        changes.name_ar.apply(&mut after.name_ar);
        changes.shift.apply(&mut after.shift);
        changes.days_of_week.apply(&mut after.days_of_week);
        changes.template_id.apply(&mut after.template_id);
        changes.is_active.apply(&mut after.is_active);
        changes.recurrence.apply(&mut after.recurrence);
        changes.starts_on.apply(&mut after.starts_on);
        changes.on_holiday.apply(&mut after.on_holiday);
        (after, changes.asset_types.find(|_| true).map(distinct))
    }
}

/// Number of days before a date among which a postponed inspection is looked for: no series of
/// holidays is longer.
const LONGEST_HOLIDAYS: i32 = 31;

impl Routine {
    /// Checks that days of the week, recurrence and start agree (§4).
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        if let Some(recurrence) = &self.recurrence {
            errors.extend(recurrence.validate().at("recurrence"));
            if recurrence.every > 1 && self.starts_on.is_none() {
                let message = "is required if the recurrence leaves weeks or months out";
                errors.extend(Invalid::field("starts_on", message));
            }
            if recurrence.week.is_some() && self.days_of_week.days().is_empty() {
                errors.extend(Invalid::field("days_of_week", "is required with the week of a month"));
            }
        }
        errors.into_result()
    }

    /// Whether holidays decide on which days it runs.
    pub fn observes_holidays(&self) -> bool {
        self.on_holiday != OnHoliday::Run
    }

    /// Whether a date is an inspection day, apart from holidays.
    fn is_due(&self, date: Date) -> bool {
        let is_on_weekday = self.days_of_week.contains(date.day_of_week());
        let has_begun = self.starts_on.is_none_or(|start| start <= date);
        has_begun
            && self
                .recurrence
                .as_ref()
                .map_or(is_on_weekday, |recurrence| recurrence.falls_on(date, self.starts_on, is_on_weekday))
    }

    /// Whether the daily list of this day and shift includes it (§4).
    pub(crate) fn runs_on(&self, date: Date, shift: Shift, holidays: &Holidays) -> bool {
        if !self.is_active || self.shift != shift {
            return false;
        }
        let is_holiday = holidays.contains(date);
        match self.on_holiday {
            OnHoliday::Run => self.is_due(date),
            OnHoliday::Skip => !is_holiday && self.is_due(date),
            OnHoliday::Postpone => {
                let mut before = (1..=LONGEST_HOLIDAYS)
                    .map(|days| date.plus_days(-days))
                    .take_while(|day| holidays.contains(*day));
                !is_holiday && (self.is_due(date) || before.any(|day| self.is_due(day)))
            }
        }
    }
}

impl Holidays {
    /// The first date whose holiday can postpone an inspection to a date.
    pub fn first_for(date: Date) -> Date {
        date.plus_days(-LONGEST_HOLIDAYS)
    }
}

/// Checks that the checklist of a routine is active.
pub fn may_use(template: Option<&Template>) -> Result<(), Invalid> {
    match template {
        Some(template) if template.is_active => Ok(()),
        Some(_) => Err(Invalid::field("template_id", "must be an active checklist")),
        None => Err(Invalid::field("template_id", "there is no such checklist")),
    }
}

/// Content of the daily list of a day and shift: for each type of equipment the routine with the
/// lowest primary key among those that apply (§4).
pub fn planned(
    routines: &[Routine],
    asset_types: &[AssetType],
    (date, shift): (Date, Shift),
    holidays: &Holidays,
) -> Vec<AssetTypeId> {
    let mut first: BTreeMap<Key, &AssetType> = BTreeMap::new();
    let running = asset_types.iter().filter(|of_type| {
        routines
            .iter()
            .any(|routine| routine.id == of_type.routine_id && routine.runs_on(date, shift, holidays))
    });
    for of_type in running {
        first
            .entry(Key::of(&of_type.equipment_type))
            .and_modify(|known| {
                if of_type.routine_id < known.routine_id {
                    *known = of_type;
                }
            })
            .or_insert(of_type);
    }
    first.into_values().map(|of_type| of_type.id).collect()
}

#[cfg(test)]
mod recurrence_tests;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        rule::Rule,
        testing::{changed_fields, fields, id, later, now, template},
        weekdays::DayOfWeek,
    };

    fn monday() -> Date {
        Date::new(2026, 3, 2).expect("a date")
    }

    fn routine(number: i64, shift: Shift, days: &[usize], is_active: bool) -> Routine {
        Routine {
            id: id(number),
            name: "Daily".into(),
            name_ar: None,
            shift,
            days_of_week: days.iter().map(|day| DayOfWeek::ALL[*day]).collect(),
            template_id: id(1),
            is_active,
            created_at: now(),
            updated_at: now(),
            recurrence: None,
            starts_on: None,
            on_holiday: OnHoliday::Run,
        }
    }

    fn of_type(number: i64, routine: i64, equipment_type: &str) -> AssetType {
        AssetType { id: id(number), routine_id: id(routine), equipment_type: equipment_type.into() }
    }

    #[test]
    fn a_new_routine_is_active_and_has_each_type_once_in_order() {
        let draft = |body| NewRoutine::from_json(body).expect("a routine").draft(now());
        let (bare, types) = draft(json!({
            "name": "Daily", "asset_types": ["winch", "crane", "winch"], "shift": "night",
            "days_of_week": [0, 4], "template_id": 5,
        }));
        insta::assert_snapshot!(fields(&bare).join("\n"), @r#"
        id: RoutineId(0)
        name: "Daily"
        name_ar: None
        shift: Night
        days_of_week: DaysOfWeek(17)
        template_id: TemplateId(5)
        is_active: true
        created_at: Instant(2026-03-01T07:00:00Z)
        updated_at: Instant(2026-03-01T07:00:00Z)
        recurrence: None
        starts_on: None
        on_holiday: Run
        "#);
        assert_eq!(types, ["crane", "winch"]);
        let (full, _) = draft(json!({
            "name": "Daily", "asset_types": ["winch"], "shift": "night", "days_of_week": [0, 4],
            "template_id": 5, "name_ar": "يومي", "is_active": false,
        }));
        assert_eq!(changed_fields(&bare, &full), "name_ar: Some(\"يومي\")\nis_active: false");
    }

    #[test]
    fn changes_replace_the_given_fields() {
        let before = Routine { name_ar: Some("يومي".into()), ..routine(7, Shift::Day, &[0], true) };
        let change = |body| {
            let changes = RoutineChanges::from_json(body).expect("changes");
            let (after, types) = before.changed(changes, later());
            (changed_fields(&before, &after), types)
        };
        let (untouched, types) = change(json!({}));
        assert_eq!((untouched.as_str(), types), ("updated_at: Instant(2026-03-01T08:00:00Z)", None));
        let (all, types) = change(json!({
            "name": "Weekly", "name_ar": null, "asset_types": ["pump", "pump"], "shift": "night",
            "days_of_week": [6], "template_id": 8, "is_active": false,
        }));
        insta::assert_snapshot!(all, @r#"
        name: "Weekly"
        name_ar: None
        shift: Night
        days_of_week: DaysOfWeek(64)
        template_id: TemplateId(8)
        is_active: false
        updated_at: Instant(2026-03-01T08:00:00Z)
        "#);
        assert_eq!(types, Some(vec!["pump".to_owned()]));
        assert_eq!(change(json!({"name": "يومي"})).0, untouched, "the name as an Arabic reader sees it");
    }

    #[test]
    fn a_routine_runs_on_its_days_and_shift_while_it_is_active() {
        for shift in [Shift::Day, Shift::Night] {
            for (n, day) in (0..7).map(|n| (n, monday().plus_days(n))) {
                for is_active in [true, false] {
                    let routine = routine(1, Shift::Day, &[0, 4], is_active);
                    let runs = is_active && shift == Shift::Day && matches!(n, 0 | 4);
                    assert_eq!(
                        routine.runs_on(day, shift, &Holidays::default()),
                        runs,
                        "{shift} {day} {is_active}"
                    );
                }
            }
        }
    }

    #[test]
    fn of_several_routines_the_lowest_number_wins() {
        let routines = [
            routine(1, Shift::Day, &[1], true),
            routine(2, Shift::Day, &[0], true),
            routine(3, Shift::Day, &[0], true),
            routine(4, Shift::Night, &[0], true),
            routine(5, Shift::Day, &[0], false),
        ];
        let types = [
            of_type(10, 1, "crane"),
            of_type(11, 3, "crane"),
            of_type(12, 2, "crane"),
            of_type(13, 3, "pump"),
            of_type(14, 4, "winch"),
            of_type(15, 5, "hoist"),
        ];
        let on = |date, shift| planned(&routines, &types, (date, shift), &Holidays::default());
        assert_eq!(on(monday(), Shift::Day), [id(12), id(13)]);
        assert_eq!(on(monday().plus_days(1), Shift::Day), [id(10)]);
        assert_eq!(on(monday(), Shift::Night), [id(14)]);
        assert_eq!(on(monday().plus_days(6), Shift::Night), []);
    }

    #[test]
    fn a_routine_needs_an_active_checklist() {
        assert_eq!(may_use(Some(&template())), Ok(()));
        let inactive = Template { is_active: false, ..template() };
        for template in [None, Some(&inactive)] {
            let refused = may_use(template).expect_err("refused").fields();
            assert_eq!(refused.iter().map(|error| &*error.field).collect::<Vec<_>>(), ["template_id"]);
        }
    }
}
