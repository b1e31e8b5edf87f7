//! Whose turn it is among channels: smooth weighted round robin, as in nginx.
//!
//! Every turn, each channel with people in it earns its weight; the one with the most credit is served and pays what all
//! earned together. While the same channels have people in them, after `n` turns a channel has been served within one
//! of `n · weight / sum` times for two channels, and never waits longer than the number of channels over its share.

#[derive(Debug, Clone)]
pub(super) struct Turns {
    weights: Vec<i64>,
    credit: Vec<i64>,
}

impl Turns {
    pub(super) fn new(weights: impl Iterator<Item = u16>) -> Self {
        let weights: Vec<i64> = weights.map(i64::from).collect();
        let credit = vec![0; weights.len()];
        Turns { weights, credit }
    }

    /// The channel to be served, among those of which `waiting` is true.
    pub(super) fn next(&mut self, waiting: impl Fn(usize) -> bool) -> Option<usize> {
        let mut earned = 0;
        for (at, (credit, weight)) in self.credit.iter_mut().zip(&self.weights).enumerate() {
            if !waiting(at) {
                // Neither credit nor debt outlives the line: an idle channel must not save up for a burst later.
                *credit = 0;
                continue;
            }
            *credit += weight;
            earned += weight;
        }
        // The first of the richest, so that the order does not depend on how the list is walked.
        let richest = (0..self.credit.len())
            .filter(|&at| waiting(at))
            .max_by_key(|&at| (self.credit[at], std::cmp::Reverse(at)));
        let chosen = richest?;
        self.credit[chosen] -= earned;
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_weights_evenly() {
        let mut turns = Turns::new([3, 1].into_iter());
        let order: Vec<_> = (0..8).map(|_| turns.next(|_| true)).collect();
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0].map(Some));
        assert_eq!(turns.next(|at| at == 1), Some(1));
        assert_eq!(turns.next(|_| false), None);
    }
}
