//! A mail of the service itself to somebody who runs it, outside any notice: by the same way as all others.

use std::sync::atomic::AtomicBool;

use super::capture;
use super::compose::Composer;
use super::mailer::{Mailer, Outcome};
use super::model::Language;
use super::template::Text;
use crate::access::Scope;
use crate::error::Result;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    Accepted,
    /// Worth another attempt.
    NotNow,
    /// Not worth another attempt: no address, or the server refuses it.
    Never,
}

/// Sends a mail whose text holds no personal data. `name` is unique to it: sent again after a crash it has the same Message-ID.
///
/// # Errors
/// Unexpected ones only.
pub async fn send_plain(
    scope: &Scope,
    name: &str,
    address: &str,
    language: Language,
    text: &Text,
) -> Result<Delivered> {
    let config = &scope.op().app().config().mail;
    let host = config.sender_domain();
    let composer = Composer::new(scope.op().app())?;
    let composed =
        composer.compose(&format!("<{name}@{host}>"), address, None, text, language, scope.at())?;
    let Some(email) = composed else {
        return Ok(Delivered::Never);
    };
    let outcome = match Mailer::new(config)? {
        Mailer::Captured => capture::keep(scope, &email).await?,
        Mailer::Smtp(smtp) => {
            let outcome = smtp.send(&email, &AtomicBool::new(false)).await;
            smtp.rest().await;
            outcome
        }
    };
    Ok(match outcome {
        Outcome::Accepted { .. } => Delivered::Accepted,
        Outcome::NotNow { .. } => Delivered::NotNow,
        Outcome::Never { .. } => Delivered::Never,
    })
}
