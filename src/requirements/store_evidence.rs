//! The only place that knows the tables of approvals and evidence. Their rows belong to the root tenant.

use std::collections::HashMap;

use entity::{evidence, evidence_newest, manifest_approval};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    SqlErr,
};
use uuid::Uuid;

use super::approvals::Approval;
use super::evidence::{CheckResult, Evidence};
use super::manifest::Kind;
use super::model::Version;
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Collectors of one requirement, those of all requirements of a system at most so many.
const MOST_NEWEST: u64 = 50_000;

pub async fn insert_approval(tx: &Tx, approval: &Approval) -> Result<()> {
    let Approval { kind, name, version, fingerprint, approved_by, approved_at, note } = approval.clone();
    let row = manifest_approval::Model {
        tenant_id: tx.scope().tenant(),
        kind: kind.as_str().to_owned(),
        name,
        version,
        fingerprint,
        approved_by,
        approved_at: approved_at.as_microsecond(),
        note,
    };
    let row = row.into_active_model().reset_all();
    let inserted = manifest_approval::Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(|_| ()).map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict("this version is approved already")
            .remedy("nothing is left to do; a changed manifest is a new version, which can be approved"),
        _ => error.into(),
    })
}

pub async fn approval(scope: &Scope, kind: Kind, name: &str, version: i32) -> Result<Option<Approval>> {
    let key = (scope.tenant(), kind.as_str().to_owned(), name.to_owned(), version);
    let row = manifest_approval::Entity::find_by_id(key).one(scope.connection()).await?;
    Ok(row.map(|row| describe_approval(row, kind)))
}

/// Approvals of these versions, by name and number; perhaps of others of the same names, too.
pub async fn approvals(
    scope: &Scope,
    kind: Kind,
    versions: &[&Version],
) -> Result<HashMap<(String, i32), Approval>> {
    let mut found = HashMap::new();
    for some in versions.chunks(1000) {
        let rows = manifest_approval::Entity::find()
            .filter(manifest_approval::Column::TenantId.eq(scope.tenant()))
            .filter(manifest_approval::Column::Kind.eq(kind.as_str()))
            .filter(manifest_approval::Column::Name.is_in(some.iter().map(|version| version.name.as_str())))
            .filter(manifest_approval::Column::Version.is_in(some.iter().map(|version| version.number)))
            .all(scope.connection())
            .await?;
        let approvals = rows.into_iter().map(|row| describe_approval(row, kind));
        found.extend(approvals.map(|approval| ((approval.name.clone(), approval.version), approval)));
    }
    Ok(found)
}

fn describe_approval(row: manifest_approval::Model, kind: Kind) -> Approval {
    let manifest_approval::Model {
        tenant_id: _,
        kind: _,
        name,
        version,
        fingerprint,
        approved_by,
        approved_at,
        note,
    } = row;
    let approved_at = from_micros(approved_at);
    Approval { kind, name, version, fingerprint, approved_by, approved_at, note }
}

/// Writes evidence, and that it is its collector's newest unless a newer one is known.
pub async fn insert(tx: &Tx, evidence: &Evidence) -> Result<(), DbErr> {
    let row = row(tx.scope().tenant(), evidence);
    let newest = evidence_newest::Model {
        tenant_id: row.tenant_id,
        requirement: row.requirement.clone(),
        collector: row.collector.clone(),
        id: row.id,
        observed_at: row.observed_at,
    };
    let row = row.into_active_model().reset_all();
    evidence::Entity::insert(row).exec_without_returning(tx.connection()).await?;
    use evidence_newest::Column;
    let stored = Expr::col((evidence_newest::Entity, Column::ObservedAt));
    let mut replace = OnConflict::columns([Column::TenantId, Column::Requirement, Column::Collector]);
    replace.update_columns([Column::Id, Column::ObservedAt]).action_and_where(stored.lte(newest.observed_at));
    let newest = newest.into_active_model().reset_all();
    evidence_newest::Entity::insert(newest)
        .on_conflict(replace)
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The newest evidence of each collector of these requirements.
pub async fn newest(scope: &Scope, requirements: &[&str]) -> Result<Vec<Evidence>> {
    let mut found = Vec::new();
    for some in requirements.chunks(1000) {
        let ids: Vec<Uuid> = evidence_newest::Entity::find()
            .select_only()
            .column(evidence_newest::Column::Id)
            .filter(evidence_newest::Column::TenantId.eq(scope.tenant()))
            .filter(evidence_newest::Column::Requirement.is_in(some.iter().copied()))
            // Collectors of versions long gone stay; should there ever be too many, the newest are those that count.
            .order_by_desc(evidence_newest::Column::ObservedAt)
            .limit(MOST_NEWEST)
            .into_tuple()
            .all(scope.connection())
            .await?;
        for some in ids.chunks(1000) {
            let rows = evidence::Entity::find()
                .filter(evidence::Column::TenantId.eq(scope.tenant()))
                .filter(evidence::Column::Id.is_in(some.iter().copied()))
                .all(scope.connection())
                .await?;
            for row in rows {
                found.push(describe(row)?);
            }
        }
    }
    found.sort_by(|a, b| (&a.requirement, &a.collector).cmp(&(&b.requirement, &b.collector)));
    Ok(found)
}

/// The collectors whose newest evidence of a requirement is for the version of this fingerprint.
pub async fn collectors(tx: &Tx, requirement: &str, fingerprint: &str) -> Result<Vec<String>, DbErr> {
    let newest = Query::select()
        .column(evidence_newest::Column::Id)
        .from(evidence_newest::Entity)
        .and_where(Expr::col(evidence_newest::Column::TenantId).eq(tx.scope().tenant()))
        .and_where(Expr::col(evidence_newest::Column::Requirement).eq(requirement))
        .to_owned();
    evidence::Entity::find()
        .select_only()
        .column(evidence::Column::Collector)
        .filter(evidence::Column::TenantId.eq(tx.scope().tenant()))
        .filter(evidence::Column::Fingerprint.eq(fingerprint))
        .filter(evidence::Column::Id.in_subquery(newest))
        .into_tuple()
        .all(tx.connection())
        .await
}

/// Whether evidence of this id is there.
pub async fn exists(tx: &Tx, id: Uuid) -> Result<bool, DbErr> {
    let found: Option<Uuid> = evidence::Entity::find_by_id((tx.scope().tenant(), id))
        .select_only()
        .column(evidence::Column::Id)
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(found.is_some())
}

/// The newest evidence of a collector of a requirement.
pub async fn newest_of(tx: &Tx, requirement: &str, collector: &str) -> Result<Option<Evidence>> {
    let key = (tx.scope().tenant(), requirement.to_owned(), collector.to_owned());
    let newest = evidence_newest::Entity::find_by_id(key).one(tx.connection()).await?;
    let Some(newest) = newest else { return Ok(None) };
    let row = evidence::Entity::find_by_id((newest.tenant_id, newest.id)).one(tx.connection()).await?;
    row.map(describe).transpose()
}

/// Evidence of a requirement, the newest first; `before` is the last id of the page before.
pub async fn list(
    scope: &Scope,
    requirement: &str,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Evidence>> {
    let mut query = evidence::Entity::find()
        .filter(evidence::Column::TenantId.eq(scope.tenant()))
        .filter(evidence::Column::Requirement.eq(requirement))
        // Ids are in the order of their making.
        .order_by_desc(evidence::Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(evidence::Column::Id.lt(before));
    }
    query.all(scope.connection()).await?.into_iter().map(describe).collect()
}

fn describe(row: evidence::Model) -> Result<Evidence> {
    let evidence::Model {
        tenant_id: _,
        id,
        requirement,
        collector,
        fingerprint,
        system,
        result,
        observed,
        summary,
        digest,
        observed_at,
        expires_at,
        recorded_at,
        recorded_by,
    } = row;
    let result = CheckResult::read(&result)
        .ok_or_else(|| anyhow::anyhow!("stored evidence has a result that this version does not know"))?;
    Ok(Evidence {
        id,
        requirement,
        collector,
        fingerprint,
        system,
        result,
        observed: observed.map(|text| serde_json::from_str(&text)).transpose()?,
        summary,
        digest,
        observed_at: from_micros(observed_at),
        expires_at: from_micros(expires_at),
        recorded_at: from_micros(recorded_at),
        recorded_by,
    })
}

fn row(tenant_id: Uuid, evidence: &Evidence) -> evidence::Model {
    let Evidence {
        id,
        requirement,
        collector,
        fingerprint,
        system,
        result,
        observed,
        summary,
        digest,
        observed_at,
        expires_at,
        recorded_at,
        recorded_by,
    } = evidence.clone();
    evidence::Model {
        tenant_id,
        id,
        requirement,
        collector,
        fingerprint,
        system,
        result: result.as_str().to_owned(),
        observed: observed.map(|value| value.to_string()),
        summary,
        digest,
        observed_at: observed_at.as_microsecond(),
        expires_at: expires_at.as_microsecond(),
        recorded_at: recorded_at.as_microsecond(),
        recorded_by,
    }
}
