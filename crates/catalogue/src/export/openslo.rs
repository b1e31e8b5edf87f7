//! OpenSLO v1: availability and latency. <https://github.com/OpenSLO/OpenSLO>
//!
//! OpenSLO has no words for arrival rates, concurrency or what happens on a breach, so that capacity is not exported.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{ExportError, Indicator, Mechanism, Objective, Op, Requirement, System, Value, digest, hex};

/// Longest description that the specification allows, in characters.
const MAX_DESCRIPTION: usize = 1_050;
/// Longest name that every implementation supports (RFC 1123), in bytes.
const MAX_NAME: usize = 63;

/// OpenSLO objects and what could not become one.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSlo {
    objects: Vec<Json>,
    /// Requirements with a service level objective that OpenSLO cannot hold.
    pub skipped: Vec<Skipped>,
}

/// A requirement that was not exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub requirement: String,
    /// Why.
    pub reason: &'static str,
}

impl OpenSlo {
    /// How many objectives there are; the service that they belong to is not counted.
    pub fn len(&self) -> usize {
        self.objects.len().saturating_sub(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A JSON array of the objects.
    ///
    /// # Errors
    /// Where serialising fails, which no input is known to do.
    pub fn to_json(&self) -> Result<String, ExportError> {
        serde_json::to_string_pretty(&self.objects).map_err(|error| ExportError::Write(error.to_string()))
    }

    /// YAML with one document an object.
    ///
    /// # Errors
    /// Where serialising fails, which no input is known to do.
    pub fn to_yaml(&self) -> Result<String, ExportError> {
        let mut yaml = String::new();
        for object in &self.objects {
            yaml.push_str("---\n");
            let document =
                serde_saphyr::to_string(object).map_err(|error| ExportError::Write(error.to_string()))?;
            yaml.push_str(&document);
        }
        Ok(yaml)
    }
}

/// The requirements with the mechanism `slo`, as OpenSLO v1. The metric sources have the type `suimon`: where the figures come
/// from is for the reader of the file to replace.
///
/// # Errors
/// Two requirements with one name, or an empty name.
pub fn openslo(system: &System) -> Result<OpenSlo, ExportError> {
    system.check()?;
    let mut names = BTreeSet::new();
    let service = object_name(&system.name, &mut names);
    let mut objects = vec![json!({
        "apiVersion": "openslo/v1",
        "kind": "Service",
        "metadata": { "name": service, "displayName": system.name },
        "spec": { "description": cut(&format!("{}, {}", system.name, system.operator)) },
    })];
    let mut skipped = Vec::new();
    for requirement in &system.requirements {
        let Some(Mechanism::Slo(objective)) = requirement.enforcement.as_ref().map(|one| &one.mechanism)
        else {
            continue;
        };
        match slo(requirement, objective, &service, &mut names) {
            Ok(object) => objects.push(object),
            Err(reason) => skipped.push(Skipped { requirement: requirement.name.clone(), reason }),
        }
    }
    Ok(OpenSlo { objects, skipped })
}

fn slo(
    requirement: &Requirement,
    objective: &Objective,
    service: &str,
    names: &mut BTreeSet<String>,
) -> Result<Json, &'static str> {
    let Objective { indicator, share, window } = objective;
    // Refuses what is no number as well.
    if !(0.0..1.0).contains(share) {
        return Err("its objective is not a share from 0 to below 1, which is all that OpenSLO allows");
    }
    let window = shorthand(window)
        .ok_or("its window is not one number of minutes, hours, days, weeks, months or years")?;
    let (metric, target) = match indicator {
        Indicator::Availability => {
            let source = |part: &str| json!({ "metricSource": source(requirement, part) });
            let ratio = json!({ "counter": true, "good": source("good"), "total": source("total") });
            (json!({ "ratioMetric": ratio }), json!({ "target": share }))
        }
        Indicator::Latency => {
            let Value::Number(bound) = requirement.threshold.value else {
                return Err("its threshold is not a number");
            };
            let op = requirement.threshold.op;
            if !bound.is_finite() || !matches!(op, Op::Lt | Op::Lte) {
                return Err("its threshold is not an upper bound (lt, lte)");
            }
            let metric = json!({ "thresholdMetric": { "metricSource": source(requirement, "value") } });
            (metric, json!({ "op": op.as_str(), "value": bound, "target": share }))
        }
    };
    let name = object_name(&requirement.name, names);
    let sli = object_name(&format!("{}-sli", requirement.name), names);
    let mode = requirement.enforcement.as_ref().map_or("", |one| one.mode.as_str());
    Ok(json!({
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {
            "name": name,
            "displayName": requirement.name,
            // Short words only: the specification's schema allows nothing else, and no prefix without a dot.
            "annotations": { "suimon-mode": mode, "suimon-obligation": requirement.obligation.as_str() },
        },
        "spec": {
            "description": cut(&format!("{}\n{}", requirement.statement.en, requirement.statement.ja)),
            "service": service,
            "indicator": { "metadata": { "name": sli }, "spec": metric },
            "timeWindow": [{ "duration": window, "isRolling": true }],
            "budgetingMethod": "Occurrences",
            "objectives": [target],
        },
    }))
}

fn source(requirement: &Requirement, part: &str) -> Json {
    json!({
        "type": "suimon",
        "spec": {
            "metric": requirement.metric,
            "target": requirement.target,
            "part": part,
            "unit": requirement.threshold.unit,
            "requirement": requirement.name,
            "fingerprint": requirement.fingerprint,
        },
    })
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_DESCRIPTION).collect()
}

/// `30d` for `P30D`. Only durations with one unit have a shorthand; seconds have none.
fn shorthand(duration: &str) -> Option<String> {
    let rest = duration.strip_prefix('P')?;
    let (rest, units): (&str, &[(char, char)]) = match rest.strip_prefix('T') {
        Some(rest) => (rest, &[('M', 'm'), ('H', 'h')]),
        None => (rest, &[('D', 'd'), ('W', 'w'), ('M', 'M'), ('Y', 'Y')]),
    };
    let unit = rest.chars().next_back()?;
    let postfix = units.iter().find(|(iso, _)| *iso == unit)?.1;
    let number: u32 = rest.strip_suffix(unit)?.parse().ok()?;
    (number > 0).then(|| format!("{number}{postfix}"))
}

/// A name of lower-case letters, digits and dashes that is not in use yet. A name that had to be changed so much that others
/// could become the same ends in eight digits of its digest.
fn object_name(name: &str, names: &mut BTreeSet<String>) -> String {
    let lower = name.to_lowercase();
    let slug: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug = slug.trim_matches('-');
    if !slug.is_empty() && slug.len() <= MAX_NAME && slug == lower && names.insert(slug.to_owned()) {
        return slug.to_owned();
    }
    let mut salt = 0_u64;
    loop {
        let digits = hex(&digest(&[name, &salt.to_string()]), 4);
        let head: String = slug.chars().take(MAX_NAME - digits.len() - 1).collect();
        let named = match head.trim_end_matches('-') {
            "" => digits,
            head => format!("{head}-{digits}"),
        };
        if names.insert(named.clone()) {
            return named;
        }
        // Two names with the same 32 bits of digest.
        salt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_one_unit() {
        for (iso, short) in
            [("P30D", "30d"), ("P4W", "4w"), ("P1M", "1M"), ("PT5M", "5m"), ("PT12H", "12h"), ("P1Y", "1Y")]
        {
            assert_eq!(shorthand(iso).as_deref(), Some(short));
        }
        for none in ["", "P", "PT", "P1DT1H", "PT30S", "P0D", "P-1D", "30d", "P1.5D", "P99999999999D", "P1H"]
        {
            assert_eq!(shorthand(none), None, "{none}");
        }
    }

    #[test]
    fn names_are_those_of_rfc_1123_and_differ() {
        let mut names = BTreeSet::new();
        let long = "x".repeat(200);
        let given = ["NFR-AVL-001", "nfr-avl-001", "可用性", "予約", "a b", "a_b", "-", &long];
        let made: Vec<String> = given.iter().map(|name| object_name(name, &mut names)).collect();
        assert_eq!(made[0], "nfr-avl-001");
        assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), given.len(), "{made:?}");
        for name in made {
            assert!(
                (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-'),
                "{name}"
            );
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
    }
}
