//! A catalogue: groups of items, in the catalogue's own order.

use std::collections::{HashMap, HashSet};

use crate::reference::{ItemRef, Scheme};

/// Words of ours for something that a catalogue numbers. Never the catalogue's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

/// Whether an item binds, where a catalogue says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obligation {
    /// 必須.
    Must,
    /// 推奨.
    Should,
}

impl Obligation {
    /// The RFC 2119 word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        }
    }
}

/// A chapter, section, category or heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its number. Not unique: the IPA grade has two minor items B.4.1.
    pub id: String,
    /// Our words; none for a group that only an imported copy has.
    pub label: Option<Label>,
    /// The copy's own words; none in what is shipped.
    pub name: Option<String>,
    /// Position of the group around it.
    pub parent: Option<usize>,
}

/// Three kinds of systems for which the IPA grade proposes levels, by how much society suffers when they fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelSystem {
    /// Hardly at all.
    Low,
    /// To a limited extent.
    Middle,
    /// Very much.
    High,
}

/// What an imported copy says about an item. Its owner's text: keep it with the tenant that imported it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemText {
    /// The metric or the requirement itself.
    pub name: String,
    /// 小項目説明.
    pub description: Option<String>,
    /// 備考.
    pub note: Option<String>,
    /// What level 0 to 5 means.
    pub levels: [Option<String>; 6],
    /// Level (0 to 5) proposed for the model systems low, middle, high.
    pub models: [Option<u8>; 3],
}

impl ItemText {
    /// The level proposed for a model system.
    pub fn model_level(&self, model: ModelSystem) -> Option<u8> {
        let [low, middle, high] = self.models;
        match model {
            ModelSystem::Low => low,
            ModelSystem::Middle => middle,
            ModelSystem::High => high,
        }
    }
}

/// What a requirement can cite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number, unique in the catalogue.
    pub id: String,
    /// Our words; none for an item that only an imported copy has.
    pub label: Option<Label>,
    /// 重要項目 of the IPA grade: it carries levels for the model systems. Never set for other catalogues.
    pub important: bool,
    /// Position of the innermost group.
    pub group: usize,
    /// Whether it binds, where known.
    pub obligation: Option<Obligation>,
    /// Lowest ASVS level (1 to 3) that asks for it, where known.
    pub level: Option<u8>,
    /// The copy's own text; none in what is shipped.
    pub text: Option<ItemText>,
}

/// Where a catalogue came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Ids and labels that come with this crate.
    Shipped,
    /// A copy of the user's own.
    Imported,
}

/// One edition of a catalogue.
#[derive(Debug, Clone)]
pub struct Catalogue {
    scheme: Scheme,
    version: String,
    origin: Origin,
    groups: Vec<Group>,
    items: Vec<Item>,
    /// Items that are one under several ids; each list has at least two positions, in order.
    aliases: Vec<Vec<usize>>,
    positions: HashMap<String, usize>,
    group_ids: HashSet<String>,
}

impl Catalogue {
    /// Items with unique ids, whose groups exist; the first of two equal ids is the one found.
    pub(crate) fn new(
        (scheme, version): (Scheme, &str),
        origin: Origin,
        groups: Vec<Group>,
        items: Vec<Item>,
        pairs: &[(String, String)],
    ) -> Self {
        let mut positions = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            positions.entry(item.id.clone()).or_insert(at);
        }
        let mut aliases: Vec<Vec<usize>> = Vec::new();
        for (one, other) in pairs {
            if let (Some(one), Some(other)) = (positions.get(one), positions.get(other)) {
                match aliases.iter_mut().find(|list| list.contains(one) || list.contains(other)) {
                    Some(list) => list.extend([*one, *other]),
                    None => aliases.push(vec![*one, *other]),
                }
            }
        }
        for list in &mut aliases {
            list.sort_unstable();
            list.dedup();
        }
        let group_ids = groups.iter().map(|group| group.id.clone()).collect();
        Self { scheme, version: version.to_owned(), origin, groups, items, aliases, positions, group_ids }
    }

    /// Which catalogue it is.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its edition: `2018`, `4.0`, `5.0.0`, `2023`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// All groups, in the catalogue's order.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// All known items, in the catalogue's order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many items the edition has in all, where that is known.
    pub fn expected_items(&self) -> Option<usize> {
        crate::shipped::expected_items(self.scheme)
    }

    /// Whether every item of the edition is here.
    pub fn is_complete(&self) -> bool {
        self.expected_items().is_some_and(|count| count <= self.items.len())
    }

    /// An item by its id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.positions.get(id).and_then(|at| self.items.get(*at))
    }

    /// Where an id stands in [`Self::items`].
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Whether the id is that of a group.
    pub fn is_group(&self, id: &str) -> bool {
        self.group_ids.contains(id)
    }

    /// The groups around an item, outermost first.
    pub fn path(&self, item: &Item) -> Vec<&Group> {
        let mut path = Vec::with_capacity(3);
        let mut at = Some(item.group);
        // A parent stands before its child, so that the walk ends.
        while let Some(group) = at.and_then(|at| self.groups.get(at)) {
            path.push(group);
            at = group.parent.filter(|parent| Some(*parent) < at);
        }
        path.reverse();
        path
    }

    /// The ids under which the catalogue lists the same item, its own first. One for most.
    pub fn same_as(&self, id: &str) -> Vec<&str> {
        let Some(own) = self.positions.get(id) else { return Vec::new() };
        let list = self.aliases.iter().find(|list| list.contains(own));
        let others = list.into_iter().flatten().filter(|at| *at != own);
        std::iter::once(own)
            .chain(others)
            .filter_map(|at| self.items.get(*at))
            .map(|item| item.id.as_str())
            .collect()
    }

    /// The reference of an item of this edition.
    pub fn reference(&self, id: &str) -> ItemRef {
        ItemRef { scheme: self.scheme, version: self.version.clone(), id: id.to_owned() }
    }
}
