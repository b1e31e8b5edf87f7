//! Which items of a catalogue the requirements of a system answer, and which nobody thought of.

use std::collections::BTreeMap;

use crate::export::Text;
use crate::model::{Catalogue, Item, ModelSystem};
use crate::reference::{ItemRef, Relation, is_part};

/// What is known of a requirement at the moment of asking. Of several results the greatest counts: the later in this list, the
/// less can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The latest check found it kept.
    Pass,
    /// Kept, with something to look at.
    Warn,
    /// Not checked, or what was checked has expired.
    Unchecked,
    /// The check was left out.
    Skip,
    /// The check itself failed.
    Error,
    /// The latest check found it broken.
    Fail,
    /// An exception in force says that it need not be kept.
    Excepted,
}

impl Status {
    /// A check says that it is not kept, or could not say that it is.
    pub(crate) const fn is_broken(self) -> bool {
        matches!(self, Self::Fail | Self::Error)
    }

    const fn is_checked(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }
}

/// A requirement's reference to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The item.
    pub reference: ItemRef,
    /// How they relate.
    pub relation: Relation,
    /// The level chosen, 0 to 5 in the IPA grade.
    pub level: Option<u8>,
    /// Name of the requirement.
    pub requirement: String,
    /// Its status.
    pub status: Status,
}

/// That an item, or a group with all its items, says nothing about the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotApplicable {
    /// The item or the group.
    pub reference: ItemRef,
    /// Why.
    pub reason: Text,
    /// Who answers for it: a role.
    pub approver: Option<String>,
}

impl NotApplicable {
    fn is_of(&self, catalogue: &Catalogue) -> bool {
        self.reference.scheme == catalogue.scheme() && self.reference.version == catalogue.version()
    }
}

/// What a system answers of catalogues.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers<'a> {
    /// What its requirements cite.
    pub citations: &'a [Citation],
    /// What does not apply to it.
    pub not_applicable: &'a [NotApplicable],
}

impl<'a> From<&'a [Citation]> for Answers<'a> {
    /// Everything applies.
    fn from(citations: &'a [Citation]) -> Self {
        Self { citations, not_applicable: &[] }
    }
}

/// How an item stands. The order is that of reports: what wants work comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Requirements answer it, but a check finds them broken.
    Failing,
    /// No requirement cites it.
    NotCovered,
    /// Requirements were only written because of it.
    DerivedOnly,
    /// Requirements answer a part of it, or a lower level than the model system asks for.
    Partial,
    /// What answers it is under an exception.
    Excepted,
    /// A requirement that is not broken answers the whole of it.
    Satisfied,
    /// No requirement cites it, and it says nothing about the system.
    NotApplicable,
}

/// An item with what cites it. Items that the catalogue lists twice are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemCoverage {
    /// Its ids, the earlier first.
    pub ids: Vec<String>,
    /// Number of the outermost group of the first id.
    pub category: String,
    /// 重要項目, under any of its ids.
    pub important: bool,
    /// How it stands.
    pub standing: Standing,
    /// Whether a check that passed stands behind it: false for what is only written down.
    pub checked: bool,
    /// The highest level that a requirement answering it chose and keeps.
    pub level: Option<u8>,
    /// The level that the imported copy proposes for the model system that was asked for.
    pub wanted_level: Option<u8>,
    /// Names of the requirements that cite it, sorted, each once.
    pub requirements: Vec<String>,
    /// Those of them that a check finds broken.
    pub failing: Vec<String>,
    /// With [`Standing::NotApplicable`]: the statement that says so.
    pub not_applicable: Option<NotApplicable>,
}

/// How many items stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Standing::Satisfied`].
    pub satisfied: usize,
    /// Those of them behind which a passed check stands.
    pub checked: usize,
    /// [`Standing::Partial`].
    pub partial: usize,
    /// [`Standing::DerivedOnly`].
    pub derived_only: usize,
    /// [`Standing::Excepted`].
    pub excepted: usize,
    /// [`Standing::Failing`].
    pub failing: usize,
    /// [`Standing::NotCovered`].
    pub not_covered: usize,
    /// [`Standing::NotApplicable`].
    pub not_applicable: usize,
}

impl Counts {
    /// All of them.
    pub const fn total(&self) -> usize {
        self.stated() + self.not_covered + self.not_applicable
    }

    /// Those that requirements cite at all.
    pub const fn stated(&self) -> usize {
        self.satisfied + self.partial + self.derived_only + self.excepted + self.failing
    }

    fn add(&mut self, item: &ItemCoverage) {
        match item.standing {
            Standing::Satisfied => {
                self.satisfied += 1;
                self.checked += usize::from(item.checked);
            }
            Standing::Partial => self.partial += 1,
            Standing::DerivedOnly => self.derived_only += 1,
            Standing::Excepted => self.excepted += 1,
            Standing::Failing => self.failing += 1,
            Standing::NotCovered => self.not_covered += 1,
            Standing::NotApplicable => self.not_applicable += 1,
        }
    }
}

/// The counts of one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryCounts {
    /// Number of the outermost group.
    pub category: String,
    /// All its items.
    pub all: Counts,
    /// Its important ones.
    pub important: Counts,
}

/// A citation that was not counted for an item, or a statement that does not speak of any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncounted {
    /// What was cited.
    pub reference: ItemRef,
    /// By which requirement; none: the system says that it does not apply.
    pub requirement: Option<String>,
    /// Why it was not counted.
    pub reason: UncountedReason,
}

/// Why a citation was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UncountedReason {
    /// It names a group, which is no item.
    Group,
    /// It names another edition.
    OtherVersion,
    /// The catalogue does not have it; where the catalogue is incomplete, an imported copy may.
    Unknown,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The important items first, each half in the catalogue's order.
    pub items: Vec<ItemCoverage>,
    /// Counts by category, in the catalogue's order. An item with several ids counts once, under the first.
    pub categories: Vec<CategoryCounts>,
    /// Counts over all.
    pub total: CategoryCounts,
    /// Whether all items of the edition are in the catalogue: if not, what is missing is not counted at all.
    pub is_complete: bool,
    /// Citations of this catalogue that were not counted.
    pub uncounted: Vec<Uncounted>,
}

/// Compares citations with a catalogue. Citations of other catalogues are passed over.
///
/// `model` asks for the levels that an imported IPA sheet proposes for a model system: an item answered at a lower level, or at
/// none that is named, is then [`Standing::Partial`].
///
/// What a requirement cites applies, whatever else is stated.
///
/// Takes time in proportion to items and citations, times the logarithm of their number, and to items that nobody cites times
/// statements that some do not apply.
pub fn coverage(catalogue: &Catalogue, answers: Answers<'_>, model: Option<ModelSystem>) -> Coverage {
    let Answers { citations, not_applicable } = answers;
    let mut by_id: BTreeMap<&str, Vec<&Citation>> = BTreeMap::new();
    let mut uncounted = Vec::new();
    for citation in citations.iter().filter(|citation| citation.reference.scheme == catalogue.scheme()) {
        let id = citation.reference.id.as_str();
        let reason = match catalogue.item(id) {
            _ if citation.reference.version != catalogue.version() => UncountedReason::OtherVersion,
            Some(_) => {
                by_id.entry(id).or_default().push(citation);
                continue;
            }
            None if catalogue.is_group(id) => UncountedReason::Group,
            None => UncountedReason::Unknown,
        };
        let (reference, requirement) = (citation.reference.clone(), Some(citation.requirement.clone()));
        uncounted.push(Uncounted { reference, requirement, reason });
    }
    for stated in not_applicable.iter().filter(|stated| stated.reference.scheme == catalogue.scheme()) {
        let reason = if !stated.is_of(catalogue) {
            UncountedReason::OtherVersion
        } else if !catalogue.items().iter().any(|item| is_part(&stated.reference.id, &item.id)) {
            UncountedReason::Unknown
        } else {
            continue;
        };
        uncounted.push(Uncounted { reference: stated.reference.clone(), requirement: None, reason });
    }
    let not_applicable: Vec<&NotApplicable> =
        not_applicable.iter().filter(|stated| stated.is_of(catalogue)).collect();
    let mut items: Vec<ItemCoverage> = catalogue
        .items()
        .iter()
        .filter_map(|item| {
            let ids = catalogue.same_as(&item.id);
            // Reported once, where it stands first.
            let is_first =
                ids.iter().all(|other| position(catalogue, &item.id) <= position(catalogue, other));
            is_first.then(|| judge(catalogue, item, &ids, (&by_id, &not_applicable), model))
        })
        .collect();
    let (categories, total) = count(catalogue, &items);
    items.sort_by_key(|item| !item.important);
    Coverage { items, categories, total, is_complete: catalogue.is_complete(), uncounted }
}

fn position(catalogue: &Catalogue, id: &str) -> usize {
    catalogue.position(id).unwrap_or(usize::MAX)
}

fn judge(
    catalogue: &Catalogue,
    item: &Item,
    ids: &[&str],
    (by_id, not_applicable): (&BTreeMap<&str, Vec<&Citation>>, &[&NotApplicable]),
    model: Option<ModelSystem>,
) -> ItemCoverage {
    let cited: Vec<&Citation> = ids.iter().filter_map(|id| by_id.get(id)).flatten().copied().collect();
    let known = || ids.iter().filter_map(|id| catalogue.item(id));
    let wanted_level =
        model.and_then(|model| known().filter_map(|item| item.text.as_ref()?.model_level(model)).max());
    let answering = || cited.iter().filter(|citation| citation.relation != Relation::DerivedFrom);
    let holding =
        || answering().filter(|citation| !citation.status.is_broken() && citation.status != Status::Excepted);
    let level = holding().filter_map(|citation| citation.level).max();
    let reaches = |citation: &Citation| {
        wanted_level.is_none_or(|wanted| citation.level.is_some_and(|level| level >= wanted))
    };
    let whole = || holding().filter(|citation| citation.relation.is_whole() && reaches(citation));
    let exempt = not_applicable
        .iter()
        .filter(|_| cited.is_empty())
        .find(|stated| ids.iter().any(|id| is_part(&stated.reference.id, id)));
    let standing = if exempt.is_some() {
        Standing::NotApplicable
    } else if whole().next().is_some() {
        Standing::Satisfied
    } else if answering().any(|citation| citation.status.is_broken()) {
        Standing::Failing
    } else if holding().next().is_some() {
        Standing::Partial
    } else if answering().next().is_some() {
        Standing::Excepted
    } else if cited.is_empty() {
        Standing::NotCovered
    } else {
        Standing::DerivedOnly
    };
    let checked = match standing {
        Standing::Satisfied => whole().any(|citation| citation.status.is_checked()),
        Standing::Partial => holding().any(|citation| citation.status.is_checked()),
        Standing::Failing
        | Standing::NotCovered
        | Standing::DerivedOnly
        | Standing::Excepted
        | Standing::NotApplicable => false,
    };
    let names = |broken_only: bool| {
        let mut names: Vec<String> = cited
            .iter()
            .filter(|citation| !broken_only || citation.status.is_broken())
            .map(|citation| citation.requirement.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    ItemCoverage {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        category: category(catalogue, item),
        important: known().any(|item| item.important),
        standing,
        checked,
        level,
        wanted_level,
        requirements: names(false),
        failing: names(true),
        not_applicable: exempt.map(|stated| (*stated).clone()),
    }
}

fn category(catalogue: &Catalogue, item: &Item) -> String {
    catalogue.path(item).first().map_or_else(String::new, |group| group.id.clone())
}

fn count(catalogue: &Catalogue, items: &[ItemCoverage]) -> (Vec<CategoryCounts>, CategoryCounts) {
    let empty = |category: &str| CategoryCounts {
        category: category.to_owned(),
        all: Counts::default(),
        important: Counts::default(),
    };
    let mut total = empty("");
    let outermost = catalogue.groups().iter().filter(|group| group.parent.is_none());
    // A copy may have one area under two spellings of its name.
    let mut categories: Vec<CategoryCounts> = Vec::new();
    for group in outermost {
        if !categories.iter().any(|counts| counts.category == group.id) {
            categories.push(empty(&group.id));
        }
    }
    for item in items {
        let own = categories.iter_mut().find(|counts| counts.category == item.category);
        for counts in own.into_iter().chain([&mut total]) {
            counts.all.add(item);
            if item.important {
                counts.important.add(item);
            }
        }
    }
    (categories, total)
}
