//! Parts of values: what is found, what is not, and that the keys stay apart.

use envelope::{
    Error, IndexContext, IndexKind, MAX_INDEXED, MAX_PART, Needle, PART_DIGEST_LEN, Part, PartKey, TenantKey,
};
use proptest::prelude::*;

const PLACE: IndexContext<'static> =
    IndexContext { tenant: [1; 16], record_type: "applicant", field: "full_name" };

fn key(part: Part) -> PartKey {
    TenantKey::from_bytes(&[0x42; 32]).part_key(&PLACE, IndexKind::Name, part).unwrap()
}

fn hex(digests: &[[u8; PART_DIGEST_LEN]]) -> Vec<String> {
    digests.iter().map(hex::encode).collect()
}

/// Computed apart from this crate, as in `blind_index.rs`: the label ends with `prefix` or `substring`, two bytes are kept.
#[test]
fn the_parts_of_a_known_value_are_fixed() {
    assert_eq!(hex(&key(Part::Substring).digests("水野 はな").unwrap()), ["4018", "bba6", "df07"]);
    assert_eq!(hex(&key(Part::Prefix).digests("水野　ﾊﾅ").unwrap()), ["0bd0", "4f1f", "70b8"]);
}

fn finds(indexed: Part, searched: Part, value: &str, part: &str) -> bool {
    let (key, needle) = (key(indexed), Needle::new(IndexKind::Name, searched, part).unwrap());
    let stored = key.digests(value).unwrap();
    let candidate = key.look_up(&needle).unwrap().iter().all(|digest| stored.contains(digest));
    assert!(candidate || !needle.is_in(value), "the index misses {value} for {part}");
    needle.is_in(value)
}

#[test]
fn parts_are_found_in_every_spelling() {
    for (indexed, searched, value, part, found) in [
        (Part::Substring, Part::Substring, "水野 花子", "野花", true),
        (Part::Substring, Part::Substring, "水野 花子", "花子", true),
        (Part::Substring, Part::Substring, "水野 花子", "水子", false),
        (Part::Substring, Part::Prefix, "水野 花子", "水野", true),
        (Part::Substring, Part::Prefix, "水野 花子", "花子", false),
        (Part::Prefix, Part::Prefix, "ミズノ ハナ", "みずのは", true),
        (Part::Prefix, Part::Prefix, "ﾐｽﾞﾉ ﾊﾅ", "ミズ", true),
        (Part::Prefix, Part::Prefix, "ミスノ ハナ", "ミズ", false),
        (Part::Prefix, Part::Prefix, "Anna Maria Luisa Rossi", "ＡＮＮＡ  maria lu", true),
        (Part::Prefix, Part::Prefix, "Anna Marie", "anna maria", false),
    ] {
        assert_eq!(finds(indexed, searched, value, part), found, "{value} {part}");
    }
}

#[test]
fn what_cannot_be_searched_for_is_refused() {
    let of = |text: &str| Needle::new(IndexKind::Name, Part::Substring, text).map(|_| ());
    let length = Err(Error::PartLength { least: 2, most: MAX_PART });
    assert_eq!(of("花"), length);
    assert_eq!(of("か\u{3099}"), length, "two scalar values before normalising, one character after it");
    assert_eq!(of(" 花 "), length);
    assert_eq!(of(&"花".repeat(MAX_PART + 1)), length);
    assert_eq!(of(" "), Err(Error::NothingToIndex(IndexKind::Name)));
    let inside = Needle::new(IndexKind::Name, Part::Substring, "花子").unwrap();
    assert_eq!(key(Part::Prefix).look_up(&inside), Err(Error::PartNotIndexed));
    assert_eq!(key(Part::Substring).digests("花").unwrap(), [[0; 2]; 0], "shorter than every part");
}

#[test]
fn a_long_value_has_a_bounded_number_of_parts_and_is_compared_no_further() {
    let value: String = (0..2 * MAX_INDEXED as u32).filter_map(|n| char::from_u32(0x4E00 + n)).collect();
    assert!(key(Part::Substring).digests(&value).unwrap().len() < MAX_INDEXED);
    assert_eq!(key(Part::Prefix).digests(&value).unwrap().len(), 7);
    let part = |from: usize| -> String { value.chars().skip(from).take(4).collect() };
    assert!(finds(Part::Substring, Part::Substring, &value, &part(MAX_INDEXED - 4)));
    assert!(!finds(Part::Substring, Part::Substring, &value, &part(MAX_INDEXED - 3)));
}

#[test]
fn the_keys_of_tenants_fields_and_uses_are_apart() {
    let digests = |tenant: u8, place: &IndexContext<'_>, part| {
        let key = TenantKey::from_bytes(&[tenant; 32]).part_key(place, IndexKind::Name, part).unwrap();
        key.digests("abcdefgh").unwrap()
    };
    let other = IndexContext { field: "name_kana", ..PLACE };
    let all = [
        digests(1, &PLACE, Part::Prefix),
        digests(2, &PLACE, Part::Prefix),
        digests(1, &other, Part::Prefix),
        digests(1, &PLACE, Part::Substring),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all[at + 1..].iter().all(|two| one != two));
    }
    // The shortest beginning of a value and its first pair are the same text under two keys.
    assert_ne!(digests(1, &PLACE, Part::Prefix)[..1], digests(1, &PLACE, Part::Substring)[..1]);
}

proptest! {
    /// The index never misses: whatever part of the normal form of a value is searched for, the value is a candidate and found.
    #[test]
    fn no_part_is_missed(value in "[ぁ-ゖァ-ヺ一-三a-cA-C 　・]{2,24}", start in 0_usize..20, length in 2_usize..12) {
        // A value as its own part gives the normal form's length; the part is cut from the value as it was written.
        let part: String = value.chars().skip(start).take(length).collect();
        if let Ok(needle) = Needle::new(IndexKind::Name, Part::Substring, &part) {
            let key = key(Part::Substring);
            let stored = key.digests(&value).unwrap();
            let wanted = key.look_up(&needle).unwrap();
            if needle.is_in(&value) {
                prop_assert!(wanted.iter().all(|digest| stored.contains(digest)));
            }
        }
        if let Ok(needle) = Needle::new(IndexKind::Name, Part::Prefix, &value) {
            prop_assert!(needle.is_in(&value));
            for part in [Part::Prefix, Part::Substring] {
                let stored = key(part).digests(&value).unwrap();
                prop_assert!(key(part).look_up(&needle).unwrap().iter().all(|digest| stored.contains(digest)));
            }
        }
    }
}
