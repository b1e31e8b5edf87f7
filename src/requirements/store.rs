//! The only place that knows the table of manifest versions. Its rows belong to the root tenant, which every function takes.

use std::sync::Arc;

use entity::{manifest_version, tenant};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use uuid::Uuid;

use super::manifest::Kind;
use super::model::Version;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::storage::Walled;

use manifest_version::Column;

/// SQLite binds at most 32,766 values in a statement, PostgreSQL 65,535; a row has 12.
const ROWS_PER_INSERT: usize = 1000;

/// A version without its text.
#[derive(Clone)]
pub struct Head {
    pub number: i32,
    pub fingerprint: String,
    pub withdrawn: bool,
    /// Microseconds.
    pub in_force_from: i64,
    /// Microseconds.
    pub applied_at: i64,
}

/// Lets one application after the other in, until the transaction ends: what one of them checked (references between
/// manifests, the newest version) must still hold when it writes.
pub async fn serialise<C: ConnectionTrait>(transaction: &C, root: Uuid) -> Result<(), DbErr> {
    // On SQLite the writing transaction holds the only write lock already, and the clause is left out.
    tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Id)
        .filter(tenant::Column::Id.eq(root))
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .one(transaction)
        .await?;
    Ok(())
}

/// The newest version of each manifest, the withdrawn ones included, by kind and name.
async fn newest<C: ConnectionTrait>(database: &C, root: Uuid) -> Result<Vec<Version>> {
    let rows = manifest_version::Entity::find()
        .filter(Column::TenantId.eq(root))
        .filter(numbers().in_subquery(highest(root, None)))
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Name)
        .all(database)
        .await?;
    rows.into_iter().map(describe).collect()
}

/// What is stored, as far as planning looks at it.
#[derive(Clone, PartialEq)]
pub struct Stored {
    /// The newest version of each manifest, the withdrawn ones included, by kind and name.
    pub newest: Vec<Version>,
    /// Versions in force that a newer one is to follow later.
    pub waited_for: Vec<Version>,
}

/// What is stored by now (microseconds).
pub async fn stored<C: ConnectionTrait>(database: &C, root: Uuid, now: i64) -> Result<Stored> {
    Ok(Stored { newest: newest(database, root).await?, waited_for: waited_for(database, root, now).await? })
}

/// The versions in force at an instant (microseconds) that are not the newest of their manifest: a newer one waits for its start.
async fn waited_for<C: ConnectionTrait>(database: &C, root: Uuid, at: i64) -> Result<Vec<Version>> {
    let rows = manifest_version::Entity::find()
        .filter(Column::TenantId.eq(root))
        .filter(numbers().in_subquery(highest(root, Some(at))))
        .filter(numbers().not_in_subquery(highest(root, None)))
        .filter(Column::Withdrawn.eq(false))
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Name)
        .all(database)
        .await?;
    rows.into_iter().map(describe).collect()
}

/// The newest version of one manifest.
pub async fn newest_of<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    kind: Kind,
    name: &str,
) -> Result<Option<Version>> {
    if is_unheard_of(name) {
        return Ok(None);
    }
    let row = of(root, kind, name).order_by_desc(Column::Version).one(database).await?;
    row.map(describe).transpose()
}

/// How many versions there are under each of these root tenants. Versions are only ever added, so the number tells whether
/// anything has changed.
pub async fn generations(database: &Walled, roots: &[Uuid]) -> Result<Vec<(Uuid, i64)>, DbErr> {
    manifest_version::Entity::find()
        .select_only()
        .column(Column::TenantId)
        .column_as(Column::Version.count(), "generation")
        .filter(Column::TenantId.is_in(roots.iter().copied()))
        .group_by(Column::TenantId)
        .into_tuple()
        .all(database)
        .await
}

/// Every version of every requirement, in the order of names and numbers.
pub async fn all_requirements(database: &Walled, root: Uuid) -> Result<Vec<Version>> {
    let rows = manifest_version::Entity::find()
        .filter(Column::TenantId.eq(root))
        .filter(Column::Kind.eq(Kind::Requirement.as_str()))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Version)
        .all(database)
        .await?;
    rows.into_iter().map(describe).collect()
}

/// From when until before when (microseconds) the versions in force at an instant are the same.
pub async fn span(database: &Walled, root: Uuid, at: i64) -> Result<(i64, i64), DbErr> {
    let of_root = || manifest_version::Entity::find().select_only().filter(Column::TenantId.eq(root));
    let from: Option<Option<i64>> = of_root()
        .column_as(Column::InForceFrom.max(), "begin")
        .filter(Column::InForceFrom.lte(at))
        .into_tuple()
        .one(database)
        .await?;
    let until: Option<Option<i64>> = of_root()
        .column_as(Column::InForceFrom.min(), "end")
        .filter(Column::InForceFrom.gt(at))
        .into_tuple()
        .one(database)
        .await?;
    Ok((from.flatten().unwrap_or(i64::MIN), until.flatten().unwrap_or(i64::MAX)))
}

/// The versions of a manifest in their order.
pub async fn line(
    database: &Walled,
    (root, kind, name): &(Uuid, Kind, Arc<str>),
) -> Result<Vec<Head>, DbErr> {
    if is_unheard_of(name) {
        return Ok(Vec::new());
    }
    let rows: Vec<(i32, String, bool, i64, i64)> = of(*root, *kind, name)
        .select_only()
        .columns([
            Column::Version,
            Column::Fingerprint,
            Column::Withdrawn,
            Column::InForceFrom,
            Column::AppliedAt,
        ])
        .order_by_asc(Column::Version)
        .into_tuple()
        .all(database)
        .await?;
    let head = |(number, fingerprint, withdrawn, in_force_from, applied_at)| Head {
        number,
        fingerprint,
        withdrawn,
        in_force_from,
        applied_at,
    };
    Ok(rows.into_iter().map(head).collect())
}

/// One version.
pub async fn version<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    kind: Kind,
    name: &str,
    number: i32,
) -> Result<Option<Version>> {
    let row = of(root, kind, name).filter(Column::Version.eq(number)).one(database).await?;
    row.map(describe).transpose()
}

/// Versions of one manifest, the newest first; `before` is the last number of the page before.
pub async fn versions<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    kind: Kind,
    name: &str,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<Version>> {
    if is_unheard_of(name) {
        return Ok(Vec::new());
    }
    let mut query = of(root, kind, name).order_by_desc(Column::Version);
    if let Some(before) = before {
        query = query.filter(Column::Version.lt(before));
    }
    query.limit(limit).all(database).await?.into_iter().map(describe).collect()
}

/// What is listed by `list_at`.
pub struct Listing<'a> {
    pub kind: Kind,
    /// Only those of this system.
    pub system: Option<&'a str>,
    /// In force at this instant (microseconds).
    pub at: i64,
    /// The last name of the page before.
    pub after: Option<&'a str>,
    pub limit: u64,
}

/// Versions in force at an instant, by name.
pub async fn list_at<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    listing: Listing<'_>,
) -> Result<Vec<Version>> {
    let Listing { kind, system, at, after, limit } = listing;
    if system.is_some_and(is_unheard_of) || after.is_some_and(is_unheard_of) {
        return Ok(Vec::new());
    }
    // The highest version decides first and is filtered afterwards: a requirement that was withdrawn or moved to another
    // system must not fall back to its version before.
    let mut query = manifest_version::Entity::find()
        .filter(Column::TenantId.eq(root))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(numbers().in_subquery(highest(root, Some(at))))
        .filter(Column::Withdrawn.eq(false))
        .order_by_asc(Column::Name)
        .limit(limit);
    if let Some(system) = system {
        query = query.filter(Column::System.eq(system));
    }
    if let Some(after) = after {
        query = query.filter(Column::Name.gt(after));
    }
    query.all(database).await?.into_iter().map(describe).collect()
}

/// Stores new versions.
///
/// # Errors
/// `CONFLICT` when another application was faster; the transaction is lost then.
pub async fn insert<C: ConnectionTrait>(database: &C, root: Uuid, versions: &[Version]) -> Result<()> {
    for chunk in versions.chunks(ROWS_PER_INSERT) {
        // A converted model's values count as unchanged, which an insert would leave out.
        let rows = chunk.iter().map(|version| row(root, version).into_active_model().reset_all());
        manifest_version::Entity::insert_many(rows).exec_without_returning(database).await.map_err(
            |error| match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    Error::conflict("these manifests were changed at the same time")
                        .remedy("plan again and apply again")
                }
                _ => error.into(),
            },
        )?;
    }
    Ok(())
}

/// No manifest has such a name. PostgreSQL refuses to be asked for it, SQLite does not.
fn is_unheard_of(name: &str) -> bool {
    name.contains('\0')
}

fn of(root: Uuid, kind: Kind, name: &str) -> sea_orm::Select<manifest_version::Entity> {
    manifest_version::Entity::find().filter(of_name(root, kind, name))
}

fn of_name(root: Uuid, kind: Kind, name: &str) -> Condition {
    Condition::all()
        .add(Column::TenantId.eq(root))
        .add(Column::Kind.eq(kind.as_str()))
        .add(Column::Name.eq(name))
}

fn numbers() -> Expr {
    Expr::tuple([Expr::col(Column::Kind), Expr::col(Column::Name), Expr::col(Column::Version)])
}

/// Kind, name and highest version of each manifest, counting only versions in force by `at`.
fn highest(root: Uuid, at: Option<i64>) -> SelectStatement {
    let mut query = Query::select();
    query
        .columns([Column::Kind, Column::Name])
        .expr(Expr::col(Column::Version).max())
        .from(manifest_version::Entity)
        .and_where(Expr::col(Column::TenantId).eq(root))
        .group_by_columns([Column::Kind, Column::Name]);
    if let Some(at) = at {
        query.and_where(Expr::col(Column::InForceFrom).lte(at));
    }
    query
}

fn describe(row: manifest_version::Model) -> Result<Version> {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == row.kind).ok_or_else(|| {
        anyhow::anyhow!("a stored manifest has a kind that this version of Suimon does not know")
    })?;
    Ok(Version {
        kind,
        system: row.system.unwrap_or_else(|| row.name.clone()),
        name: row.name,
        number: row.version,
        fingerprint: row.fingerprint,
        manifest: row.manifest,
        withdrawn: row.withdrawn,
        in_force_from: from_micros(row.in_force_from),
        applied_at: from_micros(row.applied_at),
        applied_by: row.applied_by,
        reason: row.reason,
    })
}

fn row(root: Uuid, version: &Version) -> manifest_version::Model {
    let Version { kind, name, number, system, fingerprint, manifest, withdrawn, .. } = version.clone();
    manifest_version::Model {
        tenant_id: root,
        kind: kind.as_str().to_owned(),
        name,
        version: number,
        system: Some(system),
        fingerprint,
        manifest,
        withdrawn,
        in_force_from: version.in_force_from.as_microsecond(),
        applied_at: version.applied_at.as_microsecond(),
        applied_by: version.applied_by,
        reason: version.reason.clone(),
    }
}
