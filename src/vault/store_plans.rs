//! Statements that find few people among very many, each in a form that leaves the database one way to go. Pure.
//!
//! SQLite has no statistics here. Of several indexes it takes the one whose leading columns a statement compares most of, and
//! alternatives (OR) it takes apart only where no other index serves: with `system = …` beside them, looking up 250 people by
//! their keys went through everybody of the system. So alternatives stand alone, one for each tenant.

use std::collections::BTreeMap;

use entity::{blind_index, subject};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryTrait, Select};
use uuid::Uuid;

/// People by tenant and id. `rows` are those of the caller's scope.
pub fn subjects_by_ids(rows: Condition, ids: &[(Uuid, Uuid)]) -> Select<subject::Entity> {
    let by_tenant = grouped(ids.iter().copied()).into_iter().map(|(tenant, ids)| {
        Condition::all().add(subject::Column::TenantId.eq(tenant)).add(subject::Column::Id.is_in(ids))
    });
    subject::Entity::find().filter(rows).filter(any(by_tenant))
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

/// People who have one of these digests. `rows` are those of the index within the caller's scope.
pub fn matches(
    rows: Condition,
    record_type: &str,
    field: &str,
    digests: &[(Uuid, [u8; envelope::BLIND_INDEX_LEN])],
    limit: u64,
) -> Select<subject::Entity> {
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
    let found = Query::select()
        .distinct()
        .columns([Column::TenantId, Column::SubjectId])
        .from(blind_index::Entity)
        .cond_where(rows)
        .cond_where(any(by_tenant))
        .limit(limit)
        .to_owned();
    let same = |column, of| Expr::col(("found", column)).equals((subject::Entity, of));
    let mut people = subject::Entity::find();
    // A subquery with a limit is made first, and once.
    QueryTrait::query(&mut people).join_subquery(
        JoinType::InnerJoin,
        found,
        "found",
        Condition::all()
            .add(same(Column::TenantId, subject::Column::TenantId))
            .add(same(Column::SubjectId, subject::Column::Id)),
    );
    people
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
