//! Assignments: one machine of a daily list and its team of two inspectors (rule book §4).

pub mod batch;
pub mod conflicts;
pub mod replacing;
mod warnings;

use std::fmt;

use serde::Serialize;

use crate::{
    ids::{AssignmentId, EquipmentId, ListId, TemplateId, UserId},
    input::{AnyOf, input, text_enum},
    leaves::Leave,
    message,
    message::Message,
    page::Sort,
    roster::RosterEntry,
    rule::{Code, FieldError, Forbidden, Rule},
    text::Text,
    time::{Date, Instant, SiteTimeZone},
    users::{Category, Role, Shift, User},
};

text_enum! {
    /// Progress of an assignment.
    pub enum AssignmentStatus {
        /// Without a team.
        Unassigned = "unassigned",
        /// With a team; no inspection started.
        Assigned = "assigned",
        /// First inspection started.
        InProgress = "in_progress",
        /// Mechanical half submitted.
        MechComplete = "mech_complete",
        /// Electrical half submitted.
        ElecComplete = "elec_complete",
        /// Both halves submitted.
        BothComplete = "both_complete",
        /// Waiting for the verdicts of both inspectors.
        AssessmentPending = "assessment_pending",
        /// The final assessment is decided.
        Completed = "completed",
    }
}

/// Commands on an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentCommand {
    /// Assign a team, or replace it.
    Assign,
    /// Start one half.
    Start(Category),
    /// Complete one half.
    Complete(Category),
    /// Request the verdicts of both inspectors.
    Assess,
    /// Complete the assignment.
    Finish,
    /// Replace members of a team that has begun.
    Replace,
    /// Transfer the open halves of an overdue assignment to another team.
    TakeOver,
    /// Withdraw the team.
    Unassign,
    /// Remove the assignment from its list.
    Remove,
}

impl AssignmentCommand {
    /// Every command, with one entry per trade.
    pub const ALL: [Self; 11] = [
        Self::Assign,
        Self::Start(Category::Mechanical),
        Self::Start(Category::Electrical),
        Self::Complete(Category::Mechanical),
        Self::Complete(Category::Electrical),
        Self::Assess,
        Self::Finish,
        Self::Replace,
        Self::TakeOver,
        Self::Unassign,
        Self::Remove,
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
            Self::Replace => f.pad("replacing the team"),
            Self::TakeOver => f.pad("taking it over"),
            Self::Unassign => f.pad("withdrawing the team"),
            Self::Remove => f.pad("removing it"),
        }
    }
}

impl AssignmentStatus {
    /// Statuses in which an overdue assignment belongs to the backlog (§4).
    pub const UNFINISHED: [Self; 4] =
        [Self::Assigned, Self::InProgress, Self::MechComplete, Self::ElecComplete];

    /// Statuses in which no half is complete: the assignment can be cancelled without the loss of
    /// an inspection (§2).
    pub const NOTHING_SUBMITTED: [Self; 3] = [Self::Unassigned, Self::Assigned, Self::InProgress];

    /// Status in which only the half of this trade is complete.
    pub const fn half(category: Category) -> Self {
        match category {
            Category::Mechanical => Self::MechComplete,
            Category::Electrical => Self::ElecComplete,
        }
    }

    /// Status after a command (§4).
    pub fn after(self, command: AssignmentCommand) -> Result<Self, AssignmentRule> {
        match (self, command) {
            (Self::Unassigned | Self::Assigned, AssignmentCommand::Assign)
            | (Self::Assigned | Self::InProgress, AssignmentCommand::TakeOver)
            | (Self::InProgress, AssignmentCommand::Replace) => Ok(Self::Assigned),
            (Self::Assigned | Self::InProgress, AssignmentCommand::Start(_)) => Ok(Self::InProgress),
            (other, AssignmentCommand::Start(half)) if other == Self::half(half.other()) => Ok(other),
            (Self::InProgress, AssignmentCommand::Complete(half)) => Ok(Self::half(half)),
            (other, AssignmentCommand::Complete(half)) if other == Self::half(half.other()) => {
                Ok(Self::BothComplete)
            }
            (Self::BothComplete, AssignmentCommand::Assess) => Ok(Self::AssessmentPending),
            (Self::AssessmentPending, AssignmentCommand::Finish) => Ok(Self::Completed),
            (
                Self::MechComplete | Self::ElecComplete,
                AssignmentCommand::TakeOver | AssignmentCommand::Replace,
            )
            | (Self::Unassigned | Self::Assigned, AssignmentCommand::Remove) => Ok(self),
            (Self::Assigned | Self::InProgress, AssignmentCommand::Unassign) => Ok(Self::Unassigned),
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
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AssignmentId,
    /// The daily list.
    #[serde(rename = "inspection_list_id")]
    pub list_id: ListId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// The checklist.
    pub template_id: TemplateId,
    /// The day.
    pub target_date: Date,
    /// The shift.
    pub shift: Shift,
    /// Berth of the machine.
    pub berth: Option<String>,
    /// Lifecycle status.
    pub status: AssignmentStatus,
    /// Inspector of the mechanical half.
    pub mechanical_inspector_id: Option<UserId>,
    /// Inspector of the electrical half.
    pub electrical_inspector_id: Option<UserId>,
    /// User that assigned the team.
    #[serde(rename = "assigned_by")]
    pub assigned_by_id: Option<UserId>,
    /// Time at which the team was assigned.
    pub assigned_at: Option<Instant>,
    /// Deadline, after which an unfinished assignment belongs to the backlog.
    pub deadline: Option<Instant>,
    /// Completion time.
    pub completed_at: Option<Instant>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// Whether another team took it over.
    pub is_takeover: bool,
    /// Points of the mechanical inspector for the completed assignment.
    pub mech_points_awarded: i64,
    /// Points of the electrical inspector for the completed assignment.
    pub elec_points_awarded: i64,
}

impl crate::entity::Entity for Assignment {
    const NAME: &'static str = "assignment";
    const PATH: Option<&'static str> = Some("/assignments");
    const CHANGED_KIND: Option<crate::entity::ChangedKind> = Some(crate::entity::ChangedKind::Assignment);

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn followers(&self) -> Vec<UserId> {
        self.team().into_iter().flatten().collect()
    }
}

crate::shows!(Assignment {});

input! {
    /// The team to assign.
    pub struct AssignTeam {
        /// Inspector of the mechanical half.
        mechanical_inspector_id | "mech_inspector_id": UserId,
        /// Inspector of the electrical half.
        electrical_inspector_id | "elec_inspector_id": UserId,
    }
}

impl AssignTeam {
    /// The seats: field, trade, and user.
    pub(crate) const fn seats(&self) -> [(&'static str, Category, UserId); 2] {
        [
            ("mechanical_inspector_id", Category::Mechanical, self.mechanical_inspector_id),
            ("electrical_inspector_id", Category::Electrical, self.electrical_inspector_id),
        ]
    }
}

input! {
    /// A correction of the machine's berth.
    pub struct CorrectBerth {
        /// Actual berth.
        berth: Text<50>,
    }
}

text_enum! {
    /// Sort key of assignments.
    pub enum AssignmentOrder {
        /// Day, then primary key.
        TargetDate = "target_date",
    }
}

input! {
    /// Filter and order of a list of the user's own assignments.
    pub struct AssignmentFilter {
        /// Filter by day.
        date | "target_date": Option<Date>,
        /// Filter by status.
        status: AnyOf<AssignmentStatus>,
        /// Sort order; latest day first if absent.
        sort: Option<Sort<AssignmentOrder>>,
    }
}

/// Reasons for rejecting a command on an assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentRule {
    /// The command is not allowed in the current status (§4).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: AssignmentCommand,
        /// Current status.
        status: AssignmentStatus,
    },
    /// The team violates at least one condition (§4).
    #[error("this team can't inspect the machine")]
    Team(
        /// Every violated condition, by field.
        Vec<FieldError>,
    ),
    /// A half is complete only after its inspection is submitted (§5).
    #[error("submit your inspection of this machine first")]
    NotHandedIn,
}

impl Rule for AssignmentRule {
    fn code(&self) -> Code {
        match self {
            Self::Team(_) => Code::RuleViolation,
            Self::WrongStatus { .. } | Self::NotHandedIn => Code::InvalidState,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => {
                message!("{command} is not possible: the assignment is {status}", command, status)
            }
            rule => rule.to_string().into(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Team(errors) => errors.clone(),
            _ => Vec::new(),
        }
    }
}

/// Points of each inspector for a completed assignment (§9).
pub const POINTS: i64 = 1;

/// Seconds from the beginning of the shift to the deadline: 30 hours (§4).
const TIME_ALLOWED: i64 = 30 * 3600;

/// Deadline of an assignment: 30 hours of elapsed time after its shift begins (§4).
pub fn deadline(target_date: Date, shift: Shift, calendar: &SiteTimeZone) -> Instant {
    calendar.at(target_date, shift.first_hour()).plus_seconds(TIME_ALLOWED)
}

impl Assignment {
    /// Transfers the open halves to a new team, each member in their trade, with a new deadline
    /// (§7). Completed halves keep their inspectors. `begun` are the halves with a draft and its
    /// inspector; those of a member who stays on the team stay begun.
    pub fn taken_over_by(
        &self,
        team: [&User; 2],
        begun: &[(Category, UserId)],
        by: UserId,
        now: Instant,
    ) -> Result<Self, AssignmentRule> {
        let status = self.status.after(AssignmentCommand::TakeOver)?;
        let of = |half: Category| {
            team.iter().find(|member| member.specialization == Some(half)).map(|member| member.id)
        };
        let mut after = Self {
            status,
            assigned_by_id: Some(by),
            assigned_at: Some(now),
            deadline: Some(now.plus_seconds(TIME_ALLOWED)),
            is_takeover: true,
            updated_at: now,
            ..self.clone()
        };
        if status != AssignmentStatus::MechComplete {
            after.mechanical_inspector_id = of(Category::Mechanical).or(self.mechanical_inspector_id);
        }
        if status != AssignmentStatus::ElecComplete {
            after.electrical_inspector_id = of(Category::Electrical).or(self.electrical_inspector_id);
        }
        let team = after.team();
        for (half, _) in begun.iter().filter(|(_, inspector)| team.contains(&Some(*inspector))) {
            after.status = after.status.after(AssignmentCommand::Start(*half))?;
        }
        Ok(after)
    }
}

/// The people proposed for a team, and their leaves.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// The people that were found.
    pub people: Vec<User>,
    /// Their leaves that may include the day.
    pub leaves: Vec<Leave>,
    /// Their entries of the roster on the day.
    pub roster: Vec<RosterEntry>,
}

impl Assignment {
    /// Assigns a team: each member is an active inspector of their trade, and not on leave during
    /// the whole shift (§4).
    pub fn assign(
        &self,
        team: &AssignTeam,
        candidates: &Candidates,
        planner: UserId,
        calendar: &SiteTimeZone,
        now: Instant,
    ) -> Result<Self, AssignmentRule> {
        let status = self.status.after(AssignmentCommand::Assign)?;
        let errors: Vec<FieldError> = team
            .seats()
            .into_iter()
            .flat_map(|(field, trade, id)| {
                let missing = self.conditions_not_met(trade, id, candidates, self.target_date);
                missing.into_iter().map(move |message| FieldError { field: field.to_owned(), message })
            })
            .collect();
        if !errors.is_empty() {
            return Err(AssignmentRule::Team(errors));
        }
        // The same team again changes nothing.
        if self.team() == [Some(team.mechanical_inspector_id), Some(team.electrical_inspector_id)] {
            return Ok(self.clone());
        }
        Ok(Self {
            status,
            mechanical_inspector_id: Some(team.mechanical_inspector_id),
            electrical_inspector_id: Some(team.electrical_inspector_id),
            assigned_by_id: Some(planner),
            assigned_at: Some(now),
            deadline: Some(deadline(self.target_date, self.shift, calendar)),
            is_takeover: false,
            updated_at: now,
            ..self.clone()
        })
    }

    /// Withdraws the team (§4).
    pub fn unassigned(&self, now: Instant) -> Result<Self, AssignmentRule> {
        Ok(Self {
            status: self.status.after(AssignmentCommand::Unassign)?,
            mechanical_inspector_id: None,
            electrical_inspector_id: None,
            assigned_by_id: None,
            assigned_at: None,
            deadline: None,
            is_takeover: false,
            updated_at: now,
            ..self.clone()
        })
    }

    /// Whether neither half is submitted.
    pub fn is_without_submission(&self) -> bool {
        AssignmentStatus::NOTHING_SUBMITTED.contains(&self.status)
    }

    /// Checks that it can be removed from its list: no inspection of it was started (§4).
    pub fn may_be_removed(&self) -> Result<(), AssignmentRule> {
        self.status.after(AssignmentCommand::Remove).map(|_| ())
    }

    /// The conditions that a member does not meet, on leave on this date among them.
    fn conditions_not_met(
        &self,
        trade: Category,
        id: UserId,
        candidates: &Candidates,
        date: Date,
    ) -> Vec<Message> {
        let Some(person) = candidates.people.iter().find(|person| person.id == id) else {
            return vec![message!("there is no such user")];
        };
        let mut own = candidates.leaves.iter().filter(|leave| leave.user_id == id);
        let is_away = own.any(|leave| leave.excludes(date, self.shift));
        let conditions = [
            (person.is_active, message!("is not active")),
            (person.has(Role::Inspector), message!("is not an inspector")),
            (person.specialization == Some(trade), message!("is not of the {trade} trade", trade)),
            (!is_away, message!("is on leave on {date}", date)),
        ];
        conditions.into_iter().filter(|(is_met, _)| !is_met).map(|(_, message)| message).collect()
    }

    /// Corrects the berth of the machine.
    #[must_use]
    pub fn with_berth(&self, correction: CorrectBerth, now: Instant) -> Self {
        Self { berth: Some(correction.berth.into()), updated_at: now, ..self.clone() }
    }

    /// Mechanical and electrical inspector, in this order.
    pub const fn team(&self) -> [Option<UserId>; 2] {
        [self.mechanical_inspector_id, self.electrical_inspector_id]
    }

    /// Inspector of a trade's half.
    pub const fn inspector(&self, trade: Category) -> Option<UserId> {
        match trade {
            Category::Mechanical => self.mechanical_inspector_id,
            Category::Electrical => self.electrical_inspector_id,
        }
    }

    /// Status of the half of a user: whether they have begun or submitted it, whatever the other
    /// half is like. `None` if they are not on the team.
    pub fn own_status(&self, user: &User, has_draft: bool) -> Option<AssignmentStatus> {
        let half = self.half_of(user).ok()?;
        Some(match self.status {
            AssignmentStatus::Assigned | AssignmentStatus::InProgress if has_draft => {
                AssignmentStatus::InProgress
            }
            AssignmentStatus::InProgress => AssignmentStatus::Assigned,
            other if other == AssignmentStatus::half(half.other()) => {
                if has_draft {
                    AssignmentStatus::InProgress
                } else {
                    AssignmentStatus::Assigned
                }
            }
            other => other,
        })
    }

    /// Trade of the half that is complete while the other one is open.
    pub const fn completed_half(&self) -> Option<Category> {
        match self.status {
            AssignmentStatus::MechComplete => Some(Category::Mechanical),
            AssignmentStatus::ElecComplete => Some(Category::Electrical),
            _ => None,
        }
    }

    /// Trade of the actor's half; the actor must be on the team (§5).
    pub fn half_of(&self, actor: &User) -> Result<Category, Forbidden> {
        Category::ALL
            .iter()
            .copied()
            .find(|trade| self.inspector(*trade) == Some(actor.id))
            .ok_or(Forbidden("only the team of this assignment may do this"))
    }

    /// Applies a command.
    pub fn after(&self, command: AssignmentCommand, now: Instant) -> Result<Self, AssignmentRule> {
        let status = self.status.after(command)?;
        let after = Self { status, completed_at: None, updated_at: now, ..self.clone() };
        if status != AssignmentStatus::Completed {
            return Ok(after);
        }
        Ok(Self {
            completed_at: Some(now),
            mech_points_awarded: POINTS,
            elec_points_awarded: POINTS,
            ..after
        })
    }

    /// Whether it belongs to the backlog: past its deadline with at least one half open (§4).
    pub fn is_overdue(&self, now: Instant) -> bool {
        AssignmentStatus::UNFINISHED.contains(&self.status)
            && self.deadline.is_some_and(|deadline| deadline < now)
    }

    /// Checks that the actor may request its assessment: the team and admins may (§9).
    pub fn may_be_assessed_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() { Ok(()) } else { self.half_of(actor).map(|_| ()) }
    }
}

#[cfg(test)]
mod tests;
