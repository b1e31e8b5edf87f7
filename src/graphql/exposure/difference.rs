//! What differs between two lists.

use async_graphql::{Enum, Object, SimpleObject};

use crate::error::Error;
use crate::incidents::affected::difference;

/// Why somebody is on one of two lists only.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "difference::Cause")]
pub enum DifferenceCause {
    /// By what the later list rests on.
    Found,
    /// By an officer, with a reason.
    Corrected,
    /// What the later list rests on shows that nobody else got the person's data, as far as it goes.
    ExcludedByEvidence,
    /// What the later list rests on cannot tell.
    Undecided,
    /// What the later list rests on does not show the person at all.
    NotFound,
}

/// A person at a tenant who is on one of two lists only.
#[derive(SimpleObject, Clone)]
pub struct DifferenceEntry {
    tenant: String,
    person: String,
    kind: String,
    cause: DifferenceCause,
    /// The officer's reason, where there is one.
    reason: Option<String>,
}

/// A person at a tenant of whom two lists say different things.
#[derive(SimpleObject, Clone)]
pub struct DifferenceChange {
    tenant: String,
    person: String,
    kind: String,
    /// What differs.
    fields: Vec<String>,
}

/// How much changed for one kind or one tenant.
#[derive(SimpleObject)]
pub struct DifferenceCount {
    /// The kind or the tenant.
    name: String,
    added: u64,
    removed: u64,
    changed: u64,
}

/// What changed among the affected people from one revision to another, by person and tenant.
pub struct RevisionDifference(pub(super) difference::Difference);

/// Entries of a difference in one answer.
const MAX_ENTRIES: i32 = 1000;

fn slice<T: Clone>(all: &[T], first: Option<i32>, skip: Option<i32>) -> Result<Vec<T>, Error> {
    let first = first.unwrap_or(200);
    if !(1..=MAX_ENTRIES).contains(&first) {
        return Err(Error::invalid("first", format!("wants 1 to {MAX_ENTRIES}")));
    }
    let skip = usize::try_from(skip.unwrap_or(0)).map_err(|_| Error::invalid("skip", "wants 0 or more"))?;
    Ok(all.iter().skip(skip).take(first.unsigned_abs() as usize).cloned().collect())
}

fn entries(all: Vec<difference::Entry>) -> Vec<DifferenceEntry> {
    let entry = |difference::Entry { tenant, person, kind, cause, reason, .. }| DifferenceEntry {
        tenant,
        person,
        kind,
        cause: cause.into(),
        reason,
    };
    all.into_iter().map(entry).collect()
}

fn moved(all: &[difference::Moved]) -> Vec<DifferenceCount> {
    let count = |difference::Moved { name, added, removed, changed }| DifferenceCount {
        name,
        added,
        removed,
        changed,
    };
    all.iter().cloned().map(count).collect()
}

#[Object]
impl RevisionDifference {
    /// Number of the earlier revision.
    async fn from(&self) -> i32 {
        self.0.from
    }

    /// Number of the later revision.
    async fn to(&self) -> i32 {
        self.0.to
    }

    async fn added_count(&self) -> usize {
        self.0.added.len()
    }

    async fn removed_count(&self) -> usize {
        self.0.removed.len()
    }

    async fn changed_count(&self) -> usize {
        self.0.changed.len()
    }

    async fn unchanged_count(&self) -> u64 {
        self.0.unchanged
    }

    /// People who were at no tenant of the earlier list, each once.
    async fn persons_added(&self) -> u64 {
        self.0.persons_added
    }

    /// People who are at no tenant of the later list, each once.
    async fn persons_removed(&self) -> u64 {
        self.0.persons_removed
    }

    async fn by_kind(&self) -> Vec<DifferenceCount> {
        moved(&self.0.by_kind)
    }

    async fn by_tenant(&self) -> Vec<DifferenceCount> {
        moved(&self.0.by_tenant)
    }

    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn added(
        &self,
        first: Option<i32>,
        skip: Option<i32>,
    ) -> async_graphql::Result<Vec<DifferenceEntry>> {
        Ok(entries(slice(&self.0.added, first, skip)?))
    }

    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn removed(
        &self,
        first: Option<i32>,
        skip: Option<i32>,
    ) -> async_graphql::Result<Vec<DifferenceEntry>> {
        Ok(entries(slice(&self.0.removed, first, skip)?))
    }

    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn changed(
        &self,
        first: Option<i32>,
        skip: Option<i32>,
    ) -> async_graphql::Result<Vec<DifferenceChange>> {
        let change = |difference::Change { tenant, person, kind, fields, .. }| DifferenceChange {
            tenant,
            person,
            kind,
            fields: fields.into_iter().map(str::to_owned).collect(),
        };
        Ok(slice(&self.0.changed, first, skip)?.into_iter().map(change).collect())
    }
}
