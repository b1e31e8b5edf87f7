//! Evidence: what was seen of a requirement, by whom, and how long that counts. It is kept against the fingerprint of the
//! requirement's version: when the requirement changes, what was seen before says nothing about the new one.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::manifest::{RequirementSpec, SystemSpec, ThresholdValue};
use super::model::{Stated, Version};
use super::read::{permit, requirement, system_in_force};
use super::{estimates, exceptions, store_evidence};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Code, Error, Result};

/// Characters of a summary.
const MAX_SUMMARY: usize = 1000;
/// How long evidence counts for which nobody says it.
const DEFAULT_DAYS: i64 = 90;
/// Longest time for which evidence counts.
const MAX_DAYS: i64 = 400;
/// Sources of evidence for one version of a requirement.
const MAX_COLLECTORS: usize = 50;
/// How far before its recording something may have been seen.
const MAX_AGE_DAYS: i64 = 400;

/// What a check found (the words of OpenReports).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    Pass,
    Fail,
    /// It holds, but not for long, or not everywhere.
    Warn,
    /// The check itself did not work.
    Error,
    /// It was not looked at.
    Skip,
}

impl CheckResult {
    const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::Warn, Self::Error, Self::Skip];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == word)
    }

    /// The greater, the less the requirement is kept.
    pub(super) fn badness(self) -> u8 {
        match self {
            Self::Skip => 0,
            Self::Pass => 1,
            Self::Warn => 2,
            Self::Error => 3,
            Self::Fail => 4,
        }
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub id: Uuid,
    pub requirement: String,
    /// Who or what saw it: the name of a probe, or another word.
    pub collector: String,
    /// Of the requirement's version that it is about.
    pub fingerprint: String,
    pub system: String,
    pub result: CheckResult,
    /// The measured value, in the unit of the requirement's threshold.
    pub observed: Option<Value>,
    pub summary: String,
    /// SHA-256 of the file that shows it, in hexadecimal.
    pub digest: Option<String>,
    pub observed_at: Timestamp,
    pub expires_at: Timestamp,
    pub recorded_at: Timestamp,
    /// The account that recorded it.
    pub recorded_by: Uuid,
}

/// What new evidence needs.
#[derive(Clone, Debug, Default)]
pub struct NewEvidence {
    pub requirement: String,
    pub collector: String,
    /// The version that was looked at; without it the one in force, which must have been in force when it was seen.
    pub fingerprint: Option<String>,
    /// May be left out where the measured value decides.
    pub result: Option<CheckResult>,
    pub observed: Option<Value>,
    pub summary: String,
    pub digest: Option<String>,
    /// Without it: now.
    pub observed_at: Option<Timestamp>,
    /// Without it what the probe says, or 90 days after it was seen.
    pub expires_at: Option<Timestamp>,
}

/// Records evidence.
///
/// # Errors
/// Those of permission, `NOT_FOUND` for the requirement, `INVALID` naming the field, `CONFLICT` for another version than the one
/// in force or none that is named though that one began later, `LIMIT_EXCEEDED` for too many collectors.
pub async fn record(op: &Op, new: NewEvidence) -> Result<Evidence> {
    let scope = op.permit_at(op.app().root()?, Action::Create, "evidence").await?;
    let stated = requirement(op, &new.requirement).await?;
    let evidence = weigh(&scope, &stated, new).await?;
    let tx = scope.begin().await?;
    let event = keep(&tx, &evidence).await?;
    tx.commit(event).await?;
    Ok(evidence)
}

/// What new evidence says of a requirement in force.
///
/// # Errors
/// As [`record`].
pub(super) async fn weigh(
    scope: &Scope,
    stated: &Stated<RequirementSpec>,
    new: NewEvidence,
) -> Result<Evidence> {
    let collector = name("collector", &new.collector)?;
    let fingerprint = stated.version.fingerprint.clone();
    let named = new.fingerprint.is_some();
    if new.fingerprint.is_some_and(|seen| seen != fingerprint) {
        return Err(Error::conflict(
            "the requirement in force is another version than the one that was looked at",
        )
        .remedy("look again by the version in force"));
    }
    let system = system_in_force(scope, &stated.spec.system, scope.at()).await?;
    let observed_at = seen(new.observed_at, scope.at())?;
    if !named && observed_at < stated.version.in_force_from {
        return Err(Error::conflict(
            "it was seen before the version in force began: by which version nobody says",
        )
        .remedy("give the `fingerprint` of the version that was looked at, or look again"));
    }
    let expires_at =
        expiry(scope, &new.requirement, &collector, system.as_deref(), observed_at, new.expires_at).await?;
    let result = judged(scope.op(), &stated.spec, new.observed.as_ref(), new.result).await?;
    Ok(Evidence {
        id: scope.new_id(),
        requirement: new.requirement,
        collector,
        fingerprint,
        system: stated.spec.system.clone(),
        result,
        observed: new.observed,
        summary: summary(&new.summary)?,
        digest: new.digest.map(digest).transpose()?,
        observed_at,
        expires_at,
        recorded_at: scope.at(),
        recorded_by: scope.author(),
    })
}

/// Writes evidence; to be committed with the event.
///
/// # Errors
/// `LIMIT_EXCEEDED` for too many collectors; nothing is written then.
pub(super) async fn keep(tx: &Tx, evidence: &Evidence) -> Result<Event> {
    let known = store_evidence::collectors(tx, &evidence.requirement, &evidence.fingerprint).await?;
    if known.len() >= MAX_COLLECTORS && !known.contains(&evidence.collector) {
        return Err(Error::limit(format!(
            "this version of the requirement has evidence of {MAX_COLLECTORS} collectors"
        ))
        .remedy("use the name of one of them"));
    }
    store_evidence::insert(tx, evidence).await?;
    // The summary is free text, which may name a person: it stays out of the audit log.
    let detail = serde_json::json!({
        "collector": evidence.collector,
        "result": evidence.result.as_str(),
        "fingerprint": evidence.fingerprint,
        "digest": evidence.digest,
    });
    Ok(Event::new("evidence.record", format!("requirement:{}", evidence.requirement)).detail(detail))
}

/// Evidence of a requirement, the newest first. `before` is the last id of the page before.
///
/// # Errors
/// Those of permission. A requirement without evidence, or none of that name, has an empty list.
pub async fn evidence(op: &Op, requirement: &str, before: Option<Uuid>, limit: u64) -> Result<Vec<Evidence>> {
    store_evidence::list(&permit(op).await?, requirement, before, limit).await
}

/// The number of a requirement's threshold that follows from the estimate in force at an instant; none for a stated one, or when
/// the estimate is gone.
///
/// # Errors
/// Those of permission.
pub async fn threshold_figure(op: &Op, spec: &RequirementSpec, at: Timestamp) -> Result<Option<f64>> {
    Ok(figured(op, spec, at).await?.map(|figured| figured.number))
}

/// A number that follows from an estimate.
pub(super) struct Figured {
    pub number: f64,
    /// From when on the estimate says so.
    pub since: Timestamp,
    /// When somebody applied that.
    pub applied_at: Timestamp,
}

/// The same with the estimate's times.
///
/// # Errors
/// Those of permission.
pub(super) async fn figured(op: &Op, spec: &RequirementSpec, at: Timestamp) -> Result<Option<Figured>> {
    let ThresholdValue::Figure(figure) = &spec.threshold.value else { return Ok(None) };
    match estimates::estimate_at(op, &figure.estimate, at).await {
        Ok(estimate) => {
            let number = figure.of(&*estimates::figures(op, &estimate).await?);
            let Version { in_force_from: since, applied_at, .. } = estimate.version;
            Ok(Some(Figured { number, since, applied_at }))
        }
        Err(Error::Expected(problem)) if problem.code == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn judged(
    op: &Op,
    spec: &RequirementSpec,
    observed: Option<&Value>,
    said: Option<CheckResult>,
) -> Result<CheckResult> {
    let Some(observed) = observed else {
        return said
            .ok_or_else(|| Error::invalid("result", "is missing").remedy("say it, or give `observed`"));
    };
    if !matches!(observed, Value::Number(_) | Value::Bool(_) | Value::String(_))
        || observed
            .as_str()
            .is_some_and(|text| text.chars().count() > 100 || text.chars().any(char::is_control))
    {
        return Err(Error::invalid(
            "observed",
            "wants a number, a truth value or a word of at most 100 characters",
        )
        .remedy("give one measured value; write the rest into `summary`"));
    }
    let within = spec.threshold.admits(observed, threshold_figure(op, spec, op.at()).await?);
    match (within, said) {
        (None, None) => {
            Err(Error::invalid("observed", "cannot be compared with the requirement's threshold")
                .remedy("give a value of its kind, or say the `result`"))
        }
        // A check that says that it did not work, or that it is near the edge, knows more than its figure.
        (_, Some(said @ (CheckResult::Error | CheckResult::Skip))) => Ok(said),
        (Some(true), Some(CheckResult::Warn)) => Ok(CheckResult::Warn),
        (Some(within), said) => {
            let result = if within { CheckResult::Pass } else { CheckResult::Fail };
            if said.is_some_and(|said| said != result) {
                let message = format!("is not what the measured value says: {}", result.as_str());
                return Err(Error::invalid("result", message).remedy("leave one of the two out"));
            }
            Ok(result)
        }
        (None, Some(said)) => Ok(said),
    }
}

fn name(field: &str, name: &str) -> Result<String> {
    let plain = (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !plain {
        return Err(Error::invalid(field, "wants 1 to 63 letters, digits or - . _")
            .remedy("name a probe, or the tool or role that looked; no person"));
    }
    Ok(name.to_owned())
}

fn summary(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_SUMMARY || text.chars().any(|c| c.is_control() && c != '\n') {
        let message = format!("wants at most {MAX_SUMMARY} characters");
        return Err(Error::invalid("summary", message).remedy("shorten it"));
    }
    Ok(text.to_owned())
}

fn digest(text: String) -> Result<String> {
    let plain = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if plain {
        Ok(text)
    } else {
        Err(Error::invalid("digest", "wants the SHA-256 of a file: 64 digits 0-9, a-f")
            .remedy("give what `sha256sum FILE` prints, in lower case"))
    }
}

fn seen(at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp> {
    let Some(at) = at else { return Ok(now) };
    let oldest = now.saturating_sub(Span::new().hours(MAX_AGE_DAYS * 24)).unwrap_or(Timestamp::MIN);
    if at > now {
        return Err(
            Error::invalid("observedAt", "lies in the future").remedy("check the clock and the offset")
        );
    }
    if at < oldest {
        return Err(Error::invalid("observedAt", format!("lies more than {MAX_AGE_DAYS} days back"))
            .remedy("look again: so old it would count no more"));
    }
    Ok(at)
}

async fn expiry(
    scope: &Scope,
    requirement: &str,
    collector: &str,
    system: Option<&SystemSpec>,
    observed_at: Timestamp,
    said: Option<Timestamp>,
) -> Result<Timestamp> {
    let latest = observed_at.saturating_add(Span::new().hours(MAX_DAYS * 24)).unwrap_or(Timestamp::MAX);
    if let Some(said) = said {
        if said <= observed_at {
            return Err(Error::invalid("expiresAt", "does not lie after what was seen")
                .remedy("state an instant after `observedAt`, or leave it out"));
        }
        if said > latest {
            return Err(Error::invalid(
                "expiresAt",
                format!("lies more than {MAX_DAYS} days after what was seen"),
            )
            .remedy("look again by then"));
        }
        return Ok(said);
    }
    let probe = exceptions::probe_in_force(scope, collector).await?;
    let Some(probe) = probe.filter(|probe| probe.verifies.iter().any(|name| name == requirement)) else {
        return Ok(observed_at.saturating_add(Span::new().hours(DEFAULT_DAYS * 24)).unwrap_or(latest));
    };
    let zone = system.and_then(|system| TimeZone::get(&system.time_zone).ok()).unwrap_or(TimeZone::UTC);
    let seen = observed_at.to_zoned(zone);
    let until = match &probe.valid_for {
        Some(period) => seen.saturating_add(period.span()),
        // A look that was missed once is no alarm yet.
        None => seen.saturating_add(probe.every.span()).saturating_add(probe.every.span()),
    };
    Ok(until.timestamp().min(latest))
}
