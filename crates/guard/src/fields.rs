//! Header fields on their way through: those that concern one connection stay behind, and who asked is said in one way.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use ipnet::IpNet;

const FORWARDED: HeaderName = header::FORWARDED;
/// Lists of names are static: a constant would be built, and each name in it dropped, wherever it is looked into.
static X_FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
];
/// What proxies and origins of some kinds believe beside these: who asked, and for what.
static BELIEVED: [HeaderName; 6] = [
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
];
/// For origins of some kinds another path than the one by which the guard judges. Nobody may say them: proxies pass on what they do
/// not know, so that a visitor would say them through each that is trusted.
static OTHER_PATHS: [HeaderName; 6] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-forwarded-uri"),
];
/// Name of every guard in `Via` (RFC 9110 section 7.6.3): of a machine or a network it says nothing.
pub const PSEUDONYM: &str = "suimon";
/// Not in trailers, where whoever mixes them into the header fields would believe them (RFC 9110 section 6.5.1).
static NOT_IN_TRAILERS: [HeaderName; 24] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::MAX_FORWARDS,
    header::RANGE,
    header::SET_COOKIE,
    header::TRAILER,
    header::VARY,
    header::LOCATION,
    header::AGE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::PRAGMA,
    header::VIA,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("x-accel-expires"),
];
/// For one connection each (RFC 9110 section 7.6.1), whether or not `Connection` names them.
static HOP_BY_HOP: [HeaderName; 8] = [
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

/// Takes out of trailers what has no place in them.
pub fn remove_from_trailers(trailers: &mut HeaderMap) {
    remove_hop_by_hop(trailers);
    let claims = X_FORWARDED.iter().chain(&BELIEVED).chain(&OTHER_PATHS).chain([&FORWARDED]);
    for name in NOT_IN_TRAILERS.iter().chain(claims) {
        trailers.remove(name);
    }
    edge::policy::seal_trailers(trailers);
}

/// Puts the cookies into one field, as HTTP/1.1 wants them (RFC 9113 section 8.2.3): HTTP/2 may send one field each.
pub fn join_cookies(fields: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() < 2 {
        return;
    }
    // Of bytes that fields were made of, and two more that may be in one.
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        fields.insert(header::COOKIE, joined);
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
        header::VIA,
    ]
    .contains(name)
        || is_claim(name)
}

/// Who asked, and for what, as only a trusted proxy may say.
fn is_claim(name: &HeaderName) -> bool {
    *name == FORWARDED || X_FORWARDED.contains(name) || BELIEVED.contains(name)
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub address: SocketAddr,
    pub encrypted: bool,
}

/// Whether an address is one of these networks'. One of IPv4 that is written in IPv6 counts as what it is.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address.to_canonical()))
}

/// The address of the client, behind the proxies that are trusted: the rightmost one in `X-Forwarded-For` that is none of them. Each
/// proxy appends whom it heard, so what stands further left is the client's own word. Where an entry is no address, or nothing is
/// left of the last proxy, it is the last one that is known.
///
/// `peer` is who speaks to the guard.
pub fn client(peer: IpAddr, fields: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let [forwarded_for, ..] = &X_FORWARDED;
    let mut known = peer.to_canonical();
    // A line that is no text ends the search like an entry that is no address.
    let lines = fields.get_all(forwarded_for).iter().rev().map(|line| line.to_str().unwrap_or("?"));
    for entry in lines.flat_map(|line| line.rsplit(',')) {
        if !is_trusted(known, trusted) {
            break;
        }
        match address(entry.trim()) {
            Some(address) => known = address,
            None => break,
        }
    }
    known
}

/// The host that the client asked for, and whether it speaks TLS: as the first of the trusted proxies says, else as the guard sees it.
pub fn as_asked(
    fields: &HeaderMap,
    host: &Authority,
    caller: Caller,
    trusted: &[IpNet],
) -> (Authority, bool) {
    let [_, forwarded_host, forwarded_proto, _] = &X_FORWARDED;
    let said = |name: &HeaderName| {
        let said = fields.get(name).filter(|_| is_trusted(caller.address.ip(), trusted))?.to_str().ok()?;
        said.split(',').next().map(str::trim)
    };
    let said_host = said(forwarded_host).and_then(|host| host.parse().ok());
    let encrypted = said(forwarded_proto).map_or(caller.encrypted, |said| said.eq_ignore_ascii_case("https"));
    (said_host.unwrap_or_else(|| host.clone()), encrypted)
}

/// An address, which some proxies write with its port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The name for which those that read `_` as `-` take a name: nearly always itself.
fn meant(name: &HeaderName) -> Option<Cow<'_, HeaderName>> {
    if name.as_str().contains('_') {
        return name.as_str().replace('_', "-").parse().ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(name))
}

/// Takes fields away under their own names and under those that CGI and what came after it (WSGI, PHP, Rack) take for the same: there
/// `_` and `-` are one.
fn remove_claims(fields: &mut HeaderMap, is_meant: impl Fn(&HeaderName) -> bool) {
    let claimed: Vec<HeaderName> =
        fields.keys().filter(|name| meant(name).is_some_and(|meant| is_meant(&meant))).cloned().collect();
    for name in claimed {
        fields.remove(name);
    }
}

/// Takes away fields with `_` that CGI reads as one by which a request is framed, routed or known.
pub fn remove_aliases(fields: &mut HeaderMap) {
    let aliases: Vec<HeaderName> = fields
        .keys()
        .filter(|name| {
            matches!(meant(name), Some(Cow::Owned(meant))
                if is_end_to_end(&meant) || HOP_BY_HOP.contains(&meant) || meant == header::CONTENT_TYPE)
        })
        .cloned()
        .collect();
    for name in aliases {
        fields.remove(name);
    }
}

/// Says who asked, after RFC 7239 and in the older fields that most origins read. What the request says itself is kept only
/// when it comes from a trusted proxy; another path than the one that was asked for is not.
pub fn tell_who_asked(fields: &mut HeaderMap, caller: Caller, host: &Authority, trusted: &[IpNet]) {
    let address = caller.address.ip().to_canonical();
    remove_claims(fields, |name| OTHER_PATHS.contains(name));
    if !is_trusted(address, trusted) {
        remove_claims(fields, is_claim);
    }
    let protocol = if caller.encrypted { "https" } else { "http" };
    let node = address.to_string();
    // RFC 7239 section 6: in brackets, and quoted for their sake.
    let (open, close) = if address.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
    // An authority holds neither a quotation mark nor a backslash.
    let said = ["for=", open, &node, close, ";host=\"", host.as_str(), "\";proto=", protocol];
    append(fields, &FORWARDED, &said);
    let [forwarded_for, forwarded_host, forwarded_proto, _] = &X_FORWARDED;
    append(fields, forwarded_for, &[&node]);
    // The first proxy knows what the client asked for; the ones behind it know only each other.
    if !fields.contains_key(forwarded_host) {
        set(fields, forwarded_host, host.as_str());
    }
    if !fields.contains_key(forwarded_proto) {
        set(fields, forwarded_proto, protocol);
    }
}

/// Says that the request passed here, and by which protocol it came (RFC 9110 section 7.6.3). HTTP/2 has no minor version.
pub fn tell_way(fields: &mut HeaderMap, version: Version) {
    let protocol = match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    append(fields, &header::VIA, &[protocol, " ", PSEUDONYM]);
}

/// Whether a request was in a guard's hands before. Only who received it by which protocol counts; a comment is text.
pub fn was_here(fields: &HeaderMap) -> bool {
    fields.get_all(header::VIA).iter().any(|line| {
        let line = line.as_bytes();
        // A comment that does not end would hide all that follows, our own word among it.
        let said = without_comments(line).unwrap_or_else(|| line.to_vec());
        said.split(|byte| *byte == b',').any(|member| {
            let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            words.nth(1).is_some_and(|by| by.eq_ignore_ascii_case(PSEUDONYM.as_bytes()))
        })
    })
}

/// Leaves comments out, which nest (RFC 9110 section 5.6.5); none when one does not end.
fn without_comments(line: &[u8]) -> Option<Vec<u8>> {
    let (mut outside, mut depth) = (Vec::with_capacity(line.len()), 0_usize);
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            // A quoted pair, such as a bracket that is none.
            b'\\' if depth > 0 => drop(bytes.next()),
            _ if depth == 0 => outside.push(byte),
            _ => {}
        }
    }
    (depth == 0).then_some(outside)
}

/// Puts a member, of these parts, behind those that a field has, in one line.
fn append(fields: &mut HeaderMap, name: &HeaderName, member: &[&str]) {
    let said = fields.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut list = String::with_capacity(128);
    for line in said.filter(|line| !line.is_empty()) {
        list.extend([line, ", "]);
    }
    list.extend(member.iter().copied());
    set(fields, name, &list);
}

fn set(fields: &mut HeaderMap, name: &HeaderName, value: &str) {
    // Of an address, an authority and what `to_str` gave: visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name.clone(), value);
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
