//! What is sealed for one place opens there and nowhere else.

use std::collections::HashSet;

use envelope::{
    Error, FieldCipher, FieldContext, Kek, MAX_PLAINTEXT, Plaintext, SEALED_OVERHEAD, SubjectKey,
    SubjectKeyContext, TenantKey, TenantKeyContext, sealed_key_version,
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(20_231_026)
}

const PLACE: FieldContext<'static> = FieldContext {
    tenant: [1; 16],
    record_type: "applicant",
    subject: [2; 16],
    field: "mail",
    key_version: 3,
};

/// A place in owned form, so that proptest can make and change one.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    tenant: [u8; 16],
    record_type: String,
    subject: [u8; 16],
    field: String,
    key_version: u32,
}

impl Owned {
    fn place(&self) -> FieldContext<'_> {
        let Self { tenant, record_type, subject, field, key_version } = self;
        FieldContext { tenant: *tenant, record_type, subject: *subject, field, key_version: *key_version }
    }
}

prop_compose! {
    /// Names over few letters, so that boundaries between them coincide often.
    fn places()(
        tenant in any::<[u8; 16]>(), record_type in "[ab]{1,4}", subject in any::<[u8; 16]>(), field in "[ab]{1,4}",
        key_version in 0_u32..4,
    ) -> Owned {
        Owned { tenant, record_type, subject, field, key_version }
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens(place in places(), text in ".{0,200}", seed in any::<u64>()) {
        let mut rng = StdRng::seed_from_u64(seed);
        let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
        let sealed = cipher.seal(&place.place(), &Plaintext::from(text.as_str()), &mut rng).unwrap();
        prop_assert_eq!(sealed.len(), text.len() + SEALED_OVERHEAD);
        prop_assert_eq!(sealed_key_version(&sealed), Ok(place.key_version));
        let opened = cipher.open(&place.place(), &sealed).unwrap();
        prop_assert_eq!(opened.expose(), text);
    }

    /// Each component alone, and whole other places.
    #[test]
    fn another_place_does_not_open(place in places(), other in places()) {
        let mut rng = rng();
        let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
        let sealed = cipher.seal(&place.place(), &Plaintext::from("水野 花"), &mut rng).unwrap();
        for moved in [
            Owned { tenant: other.tenant, ..place.clone() },
            Owned { record_type: other.record_type.clone(), ..place.clone() },
            Owned { subject: other.subject, ..place.clone() },
            Owned { field: other.field.clone(), ..place.clone() },
            Owned { key_version: other.key_version, ..place.clone() },
            Owned { record_type: place.field.clone(), field: place.record_type.clone(), ..place.clone() },
            Owned { tenant: place.subject, subject: place.tenant, ..place.clone() },
            other.clone(),
        ] {
            let opened = cipher.open(&moved.place(), &sealed);
            prop_assert_eq!(opened.err(), (moved != place).then_some(Error::DoesNotOpen));
        }
    }

    #[test]
    fn foreign_bytes_never_open_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng()));
        prop_assert_eq!(cipher.open(&PLACE, &bytes).err(), Some(Error::DoesNotOpen));
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let sealed = cipher.seal(&PLACE, &Plaintext::from("hana@example.jp"), &mut rng).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(cipher.open(&PLACE, &changed).err(), Some(Error::DoesNotOpen), "bit {bit}");
    }
    for len in 0..sealed.len() {
        assert_eq!(cipher.open(&PLACE, &sealed[..len]).err(), Some(Error::DoesNotOpen), "cut at {len}");
    }
    let longer = [sealed.as_slice(), &[0]].concat();
    assert_eq!(cipher.open(&PLACE, &longer).err(), Some(Error::DoesNotOpen));
    assert!(cipher.open(&PLACE, &sealed).is_ok());
}

/// A header that claims another key version must not send the opener to another key with success.
#[test]
fn the_key_version_in_front_is_authenticated() {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let mut sealed = cipher.seal(&PLACE, &Plaintext::from("x"), &mut rng).unwrap();
    sealed[1..5].copy_from_slice(&4_u32.to_be_bytes());
    assert_eq!(sealed_key_version(&sealed), Ok(4));
    assert!(cipher.open(&PLACE, &sealed).is_err());
    assert!(cipher.open(&FieldContext { key_version: 4, ..PLACE }, &sealed).is_err());
}

#[test]
fn another_key_does_not_open() {
    let mut rng = rng();
    let sealed = FieldCipher::new(&SubjectKey::generate(&mut rng))
        .seal(&PLACE, &Plaintext::from("x"), &mut rng)
        .unwrap();
    let other = FieldCipher::new(&SubjectKey::generate(&mut rng));
    assert_eq!(other.open(&PLACE, &sealed).err(), Some(Error::DoesNotOpen));
}

/// With one key and one plaintext, every nonce and so every ciphertext differs.
#[test]
fn nonces_do_not_repeat() {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let value = Plaintext::from("same");
    let nonces: HashSet<[u8; 12]> = (0..50_000)
        .map(|_| cipher.seal(&PLACE, &value, &mut rng).unwrap()[5..17].try_into().unwrap())
        .collect();
    assert_eq!(nonces.len(), 50_000);
}

#[test]
fn bytes_that_are_not_text_are_told_apart_from_damage() {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let sealed = cipher.seal_bytes(&PLACE, &[0xff, 0xfe], &mut rng).unwrap();
    assert_eq!(cipher.open(&PLACE, &sealed).err(), Some(Error::NotText));
    assert_eq!(cipher.open_bytes(&PLACE, &sealed).unwrap().as_slice(), [0xff, 0xfe]);
}

#[test]
fn the_longest_value_seals_and_a_longer_one_is_refused() {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let longest = vec![7; MAX_PLAINTEXT];
    let sealed = cipher.seal_bytes(&PLACE, &longest, &mut rng).unwrap();
    assert_eq!(*cipher.open_bytes(&PLACE, &sealed).unwrap(), longest);
    let refused = cipher.seal_bytes(&PLACE, &[longest, vec![7]].concat(), &mut rng);
    assert!(matches!(refused, Err(Error::TooLarge { limit: MAX_PLAINTEXT, .. })));
}

#[test]
fn the_hierarchy_survives_storage() {
    let mut rng = rng();
    let kek = Kek::generate("file-1", &mut rng).unwrap();
    let tenant_place = TenantKeyContext { tenant: [1; 16], key_version: 5 };
    let subject_place =
        SubjectKeyContext { tenant: [1; 16], subject: [2; 16], tenant_key_version: 5, key_version: 3 };

    let tenant = TenantKey::generate(&mut rng);
    let subject = SubjectKey::generate(&mut rng);
    let wrapped_tenant = kek.wrap_tenant_key(&tenant_place, &tenant, &mut rng).unwrap();
    let wrapped_subject = tenant.wrap_subject_key(&subject_place, &subject, &mut rng).unwrap();
    let sealed = FieldCipher::new(&subject).seal(&PLACE, &Plaintext::from("水野 花"), &mut rng).unwrap();
    assert_eq!(sealed_key_version(&wrapped_tenant), Ok(5));
    assert_eq!(sealed_key_version(&wrapped_subject), Ok(5), "the tenant key that opens it");
    let kek_bytes = *kek.expose_bytes();
    drop((kek, tenant, subject));

    let kek = Kek::from_bytes("file-1", &kek_bytes).unwrap();
    let tenant = kek.unwrap_tenant_key(&tenant_place, &wrapped_tenant).unwrap();
    let subject = tenant.unwrap_subject_key(&subject_place, &wrapped_subject).unwrap();
    assert_eq!(FieldCipher::new(&subject).open(&PLACE, &sealed).unwrap().expose(), "水野 花");

    // A key service outside hands the tenant key over as bytes.
    let same = TenantKey::from_bytes(tenant.expose_bytes());
    assert!(same.unwrap_subject_key(&subject_place, &wrapped_subject).is_ok());
}

#[test]
fn a_wrapped_key_opens_only_in_its_place() {
    let mut rng = rng();
    let kek = Kek::generate("file-1", &mut rng).unwrap();
    let tenant = TenantKey::generate(&mut rng);
    let at = TenantKeyContext { tenant: [1; 16], key_version: 1 };
    let wrapped = kek.wrap_tenant_key(&at, &tenant, &mut rng).unwrap();
    let does_not_open = Some(Error::DoesNotOpen);
    assert!(kek.unwrap_tenant_key(&at, &wrapped).is_ok());
    for other in [TenantKeyContext { tenant: [9; 16], ..at }, TenantKeyContext { key_version: 2, ..at }] {
        assert_eq!(kek.unwrap_tenant_key(&other, &wrapped).err(), does_not_open);
    }
    // The same bytes under another id are another key-encryption key.
    let renamed = Kek::from_bytes("file-2", kek.expose_bytes()).unwrap();
    assert_eq!(renamed.unwrap_tenant_key(&at, &wrapped).err(), does_not_open);

    let at = SubjectKeyContext { tenant: [1; 16], subject: [2; 16], tenant_key_version: 1, key_version: 1 };
    let wrapped = tenant.wrap_subject_key(&at, &SubjectKey::generate(&mut rng), &mut rng).unwrap();
    assert!(tenant.unwrap_subject_key(&at, &wrapped).is_ok());
    for other in [
        SubjectKeyContext { tenant: [9; 16], ..at },
        SubjectKeyContext { subject: [9; 16], ..at },
        SubjectKeyContext { tenant_key_version: 2, ..at },
        SubjectKeyContext { key_version: 2, ..at },
    ] {
        assert_eq!(tenant.unwrap_subject_key(&other, &wrapped).err(), does_not_open);
    }
    // A wrapped key is no field and a field no wrapped key, even under the same 32 bytes.
    let same_bytes = Kek::from_bytes("file-1", tenant.expose_bytes()).unwrap();
    let at = TenantKeyContext { tenant: [1; 16], key_version: 1 };
    assert_eq!(same_bytes.unwrap_tenant_key(&at, &wrapped).err(), does_not_open);
}

#[test]
fn an_impossible_kek_id_is_refused() {
    for id in ["", "two\nlines", &"x".repeat(129)] {
        assert!(matches!(Kek::generate(id, &mut rng()), Err(Error::Name { what: "KEK id", .. })));
    }
}
