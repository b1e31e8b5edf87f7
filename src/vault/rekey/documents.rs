//! What is sealed for a tenant and is no person's record: the contact, batches of imports that nobody finished.

use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::vault::blob::rewrap_document;
use crate::vault::store_keys;

/// A document as it shall be.
pub struct Documents {
    tenant: Uuid,
    contact: Option<(Vec<u8>, Vec<u8>)>,
    batch: Option<(entity::import_batch::Model, Vec<u8>)>,
}

/// The next of the vault's documents of a tenant that another version sealed; `None` when there is none.
///
/// # Errors
/// Unexpected ones only, also when a document does not open.
pub async fn move_documents(scope: &Scope, tenant: Uuid, to: i32) -> Result<Option<Documents>> {
    let scope = scope.within(tenant, "tenant")?;
    let mut documents = Documents { tenant, contact: None, batch: None };
    if let Some(old) = store_keys::old_contact(scope.connection(), tenant, to).await? {
        let new = rewrap_document(&scope, "contact", tenant, &old, to).await?;
        documents.contact = Some((old, new));
        return Ok(Some(documents));
    }
    let Some(old) = store_keys::old_batch(scope.connection(), tenant, to).await? else { return Ok(None) };
    let new = rewrap_document(&scope, "import batch", old.import_id, &old.sealed, to).await?;
    documents.batch = Some((old, new));
    Ok(Some(documents))
}

impl Documents {
    /// Writes it, unless it was replaced meanwhile.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn write(self, tx: &Tx) -> Result<()> {
        if let Some((old, new)) = self.contact {
            store_keys::replace_contact(tx, self.tenant, &old, new).await?;
        }
        if let Some((old, new)) = self.batch {
            store_keys::replace_batch(tx, &old, new).await?;
        }
        Ok(())
    }
}
