//! What changed from one list to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::result::{Class, WindowResult};

/// A person in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the person in the logs.
    pub person: String,
    /// The tenant, where known.
    pub tenant: Option<String>,
    /// The kind, where known.
    pub kind: Option<String>,
    /// What is said about the person.
    pub class: Class,
}

/// What a list says about a person in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The kind, where known.
    pub kind: Option<String>,
    /// The class.
    pub class: Class,
    /// First line that counts.
    pub first: Option<Timestamp>,
    /// Last line that counts.
    pub last: Option<Timestamp>,
    /// Personal requests.
    pub requests: u64,
    /// Logins.
    pub logins: u64,
    /// Personal routes.
    pub routes: Vec<String>,
}

/// A person in a tenant about whom the two lists say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Id of the person in the logs.
    pub person: String,
    /// The tenant, where known.
    pub tenant: Option<String>,
    /// In the earlier list.
    pub before: Summary,
    /// In the later list.
    pub after: Summary,
}

/// The difference between two lists, by person and tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Only in the later list.
    pub added: Vec<Entry>,
    /// Only in the earlier list.
    pub removed: Vec<Entry>,
    /// In both, with another content.
    pub changed: Vec<Change>,
    /// In both, with the same content.
    pub unchanged: u64,
}

type Listed<'r> = BTreeMap<(&'r str, Option<&'r str>), Summary>;

fn listed(result: &WindowResult) -> Listed<'_> {
    let mut listed = Listed::new();
    for person in &result.people {
        for tenant in &person.tenants {
            listed.insert(
                (&person.person, tenant.tenant.as_deref()),
                Summary {
                    kind: person.kind.clone(),
                    class: tenant.class,
                    first: tenant.first,
                    last: tenant.last,
                    requests: tenant.requests,
                    logins: tenant.logins,
                    routes: tenant.routes.clone(),
                },
            );
        }
    }
    listed
}

/// Compares two lists, person by person and tenant by tenant, in a fixed order.
#[must_use]
pub fn diff(previous: &WindowResult, next: &WindowResult) -> Difference {
    let (mut before, after) = (listed(previous), listed(next));
    let entry = |(person, tenant): (&str, Option<&str>), summary: Summary| Entry {
        person: person.to_owned(),
        tenant: tenant.map(str::to_owned),
        kind: summary.kind,
        class: summary.class,
    };
    let mut difference = Difference::default();
    for (key, after) in after {
        match before.remove(&key) {
            None => difference.added.push(entry(key, after)),
            Some(before) if before == after => difference.unchanged += 1,
            Some(before) => difference.changed.push(Change {
                person: key.0.to_owned(),
                tenant: key.1.map(str::to_owned),
                before,
                after,
            }),
        }
    }
    difference.removed = before.into_iter().map(|(key, summary)| entry(key, summary)).collect();
    difference
}
