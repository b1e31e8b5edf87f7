//! How much of a notice goes to one provider at a time. Mobile carriers and large mailbox providers refuse, or quietly drop, what comes
//! too fast from one sender; mails for everybody else need not wait for them.
//!
//! Each node counts for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::{DomainRate, MailConfig, domain_rates};

/// Waiting for so long keeps a mail in hand; for longer it goes back to the queue.
const SHORT: Duration = Duration::from_millis(500);
/// When a mail comes back for which a domain had no connection left.
const CROWDED: Duration = Duration::from_secs(2);
/// Domains that are remembered; beyond it those that nothing waits for are forgotten.
const MOST: usize = 10_000;
/// Mails that were given a time; more than any notice has.
const MOST_PROMISED: usize = 1_000_000;

/// Limits by domain of the recipient.
pub struct Domains {
    /// 0: as many as there are.
    connections: usize,
    rates: Vec<DomainRate>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    domains: HashMap<String, Domain>,
    /// Mails that were given a time, and may go from then on.
    promised: HashMap<Uuid, Instant>,
}

struct Domain {
    /// When the next mail may go.
    next: Instant,
    places: Arc<Semaphore>,
    waiting: usize,
}

/// May go now. Held while the mail is sent.
#[derive(Debug, Default)]
pub struct Entry {
    _place: Option<OwnedSemaphorePermit>,
}

impl Domains {
    /// From the configuration.
    ///
    /// # Errors
    /// When `mail.domain_rates` cannot be read.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let rates = domain_rates(&config.domain_rates).map_err(anyhow::Error::msg)?;
        Ok(Self { connections: config.domain_connections as usize, rates, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a mail through, at once or after a short while; or says after how long it should come back.
    pub async fn enter(&self, message: Uuid, domain: &str) -> Result<Entry, Duration> {
        let domain = domain.to_ascii_lowercase();
        let rate = self.rates.iter().find(|rate| rate.domain == domain);
        let rate = rate.or_else(|| self.rates.iter().find(|rate| rate.domain == "*"));
        if rate.is_none() && self.connections == 0 {
            return Ok(Entry::default());
        }
        if let Some(wait) = rate.and_then(|rate| self.turn(message, &domain, rate)) {
            if wait > SHORT {
                let mut state = self.state();
                if state.promised.len() >= MOST_PROMISED {
                    // Whoever comes back asks again.
                    state.promised.clear();
                }
                state.promised.insert(message, Instant::now() + wait);
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
        let place = self.place(&domain).await.inspect_err(|wait| {
            // Its turn was now, and is so when it comes back.
            if rate.is_some() {
                self.state().promised.insert(message, Instant::now() + *wait);
            }
        })?;
        Ok(Entry { _place: place })
    }

    /// Takes a turn: how long it is until then. Nothing where it is now.
    fn turn(&self, message: Uuid, domain: &str, rate: &DomainRate) -> Option<Duration> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(promised) = state.promised.get(&message).copied() {
            if promised > now + SHORT {
                return Some(promised - now);
            }
            state.promised.remove(&message);
            return Some(promised.saturating_duration_since(now)).filter(|wait| !wait.is_zero());
        }
        let known = state.domain(domain, self.connections, now);
        let turn = known.next.max(now);
        known.next = turn + rate.interval;
        Some(turn - now).filter(|wait| !wait.is_zero())
    }

    async fn place(&self, domain: &str) -> Result<Option<OwnedSemaphorePermit>, Duration> {
        if self.connections == 0 {
            return Ok(None);
        }
        let places = {
            let mut state = self.state();
            let known = state.domain(domain, self.connections, Instant::now());
            if let Ok(place) = known.places.clone().try_acquire_owned() {
                return Ok(Some(place));
            }
            // As many may wait as are sent: the next ones make room for other domains.
            if known.waiting >= self.connections {
                return Err(CROWDED);
            }
            known.waiting += 1;
            known.places.clone()
        };
        let waiting = Waiting { domains: self, domain };
        let place = places.acquire_owned().await.ok();
        drop(waiting);
        Ok(place)
    }
}

/// Counts one that waits, also when it is given up.
struct Waiting<'a> {
    domains: &'a Domains,
    domain: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.domains.state().domains.get_mut(self.domain) {
            known.waiting = known.waiting.saturating_sub(1);
        }
    }
}

impl State {
    fn domain(&mut self, name: &str, connections: usize, now: Instant) -> &mut Domain {
        if self.domains.len() >= MOST && !self.domains.contains_key(name) {
            self.domains.retain(|_, known| {
                known.next > now || known.waiting > 0 || known.places.available_permits() < connections
            });
        }
        self.domains.entry(name.to_owned()).or_insert_with(|| Domain {
            next: now,
            places: Arc::new(Semaphore::new(connections)),
            waiting: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(connections: u32, rates: &str) -> Domains {
        let config = MailConfig { domain_connections: connections, domain_rates: rates.to_owned(), ..mail() };
        Domains::new(&config).unwrap()
    }

    fn mail() -> MailConfig {
        crate::config::load(&crate::config::Sources::default()).unwrap().mail
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_spreads_its_domain_and_no_other_one() {
        let domains = domains(0, "carrier.example=2, *=1000");
        let begin = Instant::now();
        domains.enter(id(1), "carrier.example").await.unwrap();
        domains.enter(id(2), "CARRIER.example").await.unwrap();
        assert_eq!(begin.elapsed(), Duration::from_millis(500), "half a second later");
        let domains = &domains;
        let wait = async |number| domains.enter(id(number), "carrier.example").await.err();
        let before = wait(3).await;
        assert_eq!(before, None, "half a second is waited for");
        // Without waiting in between, the turns go on.
        let (fourth, fifth, sixth) = tokio::join!(wait(4), wait(5), wait(6));
        assert_eq!((fourth, fifth), (None, Some(Duration::from_secs(1))));
        assert_eq!(sixth, Some(Duration::from_millis(1500)), "each has a time of its own");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(wait(5).await, None, "who was promised a time goes then");
        for number in 10..20 {
            assert!(domains.enter(id(number), "other.example").await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_a_time_and_as_many_wait() {
        let domains = Arc::new(domains(2, ""));
        let (first, second) =
            (domains.enter(id(1), "a.example").await, domains.enter(id(2), "a.example").await);
        assert!(first.is_ok() && second.is_ok());
        let mut waiting = Vec::new();
        for number in 3..5 {
            let domains = domains.clone();
            waiting.push(tokio::spawn(async move { domains.enter(id(number), "a.example").await.is_ok() }));
            tokio::task::yield_now().await;
        }
        assert_eq!(domains.enter(id(5), "a.example").await.err(), Some(CROWDED));
        assert!(domains.enter(id(6), "b.example").await.is_ok(), "others do not wait");
        waiting.pop().unwrap().abort();
        drop((first, second));
        assert!(waiting.pop().unwrap().await.unwrap());
        tokio::task::yield_now().await;
        let state = domains.state();
        assert_eq!(
            (state.domains["a.example"].waiting, state.domains["a.example"].places.available_permits()),
            (0, 2)
        );
    }
}
