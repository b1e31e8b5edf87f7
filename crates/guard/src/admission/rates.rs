//! So many requests a second, with a part for each channel that nobody else gets.

use std::time::Duration;

use capacity::admission::{Decision, Rate, TokenBucket};

use super::settings::{Budget, Channel};

/// Buckets of one budget: one for everybody, and one for each channel with a reserve. Together they let pass what the budget says.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    common: TokenBucket,
    /// Of the common one.
    burst: u32,
    own: Vec<Option<TokenBucket>>,
}

/// Which bucket a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Own,
    Common,
}

impl Rates {
    pub(super) fn new(budget: &Budget, channels: &[Channel]) -> Self {
        let (rate, burst) = common(budget, channels);
        let own = channels.iter().map(|channel| {
            (channel.reserve > 0).then(|| {
                let (rate, burst) = part(budget, channel.reserve);
                TokenBucket::new(rate, burst)
            })
        });
        Self { common: TokenBucket::new(rate, burst), burst, own: own.collect() }
    }

    /// Other limits; what the buckets hold stays.
    pub(super) fn set(&mut self, now: Duration, budget: &Budget, channels: &[Channel]) {
        let (rate, burst) = common(budget, channels);
        self.common.set(now, rate, burst);
        self.burst = burst;
        let mut before = std::mem::take(&mut self.own).into_iter();
        for channel in channels {
            let (rate, burst) = part(budget, channel.reserve);
            let kept = before.next().flatten().map(|mut bucket| {
                bucket.set(now, rate, burst);
                bucket
            });
            let own = (channel.reserve > 0).then(|| kept.unwrap_or_else(|| TokenBucket::new(rate, burst)));
            self.own.push(own);
        }
    }

    /// How long a request of this channel would wait, and for which bucket. None: for ever.
    pub(super) fn wait(&self, now: Duration, channel: usize) -> Option<(Duration, From)> {
        let own = self.own.get(channel).and_then(Option::as_ref).and_then(|bucket| bucket.wait(now, 1));
        let common = self.common.wait(now, 1);
        let (own, common) = (own.map(|wait| (wait, From::Own)), common.map(|wait| (wait, From::Common)));
        // The channel's own first, so that what everybody may have is left to the others.
        own.into_iter().chain(common).min_by_key(|(wait, _)| *wait)
    }

    /// Whether a request of somebody who is not inside may go now: a tenth stays for those who are.
    pub(super) fn has_room(&self, now: Duration) -> bool {
        self.common.available(now) > self.burst / 10
    }

    /// Takes a token that is there within the time.
    pub(super) fn reserve(
        &mut self,
        now: Duration,
        channel: usize,
        from: From,
        at_most: Duration,
    ) -> Option<Duration> {
        match (from, self.own.get_mut(channel)) {
            (From::Own, Some(Some(own))) => own.reserve(now, 1, at_most),
            _ => self.common.reserve(now, 1, at_most),
        }
    }
}

/// Of a channel with so many thousandths.
fn part(budget: &Budget, thousandths: u16) -> (Rate, u32) {
    let Rate { tokens, per } = budget.rate;
    // Rounded down where the numbers are too large to be divided exactly: more than four million a second.
    let rate = match tokens.checked_mul(u32::from(thousandths)) {
        Some(tokens) => Rate { tokens, per: per.saturating_mul(1_000) },
        None => Rate { tokens: tokens / 1_000 * u32::from(thousandths), per },
    };
    (rate, share(budget.burst, thousandths).max(1))
}

fn common(budget: &Budget, channels: &[Channel]) -> (Rate, u32) {
    let reserved: u16 = channels.iter().map(|channel| channel.reserve).sum();
    part(budget, 1_000 - reserved.min(1_000))
}

fn share(whole: u32, thousandths: u16) -> u32 {
    (u64::from(whole) * u64::from(thousandths) / 1_000).try_into().unwrap_or(u32::MAX)
}

/// So many people a time.
#[derive(Debug, Clone)]
pub(super) struct Newcomers(Option<TokenBucket>);

impl Newcomers {
    pub(super) fn new(budget: &Budget) -> Self {
        Self(budget.newcomers.map(|(rate, burst)| TokenBucket::new(rate, burst)))
    }

    pub(super) fn set(&mut self, now: Duration, budget: &Budget) {
        match (&mut self.0, budget.newcomers) {
            (Some(bucket), Some((rate, burst))) => bucket.set(now, rate, burst),
            _ => *self = Self::new(budget),
        }
    }

    pub(super) fn may(&self, now: Duration) -> bool {
        self.0.as_ref().is_none_or(|bucket| bucket.available(now) > 0)
    }

    pub(super) fn take(&mut self, now: Duration) {
        if let Some(bucket) = &mut self.0 {
            let taken = bucket.take(now, 1);
            debug_assert_eq!(taken, Decision::Admit, "asked before");
        }
    }
}
