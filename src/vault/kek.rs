//! Key-encryption keys: 32 random bytes in hexadecimal, in a file that is created with mode 0600 when missing, or in the
//! environment.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::KeysConfig;
use crate::entropy::Entropy;

/// The key at the top of the hierarchy. Cannot be printed; wiped when dropped.
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    id: String,
}

impl MasterKey {
    /// Reads the key file, or creates it.
    ///
    /// # Errors
    /// When the file cannot be read or written, is readable by others, or does not hold a key. An unreadable file is never
    /// replaced: it may be the only copy.
    pub fn open(path: &Path, entropy: &Entropy) -> anyhow::Result<Self> {
        if !path.exists() {
            create(path, &entropy.bytes())?;
        }
        Self::read(path, "keys.file")
    }

    /// Reads a key file that must exist.
    fn read(path: &Path, place: &str) -> anyhow::Result<Self> {
        refuse_open_mode(path, place)?;
        let text =
            Zeroizing::new(std::fs::read_to_string(path).with_context(|| {
                format!("{place}: cannot read {}; check its owner and mode", path.display())
            })?);
        Self::from_hex(&text).with_context(|| {
            format!(
                "{place}: {} does not hold 64 hexadecimal digits; restore it from your backup",
                path.display()
            )
        })
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), &mut *bytes).ok()?;
        Some(Self::from_bytes(*bytes))
    }

    /// From bytes that were kept elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"suimon kek id v1").chain_update(bytes).finalize();
        Self { bytes: Zeroizing::new(bytes), id: format!("file:{}", hex::encode(&digest[..8])) }
    }

    /// Names the key without telling it: stored beside what it wraps.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key itself, for the envelope.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A key of its own for another use, so that no key serves two (HMAC-SHA-256 as a PRF over a label).
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut mac: Hmac<Sha256> =
            Hmac::new_from_slice(&*self.bytes).expect("HMAC takes a key of any length");
        mac.update(label.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// The key-encryption keys of a service: what is new is wrapped by the current one; what earlier ones wrapped can still be opened
/// until it is wrapped anew.
pub struct Keks {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

impl Keks {
    /// Reads them from the environment or from files, as configured; the current file is created when missing.
    ///
    /// # Errors
    /// With the configuration key and the remedy. Never with a key.
    pub fn open(config: &KeysConfig, entropy: &Entropy) -> anyhow::Result<Self> {
        let current = if config.secret.expose().is_empty() {
            MasterKey::open(Path::new(&config.file), entropy)?
        } else {
            MasterKey::from_hex(config.secret.expose()).context("keys.secret: wants 64 hexadecimal digits")?
        };
        let files = config.previous_files.split(',').map(str::trim).filter(|file| !file.is_empty());
        let previous = files.map(|file| MasterKey::read(Path::new(file), "keys.previous_files"));
        Ok(Self { current, previous: previous.collect::<anyhow::Result<_>>()? })
    }

    /// The one that wraps what is new.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    /// All of them, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn create(path: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("keys.file: cannot create {}", folder.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file =
        options.open(path).with_context(|| format!("keys.file: cannot create {}", path.display()))?;
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
