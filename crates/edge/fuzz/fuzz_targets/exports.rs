//! Arbitrary names and patterns: no export breaks out of its quotes, its lines or its JSON.
#![no_main]

use edge::export::{Bundle, Options, cloudflare, cloudfront, nginx, varnish};
use edge::{Caching, Class, Lifetime, Mode, RouteRule, RouteTable, Rules};
use http::{HeaderName, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('\u{1}');
    let name = fields.next().unwrap_or_default();
    let mut routes = Vec::new();
    while let (Some(route), Some(pattern)) = (fields.next(), fields.next()) {
        let extra = fields.next().unwrap_or_default();
        let vary = HeaderName::from_bytes(extra.as_bytes()).into_iter().collect();
        let class = match route.len() % 4 {
            0 => Class::Personal,
            1 => Class::Public(Caching::Origin),
            2 => Class::Public(Caching::NoStore),
            _ => Class::Public(Caching::Shared(Lifetime { max_age: 60, vary, ..Lifetime::default() })),
        };
        let suffixes = if extra.len() % 2 == 0 { vec![] } else { vec![extra.to_owned()] };
        routes.push(RouteRule {
            name: route.to_owned(),
            pattern: pattern.to_owned(),
            class,
            methods: if route.len() % 3 == 0 { vec![Method::GET] } else { vec![] },
            suffixes,
            mode: Mode::Enforce,
        });
        if routes.len() == 16 {
            break;
        }
    }
    let Ok(table) = RouteTable::compile(Rules { routes, ..Rules::default() }) else { return };
    let options = Options { name: name.to_owned(), identity_binding: data.len() % 2 == 0 };
    for export in [nginx, varnish, cloudfront, cloudflare] {
        if let Ok(bundle) = export(&table, &options) {
            check(&bundle);
        }
    }
});

fn check(bundle: &Bundle) {
    for file in &bundle.files {
        assert!(file.content.is_ascii(), "{}", file.name);
        assert!(!file.content.chars().any(|c| c.is_control() && c != '\n'), "{}", file.name);
        if file.name.ends_with(".json") {
            let value: serde_json::Value = serde_json::from_str(&file.content).unwrap();
            templates(&value);
        } else {
            for line in file.content.lines() {
                structure(&file.name, line);
            }
        }
    }
}

/// Every line has an even number of quotes, and no line of a map or of VCL holds more statements than ours do.
fn structure(name: &str, line: &str) {
    if line.trim_start().starts_with('#') {
        assert!(line.trim_start().bytes().all(|b| b.is_ascii_alphanumeric() || b"# -_./?:;,".contains(&b)), "{line}");
        return;
    }
    if name.ends_with(".conf") || name.ends_with(".vcl") {
        assert!(line.matches('"').count() % 2 == 0, "{line}");
        // Outside of quotes only our own words: no text of a user stands there.
        let outside: String = line.split('"').step_by(2).collect();
        assert!(!outside.contains('\\'), "{line}");
    }
}

/// Only our own expressions are templates.
fn templates(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            let plain = text.replace("$${", "").replace("%%{", "");
            assert!(!plain.contains("%{"), "{text}");
            let ours = ["${var.suimon_", "${data.aws_cloudfront_", "${aws_cloudfront_", "${cloudflare_workers_script.suimon_", "${file("];
            assert!(!plain.contains("${") || ours.iter().any(|known| text.starts_with(known)), "{text}");
        }
        serde_json::Value::Array(items) => items.iter().for_each(templates),
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            assert!(!key.contains("${"), "{key}");
            templates(value);
        }),
        _ => {}
    }
}
