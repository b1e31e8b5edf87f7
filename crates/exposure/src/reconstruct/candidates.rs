//! Whose page an answer from a cache may have been: that of each answer that the cache may still have had.

use std::collections::HashMap;
use std::rc::Rc;

use super::Gaps;
use super::facts::CacheFacts;
use super::join::{Answer, Joined, Loose, Made, Subjects};
use crate::store::{Body, Said};

/// An answer from a cache, or one that may have come from it, with whose it may have been.
pub(super) struct FromCache {
    /// Among the joined answers.
    pub answer: usize,
    pub owners: Rc<Subjects>,
}

/// Something that a cache may have.
#[derive(Clone)]
struct Fill {
    start: i64,
    end: i64,
    /// 0: any, it is not known which.
    location: u64,
    /// 0: any.
    rest: u64,
    length: Option<u64>,
    owners: Rc<Subjects>,
    /// It certainly took the place of what was there before.
    replaces: bool,
    /// The answer that brought it; an answer does not fill itself.
    answer: Option<usize>,
}

/// By time, with what makes a search short.
#[derive(Default)]
struct Fills {
    by_start: Vec<Fill>,
    longest: i64,
}

impl Fills {
    fn new(mut fills: Vec<Fill>) -> Self {
        fills.sort_by_key(|fill| (fill.start, fill.end, fill.answer));
        let longest = fills.iter().map(|fill| fill.end - fill.start).max().unwrap_or(0);
        Self { by_start: fills, longest }
    }

    fn push(&mut self, fill: Fill) {
        self.longest = self.longest.max(fill.end - fill.start);
        let at = self.by_start.partition_point(|other| other.start <= fill.start);
        self.by_start.insert(at, fill);
    }

    /// Those that began before `until` and of which a cache may still have had something at `since`.
    fn between(&self, since: i64, until: i64) -> impl Iterator<Item = &Fill> {
        let first = self.by_start.partition_point(|fill| fill.start < since.saturating_sub(self.longest));
        self.by_start[first..]
            .iter()
            .take_while(move |fill| fill.start <= until)
            .filter(move |fill| fill.end >= since)
    }
}

/// For each answer that may have come from a cache: whose it may have been. What was made before `begin` no cache kept.
pub(super) fn candidates(joined: &Joined, facts: &CacheFacts, begin: i64, gaps: &Gaps) -> Vec<FromCache> {
    let mut by_path: HashMap<u64, (Vec<usize>, Vec<&Loose>)> = HashMap::new();
    for (number, answer) in joined.answers.iter().enumerate() {
        by_path.entry(answer.object.path).or_default().0.push(number);
    }
    for loose in &joined.loose {
        if let Some((_, list)) = by_path.get_mut(&loose.path) {
            list.push(loose);
        }
    }
    let mut found: Vec<FromCache> = by_path
        .into_values()
        .flat_map(|(answers, loose)| {
            OfPath::new(&joined.answers, &answers, &loose, facts, (begin, gaps)).solve(&answers)
        })
        .collect();
    found.sort_unstable_by_key(|one| one.answer);
    found
}

/// One path: nothing of another one is given for it.
struct OfPath<'j> {
    all: &'j [Answer],
    facts: &'j CacheFacts,
    gaps: &'j Gaps,
    /// Answers that the origin made, or may have made.
    made: Fills,
    /// Answers that came to a location from a cache behind it, and are in its own since.
    passed: Fills,
}

impl<'j> OfPath<'j> {
    fn new(
        all: &'j [Answer],
        answers: &[usize],
        loose: &[&Loose],
        facts: &'j CacheFacts,
        (begin, gaps): (i64, &'j Gaps),
    ) -> Self {
        let mut made: Vec<Fill> = answers
            .iter()
            .filter_map(|number| {
                let answer = &all[*number];
                let owners = match &answer.made {
                    Made::Own(owners) | Made::Unsure(owners) => owners,
                    Made::Kept => return None,
                };
                (answer.may_be_kept && answer.end >= begin)
                    .then(|| fill(*number, answer, facts, Rc::new(owners.clone())))
            })
            .collect();
        made.extend(loose.iter().filter(|loose| loose.end >= begin).map(|loose| Fill {
            start: loose.start,
            end: loose.end,
            location: 0,
            rest: 0,
            length: None,
            owners: Rc::new(loose.subjects.clone()),
            replaces: false,
            answer: None,
        }));
        Self { all, facts, gaps, made: Fills::new(made), passed: Fills::default() }
    }

    fn solve(mut self, answers: &[usize]) -> Vec<FromCache> {
        let mut order: Vec<usize> = answers
            .iter()
            .copied()
            .filter(|number| !matches!(self.all[*number].made, Made::Own(_)))
            .collect();
        order.sort_unstable_by_key(|number| (self.all[*number].start, self.all[*number].end, *number));
        let mut found = Vec::with_capacity(order.len());
        // First what a location asked another cache for: it rests on what the origin made alone.
        let (asked, kept): (Vec<usize>, Vec<usize>) = order
            .into_iter()
            .partition(|number| matches!(self.all[*number].said, Said::Asked | Said::Nothing));
        let mut passed = Vec::new();
        for number in asked {
            let answer = &self.all[number];
            let mut owners = self.anywhere(number, answer);
            if let Made::Unsure(viewers) = &answer.made {
                owners.add(viewers);
            }
            owners.others |= self.is_blind(answer);
            let owners = Rc::new(owners);
            if answer.may_be_kept {
                passed.push(fill(number, answer, self.facts, owners.clone()));
            }
            found.push(FromCache { answer: number, owners });
        }
        self.passed = Fills::new(passed);
        // What was confirmed next: it may be given again before its own line began, since the edge tells whole seconds.
        let (confirmed, kept): (Vec<usize>, Vec<usize>) =
            kept.into_iter().partition(|number| self.all[*number].said == Said::Confirmed);
        for number in confirmed.into_iter().chain(kept) {
            let answer = &self.all[number];
            let mut owners = self.here(number, answer);
            if let Made::Unsure(viewers) = &answer.made {
                owners.add(viewers);
            }
            owners.others |= self.is_blind(answer);
            let owners = Rc::new(owners);
            if answer.said == Said::Confirmed {
                // From now on it is good for another life.
                self.passed.push(fill(number, answer, self.facts, owners.clone()));
            }
            found.push(FromCache { answer: number, owners });
        }
        found
    }

    /// What was made in a time of which neither log has a line may be in it, and nobody knows whose it is.
    fn is_blind(&self, answer: &Answer) -> bool {
        let since = answer.start - self.facts.longest_life();
        self.gaps.both.iter().any(|(from, to)| *to >= since && *from <= answer.end)
    }

    /// What any cache may have had.
    fn anywhere(&self, number: usize, answer: &Answer) -> Subjects {
        let since = answer.start - self.facts.longest_life();
        let near: Vec<&Fill> = self.made.between(since, answer.end).collect();
        match self.owners(number, answer, &near) {
            Some(owners) => owners,
            // Nothing that the facts allow: then they are wrong, and it may be anything that was ever made.
            None => {
                let all: Vec<&Fill> = self.made.between(i64::MIN, answer.end).collect();
                self.owners(number, answer, &all).unwrap_or_else(Subjects::nobody_knows)
            }
        }
    }

    /// What this location's own cache may have had, and where that is nothing, any cache.
    fn here(&self, number: usize, answer: &Answer) -> Subjects {
        let life = self.facts.life();
        let mut since = answer.start - life;
        let gap = self.gaps.edge.iter().find(|(from, to)| *to >= since && *from <= answer.end);
        if let Some((from, _)) = gap {
            // It may have been confirmed again and again in between.
            since = since.min(*from - life);
        }
        if answer.said == Said::Confirmed {
            // Past its life it was asked about, however long ago it was kept.
            since = i64::MIN;
        }
        let is_here =
            |fill: &&Fill| answer.location == 0 || fill.location == 0 || fill.location == answer.location;
        let made = self.made.between(since, answer.end);
        let mut near: Vec<&Fill> =
            made.chain(self.passed.between(since, answer.end)).filter(is_here).collect();
        if self.facts.single_copy && answer.location != 0 {
            hide_older(&mut near, answer.start);
        }
        let here = self.owners(number, answer, &near);
        match (here, gap.is_some() && self.facts.tiers > 1) {
            (Some(owners), false) => owners,
            // A line that would say what came from behind may be missing.
            (Some(mut owners), true) => {
                owners.add(&self.anywhere(number, answer));
                owners
            }
            (None, _) => self.anywhere(number, answer),
        }
    }

    /// The owners of those that can be this body; `None` without any.
    fn owners(&self, number: usize, answer: &Answer, fills: &[&Fill]) -> Option<Subjects> {
        let is_object = |fill: &&&Fill| {
            let rest = answer.object.rest;
            fill.answer != Some(number)
                && (!self.facts.key_has_host_and_query || fill.rest == 0 || rest == 0 || fill.rest == rest)
        };
        let fills: Vec<&Fill> = fills.iter().filter(is_object).copied().collect();
        let length = self.facts.lengths_tell_bodies.then(|| whole_length(answer)).flatten();
        let fits =
            |fill: &&&Fill| length.is_none_or(|length| fill.length.is_none_or(|other| other == length));
        let same: Vec<&Fill> = fills.iter().filter(fits).copied().collect();
        // Another coding of the same body has another length.
        let fills = if same.is_empty() { fills } else { same };
        let mut owners = Subjects::default();
        for fill in &fills {
            owners.add(&fill.owners);
        }
        (!fills.is_empty()).then_some(owners)
    }
}

fn fill(number: usize, answer: &Answer, facts: &CacheFacts, owners: Rc<Subjects>) -> Fill {
    let &Answer { start, end, location, object, .. } = answer;
    let rest = if facts.key_has_host_and_query { object.rest } else { 0 };
    // A part, an answer without a body, one that was broken off: nobody knows what a cache makes of it.
    let replaces = location != 0 && answer.body == Body::Whole && !matches!(answer.made, Made::Unsure(_));
    Fill { start, end, location, rest, length: whole_length(answer), owners, replaces, answer: Some(number) }
}

/// Of a whole body only: of a part the field tells the part's.
fn whole_length(answer: &Answer) -> Option<u64> {
    answer.length.filter(|_| answer.body == Body::Whole)
}

/// Leaves out what was certainly replaced before `start`.
fn hide_older(fills: &mut Vec<&Fill>, start: i64) {
    let newest = fills.iter().filter(|fill| fill.replaces && fill.end < start).map(|fill| fill.start).max();
    if let Some(newest) = newest {
        fills.retain(|fill| fill.end >= newest);
    }
}
