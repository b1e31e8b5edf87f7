//! Header fields come from strangers: nothing panics, what concerns one connection is gone, and our own word is found again.
#![no_main]

use guard::fields::{
    Caller, client, join_cookies, remove_aliases, remove_from_trailers, remove_hop_by_hop, tell_way, tell_who_asked,
    was_here,
};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::Version;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut fields = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(&line[at + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    let trusted = ["127.0.0.0/8".parse().unwrap()];
    let caller = Caller { address: "127.0.0.1:80".parse().unwrap(), encrypted: false };
    let _ = client(caller.address.ip(), &fields, &trusted);
    let mut trailers = fields.clone();
    remove_from_trailers(&mut trailers);
    assert!(!trailers.contains_key("set-cookie") && !trailers.contains_key("content-length"));

    remove_hop_by_hop(&mut fields);
    assert!(!fields.contains_key("connection") && !fields.contains_key("transfer-encoding"));
    remove_aliases(&mut fields);
    assert!(!fields.contains_key("content_length"));
    join_cookies(&mut fields);
    tell_who_asked(&mut fields, caller, &"a.example".parse().unwrap(), &trusted);
    tell_way(&mut fields, Version::HTTP_11);
    assert!(was_here(&fields));
});
