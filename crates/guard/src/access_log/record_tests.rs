use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    fields
}

#[test]
fn ids_of_the_edge() {
    let of = |lines: &[(&'static str, &str)]| edge_id(&fields(lines), &[], true);
    let id = |text: &str| (Some(text.to_owned()), EdgeFrom::Trusted);
    let cloudfront = "8Gx_6NbUvFzLyHh0R1k4pGTV8eTdnVEo1Dq0S0k3Ew9N7wUqkqK0aA==";
    assert_eq!(of(&[("x-amz-cf-id", cloudfront)]), id(cloudfront));
    // Behind nginx a visitor says what CloudFront would have said: which of the two is the edge's?
    assert_eq!(of(&[("x-amz-cf-id", "aaaa"), ("x-request-id", "1")]), (None, EdgeFrom::Malformed));
    let request_id = [HeaderName::from_static("x-request-id")];
    let both = fields(&[("x-amz-cf-id", "aaaa"), ("x-request-id", "1")]);
    assert_eq!(edge_id(&both, &request_id, true), id("1"));
    assert_eq!(of(&[("cf-ray", "7d0c4a3b2e1f0a9b-NRT")]), id("7d0c4a3b2e1f0a9b-NRT"));
    assert_eq!(of(&[("x-request-id", "0191b0b0-0000-7000-8000-000000000000")]).1, EdgeFrom::Trusted);
    assert_eq!(of(&[]), (None, EdgeFrom::Absent));
    for bad in ["", "a b", "a\"b", "a,b", "<a>", "a@b", &"a".repeat(MAX_EDGE_ID + 1)] {
        assert_eq!(of(&[("cf-ray", bad)]), (None, EdgeFrom::Malformed), "{bad}");
    }
    assert_eq!(of(&[("cf-ray", "a"), ("cf-ray", "a")]), (None, EdgeFrom::Malformed));
    let named = [HeaderName::from_static("x-edge")];
    assert_eq!(
        edge_id(&fields(&[("cf-ray", "a"), ("x-edge", "b")]), &named, false),
        (Some("b".to_owned()), EdgeFrom::Anybody)
    );
}

#[test]
fn cache_fields() {
    let mut sealed = HeaderMap::new();
    edge::policy::seal(&mut sealed);
    assert_eq!(Cache::of(&sealed), Cache::Sealed(Sealed::Sealed));
    // What `sealed` stands for is what the rules seal with, and nothing else.
    assert_eq!(sealed.len(), SEALED.len());
    assert_eq!(serde_json::to_string(&Cache::of(&sealed)).unwrap(), "\"sealed\"");
    sealed.append("set-cookie", HeaderValue::from_static("sid=secret"));
    let Cache::Fields(lines) = Cache::of(&sealed) else { panic!("a cookie is told of") };
    assert_eq!(lines.last(), Some(&("set-cookie", String::new())));
    let odd = fields(&[("cache-control", "private=\"taro@example.jp\""), ("etag", "\"taro\""), ("age", "5")]);
    let said =
        Cache::Fields(vec![("cache-control", "?".into()), ("age", "5".into()), ("etag", String::new())]);
    assert_eq!(Cache::of(&odd), said);
    assert_eq!(Cache::of(&HeaderMap::new()), Cache::Fields(Vec::new()));
}

#[test]
fn tags() {
    let of = |value: &str| tag(&fields(&[("suimon-subject-tag", value)]));
    assert_eq!(of("anonymous").as_deref(), Some("anonymous"));
    let known = "v1.k1.3a7598941d05bb7fab0c9cbb05133c6f";
    assert_eq!(of(known).as_deref(), Some(known));
    assert_eq!(of("taro").as_deref(), Some("?"));
    assert_eq!(tag(&HeaderMap::new()), None);
}

proptest! {
    /// Whatever came, a line is one line of JSON.
    #[test]
    fn a_line_is_a_line(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 3)) {
        let mut fields = HeaderMap::new();
        for (name, value) in ["cf-ray", "cache-control", "suimon-subject-tag"].into_iter().zip(&values) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                fields.append(name, value);
            }
        }
        let (edge, _) = edge_id(&fields, &[], true);
        let line = serde_json::to_string(&(edge, Cache::of(&fields), tag(&fields))).unwrap();
        prop_assert!(!line.contains('\n'));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
