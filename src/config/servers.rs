//! Names of servers with their ports, and of domains with their rates.

use std::time::Duration;

/// Servers from `host:port, host:port`.
pub fn servers(text: &str) -> Result<Vec<(String, u16)>, &'static str> {
    const FORM: &str = "wants servers with their ports, such as mx2.example.jp:25, mx3.example.jp:587";
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let server = |part: &str| {
        let (host, port) = part.rsplit_once(':').ok_or(FORM)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(FORM)?;
        let is_name = !host.is_empty() && host.len() <= 253 && !host.contains(char::is_whitespace);
        if is_name { Ok((host.to_owned(), port)) } else { Err(FORM) }
    };
    let found: Vec<_> = parts.map(server).collect::<Result<_, _>>()?;
    if found.len() > 10 { Err("wants at most 10 servers") } else { Ok(found) }
}

/// How fast mails may go to a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRate {
    /// In small letters; `*` is every one that has none of its own.
    pub domain: String,
    /// From one mail to the next.
    pub interval: Duration,
}

/// Rates from `carrier.example=5, *=0.5`: mails a second.
pub fn domain_rates(text: &str) -> Result<Vec<DomainRate>, &'static str> {
    const FORM: &str =
        "wants domains with mails a second from 0.01 to 10000, such as carrier.example=5, *=50";
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let rate = |part: &str| {
        let (domain, rate) = part.split_once('=').ok_or(FORM)?;
        let domain = domain.trim().to_ascii_lowercase();
        let is_name = !domain.is_empty()
            && domain.len() <= 253
            && !domain.contains(|it: char| it.is_whitespace() || it == '@');
        let rate: f64 = rate.trim().parse().map_err(|_| FORM)?;
        if !is_name || !(0.01..=10_000.0).contains(&rate) {
            return Err(FORM);
        }
        Ok(DomainRate { domain, interval: Duration::from_secs_f64(1.0 / rate) })
    };
    let found: Vec<_> = parts.map(rate).collect::<Result<_, _>>()?;
    let twice =
        found.iter().enumerate().any(|(at, one)| found[..at].iter().any(|it| it.domain == one.domain));
    match found.len() {
        _ if twice => Err("names a domain twice"),
        0..=1000 => Ok(found),
        _ => Err("wants at most 1000 domains"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_by_domain() {
        let rates = domain_rates("Carrier.example = 5, *=0.5,").unwrap();
        let seconds = |rate: &DomainRate| (rate.domain.clone(), rate.interval.as_secs_f64());
        assert_eq!(
            rates.iter().map(seconds).collect::<Vec<_>>(),
            [("carrier.example".into(), 0.2), ("*".into(), 2.0)]
        );
        for wrong in ["a.example", "a=0", "a=-1", "a=NaN", "a=inf", "=5", "x@a.example=5", "a=1,A=2", "a b=1"]
        {
            assert!(domain_rates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn servers_are_read_with_their_ports() {
        assert_eq!(servers("").unwrap(), []);
        assert_eq!(
            servers("a.example:25, b.example:587,").unwrap(),
            [("a.example".into(), 25), ("b.example".into(), 587)]
        );
        for wrong in ["a.example", "a.example:0", ":25", "a b:25", "a.example:x"] {
            assert!(servers(wrong).is_err(), "{wrong}");
        }
    }
}
