//! Inquiries: what tenants, vendors, authorities and persons ask, what we ask them, and the answers.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{Answer, Direction, Inquiry, InquiryState, Party, RowId};
use super::{check, permit, store};
use crate::access::{self, Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::jobs::{self, NewJob};

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
        message: None,
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

/// A question that somebody asked on the page of a message.
#[derive(Clone, Debug)]
pub struct PageQuestion {
    pub incident: Uuid,
    /// The message that the person or tenant got.
    pub message: Uuid,
    pub party_kind: Party,
    /// The tenant's name; for a person the kind of person.
    pub party: String,
    pub party_tenant: Option<Uuid>,
    pub question: String,
    /// Most characters.
    pub longest: usize,
    /// Most questions of this message in a day.
    pub most_a_day: u64,
    pub due_at: Timestamp,
}

/// The job that tells officers of questions from recipients' pages.
pub const QUESTIONS: &str = "incident.questions";
/// For so long questions gather, in seconds: thousands may ask at once, and one mail tells of all of a half hour.
const GATHERED: i64 = 30 * 60;
/// So long after it the mail goes, in seconds: what was asked at its end is written down by then.
const AFTER: i64 = 60;
/// Where questions of a page come from, as an inquiry's channel.
pub const PAGE: &str = "page";
/// What stands in the place of a question whose person was erased.
const ERASED: &str = "(erased with the person)";

/// Takes a question from a page. The caller found out who asks, and commits with what this returns.
///
/// # Errors
/// `INVALID` for the text, `LIMIT_EXCEEDED` for the day, `NOT_FOUND` when there is no such incident.
pub async fn ask_from_page(tx: &Tx, new: PageQuestion) -> Result<(Inquiry, Event)> {
    let scope = tx.scope();
    let question = check::text("question", &new.question, new.longest)?;
    // Under the incident's lock: of questions that come at once each is counted.
    store::lock_incident(tx, new.incident).await?.ok_or_else(|| Error::not_found("incident"))?;
    let day = scope.at_micros() - 24 * 3600 * 1_000_000;
    if store::count_inquiries_from(tx, new.message, day).await? >= new.most_a_day {
        return Err(Error::limit(format!("at most {} questions a day", new.most_a_day))
            .remedy("ask again tomorrow, or call the desk that the notice names"));
    }
    let inquiry = Inquiry {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident: new.incident,
        direction: Direction::Incoming,
        party_kind: new.party_kind,
        party: check::line("party", &new.party, 200)?,
        party_tenant: new.party_tenant,
        channel: Some(PAGE.to_owned()),
        question,
        asked_at: scope.at(),
        recorded_at: scope.at(),
        due_at: Some(new.due_at),
        state: InquiryState::Open,
        message: Some(new.message),
        answers: Vec::new(),
    };
    store::insert_inquiry(tx, &inquiry).await?;
    let half_hour = scope.at().as_second().div_euclid(GATHERED);
    let job = NewJob {
        kind: QUESTIONS,
        key: format!("{}:{half_hour}", new.incident),
        payload: json!({ "incident": new.incident }),
        run_at: Timestamp::from_second((half_hour + 1) * GATHERED + AFTER).ok(),
    };
    jobs::enqueue(tx, job).await?;
    let detail =
        json!({ "inquiry": inquiry.id, "message": new.message, "party": new.party_kind, "channel": PAGE });
    Ok((inquiry, Event::new("inquiry.receive", format!("incident:{}", new.incident)).detail(detail)))
}

/// How many questions from the pages of recipients wait for an answer in an incident, and when the first of them is due.
///
/// # Errors
/// Unexpected ones only.
pub async fn waiting_questions(scope: &Scope, incident: Uuid) -> Result<Option<(u64, Option<Timestamp>)>> {
    store::open_questions(scope, incident).await
}

/// What was asked on the pages of messages, by the time of asking, with the answers.
///
/// # Errors
/// Unexpected ones only.
pub async fn asked_on_pages(scope: &Scope, messages: &[Uuid], limit: u64) -> Result<Vec<Inquiry>> {
    store::inquiries_from(scope, messages, limit).await
}

/// Takes away the words of somebody who is erased: what that person asked on the pages of these messages. That there was a question,
/// and what officers answered, stays.
///
/// # Errors
/// Unexpected ones only.
pub async fn forget_questions(tx: &Tx, messages: &[Uuid]) -> Result<u64> {
    let root = tx.scope().op().app().root()?;
    store::reword_questions(tx, root, messages, ERASED).await
}
