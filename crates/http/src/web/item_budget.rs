//! The budget of endpoints whose work grows with the items of the body.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    num::NonZeroU32,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use inspection_domain::ids::UserId;

use super::{
    decided::Decided,
    extract::bearer_user,
    forwarded::Forwarded,
    limits::{Limit, Limits},
    openapi::{Describe, Operation},
    problem::Problem,
};

/// The budget of a user for the items of offline work: a batch costs as much as its items in
/// requests of their own.
#[derive(Debug)]
pub(crate) struct ItemBudget {
    limits: Limits,
    address: IpAddr,
    user: Option<UserId>,
    decided: Decided,
}

impl ItemBudget {
    /// Spends the budget for this number of items. Fails if it is too small; none is spent then.
    pub(crate) async fn spend(&self, items: usize) -> Result<(), Problem> {
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        let Some(items) = NonZeroU32::new(items) else { return Ok(()) };
        let spent = self.limits.spend(Limit::SyncItems, (self.address, self.user), items).await;
        match spent {
            Some(decision) if decision.is_refusal() => {
                self.decided.set(decision);
                Err(Problem::rate_limited())
            }
            _ => Ok(()),
        }
    }
}

impl FromRequest for ItemBudget {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let budget = || {
            let limits = request.app_data::<Limits>().cloned();
            let limits = limits.ok_or_else(|| Problem::internal("the application data has no limits"))?;
            let (address, user) = (Forwarded::of(request)?.client, bearer_user(request));
            Ok(Self { limits, address, user, decided: Decided::by_handler(request) })
        };
        ready(budget())
    }
}

impl Describe for ItemBudget {
    fn describe(_: &mut Operation) {}
}
