//! Equal values meet within one field of one tenant, and nowhere else.

use std::collections::HashSet;

use envelope::{Error, IndexContext, IndexKind, TenantKey};
use rand::{SeedableRng, rngs::StdRng};

const PLACE: IndexContext<'static> =
    IndexContext { tenant: [1; 16], record_type: "applicant", field: "mail" };

fn tenant_key(seed: u64) -> TenantKey {
    TenantKey::generate(&mut StdRng::seed_from_u64(seed))
}

#[test]
fn spellings_of_one_value_have_one_index() {
    let key = tenant_key(1).index_key(&PLACE, IndexKind::Mail).unwrap();
    assert_eq!(key.blind("Hana@Example.jp "), key.blind("ｈａｎａ@example.jp"));
    assert_ne!(key.blind("hana@example.jp"), key.blind("hanae@example.jp"));
    assert_eq!(key.blind("  "), Err(Error::NothingToIndex(IndexKind::Mail)));
}

/// Whoever compares two tenants' or two columns' indexes learns nothing.
#[test]
fn each_tenant_field_and_kind_has_its_own_index() {
    let places = [
        PLACE,
        IndexContext { tenant: [2; 16], ..PLACE },
        IndexContext { record_type: "admin", ..PLACE },
        IndexContext { field: "phone", ..PLACE },
        IndexContext { record_type: "applicantm", field: "ail", ..PLACE },
    ];
    let kinds = [IndexKind::Mail, IndexKind::Name, IndexKind::Phone, IndexKind::Exact];
    let mut seen = HashSet::new();
    for seed in [1, 2] {
        for place in &places {
            for kind in kinds {
                seen.insert(tenant_key(seed).index_key(place, kind).unwrap().blind("09012345678").unwrap());
            }
        }
    }
    assert_eq!(seen.len(), 2 * places.len() * kinds.len());
}

/// The stored index of an existing installation must stay findable: derivation, normalisation and cut are fixed. The
/// expected value was computed apart from this crate, with Python's `hmac`: PRK = HMAC(32 zero bytes, key),
/// OKM = HMAC(PRK, label ‖ 01), index = HMAC(OKM, normal form)[..16].
#[test]
fn the_index_of_a_known_value_is_fixed() {
    let key = TenantKey::from_bytes(&[0x42; 32]).index_key(&PLACE, IndexKind::Mail).unwrap();
    assert_eq!(hex::encode(key.blind(" HANA@example.jp").unwrap()), "69839e1fc6b8de1ce188d58e89d2a637");
}

#[test]
fn an_impossible_column_is_refused() {
    let place = IndexContext { field: "", ..PLACE };
    assert!(matches!(
        tenant_key(1).index_key(&place, IndexKind::Mail),
        Err(Error::Name { what: "field name", .. })
    ));
}
