//! Doors for the fuzz targets (`fuzz/`) to parsers that nobody else calls from outside. Compiled for them alone.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::access;
use crate::config::{OidcProvider, Sources, load};
use crate::graphql::documents::{Asked, Documents};
use crate::requirements::manifest::{ManifestSet, parse_files};
use crate::vault::fuzzing::read_rows;

/// A GraphQL document under the default limits: whether it would be executed.
pub fn graphql_document(text: &str) -> bool {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        let config = load(&Sources::default()).expect("the defaults are in order");
        Documents::new(&config.graphql).expect("no list is named")
    });
    documents.find(Asked::Text(text.to_owned())).is_ok()
}

/// A file of people for the example's applicants: rows that are in order and rows that are refused. Panics when a reason quotes
/// more than a name may be long.
pub fn import_file(csv: bool, shift_jis: bool, bytes: &[u8]) -> (usize, usize) {
    static EXAMPLE: OnceLock<ManifestSet> = OnceLock::new();
    let example = EXAMPLE.get_or_init(|| {
        let file = ("system.yaml", include_bytes!("../examples/online-application/manifests/system.yaml"));
        parse_files([file]).expect("the example is in order")
    });
    let system = example.system("online-application").expect("the example's system");
    read_rows(csv, shift_jis, bytes, system.record_type("applicant").expect("its applicants"))
}

/// A logout token in order with some of its claims (and, first of all, its header) put to something else, and a token as it
/// comes.
pub fn logout_token(changes: &[(u8, &[u8])], token: &str) {
    static PROVIDER: OnceLock<OidcProvider> = OnceLock::new();
    const NOW: i64 = 1_800_000_000;
    const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
    const CLAIMS: [&str; 9] = ["iss", "aud", "iat", "exp", "events", "nonce", "sub", "sid", "jti"];
    let provider = PROVIDER.get_or_init(|| {
        let provider = json!({
            "id": "p", "label_ja": "p", "label_en": "p", "issuer": "https://p.example", "client_id": "c",
        });
        serde_json::from_value(provider).expect("a provider")
    });
    let mut header = br#"{"alg":"RS256","typ":"logout+jwt","kid":"1"}"#.to_vec();
    let mut claims = json!({
        "iss": "https://p.example", "aud": ["c"], "iat": NOW, "exp": NOW + 60, "sub": "s", "sid": "t", "jti": "j",
        "events": { EVENT: {} },
    });
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = |header: &[u8], claims: &Value| {
        format!("{}.{}.AA", part(header), part(claims.to_string().as_bytes()))
    };
    assert!(access::logout_token(provider, &signed(&header, &claims), NOW), "one in order is refused");
    for (what, value) in changes {
        match CLAIMS.get(usize::from(*what) % (CLAIMS.len() + 1)) {
            Some(name) => {
                let text = || Value::String(String::from_utf8_lossy(value).into_owned());
                claims[name] = serde_json::from_slice(value).unwrap_or_else(|_| text());
            }
            None => header = value.to_vec(),
        }
    }
    let to_us = match &claims["aud"] {
        Value::Array(all) => !all.is_empty() && all.iter().all(|one| one == "c"),
        one => one == "c",
    };
    let in_time = claims["iat"].as_f64().is_some_and(|at| (at - NOW as f64).abs() <= 361.0);
    let for_this = claims["events"][EVENT].is_object() && claims.get("nonce").is_none();
    let ours = claims["iss"] == "https://p.example" && to_us && in_time && for_this;
    let taken = access::logout_token(provider, &signed(&header, &claims), NOW);
    assert!(ours || !taken, "another's token, an old one or an id token is taken");
    if taken {
        let header: Value = serde_json::from_slice(&header).expect("a header that was read");
        assert!(header.get("crit").is_none() && header.get("cty").is_none(), "more to know than we do");
        assert_ne!(header["alg"], "none");
    }
    access::logout_token(provider, token, NOW);
}
