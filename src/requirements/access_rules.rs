//! Access requirements in force, as rules that the policy decides by.
//!
//! A manifest names the objects of its system (`applicant.email`, `slot`). In the policy they stand apart from Suimon's own
//! (`incident`, `account`), so that no manifest can speak of those: fields of a declared record type under `data.`, all other
//! objects under `app.`.

use jiff::tz::TimeZone;

use super::cache::Parsed;
use super::manifest::{
    AccessCondition, AccessEffect, AccessParams, ConditionOp, Mode, Operand, Params, RequirementSpec,
    SystemSpec,
};
use crate::access::{Against, Comparison, Condition, Effect, Origin, Rule, Scalar, Scope, SystemRules};
use crate::error::Result;

/// The access rules of a system, as its requirements in force at the scope's instant state them.
///
/// # Errors
/// Unexpected ones only.
pub(super) async fn access_rules(scope: &Scope, system: &str, spec: &SystemSpec) -> Result<SystemRules> {
    let app = scope.op().app();
    let manifests = app.manifests();
    let (mut enforced, mut audited) = (Vec::new(), Vec::new());
    for version in manifests.requirements_at(app.root()?, system, scope.at_micros()).await? {
        let Parsed::Requirement(stated) = manifests.parse(&version.fingerprint, &version.manifest)? else {
            continue;
        };
        let Some((mode, params)) = access_of(&stated) else { continue };
        let rules = rules_of(&version.name, spec, params)?;
        match mode {
            Mode::Enforce => enforced.extend(rules),
            Mode::Audit => audited.extend(rules),
            Mode::Observe => {}
        }
    }
    let zone = TimeZone::get(&spec.time_zone).unwrap_or(TimeZone::UTC);
    Ok(SystemRules::new(enforced, audited, &zone).of(system))
}

/// The object of the policy for an object of a system: a field of a declared record type, or anything else of its own.
pub fn object_of(system: &SystemSpec, object: &str) -> String {
    let first = object.split('.').next().unwrap_or(object);
    let record = system.record_types.iter().any(|known| known.name == first);
    if record && first == object {
        // A record named as a whole is each of its fields: no rule about it may miss one.
        return format!("data.{object}.*");
    }
    format!("{}.{object}", if record { "data" } else { "app" })
}

fn access_of(spec: &RequirementSpec) -> Option<(Mode, &AccessParams)> {
    let enforcement = spec.enforcement.as_ref()?;
    match &enforcement.params {
        Params::Access(params) => Some((enforcement.mode, params)),
        _ => None,
    }
}

fn rules_of(name: &str, system: &SystemSpec, params: &AccessParams) -> Result<Vec<Rule>> {
    let AccessParams { effect, roles, actions, objects, when } = params;
    let effect = match effect {
        AccessEffect::Allow => Effect::Allow,
        AccessEffect::Deny => Effect::Deny,
    };
    let when: Vec<Condition> = when.iter().map(condition).collect::<Result<_>>()?;
    let mut rules = Vec::with_capacity(roles.len() * actions.len() * objects.len());
    for object in objects {
        let objects = if object == "*" {
            vec!["data.*".to_owned(), "app.*".to_owned()]
        } else {
            vec![object_of(system, object)]
        };
        for ((object, action), role) in objects
            .iter()
            .flat_map(|object| actions.iter().map(move |action| (object, action)))
            .flat_map(|pair| roles.iter().map(move |role| (pair, role)))
        {
            rules.push(Rule {
                origin: Origin::Requirement(name.to_owned()),
                role: role.as_str().into(),
                object: object.as_str().into(),
                action: action.as_str().into(),
                effect,
                when: when.clone(),
            });
        }
    }
    Ok(rules)
}

fn condition(stated: &AccessCondition) -> Result<Condition> {
    let AccessCondition { attribute, op, with } = stated;
    let scalar =
        |value| Scalar::of_json(value).ok_or_else(|| anyhow::anyhow!("a condition's value is no scalar"));
    Ok(Condition {
        attribute: attribute.as_str().into(),
        comparison: match op {
            ConditionOp::Eq => Comparison::Eq,
            ConditionOp::Ne => Comparison::Ne,
            ConditionOp::In => Comparison::In,
            ConditionOp::NotIn => Comparison::NotIn,
            ConditionOp::Lt => Comparison::Lt,
            ConditionOp::Lte => Comparison::Lte,
            ConditionOp::Gt => Comparison::Gt,
            ConditionOp::Gte => Comparison::Gte,
        },
        against: match with {
            Operand::Value(value) => Against::Value(scalar(value)?),
            Operand::Values(values) => Against::Values(values.iter().map(scalar).collect::<Result<_, _>>()?),
            Operand::Other(other) => Against::Other(other.as_str().into()),
        },
    })
}
