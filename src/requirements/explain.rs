//! Why somebody may or may not do something: the policy of a tenant with the access requirements of a system.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{guarded, object_of};
use crate::access::{Action, Attributes, Explanation, Op, Question, Scalar, policy_of, role_set, token_of};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Who is asked about.
#[derive(Clone, Debug)]
pub enum Asker {
    /// An account of the tenant, with the roles that it has now.
    Account(Uuid),
    /// A token of an account of the tenant, with what its scope covers.
    Token(Uuid),
    /// Anybody with these roles, people of the protected system (`data_subject`) too.
    Roles(Vec<String>),
}

/// A question about a decision.
#[derive(Clone, Debug)]
pub struct Asked {
    pub asker: Asker,
    pub action: String,
    /// Of the system where one is named, else of Suimon itself.
    pub object: String,
    pub system: Option<String>,
    /// What is known of the request, as the system would send it.
    pub attributes: Map<String, Value>,
}

/// Why that decision is what it is, as the policy of the tenant and the requirements are now. Recorded without the attributes.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn explain(op: &Op, tenant: Uuid, asked: Asked) -> Result<Explanation> {
    let scope = op.permit_at(tenant, Action::Read, "policy").await?;
    let Asked { asker, action, object, system, attributes } = asked;
    let guarded = match &system {
        Some(name) => Some(guarded(&scope, Some(name)).await?),
        None => None,
    };
    let rules = guarded.as_ref().map(|guarded| &guarded.rules);
    let object = guarded.as_ref().map_or(object.clone(), |guarded| object_of(&guarded.spec, &object));
    let mut known = Attributes::new();
    for (name, value) in &attributes {
        let value = Scalar::of_json(value)
            .ok_or_else(|| Error::invalid("attributes", "wants texts, numbers and truth values"))?;
        known.claim(name, value)?;
    }
    // The hour of a question about now, where a rule asks for it and the question does not say another one.
    if let Some(zone) = rules.and_then(|rules| rules.zone()) {
        let local = scope.at().to_zoned(zone.clone());
        for (name, form) in [("time.clock", "%H:%M"), ("time.date", "%Y-%m-%d")] {
            if known.get(name).is_none() {
                known.set(name, &*local.strftime(form).to_string());
            }
        }
    }
    let policy = policy_of(&scope, tenant).await?;
    let token = match asker {
        Asker::Token(token) => Some(token_of(&scope, tenant, token).await?),
        _ => None,
    };
    let account = match (&asker, &token) {
        (Asker::Account(account), _) | (_, Some((account, _))) => Some(*account),
        _ => None,
    };
    let roles = match &asker {
        Asker::Account(_) | Asker::Token(_) => {
            let account = account.unwrap_or_default();
            known.set("actor.account", &*account.to_string());
            known.set("actor.tenant", &*tenant.to_string());
            if known.get("record.tenant").is_none() {
                known.set("record.tenant", &*tenant.to_string());
            }
            policy.roles_of(account).into()
        }
        Asker::Roles(roles) => {
            let plain = |role: &String| {
                (1..=64).contains(&role.len()) && role.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            };
            if roles.is_empty() || roles.len() > 16 || !roles.iter().all(plain) {
                return Err(Error::invalid("roles", "wants 1 to 16 names of roles"));
            }
            role_set(roles.iter().map(String::as_str))
        }
    };
    let question = Question {
        action: &action,
        object: &object,
        system: rules.map(|rules| &**rules),
        attributes: &known,
    };
    let mut explanation = policy.explain(&roles, question);
    if let Some(account) = account {
        policy.explain_grants(account, scope.at_micros(), question, &mut explanation);
    }
    if token.is_some_and(|(_, scopes)| !scopes.iter().any(|scope| scope.covers_verb(&action, &object))) {
        explanation.beyond_the_token();
    }
    let detail = json!({ "allowed": explanation.allowed, "roles": explanation.roles });
    scope.record(tenant, vec![Event::new("policy.explain", "policy").detail(detail)]).await?;
    Ok(explanation)
}
