//! Why a decision is what it is: every rule that speaks of the question, whether it holds, and which condition fails.

use std::collections::BTreeSet;

use serde::Serialize;

use super::rule::{Effect, Rule};
use super::{Policy, Question};

/// A rule that speaks of the question.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSeen {
    /// Where it comes from, in words.
    pub origin: String,
    pub role: String,
    pub object: String,
    pub action: String,
    pub effect: Effect,
    /// Whether its conditions hold for this request.
    pub holds: bool,
    /// The conditions that do not hold. Names and the rule's own values; never the values of the request.
    pub failing: Vec<String>,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub allowed: bool,
    /// Roles of who asked.
    pub roles: Vec<String>,
    /// Rules of those roles that speak of the question; those that decide come first.
    pub rules: Vec<RuleSeen>,
    /// Roles that would be allowed the same.
    pub allowed_roles: Vec<String>,
    /// The decision in one sentence.
    pub because: String,
}

impl Policy {
    /// Why somebody with these roles may or may not do this.
    pub fn explain(&self, roles: &str, question: Question<'_>) -> Explanation {
        let allowed = self.decide(roles, question);
        let book = self.book_with(question.system);
        let own: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
        let speaking = |rule: &&Rule| rule.speaks_of(question.action, question.object);
        let mut rules: Vec<RuleSeen> = book
            .rules
            .iter()
            .filter(speaking)
            .filter(|rule| own.contains(&&*rule.role))
            .map(|rule| seen(rule, question))
            .collect();
        // What decides first: a deny that holds, then an allow that holds, then what failed.
        rules.sort_by_key(|rule| (!rule.holds, rule.effect == Effect::Allow));
        let others: BTreeSet<&str> = book.rules.iter().filter(speaking).map(|rule| &*rule.role).collect();
        let allowed_roles = others.into_iter().filter(|role| self.decide(role, question)).map(str::to_owned);
        let because = because(allowed, &own, &rules);
        Explanation {
            allowed,
            roles: own.iter().map(|role| (*role).to_owned()).collect(),
            allowed_roles: allowed_roles.collect(),
            because,
            rules,
        }
    }
}

fn seen(rule: &Rule, question: Question<'_>) -> RuleSeen {
    let Rule { origin, role, object, action, effect, when } = rule;
    let failing = when.iter().filter(|condition| !condition.holds(*effect, question.attributes));
    let failing: Vec<String> = failing.map(ToString::to_string).collect();
    RuleSeen {
        origin: origin.to_string(),
        role: role.to_string(),
        object: object.to_string(),
        action: action.to_string(),
        effect: *effect,
        holds: failing.is_empty(),
        failing,
    }
}

fn because(allowed: bool, roles: &[&str], rules: &[RuleSeen]) -> String {
    let decisive = rules.iter().find(|rule| rule.holds);
    match (allowed, decisive) {
        (true, Some(rule)) => format!("allowed by {}", rule.origin),
        (false, Some(rule)) if rule.effect == Effect::Deny => format!("refused by {}", rule.origin),
        _ if roles.is_empty() => "refused: who asked has no role here".to_owned(),
        _ => match rules.iter().find(|rule| rule.effect == Effect::Allow) {
            Some(rule) => {
                format!("refused: {} would allow it, but not: {}", rule.origin, rule.failing.join("; "))
            }
            None => "refused: no rule of these roles allows it".to_owned(),
        },
    }
}
