//! Statements that find few people among very many, each in a form that leaves the database one way to go. Pure.
//!
//! SQLite has no statistics here. Of several indexes it takes the one whose leading columns a statement compares most of, and
//! alternatives (OR) it takes apart only where no other index serves: with `system = …` beside them, looking up 250 people by
//! their keys went through everybody of the system. So alternatives stand alone, one for each tenant.

use std::collections::BTreeMap;

use entity::{blind_index, subject};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, Iterable, JoinType, QueryFilter, Select};
use uuid::Uuid;

/// People by tenant and id. `rows` are those of the caller's scope.
pub fn subjects_by_ids(rows: Condition, ids: &[(Uuid, Uuid)]) -> Select<subject::Entity> {
    let by_tenant = grouped(ids.iter().copied()).into_iter().map(|(tenant, ids)| {
        Condition::all().add(subject::Column::TenantId.eq(tenant)).add(subject::Column::Id.is_in(ids))
    });
    subject::Entity::find().filter(rows).filter(any(by_tenant))
}

/// People by tenant and id, for look-ups that gather: the statement of a number of keys is always the same, however they fall
/// on tenants, so that the database knows it.
pub fn subjects_by_keys(keys: &[(Uuid, Uuid)]) -> Select<subject::Entity> {
    let by_key = keys.iter().map(|(tenant, id)| {
        Condition::all().add(subject::Column::TenantId.eq(*tenant)).add(subject::Column::Id.eq(*id))
    });
    subject::Entity::find().filter(any(by_key))
}

/// People by the system's own ids.
pub fn by_external_ids(
    rows: Condition,
    system: &str,
    record_type: &str,
    external_ids: &[&str],
) -> Select<subject::Entity> {
    subject::Entity::find()
        .filter(rows)
        .filter(subject::Column::System.eq(system))
        .filter(subject::Column::RecordType.eq(record_type))
        .filter(subject::Column::ExternalId.is_in(external_ids.iter().copied()))
}

/// Tenant and id of people who have one of these digests. `rows` are those of the index within the caller's scope.
pub fn matches(
    rows: Condition,
    record_type: &str,
    field: &str,
    digests: &[(Uuid, [u8; envelope::BLIND_INDEX_LEN])],
    limit: u64,
) -> SelectStatement {
    use blind_index::Column;
    let by_tenant = grouped(digests.iter().map(|(tenant, digest)| (*tenant, digest.to_vec())));
    let by_tenant = by_tenant.into_iter().map(|(tenant, digests)| {
        // The whole start of the primary key.
        Condition::all()
            .add(Column::TenantId.eq(tenant))
            .add(Column::RecordType.eq(record_type))
            .add(Column::Field.eq(field))
            .add(Column::Digest.is_in(digests))
    });
    // Without DISTINCT: for it SQLite would go through an index in the order of people.
    Query::select()
        .columns([Column::TenantId, Column::SubjectId])
        .from(blind_index::Entity)
        .cond_where(rows)
        .cond_where(any(by_tenant))
        .limit(limit)
        .to_owned()
}

/// People whose rows were made by another statement than this one: two ranges of one index, which an OR or an inequality would not
/// be, each at most one of them.
pub fn stale(rows: Condition, system: &str, record_type: &str, mark: i64) -> [SelectStatement; 2] {
    [subject::Column::IndexMark.lt(mark), subject::Column::IndexMark.gt(mark)].map(|range| {
        Query::select()
            .column(subject::Column::Id)
            .from(subject::Entity)
            .cond_where(rows.clone())
            .and_where(subject::Column::System.eq(system))
            .and_where(subject::Column::RecordType.eq(record_type))
            .and_where(subject::Column::ErasedAt.is_null())
            .and_where(range)
            .limit(1)
            .to_owned()
    })
}

/// Name of the column that says whether there is anybody of `stale`.
pub const STALE: &str = "some_stale";

/// The people whom an index has found, each with the answer to whether there is anybody stale; a row without a person where it
/// has found nobody.
pub fn beside(found: SelectStatement, stale: [SelectStatement; 2]) -> SelectStatement {
    let [before, after] = stale;
    let any_stale = Query::select().expr_as(Expr::exists(before).or(Expr::exists(after)), STALE).to_owned();
    let same = |column, of| Expr::col(("found", column)).equals((subject::Entity, of));
    // From left to right, and a subquery with a limit is made first, and once.
    Query::select()
        .column(("asked", STALE))
        .columns(subject::Column::iter().map(|column| (subject::Entity, column)))
        .from_subquery(any_stale, "asked")
        .join_subquery(JoinType::LeftJoin, found, "found", Expr::value(1).eq(1))
        .join(
            JoinType::LeftJoin,
            subject::Entity,
            Condition::all()
                .add(same(blind_index::Column::TenantId, subject::Column::TenantId))
                .add(same(blind_index::Column::SubjectId, subject::Column::Id)),
        )
        .to_owned()
}

fn grouped<T>(pairs: impl Iterator<Item = (Uuid, T)>) -> BTreeMap<Uuid, Vec<T>> {
    let mut by_tenant = BTreeMap::<Uuid, Vec<T>>::new();
    for (tenant, item) in pairs {
        by_tenant.entry(tenant).or_default().push(item);
    }
    by_tenant
}

/// One of these; none of nothing.
fn any(alternatives: impl Iterator<Item = Condition>) -> Condition {
    let mut alternatives = alternatives.peekable();
    if alternatives.peek().is_none() {
        return Condition::all().add(Expr::value(1).eq(2));
    }
    alternatives.fold(Condition::any(), Condition::add)
}

#[cfg(test)]
mod tests {
    use migration::MigratorTrait;
    use sea_orm::sea_query::IntoCondition;
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryTrait, Statement};

    use super::*;

    /// How SQLite goes about a statement, a line a step.
    async fn plan(database: &DatabaseConnection, statement: SelectStatement) -> Vec<String> {
        let Statement { sql, values, .. } = DbBackend::Sqlite.build(&statement);
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let statement = Statement { sql, values, db_backend: DbBackend::Sqlite };
        let steps = database.query_all_raw(statement).await.expect("a plan");
        steps.iter().map(|step| step.try_get("", "detail").expect("a step")).collect()
    }

    /// Each look-up is a descent for each key, whatever else there is of the same system, record type or tenant.
    #[tokio::test]
    async fn nobody_else_is_looked_at() {
        let database = Database::connect("sqlite::memory:").await.expect("a database");
        migration::Migrator::up(&database, None).await.expect("the tables");
        let id = |number: u128| Uuid::from_u128(number);
        let here = |column: subject::Column| column.eq(id(1)).into_condition();
        let one_tenant: Vec<_> = (0..250).map(|person| (id(1), id(person))).collect();
        let many_tenants: Vec<_> = (0..250).map(|number| (id(number), id(number))).collect();
        let pseudonyms: Vec<String> = (0..1000).map(|number| format!("W-{number}")).collect();
        let pseudonyms: Vec<&str> = pseudonyms.iter().map(String::as_str).collect();
        // Two keys of a tenant while one replaces the other.
        let digests = |tenants: u128| -> Vec<_> {
            (0..tenants)
                .flat_map(|tenant| {
                    [
                        (id(tenant), [1; envelope::BLIND_INDEX_LEN]),
                        (id(tenant), [2; envelope::BLIND_INDEX_LEN]),
                    ]
                })
                .collect()
        };
        let in_index = blind_index::Column::TenantId.eq(id(0)).into_condition();
        let everywhere = Condition::all;
        let statements = [
            ("one tenant", subjects_by_ids(here(subject::Column::TenantId), &one_tenant).into_query()),
            ("one tenant, by the operator", subjects_by_ids(everywhere(), &one_tenant).into_query()),
            ("many tenants", subjects_by_ids(everywhere(), &many_tenants).into_query()),
            ("gathered keys", subjects_by_keys(&one_tenant).into_query()),
            (
                "pseudonyms",
                by_external_ids(here(subject::Column::TenantId), "s", "r", &pseudonyms).into_query(),
            ),
            (
                "pseudonyms, by the operator",
                by_external_ids(everywhere(), "s", "r", &pseudonyms).into_query(),
            ),
            (
                "digests",
                beside(
                    matches(in_index, "r", "f", &digests(1), 101),
                    stale(here(subject::Column::TenantId), "s", "r", 7),
                ),
            ),
            (
                "digests, by the operator",
                beside(matches(everywhere(), "r", "f", &digests(125), 101), stale(everywhere(), "s", "r", 7)),
            ),
        ];
        let nobody = subjects_by_ids(everywhere(), &[]).build(DbBackend::Sqlite).to_string();
        assert!(nobody.ends_with("WHERE 1 = 2"), "{nobody}");
        for (what, statement) in statements {
            let steps = plan(&database, statement).await;
            let keys = ["AND id=?)", "external_id=?)", "AND digest=?)", "index_mark<?)", "index_mark>?)"];
            let descents = steps.iter().filter(|step| step.starts_with("SEARCH"));
            for step in descents.clone().map(|step| step.trim_end_matches(" LEFT-JOIN")) {
                assert!(keys.iter().any(|key| step.ends_with(key)), "{what}: {step}");
            }
            assert!(descents.count() > 0, "{what}: {steps:?}");
            let scans = steps.iter().filter(|step| step.starts_with("SCAN")).collect::<Vec<_>>();
            assert!(
                scans.iter().all(|step| {
                    // What was found, which a limit bounds, beside the one row of the question.
                    let step = step.trim_end_matches(" LEFT-JOIN");
                    ["SCAN found", "SCAN asked", "SCAN CONSTANT ROW"].contains(&step)
                }),
                "{what}: {scans:?}"
            );
        }
    }
}
