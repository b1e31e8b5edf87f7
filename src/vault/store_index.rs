//! The tables of search: whole values, parts of values, and whose rows were made by the manifest in force.

use entity::{blind_index, part_index, subject};
use envelope::PART_DIGEST_LEN;
use sea_orm::ActiveModelTrait;
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Func, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::index::IndexRows;
use super::model::Subject;
use super::store_plans as plans;
use crate::access::{Scope, Tx};

use part_index::Column;

/// Shorter statements are prepared faster than long ones save round trips.
const ROWS_PER_INSERT: usize = 1000;
/// SQLite takes at most 500 selects in a UNION.
pub const ARMS: usize = 480;

/// Writes index rows.
pub async fn insert(tx: &Tx, rows: IndexRows) -> Result<(), DbErr> {
    let IndexRows { whole, parts } = rows;
    let mut whole = whole.into_iter().map(|row| row.into_active_model().reset_all());
    loop {
        let rows: Vec<_> = whole.by_ref().take(ROWS_PER_INSERT).collect();
        if rows.is_empty() {
            break;
        }
        blind_index::Entity::insert_many(rows).exec_without_returning(tx.connection()).await?;
    }
    let mut parts = parts.into_iter().map(|row| row.into_active_model().reset_all());
    loop {
        let rows: Vec<_> = parts.by_ref().take(ROWS_PER_INSERT).collect();
        if rows.is_empty() {
            return Ok(());
        }
        part_index::Entity::insert_many(rows).exec_without_returning(tx.connection()).await?;
    }
}

/// People whose rows were made by another statement than this one: at most `limit`, in no particular order.
pub async fn stale(
    scope: &Scope,
    system: &str,
    record_type: &str,
    mark: i64,
    limit: u64,
) -> Result<Vec<subject::Model>, DbErr> {
    // Two ranges of one index, which an OR or an inequality would not be.
    for range in [subject::Column::IndexMark.lt(mark), subject::Column::IndexMark.gt(mark)] {
        let rows = subject::Entity::find()
            .filter(scope.rows(subject::Column::TenantId))
            .filter(subject::Column::System.eq(system))
            .filter(subject::Column::RecordType.eq(record_type))
            .filter(subject::Column::ErasedAt.is_null())
            .filter(range)
            .limit(limit)
            .all(scope.connection())
            .await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

/// Whether there is anybody whose rows were made by another statement.
pub async fn any_stale(scope: &Scope, system: &str, record_type: &str, mark: i64) -> Result<bool, DbErr> {
    let arms = plans::stale(scope.rows(subject::Column::TenantId), system, record_type, mark);
    let found = scope.connection().query_one(&union(arms.into_iter().collect())).await?;
    Ok(found.is_some())
}

/// Says by which statement a person's rows are made now. False when the person was changed, erased or sealed under another
/// version of the tenant's key since `seen`.
pub async fn set_mark(tx: &Tx, subject: &Subject, seen: i64, mark: i64) -> Result<bool, DbErr> {
    let updated = subject::Entity::update_many()
        .col_expr(subject::Column::IndexMark, Expr::value(mark))
        .filter(subject::Column::TenantId.eq(subject.tenant))
        .filter(subject::Column::Id.eq(subject.id))
        .filter(subject::Column::UpdatedAt.eq(seen))
        .filter(subject::Column::KeyVersion.eq(subject.sealed.tenant_key_version))
        .filter(subject::Column::ErasedAt.is_null())
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// A column of the index of parts.
#[derive(Clone, Copy)]
pub struct PartColumn<'a> {
    pub record_type: &'a str,
    pub field: &'a str,
}

pub type PartDigest = [u8; PART_DIGEST_LEN];

#[derive(FromQueryResult)]
struct Counted {
    arm: i32,
    people: i64,
}

/// How many people have each of these digests, counted up to `most`. At most [`ARMS`].
pub async fn count_parts(
    scope: &Scope,
    column: PartColumn<'_>,
    digests: &[(Uuid, PartDigest)],
    most: u64,
) -> Result<Vec<u64>, DbErr> {
    let arms = digests.iter().enumerate().map(|(arm, (tenant, digest))| {
        let people = with_part(scope, column, *tenant, digest).limit(most).to_owned();
        Query::select()
            .expr_as(Expr::value(arm as i32), "arm")
            .expr_as(Func::count(Expr::col(Asterisk)), "people")
            .from_subquery(people, "counted")
            .to_owned()
    });
    let statement = union(arms.collect());
    let mut counts = vec![0; digests.len()];
    for row in scope.connection().query_all(&statement).await? {
        let Counted { arm, people } = Counted::from_query_result(&row, "")?;
        if let (Ok(arm), Ok(people)) = (usize::try_from(arm), u64::try_from(people)) {
            counts[arm] = people;
        }
    }
    Ok(counts)
}

/// People who have all of a tenant's digests, which come in the order of how rare they are: at most `limit` of each tenant. At
/// most [`ARMS`] tenants.
pub async fn with_all_parts(
    scope: &Scope,
    column: PartColumn<'_>,
    wanted: &[(Uuid, Vec<PartDigest>)],
    limit: u64,
) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    let arms = wanted.iter().filter_map(|(tenant, digests)| {
        let (rarest, others) = digests.split_first()?;
        let mut people = with_part(scope, column, *tenant, rarest);
        for digest in others {
            let also = |part| Expr::col(("also", part));
            people.and_where(Expr::exists(
                Query::select()
                    .expr(Expr::value(1))
                    .from_as(part_index::Entity, "also")
                    .and_where(also(Column::TenantId).eq(*tenant))
                    .and_where(also(Column::RecordType).eq(column.record_type))
                    .and_where(also(Column::Field).eq(column.field))
                    .and_where(also(Column::Digest).eq(digest.to_vec()))
                    .and_where(also(Column::SubjectId).eq(Expr::col((part_index::Entity, Column::SubjectId))))
                    .to_owned(),
            ));
        }
        Some(people.limit(limit).to_owned())
    });
    let statement = union(arms.collect());
    let rows = scope.connection().query_all(&statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "tenant_id")?, row.try_get("", "subject_id")?))).collect()
}

fn with_part(scope: &Scope, column: PartColumn<'_>, tenant: Uuid, digest: &PartDigest) -> SelectStatement {
    Query::select()
        .columns([Column::TenantId, Column::SubjectId])
        .from(part_index::Entity)
        .cond_where(scope.rows(Column::TenantId))
        .cond_where(
            // The whole start of the primary key: one descent into the index.
            Condition::all()
                .add(Column::TenantId.eq(tenant))
                .add(Column::RecordType.eq(column.record_type))
                .add(Column::Field.eq(column.field))
                .add(Column::Digest.eq(digest.to_vec())),
        )
        .to_owned()
}

/// One statement of several. Each stands in a subquery, because SQLite takes no LIMIT in an arm of a UNION.
fn union(arms: Vec<SelectStatement>) -> SelectStatement {
    let mut arms =
        arms.into_iter().map(|arm| Query::select().column(Asterisk).from_subquery(arm, "arm").to_owned());
    let mut first = arms.next().unwrap_or_default();
    for arm in arms {
        first.union(UnionType::All, arm);
    }
    first
}
