//! What must agree between a requirement and its system.

use super::admission::{AdmissionParams, Entrance};
use super::enforcement::{CacheParams, Mechanism, Params};
use super::exception::ExceptionSpec;
use super::not_applicable::NotApplicable;
use super::probe::ProbeSpec;
use super::requirement::{RequirementSpec, RouteClass, Target};
use super::system::{Protection, SystemSpec};
use super::wording::suggestion;

/// A disagreement: path in the requirement, message, remedy.
pub(in crate::requirements) type Disagreement = (String, String, String);

/// Everything in a requirement that its system does not have, or has otherwise.
pub(in crate::requirements) fn disagreements(
    requirement: &RequirementSpec,
    system: &SystemSpec,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    check_target(requirement, system, &mut found);
    check_citations(requirement, system, &mut found);
    match requirement.enforcement.as_ref().map(|enforcement| &enforcement.params) {
        Some(Params::Encryption(params)) => {
            for (at, object) in params.fields.iter().enumerate() {
                let path = format!("spec.enforcement.params.fields[{at}]");
                check_encrypted(object, &path, system, &mut found);
            }
        }
        Some(Params::Access(params)) => {
            for (at, object) in params.objects.iter().enumerate() {
                let path = format!("spec.enforcement.params.objects[{at}]");
                // Objects outside the record types (`booking`, `incident`) are not this system's to declare.
                if let Some((first, _)) = object.split_once('.')
                    && system.record_type(first).is_some()
                {
                    check_object(object, &path, system, &mut found);
                }
            }
        }
        Some(Params::Admission(params)) => check_admission(params, system, &mut found),
        Some(Params::Cache(params)) => check_cache(params, &requirement.target, system, &mut found),
        Some(Params::Retention(_) | Params::Slo(_)) | None => {}
    }
    found
}

/// What a requirement answers applies.
fn check_citations(requirement: &RequirementSpec, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    for (at, citation) in requirement.catalogue.iter().enumerate() {
        let covers = |one: &&NotApplicable| one.reference.covers(&citation.reference);
        let Some(stated) = system.not_applicable.iter().find(covers) else { continue };
        let message =
            format!("`{}` is cited, and the system says that it does not apply", citation.reference);
        let remedy =
            format!("remove it here, or `{}` from `spec.notApplicable` of the system", stated.reference);
        found.push((format!("spec.catalogue[{at}].ref"), message, remedy));
    }
}

/// Everything in an exception that does not fit its requirement.
pub(in crate::requirements) fn of_exception(
    exception: &ExceptionSpec,
    requirement: &RequirementSpec,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    if requirement.system != exception.system {
        let message = format!("`{}` is a requirement of `{}`", exception.requirement, requirement.system);
        found.push(("spec.requirement".to_owned(), message, "name one of the same system".to_owned()));
    }
    let admits = matches!(&requirement.enforcement, Some(kept) if kept.mechanism() == Mechanism::Admission);
    if exception.up_to.is_some() && !admits {
        let message = format!("`{}` states no limits of admission", exception.requirement);
        found.push(("spec.upTo".to_owned(), message, "leave `upTo` out".to_owned()));
    }
    let Some(mode) = exception.mode else { return found };
    let path = "spec.mode".to_owned();
    match &requirement.enforcement {
        None => {
            let message = format!("`{}` has no mechanism whose mode could change", exception.requirement);
            found.push((path, message, "leave `mode` out".to_owned()));
        }
        Some(enforcement) if mode >= enforcement.mode => {
            let message = format!(
                "`{mode}` is not weaker than the mode `{}` of `{}`",
                enforcement.mode, exception.requirement
            );
            found.push((path, message, "write a weaker mode, or withdraw the exception".to_owned()));
        }
        Some(_) => {}
    }
    found
}

/// Everything in a probe that does not fit its system and its requirements.
pub(in crate::requirements) fn of_probe<'r>(
    probe: &ProbeSpec,
    system: Option<&SystemSpec>,
    requirement: impl Fn(&str) -> Option<&'r RequirementSpec>,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for (at, name) in probe.verifies.iter().enumerate() {
        if let Some(requirement) = requirement(name).filter(|requirement| requirement.system != probe.system)
        {
            let message = format!("`{name}` is a requirement of `{}`", requirement.system);
            let remedy = "name requirements of the same system".to_owned();
            found.push((format!("spec.verifies[{at}]"), message, remedy));
        }
    }
    let Some(system) = system else { return found };
    let words: Vec<&str> = system.routes.iter().map(|route| route.name.as_str()).collect();
    for (at, name) in probe.routes.iter().enumerate().filter(|(_, name)| !words.contains(&name.as_str())) {
        let message = format!("the system declares no route `{name}`");
        let remedy = if words.is_empty() { declare("routes") } else { suggestion(name, &words) };
        found.push((format!("spec.routes[{at}]"), message, remedy));
    }
    found
}

fn check_target(requirement: &RequirementSpec, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    let path = "spec.target";
    match &requirement.target {
        Target::Route(name) if !system.routes.iter().any(|route| route.name == *name) => {
            let words: Vec<&str> = system.routes.iter().map(|route| route.name.as_str()).collect();
            let message = format!("the system declares no route `{name}`");
            let remedy = if words.is_empty() { declare("routes") } else { suggestion(name, &words) };
            found.push((path.to_owned(), message, remedy));
        }
        Target::Record(name) => check_object(&format!("{name}.*"), path, system, found),
        Target::Field { record_type, field } => {
            check_object(&format!("{record_type}.{field}"), path, system, found);
        }
        Target::System | Target::Route(_) | Target::Routes(_) | Target::Operation(_) => {}
    }
}

fn declare(list: &str) -> String {
    format!("declare it in `spec.{list}` of the system")
}

fn check_object(object: &str, path: &str, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    let (type_name, field) = object.split_once('.').unwrap_or((object, "*"));
    let Some(record_type) = system.record_type(type_name) else {
        let words: Vec<&str> = system.record_types.iter().map(|known| known.name.as_str()).collect();
        let message = format!("the system declares no record type `{type_name}`");
        found.push((path.to_owned(), message, suggestion(type_name, &words)));
        return;
    };
    if field != "*" && record_type.field(field).is_none() {
        let words: Vec<&str> = record_type.fields.iter().map(|known| known.name.as_str()).collect();
        let message = format!("record type `{type_name}` has no field `{field}`");
        found.push((path.to_owned(), message, suggestion(field, &words)));
    }
}

fn check_encrypted(object: &str, path: &str, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    let before = found.len();
    check_object(object, path, system, found);
    if found.len() > before {
        return;
    }
    let (type_name, name) = object.split_once('.').unwrap_or((object, "*"));
    let fields = system.record_type(type_name).into_iter().flat_map(|record_type| &record_type.fields);
    for field in fields.filter(|field| name == "*" || field.name == name) {
        if field.protection != Protection::Encrypted {
            let message = format!("field `{type_name}.{}` is declared `{}`", field.name, field.protection);
            found.push((path.to_owned(), message, "write `protection: encrypted` in the system".to_owned()));
        }
    }
}

fn check_admission(params: &AdmissionParams, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    const PATH: &str = "spec.enforcement.params";
    let declared: Vec<&str> = system.channels.iter().map(|channel| channel.as_str()).collect();
    let reserved = params.reserve.keys().map(|channel| ("reserve", channel));
    for (key, channel) in reserved.chain(params.channels.keys().map(|channel| ("channels", channel))) {
        if !system.channels.contains(channel) {
            let message = format!("the system has no channel `{channel}`");
            let remedy = if declared.is_empty() {
                declare("channels")
            } else {
                suggestion(channel.as_str(), &declared)
            };
            found.push((format!("{PATH}.{key}.{channel}"), message, remedy));
        }
    }
    let first = system.channels.first().and_then(|first| Some((first, params.channels.get(first)?)));
    if let Some((first, Entrance { known_by: Some(_), weight: _ })) = first {
        let message =
            format!("`{first}` is the system's first channel, which takes whoever comes by no other");
        let remedy = "leave it out, or name another channel first in `spec.channels` of the system";
        found.push((format!("{PATH}.channels.{first}.knownBy"), message, remedy.to_owned()));
    }
    let declares_paths = system.sessions.as_ref().is_some_and(|sessions| !sessions.tenant_paths.is_empty());
    if params.tenants.as_ref().is_some_and(|tenants| tenants.paths.is_empty()) && !declares_paths {
        let message = "nothing says whose page a request is for".to_owned();
        let remedy = "add `paths` with a `{tenant}`, or `tenantPaths` to the system's sessions".to_owned();
        found.push((format!("{PATH}.tenants"), message, remedy));
    }
}

fn check_cache(params: &CacheParams, target: &Target, system: &SystemSpec, found: &mut Vec<Disagreement>) {
    let (CacheParams::Public { .. }, Target::Route(name)) = (params, target) else { return };
    if system.routes.iter().any(|route| route.name == *name && route.personal) {
        let message =
            format!("rule `public` would let caches store the {} route `{name}`", RouteClass::Personal);
        found.push(("spec.target".to_owned(), message, "write rule `no_store`".to_owned()));
    }
}
