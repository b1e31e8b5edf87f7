//! Incidents: findings, timeline, team, inquiries, corrective actions.

mod findings;
mod inputs;
mod mutation;
mod types;

pub use findings::FindingsQuery;
pub use mutation::IncidentsMutation;
pub use types::{Incident, IncidentsQuery};

use std::str::FromStr;

use async_graphql::{Context, ID};

use super::connection::Page;
use super::id;
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents::{self, RowId};

/// The row that an argument names.
pub fn row(kind: &'static str, id: &ID, field: &str) -> Result<RowId> {
    let (tenant, id) = id::decode(kind, id, field)?;
    Ok(RowId { tenant, id })
}

/// The operation, once it is clear that the caller may do this at all: before any argument is looked at, so that nobody
/// learns from the answer which ids would be right.
pub async fn may<'c>(context: &Context<'c>, action: Action, object: &str, what: &str) -> Result<&'c Op> {
    let op = context.data_unchecked::<Op>();
    incidents::permit(op, action, object, what).await?;
    Ok(op)
}

/// Permission to read what belongs to an incident.
pub async fn reader(context: &Context<'_>, object: &str) -> Result<Scope> {
    incidents::permit(context.data_unchecked::<Op>(), Action::Read, object, "incident").await
}

/// Where a page begins in a list that is ordered by time and a second key.
pub fn place<T: FromStr>(page: &Page) -> Result<Option<(i64, T)>> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let read = || {
        let (at, key) = cursor.split_once(' ')?;
        Some((at.parse().ok()?, key.parse().ok()?))
    };
    let wrong =
        || Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
    read().ok_or_else(wrong).map(Some)
}

/// The cursor that `place` reads.
pub fn cursor(at: jiff::Timestamp, key: impl std::fmt::Display) -> String {
    format!("{} {key}", at.as_microsecond())
}
