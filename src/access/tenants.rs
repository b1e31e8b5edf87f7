//! Tenants: the customer organisations.

use std::collections::HashSet;

use entity::tenant;
use uuid::Uuid;

use super::model::Action;
use super::op::Op;
use super::store;
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::storage::{Database, Wall};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: Uuid,
    pub slug: String,
    pub name_ja: String,
    pub name_en: String,
    pub operator: bool,
}

/// What a new tenant needs.
#[derive(Clone, Debug)]
pub struct NewTenant {
    pub slug: String,
    pub name_ja: String,
    pub name_en: String,
}

/// Look-ups that come before there is an actor.
pub struct TenantDirectory;

impl TenantDirectory {
    /// The operator, where there is one already.
    pub(crate) async fn find_operator(database: &Database) -> anyhow::Result<Option<Uuid>> {
        Ok(store::operator(&database.behind(Wall::None)).await?)
    }
}

impl From<tenant::Model> for Tenant {
    fn from(row: tenant::Model) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name_ja: row.name_ja,
            name_en: row.name_en,
            operator: row.kind == "operator",
        }
    }
}

/// The longest batch of tenants.
const MAX_BATCH: usize = 1000;

/// Creates tenants; one that exists already is left as it is. Returns how many are new.
///
/// # Errors
/// `INVALID` with the place; then none is created.
pub async fn create_tenants(op: &Op, new: Vec<NewTenant>) -> Result<usize> {
    let scope = op.permit_at(op.app().root()?, Action::Create, "tenant").await?;
    if new.is_empty() || new.len() > MAX_BATCH {
        return Err(Error::invalid("tenants", format!("wants 1 to {MAX_BATCH} tenants")));
    }
    for (index, tenant) in new.iter().enumerate() {
        check(tenant)
            .map_err(|(field, message)| Error::invalid(&format!("tenants[{index}].{field}"), message))?;
    }
    let slugs: Vec<String> = new.iter().map(|tenant| tenant.slug.clone()).collect();
    let tx = scope.begin().await?;
    let mut known: HashSet<String> =
        store::existing_slugs(tx.connection(), &slugs).await?.into_iter().collect();
    let mut created = 0;
    for NewTenant { slug, name_ja, name_en } in new {
        if !known.insert(slug.clone()) {
            continue;
        }
        let row = tenant::Model {
            id: scope.new_id(),
            slug,
            name_ja,
            name_en,
            kind: "customer".to_owned(),
            policy_version: 1,
            contact: None,
            created_at: scope.at_micros(),
        };
        store::insert_tenant(tx.connection(), row).await?;
        created += 1;
    }
    tx.commit(Event::new("tenant.create", "tenant").detail(serde_json::json!({ "created": created })))
        .await?;
    Ok(created)
}

fn check(tenant: &NewTenant) -> std::result::Result<(), (&'static str, &'static str)> {
    let slug_is_plain = (1..=63).contains(&tenant.slug.len())
        && tenant.slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !tenant.slug.starts_with('-');
    if !slug_is_plain {
        return Err(("slug", "wants 1 to 63 lower-case letters, digits or -"));
    }
    for (field, name) in [("nameJa", &tenant.name_ja), ("nameEn", &tenant.name_en)] {
        if !(1..=200).contains(&name.chars().count()) {
            return Err((field, "wants 1 to 200 characters"));
        }
    }
    Ok(())
}

/// Tenants within the caller's reach, by slug. `after` is the last slug of the page before.
///
/// # Errors
/// Those of permission.
pub async fn list_tenants(op: &Op, after: Option<String>, limit: u64) -> Result<Vec<Tenant>> {
    let scope = op.permit(Action::Read, "tenant").await?;
    Ok(store::tenants(&scope, None, after, limit).await?.into_iter().map(Tenant::from).collect())
}

/// A tenant by its slug, within the caller's reach.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn tenant_by_slug(op: &Op, slug: &str) -> Result<Tenant> {
    let scope = op.permit(Action::Read, "tenant").await?;
    let found = store::tenants(&scope, Some(slug), None, 1).await?;
    found.into_iter().next().map(Tenant::from).ok_or_else(|| Error::not_found("tenant"))
}

/// A tenant by its id, within the caller's reach.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn tenant_by_id(op: &Op, id: Uuid) -> Result<Tenant> {
    let scope = op.permit_at(id, Action::Read, "tenant").await?;
    let found = store::tenant(scope.connection(), id).await?;
    found.map(Tenant::from).ok_or_else(|| Error::not_found("tenant"))
}
