//! Whose page an answer from a cache may have been: that of each answer that the cache may still have had.

use std::collections::HashMap;

use super::Gaps;
use super::facts::CacheFacts;
use super::history::Rules;
use super::join::{Answer, Joined, Loose, Made};
use super::shelf::{Fill, Shelf, Wanted, add_owners};
use super::spans::Times;
use super::subjects::{Subjects, Union};
use crate::record::{Body, Said};

/// An answer from a cache, or one that may have come from it, with whose it may have been.
pub(super) struct FromCache {
    /// Among the joined answers.
    pub answer: u32,
    pub owners: Subjects,
}

/// For each answer that may have come from a cache: whose it may have been. What was made before `begin` no cache kept.
pub(super) fn candidates(joined: &Joined<'_>, facts: &CacheFacts, begin: i64, gaps: &Gaps) -> Vec<FromCache> {
    let mut by_path: HashMap<u64, (Vec<u32>, Vec<&Loose>)> = HashMap::new();
    for (number, answer) in (0..).zip(&joined.answers) {
        by_path.entry(answer.object.path).or_default().0.push(number);
    }
    // A log of the origin without paths: what it made may be given for any.
    let rules = Rules::of(facts);
    let of_any = joined.loose.iter().filter(|loose| loose.path == 0 && loose.end >= begin);
    let (of_any, barred_of_any): (Vec<&Loose>, Vec<&Loose>) =
        of_any.partition(|loose| rules.may_be_kept((loose.start, loose.end)));
    let shelf = |list: Vec<&Loose>| Shelf::new(list.into_iter().map(loose_fill).collect());
    let (mut of_any, mut barred_of_any) = (shelf(of_any), shelf(barred_of_any));
    for loose in joined.loose.iter().filter(|loose| loose.path != 0) {
        if let Some((_, list)) = by_path.get_mut(&loose.path) {
            list.push(loose);
        }
    }
    let mut union = Union::default();
    let mut found = Vec::new();
    for (answers, loose) in by_path.into_values() {
        OfPath::new(
            &joined.answers,
            &answers,
            &loose,
            (facts, &rules),
            (begin, gaps),
            (&mut union, &mut of_any, &mut barred_of_any),
        )
        .solve(&answers, &mut found);
    }
    found.sort_unstable_by_key(|one| one.answer);
    found
}

/// One path: nothing of another one is given for it.
struct OfPath<'j> {
    all: &'j [Answer<'j>],
    facts: &'j CacheFacts,
    rules: &'j Rules,
    gaps: &'j Gaps,
    union: &'j mut Union,
    /// Answers that the origin made, or may have made.
    made: Shelf,
    /// What the origin made, of which nobody knows the path.
    of_any: &'j mut Shelf,
    /// What by the history no cache kept, of this path and of one that nobody knows: for answers that contradict it.
    barred: Shelf,
    barred_of_any: &'j mut Shelf,
    /// Answers that came to a location from a cache behind it, and are in its own since.
    passed: Shelf,
    /// Answers that were confirmed, and are good for another life since.
    confirmed: Shelf,
    /// When a cache had something renewed by the origin.
    renewals: Times,
}

impl<'j> OfPath<'j> {
    fn new(
        all: &'j [Answer<'j>],
        answers: &[u32],
        loose: &[&Loose],
        (facts, rules): (&'j CacheFacts, &'j Rules),
        (begin, gaps): (i64, &'j Gaps),
        (union, of_any, barred_of_any): (&'j mut Union, &'j mut Shelf, &'j mut Shelf),
    ) -> Self {
        let mut made: Vec<Fill> = Vec::with_capacity(answers.len() + loose.len());
        // Where none came from a cache, nobody asks what it had.
        let asked = answers.iter().any(|number| !matches!(all[*number as usize].made, Made::Own(_)));
        for number in answers.iter().filter(|_| asked) {
            let answer = &all[*number as usize];
            if let Made::Own(owners) | Made::Unsure(owners) = &answer.made
                && answer.may_be_kept
                && answer.until >= begin
            {
                made.push(fill(*number, answer, (facts, rules), owners.clone()));
            }
        }
        made.extend(loose.iter().filter(|loose| asked && loose.end >= begin).map(|loose| loose_fill(loose)));
        let (made, barred) = made.into_iter().partition(|fill| rules.may_be_kept((fill.start, fill.end)));
        let (made, barred) = (Shelf::new(made), Shelf::new(barred));
        let (passed, confirmed) = Default::default();
        let renewed = answers.iter().map(|number| &all[*number as usize]).filter(|answer| answer.renewed);
        let renewals = Times::new(renewed.map(|answer| (answer.start, answer.end)).collect());
        Self {
            all,
            facts,
            rules,
            gaps,
            union,
            made,
            of_any,
            barred,
            barred_of_any,
            passed,
            confirmed,
            renewals,
        }
    }

    fn solve(mut self, answers: &[u32], found: &mut Vec<FromCache>) {
        let mut order: Vec<u32> = answers
            .iter()
            .copied()
            .filter(|number| !matches!(self.all[*number as usize].made, Made::Own(_)))
            .collect();
        order.sort_unstable_by_key(|number| {
            (self.all[*number as usize].start, self.all[*number as usize].end, *number)
        });
        // First what a location asked another cache for: it rests on what the origin made alone.
        let (asked, kept): (Vec<u32>, Vec<u32>) = order
            .into_iter()
            .partition(|number| matches!(self.all[*number as usize].said, Said::Asked | Said::Nothing));
        let mut passed = Vec::new();
        for number in asked {
            let answer = &self.all[number as usize];
            self.union.clear();
            self.anywhere(number, answer);
            let owners = self.owners(answer);
            if answer.may_be_kept && self.rules.may_be_kept((answer.start, answer.until)) {
                passed.push(fill(number, answer, (self.facts, self.rules), owners.clone()));
            }
            found.push(FromCache { answer: number, owners });
        }
        self.passed = Shelf::new(passed);
        // What was confirmed next: it may be given again before its own line began, since the edge tells whole seconds.
        let (confirmed, kept): (Vec<u32>, Vec<u32>) =
            kept.into_iter().partition(|number| self.all[*number as usize].said == Said::Confirmed);
        for number in confirmed.into_iter().chain(kept) {
            let answer = &self.all[number as usize];
            self.union.clear();
            self.here(number, answer);
            let owners = self.owners(answer);
            if answer.said == Said::Confirmed && self.rules.may_be_kept((answer.start, answer.until)) {
                // From now on it is good for another life.
                self.confirmed.push(fill(number, answer, (self.facts, self.rules), owners.clone()));
            }
            found.push(FromCache { answer: number, owners });
        }
    }

    /// Those that were found, and those of whom the answer itself tells.
    fn owners(&mut self, answer: &Answer<'_>) -> Subjects {
        if let Made::Unsure(viewers) = &answer.made {
            self.union.add(viewers);
        }
        // The logs contradict the history: it is not the whole of it.
        let is_contradicted = answer.made == Made::Kept && !self.rules.may_give((answer.start, answer.end));
        if self.is_blind(answer) || is_contradicted {
            self.union.strangers();
        }
        self.union.take()
    }

    /// What was made in a time of which neither log has a line may be in it, and nobody knows whose it is.
    fn is_blind(&self, answer: &Answer<'_>) -> bool {
        let since = answer.start - self.rules.longest_life((answer.start, answer.end));
        self.gaps.both.iter().any(|(from, to)| *to >= since && *from <= answer.end)
    }

    fn wanted(&self, number: u32, answer: &Answer<'_>, since: i64) -> Wanted {
        let rest = if self.facts.key_has_host_and_query { answer.object.rest } else { 0 };
        let length = self.facts.lengths_tell_bodies.then(|| whole_length(answer)).flatten();
        Wanted { location: None, rest, length, since, until: answer.end, answer: number }
    }

    /// What any cache may have had.
    fn anywhere(&mut self, number: u32, answer: &Answer<'_>) {
        let span = (answer.start, answer.end);
        let mut since = answer.start - self.rules.longest_life(span);
        // What was renewed is older than its life; and so may be what a cache behind the edge had renewed for another one.
        let hidden = self.gaps.edge.iter().any(|(from, to)| *to >= since && *from <= answer.end);
        let behind = self.facts.tiers > 1 && self.renewals.between(since, answer.end);
        let is_old = answer.renewed || behind || hidden;
        if is_old {
            since = i64::MIN;
        }
        // What a cache behind got before it was emptied may have been renewed there ever since.
        if self.facts.tiers == 1 || !is_old {
            since = since.max(self.rules.purged_anywhere(span));
        }
        let near = self.wanted(number, answer, since);
        // Nothing that the facts allow: then they are wrong, and it may be anything that was ever made.
        let all = Wanted { since: i64::MIN, ..near };
        if add_owners(&mut [&mut self.made, &mut *self.of_any], &near, self.union) {
            return;
        }
        let mut made = [&mut self.made, &mut *self.of_any, &mut self.barred, &mut *self.barred_of_any];
        let is_contradicted = answer.made == Made::Kept && !self.facts.history.is_empty();
        if !add_owners(&mut made, &all, self.union) || is_contradicted {
            self.union.strangers();
        }
    }

    /// What this location's own cache may have had, and where that is nothing, any cache.
    fn here(&mut self, number: u32, answer: &Answer<'_>) {
        let life = self.rules.life_here((answer.start, answer.end));
        let mut since = answer.start - life;
        let gap = self.gaps.edge.iter().find(|(from, to)| *to >= since && *from <= answer.end);
        if let Some((from, _)) = gap {
            // It may have been confirmed again and again in between.
            since = since.min(*from - life);
        }
        if answer.renewed {
            // Past its life it was asked about, however long ago it was kept.
            since = i64::MIN;
        }
        let mut wanted = self.wanted(number, answer, since.max(self.rules.purged_here(answer.start)));
        wanted.location = Some(answer.location).filter(|location| *location != 0);
        let mut shelves = [&mut self.made, &mut *self.of_any, &mut self.passed, &mut self.confirmed];
        if let Some(location) = wanted.location.filter(|_| self.facts.single_copy) {
            let replaced =
                shelves.iter().filter_map(|shelf| shelf.replaced(wanted.rest, location, answer.start));
            wanted.since = replaced.max().map_or(wanted.since, |newest| wanted.since.max(newest));
        }
        let here = add_owners(&mut shelves, &wanted, self.union);
        // A line that would say what came from behind may be missing.
        if !here || (gap.is_some() && self.facts.tiers > 1) {
            self.anywhere(number, answer);
        }
    }
}

fn fill(number: u32, answer: &Answer<'_>, (facts, rules): (&CacheFacts, &Rules), owners: Subjects) -> Fill {
    let rest = if facts.key_has_host_and_query { answer.object.rest } else { 0 };
    // A part, an answer without a body, one that was broken off: nobody knows what a cache makes of it.
    let replaces = answer.location != 0
        && answer.body == Body::Whole
        && !matches!(answer.made, Made::Unsure(_))
        && rules.is_kept((answer.start, answer.until));
    Fill {
        start: answer.start,
        end: answer.until,
        location: answer.location,
        rest,
        length: whole_length(answer),
        owners,
        replaces,
        answer: Some(number),
    }
}

fn loose_fill(loose: &Loose) -> Fill {
    let Loose { start, end, path: _, ref subjects } = *loose;
    let owners = subjects.clone();
    Fill { start, end, location: 0, rest: 0, length: None, owners, replaces: false, answer: None }
}

/// Of a whole body only: of a part the field tells the part's.
fn whole_length(answer: &Answer<'_>) -> Option<u32> {
    answer.length.get().filter(|_| answer.body == Body::Whole)
}
