//! Who may do what, as a table of role × object × action: generated from the engine's own answers.

use super::attributes::Attributes;
use super::rule::{Effect, Rule};
use super::{Policies, Policy, Question, templates};
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

/// How a role stands to an action on an object, whatever is known of the request.
#[derive(Clone, Debug)]
pub struct Standing {
    pub answer: StandingAnswer,
    /// The rules that make it so. Of a conditional one: those that allow it, some under conditions.
    pub allows: Vec<Rule>,
    /// Those that refuse it; of a conditional one: when their conditions hold.
    pub denies: Vec<Rule>,
}

/// The engine's answer over all requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingAnswer {
    Allowed,
    /// On some requests.
    Conditional,
    /// A rule refuses it on every request.
    Refused,
    /// No rule allows it; some refuse it besides, under conditions.
    NotGranted,
    /// No rule speaks of it in a way that matters: refused, as all that is not allowed.
    Unmentioned,
}

impl Policy {
    /// How a role stands to this. Of the attributes only the tenant of the record counts.
    pub fn standing(&self, role: &str, question: Question<'_>) -> Standing {
        let book = self.book_with(&question);
        let speaks = |rule: &&Rule| &*rule.role == role && rule.speaks_of(question.action, question.object);
        let speaking: Vec<&Rule> = book.rules.iter().filter(speaks).collect();
        let of = |effect: Effect, conditional: bool| -> Vec<Rule> {
            let chosen =
                speaking.iter().filter(|rule| rule.effect == effect && rule.when.is_empty() != conditional);
            chosen.map(|rule| (*rule).clone()).collect()
        };
        let unmentioned =
            Standing { answer: StandingAnswer::Unmentioned, allows: Vec::new(), denies: Vec::new() };
        if speaking.is_empty() {
            return unmentioned;
        }
        let Some(engine) = self.engine(role, &question) else { return unmentioned };
        let ask = |holding| engine.decide_assuming(question.action, question.object, holding);
        // At best every grant speaks and no refusal with conditions does; at worst the other way round.
        let (best, worst, plain) = (ask(Some(Effect::Allow)), ask(Some(Effect::Deny)), ask(None));
        let (always, sometimes) = (of(Effect::Deny, false), of(Effect::Deny, true));
        match (best, worst) {
            (false, _) if !always.is_empty() => {
                Standing { answer: StandingAnswer::Refused, allows: Vec::new(), denies: always }
            }
            (false, _) if !sometimes.is_empty() => {
                Standing { answer: StandingAnswer::NotGranted, allows: Vec::new(), denies: sometimes }
            }
            (false, _) => unmentioned,
            (true, true) => Standing {
                answer: StandingAnswer::Allowed,
                allows: of(Effect::Allow, false),
                denies: Vec::new(),
            },
            (true, false) => Standing {
                answer: StandingAnswer::Conditional,
                // Where a grant without conditions speaks, those with conditions add nothing.
                allows: of(Effect::Allow, !plain),
                denies: sometimes,
            },
        }
    }

    /// Objects that rules name beside those of a system, without the ending of a pattern; the first word of each.
    pub fn own_objects(&self) -> Vec<String> {
        let rules = self.book.rules.iter().map(|rule| rule.object.as_ref());
        let mut objects: Vec<String> = rules
            .filter(|object| !["data.", "app."].iter().any(|start| object.starts_with(start)))
            .map(|object| object.trim_end_matches(['*', '.']).to_owned())
            .filter(|object| !object.is_empty())
            .collect();
        objects.sort();
        objects.dedup();
        objects
    }

    /// Objects of a system that are no fields, as rules name them: not patterns.
    pub fn system_objects(&self, system: &super::SystemRules) -> Vec<String> {
        let rules = self.book.rules.iter().chain(&system.enforced).map(|rule| rule.object.as_ref());
        let mut objects: Vec<String> = rules
            .filter(|object| object.starts_with("app.") && !object.contains('*'))
            .map(str::to_owned)
            .collect();
        objects.sort();
        objects.dedup();
        objects
    }

    /// Roles that rules of a system name and that are none of Suimon's: those of the system's own people.
    pub fn system_roles(&self, system: &super::SystemRules) -> Vec<String> {
        let rules = system.enforced.iter().map(|rule| rule.role.as_ref());
        let mut roles: Vec<String> =
            rules.filter(|role| role.parse::<Role>().is_err()).map(str::to_owned).collect();
        roles.sort();
        roles.dedup();
        roles
    }
}
