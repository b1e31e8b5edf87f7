//! Varnish (VCL 4.1, written for 7.1).

use std::fmt::Write as _;

use super::native::{CHANNEL, CONFUSED_FILE, End, HOSTILE, NOT_PLAIN, NativeRule, Shared, rules};
use super::{Bundle, File, Options, comment};
use crate::error::RuleError;
use crate::identity::{ANONYMOUS, VIEWER_COOKIE};
use crate::policy::{CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES};
use crate::route::RouteTable;

/// One file, `suimon-NAME.vcl`, to be included *before* any other code: Varnish joins subroutines of the same name in
/// order, and what is personal leaves them before rules further down can cache it.
///
/// # Errors
/// If the name cannot be part of identifiers, or a pattern is too long.
pub fn varnish(table: &RouteTable, options: &Options) -> Result<Bundle, RuleError> {
    options.check()?;
    let (rules, notes) = rules(table)?;
    let mut out = String::from(
        "# Made from the declared routes; change those. Include before your own code.\nvcl 4.1;\n\n",
    );
    classify(&mut out, &options.ident(), &rules);
    backend_response(&mut out, &rules);
    deliver(&mut out, options.identity_binding);
    Ok(Bundle { files: vec![File { name: format!("suimon-{}.vcl", options.name), content: out }], notes })
}

fn classify(out: &mut String, ident: &str, rules: &[NativeRule<'_>]) {
    let expression = |text: &str| End::Pcre.of(text);
    let _ = write!(
        out,
        r#"sub suimon_{ident}_classify {{
    # These fields reach the origin too, which may ignore them; what a viewer sends under their names is overwritten.
    unset req.http.Suimon-Refuse;
    # For the guard a word of this edge: what your own code says here, it says in vcl_backend_fetch.
    unset req.http.{CHANNEL};
    set req.http.Suimon-Class = "personal";
    set req.http.Suimon-Route = "undeclared";
    set req.http.Suimon-Path = regsub(req.url, "\?.*", "");
    # Kept here, because later code may take the cookies away. Two of them are none.
    set req.http.Suimon-Viewer = "";
    if (req.http.Cookie ~ "(?:^|;)\s*{VIEWER_COOKIE}=" && req.http.Cookie !~ "(?:^|;)\s*{VIEWER_COOKIE}=.*;\s*{VIEWER_COOKIE}=") {{
        set req.http.Suimon-Viewer = regsub(req.http.Cookie, "^(?:.*;)?\s*{VIEWER_COOKIE}=([^;\s]*).*\z", "\1");
    }}
    if (req.http.Suimon-Path ~ "(?i){hostile}" || req.http.Suimon-Path ~ "(?i){confused}") {{
        set req.http.Suimon-Refuse = "1";
    }}
    if (req.http.Suimon-Path ~ "{not_plain}") {{
        set req.http.Suimon-Route = "confused";
    }}
"#,
        hostile = expression(HOSTILE),
        confused = expression(CONFUSED_FILE),
        not_plain = expression(NOT_PLAIN),
    );
    for rule in rules {
        let case = if rule.route.is_personal() { "(?i)" } else { "" };
        let _ = writeln!(
            out,
            "    # {}\n    if (req.http.Suimon-Route == \"undeclared\" && req.http.Suimon-Path ~ \"{case}{}\") {{\n        \
             set req.http.Suimon-Route = \"{}\";",
            comment(&rule.route.name),
            expression(&rule.expression),
            rule.id,
        );
        let allowed = rule.suffixes().map(|allowed| {
            let listed =
                if allowed.is_empty() { String::new() } else { format!(r"|\x2e(?:{})/?\z", &allowed[1..]) };
            format!(r"(?i)^/\z|/[^/.]+/?\z{listed}")
        });
        match (allowed, rule.is_personal()) {
            (Some(allowed), true) if rule.route.is_personal() => {
                let _ = writeln!(
                    out,
                    "        if (req.http.Suimon-Path !~ \"{allowed}\") {{ set req.http.Suimon-Refuse = \"1\"; }}"
                );
            }
            (_, true) => {}
            (allowed, false) => {
                let suffix =
                    allowed.map(|text| format!(" && req.http.Suimon-Path ~ \"{text}\"")).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "        if (req.method ~ \"^(?:GET|HEAD)\\z\" && !req.http.Authorization{suffix}) {{ \
                     set req.http.Suimon-Class = \"{}\"; }}",
                    rule.id
                );
            }
        }
        out.push_str("    }\n");
    }
    let _ = write!(
        out,
        r#"}}

sub vcl_recv {{
    call suimon_{ident}_classify;
    if (req.http.Suimon-Refuse) {{
        return (synth(404));
    }}
    if (req.http.Suimon-Class == "personal") {{
        unset req.http.If-None-Match;
        unset req.http.If-Modified-Since;
        if (req.http.If-Range) {{
            unset req.http.Range;
            unset req.http.If-Range;
        }}
        return (pass);
    }}
}}

"#
    );
}

fn personal_headers(out: &mut String, object: &str, indent: &str) {
    for (field, value) in [
        ("Cache-Control", CACHE_CONTROL),
        ("CDN-Cache-Control", CDN_CACHE_CONTROL),
        ("Surrogate-Control", SURROGATE_CONTROL),
        ("X-Accel-Expires", X_ACCEL_EXPIRES),
    ] {
        let _ = writeln!(out, "{indent}set {object}.http.{field} = \"{value}\";");
    }
    let _ = write!(
        out,
        r#"{indent}if (!{object}.http.Vary) {{
{indent}    set {object}.http.Vary = "{VARY}";
{indent}}} elseif ({object}.http.Vary !~ "(?i)(?:^|[,\s])cookie(?:[,\s]|\z)" || {object}.http.Vary !~ "(?i)(?:^|[,\s])authorization(?:[,\s]|\z)") {{
{indent}    set {object}.http.Vary = "{VARY}, " + {object}.http.Vary;
{indent}}}
"#
    );
    for field in [
        "Expires",
        "ETag",
        "Last-Modified",
        "Age",
        "Pragma",
        "No-Vary-Search",
        "Cloudflare-CDN-Cache-Control",
        "Edge-Control",
        "Cache-Tag",
        "Edge-Cache-Tag",
        "Surrogate-Key",
        "xkey",
    ] {
        let _ = writeln!(out, "{indent}unset {object}.http.{field};");
    }
}

fn backend_response(out: &mut String, rules: &[NativeRule<'_>]) {
    let _ = write!(
        out,
        r#"sub vcl_backend_response {{
    set beresp.http.Suimon-Leaves = "personal";
    if (bereq.http.Suimon-Class ~ "^r[0-9]+\z"
        && (beresp.status == 200 || beresp.status == 203 || beresp.status == 206 || beresp.status == 304)
        && !beresp.http.Set-Cookie && !beresp.http.WWW-Authenticate && !beresp.http.Authentication-Info
        && !beresp.http.Clear-Site-Data
        && (!beresp.http.Suimon-Subject-Tag || beresp.http.Suimon-Subject-Tag == "{ANONYMOUS}")
        && beresp.http.Cache-Control !~ "(?i)(?:^|[,\s])(?:private|no-store)"
        && beresp.http.Surrogate-Control !~ "(?i)(?:^|[,\s])(?:private|no-store)"
        && beresp.http.CDN-Cache-Control !~ "(?i)(?:^|[,\s])(?:private|no-store)"
        && beresp.http.X-Accel-Expires != "0"
        && beresp.http.Vary !~ "(?i)(?:^|[,\s])(?:\*|cookie|authorization)(?:[,\s]|\z)") {{
        set beresp.http.Suimon-Leaves = bereq.http.Suimon-Class;
    }}
    if (beresp.http.Suimon-Leaves == "personal") {{
"#
    );
    personal_headers(out, "beresp", "        ");
    out.push_str(
        "        unset beresp.http.Suimon-Leaves;
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        set beresp.grace = 0s;
        set beresp.keep = 0s;
        return (deliver);
    }
",
    );
    for rule in rules {
        let Some(Shared::Lifetime(lifetime, control)) = rule.shared else { continue };
        let ttl = lifetime.s_maxage.unwrap_or(lifetime.max_age);
        let grace = lifetime.stale_while_revalidate.unwrap_or(0);
        let _ = writeln!(
            out,
            "    if (beresp.http.Suimon-Leaves == \"{}\") {{\n        set beresp.http.Cache-Control = \"{control}\";\n        \
             set beresp.ttl = {ttl}s;\n        set beresp.grace = {grace}s;",
            rule.id
        );
        for field in ["Expires", "Pragma", "Surrogate-Control", "CDN-Cache-Control", "X-Accel-Expires"] {
            let _ = writeln!(out, "        unset beresp.http.{field};");
        }
        for name in &lifetime.vary {
            // A header name may hold characters that end a string or mean something in an expression.
            let name = super::comment(name.as_str());
            let _ = writeln!(
                out,
                "        if (!beresp.http.Vary) {{ set beresp.http.Vary = \"{name}\"; }} else {{ set beresp.http.Vary = \
                 beresp.http.Vary + \", {name}\"; }}"
            );
        }
        out.push_str("    }\n");
    }
    out.push_str("    unset beresp.http.Suimon-Leaves;\n}\n\n");
}

fn deliver(out: &mut String, identity_binding: bool) {
    out.push_str("sub vcl_deliver {\n");
    if identity_binding {
        let _ = write!(
            out,
            r#"    # Out of a store there is no personal answer of nobody: it may be one that gives its person the cookie, or the answer to a program.
    if (obj.hits > 0 && resp.http.Suimon-Subject-Tag == "{ANONYMOUS}" && (req.http.Suimon-Class == "personal" || resp.http.Set-Cookie)) {{
        return (synth(409));
    }}
    # The tag came with the body, from the origin or out of the cache; only its own viewer may have it.
    if (resp.http.Suimon-Subject-Tag) {{
        if (resp.http.Suimon-Subject-Tag != "{ANONYMOUS}" && (req.http.Suimon-Viewer == "" || resp.http.Suimon-Subject-Tag != req.http.Suimon-Viewer)) {{
            return (synth(409));
        }}
    }} elseif (req.http.Suimon-Class == "personal") {{
        # An outage stays visible as one, without its body.
        if (resp.status >= 500) {{
            return (synth(resp.status));
        }}
        return (synth(409));
    }}
"#
        );
    }
    out.push_str("    if (req.http.Suimon-Class == \"personal\") {\n");
    personal_headers(out, "resp", "        ");
    out.push_str("    }\n}\n\nsub vcl_synth {\n");
    personal_headers(out, "resp", "    ");
    out.push_str("}\n");
}
