//! The guard of every endpoint that checks a password.

use std::{
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use inspection_domain::key::Key;

use super::{
    app::App,
    decided::Decided,
    forwarded::Forwarded,
    limits::{Limits, network},
    openapi::{Describe, Operation},
    problem::Problem,
};

/// Counts the attempts at passwords from the address of the request.
#[derive(Debug)]
pub(crate) struct PasswordGuard {
    limits: Limits,
    address: IpAddr,
    decided: Decided,
}

/// An attempt at a password. It counts as failed until it has succeeded.
pub(crate) struct Attempt<'a> {
    guard: &'a PasswordGuard,
    app: &'a App,
    /// Digest of the account.
    pub(crate) account: String,
    /// Key of the attempts that count together: the account, or the account at a known address.
    key: String,
    /// Its number since the last success.
    pub(crate) number: u32,
}

impl PasswordGuard {
    /// Counts an attempt at the password of this account, whether or not it exists. Fails if there
    /// were too many, here or elsewhere. `known` are the addresses from which the account has
    /// signed in: attempts from there count apart, so that no other user can keep the owner out.
    pub(crate) async fn begin<'a>(
        &'a self,
        app: &'a App,
        name: &str,
        known: &[String],
    ) -> Result<Attempt<'a>, Problem> {
        let key = Key::of(name);
        let account = app.tokens().fingerprint(format!("account\n{key}").as_bytes());
        let account = account.ok_or_else(|| Problem::internal("signing failed"))?;
        let is_known =
            known.iter().filter_map(|text| text.parse().ok()).any(|it| network(it) == network(self.address));
        let key = if is_known { format!("{account}@{}", network(self.address)) } else { account.clone() };
        let (number, decision) = self.limits.begin_attempt(&key, self.address, app.now()).await;
        if let Some(decision) = decision {
            self.decided.set(decision);
            if decision.is_refusal() {
                return Err(Problem::rate_limited());
            }
        }
        Ok(Attempt { guard: self, app, account, key, number })
    }
}

impl Attempt<'_> {
    /// Records that the password is right.
    pub(crate) async fn succeed(self) {
        self.guard.limits.succeed(&self.key, self.guard.address, self.app.now()).await;
    }
}

impl FromRequest for PasswordGuard {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let guard = || {
            let limits = request.app_data::<Limits>().cloned();
            let limits = limits.ok_or_else(|| Problem::internal("the application data has no limits"))?;
            Ok(Self {
                limits,
                address: Forwarded::of(request)?.client,
                decided: Decided::by_handler(request),
            })
        };
        ready(guard())
    }
}

impl Describe for PasswordGuard {
    fn describe(_: &mut Operation) {}
}
