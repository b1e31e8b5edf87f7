//! Nothing that a developer prints by accident shows personal data or a key, and everything secret is wiped.

use envelope::{
    Error, FieldCipher, FieldContext, IndexContext, IndexKey, IndexKind, Kek, MaskRule, Plaintext,
    RecordBuilder, RecordContext, SealedRecord, SubjectKey, TenantKey, WITHHELD,
};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::ZeroizeOnDrop;

const TEXT: &str = "水野 花 hana@example.jp";

/// `{:?}`, `{:#?}`, and inside an Option, as derived Debug of a larger struct would print.
fn printed(value: impl std::fmt::Debug) -> String {
    format!("{value:?} {value:#?} {:?}", Some(&value))
}

#[test]
fn plaintext_prints_a_constant() {
    let text = Plaintext::from(TEXT);
    assert_eq!(format!("{text} {text:?} {text:>40}"), format!("{WITHHELD} {WITHHELD} {WITHHELD}"));
    assert_eq!(printed(&text).matches(WITHHELD).count(), 3);
    assert_eq!(text.expose(), TEXT);
    assert_eq!(text.masked(MaskRule::Name), "水***");
}

#[test]
fn plaintexts_compare_by_content() {
    assert!(Plaintext::from("a") == Plaintext::from(String::from("a")));
    assert!(Plaintext::from("a") != Plaintext::from("b"));
    assert!(Plaintext::from("a") != Plaintext::from("ab"));
    assert!(Plaintext::from("").is_empty());
}

#[test]
fn no_debug_output_shows_text_or_key() {
    let mut rng = StdRng::seed_from_u64(11);
    let kek = Kek::from_bytes("file-1", &[0xab; 32]).unwrap();
    let tenant = TenantKey::from_bytes(&[0xab; 32]);
    let subject = SubjectKey::generate(&mut rng);
    let cipher = FieldCipher::new(&subject);
    let index = tenant
        .index_key(
            &IndexContext { tenant: [1; 16], record_type: "applicant", field: "mail" },
            IndexKind::Mail,
        )
        .unwrap();
    assert_eq!(format!("{kek:?}"), r#"Kek("file-1", …)"#);
    assert_eq!(format!("{tenant:?}"), "TenantKey(…)");
    assert_eq!(format!("{subject:?}"), "SubjectKey(…)");
    assert_eq!(format!("{cipher:?}"), "FieldCipher(…)");
    assert_eq!(format!("{index:?}"), "IndexKey(mail, …)");

    let place = RecordContext { tenant: [1; 16], record_type: "applicant", subject: [2; 16], key_version: 1 };
    let bytes = cipher.seal_record(&place, [("name", &Plaintext::from(TEXT))], &mut rng).unwrap();
    let record = SealedRecord::parse(&bytes).unwrap();
    assert_eq!(format!("{record:?}"), r#"SealedRecord{"name"}"#);
    assert_eq!(format!("{:?}", RecordBuilder::from(&record)), r#"RecordBuilder{"name"}"#);
    assert_eq!(format!("{:?}", record.iter()), r#"RecordFields{"name"}"#);
    let outputs = [
        printed(&kek),
        printed(&tenant),
        printed(&subject),
        printed(&cipher),
        printed(&index),
        printed(record),
        printed(RecordBuilder::from(&record)),
        printed(cipher.open_field(&place, &record, "name")),
    ];
    for output in outputs {
        for secret in ["水野", "hana", "example", "171", "abab", "0xab"] {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
}

#[test]
fn errors_say_what_to_do_and_repeat_no_data() {
    let mut rng = StdRng::seed_from_u64(11);
    let cipher = FieldCipher::new(&SubjectKey::generate(&mut rng));
    let place = FieldContext {
        tenant: [1; 16],
        record_type: "applicant",
        subject: [2; 16],
        field: TEXT,
        key_version: 1,
    };
    let long = TEXT.repeat(20);
    let index = TenantKey::generate(&mut rng)
        .index_key(
            &IndexContext { tenant: [1; 16], record_type: "applicant", field: "birth" },
            IndexKind::Date,
        )
        .unwrap();
    let errors: [Error; 6] = [
        cipher.open(&place, TEXT.as_bytes()).unwrap_err(),
        cipher.open(&FieldContext { field: &long, ..place }, b"").unwrap_err(),
        cipher.seal(&place, &Plaintext::from(TEXT.repeat(20_000)), &mut rng).unwrap_err(),
        index.blind(TEXT).unwrap_err(),
        index.blind("").unwrap_err(),
        SealedRecord::parse(TEXT.as_bytes()).unwrap_err(),
    ];
    for error in errors {
        let output = format!("{error} {error:?}");
        assert!(!output.contains("水野") && !output.contains("hana"), "{output}");
        assert!(error.to_string().contains(": "), "the remedy follows the colon: {error}");
    }
}

/// Does not compile when a type that holds a secret stops being wiped on drop.
#[test]
fn secrets_are_wiped_on_drop() {
    fn wipes<T: ZeroizeOnDrop>() {}
    wipes::<Plaintext>();
    wipes::<Kek>();
    wipes::<TenantKey>();
    wipes::<SubjectKey>();
    wipes::<IndexKey>();
    wipes::<FieldCipher>();
    wipes::<zeroize::Zeroizing<Vec<u8>>>();
}
