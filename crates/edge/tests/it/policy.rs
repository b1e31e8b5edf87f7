//! Rules of the header policy, one by one, and what every reader makes of the result.

use edge::policy::{CACHE_CONTROL, Effect, Grade, Kind, Leaves, VARY, Verdict};
use edge::{Caching, Lifetime, Mode, RouteRule, RouteTable, Rules};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::readers::READERS;
use crate::sets::SETS;
use crate::{compile, founding, headers, hour};

fn judged<'t>(
    table: &'t RouteTable,
    path: &str,
    request: &[(&str, &str)],
    status: u16,
    response: &[(&str, &str)],
) -> (Verdict<'t>, HeaderMap) {
    let mut request = headers(request);
    let exchange = table.judge_request(&Method::GET, path, &mut request);
    let mut response = headers(response);
    let status = StatusCode::from_u16(status).expect("a test's status");
    let verdict = exchange.judge_response(status, &mut response);
    (verdict, response)
}

#[test]
fn every_measured_set_leaves_a_personal_route_sealed_and_no_reader_keeps_it() {
    let table = founding();
    let paths = ["/mypage/a", "/undeclared", "/mypage;jsessionid=1", "/slots/Mine"];
    for (name, set) in SETS {
        for path in paths {
            for status in
                [200, 203, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 429, 500, 503]
            {
                for request in [&[][..], &[("authorization", "Bearer x")], &[("cookie", "sid=1")]] {
                    let (verdict, out) = judged(&table, path, request, status, set);
                    assert_eq!(verdict.leaves, Leaves::Personal, "{name}");
                    assert_sealed(name, &out);
                    let request = headers(request);
                    for (reader, keeps) in READERS {
                        let status = StatusCode::from_u16(status).expect("a test's status");
                        assert!(
                            !keeps(&request, status, &out),
                            "{name} on {path}, {status}: {reader} keeps {out:?}"
                        );
                    }
                    let cookies = set.iter().filter(|(field, _)| *field == "set-cookie").count();
                    assert_eq!(
                        out.get_all("set-cookie").iter().count(),
                        cookies,
                        "a cookie is the person's own"
                    );
                }
            }
        }
    }
}

fn assert_sealed(name: &str, out: &HeaderMap) {
    let only = |field: &str| {
        let lines: Vec<_> =
            out.get_all(field).iter().map(|value| value.to_str().expect("ours are text")).collect();
        lines.join("|")
    };
    assert_eq!(only("cache-control"), CACHE_CONTROL, "{name}");
    assert_eq!(CACHE_CONTROL, "private, no-store, no-cache, max-age=0, stale-if-error=0");
    assert_eq!(
        (&*only("cdn-cache-control"), &*only("surrogate-control"), &*only("x-accel-expires")),
        ("no-store", "no-store", "0")
    );
    assert!(only("vary").starts_with(VARY), "{name}: {}", only("vary"));
    for gone in [
        "expires",
        "etag",
        "last-modified",
        "age",
        "pragma",
        "no-vary-search",
        "cloudflare-cdn-cache-control",
        "edge-control",
    ] {
        assert!(!out.contains_key(gone), "{name}: {gone}");
    }
}

#[test]
fn vary_is_merged() {
    let table = founding();
    for (lines, merged) in [
        (&[][..], "Cookie, Authorization"),
        (&["Accept-Encoding"], "Cookie, Authorization, Accept-Encoding"),
        (&["accept-encoding, COOKIE", "Accept"], "Cookie, Authorization, accept-encoding, Accept"),
        (&["*"], "Cookie, Authorization, *"),
        (&["Accept, *, Cookie"], "Cookie, Authorization, Accept, *"),
        (&["bad name, ok"], "Cookie, Authorization, ok"),
        (&[",,"], "Cookie, Authorization"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        let (_, out) = judged(&table, "/mypage", &[], 200, &lines);
        assert_eq!(out.get_all("vary").iter().collect::<Vec<_>>(), [merged], "{lines:?}");
    }
    let many: Vec<String> = (0..100).map(|at| format!("X-{at}")).collect();
    let (_, out) = judged(&table, "/mypage", &[], 200, &[("vary", &many.join(", "))]);
    assert!(out["vary"].to_str().expect("ours is text").ends_with(", *"));
}

#[test]
fn each_fault_of_a_personal_response_is_told() {
    let table = founding();
    let belt: &[(&str, &str)] = &[
        ("cache-control", CACHE_CONTROL),
        ("cdn-cache-control", "no-store"),
        ("surrogate-control", "no-store"),
        ("x-accel-expires", "0"),
        ("vary", VARY),
    ];
    let (verdict, _) = judged(&table, "/mypage", &[], 200, belt);
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    for (line, kind) in [
        (("cache-control", ""), Kind::CacheControlPermits),
        (("cache-control", "public, no-store"), Kind::CacheControlPermits),
        (("cache-control", "must-revalidate"), Kind::CacheControlPermits),
        (("cache-control", "private, must-revalidate"), Kind::CacheControlPermits),
        (("cache-control", "no-cache"), Kind::CacheControlPermits),
        (("cache-control", "private=\"Set-Cookie\""), Kind::CacheControlPermits),
        (("cache-control", "private, max-age=\"60\""), Kind::CacheControlPermits),
        (("cache-control", "no-store, max-age=x"), Kind::CacheControlPermits),
        (("cache-control", "x=\"no-store, private\""), Kind::CacheControlPermits),
        (("cache-control", "private"), Kind::CacheControlIncomplete),
        (("cache-control", "no-store, must-revalidate"), Kind::CacheControlIncomplete),
        (("cdn-cache-control", "max-age=1"), Kind::CdnCacheControlPermits),
        (("surrogate-control", "max-age=1"), Kind::SurrogateControlPermits),
        (("x-accel-expires", "@1700000000"), Kind::AccelExpiresPermits),
        (("vary", "Cookie"), Kind::VaryIncomplete),
        (("expires", "0"), Kind::ExpiresPresent),
        (("etag", "\"1\""), Kind::ValidatorPresent),
        (("last-modified", "Mon, 02 Jan 2023 00:00:00 GMT"), Kind::ValidatorPresent),
        (("age", "0"), Kind::AgePresent),
        (("pragma", "no-cache"), Kind::PragmaPresent),
        (("no-vary-search", "params"), Kind::NoVarySearchPresent),
        (("netlify-cdn-cache-control", "max-age=1"), Kind::VendorCacheField),
        (("surrogate-key", "applicants"), Kind::VendorCacheField),
        (("x-cache", "Hit from cloudfront"), Kind::ServedFromStore),
        (("x-cache", "RefreshHit from cloudfront"), Kind::ServedFromStore),
        (("cf-cache-status", "HIT"), Kind::ServedFromStore),
        (("cache-status", "edge; hit; ttl=30"), Kind::ServedFromStore),
    ] {
        let lines: Vec<_> = belt.iter().copied().filter(|(name, _)| *name != line.0).chain([line]).collect();
        let (verdict, _) = judged(&table, "/mypage", &[], 200, &lines);
        let kinds: Vec<_> = verdict.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [kind], "{line:?}");
    }
    let (verdict, _) = judged(&table, "/mypage", &[], 200, &[("age", "5")]);
    let effect =
        |kind| verdict.findings.iter().find(|finding| finding.kind == kind).map(|finding| finding.effect);
    assert_eq!(effect(Kind::ServedFromStore), Some(Effect::Reported), "no header undoes a cache behind us");
    assert_eq!(effect(Kind::CacheControlAbsent), Some(Effect::Corrected));
    assert_eq!(verdict.findings.worst(), Some(Grade::Leak));
    let (verdict, _) = judged(
        &table,
        "/mypage",
        &[],
        200,
        &[("x-cache", "Miss from cloudfront"), ("cache-status", "edge; fwd=miss")],
    );
    assert!(!verdict.findings.contains(Kind::ServedFromStore));
}

#[test]
fn public_routes_get_what_they_declare() {
    let lifetime = Lifetime {
        max_age: 60,
        s_maxage: Some(600),
        stale_while_revalidate: Some(30),
        stale_if_error: Some(300),
        must_revalidate: true,
        immutable: true,
        vary: vec![header::ACCEPT_LANGUAGE],
    };
    let table = compile(vec![
        RouteRule::public("a", "/a/**", Caching::Shared(lifetime)),
        RouteRule::public("o", "/o/**", Caching::Origin),
    ]);
    let (verdict, out) = judged(
        &table,
        "/a/x",
        &[("cookie", "sid=1")],
        200,
        &[
            ("cache-control", "no-cache"),
            ("expires", "0"),
            ("pragma", "no-cache"),
            ("etag", "\"1\""),
            ("age", "3"),
            ("surrogate-control", "max-age=1"),
            ("cloudflare-cdn-cache-control", "max-age=1"),
            ("vary", "Accept-Encoding"),
            ("surrogate-key", "assets"),
        ],
    );
    assert_eq!(verdict.leaves, Leaves::Public);
    assert_eq!(
        verdict.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(),
        [Kind::PublicDiffers]
    );
    let expected = headers(&[
        (
            "cache-control",
            "public, max-age=60, s-maxage=600, stale-while-revalidate=30, stale-if-error=300, must-revalidate, immutable",
        ),
        ("etag", "\"1\""),
        ("age", "3"),
        ("vary", "accept-language, Accept-Encoding"),
        ("surrogate-key", "assets"),
    ]);
    assert_eq!(out, expected);
    let (verdict, out) =
        judged(&table, "/o/x", &[], 200, &[("cache-control", "max-age=9"), ("expires", "0")]);
    assert_eq!(
        (verdict.leaves, out),
        (Leaves::Untouched, headers(&[("cache-control", "max-age=9"), ("expires", "0")]))
    );
    assert!(verdict.findings.is_empty());
}

#[test]
fn a_public_response_that_proves_personal_leaves_as_personal() {
    let table = compile(vec![
        RouteRule::public("a", "/a/**", hour()),
        RouteRule::public("o", "/o/**", Caching::Origin),
    ]);
    for (request, status, line, kind) in [
        (None, 200, Some(("set-cookie", "sid=1")), Kind::PublicSetsCookie),
        (None, 304, Some(("set-cookie", "sid=1")), Kind::PublicSetsCookie),
        (None, 200, Some(("cache-control", "private")), Kind::PublicSaysPrivate),
        (None, 200, Some(("cache-control", "max-age=5, No-Store")), Kind::PublicSaysPrivate),
        (None, 200, Some(("cache-control", "private=\"x\"")), Kind::PublicSaysPrivate),
        (None, 200, Some(("surrogate-control", "no-store")), Kind::PublicSaysPrivate),
        (None, 200, Some(("cdn-cache-control", "private")), Kind::PublicSaysPrivate),
        (None, 200, Some(("x-accel-expires", "0")), Kind::PublicSaysPrivate),
        (None, 200, Some(("vary", "Accept, cookie")), Kind::PublicVariesByPerson),
        (None, 200, Some(("vary", "Authorization")), Kind::PublicVariesByPerson),
        (None, 200, Some(("vary", "*")), Kind::PublicVariesByPerson),
        (
            None,
            200,
            Some(("suimon-subject-tag", "v1.k1.0123456789abcdef0123456789abcdef")),
            Kind::PublicNamesSubject,
        ),
        (None, 200, Some(("www-authenticate", "Basic")), Kind::PublicAuthenticates),
        (None, 200, Some(("clear-site-data", "\"cookies\"")), Kind::PublicAuthenticates),
        (Some(("authorization", "Bearer x")), 200, None, Kind::PublicWithAuthorization),
        (None, 302, None, Kind::PublicStatus),
        (None, 301, None, Kind::PublicStatus),
        (None, 404, None, Kind::PublicStatus),
        (None, 500, None, Kind::PublicStatus),
        (None, 204, None, Kind::PublicStatus),
    ] {
        for path in ["/a/x", "/o/x"] {
            let lines: Vec<_> = line.into_iter().collect();
            let request: Vec<_> = request.into_iter().collect();
            let (verdict, out) = judged(&table, path, &request, status, &lines);
            assert_eq!((verdict.leaves, verdict.replace), (Leaves::Personal, None), "{kind:?}");
            assert!(verdict.findings.contains(kind), "{kind:?}: {:?}", verdict.findings);
            assert_sealed(kind.code(), &out);
        }
    }
    // A page about nobody says so, and stays public.
    let (verdict, _) = judged(&table, "/a/x", &[], 200, &[("suimon-subject-tag", "anonymous")]);
    assert_eq!(verdict.leaves, Leaves::Public);
}

#[test]
fn a_public_route_without_storing_is_sealed_too() {
    let table = compile(vec![RouteRule::public("n", "/n", Caching::NoStore)]);
    let (verdict, out) = judged(&table, "/n", &[], 200, &[]);
    assert_eq!(verdict.leaves, Leaves::Personal);
    assert_sealed("no-store", &out);
}

#[test]
fn conditions_never_reach_the_origin_of_a_personal_route() {
    let table = founding();
    let conditions = [
        ("if-none-match", "\"1\""),
        ("if-modified-since", "x"),
        ("if-range", "\"1\""),
        ("range", "bytes=0-1"),
        ("if-match", "\"1\""),
        ("if-unmodified-since", "x"),
        ("cookie", "sid=1"),
    ];
    for (path, authorized) in [("/mypage", false), ("/undeclared", false), ("/assets/a.css", true)] {
        let mut request = headers(&conditions);
        if authorized {
            request.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        }
        let exchange = table.judge_request(&Method::GET, path, &mut request);
        assert!(exchange.findings().contains(Kind::ConditionalRequest));
        for gone in ["if-none-match", "if-modified-since", "if-range", "range"] {
            assert!(!request.contains_key(gone), "{path}: {gone}");
        }
        assert!(
            request.contains_key("if-match")
                && request.contains_key("if-unmodified-since")
                && request.contains_key("cookie")
        );
        let verdict = exchange.judge_response(StatusCode::NOT_MODIFIED, &mut HeaderMap::new());
        assert_eq!(verdict.replace, Some(StatusCode::BAD_GATEWAY), "{path}");
    }
    let mut range = headers(&[("range", "bytes=0-1")]);
    let _ = table.judge_request(&Method::GET, "/mypage", &mut range);
    assert!(range.contains_key("range"), "a part of a fresh response joins nothing");
    let mut public = headers(&conditions);
    let exchange = table.judge_request(&Method::GET, "/assets/a.css", &mut public);
    assert_eq!(public, headers(&conditions));
    let verdict = exchange.judge_response(StatusCode::NOT_MODIFIED, &mut HeaderMap::new());
    assert_eq!((verdict.leaves, verdict.replace), (Leaves::Public, None));
}

#[test]
fn modes_tell_or_correct() {
    for (mode, effect) in [
        (Mode::Observe, Effect::Measured),
        (Mode::Audit, Effect::Reported),
        (Mode::Enforce, Effect::Corrected),
    ] {
        let routes = vec![
            RouteRule { mode, ..RouteRule::personal("m", "/m/**") },
            RouteRule { mode, ..RouteRule::public("a", "/a", hour()) },
        ];
        let table = RouteTable::compile(Rules { routes, undeclared: mode }).expect("plain routes");
        let enforced = mode == Mode::Enforce;
        for (path, status, lines) in [
            ("/m", 200, headers(&[("cache-control", "public")])),
            ("/a", 200, headers(&[("set-cookie", "a=b")])),
            ("/a", 200, headers(&[])),
            ("/u", 304, headers(&[])),
        ] {
            let mut request = headers(&[("if-none-match", "x")]);
            let exchange = table.judge_request(&Method::GET, path, &mut request);
            assert_eq!(request.contains_key("if-none-match"), !enforced || path == "/a");
            let mut out = lines.clone();
            let verdict =
                exchange.judge_response(StatusCode::from_u16(status).expect("a test's status"), &mut out);
            assert_eq!(out == lines, !enforced, "{path} {mode:?}");
            assert_eq!(verdict.leaves == Leaves::Untouched, !enforced, "{path} {mode:?}");
            assert!(enforced || verdict.replace.is_none());
            assert!(!verdict.findings.is_empty());
            assert!(verdict.findings.iter().all(|finding| finding.effect == effect), "{path} {mode:?}");
        }
        let refused = table.judge_request(&Method::GET, "/m/x.css", &mut HeaderMap::new());
        assert_eq!(refused.refusal(), enforced.then_some(StatusCode::NOT_FOUND));
        assert!(refused.findings().contains(Kind::UnknownSuffix));
        assert_eq!(refused.findings().iter().next().and_then(|finding| finding.route), Some("m"));
    }
}

#[test]
fn codes_are_unique() {
    let codes: std::collections::HashSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes.len(), Kind::ALL.len());
}
