//! Tags: one value for one identity and key, and only the exact form is read.

use edge::identity::{ANONYMOUS, Binding, Identity, Keyring, MAX_COOKIE_BYTES, Tag, TagError, VIEWER_COOKIE};
use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

fn ring(keys: &[(&str, u8)]) -> Keyring {
    Keyring::new(keys.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32].into()))).expect("a test's keys")
}

const TARO: Identity<'static> =
    Identity { system: "online-application", tenant: "school-1", subject: "a-123" };
const HANA: Identity<'static> =
    Identity { system: "online-application", tenant: "school-1", subject: "a-124" };

/// Computed with another implementation: printf 'suimon-viewer-tag-v1,2:k1,18:online-application,8:school-1,5:a-123,' |
/// openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07, first 32 digits.
#[test]
fn the_canonical_string_is_as_documented() {
    let tag = ring(&[("k1", 7)]).tag(TARO).expect("short parts");
    assert_eq!(tag.as_str(), "v1.k1.3a7598941d05bb7fab0c9cbb05133c6f");
}

#[test]
fn parts_cannot_be_moved_into_each_other() {
    let ring = ring(&[("k1", 7)]);
    let tag = |system, tenant, subject| ring.tag(Identity { system, tenant, subject }).expect("short parts");
    assert_ne!(tag("a", "bc", "d"), tag("ab", "c", "d"));
    assert_ne!(tag("a", "b", "2:c,"), tag("a", "b", "c"));
    assert_ne!(tag("", "a", "b"), tag("a", "", "b"));
}

#[test]
fn a_rotation_refuses_nobody() {
    let (before, during, after) = (ring(&[("k1", 7)]), ring(&[("k2", 8), ("k1", 7)]), ring(&[("k2", 8)]));
    let old = before.tag(TARO).expect("short parts");
    assert_eq!(during.bind(Some(&old), Some(TARO)), Ok(Binding::Bound(old.clone())));
    let new = during.tag(TARO).expect("short parts");
    assert_eq!(new.key_id(), "k2");
    assert_eq!(after.bind(Some(&old), Some(TARO)), Ok(Binding::Rebind(new)));
}

#[test]
fn another_persons_tag_binds_nothing() {
    let ring = ring(&[("k1", 7)]);
    let hers = ring.tag(HANA).expect("short parts");
    let his = ring.tag(TARO).expect("short parts");
    assert_eq!(ring.bind(Some(&hers), Some(TARO)), Ok(Binding::Rebind(his.clone())));
    assert_eq!(ring.bind(None, Some(TARO)), Ok(Binding::Rebind(his)));
    assert_eq!(ring.bind(Some(&hers), None), Ok(Binding::Anonymous));
    assert_eq!(ring.verify(&hers, TARO), Ok(false));
}

#[test]
fn only_the_exact_form_is_read() {
    let digits = "0123456789abcdef0123456789abcdef";
    assert!(Tag::parse(&format!("v1.k1.{digits}")).is_ok());
    for text in [
        String::new(),
        ANONYMOUS.to_owned(),
        format!("v1.K1.{digits}"),
        format!("v2.k1.{digits}"),
        format!("v1..{digits}"),
        format!("v1.k1.{digits}0"),
        format!("v1.k1.{}", &digits[1..]),
        format!("v1.k1.{}", digits.to_uppercase()),
        format!("v1.k1.x.{digits}"),
        format!("v1.{}.{digits}", "k".repeat(17)),
        format!(" v1.k1.{digits}"),
    ] {
        assert_eq!(Tag::parse(&text), Err(TagError::Malformed), "{text}");
    }
}

#[test]
fn cookies_are_read_within_limits() {
    let tag = ring(&[("k1", 7)]).tag(TARO).expect("short parts");
    let of = |lines: &[String]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).expect("a test's cookies"));
        }
        Tag::of_viewer(&headers)
    };
    let ours = format!("{VIEWER_COOKIE}={}", tag.as_str());
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&["sid=1".to_owned()]), Ok(None));
    assert_eq!(of(&[format!("sid=1; {ours};lang=ja")]), Ok(Some(tag.clone())));
    assert_eq!(of(&["sid=1".to_owned(), ours.clone()]), Ok(Some(tag)));
    assert_eq!(of(&[format!("{ours}; {ours}")]), Err(TagError::Ambiguous));
    assert_eq!(of(&[format!("{VIEWER_COOKIE}=x")]), Err(TagError::Malformed));
    assert_eq!(of(&[format!("x{ours}")]), Ok(None));
    assert_eq!(of(&["a".repeat(MAX_COOKIE_BYTES + 1)]), Err(TagError::TooLong));
}

#[test]
fn rings_have_limits_and_print_no_key() {
    let new =
        |ids: &[&str]| Keyring::new(ids.iter().map(|id| ((*id).to_owned(), [1; 32].into()))).map(|_| ());
    assert_eq!(new(&[]), Err(TagError::KeyCount));
    assert_eq!(new(&["k1", "k1"]), Err(TagError::KeyId));
    assert_eq!(new(&["K"]), Err(TagError::KeyId));
    assert_eq!(new(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), Err(TagError::KeyCount));
    assert_eq!(format!("{:?}", ring(&[("k1", 7)])), r#"["k1"]"#);
    let tag = ring(&[("k1", 7)]).tag(TARO).expect("short parts");
    assert_eq!(format!("{tag:?}"), "Tag(v1.k1.…)");
    let long = "x".repeat(1_025);
    let identity = Identity { system: "s", tenant: "t", subject: &long };
    assert_eq!(ring(&[("k1", 7)]).tag(identity), Err(TagError::PartTooLong));
}

proptest! {
    #[test]
    fn a_tag_reads_back_and_verifies(system in ".{0,40}", tenant in ".{0,40}", subject in ".{0,40}", other in ".{0,40}") {
        let ring = ring(&[("k1", 7)]);
        let identity = Identity { system: &system, tenant: &tenant, subject: &subject };
        let tag = ring.tag(identity).expect("at most 160 bytes a part");
        prop_assert_eq!(Tag::parse(tag.as_str()), Ok(tag.clone()));
        prop_assert_eq!(ring.verify(&tag, identity), Ok(true));
        prop_assume!(other != subject);
        prop_assert_eq!(ring.verify(&tag, Identity { subject: &other, ..identity }), Ok(false));
    }

    #[test]
    fn parsing_never_panics(text in any::<String>(), cookie in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Tag::parse(&text);
        if let Ok(value) = HeaderValue::from_bytes(&cookie) {
            let _ = Tag::of_viewer(&HeaderMap::from_iter([(header::COOKIE, value)]));
        }
    }
}
