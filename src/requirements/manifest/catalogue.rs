//! References to public catalogues of requirements: `scheme@version:id`.
//!
//! Only the shape is checked here. The catalogues' texts have their own licences and are not part of this crate.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::vocabulary;

/// A reference with what it means for the requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Citation {
    /// The item of the catalogue.
    #[serde(rename = "ref")]
    pub reference: CatalogueRef,
    /// Level of the item that was chosen, 0 to 5 (IPA grades; ASVS uses 1 to 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// How requirement and item relate.
    #[serde(default)]
    pub relation: Relation,
}

vocabulary! {
    /// How a requirement relates to an item of a catalogue.
    #[derive(Default)]
    pub enum Relation {
        /// Meeting the requirement meets the item.
        #[default]
        Satisfies = "satisfies",
        /// It meets a part of the item.
        Partially = "partially",
        /// It was written because of the item.
        DerivedFrom = "derived_from",
        /// Both say the same.
        Alias = "alias",
    }
}

vocabulary! {
    /// Catalogues whose references are understood.
    pub enum Catalogue {
        /// IPA 非機能要求グレード.
        IpaNfrg = "ipa-nfrg",
        /// OWASP Japan's security requirements for web systems.
        OwaspSecreqJa = "owasp-secreq-ja",
        /// OWASP Application Security Verification Standard.
        Asvs = "asvs",
        /// ISO/IEC 25010 quality model.
        Iso25010 = "iso25010",
        /// NIST Privacy Framework.
        NistPf = "nist-pf",
    }
}

impl Catalogue {
    /// A reference of the right shape, for error texts.
    pub const fn example(self) -> &'static str {
        match self {
            Self::IpaNfrg => "ipa-nfrg@2018:B.4.3.1",
            Self::OwaspSecreqJa => "owasp-secreq-ja@4.0:7.9.1",
            Self::Asvs => "asvs@5.0.0:14.3.2",
            Self::Iso25010 => "iso25010@2023:performance-efficiency/capacity",
            Self::NistPf => "nist-pf@1.0:CT.DM-P5",
        }
    }

    fn accepts_version(self, version: &str) -> bool {
        match self {
            Self::IpaNfrg | Self::Iso25010 => {
                version.len() == 4 && version.bytes().all(|b| b.is_ascii_digit())
            }
            Self::OwaspSecreqJa | Self::NistPf => numbers(version, 2),
            Self::Asvs => numbers(version, 3),
        }
    }

    pub(super) fn accepts_id(self, id: &str) -> bool {
        match self {
            Self::IpaNfrg => matches!(id.as_bytes(), [b'A'..=b'F', b'.', ..]) && numbers(&id[2..], 3),
            Self::OwaspSecreqJa | Self::Asvs => numbers(id, 3),
            Self::Iso25010 => {
                let parts: Vec<&str> = id.split('/').collect();
                parts.len() <= 2
                    && parts.iter().all(|part| {
                        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                    })
            }
            Self::NistPf => {
                let mut halves = id.splitn(2, "-P");
                let (head, tail) = (halves.next().unwrap_or_default(), halves.next());
                head.len() == 5
                    && head
                        .bytes()
                        .enumerate()
                        .all(|(at, b)| if at == 2 { b == b'.' } else { b.is_ascii_uppercase() })
                    && tail.is_some_and(|tail| tail.bytes().all(|b| b.is_ascii_digit()) && tail.len() <= 2)
            }
        }
    }
}

impl Catalogue {
    /// Whether this is an item's id, or the beginning of some that names a group: a chapter, an area.
    pub(super) fn accepts_part(self, id: &str) -> bool {
        let group = match self {
            Self::IpaNfrg => {
                let (area, rest) = id.split_at_checked(1).unwrap_or_default();
                matches!(area.as_bytes(), [b'A'..=b'F'])
                    && rest
                        .strip_prefix('.')
                        .map_or(rest.is_empty(), |rest| numbers(rest, 1) || numbers(rest, 2))
            }
            Self::OwaspSecreqJa | Self::Asvs => numbers(id, 1) || numbers(id, 2),
            // Its characteristics are items, too.
            Self::Iso25010 => false,
            Self::NistPf => {
                let capitals = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_uppercase());
                id.split('.').count() <= 2 && id.split('.').all(capitals)
            }
        };
        group || self.accepts_id(id)
    }
}

/// Exactly `count` dotted numbers of one to three digits.
fn numbers(text: &str, count: usize) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() == count && text.split('.').all(is_number)
}

/// An item of a catalogue, for example `ipa-nfrg@2018:B.4.3.1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct CatalogueRef {
    /// Which catalogue.
    pub catalogue: Catalogue,
    /// Its edition.
    pub version: String,
    /// The item in that edition.
    pub id: String,
}

/// Why a reference was not understood. The texts follow the reference itself in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RefError {
    #[error("is not of the form `scheme@version:id`")]
    Shape,
    #[error("names the unknown catalogue `{0}`")]
    Scheme(String),
    #[error("has a version or an id that `{0}` does not have")]
    Parts(Catalogue),
}

impl CatalogueRef {
    pub(super) fn parse(text: &str) -> Result<Self, RefError> {
        Self::parse_as(text, Catalogue::accepts_id)
    }

    /// The same with another notion of what an id is.
    pub(super) fn parse_as(text: &str, accepts: fn(Catalogue, &str) -> bool) -> Result<Self, RefError> {
        let (scheme, rest) = text.split_once('@').ok_or(RefError::Shape)?;
        let (version, id) = rest.split_once(':').ok_or(RefError::Shape)?;
        let catalogue = Catalogue::ALL
            .iter()
            .copied()
            .find(|catalogue| catalogue.as_str() == scheme)
            .ok_or_else(|| RefError::Scheme(scheme.to_owned()))?;
        if !catalogue.accepts_version(version) || !accepts(catalogue, id) {
            return Err(RefError::Parts(catalogue));
        }
        Ok(Self { catalogue, version: version.to_owned(), id: id.to_owned() })
    }
}

impl TryFrom<String> for CatalogueRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|error| format!("the reference {error}"))
    }
}

impl From<CatalogueRef> for String {
    fn from(reference: CatalogueRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for CatalogueRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}:{}", self.catalogue, self.version, self.id)
    }
}
