//! The people and their number, tenant by tenant, so that the parts add up to the whole.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::finish::{Tally, timestamp};
use crate::input::InputReport;
use crate::query::Compiled;
use crate::result::{Class, Counts, KindCount, PersonExposure, Reconciliation, TenantCount, TenantExposure};
use crate::store::Subject;

/// Groups the subjects into people. Without a complete log, people known from other times are listed too.
pub(crate) fn people_and_counts(
    compiled: &Compiled,
    subjects: &[Subject],
    (tallies, also): (&HashMap<u32, Tally>, &HashSet<u32>),
    inputs: &[InputReport],
    complete: bool,
) -> (Vec<PersonExposure>, Counts) {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
    let mut kinds: HashMap<&str, &str> = HashMap::new();
    for (index, subject) in (0..).zip(subjects) {
        groups.entry(&subject.person).or_default().entry(&subject.tenant).or_default().push(index);
        if !subject.kind.is_empty() {
            // One id is one person. Should logs disagree about the kind, the choice must not depend on order.
            let kind = kinds.entry(&subject.person).or_insert(&subject.kind);
            *kind = (*kind).min(&subject.kind);
        }
    }
    let mut people = Vec::new();
    for (person, tenants) in groups {
        let tenants: Vec<TenantExposure> = tenants
            .into_iter()
            .filter_map(|(tenant, members)| {
                let counted: Vec<&Tally> = members
                    .iter()
                    .filter_map(|subject| tallies.get(subject))
                    .filter(|tally| tally.evidence.total > 0)
                    .collect();
                let is_also = members.iter().any(|member| also.contains(member));
                if counted.is_empty() && complete && !is_also {
                    return None;
                }
                let seen = members.iter().filter_map(|member| Some(subjects.get(*member as usize)?.seen));
                let seen = seen.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
                let mut entry = in_tenant(compiled, tenant, seen, &counted, inputs);
                if is_also {
                    entry.class = Class::Possible;
                }
                Some(entry)
            })
            .collect();
        let Some(class) = tenants.iter().map(|tenant| tenant.class).min() else { continue };
        let kind = kinds.get(person).map(|kind| (*kind).to_owned());
        people.push(PersonExposure { person: person.to_owned(), kind, class, tenants });
    }
    let counts = count(&people);
    (people, counts)
}

fn in_tenant(
    compiled: &Compiled,
    tenant: &str,
    seen: (i64, i64),
    tallies: &[&Tally],
    inputs: &[InputReport],
) -> TenantExposure {
    let first = tallies.iter().filter_map(|tally| tally.span).map(|span| span.0).min();
    let last = tallies.iter().filter_map(|tally| tally.span).map(|span| span.1).max();
    let routes: BTreeSet<u16> = tallies.iter().flat_map(|tally| &tally.routes).copied().collect();
    let mut evidence: Vec<_> = tallies.iter().flat_map(|tally| tally.evidence.list(inputs)).collect();
    evidence.sort_unstable();
    evidence.truncate(compiled.query.limits.evidence);
    TenantExposure {
        tenant: some(tenant),
        class: if tallies.is_empty() { Class::Indeterminate } else { Class::Possible },
        first: first.map(timestamp),
        last: last.map(timestamp),
        seen_first: timestamp(seen.0),
        seen_last: timestamp(seen.1),
        requests: tallies.iter().map(|tally| tally.requests).sum(),
        logins: tallies.iter().map(|tally| tally.logins).sum(),
        routes: routes.into_iter().map(|route| compiled.routes.name(route).to_owned()).collect(),
        evidence_total: tallies.iter().map(|tally| tally.evidence.total).sum(),
        evidence,
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn count(people: &[PersonExposure]) -> Counts {
    let mut kinds: BTreeMap<&Option<String>, (u64, BTreeSet<&str>)> = BTreeMap::new();
    let mut cells: BTreeMap<(&Option<String>, &Option<String>), u64> = BTreeMap::new();
    let mut all_tenants: BTreeSet<&str> = BTreeSet::new();
    let (mut total, mut sum, mut several) = (0, 0, 0);
    for person in people.iter().filter(|person| person.class == Class::Possible) {
        let entry = kinds.entry(&person.kind).or_default();
        entry.0 += 1;
        total += 1;
        let mut entries = 0;
        for tenant in person.tenants.iter().filter(|tenant| tenant.class == Class::Possible) {
            entries += 1;
            *cells.entry((&tenant.tenant, &person.kind)).or_default() += 1;
            entry.1.extend(tenant.tenant.as_deref());
            all_tenants.extend(tenant.tenant.as_deref());
        }
        sum += entries;
        several += u64::from(entries > 1);
    }
    Counts {
        total_persons: total,
        total_tenants: all_tenants.len() as u64,
        by_kind: kinds
            .into_iter()
            .map(|(kind, (persons, tenants))| KindCount {
                kind: kind.clone(),
                persons,
                tenants: tenants.len() as u64,
            })
            .collect(),
        by_tenant_kind: cells
            .into_iter()
            .map(|((tenant, kind), persons)| TenantCount {
                tenant: tenant.clone(),
                kind: kind.clone(),
                persons,
            })
            .collect(),
        reconciliation: Reconciliation {
            sum_over_tenants: sum,
            counted_again: sum - total,
            persons_in_several_tenants: several,
            total_persons: total,
        },
        indeterminate_persons: people.len() as u64 - total,
    }
}
