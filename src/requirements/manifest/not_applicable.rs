//! Items of catalogues that say nothing about a system, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, CatalogueRef, RefError};
use super::decode::{Object, Report};
use super::limits;
use super::model::Localized;
use super::tree::Node;
use super::values::{localized, parsed, text};
use super::wording::suggestion;

/// An item of a catalogue, or a group with all its items, that does not apply to a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotApplicable {
    /// The item, or the group: `asvs@5.0.0:10.4.1`, `asvs@5.0.0:10`.
    #[serde(rename = "ref")]
    pub reference: CataloguePart,
    /// Why.
    pub reason: Localized,
    /// Who answers for it: a role or a team, not a person's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
}

/// An item of a catalogue or a group of them: `scheme@version:id`, where a group's id is how those of its items begin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct CataloguePart(CatalogueRef);

impl CataloguePart {
    fn parse(text: &str) -> Result<Self, RefError> {
        CatalogueRef::parse_as(text, Catalogue::accepts_part).map(Self)
    }

    /// Whether the item is this one, under any number that the catalogue gives it, or one of this group.
    pub fn covers(&self, item: &CatalogueRef) -> bool {
        let Self(part) = self;
        if (part.catalogue, &part.version) != (item.catalogue, &item.version) {
            return false;
        }
        let known = self.known().map(|known| known.same_as(&item.id)).unwrap_or_default();
        known.into_iter().chain([item.id.as_str()]).any(|id| ::catalogue::is_part(&part.id, id))
    }

    /// Whether the other one lies within this one.
    fn includes(&self, other: &Self) -> bool {
        let (Self(part), Self(other)) = (self, other);
        (part.catalogue, &part.version) == (other.catalogue, &other.version)
            && ::catalogue::is_part(&part.id, &other.id)
    }

    /// What is shipped of its edition.
    fn known(&self) -> Option<&'static ::catalogue::Catalogue> {
        let known = ::catalogue::Scheme::named(self.0.catalogue.as_str()).and_then(::catalogue::shipped)?;
        (known.version() == self.0.version).then_some(known)
    }

    /// What is wrong with a reference of the right shape, and what to do about it: nobody could be shown what does not apply.
    fn fault(&self) -> Option<(String, String)> {
        let Self(CatalogueRef { catalogue, version, id }) = self;
        // Of a catalogue of which no ids are known, nothing can be said.
        let shipped = ::catalogue::Scheme::named(catalogue.as_str()).and_then(::catalogue::shipped)?;
        if shipped.version() != version {
            let message = format!("the edition `{version}` of `{catalogue}` is not known");
            return Some((message, format!("write `{catalogue}@{}:…`", shipped.version())));
        }
        let is_there = shipped.items().iter().any(|item| ::catalogue::is_part(id, &item.id));
        // Where not all items are known, an imported copy may have it.
        (!is_there && shipped.is_complete()).then(|| {
            let message = format!("`{catalogue}@{version}` has no item and no group `{id}`");
            (message, format!("write the id of one, like `{}`", catalogue.example()))
        })
    }
}

impl TryFrom<String> for CataloguePart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|error| format!("the reference {error}"))
    }
}

impl From<CataloguePart> for String {
    fn from(part: CataloguePart) -> Self {
        part.to_string()
    }
}

impl fmt::Display for CataloguePart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

pub(super) fn not_applicable(node: &Node, path: &str, report: &mut Report) -> Option<NotApplicable> {
    let mut object = Object::open(node, path, report, &["ref", "reason", "approver"])?;
    let reference = object.required("ref", part);
    let reason = object.required("reason", localized(limits::PROSE));
    let approver = object.optional("approver", text(limits::LINE));
    Some(NotApplicable { reference: reference?, reason: reason?, approver })
}

fn part(node: &Node, path: &str, report: &mut Report) -> Option<CataloguePart> {
    let remedy = |_: &str, error: &RefError| match error {
        RefError::Shape => format!("write it like `{}`", Catalogue::Asvs.example()),
        RefError::Scheme(scheme) => {
            let words: Vec<&str> = Catalogue::ALL.iter().map(|catalogue| catalogue.as_str()).collect();
            suggestion(scheme, &words)
        }
        RefError::Parts(catalogue) => {
            format!("write it like `{}`, or the beginning of such an id", catalogue.example())
        }
    };
    let part = parsed(limits::LINE, CataloguePart::parse, remedy)(node, path, report)?;
    if let Some((message, remedy)) = part.fault() {
        report.at(path, message, remedy);
        return None;
    }
    Some(part)
}

/// Notes what is stated twice: itself, or as a part of a group that stands here, too.
pub(super) fn check(stated: &[NotApplicable], report: &mut Report) {
    for (at, one) in stated.iter().enumerate() {
        let around = stated.iter().enumerate().find(|(other, outer)| {
            *other != at
                && outer.reference.includes(&one.reference)
                // Of two that are the same the first stays.
                && (outer.reference != one.reference || *other < at)
        });
        let Some((other, outer)) = around else { continue };
        let line = report.place_of(&format!("spec.notApplicable[{other}].ref")).0;
        let message = if outer.reference == one.reference {
            format!("`{}` is stated twice, first at line {line}", one.reference)
        } else {
            format!("`{}` is part of `{}`, which is stated at line {line}", one.reference, outer.reference)
        };
        report.at(&format!("spec.notApplicable[{at}].ref"), message, "remove one of them");
    }
}
