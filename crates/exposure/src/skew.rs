//! How far the clocks of edge and origin are apart.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use crate::result::Skew;

/// A sample of request ids with their times, the same on both sides: those with the smallest hashes.
///
/// Choosing by hash makes the two samples meet, whatever the files and their order, and also when the clocks are
/// nine hours apart, in constant memory.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sample {
    edge: BTreeMap<u64, i64>,
    origin: BTreeMap<u64, i64>,
}

/// Ids kept on each side. The error of a median of a few hundred pairs is far below the edge's second.
const KEPT: usize = 2048;

impl Sample {
    /// `at` is the middle of the time the edge spent on the request, in milliseconds.
    pub(crate) fn edge(&mut self, id: &[u8], at: i64) {
        keep(&mut self.edge, id, at);
    }

    pub(crate) fn origin(&mut self, id: &[u8], at: i64) {
        keep(&mut self.origin, id, at);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.edge, other.edge), (&mut self.origin, other.origin)] {
            for (hash, at) in theirs {
                put(mine, hash, at);
            }
        }
    }

    /// Median and spread of origin time minus edge time over the ids seen on both sides.
    pub(crate) fn estimate(&self) -> Option<Skew> {
        let mut differences: Vec<i64> = self
            .origin
            .iter()
            .filter_map(|(hash, origin)| self.edge.get(hash).map(|edge| origin - edge))
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

fn keep(side: &mut BTreeMap<u64, i64>, id: &[u8], at: i64) {
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    put(side, hasher.finish(), at);
}

fn put(side: &mut BTreeMap<u64, i64>, hash: u64, at: i64) {
    if side.len() >= KEPT && side.last_key_value().is_some_and(|(last, _)| hash > *last) {
        return;
    }
    // The earliest of several lines with one id, so that the order of inputs does not matter.
    side.entry(hash).and_modify(|kept| *kept = at.min(*kept)).or_insert(at);
    if side.len() > KEPT {
        side.pop_last();
    }
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
        assert_eq!(right.edge.len(), KEPT);
    }
}
