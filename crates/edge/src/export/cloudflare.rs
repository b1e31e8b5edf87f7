//! Cloudflare as Terraform JSON (provider cloudflare/cloudflare 5), and a Worker.

use serde_json::{Value, json};

use super::native::{End, NOT_PLAIN, NativeRule, rules};
use super::terraform::{document, file, reference, text, variable};
use super::{Bundle, File, Note, Options, javascript};
use crate::error::RuleError;
use crate::route::RouteTable;
use crate::route::pattern::{Pattern, Segment};

/// Longest expression of a rule, in characters.
const MAX_EXPRESSION: usize = 4_096;

/// Files: `suimon-NAME-cloudflare.tf.json` and the Worker `suimon-NAME-worker.mjs`.
///
/// The first cache rule bypasses the cache for everything; one for each public route follows. The last that matches counts;
/// should the first count instead, nothing would be cached. A public route is eligible only with `bypass_by_default`: what
/// the origin does not declare cacheable is not cached, and no lifetime overrides the origin. The Worker seals what is
/// personal and, with identity binding, refuses a response whose subject is not its viewer.
///
/// # Errors
/// If the name cannot be part of identifiers, or a pattern is too long.
pub fn cloudflare(table: &RouteTable, options: &Options) -> Result<Bundle, RuleError> {
    options.check()?;
    let ident = format!("suimon_{}", options.ident());
    let (rules, mut notes) = rules(table)?;
    let mut cache_rules = vec![json!({
        "ref": "suimon_bypass",
        "description": "What no public route covers is personal",
        "expression": "true",
        "action": "set_cache_settings",
        "action_parameters": { "cache": false },
    })];
    for rule in rules.iter().filter(|rule| !rule.is_personal()) {
        match expression(rule, table) {
            Some(expression) if expression.len() <= MAX_EXPRESSION => cache_rules.push(json!({
                "ref": format!("suimon_{}", rule.id),
                "description": text(&super::comment(&rule.route.name)),
                "expression": text(&expression),
                "action": "set_cache_settings",
                "action_parameters": {
                    "cache": true,
                    "edge_ttl": { "mode": "bypass_by_default" },
                    "browser_ttl": { "mode": "respect_origin" },
                },
            })),
            _ => notes.push(Note {
                route: Some(rule.route.name.to_string()),
                text: "Cloudflare cannot say this pattern without its plan for regular expressions: its paths bypass the cache",
            }),
        }
    }
    let worker = format!("suimon-{}-worker.mjs", options.name);
    let value = json!({
        "terraform": { "required_providers": { "cloudflare": { "source": "cloudflare/cloudflare", "version": ">= 5.0" } } },
        "variable": {
            format!("{ident}_zone_id"): variable("Zone"),
            format!("{ident}_account_id"): variable("Account"),
            format!("{ident}_route"): variable("Where the Worker runs, for example `www.example.jp/*`"),
        },
        "resource": {
            "cloudflare_ruleset": { format!("{ident}_cache"): {
                "zone_id": reference(&format!("var.{ident}_zone_id")),
                "name": format!("suimon {}", options.name),
                "kind": "zone",
                "phase": "http_request_cache_settings",
                "rules": cache_rules,
            }},
            "cloudflare_workers_script": { format!("{ident}_worker"): {
                "account_id": reference(&format!("var.{ident}_account_id")),
                "script_name": format!("suimon-{}", options.name),
                "main_module": worker.clone(),
                "compatibility_date": "2024-09-23",
                "content": file(&worker),
            }},
            "cloudflare_workers_route": { format!("{ident}_route"): {
                "zone_id": reference(&format!("var.{ident}_zone_id")),
                "pattern": reference(&format!("var.{ident}_route")),
                "script": reference(&format!("cloudflare_workers_script.{ident}_worker.script_name")),
            }},
        },
    });
    let files = vec![
        document(format!("suimon-{}-cloudflare.tf.json", options.name), &value),
        File { name: worker, content: program(&rules, options.identity_binding) },
    ];
    Ok(Bundle { files, notes })
}

/// The path must be the same before and after Cloudflare's normalisation, and no personal route may be near.
fn expression(rule: &NativeRule<'_>, table: &RouteTable) -> Option<String> {
    const PATH: &str = "http.request.uri.path";
    let (last, before) = rule.route.pattern.segments().split_last()?;
    let mut prefix = String::new();
    for segment in before {
        let Segment::Literal(name) = segment else { return None };
        prefix = format!("{prefix}/{}", quotable(name)?);
    }
    let own = match last {
        Segment::Literal(name) => format!("{PATH} eq \"{prefix}/{}\"", quotable(name)?),
        Segment::Rest if prefix.is_empty() => format!("starts_with({PATH}, \"/\")"),
        Segment::Rest => format!("({PATH} eq \"{prefix}\" or starts_with({PATH}, \"{prefix}/\"))"),
        Segment::Any => format!(
            "starts_with({PATH}, \"{prefix}/\") and not ({PATH} strict wildcard \"{prefix}/*/*\") and {PATH} ne \"{prefix}/\""
        ),
    };
    let mut text = format!(
        "http.request.method in {{\"GET\" \"HEAD\"}} and not any(http.request.headers.names[*] eq \"authorization\") and \
         raw.{PATH} eq {PATH} and not ({PATH} contains \"%\" or {PATH} contains \";\" or {PATH} contains \"//\" or \
         {PATH} contains \"\\\\\" or {PATH} contains \"./\" or ends_with({PATH}, \".\")) and {own}"
    );
    let mine = literal_prefix(&rule.route.pattern);
    for id in &rule.route.contested_by {
        let theirs = literal_prefix(&table.routes[*id as usize].pattern.folded());
        if mine.to_ascii_lowercase().starts_with(&theirs) {
            return None; // nothing of this route would be left
        }
        text.push_str(&format!(" and not starts_with(lower({PATH}), \"{}\")", quotable(&theirs)?));
    }
    if !rule.route.suffixes.is_empty() {
        let allowed: Vec<String> = rule.route.suffixes.iter().map(|suffix| format!("\"{suffix}\"")).collect();
        text.push_str(&format!(" and {PATH}.extension in {{\"\" {}}}", allowed.join(" ")));
    }
    // Personal to a cache, although declared public (no-store, other methods): nothing tells them apart here.
    let is_swallowing = table.routes.iter().any(|other| {
        !other.is_personal()
            && other.pattern.specificity(&rule.route.pattern).is_gt()
            && other.pattern.folded().meets(&rule.route.pattern.folded())
            && (!other.answers(&http::Method::GET)
                || matches!(other.class, crate::rules::Class::Public(crate::rules::Caching::NoStore))
                || !other.suffixes.is_empty())
    });
    (!is_swallowing).then_some(text)
}

/// Up to the first wildcard, or the last slash before it.
fn literal_prefix(pattern: &Pattern) -> String {
    let mut text = String::new();
    for segment in pattern.segments() {
        match segment {
            Segment::Literal(name) => {
                text.push('/');
                text.push_str(name);
            }
            Segment::Any => {
                text.push('/');
                break;
            }
            Segment::Rest => break,
        }
    }
    text
}

/// The text, if nothing in it means anything between the quotes of an expression or to its wildcards.
fn quotable(text: &str) -> Option<&str> {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.~!$&'()+,=:@".contains(c)).then_some(text)
}

fn program(rules: &[NativeRule<'_>], identity_binding: bool) -> String {
    let string = javascript::string;
    let mut list = String::new();
    for rule in rules {
        let flags = if rule.route.is_personal() { "i" } else { "" };
        let suffixes = match rule.suffixes() {
            Some(_) if rule.is_personal() && !rule.route.is_personal() => Value::Null.to_string(),
            Some(allowed) => format!("new RegExp({}, \"i\")", string(&format!("^(?:{allowed})$"))),
            None => "null".to_owned(),
        };
        list.push_str(&format!(
            "  {{ path: new RegExp({}, \"{flags}\"), suffixes: {suffixes}, shared: {}, personal: {} }},\n",
            string(&End::JavaScript.of(&rule.expression)),
            !rule.is_personal(),
            rule.route.is_personal()
        ));
    }
    format!(
        r#"// Seals personal responses and refuses those whose subject is not the viewer. It compares texts and computes nothing.
{constants}var BINDING = {identity_binding};
var NOT_PLAIN = new RegExp({not_plain});
var HOSTILE = new RegExp({hostile}, "i");
var CONFUSED_FILE = new RegExp({confused}, "i");
var STORABLE = [200, 203, 206, 304];
// The first that matches counts.
var RULES = [
{list}];
var REMOVED = ["expires", "etag", "last-modified", "age", "pragma", "no-vary-search", "cloudflare-cdn-cache-control",
  "edge-control", "cache-tag", "edge-cache-tag", "surrogate-key", "xkey"];

function classify(request) {{
  var path = new URL(request.url).pathname;
  if (HOSTILE.test(path) || CONFUSED_FILE.test(path)) return "refused";
  if (NOT_PLAIN.test(path)) return "personal";
  var rule = RULES.find(function (rule) {{ return rule.path.test(path); }});
  if (!rule) return "personal";
  var dot = /\.([^./]+)\/?$/.exec(path);
  var allowed = !rule.suffixes || rule.suffixes.test(dot ? dot[1] : "");
  if (rule.personal && !allowed) return "refused";
  var safe = request.method === "GET" || request.method === "HEAD";
  return rule.shared && allowed && safe && !request.headers.has("authorization") ? "public" : "personal";
}}

function viewerOf(request) {{
  var found = (request.headers.get("cookie") || "").split(";").map(function (pair) {{ return pair.trim(); }})
    .filter(function (pair) {{ return pair.startsWith(COOKIE + "="); }});
  return found.length === 1 ? found[0].slice(COOKIE.length + 1) : "";
}}

function provesPersonal(response) {{
  var headers = response.headers;
  var says = [headers.get("cache-control"), headers.get("surrogate-control"), headers.get("cdn-cache-control")].join(",");
  return STORABLE.indexOf(response.status) < 0
    || ["set-cookie", "www-authenticate", "authentication-info", "clear-site-data"].some(function (name) {{ return headers.has(name); }})
    || (headers.has(TAG) && headers.get(TAG) !== ANONYMOUS)
    || /(?:^|[,\s])(?:private|no-store)/i.test(says)
    || headers.get("x-accel-expires") === "0"
    || /(?:^|[,\s])(?:\*|cookie|authorization)(?:[,\s]|$)/i.test(headers.get("vary") || "");
}}

function seal(headers) {{
  var vary = (headers.get("vary") || "").split(",").map(function (name) {{ return name.trim(); }})
    .filter(function (name) {{ return name && !/^(?:cookie|authorization)$/i.test(name); }});
  SEALED.forEach(function (pair) {{ headers.set(pair[0], pair[1]); }});
  if (vary.length) headers.set("vary", headers.get("vary") + ", " + vary.join(", "));
  REMOVED.forEach(function (name) {{ headers.delete(name); }});
}}

function refusal(status) {{
  var headers = new Headers();
  seal(headers);
  return new Response(null, {{ status: status, headers: headers }});
}}

export default {{
  async fetch(request) {{
    var kind = classify(request);
    if (kind === "refused") return refusal(404);
    var forwarded = new Request(request);
    // For the guard a word of this edge, not of the visitor.
    forwarded.headers.delete({channel});
    if (kind === "personal") {{
      if (forwarded.headers.has("if-range")) forwarded.headers.delete("range");
      ["if-none-match", "if-modified-since", "if-range"].forEach(function (name) {{ forwarded.headers.delete(name); }});
    }}
    var response = await fetch(forwarded);
    // Bytes of another protocol: no page, and nothing that could be kept.
    if (response.status === 101) return response;
    var subject = response.headers.get(TAG) || "";
    if (BINDING && (subject || kind === "personal")) {{
      var viewer = viewerOf(request);
      // An outage stays visible as one, without its body.
      if (subject !== ANONYMOUS && (subject === "" || subject !== viewer)) return refusal(response.status >= 500 ? response.status : 409);
    }}
    if (kind === "public" && !provesPersonal(response)) return response;
    var sealed = new Response(response.body, response);
    seal(sealed.headers);
    return sealed;
  }},
}};
"#,
        constants = javascript::constants(),
        channel = string(super::native::CHANNEL),
        not_plain = string(&End::JavaScript.of(NOT_PLAIN)),
        hostile = string(&End::JavaScript.of(super::native::HOSTILE)),
        confused = string(&End::JavaScript.of(super::native::CONFUSED_FILE)),
    )
}
