//! The key-encryption key: a file of 32 random bytes in hexadecimal, created with mode 0600 when missing.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

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
        refuse_open_mode(path)?;
        let text = Zeroizing::new(std::fs::read_to_string(path).with_context(|| {
            format!("keys.file: cannot read {}; check its owner and mode", path.display())
        })?);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), &mut *bytes).ok().with_context(|| {
            format!(
                "keys.file: {} does not hold 64 hexadecimal digits; restore it from your backup",
                path.display()
            )
        })?;
        Ok(Self::from_bytes(*bytes))
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
fn refuse_open_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)
        .with_context(|| format!("keys.file: {}", path.display()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "keys.file: {} can be read by others (mode {:o}); run chmod 600 on it",
            path.display(),
            mode & 0o777
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_mode(_path: &Path) -> anyhow::Result<()> {
    Ok(())
}
