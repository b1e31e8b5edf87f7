//! Rules that people set: a tenant tightens its own policy as it likes, and grants only within the bounds of the operator.
//!
//! A grant is compared with the bounds when it is made and again each time the policy is built, so that a bound that ends takes
//! every grant under it along, with the next request.

mod store;

use std::collections::BTreeMap;

use entity::access_rule;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Action, Role};
use super::op::{Op, Scope, Tx};
use super::policy::{Effect, Origin, Rule, matches};
use super::store::bump_policy;
use crate::app::App;
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// Most rules of one tenant, and most bounds.
const MAX_RULES: u64 = 500;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Own,
    Bound,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Own => "own",
            Kind::Bound => "bound",
        }
    }

    /// The object of the policy that says who may set such rules.
    fn object(self) -> &'static str {
        match self {
            Kind::Own => "policy",
            Kind::Bound => "policy_bound",
        }
    }
}

/// A rule of a tenant, or a bound of the operator.
#[derive(Clone, Debug)]
pub struct SetRule {
    pub tenant: Uuid,
    pub id: Uuid,
    pub role: String,
    pub object: String,
    pub action: String,
    pub effect: Effect,
    pub reason: String,
    pub created_at: Timestamp,
}

/// What a new one needs. Object and action are names that may end in `*`.
#[derive(Clone, Debug)]
pub struct NewRule {
    pub role: Role,
    pub object: String,
    pub action: String,
    pub effect: Effect,
    pub reason: String,
}

impl NewRule {
    fn check(&self, kind: Kind) -> Result<()> {
        if !self.role.may_be_customers() {
            self.check_about_the_operator(kind)?;
        }
        for (field, text) in [("object", &self.object), ("action", &self.action)] {
            let stem = text.strip_suffix('*').unwrap_or(text);
            let plain = text.len() <= 100
                && !text.is_empty()
                && stem
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte));
            if !plain {
                return Err(Error::invalid(
                    field,
                    "wants 1 to 100 lower-case letters, digits, . or _, and * at the end only",
                ));
            }
        }
        // Who could refuse oneself the policy could never take that back.
        if matches(&self.object, "policy") || matches(&self.object, "policy_bound") {
            return Err(Error::invalid("object", "must not speak of the policy itself")
                .remedy("name the objects, such as data.* or subject"));
        }
        self.check_reason()
    }

    /// A tenant may keep the operator's people from fields of its own, and from nothing else: it gives them nothing, and what the
    /// operator's duties need (incidents, notices, the policy, accounts) is none of `data.` and `app.`.
    fn check_about_the_operator(&self, kind: Kind) -> Result<()> {
        if kind == Kind::Bound || self.effect != Effect::Deny {
            return Err(Error::invalid("role", format!("{} belongs to the operator", self.role))
                .remedy("grants speak of tenant_admin, tenant_staff and service; of the operator's roles a tenant's rule may refuse"));
        }
        if !["data.", "app."].iter().any(|start| self.object.starts_with(start)) {
            return Err(Error::invalid("object", "must begin with data. or app. in a rule about a role of the operator")
                .remedy("name fields, such as data.applicant.*; incidents, notices and the policy are the operator's duty"));
        }
        Ok(())
    }

    fn check_reason(&self) -> Result<()> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
            return Err(Error::invalid("reason", "wants 1 to 500 characters on one line"));
        }
        Ok(())
    }
}

/// Whether everything that `inner` matches is matched by `outer`. Both are names that may end in `*`.
fn covers(outer: &str, inner: &str) -> bool {
    match outer.strip_suffix('*') {
        Some(start) => inner.strip_suffix('*').unwrap_or(inner).starts_with(start),
        None => outer == inner,
    }
}

fn within(bounds: &[access_rule::Model], role: &str, object: &str, action: &str) -> bool {
    bounds
        .iter()
        .any(|bound| bound.role == role && covers(&bound.object, object) && covers(&bound.action, action))
}

/// The rules of a tenant's own that hold: what it refuses, and what it grants within the bounds of this moment.
pub(super) async fn rules_of(app: &App, tenant: Uuid) -> Result<Vec<Rule>> {
    let own = store::of_tenant(&app.database().behind(Wall::tenant(tenant)), tenant, Kind::Own).await?;
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let root = app.root()?;
    let bounds = store::of_tenant(&app.database().behind(Wall::tenant(root)), root, Kind::Bound).await?;
    let holds = |row: &access_rule::Model| {
        row.effect == Effect::Deny.as_str() || within(&bounds, &row.role, &row.object, &row.action)
    };
    Ok(own.into_iter().filter(holds).map(rule).collect())
}

fn rule(row: access_rule::Model) -> Rule {
    Rule {
        origin: Origin::Override,
        role: row.role.into(),
        object: row.object.into(),
        action: row.action.into(),
        // A word that this version does not know refuses.
        effect: if row.effect == Effect::Allow.as_str() { Effect::Allow } else { Effect::Deny },
        when: Vec::new(),
    }
}

/// What tenants refuse the operator's people about their own data, by tenant; nothing where `tenant` is not the operator.
pub(super) async fn refusals_elsewhere(app: &App, tenant: Uuid) -> Result<BTreeMap<Uuid, Vec<Rule>>> {
    let mut elsewhere = BTreeMap::<Uuid, Vec<Rule>>::new();
    if app.root().ok() != Some(tenant) {
        return Ok(elsewhere);
    }
    let roles = Role::ALL.into_iter().filter(|role| !role.may_be_customers()).map(Role::as_str);
    for row in store::refusals_of(&app.database().behind(Wall::None), roles).await? {
        elsewhere.entry(row.tenant_id).or_default().push(rule(row));
    }
    Ok(elsewhere)
}

/// A rule about the operator's people is part of their policy, which grows with it.
async fn bump_own(tx: &Tx, tenant: Uuid, role: &str) -> Result<()> {
    let root = tx.scope().op().app().root()?;
    // The operator's row first, here and where all grow, so that two changes cannot wait for each other.
    if tenant != root && role.parse().is_ok_and(|role: Role| !role.may_be_customers()) {
        bump_policy(tx.connection(), root).await?;
    }
    Ok(bump_policy(tx.connection(), tenant).await?)
}

/// A bound is part of every tenant's policy.
async fn bump_all(tx: &Tx) -> Result<()> {
    bump_policy(tx.connection(), tx.scope().op().app().root()?).await?;
    Ok(store::bump_all(tx).await?)
}

/// Policies are changed by people who signed in, or by their own unlimited tools.
fn by_a_person(op: &Op) -> Result<()> {
    if op.actor().token_scopes.is_some() && !op.actor().unlimited_token() {
        return Err(
            Error::forbidden("change", "policy").remedy("sign in with a password to change the policy")
        );
    }
    Ok(())
}

/// Adds a rule to a tenant's policy, with effect from the next request on every node.
///
/// # Errors
/// `INVALID`, `FORBIDDEN` for a grant beyond the operator's bounds, `LIMIT_EXCEEDED`, and those of permission.
pub async fn add_rule(op: &Op, tenant: Uuid, new: NewRule) -> Result<SetRule> {
    let (tx, row) = prepare(op, tenant, new, Kind::Own).await?;
    if row.effect == Effect::Allow.as_str() {
        let root = op.app().root()?;
        let bounds =
            store::of_tenant(&op.app().database().behind(Wall::tenant(root)), root, Kind::Bound).await?;
        if !within(&bounds, &row.role, &row.object, &row.action) {
            return Err(Error::forbidden("grant", &row.object)
                .remedy("the operator says what a tenant may grant; a rule that refuses is always allowed"));
        }
    }
    bump_own(&tx, tenant, &row.role).await?;
    save(tx, row, Kind::Own).await
}

/// Adds a bound: what tenants may grant to their people.
///
/// # Errors
/// `INVALID`, `LIMIT_EXCEEDED`, and those of permission.
pub async fn add_bound(op: &Op, new: NewRule) -> Result<SetRule> {
    if new.effect != Effect::Allow {
        return Err(Error::invalid("effect", "a bound says what may be granted"));
    }
    let (tx, row) = prepare(op, op.app().root()?, new, Kind::Bound).await?;
    bump_all(&tx).await?;
    save(tx, row, Kind::Bound).await
}

/// Permission to change rules of a kind at a tenant.
async fn permit(op: &Op, tenant: Uuid, action: Action, kind: Kind) -> Result<Scope> {
    match kind {
        Kind::Own => op.permit_at(tenant, action, kind.object()).await,
        // Bounds count for every tenant, whose versions grow in the same transaction. They are the operator's alone.
        Kind::Bound => {
            let scope = op.permit(action, kind.object()).await?;
            op.permit_at(tenant, action, kind.object()).await?;
            Ok(scope)
        }
    }
}

async fn prepare(op: &Op, tenant: Uuid, new: NewRule, kind: Kind) -> Result<(Tx, access_rule::Model)> {
    let scope = permit(op, tenant, Action::Create, kind).await?;
    by_a_person(op)?;
    new.check(kind)?;
    let NewRule { role, object, action, effect, reason } = new;
    let row = access_rule::Model {
        tenant_id: tenant,
        id: scope.new_id(),
        kind: kind.as_str().to_owned(),
        role: role.as_str().to_owned(),
        object,
        action,
        effect: effect.as_str().to_owned(),
        reason: reason.trim().to_owned(),
        created_at: scope.at_micros(),
        created_by: scope.author(),
        ended_at: None,
        ended_by: None,
    };
    let tx = begin(&scope, kind).await?;
    if store::count(&tx, tenant, kind).await? >= MAX_RULES {
        return Err(Error::limit(format!("more than {MAX_RULES} rules")));
    }
    Ok((tx, row))
}

/// A tenant's rule may grow the version of the operator's policy, too; its own statements name the tenant.
async fn begin(scope: &Scope, kind: Kind) -> Result<Tx> {
    match kind {
        Kind::Own => scope.begin_everywhere().await,
        Kind::Bound => scope.begin().await,
    }
}

async fn save(tx: Tx, row: access_rule::Model, kind: Kind) -> Result<SetRule> {
    store::insert(&tx, row.clone()).await?;
    let detail = serde_json::json!({
        "role": row.role, "object": row.object, "action": row.action, "effect": row.effect
    });
    let name = kind.object();
    tx.commit(Event::new(format!("{name}.add"), format!("{name}:{}", row.id)).detail(detail)).await?;
    Ok(row.into())
}

/// Ends a rule of a tenant, with effect from the next request on every node.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn end_rule(op: &Op, tenant: Uuid, id: Uuid) -> Result<()> {
    end(op, tenant, id, Kind::Own).await
}

/// Ends a bound, and with it every grant that no other bound covers.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn end_bound(op: &Op, tenant: Uuid, id: Uuid) -> Result<()> {
    end(op, tenant, id, Kind::Bound).await
}

async fn end(op: &Op, tenant: Uuid, id: Uuid, kind: Kind) -> Result<()> {
    let scope = permit(op, tenant, Action::Delete, kind).await?;
    by_a_person(op)?;
    let tx = begin(&scope, kind).await?;
    let role = store::role_of(&tx, tenant, id, kind).await?.ok_or_else(|| Error::not_found("rule"))?;
    if !store::end(&tx, tenant, id, kind).await? {
        return Err(Error::not_found("rule"));
    }
    match kind {
        Kind::Own => bump_own(&tx, tenant, &role).await?,
        Kind::Bound => bump_all(&tx).await?,
    }
    let name = kind.object();
    tx.commit(Event::new(format!("{name}.end"), format!("{name}:{id}"))).await
}

/// The rules of a tenant that have not ended. A grant that lies outside the bounds of this moment is among them; it does not
/// decide.
///
/// # Errors
/// Those of permission.
pub async fn list_rules(op: &Op, tenant: Uuid) -> Result<Vec<SetRule>> {
    let scope = op.permit_at(tenant, Action::Read, "policy").await?;
    Ok(store::listed(&scope, tenant, Kind::Own).await?.into_iter().map(SetRule::from).collect())
}

/// The operator's bounds: everybody who may see a policy may see what can be granted.
///
/// # Errors
/// Those of permission.
pub async fn list_bounds(op: &Op) -> Result<Vec<SetRule>> {
    op.permit(Action::Read, "policy").await?;
    let root = op.app().root()?;
    let bounds = store::of_tenant(&op.app().database().behind(Wall::tenant(root)), root, Kind::Bound).await?;
    Ok(bounds.into_iter().map(SetRule::from).collect())
}

impl From<access_rule::Model> for SetRule {
    fn from(row: access_rule::Model) -> Self {
        let effect = if row.effect == Effect::Allow.as_str() { Effect::Allow } else { Effect::Deny };
        Self {
            tenant: row.tenant_id,
            id: row.id,
            role: row.role,
            object: row.object,
            action: row.action,
            effect,
            reason: row.reason,
            created_at: from_micros(row.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_bound_covers_what_it_matches_and_no_more() {
        for (outer, inner) in
            [("data.a.*", "data.a.b"), ("data.a.*", "data.a.b*"), ("read", "read"), ("*", "*")]
        {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in
            [("data.a.*", "data.*"), ("data.a.*", "*"), ("read", "read*"), ("read", "read_masked")]
        {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
    }
}
