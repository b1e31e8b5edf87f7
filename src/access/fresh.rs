//! Fresh proof of who one is, for what is sensitive (OWASP ASVS 3.7.1).

use super::model::Action;
use super::op::Op;
use crate::error::{Error, Result};

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
            self.record_denial(actor.tenant, action, object).await?;
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

    /// The same where the answer holds `people` people in clear: few are everyday work, many are a bulk read.
    ///
    /// # Errors
    /// As [`Op::require_fresh`].
    pub async fn require_fresh_for_many(&self, people: usize, action: Action, object: &str) -> Result<()> {
        let few = usize::try_from(self.app().config().identity.bulk_read_people).unwrap_or(usize::MAX);
        if people <= few { Ok(()) } else { self.require_fresh(action, object).await }
    }
}
