//! The captured-mail transport: what would be sent is kept, sealed, and can be looked at.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use jiff::Timestamp;
use mail_parser::MessageParser;
use serde_json::json;
use uuid::Uuid;

use super::mailer::{Email, Outcome};
use super::model::{Notice, pseudonym_of, slug_of};
use super::{portal, store, store_outbox};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::incidents::permit;
use crate::vault;

/// What the bytes are sealed for.
const PURPOSE: &str = "captured_mail";

/// A mail that was kept instead of being sent. It holds personal data, so it cannot be printed as a whole.
pub struct CapturedMail {
    pub tenant: Uuid,
    pub id: Uuid,
    pub message_id: String,
    pub captured_at: Timestamp,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub body: String,
    /// The mail as it would have gone over the line (RFC 5322).
    pub source: String,
}

/// Keeps a mail. One with the same Message-ID is kept already, and stays the only one.
pub(super) async fn keep(scope: &Scope, email: &Email) -> Result<Outcome> {
    let tx = scope.begin().await?;
    let id = scope.new_id();
    let sealed = vault::seal_for_tenant(scope, &tx, PURPOSE, id, &email.bytes).await?;
    let new = store_outbox::keep_mail(
        tx.connection(),
        scope.tenant(),
        id,
        &email.message_id,
        scope.at_micros(),
        sealed,
    )
    .await?;
    let event = Event::new("mail.capture", format!("captured_mail:{id}"));
    tx.commit(event.detail(json!({ "message_id": email.message_id, "new": new }))).await?;
    Ok(Outcome::Accepted { code: None })
}

async fn record_reads(scope: &Scope, everywhere: &Scope, rows: &[store_outbox::KeptMail]) -> Result<()> {
    let mail_ids: Vec<&str> = rows.iter().map(|row| row.message_id.as_str()).collect();
    let mut messages = store_outbox::messages_by_mail(scope, &mail_ids).await?;
    messages.extend(portal::messages_of_codes(scope, &mail_ids).await?);
    let mut systems: HashMap<Uuid, Option<String>> = HashMap::new();
    let mut events: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
    for row in rows {
        let mut event = Event::new("captured_mail.read", format!("captured_mail:{}", row.id));
        let mut tenant = scope.tenant();
        if let Some(message) = messages.get(&row.message_id) {
            tenant = message.recipient_tenant;
            if let Entry::Vacant(place) = systems.entry(message.incident) {
                let incident = store::incident(scope.connection(), scope, message.incident).await?;
                place.insert(incident.map(|incident| incident.system));
            }
            let system = systems.get(&message.incident).and_then(Option::as_deref);
            if let (Some(system), Some(record_type), None) =
                (system, &message.record_type, slug_of(&message.recipient))
            {
                let at_tenant = everywhere.within(tenant, "subject")?;
                let person = pseudonym_of(&message.recipient);
                let subject = vault::find_by_external_id(&at_tenant, system, record_type, person).await?;
                if let Some(subject) = subject {
                    event = event.subject(subject.id.to_string());
                }
            }
        }
        events.entry(tenant).or_default().push(event);
    }
    scope.record_each(events).await
}

/// Kept mails, oldest first; `after` is the last one of the page before. Each is a read of personal data and is recorded with
/// the operation's purpose, at the recipient's tenant and for the person that it was written to.
///
/// # Errors
/// `INVALID` when no purpose was stated, and those of permission.
pub async fn captured_mails(op: &Op, after: Option<Uuid>, limit: u64) -> Result<Vec<CapturedMail>> {
    let scope = permitted(op).await?;
    let rows = store_outbox::kept_mails(&scope, after, limit).await?;
    opened(op, &scope, rows).await
}

/// The newest kept mails, newest first: of all, or those of a notice. Whoever waits for one need not open all that came before it.
/// Recorded as [`captured_mails`] does.
///
/// # Errors
/// `INVALID` when no purpose was stated, and those of permission.
pub async fn newest_mails(op: &Op, notice: Option<&Notice>, limit: u64) -> Result<Vec<CapturedMail>> {
    let scope = permitted(op).await?;
    let rows = store_outbox::newest_mails(&scope, notice.map(|notice| notice.id), limit).await?;
    opened(op, &scope, rows).await
}

async fn permitted(op: &Op) -> Result<Scope> {
    let scope = permit(op, Action::Read, "captured_mail", "captured mail").await?;
    op.require_fresh(Action::Read, "captured_mail").await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing").remedy("say why the mails are looked at"));
    }
    Ok(scope)
}

/// Records the reads, then opens the mails.
async fn opened(op: &Op, scope: &Scope, rows: Vec<store_outbox::KeptMail>) -> Result<Vec<CapturedMail>> {
    // Recipients belong to other tenants than the mails.
    record_reads(scope, &op.permit(Action::Read, "captured_mail").await?, &rows).await?;
    let mut mails = Vec::with_capacity(rows.len());
    for row in rows {
        let bytes = vault::open_for_tenant(scope, PURPOSE, row.id, &row.sealed).await?;
        let mail = MessageParser::default()
            .parse(bytes.as_slice())
            .with_context(|| format!("captured mail {} is no mail", row.id))?;
        let address = |list: Option<&mail_parser::Address<'_>>| {
            let first = list.and_then(|list| list.first()).and_then(|address| address.address());
            first.unwrap_or_default().to_owned()
        };
        mails.push(CapturedMail {
            tenant: row.tenant_id,
            id: row.id,
            message_id: row.message_id,
            captured_at: from_micros(row.captured_at),
            from: address(mail.from()),
            to: address(mail.to()),
            subject: mail.subject().unwrap_or_default().to_owned(),
            body: mail.body_text(0).map(|text| text.replace("\r\n", "\n")).unwrap_or_default(),
            source: String::from_utf8_lossy(&bytes).into_owned(),
        });
    }
    Ok(mails)
}
