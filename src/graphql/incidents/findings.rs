//! Findings, one by one and counted together.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::super::connection::Page;
use super::super::id;
use super::super::scalars::Instant;
use super::types::{FindingSource, List};
use super::{cursor, place};
use crate::access::Op;
use crate::error::{Error, Result};
use crate::incidents::{self, FindingsFilter, GroupKey, model};

/// A broken requirement, seen by a check or a person.
#[derive(SimpleObject)]
pub struct Finding {
    id: ID,
    system: String,
    source: FindingSource,
    requirement: Option<String>,
    summary: String,
    /// What kind of person reported it, and through whom; never a name.
    reporter: Option<String>,
    occurred_at: Instant,
    recorded_at: Instant,
    incident_id: Option<ID>,
    /// Code of the kind of fault, such as `cache_control_permits`; null for what people wrote.
    kind: Option<String>,
    /// note, weakness, leak; null for what people wrote.
    grade: Option<String>,
    /// Name of the declared route; null where no route covers the path.
    route: Option<String>,
}

impl From<model::Finding> for Finding {
    fn from(finding: model::Finding) -> Self {
        let (kind, grade, route) = match finding.fault {
            Some(model::Fault { kind, grade, route }) => (Some(kind), Some(grade), route),
            None => (None, None, None),
        };
        Self {
            id: id::encode("Finding", finding.tenant, finding.id),
            system: finding.system,
            source: finding.source.into(),
            requirement: finding.requirement,
            summary: finding.summary,
            reporter: finding.reporter,
            occurred_at: finding.occurred_at.into(),
            recorded_at: finding.recorded_at.into(),
            incident_id: finding.incident.map(|incident| id::encode("Incident", finding.tenant, incident)),
            kind,
            grade,
            route,
        }
    }
}

/// Findings of one system, requirement, kind and grade.
#[derive(SimpleObject)]
pub struct FindingGroup {
    system: String,
    requirement: Option<String>,
    /// Code of the kind of fault, such as `cache_control_permits`.
    kind: String,
    /// note, weakness, leak.
    grade: String,
    /// How many there are.
    count: i32,
    /// Those of them that no incident has taken up yet.
    open: i32,
    first_seen_at: Instant,
    last_seen_at: Instant,
    /// How many declared routes they are about; what no route covers is not among them.
    route_count: i32,
    /// The five of these that were seen first.
    routes: Vec<String>,
}

impl From<incidents::FindingGroup> for FindingGroup {
    fn from(group: incidents::FindingGroup) -> Self {
        let incidents::FindingGroup { key, count, open, first_seen_at, last_seen_at, route_count, routes } =
            group;
        let GroupKey { grade, system, kind, requirement } = key;
        let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            system,
            requirement,
            kind,
            grade,
            count: number(count),
            open: number(open),
            first_seen_at: first_seen_at.into(),
            last_seen_at: last_seen_at.into(),
            route_count: number(route_count),
            routes,
        }
    }
}

/// Where a page begins.
fn group_after(page: &Page) -> Result<Option<GroupKey>> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let wrong =
        |_| Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
    let (grade, system, kind, requirement): (String, String, String, Option<String>) =
        serde_json::from_str(cursor).map_err(wrong)?;
    let key = GroupKey { grade, system, kind, requirement };
    // PostgreSQL would not take such a text.
    let texts = [Some(&key.grade), Some(&key.system), Some(&key.kind), key.requirement.as_ref()];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(
            Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before")
        );
    }
    Ok(Some(key))
}

/// The cursor that `group_after` reads.
fn group_cursor(key: &GroupKey) -> String {
    let GroupKey { grade, system, kind, requirement } = key;
    serde_json::json!([grade, system, kind, requirement]).to_string()
}

#[derive(Default)]
pub struct FindingsQuery;

#[Object]
impl FindingsQuery {
    /// Findings by time; with `open`, those that no incident has taken up yet. People's own words have no grade and no kind.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn findings(
        &self,
        context: &Context<'_>,
        open: Option<bool>,
        system: Option<String>,
        #[graphql(desc = "note, weakness, leak.")] grade: Option<String>,
        kind: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<Finding> {
        let page = Page::read(context, first, after)?;
        let filter = FindingsFilter { open_only: open.unwrap_or(false), system, grade, kind };
        let op = context.data::<Op>()?;
        let rows = incidents::all_findings(op, filter, place(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| cursor(row.occurred_at, row.id), Into::into))
    }

    /// Findings that machines made, those of one system, requirement, kind and grade counted together: the worst grade first.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn finding_groups(
        &self,
        context: &Context<'_>,
        open: Option<bool>,
        system: Option<String>,
        #[graphql(desc = "note, weakness, leak.")] grade: Option<String>,
        kind: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> List<FindingGroup> {
        let page = Page::read(context, first, after)?;
        let filter = FindingsFilter { open_only: open.unwrap_or(false), system, grade, kind };
        let op = context.data::<Op>()?;
        let rows = incidents::finding_groups(op, filter, group_after(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| group_cursor(&row.key), Into::into))
    }
}
