//! What a set of manifests says at an instant, where no database keeps its versions: requirements whose beginning has come, as
//! strictly as the exceptions that hold leave them.

use jiff::Timestamp;

use super::manifest::{ManifestSet, RequirementSpec, UpTo};
use super::measured::lower;

/// A set at an instant.
pub struct StandingAt<'s> {
    /// Requirements of the system in force, by name.
    pub requirements: Vec<(&'s str, RequirementSpec)>,
    /// Names of exceptions that hold.
    pub exceptions: Vec<&'s str>,
    /// Names of requirements whose limits were lowered to what was measured: no exception holds that lets them be above it.
    pub lowered: Vec<&'s str>,
    /// The next instant at which any of it changes.
    pub until: Option<Timestamp>,
}

/// What a set says of a system at an instant. Whoever keeps the files has decided on their exceptions: no approval is asked for.
pub fn standing_at<'s>(set: &'s ManifestSet, system: &'s str, at: Timestamp) -> StandingAt<'s> {
    let mut changes = Vec::new();
    let mut requirements = Vec::new();
    for (name, spec) in set.requirements_of(system) {
        match spec.in_force_from.filter(|from| *from > at) {
            Some(from) => changes.push(from),
            None => requirements.push((name, spec.clone())),
        }
    }
    let mut exceptions = Vec::new();
    let mut up_to: Vec<(&str, UpTo)> = Vec::new();
    for manifest in set.iter().filter(|manifest| manifest.system_name() == system) {
        let Some(exception) = manifest.as_exception() else { continue };
        changes.extend(
            exception.in_force_from.into_iter().chain([exception.expires]).filter(|change| *change > at),
        );
        if !exception.holds_at(at) {
            continue;
        }
        exceptions.push(manifest.name.as_str());
        up_to.extend(exception.up_to.map(|up_to| (exception.requirement.as_str(), up_to)));
        let excepted = requirements.iter_mut().find(|(name, _)| *name == exception.requirement);
        let enforcement = excepted.and_then(|(_, spec)| spec.enforcement.as_mut());
        if let (Some(enforcement), Some(mode)) = (enforcement, exception.mode) {
            // The weakest of several; never stronger than what is stated.
            enforcement.mode = enforcement.mode.min(mode);
        }
    }
    let mut lowered = Vec::new();
    if let Some(measured) = set.system(system).and_then(|spec| spec.measured.as_ref()) {
        for (name, spec) in &mut requirements {
            let excepted = up_to.iter().filter(|(of, _)| of == name).map(|(_, up_to)| *up_to);
            if lower(spec, measured, &excepted.collect::<Vec<_>>()) {
                lowered.push(*name);
            }
        }
    }
    StandingAt { requirements, exceptions, lowered, until: changes.into_iter().min() }
}
