//! SPF (RFC 7208): who may send mails whose return path is of a domain.
//!
//! What is written with macros (`%{i}`) is not evaluated: then it is said that nobody here can tell.

use std::net::IpAddr;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::names::{Names, NoAnswer};
use super::spf_record::{Mechanism, Record, Verdict, record_of, shares, shown};
use super::{About, Finding, State};

/// Terms that ask the DNS, in all records together; exchanges of one `mx` (RFC 7208, 4.6.4).
const MOST_LOOKUPS: usize = 10;
/// Questions without an answer (the same).
const MOST_VOID: usize = 2;

/// Why nothing can be said.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// Receivers take the record for none, or refuse the mail: what is wrong with it.
    Broken(String),
    /// Here it cannot be told.
    NotKnown(String),
}

/// Looks whether the record of a domain can be used, and lets these addresses send.
pub async fn look(names: &Names, domain: &str, sends_from: &[IpAddr]) -> Finding {
    let about = About::Spf;
    let wrong = |what: String| Finding::new(about, State::Wrong, domain, what);
    // What receivers do with our mails comes first.
    let mut refused = Vec::new();
    for address in sends_from {
        match (Walk { names, address: *address, lookups: 0, void: 0 }).of(domain, None).await {
            Ok(None) => return none(domain),
            Ok(Some(Verdict::Pass)) => {}
            Ok(Some(Verdict::Fail)) => refused.push(format!("{address} is refused")),
            Ok(Some(Verdict::SoftFail)) => refused.push(format!("{address} is doubted (~all)")),
            Ok(Some(Verdict::Neutral)) => refused.push(format!("{address} is not named")),
            Err(trouble) => return troubled(domain, trouble),
        }
    }
    if !refused.is_empty() {
        return wrong(format!("the record does not let the mail server send: {}", refused.join(", ")))
            .remedy("add ip4: or ip6: with the address, or the include: of who runs the server");
    }
    // Addresses that can be nobody's (RFC 1112, 4; RFC 6666) go through every term, and pass only where everybody does.
    let nobody: [IpAddr; 2] = [[240, 0, 0, 1].into(), [0x100, 0, 0, 0, 0, 0, 0, 1].into()];
    for address in nobody {
        match (Walk { names, address, lookups: 0, void: 0 }).of(domain, None).await {
            Ok(None) => return none(domain),
            Ok(Some(Verdict::Pass)) => {
                return wrong("the record lets everybody send".to_owned())
                    .remedy("name the mail servers and end with -all");
            }
            Ok(Some(_)) => {}
            Err(trouble) if sends_from.is_empty() => return troubled(domain, trouble),
            Err(Trouble::Broken(what) | Trouble::NotKnown(what)) => {
                let what = format!("the record lets the mail servers send; behind what names them: {what}");
                return Finding::new(about, State::Warning, domain, what).remedy("have it put right");
            }
        }
    }
    if sends_from.is_empty() {
        let what = "the record is well made; whether it lets the mail servers send is not known";
        return Finding::new(about, State::Warning, domain, what)
            .remedy("say from which addresses they send: --sends-from");
    }
    Finding::good(about, domain, "the record lets the mail servers send")
}

fn none(domain: &str) -> Finding {
    Finding::new(About::Spf, State::Wrong, domain, "there is no record").remedy(
        "publish TXT \"v=spf1 ip4:<address of the mail server> -all\": large providers refuse many mails without one",
    )
}

fn troubled(domain: &str, trouble: Trouble) -> Finding {
    match trouble {
        Trouble::Broken(what) => Finding::new(About::Spf, State::Wrong, domain, what)
            .remedy("correct the record: receivers treat the domain as if it had none, or refuse its mails"),
        Trouble::NotKnown(what) => Finding::new(About::Spf, State::Unknown, domain, what)
            .remedy("try again, or ask another server with --dns; a macro is seen in a mail's headers"),
    }
}

/// What receivers do with the record for a mail from one address.
struct Walk<'a> {
    names: &'a Names,
    address: IpAddr,
    lookups: usize,
    void: usize,
}

impl Walk<'_> {
    /// What the record of a domain says; nothing where there is none.
    fn of<'b>(
        &'b mut self,
        domain: &'b str,
        named_by: Option<&'b str>,
    ) -> BoxFuture<'b, Result<Option<Verdict>, Trouble>> {
        async move {
            let is_spf = |text: &str| {
                let text = text.to_ascii_lowercase();
                text == "v=spf1" || text.starts_with("v=spf1 ")
            };
            let found =
                self.names.texts_that(domain, is_spf).await.map_err(|why| unanswered(domain, &why))?;
            let record = match (found.as_slice(), named_by) {
                ([], Some(named_by)) => {
                    let what = format!("{}, which {named_by} names, has no record", shown(domain));
                    return Err(Trouble::Broken(what));
                }
                ([], None) => return Ok(None),
                ([record], _) => record,
                (several, _) => {
                    let what = format!("{domain} has {} records: receivers take none of them", several.len());
                    return Err(Trouble::Broken(what));
                }
            };
            // The whole record before its first term: what is wrong anywhere in it makes receivers take none of it.
            let Record { terms, redirect } = record_of(record)
                .map_err(|term| Trouble::Broken(format!("{domain}: \"{term}\" is no term")))?;
            for (verdict, mechanism) in &terms {
                if self.matches(domain, mechanism).await? {
                    return Ok(Some(*verdict));
                }
            }
            match redirect {
                Some(target) => {
                    self.count(domain)?;
                    self.of(plain(domain, target)?, Some(domain)).await
                }
                None => Ok(Some(Verdict::Neutral)),
            }
        }
        .boxed()
    }

    async fn matches(&mut self, domain: &str, mechanism: &Mechanism<'_>) -> Result<bool, Trouble> {
        Ok(match *mechanism {
            Mechanism::All => true,
            Mechanism::Network(base, length) => shares(self.address, base, Some(length)),
            Mechanism::Include(target) => {
                self.count(domain)?;
                let target = plain(domain, target)?;
                self.of(target, Some(domain)).await? == Some(Verdict::Pass)
            }
            Mechanism::Address(target, lengths) => {
                self.count(domain)?;
                let target = plain(domain, target.unwrap_or(domain))?;
                let found = self.addresses(target).await?;
                if found.is_empty() {
                    self.nothing(domain)?;
                }
                found.into_iter().any(|found| shares(self.address, found, lengths.of(self.address)))
            }
            Mechanism::Exchange(target, lengths) => {
                self.count(domain)?;
                let target = plain(domain, target.unwrap_or(domain))?;
                let servers = self.names.exchanges(target).await.map_err(|why| unanswered(target, &why))?;
                if servers.is_empty() {
                    self.nothing(domain)?;
                }
                if servers.len() > MOST_LOOKUPS {
                    return Err(Trouble::Broken(format!("{target} has more than {MOST_LOOKUPS} MX records")));
                }
                let mut found = false;
                // "." says that nobody takes mail there (RFC 7505): no address fits it.
                for (_, server) in servers.into_iter().filter(|(_, server)| server != ".") {
                    let addresses = self.addresses(&server).await?;
                    found |= addresses
                        .into_iter()
                        .any(|found| shares(self.address, found, lengths.of(self.address)));
                }
                found
            }
            // Of the old kind of address alone (RFC 7208, 5.7).
            Mechanism::Exists(target) => {
                self.count(domain)?;
                let target = plain(domain, target)?;
                let found = self.names.old_addresses(target).await.map_err(|why| unanswered(target, &why))?;
                if found.is_empty() {
                    self.nothing(domain)?;
                }
                !found.is_empty()
            }
            // Not to be used, and slow: nobody's mail should depend on it (RFC 7208, 5.5).
            Mechanism::Reverse => {
                self.count(domain)?;
                false
            }
        })
    }

    /// Addresses of the kind that is asked about.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        let found = match self.address {
            IpAddr::V4(_) => self.names.old_addresses(name).await,
            IpAddr::V6(_) => self.names.new_addresses(name).await,
        };
        found.map_err(|why| unanswered(name, &why))
    }

    fn count(&mut self, domain: &str) -> Result<(), Trouble> {
        self.lookups += 1;
        if self.lookups > MOST_LOOKUPS {
            let what = format!("{domain}: more than {MOST_LOOKUPS} terms ask the DNS (RFC 7208, 4.6.4)");
            return Err(Trouble::Broken(what));
        }
        Ok(())
    }

    fn nothing(&mut self, domain: &str) -> Result<(), Trouble> {
        self.void += 1;
        if self.void > MOST_VOID {
            let what = format!("{domain}: more than {MOST_VOID} terms name nothing (RFC 7208, 4.6.4)");
            return Err(Trouble::Broken(what));
        }
        Ok(())
    }
}

fn unanswered(name: &str, why: &NoAnswer) -> Trouble {
    match why {
        NoAnswer::NoName => Trouble::Broken(format!("{} is no name", shown(name))),
        NoAnswer::Silence => Trouble::NotKnown(format!("the DNS gave no answer about {}", shown(name))),
    }
}

/// A name without macros.
fn plain<'a>(domain: &str, name: &'a str) -> Result<&'a str, Trouble> {
    match name.contains('%') {
        true => Err(Trouble::NotKnown(format!("{domain}: what {} means depends on each mail", shown(name)))),
        false => Ok(name),
    }
}
