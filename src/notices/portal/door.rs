//! Who comes by a link, and who has proved to be its recipient.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::link::{self, Side};
use super::store as rows;
use crate::access::{Reach, Scope};
use crate::app::App;
use crate::audit::Event;
use crate::error::Result;
use crate::notices::model::{
    Audience, Language, Message, MessageState, Notice, Reason, pseudonym_of, slug_of,
};
use crate::notices::store;
use crate::vault::{self, Subject};

/// Longer than any secret of a session.
const LONGEST_SECRET: usize = 100;

/// Somebody with a link that opens. Whoever that is: nothing about anybody may be shown to a mere visit.
pub struct Visit {
    pub(super) scope: Scope,
    pub(super) side: Side,
    pub(super) message: Message,
    pub(super) notice: Notice,
    pub(super) incident: store::Incident,
    /// The person, on a person's side.
    pub(super) subject: Option<Subject>,
}

/// The recipient of a message, by a one-time code.
pub struct Guest(pub(super) Visit);

impl Guest {
    /// In which language the message was written.
    pub fn language(&self) -> Language {
        self.0.language()
    }

    /// Whose page it is.
    pub fn side(&self) -> Side {
        self.0.side
    }
}

impl Visit {
    /// The message, for counting how often it is asked about.
    pub fn message(&self) -> Uuid {
        self.message.id
    }

    /// In which language the message was written.
    pub fn language(&self) -> Language {
        self.message.language
    }

    /// Names the message in the audit log.
    pub(super) fn event(&self, action: &'static str) -> Event {
        let event = Event::new(action, format!("message:{}", self.message.id));
        match &self.subject {
            Some(subject) => event.subject(subject.id.to_string()),
            None => event,
        }
    }

    /// Records a read in the chain of the recipient's own tenant.
    pub(super) async fn record(&self, event: Event) -> Result<()> {
        self.scope.record(self.message.recipient_tenant, vec![event]).await
    }
}

/// Opens the page of a message by the token of its link. `None` looks the same for every reason.
///
/// # Errors
/// Unexpected ones only.
pub async fn visit(app: &Arc<App>, side: Side, token: &str) -> Result<Option<Visit>> {
    let Ok(root) = app.root() else { return Ok(None) };
    // Who came is known only by the message that the link names: the operator's rows about it are looked at for that one.
    let scope = Scope::system(app, root, Reach::All, "page of a recipient");
    let Some(message) = link::message_of(app, side, token, scope.at()) else { return Ok(None) };
    of_message(scope, side, message).await
}

/// The page of a message, while there is one: it went out, and its person was not erased.
pub(super) async fn of_message(scope: Scope, side: Side, id: Uuid) -> Result<Option<Visit>> {
    let Some(message) = rows::message(&scope, id).await? else { return Ok(None) };
    // Its mail never left: nobody has this link from us.
    let stopped = matches!(message.reason, Some(Reason::Cancelled | Reason::Revised));
    if message.state == MessageState::Failed && stopped {
        return Ok(None);
    }
    let Some(notice) = store::notice(scope.connection(), message.tenant, message.notice).await? else {
        return Ok(None);
    };
    let fits = match side {
        Side::Person => notice.audience == Audience::Persons && slug_of(&message.recipient).is_none(),
        Side::Tenant => notice.audience == Audience::Tenants && slug_of(&message.recipient).is_some(),
    };
    let incident = store::incident(scope.connection(), &scope, message.incident).await?;
    let (true, Some(incident)) = (fits, incident) else { return Ok(None) };
    let subject = match side {
        Side::Tenant => None,
        Side::Person => {
            let record_type = message.record_type.as_deref().unwrap_or_default();
            let at_tenant = scope.within(message.recipient_tenant, "subject")?;
            let person = pseudonym_of(&message.recipient);
            let found = vault::find_by_external_id(&at_tenant, &incident.system, record_type, person).await?;
            match found.filter(|subject| subject.erased_at.is_none()) {
                Some(subject) => Some(subject),
                None => return Ok(None),
            }
        }
    };
    Ok(Some(Visit { scope, side, message, notice, incident, subject }))
}

/// Secrets of 256 random bits need no slow hash.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Whether the cookie's secret is that of a session of this very message; the visit comes back where it is not.
///
/// # Errors
/// Unexpected ones only.
pub async fn guest(visit: Visit, secret: Option<&str>) -> Result<std::result::Result<Guest, Visit>> {
    let Some(secret) = secret.filter(|secret| secret.len() <= LONGEST_SECRET) else { return Ok(Err(visit)) };
    let scope = &visit.scope;
    let open = rows::session(scope, &hash(secret), visit.message.id, scope.at_micros()).await?;
    Ok(if open { Ok(Guest(visit)) } else { Err(visit) })
}

/// Ends the session.
///
/// # Errors
/// Unexpected ones only.
pub async fn leave(guest: Guest, secret: &str) -> Result<()> {
    let Guest(visit) = guest;
    let tx = visit.scope.begin().await?;
    rows::end_session(&tx, &hash(secret)).await?;
    tx.commit(visit.event("portal.leave")).await
}
