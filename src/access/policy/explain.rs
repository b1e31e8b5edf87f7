//! Why a decision is what it is: every rule that speaks of the question, whether it holds, and which condition fails.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::rule::{Effect, Origin, Rule};
use super::{Policy, Question};

/// A rule that speaks of the question.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// The token's scope does not cover it, whatever the roles allow.
    #[serde(default)]
    pub outside_token_scope: bool,
}

impl Explanation {
    /// Of a refusal that no rule of the policy decided.
    pub fn in_words(roles: &str, because: &str) -> Self {
        Self {
            allowed: false,
            roles: roles.split(',').filter(|role| !role.is_empty()).map(str::to_owned).collect(),
            rules: Vec::new(),
            allowed_roles: Vec::new(),
            because: because.to_owned(),
            outside_token_scope: false,
        }
    }

    /// Says that the token's scope does not cover it.
    pub fn beyond_the_token(&mut self) {
        self.outside_token_scope = true;
        self.because = if self.allowed {
            "refused: the token's scope does not cover this".to_owned()
        } else {
            format!("{}; and the token's scope does not cover this", self.because)
        };
        self.allowed = false;
    }
}

impl Policy {
    /// Why somebody with these roles may or may not do this.
    pub fn explain(&self, roles: &str, question: Question<'_>) -> Explanation {
        let allowed = self.decide(roles, question);
        let book = self.book_with(&question);
        let own: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
        let speaking = |rule: &&Rule| rule.speaks_of(question.action, question.object);
        let mut rules: Vec<RuleSeen> = book
            .rules
            .iter()
            .filter(speaking)
            .filter(|rule| own.contains(&&*rule.role))
            .map(|rule| seen(rule, question))
            .collect();
        // What decides first: a deny that holds, then an allow that holds, then what failed. Of two refusals the one that somebody
        // set on purpose: an emergency passes over a template's, and never over that.
        let template = Origin::Template.to_string();
        rules.sort_by_key(|rule| {
            let allow = rule.effect == Effect::Allow;
            (!rule.holds, allow, !allow && rule.origin == template)
        });
        let others: BTreeSet<&str> = book.rules.iter().filter(speaking).map(|rule| &*rule.role).collect();
        let allowed_roles = others.into_iter().filter(|role| self.decide(role, question)).map(str::to_owned);
        let because = because(allowed, &own, &rules);
        Explanation {
            allowed,
            roles: own.iter().map(|role| (*role).to_owned()).collect(),
            allowed_roles: allowed_roles.collect(),
            because,
            rules,
            outside_token_scope: false,
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
