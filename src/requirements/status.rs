//! How requirements stand: what was last seen of each, whether that still counts, what differs from what is declared, and what is
//! excepted.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::approvals::Approval;
use super::blind_spots::{BlindSpot, blind_spots};
use super::evidence::{CheckResult, Evidence, Figured, figured};
use super::exceptions::{StandingException, holding, probing};
use super::manifest::{Kind, Manifest, ManifestSet, RequirementSpec, Spec, Threshold};
use super::model::{Stated, Version};
use super::read::{permit, requirement, requirements};
use super::store::{self, Listing};
use super::store_evidence;
use crate::access::{Op, Scope};
use crate::error::Result;

/// More manifests of a kind than a system has.
const MAX_LIST: u64 = 10_000;

/// Whether what was seen of a requirement still says something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was seen by the version in force, and that counts still.
    Current,
    /// Its time is over, or that of a probe in force: somebody has to look again.
    Expired,
    /// It was seen by an earlier version only, or of another number: the requirement or its estimate has changed since.
    Stale,
    /// Nobody has looked.
    Unknown,
}

/// Something that was measured and is not as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    pub metric: String,
    pub declared: Threshold,
    /// The declared number where it follows from an estimate.
    pub figure: Option<f64>,
    pub observed: Value,
    pub collector: String,
    pub observed_at: Timestamp,
}

/// Evidence, and what it says of the requirement as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub evidence: Evidence,
    /// Not what was recorded where the number has changed since; none for what was seen of an earlier version or, without a measured
    /// value, of another number.
    pub says: Option<CheckResult>,
}

impl Seen {
    fn counts(&self, at: Timestamp) -> bool {
        self.says.is_some() && at < self.evidence.expires_at
    }
}

/// How a requirement stands.
#[derive(Clone, Debug)]
pub struct Status {
    pub requirement: Stated<RequirementSpec>,
    /// The number of its threshold where that follows from an estimate.
    pub figure: Option<f64>,
    pub standing: Standing,
    /// The worst of what the collectors say, as far as it still counts.
    pub result: Option<CheckResult>,
    /// The newest evidence of each collector, whatever it is worth.
    pub evidence: Vec<Seen>,
    pub drift: Vec<Drift>,
    /// Exceptions that hold.
    pub exceptions: Vec<StandingException>,
    /// Of the version in force.
    pub approval: Option<Approval>,
}

/// How the requirements in force now stand, of one system or of all, by name. `after` is the last name of the page before.
///
/// # Errors
/// Those of permission.
pub async fn statuses(op: &Op, system: Option<&str>, after: Option<&str>, limit: u64) -> Result<Vec<Status>> {
    let scope = permit(op).await?;
    let found = requirements(op, system, None, after, limit).await?;
    all(&scope, found).await
}

/// How one requirement in force now stands.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn status(op: &Op, name: &str) -> Result<Status> {
    let scope = permit(op).await?;
    let found = requirement(op, name).await?;
    let mut statuses = all(&scope, vec![found]).await?;
    Ok(statuses.remove(0))
}

/// What the requirements of a system in force at an instant leave out.
///
/// # Errors
/// Those of permission.
pub async fn gaps(op: &Op, system: &str, at: Timestamp) -> Result<Vec<BlindSpot>> {
    let scope = permit(op).await?;
    let known = op.app().manifests();
    let mut manifests = Vec::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Exception) {
        let listing =
            Listing { kind, system: Some(system), at: at.as_microsecond(), after: None, limit: MAX_LIST };
        for Version { name, fingerprint, manifest, .. } in
            store::list_at(scope.connection(), scope.tenant(), listing).await?
        {
            let spec = known.parse(&fingerprint, &manifest)?.into();
            manifests.push(Manifest::new(name, BTreeMap::new(), spec));
        }
    }
    for StandingException { stated, .. } in holding(&scope, system, at).await? {
        let spec = Spec::Exception(Box::new((*stated.spec).clone()));
        manifests.push(Manifest::new(stated.version.name, BTreeMap::new(), spec));
    }
    Ok(blind_spots(&ManifestSet::of_stored(manifests), system, at))
}

async fn all(scope: &Scope, requirements: Vec<Stated<RequirementSpec>>) -> Result<Vec<Status>> {
    let names: Vec<&str> = requirements.iter().map(|stated| stated.version.name.as_str()).collect();
    let mut evidence = HashMap::<String, Vec<Evidence>>::new();
    for one in store_evidence::newest(scope, &names).await? {
        evidence.entry(one.requirement.clone()).or_default().push(one);
    }
    let versions: Vec<&Version> = requirements.iter().map(|stated| &stated.version).collect();
    let mut approvals = store_evidence::approvals(scope, Kind::Requirement, &versions).await?;
    let mut exceptions = HashMap::<String, Vec<StandingException>>::new();
    let mut probes = HashSet::<(String, String)>::new();
    let mut asked = HashSet::<String>::new();
    let mut statuses = Vec::with_capacity(requirements.len());
    for stated in requirements {
        if asked.insert(stated.spec.system.clone()) {
            for exception in holding(scope, &stated.spec.system, scope.at()).await? {
                exceptions.entry(exception.stated.spec.requirement.clone()).or_default().push(exception);
            }
            for probe in probing(scope, &stated.spec.system, scope.at()).await? {
                let verified = probe.spec.verifies.iter().cloned();
                probes.extend(verified.map(|requirement| (requirement, probe.version.name.clone())));
            }
        }
        let name = &stated.version.name;
        let approval = approvals
            .remove(&(name.clone(), stated.version.number))
            .filter(|approval| approval.fingerprint == stated.version.fingerprint);
        let evidence = evidence.remove(name).unwrap_or_default();
        let exceptions = exceptions.remove(name).unwrap_or_default();
        let expected = |collector: &str| probes.contains(&(name.clone(), collector.to_owned()));
        let figured = figured(scope.op(), &stated.spec, scope.at()).await?;
        let (evidence, standing, result) = judged(&stated, figured.as_ref(), evidence, expected, scope.at());
        statuses.push(stands(
            stated,
            figured,
            evidence,
            (standing, result),
            exceptions,
            approval,
            scope.at(),
        ));
    }
    Ok(statuses)
}

fn stands(
    requirement: Stated<RequirementSpec>,
    figured: Option<Figured>,
    evidence: Vec<Seen>,
    (standing, result): (Standing, Option<CheckResult>),
    exceptions: Vec<StandingException>,
    approval: Option<Approval>,
    at: Timestamp,
) -> Status {
    let figure = figured.as_ref().map(|figured| figured.number);
    // With another number it is not what was approved.
    let approval = approval
        .filter(|approval| figured.as_ref().is_none_or(|figured| figured.applied_at <= approval.approved_at));
    let declared = &requirement.spec.threshold;
    let drift = evidence.iter().filter(|seen| seen.counts(at)).filter_map(|Seen { evidence, .. }| {
        let observed = evidence.observed.clone()?;
        (declared.admits(&observed, figure) == Some(false)).then(|| Drift {
            metric: requirement.spec.metric.clone(),
            declared: declared.clone(),
            figure,
            observed,
            collector: evidence.collector.clone(),
            observed_at: evidence.observed_at,
        })
    });
    let drift = drift.collect();
    Status { requirement, figure, standing, result, evidence, drift, exceptions, approval }
}

/// Evidence with what it says of the requirement as it is now.
fn judged(
    requirement: &Stated<RequirementSpec>,
    figured: Option<&Figured>,
    evidence: Vec<Evidence>,
    expected: impl Fn(&str) -> bool,
    at: Timestamp,
) -> (Vec<Seen>, Standing, Option<CheckResult>) {
    let threshold = &requirement.spec.threshold;
    let says = |one: &Evidence| {
        if one.fingerprint != requirement.version.fingerprint {
            return None;
        }
        let Some(figured) = figured else { return Some(one.result) };
        match &one.observed {
            // It was told of another number, which nobody wrote down.
            None if one.observed_at < figured.since => None,
            Some(observed)
                if matches!(one.result, CheckResult::Pass | CheckResult::Warn)
                    && threshold.admits(observed, Some(figured.number)) == Some(false) =>
            {
                Some(CheckResult::Fail)
            }
            _ => Some(one.result),
        }
    };
    let seen = |evidence: Evidence| Seen { says: says(&evidence), evidence };
    let evidence: Vec<Seen> = evidence.into_iter().map(seen).collect();
    let (standing, result) = judge(&evidence, expected, at);
    (evidence, standing, result)
}

/// Whether evidence counts, and the worst of what does. A probe that has gone silent does not hide behind another collector that
/// still passes; who looked once and is no probe in force is not waited for while anything else counts.
fn judge(
    evidence: &[Seen],
    expected: impl Fn(&str) -> bool,
    at: Timestamp,
) -> (Standing, Option<CheckResult>) {
    let counting = evidence.iter().filter(|seen| seen.counts(at)).filter_map(|seen| seen.says);
    let result = counting.max_by_key(|result| result.badness());
    let mut over = evidence.iter().filter(|seen| seen.says.is_some() && !seen.counts(at));
    let standing = match result {
        None if evidence.is_empty() => Standing::Unknown,
        None if over.next().is_some() => Standing::Expired,
        None => Standing::Stale,
        // What fails is not made better by what nobody looks at any more.
        Some(CheckResult::Fail | CheckResult::Error) => Standing::Current,
        Some(_) if over.any(|seen| expected(&seen.evidence.collector)) => Standing::Expired,
        Some(_) => Standing::Current,
    };
    (standing, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(fingerprint: &str, result: CheckResult, expires: i64) -> Seen {
        let at = |second| Timestamp::from_second(second).expect("an instant");
        let evidence = Evidence {
            id: uuid::Uuid::nil(),
            requirement: "NFR-1".into(),
            collector: "probe".into(),
            fingerprint: fingerprint.into(),
            system: "shop".into(),
            result,
            observed: None,
            summary: String::new(),
            digest: None,
            observed_at: at(0),
            expires_at: at(expires),
            recorded_at: at(0),
            recorded_by: uuid::Uuid::nil(),
        };
        Seen { evidence, says: (fingerprint == "now").then_some(result) }
    }

    #[test]
    fn what_counts_is_of_this_version_and_before_its_end() {
        let at = Timestamp::from_second(100).expect("an instant");
        let pass = |expires| seen("now", CheckResult::Pass, expires);
        let fail = |expires| seen("now", CheckResult::Fail, expires);
        let old = seen("before", CheckResult::Fail, 1000);
        // With the standing where the collector is a probe in force, and where it is not.
        let cases = [
            (vec![], Standing::Unknown, Standing::Unknown, None),
            (vec![old.clone()], Standing::Stale, Standing::Stale, None),
            (vec![pass(101)], Standing::Current, Standing::Current, Some(CheckResult::Pass)),
            (vec![pass(100)], Standing::Expired, Standing::Expired, None),
            (vec![pass(100), old.clone()], Standing::Expired, Standing::Expired, None),
            (vec![pass(101), old], Standing::Current, Standing::Current, Some(CheckResult::Pass)),
            (vec![pass(101), fail(101)], Standing::Current, Standing::Current, Some(CheckResult::Fail)),
            (vec![pass(101), pass(99)], Standing::Expired, Standing::Current, Some(CheckResult::Pass)),
            (vec![fail(101), pass(99)], Standing::Current, Standing::Current, Some(CheckResult::Fail)),
        ];
        for (evidence, awaited, otherwise, result) in cases {
            assert_eq!(judge(&evidence, |collector| collector == "probe", at), (awaited, result));
            assert_eq!(judge(&evidence, |_| false, at), (otherwise, result));
        }
    }
}
