//! What is remembered for a while, and never more than so much.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// A table that forgets: what is older than `keep`, and the oldest when it is full.
pub struct Table<K, V> {
    entries: HashMap<K, V>,
    /// In the order in which they came; each key once.
    order: VecDeque<(K, Instant)>,
    most: usize,
    keep: Duration,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    pub fn new(most: usize, keep: Duration) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), most: most.max(1), keep }
    }

    /// The entry of this key, made if there is none; and how many had to be forgotten for it before their time.
    pub fn entry(&mut self, key: K, now: Instant, make: impl FnOnce() -> V) -> (&mut V, usize) {
        self.forget_old(now);
        let mut forgotten = 0;
        if !self.entries.contains_key(&key) {
            while self.order.len() >= self.most {
                if let Some((oldest, _)) = self.order.pop_front() {
                    self.entries.remove(&oldest);
                    forgotten += 1;
                }
            }
            self.order.push_back((key.clone(), now));
        }
        (self.entries.entry(key).or_insert_with(make), forgotten)
    }

    pub fn get(&mut self, key: &K, now: Instant) -> Option<&V> {
        self.forget_old(now);
        self.entries.get(key)
    }

    /// Each entry costs this once: a flood of new ones pays for what it pushes out.
    fn forget_old(&mut self, now: Instant) {
        while let Some((key, came)) = self.order.front() {
            if now.saturating_duration_since(*came) < self.keep {
                return;
            }
            self.entries.remove(key);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a list that is searched from its beginning.
        #[test]
        fn it_forgets_the_oldest_and_what_is_too_old(steps in proptest::collection::vec((0_u8..12, 0_u64..5), 1..80)) {
            let (start, mut table) = (Instant::now(), Table::new(5, Duration::from_secs(10)));
            let (mut model, mut time): (Vec<(u8, u64)>, u64) = (Vec::new(), 0);
            for (key, later) in steps {
                time += later;
                let now = start + Duration::from_secs(time);
                model.retain(|(_, came)| time - came < 10);
                let known = model.iter().any(|(known, _)| *known == key);
                let mut pushed_out = 0;
                if !known {
                    if model.len() == 5 {
                        model.remove(0);
                        pushed_out = 1;
                    }
                    model.push((key, time));
                }
                let (made, forgotten) = table.entry(key, now, || time);
                prop_assert_eq!(forgotten, pushed_out);
                prop_assert_eq!(*made, model.iter().find(|(known, _)| *known == key).unwrap().1);
                let all: BTreeMap<u8, u64> = (0..12).filter_map(|key| Some((key, *table.get(&key, now)?))).collect();
                prop_assert_eq!(all, model.iter().copied().collect());
            }
        }
    }
}
