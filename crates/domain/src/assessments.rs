//! Final assessments: may a machine run, by the verdicts of the two who inspected it (rule book §9).

use serde::Serialize;

use crate::{
    assignments::Assignment,
    equipment::EquipmentStatus,
    ids::{AssessmentId, AssignmentId, EquipmentId, UserId},
    input::{Invalid, input, text_enum},
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::Instant,
    users::{Category, Role, User},
};

text_enum! {
    /// Whether a machine may run.
    pub enum Verdict {
        /// It may.
        Operational = "operational",
        /// It may not: it is a danger.
        Urgent = "urgent",
    }
}

text_enum! {
    /// How far an assessment is.
    pub enum AssessmentStatus {
        /// A verdict is missing.
        Pending = "pending",
        /// Decided.
        Completed = "completed",
    }
}

text_enum! {
    /// What decided an assessment.
    pub enum ResolvedBy {
        /// Both verdicts were the same.
        Agreement = "agreement",
        /// One was urgent, and one is enough.
        SafetyRule = "safety_rule",
        /// An admin.
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
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AssessmentId,
    /// The assignment it ends.
    pub assignment_id: AssignmentId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// Who inspected the mechanical half.
    pub mechanical_inspector_id: UserId,
    /// Who inspected the electrical half.
    pub electrical_inspector_id: UserId,
    /// What the mechanical inspector says.
    pub mechanical_verdict: Option<Verdict>,
    /// Why it is urgent.
    pub mechanical_reason: Option<String>,
    /// When they said so.
    pub mechanical_verdict_at: Option<Instant>,
    /// What the electrical inspector says.
    pub electrical_verdict: Option<Verdict>,
    /// Why it is urgent.
    pub electrical_reason: Option<String>,
    /// When they said so.
    pub electrical_verdict_at: Option<Instant>,
    /// Whether it is decided.
    pub status: AssessmentStatus,
    /// What was decided.
    pub decision: Option<Verdict>,
    /// What decided it.
    pub resolved_by: Option<ResolvedBy>,
    /// When it was decided.
    pub resolved_at: Option<Instant>,
    /// The admin who decided it.
    pub decided_by_id: Option<UserId>,
    /// What the admin noted.
    pub admin_notes: Option<String>,
    /// `stopped` while this assessment holds the machine stopped.
    pub equipment_hold: Option<EquipmentStatus>,
    /// What the machine's status was before it was stopped, and will be when it is released; none if it had been stopped by
    /// somebody else.
    pub stopped_from: Option<EquipmentStatus>,
    /// When an admin released the machine in spite of this assessment, by changing the machine's status.
    pub released_at: Option<Instant>,
    /// Which admin.
    pub released_by_id: Option<UserId>,
    /// When the inspectors were asked.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

crate::translations::translated!(Assessment, "assessment", { mechanical_reason, electrical_reason, admin_notes });

input! {
    /// An inspector's verdict.
    pub struct NewVerdict {
        /// `operational` or `urgent`.
        verdict: Verdict,
        /// Why it is urgent, in at least 50 characters.
        urgent_reason | "reason": Option<Text<2000>>,
    }
}

input! {
    /// An admin's decision.
    pub struct AdminDecision {
        /// `operational`, which releases what this assessment stopped, or `urgent`, which stops the machine.
        decision: Verdict,
        /// Why.
        notes | "admin_notes": Text<2000>,
    }
}

input! {
    /// Which assessments, newest first.
    pub struct AssessmentFilter {
        /// Of this status.
        status: Option<AssessmentStatus>,
    }
}

/// Why an assessment can't go on as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssessmentRule {
    /// Verdicts are given before it is decided (§9).
    #[error("this assessment has been decided")]
    Completed,
    /// Each inspector gives one verdict (§9).
    #[error("you have given your verdict")]
    AlreadyGiven,
}

impl Rule for AssessmentRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }
}

/// Characters that say at least why a machine is urgent (§9).
const SHORTEST_REASON: usize = 50;

impl NewVerdict {
    /// The verdict and its reason, which an urgent one needs and no other keeps (§9).
    pub fn checked(self) -> Result<(Verdict, Option<String>), Invalid> {
        if self.verdict == Verdict::Operational {
            return Ok((self.verdict, None));
        }
        let reason = self.urgent_reason.map(String::from).unwrap_or_default();
        match reason.chars().count() {
            0 => Err(Invalid::field("urgent_reason", "is required when the verdict is urgent")),
            n if n < SHORTEST_REASON => Err(Invalid::field(
                "urgent_reason",
                format!("must have at least {SHORTEST_REASON} characters, not {n}"),
            )),
            _ => Ok((self.verdict, Some(reason))),
        }
    }
}

/// Whose assessments somebody finds in lists: admins all, others those they are asked in (§9).
pub fn lists_all(actor: &User) -> bool {
    actor.is_admin()
}

impl Assessment {
    /// A new one, in which both inspectors are asked (§9).
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

    /// Its two inspectors.
    pub const fn inspectors(&self) -> [UserId; 2] {
        [self.mechanical_inspector_id, self.electrical_inspector_id]
    }

    /// Whether the actor may see it: admins, engineers, quality engineers and its inspectors.
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        let by_role =
            [Role::Admin, Role::Engineer, Role::QualityEngineer].into_iter().any(|role| actor.has(role));
        if by_role || self.inspectors().contains(&actor.id) {
            return Ok(());
        }
        Err(Forbidden("only its inspectors, engineers, quality engineers and admins may see this"))
    }

    /// Which half the actor inspected, who must be one of its inspectors.
    pub fn half_of(&self, actor: &User) -> Result<Category, Forbidden> {
        if actor.id == self.mechanical_inspector_id {
            Ok(Category::Mechanical)
        } else if actor.id == self.electrical_inspector_id {
            Ok(Category::Electrical)
        } else {
            Err(Forbidden("only the inspectors of this machine may give a verdict"))
        }
    }

    /// With the verdict of one of its inspectors; when both are in, it is decided (§9).
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

    /// Decided by an admin, whatever the verdicts are or were (§9).
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

    /// Whether the machine may not run as far as this assessment goes: it was decided so, or it isn't decided and one
    /// inspector says so. One is enough, and nobody waits for the other (§9).
    pub fn is_urgent(&self) -> bool {
        match self.decision {
            Some(decision) => decision == Verdict::Urgent,
            None => [self.mechanical_verdict, self.electrical_verdict].contains(&Some(Verdict::Urgent)),
        }
    }

    /// Why it is urgent: the admin's notes if an admin decided, else the inspectors' reasons.
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

    /// What becomes of it and of its machine after a verdict or a decision (§9): urgent stops the machine and holds it so;
    /// operational lets go of it. `holding` are the other assessments that hold this machine now.
    ///
    /// The machine is released, to the status it had, only if this or another assessment stopped it and none holds it any
    /// more; one that was stopped by an admin's own change stays stopped.
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

    /// Lets go of the machine because an admin changed its status (§2).
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
