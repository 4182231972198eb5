//! Daily lists: the machines to inspect on a day and shift (rule book §4).

use serde::Serialize;

use crate::{
    assignments::AssignmentStatus,
    equipment::EquipmentStatus,
    holidays::Holidays,
    ids::{ListId, UserId},
    input::{AnyOf, input, text_enum},
    key::Key,
    message,
    message::Message,
    page::Sort,
    routines::{AssetType, Routine},
    rule::{Code, FieldError, Rule},
    time::{Date, Instant},
    users::Shift,
};

text_enum! {
    /// Progress of a list, derived from its counters.
    pub enum ListStatus {
        /// No machine has a team.
        Generated = "generated",
        /// Some machines have a team.
        PartiallyAssigned = "partially_assigned",
        /// Every machine has a team.
        FullyAssigned = "fully_assigned",
        /// Every assignment is completed.
        Completed = "completed",
    }
}

impl ListStatus {
    /// Status derived from the counters (§4).
    pub const fn of(total: i64, assigned: i64, completed: i64) -> Self {
        if assigned == 0 {
            Self::Generated
        } else if completed == total {
            Self::Completed
        } else if assigned == total {
            Self::FullyAssigned
        } else {
            Self::PartiallyAssigned
        }
    }
}

/// The inspections of a day and shift, with one assignment per machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspection_lists, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct InspectionList {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ListId,
    /// The day.
    pub target_date: Date,
    /// The shift.
    pub shift: Shift,
    /// Progress, derived from the counters.
    pub status: ListStatus,
    /// Number of assignments.
    pub total_assets: i64,
    /// Number of assignments with a team.
    pub assigned_assets: i64,
    /// Number of completed assignments.
    pub completed_assets: i64,
    /// User that generated it; none for the scheduled task.
    pub generated_by_id: Option<UserId>,
    /// Time of generation.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

/// Number of assignments that a page of lists shows at most beyond its first lists.
const MOST_ASSIGNMENTS: i64 = 10_000;

/// Number of lists, as many as a page has by default, that always show their assignments.
const ALWAYS_COMPLETE: usize = 20;

impl InspectionList {
    /// The lists of a page that show their assignments: the first ones, up to 10,000 assignments.
    /// The first 20 always do; the machines of the site bound them.
    pub fn with_assignments(page: &[Self]) -> &[Self] {
        let mut assignments = 0_i64;
        let fits = |list: &Self| {
            assignments = assignments.saturating_add(list.total_assets);
            assignments <= MOST_ASSIGNMENTS
        };
        let fitting = page.iter().map(fits).take_while(|fits| *fits).count();
        page.get(..fitting.max(ALWAYS_COMPLETE)).unwrap_or(page)
    }
}

crate::shows!(InspectionList {});

impl crate::entity::Entity for InspectionList {
    const NAME: &'static str = "inspection_list";
    const LABEL: &'static str = "list";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// The list to generate.
    pub struct GenerateList {
        /// The day.
        target_date | "date": Date,
        /// The shift.
        shift: Shift,
        /// Whether to add missing machines to an existing list; `false` if absent.
        refresh: Option<bool>,
    }
}

text_enum! {
    /// Sort key of daily lists.
    pub enum ListOrder {
        /// Primary key.
        Id = "id",
        /// Day.
        TargetDate = "target_date",
    }
}

input! {
    /// Filter and order of a list of daily lists.
    pub struct ListFilter {
        /// Filter by day.
        date | "target_date": Option<Date>,
        /// Earliest day.
        date_from: Option<Date>,
        /// Latest day.
        date_to: Option<Date>,
        /// Filter by shift.
        shift: AnyOf<Shift>,
        /// Filter by status.
        status: AnyOf<ListStatus>,
        /// Sort order; latest day first if absent.
        sort: Option<Sort<ListOrder>>,
    }
}

/// Reasons for rejecting the generation of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListRule {
    /// A list exists for this day and shift; `refresh` adds missing machines (§4).
    #[error("{}", self.message())]
    Exists {
        /// The day.
        target_date: Date,
        /// The shift.
        shift: Shift,
    },
    /// No machine is to be inspected in this shift (§4).
    #[error("{}", self.message())]
    NothingToInspect {
        /// The day.
        target_date: Date,
        /// The shift.
        shift: Shift,
        /// Why the types of each routine that runs bring no machine.
        reasons: Vec<FieldError>,
    },
}

impl Rule for ListRule {
    fn code(&self) -> Code {
        match self {
            Self::Exists { .. } => Code::Duplicate,
            Self::NothingToInspect { .. } => Code::RuleViolation,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::Exists { target_date, shift } => {
                message!("a list for the {shift} shift of {date} already exists", shift, date = target_date)
            }
            Self::NothingToInspect { target_date, shift, reasons } if reasons.is_empty() => {
                message!("no active routine runs in the {shift} shift of {date}", shift, date = target_date)
            }
            Self::NothingToInspect { target_date, shift, .. } => {
                message!(
                    "no machine is to be inspected in the {shift} shift of {date}",
                    shift,
                    date = target_date
                )
            }
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Exists { .. } => {
                vec![FieldError { field: "target_date".into(), message: "has a list for this shift".into() }]
            }
            Self::NothingToInspect { reasons, .. } => reasons.clone(),
        }
    }
}

/// Statuses of machines that daily lists include (§4).
pub const LISTED: [EquipmentStatus; 2] = [EquipmentStatus::Active, EquipmentStatus::UnderMaintenance];

/// Why the routines that run in a shift bring no machine: for each of their types, the numbers of
/// machines by status (§4).
pub fn reasons_for_nothing(
    routines: &[Routine],
    asset_types: &[AssetType],
    machines: &[(String, EquipmentStatus, i64)],
    (date, shift): (Date, Shift),
    holidays: &Holidays,
) -> Vec<FieldError> {
    let running = routines.iter().filter(|routine| routine.runs_on(date, shift, holidays));
    let types = running.flat_map(|routine| {
        let own = asset_types.iter().filter(|of_type| of_type.routine_id == routine.id);
        own.map(move |of_type| (routine, of_type.equipment_type.as_str()))
    });
    let reason = |(routine, of_type): (&Routine, &str)| {
        let found = machines.iter().filter(|(equipment_type, ..)| Key::is_same(equipment_type, of_type));
        let counts: Vec<Message> = found
            .map(|(_, status, count)| message!("{count} with the status {status}", count, status))
            .collect();
        let name = routine.name.as_str();
        let message = if counts.is_empty() {
            message!("{name}: no machine is of the type {of_type}", name, of_type)
        } else {
            let listed = Message::joined(counts);
            Message::new(
                "{name}: no machine of the type {of_type} is in use: {listed}",
                vec![
                    ("name", Message::verbatim(name)),
                    ("of_type", Message::verbatim(of_type)),
                    ("listed", listed),
                ],
            )
        };
        FieldError { field: format!("routines.{id}", id = routine.id), message }
    };
    types.map(reason).collect()
}

impl InspectionList {
    /// An empty list.
    pub fn empty(target_date: Date, shift: Shift, generated_by_id: Option<UserId>, now: Instant) -> Self {
        Self {
            id: ListId::UNSAVED,
            target_date,
            shift,
            status: ListStatus::Generated,
            total_assets: 0,
            assigned_assets: 0,
            completed_assets: 0,
            generated_by_id,
            created_at: now,
            updated_at: now,
        }
    }

    /// Recomputes counters and status from the number of assignments in each status (§4).
    #[must_use]
    pub fn counted(&self, statuses: &[(AssignmentStatus, i64)], now: Instant) -> Self {
        let sum = |counts: fn(AssignmentStatus) -> bool| {
            statuses.iter().filter(|(status, _)| counts(*status)).map(|(_, number)| number).sum()
        };
        let total_assets = sum(|_| true);
        let assigned_assets = sum(|status| status != AssignmentStatus::Unassigned);
        let completed_assets = sum(|status| status == AssignmentStatus::Completed);
        Self {
            status: ListStatus::of(total_assets, assigned_assets, completed_assets),
            total_assets,
            assigned_assets,
            completed_assets,
            updated_at: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{fields, id, later, now},
        weekdays::DayOfWeek,
    };

    #[test]
    fn the_status_follows_from_the_counters() {
        use ListStatus::{Completed, FullyAssigned, Generated, PartiallyAssigned};
        let grid = [
            ((0, 0, 0), Generated),
            ((3, 0, 0), Generated),
            ((3, 1, 0), PartiallyAssigned),
            ((3, 2, 2), PartiallyAssigned),
            ((3, 3, 0), FullyAssigned),
            ((3, 3, 2), FullyAssigned),
            ((3, 3, 3), Completed),
        ];
        for ((total, assigned, completed), status) in grid {
            assert_eq!(ListStatus::of(total, assigned, completed), status, "{total} {assigned} {completed}");
        }
    }

    #[test]
    fn a_page_shows_the_assignments_of_its_first_lists() {
        let shown = |totals: &[i64]| {
            let page: Vec<_> =
                totals.iter().map(|total| InspectionList { total_assets: *total, ..list() }).collect();
            InspectionList::with_assignments(&page).len()
        };
        assert_eq!(shown(&[]), 0);
        assert_eq!(shown(&[100; 20]), 20);
        assert_eq!(shown(&[100; 100]), 100);
        assert_eq!(shown(&[200; 100]), 50);
        assert_eq!(shown(&[5000; 100]), 20, "as many as a page has by default");
        assert_eq!(shown(&[5000, 1, 1]), 3);
    }

    fn list() -> InspectionList {
        let day = Date::new(2026, 3, 2).expect("a date");
        InspectionList { id: id(7), ..InspectionList::empty(day, Shift::Night, Some(id(3)), now()) }
    }

    #[test]
    fn a_new_list_is_empty() {
        insta::assert_snapshot!(fields(&list()).join("\n"), @r"
        id: ListId(7)
        target_date: Date(2026-03-02)
        shift: Night
        status: Generated
        total_assets: 0
        assigned_assets: 0
        completed_assets: 0
        generated_by_id: Some(UserId(3))
        created_at: Instant(2026-03-01T07:00:00Z)
        updated_at: Instant(2026-03-01T07:00:00Z)
        ");
    }

    #[test]
    fn every_status_of_an_assignment_is_counted_where_it_belongs() {
        for &status in AssignmentStatus::ALL {
            let counted = list().counted(&[(status, 2), (AssignmentStatus::Assigned, 1)], later());
            let assigned_assets = if status == AssignmentStatus::Unassigned { 1 } else { 3 };
            let expected = InspectionList {
                status: ListStatus::of(3, assigned_assets, 0),
                total_assets: 3,
                assigned_assets,
                completed_assets: if status == AssignmentStatus::Completed { 2 } else { 0 },
                updated_at: later(),
                ..list()
            };
            assert_eq!(counted, expected, "{status}");
        }
        let finished = list().counted(&[(AssignmentStatus::Completed, 4)], later());
        assert_eq!((finished.status, finished.completed_assets), (ListStatus::Completed, 4));
        assert_eq!(list().counted(&[], now()), list());
    }

    #[test]
    fn a_second_list_is_a_duplicate_of_the_day() {
        let rule = ListRule::Exists { target_date: list().target_date, shift: Shift::Night };
        assert_eq!(rule.code(), Code::Duplicate);
        assert!(rule.to_string().contains("night shift of 2026-03-02"), "{rule}");
        let fields: Vec<_> = rule.fields().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["target_date"]);
    }

    #[test]
    fn an_empty_list_is_refused_with_its_reasons() {
        let day = list().target_date;
        let empty = |reasons| ListRule::NothingToInspect { target_date: day, shift: Shift::Day, reasons };
        assert_eq!(empty(Vec::new()).code(), Code::RuleViolation);
        assert!(empty(Vec::new()).to_string().contains("no active routine runs"), "{}", empty(Vec::new()));
        let routine = |number: i64, shift| Routine {
            id: id(number),
            name: format!("Round {number}"),
            name_ar: None,
            shift,
            days_of_week: DayOfWeek::ALL.iter().copied().collect(),
            template_id: id(1),
            is_active: true,
            created_at: now(),
            updated_at: now(),
            recurrence: None,
            starts_on: None,
            on_holiday: crate::routines::OnHoliday::Run,
        };
        let of_type = |routine: i64, equipment_type: &str| AssetType {
            id: id(routine),
            routine_id: id(routine),
            equipment_type: equipment_type.into(),
        };
        let reasons = reasons_for_nothing(
            &[routine(1, Shift::Day), routine(2, Shift::Night), routine(3, Shift::Day)],
            &[of_type(1, "crane"), of_type(2, "hoist"), of_type(3, "winch")],
            &[
                ("crane".into(), EquipmentStatus::Stopped, 2),
                ("crane".into(), EquipmentStatus::OutOfService, 1),
                ("hoist".into(), EquipmentStatus::Paused, 1),
            ],
            (day, Shift::Day),
            &Holidays::default(),
        );
        let shown: Vec<String> =
            reasons.iter().map(|reason| format!("{}: {}", reason.field, reason.message)).collect();
        assert_eq!(
            shown,
            [
                "routines.1: Round 1: no machine of the type crane is in use: 2 with the status stopped, 1 with the status out_of_service",
                "routines.3: Round 3: no machine is of the type winch",
            ]
        );
        assert_eq!(empty(reasons.clone()).fields(), reasons);
    }
}
