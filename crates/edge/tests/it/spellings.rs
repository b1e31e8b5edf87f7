//! No spelling of a personal path is public.

use edge::{RouteRule, RouteTable};
use http::Method;
use proptest::prelude::*;

use crate::{compile, hour};

/// Public wherever the personal routes are not: the hardest table.
fn table() -> RouteTable {
    compile(vec![
        RouteRule::public("rest", "/**", hour()),
        RouteRule::public("assets", "/assets/**", hour()),
        RouteRule::public("slots", "/slots/*", hour()),
        RouteRule::personal("mypage", "/mypage/**"),
        RouteRule::personal("mine", "/slots/mine"),
        RouteRule::personal("area", "/学校/**"),
        RouteRule::personal("mixed", "/Account/Me"),
    ])
}

/// One way to write a character.
fn spelled(c: char, how: u8) -> String {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).bytes().collect::<Vec<_>>();
    match how % 8 {
        0 | 1 => c.to_string(),
        2 => bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        3 => bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
        4 => bytes.iter().map(|byte| format!("%25{byte:02x}")).collect(),
        5 => c.to_uppercase().collect(),
        6 => c.to_lowercase().collect(),
        // Full width.
        _ if c.is_ascii_graphic() => {
            char::from_u32(u32::from(c) + 0xfee0).map_or_else(String::new, String::from)
        }
        _ => c.to_string(),
    }
}

const DETOURS: [&str; 16] = [
    "",
    "/",
    "/.",
    "/assets/..",
    "/assets/%2e%2e",
    "/assets/..%2f",
    "/assets/..;",
    "\\",
    "/assets\\..",
    "/;a=b",
    "/%2e",
    "/./",
    "/assets/%252e%252e",
    "/assets/%c0%ae%c0%ae",
    "/a/../",
    "//",
];

const TAILS: [&str; 30] = [
    "",
    "/",
    ".css",
    "/x.css",
    ";x.css",
    "/;x.css",
    "%00.css",
    "%0a.css",
    "%3b.css",
    "%23.css",
    "%3f.css",
    "%2f..%2fassets%2fa.css",
    "/%2e%2e/assets/a.css",
    ".",
    "%20",
    "!x.css",
    ",x",
    "/..",
    "~",
    "@a.js",
    "+",
    "%2ecss",
    "/.",
    "$x",
    "'",
    "=1",
    ":8",
    "*",
    "&a",
    "(1)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn no_spelling_of_a_personal_path_is_public(
        base in prop::sample::select(vec!["/mypage", "/mypage/", "/slots/mine", "/学校", "/Account/Me"]),
        how in prop::collection::vec(any::<u8>(), 16),
        detour in prop::sample::select(DETOURS.to_vec()),
        tail in prop::sample::select(TAILS.to_vec()),
    ) {
        // Below a route of one path lies another path.
        prop_assume!(!(tail == "/x.css" && matches!(base, "/slots/mine" | "/Account/Me")));
        let table = table();
        let body: String = base.chars().zip(how.iter().cycle()).map(|(c, how)| spelled(c, *how)).collect();
        let path = format!("{detour}{body}{tail}");
        let found = table.resolve(&Method::GET, &path);
        prop_assert!(found.is_personal(), "{path:?} is public by {:?}", found.route.map(|route| route.name()));
    }

    /// Whatever is public is free of everything that servers disagree about.
    #[test]
    fn a_public_path_is_canonical(path in "/?[a-zA-Z./%;\\\\0-9学ｍ．／?#\\x00-\\x1f -]{0,24}") {
        let table = table();
        if !table.resolve(&Method::GET, &path).is_personal() {
            prop_assert!(path.starts_with('/') && !path.contains("//"));
            let has_syntax = path.contains(['\\', ';', '?', '#', '．', '／']);
            prop_assert!(!has_syntax && !path.chars().any(char::is_control));
            let segments = path.split('/').all(|segment| !segment.ends_with('.'));
            prop_assert!(segments);
            let lower = path.to_ascii_lowercase();
            for escape in ["%2f", "%5c", "%2e", "%25", "%3b", "%00", "%0a", "%3f", "%23"] {
                prop_assert!(!lower.contains(escape));
            }
        }
    }

    #[test]
    fn nothing_panics(path in any::<String>(), pattern in any::<String>(), name in any::<String>()) {
        let rules = edge::Rules { routes: vec![RouteRule::public(name, pattern, hour())], ..Default::default() };
        if let Ok(table) = RouteTable::compile(rules) {
            let _ = table.resolve(&Method::GET, &path);
        }
        let _ = table().resolve(&Method::GET, &path);
    }

    /// The tree finds what comparing every pattern with the path finds.
    #[test]
    fn the_tree_agrees_with_a_linear_search(
        patterns in prop::collection::vec("(/(a|b|\\*)){1,3}(/\\*\\*)?|/\\*\\*|/", 1..8),
        path in "(/(a|b|c)){1,4}/?|/",
    ) {
        let rules: Vec<_> = patterns.iter().enumerate().map(|(at, p)| RouteRule::personal(at.to_string(), p.clone())).collect();
        let table = compile(rules);
        let best = patterns.iter().enumerate().filter(|(_, pattern)| covers(pattern, &path))
            .max_by_key(|(_, pattern)| specificity(pattern));
        let found = table.resolve(&Method::GET, &path).route.map(|route| route.pattern().to_owned());
        prop_assert_eq!(found, best.map(|(_, pattern)| pattern.clone()));
    }
}

fn covers(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(literal), Some(segment)) if literal == segment => {}
            _ => return false,
        }
    }
}

fn specificity(pattern: &str) -> Vec<u8> {
    pattern
        .split('/')
        .map(|segment| match segment {
            "**" => 1,
            "*" => 2,
            _ => 3,
        })
        .chain([4])
        .collect()
}
