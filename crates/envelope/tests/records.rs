//! Records of many fields: canonical, bounded, and unimpressed by hostile bytes.

use envelope::{
    Error, FieldCipher, MAX_FIELDS, MAX_RECORD, Plaintext, RecordBuilder, RecordContext, SEALED_OVERHEAD,
    SealedRecord, SubjectKey,
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

const PLACE: RecordContext<'static> =
    RecordContext { tenant: [1; 16], record_type: "applicant", subject: [2; 16], key_version: 1 };

fn cipher() -> (FieldCipher, StdRng) {
    let mut rng = StdRng::seed_from_u64(5);
    (FieldCipher::new(&SubjectKey::generate(&mut rng)), rng)
}

fn sample() -> (FieldCipher, Vec<u8>) {
    let (cipher, mut rng) = cipher();
    let fields = [("name", "水野 花"), ("mail", "hana@example.jp"), ("date_of_birth", "2005-04-01")];
    let fields = fields.map(|(name, text)| (name, Plaintext::from(text)));
    let bytes =
        cipher.seal_record(&PLACE, fields.iter().map(|(name, text)| (*name, text)), &mut rng).unwrap();
    (cipher, bytes)
}

#[test]
fn one_field_is_read_without_the_others() {
    let (cipher, mut bytes) = sample();
    let record = SealedRecord::parse(&bytes).unwrap();
    assert_eq!(record.len(), 3);
    assert_eq!(record.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["date_of_birth", "mail", "name"]);
    assert_eq!(cipher.open_field(&PLACE, &record, "mail").unwrap().unwrap().expose(), "hana@example.jp");
    assert_eq!(cipher.open_field(&PLACE, &record, "phone").unwrap(), None);

    // The last byte belongs to the tag of `name`: that field is lost, the others are not.
    *bytes.last_mut().unwrap() ^= 1;
    let record = SealedRecord::parse(&bytes).unwrap();
    assert_eq!(cipher.open_field(&PLACE, &record, "name").err(), Some(Error::DoesNotOpen));
    assert!(cipher.open_field(&PLACE, &record, "mail").is_ok());
}

#[test]
fn a_record_or_field_that_was_moved_does_not_open() {
    let (cipher, bytes) = sample();
    let record = SealedRecord::parse(&bytes).unwrap();
    let other = RecordContext { subject: [9; 16], ..PLACE };
    assert_eq!(cipher.open_field(&other, &record, "name").err(), Some(Error::DoesNotOpen));

    let mut swapped = RecordBuilder::from(&record);
    swapped.replace("name", record.get("mail").unwrap().to_vec()).unwrap();
    let bytes = swapped.encode().unwrap();
    let record = SealedRecord::parse(&bytes).unwrap();
    assert_eq!(cipher.open_field(&PLACE, &record, "name").err(), Some(Error::DoesNotOpen));
}

#[test]
fn changing_a_field_takes_the_others_over_unopened() {
    let (cipher, bytes) = sample();
    let (_, mut rng) = self::cipher();
    let before = SealedRecord::parse(&bytes).unwrap();
    let mut builder = RecordBuilder::from(&before);
    builder
        .replace("mail", cipher.seal(&PLACE.field("mail"), &"m@example.jp".into(), &mut rng).unwrap())
        .unwrap();
    assert!(builder.remove("date_of_birth"));
    assert!(!builder.remove("date_of_birth"));
    let bytes = builder.encode().unwrap();
    let after = SealedRecord::parse(&bytes).unwrap();
    assert_eq!(after.len(), 2);
    assert_eq!(after.get("name"), before.get("name"));
    assert_eq!(cipher.open_field(&PLACE, &after, "mail").unwrap().unwrap().expose(), "m@example.jp");
}

#[test]
fn limits_hold_on_both_sides() {
    let sealed = vec![0; SEALED_OVERHEAD];
    let mut builder = RecordBuilder::new();
    for number in 0..MAX_FIELDS {
        builder.insert(&format!("field_{number}"), sealed.clone()).unwrap();
    }
    let bytes = builder.encode().unwrap();
    assert_eq!(SealedRecord::parse(&bytes).unwrap().len(), MAX_FIELDS);
    assert_eq!(builder.insert("field_0", sealed.clone()), Err(Error::DuplicateField));
    builder.insert("one_more", sealed.clone()).unwrap();
    assert!(matches!(builder.encode(), Err(Error::TooLarge { limit: MAX_FIELDS, .. })));

    let mut builder = RecordBuilder::new();
    builder.insert("large", vec![0; MAX_RECORD]).unwrap();
    assert!(matches!(builder.encode(), Err(Error::TooLarge { limit: MAX_RECORD, .. })));
    assert!(matches!(
        SealedRecord::parse(&vec![0x81; MAX_RECORD + 1]),
        Err(Error::TooLarge { limit: MAX_RECORD, .. })
    ));

    assert!(matches!(builder.insert("", sealed), Err(Error::Name { .. })));
    assert_eq!(builder.insert("short", vec![0; SEALED_OVERHEAD - 1]), Err(Error::DoesNotOpen));
}

/// One entry as the wire has it.
fn entry(name: &[u8], sealed_len: usize) -> Vec<u8> {
    let mut out = vec![name.len() as u8];
    out.extend_from_slice(name);
    out.extend_from_slice(&(sealed_len as u32).to_be_bytes());
    out.resize(out.len() + sealed_len, 0);
    out
}

#[test]
fn broken_records_say_what_is_broken() {
    let good = |name: &[u8]| entry(name, SEALED_OVERHEAD);
    let record = |count: u16, entries: &[Vec<u8>]| {
        let mut out = vec![0x81];
        out.extend_from_slice(&count.to_be_bytes());
        out.extend(entries.concat());
        out
    };
    for (bytes, rule) in [
        (vec![], "empty"),
        (vec![0x01, 0, 0], "unknown format byte"),
        (vec![0x81, 0], "cut off in the header"),
        (record(1, &[]), "cut off in a field"),
        (record(2, &[good(b"a")]), "cut off in a field"),
        (record(1, &[vec![1, b'a', 0xff, 0xff, 0xff, 0xff]]), "cut off in a field"),
        (record(1, &[good(b"\xff")]), "field name is not UTF-8"),
        (record(1, &[good(b"")]), "impossible field name"),
        (record(1, &[good(&[b'x'; 129])]), "impossible field name"),
        (record(1, &[good(b"a\n")]), "impossible field name"),
        (record(2, &[good(b"a"), good(b"a")]), "fields out of order or twice"),
        (record(2, &[good(b"b"), good(b"a")]), "fields out of order or twice"),
        (record(1, &[entry(b"a", SEALED_OVERHEAD - 1)]), "field too short to be sealed"),
        (record(0, &[vec![0]]), "bytes after the last field"),
    ] {
        assert_eq!(SealedRecord::parse(&bytes).err(), Some(Error::MalformedRecord(rule)));
    }
    assert!(matches!(SealedRecord::parse(&record(257, &[])), Err(Error::TooLarge { limit: MAX_FIELDS, .. })));
    assert!(SealedRecord::parse(&record(0, &[])).unwrap().is_empty());
}

proptest! {
    #[test]
    fn what_is_encoded_parses(
        fields in proptest::collection::btree_map("[a-z_あ]{1,20}", proptest::collection::vec(any::<u8>(), 33..80), 0..12)
    ) {
        let mut builder = RecordBuilder::new();
        for (name, sealed) in fields.iter().rev() {
            builder.insert(name, sealed.clone()).unwrap();
        }
        let bytes = builder.encode().unwrap();
        let record = SealedRecord::parse(&bytes).unwrap();
        prop_assert_eq!(record.len(), fields.len());
        prop_assert!(record.iter().eq(fields.iter().map(|(name, sealed)| (name.as_str(), sealed.as_slice()))));
        for len in 0..bytes.len() {
            prop_assert!(SealedRecord::parse(&bytes[..len]).is_err());
        }
    }

    /// Arbitrary bytes, some with a proper start: no panic, and whatever is accepted is the canonical encoding.
    #[test]
    fn arbitrary_bytes_are_refused_or_canonical(
        start in prop_oneof![Just(vec![]), Just(vec![0x81]), Just(vec![0x81, 0, 1]), Just(vec![0x81, 0, 1, 1, b'a', 0, 0, 0])],
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, rest].concat();
        if let Ok(record) = SealedRecord::parse(&bytes) {
            prop_assert_eq!(record.iter().count(), record.len());
            prop_assert_eq!(RecordBuilder::from(&record).encode().unwrap(), bytes);
        }
    }

    /// One damaged byte of a real record: refused, or each field opens unchanged or not at all.
    #[test]
    fn a_damaged_record_never_yields_another_text(position in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (cipher, original) = sample();
        let mut bytes = original.clone();
        bytes[position.index(original.len())] ^= flip;
        let before = SealedRecord::parse(&original).unwrap();
        if let Ok(after) = SealedRecord::parse(&bytes) {
            for (name, _) in &after {
                if let Ok(Some(text)) = cipher.open_field(&PLACE, &after, name) {
                    let same = cipher.open_field(&PLACE, &before, name).unwrap();
                    prop_assert!(same.as_ref() == Some(&text));
                }
            }
        }
    }
}
