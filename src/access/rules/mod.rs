//! Rules that people set: a tenant tightens its own policy as it likes, and grants only within the bounds of the operator.
//!
//! A grant is compared with the bounds when it is made and again each time the policy is built, so that a bound that ends takes
//! every grant under it along, with the next request.

mod store;

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
    fn check(&self) -> Result<()> {
        if !self.role.may_be_customers() {
            return Err(Error::invalid("role", format!("{} belongs to the operator", self.role))
                .remedy("a tenant's rules speak of tenant_admin, tenant_staff and service"));
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
    let rule = |row: access_rule::Model| Rule {
        origin: Origin::Override,
        role: row.role.into(),
        object: row.object.into(),
        action: row.action.into(),
        // A word that this version does not know refuses.
        effect: if row.effect == Effect::Allow.as_str() { Effect::Allow } else { Effect::Deny },
        when: Vec::new(),
    };
    Ok(own.into_iter().filter(holds).map(rule).collect())
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
    bump_policy(tx.connection(), tenant).await?;
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
    store::bump_all(&tx).await?;
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
    new.check()?;
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
    let tx = scope.begin().await?;
    if store::count(&tx, tenant, kind).await? >= MAX_RULES {
        return Err(Error::limit(format!("more than {MAX_RULES} rules")));
    }
    Ok((tx, row))
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
    let tx = scope.begin().await?;
    if !store::end(&tx, tenant, id, kind).await? {
        return Err(Error::not_found("rule"));
    }
    match kind {
        Kind::Own => bump_policy(tx.connection(), tenant).await?,
        Kind::Bound => store::bump_all(&tx).await?,
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
