//! Evidence of guards: what was looked at while a requirement was kept, told again and again as long as there is something to look at.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::evidence::{self, CheckResult, Evidence, NewEvidence};
use super::manifest::{Mechanism, Mode};
use super::{requirement, store_evidence};
use crate::access::{Scope, Tx};
use crate::audit::Event;
use crate::error::{Code, Error, Result};

/// At most one record of a requirement, a guard and a version falls into each such period, and one more where it says something worse:
/// a node that fails shows within the hour, and a hundred requirements on ten nodes make 24,000 rows a day and not 17 millions.
pub const WATCHED_PERIOD: SignedDuration = SignedDuration::from_hours(1);
/// How long it counts: what a busy hour showed stands until the same hour of the next day has been told.
pub const EVIDENCE_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(25);
/// Characters of a collector's name.
const MAX_COLLECTOR: usize = 63;

/// What a guard looked at while it kept a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The guard's own: told twice, it is recorded once.
    pub id: Uuid,
    pub requirement: String,
    /// Of the version that it kept.
    pub fingerprint: String,
    /// How strictly, exceptions taken into account.
    pub mode: Mode,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Answers that were judged; of admission its decisions.
    pub judged: u64,
    /// Of these with notes alone; of admission those to let somebody wait.
    pub noted: u64,
    /// Of these wrong, and corrected.
    pub corrected: u64,
    /// Of these wrong, and left so.
    pub uncorrected: u64,
}

/// What it says of a requirement of the system; nothing where nothing was looked at, and of a version, a requirement or a mechanism
/// that is not (any more) this guard's to speak of.
///
/// # Errors
/// Those of permission.
pub async fn weigh_watched(
    scope: &Scope,
    system: &str,
    node: &str,
    watched: &Watched,
) -> Result<Option<Evidence>> {
    let Watched { id, requirement: name, fingerprint, mode, since, until, judged, .. } = watched;
    if *judged == 0 {
        return Ok(None);
    }
    let unfit = |error: Error| match error {
        Error::Expected(problem)
            if matches!(problem.code, Code::NotFound | Code::Conflict | Code::Invalid) =>
        {
            Ok(None)
        }
        error => Err(error),
    };
    let stated = match requirement(scope.op(), name).await {
        Ok(stated) => stated,
        Err(error) => return unfit(error),
    };
    let mechanism = stated.spec.enforcement.as_ref().map(|kept| kept.mechanism());
    let Some(mechanism @ (Mechanism::Cache | Mechanism::Admission)) = mechanism else { return Ok(None) };
    if stated.spec.system != system {
        return Ok(None);
    }
    // Its clock may be ahead; nothing was seen after it was told.
    let observed_at = (*until).min(scope.at());
    let expires_at = observed_at.saturating_add(EVIDENCE_COUNTS_FOR).unwrap_or(Timestamp::MAX);
    if expires_at <= scope.at() {
        return Ok(None);
    }
    let new = NewEvidence {
        requirement: name.clone(),
        collector: collector(node),
        fingerprint: Some(fingerprint.clone()),
        result: Some(result(watched)),
        observed: None,
        summary: summary(watched, mechanism, *mode, (*since).min(observed_at), observed_at),
        digest: None,
        observed_at: Some(observed_at),
        expires_at: Some(expires_at),
    };
    match evidence::weigh(scope, &stated, new).await {
        Ok(evidence) => Ok(Some(Evidence { id: *id, ..evidence })),
        Err(error) => unfit(error),
    }
}

/// Records it, unless it is known or the period has as bad a record already; to be committed with the event. `None` too where the
/// requirement has evidence of more collectors than are kept.
///
/// # Errors
/// Unexpected ones only.
pub async fn note_watched(tx: &Tx, evidence: &Evidence) -> Result<Option<Event>> {
    if store_evidence::exists(tx, evidence.id).await? {
        return Ok(None);
    }
    let newest = store_evidence::newest_of(tx, &evidence.requirement, &evidence.collector).await?;
    if let Some(newest) = newest.filter(|newest| newest.fingerprint == evidence.fingerprint) {
        let (known, new) = (period(newest.observed_at), period(evidence.observed_at));
        if known > new || known == new && newest.result.badness() >= evidence.result.badness() {
            return Ok(None);
        }
    }
    match evidence::keep(tx, evidence).await {
        Ok(event) => Ok(Some(event)),
        Err(Error::Expected(problem)) if problem.code == Code::LimitExceeded => Ok(None),
        Err(error) => Err(error),
    }
}

fn period(at: Timestamp) -> i64 {
    at.as_second().div_euclid(WATCHED_PERIOD.as_secs())
}

/// The name of a node among those who collect evidence.
fn collector(node: &str) -> String {
    let name = format!("guard.{node}");
    if name.len() <= MAX_COLLECTOR {
        return name;
    }
    // Two long names may begin alike.
    let digest = hex::encode(&Sha256::digest(node)[..4]);
    let begins: String = name.chars().take(MAX_COLLECTOR - 1 - digest.len()).collect();
    format!("{begins}-{digest}")
}

fn result(watched: &Watched) -> CheckResult {
    match watched {
        Watched { uncorrected: 1.., .. } => CheckResult::Fail,
        Watched { corrected: 1.., .. } => CheckResult::Warn,
        _ => CheckResult::Pass,
    }
}

fn summary(
    watched: &Watched,
    mechanism: Mechanism,
    mode: Mode,
    since: Timestamp,
    until: Timestamp,
) -> String {
    let Watched { judged, noted, corrected, uncorrected, .. } = watched;
    let second = |at: Timestamp| at.strftime("%FT%TZ").to_string();
    let (since, until) = (second(since), second(until));
    if mechanism == Mechanism::Admission {
        return format!(
            "{since}〜{until}、モード {mode}。入場の判断 {judged} 件、待機や拒否 {noted} 件、上限を超えて通したもの {uncorrected} 件。\n\
             {since} to {until}, mode {mode}: {judged} decisions of admission, {noted} to let wait or refuse, \
             {uncorrected} let through beyond the limits."
        );
    }
    format!(
        "{since}〜{until}、モード {mode}。判定した応答 {judged} 件、訂正 {corrected} 件、誤りのまま送出 {uncorrected} 件、注記のみ {noted} 件。\n\
         {since} to {until}, mode {mode}: {judged} responses judged, {corrected} corrected, {uncorrected} wrong and left as they came, \
         {noted} with notes alone."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_collector_of_its_own() {
        assert_eq!(collector("edge-1"), "guard.edge-1");
        let long = |end: &str| collector(&format!("{}{end}", "a".repeat(62)));
        assert_eq!(long("1").len(), MAX_COLLECTOR);
        assert_ne!(long("1"), long("2"));
        assert_eq!(collector(&"a".repeat(57)).len(), MAX_COLLECTOR);
    }

    #[test]
    fn periods_follow_each_other() {
        let at = |text: &str| period(text.parse().expect("an instant"));
        assert_eq!(at("2023-10-26T10:00:00Z"), at("2023-10-26T10:59:59.999Z"));
        assert_eq!(at("2023-10-26T10:59:59Z") + 1, at("2023-10-26T11:00:00Z"));
        assert_eq!(at("1969-12-31T23:59:59Z"), -1);
    }
}
