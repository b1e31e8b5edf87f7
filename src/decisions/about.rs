//! From what is known to a verdict. Pure but for the policy engine.

use serde_json::{Map, Value};

use super::model::Evaluation;
use super::setting::{Object, Resource, Setting, Subject};
use crate::access::{Attributes, Question, Scalar, Undecided};

/// First words of attributes that Suimon itself sets: a system that has objects of this name cannot speak for them.
const RESERVED: [&str; 6] = ["actor", "subject", "action", "context", "time", "suimon"];

/// A question with everything looked up.
pub(super) struct Known<'k> {
    pub setting: &'k Setting,
    pub subject: &'k Subject,
    pub resource: &'k Resource,
}

/// A decision and why.
pub(super) struct Verdict {
    pub allowed: bool,
    /// Requirements in force that refuse it.
    pub refused_by: Vec<String>,
    /// Requirements that are only watched and would have refused it.
    pub watched: Vec<String>,
    /// The object that was refused, as the policy was asked; none where the system declares no such.
    pub refused: Option<String>,
    /// The object is none that the system declares.
    pub unknown: bool,
    /// Object and action as the audit log may show them: names that rules or manifests use.
    pub shown: (String, String),
}

impl Known<'_> {
    /// What the rules may compare. What the service states comes first; what Suimon knows by itself replaces it.
    pub fn attributes(&self, question: &Evaluation) -> Result<Attributes, String> {
        let decider = &self.setting.decider;
        let mut attributes = decider.scope().op().attributes(Some(&self.setting.guarded.rules));
        // Those of the program that asks are not those of whom it asks about.
        for name in ["actor.account", "channel", "purpose"] {
            attributes.remove(name);
        }
        claim(&mut attributes, "subject", &question.subject.properties)?;
        claim(&mut attributes, "action", &question.action.properties)?;
        claim(&mut attributes, "context", &question.context)?;
        for name in ["channel", "purpose"] {
            if let Some(value) = question.context.get(name).and_then(Scalar::of_json) {
                attributes.claim(name, value).map_err(|error| error.to_string())?;
            }
        }
        let prefix = &self.resource.prefix;
        if let Some(record) = &self.resource.record {
            for (name, value) in &record.plain {
                let name = format!("{prefix}.{name}");
                attributes.claim(&name, value.as_str().into()).map_err(|error| error.to_string())?;
            }
        }
        if !RESERVED.contains(&super::setting::first(prefix)) {
            claim(&mut attributes, prefix, &question.resource.properties)?;
        }
        for name in ["record.tenant", "record.subject", "record.type"] {
            attributes.remove(name);
        }
        attributes.set("actor.tenant", &*decider.scope().tenant().to_string());
        attributes.set("actor.operator", decider.is_operator());
        if let Some(account) = self.subject.account {
            attributes.set("actor.account", &*account.to_string());
        }
        if let Some(person) = self.subject.person {
            attributes.set("actor.subject", &*person.to_string());
        }
        if let Some(record) = &self.resource.record {
            attributes.set("record.tenant", &*record.tenant.to_string());
            attributes.set("record.subject", &*record.id.to_string());
            attributes.set("record.type", &*record.record_type);
        }
        Ok(attributes)
    }

    /// Decides. A record as a whole may be done something to when each of its fields may.
    pub fn decide(&self, action: &str, attributes: &Attributes) -> Verdict {
        let (decider, guarded) = (&self.setting.decider, &self.setting.guarded);
        let roles = &*self.subject.roles;
        let objects: &[String] = match &self.resource.object {
            Object::Unknown => &[],
            Object::One(object) => std::slice::from_ref(object),
            Object::All(objects) => objects,
        };
        let ask = |object| Question { action, object, system: Some(&*guarded.rules), attributes };
        let refused = objects.iter().find(|object| !decider.allows(roles, ask(object)));
        let allowed = !objects.is_empty() && refused.is_none();
        let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut watched = Vec::new();
        if allowed {
            for object in objects {
                watched.extend(names(decider.would_refuse(roles, ask(object))));
            }
            watched.sort();
            watched.dedup();
        }
        Verdict {
            allowed,
            refused_by: refused.map_or_else(Vec::new, |object| {
                let mut refused = names(decider.refused_by(roles, ask(object)));
                refused.sort();
                refused.dedup();
                refused
            }),
            watched,
            refused: refused.cloned(),
            unknown: objects.is_empty(),
            shown: self.shown(action),
        }
    }

    /// Notes why it is a no, for who is asked later.
    pub fn note_denial(&self, action: &str, attributes: &Attributes, verdict: &Verdict) {
        let (guarded, subject) = (&self.setting.guarded, self.subject);
        let ask = |object| Question { action, object, system: Some(&*guarded.rules), attributes };
        self.setting.decider.note_denial(Undecided {
            system: &guarded.name,
            about: subject.account,
            roles: &subject.roles,
            object: &verdict.shown.0,
            action: &verdict.shown.1,
            question: verdict.refused.as_deref().map(ask),
            remark: subject.roles_ignored.then_some("roles that were stated are not taken from this token"),
        });
    }

    /// A type or a verb that no rule and no manifest names is somebody's invention, maybe a person's name in the wrong place.
    fn shown(&self, action: &str) -> (String, String) {
        let rules = &self.setting.guarded.rules;
        let object = match &self.resource.object {
            Object::One(object) if object.starts_with("data.") || rules.names_object(object) => {
                object.as_str()
            }
            Object::All(_) => return (format!("data.{}", self.resource.prefix), self.verb(action)),
            Object::One(_) | Object::Unknown => "(another object)",
        };
        (object.to_owned(), self.verb(action))
    }

    fn verb(&self, action: &str) -> String {
        let known = crate::access::Action::ALL.iter().any(|known| known.as_str() == action)
            || self.setting.guarded.rules.names_action(action);
        if known { action } else { "(another action)" }.to_owned()
    }
}

/// Takes texts, numbers and truth values. A list or an object cannot be compared, so it is as good as absent.
fn claim(attributes: &mut Attributes, prefix: &str, properties: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in properties {
        if let Some(value) = Scalar::of_json(value) {
            attributes.claim(&format!("{prefix}.{name}"), value).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
