//! The only place that knows the table of documents.

use entity::{incident, incident_document as row, tenant};
use law::Lang;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Kind, Stored, Version, lang_of, word_of};
use super::{MAX_DOCUMENTS, MAX_VERSIONS};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::{Error, Result};

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

/// Versions of documents about an incident (or about all), without what they say.
fn heads(scope: &Scope, incident_id: Option<Uuid>) -> Select<row::Entity> {
    row::Entity::find()
        .select_only()
        .columns(HEAD)
        .filter(scope.rows(row::Column::TenantId))
        .filter(row::Column::IncidentId.eq(home(incident_id)))
}

/// A limit of rows that the limits of what is stored never reach: nothing is cut.
fn most(limit: i32) -> u64 {
    u64::from(limit.unsigned_abs())
}

/// The newest version of each document about an incident (or about all), by number.
pub async fn newest<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    incident_id: Option<Uuid>,
) -> Result<Vec<Version>> {
    use row::Column;
    let later = Alias::new("later");
    let same = |column: Column| Expr::col((later.clone(), column)).equals((row::Entity, column));
    let later_ones = Query::select()
        .expr(Expr::val(1))
        .from_as(row::Entity, later.clone())
        .and_where(same(Column::TenantId))
        .and_where(same(Column::IncidentId))
        .and_where(same(Column::Number))
        .and_where(Expr::col((later.clone(), Column::Version)).gt(Expr::col((row::Entity, Column::Version))))
        .to_owned();
    let rows = heads(scope, incident_id)
        .filter(Expr::exists(later_ones).not())
        .order_by_asc(Column::Number)
        .limit(most(MAX_DOCUMENTS))
        .into_model::<Head>()
        .all(database)
        .await?;
    rows.into_iter().map(version).collect()
}

/// All versions of the document of this number, the oldest first.
pub async fn versions<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    incident_id: Option<Uuid>,
    number: i32,
) -> Result<Vec<Version>> {
    let rows = heads(scope, incident_id)
        .filter(row::Column::Number.eq(number))
        .order_by_asc(row::Column::Version)
        .limit(most(MAX_VERSIONS))
        .into_model::<Head>()
        .all(database)
        .await?;
    rows.into_iter().map(version).collect()
}

/// The newest version of a kind in a language to a recipient: of one document, because these are what makes it one.
pub async fn newest_of(
    tx: &Tx,
    incident_id: Option<Uuid>,
    kind: Kind,
    lang: Lang,
    recipient: Option<Uuid>,
) -> Result<Option<Version>> {
    let to = match recipient {
        Some(recipient) => row::Column::RecipientId.eq(recipient),
        None => row::Column::RecipientId.is_null(),
    };
    let found = heads(tx.scope(), incident_id)
        .filter(row::Column::Kind.eq(kind.as_str()))
        .filter(row::Column::Language.eq(word_of(lang)))
        .filter(to)
        .order_by_desc(row::Column::Number)
        .order_by_desc(row::Column::Version)
        .into_model::<Head>()
        .one(tx.connection())
        .await?;
    found.map(version).transpose()
}

/// The highest number of a document about an incident (or about all); 0 where there is none.
pub async fn last_number(tx: &Tx, incident_id: Option<Uuid>) -> Result<i32> {
    let found: Option<i32> = row::Entity::find()
        .select_only()
        .column(row::Column::Number)
        .filter(tx.scope().rows(row::Column::TenantId))
        .filter(row::Column::IncidentId.eq(home(incident_id)))
        .order_by_desc(row::Column::Number)
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(found.unwrap_or_default())
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
