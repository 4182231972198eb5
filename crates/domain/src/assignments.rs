//! Assignments: one machine of a daily list, and the team of two that inspects it (rule book §4).

use std::fmt;

use serde::Serialize;

use crate::{
    ids::{AssignmentId, EquipmentId, ListId, TemplateId, UserId},
    input::{input, text_enum},
    leaves::Leave,
    page::Sort,
    rule::{Code, FieldError, Forbidden, Rule},
    text::Text,
    time::{Date, Instant, SiteTimeZone},
    users::{Category, Role, Shift, User},
};

text_enum! {
    /// How far an assignment is.
    pub enum AssignmentStatus {
        /// It has no team.
        Unassigned = "unassigned",
        /// It has a team, which hasn't begun.
        Assigned = "assigned",
        /// The first inspection has been begun.
        InProgress = "in_progress",
        /// The mechanical half is done.
        MechComplete = "mech_complete",
        /// The electrical half is done.
        ElecComplete = "elec_complete",
        /// Both halves are done.
        BothComplete = "both_complete",
        /// The inspectors are asked for their verdicts.
        AssessmentPending = "assessment_pending",
        /// The machine has been assessed.
        Completed = "completed",
    }
}

/// What can be done with an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentCommand {
    /// Give it a team, or another one.
    Assign,
    /// Begin one half.
    Start(Category),
    /// Finish one half.
    Complete(Category),
    /// Ask both inspectors for their verdict.
    Assess,
    /// Be done.
    Finish,
    /// Give what isn't done of it to others, since it is late.
    TakeOver,
}

impl AssignmentCommand {
    /// Every command.
    pub const ALL: [Self; 8] = [
        Self::Assign,
        Self::Start(Category::Mechanical),
        Self::Start(Category::Electrical),
        Self::Complete(Category::Mechanical),
        Self::Complete(Category::Electrical),
        Self::Assess,
        Self::Finish,
        Self::TakeOver,
    ];
}

impl fmt::Display for AssignmentCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assign => f.pad("assigning a team"),
            Self::Start(half) => f.pad(&format!("starting the {half} half")),
            Self::Complete(half) => f.pad(&format!("completing the {half} half")),
            Self::Assess => f.pad("assessing the machine"),
            Self::Finish => f.pad("finishing"),
            Self::TakeOver => f.pad("taking it over"),
        }
    }
}

impl AssignmentStatus {
    /// The statuses in which an assignment past its deadline belongs to the backlog (§4).
    pub const UNFINISHED: [Self; 4] =
        [Self::Assigned, Self::InProgress, Self::MechComplete, Self::ElecComplete];

    /// The status in which this half alone is done.
    const fn half(category: Category) -> Self {
        match category {
            Category::Mechanical => Self::MechComplete,
            Category::Electrical => Self::ElecComplete,
        }
    }

    /// The status after a command (§4).
    pub fn after(self, command: AssignmentCommand) -> Result<Self, AssignmentRule> {
        match (self, command) {
            (Self::Unassigned | Self::Assigned, AssignmentCommand::Assign)
            | (Self::Assigned | Self::InProgress, AssignmentCommand::TakeOver) => Ok(Self::Assigned),
            (Self::Assigned | Self::InProgress, AssignmentCommand::Start(_)) => Ok(Self::InProgress),
            (other, AssignmentCommand::Start(half)) if other == Self::half(half.other()) => Ok(other),
            (Self::InProgress, AssignmentCommand::Complete(half)) => Ok(Self::half(half)),
            (other, AssignmentCommand::Complete(half)) if other == Self::half(half.other()) => {
                Ok(Self::BothComplete)
            }
            (Self::BothComplete, AssignmentCommand::Assess) => Ok(Self::AssessmentPending),
            (Self::AssessmentPending, AssignmentCommand::Finish) => Ok(Self::Completed),
            (Self::MechComplete | Self::ElecComplete, AssignmentCommand::TakeOver) => Ok(self),
            (status, command) => Err(AssignmentRule::WrongStatus { command, status }),
        }
    }
}

/// One machine of a daily list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspection_assignments, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Assignment {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AssignmentId,
    /// The list it is on.
    pub list_id: ListId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// The checklist.
    pub template_id: TemplateId,
    /// The day.
    pub target_date: Date,
    /// The shift.
    pub shift: Shift,
    /// Where the machine is to be found.
    pub berth: Option<String>,
    /// How far it is.
    pub status: AssignmentStatus,
    /// Who inspects the mechanical half.
    pub mechanical_inspector_id: Option<UserId>,
    /// Who inspects the electrical half.
    pub electrical_inspector_id: Option<UserId>,
    /// Who chose the team.
    pub assigned_by_id: Option<UserId>,
    /// When the team was chosen.
    pub assigned_at: Option<Instant>,
    /// When it belongs to the backlog if it isn't done.
    pub deadline: Option<Instant>,
    /// When it was done.
    pub completed_at: Option<Instant>,
    /// When it came onto the list.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

input! {
    /// A team of two.
    pub struct AssignTeam {
        /// Who inspects the mechanical half.
        mechanical_inspector_id | "mech_inspector_id": UserId,
        /// Who inspects the electrical half.
        electrical_inspector_id | "elec_inspector_id": UserId,
    }
}

input! {
    /// Where the machine really is.
    pub struct CorrectBerth {
        /// The berth.
        berth: Text<50>,
    }
}

text_enum! {
    /// What assignments can be ordered by.
    pub enum AssignmentOrder {
        /// Day, and those of one day by number.
        TargetDate = "target_date",
    }
}

input! {
    /// Which of one's assignments.
    pub struct AssignmentFilter {
        /// Of this day.
        date | "target_date": Option<Date>,
        /// Of this status.
        status: Option<AssignmentStatus>,
        /// Order; the latest day first if absent.
        sort: Option<Sort<AssignmentOrder>>,
    }
}

/// Why an assignment can't go on as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentRule {
    /// The command needs another status (§4).
    #[error("{command} is not possible, the assignment is {status}")]
    WrongStatus {
        /// What was asked.
        command: AssignmentCommand,
        /// The status it has.
        status: AssignmentStatus,
    },
    /// The team doesn't meet all conditions (§4).
    #[error("this team can't inspect the machine")]
    Team(
        /// Every condition that isn't met, by field.
        Vec<FieldError>,
    ),
    /// One's half is complete when one's inspection was handed in (§5).
    #[error("your inspection of this machine has not been handed in")]
    NotHandedIn,
}

impl Rule for AssignmentRule {
    fn code(&self) -> Code {
        match self {
            Self::Team(_) => Code::RuleViolation,
            Self::WrongStatus { .. } | Self::NotHandedIn => Code::InvalidState,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Team(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }
}

/// Seconds from the beginning of the shift to the deadline: 30 hours (§4).
const TIME_ALLOWED: i64 = 30 * 3600;

/// When an assignment belongs to the backlog: so long after its shift has begun, on a clock that doesn't change (§4).
pub fn deadline(target_date: Date, shift: Shift, calendar: &SiteTimeZone) -> Instant {
    calendar.at(target_date, shift.first_hour()).plus_seconds(TIME_ALLOWED)
}

impl Assignment {
    /// Its places that wait to be inspected, taken over by these two, each in their trade, with as much time as at first
    /// (§7). A half that is done stays its inspector's.
    pub fn taken_over_by(&self, team: [&User; 2], by: UserId, now: Instant) -> Result<Self, AssignmentRule> {
        let status = self.status.after(AssignmentCommand::TakeOver)?;
        let of = |half: Category| {
            team.iter().find(|member| member.specialization == Some(half)).map(|member| member.id)
        };
        let mut after = Self {
            status,
            assigned_by_id: Some(by),
            assigned_at: Some(now),
            deadline: Some(now.plus_seconds(TIME_ALLOWED)),
            updated_at: now,
            ..self.clone()
        };
        if status != AssignmentStatus::MechComplete {
            after.mechanical_inspector_id = of(Category::Mechanical).or(self.mechanical_inspector_id);
        }
        if status != AssignmentStatus::ElecComplete {
            after.electrical_inspector_id = of(Category::Electrical).or(self.electrical_inspector_id);
        }
        Ok(after)
    }
}

/// What is to be known of the two people of a team.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// The people there are.
    pub people: Vec<User>,
    /// Their leaves around the day.
    pub leaves: Vec<Leave>,
}

impl Assignment {
    /// Gives it a team: each member an active inspector of their trade, on the shift, and not on leave on the day (§4).
    pub fn assign(
        &self,
        team: &AssignTeam,
        candidates: &Candidates,
        planner: UserId,
        calendar: &SiteTimeZone,
        now: Instant,
    ) -> Result<Self, AssignmentRule> {
        let status = self.status.after(AssignmentCommand::Assign)?;
        let seats = [
            ("mechanical_inspector_id", Category::Mechanical, team.mechanical_inspector_id),
            ("electrical_inspector_id", Category::Electrical, team.electrical_inspector_id),
        ];
        let errors: Vec<FieldError> = seats
            .into_iter()
            .flat_map(|(field, trade, id)| {
                let missing = self.conditions_not_met(trade, id, candidates);
                missing.into_iter().map(move |message| FieldError { field: field.to_owned(), message })
            })
            .collect();
        if !errors.is_empty() {
            return Err(AssignmentRule::Team(errors));
        }
        Ok(Self {
            status,
            mechanical_inspector_id: Some(team.mechanical_inspector_id),
            electrical_inspector_id: Some(team.electrical_inspector_id),
            assigned_by_id: Some(planner),
            assigned_at: Some(now),
            deadline: Some(deadline(self.target_date, self.shift, calendar)),
            updated_at: now,
            ..self.clone()
        })
    }

    fn conditions_not_met(&self, trade: Category, id: UserId, candidates: &Candidates) -> Vec<String> {
        let Some(person) = candidates.people.iter().find(|person| person.id == id) else {
            return vec!["there is no such user".to_owned()];
        };
        let (date, shift) = (self.target_date, self.shift);
        let is_away = candidates.leaves.iter().any(|leave| leave.user_id == id && leave.covers(date));
        let conditions = [
            (person.is_active, "is not active".to_owned()),
            (person.has(Role::Inspector), "is not an inspector".to_owned()),
            (person.specialization == Some(trade), format!("is not of the {trade} trade")),
            (person.shift == Some(shift), format!("is not on the {shift} shift")),
            (!is_away, format!("is on leave on {date}")),
        ];
        conditions.into_iter().filter(|(is_met, _)| !is_met).map(|(_, message)| message).collect()
    }

    /// Puts right where the machine is.
    #[must_use]
    pub fn with_berth(&self, correction: CorrectBerth, now: Instant) -> Self {
        Self { berth: Some(correction.berth.into()), updated_at: now, ..self.clone() }
    }

    /// Whose halves they are: the mechanical inspector's, the electrical inspector's.
    pub const fn team(&self) -> [Option<UserId>; 2] {
        [self.mechanical_inspector_id, self.electrical_inspector_id]
    }

    /// Whose half is this trade's.
    pub const fn inspector(&self, trade: Category) -> Option<UserId> {
        match trade {
            Category::Mechanical => self.mechanical_inspector_id,
            Category::Electrical => self.electrical_inspector_id,
        }
    }

    /// The half that is somebody's, who must be on the team (§5).
    pub fn half_of(&self, actor: &User) -> Result<Category, Forbidden> {
        Category::ALL
            .iter()
            .copied()
            .find(|trade| self.inspector(*trade) == Some(actor.id))
            .ok_or(Forbidden("only the team of this assignment may do this"))
    }

    /// The assignment after a command.
    pub fn after(&self, command: AssignmentCommand, now: Instant) -> Result<Self, AssignmentRule> {
        let status = self.status.after(command)?;
        let completed_at = if status == AssignmentStatus::Completed { Some(now) } else { None };
        Ok(Self { status, completed_at, updated_at: now, ..self.clone() })
    }

    /// Whether it belongs to the backlog: past its deadline, and not both halves done (§4).
    pub fn is_overdue(&self, now: Instant) -> bool {
        AssignmentStatus::UNFINISHED.contains(&self.status)
            && self.deadline.is_some_and(|deadline| deadline < now)
    }

    /// Who may have it assessed: its team and admins (§9).
    pub fn may_be_assessed_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() { Ok(()) } else { self.half_of(actor).map(|_| ()) }
    }
}

#[cfg(test)]
mod tests;
