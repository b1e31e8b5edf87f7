//! Passwords: Argon2id (RFC 9106), verified on a blocking thread.

use std::time::Duration;

use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use crate::config::IdentityConfig;
use crate::entropy::Entropy;
use crate::error::{Error, Result};

/// Hashes at once. Each takes `argon2_memory_kib` and a core for tens of milliseconds, and whoever reaches the port can ask
/// for one: without a bound a few hundred requests would take all memory and every blocking thread.
const AT_ONCE: usize = 4;
/// How long a caller waits for its turn before it is turned away.
const PATIENCE: Duration = Duration::from_secs(5);

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

async fn turn() -> Result<SemaphorePermit<'static>> {
    match tokio::time::timeout(PATIENCE, TURNS.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(Error::limit("too many people are signing in at this moment")
            .remedy("try again in a few seconds")),
    }
}

/// Longer ones are refused: hashing them would be work for an attacker to give us.
const MAX_LENGTH: usize = 1024;

/// Checks length only: composition rules make passwords worse (NIST SP 800-63B 3.1.1.2).
pub fn check_policy(config: &IdentityConfig, password: &str) -> Result<()> {
    let length = password.chars().count();
    if length < config.password_min_length || password.len() > MAX_LENGTH {
        return Err(Error::invalid(
            "password",
            format!("wants {} to {MAX_LENGTH} characters, has {length}", config.password_min_length),
        ));
    }
    Ok(())
}

/// Hashes a password for storage (PHC string).
pub async fn hash(config: &IdentityConfig, entropy: &Entropy, password: String) -> Result<String> {
    let engine = engine(config)?;
    let salt: [u8; 16] = entropy.bytes();
    let _turn = turn().await?;
    let password = Zeroizing::new(password);
    let hash = tokio::task::spawn_blocking(move || {
        engine.hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
    })
    .await
    .context("password hashing ended")?
    .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash)
}

/// Whether the password fits. Without a stored hash the same work is done and the answer is no: the time does not tell
/// whether an account exists.
pub async fn verify(config: &IdentityConfig, stored: Option<String>, password: String) -> Result<bool> {
    let engine = engine(config)?;
    let password = Zeroizing::new(password);
    if password.len() > MAX_LENGTH {
        return Ok(false);
    }
    let _turn = turn().await?;
    let fits = tokio::task::spawn_blocking(move || match stored {
        Some(stored) => PasswordHash::new(&stored)
            .is_ok_and(|hash| engine.verify_password(password.as_bytes(), &hash).is_ok()),
        None => {
            let _ = engine.hash_password_with_salt(password.as_bytes(), &[0; 16]);
            false
        }
    })
    .await
    .context("password verification ended")?;
    Ok(fits)
}

fn engine(config: &IdentityConfig) -> Result<Argon2<'static>> {
    let params = Params::new(config.argon2_memory_kib, config.argon2_passes, config.argon2_lanes, None)
        .map_err(|error| anyhow::anyhow!("identity.argon2_*: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
