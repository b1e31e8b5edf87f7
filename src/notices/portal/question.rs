//! Questions of recipients. Each becomes an inquiry of the incident; what an officer answers there stands on the page.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::acts::{self, ActKind};
use super::door::{Guest, Visit};
use super::link::Side;
use crate::access::Scope;
use crate::audit::Decision;
use crate::error::{Code, Result};
use crate::incidents::model::{InquiryState, Party};
use crate::incidents::{self, Inquiry, PageQuestion};
use crate::notices;
use crate::requirements;

/// Longest question, in characters.
const MOST_CHARACTERS: usize = 2_000;
/// Questions that a page shows.
const LISTED: u64 = 200;
/// Questions of one person in the document that the person gets.
const MOST_EXPORTED: u64 = 1_000;

/// Questions of one message in a day. An office asks for many people.
pub const fn most_a_day(side: Side) -> u64 {
    match side {
        Side::Person => 5,
        Side::Tenant => 20,
    }
}

/// A question and what was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Timestamp,
    pub due: Option<Timestamp>,
    pub text: String,
    pub closed: bool,
    /// Oldest first.
    pub answers: Vec<(Timestamp, String)>,
}

impl From<Inquiry> for Asked {
    fn from(inquiry: Inquiry) -> Self {
        Self {
            at: inquiry.asked_at,
            due: inquiry.due_at,
            text: inquiry.question,
            closed: inquiry.state == InquiryState::Closed,
            answers: inquiry.answers.into_iter().map(|answer| (answer.answered_at, answer.text)).collect(),
        }
    }
}

/// What was asked on the page of a message.
pub(super) async fn of(visit: &Visit) -> Result<Vec<Asked>> {
    let asked = incidents::asked_on_pages(&visit.scope, &[visit.message.id], LISTED).await?;
    Ok(asked.into_iter().map(Asked::from).collect())
}

/// What was asked on the pages of messages about a person of the scope, by message.
pub(in crate::notices) async fn about(scope: &Scope, messages: &[Uuid]) -> Result<HashMap<Uuid, Vec<Asked>>> {
    let mut by_message: HashMap<Uuid, Vec<Asked>> = HashMap::new();
    for asked in incidents::asked_on_pages(scope, messages, MOST_EXPORTED).await? {
        if let Some(message) = asked.message {
            by_message.entry(message).or_default().push(asked.into());
        }
    }
    Ok(by_message)
}

/// Asks a question; a tenant also says so what of its list is wrong (`ActKind::Corrected`).
///
/// # Errors
/// `INVALID` for the text, `LIMIT_EXCEEDED` when there were enough today.
pub async fn ask(guest: &Guest, text: &str, kind: ActKind) -> Result<()> {
    let Guest(visit) = guest;
    let scope = &visit.scope;
    let days = i64::from(scope.op().app().config().notices.answer_days);
    let (party_kind, party, party_tenant) = party(visit).await?;
    let tx = scope.begin().await?;
    let question = PageQuestion {
        incident: visit.message.incident,
        message: visit.message.id,
        party_kind,
        party,
        party_tenant,
        question: text.to_owned(),
        longest: MOST_CHARACTERS,
        most_a_day: most_a_day(visit.side),
        due_at: scope.at() + SignedDuration::from_hours(24 * days),
    };
    let (inquiry, event) = match incidents::ask_from_page(&tx, question).await {
        Ok(asked) => asked,
        Err(error) => {
            drop(tx);
            if error.problem().is_some_and(|problem| problem.code == Code::LimitExceeded) {
                visit.record(visit.event("portal.ask").decision(Decision::Denied)).await?;
            }
            return Err(error);
        }
    };
    acts::record(&tx, visit.message.id, kind, Some(inquiry.id)).await?;
    tx.commit(event).await
}

/// Who asks, as an inquiry names it: of a person the kind alone.
async fn party(visit: &Visit) -> Result<(Party, String, Option<Uuid>)> {
    if visit.side == Side::Tenant {
        let slug = notices::model::slug_of(&visit.message.recipient).unwrap_or_default();
        let offices = notices::store_outbox::offices(&visit.scope, &[slug]).await?;
        let name = offices.get(slug).map_or_else(|| slug.to_owned(), |office| office.name_ja.clone());
        return Ok((Party::Tenant, name, Some(visit.message.recipient_tenant)));
    }
    let system =
        requirements::system_in_force(&visit.scope, &visit.incident.system, visit.scope.at()).await?;
    let kind = visit.message.record_type.as_deref().unwrap_or_default();
    let declared = system.as_ref().and_then(|system| system.record_type(kind));
    let title = declared.map_or_else(|| "本人".to_owned(), |declared| declared.title.ja.clone());
    Ok((Party::Person, title, None))
}
