//! Asking again about what was read: would today's policy allow it? A rule that was too wide for a while shows itself so.
//!
//! Two roles are asked about: those that the account had at the instant of the read, and those that it has now. What the roles of then are
//! refused now is a read beyond today's rules. What only the roles of now are refused may have been in order: the account lost a role
//! since, and whether it should have had it, no policy says. What nobody knows, such as the roles of an account whose beginning was
//! trimmed away, is taken at its worst. Nothing is left out but what both are allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Form, JudgedBy};
use crate::access::{
    Action, Asking, Attributes, KnownActor, Policy, Question, Scope, SystemRules, policy_of, role_set,
};
use crate::audit::{self, Entry};
use crate::error::Result;
use crate::requirements::manifest::SystemSpec;
use crate::requirements::{Guarded, guarded, object_of};

/// Answers that are kept; beyond it they are asked for again.
const REMEMBERED: usize = 100_000;
/// By which alone people of one tenant and record type differ in a decision.
const SUBJECT: &str = "record.subject";

/// What today's policy says to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Today {
    Allowed,
    /// Refused, and it may have been in order.
    Unclear,
    Refused,
}

/// Today's policies, and the roles that accounts had.
pub struct Judge {
    scope: Scope,
    root: Uuid,
    spec: Arc<SystemSpec>,
    rules: Arc<SystemRules>,
    policies: HashMap<Uuid, Arc<Policy>>,
    /// Changes of the roles of accounts, in order.
    changes: HashMap<Uuid, Vec<(Timestamp, Box<str>)>>,
    answers: HashMap<Asked, bool>,
}

/// A question, as far as answers can differ.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    actor: KnownActor,
    roles: Box<str>,
    tenant: Uuid,
    action: Action,
    object: Box<str>,
    purpose: Option<Box<str>>,
    /// Beginning of the minute, where a rule asks for the time.
    minute: Option<i64>,
    /// Of a search, where it is recorded.
    mode: Option<Box<str>>,
}

/// A read that is asked about.
#[derive(Clone, Copy)]
pub struct Read<'r> {
    pub entry: &'r Entry,
    pub actor: Option<KnownActor>,
    pub subject: Uuid,
    pub kind: &'r str,
}

impl Judge {
    /// With the requirements of a system in force now.
    ///
    /// # Errors
    /// `NOT_FOUND` when the system is not in force; unexpected ones.
    pub async fn new(scope: &Scope, system: &str) -> Result<Self> {
        let Guarded { spec, rules, .. } = guarded(scope, Some(system)).await?;
        let root = scope.op().app().root()?;
        let (policies, changes, answers) = Default::default();
        Ok(Self { scope: scope.clone(), root, spec, rules, policies, changes, answers })
    }

    /// Makes what is needed to judge reads of these accounts ready.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn know(&mut self, actors: impl Iterator<Item = KnownActor>) -> Result<()> {
        let homes: BTreeSet<Uuid> = actors.map(|actor| actor.tenant).collect();
        for tenant in homes {
            if self.policies.contains_key(&tenant) {
                continue;
            }
            self.policies.insert(tenant, policy_of(&self.scope, tenant).await?);
            for entry in audit::all_of(&self.scope, tenant, &["account.create", "account.set_roles"]).await? {
                if let Some((account, roles)) = change(&entry) {
                    self.changes.entry(account).or_default().push((entry.at, roles));
                }
            }
        }
        Ok(())
    }

    /// What today's policy says to a field that a read shows in some form.
    pub fn field(&mut self, read: Read<'_>, field: &str, form: Form) -> Today {
        let object = object_of(&self.spec, &format!("{}.{field}", read.kind));
        if read.entry.action == "subject.found" {
            return self.ask(read, &[&[(Action::Read, "subject")], &[(Action::Search, &object)]]);
        }
        let shown = match form {
            Form::Plaintext | Form::Ciphertext => &[(Action::Read, &*object)][..],
            // Who may have the value may have less of it.
            Form::Masked => &[(Action::ReadMasked, &*object), (Action::Read, &*object)],
        };
        self.ask(read, &[&[(Action::Read, "subject")], shown])
    }

    /// The same of a read whose fields nobody recorded.
    pub fn whole(&mut self, read: Read<'_>) -> Today {
        let object = if read.entry.action == "captured_mail.read" { "captured_mail" } else { "subject" };
        self.ask(read, &[&[(Action::Read, object)]])
    }

    /// All of these, each by one of its ways, for the roles of then and for those of now.
    fn ask(&mut self, read: Read<'_>, all: &[&[(Action, &str)]]) -> Today {
        let Some(actor) = read.actor else { return Today::Unclear };
        let Some(policy) = self.policies.get(&actor.tenant).cloned() else { return Today::Unclear };
        let now: Box<str> = policy.roles_of(actor.account).into();
        let then = self.roles_at(actor.account, read.entry.at, &now);
        let mut allowed = |roles: &str| {
            all.iter().all(|ways| {
                ways.iter().any(|(action, object)| self.allows(&policy, read, actor, roles, *action, object))
            })
        };
        match then {
            Some(then) if !allowed(&then) => Today::Refused,
            Some(_) if allowed(&now) => Today::Allowed,
            _ => Today::Unclear,
        }
    }

    /// Roles of an account at an instant; `None` where nobody knows them any more.
    fn roles_at(&self, account: Uuid, at: Timestamp, now: &str) -> Option<Box<str>> {
        let changes = self.changes.get(&account).map_or(&[][..], |changes| changes);
        match changes.iter().rfind(|(when, _)| *when <= at) {
            Some((_, roles)) => Some(roles.clone()),
            // Of the first account, which no entry gave its roles, and of those whose beginning was trimmed away: never changed since.
            None if changes.is_empty() && !now.is_empty() => Some(now.into()),
            None => None,
        }
    }

    fn allows(
        &mut self,
        policy: &Policy,
        read: Read<'_>,
        actor: KnownActor,
        roles: &str,
        action: Action,
        object: &str,
    ) -> bool {
        let entry = read.entry;
        let own = !object.starts_with("data.") && !object.starts_with("app.");
        let system = (!own).then(|| self.rules.clone());
        let mode = (action == Action::Search).then(|| entry.detail["mode"].as_str()).flatten();
        let asked = Asked {
            actor,
            roles: roles.into(),
            tenant: entry.tenant,
            action,
            object: object.into(),
            purpose: entry.purpose.as_deref().map(Into::into),
            minute: self.rules.zone().map(|_| entry.at.as_second().div_euclid(60)),
            mode: mode.map(Into::into),
        };
        if let Some(answer) = self.answers.get(&asked) {
            return *answer;
        }
        let asking = Asking {
            tenant: actor.tenant,
            operator: actor.tenant == self.root,
            account: Some(actor.account),
            purpose: entry.purpose.as_deref(),
            by_token: actor.by_token,
            at: entry.at,
        };
        let mut about = if own { Attributes::new() } else { asking.attributes(system.as_deref()) };
        if !own {
            about.set("record.tenant", &*entry.tenant.to_string());
            about.set("record.type", read.kind);
            match action {
                Action::Search => {
                    // A search by the whole value is recorded without saying so.
                    about.set("search.mode", mode.unwrap_or("exact"));
                }
                _ => about.set(SUBJECT, &*read.subject.to_string()),
            }
        }
        about.watch(SUBJECT);
        let question =
            Question { action: action.as_str(), object, system: system.as_deref(), attributes: &about };
        let answer = policy.allows(roles, question);
        if !about.was_asked() {
            if self.answers.len() >= REMEMBERED {
                self.answers.clear();
            }
            self.answers.insert(asked, answer);
        }
        answer
    }

    /// By what was judged.
    pub fn judged_by(&self, slug: impl Fn(Uuid) -> String) -> JudgedBy {
        let versions = self.policies.iter().map(|(tenant, policy)| (slug(*tenant), policy.version()));
        JudgedBy {
            requirements: hex::encode(self.rules.fingerprint()),
            policies: versions.collect::<BTreeMap<_, _>>(),
        }
    }
}

/// The account whose roles an entry sets, and the roles.
fn change(entry: &Entry) -> Option<(Uuid, Box<str>)> {
    if !entry.allowed {
        return None;
    }
    let account = entry.object.strip_prefix("account:")?.parse().ok()?;
    let roles = entry.detail["roles"].as_array()?;
    Some((account, role_set(roles.iter().filter_map(|role| role.as_str()))))
}
