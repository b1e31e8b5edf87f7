//! Notices: telling the people and the tenants of an affected list, once each, with a second pair of eyes before the first
//! mail and a record of every outcome.
//!
//! A draft is checked when it is written; approval makes all messages in one transaction (the outbox); the worker sends
//! them. What holds at every point of a crash:
//!
//! - before the approval commits there is no message, after it there are all of them;
//! - a message is `sending` under a lease before the first byte leaves, so two workers never send the same one;
//! - `accepted` is written when the server has accepted. A crash in between leaves the message to be sent once more when its
//!   lease has run out. That one repeat cannot be avoided over SMTP (RFC 1047); it carries the same Message-ID.

mod came_back;
mod campaign;
mod capture;
mod charset;
mod compose;
mod contacts;
mod delivery;
mod dkim;
mod domains;
mod fanout;
pub mod hooks;
mod hours;
mod letters;
mod lines;
mod mailer;
mod model;
mod person;
mod plain;
pub mod portal;
pub mod postmaster;
mod preview;
mod recipients;
mod recorder;
mod relays;
mod remarks;
mod returns;
mod sent;
mod smtp;

mod store;
mod store_claims;
mod store_events;
mod store_messages;
mod store_outbox;
mod store_outcomes;
mod store_person;
mod store_told;
mod template;
pub mod worker;

pub use campaign::{
    approve_notice, cancel_notice, create_notice, pause_notice, preview_notice, resume_notice, retry_notice,
    send_test,
};
pub use capture::{CapturedMail, captured_mails, newest_mails};
pub use contacts::{Contact, events_of, override_return, proof_page, record_contacts};
pub use hours::Hours;
pub use letters::{Paper, letters, unreached_csv};
pub use model::{
    Audience, Channel, Counts, Delivery, Filter, Language, Message, MessageState, NewNotice, Notice,
    NoticeState, Reason, Variables, pseudonym_of,
};
pub use person::{
    MovedMails, Written, forget_mails, forget_mails_of_tenant, has_old_mails, move_mails, purge_mails,
    waits_for_tenant, written_to,
};
pub use plain::{Delivered, send_plain};
pub use preview::{MOST_SAMPLES, RecipientPreview, Sample, preview_recipients};
pub use recipients::set_tenant_contact;
pub use remarks::{Remark, RemarkKind, remarks};
pub use returns::{RETURNS, read_returns};
pub use sent::{Outbox, Sent, outbox};
pub use store_events::{EventKind, MessageEvent};
pub use template::Text;

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents::permit;

/// A notice by its id.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    let scope = permit(op, Action::Read, "notice", "notice").await?.within(tenant, "notice")?;
    store::notice(scope.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))
}

/// The notices of an incident, oldest first.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn notices_of(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Vec<Notice>> {
    let scope = permit(op, Action::Read, "notice", "incident").await?.within(tenant, "incident")?;
    list(&scope, incident).await
}

/// The same within a scope, for reports.
///
/// # Errors
/// Unexpected ones only.
pub async fn list(scope: &Scope, incident: Uuid) -> Result<Vec<Notice>> {
    store::notices_of(scope, incident).await
}

/// How many messages of a notice stand where.
///
/// # Errors
/// Those of permission.
pub async fn counts(op: &Op, notice: &Notice) -> Result<Counts> {
    let scope = permit(op, Action::Read, "notice", "notice").await?.within(notice.tenant, "notice")?;
    counts_of(&scope, notice).await
}

/// How many recipients of a notice may have the same mail twice: whoever was sending theirs ended before it was known what the server
/// said, so it was sent again, with the same Message-ID.
///
/// # Errors
/// Those of permission.
pub async fn may_be_repeated(op: &Op, notice: &Notice) -> Result<u64> {
    let scope = permit(op, Action::Read, "notice", "notice").await?.within(notice.tenant, "notice")?;
    store_events::may_be_repeated(&scope, notice.id).await
}

/// The same within a scope, for reports.
///
/// # Errors
/// Unexpected ones only.
pub async fn counts_of(scope: &Scope, notice: &Notice) -> Result<Counts> {
    store_messages::counts(scope, notice.id).await
}

/// When the first person of an incident was told, by a mail that a server accepted and that did not come back or in another way, for the
/// law's clocks.
///
/// # Errors
/// Unexpected ones only.
pub async fn first_accepted(scope: &Scope, incident: Uuid) -> Result<Option<Timestamp>> {
    let by_mail = store_messages::first_accepted(scope.connection(), scope, incident).await?;
    let otherwise = store_events::first_told_otherwise(scope, incident).await?;
    Ok([by_mail, otherwise].into_iter().flatten().min())
}

/// The messages of a notice in the order of their ids; `after` is the last one of the page before. They name people by
/// their pseudonyms: the read is recorded.
///
/// # Errors
/// Those of permission.
pub async fn messages(
    op: &Op,
    notice: &Notice,
    state: Option<MessageState>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Message>> {
    let scope = permit(op, Action::Read, "message", "notice").await?.within(notice.tenant, "notice")?;
    let messages = store_messages::messages(&scope, notice.id, state, after, limit).await?;
    let tenants = messages.iter().map(|message| Some(message.recipient_tenant));
    scope.record_list("message.list", &format!("notice:{}", notice.id), tenants).await?;
    Ok(messages)
}
