//! Attempts at passwords, counted in the memory of this process.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use inspection_domain::{
    sessions::attempts::{AccountAttempts, AddressFailures, Delay, attempt},
    time::Instant,
};

#[derive(Debug, Default)]
struct Counted {
    accounts: HashMap<String, AccountAttempts>,
    addresses: HashMap<IpAddr, AddressFailures>,
}

/// The attempts at all accounts from all addresses.
#[derive(Debug, Default)]
pub(super) struct MemoryAttempts(Mutex<Counted>);

impl MemoryAttempts {
    fn with<T>(&self, work: impl FnOnce(&mut Counted) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts an attempt. Returns its number since the last success.
    pub(super) fn begin(&self, account: &str, address: IpAddr, now: Instant) -> Result<u32, Delay> {
        self.with(|Counted { accounts, addresses }| {
            let account = accounts.entry(account.to_owned()).or_insert_with(|| AccountAttempts::none(now));
            let address = addresses.entry(address).or_insert_with(|| AddressFailures::none(now));
            attempt(account, address, now)
        })
    }

    /// Records that the last attempt has succeeded.
    pub(super) fn succeed(&self, account: &str, address: IpAddr, now: Instant) {
        self.with(|Counted { accounts, addresses }| {
            if let Some(account) = accounts.get_mut(account) {
                account.succeed(now);
            }
            if let Some(address) = addresses.get_mut(&address) {
                address.succeed();
            }
        });
    }

    /// Forgets what no longer matters.
    pub(super) fn evict(&self, now: Instant) {
        self.with(|Counted { accounts, addresses }| {
            accounts.retain(|_, account| !account.is_forgotten(now));
            addresses.retain(|_, address| !address.is_forgotten(now));
            accounts.shrink_to_fit();
            addresses.shrink_to_fit();
        });
    }
}
