//! Whether the mails of this installation will be taken, looked at before a notice is approved: the servers that are to send them, and what
//! the DNS says of the domains that stand in them (SPF, DKIM, DMARC, where bounces go, MTA-STS). A key in the DNS that is not the one that
//! signs puts every mail of a notice into the spam folders, and nobody is told of it.
//!
//! Needs no database: it looks at the configuration alone, and sends no mail.

mod dkim;
mod dmarc;
mod names;
mod servers;
mod spf;
mod spf_record;
mod sts;
mod tags;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::ensure;
use rustls::RootCertStore;

use super::dkim::Dkim;
use crate::config::{MailConfig, MailProvider, MailTransport};
use dmarc::Ways;
use names::Names;

/// Addresses from which mails are sent.
const MOST_ADDRESSES: usize = 50;
/// For one look.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one look has shown.
#[derive(Debug)]
pub struct Finding {
    pub about: About,
    pub state: State,
    /// Which server, or which name in the DNS.
    pub place: String,
    pub what: String,
    pub remedy: Option<String>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Server,
    Spf,
    Dkim,
    Dmarc,
    /// Where mails come back to.
    Bounces,
    MtaSts,
}

impl About {
    /// As shown.
    pub fn as_str(self) -> &'static str {
        match self {
            About::Server => "server",
            About::Spf => "SPF",
            About::Dkim => "DKIM",
            About::Dmarc => "DMARC",
            About::Bounces => "bounces",
            About::MtaSts => "MTA-STS",
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Good,
    /// Mails leave, and some will not be taken, or something is not known that should be.
    Warning,
    /// Mails do not leave, or are not taken.
    Wrong,
    /// It could not be looked at.
    Unknown,
}

impl State {
    /// As shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Warning => "warning",
            State::Wrong => "wrong",
            State::Unknown => "unknown",
        }
    }
}

impl Finding {
    fn new(about: About, state: State, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { about, state, place: place.into(), what: what.into(), remedy: None }
    }

    fn good(about: About, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(about, State::Good, place, what)
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// The DNS gave no answer.
    fn unasked(about: About, place: impl Into<String>) -> Self {
        Self::new(about, State::Unknown, place, "the DNS gave no answer")
            .remedy("try again, or ask another server with --dns")
    }
}

/// Whom to ask, and how.
pub struct Asking {
    /// A server of the DNS; none: those of this machine.
    pub dns: Option<SocketAddr>,
    /// Addresses from which the mail servers send to the world.
    pub sends_from: Vec<IpAddr>,
    /// Who vouches for the server of an MTA-STS policy.
    pub authorities: RootCertStore,
    /// Where it listens: 443.
    pub policy_port: u16,
}

/// Looks at everything that decides whether mails are taken.
///
/// # Errors
/// When the configuration names a key, a certificate or a server that cannot be used, or this machine has no server of the DNS.
pub async fn check(config: &MailConfig, asking: &Asking) -> anyhow::Result<Vec<Finding>> {
    ensure!(asking.sends_from.len() <= MOST_ADDRESSES, "at most {MOST_ADDRESSES} addresses are looked at");
    let names = Names::new(asking.dns)?;
    let from = config.sender_domain();
    // Where nobody reads what comes back, it goes to the sender's address.
    let returns = if config.return_maildir.is_empty() { from } else { config.return_domain() };
    // Mails come back to where a provider wants them, unless it was told otherwise; then it is not known here.
    let known_returns = (config.provider == MailProvider::None).then_some(returns);
    let dkim = Dkim::new(config)?;
    let mut findings = match config.transport {
        MailTransport::Captured => vec![
            Finding::new(
                About::Server,
                State::Warning,
                "mail.transport",
                "mails are captured: nothing leaves",
            )
            .remedy("set mail.transport = \"smtp\" to send"),
        ],
        MailTransport::Smtp => servers::look(config).await?,
    };
    let spf = match known_returns {
        Some(domain) => within(About::Spf, domain, spf::look(&names, domain, &asking.sends_from)).await,
        None => {
            Finding::new(About::Spf, State::Warning, "mail.provider", "the return path is the provider's own")
                .remedy("see in the provider's settings that it is authenticated for your domain")
        }
    };
    let signs =
        within(About::Dkim, "mail.dkim_selector", dkim::look(&names, config.provider, dkim.as_ref())).await;
    let ways = Ways {
        returns: known_returns,
        spf: spf.state,
        signed: dkim.as_ref().map(Dkim::domain),
        dkim: signs.state,
    };
    let dmarc = within(About::Dmarc, from, dmarc::look(&names, from, &ways)).await;
    findings.extend([spf, signs, dmarc]);
    if let Some(domain) = known_returns {
        findings.push(within(About::Bounces, domain, bounces(&names, config, domain)).await);
        if !config.return_maildir.is_empty() {
            findings.push(within(About::MtaSts, domain, sts::look(&names, domain, asking)).await);
        }
    }
    Ok(findings)
}

/// A look that has an end, however slowly a server of the DNS answers.
async fn within(about: About, place: &str, look: impl Future<Output = Finding>) -> Finding {
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| Finding::unasked(about, place))
}

/// Whether what comes back finds a server, and this service.
async fn bounces(names: &Names, config: &MailConfig, domain: &str) -> Finding {
    let about = About::Bounces;
    let Ok(servers) = names.servers(domain).await else { return Finding::unasked(about, domain) };
    let wrong = |what: String| Finding::new(about, State::Wrong, domain, what);
    if servers.is_empty() {
        return wrong("no server takes mail for this domain (MX)".to_owned()).remedy(
            "publish an MX record: many refuse mails whose return path leads nowhere, and no bounce comes back",
        );
    }
    if servers == ["."] {
        return wrong("the domain says that it takes no mail (null MX, RFC 7505)".to_owned())
            .remedy("choose another return path (mail.return_domain)");
    }
    let mut lost = Vec::new();
    for server in &servers {
        match names.addresses(server).await {
            Ok(found) if found.is_empty() => lost.push(server.as_str()),
            Ok(_) => {}
            Err(_) => return Finding::unasked(about, server.as_str()),
        }
    }
    let what = format!("mails come back to {}", servers.join(", "));
    if !lost.is_empty() {
        let state = if lost.len() == servers.len() { State::Wrong } else { State::Warning };
        return Finding::new(
            about,
            state,
            domain,
            format!("{what}; without an address: {}", lost.join(", ")),
        )
        .remedy("give it an address, or take it out of the MX records");
    }
    if config.return_maildir.is_empty() {
        return Finding::new(about, State::Warning, domain, format!("{what}; nobody here learns of it"))
            .remedy("set mail.return_maildir: until then, whoever was not told counts as told");
    }
    Finding::good(about, domain, what)
}
