//! Ratings of inspections by admins (rule book §5).

use serde::Serialize;

use crate::{
    ids::{InspectionId, RatingId, UserId},
    input::{Change, Integer, Patch, input},
    inspections::{Inspection, InspectionStatus},
    rule::{Code, Rule},
    text::Text,
    time::Instant,
};

/// An admin's rating of an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspection_ratings, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Rating {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: RatingId,
    /// The inspection.
    pub inspection_id: InspectionId,
    /// The inspector.
    pub technician_id: UserId,
    /// Rating, 1 to 5.
    pub rating: i64,
    /// Remark.
    pub comment: Option<String>,
    /// Bonus points for quality, 0 to 10.
    pub admin_quality_bonus: i64,
    /// Admin that rated it.
    pub rated_by_id: UserId,
    /// Time of the first rating.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::translated!(Rating, "inspection_rating", { comment });

impl crate::entity::Entity for Rating {
    const NAME: &'static str = "rating";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// A rating to record.
    pub struct NewRating {
        /// Rating, 1 to 5.
        rating: Integer<1, 5>,
        /// Remark.
        comment: Option<Text<2000>>,
        /// Bonus points for quality, 0 to 10; 0 if absent.
        admin_quality_bonus: Option<Integer<0, 10>>,
    }
}

input! {
    /// Changes of a rating. The inspector's points change with the bonus.
    pub struct RatingChanges {
        /// Rating, 1 to 5.
        rating: Change<Integer<1, 5>>,
        /// Remark.
        comment: Patch<Text<2000>>,
        /// Bonus points for quality, 0 to 10.
        admin_quality_bonus: Change<Integer<0, 10>>,
    }
}

/// Reasons for rejecting a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatingRule {
    /// A draft cannot be rated (§5).
    #[error("only a submitted inspection can be rated")]
    Draft,
    /// The inspection has a rating, which can be changed (§5).
    #[error("the inspection is already rated; change the rating instead")]
    Rated,
}

impl Rule for RatingRule {
    fn code(&self) -> Code {
        match self {
            Self::Draft => Code::InvalidState,
            Self::Rated => Code::Duplicate,
        }
    }
}

impl NewRating {
    /// Builds the rating of a submitted inspection (§5).
    pub fn rate(self, inspection: &Inspection, admin: UserId, now: Instant) -> Result<Rating, RatingRule> {
        if inspection.status == InspectionStatus::Draft {
            return Err(RatingRule::Draft);
        }
        Ok(Rating {
            id: RatingId::UNSAVED,
            inspection_id: inspection.id,
            technician_id: inspection.technician_id,
            rating: self.rating.get(),
            comment: self.comment.map(Into::into),
            admin_quality_bonus: self.admin_quality_bonus.map_or(0, Integer::get),
            rated_by_id: admin,
            created_at: now,
            updated_at: now,
        })
    }
}

impl Rating {
    /// Applies the changes; without any, the rating stays that of its admin.
    #[must_use]
    pub fn changed(&self, changes: RatingChanges, admin: UserId, now: Instant) -> Self {
        let mut after = self.clone();
        changes.rating.apply(&mut after.rating);
        changes.comment.apply(&mut after.comment);
        changes.admin_quality_bonus.apply(&mut after.admin_quality_bonus);
        if after == *self {
            return after;
        }
        Self { rated_by_id: admin, updated_at: now, ..after }
    }

    /// Points to award when this rating replaces `before`: the difference of the bonuses (§5).
    pub fn bonus_over(&self, before: Option<&Self>) -> i64 {
        self.admin_quality_bonus - before.map_or(0, |before| before.admin_quality_bonus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        input::Input,
        testing::{self, changed_fields, fields, id, later, now},
    };
    use serde_json::json;

    fn new(body: serde_json::Value) -> NewRating {
        NewRating::from_json(body).expect("a rating")
    }

    fn inspection(status: InspectionStatus) -> Inspection {
        Inspection { status, ..testing::inspection() }
    }

    fn rated() -> Rating {
        let body = json!({"rating": 4, "comment": "Thorough.", "admin_quality_bonus": 3});
        new(body).rate(&inspection(InspectionStatus::Submitted), id(9), now()).expect("a rating")
    }

    #[test]
    fn a_draft_is_not_rated() {
        for &status in InspectionStatus::ALL {
            let outcome = new(json!({"rating": 1})).rate(&inspection(status), id(9), now()).map(|_| ());
            let expected = if status == InspectionStatus::Draft { Err(RatingRule::Draft) } else { Ok(()) };
            assert_eq!(outcome, expected, "{status}");
        }
        assert_eq!(
            (RatingRule::Draft.code(), RatingRule::Rated.code()),
            (Code::InvalidState, Code::Duplicate)
        );
    }

    #[test]
    fn a_rating_names_the_inspector_and_the_admin() {
        insta::assert_snapshot!(fields(&rated()).join("\n"), @r#"
        id: RatingId(0)
        inspection_id: InspectionId(31)
        technician_id: UserId(34)
        rating: 4
        comment: Some("Thorough.")
        admin_quality_bonus: 3
        rated_by_id: UserId(9)
        created_at: Instant(2026-03-01T07:00:00Z)
        updated_at: Instant(2026-03-01T07:00:00Z)
        "#);
        let bare = new(json!({"rating": 4}));
        let bare = bare.rate(&inspection(InspectionStatus::Reviewed), id(9), now()).expect("a rating");
        assert_eq!(changed_fields(&rated(), &bare), "comment: None\nadmin_quality_bonus: 0");
    }

    #[test]
    fn changes_replace_the_given_fields_and_the_admin() {
        let change = |body| {
            let changes = RatingChanges::from_json(body).expect("changes");
            changed_fields(&rated(), &rated().changed(changes, id(8), later()))
        };
        let unchanged = json!({"rating": 4, "comment": "Thorough.", "admin_quality_bonus": 3});
        assert_eq!([json!({}), unchanged].map(change), [""; 2], "the rating of its admin");
        let all = json!({"rating": 2, "comment": "Hasty.", "admin_quality_bonus": 1});
        insta::assert_snapshot!(change(all), @r#"
        rating: 2
        comment: Some("Hasty.")
        admin_quality_bonus: 1
        rated_by_id: UserId(8)
        updated_at: Instant(2026-03-01T08:00:00Z)
        "#);
        insta::assert_snapshot!(change(json!({"comment": null})), @r"
        comment: None
        rated_by_id: UserId(8)
        updated_at: Instant(2026-03-01T08:00:00Z)
        ");
    }

    #[test]
    fn the_difference_of_the_bonus_is_booked() {
        let first = rated();
        assert_eq!(first.bonus_over(None), 3);
        for bonus in 0..=10 {
            let second = Rating { admin_quality_bonus: bonus, ..rated() };
            assert_eq!(second.bonus_over(Some(&first)), bonus - 3);
        }
    }
}
