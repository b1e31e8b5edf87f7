//! What is noted of a refusal, beside its audit entry.

use entity::denial;
use uuid::Uuid;

use crate::access::model::Action;
use crate::access::op::{Op, Scope};
use crate::access::policy::{Attributes, Explanation, Question, SystemRules, is_object};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};

/// Rules that one denial tells, those that decide first, and conditions of each.
const RULES: usize = 20;
const CONDITIONS: usize = 10;
/// Roles that would be allowed.
const ROLES: usize = 32;
/// Characters of one condition: a rule may compare with a long list.
const CONDITION: usize = 300;
/// Bytes of the names of fields.
const FIELDS: usize = 2000;

/// Why somebody is refused.
#[derive(Clone, Copy)]
pub(in crate::access) enum Because<'b> {
    /// The policy does not allow it.
    Policy { system: Option<&'b SystemRules>, attributes: &'b Attributes },
    /// Something beside the policy, in words.
    Words(&'static str),
    /// The same, and a token that names it would do.
    Token(&'static str),
}

/// A question that was answered with no, as its row says it.
pub(in crate::access) struct Noted<'n> {
    pub tenant: Uuid,
    pub about: Option<Uuid>,
    /// Names that rules or manifests use, never somebody's invention.
    pub action: &'n str,
    pub object: &'n str,
    pub fields: &'n str,
    pub system: Option<&'n str>,
    pub policy_version: i64,
}

/// What a program of the protected system was refused.
#[derive(Clone, Copy)]
pub struct Undecided<'u> {
    pub system: &'u str,
    /// The account that was asked about, where it is one of the tenant's.
    pub about: Option<Uuid>,
    pub roles: &'u str,
    /// Action and object as a log may show them.
    pub action: &'u str,
    pub object: &'u str,
    /// What the policy was asked; none where there was nothing to ask.
    pub question: Option<Question<'u>>,
    /// Added to the reason.
    pub remark: Option<&'static str>,
}

impl Op {
    /// Refuses: with an audit entry, and a row for who is asked why.
    pub(in crate::access) async fn refuse(
        &self,
        tenant: Uuid,
        action: Action,
        object: &str,
        because: Because<'_>,
    ) -> Result<Scope> {
        self.record_denial(tenant, action, object, because).await?;
        Err(Error::forbidden(action.as_str(), if is_object(object) { object } else { "this" }))
    }

    /// Records a refusal, and notes why.
    pub(in crate::access) async fn record_denial(
        &self,
        tenant: Uuid,
        action: Action,
        object: &str,
        because: Because<'_>,
    ) -> Result<()> {
        self.note_denial(tenant, action, object, "", because);
        // The program of the command line may end before anybody writes.
        if self.actor().label.starts_with("cli:") {
            self.app().denials().flush().await;
        }
        let event = Event::new(action.as_str(), shown(object)).decision(Decision::Denied);
        self.app().audit().record([(tenant, vec![self.entry(event)])].into()).await
    }

    /// Notes why all of several fields were withheld; that they were is recorded by who withheld them. `object` is the first
    /// of them, `fields` are the names of all.
    pub fn note_withheld(
        &self,
        tenant: Uuid,
        system: &SystemRules,
        action: Action,
        object: &str,
        attributes: &Attributes,
        fields: &[String],
    ) {
        let mut names = String::new();
        for field in fields {
            if names.len() + field.len() > FIELDS {
                break;
            }
            if !names.is_empty() {
                names.push(' ');
            }
            names.push_str(field);
        }
        self.note_denial(
            tenant,
            action,
            object,
            &names,
            Because::Policy { system: Some(system), attributes },
        );
    }

    fn note_denial(&self, tenant: Uuid, action: Action, object: &str, fields: &str, because: Because<'_>) {
        let Some(policy) = self.policy() else { return };
        let system = match because {
            Because::Policy { system, .. } => system.and_then(SystemRules::system),
            _ => None,
        };
        let noted = Noted {
            tenant,
            about: None,
            action: action.as_str(),
            object: shown(object),
            fields,
            system,
            policy_version: policy.version(),
        };
        self.note(&noted, |account| {
            let roles = policy.roles_of(account);
            match because {
                Because::Policy { system, attributes } => {
                    let question = Question { action: action.as_str(), object, system, attributes };
                    let mut explanation = policy.explain(roles, question);
                    policy.explain_grants(account, self.at().as_microsecond(), question, &mut explanation);
                    if !self.token_covers(action, object) {
                        explanation.beyond_the_token();
                    }
                    explanation
                }
                Because::Words(words) => Explanation::in_words(roles, words),
                Because::Token(words) => {
                    Explanation { outside_token_scope: true, ..Explanation::in_words(roles, words) }
                }
            }
        });
    }

    /// Keeps a row, where the account has room for one; only then is it found out why.
    pub(in crate::access) fn note(&self, noted: &Noted<'_>, why: impl FnOnce(Uuid) -> Explanation) {
        let actor = self.actor();
        let Some(account) = actor.account else { return };
        let (denials, at) = (self.app().denials(), self.at().as_microsecond());
        if !denials.has_room(noted.tenant, account, at) {
            return;
        }
        let reasons = match serde_json::to_string(&bounded(why(account))) {
            Ok(reasons) => reasons,
            Err(error) => {
                tracing::error!(%error, "an explanation cannot be written");
                return;
            }
        };
        denials.keep(denial::Model {
            tenant_id: noted.tenant,
            id: self.app().entropy().id(self.at()),
            at,
            actor: actor.label.to_string(),
            actor_tenant: actor.tenant,
            account,
            about: noted.about,
            action: noted.action.to_owned(),
            object: noted.object.to_owned(),
            fields: noted.fields.to_owned(),
            system: noted.system.map(str::to_owned),
            request_id: self.request_id().to_owned(),
            policy_version: noted.policy_version,
            reasons,
            dropped: 0,
        });
    }
}

/// What is not the name of an object may be anything, a person's name in the wrong field too: it is not written down.
fn shown(object: &str) -> &str {
    if is_object(object) { object } else { "(not an object)" }
}

/// A tenant may have hundreds of rules that speak of everything: a row stays small.
fn bounded(mut explanation: Explanation) -> Explanation {
    explanation.rules.truncate(RULES);
    explanation.allowed_roles.truncate(ROLES);
    for rule in &mut explanation.rules {
        rule.failing.truncate(CONDITIONS);
        for condition in &mut rule.failing {
            cut(condition);
        }
    }
    // It may quote all conditions of a rule.
    cut(&mut explanation.because);
    explanation
}

fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(CONDITION) {
        text.truncate(end);
        text.push('…');
    }
}
