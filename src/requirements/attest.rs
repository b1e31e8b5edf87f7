//! How the requirements of a system stand, in the words of crate `catalogue`: for coverage of catalogues and for other tools.

use anyhow::Context;
use catalogue::coverage::NotApplicable;
use catalogue::export::{
    Cited, Evidence as Attested, Exception, Indicator, Mechanism, Mode, Objective, Op as Compared,
    Requirement, System, Text, Threshold, Value,
};
use catalogue::{ItemRef, Obligation, Relation, coverage};

use super::evidence::{CheckResult, Evidence};
use super::exceptions::StandingException;
use super::manifest::{self, Enforcement, Localized, Params, RequirementSpec, ThresholdOp, ThresholdValue};
use super::read::system;
use super::status::{Seen, Standing, Status, statuses};
use crate::access::Op;
use crate::error::Result;

/// More requirements than a system has.
const MAX_LIST: u64 = 10_000;

/// The requirements of a system in force now, with what was seen of each and the exceptions that hold.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn attested(op: &Op, name: &str) -> Result<System> {
    let stated = system(op, name).await?;
    let mut requirements = Vec::new();
    for status in statuses(op, Some(name), None, MAX_LIST).await? {
        requirements.push(requirement(status)?);
    }
    Ok(System {
        name: name.to_owned(),
        operator: stated.spec.operator.name.en.clone(),
        at: op.at(),
        requirements,
        not_applicable: stated.spec.not_applicable.iter().map(exempt).collect::<Result<_>>()?,
    })
}

fn exempt(stated: &manifest::NotApplicable) -> Result<NotApplicable> {
    let manifest::NotApplicable { reference, reason, approver } = stated;
    let reference = reference.to_string().parse().context("a stored reference is none")?;
    Ok(NotApplicable { reference, reason: text(reason), approver: approver.clone() })
}

fn requirement(status: Status) -> Result<Requirement> {
    let Status { requirement, figure, standing, result: _, evidence, drift: _, exceptions, approval: _ } =
        status;
    let spec = &requirement.spec;
    let mut citations = Vec::with_capacity(spec.catalogue.len());
    for citation in &spec.catalogue {
        citations.push(Cited {
            reference: reference(&citation.reference)?,
            relation: match citation.relation {
                manifest::Relation::Satisfies => Relation::Satisfies,
                manifest::Relation::Partially => Relation::Partially,
                manifest::Relation::DerivedFrom => Relation::DerivedFrom,
                manifest::Relation::Alias => Relation::Alias,
            },
            level: citation.level,
        });
    }
    Ok(Requirement {
        name: requirement.version.name.clone(),
        statement: text(&spec.statement),
        target: spec.target.to_string(),
        metric: spec.metric.clone(),
        threshold: threshold(spec, figure),
        obligation: match spec.obligation {
            manifest::Obligation::Must => Obligation::Must,
            manifest::Obligation::Should => Obligation::Should,
        },
        citations,
        enforcement: spec.enforcement.as_ref().map(kept),
        fingerprint: requirement.version.fingerprint.clone(),
        in_force_from: Some(requirement.version.in_force_from),
        evidence: evidence.into_iter().map(|one| seen(one, &requirement.version.fingerprint)).collect(),
        lapsed: standing == Standing::Expired,
        exceptions: exceptions.into_iter().map(excepted).collect(),
    })
}

fn reference(cited: &manifest::CatalogueRef) -> Result<ItemRef> {
    Ok(cited.to_string().parse().context("a stored reference is none")?)
}

fn text(text: &Localized) -> Text {
    Text { ja: text.ja.clone(), en: text.en.clone() }
}

fn threshold(spec: &RequirementSpec, figure: Option<f64>) -> Threshold {
    let manifest::Threshold { op, value, unit } = &spec.threshold;
    Threshold {
        op: match op {
            ThresholdOp::Lt => Compared::Lt,
            ThresholdOp::Lte => Compared::Lte,
            ThresholdOp::Eq => Compared::Eq,
            ThresholdOp::Gte => Compared::Gte,
            ThresholdOp::Gt => Compared::Gt,
            ThresholdOp::In => Compared::In,
        },
        value: match value {
            ThresholdValue::Bool(flag) => Value::Flag(*flag),
            ThresholdValue::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
            ThresholdValue::Text(text) => Value::Text(text.clone()),
            ThresholdValue::List(items) => Value::List(items.iter().map(word).collect()),
            ThresholdValue::Figure(from) => match figure {
                Some(figure) => Value::Number(figure),
                None => Value::Text(format!("{} of {}", from.figure.as_str(), from.estimate)),
            },
        },
        unit: unit.clone(),
    }
}

fn word(value: &ThresholdValue) -> String {
    match value {
        ThresholdValue::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn kept(enforcement: &Enforcement) -> catalogue::export::Enforcement {
    catalogue::export::Enforcement {
        mechanism: match &enforcement.params {
            Params::Admission(_) => Mechanism::Admission,
            Params::Cache(_) => Mechanism::Cache,
            Params::Access(_) => Mechanism::Access,
            Params::Encryption(_) => Mechanism::Encryption,
            Params::Retention(_) => Mechanism::Retention,
            Params::Slo(slo) => Mechanism::Slo(Objective {
                indicator: match slo.indicator {
                    manifest::Indicator::Availability => Indicator::Availability,
                    manifest::Indicator::Latency => Indicator::Latency,
                },
                share: slo.objective,
                window: slo.window.to_string(),
            }),
        },
        mode: match enforcement.mode {
            manifest::Mode::Observe => Mode::Observe,
            manifest::Mode::Audit => Mode::Audit,
            manifest::Mode::Enforce => Mode::Enforce,
        },
    }
}

fn seen(of: Seen, version: &str) -> Attested {
    let Seen { evidence, says } = of;
    let Evidence { result, observed_at, expires_at, collector, digest, fingerprint, .. } = evidence;
    Attested {
        outdated: says.is_none() && fingerprint == version,
        status: match says.unwrap_or(result) {
            CheckResult::Pass => coverage::Status::Pass,
            CheckResult::Fail => coverage::Status::Fail,
            CheckResult::Warn => coverage::Status::Warn,
            CheckResult::Error => coverage::Status::Error,
            CheckResult::Skip => coverage::Status::Skip,
        },
        observed: observed_at,
        expires: Some(expires_at),
        collector,
        digest: digest.map(|digest| format!("sha256:{digest}")).unwrap_or_default(),
        fingerprint,
    }
}

fn excepted(exception: StandingException) -> Exception {
    let spec = exception.stated.spec;
    Exception { approver: spec.approver.clone(), reason: spec.reason.en.clone(), expires: spec.expires }
}
