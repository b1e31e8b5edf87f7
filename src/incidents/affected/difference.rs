//! What changed from one affected list to another. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::model::{Class, Origin, RevisionPerson};

/// Why somebody is on one of the lists only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
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

/// A person at a tenant who is on one of the lists only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub tenant: String,
    /// The tenant, where Suimon knows one of that short name.
    #[serde(skip)]
    pub tenant_id: Option<Uuid>,
    pub person: String,
    pub kind: String,
    pub cause: Cause,
    /// The reason that the later list gives, where an officer added or excluded the person.
    pub reason: Option<String>,
}

/// A person at a tenant of whom the lists say different things.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub tenant: String,
    /// The tenant, where Suimon knows one of that short name.
    #[serde(skip)]
    pub tenant_id: Option<Uuid>,
    pub person: String,
    pub kind: String,
    /// What differs: `class`, `first`, `last`, `requests`, `logins`, `evidence`, `reason`, `kind`.
    pub fields: Vec<&'static str>,
}

/// How much changed, for one kind or one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The kind or the tenant.
    pub name: String,
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
}

/// The difference between the affected people of two lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Number of the earlier list.
    pub from: i32,
    /// Number of the later list.
    pub to: i32,
    /// Affected in the later list only, by tenant and person.
    pub added: Vec<Entry>,
    /// Affected in the earlier list only.
    pub removed: Vec<Entry>,
    pub changed: Vec<Change>,
    pub unchanged: u64,
    /// People who are on no list of the earlier one at all, each once.
    pub persons_added: u64,
    /// People who are on no list of the later one at all, each once.
    pub persons_removed: u64,
    pub by_kind: Vec<Moved>,
    pub by_tenant: Vec<Moved>,
}

impl Difference {
    /// The tenant of each person that it names.
    pub fn tenants(&self) -> impl Iterator<Item = Option<Uuid>> {
        let entries = self.added.iter().chain(&self.removed).map(|entry| entry.tenant_id);
        entries.chain(self.changed.iter().map(|change| change.tenant_id))
    }
}

type ByPlace<'p> = BTreeMap<(&'p str, &'p str), &'p RevisionPerson>;

fn by_place(people: &[RevisionPerson]) -> ByPlace<'_> {
    people.iter().map(|row| ((row.tenant_slug.as_str(), row.person.as_str()), row)).collect()
}

/// Compares two lists.
pub fn compare(from: (i32, &[RevisionPerson]), to: (i32, &[RevisionPerson])) -> Difference {
    let (before, after) = (by_place(from.1), by_place(to.1));
    let mut difference = Difference { from: from.0, to: to.0, ..Difference::default() };
    let mut kinds: BTreeMap<String, Moved> = BTreeMap::new();
    let mut tenants: BTreeMap<String, Moved> = BTreeMap::new();
    let mut moved = |row: &RevisionPerson, count: fn(&mut Moved)| {
        count(kinds.entry(row.kind.clone()).or_default());
        count(tenants.entry(row.tenant_slug.clone()).or_default());
    };
    for (place, row) in after.iter().filter(|(_, row)| row.class.is_affected()) {
        match before.get(place).filter(|row| row.class.is_affected()) {
            None => {
                moved(row, |moved| moved.added += 1);
                let cause = if row.origin == Origin::Manual { Cause::Corrected } else { Cause::Found };
                difference.added.push(entry(row, cause, row.reason.clone()));
            }
            Some(earlier) => {
                let fields = differing(earlier, row);
                if fields.is_empty() {
                    difference.unchanged += 1;
                    continue;
                }
                moved(row, |moved| moved.changed += 1);
                difference.changed.push(Change {
                    tenant: row.tenant_slug.clone(),
                    tenant_id: row.tenant,
                    person: row.person.clone(),
                    kind: row.kind.clone(),
                    fields,
                });
            }
        }
    }
    for (place, row) in before.iter().filter(|(_, row)| row.class.is_affected()) {
        let later = after.get(place);
        if later.is_some_and(|row| row.class.is_affected()) {
            continue;
        }
        moved(row, |moved| moved.removed += 1);
        let cause = match later {
            None => Cause::NotFound,
            Some(later) if later.origin == Origin::Manual => Cause::Corrected,
            Some(later) if later.class == Class::Indeterminate => Cause::Undecided,
            Some(_) => Cause::ExcludedByEvidence,
        };
        difference.removed.push(entry(row, cause, later.and_then(|row| row.reason.clone())));
    }
    let named = |moved: BTreeMap<String, Moved>| {
        moved.into_iter().map(|(name, moved)| Moved { name, ..moved }).collect()
    };
    (difference.by_kind, difference.by_tenant) = (named(kinds), named(tenants));
    let (earlier, later) = (persons(from.1), persons(to.1));
    difference.persons_added = later.difference(&earlier).count() as u64;
    difference.persons_removed = earlier.difference(&later).count() as u64;
    difference
}

fn persons(people: &[RevisionPerson]) -> BTreeSet<&str> {
    people.iter().filter(|row| row.class.is_affected()).map(|row| row.person.as_str()).collect()
}

fn entry(row: &RevisionPerson, cause: Cause, reason: Option<String>) -> Entry {
    Entry {
        tenant: row.tenant_slug.clone(),
        tenant_id: row.tenant,
        person: row.person.clone(),
        kind: row.kind.clone(),
        cause,
        reason,
    }
}

fn differing(before: &RevisionPerson, after: &RevisionPerson) -> Vec<&'static str> {
    let pairs = [
        ("class", before.class != after.class),
        ("kind", before.kind != after.kind),
        ("first", before.first_at != after.first_at),
        ("last", before.last_at != after.last_at),
        ("requests", before.requests != after.requests),
        ("logins", before.logins != after.logins),
        ("evidence", before.evidence != after.evidence),
        ("reason", before.reason != after.reason),
    ];
    pairs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}
