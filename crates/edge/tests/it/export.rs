//! What the exported expressions say, compared with the engine; and that no name or pattern gets out of its place.

use edge::export::{Bundle, Options, cloudflare, cloudfront, nginx, varnish};
use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
use http::Method;
use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use crate::{compile, founding, hour};

pub fn options(identity_binding: bool) -> Options {
    Options { name: "online-application".to_owned(), identity_binding }
}

/// The lines of the map of this name: key and value, quotes taken off.
fn map(conf: &str, name: &str) -> Vec<(String, String)> {
    let from = conf.find(&format!(" $sui_online_application_{name} {{\n")).expect("a map of this name");
    conf[from..]
        .lines()
        .skip(2)
        .take_while(|line| *line != "}")
        .map(|line| {
            let parts: Vec<&str> = line.trim().trim_end_matches(';').split('"').collect();
            (parts[1].to_owned(), parts[3].to_owned())
        })
        .collect()
}

fn first_match(lines: &[(String, String)], text: &str) -> Option<String> {
    lines.iter().find_map(|(key, value)| {
        let (ignore_case, expression) = match key.strip_prefix("~*") {
            Some(rest) => (true, rest),
            None => (false, key.strip_prefix('~')?),
        };
        // The engine of this test has no look-around; a path without a slash is told apart by the caller.
        let expression = expression.replace("^(?!/)|", "");
        let regex = RegexBuilder::new(&expression)
            .unicode(false)
            .case_insensitive(ignore_case)
            .build()
            .expect("PCRE and ours agree");
        regex.is_match(text.as_bytes()).then(|| value.clone())
    })
}

/// Whether nginx would take a GET of this path for public.
fn is_public_at_nginx(conf: &str, path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let Some(route) = first_match(&map(conf, "route"), path) else { return false };
    let name = path.strip_suffix('/').unwrap_or(path).rsplit('/').next().unwrap_or_default();
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    first_match(&map(conf, "class"), &format!("GET::{route}:{suffix}")).is_some()
}

fn conf(table: &RouteTable) -> String {
    let bundle = nginx(table, &options(false)).expect("a plain name");
    bundle.file("suimon-online-application-http.conf").expect("the file").to_owned()
}

#[test]
fn nginx_reads_plain_paths_as_the_engine_does() {
    let table = founding();
    let conf = conf(&table);
    for path in [
        "/",
        "/mypage",
        "/mypage/a",
        "/mypage/a.css",
        "/mypage.css",
        "/assets/a.css",
        "/assets",
        "/assets/a/b.min.js",
        "/slots/a",
        "/slots/mine",
        "/slots/MINE",
        "/slots/mine.x",
        "/slots/mine-x",
        "/slots/",
        "/slots/a/b",
        "/api/bookings",
        "/x",
        "//assets/a",
        "/assets//a",
        "/assets/..",
        "/assets/a.",
        "/assets/%41",
        "/assets/;a",
    ] {
        let engine = !table.resolve(&Method::GET, path).is_personal();
        let edge = is_public_at_nginx(&conf, path);
        assert!(engine || !edge, "{path}: laxer than the engine");
        if !path.contains('%') {
            assert_eq!(engine, edge, "{path}");
        }
    }
}

const SEGMENTS: [&str; 9] = ["a", "A", "b", "a.css", "a,b", "a-b", "*", "", "ab"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_export_is_laxer_than_the_engine(
        patterns in prop::collection::vec(("(/(a|b|A|\\*|a\\.css|a-b)){1,3}(/\\*\\*|/)?|/\\*\\*|/", 0u8..4, any::<bool>()), 1..7),
        paths in prop::collection::vec(prop::collection::vec(prop::sample::select(SEGMENTS.to_vec()), 1..5), 1..30),
    ) {
        let rules = patterns.iter().enumerate().map(|(at, (pattern, class, css))| {
            let suffixes = if *css { vec!["css".to_owned()] } else { vec![] };
            let name = at.to_string();
            match class {
                0 => RouteRule { suffixes, ..RouteRule::public(name, pattern.clone(), hour()) },
                1 => RouteRule { suffixes, ..RouteRule::public(name, pattern.clone(), Caching::Origin) },
                2 => RouteRule::public(name, pattern.clone(), Caching::NoStore),
                _ => RouteRule { suffixes, ..RouteRule::personal(name, pattern.clone()) },
            }
        }).collect();
        let table = compile(rules);
        let conf = conf(&table);
        for segments in paths {
            let path = format!("/{}", segments.join("/"));
            let engine = table.resolve(&Method::GET, &path).may_be_stored();
            prop_assert!(engine || !is_public_at_nginx(&conf, &path), "{:?} {}", patterns, path);
        }
    }

    #[test]
    fn nothing_gets_out_of_its_place(
        name in "[a-z][a-z0-9-]{0,8}",
        routes in prop::collection::vec(("[ -~学\"\\\\${}%;\u{0}-\u{1f}]{1,24}", "/[!-~学\"\\\\${}%;]{0,24}(/\\*\\*)?", any::<bool>()), 1..6),
    ) {
        let rules = routes.iter().map(|(name, pattern, public)| match public {
            true => RouteRule::public(name.clone(), pattern.clone(), hour()),
            false => RouteRule::personal(name.clone(), pattern.clone()),
        }).collect();
        if let Ok(table) = RouteTable::compile(Rules { routes: rules, ..Rules::default() }) {
            for export in [nginx, varnish, cloudfront, cloudflare] {
                let bundle = export(&table, &Options { name: name.clone(), identity_binding: true }).expect("a plain name");
                assert_contained(&bundle);
            }
        }
    }
}

/// Every line has closed quotes, no control characters, and outside of its quotes nothing but our own words.
fn assert_contained(bundle: &Bundle) {
    for file in &bundle.files {
        assert!(
            file.content.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
            "{}",
            file.name
        );
        if file.name.ends_with(".json") {
            serde_json::from_str::<serde_json::Value>(&file.content).expect("JSON");
        }
        if file.name.ends_with(".conf") || file.name.ends_with(".vcl") {
            for line in file.content.lines().filter(|line| !line.trim_start().starts_with('#')) {
                assert_eq!(line.matches('"').count() % 2, 0, "{line}");
                assert!(!line.split('"').step_by(2).any(|outside| outside.contains('\\')), "{line}");
            }
        }
    }
}

#[test]
fn what_an_edge_cannot_say_is_a_note() {
    let table = compile(vec![
        RouteRule::public("kana", "/学校/**", hour()),
        RouteRule::public("middle", "/a/*/b", hour()),
        RouteRule::personal("秘密", "/秘密/**"),
    ]);
    let notes = |bundle: Bundle| bundle.notes.into_iter().filter_map(|note| note.route).collect::<Vec<_>>();
    assert_eq!(notes(nginx(&table, &options(false)).expect("a plain name")), ["秘密", "kana"]);
    assert_eq!(notes(cloudfront(&table, &options(false)).expect("a plain name")), ["秘密", "kana", "middle"]);
    assert_eq!(notes(cloudflare(&table, &options(false)).expect("a plain name")), ["秘密", "kana", "middle"]);
}

/// What holds for one product alone, or under conditions, is said.
#[test]
fn what_an_edge_overlooks_is_a_note() {
    let notes = nginx(&founding(), &options(false)).expect("a plain name").notes;
    assert!(notes.iter().any(|note| note.route.is_none() && note.text.contains("1.23")), "{notes:?}");
}

#[test]
fn bad_names_and_long_patterns_are_refused() {
    let table = founding();
    for name in ["", "A", "1a", "a b", "a\"", "a;", &"a".repeat(33)] {
        let options = Options { name: name.to_owned(), identity_binding: false };
        for export in [nginx, varnish, cloudfront, cloudflare] {
            let fault = export(&table, &options).unwrap_err().to_string();
            assert!(fault.starts_with("name: ") && fault.contains("use a lower-case letter"), "{fault}");
        }
    }
    let long = compile(vec![RouteRule::personal("long", format!("/{}", "-".repeat(1_000)))]);
    assert!(nginx(&long, &options(false)).unwrap_err().to_string().contains("shorten it"));
}

#[test]
fn lifetimes_reach_the_output() {
    let lifetime = Lifetime {
        max_age: 61,
        s_maxage: Some(123),
        vary: vec![http::header::ACCEPT_LANGUAGE],
        ..Lifetime::default()
    };
    let table = compile(vec![RouteRule::public("a", "/a", Caching::Shared(lifetime))]);
    let all = |bundle: Bundle| bundle.files.into_iter().map(|file| file.content).collect::<String>();
    assert!(
        all(nginx(&table, &options(false)).expect("a plain name"))
            .contains("\"public, max-age=61, s-maxage=123\"")
    );
    let vcl = all(varnish(&table, &options(false)).expect("a plain name"));
    assert!(vcl.contains("set beresp.ttl = 123s;") && vcl.contains("accept-language"));
    let json = all(cloudfront(&table, &options(false)).expect("a plain name"));
    assert!(
        json.contains("\"max_ttl\": 123")
            && json.contains("\"min_ttl\": 0")
            && json.contains("accept-language")
    );
}
