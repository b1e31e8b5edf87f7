//! MTA-STS (RFC 8461) of the domain to which mails come back: whether those who send bounces there, which name people, are told to use TLS.
//! What others want for their own domains is kept by the server that delivers to them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;

use super::names::Names;
use super::tags::tag;
use super::{About, Asking, Finding, State};
use crate::outbound;

/// A policy is short (RFC 8461, 3.2).
const MOST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks for a domain's policy, and whether it fits the domain's servers.
pub async fn look(names: &Names, domain: &str, asking: &Asking) -> Finding {
    let about = About::MtaSts;
    let name = format!("_mta-sts.{domain}");
    let Ok(records) = names.of_version(&name, "v=STSv1").await else { return Finding::unasked(about, name) };
    let wrong = |place: &str, what: String| Finding::new(about, State::Wrong, place, what);
    match records.as_slice() {
        [] => {
            return Finding::new(
                about,
                State::Warning,
                name,
                "no policy: a bounce, which names a person, may come in clear",
            )
            .remedy("publish a policy of mode enforce (RFC 8461) where the domain's server has TLS");
        }
        [record] if record.starts_with("v=STSv1;") && tag(record, "id").is_some_and(is_id) => {}
        [_] => {
            let what = "the record does not begin with v=STSv1; or has no id= of 1 to 32 letters and digits";
            return wrong(&name, what.to_owned()).remedy("publish TXT \"v=STSv1; id=1\"");
        }
        _ => {
            return wrong(&name, "there are several records: nobody takes any".to_owned())
                .remedy("leave one of them");
        }
    }
    let host = format!("mta-sts.{domain}");
    let (Ok(addresses), Ok(servers)) = (names.addresses(&host).await, names.servers(domain).await) else {
        return Finding::unasked(about, host);
    };
    let policy = match fetch(
        &host,
        addresses.into_iter().map(|address| (address, 0).into()).collect(),
        asking,
    )
    .await
    {
        Ok(policy) => policy,
        Err(Unfetched::NotReached) => {
            return Finding::new(about, State::Unknown, host, "the server of the policy cannot be reached from here")
                .remedy("see that https://mta-sts.<domain>/.well-known/mta-sts.txt answers, and that this machine may ask it");
        }
        Err(Unfetched::Not(what)) => {
            return wrong(&host, what.to_owned()).remedy(
                "serve https://mta-sts.<domain>/.well-known/mta-sts.txt with a certificate that the public trusts, and without redirects",
            );
        }
    };
    match judge(&policy, &servers) {
        Ok(Mode::Enforce) => Finding::good(
            about,
            host,
            "whoever keeps policies sends bounces by TLS alone, and to these servers with a certificate that fits",
        ),
        Ok(Mode::Other) => Finding::new(
            about,
            State::Warning,
            host,
            "the policy is not enforced: a bounce may come in clear",
        )
        .remedy("set mode: enforce when no report speaks against it"),
        Err(what) => wrong(&host, what).remedy("correct the policy, and give the record another id="),
    }
}

/// RFC 8461, 3.1.
fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

enum Mode {
    Enforce,
    Other,
}

/// What a policy says, and whether each server of the domain is one of its.
fn judge(policy: &str, servers: &[String]) -> Result<Mode, String> {
    let fields: Vec<(&str, &str)> = policy
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let first = |name| fields.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    if first("version") != Some("STSv1") {
        return Err("the policy has no version: STSv1".to_owned());
    }
    if first("max_age").and_then(|age| age.parse::<u64>().ok()).is_none_or(|age| age > 31_557_600) {
        return Err("the policy has no max_age: of at most a year".to_owned());
    }
    let mode = match first("mode") {
        Some("enforce") => Mode::Enforce,
        Some("testing" | "none") => Mode::Other,
        _ => return Err("the policy has no mode: that is known".to_owned()),
    };
    let patterns: Vec<&str> =
        fields.iter().filter(|(name, _)| *name == "mx").map(|(_, pattern)| *pattern).collect();
    match servers.iter().find(|server| !patterns.iter().any(|pattern| fits(pattern, server))) {
        Some(server) if matches!(mode, Mode::Enforce) => Err(format!(
            "the policy does not name {server}, which takes the domain's mail: bounces will not come"
        )),
        _ => Ok(mode),
    }
}

/// Whether a name fits a pattern: `*.` stands for one label (RFC 8461, 4.1).
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => name
            .split_once('.')
            .is_some_and(|(label, own)| !label.is_empty() && own.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Why there is no policy to be read.
enum Unfetched {
    /// Nobody answered; whether others can reach it is not known.
    NotReached,
    Not(&'static str),
}

/// The policy of a host, which is at these addresses.
async fn fetch(host: &str, addresses: Vec<SocketAddr>, asking: &Asking) -> Result<String, Unfetched> {
    if addresses.is_empty() {
        return Err(Unfetched::Not("the name has no address"));
    }
    let resolved = tower::service_fn(move |_: Name| {
        std::future::ready(Ok::<_, std::convert::Infallible>(addresses.clone().into_iter()))
    });
    let connector = HttpConnector::new_with_resolver(resolved);
    let none = |_| Unfetched::Not("it cannot be asked from this program");
    let connector = outbound::secured(connector, asking.authorities.clone()).map_err(none)?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let port = if asking.policy_port == 443 { String::new() } else { format!(":{}", asking.policy_port) };
    let address = format!("https://{host}{port}/.well-known/mta-sts.txt");
    let address = address.parse().map_err(|_| Unfetched::Not("the name is none that can be asked"))?;
    let answered = async {
        let answer = client.get(address).await.map_err(|error| match is_refused_certificate(&error) {
            true => Unfetched::Not("its certificate is not for this name, or nobody trusts it"),
            false => Unfetched::NotReached,
        })?;
        if answer.status() != http::StatusCode::OK {
            return Err(Unfetched::Not("it does not answer 200, and a redirect is not followed"));
        }
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body = body.map_err(|_| Unfetched::Not("its policy is too long or breaks off"))?.to_bytes();
        String::from_utf8(body.to_vec()).map_err(|_| Unfetched::Not("its policy is no text"))
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or(Err(Unfetched::NotReached))
}

/// Whether TLS failed by the certificate. An error of input and output has its cause inside, and does not name it as its source.
fn is_refused_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| is_refused_certificate(inner))
        || error.source().is_some_and(is_refused_certificate)
}

#[cfg(test)]
mod tests {
    use super::{Mode, fits, judge};

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(fits("mx.city.example", "MX.city.example"));
        assert!(fits("*.city.example", "mx1.city.example"));
        for (pattern, name) in [
            ("*.city.example", "city.example"),
            ("*.city.example", "a.b.city.example"),
            ("*.city.example", ".city.example"),
            ("city.example", "mx.city.example"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_policy_that_leaves_a_server_out_keeps_bounces_away() {
        let servers = ["mx1.city.example".to_owned(), "mx2.city.example".to_owned()];
        let policy =
            |mode: &str, mx: &str| format!("version: STSv1\r\nmode: {mode}\r\n{mx}max_age: 86400\r\n");
        let all = "mx: mx1.city.example\r\nmx: *.city.example\r\n";
        assert!(matches!(judge(&policy("enforce", all), &servers), Ok(Mode::Enforce)));
        assert!(matches!(judge(&policy("testing", all), &servers), Ok(Mode::Other)));
        assert!(matches!(judge(&policy("none", ""), &servers), Ok(Mode::Other)));
        assert!(matches!(judge(&policy("testing", "mx: mx1.city.example\r\n"), &servers), Ok(Mode::Other)));
        let one = judge(&policy("enforce", "mx: mx1.city.example\r\n"), &servers);
        assert!(one.is_err_and(|what| what.contains("mx2.city.example")));
        for wrong in [
            "",
            "version: STSv2\nmode: none\nmax_age: 1",
            "version: STSv1\nmode: none",
            &policy("always", all),
        ] {
            assert!(judge(wrong, &servers).is_err(), "{wrong}");
        }
    }
}
