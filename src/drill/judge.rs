//! How right the list was, and who was told, against the truth that only a drill knows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::access::{Action, Op};
use crate::error::Result;
use crate::incidents::affected::State;
use crate::incidents::{self, Incident};
use crate::notices::{self, Audience, MessageState, NoticeState};

/// Rows of one read.
const PAGE: u64 = 500;

/// A list against the truth. Counts are of people, each once.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    pub revision: i32,
    pub approved: bool,
    /// People on it who count as affected.
    pub persons: usize,
    /// Pseudonyms of those who were exposed and are not on it.
    pub missed: Vec<String>,
    /// How many are on it who were not exposed.
    pub not_exposed: usize,
}

/// Who was told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    /// When the last mail to a person was accepted; none while any is waiting, or none was sent.
    pub last_at: Option<Timestamp>,
    /// People to whom a mail was accepted.
    pub persons: usize,
    /// Mails that wait.
    pub waiting: u64,
    /// Mails that failed and want somebody's decision.
    pub failed: u64,
    /// Pseudonyms of those who were exposed and were told nothing.
    pub missed: Vec<String>,
    /// How many were told who were not exposed.
    pub not_exposed: usize,
}

/// The newest approved list, else the newest.
pub async fn list(op: &Op, incidents: &[Incident], exposed: &BTreeSet<String>) -> Result<Option<Judged>> {
    let scope = incidents::permit(op, Action::Read, "revision", "revision").await?;
    let mut all = Vec::new();
    for incident in incidents {
        all.extend(incidents::revisions(&scope, incident.id).await?);
    }
    let newest =
        all.iter().max_by_key(|revision| (revision.approved_at, revision.created_at, revision.number));
    let Some(revision) = newest else { return Ok(None) };
    let (mut listed, mut after) = (BTreeSet::new(), None);
    loop {
        let page = incidents::people(&scope, revision.id, None, after.take(), PAGE).await?;
        after = page.last().map(|last| (last.tenant_slug.clone(), last.person.clone()));
        let whole = (page.len() as u64) < PAGE;
        listed.extend(page.into_iter().filter(|one| one.class.is_affected()).map(|one| one.person));
        if whole {
            break;
        }
    }
    Ok(Some(Judged {
        revision: revision.number.unwrap_or_default(),
        approved: revision.state == State::Approved,
        persons: listed.len(),
        missed: exposed.difference(&listed).cloned().collect(),
        not_exposed: listed.difference(exposed).count(),
    }))
}

/// Who was told by mail.
pub async fn told(op: &Op, incidents: &[Incident], exposed: &BTreeSet<String>) -> Result<Told> {
    let (mut told, mut reached) = (Told::default(), BTreeSet::new());
    for incident in incidents {
        for notice in notices::notices_of(op, incident.tenant, incident.id).await? {
            let sent = matches!(notice.state, NoticeState::Approved | NoticeState::Done);
            if notice.audience != Audience::Persons || !sent {
                continue;
            }
            let counts = notices::counts(op, &notice).await?;
            told.waiting += counts.open();
            told.failed += counts.not_reached();
            let mut after = None;
            loop {
                let page = notices::messages(op, &notice, Some(MessageState::Accepted), after, PAGE).await?;
                after = page.last().map(|message| message.id);
                let whole = (page.len() as u64) < PAGE;
                for message in page {
                    told.last_at = told.last_at.max(message.accepted_at);
                    reached.insert(notices::pseudonym_of(&message.recipient).to_owned());
                }
                if whole {
                    break;
                }
            }
        }
    }
    if told.waiting > 0 {
        told.last_at = None;
    }
    told.persons = reached.len();
    told.missed = exposed.difference(&reached).cloned().collect();
    told.not_exposed = reached.difference(exposed).count();
    Ok(told)
}
