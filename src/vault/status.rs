//! How the keys stand.

use serde::Serialize;
use uuid::Uuid;

use super::store;
use crate::access::{Action, Op};
use crate::clock::from_micros;
use crate::config::KeyHolder;
use crate::error::Result;

/// The keys of the installation, without any key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyStatus {
    /// Names the key-encryption key that wraps what is new.
    pub kek_id: String,
    /// Who holds it.
    pub kek_holder: KeyHolder,
    /// Those that only open.
    pub earlier_keks: Vec<EarlierKek>,
    /// What the processor does by itself.
    pub hardware: String,
    /// Whether that suffices for full speed.
    pub accelerated: bool,
    pub people: i64,
    pub erased: i64,
    pub index_rows: u64,
    pub tenants: Vec<TenantKeyStatus>,
}

/// A key-encryption key that opens what it wrapped.
#[derive(Clone, Debug, Serialize)]
pub struct EarlierKek {
    /// Its name; of a transit key the name without a version, since it opens all of them.
    pub id: String,
    pub holder: KeyHolder,
}

/// One version of one tenant's key.
#[derive(Clone, Debug, Serialize)]
pub struct TenantKeyStatus {
    pub tenant: Uuid,
    pub slug: String,
    pub version: i32,
    pub state: String,
    /// Which KEK wrapped it.
    pub kek_id: String,
    /// Who holds that KEK; nobody whom this service knows when it is missing: then the tenant key cannot be opened.
    pub kek_holder: Option<KeyHolder>,
    pub created_at: String,
    pub people: i64,
    pub erased: i64,
}

/// How the keys within the caller's reach stand.
///
/// # Errors
/// Those of permission.
pub async fn key_status(op: &Op) -> Result<KeyStatus> {
    let scope = op.permit(Action::Read, "key").await?;
    let counts = store::count_subjects(&scope).await?;
    let hardware = envelope::hardware_aes();
    let keks = op.app().master().keks();
    let tenants = store::keys(&scope)
        .await?
        .into_iter()
        .map(|(row, slug)| {
            let count = counts
                .iter()
                .find(|(tenant, version, _, _)| (*tenant, *version) == (row.tenant_id, row.version));
            let (people, erased) = count.map_or((0, 0), |(_, _, people, erased)| (*people, *erased));
            TenantKeyStatus {
                tenant: row.tenant_id,
                slug,
                version: row.version,
                state: row.state,
                kek_holder: keks.holder_of(&row.kek_id),
                kek_id: row.kek_id,
                created_at: from_micros(row.created_at).to_string(),
                people,
                erased,
            }
        })
        .collect();
    Ok(KeyStatus {
        kek_id: keks.id().to_owned(),
        kek_holder: keks.holder(),
        earlier_keks: keks.earlier().map(|(id, holder)| EarlierKek { id: id.to_owned(), holder }).collect(),
        hardware: hardware.to_string(),
        accelerated: hardware.is_accelerated(),
        people: counts.iter().map(|(_, _, people, _)| people).sum(),
        erased: counts.iter().map(|(_, _, _, erased)| erased).sum(),
        index_rows: store::count_index_rows(&scope).await?,
        tenants,
    })
}
