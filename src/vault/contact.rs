//! Contacts of tenants: to whom a notice to the tenant itself goes. Sealed like everything about people.

use envelope::Plaintext;
use serde_json::json;
use uuid::Uuid;

use super::blob::{open_for_tenant, seal_for_tenant};
use super::store;
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};

const PURPOSE: &str = "tenant_contact";

/// Sets the mail address of a tenant's office.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn set_tenant_contact(op: &Op, tenant: Uuid, mail: &str) -> Result<()> {
    let scope = op.permit_at(tenant, Action::Update, "tenant").await?;
    let mail = mail.trim();
    if !super::import::is_mail(mail) {
        return Err(Error::invalid("contact", "is not a mail address"));
    }
    let tx = scope.begin().await?;
    let sealed = seal_for_tenant(&scope, &tx, PURPOSE, tenant, mail.as_bytes()).await?;
    if !store::set_tenant_contact(&tx, tenant, Some(sealed)).await? {
        return Err(Error::not_found("tenant"));
    }
    tx.commit(Event::new("tenant.set_contact", format!("tenant:{tenant}")).detail(json!({}))).await
}

/// The mail address of a tenant's office in clear, for the sender of notices; recorded. `None` when there is none.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones, also when the stored bytes do not open.
pub async fn open_tenant_contact(scope: &Scope, tenant: Uuid) -> Result<Option<Plaintext>> {
    let scope = scope.within(tenant, "tenant")?;
    let Some(sealed) = store::tenant_contact(&scope, tenant).await? else { return Ok(None) };
    scope.record(tenant, vec![Event::new("tenant.contact", format!("tenant:{tenant}"))]).await?;
    let bytes = open_for_tenant(&scope, PURPOSE, tenant, &sealed).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| anyhow::anyhow!("the contact of tenant {tenant} is not text"))?;
    Ok(Some(Plaintext::from(text)))
}
