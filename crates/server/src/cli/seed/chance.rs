//! Time, names and chance of the story: the same every time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use inspection_domain::{
    ids::Ids,
    time::{Clock, Instant},
};

const MINUTE: i64 = 60;

/// The time of the story.
pub(super) struct StoryClock(AtomicI64);

impl StoryClock {
    pub(super) fn at(at: Instant) -> Self {
        Self(AtomicI64::new(at.as_millisecond()))
    }

    pub(super) fn set(&self, at: Instant) {
        self.0.store(at.as_millisecond(), Ordering::Relaxed);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Instant {
        let at = Instant::from_millisecond(self.0.load(Ordering::Relaxed));
        // The number was taken from an instant.
        at.unwrap_or_else(|| Instant::new(jiff::Timestamp::UNIX_EPOCH))
    }
}

/// Names that are the same every time. Nothing secret is made of them: the one password is printed.
#[derive(Default)]
pub(super) struct StoryIds(AtomicU64);

impl Ids for StoryIds {
    fn unique(&self) -> String {
        format!("story-{:08}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
    }
}

/// A fixed sequence that looks like chance (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    /// The sequence that begins here.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = (z ^ (z >> 31)) >> 32;
        u32::try_from(high % u64::from(sides.max(1))).unwrap_or(0)
    }

    /// A length of time between these, in whole minutes.
    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        let minutes = u32::try_from((to - from) / MINUTE).unwrap_or(0);
        from + i64::from(self.roll(minutes + 1)) * MINUTE
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Result<&'a T> {
        let n = self.roll(u32::try_from(list.len())?);
        list.get(usize::try_from(n)?).context("nothing to choose from")
    }
}
