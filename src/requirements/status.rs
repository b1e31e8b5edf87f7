//! How requirements stand: what was last seen of each, whether that still counts, what differs from what is declared, and what is
//! excepted.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::approvals::Approval;
use super::blind_spots::{BlindSpot, blind_spots};
use super::cache::read_stored;
use super::evidence::{CheckResult, Evidence, threshold_figure};
use super::exceptions::{StandingException, holding};
use super::manifest::{Kind, ManifestSet, RequirementSpec, Threshold};
use super::model::Stated;
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
    /// Its time is over: somebody has to look again.
    Expired,
    /// It was seen by an earlier version only: the requirement has changed since.
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
    pub evidence: Vec<Evidence>,
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

/// What the requirements of a system in force now leave out.
///
/// # Errors
/// Those of permission.
pub async fn gaps(op: &Op, system: &str) -> Result<Vec<BlindSpot>> {
    let scope = permit(op).await?;
    let mut manifests = Vec::new();
    for kind in Kind::ALL.iter().copied() {
        let at = scope.at_micros();
        let listing = Listing { kind, system: Some(system), at, after: None, limit: MAX_LIST };
        for version in store::list_at(scope.connection(), scope.tenant(), listing).await? {
            manifests.push(read_stored(&version.fingerprint, &version.manifest)?);
        }
    }
    Ok(blind_spots(&ManifestSet::of_stored(manifests), system))
}

async fn all(scope: &Scope, requirements: Vec<Stated<RequirementSpec>>) -> Result<Vec<Status>> {
    let names: Vec<&str> = requirements.iter().map(|stated| stated.version.name.as_str()).collect();
    let mut evidence = HashMap::<String, Vec<Evidence>>::new();
    for one in store_evidence::newest(scope, &names).await? {
        evidence.entry(one.requirement.clone()).or_default().push(one);
    }
    let mut approvals = store_evidence::approvals(scope, Kind::Requirement).await?;
    let mut exceptions = HashMap::<String, Vec<StandingException>>::new();
    let mut asked = Vec::<String>::new();
    let mut statuses = Vec::with_capacity(requirements.len());
    for stated in requirements {
        if !asked.contains(&stated.spec.system) {
            for exception in holding(scope, &stated.spec.system, scope.at()).await? {
                exceptions.entry(exception.stated.spec.requirement.clone()).or_default().push(exception);
            }
            asked.push(stated.spec.system.clone());
        }
        let name = &stated.version.name;
        let approval = approvals
            .remove(&(name.clone(), stated.version.number))
            .filter(|approval| approval.fingerprint == stated.version.fingerprint);
        let evidence = evidence.remove(name).unwrap_or_default();
        let exceptions = exceptions.remove(name).unwrap_or_default();
        statuses.push(stands(scope, stated, evidence, exceptions, approval).await?);
    }
    Ok(statuses)
}

async fn stands(
    scope: &Scope,
    requirement: Stated<RequirementSpec>,
    evidence: Vec<Evidence>,
    exceptions: Vec<StandingException>,
    approval: Option<Approval>,
) -> Result<Status> {
    let (standing, result) = judge(&requirement.version.fingerprint, &evidence, scope.at());
    let figure = threshold_figure(scope.op(), &requirement.spec).await?;
    let counts =
        |one: &&Evidence| one.fingerprint == requirement.version.fingerprint && scope.at() < one.expires_at;
    let drift = evidence.iter().filter(counts).filter_map(|one| {
        let observed = one.observed.clone()?;
        let declared = requirement.spec.threshold.clone();
        (declared.admits(&observed, figure) == Some(false)).then(|| Drift {
            metric: requirement.spec.metric.clone(),
            declared,
            figure,
            observed,
            collector: one.collector.clone(),
            observed_at: one.observed_at,
        })
    });
    let drift = drift.collect();
    Ok(Status { requirement, figure, standing, result, evidence, drift, exceptions, approval })
}

/// Whether evidence counts, and the worst of what does. One collector that has gone silent does not hide behind another that
/// still passes.
fn judge(fingerprint: &str, evidence: &[Evidence], at: Timestamp) -> (Standing, Option<CheckResult>) {
    let by_this = |one: &&Evidence| one.fingerprint == fingerprint;
    let counting: Vec<&Evidence> =
        evidence.iter().filter(by_this).filter(|one| at < one.expires_at).collect();
    let worst =
        |results: &mut dyn Iterator<Item = CheckResult>| results.max_by_key(|result| badness(*result));
    let result = worst(&mut counting.iter().map(|one| one.result));
    let silent = evidence.iter().filter(by_this).any(|one| one.expires_at <= at);
    let standing = match (evidence.is_empty(), counting.is_empty(), silent) {
        (true, ..) => Standing::Unknown,
        // What fails is not made better by what nobody looks at any more.
        (_, false, true) if !matches!(result, Some(CheckResult::Fail | CheckResult::Error)) => {
            Standing::Expired
        }
        (_, false, _) => Standing::Current,
        (_, true, true) => Standing::Expired,
        (_, true, false) => Standing::Stale,
    };
    (standing, result)
}

fn badness(result: CheckResult) -> u8 {
    match result {
        CheckResult::Skip => 0,
        CheckResult::Pass => 1,
        CheckResult::Warn => 2,
        CheckResult::Error => 3,
        CheckResult::Fail => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(fingerprint: &str, result: CheckResult, expires: i64) -> Evidence {
        let at = |second| Timestamp::from_second(second).expect("an instant");
        Evidence {
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
        }
    }

    #[test]
    fn what_counts_is_of_this_version_and_before_its_end() {
        let at = Timestamp::from_second(100).expect("an instant");
        let pass = |expires| seen("now", CheckResult::Pass, expires);
        let fail = |expires| seen("now", CheckResult::Fail, expires);
        let old = seen("before", CheckResult::Fail, 1000);
        let cases = [
            (vec![], Standing::Unknown, None),
            (vec![old.clone()], Standing::Stale, None),
            (vec![pass(101)], Standing::Current, Some(CheckResult::Pass)),
            (vec![pass(100)], Standing::Expired, None),
            (vec![pass(101), old], Standing::Current, Some(CheckResult::Pass)),
            (vec![pass(101), fail(101)], Standing::Current, Some(CheckResult::Fail)),
            (vec![pass(101), pass(99)], Standing::Expired, Some(CheckResult::Pass)),
            (vec![fail(101), pass(99)], Standing::Current, Some(CheckResult::Fail)),
        ];
        for (evidence, standing, result) in cases {
            assert_eq!(judge("now", &evidence, at), (standing, result));
        }
    }
}
