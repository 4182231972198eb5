//! Bonus stars: points that somebody gives to somebody else (rule book §11).

use serde::Serialize;

use crate::{
    ids::{BonusId, JobId, UserId},
    input::{Integer, Invalid, input, text_enum},
    jobs::{Job, JobKind},
    rule::{Code, Rule},
    text::Text,
    time::Instant,
};

text_enum! {
    /// How far bonus stars are.
    pub enum BonusStatus {
        /// Asked for.
        Pending = "pending",
        /// Given, as many as asked for.
        Approved = "approved",
        /// Given, another number than asked for.
        Modified = "modified",
        /// Not given.
        Denied = "denied",
    }
}

/// Why bonus stars can't be given as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BonusRule {
    /// Only what was asked for is decided on, once (§11).
    #[error("these bonus stars are {0} already")]
    Decided(BonusStatus),
    /// Nobody awards themself (§11).
    #[error("nobody gives bonus stars to themself")]
    Own,
}

impl Rule for BonusRule {
    fn code(&self) -> Code {
        match self {
            Self::Decided(_) => Code::InvalidState,
            Self::Own => Code::RuleViolation,
        }
    }
}

/// Bonus stars, given or asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::bonus_stars, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Bonus {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: BonusId,
    /// Who gets them.
    pub user_id: UserId,
    /// How many were given, or are asked for: 1 to 10.
    pub amount: i64,
    /// How many were asked for, if they were.
    pub requested_amount: Option<i64>,
    /// What for.
    pub reason: String,
    /// Kind of the job they are for.
    pub related_job_type: Option<JobKind>,
    /// The job they are for.
    pub related_job_id: Option<JobId>,
    /// How far they are.
    pub status: BonusStatus,
    /// Who asked for them.
    pub requested_by_id: Option<UserId>,
    /// Who gave them, or decided on the request.
    pub decided_by_id: Option<UserId>,
    /// When that was.
    pub decided_at: Option<Instant>,
    /// Why they weren't given.
    pub deny_reason: Option<String>,
    /// When they were given or asked for.
    pub created_at: Instant,
}

crate::translations::translated!(Bonus, "bonus_star", { reason, deny_reason });

input! {
    /// Bonus stars to give, or to ask for.
    pub struct NewBonus {
        /// Who gets them.
        user_id: UserId,
        /// How many: 1 to 10.
        amount: Integer<1, 10>,
        /// What for.
        reason: Text<1000>,
        /// Kind of the job they are for.
        related_job_type: Option<JobKind>,
        /// The job they are for.
        related_job_id: Option<JobId>,
    }
}

impl NewBonus {
    /// A job is named with its kind (§11).
    pub fn check(&self) -> Result<(), Invalid> {
        match (self.related_job_type, self.related_job_id) {
            (Some(_), None) => Err(Invalid::field("related_job_id", "is required with related_job_type")),
            (None, Some(_)) => Err(Invalid::field("related_job_type", "is required with related_job_id")),
            _ => Ok(()),
        }
    }

    /// The job that is named, if one is, is of the kind that is named.
    pub fn check_job(&self, job: Option<&Job>) -> Result<(), Invalid> {
        if self.related_job_id == job.map(|job| job.id) && self.related_job_type == job.map(|job| job.kind) {
            return Ok(());
        }
        Err(Invalid::field("related_job_id", "must be a job of this kind"))
    }

    fn by(self, giver: UserId, now: Instant) -> Result<Bonus, BonusRule> {
        if self.user_id == giver {
            return Err(BonusRule::Own);
        }
        Ok(Bonus {
            id: BonusId::UNSAVED,
            user_id: self.user_id,
            amount: self.amount.get(),
            requested_amount: None,
            reason: self.reason.into(),
            related_job_type: self.related_job_type,
            related_job_id: self.related_job_id,
            status: BonusStatus::Approved,
            requested_by_id: None,
            decided_by_id: Some(giver),
            decided_at: Some(now),
            deny_reason: None,
            created_at: now,
        })
    }

    /// Given at once (§11).
    pub fn award(self, by: UserId, now: Instant) -> Result<Bonus, BonusRule> {
        self.by(by, now)
    }

    /// Asked for: an admin decides (§11).
    pub fn request(self, by: UserId, now: Instant) -> Result<Bonus, BonusRule> {
        let given = self.by(by, now)?;
        Ok(Bonus {
            requested_amount: Some(given.amount),
            status: BonusStatus::Pending,
            requested_by_id: Some(by),
            decided_by_id: None,
            decided_at: None,
            ..given
        })
    }
}

input! {
    /// Bonus stars are given as asked for, or another number of them.
    pub struct BonusApproval {
        /// How many: 1 to 10; as many as asked for if absent.
        amount: Option<Integer<1, 10>>,
    }
}

input! {
    /// Bonus stars aren't given.
    pub struct BonusDenial {
        /// Why.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// Which bonus stars, newest first.
    pub struct BonusFilter {
        /// Of this status.
        status: Option<BonusStatus>,
        /// For this person.
        user_id: Option<UserId>,
    }
}

impl Bonus {
    fn undecided(&self) -> Result<(), BonusRule> {
        match self.status {
            BonusStatus::Pending => Ok(()),
            decided => Err(BonusRule::Decided(decided)),
        }
    }

    /// Given, as many as asked for or another number; not by whoever gets them (§11).
    pub fn approve(&self, approval: &BonusApproval, by: UserId, now: Instant) -> Result<Self, BonusRule> {
        self.undecided()?;
        if self.user_id == by {
            return Err(BonusRule::Own);
        }
        let amount = approval.amount.map_or(self.amount, Integer::get);
        let status = if amount == self.amount { BonusStatus::Approved } else { BonusStatus::Modified };
        Ok(Self { amount, status, decided_by_id: Some(by), decided_at: Some(now), ..self.clone() })
    }

    /// Not given (§11).
    pub fn deny(&self, denial: BonusDenial, by: UserId, now: Instant) -> Result<Self, BonusRule> {
        self.undecided()?;
        Ok(Self {
            status: BonusStatus::Denied,
            decided_by_id: Some(by),
            decided_at: Some(now),
            deny_reason: denial.reason.map(Into::into),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        testing::{id, now},
    };

    fn wanted(amount: i64) -> NewBonus {
        NewBonus::from_json(json!({"user_id": 1, "amount": amount, "reason": "Saved the day"})).expect("fine")
    }

    #[test]
    fn one_to_ten_stars_and_a_reason() {
        let read = |amount: i64, reason: &str| {
            NewBonus::from_json(json!({"user_id": 1, "amount": amount, "reason": reason})).is_ok()
        };
        for amount in -1..13 {
            assert_eq!(read(amount, "why"), (1..=10).contains(&amount), "{amount}");
        }
        assert!(!read(5, "  "));
        let job = |kind, id| {
            let body = json!({"user_id": 1, "amount": 1, "reason": "x", "related_job_type": kind, "related_job_id": id});
            NewBonus::from_json(body).expect("fine").check().is_ok()
        };
        assert!(job(json!("engineer"), json!(4)) && job(json!(null), json!(null)));
        assert!(!job(json!("engineer"), json!(null)) && !job(json!(null), json!(4)));
    }

    #[test]
    fn nobody_awards_themself_by_any_way() {
        assert_eq!(wanted(1).award(id(1), now()), Err(BonusRule::Own));
        assert_eq!(wanted(1).request(id(1), now()), Err(BonusRule::Own));
        let asked = wanted(1).request(id(2), now()).expect("asked for");
        let approval = BonusApproval { amount: None };
        assert_eq!(asked.approve(&approval, id(1), now()), Err(BonusRule::Own));
        assert!(asked.approve(&approval, id(2), now()).is_ok());
    }

    #[test]
    fn the_grid_of_amounts() {
        for (asked, given) in (1..=10).flat_map(|asked| (1..=10).map(move |given| (asked, given))) {
            let request = wanted(asked).request(id(2), now()).expect("asked for");
            let approval = BonusApproval::from_json(json!({ "amount": given })).expect("an amount");
            let bonus = request.approve(&approval, id(3), now()).expect("given");
            let status = if asked == given { BonusStatus::Approved } else { BonusStatus::Modified };
            assert_eq!((bonus.status, bonus.amount, bonus.requested_amount), (status, given, Some(asked)));
        }
    }

    #[test]
    fn a_request_is_decided_on_once() {
        let asked = wanted(3).request(id(2), now()).expect("asked for");
        for &status in BonusStatus::ALL {
            let bonus = Bonus { status, ..asked.clone() };
            let expected = if status == BonusStatus::Pending { None } else { Some(Code::InvalidState) };
            let approved = bonus.approve(&BonusApproval { amount: None }, id(3), now());
            let denied = bonus.deny(BonusDenial { reason: None }, id(3), now());
            assert_eq!(approved.err().map(|rule| rule.code()), expected, "{status}");
            assert_eq!(denied.err().map(|rule| rule.code()), expected, "{status}");
        }
    }
}
