//! Findings: what people report and what checks see.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{
    Entry, EntryKind, Finding, FindingGroup, FindingSource, FindingsFilter, GroupKey, Precision, RowId,
};
use super::store::{self, FindingsOf};
use super::timeline::{self, NewEntry};
use super::{check, permit};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// What a new finding needs.
#[derive(Clone, Debug)]
pub struct NewFinding {
    pub system: String,
    pub summary: String,
    pub occurred_at: Timestamp,
    pub source: FindingSource,
    /// What kind of person reported it and through whom, such as "an applicant, through the school"; never a name.
    pub reporter: Option<String>,
    pub requirement: Option<String>,
}

/// Records a finding. It belongs to no incident yet.
///
/// # Errors
/// `INVALID` and those of permission.
pub async fn report_finding(op: &Op, new: NewFinding) -> Result<Finding> {
    let scope = permit(op, Action::Create, "finding", "finding").await?;
    let NewFinding { system, summary, occurred_at, source, reporter, requirement } = new;
    let finding = Finding {
        tenant: scope.tenant(),
        id: scope.new_id(),
        system: check::name("system", &system)?,
        source,
        requirement: requirement.map(|name| check::name("requirement", &name)).transpose()?,
        summary: check::text("summary", &summary, 2000)?,
        reporter: check::optional_line("reporter", reporter, 200)?,
        occurred_at: check::past("occurredAt", occurred_at, scope.at())?,
        recorded_at: scope.at(),
        incident: None,
        fault: None,
    };
    let tx = scope.begin().await?;
    store::insert_finding(&tx, &finding).await?;
    let detail =
        json!({ "system": finding.system, "source": source.as_str(), "requirement": finding.requirement });
    tx.commit(Event::new("finding.report", format!("finding:{}", finding.id)).detail(detail)).await?;
    Ok(finding)
}

/// Records what the service itself has seen, unless the same stands there already and nobody has taken it up. To be
/// committed with the event.
///
/// # Errors
/// Unexpected ones only.
pub async fn detect(tx: &Tx, system: &str, summary: String) -> Result<Event> {
    let scope = tx.scope();
    let finding = Finding {
        tenant: scope.op().app().root()?,
        id: scope.new_id(),
        system: system.to_owned(),
        source: FindingSource::Check,
        requirement: None,
        summary,
        reporter: None,
        occurred_at: scope.at(),
        recorded_at: scope.at(),
        incident: None,
        fault: None,
    };
    let known = store::open_finding(tx, &finding.system, &finding.summary).await?;
    if let Some(id) = known {
        return Ok(Event::new("finding.repeat", format!("finding:{id}")));
    }
    store::insert_finding(tx, &finding).await?;
    let detail = json!({ "system": finding.system, "source": finding.source.as_str() });
    Ok(Event::new("finding.report", format!("finding:{}", finding.id)).detail(detail))
}

/// Adds a finding to an open incident, and with it an entry to the timeline: the second complaint of the same day.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when the finding has an incident already or is about another system, and those of permission.
pub async fn link_finding(op: &Op, incident: RowId, finding: RowId) -> Result<Entry> {
    let (scope, tx, incident) = super::begin(op, incident, Action::Update, "incident").await?;
    scope.within(finding.tenant, "finding")?;
    let found = store::findings_by_id(tx.connection(), &scope, &[finding.id]).await?;
    let found = found.into_iter().next().ok_or_else(|| Error::not_found("finding"))?;
    if found.system != incident.system {
        return Err(Error::conflict("the finding is about another system than the incident")
            .remedy("open an incident of its own for it"));
    }
    let home = RowId { tenant: incident.tenant, id: incident.id };
    if !store::link_findings(&tx, home, &[found.id]).await? {
        return Err(Error::conflict("the finding belongs to an incident already"));
    }
    let entry = tell(&tx, incident.id, &found).await?;
    let detail = json!({ "finding": found.id, "seq": entry.seq });
    tx.commit(Event::new("incident.link_finding", format!("incident:{}", incident.id)).detail(detail))
        .await?;
    Ok(entry)
}

/// What a finding's entry in the timeline says: by it an entry is known again.
pub fn entry_text(finding: &Finding) -> Cow<'_, str> {
    match &finding.reporter {
        Some(reporter) => Cow::Owned(format!("{}\n({reporter})", finding.summary)),
        None => Cow::Borrowed(&finding.summary),
    }
}

/// The entry that a finding leaves in the timeline.
pub(super) async fn tell(tx: &Tx, incident: Uuid, finding: &Finding) -> Result<Entry> {
    let text = entry_text(finding).into_owned();
    let kind = match finding.source {
        FindingSource::Person => EntryKind::Report,
        FindingSource::Check | FindingSource::Probe | FindingSource::Guard => EntryKind::Detection,
    };
    let entry = NewEntry { precision: Precision::Exact, ..NewEntry::of(kind, finding.occurred_at, text) };
    timeline::append(tx, incident, entry).await
}

/// The findings of an incident by time; `after` is time (in microseconds) and id of the last one of the page before.
///
/// # Errors
/// Unexpected ones only.
pub async fn findings(
    scope: &Scope,
    incident: Uuid,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Finding>> {
    store::findings(scope, FindingsOf::Incident(incident), after, limit).await
}

/// Those of the findings that are asked for, by time.
///
/// # Errors
/// `INVALID` and those of permission.
pub async fn all_findings(
    op: &Op,
    filter: FindingsFilter,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Finding>> {
    let scope = permit(op, Action::Read, "finding", "finding").await?;
    store::findings(&scope, FindingsOf::Any(plain(filter)?), after, limit).await
}

/// The findings that machines made, those of one kind counted together: of one system, requirement, kind and grade, the worst grade
/// first. `after` is what the last one of the page before has in common.
///
/// # Errors
/// `INVALID` and those of permission.
pub async fn finding_groups(
    op: &Op,
    filter: FindingsFilter,
    after: Option<GroupKey>,
    limit: u64,
) -> Result<Vec<FindingGroup>> {
    let scope = permit(op, Action::Read, "finding", "finding").await?;
    store::finding_groups(&scope, &plain(filter)?, after.as_ref(), limit).await
}

fn plain(filter: FindingsFilter) -> Result<FindingsFilter> {
    let FindingsFilter { open_only, system, grade, kind } = filter;
    let word = |field: &str, word: Option<String>| word.map(|word| check::code(field, &word)).transpose();
    Ok(FindingsFilter {
        open_only,
        system: system.map(|name| check::name("system", &name)).transpose()?,
        grade: word("grade", grade)?,
        kind: word("kind", kind)?,
    })
}
