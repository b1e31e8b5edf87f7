//! References to items of catalogues: `scheme@version:id`.

use std::fmt;
use std::str::FromStr;

/// Longest reference that is read, in bytes: the longest real one has 70.
const MAX_REFERENCE: usize = 200;

/// Catalogues that requirements cite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// IPA 非機能要求グレード.
    IpaNfrg,
    /// OWASP Japan, Webシステム／Webアプリケーションセキュリティ要件書.
    OwaspSecreqJa,
    /// OWASP Application Security Verification Standard.
    Asvs,
    /// ISO/IEC 25010 product quality model.
    Iso25010,
    /// NIST Privacy Framework. References are understood; no ids are shipped.
    NistPf,
}

impl Scheme {
    /// Every catalogue.
    pub const ALL: [Self; 5] = [Self::IpaNfrg, Self::OwaspSecreqJa, Self::Asvs, Self::Iso25010, Self::NistPf];

    /// The word in references.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IpaNfrg => "ipa-nfrg",
            Self::OwaspSecreqJa => "owasp-secreq-ja",
            Self::Asvs => "asvs",
            Self::Iso25010 => "iso25010",
            Self::NistPf => "nist-pf",
        }
    }

    /// The catalogue of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// The catalogue's own name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::IpaNfrg => "非機能要求グレード",
            Self::OwaspSecreqJa => "Webシステム／Webアプリケーションセキュリティ要件書",
            Self::Asvs => "Application Security Verification Standard",
            Self::Iso25010 => "ISO/IEC 25010 product quality model",
            Self::NistPf => "NIST Privacy Framework",
        }
    }

    /// Who publishes it.
    pub const fn owner(self) -> &'static str {
        match self {
            Self::IpaNfrg => "独立行政法人情報処理推進機構 (IPA)",
            Self::OwaspSecreqJa => "OWASP Japan, ISOG-J",
            Self::Asvs => "OWASP Foundation",
            Self::Iso25010 => "ISO/IEC JTC 1/SC 7",
            Self::NistPf => "NIST",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// An item of a catalogue, for example `ipa-nfrg@2018:B.4.3.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemRef {
    /// Which catalogue.
    pub scheme: Scheme,
    /// Its edition.
    pub version: String,
    /// The item, as the catalogue writes it (`14.2.2`, without the `V` of ASVS).
    pub id: String,
}

/// Whether an id is this one, or lies in the group that this one names: ids of items begin with those of their groups.
pub fn is_part(group: &str, id: &str) -> bool {
    id.strip_prefix(group)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']) || rest.starts_with("-P"))
}

/// Why a reference was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// Not `scheme@version:id`, or longer than 200 bytes.
    #[error("the reference is not of the form `scheme@version:id`; write one like `ipa-nfrg@2018:B.4.3.1`")]
    Shape,
    /// No such catalogue.
    #[error(
        "the reference names an unknown catalogue; use ipa-nfrg, owasp-secreq-ja, asvs, iso25010 or nist-pf"
    )]
    Scheme,
}

impl FromStr for ItemRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let (scheme, rest) = text.split_once('@').ok_or(RefError::Shape)?;
        let (version, id) = rest.split_once(':').ok_or(RefError::Shape)?;
        let is_word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'/'))
        };
        if text.len() > MAX_REFERENCE || !is_word(version) || !is_word(id) {
            return Err(RefError::Shape);
        }
        let scheme = Scheme::named(scheme).ok_or(RefError::Scheme)?;
        Ok(Self { scheme, version: version.to_owned(), id: id.to_owned() })
    }
}

impl fmt::Display for ItemRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}:{}", self.scheme, self.version, self.id)
    }
}

/// How a requirement relates to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Meeting the requirement meets the item.
    Satisfies,
    /// It meets a part of the item.
    Partially,
    /// It was written because of the item.
    DerivedFrom,
    /// Both say the same.
    Alias,
}

impl Relation {
    /// The word in manifests and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfies => "satisfies",
            Self::Partially => "partially",
            Self::DerivedFrom => "derived_from",
            Self::Alias => "alias",
        }
    }

    /// Whether meeting the requirement meets the whole item.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Satisfies | Self::Alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_survive_the_round_trip() {
        for text in [
            "ipa-nfrg@2018:B.4.3.1",
            "owasp-secreq-ja@4.0:7.9.1",
            "asvs@5.0.0:14.3.2",
            "iso25010@2023:performance-efficiency/capacity",
            "nist-pf@1.0:CT.DM-P5",
        ] {
            assert_eq!(text.parse::<ItemRef>().map(|reference| reference.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_not_a_reference_is_refused() {
        for (text, error) in [
            ("", RefError::Shape),
            ("ipa-nfrg:B.1", RefError::Shape),
            ("ipa-nfrg@2018", RefError::Shape),
            ("ipa-nfrg@:B.1", RefError::Shape),
            ("ipa-nfrg@2018:", RefError::Shape),
            ("ipa-nfrg@2018:B 1", RefError::Shape),
            ("other@1:2", RefError::Scheme),
        ] {
            assert_eq!(text.parse::<ItemRef>(), Err(error), "{text}");
        }
        assert_eq!(format!("asvs@5.0.0:{}", "1".repeat(300)).parse::<ItemRef>(), Err(RefError::Shape));
    }
}
