//! The ids that come with this crate, each with a label of our own. Data, not code: `data/*.tsv`.

use std::sync::LazyLock;

use crate::model::{Catalogue, Group, Item, Label, Obligation, Origin};
use crate::reference::Scheme;

const IPA: &str = include_str!("../data/ipa-nfrg-2018.tsv");
const IPA_ALIASES: &str = include_str!("../data/ipa-nfrg-2018-aliases.tsv");
const SECREQ: &str = include_str!("../data/owasp-secreq-ja-4.0.tsv");
const ASVS: &str = include_str!("../data/asvs-5.0.0.tsv");
const ISO: &str = include_str!("../data/iso25010-2023.tsv");

/// How a pair of ids came to be one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasBasis {
    /// Published as a duplicate.
    Stated,
    /// Inferred from the same metric name and meaning; not compared with IPA's own sheet.
    Named,
}

/// Two ids of the IPA grade for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The earlier id.
    pub id: String,
    /// The later id.
    pub same_as: String,
    /// How it is known.
    pub basis: AliasBasis,
}

/// The shipped ids of a catalogue. The IPA grade, ASVS (but for its sections) and ISO/IEC 25010 are complete; of secreq all groups
/// are there and those requirements that Suimon's mechanisms speak to. None for the NIST Privacy Framework.
pub fn shipped(scheme: Scheme) -> Option<&'static Catalogue> {
    static ALL: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
        Scheme::ALL
            .into_iter()
            .filter_map(|scheme| Some((scheme, source(scheme)?)))
            .map(|(scheme, source)| parse(scheme, source).expect("the shipped files are parsed by a test"))
            .collect()
    });
    ALL.iter().find(|catalogue| catalogue.scheme() == scheme)
}

/// Duplicates of the IPA grade.
pub fn ipa_aliases() -> &'static [Alias] {
    static ALL: LazyLock<Vec<Alias>> =
        LazyLock::new(|| parse_aliases(IPA_ALIASES).expect("the shipped file is parsed by a test"));
    &ALL
}

/// The edition that is shipped and that copies are expected to be.
pub const fn edition(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::IpaNfrg => "2018",
        Scheme::OwaspSecreqJa => "4.0",
        Scheme::Asvs => "5.0.0",
        Scheme::Iso25010 => "2023",
        Scheme::NistPf => "1.0",
    }
}

/// How many items that edition has.
pub(crate) const fn expected_items(scheme: Scheme) -> Option<usize> {
    match scheme {
        Scheme::IpaNfrg => Some(238),
        Scheme::OwaspSecreqJa => Some(78),
        Scheme::Asvs => Some(345),
        Scheme::Iso25010 => Some(40),
        Scheme::NistPf => None,
    }
}

/// The pairs of ids for which a catalogue of this scheme links items.
pub(crate) fn alias_pairs(scheme: Scheme) -> Vec<(String, String)> {
    match scheme {
        Scheme::IpaNfrg => {
            ipa_aliases().iter().map(|alias| (alias.id.clone(), alias.same_as.clone())).collect()
        }
        Scheme::OwaspSecreqJa | Scheme::Asvs | Scheme::Iso25010 | Scheme::NistPf => Vec::new(),
    }
}

fn source(scheme: Scheme) -> Option<&'static str> {
    match scheme {
        Scheme::IpaNfrg => Some(IPA),
        Scheme::OwaspSecreqJa => Some(SECREQ),
        Scheme::Asvs => Some(ASVS),
        Scheme::Iso25010 => Some(ISO),
        Scheme::NistPf => None,
    }
}

/// A file that is not of the form that its own head describes: line (from 1) and what is wrong.
type Fault = (usize, &'static str);

/// The lines of a file with `N` columns; `#` begins a comment.
fn rows<const N: usize>(source: &str) -> impl Iterator<Item = Result<(usize, [&str; N]), Fault>> {
    source.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).map(|(at, line)| {
        let fields: Vec<&str> = line.split('\t').collect();
        let row: [&str; N] = fields.try_into().map_err(|_| (at + 1, "wrong number of columns"))?;
        match row.iter().any(|field| field.trim() != *field || field.is_empty()) {
            true => Err((at + 1, "an empty field or spaces around one")),
            false => Ok((at + 1, row)),
        }
    })
}

/// How deep an id of this catalogue stands: groups before items.
fn depth(scheme: Scheme, id: &str) -> usize {
    match scheme {
        Scheme::Iso25010 => id.split('/').count(),
        Scheme::IpaNfrg | Scheme::OwaspSecreqJa | Scheme::Asvs | Scheme::NistPf => id.split('.').count(),
    }
}

/// The depth at which the ids of a catalogue are items.
const fn item_depth(scheme: Scheme) -> usize {
    match scheme {
        Scheme::IpaNfrg => 4,
        Scheme::OwaspSecreqJa | Scheme::Asvs | Scheme::NistPf => 3,
        Scheme::Iso25010 => 2,
    }
}

fn parse(scheme: Scheme, source: &str) -> Result<Catalogue, Fault> {
    let mut groups: Vec<Group> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    for row in rows::<4>(source) {
        let (line, [id, mark, ja, en]) = row?;
        let label = Some(Label { ja: ja.to_owned(), en: en.to_owned() });
        let deep = depth(scheme, id);
        // The nearest shorter id above is the group.
        let parent = groups.iter().rposition(|group| depth(scheme, &group.id) < deep);
        if deep < item_depth(scheme) {
            groups.push(Group { id: id.to_owned(), label, name: None, parent });
            continue;
        }
        let group = parent.ok_or((line, "an item before its group"))?;
        if groups.get(group).is_none_or(|group| !id.starts_with(&group.id)) {
            return Err((line, "an item under another group"));
        }
        if items.iter().any(|item| item.id == id) {
            return Err((line, "an id that stands above already"));
        }
        let (important, obligation, level) = match (scheme, mark) {
            (_, "-") => (false, None, None),
            (Scheme::IpaNfrg, "*") => (true, None, None),
            (Scheme::OwaspSecreqJa, "must") => (false, Some(Obligation::Must), None),
            (Scheme::OwaspSecreqJa, "should") => (false, Some(Obligation::Should), None),
            (Scheme::Asvs, "1") => (false, None, Some(1)),
            (Scheme::Asvs, "2") => (false, None, Some(2)),
            (Scheme::Asvs, "3") => (false, None, Some(3)),
            _ => return Err((line, "an unknown mark in the second column")),
        };
        items.push(Item { id: id.to_owned(), label, important, group, obligation, level, text: None });
    }
    let edition = (scheme, edition(scheme));
    Ok(Catalogue::new(edition, Origin::Shipped, groups, items, &alias_pairs(scheme)))
}

fn parse_aliases(source: &str) -> Result<Vec<Alias>, Fault> {
    rows::<3>(source)
        .map(|row| {
            let (line, [id, same_as, basis]) = row?;
            let basis = match basis {
                "stated" => AliasBasis::Stated,
                "named" => AliasBasis::Named,
                _ => return Err((line, "a basis that is neither `stated` nor `named`")),
            };
            Ok(Alias { id: id.to_owned(), same_as: same_as.to_owned(), basis })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_well_formed() {
        for scheme in Scheme::ALL {
            if let Some(source) = source(scheme) {
                assert_eq!(parse(scheme, source).map(|catalogue| catalogue.scheme()), Ok(scheme));
            }
        }
        assert_eq!(parse_aliases(IPA_ALIASES).map(|aliases| aliases.len()), Ok(8));
    }

    #[test]
    fn a_malformed_line_is_named() {
        let cases = [
            ("A\t-\tあ", (1, "wrong number of columns")),
            ("# x\nA\t-\tあ\t", (2, "an empty field or spaces around one")),
            ("A.1.1.1\t-\tあ\ta", (1, "an item before its group")),
            ("A\t-\tあ\ta\nB.1.1.1\t-\tあ\ta", (2, "an item under another group")),
            ("A\t-\tあ\ta\nA.1.1.1\tx\tあ\ta", (2, "an unknown mark in the second column")),
            ("A\t-\tあ\ta\nA.1.1.1\t-\tあ\ta\nA.1.1.1\t-\tい\tb", (3, "an id that stands above already")),
        ];
        for (source, fault) in cases {
            assert_eq!(parse(Scheme::IpaNfrg, source).map(|_| ()), Err(fault), "{source}");
        }
        assert!(parse_aliases("A\tB\tguessed").is_err());
    }
}
