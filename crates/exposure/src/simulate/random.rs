//! Chance that gives the same day for the same seed, for ever.

/// SplitMix64 (Steele, Lea, Flood 2014). Own lines instead of a crate, because the example's files are part of
/// the documentation: another version of a random-number crate must not change them.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` up to, not including, `high`. The bias of the remainder is far below what a day shows.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(1).unsigned_abs();
        low + i64::try_from(self.next() % width).unwrap_or(0)
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % (count.max(1) as u64)).unwrap_or(0)
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A waiting time with about the given mean: short ones are common, long ones happen.
    ///
    /// The number of zeros at the end of a random number halves its chance with each more; with a fraction this
    /// is an exponential distribution in steps. Whole numbers, because logarithms differ between machines.
    pub(super) fn waiting(&mut self, mean: i64) -> i64 {
        let halvings = i64::from((self.next() | 1 << 40).trailing_zeros());
        // The mean of halvings and fraction together is 1.5.
        mean * (halvings * 1000 + self.between(0, 1000)) / 1500
    }

    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            list.swap(index, self.below(index + 1));
        }
    }

    pub(super) fn hex(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(length);
        text
    }

    /// Looks like CloudFront's request ids: 54 characters of base64 and two `=`.
    pub(super) fn request_id(&mut self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text: String = (0..54).map(|_| char::from(self.pick(ALPHABET))).collect();
        text.push_str("==");
        text
    }
}
