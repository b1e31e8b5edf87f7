//! Several mail servers: when one cannot be spoken to, the next one takes its mails, and the first is left alone for a while.
//!
//! Only a server that let nobody in is passed over. One that took a mail and broke off may have accepted it: that mail is not given to
//! another one, or its recipient would be told twice.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::mailer::{Email, Outcome};
use super::model::Reason;
use super::smtp::{Greeting, Smtp};
use crate::config::{MailConfig, servers};

/// Failures in a row after which a server is left alone.
const FAILURES: u32 = 3;
/// For how long; then one mail tries it.
const PAUSE: Duration = Duration::from_secs(30);

/// Whether a server is spoken to (a circuit breaker).
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// Whether a mail may try now. After the pause the first that asks is the one that tries; the others wait for what comes of it.
    fn lets_through(&mut self, now: Instant) -> bool {
        match self.until {
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// True when it is left alone from now on.
    fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let before = self.until.is_some();
        if self.failures >= FAILURES {
            self.until = Some(now + PAUSE);
        }
        self.until.is_some() && !before
    }
}

struct Relay {
    smtp: Smtp,
    breaker: Mutex<Breaker>,
}

/// The servers in the order in which they are preferred.
pub struct Relays(Vec<Relay>);

impl Relays {
    /// From the configuration: `mail.smtp_host`, then `mail.smtp_fallbacks`.
    ///
    /// # Errors
    /// When a server's name cannot be used for TLS, or a name has no port.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let first = (config.smtp_host.clone(), config.smtp_port);
        let more = servers(&config.smtp_fallbacks).map_err(anyhow::Error::msg)?;
        let relay = |(host, port): (String, u16)| {
            Ok(Relay { smtp: Smtp::new(config, &host, port)?, breaker: Mutex::default() })
        };
        Ok(Self(std::iter::once(first).chain(more).map(relay).collect::<anyhow::Result<_>>()?))
    }

    /// Sends one mail by the first server that lets it in; `ending` as in [`Smtp::send`].
    pub async fn send(&self, email: &Email, ending: &AtomicBool) -> Outcome {
        let mut refused = None;
        for (index, relay) in self.0.iter().enumerate() {
            // The last one is always tried: a mail that nobody is asked to take waits for nothing.
            let is_last = index + 1 == self.0.len();
            let nobody_was_asked = is_last && refused.is_none();
            if !relay.lock().lets_through(Instant::now()) && !nobody_was_asked {
                continue;
            }
            let outcome = relay.smtp.send(email, ending).await;
            if !outcome.is_unreachable() {
                relay.lock().succeeded();
                return outcome;
            }
            if relay.lock().failed(Instant::now()) && !is_last {
                tracing::warn!(
                    relay = index + 1,
                    "a mail server lets nobody in; the next one takes its mails"
                );
            }
            refused = Some(outcome);
        }
        refused.unwrap_or(Outcome::NotNow { reason: Reason::NoConnection, code: None })
    }

    /// What each server is like, one after the other, by name and port.
    pub async fn greet(&self) -> Vec<(String, std::result::Result<Greeting, Reason>)> {
        let mut greetings = Vec::with_capacity(self.0.len());
        for relay in &self.0 {
            greetings.push((relay.smtp.place(), relay.smtp.greet().await));
        }
        greetings
    }

    /// Closes the connections that wait.
    pub async fn rest(&self) {
        for relay in &self.0 {
            relay.smtp.rest().await;
        }
    }
}

impl Relay {
    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_is_left_alone_and_tried_by_one() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert!(!breaker.failed(start) && !breaker.failed(start));
        assert!(breaker.lets_through(start), "twice may be chance");
        assert!(breaker.failed(start), "the third time it is said");
        assert!(!breaker.lets_through(start + PAUSE / 2));
        assert!(breaker.lets_through(start + PAUSE), "one tries");
        assert!(!breaker.lets_through(start + PAUSE), "the others wait");
        assert!(!breaker.failed(start + PAUSE), "it is said once");
        assert!(!breaker.lets_through(start + PAUSE * 3 / 2));
        breaker.succeeded();
        assert!(breaker.lets_through(start + PAUSE * 3 / 2));
    }
}
