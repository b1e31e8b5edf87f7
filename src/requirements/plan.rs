//! Comparing a set of files with the newest stored versions. Pure: the same files, versions and instant give the same plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::admission::admission_conflicts;
use super::agreement::Around;
use super::blind_spots::blind_spots;
use super::cache::read_stored;
use super::manifest::{
    Finding, Kind, Manifest, ManifestSet, Problem, Protection, SystemSpec, ThresholdValue, diff,
    exception_lasting, exception_remedy, parse_files_checked, too_long,
};
use super::measured::{Approved, limits};
use super::model::{ChangeKind, ManifestFile, PlannedChange, Version};
use crate::error::Result;

/// A planned change with the canonical JSON that applying it stores.
#[derive(Debug)]
pub(super) struct Draft {
    pub change: PlannedChange,
    pub manifest: String,
}

/// A plan with everything that applying needs. With problems there are no drafts.
#[derive(Debug, Default)]
pub(super) struct Computed {
    pub drafts: Vec<Draft>,
    pub problems: Vec<Problem>,
}

/// The newest stored version of a manifest, read.
struct Base<'a> {
    version: &'a Version,
    manifest: Manifest,
}

type Stored<'a> = BTreeMap<(Kind, &'a str), Base<'a>>;

/// Plans `files` against `newest`, the newest version of each stored manifest, and `waited_for`, those versions in force that a newer
/// one is to follow later, where these exceptions were approved.
///
/// # Errors
/// When a stored version cannot be read; what is wrong with the files is in the result.
pub(super) fn compute(
    files: &[ManifestFile],
    newest: &[Version],
    waited_for: &[Version],
    approved: &Approved,
    now: Timestamp,
    prune: bool,
) -> Result<Computed> {
    let mut stored = Stored::new();
    for version in newest {
        let manifest = read_stored(&version.fingerprint, &version.manifest)?;
        stored.insert((version.kind, &version.name), Base { version, manifest });
    }
    let live = stored.values().filter(|base| !base.version.withdrawn).map(|base| base.manifest.clone());
    let live = ManifestSet::of_stored(live);
    let files = files.iter().map(|file| (file.name.as_str(), &file.content));
    let check = |manifest: &Manifest| {
        let base = stored.get(&(manifest.kind, manifest.name.as_str()));
        let of_time = past(manifest, base, now).into_iter().chain(ended(manifest, base, now));
        let of_time = of_time.chain(foreseen(manifest, base, now));
        of_time.chain(weakened(manifest, base)).collect()
    };
    let given = match parse_files_checked(files, &live, check) {
        Ok(given) => given,
        Err(problems) => return Ok(Computed { drafts: Vec::new(), problems }),
    };
    let pruned = if prune { left_out(&given, &live) } else { BTreeSet::new() };
    let together = together(&given, &live, &pruned);
    let in_force = waited_for.iter().map(|version| read_stored(&version.fingerprint, &version.manifest));
    let in_force = in_force.collect::<Result<Vec<Manifest>>>()?;
    let around = Around { given: &given, live: &live, in_force: &in_force, pruned: &pruned, now };
    let mut problems = around.dangling();
    problems.extend(around.left_behind());
    let mut notes = Vec::new();
    let systems: BTreeSet<&str> = given.iter().map(Manifest::system_name).collect();
    for system in &systems {
        problems.extend(admission_conflicts(&together, system, &given));
        let found = limits(&together, &live, &given, system, approved, now);
        problems.extend(found.problems);
        notes.extend(found.notes);
    }
    let mut drafts = Vec::new();
    for manifest in given.iter() {
        let base = stored.get(&(manifest.kind, manifest.name.as_str()));
        let mut draft = draft(manifest, base, now);
        if manifest.kind == Kind::System {
            let gaps = blind_spots(&together, &manifest.name, now).into_iter();
            draft.change.notes.extend(gaps.map(|gap| format!("{} {}", gap.text.en, gap.remedy.en)));
        }
        if manifest.kind == Kind::Requirement {
            let own = notes.iter().filter(|(name, _)| *name == manifest.name);
            draft.change.notes.extend(own.map(|(_, note)| note.clone()));
        }
        drafts.push(draft);
    }
    for (kind, system, name) in &pruned {
        if let Some(base) = stored.get(&(*kind, name.as_str())) {
            drafts.push(withdrawal(base.version, system, now));
        }
    }
    if !problems.is_empty() {
        problems.sort();
        return Ok(Computed { drafts: Vec::new(), problems });
    }
    drafts.sort_by(|a, b| (a.change.kind, &a.change.name).cmp(&(b.change.kind, &b.change.name)));
    Ok(Computed { drafts, problems })
}

/// The draft that ends a manifest.
pub(super) fn withdrawal(newest: &Version, system: &str, now: Timestamp) -> Draft {
    let change = PlannedChange {
        kind: newest.kind,
        name: newest.name.clone(),
        system: system.to_owned(),
        change: ChangeKind::Withdraw,
        base: Some(newest.number),
        version: newest.number + 1,
        fingerprint: newest.fingerprint.clone(),
        in_force_from: now.max(newest.applied_at),
        diff: Vec::new(),
        notes: never_in_force(newest, now),
    };
    Draft { change, manifest: newest.manifest.clone() }
}

fn draft(manifest: &Manifest, base: Option<&Base<'_>>, now: Timestamp) -> Draft {
    let text = manifest.canonical();
    let fingerprint = manifest.fingerprint();
    let mut change = PlannedChange {
        kind: manifest.kind,
        name: manifest.name.clone(),
        system: manifest.system_name().to_owned(),
        change: ChangeKind::Create,
        base: base.map(|base| base.version.number),
        version: base.map_or(1, |base| base.version.number + 1),
        in_force_from: manifest.stated_start().unwrap_or(now),
        fingerprint,
        diff: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(Base { version, manifest: before }) = base {
        // Never before the moment at which the version before was applied, whatever a clock says that was set back or runs
        // on another machine: what was in force at an instant that has passed must not change.
        change.in_force_from = change.in_force_from.max(version.applied_at);
        if !version.withdrawn {
            if change.fingerprint == version.fingerprint {
                change.change = ChangeKind::Unchanged;
                change.version = version.number;
                change.in_force_from = version.in_force_from;
                return Draft { change, manifest: text };
            }
            change.change = ChangeKind::Update;
            change.diff = diff(&before.to_json(), &manifest.to_json());
            change.notes = never_in_force(version, change.in_force_from);
        }
        if let (Some(before), Some(after)) = (before.as_system(), manifest.as_system()) {
            change.notes.extend(no_longer_declared(before, after));
        }
    }
    Draft { change, manifest: text }
}

/// A version that waits for its start is overtaken by a newer one that starts before.
fn never_in_force(version: &Version, new_start: Timestamp) -> Vec<String> {
    let overtaken = !version.withdrawn && version.in_force_from > new_start;
    let text = || {
        format!(
            "version {} was to come into force at {} and never will",
            version.number, version.in_force_from
        )
    };
    overtaken.then(text).into_iter().collect()
}

fn no_longer_declared(before: &SystemSpec, after: &SystemSpec) -> Vec<String> {
    let mut notes = Vec::new();
    for record_type in &before.record_types {
        let Some(kept) = after.record_type(&record_type.name) else {
            notes.push(format!(
                "record type {} is no longer declared: what is stored of it cannot be read",
                record_type.name
            ));
            continue;
        };
        for field in record_type.fields.iter().filter(|field| kept.field(&field.name).is_none()) {
            notes.push(format!(
                "field {}.{} is no longer declared: stored values cannot be read",
                record_type.name, field.name
            ));
        }
    }
    notes
}

/// A manifest that pruning withdraws: kind, system, name.
pub(super) type Pruned = (Kind, String, String);

/// What is stored of the given systems and the files no longer state.
fn left_out(given: &ManifestSet, live: &ManifestSet) -> BTreeSet<Pruned> {
    let systems: BTreeSet<&str> =
        given.iter().filter(|manifest| manifest.kind == Kind::System).map(|m| m.name.as_str()).collect();
    live.iter()
        .filter(|manifest| manifest.kind != Kind::System && systems.contains(manifest.system_name()))
        .filter(|manifest| given.get(manifest.kind, &manifest.name).is_none())
        .map(|manifest| (manifest.kind, manifest.system_name().to_owned(), manifest.name.clone()))
        .collect()
}

/// What would be in force of both.
fn together(given: &ManifestSet, live: &ManifestSet, pruned: &BTreeSet<Pruned>) -> ManifestSet {
    let gone = |manifest: &&Manifest| {
        pruned.iter().any(|(kind, _, name)| manifest.kind == *kind && manifest.name == *name)
    };
    // Of two with one name the later stays.
    ManifestSet::of_stored(live.iter().filter(|manifest| !gone(manifest)).chain(given.iter()).cloned())
}

/// Where a manifest refers to a requirement or an estimate.
pub(super) fn reference_to(manifest: &Manifest, kind: Kind, name: &str) -> Option<String> {
    match kind {
        Kind::Requirement => {
            let named = manifest.requirements_named();
            named.into_iter().find(|(_, named)| *named == name).map(|(path, _)| path)
        }
        Kind::Estimate => match &manifest.as_requirement()?.threshold.value {
            ThresholdValue::Figure(figure) if figure.estimate == name => {
                Some("spec.threshold.value.estimate".to_owned())
            }
            _ => None,
        },
        Kind::System | Kind::Probe | Kind::Exception => None,
    }
}

/// History is not rewritten: a version cannot start before it is applied.
fn past(manifest: &Manifest, base: Option<&Base<'_>>, now: Timestamp) -> Option<Finding> {
    let start = manifest.stated_start().filter(|start| *start < now)?;
    if is_stored(manifest, base) {
        return None;
    }
    let message = format!("{start} has passed; a version cannot come into force before it is applied");
    let remedy = "remove it (then the version is in force as soon as it is applied) or state a later instant";
    Some(("spec.inForceFrom".to_owned(), message, remedy.to_owned()))
}

/// An exception ends after it begins, and not too long after: one that states no beginning begins when it is applied.
fn ended(manifest: &Manifest, base: Option<&Base<'_>>, now: Timestamp) -> Option<Finding> {
    let exception = manifest.as_exception().filter(|_| !is_stored(manifest, base))?;
    let from = exception.in_force_from.unwrap_or(now);
    let finding = |message, remedy: &str| Some(("spec.expires".to_owned(), message, remedy.to_owned()));
    if exception.expires <= now {
        let message = format!("{} has passed: there is nothing left to except", exception.expires);
        return finding(message, "state a later instant, or remove the exception");
    }
    too_long(from, exception.expires).then(|| finding(exception_lasting(), exception_remedy())).flatten()
}

/// Nobody has measured anything tomorrow.
fn foreseen(manifest: &Manifest, base: Option<&Base<'_>>, now: Timestamp) -> Option<Finding> {
    let measured = manifest.as_system().and_then(|system| system.measured.as_ref())?;
    if measured.at <= now || is_stored(manifest, base) {
        return None;
    }
    let message = format!("{} lies in the future", measured.at);
    Some(("spec.measured.at".to_owned(), message, "state when it was measured".to_owned()))
}

/// Whether it is in force already, as it stands.
fn is_stored(manifest: &Manifest, base: Option<&Base<'_>>) -> bool {
    base.is_some_and(|base| !base.version.withdrawn && base.version.fingerprint == manifest.fingerprint())
}

/// What was ever declared encrypted is never stored plain under the same name: values that were taken in under that
/// promise, and programs that rely on it, cannot be told apart from new ones.
fn weakened(manifest: &Manifest, base: Option<&Base<'_>>) -> Vec<Finding> {
    let (Some(after), Some(before)) = (manifest.as_system(), base.and_then(|base| base.manifest.as_system()))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (at, record_type) in after.record_types.iter().enumerate() {
        for (field_at, field) in record_type.fields.iter().enumerate() {
            let was = before.field(&record_type.name, &field.name).map(|field| field.protection);
            if (was, field.protection) == (Some(Protection::Encrypted), Protection::Plain) {
                let name = format!("{}.{}", record_type.name, field.name);
                findings.push((
                    format!("spec.recordTypes[{at}].fields[{field_at}].protection"),
                    format!("`{name}` is stored encrypted and cannot become plain"),
                    "keep `encrypted`, or declare a field with another name".to_owned(),
                ));
            }
        }
    }
    findings
}
