//! Spans of time in the order of their beginnings, with what finds those that reach into another span without a look at the rest.

/// Spans that one number of the level above speaks for.
const FAN: usize = 16;

pub(super) struct Spans<T> {
    /// Beginnings, in order.
    starts: Vec<i64>,
    ends: Vec<i64>,
    items: Vec<T>,
    /// Of each so many the latest end, and so on up.
    latest: Vec<Vec<i64>>,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self { starts: Vec::new(), ends: Vec::new(), items: Vec::new(), latest: Vec::new() }
    }
}

impl<T> Spans<T> {
    /// Begin, end (both included), and whose they are.
    pub fn new(mut list: Vec<(i64, i64, T)>) -> Self {
        list.sort_by_key(|(start, end, _)| (*start, *end));
        let mut spans = Self::default();
        for (start, end, item) in list {
            spans.push(start, end, item);
        }
        spans
    }

    /// Adds one that begins with the last one or later.
    pub fn push(&mut self, start: i64, end: i64, item: T) {
        debug_assert!(self.starts.last().is_none_or(|last| *last <= start));
        let mut place = self.starts.len();
        self.starts.push(start);
        self.ends.push(end);
        self.items.push(item);
        for latest in &mut self.latest {
            place /= FAN;
            match latest.get_mut(place) {
                Some(latest) => *latest = end.max(*latest),
                None => latest.push(end),
            }
        }
        // One number above all.
        while self.latest.last().unwrap_or(&self.ends).len() > 1 || self.latest.is_empty() {
            let below = self.latest.last().unwrap_or(&self.ends);
            self.latest.push(below.chunks(FAN).filter_map(|chunk| chunk.iter().copied().max()).collect());
        }
    }

    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many begin until then.
    pub fn until(&self, until: i64) -> usize {
        self.starts.partition_point(|start| *start <= until)
    }

    /// Those that began until `until` and end at `since` or later, in their order.
    pub fn between<'a>(&'a self, since: i64, until: i64, mut visit: impl FnMut(&'a T)) {
        self.descend(self.latest.len(), 0, self.until(until), since, &mut visit);
    }

    /// `place` is one of the level; spans from `count` on are too late.
    fn descend<'a>(
        &'a self,
        level: usize,
        place: usize,
        count: usize,
        since: i64,
        visit: &mut impl FnMut(&'a T),
    ) {
        let Some(below) = level.checked_sub(1) else {
            if place < count && self.ends[place] >= since {
                visit(&self.items[place]);
            }
            return;
        };
        let width = FAN.pow(u32::try_from(below).unwrap_or(u32::MAX));
        for child in place * FAN..(place + 1) * FAN {
            if child.saturating_mul(width) >= count {
                return;
            }
            let ends = if below == 0 { &self.ends } else { &self.latest[below - 1] };
            if ends.get(child).is_some_and(|end| *end >= since) {
                self.descend(below, child, count, since, visit);
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
                spans.between(since, until, |number| found.push(*number));
                let all = list.iter().filter(|(start, end, _)| *start <= until && *end >= since);
                prop_assert_eq!(found, all.map(|(_, _, number)| *number).collect::<Vec<_>>());
            }
        }
    }
}
