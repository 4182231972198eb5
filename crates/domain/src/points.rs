//! The points ledger: every award and penalty is one entry; totals are sums of entries (rule book
//! §1).

use serde::Serialize;

use crate::{
    ids::{PointEntryId, UserId},
    input::text_enum,
    rule::Forbidden,
    time::Instant,
    users::{Role, User},
};

text_enum! {
    /// Reason for an award or penalty.
    pub enum PointKind {
        /// Participation in a final assessment (§9).
        Assessment = "assessment",
        /// Admin's bonus for the quality of an inspection (§5).
        QualityBonus = "quality_bonus",
        /// Rejection of a defect that the user raised (§6).
        DefectRejected = "defect_rejected",
        /// Admin's rating of the cleaning after a repair (§7).
        Cleaning = "cleaning",
        /// Admin's bonus for a job (§7).
        JobBonus = "job_bonus",
        /// Completion of a job that was taken over (§7).
        Takeover = "takeover",
        /// Validated rejection of the user's work, or of a review by the user (§8).
        Rejection = "rejection",
        /// Bonus stars (§11).
        BonusStars = "bonus_stars",
    }
}

/// An entry of the ledger: an award (positive) or a penalty (negative).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::point_entries, treat_none_as_default_value = false)
)]
pub struct PointEntry {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: PointEntryId,
    /// User whose points change.
    pub user_id: UserId,
    /// Role in which the points are earned.
    pub role: Role,
    /// Number of points; never 0.
    pub amount: i64,
    /// Reason.
    pub kind: PointKind,
    /// Type of the related object, such as `inspection`.
    pub related_type: Option<String>,
    /// Primary key of the related object.
    pub related_id: Option<i64>,
    /// The user whose action caused the entry, whether by an award or by a rule.
    pub awarded_by_id: Option<UserId>,
    /// Time of the entry.
    pub created_at: Instant,
}

crate::shows!(PointEntry {});

impl PointEntry {
    /// Adds the entry to the totals of its user.
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

/// Checks that no user decides on their own points: `by` decides on what earns or costs points to
/// those it concerns (§1).
pub fn another_decides(by: UserId, concerned: &[UserId]) -> Result<(), Forbidden> {
    if concerned.contains(&by) {
        return Err(Forbidden("another administrator decides on your own points"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{changes, id, now, user};

    #[test]
    fn no_user_decides_on_their_own_points() {
        for (concerned, is_fine) in [(&[][..], true), (&[4], true), (&[3], false), (&[4, 3], false)] {
            let concerned: Vec<UserId> = concerned.iter().map(|number| id(*number)).collect();
            assert_eq!(another_decides(id(3), &concerned).is_ok(), is_fine, "{concerned:?}");
        }
    }

    fn entry(role: Role, amount: i64) -> PointEntry {
        PointEntry {
            id: id(7),
            user_id: id(3),
            role,
            amount,
            kind: PointKind::BonusStars,
            related_type: None,
            related_id: None,
            awarded_by_id: None,
            created_at: now(),
        }
    }

    #[test]
    fn an_entry_changes_the_total_and_the_points_of_its_role() {
        let before = User {
            total_points: 100,
            inspector_points: 10,
            specialist_points: 20,
            engineer_points: 30,
            qe_points: 40,
            ..user(Role::Inspector)
        };
        let mut booked = String::new();
        for &role in Role::ALL {
            let mut after = before.clone();
            entry(role, -3).book(&mut after);
            booked += &changes(&[(role.as_str(), &before, &after)]);
        }
        insta::assert_snapshot!(booked, @r"
        admin
          total_points: 97
        inspector
          total_points: 97
          inspector_points: 7
        specialist
          total_points: 97
          specialist_points: 17
        engineer
          total_points: 97
          engineer_points: 27
        quality_engineer
          total_points: 97
          qe_points: 37
        ");
    }

    #[test]
    fn totals_stop_at_the_largest_number() {
        let mut person =
            User { total_points: i64::MAX - 1, qe_points: i64::MAX, ..user(Role::QualityEngineer) };
        entry(Role::QualityEngineer, 2).book(&mut person);
        assert_eq!((person.total_points, person.qe_points), (i64::MAX, i64::MAX));
    }
}
