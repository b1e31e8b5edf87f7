//! The difference between two versions of a manifest, for `suimon plan`.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::tree::join;

/// One changed value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Path; items of lists of named things by name: `spec.recordTypes[applicant].fields[email].searchable`.
    pub path: String,
    /// Value in the old version; none when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Value in the new version; none when it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(out, "~ {}: {before} → {after}", self.path),
            (None, Some(after)) => write!(out, "+ {}: {after}", self.path),
            (Some(before), None) => write!(out, "- {}: {before}", self.path),
            (None, None) => write!(out, "  {}", self.path),
        }
    }
}

/// What changes from `old` to `new`, in the order of paths. Empty exactly when both are equal as canonical JSON.
/// `Value::Null` stands for "there is no old version" or "no new one".
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", old, new, &mut changes);
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let (before, after) = (before.get(key), after.get(key));
                side_by_side(&join(path, key), before, after, changes);
            }
        }
        (Value::Array(before), Value::Array(after)) => compare_lists(path, before, after, changes),
        _ if old == new => {}
        _ => changes.push(Change { path: path.to_owned(), before: present(old), after: present(new) }),
    }
}

fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

fn side_by_side(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(path, before, after, changes),
        // Named things are told apart also where there was none before, or where none is left.
        (Some(Value::Array(before)), None) if is_named(before) => compare_lists(path, before, &[], changes),
        (None, Some(Value::Array(after))) if is_named(after) => compare_lists(path, &[], after, changes),
        (before, after) => {
            changes.push(Change { path: path.to_owned(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// Named items are compared by name, wherever they stand; a list of plain values changes as a whole.
fn compare_lists(path: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let (Some(old_names), Some(new_names)) = (names(before), names(after)) else {
        let (before, after) = (Some(before.to_vec().into()), Some(after.to_vec().into()));
        changes.push(Change { path: path.to_owned(), before, after });
        return;
    };
    let all: BTreeSet<&str> = old_names.iter().chain(&new_names).copied().collect();
    for name in all {
        let find = |names: &[&str], items: &'_ [Value]| {
            names.iter().position(|known| *known == name).map(|at| items[at].clone())
        };
        let (old_item, new_item) = (find(&old_names, before), find(&new_names, after));
        side_by_side(&format!("{path}[{name}]"), old_item.as_ref(), new_item.as_ref(), changes);
    }
    let kept = |names: &[&str], others: &[&str]| -> Vec<Value> {
        names.iter().filter(|name| others.contains(name)).map(|name| Value::from(*name)).collect()
    };
    let (old_order, new_order) = (kept(&old_names, &new_names), kept(&new_names, &old_names));
    if old_order != new_order {
        let (before, after) = (Some(old_order.into()), Some(new_order.into()));
        changes.push(Change { path: format!("{path} (order)"), before, after });
    }
}

/// Keys by which the items of the model's lists are told apart.
const NAMING_KEYS: [&str; 4] = ["name", "ref", "recordType", "attribute"];

fn is_named(items: &[Value]) -> bool {
    !items.is_empty() && names(items).is_some()
}

/// The names of the items, when every item has one and no two are the same.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let name = |item| -> Option<&str> { NAMING_KEYS.iter().find_map(|key| Value::get(item, key)?.as_str()) };
    let names: Vec<&str> = items.iter().map(name).collect::<Option<_>>()?;
    let distinct: BTreeSet<&&str> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}
