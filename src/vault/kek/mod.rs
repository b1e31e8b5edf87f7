//! Key-encryption keys: who holds the top of the hierarchy. One provider wraps what is new; what others wrapped they open, so that
//! keys move from one to another while the service runs.

mod kept;
mod kms;
mod local;
mod remote;
mod signature;
mod transit;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envelope::{TenantKey, TenantKeyContext};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::{KeyHolder, KeysConfig};
use crate::entropy::Entropy;
use kept::Kept;
use kms::Kms;
use local::LocalKek;
pub use local::key_file;
use transit::Transit;

/// A place that no key has, for trying a holder out.
const PROBE: TenantKeyContext = TenantKeyContext { tenant: [0; 16], key_version: u32::MAX };

/// Holds a key-encryption key. What it wraps is bound to a place and opens for the same one only.
#[async_trait]
pub trait KekProvider: Send + Sync {
    /// Names the key that wraps now, without telling it: stored beside what it wraps.
    fn id(&self) -> &str;

    /// Who holds it.
    fn holder(&self) -> KeyHolder;

    /// Whether it opens what the key of this name wrapped.
    fn opens(&self, kek_id: &str) -> bool {
        kek_id == self.id()
    }

    /// Wraps a key under [`KekProvider::id`].
    ///
    /// # Errors
    /// When the holder is away or refuses.
    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble>;

    /// Opens what was wrapped by `kek_id`.
    ///
    /// # Errors
    /// When the holder is away or refuses, and when it does not open at this place.
    async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble>;

    /// What the holder answered last, where that was no success.
    fn trouble(&self) -> Option<KeyTrouble> {
        None
    }

    /// A secret as it was derived from a key of this machine before secrets were kept in the database. A key that never leaves
    /// its holder cannot have been used so.
    fn derived_before(&self, _label: &str) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

/// Why a key was not wrapped or opened: provider, setting and remedy; never a key, a token or what the holder answered.
#[derive(Clone, Debug)]
pub struct KeyTrouble {
    /// The holder could not be asked. What was opened before stays good; asking again may help.
    pub away: bool,
    text: String,
}

impl KeyTrouble {
    /// The holder could not be asked.
    pub fn away(text: impl Into<String>) -> Self {
        Self { away: true, text: text.into() }
    }

    /// The holder said no, or what it holds does not fit.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { away: false, text: text.into() }
    }
}

impl fmt::Display for KeyTrouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for KeyTrouble {}

/// The key-encryption keys of a service: what is new is wrapped by the current one; what earlier ones wrapped can still be opened
/// until it is wrapped anew.
pub struct Keks {
    current: Box<dyn KekProvider>,
    previous: Vec<Box<dyn KekProvider>>,
}

impl Keks {
    /// Finds them where the configuration says. The current file is created when missing; a current key on another machine is tried
    /// out, so that nothing is ever wrapped that it does not open.
    ///
    /// # Errors
    /// With the configuration key and the remedy. Never with a key.
    pub async fn open(
        config: &KeysConfig,
        entropy: &Arc<Entropy>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let current: Box<dyn KekProvider> = match config.holder() {
            KeyHolder::File => Box::new(LocalKek::open(Path::new(&config.file), entropy)?),
            KeyHolder::Environment => {
                Box::new(LocalKek::from_text(config.secret.expose(), "keys.secret", entropy)?)
            }
            KeyHolder::Transit => {
                let newest = Transit::new(config, &config.transit_key)?.newest(entropy).await?;
                Box::new(Kept::new(Box::new(newest), clock))
            }
            KeyHolder::Kms => Box::new(Kept::new(Box::new(Kms::new(config, &config.kms_key, clock)?), clock)),
        };
        if matches!(current.holder(), KeyHolder::Transit | KeyHolder::Kms) {
            try_out(&*current, entropy).await?;
        }
        let mut previous: Vec<Box<dyn KekProvider>> = Vec::new();
        for file in config.previous_files() {
            previous.push(Box::new(LocalKek::read(Path::new(file), "keys.previous_files", entropy)?));
        }
        for secret in config.earlier_secrets() {
            previous.push(Box::new(LocalKek::from_text(secret, "keys.previous_secrets", entropy)?));
        }
        // Not asked now: when one of them is away, what it wrapped waits, and nothing else.
        for key in config.earlier_transit_keys() {
            previous.push(Box::new(Kept::new(Box::new(Transit::new(config, key)?), clock)));
        }
        for arn in config.earlier_kms_keys() {
            previous.push(Box::new(Kept::new(Box::new(Kms::new(config, arn, clock)?), clock)));
        }
        Ok(Self { current, previous })
    }

    /// Name and holder of those that only open.
    pub fn earlier(&self) -> impl Iterator<Item = (&str, KeyHolder)> {
        self.previous.iter().map(|provider| (provider.id(), provider.holder()))
    }

    /// What the holder of the current one answered last, where that was no success.
    pub fn trouble(&self) -> Option<KeyTrouble> {
        self.current.trouble()
    }

    /// Who holds the key of this name, as far as that is known here.
    pub fn holder_of(&self, kek_id: &str) -> Option<KeyHolder> {
        self.opener(kek_id).map(KekProvider::holder)
    }

    /// Names the one that wraps what is new.
    pub fn id(&self) -> &str {
        self.current.id()
    }

    /// Who holds the one that wraps what is new.
    pub fn holder(&self) -> KeyHolder {
        self.current.holder()
    }

    fn opener(&self, kek_id: &str) -> Option<&dyn KekProvider> {
        self.all().find(|provider| provider.opens(kek_id))
    }

    /// All of them, the current one first.
    fn all(&self) -> impl Iterator<Item = &dyn KekProvider> {
        std::iter::once(&*self.current).chain(self.previous.iter().map(|provider| &**provider))
    }

    /// Wraps a key by the current one.
    ///
    /// # Errors
    /// Those of its holder.
    pub async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
        self.current.wrap(place, key).await
    }

    /// Opens what the key of this name wrapped.
    ///
    /// # Errors
    /// When no configured provider has that key; those of the one that has it.
    pub async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble> {
        let Some(provider) = self.opener(kek_id) else {
            return Err(KeyTrouble::refused(format!(
                "it was wrapped by KEK {kek_id}, this service has {}; name the right key in [keys], or that one among the previous \
                 ones",
                self.id()
            )));
        };
        provider.unwrap(kek_id, place, wrapped).await
    }

    /// A secret as earlier versions derived it from the key file, while there is one.
    pub fn derived_before(&self, label: &str) -> Option<Zeroizing<[u8; 32]>> {
        self.all().find_map(|provider| provider.derived_before(label))
    }
}

/// Whether what it wraps now opens, and at no other place.
async fn try_out(provider: &dyn KekProvider, entropy: &Entropy) -> Result<(), KeyTrouble> {
    let key = TenantKey::generate(&mut entropy.fork());
    let wrapped = provider.wrap(&PROBE, &key).await?;
    let opened = provider.unwrap(provider.id(), &PROBE, &wrapped).await?;
    let elsewhere = TenantKeyContext { tenant: [1; 16], ..PROBE };
    let same: bool = opened.expose_bytes().ct_eq(key.expose_bytes()).into();
    match provider.unwrap(provider.id(), &elsewhere, &wrapped).await {
        Err(trouble) if same && !trouble.away => Ok(()),
        Err(trouble) if trouble.away => Err(trouble),
        _ => Err(KeyTrouble::refused(format!("{} does not bind keys to their place", provider.id()))),
    }
}

/// The body of a request that may hold a key.
fn json(value: &impl serde::Serialize) -> Result<Zeroizing<Vec<u8>>, KeyTrouble> {
    // Large enough that it never grows: a vector that grows leaves its earlier bytes behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    serde_json::to_writer(&mut *bytes, value)
        .map_err(|_| KeyTrouble::refused("a request cannot be written"))?;
    Ok(bytes)
}

/// A key in base64, as both services give it.
fn key_of(text: &str) -> Option<TenantKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    let mut key = Zeroizing::new([0; 32]);
    (bytes.len() == key.len()).then(|| key.copy_from_slice(&bytes))?;
    Some(TenantKey::from_bytes(&key))
}
