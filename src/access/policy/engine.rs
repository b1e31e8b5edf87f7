//! casbin enforcers, one for each (book of rules, set of roles, family of objects) that was asked about.
//!
//! casbin's cost grows with the rules that one enforcer holds (110,000 rules: 24 ms a decision, by its own documents). Here an
//! enforcer holds only the rules that can matter: those of the roles that the asker has, about the first word of the object.

use std::sync::Arc;

use anyhow::Context;
use casbin::function_map::OperatorFunction;
use casbin::prelude::{CoreApi, DefaultModel, Enforcer, MgmtApi};
use casbin::rhai::Dynamic;
use casbin::{MemoryAdapter, RbacApi};
use futures::FutureExt;

use super::attributes::Attributes;
use super::book::Book;
use super::memory::{Digest, Memory};
use super::rule::{Condition, Effect, Rule};
use crate::error::Result;

const MODEL: &str = include_str!("../../../policies/access/model.conf");

/// The asker as casbin knows it: an enforcer is for one set of roles, whoever has them.
const ASKER: &str = "asker";
/// The domain: an enforcer's rules are those of one tenant, or shared by all that have the same.
const DOMAIN: &str = "tenant";

/// First word of an object and the set of roles: what an enforcer is for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub book: [u8; 32],
    /// Sorted, without repetition, joined by commas.
    pub roles: Box<str>,
    pub family: Box<str>,
}

/// Enforcers in use, shared by all tenants whose rules are the same.
pub(super) type Engines = moka::sync::Cache<Place, Arc<Engine>>;

/// One small enforcer and what it remembers. Its rules never change, so what it remembers is right for ever.
pub(super) struct Engine {
    enforcer: Enforcer,
    /// The distinct conditions of its rules: their number is their name in the rules.
    conditions: Vec<(Effect, Vec<Condition>)>,
    /// By action, object and the conditions that held.
    decisions: Memory,
}

/// The family of an object: up to its first dot.
pub(super) fn family(object: &str) -> &str {
    object.split_once('.').map_or(object, |(family, _)| family)
}

/// Whether a pattern can match an object of this family.
fn may_matter(pattern: &str, of: &str) -> bool {
    match pattern.split_once('*') {
        None => family(pattern) == of,
        Some((start, _)) => match start.split_once('.') {
            Some((family, _)) => family == of,
            None => of.starts_with(start),
        },
    }
}

impl Engine {
    /// The enforcer of a place: the rules of `book` for these roles about this family of objects.
    pub fn build(book: &Book, roles: &[&str], family: &str) -> Result<Self> {
        // casbin's functions are async for the sake of adapters that read files and databases. This one holds all in memory
        // and never waits.
        let built = Self::build_in_memory(book, roles, family).now_or_never();
        built.unwrap_or_else(|| Err(anyhow::anyhow!("casbin waited for something").into()))
    }

    async fn build_in_memory(book: &Book, roles: &[&str], family: &str) -> Result<Self> {
        let model = DefaultModel::from_str(MODEL).await.context("policies/access/model.conf")?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.context("casbin")?;
        enforcer.add_function("holds", OperatorFunction::Arg2(holds));
        let mut conditions: Vec<(Effect, Vec<Condition>)> = Vec::new();
        let mut rows: Vec<Vec<String>> = Vec::new();
        let chosen =
            book.rules.iter().filter(|rule| roles.contains(&&*rule.role) && may_matter(&rule.object, family));
        for Rule { origin: _, role, object, action, effect, when } in chosen {
            let condition = if when.is_empty() {
                "-".to_owned()
            } else {
                let wanted = (*effect, when.clone());
                let number = conditions.iter().position(|known| *known == wanted).unwrap_or_else(|| {
                    conditions.push(wanted);
                    conditions.len() - 1
                });
                format!("|{number}|")
            };
            let row = vec![
                role.to_string(),
                object.to_string(),
                action.to_string(),
                effect.as_str().to_owned(),
                condition,
            ];
            // casbin refuses a repeated row with all that come with it.
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        if !rows.is_empty() {
            enforcer.add_policies(rows).await.context("casbin rules")?;
        }
        for role in roles {
            enforcer.add_role_for_user(ASKER, role, Some(DOMAIN)).await.context("casbin membership")?;
        }
        Ok(Self { enforcer, conditions, decisions: Memory::default() })
    }

    /// The names of the conditions that hold.
    fn held(&self, attributes: &Attributes) -> String {
        let mut held = String::new();
        for (number, (effect, conditions)) in self.conditions.iter().enumerate() {
            if conditions.iter().all(|condition| condition.holds(*effect, attributes)) {
                held.push_str(&format!("|{number}|"));
            }
        }
        held
    }

    /// Whether the roles may do this. What was asked before under the same conditions is remembered.
    pub fn allows(&self, action: &str, object: &str, attributes: &Attributes) -> bool {
        let held = self.held(attributes);
        let asked = Digest::of((action, object, held.as_str()));
        if let Some(decision) = self.decisions.get(asked) {
            return decision;
        }
        let decision = self.enforce(action, object, &held);
        self.decisions.insert(asked, decision);
        decision
    }

    /// The decision of the engine itself, without what is remembered.
    pub fn decide(&self, action: &str, object: &str, attributes: &Attributes) -> bool {
        self.enforce(action, object, &self.held(attributes))
    }

    /// The decision of the engine if the conditions of rules with this effect held and no others; of no rules without one.
    pub fn decide_assuming(&self, action: &str, object: &str, holding: Option<Effect>) -> bool {
        let held = self.conditions.iter().enumerate().filter(|(_, (effect, _))| Some(*effect) == holding);
        let held: String = held.map(|(number, _)| format!("|{number}|")).collect();
        self.enforce(action, object, &held)
    }

    /// Default deny: an error of the engine is a no.
    fn enforce(&self, action: &str, object: &str, held: &str) -> bool {
        match self.enforcer.enforce((ASKER, DOMAIN, object, action, held)) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::error!(%error, object, action, "policy engine failed; denied");
                false
            }
        }
    }
}

/// For casbin's matcher: whether a rule's condition is among those that hold. Called for each rule that fits otherwise.
fn holds(held: Dynamic, condition: Dynamic) -> Dynamic {
    let (Ok(held), Ok(condition)) = (held.into_immutable_string(), condition.into_immutable_string()) else {
        return false.into();
    };
    (condition == "-" || held.contains(condition.as_str())).into()
}

/// A shared engine, or one built now.
pub(super) fn of(engines: &Engines, place: Place, book: impl FnOnce() -> Arc<Book>) -> Result<Arc<Engine>> {
    if let Some(engine) = engines.get(&place) {
        return Ok(engine);
    }
    let roles: Vec<&str> = place.roles.split(',').filter(|role| !role.is_empty()).collect();
    let engine = Arc::new(Engine::build(&book(), &roles, &place.family)?);
    engines.insert(place, engine.clone());
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::super::rule::matches;
    use super::*;

    #[test]
    fn a_family_gets_every_rule_that_can_speak_of_it() {
        for (pattern, object) in [
            ("incident*", "incident_entry"),
            ("*", "data.a.b"),
            ("data.*", "data.a.b"),
            ("tenant", "tenant"),
            ("d*", "data.a"),
        ] {
            assert!(matches(pattern, object) && may_matter(pattern, family(object)), "{pattern} {object}");
        }
        assert!(!may_matter("data.*", "tenant"));
        assert!(!may_matter("tenant", "tenants"));
    }
}
