//! Bonus stars: points that one user awards to another (rule book §11).

use serde::Serialize;

use crate::{
    ids::{BonusId, JobId, UserId},
    input::{AnyOf, Integer, Invalid, input, text_enum},
    jobs::{Job, JobKind},
    message,
    message::Message,
    rule::{Code, Rule},
    text::Text,
    time::Instant,
};

text_enum! {
    /// Lifecycle status of bonus stars.
    pub enum BonusStatus {
        /// Requested.
        Pending = "pending",
        /// Awarded in the requested number.
        Approved = "approved",
        /// Awarded in another number.
        Modified = "modified",
        /// Not given.
        Denied = "denied",
    }
}

/// Reasons for rejecting a command on bonus stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BonusRule {
    /// The request has been decided (§11).
    #[error("{}", self.message())]
    Decided(BonusStatus),
    /// Users cannot award bonus stars to themselves (§11).
    #[error("bonus stars can't be awarded to your own account")]
    Own,
}

impl Rule for BonusRule {
    fn code(&self) -> Code {
        match self {
            Self::Decided(_) => Code::InvalidState,
            Self::Own => Code::RuleViolation,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::Decided(status) => message!("these bonus stars are already {status}", status),
            rule @ Self::Own => rule.to_string().into(),
        }
    }
}

/// Bonus stars, awarded or requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::bonus_stars, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Bonus {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: BonusId,
    /// Recipient.
    pub user_id: UserId,
    /// Number awarded or requested, 1 to 10.
    pub amount: i64,
    /// Number requested; none if awarded without a request.
    pub requested_amount: Option<i64>,
    /// Reason.
    pub reason: String,
    /// Kind of the related job.
    pub related_job_type: Option<JobKind>,
    /// Related job.
    pub related_job_id: Option<JobId>,
    /// Lifecycle status.
    pub status: BonusStatus,
    /// User that requested them.
    pub requested_by_id: Option<UserId>,
    /// User that awarded them or decided the request.
    pub decided_by_id: Option<UserId>,
    /// Time of the award or decision.
    pub decided_at: Option<Instant>,
    /// Reason for the denial.
    pub deny_reason: Option<String>,
    /// Creation time.
    pub created_at: Instant,
}

crate::translated!(Bonus, "bonus_star", { reason, deny_reason });

impl crate::entity::Entity for Bonus {
    const NAME: &'static str = "bonus_star";
    const LABEL: &'static str = "bonus star request";
    const PATH: Option<&'static str> = Some("/bonus-stars");

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// Bonus stars to award or request.
    pub struct NewBonus {
        /// Recipient.
        user_id: UserId,
        /// Number, 1 to 10.
        amount: Integer<1, 10>,
        /// Reason.
        reason: Text<1000>,
        /// Kind of the related job.
        related_job_type: Option<JobKind>,
        /// Related job.
        related_job_id: Option<JobId>,
    }
}

impl NewBonus {
    /// Checks that a related job is given with its kind (§11).
    pub fn validate(&self) -> Result<(), Invalid> {
        match (self.related_job_type, self.related_job_id) {
            (Some(_), None) => Err(Invalid::field("related_job_id", "is required with related_job_type")),
            (None, Some(_)) => Err(Invalid::field("related_job_type", "is required with related_job_id")),
            _ => Ok(()),
        }
    }

    /// Checks that the related job exists and is of the given kind.
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

    /// Builds an immediate award (§11).
    pub fn award(self, by: UserId, now: Instant) -> Result<Bonus, BonusRule> {
        self.by(by, now)
    }

    /// Builds a request, which an admin decides (§11).
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
    /// Approval of requested bonus stars.
    pub struct BonusApproval {
        /// Number, 1 to 10; the requested number if absent.
        amount: Option<Integer<1, 10>>,
    }
}

input! {
    /// Denial of requested bonus stars.
    pub struct BonusDenial {
        /// Reason.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// Filter of a list of bonus stars, newest first.
    pub struct BonusFilter {
        /// Filter by status of the request; awards without a request have none.
        request_status | "status": AnyOf<BonusStatus>,
        /// Filter by recipient.
        user_id: Option<UserId>,
    }
}

impl Bonus {
    /// Status of the request; `None` for an award without a request (§11).
    pub fn request_status(&self) -> Option<BonusStatus> {
        self.requested_by_id.map(|_| self.status)
    }

    /// User that awarded them; `None` until a request is approved.
    pub fn awarded_by(&self) -> Option<UserId> {
        let is_awarded = matches!(self.status, BonusStatus::Approved | BonusStatus::Modified);
        self.decided_by_id.filter(|_| is_awarded)
    }

    /// Time of the award, or of the request unless it is approved.
    pub fn awarded_at(&self) -> Instant {
        self.decided_at.filter(|_| self.awarded_by().is_some()).unwrap_or(self.created_at)
    }

    fn undecided(&self) -> Result<(), BonusRule> {
        match self.status {
            BonusStatus::Pending => Ok(()),
            decided => Err(BonusRule::Decided(decided)),
        }
    }

    /// Approves the request, in the requested or another number. The recipient cannot approve it
    /// (§11).
    pub fn approve(&self, approval: &BonusApproval, by: UserId, now: Instant) -> Result<Self, BonusRule> {
        self.undecided()?;
        if self.user_id == by {
            return Err(BonusRule::Own);
        }
        let amount = approval.amount.map_or(self.amount, Integer::get);
        let status = if amount == self.amount { BonusStatus::Approved } else { BonusStatus::Modified };
        Ok(Self { amount, status, decided_by_id: Some(by), decided_at: Some(now), ..self.clone() })
    }

    /// Denies the request (§11).
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
        testing::{changes, fields, id, job, later, now},
    };

    fn bonus_of(amount: i64) -> NewBonus {
        NewBonus::from_json(json!({"user_id": 1, "amount": amount, "reason": "Saved the day"})).expect("fine")
    }

    #[test]
    fn bonus_stars_number_one_to_ten_and_have_a_reason() {
        let read = |amount: i64, reason: &str| {
            NewBonus::from_json(json!({"user_id": 1, "amount": amount, "reason": reason})).is_ok()
        };
        for amount in -1..13 {
            assert_eq!(read(amount, "why"), (1..=10).contains(&amount), "{amount}");
        }
        assert!(!read(5, "  "));
        let job = |kind, id| {
            let body = json!({"user_id": 1, "amount": 1, "reason": "x", "related_job_type": kind, "related_job_id": id});
            let outcome = NewBonus::from_json(body).expect("fine").validate();
            outcome.err().map(|wrong| wrong.fields()[0].field.clone())
        };
        assert_eq!(job(json!("engineer"), json!(4)), None);
        assert_eq!(job(json!(null), json!(null)), None);
        assert_eq!(job(json!("engineer"), json!(null)).as_deref(), Some("related_job_id"));
        assert_eq!(job(json!(null), json!(4)).as_deref(), Some("related_job_type"));
    }

    #[test]
    fn users_cannot_award_themselves_by_any_path() {
        assert_eq!(bonus_of(1).award(id(1), now()), Err(BonusRule::Own));
        assert_eq!(bonus_of(1).request(id(1), now()), Err(BonusRule::Own));
        let asked = bonus_of(1).request(id(2), now()).expect("requested");
        let approval = BonusApproval { amount: None };
        assert_eq!(asked.approve(&approval, id(1), now()), Err(BonusRule::Own));
        assert!(asked.approve(&approval, id(2), now()).is_ok());
    }

    #[test]
    fn the_grid_of_amounts() {
        for (asked, given) in (1..=10).flat_map(|asked| (1..=10).map(move |given| (asked, given))) {
            let request = bonus_of(asked).request(id(2), now()).expect("requested");
            let approval = BonusApproval::from_json(json!({ "amount": given })).expect("an amount");
            let bonus = request.approve(&approval, id(3), now()).expect("given");
            let status = if asked == given { BonusStatus::Approved } else { BonusStatus::Modified };
            assert_eq!((bonus.status, bonus.amount, bonus.requested_amount), (status, given, Some(asked)));
        }
    }

    #[test]
    fn a_request_is_decided_once() {
        let asked = bonus_of(3).request(id(2), now()).expect("requested");
        for &status in BonusStatus::ALL {
            let bonus = Bonus { status, ..asked.clone() };
            let expected = if status == BonusStatus::Pending { None } else { Some(Code::InvalidState) };
            let approved = bonus.approve(&BonusApproval { amount: None }, id(3), now());
            let denied = bonus.deny(BonusDenial { reason: None }, id(3), now());
            assert_eq!(approved.err().map(|rule| rule.code()), expected, "{status}");
            assert_eq!(denied.err().map(|rule| rule.code()), expected, "{status}");
        }
    }
    #[test]
    fn an_award_counts_at_once_and_a_request_awaits_a_decision() {
        let new = json!({
            "user_id": 3, "amount": 4, "reason": "Saved the day",
            "related_job_type": "engineer", "related_job_id": 5,
        });
        let new = NewBonus::from_json(new).expect("fine");
        let award = new.clone().award(id(8), now()).expect("awarded");
        insta::assert_snapshot!(fields(&award).join("\n"), @r#"
        id: BonusId(0)
        user_id: UserId(3)
        amount: 4
        requested_amount: None
        reason: "Saved the day"
        related_job_type: Some(Engineer)
        related_job_id: Some(JobId(5))
        status: Approved
        requested_by_id: None
        decided_by_id: Some(UserId(8))
        decided_at: Some(Instant(2026-03-01T07:00:00Z))
        deny_reason: None
        created_at: Instant(2026-03-01T07:00:00Z)
        "#);
        let requested = new.request(id(8), now()).expect("requested");
        let requested = Bonus { id: id(7), ..requested };
        let approve = |amount| {
            let approval = BonusApproval::from_json(json!({"amount": amount})).expect("an amount");
            requested.approve(&approval, id(9), later()).expect("approved")
        };
        let denial = BonusDenial::from_json(json!({"reason": "part of the job"})).expect("a reason");
        insta::assert_snapshot!(changes(&[
            ("request instead of an award", &award, &requested),
            ("approve", &requested, &approve(None)),
            ("approve the same number", &requested, &approve(Some(4))),
            ("approve another number", &requested, &approve(Some(6))),
            ("deny", &requested, &requested.deny(denial, id(9), later()).expect("denied")),
        ]), @r#"
        request instead of an award
          id: BonusId(7)
          requested_amount: Some(4)
          status: Pending
          requested_by_id: Some(UserId(8))
          decided_by_id: None
          decided_at: None
        approve
          status: Approved
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
        approve the same number
          status: Approved
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
        approve another number
          amount: 6
          status: Modified
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
        deny
          status: Denied
          decided_by_id: Some(UserId(9))
          decided_at: Some(Instant(2026-03-01T08:00:00Z))
          deny_reason: Some("part of the job")
        "#);
    }

    #[test]
    fn the_related_job_exists_and_is_of_the_kind() {
        let related = |kind: Option<&str>, job: Option<i64>| {
            let body = json!({
                "user_id": 1, "amount": 1, "reason": "x", "related_job_type": kind, "related_job_id": job,
            });
            NewBonus::from_json(body).expect("fine")
        };
        let job = job();
        let fine = related(Some("engineer"), Some(7));
        assert_eq!(fine.check_job(Some(&job)), Ok(()));
        assert_eq!(related(None, None).check_job(None), Ok(()));
        for (bonus, job) in [
            (&fine, None),
            (&fine, Some(Job { id: id(8), ..job.clone() })),
            (&fine, Some(Job { kind: JobKind::Specialist, ..job.clone() })),
            (&related(None, None), Some(job)),
        ] {
            let wrong = bonus.check_job(job.as_ref()).expect_err("another job");
            assert_eq!(wrong.fields()[0].field, "related_job_id");
        }
    }

    #[test]
    fn a_rejection_has_the_code_of_its_reason() {
        let codes = [BonusRule::Decided(BonusStatus::Denied), BonusRule::Own].map(|rule| rule.code());
        assert_eq!(codes, [Code::InvalidState, Code::RuleViolation]);
    }
}
