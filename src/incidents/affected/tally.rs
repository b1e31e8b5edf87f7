//! Counting a list, and its digest. Pure: the same people give the same figures and the same digest on every machine.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::model::{Class, Counts, KindCount, RevisionPerson, Stored, TenantCount};
use crate::error::{Error, Result};

/// Puts people in the order of digest and lists: by tenant, then by person, byte by byte. (The databases' own orders depend
/// on their locale.)
pub fn sort(people: &mut [RevisionPerson]) {
    people.sort_unstable_by(|one, other| {
        (&one.tenant_slug, &one.person).cmp(&(&other.tenant_slug, &other.person))
    });
}

/// Counts people, each once.
///
/// # Errors
/// `INVALID` when one pseudonym has two kinds: then it is not one person, and no count would be right.
pub fn count(people: &[RevisionPerson]) -> Result<Counts> {
    #[derive(Default)]
    struct OnePerson<'p> {
        kind: Option<&'p str>,
        strongest: Option<Class>,
        affected_at: u64,
    }
    let mut persons: BTreeMap<&str, OnePerson<'_>> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    let mut cells: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    let mut tenants: BTreeSet<&str> = BTreeSet::new();
    let mut unknown: BTreeSet<&str> = BTreeSet::new();
    for row in people {
        let one = persons.entry(&row.person).or_default();
        if one.kind.is_some_and(|kind| kind != row.kind) {
            return Err(Error::invalid("people", "has one person with two kinds")
                .remedy("make the pseudonyms of different kinds differ, such as ap-1 and ad-1"));
        }
        one.kind = Some(&row.kind);
        one.strongest = Some(one.strongest.map_or(row.class, |class| class.min(row.class)));
        if !row.class.is_affected() {
            continue;
        }
        one.affected_at += 1;
        let cell = cells.entry((&row.tenant_slug, &row.kind)).or_default();
        cell.0 += 1;
        cell.1 += u64::from(row.class == Class::Confirmed);
        let tenants_of_kind = &mut kinds.entry(&row.kind).or_default().1;
        // People whose tenant no log names are counted, but "no tenant" is not a tenant.
        if !row.tenant_slug.is_empty() {
            tenants_of_kind.insert(&row.tenant_slug);
            tenants.insert(&row.tenant_slug);
            if row.tenant.is_none() {
                unknown.insert(&row.tenant_slug);
            }
        }
    }
    let mut counts = Counts {
        tenants: tenants.len() as u64,
        unknown_tenants: unknown.into_iter().map(str::to_owned).collect(),
        ..Counts::default()
    };
    for one in persons.values() {
        match one.strongest {
            Some(class @ (Class::Confirmed | Class::Possible)) => {
                counts.persons += 1;
                counts.confirmed += u64::from(class == Class::Confirmed);
                counts.sum_over_tenants += one.affected_at;
                counts.counted_again += one.affected_at - 1;
                counts.persons_in_several_tenants += u64::from(one.affected_at > 1);
                if let Some(kind) = one.kind {
                    kinds.entry(kind).or_default().0 += 1;
                }
            }
            Some(Class::Indeterminate) => counts.indeterminate += 1,
            Some(Class::Excluded) => counts.excluded += 1,
            Some(Class::SelfOnly) => counts.self_only += 1,
            None => {}
        }
    }
    counts.by_kind = kinds
        .into_iter()
        .map(|(kind, (persons, tenants))| KindCount {
            kind: kind.to_owned(),
            persons,
            tenants: tenants.len() as u64,
        })
        .collect();
    counts.by_tenant = cells
        .into_iter()
        .map(|((tenant, kind), (persons, confirmed))| TenantCount {
            tenant: tenant.to_owned(),
            kind: kind.to_owned(),
            persons,
            confirmed,
        })
        .collect();
    reconcile(&counts)?;
    Ok(counts)
}

/// The parts must add up to the whole. They are counted in different ways, so this can catch a fault of this file.
fn reconcile(counts: &Counts) -> Result<()> {
    let cells: u64 = counts.by_tenant.iter().map(|cell| cell.persons).sum();
    let kinds: u64 = counts.by_kind.iter().map(|kind| kind.persons).sum();
    let adds_up = cells == counts.sum_over_tenants
        && cells - counts.counted_again == counts.persons
        && kinds == counts.persons;
    if !adds_up {
        return Err(anyhow::anyhow!(
            "the affected list does not reconcile: {cells} at tenants, {kinds} by kind, {} in all",
            counts.persons
        )
        .into());
    }
    Ok(())
}

/// SHA-256 over the stored documents and the people, who must be in order.
pub fn digest(stored: &Stored, people: &[RevisionPerson]) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(b"suimon affected list 1\n");
    for document in [&stored.parameters, &stored.inputs, &stored.counts] {
        hash.update((document.len() as u64).to_be_bytes());
        hash.update(document);
    }
    hash_people(&mut hash, people)?;
    Ok(hex::encode(hash.finalize()))
}

/// SHA-256 over the people alone, who must be in order: the same for lists that name the same people with the same evidence.
pub fn people_digest(people: &[RevisionPerson]) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(b"suimon affected people 1\n");
    hash_people(&mut hash, people)?;
    Ok(hex::encode(hash.finalize()))
}

fn hash_people(hash: &mut Sha256, people: &[RevisionPerson]) -> Result<()> {
    for row in people {
        let RevisionPerson {
            tenant_slug,
            person,
            kind,
            tenant,
            class,
            first_at,
            last_at,
            requests,
            logins,
            origin,
            reason,
            evidence,
        } = row;
        let line = serde_json::to_string(&(
            (tenant_slug, person, kind, tenant, class),
            (first_at, last_at, requests, logins),
            (origin, reason, evidence),
        ))?;
        hash.update(line);
        hash.update(b"\n");
    }
    Ok(())
}
