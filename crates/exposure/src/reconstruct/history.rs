//! What the cache's configuration was, and when: how long an answer may have been given then.

use super::facts::{CacheChange, CacheFacts};

/// Whoever notes a change and the edge's log have clocks of their own, in milliseconds.
const CLOCKS: i64 = 60_000;

/// The configuration over time. Where two may have been live, both count.
pub(super) struct Rules {
    rules: Vec<Rule>,
    purges: Vec<Purge>,
    tiers: i64,
}

/// Was live at some place from `from` to `until`, in milliseconds since 1970.
struct Rule {
    from: i64,
    until: i64,
    /// `None`: it kept nothing.
    life: Option<i64>,
}

/// What was kept before `begun` is gone everywhere after `done`.
struct Purge {
    begun: i64,
    done: i64,
}

impl Rules {
    pub fn of(facts: &CacheFacts) -> Self {
        let mut changes: Vec<&CacheChange> = facts.history.iter().collect();
        changes.sort_by_key(|change| change.at);
        let spread = |change: &CacheChange| i64::from(change.spreads_seconds) * 1_000 + CLOCKS;
        // Either may be changed at a place of its own, so each pair that may have been live together counts.
        let mut lives = vec![(i64::MIN, i64::MAX, facts.time_to_live_seconds)];
        let mut keeping = vec![(i64::MIN, i64::MAX, true)];
        let mut purges = Vec::new();
        for change in changes {
            let at = change.at.as_millisecond();
            let (from, until) = (at - CLOCKS, at.saturating_add(spread(change)));
            if let Some(seconds) = change.time_to_live_seconds {
                change_to(&mut lives, (from, until), seconds);
            }
            if let Some(keeps) = change.keeps {
                change_to(&mut keeping, (from, until), keeps);
            }
            if change.purged {
                purges.push(Purge { begun: from, done: until });
            }
        }
        let mut rules = Vec::new();
        for (from, until, seconds) in lives {
            for (begin, end, keeps) in &keeping {
                let (from, until) = (from.max(*begin), until.min(*end));
                if from <= until {
                    rules.push(Rule { from, until, life: keeps.then_some(i64::from(seconds) * 1_000) });
                }
            }
        }
        Self { rules, purges, tiers: i64::from(facts.tiers) }
    }

    /// The longest that any rule lets one cache give an answer, of those that may have a say in one given from `start` to `end`, in milliseconds.
    fn life(&self, (start, end): (i64, i64), tiers: i64) -> i64 {
        let lives = self.rules.iter().filter(|rule| rule.from <= end).filter_map(|rule| {
            let life = rule.life?;
            // What it let be kept is over by then.
            (start.saturating_sub(life.saturating_mul(tiers)) <= rule.until).then_some(life)
        });
        lives.max().unwrap_or(0)
    }

    /// Of a location's own cache, for an answer given in this span.
    pub fn life_here(&self, span: (i64, i64)) -> i64 {
        self.life(span, 1)
    }

    /// From the origin's answer to the last one that any of the caches behind one another gives of it.
    pub fn longest_life(&self, span: (i64, i64)) -> i64 {
        self.life(span, self.tiers).saturating_mul(self.tiers)
    }

    /// The same at any time.
    pub fn longest_of_all(&self) -> i64 {
        self.rules.iter().filter_map(|rule| rule.life).max().unwrap_or(0).saturating_mul(self.tiers)
    }

    /// Nothing older is left in a location's own cache when it answers at `start`.
    pub fn purged_here(&self, start: i64) -> i64 {
        self.purged(start, 0)
    }

    /// The same of any cache: one that was emptied early may have been filled from one behind it that was not yet.
    pub fn purged_anywhere(&self, span: (i64, i64)) -> i64 {
        self.purged(span.0, self.life(span, self.tiers).saturating_mul(self.tiers - 1))
    }

    fn purged(&self, start: i64, after: i64) -> i64 {
        let over = self.purges.iter().filter(|purge| purge.done.saturating_add(after) < start);
        over.map(|purge| purge.begun).max().unwrap_or(i64::MIN)
    }

    /// Whether any cache may give anything in this span that it kept.
    pub fn may_give(&self, (start, end): (i64, i64)) -> bool {
        self.rules.iter().filter(|rule| rule.from <= end).any(|rule| {
            let longest = rule.life.map(|life| life.saturating_mul(self.tiers));
            longest.is_some_and(|longest| start.saturating_sub(longest) <= rule.until)
        })
    }

    /// Whether every cache that got it kept what came in this span.
    pub fn is_kept(&self, span: (i64, i64)) -> bool {
        self.live(span).all(|rule| rule.life.is_some_and(|life| life > 0))
    }

    fn live(&self, (start, end): (i64, i64)) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.from <= end && rule.until >= start)
    }

    /// Whether any cache may have kept what came in this span.
    pub fn may_be_kept(&self, span: (i64, i64)) -> bool {
        self.live(span).any(|rule| rule.life.is_some())
    }
}

/// One that spreads slowly may be there after a later one has come.
fn change_to<T>(live: &mut Vec<(i64, i64, T)>, (from, until): (i64, i64), now: T) {
    for (_, end, _) in live.iter_mut().filter(|(_, end, _)| *end == i64::MAX) {
        *end = until;
    }
    live.push((from, i64::MAX, now));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(history: Vec<CacheChange>) -> Rules {
        Rules::of(&CacheFacts { time_to_live_seconds: 3_600, tiers: 2, history, ..CacheFacts::default() })
    }

    fn at(clock: &str) -> i64 {
        format!("2023-10-26T{clock}Z").parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    fn change(clock: &str) -> CacheChange {
        CacheChange {
            at: format!("2023-10-26T{clock}Z").parse().unwrap(),
            spreads_seconds: 300,
            time_to_live_seconds: None,
            keeps: None,
            purged: false,
        }
    }

    #[test]
    fn without_a_history_there_is_one_life() {
        let rules = rules(Vec::new());
        let span = (at("02:00:00"), at("02:00:01"));
        assert_eq!((rules.life_here(span), rules.longest_life(span)), (3_600_000, 7_200_000));
        assert_eq!((rules.purged_here(span.0), rules.purged_anywhere(span)), (i64::MIN, i64::MIN));
        assert!(rules.may_be_kept(span));
    }

    #[test]
    fn an_old_rule_counts_until_what_it_kept_is_over() {
        let shorter = CacheChange { time_to_live_seconds: Some(1), ..change("02:00:00") };
        let rules = rules(vec![shorter]);
        let life = |clock: &str| rules.life_here((at(clock), at(clock)));
        assert_eq!(life("02:01:00"), 3_600_000);
        // It has spread by 02:05, and the clocks by 02:06; an hour later all of it is over.
        assert_eq!(life("03:06:00"), 3_600_000);
        assert_eq!(life("03:06:01"), 1_000);
        assert_eq!(rules.longest_life((at("03:06:01"), at("03:06:01"))), 7_200_000);
        assert_eq!(rules.longest_life((at("04:06:01"), at("04:06:01"))), 2_000);
    }

    #[test]
    fn nothing_is_kept_where_every_rule_says_so() {
        let off = CacheChange { keeps: Some(false), ..change("02:00:00") };
        let on = CacheChange { keeps: Some(true), ..change("03:00:00") };
        // In no order.
        let rules = rules(vec![on, off]);
        let certain = |clock: &str| rules.is_kept((at(clock), at(clock)));
        assert_eq!(
            ["01:58:59", "01:59:00", "02:59:00", "03:06:00", "03:06:01"].map(certain),
            [true, false, false, false, true]
        );
        let kept = |clock: &str| rules.may_be_kept((at(clock), at(clock)));
        let given = |clock: &str| rules.may_give((at(clock), at(clock)));
        // What was kept before lasts for two lives of an hour.
        assert!(given("02:30:00") && given("04:00:00"));
        assert_eq!(
            ["01:59:00", "02:06:00", "02:06:01", "02:58:59", "02:59:00"].map(kept),
            [true, true, false, false, true]
        );
    }

    #[test]
    fn a_purge_is_over_behind_later_than_here() {
        let rules = rules(vec![CacheChange { purged: true, ..change("02:00:00") }]);
        let begun = at("01:59:00");
        assert_eq!(rules.purged_here(at("02:06:00")), i64::MIN);
        assert_eq!(rules.purged_here(at("02:06:01")), begun);
        let anywhere = |clock: &str| rules.purged_anywhere((at(clock), at(clock)));
        assert_eq!((anywhere("03:06:00"), anywhere("03:06:01")), (i64::MIN, begun));
    }
}
