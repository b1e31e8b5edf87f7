//! Token bucket by the generic cell rate algorithm.
//!
//! ITU-T I.371, the virtual scheduling form: instead of a level that must be refilled, it keeps the theoretical arrival
//! time, the moment at which the bucket will be full again. A decision is one comparison and one addition.

use std::time::Duration;

/// Time in 2^-32 nanoseconds: fine enough that ten million a second are not rounded to something else. A `Duration`
/// has at most 94 bits of nanoseconds, so the sum of two fits into 128 bits.
type Ticks = u128;
const TICK_BITS: u32 = 32;

/// Tokens are reserved at most this long before they come.
const LONGEST_AHEAD: Duration = Duration::from_secs(86_400);

/// Longest interval, 146 years: with it a whole bucket of 2^32 tokens takes less than 2^126 ticks to fill. Added twice to
/// the longest `Duration` (2^126 ticks) no sum below can overflow.
const SLOWEST: Ticks = 1 << 94;

fn ticks(time: Duration) -> Ticks {
    time.as_nanos() << TICK_BITS
}

/// Rounded up: who waits that long finds a token.
fn duration(ticks: Ticks) -> Duration {
    let nanos = ticks.div_ceil(1 << TICK_BITS);
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    // `rest` is below 10^9. Longer than 584 billion years is as good as for ever.
    u64::try_from(seconds).map_or(Duration::MAX, |seconds| Duration::new(seconds, rest as u32))
}

/// How many in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens; 0 closes.
    pub tokens: u32,
    /// In this time. Zero counts as one nanosecond, more than 146 years a token as 146 years a token.
    pub per: Duration,
}

impl Rate {
    /// Nobody.
    pub const CLOSED: Rate = Rate { tokens: 0, per: Duration::from_secs(1) };

    /// So many a second.
    pub const fn per_second(tokens: u32) -> Rate {
        Rate { tokens, per: Duration::from_secs(1) }
    }

    /// So many a minute.
    pub const fn per_minute(tokens: u32) -> Rate {
        Rate { tokens, per: Duration::from_secs(60) }
    }

    /// Ticks from one token to the next, rounded up so that the rate is never exceeded; `None` when closed.
    fn interval(self) -> Option<Ticks> {
        let per = ticks(self.per.max(Duration::from_nanos(1)));
        (self.tokens > 0).then(|| per.div_ceil(Ticks::from(self.tokens)).min(SLOWEST))
    }
}

/// What [`TokenBucket::take`] decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The tokens were taken.
    Admit,
    /// Not now; the tokens will be there after this time if nobody else takes them.
    Wait(Duration),
    /// Not at all: the rate is 0, or more tokens were asked for than the bucket holds.
    Never,
}

/// A token bucket. Over any time `t` it admits at most `burst + rate · t` tokens.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    burst: u32,
    state: State,
    /// The latest time seen: a clock that runs backwards stands still here.
    latest: Ticks,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The bucket is full at `full_at`; each missing token is one interval before it.
    Open { interval: Ticks, full_at: Ticks },
    /// Missing tokens, kept as parts of 2^32 until there is a rate again.
    Closed { missing: u128 },
}

impl TokenBucket {
    /// A full bucket. A burst of 0 counts as 1: a bucket that can never hold a token would be a rate of 0 in disguise.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let burst = burst.max(1);
        let state = match rate.interval() {
            Some(interval) => State::Open { interval, full_at: 0 },
            None => State::Closed { missing: 0 },
        };
        TokenBucket { burst, state, latest: 0 }
    }

    /// Takes `tokens`, all or none.
    pub fn take(&mut self, now: Duration, tokens: u32) -> Decision {
        let State::Open { interval, ref mut full_at } = self.state else { return Decision::Never };
        if tokens > self.burst {
            return Decision::Never;
        }
        self.latest = self.latest.max(ticks(now));
        let now = self.latest;
        let full_after = (*full_at).max(now) + interval * Ticks::from(tokens);
        let depth = interval * Ticks::from(self.burst);
        let early = full_after.saturating_sub(now + depth);
        if early > 0 {
            return Decision::Wait(duration(early));
        }
        *full_at = full_after;
        Decision::Admit
    }

    /// After how long so many tokens could be taken, if nobody else takes any: nothing, when they are there. `None`: never.
    pub fn wait(&self, now: Duration, tokens: u32) -> Option<Duration> {
        let State::Open { interval, full_at } = self.state else { return None };
        let now = ticks(now).max(self.latest);
        let depth = interval * Ticks::from(self.burst);
        let full_after = full_at.max(now) + interval * Ticks::from(tokens.min(self.burst));
        (tokens <= self.burst).then(|| duration(full_after.saturating_sub(now + depth)))
    }

    /// Takes tokens that will be there within `at_most` (a day at the longest) and says after how long: whoever takes them waits
    /// that long before using them. So those who wait keep their order, and nobody wakes up to find that another was faster.
    /// `None`: they would come later, or never, and none is taken.
    #[must_use = "the tokens may be used only after the time"]
    pub fn reserve(&mut self, now: Duration, tokens: u32, at_most: Duration) -> Option<Duration> {
        self.latest = self.latest.max(ticks(now));
        let after = self.wait(now, tokens).filter(|after| *after <= at_most.min(LONGEST_AHEAD))?;
        if let State::Open { interval, ref mut full_at } = self.state {
            *full_at = (*full_at).max(self.latest) + interval * Ticks::from(tokens);
        }
        Some(after)
    }

    /// Whole tokens that could be taken now.
    pub fn available(&self, now: Duration) -> u32 {
        let State::Open { interval, full_at } = self.state else { return 0 };
        let missing = full_at.saturating_sub(ticks(now).max(self.latest)).div_ceil(interval);
        u32::try_from(missing).map_or(0, |missing| self.burst.saturating_sub(missing))
    }

    /// Changes rate and burst. The tokens in the bucket stay, but for those that no longer fit: a change is neither a
    /// gift (a larger bucket starts with what the smaller one held) nor a fine. Reserved tokens that have not come yet are
    /// forgotten: after a change, up to so many may be used beyond the rate.
    pub fn set(&mut self, now: Duration, rate: Rate, burst: u32) {
        let burst = burst.max(1);
        self.latest = self.latest.max(ticks(now));
        let now = self.latest;
        let whole = |tokens: u32| u128::from(tokens) << TICK_BITS;
        let missing = match self.state {
            State::Open { interval, full_at } => {
                // Whole intervals first: only what is left of one is short enough to be shifted.
                let late = full_at.saturating_sub(now).min(interval * Ticks::from(self.burst));
                ((late / interval) << TICK_BITS) + ((late % interval) << TICK_BITS).div_ceil(interval)
            }
            State::Closed { missing } => missing,
        };
        let held = whole(self.burst).saturating_sub(missing);
        let missing = whole(burst) - held.min(whole(burst));
        self.burst = burst;
        self.state = match rate.interval() {
            Some(interval) => {
                let (tokens, part) = (missing >> TICK_BITS, missing & u128::from(u32::MAX));
                let late = interval * tokens + (interval * part).div_ceil(1 << TICK_BITS);
                State::Open { interval, full_at: now + late }
            }
            None => State::Closed { missing },
        };
    }
}
