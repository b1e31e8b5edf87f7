//! What a cache may have of one path, by what tells one thing from another.

use std::collections::{HashMap, HashSet};

use super::spans::{Bounds, Spans};
use super::subjects::{Subjects, Union};

/// Something that a cache may have.
pub(super) struct Fill {
    pub start: i64,
    pub end: i64,
    /// 0: any, it is not known which.
    pub location: u64,
    /// Identity of host and query. 0: any.
    pub rest: u64,
    pub length: Option<u32>,
    pub owners: Subjects,
    /// It certainly took the place of what was there before.
    pub replaces: bool,
    /// The answer that brought it; an answer does not fill itself.
    pub answer: Option<u32>,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// `None`: anywhere.
    pub location: Option<u64>,
    pub rest: u64,
    /// The body's, where that tells bodies apart.
    pub length: Option<u32>,
    /// A cache may still have had it then.
    pub since: i64,
    /// It had begun by then.
    pub until: i64,
    /// Who looks for it.
    pub answer: u32,
}

/// Rest, location or anywhere, length or whatever length.
type Key = (u64, Option<u64>, Option<Option<u32>>);

/// Each fill stands in four lists, so that nothing is looked at that is of another kind.
#[derive(Default)]
pub(super) struct Shelf {
    fills: Fills,
    lists: HashMap<Key, List>,
    /// Beginnings and ends of what replaces, by rest and location.
    replacing: HashMap<(u64, u64), Vec<(i64, i64)>>,
}

#[derive(Default)]
struct List {
    /// Numbers of fills.
    spans: Spans<u32>,
    firsts: Firsts,
}

/// By number.
#[derive(Default)]
struct Fills(Vec<Fill>);

impl Fills {
    fn get(&self, number: u32) -> Option<&Fill> {
        self.0.get(number as usize)
    }
}

impl Bounds<u32> for Fills {
    fn start(&self, number: &u32) -> i64 {
        self.get(*number).map_or(i64::MAX, |fill| fill.start)
    }

    fn end(&self, number: &u32) -> i64 {
        self.get(*number).map_or(i64::MIN, |fill| fill.end)
    }
}

/// Each owner once, by the beginning of their first fill: whoever asks for all that there ever was is answered without a look at each.
#[derive(Default)]
struct Firsts {
    /// So many fills were looked at.
    fills: usize,
    seen: HashSet<u32>,
    /// In order.
    owners: Vec<(i64, u32)>,
    /// When somebody came of whom nobody knows.
    others: Option<i64>,
    strangers: Option<i64>,
}

impl Shelf {
    pub fn new(mut fills: Vec<Fill>) -> Self {
        fills.sort_unstable_by_key(|fill| (fill.start, fill.end, fill.answer));
        let mut shelf = Self::default();
        shelf.fills.0.reserve_exact(fills.len());
        for fill in fills {
            shelf.push(fill);
        }
        shelf
    }

    /// Adds one that begins with the last one or later.
    pub fn push(&mut self, fill: Fill) {
        // Four thousand million of one path would not fit into memory before this saturates.
        let number = u32::try_from(self.fills.0.len()).unwrap_or(u32::MAX);
        let Fill { rest, location, length, start, end, replaces, .. } = fill;
        self.fills.0.push(fill);
        for location in [None, Some(location)] {
            for length in [None, Some(length)] {
                let list = self.lists.entry((rest, location, length)).or_default();
                list.spans.push(number, &self.fills);
            }
        }
        if replaces {
            self.replacing.entry((rest, location)).or_default().push((start, end));
        }
    }

    /// When the newest began that certainly replaced what was there, and had ended before `start`.
    pub fn replaced(&self, rest: u64, location: u64, start: i64) -> Option<i64> {
        let list = self.replacing.get(&(rest, location))?;
        let earlier = list.partition_point(|(begin, _)| *begin < start);
        list[..earlier].iter().rev().find(|(_, end)| *end < start).map(|(begin, _)| *begin)
    }

    /// Adds the owners of what is wanted and has one of these lengths (`None`: any); tells whether there was something.
    fn add_of_length(&mut self, wanted: &Wanted, length: Option<Option<u32>>, union: &mut Union) -> bool {
        let mut found = false;
        let rests = [Some(wanted.rest), Some(0).filter(|_| wanted.rest != 0)];
        let locations =
            [Some(wanted.location), wanted.location.filter(|location| *location != 0).map(|_| Some(0))];
        for rest in rests.into_iter().flatten() {
            for location in locations.into_iter().flatten() {
                if let Some(list) = self.lists.get_mut(&(rest, location, length)) {
                    found |= list.add(&self.fills, wanted, union);
                }
            }
        }
        found
    }
}

/// Adds the owners of what is wanted; tells whether there was something.
pub(super) fn add_owners(shelves: &mut [&mut Shelf], wanted: &Wanted, union: &mut Union) -> bool {
    let mut of_length = |length| {
        let mut found = false;
        for shelf in shelves.iter_mut() {
            found |= shelf.add_of_length(wanted, length, union);
        }
        found
    };
    // Another coding of the same body has another length.
    (wanted.length.is_some() && (of_length(Some(wanted.length)) | of_length(Some(None)))) || of_length(None)
}

impl List {
    fn add(&mut self, fills: &Fills, wanted: &Wanted, union: &mut Union) -> bool {
        if wanted.since == i64::MIN {
            return self.add_all(fills, wanted, union);
        }
        let mut found = false;
        self.spans.between((wanted.since, wanted.until), fills, |number| {
            if let Some(fill) = fills.get(*number).filter(|fill| fill.answer != Some(wanted.answer)) {
                union.add(&fill.owners);
                found = true;
            }
        });
        found
    }

    /// All that began until then.
    fn add_all(&mut self, fills: &Fills, wanted: &Wanted, union: &mut Union) -> bool {
        let Self { spans, firsts } = self;
        for fill in spans.items()[firsts.fills..].iter().filter_map(|number| fills.get(*number)) {
            firsts.fills += 1;
            for owner in fill.owners.known() {
                if firsts.seen.insert(*owner) {
                    firsts.owners.push((fill.start, *owner));
                }
            }
            if fill.owners.others {
                firsts.others.get_or_insert(fill.start);
            }
            if fill.owners.strangers {
                firsts.strangers.get_or_insert(fill.start);
            }
        }
        // Its own is there, if at all, among the last; its owners are those who asked, who count all the same.
        let begun = spans.items()[..spans.until(wanted.until, fills)].iter().rev();
        let mut of_others =
            begun.filter_map(|number| fills.get(*number)).map(|fill| fill.answer != Some(wanted.answer));
        if !of_others.any(|other| other) {
            return false;
        }
        let until = firsts.owners.partition_point(|(start, _)| *start <= wanted.until);
        for (_, owner) in &firsts.owners[..until] {
            union.one(*owner);
        }
        let begun = |first: Option<i64>| first.is_some_and(|first| first <= wanted.until);
        union.as_open_as(begun(firsts.others), begun(firsts.strangers));
        true
    }
}
