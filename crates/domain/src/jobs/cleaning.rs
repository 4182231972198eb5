//! How the place of a repair is left, and what an admin makes of it (rule book §7).

use serde::Serialize;

use super::{Job, JobCommand, JobRule, NewCleaning};
use crate::{
    ids::{JobId, UserId},
    time::Instant,
};

/// How the place of a repair was left.
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
    /// What was done.
    pub notes: String,
    /// Who told of it.
    pub cleaned_by_id: UserId,
    /// When.
    pub cleaned_at: Instant,
    /// How clean it was, 0 to 2.
    pub cleaning_rating: Option<i64>,
    /// Which admin rated it.
    pub rated_by_id: Option<UserId>,
    /// When that was last.
    pub rated_at: Option<Instant>,
}

impl Cleaning {
    /// Told of by the owner of a repair that is done; a rating they got before stays (§7).
    pub fn of(
        job: &Job,
        wanted: NewCleaning,
        before: Option<&Self>,
        by: UserId,
        now: Instant,
    ) -> Result<Self, JobRule> {
        job.status.after(JobCommand::Clean)?;
        let own = before.filter(|before| before.cleaned_by_id == by);
        Ok(Self {
            job_id: job.id,
            notes: wanted.notes.into(),
            cleaned_by_id: by,
            cleaned_at: now,
            cleaning_rating: own.and_then(|before| before.cleaning_rating),
            rated_by_id: own.and_then(|before| before.rated_by_id),
            rated_at: own.and_then(|before| before.rated_at),
        })
    }

    /// Rated by an admin, or rated again (§7).
    #[must_use]
    pub fn rated(&self, rating: i64, by: UserId, now: Instant) -> Self {
        Self { cleaning_rating: Some(rating), rated_by_id: Some(by), rated_at: Some(now), ..self.clone() }
    }

    /// Points to book for a rating: the difference to what whoever cleaned has got for it so far (§7).
    pub fn rating_over(&self, booked: i64) -> i64 {
        self.cleaning_rating.unwrap_or(0) - booked
    }
}
