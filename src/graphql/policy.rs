//! The access policy: a tenant's own rules, the operator's bounds, and why a decision is what it is.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};

use super::access::Role;
use super::id;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::{self, NewRule, Op, SetRule};
use crate::error::Error;
use crate::requirements::{self, Asked, Asker};

/// Whether a rule grants or refuses. A refusal wins over every grant.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::access::Effect")]
pub enum RuleEffect {
    Allow,
    Deny,
}

/// A rule of a tenant's own, or a bound of the operator: `role` may (not) do `action` on `object`.
#[derive(SimpleObject)]
pub struct AccessRule {
    id: ID,
    role: String,
    /// May end in `*`.
    object: String,
    /// May end in `*`.
    action: String,
    effect: RuleEffect,
    /// Why, in the words of who set it.
    reason: String,
    created_at: Instant,
}

impl AccessRule {
    fn of(kind: &'static str, rule: SetRule) -> Self {
        let SetRule { tenant, id, role, object, action, effect, reason, created_at } = rule;
        let id = id::encode(kind, tenant, id);
        Self { id, role, object, action, effect: effect.into(), reason, created_at: created_at.into() }
    }
}

/// A rule to add.
#[derive(InputObject)]
pub struct NewAccessRule {
    role: Role,
    object: String,
    action: String,
    effect: RuleEffect,
    reason: String,
}

impl From<NewAccessRule> for NewRule {
    fn from(new: NewAccessRule) -> Self {
        let NewAccessRule { role, object, action, effect, reason } = new;
        Self { role: role.into(), object, action, effect: effect.into(), reason }
    }
}

/// A rule that speaks of the question.
#[derive(SimpleObject)]
pub struct RuleSeen {
    /// Where it comes from: a role template, a rule of the tenant, a requirement.
    origin: String,
    role: String,
    object: String,
    action: String,
    effect: RuleEffect,
    /// Whether its conditions hold.
    holds: bool,
    /// The conditions that do not hold: names and the rule's own values.
    failing: Vec<String>,
}

/// Why a decision is what it is.
#[derive(SimpleObject)]
pub struct DecisionExplained {
    allowed: bool,
    /// The decision in one sentence.
    because: String,
    /// Roles of who asked.
    roles: Vec<String>,
    /// Roles that would be allowed the same.
    allowed_roles: Vec<String>,
    /// Rules of the asker's roles that speak of the question; those that decide come first.
    rules: Vec<RuleSeen>,
    /// The scope of the token does not cover it, whatever the roles allow.
    outside_token_scope: bool,
}

impl From<access::Explanation> for DecisionExplained {
    fn from(explanation: access::Explanation) -> Self {
        let access::Explanation { allowed, roles, rules, allowed_roles, because, outside_token_scope } =
            explanation;
        let seen = |rule: access::RuleSeen| {
            let access::RuleSeen { origin, role, object, action, effect, holds, failing } = rule;
            RuleSeen { origin, role, object, action, effect: effect.into(), holds, failing }
        };
        let rules = rules.into_iter().map(seen).collect();
        Self { allowed, because, roles, allowed_roles, rules, outside_token_scope }
    }
}

/// A rule that has ended.
#[derive(SimpleObject)]
pub struct RuleEnded {
    id: ID,
}

payload!(
    /// Result of adding a rule.
    AddRulePayload, AccessRule
);
payload!(
    /// Result of ending a rule.
    EndRulePayload, RuleEnded
);

#[derive(Default)]
pub struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// The rules of a tenant's own that have not ended. A grant beyond the operator's bounds does not decide.
    #[graphql(complexity = "50 * child_complexity + 1")]
    async fn tenant_rules(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
    ) -> async_graphql::Result<Vec<AccessRule>> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let rules = access::list_rules(context.data::<Op>()?, tenant).await?;
        Ok(rules.into_iter().map(|rule| AccessRule::of("Rule", rule)).collect())
    }

    /// What tenants may grant to their people.
    #[graphql(complexity = "50 * child_complexity + 1")]
    async fn grant_bounds(&self, context: &Context<'_>) -> async_graphql::Result<Vec<AccessRule>> {
        let bounds = access::list_bounds(context.data::<Op>()?).await?;
        Ok(bounds.into_iter().map(|rule| AccessRule::of("Bound", rule)).collect())
    }

    /// Why an account of a tenant, one of its tokens, or anybody with `roles`, may or may not do this now. With a `system`, `object` is one of its
    /// own, its access requirements decide too, and `attributes` are what it would send with the question.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn explain_decision(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        account_id: Option<ID>,
        token_id: Option<ID>,
        roles: Option<Vec<String>>,
        action: String,
        object: String,
        system: Option<String>,
        attributes: Option<Json<serde_json::Map<String, serde_json::Value>>>,
    ) -> async_graphql::Result<DecisionExplained> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let asker = match (account_id, token_id, roles) {
            (Some(account), None, None) => match id::decode("Account", &account, "accountId")? {
                (home, account) if home == tenant => Asker::Account(account),
                _ => return Err(Error::not_found("account").into()),
            },
            (None, Some(token), None) => match id::decode("ApiToken", &token, "tokenId")? {
                (home, token) if home == tenant => Asker::Token(token),
                _ => return Err(Error::not_found("token").into()),
            },
            (None, None, Some(roles)) => Asker::Roles(roles),
            _ => {
                return Err(
                    Error::invalid("accountId", "wants an account, a token or roles: one of them").into()
                );
            }
        };
        let attributes = attributes.map(|Json(attributes)| attributes).unwrap_or_default();
        let asked = Asked { asker, action, object, system, attributes };
        Ok(requirements::explain(context.data::<Op>()?, tenant, asked).await?.into())
    }
}

#[derive(Default)]
pub struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// Adds a rule to a tenant's policy, with effect from the next request. A tenant may always refuse; it grants only within
    /// the operator's bounds.
    async fn add_tenant_rule(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        rule: NewAccessRule,
    ) -> async_graphql::Result<AddRulePayload> {
        let result = async {
            let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
            access::add_rule(context.data_unchecked::<Op>(), tenant, rule.into()).await
        };
        AddRulePayload::from_result(result.await, |rule| AccessRule::of("Rule", rule))
    }

    /// Ends a rule of a tenant.
    async fn end_tenant_rule(
        &self,
        context: &Context<'_>,
        rule_id: ID,
    ) -> async_graphql::Result<EndRulePayload> {
        let result = async {
            let (tenant, rule) = id::decode("Rule", &rule_id, "ruleId")?;
            access::end_rule(context.data_unchecked::<Op>(), tenant, rule).await
        };
        EndRulePayload::from_result(result.await, |()| RuleEnded { id: rule_id.clone() })
    }

    /// Adds a bound: what tenants may grant to their people.
    async fn add_grant_bound(
        &self,
        context: &Context<'_>,
        rule: NewAccessRule,
    ) -> async_graphql::Result<AddRulePayload> {
        let result = access::add_bound(context.data::<Op>()?, rule.into()).await;
        AddRulePayload::from_result(result, |rule| AccessRule::of("Bound", rule))
    }

    /// Ends a bound, and with it every grant that no other bound covers.
    async fn end_grant_bound(
        &self,
        context: &Context<'_>,
        bound_id: ID,
    ) -> async_graphql::Result<EndRulePayload> {
        let result = async {
            let (tenant, bound) = id::decode("Bound", &bound_id, "boundId")?;
            access::end_bound(context.data_unchecked::<Op>(), tenant, bound).await
        };
        EndRulePayload::from_result(result.await, |()| RuleEnded { id: bound_id.clone() })
    }
}
