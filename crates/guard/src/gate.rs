//! So many for each, and what comes beyond is refused: who floods empties the own bucket alone.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use capacity::admission::{Decision, Rate, TokenBucket};
use tokio::time::Instant;

use crate::table::Table;

/// A bucket that nobody took from for so long is full again, or nearly.
const KEEP: Duration = Duration::from_secs(3600);

/// A bucket for each key, and never more than so many of them.
pub struct Gate<K> {
    start: Instant,
    of_each: (Rate, u32),
    buckets: Mutex<Table<K, TokenBucket>>,
}

impl<K: Hash + Eq + Clone> Gate<K> {
    /// With this rate and burst for each key; `most` of them are remembered.
    pub fn new(of_each: (Rate, u32), most: usize) -> Self {
        Self { start: Instant::now(), of_each, buckets: Mutex::new(Table::new(most, KEEP)) }
    }

    /// Whether one more of this key comes in.
    ///
    /// # Errors
    /// After how long there is room, if nobody else takes it.
    pub fn admits(&self, key: K) -> Result<(), Duration> {
        let now = Instant::now();
        let (rate, burst) = self.of_each;
        let since = now.saturating_duration_since(self.start);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (bucket, _) = buckets.entry(key, now, || TokenBucket::new(rate, burst));
        decided(bucket.take(since, 1))
    }
}

pub(crate) fn decided(decision: Decision) -> Result<(), Duration> {
    match decision {
        Decision::Admit => Ok(()),
        Decision::Wait(time) => Err(time),
        Decision::Never => Err(KEEP),
    }
}

/// What one household or school has of addresses, at least.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 56)).into(),
    }
}

/// A time in `Retry-After`: whole seconds after which it is surely over.
pub fn retry_after(time: Duration) -> u64 {
    time.as_secs().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("198.51.100.77"), "198.51.100.0");
        assert_eq!(of("::ffff:198.51.100.77"), "198.51.100.0");
        assert_eq!(of("2001:db8:1:2345::1"), "2001:db8:1:2300::");
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_own_and_gets_it_back_with_time() {
        let gate = Gate::new((Rate::per_minute(6), 2), 10);
        assert_eq!((gate.admits("a"), gate.admits("a")), (Ok(()), Ok(())));
        let wait = gate.admits("a").expect_err("both are taken");
        assert_eq!(retry_after(wait), 11, "never too early");
        assert_eq!(gate.admits("b"), Ok(()), "what was refused took nothing from others");
        tokio::time::advance(wait).await;
        assert_eq!((gate.admits("a"), gate.admits("a").is_err()), (Ok(()), true));
    }
}
