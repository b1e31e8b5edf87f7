//! What one field, one person and one index value cost. `cargo bench -p envelope`.

use divan::{Bencher, black_box, counter::ItemsCount};
use envelope::{
    FieldCipher, IndexContext, IndexKind, Plaintext, RecordContext, SealedRecord, SubjectKey,
    SubjectKeyContext, TenantKey,
};
use rand::{SeedableRng, rngs::StdRng};

const PLACE: RecordContext<'static> =
    RecordContext { tenant: [1; 16], record_type: "applicant", subject: [2; 16], key_version: 1 };
const FIELDS: [&str; 8] =
    ["address", "date_of_birth", "guardian", "kana", "mail", "name", "phone", "previous_school"];

fn main() {
    eprintln!("{}", envelope::hardware_aes());
    divan::main();
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// 64 bytes of UTF-8.
fn value() -> Plaintext {
    Plaintext::from("x".repeat(64))
}

#[divan::bench]
fn field_64_bytes_seal(bencher: Bencher<'_, '_>) {
    let mut rng = rng();
    let (cipher, value) = (FieldCipher::new(&SubjectKey::generate(&mut rng)), value());
    bencher.bench_local(|| cipher.seal(&PLACE.field("name"), black_box(&value), &mut rng));
}

#[divan::bench]
fn field_64_bytes_open(bencher: Bencher<'_, '_>) {
    let mut rng = rng();
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let sealed = cipher.seal(&PLACE.field("name"), &value(), &mut rng).unwrap();
    bencher.bench_local(|| cipher.open(&PLACE.field("name"), black_box(&sealed)));
}

#[divan::bench]
fn key_schedule(bencher: Bencher<'_, '_>) {
    let key = SubjectKey::generate(&mut rng());
    bencher.bench_local(|| FieldCipher::new(black_box(&key)));
}

/// What an import pays for a person: a new key, its wrapping, eight fields in one record.
#[divan::bench]
fn record_of_8_new_person(bencher: Bencher<'_, '_>) {
    let mut rng = rng();
    let tenant = TenantKey::generate(&mut rng);
    let place =
        SubjectKeyContext { tenant: [1; 16], subject: [2; 16], tenant_key_version: 1, key_version: 1 };
    let values = FIELDS.map(|_| value());
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let key = SubjectKey::generate(&mut rng);
        let wrapped = tenant.wrap_subject_key(&place, &key, &mut rng).unwrap();
        let record =
            FieldCipher::new(&key).seal_record(&PLACE, FIELDS.into_iter().zip(&values), &mut rng).unwrap();
        (wrapped, record)
    });
}

/// What a read of a whole person pays: unwrap the key, parse the record, open eight fields.
#[divan::bench]
fn record_of_8_read_person(bencher: Bencher<'_, '_>) {
    let mut rng = rng();
    let tenant = TenantKey::generate(&mut rng);
    let place =
        SubjectKeyContext { tenant: [1; 16], subject: [2; 16], tenant_key_version: 1, key_version: 1 };
    let key = SubjectKey::generate(&mut rng);
    let wrapped = tenant.wrap_subject_key(&place, &key, &mut rng).unwrap();
    let values = FIELDS.map(|_| value());
    let bytes =
        FieldCipher::new(&key).seal_record(&PLACE, FIELDS.into_iter().zip(&values), &mut rng).unwrap();
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let cipher = FieldCipher::new(&tenant.unwrap_subject_key(&place, black_box(&wrapped)).unwrap());
        let record = SealedRecord::parse(black_box(&bytes)).unwrap();
        FIELDS.map(|field| cipher.open_field(&PLACE, &record, field).unwrap().unwrap())
    });
}

#[divan::bench(args = ["mail", "name", "phone", "date"])]
fn blind_index(bencher: Bencher<'_, '_>, kind: &str) {
    let (kind, text) = match kind {
        "mail" => (IndexKind::Mail, "Hana.Mizuno@example.jp"),
        "name" => (IndexKind::Name, "ﾐｽﾞﾉ　ハナ"),
        "phone" => (IndexKind::Phone, "+81 90-1234-5678"),
        _ => (IndexKind::Date, "2005年4月1日"),
    };
    let place = IndexContext { tenant: [1; 16], record_type: "applicant", field: "f" };
    let key = TenantKey::generate(&mut rng()).index_key(&place, kind).unwrap();
    bencher.bench_local(|| key.blind(black_box(text)));
}

#[divan::bench]
fn index_key_derivation(bencher: Bencher<'_, '_>) {
    let place = IndexContext { tenant: [1; 16], record_type: "applicant", field: "mail" };
    let tenant = TenantKey::generate(&mut rng());
    bencher.bench_local(|| tenant.index_key(black_box(&place), IndexKind::Mail));
}
