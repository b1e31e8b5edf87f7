//! A record of SPF taken apart (RFC 7208, 4.6.1 and 5).

use std::net::IpAddr;

/// What a record says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// How much of an address must be the same; all of it where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    four: Option<u8>,
    six: Option<u8>,
}

impl Lengths {
    /// For an address of this kind.
    pub fn of(self, address: IpAddr) -> Option<u8> {
        if address.is_ipv4() { self.four } else { self.six }
    }
}

/// What a term names.
#[derive(Debug, PartialEq, Eq)]
pub enum Mechanism<'a> {
    All,
    Include(&'a str),
    /// `a`
    Address(Option<&'a str>, Lengths),
    /// `mx`
    Exchange(Option<&'a str>, Lengths),
    /// `ptr`
    Reverse,
    /// `ip4`, `ip6`
    Network(IpAddr, u8),
    Exists(&'a str),
}

/// A record that receivers take.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub terms: Vec<(Verdict, Mechanism<'a>)>,
    pub redirect: Option<&'a str>,
}

/// Takes a record apart, its version in front. Fails with the first term that is none, as it may be shown.
pub fn record_of(text: &str) -> Result<Record<'_>, String> {
    let mut record = Record { terms: Vec::new(), redirect: None };
    let mut explained = false;
    for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
        let wrong = || shown(term);
        // Names of modifiers are letters, digits and a few marks: a `=` behind `:` or `/` is a mechanism's.
        match term.find([':', '=', '/']).map(|at| (at, term.as_bytes().get(at))) {
            Some((at, Some(b'='))) => {
                let (name, value) =
                    (term.get(..at).unwrap_or_default(), term.get(at + 1..).unwrap_or_default());
                if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                    return Err(wrong());
                }
                match name.to_ascii_lowercase().as_str() {
                    "redirect" if record.redirect.is_none() && !value.is_empty() => {
                        record.redirect = Some(value)
                    }
                    "exp" if !explained && !value.is_empty() => explained = true,
                    "redirect" | "exp" => return Err(wrong()),
                    // One that nobody knows is passed over (RFC 7208, 6), unless it is a mechanism that was misspelt.
                    "all" | "include" | "a" | "mx" | "ptr" | "ip4" | "ip6" | "exists" => return Err(wrong()),
                    _ => {}
                }
            }
            _ => record.terms.push(mechanism_of(term).ok_or_else(wrong)?),
        }
    }
    Ok(record)
}

fn mechanism_of(text: &str) -> Option<(Verdict, Mechanism<'_>)> {
    let (verdict, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (Verdict::Pass, rest),
        ("-", rest) => (Verdict::Fail, rest),
        ("~", rest) => (Verdict::SoftFail, rest),
        ("?", rest) => (Verdict::Neutral, rest),
        _ => (Verdict::Pass, text),
    };
    let (name, value) = rest.split_at(rest.find([':', '/']).unwrap_or(rest.len()));
    let named = value.strip_prefix(':').filter(|named| !named.is_empty());
    let nothing = value.is_empty();
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if nothing => Mechanism::All,
        "include" => Mechanism::Include(named?),
        "exists" => Mechanism::Exists(named?),
        "a" => target_of(value).map(|(name, lengths)| Mechanism::Address(name, lengths))?,
        "mx" => target_of(value).map(|(name, lengths)| Mechanism::Exchange(name, lengths))?,
        "ptr" if nothing || named.is_some() => Mechanism::Reverse,
        "ip4" => network_of(named?).filter(|(base, _)| base.is_ipv4()).map(network)?,
        "ip6" => network_of(named?).filter(|(base, _)| base.is_ipv6()).map(network)?,
        _ => return None,
    };
    Some((verdict, mechanism))
}

fn network((base, length): (IpAddr, u8)) -> Mechanism<'static> {
    Mechanism::Network(base, length)
}

/// What `a` and `mx` name, such as `:city.example/24//64`.
fn target_of(value: &str) -> Option<(Option<&str>, Lengths)> {
    let (name, lengths) = value.split_at(value.find('/').unwrap_or(value.len()));
    let name = match name.strip_prefix(':') {
        Some("") => return None,
        name => name,
    };
    let (four, six) = match lengths.split_once("//") {
        Some((four, six)) => (four, Some(length_of(six, 128)?)),
        None => (lengths, None),
    };
    let four = match four {
        "" => None,
        four => Some(length_of(four.strip_prefix('/')?, 32)?),
    };
    Some((name, Lengths { four, six }))
}

/// A network such as `192.0.2.0/24`.
fn network_of(text: &str) -> Option<(IpAddr, u8)> {
    let (base, length) = text.split_once('/').map_or((text, None), |(base, length)| (base, Some(length)));
    let base: IpAddr = base.parse().ok()?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    Some((base, length.map_or(Some(most), |length| length_of(length, most))?))
}

fn length_of(text: &str, most: u8) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|length| digits && *length <= most)
}

/// Whether two addresses begin with the same bits; all of them where no length is given.
pub fn shares(one: IpAddr, other: IpAddr, length: Option<u8>) -> bool {
    let same = |one: u128, other: u128, bits: u8| {
        let length = length.unwrap_or(bits).min(bits);
        length == 0 || (one ^ other) >> (bits - length) == 0
    };
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => same(one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// What stands in the DNS may be anything: shortened, and only letters that can be seen.
pub fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_end_where_they_are_said_to_end() {
        let within = |address: &str, text| {
            let (base, length) = network_of(text)?;
            Some(shares(address.parse().unwrap(), base, Some(length)))
        };
        assert_eq!(within("192.0.2.255", "192.0.2.0/24"), Some(true));
        assert_eq!(within("192.0.3.0", "192.0.2.0/24"), Some(false));
        assert_eq!(within("192.0.2.1", "192.0.2.1"), Some(true));
        assert_eq!(within("192.0.2.2", "192.0.2.1"), Some(false));
        assert_eq!(within("203.0.113.9", "0.0.0.0/0"), Some(true));
        assert_eq!(within("2001:db8::ff", "2001:db8::/120"), Some(true));
        assert_eq!(within("2001:db8::1ff", "2001:db8::/120"), Some(false));
        assert_eq!(within("192.0.2.1", "2001:db8::/32"), Some(false));
        for wrong in
            ["192.0.2.0/33", "192.0.2/24", "example.jp", "", "192.0.2.0/-1", "192.0.2.0/+1", "192.0.2.0/"]
        {
            assert_eq!(within("192.0.2.1", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn terms_are_those_of_the_standard() {
        let lengths = |four, six| Lengths { four, six };
        for (term, expected) in [
            ("-ALL", (Verdict::Fail, Mechanism::All)),
            ("include:_spf.example", (Verdict::Pass, Mechanism::Include("_spf.example"))),
            ("~mx", (Verdict::SoftFail, Mechanism::Exchange(None, lengths(None, None)))),
            ("a/24", (Verdict::Pass, Mechanism::Address(None, lengths(Some(24), None)))),
            (
                "a:x.example/24//64",
                (Verdict::Pass, Mechanism::Address(Some("x.example"), lengths(Some(24), Some(64)))),
            ),
            (
                "?mx:x.example//64",
                (Verdict::Neutral, Mechanism::Exchange(Some("x.example"), lengths(None, Some(64)))),
            ),
            ("ip6:2001:db8::/32", (Verdict::Pass, Mechanism::Network("2001:db8::".parse().unwrap(), 32))),
            ("ptr", (Verdict::Pass, Mechanism::Reverse)),
        ] {
            assert_eq!(record_of(&format!("v=spf1 {term}")).unwrap().terms, [expected], "{term}");
        }
        let redirected = record_of("v=spf1 redirect=x.example unknown=1 exp=why.example").unwrap();
        assert_eq!(redirected, Record { terms: Vec::new(), redirect: Some("x.example") });
        for wrong in [
            "ipv4:192.0.2.1",
            "ip4:2001:db8::/32",
            "ip6:192.0.2.1",
            "ip4:192.0.2.0/33",
            "ip4",
            "include",
            "include:",
            "all=x",
            "all:x",
            "all/24",
            "a:",
            "a/33",
            "mx/x",
            "a//129",
            "-redirect=x",
            "redirect=",
            "redirect=a redirect=b",
            "redirect:x",
            "-",
            "日本",
        ] {
            assert!(record_of(&format!("v=spf1 ip4:192.0.2.1 {wrong} -all")).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_in_a_record_is_beyond_it(text in "\\PC{0,80}") {
            let _ = record_of(&text);
            prop_assert!(shown(&text).len() <= 60);
        }
    }
}
