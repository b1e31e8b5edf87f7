//! Grants for a time (break-glass): what passes over the role templates, for one account, at one tenant, until an instant.
//!
//! A grant passes over what the templates refuse and what nothing allows. It does not pass over a refusal that somebody set on
//! purpose: a rule of the tenant's own, or a requirement in force (of the law).

use uuid::Uuid;

use super::attributes::Scalar;
use super::explain::{Explanation, RuleSeen};
use super::rule::{Effect, Origin, matches};
use super::{Policy, Question};

/// A grant of one account.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: Uuid,
    /// The account that it is for.
    pub account: Uuid,
    /// The tenant whose data it opens.
    pub tenant: Uuid,
    /// The only person that it opens, where one is named.
    pub subject: Option<Uuid>,
    /// Actions and objects, which may end in `*`.
    pub permissions: Vec<(String, String)>,
    /// Microseconds; at this instant it is over.
    pub ends_at: i64,
}

impl Grant {
    /// Whether it speaks of the question. What is not known of the request never helps: without the tenant, or without the
    /// person where the grant names one, it does not.
    fn covers(&self, account: Uuid, at: i64, question: &Question<'_>) -> bool {
        self.account == account
            && self.permission(question).is_some()
            && self.failing(at, question).is_empty()
    }

    fn permission(&self, question: &Question<'_>) -> Option<&(String, String)> {
        let speaks = |(action, object): &&(String, String)| {
            action == question.action && matches(object, question.object)
        };
        self.permissions.iter().find(speaks)
    }

    /// What keeps it from holding, in words.
    fn failing(&self, at: i64, question: &Question<'_>) -> Vec<String> {
        let is = |name: &str, id: Uuid| matches!(question.attributes.get(name), Some(Scalar::Text(text)) if **text == *id.to_string());
        let mut failing = Vec::new();
        if at >= self.ends_at {
            failing.push("its time is over".to_owned());
        }
        if !is("record.tenant", self.tenant) {
            failing.push(format!("record.tenant = {}", self.tenant));
        }
        if let Some(subject) = self.subject.filter(|subject| !is("record.subject", *subject)) {
            failing.push(format!("record.subject = {subject}"));
        }
        failing
    }
}

impl Policy {
    /// The grant by which this account may do what its roles do not allow; `at` in microseconds.
    pub fn grant(&self, account: Uuid, at: i64, question: Question<'_>) -> Option<Uuid> {
        let grant = self.grants.iter().find(|grant| grant.covers(account, at, &question))?;
        (!self.refuses_on_purpose(self.roles_of(account), question)).then_some(grant.id)
    }

    /// Adds the account's grants that speak of the question to an explanation, and changes its answer where one decides.
    pub fn explain_grants(
        &self,
        account: Uuid,
        at: i64,
        question: Question<'_>,
        explanation: &mut Explanation,
    ) {
        if explanation.allowed {
            return;
        }
        let decides = self.grant(account, at, question);
        for grant in self.grants.iter().filter(|grant| grant.account == account) {
            let Some((action, object)) = grant.permission(&question) else { continue };
            let mut failing = grant.failing(at, &question);
            if failing.is_empty() && decides.is_none() {
                failing.push("a rule of the tenant or a requirement refuses it on purpose".to_owned());
            }
            explanation.rules.push(RuleSeen {
                origin: Origin::BreakGlass(grant.id.to_string()).to_string(),
                role: String::new(),
                object: object.clone(),
                action: action.clone(),
                effect: Effect::Allow,
                holds: failing.is_empty(),
                failing,
            });
        }
        if let Some(grant) = decides {
            explanation.allowed = true;
            explanation.because = format!("allowed by {}", Origin::BreakGlass(grant.to_string()));
        }
    }

    /// Whether a rule of the tenant's own or a requirement in force refuses it: a grant does not pass over those.
    fn refuses_on_purpose(&self, roles: &str, question: Question<'_>) -> bool {
        let required = question.system.map_or(&[][..], |system| &system.enforced);
        self.book_about(question.attributes).rules.iter().chain(required).any(|rule| {
            rule.effect == Effect::Deny
                && matches!(rule.origin, Origin::Override | Origin::Requirement(_))
                && roles.split(',').any(|role| role == &*rule.role)
                && rule.speaks_of(question.action, question.object)
                && rule.holds(question.attributes)
        })
    }
}
