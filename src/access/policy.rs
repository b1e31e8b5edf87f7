//! casbin, one small enforcer a tenant, so that a decision costs the same however many tenants there are.
//!
//! An enforcer holds the role templates and the members of its tenant. It is built when first needed, and again when the
//! tenant's policy version has grown, so that a change takes effect with the next request.

use std::sync::Arc;

use anyhow::Context;
use casbin::prelude::{CoreApi, DefaultModel, Enforcer, MgmtApi};
use casbin::{MemoryAdapter, RbacApi};
use uuid::Uuid;

use super::model::{Action, Role};
use super::store;
use crate::error::Result;

const MODEL: &str = include_str!("../../policies/access/model.conf");
const ROLES: &str = include_str!("../../policies/access/roles.csv");

/// Idle enforcers are dropped beyond this many: at about 50 KB each, some 200 MB.
const MAX_ENFORCERS: u64 = 4096;
/// Remembered decisions of one enforcer. A tenant has few members and few fields; a busy one fits.
const MAX_DECISIONS: u64 = 4096;

/// All enforcers that are in use.
pub struct Policies {
    cache: moka::future::Cache<Uuid, Arc<Policy>>,
}

/// The policy of one tenant at one version.
pub struct Policy {
    domain: String,
    version: i64,
    enforcer: Enforcer,
    /// Valid for this version only, and dropped together with it.
    decisions: moka::sync::Cache<(Uuid, Action, Box<str>), bool>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { cache: moka::future::Cache::new(MAX_ENFORCERS) }
    }
}

impl Policies {
    /// The tenant's policy, at `version` or newer.
    pub(super) async fn of(
        &self,
        database: &sea_orm::DatabaseConnection,
        tenant: Uuid,
        version: i64,
    ) -> Result<Arc<Policy>> {
        if let Some(policy) = self.cache.get(&tenant).await
            && policy.version >= version
        {
            return Ok(policy);
        }
        let members = store::members(database, tenant).await?;
        let policy = Arc::new(Policy::build(tenant, version, &members).await?);
        self.cache.insert(tenant, policy.clone()).await;
        Ok(policy)
    }
}

impl Policy {
    /// Builds the enforcer of `tenant` from the role templates and its members.
    pub async fn build(tenant: Uuid, version: i64, members: &[(Uuid, Role)]) -> Result<Self> {
        let model = DefaultModel::from_str(MODEL).await.context("policies/access/model.conf")?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.context("casbin")?;
        let domain = tenant.to_string();
        enforcer.add_policies(templates()?).await.context("policies/access/roles.csv")?;
        for (account, role) in members {
            enforcer
                .add_role_for_user(&account.to_string(), role.as_str(), Some(&domain))
                .await
                .context("casbin membership")?;
        }
        Ok(Self { domain, version, enforcer, decisions: moka::sync::Cache::new(MAX_DECISIONS) })
    }

    /// Whether `account` may do `action` on `object` in this tenant. Default deny: an error of the engine is a no.
    pub fn allows(&self, account: Uuid, action: Action, object: &str) -> bool {
        // Objects are names from our code and from manifests: short and ASCII. Anything else is somebody's invention; it is
        // not remembered, so that nobody can fill the memory, and casbin, whose keyMatch slices by bytes, never sees it.
        if !is_object(object) {
            return false;
        }
        let key = (account, action, object.into());
        if let Some(decision) = self.decisions.get(&key) {
            return decision;
        }
        let decision = self.decide(account, action, object);
        self.decisions.insert(key, decision);
        decision
    }

    /// The decision of the engine itself, without what is remembered.
    pub fn decide(&self, account: Uuid, action: Action, object: &str) -> bool {
        match self.enforcer.enforce((
            account.to_string().as_str(),
            self.domain.as_str(),
            object,
            action.as_str(),
        )) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::error!(%error, object, action = action.as_str(), "policy engine failed; denied");
                false
            }
        }
    }
}

/// Whether this can be the name of an object: what else a client sent is neither decided on nor written down.
pub(super) fn is_object(object: &str) -> bool {
    object.len() <= 200
        && object
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte))
}

/// The rules of `roles.csv`: role, object, action, effect.
fn templates() -> Result<Vec<Vec<String>>> {
    let mut rules = Vec::new();
    for (index, line) in ROLES.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let rule: Vec<String> = line.split(',').map(|cell| cell.trim().to_owned()).collect();
        // casbin accepts rows of any length and then answers surprisingly.
        if rule.len() != 4 {
            return Err(anyhow::anyhow!(
                "policies/access/roles.csv:{}: wants role, object, action, effect",
                index + 1
            )
            .into());
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// Who may do what, as a Markdown table of role × object × action: generated from the engine's own answers.
pub async fn permission_table() -> Result<String> {
    let mut objects: Vec<String> = templates()?.into_iter().map(|rule| rule[1].clone()).collect();
    objects.sort();
    objects.dedup();
    let tenant = Uuid::nil();
    let members: Vec<(Uuid, Role)> = Role::ALL
        .into_iter()
        .enumerate()
        .map(|(index, role)| (Uuid::from_u128(index as u128 + 1), role))
        .collect();
    let policy = Policy::build(tenant, 0, &members).await?;
    let mut table = format!(
        "| object | {} |\n|---|{}\n",
        Role::ALL.map(Role::as_str).join(" | "),
        "---|".repeat(members.len())
    );
    for object in objects {
        let concrete = object.trim_end_matches('*').trim_end_matches('.');
        let asked = if object.starts_with("data.") { "data.record_type.field" } else { concrete };
        let cells: Vec<String> = members
            .iter()
            .map(|(account, _)| {
                let allowed: Vec<&str> = Action::ALL
                    .into_iter()
                    .filter(|action| policy.decide(*account, *action, asked))
                    .map(Action::as_str)
                    .collect();
                if allowed.len() == Action::ALL.len() { "all".to_owned() } else { allowed.join(" ") }
            })
            .collect();
        table.push_str(&format!("| `{object}` | {} |\n", cells.join(" | ")));
    }
    Ok(table)
}
