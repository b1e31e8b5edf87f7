//! Planning, applying, withdrawing.

use std::sync::Arc;

use super::manifest::{Kind, Manifest, ManifestSet};
use super::measured::{Approved, limits};
use super::model::{ChangeKind, ManifestFile, Outcome, Plan, PlannedChange, Version, base};
use super::plan::{Computed, Draft, compute, reference_to, withdrawal};
use super::store::{self, Stored};
use super::{cache::read_stored, exceptions, reindex};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Bytes of all files together.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Characters of a file's name, which problems repeat.
const MAX_FILE_NAME: usize = 500;
/// Characters of a reason.
const MAX_REASON: usize = 500;

/// What applying these files would do. With `prune`, whatever is stored of the systems that the files state and is not in the files
/// would be withdrawn.
///
/// # Errors
/// Those of permission and limits. What is wrong inside the files is in the plan.
pub async fn plan(op: &Op, files: Vec<ManifestFile>, prune: bool) -> Result<Plan> {
    let scope = op.permit_at(op.app().root()?, Action::Plan, "requirement").await?;
    check_files(&files)?;
    let stored = store::stored(scope.connection(), scope.tenant(), scope.at_micros()).await?;
    let approved = exceptions::approved(&scope).await?.into();
    let computed = compute_aside(&scope, &files.into(), stored, &approved, prune).await?;
    let base = if computed.problems.is_empty() { base_of(&computed) } else { String::new() };
    Ok(Plan { changes: changes(&computed), problems: computed.problems, base })
}

/// Stores what differs from the newest stored versions as new versions, all in one transaction. Files that say what is
/// stored already store nothing, so that applying twice, or again after a crash, ends in the same state.
///
/// What others applied before is planned against anew: use [`apply_planned`] where somebody has read a plan.
///
/// # Errors
/// Those of permission and limits. Files with problems are an outcome.
pub async fn apply(op: &Op, files: Vec<ManifestFile>, reason: &str, prune: bool) -> Result<Outcome> {
    apply_against(op, files, reason, prune, None).await
}

/// The same, as it was planned: `base` is the plan's.
///
/// # Errors
/// Those of [`apply`], and `CONFLICT` when one of these manifests has another newest version by now, or pruning would withdraw another
/// one. Where nothing is left to store, nothing conflicts: a repeated application ends as the first did.
pub async fn apply_planned(
    op: &Op,
    files: Vec<ManifestFile>,
    reason: &str,
    prune: bool,
    base: &str,
) -> Result<Outcome> {
    apply_against(op, files, reason, prune, Some(base)).await
}

async fn apply_against(
    op: &Op,
    files: Vec<ManifestFile>,
    reason: &str,
    prune: bool,
    planned: Option<&str>,
) -> Result<Outcome> {
    let scope = op.permit_at(op.app().root()?, Action::Apply, "requirement").await?;
    let reason = check_reason(reason)?;
    check_files(&files)?;
    let files: Arc<[ManifestFile]> = files.into();
    // Most of the work is done before the write lock is taken; it is repeated below only if somebody was faster meanwhile.
    let seen = store::stored(scope.connection(), scope.tenant(), scope.at_micros()).await?;
    let approved = exceptions::approved(&scope).await?.into();
    let mut computed = compute_aside(&scope, &files, seen.clone(), &approved, prune).await?;
    if !computed.problems.is_empty() {
        return Ok(Outcome::Refused(computed.problems));
    }
    if pending(&computed).next().is_none() {
        return Ok(Outcome::Applied(changes(&computed)));
    }
    as_planned(&computed, planned)?;
    let tx = scope.begin().await?;
    store::serialise(tx.connection(), scope.tenant()).await?;
    let stored = store::stored(tx.connection(), scope.tenant(), scope.at_micros()).await?;
    if stored != seen {
        computed = compute_aside(&scope, &files, stored, &approved, prune).await?;
        if !computed.problems.is_empty() {
            return Ok(Outcome::Refused(computed.problems));
        }
    }
    if pending(&computed).next().is_some() {
        as_planned(&computed, planned)?;
        store_all(tx, pending(&computed), reason).await?;
    }
    Ok(Outcome::Applied(changes(&computed)))
}

/// Ends a manifest: from now on nothing is in force under its name. Its versions stay readable.
///
/// # Errors
/// Those of permission, `NOT_FOUND`, and `CONFLICT` while something in force refers to it.
pub async fn withdraw(op: &Op, kind: Kind, name: &str, reason: &str) -> Result<PlannedChange> {
    let scope = op.permit_at(op.app().root()?, Action::Apply, "requirement").await?;
    let reason = check_reason(reason)?;
    let what = kind.noun();
    let approved = exceptions::approved(&scope).await?;
    let tx = scope.begin().await?;
    store::serialise(tx.connection(), scope.tenant()).await?;
    let newest = store::newest_of(tx.connection(), scope.tenant(), kind, name)
        .await?
        .filter(|version| !version.withdrawn)
        .ok_or_else(|| Error::not_found(what))?;
    // What is in force refers to it as long as it is, whatever a newer version will say one day.
    let Stored { newest: others, waited_for } =
        store::stored(tx.connection(), scope.tenant(), scope.at_micros()).await?;
    let mut live = Vec::new();
    let others = others.into_iter().map(|other| (true, other));
    for (is_newest, other) in others.chain(waited_for.into_iter().map(|other| (false, other))) {
        if other.withdrawn {
            continue;
        }
        let manifest = read_stored(&other.fingerprint, &other.manifest)?;
        if is_newest {
            live.push(manifest.clone());
        }
        let itself = other.kind == kind && other.name == name;
        if itself || other.kind == Kind::System {
            continue;
        }
        let refers = match kind {
            Kind::System => manifest.system_name() == name,
            _ => reference_to(&manifest, kind, name).is_some(),
        };
        if refers {
            let other = format!("{} {}", other.kind.noun(), other.name);
            return Err(Error::conflict(format!("{other} refers to this {what}"))
                .remedy("withdraw that one first, or apply a version of it without the reference"));
        }
    }
    if kind == Kind::Exception {
        let (after, before) = (without(&live, kind, name), ManifestSet::of_stored(live));
        let found = limits(&after, &before, &ManifestSet::default(), &newest.system, &approved, scope.at());
        if let Some(problem) = found.problems.first() {
            return Err(
                Error::conflict(problem.message.clone()).remedy("apply a version with a lower limit first")
            );
        }
    }
    let draft = withdrawal(&newest, &newest.system, scope.at());
    store_all(tx, std::iter::once(&draft), reason).await?;
    Ok(draft.change)
}

fn without(manifests: &[Manifest], kind: Kind, name: &str) -> ManifestSet {
    let others = manifests.iter().filter(|manifest| manifest.kind != kind || manifest.name != name);
    ManifestSet::of_stored(others.cloned())
}

async fn store_all<'a>(tx: Tx, drafts: impl Iterator<Item = &'a Draft>, reason: &str) -> Result<()> {
    let scope = tx.scope().clone();
    let mut versions = Vec::new();
    let mut events = Vec::new();
    for Draft { change, manifest } in drafts {
        // The reason is free text, which may name a person: it stays in the version and out of the audit log.
        let event = Event::new(
            format!("requirement.{}", change.change.as_str()),
            format!("{}:{}", change.kind.noun(), change.name),
        );
        events.push(event.detail(serde_json::json!({
            "version": change.version,
            "fingerprint": change.fingerprint,
            "in_force_from": change.in_force_from,
        })));
        versions.push(Version {
            kind: change.kind,
            name: change.name.clone(),
            number: change.version,
            system: change.system.clone(),
            fingerprint: change.fingerprint.clone(),
            manifest: manifest.clone(),
            withdrawn: change.change == ChangeKind::Withdraw,
            in_force_from: change.in_force_from,
            applied_at: scope.at(),
            applied_by: scope.author(),
            reason: reason.to_owned(),
        });
    }
    store::insert(tx.connection(), scope.tenant(), &versions).await?;
    reindex::enqueue(&tx, &versions).await?;
    tx.commit_all(events).await
}

fn as_planned(computed: &Computed, planned: Option<&str>) -> Result<()> {
    if planned.is_some_and(|planned| planned != base_of(computed)) {
        return Err(Error::conflict("somebody has changed these manifests since this was planned")
            .remedy("plan again, read what it says now, and apply that"));
    }
    Ok(())
}

fn base_of(computed: &Computed) -> String {
    base(computed.drafts.iter().map(|draft| &draft.change))
}

/// Parsing megabytes takes its time and must not hold up other requests of the same thread.
async fn compute_aside(
    scope: &Scope,
    files: &Arc<[ManifestFile]>,
    stored: Stored,
    approved: &Arc<Approved>,
    prune: bool,
) -> Result<Computed> {
    let (files, approved, now) = (files.clone(), approved.clone(), scope.at());
    let Stored { newest, waited_for } = stored;
    tokio::task::spawn_blocking(move || compute(&files, &newest, &waited_for, &approved, now, prune))
        .await
        .map_err(|error| Error::Internal(anyhow::Error::new(error).context("planning")))?
}

fn pending(computed: &Computed) -> impl Iterator<Item = &Draft> {
    computed.drafts.iter().filter(|draft| draft.change.change != ChangeKind::Unchanged)
}

fn changes(computed: &Computed) -> Vec<PlannedChange> {
    computed.drafts.iter().map(|draft| draft.change.clone()).collect()
}

fn check_reason(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if !(1..=MAX_REASON).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let message = format!("wants one line of 1 to {MAX_REASON} characters");
        return Err(Error::invalid("reason", message).remedy("say why these requirements change"));
    }
    Ok(reason)
}

fn check_files(files: &[ManifestFile]) -> Result<()> {
    if files.is_empty() {
        return Err(Error::invalid("files", "wants at least one file"));
    }
    let names_fit = files.iter().all(|file| {
        (1..=MAX_FILE_NAME).contains(&file.name.chars().count()) && !file.name.chars().any(char::is_control)
    });
    if !names_fit {
        return Err(Error::invalid(
            "files",
            format!("names want 1 to {MAX_FILE_NAME} characters on one line"),
        ));
    }
    if files.iter().map(|file| file.content.len()).sum::<usize>() > MAX_BYTES {
        let message = format!("the files have more than {MAX_BYTES} bytes together");
        return Err(Error::limit(message).remedy("apply them in several sets"));
    }
    Ok(())
}
