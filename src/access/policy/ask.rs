//! What a decision about the people of a protected system asks besides yes or no.

use std::collections::BTreeSet;

use super::rule::{Effect, Origin, Rule};
use super::{Policy, Question, SystemRules};
use crate::access::Action;

impl Policy {
    /// Names of the requirements in force that refuse this.
    pub fn refused_by<'q>(&self, roles: &str, question: Question<'q>) -> Vec<&'q str> {
        let rules = question.system.map_or(&[][..], |system| &system.enforced);
        denies(rules, roles, question)
    }

    /// Whether any rule speaks of this role.
    pub fn knows_role(&self, role: &str, system: &SystemRules) -> bool {
        self.book.rules.iter().chain(&system.enforced).any(|rule| &*rule.role == role)
    }

    /// Every verb that a rule names, and Suimon's own where one says `*`.
    pub fn actions(&self, system: &SystemRules) -> Vec<String> {
        let rules = self.book.rules.iter().chain(&system.enforced);
        let mut verbs: BTreeSet<&str> = Action::ALL.into_iter().map(Action::as_str).collect();
        verbs.extend(rules.map(|rule| rule.action.as_ref()).filter(|action| !action.contains('*')));
        verbs.into_iter().map(str::to_owned).collect()
    }
}

/// Names of the requirements among these rules whose deny holds.
pub(super) fn denies<'q>(rules: &'q [Rule], roles: &str, question: Question<'q>) -> Vec<&'q str> {
    let refuses = |rule: &&Rule| {
        rule.effect == Effect::Deny
            && roles.split(',').any(|role| role == &*rule.role)
            && rule.speaks_of(question.action, question.object)
            && rule.holds(question.attributes)
    };
    let names = rules.iter().filter(refuses).filter_map(|rule| match &rule.origin {
        Origin::Requirement(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}
