//! Who may do what, as a table of role × object × action: generated from the engine's own answers.

use super::attributes::Attributes;
use super::{Policies, Question, templates};
use crate::access::model::{Action, Role};
use crate::error::Result;

/// The table as Markdown: 権限一覧表.
///
/// # Errors
/// When the role templates cannot be read.
pub fn permission_table() -> Result<String> {
    let mut objects: Vec<String> = templates::read()?.into_iter().map(|rule| rule.object.into()).collect();
    objects.sort();
    objects.dedup();
    let policy = Policies::default().policy(0, &[], Vec::new());
    let mut table = format!(
        "| object | {} |\n|---|{}\n",
        Role::ALL.map(Role::as_str).join(" | "),
        "---|".repeat(Role::ALL.len())
    );
    let attributes = Attributes::new();
    for object in objects {
        let concrete = object.trim_end_matches('*').trim_end_matches('.');
        let asked = if object.starts_with("data.") { "data.record_type.field" } else { concrete };
        let cells = Role::ALL.map(|role| {
            let allowed: Vec<&str> = Action::ALL
                .into_iter()
                .map(Action::as_str)
                .filter(|action| {
                    let question = Question { action, object: asked, system: None, attributes: &attributes };
                    policy.decide(role.as_str(), question)
                })
                .collect();
            if allowed.len() == Action::ALL.len() { "all".to_owned() } else { allowed.join(" ") }
        });
        table.push_str(&format!("| `{object}` | {} |\n", cells.join(" | ")));
    }
    Ok(table)
}
