//! References between manifests: they lead somewhere, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Kind;
use super::set::{Document, ManifestSet};
use super::wording::{nearest, quoted};

/// Notes dangling references and cycles.
pub(super) fn check(documents: &mut [Document], stored: &ManifestSet) {
    let names = |kind: Kind| -> BTreeSet<String> {
        let given = documents.iter().filter(|d| d.kind == Some(kind)).filter_map(|d| d.name.clone());
        let stored =
            stored.iter().filter(|manifest| manifest.kind == kind).map(|manifest| manifest.name.clone());
        given.chain(stored).collect()
    };
    let (systems, requirements) = (names(Kind::System), names(Kind::Requirement));
    let estimates = names(Kind::Estimate);
    for document in documents.iter_mut() {
        if let Some(system) = document.system.clone().filter(|name| !systems.contains(name)) {
            let message = format!("there is no system {}", quoted(&system));
            document.report.at("spec.system", message, remedy(&system, &systems, "System"));
        }
        if let Some(estimate) = document.estimate.clone().filter(|name| !estimates.contains(name)) {
            let message = format!("there is no estimate {}", quoted(&estimate));
            let path = "spec.threshold.value.estimate";
            document.report.at(path, message, remedy(&estimate, &estimates, "Estimate"));
        }
        for (path, name) in document.references.clone() {
            if !requirements.contains(&name) {
                let message = format!("there is no requirement {}", quoted(&name));
                document.report.at(&path, message, remedy(&name, &requirements, "Requirement"));
            }
        }
    }
    note_cycles(documents, stored);
}

fn remedy(given: &str, names: &BTreeSet<String>, kind: &str) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(given, &names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("add a manifest of kind {kind} with this name, or correct the reference"),
    }
}

fn note_cycles(documents: &mut [Document], stored: &ManifestSet) {
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for manifest in stored.iter() {
        if let Some(spec) = manifest.as_requirement() {
            let to = spec.derived_from.iter().chain(&spec.depends_on).cloned().collect();
            edges.insert(manifest.name.clone(), to);
        }
    }
    for document in documents.iter() {
        if let (Some(Kind::Requirement), Some(name)) = (document.kind, &document.name) {
            let to = document.references.iter().map(|(_, to)| to.clone()).collect();
            edges.insert(name.clone(), to);
        }
    }
    for cycle in cycles(&edges) {
        let shown = cycle.iter().chain(cycle.first()).map(|name| format!("`{name}`"));
        let message = format!("cyclic reference: {}", shown.collect::<Vec<_>>().join(" → "));
        // Told at the first of its members that is given here; the stored ones have no place.
        let found = cycle.iter().enumerate().find_map(|(at, name)| {
            let next = &cycle[(at + 1) % cycle.len()];
            let index = documents.iter().position(|document| document.name.as_ref() == Some(name))?;
            let (path, _) = documents[index].references.iter().find(|(_, to)| to == next)?;
            Some((index, path.clone()))
        });
        if let Some((index, path)) = found {
            documents[index].report.at(&path, message, "remove one of these references");
        }
    }
}

/// The cycles that a depth-first walk meets, each beginning with its first name; at least one for every set of names
/// that reach each other. Without recursion, so that a long chain cannot exhaust the stack.
fn cycles(edges: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut found = BTreeSet::new();
    for start in edges.keys() {
        if done.contains(start.as_str()) {
            continue;
        }
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        let mut depth: BTreeMap<&str, usize> = BTreeMap::from([(start.as_str(), 0)]);
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let Some(to) = edges.get(name).and_then(|to| to.get(*next)) else {
                done.insert(name);
                depth.remove(name);
                path.pop();
                continue;
            };
            *next += 1;
            if let Some(at) = depth.get(to.as_str()) {
                let mut cycle: Vec<String> = path[*at..].iter().map(|(name, _)| (*name).to_owned()).collect();
                let first = (0..cycle.len()).min_by_key(|index| &cycle[*index]).unwrap_or_default();
                cycle.rotate_left(first);
                found.insert(cycle);
            } else if !done.contains(to.as_str()) {
                depth.insert(to, path.len());
                path.push((to, 0));
            }
        }
    }
    found.into_iter().collect()
}
