//! The only place that knows the table of documents.

use entity::{incident, incident_document as row, tenant};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Stored, Version, lang_of, word_of};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Most versions that are listed at once.
const MAX_ROWS: u64 = 10_000;

/// A row without its two large columns.
#[derive(FromQueryResult)]
struct Head {
    tenant_id: Uuid,
    id: Uuid,
    incident_id: Uuid,
    number: i32,
    version: i32,
    kind: String,
    language: String,
    recipient_id: Option<Uuid>,
    state: String,
    origin: String,
    sha256: String,
    assessment_id: Option<Uuid>,
    revision_id: Option<Uuid>,
    author: Uuid,
    created_at: i64,
}

const HEAD: [row::Column; 15] = [
    row::Column::TenantId,
    row::Column::Id,
    row::Column::IncidentId,
    row::Column::Number,
    row::Column::Version,
    row::Column::Kind,
    row::Column::Language,
    row::Column::RecipientId,
    row::Column::State,
    row::Column::Origin,
    row::Column::Sha256,
    row::Column::AssessmentId,
    row::Column::RevisionId,
    row::Column::Author,
    row::Column::CreatedAt,
];

/// A document about all incidents lies under the nil id.
fn home(incident: Option<Uuid>) -> Uuid {
    incident.unwrap_or_default()
}

fn version(head: Head) -> Result<Version> {
    let Head {
        tenant_id,
        id,
        incident_id,
        number,
        version,
        kind,
        language,
        recipient_id,
        state,
        origin,
        sha256,
        assessment_id,
        revision_id,
        author,
        created_at,
    } = head;
    Ok(Version {
        tenant: tenant_id,
        id,
        incident: (!incident_id.is_nil()).then_some(incident_id),
        number,
        version,
        kind: kind.parse()?,
        lang: lang_of(&language)?,
        recipient: recipient_id,
        standing: state.parse()?,
        origin: origin.parse()?,
        sha256,
        assessment: assessment_id,
        revision: revision_id,
        author,
        created_at: from_micros(created_at),
    })
}

/// Locks what the document is about for this transaction: numbers and versions are given one after the other. SQLite has one
/// writer anyway.
pub async fn lock(tx: &Tx, tenant_id: Uuid, incident_id: Option<Uuid>) -> Result<()> {
    let found = match incident_id {
        Some(id) => incident::Entity::find_by_id((tenant_id, id))
            .lock_exclusive()
            .one(tx.connection())
            .await?
            .map(|_| ()),
        None => {
            tenant::Entity::find_by_id(tenant_id).lock_exclusive().one(tx.connection()).await?.map(|_| ())
        }
    };
    found.ok_or_else(|| Error::not_found("incident"))
}

/// All versions of all documents about an incident (or about all), by number and version.
pub async fn versions<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    incident_id: Option<Uuid>,
) -> Result<Vec<Version>> {
    let rows = row::Entity::find()
        .select_only()
        .columns(HEAD)
        .filter(scope.rows(row::Column::TenantId))
        .filter(row::Column::IncidentId.eq(home(incident_id)))
        .order_by_asc(row::Column::Number)
        .order_by_asc(row::Column::Version)
        .limit(MAX_ROWS)
        .into_model::<Head>()
        .all(database)
        .await?;
    rows.into_iter().map(version).collect()
}

/// A version without what it says.
pub async fn find(scope: &Scope, id: Uuid) -> Result<Option<Version>> {
    let found = row::Entity::find()
        .select_only()
        .columns(HEAD)
        .filter(scope.rows(row::Column::TenantId))
        .filter(row::Column::Id.eq(id))
        .into_model::<Head>()
        .one(scope.connection())
        .await?;
    found.map(version).transpose()
}

/// A version with what it says, as it was stored.
///
/// # Errors
/// `NOT_FOUND`; `CONFLICT` when it is not what its digest was taken of.
pub async fn load<C: ConnectionTrait>(database: &C, scope: &Scope, version: &Version) -> Result<Stored> {
    let found: Option<(String, String)> = row::Entity::find()
        .select_only()
        .columns([row::Column::Content, row::Column::Entered])
        .filter(scope.rows(row::Column::TenantId))
        .filter(row::Column::Id.eq(version.id))
        .into_tuple()
        .one(database)
        .await?;
    let (content, entered) = found.ok_or_else(|| Error::not_found("document"))?;
    if hex::encode(Sha256::digest(content.as_bytes())) != version.sha256 {
        return Err(Error::conflict("the document is not what it was when it was made")
            .remedy("verify the database and its backups; make the document again"));
    }
    let document = serde_json::from_str(&content)?;
    Ok(Stored { version: version.clone(), document, entered: serde_json::from_str(&entered)? })
}

/// Stores a version; `content` is the very text that its digest was taken of.
pub async fn insert(tx: &Tx, stored: &Stored, content: String) -> Result<()> {
    let Stored { version, document: _, entered } = stored;
    let model = row::Model {
        tenant_id: version.tenant,
        id: version.id,
        incident_id: home(version.incident),
        number: version.number,
        version: version.version,
        kind: version.kind.as_str().to_owned(),
        language: word_of(version.lang).to_owned(),
        recipient_id: version.recipient,
        state: version.standing.as_str().to_owned(),
        origin: version.origin.as_str().to_owned(),
        content,
        entered: serde_json::to_string(entered)?,
        sha256: version.sha256.clone(),
        assessment_id: version.assessment,
        revision_id: version.revision,
        author: version.author,
        created_at: version.created_at.as_microsecond(),
    };
    row::Entity::insert(model.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}
