//! Randomness is passed in: secrets, nonces and ids come from one source that a test can seed.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// A cryptographically secure generator shared by the whole service.
pub struct Entropy {
    generator: Mutex<StdRng>,
}

impl Entropy {
    /// Seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    pub fn from_os() -> Self {
        Self { generator: Mutex::new(StdRng::from_rng(&mut rand::rng())) }
    }

    /// Seeded by a number: the same numbers each time. For tests and simulations only.
    pub fn seeded(seed: u64) -> Self {
        Self { generator: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// A generator of one's own, seeded from this one: for work that draws much.
    pub fn fork(&self) -> StdRng {
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        StdRng::from_rng(&mut *generator)
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A version 7 UUID (RFC 9562): sorts by `at`, so that rows are inserted at the end of their index.
    pub fn id(&self, at: Timestamp) -> Uuid {
        let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid()
    }
}
