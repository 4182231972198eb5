//! Final assessments: whether a machine may run, by the verdicts of its two inspectors (rule book
//! §9).

use serde::Serialize;

use crate::{
    assignments::Assignment,
    equipment::EquipmentStatus,
    ids::{AssessmentId, AssignmentId, EquipmentId, UserId},
    input::{AnyOf, Invalid, input, text_enum},
    message,
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::Instant,
    users::{Category, Role, User},
};

text_enum! {
    /// Verdict on a machine.
    pub enum Verdict {
        /// It may run.
        Operational = "operational",
        /// It must not run.
        Urgent = "urgent",
    }
}

text_enum! {
    /// Lifecycle status of an assessment.
    pub enum AssessmentStatus {
        /// Undecided: at least one verdict is missing.
        Pending = "pending",
        /// Decided.
        Completed = "completed",
    }
}

text_enum! {
    /// Ground on which an assessment was decided.
    pub enum ResolvedBy {
        /// Both verdicts agree.
        Agreement = "agreement",
        /// One verdict is urgent, which is sufficient.
        SafetyRule = "safety_rule",
        /// Decision of an admin.
        Admin = "admin",
    }
}

/// The final assessment of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::final_assessments, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Assessment {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AssessmentId,
    /// The assignment.
    #[serde(rename = "inspection_assignment_id")]
    pub assignment_id: AssignmentId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// Inspector of the mechanical half.
    pub mechanical_inspector_id: UserId,
    /// Inspector of the electrical half.
    pub electrical_inspector_id: UserId,
    /// Verdict of the mechanical inspector.
    #[serde(rename = "mech_verdict")]
    pub mechanical_verdict: Option<Verdict>,
    /// Reason for an urgent verdict.
    #[serde(rename = "mech_reason")]
    pub mechanical_reason: Option<String>,
    /// Time of the verdict.
    #[serde(rename = "mech_verdict_at")]
    pub mechanical_verdict_at: Option<Instant>,
    /// Verdict of the electrical inspector.
    #[serde(rename = "elec_verdict")]
    pub electrical_verdict: Option<Verdict>,
    /// Reason for an urgent verdict.
    #[serde(rename = "elec_reason")]
    pub electrical_reason: Option<String>,
    /// Time of the verdict.
    #[serde(rename = "elec_verdict_at")]
    pub electrical_verdict_at: Option<Instant>,
    /// Lifecycle status.
    pub status: AssessmentStatus,
    /// Decision.
    #[serde(rename = "final_status")]
    pub decision: Option<Verdict>,
    /// Ground of the decision.
    pub resolved_by: Option<ResolvedBy>,
    /// Time of the decision.
    #[serde(rename = "finalized_at")]
    pub resolved_at: Option<Instant>,
    /// Admin that decided it.
    #[serde(rename = "admin_decision_by")]
    pub decided_by_id: Option<UserId>,
    /// Notes of the admin.
    #[serde(rename = "admin_decision_notes")]
    pub admin_notes: Option<String>,
    /// `stopped` while this assessment keeps the machine stopped.
    pub equipment_hold: Option<EquipmentStatus>,
    /// Status of the machine before the stop, restored on release; none if another cause had
    /// stopped it.
    pub stopped_from: Option<EquipmentStatus>,
    /// Time at which an admin released the machine by changing its status.
    pub released_at: Option<Instant>,
    /// Admin that released the machine.
    pub released_by_id: Option<UserId>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::translated!(Assessment, "assessment", { mechanical_reason, electrical_reason, admin_notes });

impl crate::entity::Entity for Assessment {
    const NAME: &'static str = "assessment";
    const PATH: Option<&'static str> = Some("/assessments");

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// Verdict of an inspector.
    pub struct NewVerdict {
        /// `operational` or `urgent`.
        verdict: Verdict,
        /// Reason for an urgent verdict; at least 50 characters.
        urgent_reason | "reason": Option<Text<2000>>,
    }
}

input! {
    /// Decision of an admin.
    pub struct AdminDecision {
        /// `operational` releases a machine that this assessment stopped; `urgent` stops the
        /// machine.
        decision: Verdict,
        /// Reason.
        notes | "admin_notes": Text<2000>,
    }
}

input! {
    /// Filter of a list of assessments, newest first.
    pub struct AssessmentFilter {
        /// Filter by status.
        status: AnyOf<AssessmentStatus>,
    }
}

/// Reasons for rejecting a command on an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssessmentRule {
    /// The assessment is decided (§9).
    #[error("this assessment has already been decided")]
    Completed,
    /// The inspector has already given a verdict (§9).
    #[error("you have already given your verdict")]
    AlreadyGiven,
}

impl Rule for AssessmentRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }
}

/// Minimum length of the reason for an urgent verdict, in characters (§9).
const SHORTEST_REASON: usize = 50;

impl NewVerdict {
    /// Verdict and reason. An urgent verdict requires a reason; other verdicts discard it (§9).
    pub fn checked(self) -> Result<(Verdict, Option<String>), Invalid> {
        if self.verdict == Verdict::Operational {
            return Ok((self.verdict, None));
        }
        let reason = self.urgent_reason.map(String::from).unwrap_or_default();
        match reason.chars().count() {
            0 => Err(Invalid::field("urgent_reason", "is required when the verdict is urgent")),
            n if n < SHORTEST_REASON => Err(Invalid::field(
                "urgent_reason",
                message!(
                    "must have at least {min} characters, not {length}",
                    min = SHORTEST_REASON,
                    length = n,
                ),
            )),
            _ => Ok((self.verdict, Some(reason))),
        }
    }
}

/// Whether the actor's lists include all assessments; other users' lists include their own (§9).
pub fn lists_all(actor: &User) -> bool {
    actor.is_admin()
}

impl Assessment {
    /// Builds a pending assessment with both inspectors (§9).
    pub fn of(assignment: &Assignment, team: [UserId; 2], now: Instant) -> Self {
        let [mechanical_inspector_id, electrical_inspector_id] = team;
        Self {
            id: AssessmentId::UNSAVED,
            assignment_id: assignment.id,
            equipment_id: assignment.equipment_id,
            mechanical_inspector_id,
            electrical_inspector_id,
            mechanical_verdict: None,
            mechanical_reason: None,
            mechanical_verdict_at: None,
            electrical_verdict: None,
            electrical_reason: None,
            electrical_verdict_at: None,
            status: AssessmentStatus::Pending,
            decision: None,
            resolved_by: None,
            resolved_at: None,
            decided_by_id: None,
            admin_notes: None,
            equipment_hold: None,
            stopped_from: None,
            released_at: None,
            released_by_id: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The two inspectors.
    pub const fn inspectors(&self) -> [UserId; 2] {
        [self.mechanical_inspector_id, self.electrical_inspector_id]
    }

    /// Checks that the actor may see it: admins, engineers, quality engineers and its inspectors.
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        let by_role =
            [Role::Admin, Role::Engineer, Role::QualityEngineer].into_iter().any(|role| actor.has(role));
        if by_role || self.inspectors().contains(&actor.id) {
            return Ok(());
        }
        Err(Forbidden("only its inspectors, engineers, quality engineers and admins may see this"))
    }

    /// Trade of the actor's half; the actor must be one of its inspectors.
    pub fn half_of(&self, actor: &User) -> Result<Category, Forbidden> {
        if actor.id == self.mechanical_inspector_id {
            Ok(Category::Mechanical)
        } else if actor.id == self.electrical_inspector_id {
            Ok(Category::Electrical)
        } else {
            Err(Forbidden("only the inspectors of this machine may give a verdict"))
        }
    }

    /// Records the verdict of an inspector. The second verdict decides the assessment (§9).
    pub fn with_verdict(
        &self,
        half: Category,
        verdict: Verdict,
        reason: Option<String>,
        now: Instant,
    ) -> Result<Self, AssessmentRule> {
        if self.status == AssessmentStatus::Completed {
            return Err(AssessmentRule::Completed);
        }
        let mut after = Self { updated_at: now, ..self.clone() };
        let (given, why, at) = match half {
            Category::Mechanical => (
                &mut after.mechanical_verdict,
                &mut after.mechanical_reason,
                &mut after.mechanical_verdict_at,
            ),
            Category::Electrical => (
                &mut after.electrical_verdict,
                &mut after.electrical_reason,
                &mut after.electrical_verdict_at,
            ),
        };
        if given.is_some() {
            return Err(AssessmentRule::AlreadyGiven);
        }
        *given = Some(verdict);
        *why = reason;
        *at = Some(now);
        let (decision, resolved_by) = match (after.mechanical_verdict, after.electrical_verdict) {
            (Some(one), Some(other)) if one == other => (one, ResolvedBy::Agreement),
            (Some(_), Some(_)) => (Verdict::Urgent, ResolvedBy::SafetyRule),
            _ => return Ok(after),
        };
        after.status = AssessmentStatus::Completed;
        after.decision = Some(decision);
        after.resolved_by = Some(resolved_by);
        after.resolved_at = Some(now);
        Ok(after)
    }

    /// Records the decision of an admin, which overrides all verdicts (§9).
    #[must_use]
    pub fn decided(&self, decision: AdminDecision, admin: UserId, now: Instant) -> Self {
        Self {
            status: AssessmentStatus::Completed,
            decision: Some(decision.decision),
            resolved_by: Some(ResolvedBy::Admin),
            resolved_at: Some(now),
            decided_by_id: Some(admin),
            admin_notes: Some(decision.notes.into()),
            updated_at: now,
            ..self.clone()
        }
    }

    /// Whether this assessment keeps the machine from running: decided as urgent, or undecided with
    /// at least one urgent verdict (§9).
    pub fn is_urgent(&self) -> bool {
        match self.decision {
            Some(decision) => decision == Verdict::Urgent,
            None => [self.mechanical_verdict, self.electrical_verdict].contains(&Some(Verdict::Urgent)),
        }
    }

    /// Reason for the urgency: the admin's notes after a decision by an admin, else the inspectors'
    /// reasons.
    pub fn urgent_reason(&self) -> String {
        if self.resolved_by == Some(ResolvedBy::Admin) {
            return self.admin_notes.clone().unwrap_or_default();
        }
        let reasons: Vec<&str> = [&self.mechanical_reason, &self.electrical_reason]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        reasons.join(" / ")
    }

    /// The reason that counts: the admin's notes if an admin decided `urgent`, none if an admin
    /// decided `operational`, else that of the urgent verdict given first.
    pub fn counting_reason(&self) -> Option<&str> {
        if self.resolved_by == Some(ResolvedBy::Admin) {
            return self.admin_notes.as_deref().filter(|_| self.is_urgent());
        }
        let halves = [
            (self.mechanical_verdict_at, self.mechanical_reason.as_deref()),
            (self.electrical_verdict_at, self.electrical_reason.as_deref()),
        ];
        let given = halves.into_iter().filter(|(_, reason)| reason.is_some());
        given.min_by_key(|(at, _)| *at).and_then(|(_, reason)| reason)
    }

    /// Applies a verdict or decision to the assessment and its machine (§9): urgent stops and holds
    /// the machine, operational lifts the hold. `holding` lists the other assessments that hold the
    /// machine.
    ///
    /// The machine returns to its previous status only if an assessment stopped it and none holds
    /// it any longer. A machine that an admin stopped by changing its status stays stopped.
    #[must_use]
    pub fn settled(&self, machine: EquipmentStatus, holding: &[Self]) -> (Self, EquipmentStatus) {
        let mut after = self.clone();
        if self.is_urgent() {
            if self.equipment_hold.is_none() {
                after.stopped_from = match machine {
                    EquipmentStatus::Stopped => holding.iter().find_map(|other| other.stopped_from),
                    running => Some(running),
                };
                after.equipment_hold = Some(EquipmentStatus::Stopped);
                after.released_at = None;
                after.released_by_id = None;
            }
            return (after, EquipmentStatus::Stopped);
        }
        let held = after.equipment_hold.take().is_some();
        let stopped_from = after.stopped_from.take();
        let status = match stopped_from {
            Some(before) if held && holding.is_empty() && machine == EquipmentStatus::Stopped => before,
            _ => machine,
        };
        (after, status)
    }

    /// Lifts the hold because an admin changed the status of the machine (§2).
    #[must_use]
    pub fn released(&self, admin: Option<UserId>, now: Instant) -> Self {
        Self {
            equipment_hold: None,
            stopped_from: None,
            released_at: Some(now),
            released_by_id: admin,
            updated_at: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
