//! What is stored, stands in no file, and no longer fits what the files change around it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::manifest::{
    Kind, Manifest, ManifestSet, Place, Problem, Spec, disagreements, of_exception, of_probe,
};
use super::plan::{Pruned, reference_to};

/// Files beside what is stored.
pub(super) struct Around<'a> {
    pub given: &'a ManifestSet,
    /// The newest version of each manifest that is not withdrawn.
    pub live: &'a ManifestSet,
    /// Versions in force though a newer one waits for its start.
    pub in_force: &'a [Manifest],
    /// What pruning withdraws.
    pub pruned: &'a BTreeSet<Pruned>,
    pub now: Timestamp,
}

impl Around<'_> {
    /// Exceptions, probes and requirements that stay as they are and would not agree any more.
    pub fn left_behind(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let changed = |manifest: &&Manifest| self.live.get(manifest.kind, &manifest.name) != Some(*manifest);
        let (stored, waiting) = self.what_stays();
        for manifest in self.given.iter().filter(changed) {
            let Some(place) = self.given.place(manifest.kind, &manifest.name) else { continue };
            for stored in &stored {
                problems.extend(self.between(manifest, stored, place));
            }
            for stored in waiting.iter().filter(|stored| stored.kind == Kind::Requirement) {
                problems.extend(self.between_system(manifest, stored, place));
            }
        }
        problems
    }

    /// References to what pruning withdraws, from what stays.
    pub fn dangling(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (stored, waiting) = self.what_stays();
        for (kind, system, name) in self.pruned {
            for manifest in self.given.iter().chain(stored.iter().copied()).chain(waiting.iter().copied()) {
                let Some(path) = reference_to(manifest, *kind, name) else { continue };
                let place = self.given.place(manifest.kind, &manifest.name);
                let place = place.or_else(|| self.given.place(Kind::System, system)).cloned();
                problems.push(Problem {
                    place: place.unwrap_or_else(nowhere),
                    path,
                    message: format!("`{}` refers to `{name}`, which pruning withdraws", manifest.name),
                    remedy: format!("keep `{name}` in the files, or remove the reference"),
                });
            }
        }
        // One version may wait and another be in force that both say it.
        problems.sort();
        problems.dedup();
        problems
    }

    /// Of the stored manifests and of the versions in force those that are as they were. Asked once: each answer looks through what is
    /// pruned.
    fn what_stays(&self) -> (Vec<&Manifest>, Vec<&Manifest>) {
        let stored = self.live.iter().filter(|manifest| self.stays(manifest)).collect();
        let waiting = self.in_force.iter().filter(|manifest| !self.ends_now(manifest)).collect();
        (stored, waiting)
    }

    fn is_pruned(&self, manifest: &Manifest) -> bool {
        self.pruned.iter().any(|(kind, _, name)| manifest.kind == *kind && manifest.name == *name)
    }

    fn stays(&self, stored: &Manifest) -> bool {
        self.given.get(stored.kind, &stored.name).is_none() && !self.is_pruned(stored)
    }

    /// Whether a version in force is followed at once by what the files state, or by nothing.
    fn ends_now(&self, in_force: &Manifest) -> bool {
        let followed = |given: &Manifest| {
            self.live.get(given.kind, &given.name) != Some(given)
                && given.stated_start().is_none_or(|start| start <= self.now)
        };
        self.is_pruned(in_force) || self.given.get(in_force.kind, &in_force.name).is_some_and(followed)
    }

    fn between(&self, given: &Manifest, stored: &Manifest, place: &Place) -> Vec<Problem> {
        let is_given = |name: &str| given.kind == Kind::Requirement && given.name == name;
        let found = match &stored.spec {
            // One that is over keeps nobody from anything.
            Spec::Exception(spec) if is_given(&spec.requirement) && self.now < spec.expires => {
                given.as_requirement().map(|requirement| of_exception(spec, requirement))
            }
            Spec::Probe(spec) => {
                let system = given.as_system().filter(|_| given.name == spec.system);
                let requirement = |name: &str| given.as_requirement().filter(|_| is_given(name));
                Some(of_probe(spec, system, requirement))
            }
            _ => None,
        };
        told(stored, found.unwrap_or_default(), place)
    }

    fn between_system(&self, given: &Manifest, stored: &Manifest, place: &Place) -> Vec<Problem> {
        let system = given.as_system().filter(|_| stored.system_name() == given.name);
        let found = stored.as_requirement().zip(system);
        told(stored, found.map(|(spec, system)| disagreements(spec, system)).unwrap_or_default(), place)
    }
}

fn told(stored: &Manifest, found: Vec<(String, String, String)>, place: &Place) -> Vec<Problem> {
    let problem = |(path, message, _): (String, String, String)| Problem {
        place: place.clone(),
        path: "spec".to_owned(),
        message: format!(
            "the stored {} `{}` no longer agrees at {path}: {message}",
            stored.kind.noun(),
            stored.name
        ),
        remedy: "keep what it needs, or apply a new version of it too".to_owned(),
    };
    found.into_iter().map(problem).collect()
}

fn nowhere() -> Place {
    Place { file: String::new(), line: 1, column: 1 }
}
