//! Requirements about admission as one statement: what the guard keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::manifest::{
    AdmissionParams, Channel, Enforcement, Entrance, Kind, ManifestSet, Mode, Params, Place, Problem,
    RequirementSpec, TenantBudget, TenantBudgets, WaitingRoom, clock_time,
};

/// What the requirements of a system state together.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionRules {
    /// The strictest of their modes.
    pub mode: Mode,
    /// What those of that mode state: of each limit the smallest, of each reserve the largest.
    pub params: AdmissionParams,
}

/// What requirements state together; none where none is about admission. Of several the strictest mode holds, and of those in that
/// mode of each limit and each time the smallest. What has no smallest they state alike ([`admission_conflicts`]).
pub fn admission_rules<'a>(
    requirements: impl IntoIterator<Item = &'a RequirementSpec>,
) -> Option<AdmissionRules> {
    let stated: Vec<(Mode, &AdmissionParams)> = requirements.into_iter().filter_map(stated).collect();
    let mode = stated.iter().map(|(mode, _)| *mode).max()?;
    let mut holding = stated.into_iter().filter(|(one, _)| *one == mode).map(|(_, params)| params);
    let mut params = resolved(holding.next()?);
    for other in holding {
        narrow(&mut params, &resolved(other));
    }
    Some(AdmissionRules { mode, params })
}

fn stated(requirement: &RequirementSpec) -> Option<(Mode, &AdmissionParams)> {
    match requirement.enforcement.as_ref()? {
        Enforcement { mode, params: Params::Admission(params) } => Some((*mode, params)),
        _ => None,
    }
}

/// With each tenant's whole budget, so that budgets can be compared.
fn resolved(params: &AdmissionParams) -> AdmissionParams {
    let tenants = params.tenants.as_ref().map(|tenants| {
        let named = tenants.resolved().into_iter().map(|(name, budget)| (name.to_owned(), budget));
        TenantBudgets { paths: tenants.paths.clone(), each: None, named: named.collect() }
    });
    AdmissionParams { tenants, ..params.clone() }
}

fn narrow(params: &mut AdmissionParams, other: &AdmissionParams) {
    // Full destructuring: what is added to the parameters must say here how it is merged.
    let AdmissionParams {
        rate,
        concurrency,
        newcomers_per_minute,
        reserve,
        order,
        channels,
        tenants,
        open,
        api_clients,
        waiting_room,
    } = other;
    params.rate = params.rate.min(*rate);
    params.concurrency = params.concurrency.min(*concurrency);
    params.newcomers_per_minute = smaller(params.newcomers_per_minute, *newcomers_per_minute);
    for (channel, share) in reserve {
        let kept = params.reserve.entry(*channel).or_insert(*share);
        *kept = kept.max(*share);
    }
    params.order = params.order.take().or_else(|| order.clone());
    for (channel, Entrance { known_by, weight }) in channels {
        let kept = params.channels.entry(*channel).or_insert(Entrance { known_by: None, weight: None });
        kept.known_by = kept.known_by.take().or_else(|| known_by.clone());
        kept.weight = kept.weight.or(*weight);
    }
    params.tenants = match (params.tenants.take(), tenants) {
        (Some(one), Some(other)) => Some(tenants_of(one, other)),
        (one, other) => one.or_else(|| other.clone()),
    };
    for (kept, list) in [(&mut params.open, open), (&mut params.api_clients, api_clients)] {
        if kept.is_empty() {
            kept.clone_from(list);
        }
    }
    params.waiting_room = match (params.waiting_room.take(), waiting_room) {
        (Some(one), Some(other)) => Some(room_of(one, other)),
        (one, other) => one.or_else(|| other.clone()),
    };
}

fn tenants_of(mut one: TenantBudgets, other: &TenantBudgets) -> TenantBudgets {
    let TenantBudgets { paths, each: _, named } = other;
    if one.paths.is_empty() {
        one.paths.clone_from(paths);
    }
    for (name, TenantBudget { rate, concurrency, newcomers_per_minute }) in named {
        let kept = one.named.entry(name.clone()).or_default();
        kept.rate = smaller(kept.rate, *rate);
        kept.concurrency = smaller(kept.concurrency, *concurrency);
        kept.newcomers_per_minute = smaller(kept.newcomers_per_minute, *newcomers_per_minute);
    }
    one
}

fn room_of(one: WaitingRoom, other: &WaitingRoom) -> WaitingRoom {
    let WaitingRoom { most, grace, idle, claim_within, status } = other.clone();
    let shorter = |one: Option<_>, other: Option<_>| one.into_iter().chain(other).min_by_key(clock_time);
    WaitingRoom {
        most: smaller(one.most, most),
        grace: shorter(one.grace, grace),
        idle: shorter(one.idle, idle),
        claim_within: shorter(one.claim_within, claim_within),
        status: one.status.or(status),
    }
}

fn smaller<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other < one { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Requirements of a system about admission that cannot hold together, whenever each of them is in force and in whatever mode: an
/// exception that ends, or one that begins, must not be the moment at which that is found. `given`: those whose places are known.
pub fn admission_conflicts(set: &ManifestSet, system: &str, given: &ManifestSet) -> Vec<Problem> {
    let all: Vec<(&str, &AdmissionParams)> = set
        .requirements_of(system)
        .filter_map(|(name, spec)| stated(spec).map(|(_, params)| (name, params)))
        .collect();
    let mut problems = Vec::new();
    // Each is compared with the first that says anything of it: in sets of any size in one pass.
    let mut firsts = BTreeMap::<String, (&str, Value)>::new();
    for (name, params) in &all {
        for (path, what, said) in without_smallest(params) {
            match firsts.get(&path) {
                None => {
                    firsts.insert(path, (*name, said));
                }
                Some((first, other)) if *other != said => {
                    let message = format!(
                        "`{first}` and `{name}` state different {what}, and neither is the stricter one"
                    );
                    let remedy = "state it in one of them, or alike in both".to_owned();
                    problems.push(problem(given, system, &[*name, *first], &path, message, remedy));
                }
                Some(_) => {}
            }
        }
    }
    let mut largest = BTreeMap::<Channel, (f64, &str)>::new();
    for (name, params) in &all {
        for (channel, share) in &params.reserve {
            let kept = largest.entry(*channel).or_insert((*share, name));
            if *share > kept.0 {
                *kept = (*share, name);
            }
        }
    }
    if largest.values().map(|(share, _)| share).sum::<f64>() >= 1.0 {
        let names: BTreeSet<&str> = largest.values().map(|(_, name)| *name).collect();
        let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message =
            format!("the shares that {} reserve leave nothing for the others", listed.join(" and "));
        let remedy = "of each channel the largest share holds: let them be below 1 together".to_owned();
        let names: Vec<&str> = names.into_iter().rev().collect();
        // One alone was found when it was read.
        if names.len() > 1 {
            problems.push(problem(given, system, &names, "spec.enforcement.params.reserve", message, remedy));
        }
    }
    problems
}

/// What is stated of which no one is smaller than another: path, what it is, value.
fn without_smallest(params: &AdmissionParams) -> Vec<(String, &'static str, Value)> {
    let filled = |list: &Vec<String>| (!list.is_empty()).then(|| json!(list));
    let mut stated = vec![
        ("order".to_owned(), "orders", params.order.as_ref().map(|order| json!(order))),
        ("open".to_owned(), "open paths", filled(&params.open)),
        ("apiClients".to_owned(), "paths of programs", filled(&params.api_clients)),
        (
            "tenants.paths".to_owned(),
            "paths of tenants",
            params.tenants.as_ref().and_then(|tenants| filled(&tenants.paths)),
        ),
        (
            "waitingRoom.status".to_owned(),
            "answers of the waiting room",
            params.waiting_room.as_ref().and_then(|room| room.status).map(|status| json!(status)),
        ),
    ];
    for (channel, Entrance { known_by, weight }) in &params.channels {
        let known_by = known_by.as_ref().map(|known_by| json!(known_by));
        stated.push((format!("channels.{channel}.knownBy"), "entrances", known_by));
        stated.push((format!("channels.{channel}.weight"), "weights", weight.map(|weight| json!(weight))));
    }
    let said = |(path, what, said): (String, _, Option<Value>)| {
        Some((format!("spec.enforcement.params.{path}"), what, said?))
    };
    stated.into_iter().filter_map(said).collect()
}

/// A problem of requirements, at the place of the first of them that has one, of their system, or nowhere, where all are stored.
pub(super) fn problem(
    given: &ManifestSet,
    system: &str,
    requirements: &[&str],
    path: &str,
    message: String,
    remedy: String,
) -> Problem {
    let place = requirements.iter().find_map(|name| given.place(Kind::Requirement, name));
    let place = place.or_else(|| given.place(Kind::System, system)).cloned();
    let place = place.unwrap_or_else(|| Place { file: String::new(), line: 1, column: 1 });
    Problem { place, path: path.to_owned(), message, remedy }
}
