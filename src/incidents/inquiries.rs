//! Inquiries: what tenants, vendors, authorities and persons ask, what we ask them, and the answers.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{Answer, Direction, Inquiry, InquiryState, Party, RowId};
use super::{check, permit, store};
use crate::access::{self, Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};

/// What a new inquiry needs.
#[derive(Clone, Debug)]
pub struct NewInquiry {
    pub direction: Direction,
    pub party_kind: Party,
    /// The organisation; for a person the kind of person, never a name. Left out for a known tenant: its own name.
    pub party: Option<String>,
    /// The tenant that asks or is asked.
    pub party_tenant: Option<RowId>,
    pub channel: Option<String>,
    pub question: String,
    /// When it was asked; now, when left out.
    pub asked_at: Option<Timestamp>,
    /// Until when it wants an answer.
    pub due_at: Option<Timestamp>,
}

/// An answer to an inquiry.
#[derive(Clone, Debug)]
pub struct NewAnswer {
    pub text: String,
    /// When it was given; now, when left out.
    pub at: Option<Timestamp>,
}

/// Records a question.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn record_inquiry(op: &Op, incident: RowId, new: NewInquiry) -> Result<Inquiry> {
    let NewInquiry { direction, party_kind, party, party_tenant, channel, question, asked_at, due_at } = new;
    if party_tenant.is_some() && party_kind != Party::Tenant {
        return Err(Error::invalid("partyTenantId", "belongs to a tenant only"));
    }
    let known = match party_tenant {
        Some(tenant) => Some(access::tenant_by_id(op, tenant.tenant).await?),
        None => None,
    };
    let (scope, tx, incident) = super::begin(op, incident, Action::Create, "inquiry").await?;
    let party = match (&party, &known) {
        (None, Some(tenant)) => tenant.name_ja.clone(),
        _ => check::line("party", &party.unwrap_or_default(), 200)?,
    };
    let asked_at = check::past("askedAt", asked_at.unwrap_or_else(|| scope.at()), scope.at())?;
    let due_at = due_at.map(|due| check::sane("dueAt", due)).transpose()?;
    check::order("dueAt", Some(asked_at), due_at)?;
    let inquiry = Inquiry {
        tenant: incident.tenant,
        id: scope.new_id(),
        incident: incident.id,
        direction,
        party_kind,
        party,
        party_tenant: known.map(|tenant| tenant.id),
        channel: check::optional_line("channel", channel, 100)?,
        question: check::text("question", &question, check::MAX_TEXT)?,
        asked_at,
        recorded_at: scope.at(),
        due_at,
        state: InquiryState::Open,
        answers: Vec::new(),
    };
    store::insert_inquiry(&tx, &inquiry).await?;
    let detail = json!({ "inquiry": inquiry.id, "direction": direction, "party": party_kind });
    tx.commit(Event::new("inquiry.record", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(inquiry)
}

/// Adds an answer. More than one may come; none is ever changed.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the inquiry is closed, and those of permission.
pub async fn answer_inquiry(op: &Op, inquiry: RowId, new: NewAnswer) -> Result<Inquiry> {
    let (scope, found) = find(op, inquiry).await?;
    let answered_at = check::past("at", new.at.unwrap_or_else(|| scope.at()), scope.at())?;
    check::order("at", Some(found.asked_at), Some(answered_at))?;
    let answer = Answer {
        id: scope.new_id(),
        text: check::text("text", &new.text, check::MAX_TEXT)?,
        answered_at,
        recorded_at: scope.at(),
        author: scope.author(),
    };
    let tx = scope.begin().await?;
    if !store::move_inquiry(&tx, inquiry, InquiryState::Answered).await? {
        return Err(Error::conflict("the inquiry is closed").remedy("record a new one"));
    }
    store::insert_answer(&tx, inquiry, &answer).await?;
    let detail = json!({ "inquiry": found.id, "answer": answer.id });
    tx.commit(Event::new("inquiry.answer", format!("incident:{}", found.incident)).detail(detail)).await?;
    find_again(&scope, inquiry.id).await
}

/// Closes an inquiry: no further answer is expected.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is closed already, and those of permission.
pub async fn close_inquiry(op: &Op, inquiry: RowId) -> Result<Inquiry> {
    let (scope, found) = find(op, inquiry).await?;
    let tx = scope.begin().await?;
    if !store::move_inquiry(&tx, inquiry, InquiryState::Closed).await? {
        return Err(Error::conflict("the inquiry is closed already"));
    }
    let detail = json!({ "inquiry": found.id, "answers": found.answers.len() });
    tx.commit(Event::new("inquiry.close", format!("incident:{}", found.incident)).detail(detail)).await?;
    find_again(&scope, inquiry.id).await
}

async fn find(op: &Op, inquiry: RowId) -> Result<(Scope, Inquiry)> {
    let scope = permit(op, Action::Update, "inquiry", "inquiry").await?.within(inquiry.tenant, "inquiry")?;
    let found = find_again(&scope, inquiry.id).await?;
    Ok((scope, found))
}

async fn find_again(scope: &Scope, id: Uuid) -> Result<Inquiry> {
    store::find_inquiry(scope, id).await?.ok_or_else(|| Error::not_found("inquiry"))
}

/// Inquiries of an incident by the time of asking, with their answers; `after` is time (in microseconds) and id of the last
/// one of the page before.
///
/// # Errors
/// Unexpected ones only.
pub async fn inquiries(
    scope: &Scope,
    incident: Uuid,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Inquiry>> {
    store::inquiries(scope, incident, after, limit).await
}
