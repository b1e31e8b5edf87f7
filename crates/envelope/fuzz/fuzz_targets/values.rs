//! What a hostile value or search can hand to normalising and to the index of parts: no panic, nothing missed.
#![no_main]

use std::sync::LazyLock;

use envelope::{Error, IndexContext, IndexKind, MAX_INDEXED, Needle, Part, PartKey, TenantKey, iso_date};
use libfuzzer_sys::fuzz_target;

const KINDS: [IndexKind; 6] = [
    IndexKind::Mail,
    IndexKind::Name,
    IndexKind::Phone,
    IndexKind::Date,
    IndexKind::PostalCode,
    IndexKind::Exact,
];
const COLUMN: IndexContext<'static> =
    IndexContext { tenant: [1; 16], record_type: "applicant", field: "f" };

static TENANT: LazyLock<TenantKey> = LazyLock::new(|| TenantKey::from_bytes(&[7; 32]));
static KEYS: LazyLock<Vec<(IndexKind, [PartKey; 2])>> = LazyLock::new(|| {
    let key = |kind, part| TENANT.part_key(&COLUMN, kind, part).expect("a proper column");
    KINDS.map(|kind| (kind, [key(kind, Part::Prefix), key(kind, Part::Substring)])).into()
});

fuzz_target!(|data: (&str, &str)| {
    let (value, part) = data;
    if let Ok(date) = iso_date(value) {
        assert_eq!(iso_date(&date).expect("a normal form is a date"), date);
    }
    for (kind, keys) in KEYS.iter() {
        // Found by itself, however it is written: normalising twice is normalising once.
        if let Ok(whole) = Needle::new(*kind, Part::Prefix, value) {
            assert!(whole.is_in(value));
        }
        for where_ in [Part::Prefix, Part::Substring] {
            let Ok(needle) = Needle::new(*kind, where_, part) else { continue };
            for key in keys {
                let stored = key.digests(value).unwrap_or_default();
                assert!(stored.len() < MAX_INDEXED);
                let wanted = match key.look_up(&needle) {
                    Err(Error::PartNotIndexed) => continue,
                    wanted => wanted.expect("no other refusal"),
                };
                assert!(!wanted.is_empty());
                let candidate = wanted.iter().all(|digest| stored.contains(digest));
                assert!(candidate || !needle.is_in(value), "the index misses a value");
            }
        }
    }
});
