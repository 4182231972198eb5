//! Replacing members of a team after the inspection has begun.

use crate::{
    assignments::{AssignTeam, Assignment, AssignmentCommand, AssignmentRule, AssignmentStatus, Candidates},
    ids::UserId,
    message,
    rule::FieldError,
    time::{Date, Instant},
    users::{Category, User},
};

/// A change of a team that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The new team.
    pub team: &'a AssignTeam,
    /// The halves with a draft, and its inspector.
    pub begun: &'a [(Category, UserId)],
    /// The user whose takeover of the assignment is approved.
    pub taker: Option<UserId>,
    /// The day of the site, by which leaves are judged if the day of the assignment is past.
    pub today: Date,
}

impl Assignment {
    /// Whether assigning a team replaces members of one that has begun: admins may, so that no half
    /// stays with an inspector who has left (§1).
    pub fn is_replaced_by(&self, planner: &User) -> bool {
        use AssignmentStatus::{ElecComplete, InProgress, MechComplete};
        planner.is_admin() && matches!(self.status, InProgress | MechComplete | ElecComplete)
    }

    /// Replaces members of a team that has begun. New members meet the conditions of any team;
    /// those who stay are not validated again, and keep what they have begun. The inspector of a
    /// submitted half stays. The deadline stays, so that an overdue assignment remains in the
    /// backlog (§4).
    pub fn with_replaced_team(
        &self,
        replacement: Replacement<'_>,
        candidates: &Candidates,
        planner: UserId,
        now: Instant,
    ) -> Result<Self, AssignmentRule> {
        let Replacement { team, begun, taker, today } = replacement;
        let mut status = self.status.after(AssignmentCommand::Replace)?;
        let new = [Some(team.mechanical_inspector_id), Some(team.electrical_inspector_id)];
        if self.team() == new {
            return Ok(self.clone());
        }
        let mut errors = Vec::new();
        for (field, trade, id) in team.seats() {
            if self.inspector(trade) == Some(id) {
                continue;
            }
            let refusals = if self.completed_half() == Some(trade) {
                vec![message!("has submitted this half, and stays its inspector")]
            } else {
                self.conditions_not_met(trade, id, candidates, self.target_date.max(today))
            };
            errors
                .extend(refusals.into_iter().map(|message| FieldError { field: field.to_owned(), message }));
        }
        if !errors.is_empty() {
            return Err(AssignmentRule::Team(errors));
        }
        let [mechanical_inspector_id, electrical_inspector_id] = new;
        let after = Self {
            status,
            mechanical_inspector_id,
            electrical_inspector_id,
            assigned_by_id: Some(planner),
            assigned_at: Some(now),
            is_takeover: self.is_takeover && new.contains(&taker) && taker.is_some(),
            updated_at: now,
            ..self.clone()
        };
        for (half, _) in begun.iter().filter(|(half, by)| after.inspector(*half) == Some(*by)) {
            status = status.after(AssignmentCommand::Start(*half))?;
        }
        Ok(Self { status, ..after })
    }
}
