//! What the DNS says of a name.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

/// Records of one name at most: of more nobody makes sense.
const MOST: usize = 50;

/// Asks the DNS.
pub struct Names(TokioResolver);

/// There was no answer. That there is no such record is one.
#[derive(Debug)]
pub enum NoAnswer {
    /// It is no name that can be asked about.
    NoName,
    /// Nobody said anything, or that it cannot be said now.
    Silence,
}

type Answer<T> = Result<T, NoAnswer>;

impl Names {
    /// Asks this server, or those of the machine.
    pub fn new(server: Option<SocketAddr>) -> anyhow::Result<Self> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio()
                .ok()
                .context("this machine names no server of the DNS; name one with --dns")?,
            Some(address) => {
                let at_port = |mut connection: ConnectionConfig| {
                    connection.port = address.port();
                    connection
                };
                let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
                let server = NameServerConfig::new(address.ip(), true, connections);
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (Duration::from_secs(3), 2);
        // What this machine says of a name by itself is not what receivers see.
        options.use_hosts_file = ResolveHosts::Never;
        Ok(Self(builder.build().ok().context("the DNS cannot be asked from this machine")?))
    }

    /// The texts of a name that are wanted, each put together from its parts.
    pub async fn texts_that(&self, name: &str, wanted: impl Fn(&str) -> bool) -> Answer<Vec<String>> {
        let records = self.ask(name, RecordType::TXT).await?;
        let text = |data: &RData| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(records.iter().filter_map(text).filter(|text| wanted(text)).take(MOST).collect())
    }

    /// The texts of a name whose first tag is this version, such as `v=DMARC1`, as it is written.
    pub async fn of_version(&self, name: &str, version: &str) -> Answer<Vec<String>> {
        let is_version = |text: &str| {
            let first = text.split(';').next().unwrap_or_default();
            first
                .split_once('=')
                .is_some_and(|(name, value)| version == format!("{}={}", name.trim(), value.trim()))
        };
        self.texts_that(name, is_version).await
    }

    /// The servers that take mail for a domain, the preferred first; the domain itself where it has an address and no MX (RFC 5321, 5.1).
    pub async fn servers(&self, domain: &str) -> Answer<Vec<String>> {
        let mut servers = self.exchanges(domain).await?;
        servers.sort();
        if servers.is_empty() && !self.addresses(domain).await?.is_empty() {
            return Ok(vec![domain.to_owned()]);
        }
        Ok(servers.into_iter().map(|(_, name)| name).collect())
    }

    /// MX alone, with preferences.
    pub async fn exchanges(&self, domain: &str) -> Answer<Vec<(u16, String)>> {
        let exchange = |data: &RData| match data {
            RData::MX(exchange) => Some((exchange.preference, relative(&exchange.exchange.to_ascii()))),
            _ => None,
        };
        Ok(self.ask(domain, RecordType::MX).await?.iter().filter_map(exchange).take(MOST).collect())
    }

    /// The addresses of a name, of both kinds.
    pub async fn addresses(&self, name: &str) -> Answer<Vec<IpAddr>> {
        let mut found = self.old_addresses(name).await?;
        found.extend(self.new_addresses(name).await?);
        Ok(found)
    }

    /// The addresses of four octets (A).
    pub async fn old_addresses(&self, name: &str) -> Answer<Vec<IpAddr>> {
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            _ => None,
        };
        Ok(self.ask(name, RecordType::A).await?.iter().filter_map(address).take(MOST).collect())
    }

    /// The addresses of sixteen octets (AAAA).
    pub async fn new_addresses(&self, name: &str) -> Answer<Vec<IpAddr>> {
        let address = |data: &RData| match data {
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        };
        Ok(self.ask(name, RecordType::AAAA).await?.iter().filter_map(address).take(MOST).collect())
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Answer<Vec<RData>> {
        // Labels of any letters: names of records begin with marks, and hold them. No search list of this machine has a say.
        let absolute = format!("{}.", name.trim_end_matches('.'));
        let name = Name::from_ascii(absolute).map_err(|_| NoAnswer::NoName)?;
        if name.is_root() {
            return Err(NoAnswer::NoName);
        }
        match self.0.lookup(name, kind).await {
            Ok(found) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(_) => Err(NoAnswer::Silence),
        }
    }
}

fn relative(name: &str) -> String {
    match name.trim_end_matches('.') {
        "" => ".".to_owned(),
        name => name.to_ascii_lowercase(),
    }
}
