//! CycloneDX 1.6 attestations: what is claimed of each requirement, on what evidence, until when.
//! <https://cyclonedx.org/docs/1.6/json/>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::{Evidence, Exception, ExportError, Requirement, System, digest, hex};
use crate::coverage::{NotApplicable, Status};
use crate::reference::{ItemRef, Relation};
use crate::shipped::shipped;

/// The assessor of every attestation.
const ASSESSOR: &str = "assessor:operator";

/// A CycloneDX 1.6 document with `definitions.standards` (the system's own requirements, and of each catalogue what they cite,
/// with our labels) and `declarations` (targets, claims, evidence, attestations).
///
/// Conformance is 1 where a requirement that answers the whole item passed its latest check, 0.5 where only part of the item is
/// answered, 0 where a check found it broken; it is left out where nothing was checked, and where the check itself failed.
/// Confidence is 1 with current evidence, 0.5 where evidence has expired, is for an older version or figure, or says nothing, and
/// 0 with none. An exception stands as a mitigation strategy.
/// Citations with the relation `derived_from` claim nothing and are not attested. What does not apply has conformance without a score
/// but with the reason, and properties in the standard's entry.
///
/// # Errors
/// Two requirements with one name, or an empty name.
pub fn cyclonedx(system: &System) -> Result<String, ExportError> {
    system.check()?;
    let target = format!("system:{}", system.name);
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": system.at.to_string(),
            "component": { "type": "application", "name": system.name },
        },
        "definitions": { "standards": standards(system) },
        "declarations": {
            "assessors": [{
                "bom-ref": ASSESSOR,
                "thirdParty": false,
                "organization": { "name": system.operator },
            }],
            "attestations": attestations(system),
            "claims": system.requirements.iter().map(|one| claim(one, system, &target)).collect::<Vec<_>>(),
            "evidence": evidence(system),
            "targets": {
                "components": [{ "type": "application", "bom-ref": target, "name": system.name }],
            },
        },
    });
    let serial = serial(&document.to_string());
    if let Json::Object(members) = &mut document {
        members.insert("serialNumber".to_owned(), Json::String(serial));
    }
    serde_json::to_string_pretty(&document).map_err(|error| ExportError::Write(error.to_string()))
}

/// A UUID made of the content (version 8 of RFC 9562, section 5.8).
fn serial(content: &str) -> String {
    let mut bytes = digest(&[content]);
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let text = hex(&bytes, 16);
    let (a, b, c, d, e) = (&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]);
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

fn requirement_ref(name: &str) -> String {
    format!("requirement:{name}")
}

fn claim_ref(name: &str) -> String {
    format!("claim:{name}")
}

fn evidence_ref(requirement: &Requirement, evidence: &Evidence) -> String {
    let Evidence { status, observed, expires, collector, digest: kept, fingerprint, outdated: _ } = evidence;
    let observed = observed.to_string();
    let expires = expires.map_or_else(String::new, |expires| expires.to_string());
    let parts =
        [requirement.name.as_str(), status.as_str(), &observed, &expires, collector, kept, fingerprint];
    format!("evidence:{}", hex(&digest(&parts), 16))
}

fn exception_ref(requirement: &Requirement, exception: &Exception) -> String {
    let Exception { approver, reason, expires } = exception;
    let parts = [requirement.name.as_str(), approver, reason, &expires.to_string()];
    format!("exception:{}", hex(&digest(&parts), 16))
}

fn standards(system: &System) -> Vec<Json> {
    let own = system.requirements.iter().map(|requirement| {
        json!({
            "bom-ref": requirement_ref(&requirement.name),
            "identifier": requirement.name,
            "title": requirement.name,
            "text": requirement.statement.en,
            "descriptions": [requirement.statement.ja],
            "properties": properties(requirement),
        })
    });
    let mut standards = vec![json!({
        "bom-ref": format!("requirements:{}", system.name),
        "name": format!("Requirements of {}", system.name),
        "version": system.at.to_string(),
        "owner": system.operator,
        "requirements": own.collect::<Vec<_>>(),
    })];
    let cited = system.requirements.iter().flat_map(|one| &one.citations).map(|cited| &cited.reference);
    let cited: BTreeSet<&ItemRef> =
        cited.chain(system.not_applicable.iter().map(|stated| &stated.reference)).collect();
    let mut editions: BTreeMap<(&str, &str), Vec<&ItemRef>> = BTreeMap::new();
    for reference in cited {
        editions.entry((reference.scheme.as_str(), &reference.version)).or_default().push(reference);
    }
    for ((scheme, version), references) in editions {
        let Some(first) = references.first() else { continue };
        standards.push(json!({
            "bom-ref": format!("{scheme}@{version}"),
            "name": first.scheme.title(),
            "version": version,
            "owner": first.scheme.owner(),
            "requirements": references.iter().map(|reference| item(reference, system)).collect::<Vec<_>>(),
        }));
    }
    standards
}

fn item(reference: &ItemRef, system: &System) -> Json {
    let known = shipped(reference.scheme).filter(|catalogue| catalogue.version() == reference.version);
    let item = known.and_then(|catalogue| catalogue.item(&reference.id)).and_then(|item| item.label.as_ref());
    let group = known.and_then(|catalogue| catalogue.groups().iter().find(|group| group.id == reference.id));
    let label = item.or_else(|| group.and_then(|group| group.label.as_ref()));
    let mut item = json!({ "bom-ref": reference.to_string(), "identifier": reference.id });
    let Json::Object(members) = &mut item else { return item };
    if let Some(label) = label {
        members.insert("title".to_owned(), Json::String(format!("{} / {}", label.en, label.ja)));
    }
    if let Some(stated) = exemption(reference, system) {
        let NotApplicable { reference: _, reason, approver } = stated;
        let mut pairs = vec![
            ("suimon:not-applicable", "true"),
            ("suimon:not-applicable:reason:en", &reason.en),
            ("suimon:not-applicable:reason:ja", &reason.ja),
        ];
        pairs.extend(approver.as_deref().map(|approver| ("suimon:not-applicable:approver", approver)));
        let pairs = pairs.into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
        members.insert("properties".to_owned(), pairs.collect());
    }
    item
}

/// The statement that something does not apply, unless a requirement answers it all the same.
fn exemption<'s>(reference: &ItemRef, system: &'s System) -> Option<&'s NotApplicable> {
    let is_cited = || {
        let mut cited = system.requirements.iter().flat_map(|one| &one.citations);
        cited.any(|cited| cited.reference == *reference)
    };
    system.not_applicable.iter().find(|stated| stated.reference == *reference && !is_cited())
}

fn properties(requirement: &Requirement) -> Vec<Json> {
    let mut pairs = vec![
        ("suimon:fingerprint", requirement.fingerprint.clone()),
        ("suimon:target", requirement.target.clone()),
        ("suimon:metric", requirement.metric.clone()),
        ("suimon:threshold", requirement.threshold.to_string()),
        ("suimon:obligation", requirement.obligation.as_str().to_owned()),
    ];
    if let Some(enforcement) = &requirement.enforcement {
        pairs.push(("suimon:mechanism", enforcement.mechanism.as_str().to_owned()));
        pairs.push(("suimon:mode", enforcement.mode.as_str().to_owned()));
    }
    pairs.extend(requirement.in_force_from.map(|from| ("suimon:in-force-from", from.to_string())));
    for cited in &requirement.citations {
        let level = cited.level.map_or_else(String::new, |level| format!(" level {level}"));
        let value = format!("{} {}{level}", cited.relation.as_str(), cited.reference);
        pairs.push(("suimon:citation", value));
    }
    pairs.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn claim(requirement: &Requirement, system: &System, target: &str) -> Json {
    let mut speaking_for = BTreeSet::new();
    let mut speaking_against = BTreeSet::new();
    for evidence in requirement.current(system.at) {
        let reference = evidence_ref(requirement, evidence);
        match evidence.status {
            Status::Pass | Status::Warn => speaking_for.insert(reference),
            Status::Fail => speaking_against.insert(reference),
            // A check that did not run says nothing of what it was to look at.
            Status::Error | Status::Skip | Status::Unchecked | Status::Excepted => continue,
        };
    }
    let keeping = match &requirement.enforcement {
        Some(enforcement) => {
            format!("{}, mode {}", enforcement.mechanism.as_str(), enforcement.mode.as_str())
        }
        None => "no mechanism, people verify it".to_owned(),
    };
    let reasoning = format!(
        "{} {}; kept by: {keeping}; status {}",
        requirement.metric,
        requirement.threshold,
        requirement.status(system.at).as_str()
    );
    json!({
        "bom-ref": claim_ref(&requirement.name),
        "target": target,
        "predicate": requirement.statement.en,
        "reasoning": reasoning,
        "evidence": speaking_for,
        "counterEvidence": speaking_against,
        "mitigationStrategies": exceptions(requirement, system),
    })
}

/// The exceptions in force.
fn exceptions(requirement: &Requirement, system: &System) -> BTreeSet<String> {
    let in_force = requirement.exceptions.iter().filter(|exception| exception.expires > system.at);
    in_force.map(|exception| exception_ref(requirement, exception)).collect()
}

/// All evidence and all exceptions, also what no longer counts: an auditor asks for it.
fn evidence(system: &System) -> Vec<Json> {
    let mut all: BTreeMap<String, Json> = BTreeMap::new();
    for requirement in &system.requirements {
        for evidence in &requirement.evidence {
            let reference = evidence_ref(requirement, evidence);
            let Evidence { status, observed, expires, collector, digest, fingerprint, outdated: _ } =
                evidence;
            let result = json!({
                "requirement": requirement.name,
                "status": status.as_str(),
                "digest": digest,
                "fingerprint": fingerprint,
            });
            let mut entry = json!({
                "bom-ref": reference,
                "propertyName": "suimon:evidence",
                "description": format!("{} found {} by {collector}", requirement.name, status.as_str()),
                "data": [{
                    "name": "result",
                    "contents": {
                        "attachment": { "contentType": "application/json", "content": result.to_string() },
                    },
                }],
                "created": observed.to_string(),
                "author": { "name": collector },
            });
            if let (Json::Object(members), Some(expires)) = (&mut entry, expires) {
                members.insert("expires".to_owned(), Json::String(expires.to_string()));
            }
            all.insert(reference, entry);
        }
        for exception in &requirement.exceptions {
            let reference = exception_ref(requirement, exception);
            let Exception { approver, reason, expires } = exception;
            let entry = json!({
                "bom-ref": reference,
                "propertyName": "suimon:exception",
                "description": format!("{} need not be kept: {reason}", requirement.name),
                "expires": expires.to_string(),
                "reviewer": { "name": approver },
            });
            all.insert(reference, entry);
        }
    }
    all.into_values().collect()
}

/// A requirement and how it answers an item.
type Answer<'a> = (&'a Requirement, Relation);

/// One attestation for the system's own requirements, one for each edition that they cite.
fn attestations(system: &System) -> Vec<Json> {
    let mut maps: BTreeMap<String, BTreeMap<String, Vec<Answer<'_>>>> = BTreeMap::new();
    for requirement in &system.requirements {
        // The system's own come first: nothing sorts before the empty key.
        maps.entry(String::new())
            .or_default()
            .insert(requirement_ref(&requirement.name), vec![(requirement, Relation::Satisfies)]);
        for cited in requirement.citations.iter().filter(|cited| cited.relation != Relation::DerivedFrom) {
            let edition = format!("{}@{}", cited.reference.scheme, cited.reference.version);
            let map = maps.entry(edition).or_default();
            map.entry(cited.reference.to_string()).or_default().push((requirement, cited.relation));
        }
    }
    // The format has no word for what does not apply: it is attested without a score, and the standard's entry has the properties.
    let mut exempt: BTreeMap<String, BTreeMap<String, &NotApplicable>> = BTreeMap::new();
    for stated in &system.not_applicable {
        let ItemRef { scheme, version, id: _ } = &stated.reference;
        if let Some(stated) = exemption(&stated.reference, system) {
            let edition = format!("{scheme}@{version}");
            maps.entry(edition.clone()).or_default();
            exempt.entry(edition).or_default().insert(stated.reference.to_string(), stated);
        }
    }
    maps.iter()
        .map(|(edition, map)| {
            let summary = match edition.as_str() {
                "" => format!("Requirements of {}", system.name),
                edition => format!("Answers of {} to {edition}", system.name),
            };
            let answered = map.iter().map(|(reference, answers)| attested(reference, answers, system));
            let exempt = exempt.get(edition).into_iter().flatten();
            let entries = answered.chain(exempt.map(|(reference, stated)| exempted(reference, stated)));
            json!({ "summary": summary, "assessor": ASSESSOR, "map": entries.collect::<Vec<_>>() })
        })
        .collect()
}

fn exempted(reference: &str, stated: &NotApplicable) -> Json {
    let by = stated.approver.as_ref().map_or_else(String::new, |approver| format!(" ({approver})"));
    let rationale = format!("not applicable: {}{by}", stated.reason.en);
    json!({ "requirement": reference, "claims": [], "conformance": { "rationale": rationale } })
}

fn attested(reference: &str, answers: &[Answer<'_>], system: &System) -> Json {
    let mut claims = BTreeSet::new();
    let mut counter = BTreeSet::new();
    let mut mitigations = BTreeSet::new();
    let mut best: Option<f64> = None;
    let mut confidence: f64 = 0.0;
    let mut reasons = Vec::new();
    for (requirement, relation) in answers {
        let status = requirement.status(system.at);
        let score = match status {
            Status::Pass | Status::Warn if relation.is_whole() => Some(1.0),
            Status::Pass | Status::Warn => Some(0.5),
            Status::Fail => Some(0.0),
            Status::Error | Status::Unchecked | Status::Skip | Status::Excepted => None,
        };
        // Meeting one requirement that answers the item meets the item, hence the best.
        best = score.into_iter().chain(best).reduce(f64::max);
        let says = |one: &&Evidence| !matches!(one.status, Status::Skip | Status::Error);
        let counts = requirement.current(system.at).iter().any(says);
        confidence = confidence.max(if requirement.evidence.is_empty() {
            0.0
        } else if counts && (!requirement.lapsed || status == Status::Fail) {
            1.0
        } else {
            0.5
        });
        let side = if score == Some(0.0) { &mut counter } else { &mut claims };
        side.insert(claim_ref(&requirement.name));
        mitigations.extend(exceptions(requirement, system));
        reasons.push(format!("{} {}: {}", requirement.name, relation.as_str(), status.as_str()));
    }
    reasons.sort_unstable();
    reasons.dedup();
    let rationale = reasons.join("; ");
    let mut conformance = json!({ "rationale": rationale, "mitigationStrategies": mitigations });
    if let (Json::Object(members), Some(score)) = (&mut conformance, best) {
        members.insert("score".to_owned(), json!(score));
    }
    let basis = match confidence {
        1.0 => "current evidence for the version in force",
        0.5 => "evidence has expired, is for an older version or says nothing",
        _ => "no evidence",
    };
    json!({
        "requirement": reference,
        "claims": claims,
        "counterClaims": counter,
        "conformance": conformance,
        "confidence": { "score": confidence, "rationale": basis },
    })
}
