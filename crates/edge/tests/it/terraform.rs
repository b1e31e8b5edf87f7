//! A check of the Terraform documents by a schema of our own: which attributes the providers' resources have, as their
//! documentation says. Terraform itself and the providers are not run.

use edge::export::{cloudflare, cloudfront};
use serde_json::Value;

use crate::export::options;
use crate::founding;

/// (path with `*` for any key or index, attributes that may stand there, those that must).
type Schema = &'static [(&'static str, &'static [&'static str], &'static [&'static str])];

const CLOUDFRONT: Schema = &[
    ("", &["terraform", "variable", "data", "resource"], &["variable", "data", "resource"]),
    (
        "resource",
        &[
            "aws_cloudfront_distribution",
            "aws_cloudfront_cache_policy",
            "aws_cloudfront_response_headers_policy",
            "aws_cloudfront_function",
        ],
        &["aws_cloudfront_distribution"],
    ),
    (
        "resource/aws_cloudfront_distribution/*",
        &[
            "enabled",
            "comment",
            "origin",
            "default_cache_behavior",
            "ordered_cache_behavior",
            "restrictions",
            "viewer_certificate",
            "aliases",
            "custom_error_response",
        ],
        &["enabled", "origin", "default_cache_behavior", "restrictions", "viewer_certificate"],
    ),
    ("resource/aws_cloudfront_distribution/*/default_cache_behavior/*", BEHAVIOUR, REQUIRED),
    (
        "resource/aws_cloudfront_distribution/*/ordered_cache_behavior/*",
        BEHAVIOUR,
        &[
            "target_origin_id",
            "viewer_protocol_policy",
            "allowed_methods",
            "cached_methods",
            "cache_policy_id",
            "path_pattern",
        ],
    ),
    (
        "resource/aws_cloudfront_distribution/*/custom_error_response/*",
        &["error_code", "error_caching_min_ttl", "response_code", "response_page_path"],
        &["error_code"],
    ),
    (
        "resource/aws_cloudfront_cache_policy/*",
        &[
            "name",
            "comment",
            "min_ttl",
            "default_ttl",
            "max_ttl",
            "parameters_in_cache_key_and_forwarded_to_origin",
        ],
        &["name", "min_ttl", "parameters_in_cache_key_and_forwarded_to_origin"],
    ),
    (
        "resource/aws_cloudfront_cache_policy/*/parameters_in_cache_key_and_forwarded_to_origin/*",
        &[
            "cookies_config",
            "headers_config",
            "query_strings_config",
            "enable_accept_encoding_gzip",
            "enable_accept_encoding_brotli",
        ],
        &["cookies_config", "headers_config", "query_strings_config"],
    ),
    (
        "resource/aws_cloudfront_response_headers_policy/*",
        &["name", "comment", "custom_headers_config", "remove_headers_config"],
        &["name"],
    ),
    (
        "resource/aws_cloudfront_response_headers_policy/*/custom_headers_config/*/items/*",
        &["header", "value", "override"],
        &["header", "value", "override"],
    ),
    (
        "resource/aws_cloudfront_response_headers_policy/*/remove_headers_config/*/items/*",
        &["header"],
        &["header"],
    ),
    (
        "resource/aws_cloudfront_function/*",
        &["name", "runtime", "comment", "publish", "code"],
        &["name", "runtime", "code"],
    ),
];
const BEHAVIOUR: &[&str] = &[
    "target_origin_id",
    "viewer_protocol_policy",
    "allowed_methods",
    "cached_methods",
    "compress",
    "cache_policy_id",
    "origin_request_policy_id",
    "response_headers_policy_id",
    "function_association",
    "path_pattern",
];
const REQUIRED: &[&str] =
    &["target_origin_id", "viewer_protocol_policy", "allowed_methods", "cached_methods", "cache_policy_id"];

const CLOUDFLARE: Schema = &[
    ("", &["terraform", "variable", "resource"], &["variable", "resource"]),
    (
        "resource",
        &["cloudflare_ruleset", "cloudflare_workers_script", "cloudflare_workers_route"],
        &["cloudflare_ruleset"],
    ),
    (
        "resource/cloudflare_ruleset/*",
        &["zone_id", "name", "description", "kind", "phase", "rules"],
        &["zone_id", "name", "kind", "phase", "rules"],
    ),
    (
        "resource/cloudflare_ruleset/*/rules/*",
        &["ref", "description", "expression", "action", "action_parameters", "enabled"],
        &["ref", "expression", "action", "action_parameters"],
    ),
    (
        "resource/cloudflare_ruleset/*/rules/*/action_parameters",
        &["cache", "edge_ttl", "browser_ttl"],
        &["cache"],
    ),
    (
        "resource/cloudflare_workers_script/*",
        &["account_id", "script_name", "main_module", "compatibility_date", "content"],
        &["account_id", "script_name", "content"],
    ),
    ("resource/cloudflare_workers_route/*", &["zone_id", "pattern", "script"], &["zone_id", "pattern"]),
];

fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('/').filter(|step| !step.is_empty()).fold(vec![value], |found, step| {
        found
            .into_iter()
            .flat_map(|value| match (value, step) {
                (Value::Object(map), "*") => map.values().collect::<Vec<_>>(),
                (Value::Array(items), "*") => items.iter().collect(),
                (other, step) => other.get(step).into_iter().collect(),
            })
            .collect()
    })
}

fn check(document: &Value, schema: Schema) {
    for (path, may, must) in schema {
        let found = at(document, path);
        assert!(!found.is_empty(), "nothing at {path}");
        for value in found {
            let map = value.as_object().unwrap_or_else(|| panic!("{path} is no object"));
            for key in map.keys() {
                assert!(may.contains(&key.as_str()), "{path} has no attribute {key}");
            }
            for key in *must {
                assert!(map.contains_key(*key), "{path} lacks {key}");
            }
        }
    }
}

/// Every `${a.b.c}` names something that the document has.
fn resolve(document: &Value, value: &Value) {
    match value {
        Value::String(text) => {
            let Some(expression) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
                return;
            };
            let parts: Vec<&str> = expression.split('.').collect();
            let path = match parts.as_slice() {
                ["var", name] => format!("variable/{name}"),
                ["data", kind, name, "id"] => format!("data/{kind}/{name}"),
                [kind, name, _] if !kind.starts_with("file(") => format!("resource/{kind}/{name}"),
                _ => return assert!(expression.starts_with("file(\"${path.module}/suimon-"), "{expression}"),
            };
            assert_eq!(at(document, &path).len(), 1, "{expression}");
        }
        Value::Array(items) => items.iter().for_each(|item| resolve(document, item)),
        Value::Object(map) => map.values().for_each(|item| resolve(document, item)),
        _ => {}
    }
}

fn document(bundle: &edge::export::Bundle, name: &str) -> Value {
    serde_json::from_str(bundle.file(name).expect("the document")).expect("JSON")
}

#[test]
fn cloudfront_has_the_providers_shape_and_never_keeps_what_is_personal() {
    let bundle = cloudfront(&founding(), &options(true)).expect("a plain name");
    let document = document(&bundle, "suimon-online-application-cloudfront.tf.json");
    check(&document, CLOUDFRONT);
    resolve(&document, &document);
    let distribution = at(&document, "resource/aws_cloudfront_distribution/*")[0];
    let disabled = "${data.aws_cloudfront_cache_policy.suimon_online_application_disabled.id}";
    assert_eq!(distribution["default_cache_behavior"][0]["cache_policy_id"], disabled);
    let ordered: Vec<(&str, bool)> = distribution["ordered_cache_behavior"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|behaviour| {
            (behaviour["path_pattern"].as_str().expect("a pattern"), behaviour["cache_policy_id"] != disabled)
        })
        .collect();
    // `*` of CloudFront crosses slashes, and the first that matches counts.
    let position = |pattern| {
        ordered
            .iter()
            .position(|(known, _)| *known == pattern)
            .unwrap_or_else(|| panic!("{pattern}: {ordered:?}"))
    };
    assert!(position("/slots/mine") < position("/slots/*") && position("/slots/*/*") < position("/slots/*"));
    for (pattern, public) in &ordered {
        let expected = matches!(*pattern, "/" | "/assets" | "/assets/*" | "/slots/*");
        assert_eq!(*public, expected, "{pattern}");
    }
    // Above nought CloudFront keeps what the origin forbids; and no public behaviour may see who asks.
    for policy in at(&document, "resource/aws_cloudfront_cache_policy/*") {
        assert_eq!(policy["min_ttl"], 0);
        assert_eq!(
            policy["parameters_in_cache_key_and_forwarded_to_origin"][0]["cookies_config"][0]["cookie_behavior"],
            "none"
        );
    }
    for behaviour in distribution["ordered_cache_behavior"].as_array().expect("a list") {
        let personal = behaviour["cache_policy_id"] == disabled;
        assert_eq!(behaviour.get("origin_request_policy_id").is_some(), personal);
        assert_eq!(behaviour.get("function_association").is_some(), personal);
    }
    let function = bundle.file("suimon-online-application-viewer-response.js").expect("the function");
    assert!(function.len() < edge::export::CLOUDFRONT_FUNCTION_LIMIT);
    let unbound = cloudfront(&founding(), &options(false)).expect("a plain name");
    assert_eq!(unbound.files.len(), 1);
}

#[test]
fn cloudflare_bypasses_first_and_never_overrides_the_origin() {
    let bundle = cloudflare(&founding(), &options(true)).expect("a plain name");
    let document = document(&bundle, "suimon-online-application-cloudflare.tf.json");
    check(&document, CLOUDFLARE);
    resolve(&document, &document);
    let rules = at(&document, "resource/cloudflare_ruleset/*/rules")[0].as_array().expect("a list");
    assert_eq!(
        (&rules[0]["expression"], &rules[0]["action_parameters"]["cache"]),
        (&"true".into(), &false.into())
    );
    assert!(rules.len() > 1);
    for rule in &rules[1..] {
        assert_eq!(rule["action_parameters"]["edge_ttl"]["mode"], "bypass_by_default");
        let expression = rule["expression"].as_str().expect("a text");
        assert!(
            expression.contains("authorization")
                && expression.contains("raw.http.request.uri.path eq http.request.uri.path")
        );
        assert_eq!(expression.matches('(').count(), expression.matches(')').count());
    }
    let slots = rules.iter().find(|rule| rule["description"] == "slots").expect("the route's rule");
    assert!(
        slots["expression"].as_str().is_some_and(
            |text| text.contains("not starts_with(lower(http.request.uri.path), \"/slots/mine\")")
        )
    );
}
