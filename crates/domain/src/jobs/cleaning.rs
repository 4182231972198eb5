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
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::job_cleanings, primary_key(job_id), treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Cleaning {
    /// The repair.
    pub job_id: JobId,
    /// Description of the cleaning; may be empty.
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
            notes: input.notes.map(Into::into).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        jobs::JobStatus,
        testing::{self, changed_fields, fields, id, later, now},
    };

    fn job(status: JobStatus) -> Job {
        Job { status, ..testing::job() }
    }

    #[test]
    fn a_cleaning_is_reported_after_completion_and_a_rating_belongs_to_its_reporter() {
        let report = |job: &Job, before: Option<&Cleaning>, by: i64| {
            let input =
                NewCleaning::from_json(json!({"notes": format!("Swept by {by}.")})).expect("a report");
            Cleaning::of(job, input, before, id(by), now())
        };
        let completed = job(JobStatus::Completed);
        let first = report(&completed, None, 4).expect("reported");
        insta::assert_snapshot!(fields(&first).join("\n"), @r#"
        job_id: JobId(7)
        notes: "Swept by 4."
        cleaned_by_id: UserId(4)
        cleaned_at: Instant(2026-03-01T07:00:00Z)
        cleaning_rating: None
        rated_by_id: None
        rated_at: None
        "#);
        let rated = first.rated(2, id(9), later());
        insta::assert_snapshot!(changed_fields(&first, &rated), @r"
        cleaning_rating: Some(2)
        rated_by_id: Some(UserId(9))
        rated_at: Some(Instant(2026-03-01T08:00:00Z))
        ");
        let again = Cleaning { notes: "Swept.".into(), ..rated.clone() };
        assert_eq!(report(&completed, Some(&again), 4), Ok(rated.clone()), "the rating is preserved");
        let other = report(&completed, Some(&rated), 8).expect("reported");
        insta::assert_snapshot!(changed_fields(&rated, &other), @r#"
        notes: "Swept by 8."
        cleaned_by_id: UserId(8)
        cleaning_rating: None
        rated_by_id: None
        rated_at: None
        "#);
        for &status in JobStatus::ALL {
            let outcome = report(&job(status), None, 4).map(|_| status);
            assert_eq!(outcome, status.after(JobCommand::Clean));
        }
        assert_eq!([rated.rating_over(0), rated.rating_over(1), rated.rating_over(2)], [2, 1, 0]);
        assert_eq!(first.rating_over(1), -1, "a rating that was dropped is taken back");
    }
}
