//! CloudFront as Terraform JSON (provider hashicorp/aws 5), and a CloudFront function (runtime cloudfront-js-2.0).

use serde_json::{Map, Value, json};

use super::native::{NativeRule, Shared, rules};
use super::terraform::{document, file, reference, text, variable};
use super::{Bundle, File, Note, Options, javascript};
use crate::error::RuleError;
use crate::policy::{CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES};
use crate::route::RouteTable;
use crate::route::pattern::Segment;
use crate::rules::{Lifetime, MAX_SECONDS};

/// Most bytes of a CloudFront function.
pub const CLOUDFRONT_FUNCTION_LIMIT: usize = 10_240;
/// Longest path pattern of a cache behaviour.
const MAX_PATH_PATTERN: usize = 255;

/// Files: `suimon-NAME-cloudfront.tf.json`, and with identity binding `suimon-NAME-viewer-response.js`.
///
/// What is not public is never cached: the default behaviour, and one for each personal route that a public pattern would
/// swallow, use the managed policy `CachingDisabled` (looked up by name, because ids must not be guessed). A public
/// behaviour forwards neither cookies nor `Authorization`, so that the origin cannot make a personal page for it, and its
/// minimum lifetime is 0: above 0, CloudFront keeps what the origin forbids to keep.
///
/// # Errors
/// If the name cannot be part of identifiers, or a pattern is too long.
pub fn cloudfront(table: &RouteTable, options: &Options) -> Result<Bundle, RuleError> {
    options.check()?;
    let ident = format!("suimon_{}", options.ident());
    let (rules, mut notes) = rules(table)?;
    let personal = behaviour(&ident, options, Target::Personal);
    let (mut ordered, mut policies) = (Vec::new(), Map::new());
    for rule in &rules {
        let Some(shared) = rule.shared else {
            if is_in_the_way(rule, &rules) {
                ordered
                    .extend(personal_patterns(rule).iter().map(|pattern| with_pattern(&personal, pattern)));
            }
            continue;
        };
        let mut note = |text| notes.push(Note { route: Some(rule.route.name.to_string()), text });
        if !rule.route.suffixes.is_empty() {
            note(
                "a public route with a list of suffixes is personal at CloudFront: its patterns cannot say `only these`",
            );
            ordered.extend(personal_patterns(rule).iter().map(|pattern| with_pattern(&personal, pattern)));
            continue;
        }
        let Some((guards, patterns)) = public_patterns(rule) else {
            note("CloudFront cannot say this pattern: its paths are personal there");
            continue;
        };
        ordered.extend(guards.iter().map(|pattern| with_pattern(&personal, pattern)));
        policies.insert(format!("{ident}_{}", rule.id), cache_policy(&options.name, &rule.id, shared));
        let public = behaviour(&ident, options, Target::Public(&rule.id));
        ordered.extend(patterns.iter().map(|pattern| with_pattern(&public, pattern)));
    }
    notes.push(Note {
        route: None,
        text: "CloudFront passes a visitor's X-Suimon-Channel on to personal paths: know the guard's channels by path or host, or take the \
               header away in a function of your own",
    });
    if ordered.len() > 75 {
        notes.push(Note {
            route: None,
            text: "more than 75 behaviours: ask AWS for a higher quota before applying",
        });
    }
    // A personal error page is a personal page.
    let errors = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]
        .map(|code| json!({ "error_code": code, "error_caching_min_ttl": 0 }));
    let mut distribution = json!({
        "enabled": true,
        "comment": text(&format!("suimon {}", options.name)),
        "origin": [{
            "origin_id": "suimon",
            "domain_name": reference(&format!("var.{ident}_origin")),
            "custom_origin_config": [{
                "http_port": 80, "https_port": 443, "origin_protocol_policy": "https-only", "origin_ssl_protocols": ["TLSv1.2"],
            }],
        }],
        "default_cache_behavior": [personal],
        "restrictions": [{ "geo_restriction": [{ "restriction_type": "none" }] }],
        "viewer_certificate": [{
            "acm_certificate_arn": reference(&format!("var.{ident}_certificate")),
            "ssl_support_method": "sni-only",
            "minimum_protocol_version": "TLSv1.2_2021",
        }],
        "aliases": reference(&format!("var.{ident}_aliases")),
        "custom_error_response": errors,
    });
    if !ordered.is_empty() {
        distribution["ordered_cache_behavior"] = Value::Array(ordered);
    }
    let mut resources = json!({
        "aws_cloudfront_distribution": { ident.clone(): distribution },
        "aws_cloudfront_response_headers_policy": { format!("{ident}_personal"): headers_policy(&options.name) },
    });
    if !policies.is_empty() {
        resources["aws_cloudfront_cache_policy"] = Value::Object(policies);
    }
    let mut files = Vec::new();
    if options.identity_binding {
        let name = format!("suimon-{}-viewer-response.js", options.name);
        resources["aws_cloudfront_function"] = json!({ format!("{ident}_binding"): {
            "name": format!("suimon-{}-binding", options.name),
            "runtime": "cloudfront-js-2.0",
            "comment": "refuses a response whose subject is not its viewer",
            "publish": true,
            "code": file(&name),
        }});
        notes.push(Note {
            route: None,
            text: "CloudFront does not call the function for responses of status 400 and above: errors are bound by nothing",
        });
        files.push(File { name, content: function() });
    }
    let document_value = json!({
        "terraform": [{ "required_providers": [{ "aws": { "source": "hashicorp/aws", "version": ">= 5.0" } }] }],
        "variable": {
            format!("{ident}_origin"): variable("Host name of the origin, or of the guard before it"),
            format!("{ident}_certificate"): variable("ARN of the certificate, in us-east-1"),
            format!("{ident}_aliases"): { "type": "list(string)", "description": "Host names that viewers use" },
        },
        "data": {
            "aws_cloudfront_cache_policy": { format!("{ident}_disabled"): { "name": "Managed-CachingDisabled" } },
            "aws_cloudfront_origin_request_policy": { format!("{ident}_all_viewer"): { "name": "Managed-AllViewer" } },
        },
        "resource": resources,
    });
    files.insert(0, document(format!("suimon-{}-cloudfront.tf.json", options.name), &document_value));
    Ok(Bundle { files, notes })
}

#[derive(Clone, Copy)]
enum Target<'a> {
    Personal,
    Public(&'a str),
}

fn behaviour(ident: &str, options: &Options, target: Target<'_>) -> Value {
    let methods = match target {
        Target::Personal => json!(["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]),
        Target::Public(_) => json!(["GET", "HEAD"]),
    };
    let mut value = json!({
        "target_origin_id": "suimon",
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": methods,
        "cached_methods": ["GET", "HEAD"],
        "compress": true,
    });
    match target {
        Target::Personal => {
            value["cache_policy_id"] =
                reference(&format!("data.aws_cloudfront_cache_policy.{ident}_disabled.id"));
            value["origin_request_policy_id"] =
                reference(&format!("data.aws_cloudfront_origin_request_policy.{ident}_all_viewer.id"));
            value["response_headers_policy_id"] =
                reference(&format!("aws_cloudfront_response_headers_policy.{ident}_personal.id"));
            if options.identity_binding {
                value["function_association"] = json!([{
                    "event_type": "viewer-response",
                    "function_arn": reference(&format!("aws_cloudfront_function.{ident}_binding.arn")),
                }]);
            }
        }
        Target::Public(id) => {
            value["cache_policy_id"] = reference(&format!("aws_cloudfront_cache_policy.{ident}_{id}.id"));
        }
    }
    value
}

fn with_pattern(behaviour: &Value, pattern: &str) -> Value {
    let mut value = behaviour.clone();
    value["path_pattern"] = text(pattern);
    value
}

fn cache_policy(name: &str, id: &str, shared: Shared<'_>) -> Value {
    let none = Lifetime::default();
    let (default, max, vary) = match shared {
        Shared::Origin => (0, 31_536_000, &none.vary),
        Shared::Lifetime(lifetime, _) => {
            let seconds = lifetime.s_maxage.unwrap_or(lifetime.max_age).min(MAX_SECONDS);
            (seconds, seconds, &lifetime.vary)
        }
    };
    // Encodings are normalised by CloudFront itself, and it refuses to list them.
    let vary: Vec<Value> = vary
        .iter()
        .filter(|name| *name != http::header::ACCEPT_ENCODING)
        .map(|name| text(name.as_str()))
        .collect();
    let headers = if vary.is_empty() {
        json!([{ "header_behavior": "none" }])
    } else {
        json!([{ "header_behavior": "whitelist", "headers": [{ "items": vary }] }])
    };
    json!({
        "name": format!("suimon-{name}-{id}"),
        "min_ttl": 0,
        "default_ttl": default,
        "max_ttl": max,
        "parameters_in_cache_key_and_forwarded_to_origin": [{
            "enable_accept_encoding_gzip": true,
            "enable_accept_encoding_brotli": true,
            "cookies_config": [{ "cookie_behavior": "none" }],
            "headers_config": headers,
            "query_strings_config": [{ "query_string_behavior": "all" }],
        }],
    })
}

fn headers_policy(name: &str) -> Value {
    let set = [
        ("Cache-Control", CACHE_CONTROL),
        ("CDN-Cache-Control", CDN_CACHE_CONTROL),
        ("Surrogate-Control", SURROGATE_CONTROL),
        ("X-Accel-Expires", X_ACCEL_EXPIRES),
        ("Vary", VARY),
    ]
    .map(|(header, value)| json!({ "header": header, "value": value, "override": true }));
    let removed = ["Expires", "ETag", "Last-Modified", "Pragma", "No-Vary-Search"]
        .map(|header| json!({ "header": header }));
    json!({
        "name": format!("suimon-{name}-personal"),
        "custom_headers_config": [{ "items": set }],
        "remove_headers_config": [{ "items": removed }],
    })
}

/// Whether some storable rule could be taken for this personal one.
fn is_in_the_way(personal: &NativeRule<'_>, rules: &[NativeRule<'_>]) -> bool {
    let position = personal.id[1..].parse::<u32>().ok();
    // One that is personal only to a cache (no-store, other methods) has no entry in a list of contests: keep it always.
    !personal.route.is_personal()
        || rules.iter().any(|rule| {
            !rule.is_personal()
                && position.is_some_and(|position| rule.route.contested_by.contains(&position))
        })
}

/// Over-broad on purpose: whatever CloudFront cannot write becomes `*`.
fn personal_patterns(rule: &NativeRule<'_>) -> Vec<String> {
    let (mut text, mut ends_open) = (String::new(), false);
    for segment in rule.route.pattern.segments() {
        match segment {
            Segment::Rest => {
                let mut found = vec![cut(format!("{text}/*"))];
                if !text.is_empty() {
                    found.push(cut(text));
                }
                return found;
            }
            Segment::Any => text.push_str("/*"),
            Segment::Literal(name) => {
                text.push('/');
                for c in name.chars() {
                    if is_allowed(c) {
                        text.push(c);
                    } else if !text.ends_with('*') {
                        text.push('*');
                    }
                }
            }
        }
        ends_open = text.ends_with('*');
    }
    if ends_open || text.ends_with('/') {
        return vec![cut(text)];
    }
    vec![cut(text.clone()), cut(format!("{text}/")), cut(format!("{text}.*"))]
}

fn cut(mut pattern: String) -> String {
    if pattern.len() > MAX_PATH_PATTERN {
        pattern.truncate(MAX_PATH_PATTERN - 1); // ASCII only
        pattern.push('*');
    }
    pattern
}

/// Personal patterns that must come first, and the public ones; none if CloudFront would match more than the route does.
fn public_patterns(rule: &NativeRule<'_>) -> Option<(Vec<String>, Vec<String>)> {
    let segments = rule.route.pattern.segments();
    let (last, before) = segments.split_last()?;
    let mut prefix = String::new();
    for segment in before {
        let Segment::Literal(name) = segment else { return None };
        if !name.chars().all(is_allowed) {
            return None;
        }
        prefix.push('/');
        prefix.push_str(name);
    }
    let (guards, patterns) = match last {
        Segment::Literal(name) if name.chars().all(is_allowed) => (vec![], vec![format!("{prefix}/{name}")]),
        Segment::Literal(_) => return None,
        Segment::Rest if prefix.is_empty() => (vec![], vec!["/*".to_owned()]),
        Segment::Rest => (vec![], vec![format!("{prefix}/*"), prefix]),
        // `*` of CloudFront is any text, with slashes and empty.
        Segment::Any => (vec![format!("{prefix}/*/*"), format!("{prefix}/")], vec![format!("{prefix}/*")]),
    };
    guards
        .iter()
        .chain(&patterns)
        .all(|pattern| pattern.len() <= MAX_PATH_PATTERN)
        .then_some((guards, patterns))
}

/// What a path pattern may hold, except for its wildcards and the double quote.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '~' | '\'' | '@' | ':' | '+' | '&')
}

fn function() -> String {
    format!(
        r#"// Refuses a response whose subject is not its viewer. It compares two texts and computes nothing.
{constants}
function handler(event) {{
  var response = event.response;
  var tag = response.headers[TAG];
  var cookie = event.request.cookies[COOKIE];
  var subject = tag && !tag.multiValue ? tag.value : "";
  var viewer = cookie && !cookie.multiValue ? cookie.value : "";
  if (subject === ANONYMOUS || (subject !== "" && subject === viewer)) {{
    return response;
  }}
  var headers = {{}};
  for (var i = 0; i < SEALED.length; i++) {{
    headers[SEALED[i][0]] = {{ value: SEALED[i][1] }};
  }}
  return {{ statusCode: 409, statusDescription: "Conflict", headers: headers, body: {{ encoding: "text", data: "" }} }};
}}
"#,
        constants = javascript::constants()
    )
}
