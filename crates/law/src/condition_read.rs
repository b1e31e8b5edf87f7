//! Reading conditions: the little language of the rule packs.

use crate::{
    catalogue::{self, FactKind},
    facts::{self, Value},
    pack::{Check, Condition, Op, Test},
    read::{At, Errors, Fields, short},
};

const GROUPS: &[&str] = &["all", "any", "not", "use", "fact"];
const CHECKS: &[&str] =
    &["is", "in", "contains_any", "more_than", "at_least", "before", "on_or_after", "recorded"];
const ALL: &[&str] = &[
    "id",
    "clause",
    "text",
    "source",
    "all",
    "any",
    "not",
    "use",
    "fact",
    "is",
    "in",
    "contains_any",
    "more_than",
    "at_least",
    "before",
    "on_or_after",
    "recorded",
];

/// Reads a condition; `id` is used where the text gives none.
pub(crate) fn condition(at: &At<'_>, id: &str, errs: &mut Errors) -> Option<Condition> {
    let f = at.fields(ALL, errs)?;
    let id = match f.get("id") {
        Some(a) => a.text(errs)?.to_owned(),
        None => id.to_owned(),
    };
    let clause = f.get("clause").and_then(|a| a.labels(errs));
    let text = f.get("text").and_then(|a| a.labels(errs));
    let source = f.get("source").and_then(|a| a.text(errs)).map(str::to_owned);
    let groups: Vec<_> = f.names().filter(|n| GROUPS.contains(n)).collect();
    let [group] = groups[..] else {
        return at.fail(errs, "expected exactly one of all, any, not, use, fact");
    };
    if group != "fact"
        && let Some(check) = f.names().find(|n| CHECKS.contains(n))
    {
        return at.fail(errs, format!("{check:?} belongs to a fact, not to {group:?}"));
    }
    let inner = f.need(group, errs)?;
    let op = match group {
        "all" => Op::All(children(&inner, &id, errs)?),
        "any" => Op::Any(children(&inner, &id, errs)?),
        "not" => Op::Not(Box::new(condition(&inner, &format!("{id}/not"), errs)?)),
        "use" => Op::Use(inner.text(errs)?.to_owned()),
        _ => Op::Test(test(&inner, &f, errs)?),
    };
    Some(Condition { id, clause, text, source, op })
}

fn children(at: &At<'_>, id: &str, errs: &mut Errors) -> Option<Vec<Condition>> {
    let items = at.list(errs)?;
    if items.is_empty() {
        return at.fail(errs, "an empty list decides nothing; name at least one condition");
    }
    let read: Vec<_> =
        items.iter().enumerate().map(|(i, item)| condition(item, &format!("{id}/{}", i + 1), errs)).collect();
    read.into_iter().collect()
}

fn test(at: &At<'_>, f: &Fields<'_>, errs: &mut Errors) -> Option<Test> {
    let name = at.text(errs)?;
    let family = name.strip_suffix('*');
    // `US-*` asks of every member that begins so; a member like it tells the family.
    let Some(def) = catalogue::find(&family.map_or(name.to_owned(), |prefix| format!("{prefix}X"))) else {
        let hint = catalogue::nearest(name).map_or(String::new(), |n| format!("; did you mean {n:?}?"));
        return at.fail(errs, format!("{:?} is not a fact of the catalogue{hint}", short(name)));
    };
    let checks: Vec<_> = f.names().filter(|n| CHECKS.contains(n)).collect();
    let [check] = checks[..] else {
        return f.at.fail(errs, format!("expected exactly one check: {}", CHECKS.join(", ")));
    };
    let value = f.need(check, errs)?;
    if family.is_some() && !(def.kind == FactKind::Count && matches!(check, "more_than" | "at_least")) {
        return at.fail(errs, "a name with * can only be asked with more_than or at_least, of a count");
    }
    let check = match (check, def.kind) {
        ("recorded", _) => match value.flag(errs)? {
            true => Check::Recorded,
            false => return value.fail(errs, "write recorded: true, under not: where it shall be absent"),
        },
        ("is", FactKind::Flag | FactKind::Choice(_) | FactKind::Count) => {
            Check::Is(vec![facts::read_value(def, &value, errs)?])
        }
        ("in", FactKind::Choice(_)) => {
            let items = value.list(errs)?;
            let read: Vec<_> = items.iter().map(|i| facts::read_value(def, i, errs)).collect();
            match read.into_iter().collect::<Option<Vec<_>>>()? {
                values if values.is_empty() => return value.fail(errs, "an empty list is never met"),
                values => Check::Is(values),
            }
        }
        ("contains_any", FactKind::Set(words)) => {
            Check::ContainsAny { words: patterns(words, &value, errs)?, shown: written(&value, errs)? }
        }
        ("contains_any", FactKind::Codes) => match facts::read_value(def, &value, errs)? {
            Value::Words(words) if !words.is_empty() => {
                Check::ContainsAny { words, shown: written(&value, errs)? }
            }
            _ => return value.fail(errs, "an empty list is never met"),
        },
        ("more_than", FactKind::Count) => Check::MoreThan(value.count(errs)?),
        ("at_least", FactKind::Count) => Check::AtLeast(value.count(errs)?),
        ("before", FactKind::Moment) => Check::Before(value.date(errs)?),
        ("on_or_after", FactKind::Moment) => Check::OnOrAfter(value.date(errs)?),
        (check, _) => return value.fail(errs, format!("{check:?} cannot be asked of {}", def.name)),
    };
    Some(Test { fact: name.to_owned(), check })
}

/// The list as the pack wrote it.
fn written(at: &At<'_>, errs: &mut Errors) -> Option<String> {
    Some(at.texts(errs)?.join(", "))
}

/// Words of a set; `special_care.*` stands for every word with that prefix.
fn patterns(words: &[&str], at: &At<'_>, errs: &mut Errors) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for item in at.list(errs)? {
        let text = item.text(errs)?;
        let before = found.len();
        match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => {
                found.extend(words.iter().filter(|w| w.starts_with(prefix)).map(|w| (*w).to_owned()));
            }
            _ => found.extend(words.iter().filter(|w| **w == text).map(|w| (*w).to_owned())),
        }
        if found.len() == before {
            return item.fail(errs, format!("expected one of {}", words.join(", ")));
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() { at.fail(errs, "an empty list is never met") } else { Some(found) }
}
