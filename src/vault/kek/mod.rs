//! Key-encryption keys: who holds the top of the hierarchy. One provider wraps what is new; what others wrapped they open, so that
//! keys move from one to another while the service runs.

mod local;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use envelope::{TenantKey, TenantKeyContext};
use zeroize::Zeroizing;

use crate::config::{KeyHolder, KeysConfig};
use crate::entropy::Entropy;
use local::LocalKek;

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
    /// Reads them from the environment or from files, as configured; the current file is created when missing.
    ///
    /// # Errors
    /// With the configuration key and the remedy. Never with a key.
    pub async fn open(config: &KeysConfig, entropy: &Arc<Entropy>) -> anyhow::Result<Self> {
        let current: Box<dyn KekProvider> = match config.holder() {
            KeyHolder::File => Box::new(LocalKek::open(Path::new(&config.file), entropy)?),
            KeyHolder::Environment => {
                Box::new(LocalKek::from_text(config.secret.expose(), "keys.secret", entropy)?)
            }
        };
        let mut previous: Vec<Box<dyn KekProvider>> = Vec::new();
        for file in config.previous_files() {
            previous.push(Box::new(LocalKek::read(Path::new(file), "keys.previous_files", entropy)?));
        }
        Ok(Self { current, previous })
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
                "it was wrapped by KEK {kek_id}, this service has {}; put the right file at keys.file, or the earlier one at \
                 keys.previous_files",
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
