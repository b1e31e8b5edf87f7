//! Rules about caching from files of manifests, for the guard and for edges that are already there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use edge::RuleError;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Failure, manifests};
use crate::clock::{Clock, SystemClock};
use crate::requirements::manifest::{
    Finding, Kind, Manifest, ManifestSet, Mechanism, Mode, RequirementSpec, SystemSpec, exception_lasting,
    exception_remedy, parse_files_checked, too_long,
};
use crate::requirements::{
    StandingAt, admission_conflicts, admission_rules, caching_rules, is_about, is_about_undeclared,
    limits_above_measured, standing_at,
};

/// Where the rules are stated.
#[derive(Clone)]
pub struct Stated {
    pub paths: Vec<PathBuf>,
    pub system: Option<String>,
}

impl Stated {
    /// Reads them anew.
    pub fn read(&self) -> Result<Files, Failure> {
        let files = manifests::read(&self.paths)?.into_iter().map(|file| (file.name, file.content));
        let now = SystemClock.now();
        let set = parse_files_checked(files, &ManifestSet::default(), |manifest| ended(manifest, now));
        let set = set.map_err(|problems| Failure::usage(manifests::complaints(&problems)))?;
        let system = self.name(&set)?;
        let mut problems = admission_conflicts(&set, &system, &set);
        problems.extend(limits_above_measured(&set, &system));
        if !problems.is_empty() {
            problems.sort();
            return Err(Failure::usage(manifests::complaints(&problems)));
        }
        Ok(Files { set, system })
    }

    fn name(&self, set: &ManifestSet) -> Result<String, Failure> {
        if let Some(name) = &self.system {
            return Ok(name.clone());
        }
        let mut systems = set.iter().filter(|manifest| manifest.kind == Kind::System);
        match (systems.next(), systems.next()) {
            (Some(one), None) => Ok(one.name.clone()),
            (None, _) => Err(Failure::usage("the manifests state no system")),
            (Some(_), Some(_)) => {
                Err(Failure::usage("the manifests state several systems; name one with --system"))
            }
        }
    }
}

/// No exception is for ever: one that states no beginning may begin now.
fn ended(manifest: &Manifest, now: Timestamp) -> Vec<Finding> {
    let endless = manifest
        .as_exception()
        .filter(|exception| exception.in_force_from.is_none() && too_long(now, exception.expires));
    let finding = |_| ("spec.expires".to_owned(), exception_lasting(), exception_remedy().to_owned());
    endless.map(finding).into_iter().collect()
}

/// What was read of them.
pub struct Files {
    set: ManifestSet,
    pub system: String,
}

/// Rules at an instant.
pub struct Ruled {
    pub rules: edge::Rules,
    /// A name for what they say.
    pub version: String,
    /// Names of exceptions that hold.
    pub exceptions: Vec<String>,
    /// The next instant at which they change by themselves.
    pub until: Option<Timestamp>,
}

/// A requirement that a guard keeps.
pub struct KeptHere {
    pub requirement: String,
    pub fingerprint: String,
    /// As the exceptions that hold leave it.
    pub mode: Mode,
    pub over: Over,
}

/// What it is kept over.
pub enum Over {
    /// Answers of these routes, and of paths without a route.
    Answers { undeclared: bool, routes: BTreeSet<String> },
    /// Who goes in; in the mode that the requirements about it have together.
    Admission(Mode),
}

impl Files {
    /// Of manifests that were read elsewhere.
    pub fn of(set: ManifestSet, system: &str) -> Self {
        Self { set, system: system.to_owned() }
    }

    /// The system's own statement.
    pub fn spec(&self) -> Result<&SystemSpec, Failure> {
        let missing = || Failure::usage(format!("the manifests state no system `{}`", self.system));
        self.set.system(&self.system).ok_or_else(missing)
    }

    /// A name for what the system states.
    pub fn version_of_system(&self) -> String {
        let manifest = self.set.get(Kind::System, &self.system);
        manifest.map(|manifest| manifest.fingerprint().chars().take(16).collect()).unwrap_or_default()
    }

    /// What is in force at an instant, as strictly as the exceptions that hold leave it.
    pub fn standing_at(&self, at: Timestamp) -> StandingAt<'_> {
        standing_at(&self.set, &self.system, at)
    }

    /// The next instant after this one at which they change by themselves.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        standing_at(&self.set, &self.system, at).until
    }

    /// The rules at an instant.
    pub fn rules_at(&self, at: Timestamp) -> Result<Ruled, Failure> {
        let Self { set, system: name } = self;
        let system = self.spec()?;
        let StandingAt { requirements, exceptions, lowered: _, until } = standing_at(set, name, at);
        let rules = caching_rules(system, requirements.iter().map(|(_, requirement)| requirement));
        let exceptions = exceptions.into_iter().map(str::to_owned).collect();
        Ok(Ruled { rules, version: self.version(&requirements), exceptions, until })
    }

    /// The requirements at an instant that a guard keeps answer by answer and person by person.
    pub fn kept_at(&self, at: Timestamp) -> Vec<KeptHere> {
        let Some(system) = self.set.system(&self.system) else { return Vec::new() };
        let StandingAt { requirements, .. } = self.standing_at(at);
        let admission = admission_rules(requirements.iter().map(|(_, requirement)| requirement));
        let kept = |(name, requirement): &(&str, RequirementSpec)| {
            let enforcement = requirement.enforcement.as_ref()?;
            let target = &requirement.target;
            let over = match enforcement.mechanism() {
                Mechanism::Cache => Over::Answers {
                    undeclared: is_about_undeclared(target),
                    routes: system
                        .routes
                        .iter()
                        .filter(|route| is_about(target, route))
                        .map(|route| route.name.clone())
                        .collect(),
                },
                Mechanism::Admission => Over::Admission(admission.as_ref()?.mode),
                _ => return None,
            };
            // As it is stored: exceptions lower the mode of what is kept, not the version.
            let fingerprint = self.set.get(Kind::Requirement, name)?.fingerprint();
            Some(KeptHere { requirement: (*name).to_owned(), fingerprint, mode: enforcement.mode, over })
        };
        requirements.iter().filter_map(kept).collect()
    }

    /// Rules that contradict themselves, as a failure.
    pub fn unfit(&self, faults: &[RuleError]) -> Failure {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::usage(format!("system `{}`: {}", self.system, faults.join("\n")))
    }

    /// A name for what the system and its requirements about caching say: the same content in the same modes has the same name.
    fn version(&self, requirements: &[(&str, RequirementSpec)]) -> String {
        let mut digest = Sha256::new();
        if let Some(system) = self.set.get(Kind::System, &self.system) {
            digest.update(system.fingerprint());
        }
        for (name, requirement) in requirements {
            let caching =
                requirement.enforcement.as_ref().filter(|kept| kept.mechanism() == Mechanism::Cache);
            if let (Some(kept), Some(stated)) = (caching, self.set.get(Kind::Requirement, name)) {
                digest.update(stated.fingerprint());
                digest.update(kept.mode.as_str());
            }
        }
        hex::encode(&digest.finalize()[..8])
    }
}
