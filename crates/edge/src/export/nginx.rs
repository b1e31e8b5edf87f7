//! nginx: maps for the `http` block, directives for the location that passes to the origin.

use std::fmt::Write as _;

use super::native::{CHANNEL, CONFUSED_FILE, End, HOSTILE, NOT_PLAIN, NativeRule, Shared, rules};
use super::{Bundle, File, Note, Options, comment};
use crate::error::RuleError;
use crate::policy::{CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES};
use crate::route::RouteTable;

/// Fields that are hidden and set anew: (field, value when personal, kept from the origin on a route with a lifetime).
const FIELDS: [(&str, &str, bool); 15] = [
    ("CDN-Cache-Control", CDN_CACHE_CONTROL, false),
    ("Surrogate-Control", SURROGATE_CONTROL, false),
    ("X-Accel-Expires", X_ACCEL_EXPIRES, false),
    ("Expires", "", false),
    ("Pragma", "", false),
    ("ETag", "", true),
    ("Last-Modified", "", true),
    ("Age", "", true),
    ("No-Vary-Search", "", true),
    ("Cloudflare-CDN-Cache-Control", "", false),
    ("Edge-Control", "", false),
    ("Cache-Tag", "", true),
    ("Edge-Cache-Tag", "", true),
    ("Surrogate-Key", "", true),
    ("xkey", "", true),
];

/// Two files: `suimon-NAME-http.conf`, included once in `http`, and `suimon-NAME-location.conf`, included in each
/// location that has a `proxy_pass` to the origin (beside its own `proxy_set_header` and `add_header`: nginx does not
/// inherit those into a location that has any).
///
/// nginx cannot compare a response's tag with a cookie, so `identity_binding` becomes a note.
///
/// # Errors
/// If the name cannot be part of identifiers, or a pattern is too long.
pub fn nginx(table: &RouteTable, options: &Options) -> Result<Bundle, RuleError> {
    options.check()?;
    // nginx hashes variables into buckets of 64 bytes, which hold names of at most 46: 4 + 32 + 1 + 8 are fewer.
    let v = format!("sui_{}", options.ident());
    let (rules, mut notes) = rules(table)?;
    if options.identity_binding {
        notes.push(Note {
            route: None,
            text: "nginx by itself cannot refuse a response by its tag: bind identities at another layer",
        });
    }
    notes.push(Note {
        route: None,
        text: "nginx before 1.23 shows its maps the first line of a field: an origin that forbids caching in a second line \
               (Cache-Control, Vary) is overlooked; put the guard before it, or use 1.23 or later",
    });
    let name = &options.name;
    let files = vec![
        File { name: format!("suimon-{name}-http.conf"), content: http(&v, &rules) },
        File { name: format!("suimon-{name}-location.conf"), content: location(&v) },
    ];
    Ok(Bundle { files, notes })
}

fn http(v: &str, rules: &[NativeRule<'_>]) -> String {
    let mut out = String::from(
        "# Made from the declared routes; change those. For the http block. If nginx warns of its variables_hash, set\n\
         # variables_hash_max_size 2048; it works without.\n",
    );
    let mut map = |source: &str, target: &str, default: &str, lines: &[(String, String)]| {
        let _ = writeln!(out, "map {source} ${v}_{target} {{\n    default \"{default}\";");
        for (key, value) in lines {
            let _ = writeln!(out, "    \"{key}\" \"{value}\";");
        }
        out.push_str("}\n");
    };
    let pair = |key: String, value: &str| (key, value.to_owned());
    map("$request_uri", "path", "", &[pair("~^(?<sui_p>[^?]*)".to_owned(), "$sui_p")]);
    let mut routes = vec![pair(format!("~{}", End::Pcre.of(NOT_PLAIN)), "confused")];
    for rule in rules {
        let case = if rule.route.is_personal() { "~*" } else { "~" };
        routes.push(pair(format!("{case}{}", End::Pcre.of(&rule.expression)), &rule.id));
    }
    map(&format!("${v}_path"), "route", "undeclared", &routes);
    map(&format!("${v}_path"), "suffix", "", &[pair(r"~\x2e(?<sui_s>[^./]+)/?\z".to_owned(), "$sui_s")]);
    map(
        &format!("${v}_path"),
        "hostile",
        "",
        &[HOSTILE, CONFUSED_FILE].map(|expression| pair(format!("~*{}", End::Pcre.of(expression)), "1")),
    );
    let mut refused = vec![pair("~^1".to_owned(), "1")];
    let mut classes = Vec::new();
    for rule in rules {
        let id = &rule.id;
        match (rule.suffixes(), rule.is_personal()) {
            (Some(allowed), true) if rule.route.is_personal() => {
                refused.push(pair(format!(r"~*^:{id}:(?:{allowed})\z"), ""));
                refused.push(pair(format!("~^:{id}:"), "1"));
            }
            (_, true) => {}
            (Some(allowed), false) => {
                classes.push(pair(format!(r"~*^(?:GET|HEAD)::{id}:(?:{allowed})\z"), id))
            }
            (None, false) => classes.push(pair(format!("~^(?:GET|HEAD)::{id}:"), id)),
        }
    }
    map(&format!("\"${v}_hostile:${v}_route:${v}_suffix\""), "refused", "", &refused);
    map("$http_authorization", "auth", "1", &[pair(String::new(), "")]);
    map(&format!("\"$request_method:${v}_auth:${v}_route:${v}_suffix\""), "class", "personal", &classes);
    map(&format!("${v}_class"), "bypass", "1", &[pair("~^r".to_owned(), "0")]);
    // From here on, maps that read the response: never ask for one of them before it is there.
    map(
        "\"$upstream_http_cache_control,$upstream_http_surrogate_control,$upstream_http_cdn_cache_control\"",
        "forbids",
        "",
        &[pair(r"~*(?:^|[,\s])(?:private|no-store)".to_owned(), "1")],
    );
    map("$upstream_http_x_accel_expires", "accel", "", &[pair(r"~^(?:.*,)?\s*0\s*(?:,|\z)".to_owned(), "1")]);
    map(
        "$upstream_http_vary",
        "varies",
        "",
        &[pair(r"~*(?:^|[,\s])(?:\*|cookie|authorization)(?:[,\s]|\z)".to_owned(), "1")],
    );
    map(
        "$upstream_http_suimon_subject_tag",
        "tagged",
        "1",
        &[pair(String::new(), ""), pair("anonymous".to_owned(), "")],
    );
    map(
        &format!(
            "\"$upstream_http_set_cookie$upstream_http_www_authenticate$upstream_http_authentication_info\
             $upstream_http_clear_site_data${v}_forbids${v}_accel${v}_varies${v}_tagged\""
        ),
        "proof",
        "1",
        &[pair(String::new(), "")],
    );
    map(
        &format!("\"$status:${v}_proof:${v}_class\""),
        "leaves",
        "personal",
        &[pair(r"~^(?:200|203|206|304)::(?<sui_l>r[0-9]+)\z".to_owned(), "$sui_l")],
    );
    map(&format!("${v}_leaves"), "no_store", "1", &[pair("~^r".to_owned(), "0")]);
    let (mut kinds, mut controls, mut varies) = (Vec::new(), Vec::new(), Vec::new());
    for rule in rules {
        match rule.shared {
            Some(Shared::Origin) => {
                kinds.push(pair(rule.id.clone(), "origin"));
                controls.push(pair(rule.id.clone(), "$upstream_http_cache_control"));
                varies.push(pair(rule.id.clone(), ""));
            }
            Some(Shared::Lifetime(lifetime, control)) => {
                kinds.push(pair(rule.id.clone(), "lifetime"));
                controls.push(pair(rule.id.clone(), control));
                let names: Vec<&str> = lifetime.vary.iter().map(http::HeaderName::as_str).collect();
                // A header name may hold `$`, which begins a variable in a value of a map; no real one does.
                let plain = names.iter().filter(|name| !name.contains('$')).copied().collect::<Vec<_>>();
                varies.push(pair(rule.id.clone(), &plain.join(", ")));
            }
            None => {}
        }
    }
    map(&format!("${v}_leaves"), "kind", "personal", &kinds);
    map(&format!("${v}_leaves"), "control", CACHE_CONTROL, &controls);
    map(&format!("${v}_leaves"), "vary", VARY, &varies);
    for (at, (field, personal, validator)) in FIELDS.into_iter().enumerate() {
        let own = format!("$upstream_http_{}", field.to_ascii_lowercase().replace('-', "_"));
        let mut lines = vec![pair("origin".to_owned(), &own)];
        lines.push(pair("lifetime".to_owned(), if validator { &own } else { "" }));
        map(&format!("${v}_kind"), &format!("field{at}"), personal, &lines);
    }
    for rule in rules {
        let _ = writeln!(out, "# {}: {}", rule.id, comment(&rule.route.name));
    }
    out
}

fn location(v: &str) -> String {
    let mut out = format!(
        "# Made from the declared routes; change those. For each location that passes to the origin.
if (${v}_refused) {{ return 404; }}
proxy_cache_bypass ${v}_bypass;
proxy_no_cache ${v}_no_store;
# nginx answers conditions itself from what it may keep; the origin is never asked on behalf of one viewer.
# For the guard a word of this proxy, not of the visitor.
proxy_set_header {CHANNEL} \"\";
proxy_set_header If-None-Match \"\";
proxy_set_header If-Modified-Since \"\";
proxy_set_header If-Range \"\";
proxy_hide_header Cache-Control;
add_header Cache-Control ${v}_control always;
add_header Vary ${v}_vary always;
"
    );
    for (at, (field, _, _)) in FIELDS.into_iter().enumerate() {
        let _ = writeln!(out, "proxy_hide_header {field};\nadd_header {field} ${v}_field{at} always;");
    }
    out
}
