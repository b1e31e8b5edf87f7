//! Reads `enforcement`: the mechanism decides which parameters are known.

use std::collections::BTreeMap;

use super::access::{AccessCondition, AccessParams, ConditionOp, Operand};
use super::decode::{Object, Report};
use super::enforcement::{
    AdmissionParams, CacheParams, EncryptionParams, Enforcement, Mechanism, Params, RetentionParams,
    SloParams,
};
use super::limits;
use super::system::Channel;
use super::tree::{Node, Value};
use super::values::{between, dotted, period, snake, whole, word};
use super::vocabulary::vocabulary;
use super::wording::{quoted, suggestion};

pub(super) fn enforcement(node: &Node, path: &str, report: &mut Report) -> Option<Enforcement> {
    let mut object = Object::open(node, path, report, &["mode", "mechanism", "params"])?;
    let mode = object.required("mode", word("a mode"));
    let mechanism = object.required("mechanism", word("a mechanism"));
    let params = mechanism.and_then(|mechanism| {
        object.required("params", |node, path, report| match mechanism {
            Mechanism::Admission => admission(node, path, report).map(Params::Admission),
            Mechanism::Cache => cache(node, path, report).map(Params::Cache),
            Mechanism::Access => access(node, path, report).map(Params::Access),
            Mechanism::Encryption => encryption(node, path, report).map(Params::Encryption),
            Mechanism::Retention => retention(node, path, report).map(Params::Retention),
            Mechanism::Slo => slo(node, path, report).map(Params::Slo),
        })
    });
    Some(Enforcement { mode: mode?, params: params? })
}

vocabulary! {
    /// The spelling of `rule`.
    pub enum CacheRule {
        /// Kept nowhere.
        NoStore = "no_store",
        /// Kept anywhere.
        Public = "public",
    }
}

fn cache(node: &Node, path: &str, report: &mut Report) -> Option<CacheParams> {
    let mut object = Object::open(node, path, report, &["rule", "maxAge"])?;
    match object.required("rule", word("a caching rule"))? {
        CacheRule::NoStore => {
            if object.node("maxAge").is_some() {
                let path = object.path("maxAge");
                object.report.at(&path, "`maxAge` has no meaning with rule `no_store`", "remove it");
            }
            Some(CacheParams::NoStore {})
        }
        CacheRule::Public => {
            const YEAR: u32 = 31_536_000;
            Some(CacheParams::Public { max_age: object.required("maxAge", whole(0, YEAR))? })
        }
    }
}

fn admission(node: &Node, path: &str, report: &mut Report) -> Option<AdmissionParams> {
    let mut object = Object::open(node, path, report, &["rate", "concurrency", "reserve"])?;
    let rate = object.required("rate", between(0.0, f64::INFINITY));
    let concurrency = object.required("concurrency", whole(1, limits::PEOPLE));
    let reserve = object.optional("reserve", reserve).unwrap_or_default();
    Some(AdmissionParams { rate: rate?, concurrency: concurrency?, reserve })
}

fn reserve(node: &Node, path: &str, report: &mut Report) -> Option<BTreeMap<Channel, f64>> {
    let words: Vec<&str> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
    if let Value::Map(entries) = &node.value {
        for (key, _) in entries.iter().filter(|(key, _)| !words.contains(&key.text.as_str())) {
            let message = format!("{} is not a channel", quoted(&key.text));
            report.at(path, message, suggestion(&key.text, &words));
        }
    }
    // Unknown channels have been named above, in the words of channels instead of fields.
    let known: Vec<String> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut object = Object::open(node, path, report, &known)?;
    let mut shares = BTreeMap::new();
    for channel in Channel::ALL {
        if let Some(share) = object.optional(channel.as_str(), between(0.0, 1.0)) {
            shares.insert(*channel, share);
        }
    }
    if shares.values().sum::<f64>() >= 1.0 {
        object.report.at(
            path,
            "the reserved shares leave nothing for the others",
            "let their sum be below 1",
        );
    }
    Some(shares)
}

fn access(node: &Node, path: &str, report: &mut Report) -> Option<AccessParams> {
    let mut object = Object::open(node, path, report, &["effect", "roles", "actions", "objects", "when"])?;
    let effect = object.optional("effect", word("an effect")).unwrap_or_default();
    let roles = object.filled_list("roles", limits::ITEMS, snake);
    let actions = object.filled_list("actions", limits::ITEMS, snake);
    let objects = object.filled_list("objects", limits::FIELDS, dotted(true));
    let when = object.list("when", limits::ITEMS, condition);
    Some(AccessParams { effect, roles: roles?, actions: actions?, objects: objects?, when })
}

fn condition(node: &Node, path: &str, report: &mut Report) -> Option<AccessCondition> {
    let known = ["attribute", "op", "value", "values", "other"];
    let mut object = Object::open(node, path, report, &known)?;
    let attribute = object.required("attribute", dotted(false));
    let op = object.required("op", word("a comparison"));
    let sides = ["value", "values", "other"].into_iter().filter(|side| object.node(side).is_some()).count();
    if sides != 1 {
        let message = "exactly one of `value`, `values` and `other` is needed";
        let remedy = "compare with a fixed `value`, with several `values` or with the attribute `other`";
        object.report.at(path, message, remedy);
        return None;
    }
    let listed = object.node("values").is_some();
    if let Some(op) = op
        && listed != matches!(op, ConditionOp::In | ConditionOp::NotIn)
    {
        let message =
            format!("`{}` does not go with {}", op.as_str(), if listed { "`values`" } else { "one value" });
        object.report.at(path, message, "use `in` or `not_in` with `values`, and the others without");
        return None;
    }
    let with = if listed {
        object.filled_list("values", limits::ITEMS, scalar).map(Operand::Values)
    } else if object.node("other").is_some() {
        object.optional("other", dotted(false)).map(Operand::Other)
    } else {
        object.optional("value", scalar).map(Operand::Value)
    };
    Some(AccessCondition { attribute: attribute?, op: op?, with: with? })
}

/// A text, number or truth value as JSON.
pub(super) fn scalar(node: &Node, path: &str, report: &mut Report) -> Option<serde_json::Value> {
    match &node.value {
        Value::Bool(value) => Some((*value).into()),
        Value::Number(value) => Some(value.clone().into()),
        Value::Text(_) => super::values::text(limits::LINE)(node, path, report).map(Into::into),
        Value::Null | Value::List(_) | Value::Map(_) => {
            let message = format!("expected a text, a number or a truth value, found {}", node.describe());
            report.at(path, message, "write a single value");
            None
        }
    }
}

fn encryption(node: &Node, path: &str, report: &mut Report) -> Option<EncryptionParams> {
    let mut object = Object::open(node, path, report, &["fields"])?;
    Some(EncryptionParams { fields: object.filled_list("fields", limits::FIELDS, dotted(true))? })
}

fn retention(node: &Node, path: &str, report: &mut Report) -> Option<RetentionParams> {
    let mut object = Object::open(node, path, report, &["after", "action"])?;
    let after = object.required("after", period);
    let action = object.required("action", word("an action"));
    Some(RetentionParams { after: after?, action: action? })
}

fn slo(node: &Node, path: &str, report: &mut Report) -> Option<SloParams> {
    let mut object = Object::open(node, path, report, &["indicator", "objective", "window"])?;
    let indicator = object.required("indicator", word("an indicator"));
    let objective = object.required("objective", between(0.0, 1.0));
    let window = object.required("window", period);
    Some(SloParams { indicator: indicator?, objective: objective?, window: window? })
}
