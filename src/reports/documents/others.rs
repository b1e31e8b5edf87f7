//! What in a text tells one customer of the others: their names and short names, how many people each of them has, and how many there are in all.
//! Pure.

use std::collections::BTreeSet;

use super::material::Recipient;
use crate::incidents::affected::Counts;

/// Numbers up to this one stand in any text: hours, days, meetings.
const COMMON: u64 = 31;

/// What a text to one customer must not say.
pub struct Others {
    numbers: BTreeSet<u64>,
    names: BTreeSet<String>,
}

impl Others {
    /// Of everybody but the recipient, by all lists that were ever made.
    pub fn of<'c>(recipient: &Recipient, lists: impl IntoIterator<Item = &'c Counts>) -> Self {
        let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
        names.extend(recipient.others.iter().map(|name| plain(name)));
        for counts in lists {
            let (own, others): (Vec<_>, Vec<_>) =
                counts.by_tenant.iter().partition(|count| count.tenant == recipient.slug);
            let of_one = |tenant: &str| {
                let of_kinds = counts.by_tenant.iter().filter(move |count| count.tenant == tenant);
                let sum = of_kinds.clone().map(|count| count.persons).sum();
                of_kinds.flat_map(|count| [count.persons, count.confirmed]).chain([sum]).collect::<Vec<u64>>()
            };
            let own: Vec<u64> = own.first().map(|count| of_one(&count.tenant)).unwrap_or_default();
            let of_all = [
                counts.persons,
                counts.tenants,
                counts.sum_over_tenants,
                counts.counted_again,
                counts.persons_in_several_tenants,
                counts.confirmed,
                counts.self_only,
                counts.indeterminate,
                counts.excluded,
            ];
            let of_kinds = counts.by_kind.iter().flat_map(|kind| [kind.persons, kind.tenants]);
            let tenants: BTreeSet<&str> = others.iter().map(|count| count.tenant.as_str()).collect();
            let of_others = tenants.iter().flat_map(|tenant| of_one(tenant));
            let telling = of_all.into_iter().chain(of_kinds).chain(of_others);
            numbers.extend(telling.filter(|number| *number > COMMON && !own.contains(number)));
            names.extend(tenants.into_iter().map(plain));
        }
        names.retain(|name| name.chars().count() > 1);
        for own in [&recipient.slug, &recipient.name_ja, &recipient.name_en] {
            names.remove(&plain(own));
        }
        Self { numbers, names }
    }

    /// Whether a text says such a number or such a name.
    pub fn are_told_in(&self, text: &str) -> bool {
        let text = plain(text);
        numbers(&text).iter().any(|number| self.numbers.contains(number))
            || self.names.iter().any(|name| names(&text, name))
    }
}

/// In small letters, with digits, letters and marks of half the width.
fn plain(text: &str) -> String {
    let half = |letter: char| match letter {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        letter if letter.is_whitespace() => ' ',
        letter => letter,
    };
    text.chars().map(half).flat_map(char::to_lowercase).collect()
}

/// Whether a name stands in a text, and not as a part of a longer word.
fn names(text: &str, name: &str) -> bool {
    let inside = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !inside(before.chars().next_back()) && !inside(after.chars().next())
    })
}

/// The whole numbers in a plain text. A comma stands between thousands or between two numbers: both readings count.
fn numbers(text: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for run in text.split(|letter: char| !letter.is_ascii_digit() && letter != ',') {
        found.extend(run.split(',').filter_map(|part| part.parse::<u64>().ok()));
        found.extend(run.replace(',', "").parse::<u64>());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::affected::model::{KindCount, TenantCount};

    fn others() -> Others {
        let recipient = Recipient {
            id: uuid::Uuid::nil(),
            slug: "t-1".into(),
            name_ja: "一".into(),
            name_en: "One".into(),
            others: vec!["t-17".into(), "Lake".into(), "北 校".into()],
        };
        let of = |tenant: &str, kind: &str, persons| TenantCount {
            tenant: tenant.into(),
            kind: kind.into(),
            persons,
            confirmed: 0,
        };
        let counts = Counts {
            persons: 180,
            by_kind: vec![KindCount { kind: "a".into(), persons: 175, tenants: 3 }],
            by_tenant: vec![of("t-1", "a", 40), of("t-9", "a", 90), of("t-9", "b", 45), of("", "a", 5)],
            ..Counts::default()
        };
        Others::of(&recipient, [&counts])
    }

    #[test]
    fn numbers_of_others_are_seen_and_ones_own_are_not() {
        let others = others();
        for said in
            ["in all 180", "１８０名", "90 elsewhere", "135 at one school", "175 of a kind", "内訳は90,45名"]
        {
            assert!(others.are_told_in(said), "{said}");
        }
        for said in ["your 40", "5 of them", "from 11:00 to 15:41", "1,800 yen", "the year 2023"] {
            assert!(!others.are_told_in(said), "{said}");
        }
    }

    #[test]
    fn names_of_others_are_seen_in_any_letters() {
        let others = others();
        for said in ["T-17の画面", "ｔ－１７", "as t-9 was", "LAKE", "t\u{2011}17", "北\u{3000}校"] {
            assert!(others.are_told_in(said), "{said}");
        }
        for said in ["t-1", "t-170", "flakes", ""] {
            assert!(!others.are_told_in(said), "{said}");
        }
    }
}
