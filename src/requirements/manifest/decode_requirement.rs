//! Reads `kind: Requirement`.

use capacity::Quantity;
use jiff::Timestamp;

use super::catalogue::{Catalogue, CatalogueRef, Citation, RefError};
use super::decode::{Object, Report};
use super::decode_enforcement::{enforcement, scalar};
use super::enforcement::{CacheParams, Mechanism, Params};
use super::limits;
use super::requirement::{
    EstimateFigure, Percentile, RequirementSpec, RouteClass, Target, Threshold, ThresholdOp, ThresholdValue,
};
use super::tree::{Node, Value};
use super::values::{localized, name, parsed, text, whole, word};
use super::wording::{quoted, suggestion};

pub(super) fn requirement(node: &Node, path: &str, report: &mut Report) -> Option<RequirementSpec> {
    let known = [
        "system",
        "statement",
        "target",
        "condition",
        "metric",
        "threshold",
        "obligation",
        "catalogue",
        "enforcement",
        "verification",
        "owner",
        "rationale",
        "derivedFrom",
        "dependsOn",
        "inForceFrom",
    ];
    let mut object = Object::open(node, path, report, &known)?;
    let system = object.required("system", name);
    let statement = object.required("statement", localized(limits::PROSE));
    let target = object.required("target", target);
    let condition = object.optional("condition", text(limits::LINE));
    let metric = object.required("metric", text(limits::NAME));
    let threshold = object.required("threshold", threshold);
    let obligation = object.required("obligation", word("an obligation"));
    let catalogue = object.list("catalogue", limits::ITEMS, citation);
    let has_enforcement = object.node("enforcement").is_some();
    let has_verification = object.node("verification").is_some();
    let enforcement = object.optional("enforcement", enforcement);
    let verification = object.optional("verification", word("a verification"));
    let owner = object.optional("owner", text(limits::LINE));
    let rationale = object.optional("rationale", localized(limits::PROSE));
    let derived_from = object.list("derivedFrom", limits::ITEMS, name);
    let depends_on = object.list("dependsOn", limits::ITEMS, name);
    let in_force_from = object.optional("inForceFrom", instant);

    match (has_enforcement, has_verification) {
        (false, false) => {
            let remedy = "add `enforcement`, or `verification: test`, `inspection` or `document`";
            object.report.at(path, "neither `enforcement` nor `verification` is stated", remedy);
        }
        (true, true) => {
            let path = object.path("verification");
            let message = "`verification` is stated beside `enforcement`";
            object.report.at(&path, message, "remove one: what is enforced is verified by its mechanism");
        }
        _ => {}
    }
    if let (Some(target), Some(enforcement)) = (&target, &enforcement)
        && let Some((message, remedy)) = mismatch(target, &enforcement.params)
    {
        let path = object.path("target");
        object.report.at(&path, message, remedy);
    }
    Some(RequirementSpec {
        system: system?,
        statement: statement?,
        target: target?,
        condition,
        metric: metric?,
        threshold: threshold?,
        obligation: obligation?,
        catalogue,
        enforcement,
        verification,
        owner,
        rationale,
        derived_from,
        depends_on,
        in_force_from,
    })
}

/// A mechanism that cannot keep a requirement about this target.
fn mismatch(target: &Target, params: &Params) -> Option<(String, &'static str)> {
    let mechanism = params.mechanism();
    let routes = matches!(target, Target::Route(_) | Target::Routes(_));
    let fits = match mechanism {
        Mechanism::Cache => routes || *target == Target::System,
        Mechanism::Admission | Mechanism::Slo => {
            routes || matches!(target, Target::System | Target::Operation(_))
        }
        Mechanism::Encryption | Mechanism::Retention => {
            matches!(target, Target::System | Target::Record(_) | Target::Field { .. })
        }
        Mechanism::Access => true,
    };
    if !fits {
        let remedy = match mechanism {
            Mechanism::Cache => "write `route:NAME`, `routes:personal` or `system`",
            Mechanism::Admission | Mechanism::Slo => "write `system`, `operation:NAME` or `route:NAME`",
            _ => "write `record:TYPE`, `field:TYPE.FIELD` or `system`",
        };
        return Some((format!("mechanism `{mechanism}` cannot keep `{target}`"), remedy));
    }
    let everyone = matches!(target, Target::System | Target::Routes(RouteClass::Personal));
    if everyone && matches!(params, Params::Cache(CacheParams::Public { .. })) {
        let message = format!("rule `public` would let caches store the personal pages of `{target}`");
        return Some((message, "name a public route, or write rule `no_store`"));
    }
    None
}

fn target(node: &Node, path: &str, report: &mut Report) -> Option<Target> {
    let remedy = |_: &str, _: &&'static str| {
        "write `system`, `route:NAME`, `routes:personal`, `record:TYPE`, `field:TYPE.FIELD` or `operation:NAME`"
            .to_owned()
    };
    parsed(limits::LINE, Target::parse, remedy)(node, path, report)
}

fn threshold(node: &Node, path: &str, report: &mut Report) -> Option<Threshold> {
    let mut object = Object::open(node, path, report, &["op", "value", "unit"])?;
    let op = object.required("op", word("a comparison"));
    let value = object.required("value", threshold_value);
    let unit = object.required("unit", text(limits::NAME));
    if let (Some(op), Some(value)) = (op, &value) {
        let fault = match (op, value) {
            (ThresholdOp::In, ThresholdValue::List(_)) => None,
            (ThresholdOp::In, _) => Some(("`in` needs a list", "write `[a, b]`")),
            (_, ThresholdValue::List(_)) => Some(("only `in` takes a list", "write one value, or `op: in`")),
            (ThresholdOp::Eq, ThresholdValue::Figure(_)) => {
                Some(("an estimated figure is no exact value", "write `op: lte` or `op: gte`"))
            }
            (ThresholdOp::Eq, _) | (_, ThresholdValue::Number(_) | ThresholdValue::Figure(_)) => None,
            _ => Some(("this comparison needs a number", "write a number, or `op: eq`")),
        };
        if let Some((message, remedy)) = fault {
            let path = object.path("value");
            object.report.at(&path, message, remedy);
        }
    }
    if let (Some(ThresholdValue::Figure(figure)), Some(unit)) = (&value, &unit)
        && unit != figure.figure.unit()
    {
        let path = object.path("unit");
        let (figure, own) = (figure.figure.as_str(), figure.figure.unit());
        object.report.at(
            &path,
            format!("`{figure}` is not measured in {}", quoted(unit)),
            format!("write `{own}`"),
        );
    }
    Some(Threshold { op: op?, value: value?, unit: unit? })
}

fn threshold_value(node: &Node, path: &str, report: &mut Report) -> Option<ThresholdValue> {
    if let Value::List(items) = &node.value {
        if items.is_empty() || items.len() > limits::ITEMS {
            let message = format!("the list does not have 1 to {} items", limits::ITEMS);
            report.at(path, message, "correct the list");
            return None;
        }
        let read = |(at, item)| single(item, &format!("{path}[{at}]"), report);
        return Some(ThresholdValue::List(items.iter().enumerate().filter_map(read).collect()));
    }
    if let Value::Map(_) = &node.value {
        return figure(node, path, report).map(ThresholdValue::Figure);
    }
    single(node, path, report)
}

fn figure(node: &Node, path: &str, report: &mut Report) -> Option<EstimateFigure> {
    let mut object = Object::open(node, path, report, &["estimate", "figure", "percentile"])?;
    let estimate = object.required("estimate", name);
    let figure = object.required("figure", |node, path, report| {
        let word = text(limits::NAME)(node, path, report)?;
        let found = Quantity::ALL.into_iter().find(|quantity| quantity.as_str() == word);
        if found.is_none() {
            let words = Quantity::ALL.map(Quantity::as_str);
            report.at(
                path,
                format!("{} is not a figure of estimates", quoted(&word)),
                suggestion(&word, &words),
            );
        }
        found
    });
    let percentile = object.required("percentile", |node, path, report| {
        let number = whole(0, 100)(node, path, report)?;
        let percentile = u8::try_from(number).ok().and_then(|number| Percentile::try_from(number).ok());
        if percentile.is_none() {
            report.at(path, format!("estimates give no percentile {number}"), "write 5, 50 or 95");
        }
        percentile
    });
    Some(EstimateFigure { estimate: estimate?, figure: figure?, percentile: percentile? })
}

fn single(node: &Node, path: &str, report: &mut Report) -> Option<ThresholdValue> {
    Some(match scalar(node, path, report)? {
        serde_json::Value::Bool(value) => ThresholdValue::Bool(value),
        serde_json::Value::Number(value) => ThresholdValue::Number(value),
        serde_json::Value::String(value) => ThresholdValue::Text(value),
        _ => return None,
    })
}

fn citation(node: &Node, path: &str, report: &mut Report) -> Option<Citation> {
    let mut object = Object::open(node, path, report, &["ref", "level", "relation"])?;
    let reference = object.required("ref", reference);
    let level = object.optional("level", whole(0, 5)).and_then(|level| u8::try_from(level).ok());
    let relation = object.optional("relation", word("a relation")).unwrap_or_default();
    Some(Citation { reference: reference?, level, relation })
}

fn reference(node: &Node, path: &str, report: &mut Report) -> Option<CatalogueRef> {
    let remedy = |_: &str, error: &RefError| match error {
        RefError::Shape => format!("write it like `{}`", Catalogue::IpaNfrg.example()),
        RefError::Scheme(scheme) => {
            let words: Vec<&str> = Catalogue::ALL.iter().map(|catalogue| catalogue.as_str()).collect();
            suggestion(scheme, &words)
        }
        RefError::Parts(catalogue) => format!("write it like `{}`", catalogue.example()),
    };
    parsed(limits::LINE, CatalogueRef::parse, remedy)(node, path, report)
}

pub(super) fn instant(node: &Node, path: &str, report: &mut Report) -> Option<Timestamp> {
    let parse = |text: &str| text.parse::<Timestamp>().map_err(|_| "is not an instant with an offset");
    let remedy = |_: &str, _: &&'static str| "write it like `2023-10-27T09:00:00+09:00`".to_owned();
    parsed(limits::NAME, parse, remedy)(node, path, report)
}
