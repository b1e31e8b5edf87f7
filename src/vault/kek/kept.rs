//! What another machine opened is kept in memory, so that no read waits for it twice and an outage there does not stop what is
//! loaded. After an hour it is asked again: a refusal then counts, its absence does not.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use envelope::{TenantKey, TenantKeyContext};
use sha2::{Digest, Sha256};

use super::{KekProvider, KeyTrouble};
use crate::clock::Clock;
use crate::config::KeyHolder;

/// A few hundred bytes each.
const MAX_KEYS: u64 = 16_384;
/// How long a key is good without asking: so long may it be used after its holder has been told to give it no more.
const GOOD: i64 = 3600 * 1_000_000;
/// What nobody used for so long is forgotten, the key of a tenant that is no more among it.
const UNUSED: Duration = Duration::from_secs(24 * 3600);
/// A holder that was away is left alone for this time by those who can do without it.
const LEFT_ALONE: i64 = 10 * 1_000_000;

/// A provider on another machine, with a memory.
pub struct Kept {
    holder: Box<dyn KekProvider>,
    clock: Arc<dyn Clock>,
    keys: moka::sync::Cache<[u8; 32], Arc<Opened>>,
    trouble: Mutex<Option<KeyTrouble>>,
    away_at: AtomicI64,
}

struct Opened {
    key: TenantKey,
    /// In microseconds.
    at: i64,
}

impl Kept {
    pub fn new(holder: Box<dyn KekProvider>, clock: &Arc<dyn Clock>) -> Self {
        Self {
            holder,
            clock: clock.clone(),
            keys: moka::sync::Cache::builder().max_capacity(MAX_KEYS).time_to_idle(UNUSED).build(),
            trouble: Mutex::new(None),
            away_at: AtomicI64::new(i64::MIN),
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    /// Remembers how the holder answered; logs when that changes.
    fn note<T>(&self, answer: &Result<T, KeyTrouble>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(_) => {
                if trouble.take().is_some() {
                    tracing::info!(holder = %self.holder.holder(), "the holder of the key-encryption key answers again");
                }
                self.away_at.store(i64::MIN, Ordering::Relaxed);
            }
            Err(error) => {
                if error.away {
                    self.away_at.store(self.now(), Ordering::Relaxed);
                }
                if trouble.is_none() {
                    tracing::warn!(holder = %self.holder.holder(), %error, "the holder of the key-encryption key");
                }
                *trouble = Some(error.clone());
            }
        }
    }
}

/// One entry for each wrapping, so that bytes that were altered or moved are never answered from memory.
fn entry_of(kek_id: &str, place: &TenantKeyContext, wrapped: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update((kek_id.len() as u64).to_be_bytes());
    digest.update(kek_id);
    digest.update(place.tenant);
    digest.update(place.key_version.to_be_bytes());
    digest.update(wrapped);
    digest.finalize().into()
}

fn copy(key: &TenantKey) -> TenantKey {
    TenantKey::from_bytes(key.expose_bytes())
}

#[async_trait]
impl KekProvider for Kept {
    fn id(&self) -> &str {
        self.holder.id()
    }

    fn holder(&self) -> KeyHolder {
        self.holder.holder()
    }

    fn opens(&self, kek_id: &str) -> bool {
        self.holder.opens(kek_id)
    }

    fn trouble(&self) -> Option<KeyTrouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
        let wrapped = self.holder.wrap(place, key).await;
        self.note(&wrapped);
        let wrapped = wrapped?;
        let opened = Opened { key: copy(key), at: self.now() };
        self.keys.insert(entry_of(self.id(), place, &wrapped), Arc::new(opened));
        Ok(wrapped)
    }

    async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble> {
        let entry = entry_of(kek_id, place, wrapped);
        let opened = self.keys.get(&entry);
        let now = self.now();
        if let Some(opened) = &opened {
            let left_alone = now.saturating_sub(self.away_at.load(Ordering::Relaxed)) < LEFT_ALONE;
            if now - opened.at < GOOD || left_alone {
                return Ok(copy(&opened.key));
            }
        }
        let answer = self.holder.unwrap(kek_id, place, wrapped).await;
        self.note(&answer);
        match (answer, opened) {
            (Ok(key), _) => {
                self.keys.insert(entry, Arc::new(Opened { key: copy(&key), at: now }));
                Ok(key)
            }
            (Err(trouble), Some(opened)) if trouble.away => Ok(copy(&opened.key)),
            (Err(trouble), _) => {
                self.keys.invalidate(&entry);
                Err(trouble)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU8;

    use super::super::local::LocalKek;
    use super::*;
    use crate::clock::SteppedClock;
    use crate::entropy::Entropy;

    const PLACE: TenantKeyContext = TenantKeyContext { tenant: [7; 16], key_version: 1 };

    /// A real key behind a line that can be cut (1) and a door that can be closed (2). The upper bits count the questions.
    struct Far {
        key: LocalKek,
        state: Arc<AtomicU8>,
    }

    impl Far {
        fn ask(&self) -> Result<(), KeyTrouble> {
            match self.state.fetch_add(4, Ordering::SeqCst) & 3 {
                0 => Ok(()),
                1 => Err(KeyTrouble::away("away")),
                _ => Err(KeyTrouble::refused("refused")),
            }
        }
    }

    #[async_trait]
    impl KekProvider for Far {
        fn id(&self) -> &str {
            self.key.id()
        }

        fn holder(&self) -> KeyHolder {
            KeyHolder::Transit
        }

        async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
            self.ask()?;
            self.key.wrap(place, key).await
        }

        async fn unwrap(
            &self,
            kek_id: &str,
            place: &TenantKeyContext,
            wrapped: &[u8],
        ) -> Result<TenantKey, KeyTrouble> {
            self.ask()?;
            self.key.unwrap(kek_id, place, wrapped).await
        }
    }

    #[tokio::test]
    async fn silence_does_not_take_away_what_is_loaded_and_a_refusal_does() {
        let entropy = Arc::new(Entropy::seeded(1));
        let stepped = Arc::new(SteppedClock::new("2023-10-26T09:00:00+09:00".parse().expect("an instant")));
        let clock: Arc<dyn Clock> = stepped.clone();
        let state = Arc::new(AtomicU8::new(0));
        let key = LocalKek::from_text(&"ab".repeat(32), "a test", &entropy).expect("a key");
        let kept = Kept::new(Box::new(Far { key, state: state.clone() }), &clock);
        let secret = TenantKey::generate(&mut entropy.fork());
        let wrapped = kept.wrap(&PLACE, &secret).await.expect("wrapped");
        let opens = async |wrapped: &[u8]| {
            let before = state.load(Ordering::SeqCst);
            let opened = kept.unwrap(kept.id(), &PLACE, wrapped).await;
            let asked = state.load(Ordering::SeqCst).wrapping_sub(before) / 4;
            let right = opened.as_ref().is_ok_and(|key| key.expose_bytes() == secret.expose_bytes());
            (right, asked)
        };
        let put = |number: u8| state.store(number, Ordering::SeqCst);

        assert_eq!(opens(&wrapped).await, (true, 0), "known from wrapping it");
        put(1);
        stepped.advance(3599);
        assert_eq!(opens(&wrapped).await, (true, 0));
        stepped.advance(1);
        assert!(kept.trouble().is_none());
        assert_eq!(opens(&wrapped).await, (true, 1), "silence does not count");
        assert!(kept.trouble().is_some_and(|trouble| trouble.away));
        assert_eq!(opens(&wrapped).await, (true, 0), "it is left alone for a while");
        stepped.advance(11);
        assert_eq!(opens(&wrapped).await, (true, 1));
        stepped.advance(11);
        put(0);
        assert_eq!(opens(&wrapped).await, (true, 1));
        assert!(kept.trouble().is_none());
        assert_eq!(opens(&wrapped).await, (true, 0), "good for another hour");
        // Other bytes are another question, and so is another place.
        let mut altered = wrapped.clone();
        altered[9] ^= 1;
        assert_eq!(opens(&altered).await, (false, 1));
        let elsewhere = TenantKeyContext { tenant: [8; 16], ..PLACE };
        assert!(kept.unwrap(kept.id(), &elsewhere, &wrapped).await.is_err());
        // Taken back: it is forgotten, also when the line is cut afterwards.
        stepped.advance(3600);
        put(2);
        assert_eq!(opens(&wrapped).await, (false, 1));
        put(1);
        assert_eq!(opens(&wrapped).await, (false, 1));
        put(0);
        assert_eq!(opens(&wrapped).await, (true, 1));
    }
}
