//! Arbitrary headers: twice is once, and nobody keeps what is personal.

use edge::policy::Leaves;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use crate::readers::READERS;
use crate::{founding, headers};

const FIELDS: [&str; 20] = [
    "cache-control",
    "cdn-cache-control",
    "surrogate-control",
    "x-accel-expires",
    "vary",
    "expires",
    "etag",
    "last-modified",
    "age",
    "pragma",
    "no-vary-search",
    "set-cookie",
    "cloudflare-cdn-cache-control",
    "edge-control",
    "x-cache",
    "content-type",
    "suimon-subject-tag",
    "www-authenticate",
    "location",
    "cache-status",
];

prop_compose! {
    fn any_headers()(lines in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), prop_oneof![
        prop::sample::select(vec!["public", "private", "no-store", "max-age=60", "s-maxage=60, must-revalidate", "*", "Cookie", "0", "60",
            "no-cache=\"Set-Cookie\"", "Accept-Encoding", "anonymous", "x=\"a, public\"", ",", "\"", "stale-if-error=1"]).prop_map(String::from),
        "[ -~]{0,24}",
    ]), 0..12)) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(&value).expect("printable ASCII"));
        }
        map
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn twice_is_once_and_no_reader_keeps_a_personal_response(
        given in any_headers(),
        path in prop::sample::select(vec!["/mypage/a", "/undeclared", "/assets/a.css", "/slots/1", "/", "/slots/mine.x"]),
        status in prop::sample::select(vec![200u16, 206, 301, 302, 304, 404, 500]),
        authorized in any::<bool>(),
    ) {
        let table = founding();
        let status = StatusCode::from_u16(status).expect("a valid status");
        let mut request = headers(if authorized { &[("authorization", "Bearer x")] } else { &[] });
        let exchange = table.judge_request(&Method::GET, path, &mut request);
        let mut once = given.clone();
        let verdict = exchange.judge_response(status, &mut once);
        let mut twice = once.clone();
        let again = exchange.judge_response(status, &mut twice);
        prop_assert_eq!(&once, &twice);
        if verdict.leaves == Leaves::Personal {
            prop_assert_eq!(again.leaves, Leaves::Personal);
            for (reader, keeps) in READERS {
                prop_assert!(!keeps(&request, status, &once), "{} keeps {:?}", reader, once);
            }
        } else {
            prop_assert!(!once.contains_key("set-cookie") && !authorized);
            prop_assert!(path != "/mypage/a" && path != "/undeclared");
        }
    }
}
