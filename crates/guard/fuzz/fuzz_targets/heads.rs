//! Any head: nothing panics, what concerns one connection stays behind, a stranger is believed nothing, a circle is noticed.
#![no_main]

use std::net::SocketAddr;
use std::sync::LazyLock;

use guard::fuzzing::{
    came_before, check, join_cookies, remove_aliases, remove_from_trailers, remove_hop_by_hop, say, tell_who_asked,
};
use guard::settings::Limits;
use guard::{Caller, client};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version, header};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;

static TRUSTED: LazyLock<Vec<IpNet>> = LazyLock::new(|| vec!["10.0.0.0/8".parse().unwrap()]);

const NAMES: [&str; 20] = [
    "connection", "host", "via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x_forwarded_for", "x-real-ip", "cookie",
    "authorization", "transfer-encoding", "content-length", "content_length", "te", "trailer", "upgrade", "keep-alive",
    "if_none_match", "set-cookie", "x-accel-expires",
];

fn fields(data: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Some((first, value)) = line.split_first() else { continue };
        let name = match NAMES.get(usize::from(*first) % 32) {
            Some(name) => HeaderName::from_static(name),
            None => match HeaderName::from_bytes(&line[..line.len().min(12)]) {
                Ok(name) => name,
                Err(_) => continue,
            },
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            map.append(name, value);
        }
    }
    map
}

fuzz_target!(|data: &[u8]| {
    let [selector, rest @ ..] = data else { return };
    let (target, rest) = rest.split_at(rest.len().min(usize::from(*selector) / 4));
    let sent = fields(rest);
    let mut request = Request::new(());
    *request.headers_mut() = sent.clone();
    if let Ok(uri) = Uri::try_from(target) {
        *request.uri_mut() = uri;
    }
    let checked = check(&request, &Limits::default());
    if came_before(&sent) {
        assert!(checked.is_err());
    }

    let [stranger, edge]: [SocketAddr; 2] = ["192.0.2.1:9".parse().unwrap(), "10.0.0.1:9".parse().unwrap()];
    assert_eq!(client(stranger.ip(), &sent, &TRUSTED), stranger.ip());
    let _ = client(edge.ip(), &sent, &TRUSTED);

    let mut trailers = sent.clone();
    remove_from_trailers(&mut trailers);
    for gone in ["set-cookie", "host", "content-length", "x-forwarded-for", "x-accel-expires", "connection"] {
        assert!(!trailers.contains_key(gone), "{gone}");
    }

    let Ok(host) = checked else { return };
    for caller in [stranger, edge] {
        let mut fields = sent.clone();
        remove_hop_by_hop(&mut fields);
        remove_aliases(&mut fields);
        join_cookies(&mut fields);
        tell_who_asked(&mut fields, Caller { address: caller, encrypted: false }, &host, &TRUSTED);
        say(&mut fields, Version::HTTP_11);
        for gone in ["connection", "te", "transfer-encoding", "keep-alive", "upgrade", "content_length", "if_none_match"] {
            assert!(!fields.contains_key(gone), "{gone}");
        }
        // By these the origin tells whose request it is: nobody has them taken away.
        for kept in [header::COOKIE, header::AUTHORIZATION, header::HOST] {
            assert_eq!(fields.contains_key(&kept), sent.contains_key(&kept), "{kept}");
        }
        assert!(fields.get_all(header::COOKIE).iter().count() <= 1);
        assert!(came_before(&fields));
        if caller == stranger {
            assert_eq!(fields["x-forwarded-for"], "192.0.2.1");
            assert_eq!(fields.get_all("x-forwarded-for").iter().count(), 1);
            assert!(!fields.contains_key("x-real-ip") && !fields.contains_key("x_forwarded_for"));
        }
    }
});
