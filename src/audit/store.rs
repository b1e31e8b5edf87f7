//! The only place that knows the audit tables.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{account, audit_beginning, audit_checkpoint, audit_entry, audit_entry_subject, audit_head};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use uuid::Uuid;

use super::read::{Filter, ids, people};
use super::store_plans;
use crate::access::{Scope, Tx};
use crate::storage::Walled;

/// SQLite binds at most 32,766 values in a statement; an entry has 16.
const ENTRIES_PER_INSERT: usize = 1000;
/// People of entries in a statement.
const PEOPLE_PER_STATEMENT: usize = 5000;
const HEADS_PER_STATEMENT: usize = 1000;

/// The heads of these tenants' chains, as far as they have one, locked until the transaction ends. `tenants` are in order.
pub async fn lock_heads(
    transaction: &DatabaseTransaction,
    tenants: &[Uuid],
) -> Result<Vec<audit_head::Model>, DbErr> {
    let mut heads = Vec::with_capacity(tenants.len());
    for some in tenants.chunks(HEADS_PER_STATEMENT) {
        heads.extend(lock_some_heads(transaction, some).await?);
    }
    Ok(heads)
}

async fn lock_some_heads(
    transaction: &DatabaseTransaction,
    tenants: &[Uuid],
) -> Result<Vec<audit_head::Model>, DbErr> {
    // PostgreSQL: the row locks make concurrent appends of one tenant queue up; without a row yet, the insert below does.
    // They are taken in the order of tenants, so that two nodes cannot wait for each other.
    // SQLite: the writing transaction holds the only write lock already.
    audit_head::Entity::find()
        .filter(audit_head::Column::TenantId.is_in(tenants.iter().copied()))
        .order_by_asc(audit_head::Column::TenantId)
        .lock_exclusive()
        .all(transaction)
        .await
}

/// Creates the head of a new chain, unless another node just did.
pub async fn create_head(
    transaction: &DatabaseTransaction,
    tenant: Uuid,
    hash: [u8; 32],
    mac: [u8; 32],
) -> Result<(), DbErr> {
    let head = audit_head::ActiveModel {
        tenant_id: Set(tenant),
        seq: Set(0),
        hash: Set(hash.to_vec()),
        mac: Set(mac.to_vec()),
    };
    audit_head::Entity::insert(head)
        .on_conflict(OnConflict::column(audit_head::Column::TenantId).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    entries: Vec<audit_entry::Model>,
) -> Result<(), DbErr> {
    // PostgreSQL reads a long list of rows far more slowly than it writes them: a batch that travels as one value has a
    // statement that stays the same, so it is read and planned once.
    if transaction.get_database_backend() == DbBackend::Postgres {
        let rows = serde_json::to_string(&entries).map_err(|error| DbErr::Custom(error.to_string()))?;
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, INSERT_ROWS, [rows.into()]);
        transaction.execute_raw(statement).await?;
        return Ok(());
    }
    let listed: Vec<_> =
        entries.iter().flat_map(|entry| people(entry).map(move |subject| (entry, subject))).collect();
    for some in listed.chunks(PEOPLE_PER_STATEMENT) {
        let rows = some.iter().map(|(entry, subject)| audit_entry_subject::ActiveModel {
            tenant_id: Set(entry.tenant_id),
            subject: Set(*subject),
            seq: Set(entry.seq),
        });
        // A row that is there already was planted: it must not keep the log from being written.
        audit_entry_subject::Entity::insert_many(rows)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(transaction)
            .await?;
    }
    // A converted model's values count as unchanged, which an insert would leave out.
    let mut entries = entries.into_iter().map(|entry| entry.into_active_model().reset_all());
    loop {
        let chunk: Vec<_> = entries.by_ref().take(ENTRIES_PER_INSERT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        audit_entry::Entity::insert_many(chunk).exec_without_returning(transaction).await?;
    }
}

const INSERT_ROWS: &str = "WITH entry AS (
        SELECT * FROM json_to_recordset($1::json) AS entry (tenant_id uuid, seq bigint, id uuid, at bigint, actor text,
            action text, object text, subject text, subjects text, fields text, purpose text, decision text,
            request_id text, detail text, prev text, hash text)),
    person AS (
        INSERT INTO audit_entry_subject (tenant_id, subject, seq)
        SELECT tenant_id, person::uuid, seq FROM entry, unnest(string_to_array(subjects, ' ')) AS person
        ON CONFLICT DO NOTHING)
    INSERT INTO audit_entry (tenant_id, seq, id, at, actor, action, object, subject, subjects, fields, purpose,
        decision, request_id, detail, prev, hash)
    SELECT tenant_id, seq, id, at, actor, action, object, subject, subjects, fields, purpose,
        decision, request_id, detail, decode(prev, 'hex'), decode(hash, 'hex')
    FROM entry";

/// Moves heads that [`lock_heads`] returned.
pub async fn move_heads(
    transaction: &DatabaseTransaction,
    heads: Vec<audit_head::Model>,
) -> Result<(), DbErr> {
    let moved = [audit_head::Column::Seq, audit_head::Column::Hash, audit_head::Column::Mac];
    for some in heads.chunks(HEADS_PER_STATEMENT) {
        let heads = some.iter().map(|head| head.clone().into_active_model().reset_all());
        audit_head::Entity::insert_many(heads)
            .on_conflict(OnConflict::column(audit_head::Column::TenantId).update_columns(moved).to_owned())
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

pub async fn heads(database: &Walled) -> Result<Vec<audit_head::Model>, DbErr> {
    audit_head::Entity::find().order_by_asc(audit_head::Column::TenantId).all(database).await
}

/// Tenants that have entries, whether or not they still have a head.
pub async fn tenants_with_entries(database: &Walled) -> Result<Vec<Uuid>, DbErr> {
    audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::TenantId)
        .distinct()
        .into_tuple()
        .all(database)
        .await
}

/// Tenants with accounts: the creation of each account was an entry, so each of them has a chain.
pub async fn tenants_with_accounts(database: &Walled) -> Result<Vec<Uuid>, DbErr> {
    account::Entity::find()
        .select_only()
        .column(account::Column::TenantId)
        .distinct()
        .into_tuple()
        .all(database)
        .await
}

/// Entries of a tenant that a filter lets through, the newest first: numbers behind the first and before the second bound.
pub async fn entries(
    scope: &Scope,
    tenant: Uuid,
    filter: &Filter,
    bounds: (i64, Option<i64>),
    limit: u64,
) -> Result<Vec<audit_entry::Model>, DbErr> {
    let rows = scope.rows(audit_entry::Column::TenantId);
    store_plans::entries(rows, tenant, filter, bounds, limit).all(scope.connection()).await
}

/// The first of these entries, each with one of its people, that is not found by that person.
pub async fn unlisted(
    scope: &Scope,
    tenant: Uuid,
    mut listed: Vec<(i64, Uuid)>,
) -> Result<Option<i64>, DbErr> {
    let (Some(first), Some(last)) =
        (listed.iter().map(|(seq, _)| *seq).min(), listed.iter().map(|(seq, _)| *seq).max())
    else {
        return Ok(None);
    };
    listed.sort_unstable_by_key(|(_, person)| *person);
    let mut missing: Option<i64> = None;
    for some in listed.chunks(PEOPLE_PER_STATEMENT) {
        let rows: Vec<(i64, Uuid)> = audit_entry_subject::Entity::find()
            .select_only()
            .column(audit_entry_subject::Column::Seq)
            .column(audit_entry_subject::Column::Subject)
            .filter(scope.rows(audit_entry_subject::Column::TenantId))
            .filter(audit_entry_subject::Column::TenantId.eq(tenant))
            .filter(audit_entry_subject::Column::Subject.is_in(some.iter().map(|(_, person)| *person)))
            .filter(audit_entry_subject::Column::Seq.between(first, last))
            .into_tuple()
            .all(scope.connection())
            .await?;
        let found: HashSet<(i64, Uuid)> = rows.into_iter().collect();
        let lost = some.iter().filter(|place| !found.contains(place)).map(|(seq, _)| *seq).min();
        missing = missing.into_iter().chain(lost).min();
    }
    Ok(missing)
}

/// The head of a chain.
pub async fn head(database: &Walled, tenant: Uuid) -> Result<Option<audit_head::Model>, DbErr> {
    audit_head::Entity::find_by_id(tenant).one(database).await
}

/// A page of a chain, in order.
pub async fn page<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    after: i64,
    limit: u64,
) -> Result<Vec<audit_entry::Model>, DbErr> {
    audit_entry::Entity::find()
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.gt(after))
        .order_by_asc(audit_entry::Column::Seq)
        .limit(limit)
        .all(database)
        .await
}

/// Tenants in order with the number of their chain's last entry.
pub async fn heads_after(scope: &Scope, after: Option<Uuid>, limit: u64) -> Result<Vec<(Uuid, i64)>, DbErr> {
    let mut query = audit_head::Entity::find()
        .select_only()
        .column(audit_head::Column::TenantId)
        .column(audit_head::Column::Seq)
        .filter(scope.rows(audit_head::Column::TenantId))
        .order_by_asc(audit_head::Column::TenantId)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(audit_head::Column::TenantId.gt(after));
    }
    query.into_tuple().all(scope.connection()).await
}

/// How many entries the newest checkpoint of each of these tenants seals, where there is one.
pub async fn checkpoint_sizes(scope: &Scope, tenants: &[Uuid]) -> Result<HashMap<Uuid, i64>, DbErr> {
    let rows: Vec<(Uuid, i64)> = audit_checkpoint::Entity::find()
        .select_only()
        .column(audit_checkpoint::Column::TenantId)
        .column_as(audit_checkpoint::Column::Size.max(), "newest")
        .filter(scope.rows(audit_checkpoint::Column::TenantId))
        .filter(audit_checkpoint::Column::TenantId.is_in(tenants.iter().copied()))
        .group_by(audit_checkpoint::Column::TenantId)
        .into_tuple()
        .all(scope.connection())
        .await?;
    Ok(rows.into_iter().collect())
}

pub async fn last_checkpoint(scope: &Scope, tenant: Uuid) -> Result<Option<audit_checkpoint::Model>, DbErr> {
    Ok(checkpoints(scope, tenant, None, 1).await?.into_iter().next())
}

/// The newest first.
pub async fn checkpoints(
    scope: &Scope,
    tenant: Uuid,
    smaller_than: Option<i64>,
    limit: u64,
) -> Result<Vec<audit_checkpoint::Model>, DbErr> {
    let mut query = audit_checkpoint::Entity::find()
        .filter(scope.rows(audit_checkpoint::Column::TenantId))
        .filter(audit_checkpoint::Column::TenantId.eq(tenant))
        .order_by_desc(audit_checkpoint::Column::Size)
        .limit(limit);
    if let Some(size) = smaller_than {
        query = query.filter(audit_checkpoint::Column::Size.lt(size));
    }
    query.all(scope.connection()).await
}

/// The newest checkpoint that was made before an instant (microseconds).
pub async fn checkpoint_before(
    scope: &Scope,
    tenant: Uuid,
    before: i64,
) -> Result<Option<audit_checkpoint::Model>, DbErr> {
    audit_checkpoint::Entity::find()
        .filter(scope.rows(audit_checkpoint::Column::TenantId))
        .filter(audit_checkpoint::Column::TenantId.eq(tenant))
        .filter(audit_checkpoint::Column::At.lt(before))
        .order_by_desc(audit_checkpoint::Column::Size)
        .one(scope.connection())
        .await
}

/// The oldest checkpoint that was not made before an instant (microseconds).
pub async fn checkpoint_since(
    scope: &Scope,
    tenant: Uuid,
    since: i64,
) -> Result<Option<audit_checkpoint::Model>, DbErr> {
    audit_checkpoint::Entity::find()
        .filter(scope.rows(audit_checkpoint::Column::TenantId))
        .filter(audit_checkpoint::Column::TenantId.eq(tenant))
        .filter(audit_checkpoint::Column::At.gte(since))
        .order_by_asc(audit_checkpoint::Column::Size)
        .one(scope.connection())
        .await
}

/// Entries of some actions behind a number, in order.
pub async fn of_actions(
    scope: &Scope,
    tenant: Uuid,
    actions: &[&str],
    after: i64,
    limit: u64,
) -> Result<Vec<audit_entry::Model>, DbErr> {
    audit_entry::Entity::find()
        .filter(scope.rows(audit_entry::Column::TenantId))
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.gt(after))
        .filter(audit_entry::Column::Action.is_in(actions.iter().copied()))
        .order_by_asc(audit_entry::Column::Seq)
        .limit(limit)
        .all(scope.connection())
        .await
}

pub async fn insert_checkpoint(tx: &Tx, row: audit_checkpoint::Model) -> Result<(), DbErr> {
    audit_checkpoint::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The trims of a chain, the newest first.
pub async fn beginnings(
    scope: &Scope,
    tenant: Uuid,
    limit: u64,
) -> Result<Vec<audit_beginning::Model>, DbErr> {
    audit_beginning::Entity::find()
        .filter(scope.rows(audit_beginning::Column::TenantId))
        .filter(audit_beginning::Column::TenantId.eq(tenant))
        .order_by_desc(audit_beginning::Column::Seq)
        .limit(limit)
        .all(scope.connection())
        .await
}

pub async fn insert_beginning(tx: &Tx, row: audit_beginning::Model) -> Result<(), DbErr> {
    audit_beginning::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The first entry behind `after` whose instant is not before `at` (microseconds).
pub async fn first_since(scope: &Scope, tenant: Uuid, after: i64, at: i64) -> Result<Option<i64>, DbErr> {
    audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::Seq)
        .filter(scope.rows(audit_entry::Column::TenantId))
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.gt(after))
        .filter(audit_entry::Column::At.gte(at))
        .order_by_asc(audit_entry::Column::Seq)
        .into_tuple()
        .one(scope.connection())
        .await
}

/// The oldest checkpoint that seals more than `more` entries.
pub async fn next_checkpoint(
    scope: &Scope,
    tenant: Uuid,
    more: i64,
) -> Result<Option<audit_checkpoint::Model>, DbErr> {
    audit_checkpoint::Entity::find()
        .filter(scope.rows(audit_checkpoint::Column::TenantId))
        .filter(audit_checkpoint::Column::TenantId.eq(tenant))
        .filter(audit_checkpoint::Column::Size.gt(more))
        .order_by_asc(audit_checkpoint::Column::Size)
        .one(scope.connection())
        .await
}

/// Number of the oldest entry that is stored.
pub async fn oldest<C: ConnectionTrait>(database: &C, tenant: Uuid) -> Result<Option<i64>, DbErr> {
    audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::Seq)
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .order_by_asc(audit_entry::Column::Seq)
        .into_tuple()
        .one(database)
        .await
}

/// Takes away the oldest entries up to number `to`, at most `most`; how many. The triggers let nothing go but what a stored
/// beginning names.
pub async fn remove_trimmed(tx: &Tx, tenant: Uuid, to: i64, most: i64) -> Result<u64, DbErr> {
    let database = tx.connection();
    if database.get_database_backend() == DbBackend::Postgres {
        // The service has no right to delete from the log: this function of the owner's does it.
        let call = "SELECT suimon_trim_audit($1, $2, $3)";
        let values = [tenant.into(), to.into(), most.into()];
        let call = Statement::from_sql_and_values(DbBackend::Postgres, call, values);
        let gone: i64 = match database.query_one_raw(call).await? {
            Some(row) => row.try_get_by_index(0)?,
            None => 0,
        };
        return Ok(gone.unsigned_abs());
    }
    let Some(oldest) = oldest(database, tenant).await? else { return Ok(0) };
    let last = to.min(oldest.saturating_add(most - 1));
    let subjects: Vec<Option<String>> = audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::Subjects)
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.lte(last))
        .filter(audit_entry::Column::Subjects.is_not_null())
        .into_tuple()
        .all(database)
        .await?;
    let listed: BTreeSet<Uuid> = subjects.iter().flatten().flat_map(|subjects| ids(subjects)).collect();
    let listed: Vec<Uuid> = listed.into_iter().collect();
    for some in listed.chunks(PEOPLE_PER_STATEMENT) {
        audit_entry_subject::Entity::delete_many()
            .filter(audit_entry_subject::Column::TenantId.eq(tenant))
            .filter(audit_entry_subject::Column::Subject.is_in(some.iter().copied()))
            .filter(audit_entry_subject::Column::Seq.lte(last))
            .exec(database)
            .await?;
    }
    let gone = audit_entry::Entity::delete_many()
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Seq.lte(last))
        .exec(database)
        .await?;
    Ok(gone.rows_affected)
}
