//! The points ledger: every award and penalty is one entry, totals are sums of entries (rule book §1).

use serde::Serialize;

use crate::{
    ids::{PointEntryId, UserId},
    input::text_enum,
    time::Instant,
    users::{Role, User},
};

text_enum! {
    /// Why somebody got or lost points.
    pub enum PointKind {
        /// Took part in a final assessment (§9).
        Assessment = "assessment",
        /// An admin's bonus for the quality of an inspection (§5).
        QualityBonus = "quality_bonus",
        /// A defect they raised was rejected (§6).
        DefectRejected = "defect_rejected",
        /// An admin's rating of the cleaning after a repair (§7).
        Cleaning = "cleaning",
        /// An admin's bonus for a job (§7).
        JobBonus = "job_bonus",
        /// Finished a job taken over from somebody (§7).
        Takeover = "takeover",
        /// A rejection of their work, or by them, was validated (§8).
        Rejection = "rejection",
        /// Bonus stars (§11).
        BonusStars = "bonus_stars",
    }
}

/// One award (positive) or penalty (negative).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::point_entries, treat_none_as_default_value = false)
)]
pub struct PointEntry {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: PointEntryId,
    /// Whose points.
    pub user_id: UserId,
    /// The role they were won in.
    pub role: Role,
    /// How many; never 0.
    pub amount: i64,
    /// Why.
    pub kind: PointKind,
    /// Kind of the object it is about, such as `inspection`.
    pub related_type: Option<String>,
    /// Number of that object.
    pub related_id: Option<i64>,
    /// Who gave them; nobody when a rule did.
    pub awarded_by_id: Option<UserId>,
    /// When.
    pub created_at: Instant,
}

crate::shows!(PointEntry {});

impl PointEntry {
    /// Books the entry on the totals of its user.
    pub fn book(&self, user: &mut User) {
        user.total_points = user.total_points.saturating_add(self.amount);
        let own = match self.role {
            Role::Inspector => &mut user.inspector_points,
            Role::Specialist => &mut user.specialist_points,
            Role::Engineer => &mut user.engineer_points,
            Role::QualityEngineer => &mut user.qe_points,
            Role::Admin => return,
        };
        *own = own.saturating_add(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{now, user};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn totals_are_the_sums_of_the_ledger(entries in prop::collection::vec((0..5_usize, -20_i64..20), 0..40)) {
            let mut person = user(Role::Inspector);
            let sum = |wanted: Option<Role>| -> i64 {
                entries.iter().filter(|(role, _)| wanted.is_none_or(|w| Role::ALL[*role] == w)).map(|e| e.1).sum()
            };
            for (role, amount) in &entries {
                PointEntry {
                    id: PointEntryId::UNSAVED, user_id: person.id, role: Role::ALL[*role], amount: *amount,
                    kind: PointKind::BonusStars, related_type: None, related_id: None, awarded_by_id: None,
                    created_at: now(),
                }.book(&mut person);
            }
            prop_assert_eq!(person.total_points, sum(None));
            prop_assert_eq!(person.inspector_points, sum(Some(Role::Inspector)));
            prop_assert_eq!(person.specialist_points, sum(Some(Role::Specialist)));
            prop_assert_eq!(person.engineer_points, sum(Some(Role::Engineer)));
            prop_assert_eq!(person.qe_points, sum(Some(Role::QualityEngineer)));
        }
    }
}
