//! The statement that lists entries, shaped so that SQLite, which has no statistics, descends to what is asked for. A test reads its plan.

use entity::{audit_entry, audit_entry_subject};
use sea_orm::sea_query::UnionType;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use super::read::Filter;

/// Entries of a tenant within `rows` that a filter lets through, the newest first.
pub fn entries(
    rows: Condition,
    tenant: Uuid,
    filter: &Filter,
    bounds: (i64, Option<i64>),
    limit: u64,
) -> Select<audit_entry::Entity> {
    let query = match filter.subject {
        Some(subject) => about(tenant, subject, bounds),
        None => bounded(audit_entry::Entity::find(), audit_entry::Column::Seq, bounds),
    };
    let mut query = query
        .filter(rows)
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .order_by_desc(audit_entry::Column::Seq)
        .limit(limit);
    if let Some(actor) = &filter.actor {
        query = query.filter(audit_entry::Column::Actor.eq(actor.as_str()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_entry::Column::Action.eq(action.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entry::Column::At.gte(from.as_microsecond()));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_entry::Column::At.lt(before.as_microsecond()));
    }
    query
}

/// Numbers behind the first and before the second one.
fn bounded<E: EntityTrait>(
    query: Select<E>,
    seq: impl ColumnTrait,
    (behind, older_than): (i64, Option<i64>),
) -> Select<E> {
    let query = query.filter(seq.gt(behind));
    match older_than {
        Some(older_than) => query.filter(seq.lt(older_than)),
        None => query,
    }
}

/// Entries about a person alone, and about this one among others. The bounds stand where the numbers are looked up: beside them
/// SQLite would go through the whole chain.
fn about(tenant: Uuid, subject: Uuid, bounds: (i64, Option<i64>)) -> Select<audit_entry::Entity> {
    let alone = audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::Seq)
        .filter(audit_entry::Column::TenantId.eq(tenant))
        .filter(audit_entry::Column::Subject.eq(subject.to_string()));
    let among = audit_entry_subject::Entity::find()
        .select_only()
        .column(audit_entry_subject::Column::Seq)
        .filter(audit_entry_subject::Column::TenantId.eq(tenant))
        .filter(audit_entry_subject::Column::Subject.eq(subject));
    let mut numbers = bounded(alone, audit_entry::Column::Seq, bounds).into_query();
    let among = bounded(among, audit_entry_subject::Column::Seq, bounds).into_query();
    numbers.union(UnionType::All, among);
    audit_entry::Entity::find().filter(audit_entry::Column::Seq.in_subquery(numbers))
}

#[cfg(test)]
mod tests {
    use migration::MigratorTrait;
    use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

    use super::*;

    #[tokio::test]
    async fn who_asks_for_one_person_does_not_go_through_the_chain() {
        let database = Database::connect("sqlite::memory:").await.expect("a database");
        migration::Migrator::up(&database, None).await.expect("the tables");
        let (tenant, subject) = (Uuid::from_u128(1), Some(Uuid::from_u128(2)));
        let action = Some("subject.read".to_owned());
        let one = Filter { subject, ..Filter::default() };
        let filters = [one.clone(), Filter { action, from: Some(jiff::Timestamp::UNIX_EPOCH), ..one }];
        let rows = [Condition::all(), Condition::all().add(audit_entry::Column::TenantId.eq(tenant))];
        for (filter, rows) in filters.iter().flat_map(|filter| rows.iter().map(move |rows| (filter, rows))) {
            for older_than in [None, Some(1000)] {
                let statement = entries(rows.clone(), tenant, filter, (10, older_than), 50);
                let Statement { sql, values, .. } = statement.build(DbBackend::Sqlite);
                let sql = format!("EXPLAIN QUERY PLAN {sql}");
                let statement = Statement { sql, values, db_backend: DbBackend::Sqlite };
                let steps = database.query_all_raw(statement).await.expect("a plan");
                let steps: Vec<String> =
                    steps.iter().map(|step| step.try_get("", "detail").expect("a step")).collect();
                let whole = |step: &&String| {
                    step.starts_with("SCAN")
                        || step.starts_with("SEARCH")
                            && !step.contains("seq=?")
                            && !step.contains("subject=?")
                };
                assert_eq!(steps.iter().find(whole), None, "{steps:?}");
                assert_eq!(steps.iter().filter(|step| step.starts_with("SEARCH")).count(), 3, "{steps:?}");
            }
        }
    }
}
