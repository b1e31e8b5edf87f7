//! Matching, and what becomes of each shape of path confusion.

use edge::{Because, Caching, Confusion, Disposition, Mode, RouteRule, RouteTable, Rules};
use http::Method;

use crate::{compile, founding, hour};

#[test]
fn the_manifests_routes_match_as_before() {
    let table = founding();
    for (path, route) in [
        ("/", Some("top")),
        ("/mypage", Some("mypage")),
        ("/mypage/", Some("mypage")),
        ("/mypage/a/b/c", Some("mypage")),
        ("/mypages", None),
        ("/assets/app.css", Some("assets")),
        ("/assets", Some("assets")),
        ("/slots/tokyo", Some("slots")),
        ("/slots/mine", Some("my-slots")),
        ("/slots/", None),
        ("/slots/a/b", None),
        ("/slots", None),
        ("/api/bookings/1", Some("booking-api")),
        ("/api", None),
    ] {
        let found = table.resolve(&Method::GET, path);
        assert_eq!(found.route.map(|route| route.name()), route, "{path}");
        let public = matches!(route, Some("top" | "slots" | "assets"));
        assert_eq!(found.is_personal(), !public, "{path}");
    }
}

#[test]
fn the_most_specific_pattern_wins_and_personal_on_equal_ones() {
    let table = compile(vec![
        RouteRule::public("all", "/**", hour()),
        RouteRule::personal("one", "/a/*"),
        RouteRule::public("deep", "/a/*/b", hour()),
        RouteRule::public("same-public", "/same/*", hour()),
        RouteRule::personal("same-personal", "/same/*"),
        RouteRule::public("lit", "/a/b", hour()),
        RouteRule::public("folder", "/a/folder/**", hour()),
    ]);
    for (path, route) in [
        ("/a/x", "one"),
        ("/a/b", "lit"),
        ("/a/x/b", "deep"),
        ("/a/x/c", "all"),
        ("/same/1", "same-personal"),
        ("/a/folder", "folder"),
        ("/a/folder/b", "folder"),
    ] {
        assert_eq!(table.resolve(&Method::GET, path).route.map(|route| route.name()), Some(route), "{path}");
    }
}

#[test]
fn a_method_that_is_not_declared_is_personal() {
    let table = compile(vec![
        RouteRule::public("top", "/", hour()),
        RouteRule { methods: vec![], ..RouteRule::public("form", "/form", hour()) },
    ]);
    for (method, path, because) in [
        (Method::GET, "/", Because::Declared),
        (Method::HEAD, "/", Because::Declared),
        (Method::POST, "/", Because::MethodNotDeclared),
        (Method::POST, "/form", Because::UnsafeMethod),
        (Method::OPTIONS, "/form", Because::UnsafeMethod),
    ] {
        let found = table.resolve(&method, path);
        assert_eq!(
            (found.because, found.is_personal()),
            (because, because != Because::Declared),
            "{method} {path}"
        );
    }
}

/// (path, what it is, what happens).
#[test]
fn every_shape_of_confusion_has_its_answer() {
    use Because::{Confused, Declared, Doubt, Undeclared};
    use Disposition::{Forward, NotFound};
    let table = founding();
    for (path, because, disposition) in [
        // Web cache deception: a suffix that the personal route does not declare.
        ("/mypage/x.css", Declared, NotFound),
        ("/mypage/x.CSS", Declared, NotFound),
        ("/mypage/.css", Declared, NotFound),
        ("/mypage/a.css/", Declared, NotFound),
        ("/mypage/a.css/b", Declared, Forward),
        ("/mypage/report.pdf", Declared, Forward),
        ("/mypage/report.PDF", Declared, Forward),
        ("/mypage/%72eport.css", Declared, NotFound),
        ("/slots/mine.css", Doubt, NotFound),
        ("/slots/mine/", Undeclared, Forward),
        ("/slots/Mine", Doubt, Forward),
        ("/slots/mine,x", Doubt, Forward),
        ("/slots/mine!a.css", Doubt, NotFound),
        ("/slots/ｍｉｎｅ", Doubt, Forward),
        ("/slots/%EF%BD%8Dine", Doubt, Forward),
        ("/mypage.css", Undeclared, Forward),
        // Parameters.
        ("/mypage;x.css", Confused(Confusion::Parameter), NotFound),
        ("/mypage/;x.css", Confused(Confusion::Parameter), NotFound),
        ("/mypage/%3bx.css", Confused(Confusion::Parameter), NotFound),
        ("/mypage/%3Bx.css", Confused(Confusion::Parameter), NotFound),
        ("/mypage;jsessionid=1", Confused(Confusion::Parameter), Forward),
        ("/assets/..;/mypage", Confused(Confusion::Parameter), Forward),
        // Slashes.
        ("/assets/..%2fmypage", Confused(Confusion::DotSegment), NotFound),
        ("/assets%2Fapp", Confused(Confusion::EncodedSlash), Forward),
        ("/mypage%2fx.css", Confused(Confusion::EncodedSlash), NotFound),
        ("//mypage", Confused(Confusion::EmptySegment), Forward),
        ("//mypage/x.css", Confused(Confusion::EmptySegment), NotFound),
        ("/assets//app.css", Confused(Confusion::EmptySegment), Forward),
        ("/assets/\\..\\mypage", Confused(Confusion::Backslash), NotFound),
        ("/assets/%5c..%5Cmypage", Confused(Confusion::Backslash), NotFound),
        // Dots.
        ("/assets/../mypage", Confused(Confusion::DotSegment), NotFound),
        ("/assets/./x", Confused(Confusion::DotSegment), NotFound),
        ("/assets/%2e%2E/mypage", Confused(Confusion::DotSegment), NotFound),
        ("/assets/.%2e/mypage", Confused(Confusion::DotSegment), NotFound),
        ("/assets/%252e%252e/mypage", Confused(Confusion::DoubleEncoding), Forward),
        ("/assets/a%2ecss", Confused(Confusion::EncodedDot), NotFound),
        ("/mypage/x%252ecss", Confused(Confusion::DoubleEncoding), NotFound),
        ("/mypage./x", Confused(Confusion::TrailingDot), Forward),
        ("/mypage%20/x", Confused(Confusion::TrailingDot), Forward),
        // Bytes.
        ("/mypage%00.css", Confused(Confusion::Control), NotFound),
        ("/mypage\0.css", Confused(Confusion::Control), NotFound),
        ("/assets/%0a", Confused(Confusion::Control), NotFound),
        ("/assets/%c2%85", Confused(Confusion::Control), NotFound),
        ("/assets/%c0%ae%c0%ae/mypage", Confused(Confusion::NotUtf8), NotFound),
        ("/assets/%ff", Confused(Confusion::NotUtf8), NotFound),
        ("/assets/%", Confused(Confusion::BrokenEncoding), NotFound),
        ("/assets/%2", Confused(Confusion::BrokenEncoding), NotFound),
        ("/assets/%zz", Confused(Confusion::BrokenEncoding), NotFound),
        ("/assets/%3fx", Confused(Confusion::QueryOrFragment), NotFound),
        ("/mypage%23x.css", Confused(Confusion::QueryOrFragment), NotFound),
        ("/assets/a?b", Confused(Confusion::QueryOrFragment), NotFound),
        ("/assets／..／mypage", Confused(Confusion::Lookalike), Forward),
        ("/assets/%EF%BC%8E%EF%BC%8E/mypage", Confused(Confusion::Lookalike), Forward),
        // Not paths.
        ("", Confused(Confusion::NotAbsolute), NotFound),
        ("*", Confused(Confusion::NotAbsolute), NotFound),
        ("assets/app.css", Confused(Confusion::NotAbsolute), NotFound),
        ("http://h/assets/a.css", Confused(Confusion::NotAbsolute), NotFound),
    ] {
        let found = table.resolve(&Method::GET, path);
        assert!(found.is_personal(), "{path:?}");
        assert_eq!((found.because, found.disposition), (because, disposition), "{path:?}");
    }
    let long = format!("/assets/{}", "a".repeat(edge::MAX_PATH));
    assert_eq!(table.resolve(&Method::GET, &long).because, Confused(Confusion::TooLong));
}

#[test]
fn mere_encoding_of_a_public_path_stays_public() {
    let table = founding();
    for path in
        ["/%61ssets/app.css", "/%61%73sets/x", "/assets/%E5%AD%A6.png", "/assets/a%20b.png", "/assets/学.png"]
    {
        assert!(!table.resolve(&Method::GET, path).is_personal(), "{path}");
    }
    assert_eq!(table.resolve(&Method::GET, "/%6Dypage/x").route.map(|r| r.name()), Some("mypage"));
}

#[test]
fn a_public_list_of_suffixes_is_all_there_is() {
    let table = compile(vec![RouteRule {
        suffixes: vec!["CSS".to_owned(), "js".to_owned()],
        ..RouteRule::public("assets", "/assets/**", hour())
    }]);
    for (path, public) in
        [("/assets/a.css", true), ("/assets/a.JS", true), ("/assets/a", true), ("/assets/a.html", false)]
    {
        assert_eq!(!table.resolve(&Method::GET, path).is_personal(), public, "{path}");
    }
}

#[test]
fn a_declared_file_under_a_personal_route_is_allowed() {
    let table = compile(vec![RouteRule::personal("page", "/my/index.html")]);
    assert_eq!(table.resolve(&Method::GET, "/my/index.html").disposition, Disposition::Forward);
    let table = compile(vec![RouteRule::personal("api", "/api/v1.0/**")]);
    for (path, disposition) in [
        ("/api/v1.0", Disposition::Forward),
        ("/api/v1.0/", Disposition::Forward),
        ("/api/v1.0/me", Disposition::Forward),
        ("/api/v1.0/me.0", Disposition::NotFound),
    ] {
        assert_eq!(table.resolve(&Method::GET, path).disposition, disposition, "{path}");
    }
}

#[test]
fn an_encoded_pattern_is_the_decoded_one() {
    let table =
        compile(vec![RouteRule::personal("area", "/%E5%AD%A6/**"), RouteRule::public("rest", "/**", hour())]);
    for path in ["/学/a", "/%e5%ad%a6/a"] {
        assert_eq!(table.resolve(&Method::GET, path).route.map(|route| route.name()), Some("area"), "{path}");
    }
}

#[test]
fn a_confused_path_is_treated_by_the_strictest_mode() {
    let routes = vec![RouteRule::personal("mypage", "/mypage/**")];
    let table = RouteTable::compile(Rules { routes, undeclared: Mode::Observe }).expect("one plain route");
    assert_eq!(table.resolve(&Method::GET, "/other").mode, Mode::Observe);
    assert_eq!(table.resolve(&Method::GET, "/mypage/;x.css").mode, Mode::Enforce);
}

#[test]
fn faults_name_their_place_and_remedy() {
    let public = |pattern: &str| RouteRule::public("x", pattern, Caching::Origin);
    for (pattern, fault) in [
        ("a", "does not begin with `/`"),
        ("/a//b", "not a plain path"),
        ("/a b", "space"),
        ("/**/a", "`**` before its last segment"),
        ("/a*", "`*` inside a segment"),
        ("/a/..", "ends in a dot"),
        ("/a;b", "not a plain path"),
        ("/%2f", "not a plain path"),
        ("/%2A", "encoded `*`"),
        ("/a／b", "some servers read"),
    ] {
        let faults =
            RouteTable::compile(Rules { routes: vec![public(pattern)], ..Rules::default() }).unwrap_err();
        assert_eq!(faults.len(), 1, "{pattern}");
        let text = faults[0].to_string();
        assert!(text.starts_with("routes[0].pattern: ") && text.contains(fault), "{text}");
    }
    let twice = Rules { routes: vec![public("/a"), public("/b")], ..Rules::default() };
    assert!(RouteTable::compile(twice).unwrap_err()[0].to_string().contains("give each route its own name"));
    let cookie = Caching::Shared(edge::Lifetime { vary: vec![http::header::COOKIE], ..Default::default() });
    let varies = Rules { routes: vec![RouteRule::public("x", "/", cookie)], ..Rules::default() };
    assert!(RouteTable::compile(varies).unwrap_err()[0].to_string().contains("declare the route personal"));
}
