//! How far the clocks of edge and origin are apart.

use std::collections::BTreeMap;

use crate::result::Skew;

/// A sample of request ids with their times, the same on both sides: those with the smallest hashes.
///
/// Choosing by hash makes the two samples meet, whatever the files and their order, and also when the clocks are
/// nine hours apart, in constant memory.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sample {
    edge: Side,
    origin: Side,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Side {
    kept: BTreeMap<u64, i64>,
    /// No larger hash is taken any more: nearly all lines end here.
    most: u64,
}

impl Default for Side {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), most: u64::MAX }
    }
}

/// Ids kept on each side. The error of a median of a few hundred pairs is far below the edge's second.
const KEPT: usize = 2048;

impl Sample {
    /// `at` is the middle of the time the edge spent on the request, in milliseconds.
    pub(crate) fn edge(&mut self, id: &[u8], at: i64) {
        self.edge.put(hash(id), at);
    }

    pub(crate) fn origin(&mut self, id: &[u8], at: i64) {
        self.origin.put(hash(id), at);
    }

    /// One that takes nothing which this one would not.
    pub(crate) fn bounded(&self) -> Self {
        let side = |side: &Side| Side { kept: BTreeMap::new(), most: side.most };
        Self { edge: side(&self.edge), origin: side(&self.origin) }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.edge, other.edge), (&mut self.origin, other.origin)] {
            for (hash, at) in theirs.kept {
                mine.put(hash, at);
            }
        }
    }

    /// Median and spread of origin time minus edge time over the ids seen on both sides.
    pub(crate) fn estimate(&self) -> Option<Skew> {
        let mut differences: Vec<i64> = self
            .origin
            .kept
            .iter()
            .filter_map(|(hash, origin)| self.edge.kept.get(hash).map(|edge| origin - edge))
            .collect();
        if differences.is_empty() {
            return None;
        }
        differences.sort_unstable();
        let at = |share: usize| differences[(differences.len() - 1) * share / 100];
        Some(Skew {
            pairs: differences.len() as u64,
            median_milliseconds: at(50),
            p05_milliseconds: at(5),
            p95_milliseconds: at(95),
        })
    }
}

impl Side {
    fn put(&mut self, hash: u64, at: i64) {
        if hash > self.most {
            return;
        }
        // The earliest of several lines with one id, so that the order of inputs does not matter.
        self.kept.entry(hash).and_modify(|kept| *kept = at.min(*kept)).or_insert(at);
        if self.kept.len() > KEPT {
            self.kept.pop_last();
        }
        if let Some((last, _)) = self.kept.last_key_value().filter(|_| self.kept.len() == KEPT) {
            self.most = *last;
        }
    }
}

/// Spreads ids evenly and costs little, since each line has one; whoever can choose the ids of requests could as well choose their times.
/// (Products of 128 bits folded, as in wyhash by Wang Yi.)
fn hash(id: &[u8]) -> u64 {
    let fold = |one: u64, other: u64| {
        let product = u128::from(one) * u128::from(other);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, rest) = id.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ id.len() as u64;
    for word in words.iter().chain([&last]) {
        state = fold(state ^ u64::from_le_bytes(*word), 0xa076_1d64_78bd_642f);
    }
    fold(state ^ 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nine_hours_among_many_lines_without_partner() {
        let (mut left, mut right) = (Sample::default(), Sample::default());
        for number in 0..50_000_i64 {
            let id = format!("request-{number}");
            left.edge(id.as_bytes(), number * 10);
            if number % 5 == 0 {
                right.origin(id.as_bytes(), number * 10 + 9 * 3_600_000 + number % 7);
            }
        }
        assert!(left.estimate().is_none());
        right.merge(left);
        let skew = right.estimate().unwrap();
        assert!(skew.pairs > 200, "{} pairs", skew.pairs);
        assert!((0..7).contains(&(skew.median_milliseconds - 9 * 3_600_000)));
        assert_eq!(right.edge.kept.len(), KEPT);
    }
}
