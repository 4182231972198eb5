//! Cleaning of the workplace after a repair, and its rating by an admin (rule book §7).

use serde::Serialize;

use super::{
    inputs::NewCleaning,
    job::Job,
    status::{JobCommand, JobRule},
};
use crate::{
    ids::{JobId, UserId},
    time::Instant,
};

/// The cleaning after a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::job_cleanings, primary_key(job_id), treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Cleaning {
    /// The repair.
    pub job_id: JobId,
    /// Description of the cleaning.
    pub notes: String,
    /// User that reported it.
    pub cleaned_by_id: UserId,
    /// Time of the report.
    pub cleaned_at: Instant,
    /// Rating, 0 to 2.
    pub cleaning_rating: Option<i64>,
    /// Admin that rated it.
    pub rated_by_id: Option<UserId>,
    /// Time of the last rating.
    pub rated_at: Option<Instant>,
}

impl crate::entity::Entity for Cleaning {
    const NAME: &'static str = "cleaning";

    fn id(&self) -> i64 {
        self.job_id.get()
    }
}

crate::shows!(Cleaning {});

impl Cleaning {
    /// Builds the report of the owner of a completed repair; an earlier rating is preserved (§7).
    pub fn of(
        job: &Job,
        input: NewCleaning,
        before: Option<&Self>,
        by: UserId,
        now: Instant,
    ) -> Result<Self, JobRule> {
        job.status.after(JobCommand::Clean)?;
        let own = before.filter(|before| before.cleaned_by_id == by);
        Ok(Self {
            job_id: job.id,
            notes: input.notes.into(),
            cleaned_by_id: by,
            cleaned_at: now,
            cleaning_rating: own.and_then(|before| before.cleaning_rating),
            rated_by_id: own.and_then(|before| before.rated_by_id),
            rated_at: own.and_then(|before| before.rated_at),
        })
    }

    /// Records an admin's rating, or replaces it (§7).
    #[must_use]
    pub fn rated(&self, rating: i64, by: UserId, now: Instant) -> Self {
        Self { cleaning_rating: Some(rating), rated_by_id: Some(by), rated_at: Some(now), ..self.clone() }
    }

    /// Points to award for the rating: the difference to those awarded so far (§7).
    pub fn rating_over(&self, booked: i64) -> i64 {
        self.cleaning_rating.unwrap_or(0) - booked
    }
}
