//! Catalogues of requirements: which items are answered, and the installation's own copies.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use catalogue::coverage::{CategoryCounts, Counts, ItemCoverage, Standing, UncountedReason};
use catalogue::{Group, Label};

use super::super::connection::Page;
use super::super::id;
use super::super::problem::payload;
use super::super::scalars::Instant;
use super::LocalizedText;
use crate::access::Op;
use crate::error::Error;
use crate::requirements::{self, Covered, manifest};

/// A public catalogue of requirements.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "catalogue::Scheme")]
pub enum Catalogue {
    /// IPA 非機能要求グレード.
    IpaNfrg,
    /// OWASP Japan's security requirements for web systems.
    OwaspSecreqJa,
    /// OWASP Application Security Verification Standard.
    Asvs,
    /// ISO/IEC 25010 product quality model.
    #[graphql(name = "ISO_25010")]
    Iso25010,
    /// NIST Privacy Framework: none of its ids are known.
    NistPf,
}

/// Kinds of systems for which IPA proposes levels, by how much society suffers when they fail.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "catalogue::ModelSystem")]
pub enum ModelSystem {
    /// Hardly at all.
    Low,
    /// To a limited extent.
    Middle,
    /// Very much.
    High,
}

/// How an item of a catalogue stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Standing")]
pub enum ItemStanding {
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
    /// No requirement cites it, and the system's manifest says that it does not apply.
    NotApplicable,
}

/// Why a reference was not counted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "UncountedReason")]
pub enum UncountedReferenceReason {
    /// It names a group, which is no item.
    Group,
    /// It names another edition.
    OtherVersion,
    /// The catalogue does not have it. Where not all items are known, an imported copy may.
    Unknown,
}

/// An installation's own copy of a catalogue: ids, titles and levels. `suimon import --catalogue FILE` makes one.
pub struct CatalogueCopy(pub requirements::CatalogueCopy);

#[Object]
impl CatalogueCopy {
    async fn catalogue(&self) -> Catalogue {
        self.0.catalogue.into()
    }

    /// Its edition.
    async fn version(&self) -> &str {
        &self.0.version
    }

    /// SHA-256 of the imported file.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// How many items it has.
    async fn items(&self) -> i32 {
        self.0.items
    }

    async fn imported_at(&self) -> Instant {
        self.0.imported_at.into()
    }

    /// The account that imported it.
    async fn imported_by(&self, context: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(id::encode("Account", context.data::<Op>()?.app().root()?, self.0.imported_by))
    }
}

payload!(
    /// Result of `removeCatalogueCopy`.
    RemoveCatalogueCopyPayload, CatalogueCopy
);

/// How many items stand how. Items that a catalogue lists twice count once.
#[derive(SimpleObject)]
pub struct ItemCounts {
    /// All of them.
    total: i32,
    /// Those that requirements cite at all.
    stated: i32,
    satisfied: i32,
    /// Those satisfied behind which a passed check stands.
    checked: i32,
    partial: i32,
    derived_only: i32,
    excepted: i32,
    failing: i32,
    not_covered: i32,
    not_applicable: i32,
}

impl From<Counts> for ItemCounts {
    fn from(counts: Counts) -> Self {
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let (total, stated) = (counts.total(), counts.stated());
        let Counts {
            satisfied,
            checked,
            partial,
            derived_only,
            excepted,
            failing,
            not_covered,
            not_applicable,
        } = counts;
        Self {
            total: number(total),
            stated: number(stated),
            satisfied: number(satisfied),
            checked: number(checked),
            partial: number(partial),
            derived_only: number(derived_only),
            excepted: number(excepted),
            failing: number(failing),
            not_covered: number(not_covered),
            not_applicable: number(not_applicable),
        }
    }
}

/// The counts of an outermost group, or of all.
#[derive(SimpleObject)]
pub struct GroupCoverage {
    /// Its number; empty for all.
    group: String,
    /// Our words; null for one that only a copy has, and for all.
    label: Option<LocalizedText>,
    /// The copy's own words.
    title: Option<String>,
    all: ItemCounts,
    /// 重要項目 of the IPA grade; none in other catalogues.
    important: ItemCounts,
}

fn words(label: Option<&Label>) -> Option<LocalizedText> {
    label.map(|Label { ja, en }| LocalizedText { ja: ja.clone(), en: en.clone() })
}

fn counted(counts: &CategoryCounts, group: Option<&Group>) -> GroupCoverage {
    GroupCoverage {
        group: counts.category.clone(),
        label: words(group.and_then(|group| group.label.as_ref())),
        title: group.and_then(|group| group.name.clone()),
        all: counts.all.into(),
        important: counts.important.into(),
    }
}

/// A reference that was not counted.
#[derive(SimpleObject)]
pub struct UncountedReference {
    /// `catalogue@version:item`.
    reference: String,
    /// The requirement that has it; null for what the system says does not apply.
    requirement: Option<String>,
    reason: UncountedReferenceReason,
}

/// That an item of a catalogue, or a group with all its items, says nothing about a system.
#[derive(SimpleObject)]
pub struct NotApplicable {
    /// `catalogue@version:item`, or a group: `catalogue@version:group`.
    reference: String,
    /// Why.
    reason: LocalizedText,
    /// The role or team that answers for it.
    approver: Option<String>,
}

impl From<&manifest::NotApplicable> for NotApplicable {
    fn from(stated: &manifest::NotApplicable) -> Self {
        let manifest::NotApplicable { reference, reason, approver } = stated;
        Self { reference: reference.to_string(), reason: reason.into(), approver: approver.clone() }
    }
}

impl From<&catalogue::coverage::NotApplicable> for NotApplicable {
    fn from(stated: &catalogue::coverage::NotApplicable) -> Self {
        let catalogue::coverage::NotApplicable { reference, reason, approver } = stated;
        let reason = LocalizedText { ja: reason.ja.clone(), en: reason.en.clone() };
        Self { reference: reference.to_string(), reason, approver: approver.clone() }
    }
}

/// An item of a catalogue with what cites it.
#[derive(SimpleObject)]
pub struct CoveredItem {
    /// Its numbers: several where the catalogue lists it twice.
    ids: Vec<String>,
    /// Our words; null for one that only a copy has.
    label: Option<LocalizedText>,
    /// The copy's own words.
    title: Option<String>,
    /// Number of the outermost group.
    group: String,
    /// 重要項目 of the IPA grade.
    important: bool,
    standing: ItemStanding,
    /// Whether a check that passed stands behind it, or only words.
    checked: bool,
    /// The highest level that a requirement which is kept has chosen.
    chosen_level: Option<i32>,
    /// The level that the copy proposes for the model system.
    wanted_level: Option<i32>,
    /// The lowest level of ASVS that asks for it.
    asvs_level: Option<i32>,
    /// Names of the requirements that cite it.
    requirements: Vec<String>,
    /// Those of them that a check finds broken.
    failing: Vec<String>,
    /// The statement by which it does not apply.
    not_applicable: Option<NotApplicable>,
}

fn item(of: &Covered, covered: &ItemCoverage) -> CoveredItem {
    let known = || covered.ids.iter().filter_map(|id| of.catalogue.item(id));
    let title = known().find_map(|item| item.text.as_ref()).map(|text| text.name.clone());
    CoveredItem {
        ids: covered.ids.clone(),
        label: words(known().find_map(|item| item.label.as_ref())),
        title: title.filter(|title| !title.is_empty()),
        group: covered.category.clone(),
        important: covered.important,
        standing: covered.standing.into(),
        checked: covered.checked,
        chosen_level: covered.level.map(i32::from),
        wanted_level: covered.wanted_level.map(i32::from),
        asvs_level: known().find_map(|item| item.level).map(i32::from),
        requirements: covered.requirements.clone(),
        failing: covered.failing.clone(),
        not_applicable: covered.not_applicable.as_ref().map(NotApplicable::from),
    }
}

/// Which items of a catalogue the requirements of a system answer.
pub struct CatalogueCoverage(pub Covered);

#[Object]
impl CatalogueCoverage {
    async fn catalogue(&self) -> Catalogue {
        self.0.catalogue.scheme().into()
    }

    /// The edition that is counted.
    async fn version(&self) -> &str {
        self.0.catalogue.version()
    }

    /// The catalogue's own name.
    async fn title(&self) -> &str {
        self.0.catalogue.scheme().title()
    }

    /// The copy whose items are counted; null when they are those that come with Suimon.
    async fn copy(&self) -> Option<CatalogueCopy> {
        self.0.copy.clone().map(CatalogueCopy)
    }

    /// Whether all items of the edition are known. If not, what is missing is not counted at all.
    async fn is_complete(&self) -> bool {
        self.0.coverage.is_complete
    }

    /// Over all items.
    async fn total(&self) -> GroupCoverage {
        counted(&self.0.coverage.total, None)
    }

    /// By outermost group, in the catalogue's order.
    #[graphql(complexity = "20 * child_complexity.max(1)")]
    async fn groups(&self) -> Vec<GroupCoverage> {
        let groups = self.0.catalogue.groups();
        let of = |id: &str| groups.iter().find(|group| group.parent.is_none() && group.id == id);
        self.0.coverage.categories.iter().map(|counts| counted(counts, of(&counts.category))).collect()
    }

    /// The items, the important ones first, else in the catalogue's order: all, those of one `group`, or those that stand in one
    /// of these ways.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn items(
        &self,
        context: &Context<'_>,
        group: Option<String>,
        standing: Option<Vec<ItemStanding>>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, CoveredItem, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let wrong =
            || Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
        let key = |item: &ItemCoverage| item.ids.first().cloned().unwrap_or_default();
        let all = &self.0.coverage.items;
        let from = match &page.after {
            None => 0,
            Some(after) => all.iter().position(|item| key(item) == *after).ok_or_else(wrong)? + 1,
        };
        let wanted = |item: &&ItemCoverage| {
            group.as_ref().is_none_or(|group| *group == item.category)
                && standing.as_ref().is_none_or(|some| some.contains(&item.standing.into()))
        };
        let most = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let found = all.get(from..).unwrap_or_default().iter().filter(wanted).take(most).collect();
        Ok(page.connection(found, |covered| key(covered), |covered| item(&self.0, covered)))
    }

    /// References of the system's requirements to this catalogue that were not counted.
    #[graphql(complexity = "20 * child_complexity.max(1)")]
    async fn uncounted(&self) -> Vec<UncountedReference> {
        let references = self.0.coverage.uncounted.iter().map(|uncounted| UncountedReference {
            reference: uncounted.reference.to_string(),
            requirement: uncounted.requirement.clone(),
            reason: uncounted.reason.into(),
        });
        references.collect()
    }
}
