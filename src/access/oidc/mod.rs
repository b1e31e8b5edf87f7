//! Signing in at a provider of identity (OpenID Connect Core 1.0, authorization code with PKCE; RFC 9700), and being logged out
//! by it (Back-Channel Logout 1.0).

mod accounts;
mod client;
mod flow;
#[cfg(fuzzing)]
pub mod fuzzing;
mod logout;
mod logout_token;
mod provider;
mod signing;

pub use accounts::{link_identity, unlink_identity};
pub use flow::{FLOW_SECONDS, Purpose};
pub use logout::log_out_at_provider;
pub use signing::{Begun, Finished, ReturnFrom, begin, finish, take_return};

use provider::Provider;

use crate::config::IdentityConfig;
use crate::error::{Error, Result};

/// The configured providers.
pub struct Oidc {
    providers: Vec<Provider>,
}

/// A provider as pages offer it.
pub struct Offered<'a> {
    pub id: &'a str,
    pub label_ja: &'a str,
    pub label_en: &'a str,
}

impl Oidc {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When the file of a certificate authority cannot be read.
    pub fn new(config: &IdentityConfig) -> anyhow::Result<Self> {
        Ok(Self { providers: config.oidc.iter().map(Provider::new).collect::<anyhow::Result<_>>()? })
    }

    /// In the order of the configuration.
    pub fn offered(&self) -> impl Iterator<Item = Offered<'_>> {
        self.providers.iter().map(|provider| Offered {
            id: &provider.config.id,
            label_ja: &provider.config.label_ja,
            label_en: &provider.config.label_en,
        })
    }

    fn provider(&self, id: &str) -> Result<&Provider> {
        self.providers
            .iter()
            .find(|provider| provider.config.id == id)
            .ok_or_else(|| Error::not_found("provider").remedy("GET /auth/oidc tells which there are"))
    }

    fn of_issuer(&self, issuer: &str) -> Result<&Provider> {
        self.providers.iter().find(|provider| provider.config.issuer == issuer).ok_or_else(|| {
            Error::invalid("issuer", "is not one of a configured provider")
                .remedy("write it as in the configuration, to the letter")
        })
    }
}
