//! What a hostile database or a hostile import can hand to the crate: it must neither panic nor open.
#![no_main]

use std::sync::LazyLock;

use envelope::{
    FieldCipher, IndexContext, IndexKind, Kek, MaskRule, Plaintext, RecordBuilder, RecordContext,
    SealedRecord, SubjectKeyContext, TenantKey, TenantKeyContext, sealed_key_version,
};
use libfuzzer_sys::fuzz_target;

static TENANT: LazyLock<TenantKey> = LazyLock::new(|| TenantKey::from_bytes(&[7; 32]));
static KEK: LazyLock<Kek> = LazyLock::new(|| Kek::from_bytes("fuzz", &[7; 32]).expect("a proper id"));
/// A key that the fuzzer does not have: wrapped once by the generator below.
static CIPHER: LazyLock<FieldCipher> = LazyLock::new(|| {
    let mut counter = Counter(0);
    FieldCipher::new(&envelope::SubjectKey::generate(&mut counter))
});

/// Not random at all; good enough for a key that only has to exist.
struct Counter(u64);

impl rand_core::TryRng for Counter {
    type Error = rand_core::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Ok((self.0 >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.try_next_u32().map(u64::from)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

fuzz_target!(|data: &[u8]| {
    let place = RecordContext { tenant: [1; 16], record_type: "applicant", subject: [2; 16], key_version: 1 };
    if let Ok(record) = SealedRecord::parse(data) {
        assert_eq!(record.iter().count(), record.len());
        assert_eq!(RecordBuilder::from(&record).encode().expect("within the limits"), data);
        for (name, sealed) in &record {
            assert!(CIPHER.open_field(&place, &record, name).is_err());
            assert!(sealed_key_version(sealed).is_err() || sealed.len() >= envelope::SEALED_OVERHEAD);
        }
    }
    assert!(CIPHER.open(&place.field("name"), data).is_err());
    let key = SubjectKeyContext { tenant: [1; 16], subject: [2; 16], tenant_key_version: 1, key_version: 1 };
    assert!(TENANT.unwrap_subject_key(&key, data).is_err());
    assert!(KEK.unwrap_tenant_key(&TenantKeyContext { tenant: [1; 16], key_version: 1 }, data).is_err());

    if let Ok(text) = std::str::from_utf8(data) {
        let column = IndexContext { tenant: [1; 16], record_type: "applicant", field: "f" };
        for kind in [IndexKind::Mail, IndexKind::Name, IndexKind::Phone, IndexKind::Date, IndexKind::PostalCode, IndexKind::Exact] {
            let _ = TENANT.index_key(&column, kind).expect("a proper column").blind(text);
        }
        let text = Plaintext::from(text);
        for rule in [MaskRule::Mail, MaskRule::Name, MaskRule::Phone, MaskRule::Date, MaskRule::Full] {
            assert!(text.masked(rule).contains("**"));
        }
    }
});
