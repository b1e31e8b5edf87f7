//! Header fields on their way through: those that concern one connection stay behind, and who asked is said in one way.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

const FORWARDED: HeaderName = header::FORWARDED;
const X_FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
];
/// For one connection each (RFC 9110 section 7.6.1), whether or not `Connection` names them.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Takes away what concerns the connection that the message came by, `Connection`'s own choice too. `Trailer` stays, for the
/// trailers are passed on.
pub fn remove_hop_by_hop(fields: &mut HeaderMap) {
    // As text first: a field may name itself, and names repeat.
    let named: Vec<HeaderName> = fields
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Nobody may have a field taken away by which the origin tells whose request it is, or how long it is.
        .filter(|name| !is_end_to_end(name))
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        fields.remove(name);
    }
}

/// Fields that a client could name in `Connection` to have the guard take them away from its own request, so that the origin
/// decides without them: what the guard itself said, or who is asking.
fn is_end_to_end(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::COOKIE,
        header::AUTHORIZATION,
        header::CONTENT_LENGTH,
        header::CACHE_CONTROL,
        header::SET_COOKIE,
        header::VARY,
    ]
    .contains(name)
        || *name == FORWARDED
        || X_FORWARDED.contains(name)
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub address: SocketAddr,
    pub encrypted: bool,
}

/// Says who asked, after RFC 7239 and in the older fields that most origins read. What the request says itself is kept only
/// when it comes from a trusted proxy.
pub fn tell_who_asked(fields: &mut HeaderMap, caller: Caller, host: &Authority, trusted: &[IpAddr]) {
    let address = caller.address.ip().to_canonical();
    let believed = trusted.contains(&address);
    if !believed {
        fields.remove(FORWARDED);
        X_FORWARDED.iter().for_each(|name| {
            fields.remove(name);
        });
    }
    let protocol = if caller.encrypted { "https" } else { "http" };
    let mut said = joined(fields, &FORWARDED);
    let node = match address {
        IpAddr::V4(address) => address.to_string(),
        // RFC 7239 section 6: in brackets, and quoted for their sake.
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let separator = if said.is_empty() { "" } else { ", " };
    // An authority holds neither a quotation mark nor a backslash.
    let _ = write!(said, "{separator}for={node};host=\"{host}\";proto={protocol}");
    set(fields, FORWARDED, &said);

    let [forwarded_for, forwarded_host, forwarded_proto, _] = X_FORWARDED;
    let mut chain = joined(fields, &forwarded_for);
    let separator = if chain.is_empty() { "" } else { ", " };
    let _ = write!(chain, "{separator}{address}");
    set(fields, forwarded_for, &chain);
    // The first proxy knows what the client asked for; the ones behind it know only each other.
    if !fields.contains_key(&forwarded_host) {
        set(fields, forwarded_host, host.as_str());
    }
    if !fields.contains_key(&forwarded_proto) {
        set(fields, forwarded_proto, protocol);
    }
}

fn joined(fields: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<&str> = fields.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(", ")
}

fn set(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    // Of an address, an authority and what `to_str` gave: visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .fold(HeaderMap::new(), |mut fields, (name, value)| {
                fields.append(name, value);
                fields
            })
    }

    #[test]
    fn what_connection_names_stays_behind() {
        let mut fields = of(&[
            ("connection", "keep-alive, X-Own"),
            ("connection", "x-other,cookie, ,host"),
            ("keep-alive", "timeout=5"),
            ("x-own", "1"),
            ("x-other", "1"),
            ("x-kept", "1"),
            ("cookie", "sid=1"),
            ("host", "a.example"),
            ("te", "trailers"),
            ("trailer", "checksum"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "Basic eA=="),
        ]);
        remove_hop_by_hop(&mut fields);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cookie", "host", "trailer", "x-kept"]);
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let host: Authority = "school.example".parse().unwrap();
        let said = [
            ("forwarded", "for=192.0.2.9;proto=https"),
            ("x-forwarded-for", "192.0.2.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "1"),
        ];
        let caller = Caller { address: "198.51.100.7:5000".parse().unwrap(), encrypted: false };
        let mut fields = of(&said);
        tell_who_asked(&mut fields, caller, &host, &[]);
        assert_eq!(fields["forwarded"], "for=198.51.100.7;host=\"school.example\";proto=http");
        assert_eq!(fields["x-forwarded-for"], "198.51.100.7");
        assert_eq!(fields["x-forwarded-proto"], "http");
        assert!(!fields.contains_key("x-forwarded-port"));

        let mut fields = of(&said);
        tell_who_asked(&mut fields, caller, &host, &["198.51.100.7".parse().unwrap()]);
        assert_eq!(
            fields["forwarded"],
            "for=192.0.2.9;proto=https, for=198.51.100.7;host=\"school.example\";proto=http"
        );
        assert_eq!(fields["x-forwarded-for"], "192.0.2.9, 198.51.100.7");
        assert_eq!(fields["x-forwarded-proto"], "https");

        let caller = Caller { address: "[2001:db8::1]:5000".parse().unwrap(), encrypted: true };
        let mut fields = HeaderMap::new();
        tell_who_asked(&mut fields, caller, &host, &[]);
        assert_eq!(fields["forwarded"], "for=\"[2001:db8::1]\";host=\"school.example\";proto=https");
    }
}
