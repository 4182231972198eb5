//! Assigning one team to several machines of a list.

use std::collections::BTreeSet;

use crate::{
    assignments::{AssignTeam, Assignment, AssignmentRule, Candidates},
    ids::{AssignmentId, ListId, UserId},
    input::{Invalid, ValueList, input},
    rule::{Code, FieldError, Rule},
    text::Text,
    time::{Instant, SiteTimeZone},
};

input! {
    /// The team to assign to several machines of a daily list: either those of `assignment_ids`, or
    /// those of `list_id` at `berth`.
    pub struct AssignBatch {
        /// The assignments, of one list.
        assignment_ids: Option<ValueList<AssignmentId, 1, 500>>,
        /// The list.
        list_id: Option<ListId>,
        /// The berth, whose assignments on the list all get the team.
        berth: Option<Text<50>>,
        /// Inspector of the mechanical half.
        mechanical_inspector_id | "mech_inspector_id": UserId,
        /// Inspector of the electrical half.
        electrical_inspector_id | "elec_inspector_id": UserId,
    }
}

/// The assignments that a batch addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchTarget {
    /// These assignments, in the order received.
    Assignments(Vec<AssignmentId>),
    /// The assignments of a list at a berth.
    Berth(ListId, String),
}

impl AssignBatch {
    /// The team.
    pub const fn team(&self) -> AssignTeam {
        AssignTeam {
            mechanical_inspector_id: self.mechanical_inspector_id,
            electrical_inspector_id: self.electrical_inspector_id,
        }
    }

    /// The assignments that the input addresses, in one of the two ways.
    pub fn target(&self) -> Result<BatchTarget, Invalid> {
        match (&self.assignment_ids, self.list_id, &self.berth) {
            (Some(ids), None, None) => Ok(BatchTarget::Assignments(ids.0.clone())),
            (None, Some(list), Some(berth)) => Ok(BatchTarget::Berth(list, berth.clone().into())),
            (None, Some(_), None) => Err(Invalid::field("berth", "is required with list_id")),
            (None, None, Some(_)) => Err(Invalid::field("list_id", "is required with berth")),
            (None, None, None) => Err(Invalid::field("assignment_ids", "is required, or list_id and berth")),
            (Some(_), ..) => {
                Err(Invalid::field("assignment_ids", "must be absent if list_id or berth is given"))
            }
        }
    }

    /// Checks that every addressed assignment was found, and that all belong to one list. `found`
    /// is in any order.
    pub fn may_be_all(target: &BatchTarget, found: &[Assignment]) -> Result<(), Invalid> {
        let ids = match target {
            BatchTarget::Berth(..) if found.is_empty() => {
                return Err(Invalid::field("berth", "no assignment of the list is at this berth"));
            }
            BatchTarget::Berth(..) => return Ok(()),
            BatchTarget::Assignments(ids) => ids,
        };
        let mut errors = Invalid::default();
        let list = ids.iter().find_map(|id| found.iter().find(|one| one.id == *id)).map(|one| one.list_id);
        for (n, id) in ids.iter().enumerate() {
            let name = format!("assignment_ids[{n}]");
            match found.iter().find(|one| one.id == *id) {
                None => errors.extend(Invalid::field(name, "there is no such assignment")),
                Some(one) if Some(one.list_id) != list => {
                    errors.extend(Invalid::field(name, "belongs to another list than the first"));
                }
                Some(_) => {}
            }
        }
        errors.into_result()
    }
}

/// The team cannot inspect at least one of several machines (§4). Every refusal is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this team can't inspect all of these machines")]
pub struct BatchRule(
    /// The refusals, by the assignment or the field.
    pub Vec<FieldError>,
);

impl Rule for BatchRule {
    fn code(&self) -> Code {
        Code::RuleViolation
    }

    fn fields(&self) -> Vec<FieldError> {
        self.0.clone()
    }
}

impl Assignment {
    /// Assigns one team to several assignments, all or none. Every refusal is named: those of the
    /// team by its fields, those of an assignment as `assignments.{id}` (§4).
    pub fn assign_all(
        all: &[Self],
        team: &AssignTeam,
        candidates: &Candidates,
        planner: UserId,
        calendar: &SiteTimeZone,
        now: Instant,
    ) -> Result<Vec<Self>, BatchRule> {
        let mut assigned = Vec::with_capacity(all.len());
        let mut errors: Vec<FieldError> = Vec::new();
        let mut named = BTreeSet::new();
        for assignment in all {
            match assignment.assign(team, candidates, planner, calendar, now) {
                Ok(after) => assigned.push(after),
                Err(AssignmentRule::Team(conditions)) => {
                    let new =
                        |error: &FieldError| named.insert((error.field.clone(), error.message.to_string()));
                    errors.extend(conditions.into_iter().filter(new));
                }
                Err(rule) => {
                    let field = format!("assignments.{id}", id = assignment.id);
                    errors.push(FieldError { field, message: rule.message() });
                }
            }
        }
        if errors.is_empty() { Ok(assigned) } else { Err(BatchRule(errors)) }
    }
}
