//! Which behaviour CloudFront would choose: the first whose pattern matches, `*` standing for any text.

use edge::export::cloudfront;
use edge::{Because, Caching, RouteRule, RouteTable};
use http::Method;
use proptest::prelude::*;
use serde_json::Value;

use crate::export::options;
use crate::{compile, hour};

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        Some((byte, rest)) => text.first() == Some(byte) && matches(rest, &text[1..]),
    }
}

/// (pattern, whether it is cached).
fn behaviours(table: &RouteTable) -> Vec<(String, bool)> {
    let bundle = cloudfront(table, &options(false)).expect("a plain name");
    let document: Value = serde_json::from_str(&bundle.files[0].content).expect("JSON");
    let distribution = &document["resource"]["aws_cloudfront_distribution"]["suimon_online_application"];
    let Some(ordered) = distribution.get("ordered_cache_behavior").and_then(Value::as_array) else {
        return vec![];
    };
    ordered
        .iter()
        .map(|behaviour| {
            let policy = behaviour["cache_policy_id"].as_str().expect("every behaviour has a policy");
            let pattern = behaviour["path_pattern"].as_str().expect("every ordered behaviour has a pattern");
            (pattern.to_owned(), !policy.contains("_disabled"))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A personal page must not even be asked for by a behaviour that caches: it would be asked for without cookies.
    #[test]
    fn no_declared_personal_path_reaches_a_behaviour_that_caches(
        patterns in prop::collection::vec(("(/(a|b|\\*|a\\.css)){1,3}(/\\*\\*|/)?|/\\*\\*|/", 0u8..4), 1..7),
        paths in prop::collection::vec("(/(a|b|c|a\\.css)){1,4}/?|/", 1..30),
    ) {
        let rules = patterns.iter().enumerate().map(|(at, (pattern, class))| {
            let name = at.to_string();
            match class {
                0 => RouteRule { suffixes: vec!["css".to_owned()], ..RouteRule::public(name, pattern.clone(), hour()) },
                1 => RouteRule::public(name, pattern.clone(), Caching::Origin),
                2 => RouteRule::public(name, pattern.clone(), Caching::NoStore),
                _ => RouteRule::personal(name, pattern.clone()),
            }
        }).collect();
        let table = compile(rules);
        let behaviours = behaviours(&table);
        for path in paths {
            let cached = behaviours.iter().find(|(pattern, _)| matches(pattern.as_bytes(), path.as_bytes())).is_some_and(|(_, cached)| *cached);
            let found = table.resolve(&Method::GET, &path);
            let kept_apart = matches!(found.because, Because::Declared | Because::SuffixNotDeclared) && !found.may_be_stored();
            prop_assert!(!(cached && kept_apart), "{:?} {} {:?}", patterns, path, behaviours);
        }
    }
}
