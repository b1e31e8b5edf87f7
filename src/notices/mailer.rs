//! How a mail leaves: kept in the database, or by SMTP.

use lettre::Address;

use super::model::Reason;
use super::relays::Relays;
use crate::config::{MailConfig, MailTransport};

/// A finished mail.
pub struct Email {
    pub message_id: String,
    /// Where it comes back to.
    pub(super) return_path: Address,
    pub(super) to: Address,
    /// As RFC 5322 wants it; ASCII only.
    pub bytes: Vec<u8>,
}

impl Email {
    /// The domain of its recipient.
    pub(super) fn domain(&self) -> &str {
        self.to.domain()
    }
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken responsibility.
    Accepted { code: Option<u16> },
    /// Worth another attempt.
    NotNow { reason: Reason, code: Option<u16> },
    /// Not worth another attempt.
    Never { reason: Reason, code: Option<u16> },
}

impl Outcome {
    /// Whether the server could not be spoken to at all: then the other messages need not be tried right now.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Outcome::NotNow { reason: Reason::NoConnection | Reason::ServerClosed, .. })
    }
}

/// The way that the configuration names.
pub enum Mailer {
    /// Kept, sealed, in the database: see `capture`.
    Captured,
    /// Sent.
    Smtp(Relays),
}

impl Mailer {
    /// From the configuration.
    ///
    /// # Errors
    /// When the server's name cannot be used for TLS, or the file of its certificate authority cannot be read.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        Ok(match config.transport {
            MailTransport::Captured => Mailer::Captured,
            MailTransport::Smtp => Mailer::Smtp(Relays::new(config)?),
        })
    }
}
