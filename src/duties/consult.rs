//! Consultations of authorities: what was asked of whom and what they think of it. Append-only, told in the timeline; a view that was
//! given is a fact, which settles what the law leaves open.

use jiff::Timestamp;
use law::{Certainty, Knowledge, Value};
use serde_json::json;
use uuid::Uuid;

use super::facts::{self, Checked};
use super::{happened, line, packs, permit, store, store_consultations};
use crate::access::{Action, Op};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::{self, NewEntry, model::EntryKind};

/// Most consultations of one incident.
const MAX_CONSULTATIONS: usize = 500;
/// Longest summary, in characters.
const MAX_SUMMARY: usize = 5000;

/// How an authority sees an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityView {
    /// It is to be reported.
    Reportable,
    /// It need not be reported.
    NotReportable,
}

impl AuthorityView {
    /// As stored, and as the fact says it.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthorityView::Reportable => "reportable",
            AuthorityView::NotReportable => "not_reportable",
        }
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub fn read(text: &str) -> Result<Self> {
        [AuthorityView::Reportable, AuthorityView::NotReportable]
            .into_iter()
            .find(|view| view.as_str() == text)
            .ok_or_else(|| anyhow::anyhow!("{text:?} is not the view of an authority").into())
    }

    fn words(view: Option<Self>) -> &'static str {
        match view {
            Some(AuthorityView::Reportable) => "当局の見解：報告対象 / View of the authority: reportable",
            Some(AuthorityView::NotReportable) => {
                "当局の見解：報告対象外 / View of the authority: not reportable"
            }
            None => "当局の見解：示されず / View of the authority: none given",
        }
    }
}

/// A consultation to record.
#[derive(Clone, Debug)]
pub struct NewConsultation {
    /// Rule pack, such as `jp-appi-26`.
    pub regime: String,
    /// When it took place.
    pub at: Timestamp,
    /// Section or function of the authority; never a name.
    pub with_whom: String,
    /// What was asked and answered.
    pub summary: String,
    /// What the authority thinks, where it said so.
    pub view: Option<AuthorityView>,
}

/// A consultation. Never changed; a correction is one more.
#[derive(Clone, Debug)]
pub struct Consultation {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    pub regime: String,
    pub at: Timestamp,
    pub with_whom: String,
    pub summary: String,
    pub view: Option<AuthorityView>,
    /// Number of the entry of the timeline that tells of it.
    pub entry: i32,
    pub recorded_at: Timestamp,
    pub author: Uuid,
}

/// Records a consultation: an entry of the timeline, and the authority's view as a fact where it gave one.
///
/// # Errors
/// `INVALID`, `LIMIT_EXCEEDED`, `NOT_FOUND` and those of permission.
pub async fn record_consultation(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    new: NewConsultation,
) -> Result<Consultation> {
    let scope = permit(op, tenant, Action::Create, "consultation", "incident").await?;
    let NewConsultation { regime, at, with_whom, summary, view } = new;
    if view.is_some() {
        permit(op, tenant, Action::Create, "fact", "incident").await?;
    }
    let Some(title) = packs()?.regimes().find(|info| info.id == regime).map(|info| info.title.clone()) else {
        let ids: Vec<_> = packs()?.regimes().map(|info| info.id).collect();
        return Err(Error::invalid("regime", "is not a rule pack of this installation")
            .remedy(format!("use one of {}", ids.join(", "))));
    };
    let with_whom = line("withWhom", &with_whom, 200)?;
    let summary = incidents::text("summary", &summary, MAX_SUMMARY)?;
    happened("at", at, scope.at())?;
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let earlier = store_consultations::consultations(&scope, tx.connection(), incident).await?;
    if earlier.len() >= MAX_CONSULTATIONS {
        return Err(Error::limit(format!("an incident has at most {MAX_CONSULTATIONS} consultations")));
    }
    let text = format!(
        "相談 / Consultation: {} / {} ({regime})\n{with_whom}\n{summary}\n{}",
        title.ja,
        title.en,
        AuthorityView::words(view)
    );
    let entry = incidents::append_entry(&tx, incident, NewEntry::of(EntryKind::Authority, at, text)).await?;
    let consultation = Consultation {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        regime,
        at,
        with_whom,
        summary,
        view,
        entry: entry.seq,
        recorded_at: scope.at(),
        author: scope.author(),
    };
    store_consultations::insert_consultation(&tx, &consultation).await?;
    let detail = json!({
        "id": consultation.id, "regime": consultation.regime, "view": view.map(AuthorityView::as_str), "seq": entry.seq,
    });
    let mut events = vec![Event::new("duty.consultation", format!("incident:{incident}")).detail(detail)];
    // An older consultation that is filled in late does not overturn what the authority said since.
    let newest = !earlier
        .iter()
        .any(|other| other.regime == consultation.regime && other.view.is_some() && other.at > at);
    if let Some(view) = view.filter(|_| newest) {
        let fact = Checked {
            name: format!("process.authority_view.{}", consultation.regime),
            value: Some(Knowledge::Known(Value::Word(view.as_str().to_owned()))),
            certainty: Certainty::Confirmed,
            valid_at: at,
            source: format!("timeline entry {}", entry.seq),
        };
        events.push(facts::append(&tx, incident, vec![fact], |_, error| error).await?.1);
    }
    tx.commit_all(events).await?;
    Ok(consultation)
}

/// The consultations of an incident, oldest first.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn consultations(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Vec<Consultation>> {
    let scope = permit(op, tenant, Action::Read, "consultation", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    store_consultations::consultations(&scope, scope.connection(), incident).await
}
