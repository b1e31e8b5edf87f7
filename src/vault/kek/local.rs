//! Keys that this machine holds: 32 random bytes in hexadecimal, in a file that is created with mode 0600 when missing, or in the
//! environment.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use envelope::{Kek, TenantKey, TenantKeyContext};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{KekProvider, KeyTrouble};
use crate::config::KeyHolder;
use crate::entropy::Entropy;

/// A key of this machine. Cannot be printed; wiped when dropped.
pub struct LocalKek {
    holder: KeyHolder,
    kek: Kek,
    entropy: Arc<Entropy>,
}

impl LocalKek {
    /// Reads the key file, or creates it.
    ///
    /// # Errors
    /// When the file cannot be read or written, is readable by others, or does not hold a key. An unreadable file is never
    /// replaced: it may be the only copy.
    pub fn open(path: &Path, entropy: &Arc<Entropy>) -> anyhow::Result<Self> {
        Self::new(KeyHolder::File, &*key_file(path, "keys.file", entropy)?, entropy)
    }

    /// Reads a key file that must exist. `place` is the configuration key that names it.
    ///
    /// # Errors
    /// As [`LocalKek::open`].
    pub fn read(path: &Path, place: &str, entropy: &Arc<Entropy>) -> anyhow::Result<Self> {
        Self::new(KeyHolder::File, &*read(path, place)?, entropy)
    }

    /// From text of the configuration. `place` is the configuration key that holds it.
    ///
    /// # Errors
    /// When it is no key; the text is not repeated.
    pub fn from_text(text: &str, place: &str, entropy: &Arc<Entropy>) -> anyhow::Result<Self> {
        let bytes = bytes_of(text).with_context(|| format!("{place}: wants 64 hexadecimal digits"))?;
        Self::new(KeyHolder::Environment, &bytes, entropy)
    }

    fn new(holder: KeyHolder, bytes: &[u8; 32], entropy: &Arc<Entropy>) -> anyhow::Result<Self> {
        let digest = Sha256::new().chain_update(b"suimon kek id v1").chain_update(bytes).finalize();
        // One name for the same bytes wherever they are kept, so that a key may move from a file to the environment.
        let id = format!("file:{}", hex::encode(&digest[..8]));
        Ok(Self { holder, kek: Kek::from_bytes(&id, bytes)?, entropy: entropy.clone() })
    }
}

#[async_trait]
impl KekProvider for LocalKek {
    fn id(&self) -> &str {
        self.kek.id()
    }

    fn holder(&self) -> KeyHolder {
        self.holder
    }

    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>, KeyTrouble> {
        let wrapped = self.kek.wrap_tenant_key(place, key, &mut self.entropy.fork());
        wrapped.map_err(|error| KeyTrouble::refused(format!("cannot wrap a key: {error}")))
    }

    async fn unwrap(
        &self,
        kek_id: &str,
        place: &TenantKeyContext,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyTrouble> {
        if kek_id != self.kek.id() {
            return Err(KeyTrouble::refused(format!("KEK {kek_id} is another key")));
        }
        self.kek.unwrap_tenant_key(place, wrapped).map_err(|error| KeyTrouble::refused(error.to_string()))
    }

    /// HMAC-SHA-256 as a PRF over the label.
    fn derived_before(&self, label: &str) -> Option<Zeroizing<[u8; 32]>> {
        let mut mac: Hmac<Sha256> =
            Hmac::new_from_slice(self.kek.expose_bytes()).expect("HMAC takes a key of any length");
        mac.update(label.as_bytes());
        Some(Zeroizing::new(mac.finalize().into_bytes().into()))
    }
}

/// The key in a file of its own, which is created when it is not there. `place` names what said where it is.
///
/// # Errors
/// As [`LocalKek::open`].
pub fn key_file(path: &Path, place: &str, entropy: &Entropy) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    if !path.exists() {
        create(path, place, &Zeroizing::new(entropy.bytes()))?;
    }
    read(path, place)
}

fn read(path: &Path, place: &str) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    refuse_open_mode(path, place)?;
    let text = Zeroizing::new(
        std::fs::read_to_string(path)
            .with_context(|| format!("{place}: cannot read {}; check its owner and mode", path.display()))?,
    );
    bytes_of(&text).with_context(|| {
        format!(
            "{place}: {} does not hold 64 hexadecimal digits; restore it from your backup",
            path.display()
        )
    })
}

fn bytes_of(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    // Without the error of decoding: it quotes what it read.
    hex::decode_to_slice(text.trim(), &mut *bytes).ok()?;
    Some(bytes)
}

fn create(path: &Path, place: &str, key: &[u8; 32]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{place}: cannot create {}", folder.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file =
        options.open(path).with_context(|| format!("{place}: cannot create {}", path.display()))?;
    let text = Zeroizing::new(hex::encode(key));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(())
}

#[cfg(unix)]
fn refuse_open_mode(path: &Path, place: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        std::fs::metadata(path).with_context(|| format!("{place}: {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{place}: {} can be read by others (mode {:o}); run chmod 600 on it",
            path.display(),
            mode & 0o777
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_mode(_path: &Path, _place: &str) -> anyhow::Result<()> {
    Ok(())
}
