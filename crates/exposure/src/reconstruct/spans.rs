//! Spans of time in the order of their beginnings, with what finds those that reach into another span without a look at the rest.

/// Spans that one number of the level above speaks for.
const FAN: usize = 16;

/// What has a beginning and an end (both included), where the things themselves are at hand.
pub(super) trait Bounds<T> {
    fn start(&self, item: &T) -> i64;
    fn end(&self, item: &T) -> i64;
}

/// Things that bring their bounds with them.
pub(super) struct OfThemselves;

impl<T> Bounds<(i64, i64, T)> for OfThemselves {
    fn start(&self, item: &(i64, i64, T)) -> i64 {
        item.0
    }

    fn end(&self, item: &(i64, i64, T)) -> i64 {
        item.1
    }
}

pub(super) struct Spans<T> {
    /// In the order of their beginnings.
    items: Vec<T>,
    /// Of each so many the latest end, and so on up.
    latest: Vec<Vec<i64>>,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self { items: Vec::new(), latest: Vec::new() }
    }
}

impl<T> Spans<(i64, i64, T)> {
    pub fn new(mut list: Vec<(i64, i64, T)>) -> Self {
        list.sort_by_key(|(start, end, _)| (*start, *end));
        let mut spans = Self::default();
        for item in list {
            spans.push(item, &OfThemselves);
        }
        spans
    }
}

impl<T> Spans<T> {
    /// Adds one that begins with the last one or later.
    pub fn push(&mut self, item: T, bounds: &impl Bounds<T>) {
        let (end, mut place) = (bounds.end(&item), self.items.len());
        debug_assert!(self.items.last().is_none_or(|last| bounds.start(last) <= bounds.start(&item)));
        self.items.push(item);
        for latest in &mut self.latest {
            place /= FAN;
            match latest.get_mut(place) {
                Some(latest) => *latest = end.max(*latest),
                None => latest.push(end),
            }
        }
        // One number above all.
        while self.latest.last().is_none_or(|latest| latest.len() > 1) {
            let whole = match self.latest.last() {
                Some(below) => below.chunks(FAN).filter_map(|chunk| chunk.iter().copied().max()).collect(),
                None => vec![end],
            };
            self.latest.push(whole);
        }
    }

    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many begin until then.
    pub fn until(&self, until: i64, bounds: &impl Bounds<T>) -> usize {
        self.items.partition_point(|item| bounds.start(item) <= until)
    }

    /// Those that began before `until` or then and end at `since` or later, in their order.
    pub fn between(&self, (since, until): (i64, i64), bounds: &impl Bounds<T>, mut visit: impl FnMut(&T)) {
        let count = self.until(until, bounds);
        self.descend(self.latest.len(), 0, count, since, bounds, &mut visit);
    }

    /// `place` is one of the level; spans from `count` on are too late.
    fn descend(
        &self,
        level: usize,
        place: usize,
        count: usize,
        since: i64,
        bounds: &impl Bounds<T>,
        visit: &mut impl FnMut(&T),
    ) {
        let Some(below) = level.checked_sub(1) else {
            if let Some(item) = self.items.get(place).filter(|item| bounds.end(item) >= since) {
                visit(item);
            }
            return;
        };
        let width = FAN.pow(u32::try_from(below).unwrap_or(u32::MAX));
        for child in place * FAN..(place + 1) * FAN {
            if child.saturating_mul(width) >= count {
                return;
            }
            let latest = below.checked_sub(1).and_then(|level| self.latest.get(level));
            if latest.is_none_or(|latest| latest.get(child).is_some_and(|end| *end >= since)) {
                self.descend(below, child, count, since, bounds, visit);
            }
        }
    }
}

/// When something was: tells only whether there is any in a span.
#[derive(Default)]
pub(super) struct Times {
    /// Beginnings in order, each with the latest end up to there.
    spans: Vec<(i64, i64)>,
}

impl Times {
    pub fn new(mut spans: Vec<(i64, i64)>) -> Self {
        spans.sort_unstable();
        let mut latest = i64::MIN;
        for (_, end) in &mut spans {
            latest = latest.max(*end);
            *end = latest;
        }
        Self { spans }
    }

    pub fn between(&self, since: i64, until: i64) -> bool {
        let begun = self.spans.partition_point(|(start, _)| *start <= until);
        self.spans[..begun].last().is_some_and(|(_, latest)| *latest >= since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_look_at_all_finds(
            mut list in prop::collection::vec((0..400_i64, 0..60_i64), 0..700),
            asked in prop::collection::vec((-10..420_i64, -10..420_i64), 20),
        ) {
            list.sort_by_key(|span| (span.0, span.0 + span.1));
            let list: Vec<(i64, i64, usize)> =
                list.into_iter().enumerate().map(|(number, (start, length))| (start, start + length, number)).collect();
            let spans = Spans::new(list.clone());
            for (since, until) in asked {
                let mut found = Vec::new();
                spans.between((since, until), &OfThemselves, |(_, _, number)| found.push(*number));
                let all = list.iter().filter(|(start, end, _)| *start <= until && *end >= since);
                prop_assert_eq!(found, all.map(|(_, _, number)| *number).collect::<Vec<_>>());
            }
        }
    }
}
