//! Readers for single values: texts, names, numbers, words, periods.

use std::collections::BTreeMap;

use super::decode::{Object, Report, note_repeated};
use super::limits;
use super::model::Localized;
use super::period::Period;
use super::tree::{Node, Value, join};
use super::vocabulary::Vocabulary;
use super::wording::{one_of, quoted, suggestion};

/// A text of one to `limit` characters without control characters other than line ends.
pub(super) fn text(limit: usize) -> impl Fn(&Node, &str, &mut Report) -> Option<String> {
    move |node, path, report| {
        let Some(text) = node.text() else {
            report.expected(node, path, "a text");
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() {
            report.at(path, "the text is empty", "write a text or remove the key");
        } else if length > limit {
            report.at(path, format!("the text has {length} characters, more than {limit}"), "shorten it");
        } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            report.at(path, "the text contains a control character", "remove it");
        } else {
            return Some(text.to_owned());
        }
        None
    }
}

pub(super) fn truth(node: &Node, path: &str, report: &mut Report) -> Option<bool> {
    match node.value {
        Value::Bool(value) => Some(value),
        _ => {
            let message = format!("expected `true` or `false`, found {}", node.describe());
            report.at(path, message, "write `true` or `false`");
            None
        }
    }
}

/// A whole number in a range.
pub(super) fn whole(min: u32, max: u32) -> impl Fn(&Node, &str, &mut Report) -> Option<u32> {
    move |node, path, report| {
        let value = match &node.value {
            Value::Number(number) => number.as_u64().and_then(|value| u32::try_from(value).ok()),
            _ => {
                report.expected(node, path, "a number");
                return None;
            }
        };
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            let message = format!("the number is not a whole number from {min} to {max}");
            report.at(path, message, "correct the value");
        }
        value
    }
}

/// A number strictly between the bounds.
pub(super) fn between(low: f64, high: f64) -> impl Fn(&Node, &str, &mut Report) -> Option<f64> {
    move |node, path, report| {
        let Value::Number(number) = &node.value else {
            report.expected(node, path, "a number");
            return None;
        };
        let value = number.as_f64().filter(|value| *value > low && *value < high);
        if value.is_none() {
            let message = if high.is_finite() {
                format!("the number is not above {low} and below {high}")
            } else {
                format!("the number is not above {low}")
            };
            report.at(path, message, "correct the value");
        }
        value
    }
}

/// One of the words of an enum; `what` names the enum for the error text ("a protection").
pub(super) fn word<V: Vocabulary>(what: &'static str) -> impl Fn(&Node, &str, &mut Report) -> Option<V> {
    move |node, path, report| {
        let words: Vec<&str> = V::ALL.iter().map(|value| value.word()).collect();
        let Some(text) = node.text() else {
            let message = format!("expected {what}, found {}", node.describe());
            report.at(path, message, format!("write {}", one_of(&words)));
            return None;
        };
        let found = V::ALL.iter().copied().find(|value| value.word() == text);
        if found.is_none() {
            report.at(path, format!("{} is not {what}", quoted(text)), suggestion(text, &words));
        }
        found
    }
}

/// A text that another type reads; its error is a sentence that follows the quoted text.
pub(super) fn parsed<T, E: std::fmt::Display>(
    limit: usize,
    parse: impl Fn(&str) -> Result<T, E>,
    remedy: impl Fn(&str, &E) -> String,
) -> impl Fn(&Node, &str, &mut Report) -> Option<T> {
    move |node, path, report| {
        let value = text(limit)(node, path, report)?;
        parse(&value)
            .map_err(|error| {
                report.at(path, format!("{} {error}", quoted(&value)), remedy(&value, &error));
            })
            .ok()
    }
}

pub(super) fn period(node: &Node, path: &str, report: &mut Report) -> Option<Period> {
    let remedy = |_: &str, _: &&'static str| "write it like `P5Y`, `P90D` or `PT30M`".to_owned();
    parsed(limits::NAME, Period::parse, remedy)(node, path, report)
}

/// `snake_case`: record types, fields, roles, actions.
pub(super) fn snake(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let fits = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    shaped(
        node,
        path,
        report,
        fits,
        "is not snake_case",
        "write lower-case letters, digits and `_`, a letter first",
    )
}

/// Names of manifests and routes.
pub(super) fn name(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let fits = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    shaped(
        node,
        path,
        report,
        fits,
        "is not a name",
        "write letters, digits, `-`, `_` and `.`, a letter or digit first",
    )
}

/// `word` or `word.word`, letters, digits and `_`; the last part may be `*` when `star`.
pub(super) fn dotted(star: bool) -> impl Fn(&Node, &str, &mut Report) -> Option<String> {
    move |node, path, report| {
        let is_word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let fits = |text: &str| {
            let parts: Vec<&str> = text.split('.').collect();
            let last = parts.len() - 1;
            parts
                .iter()
                .enumerate()
                .all(|(at, part)| is_word(part) || star && at == last && at > 0 && *part == "*")
        };
        let remedy = if star {
            "write it like `applicant.email` or `applicant.*`"
        } else {
            "write it like `record.tenant`"
        };
        shaped(node, path, report, fits, "is not a dotted name", remedy)
    }
}

fn shaped(
    node: &Node,
    path: &str,
    report: &mut Report,
    fits: impl Fn(&str) -> bool,
    fault: &str,
    remedy: &str,
) -> Option<String> {
    let value = text(limits::NAME)(node, path, report)?;
    if fits(&value) {
        return Some(value);
    }
    report.at(path, format!("{} {fault}", quoted(&value)), remedy);
    None
}

/// A text in both languages.
pub(super) fn localized(limit: usize) -> impl Fn(&Node, &str, &mut Report) -> Option<Localized> {
    move |node, path, report| {
        let mut object = Object::open(node, path, report, &["ja", "en"])?;
        let ja = object.required("ja", text(limit));
        let en = object.required("en", text(limit));
        Some(Localized { ja: ja?, en: en? })
    }
}

/// A mapping with free keys; its values are texts.
pub(super) fn labels(node: &Node, path: &str, report: &mut Report) -> Option<BTreeMap<String, String>> {
    let Value::Map(entries) = &node.value else {
        report.expected(node, path, "a mapping");
        return None;
    };
    note_repeated(entries, path, report);
    if entries.len() > limits::ITEMS {
        let message = format!("there are {} labels, more than {}", entries.len(), limits::ITEMS);
        report.at(path, message, "remove some");
        return None;
    }
    let mut labels = BTreeMap::new();
    for (key, node) in entries {
        let path = join(path, &key.text);
        if key.text.is_empty() || key.text.chars().count() > limits::NAME {
            let message = format!("the label's key is empty or longer than {} characters", limits::NAME);
            report.at_place(key.at, &path, message, "shorten it");
        }
        if let Some(value) = text(limits::LINE)(node, &path, report) {
            labels.insert(key.text.clone(), value);
        }
    }
    Some(labels)
}
