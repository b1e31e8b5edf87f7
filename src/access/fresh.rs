//! Fresh proof of who one is, for what is sensitive (OWASP ASVS 3.7.1).

use std::sync::atomic::Ordering;

use super::denials::Because;
use super::model::Action;
use super::op::Op;
use crate::error::{Error, Result};

/// Objects of sensitive verbs: a token must name them, see [`Op::require_fresh`].
pub const SENSITIVE: [&str; 9] =
    ["account", "audit", "captured_mail", "data.", "emergency_access", "key", "report", "subject", "token"];

/// Why a token is refused what its account may do.
const NOT_NAMED: Because<'static> =
    Because::Token("refused: the token's scope does not name this, and what is sensitive wants that");

/// Scopes of a token that may do all that its account may, what is sensitive included.
pub fn every_scope() -> Vec<String> {
    let named = SENSITIVE.iter().map(|object| format!("*:{object}*"));
    std::iter::once("*:*".to_owned()).chain(named).collect()
}

impl Op {
    /// Asks for fresh proof of who acts. Sensitive verbs call it beside `permit`: exports, reads of many people in clear,
    /// captured mail, accounts of others, keys, break-glass.
    ///
    /// - A session must have been authenticated within `identity.reauthentication_minutes`.
    /// - A token cannot prove anything anew: one of its scopes must name the object (`export:audit`, `read:data.*`); the
    ///   scope for everything (`*:*`) is not enough.
    /// - The command line on the service's own machine, and the service itself, hold the keys already.
    ///
    /// # Errors
    /// `REAUTHENTICATION_REQUIRED` with the remedy; `FORBIDDEN` for a token, which is audited.
    pub async fn require_fresh(&self, action: Action, object: &str) -> Result<()> {
        let actor = self.actor();
        if let Some(scopes) = &actor.token_scopes {
            if scopes.iter().any(|scope| scope.names(action, object)) {
                return Ok(());
            }
            self.record_denial(actor.tenant, action, object, NOT_NAMED).await?;
            return Err(Error::forbidden(action.as_str(), object)
                .remedy(format!("issue a token whose scopes name it: {}:{object}", action.as_str())));
        }
        let minutes = self.app().config().identity.reauthentication_minutes;
        match &actor.session {
            None => Ok(()),
            Some(session) => {
                let age = self.at().as_microsecond() - session.authenticated_at;
                if age < i64::from(minutes) * 60 * 1_000_000 {
                    Ok(())
                } else {
                    Err(Error::reauthentication_required(minutes))
                }
            }
        }
    }

    /// Counts a person whose fields this operation reads in clear. A few are everyday work; from
    /// `identity.bulk_read_people` on it is a bulk read and wants fresh proof.
    ///
    /// # Errors
    /// As [`Op::require_fresh`], for `object`, the name of a field.
    pub async fn count_read_in_clear(&self, object: &str) -> Result<()> {
        let people = self.people.fetch_add(1, Ordering::Relaxed) + 1;
        let few = self.app().config().identity.bulk_read_people;
        if people <= few { Ok(()) } else { self.require_fresh(Action::Read, object).await }
    }
}
