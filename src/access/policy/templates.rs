//! Role templates: the rules of `policies/access/roles.csv`.

use super::rule::{Effect, Origin, Rule};
use crate::error::Result;

const ROLES: &str = include_str!("../../../policies/access/roles.csv");

/// Reads them.
pub(super) fn read() -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for (index, line) in ROLES.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| anyhow::anyhow!("policies/access/roles.csv:{}: {what}", index + 1);
        // casbin accepts rows of any length and then answers surprisingly.
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let [role, object, action, effect] = cells[..] else {
            return Err(wrong("wants role, object, action, effect").into());
        };
        rules.push(Rule {
            origin: Origin::Template,
            role: role.into(),
            object: object.into(),
            action: action.into(),
            effect: match effect {
                "allow" => Effect::Allow,
                "deny" => Effect::Deny,
                _ => return Err(wrong("the effect wants to be allow or deny").into()),
            },
            when: Vec::new(),
        });
    }
    Ok(rules)
}
