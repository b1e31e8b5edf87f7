//! Deciding about others than who asks: a program of the protected system asks what its own people may do.

use std::sync::Arc;

use uuid::Uuid;

use super::denials::{Noted, Undecided};
use super::model::Action;
use super::op::{Op, Scope};
use super::policy::{Explanation, Policy, Question, SystemRules, role_set};
use super::store;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// The policy of one tenant, opened by somebody who may ask it.
pub struct Decider {
    scope: Scope,
    policy: Arc<Policy>,
    operator: bool,
}

/// An account as a decision knows it.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: Uuid,
    pub login: String,
    /// As [`role_set`]; none for a disabled account.
    pub roles: Box<str>,
}

impl Op {
    /// Opens the policy of a tenant, by slug; of the actor's own where none is named.
    ///
    /// # Errors
    /// `NOT_FOUND` when that tenant is outside the actor's reach, `FORBIDDEN` when the actor may not ask.
    pub async fn decider(&self, tenant: Option<&str>, object: &str) -> Result<Decider> {
        let own = self.actor().tenant;
        let named = match tenant {
            None => None,
            Some(slug) => {
                let wall = if self.actor().operator { Wall::None } else { Wall::tenant(own) };
                Some(store::tenant_by_slug(&self.app().database().behind(wall), slug).await?)
            }
        };
        // A slug that nobody has, or that is not the actor's to see, is refused and recorded as any tenant out of reach.
        let id = named.as_ref().map_or(own, |row| row.as_ref().map_or(Uuid::nil(), |row| row.id));
        let scope = self.permit_at(id, Action::Decide, object).await?;
        let (policy, operator) = match named.flatten().filter(|_| id != own) {
            None => {
                let policy = self.policy().ok_or_else(|| Error::forbidden("decide", object))?;
                (policy.clone(), self.actor().operator)
            }
            Some(row) => {
                let policies = self.app().policies();
                (policies.of(self.app(), id, row.policy_version).await?, row.kind == "operator")
            }
        };
        Ok(Decider { scope, policy, operator })
    }
}

impl Decider {
    /// Proof that the asking was permitted; it reaches the tenant's rows.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the tenant is the operator.
    pub fn is_operator(&self) -> bool {
        self.operator
    }

    /// An account of the tenant by login, or by id.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn account(&self, login_or_id: &str) -> Result<Option<Known>> {
        let app = self.scope.op().app();
        let key = (self.scope.tenant(), login_or_id.to_owned());
        if let Some(row) = app.holders().accounts.load(key).await? {
            return Ok(Some(self.known(row)));
        }
        let Ok(id) = login_or_id.parse::<Uuid>() else { return Ok(None) };
        let found = store::account(self.scope.connection(), self.scope.tenant(), id).await?;
        Ok(found.map(|(row, _)| self.known(row)))
    }

    /// Accounts of the tenant in the order of their logins; `after` is the last one of the page before.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn accounts(&self, after: Option<&str>, limit: u64) -> Result<Vec<Known>> {
        let rows = store::accounts_after(&self.scope, self.scope.tenant(), after, limit).await?;
        Ok(rows.into_iter().map(|row| self.known(row)).collect())
    }

    fn known(&self, row: entity::account::Model) -> Known {
        let active = row.state == "active";
        let roles = if active { self.policy.roles_of(row.id).into() } else { "".into() };
        Known { id: row.id, login: row.login, roles }
    }

    /// These roles and those that the system asserts of its own people. A role that no rule speaks of changes nothing and is
    /// left out: nobody makes enforcers for invented ones.
    pub fn roles_with<'r>(
        &self,
        held: &'r str,
        asserted: impl Iterator<Item = &'r str>,
        system: &SystemRules,
    ) -> Box<str> {
        let held = held.split(',').filter(|role| !role.is_empty());
        let known = asserted.filter(|role| !role.contains(',') && self.policy.knows_role(role, system));
        role_set(held.chain(known))
    }

    /// Whether somebody with these roles may do this.
    pub fn allows(&self, roles: &str, question: Question<'_>) -> bool {
        self.policy.allows(roles, question)
    }

    /// Notes why a question was answered with no, for who is asked later. It is counted elsewhere.
    pub fn note_denial(&self, refused: Undecided<'_>) {
        let Undecided { system, about, roles, action, object, question, remark } = refused;
        let noted = Noted {
            tenant: self.scope.tenant(),
            about,
            action,
            object,
            fields: "",
            system: Some(system),
            policy_version: self.policy.version(),
        };
        self.scope.op().note(&noted, |_| {
            let mut explanation = match question {
                Some(question) => self.policy.explain(roles, question),
                None => Explanation::in_words(roles, "refused: the system declares no such field"),
            };
            if let Some(remark) = remark {
                explanation.because.push_str("; ");
                explanation.because.push_str(remark);
            }
            explanation
        });
    }

    /// Names of the requirements in force that refuse this.
    pub fn refused_by<'q>(&self, roles: &str, question: Question<'q>) -> Vec<&'q str> {
        self.policy.refused_by(roles, question)
    }

    /// Names of the requirements that are only watched and would refuse this.
    pub fn would_refuse<'q>(&self, roles: &str, question: Question<'q>) -> Vec<&'q str> {
        self.policy.would_refuse(roles, question)
    }

    /// Every verb that a rule names.
    pub fn actions(&self, system: &SystemRules) -> Vec<String> {
        self.policy.actions(system)
    }
}
