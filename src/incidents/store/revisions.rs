//! Revisions and their people.

use std::collections::{BTreeMap, HashMap};

use entity::{revision, revision_person as person, tenant};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{instant, micros, must_hit, word};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::affected::model::{Class, Revision, RevisionPerson, State, Stored};

/// SQLite binds at most 32,766 values in a statement; a row has 14.
const ROWS_PER_INSERT: usize = 1000;
/// Rows that are read at once.
const ROWS_PER_READ: u64 = 10_000;

fn revision(row: revision::Model) -> Result<Revision> {
    let revision::Model {
        tenant_id,
        id,
        incident_id,
        number,
        method,
        state,
        reason,
        parameters,
        inputs,
        counts,
        digest,
        created_at,
        created_by,
        approved_at,
        approved_by,
    } = row;
    Ok(Revision {
        tenant: tenant_id,
        id,
        incident: incident_id,
        number,
        method: word(&method)?,
        state: word(&state)?,
        reason,
        parameters: serde_json::from_str(&parameters)?,
        inputs: serde_json::from_str(&inputs)?,
        counts: serde_json::from_str(&counts)?,
        digest,
        created_at: from_micros(created_at),
        created_by,
        approved_at: instant(approved_at),
        approved_by,
        stored: Stored { parameters, inputs, counts },
    })
}

pub async fn insert_revision(tx: &Tx, new: &Revision) -> Result<()> {
    let row = revision::Model {
        tenant_id: new.tenant,
        id: new.id,
        incident_id: new.incident,
        number: new.number,
        method: new.method.as_str().to_owned(),
        state: new.state.as_str().to_owned(),
        reason: new.reason.clone(),
        parameters: new.stored.parameters.clone(),
        inputs: new.stored.inputs.clone(),
        counts: new.stored.counts.clone(),
        digest: new.digest.clone(),
        created_at: new.created_at.as_microsecond(),
        created_by: new.created_by,
        approved_at: micros(new.approved_at),
        approved_by: new.approved_by,
    };
    revision::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

pub async fn lock_revision(tx: &Tx, id: Uuid) -> Result<Option<Revision>> {
    revision::Entity::find_by_id((tx.scope().tenant(), id))
        .lock_exclusive()
        .one(tx.connection())
        .await?
        .map(revision)
        .transpose()
}

pub async fn incident_of_revision(tx: &Tx, id: Uuid) -> Result<Option<Uuid>> {
    let found = revision::Entity::find_by_id((tx.scope().tenant(), id)).one(tx.connection()).await?;
    Ok(found.map(|row| row.incident_id))
}

/// The caller holds the incident's lock.
pub async fn last_revision_number(tx: &Tx, incident: Uuid) -> Result<i32> {
    let last: Option<Option<i32>> = revision::Entity::find()
        .select_only()
        .column_as(revision::Column::Number.max(), "last")
        .filter(revision::Column::TenantId.eq(tx.scope().tenant()))
        .filter(revision::Column::IncidentId.eq(incident))
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

pub async fn complete_revision(tx: &Tx, complete: &Revision) -> Result<()> {
    let updated = revision::Entity::update_many()
        .col_expr(revision::Column::Number, complete.number.into())
        .col_expr(revision::Column::State, complete.state.as_str().into())
        .col_expr(revision::Column::Counts, complete.stored.counts.as_str().into())
        .col_expr(revision::Column::Digest, complete.digest.as_str().into())
        .filter(revision::Column::TenantId.eq(complete.tenant))
        .filter(revision::Column::Id.eq(complete.id))
        .filter(revision::Column::State.eq(State::Receiving.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(must_hit(updated.rows_affected, 1)?)
}

pub async fn approve(tx: &Tx, approved: &Revision) -> Result<()> {
    let updated = revision::Entity::update_many()
        .col_expr(revision::Column::State, State::Approved.as_str().into())
        .col_expr(revision::Column::ApprovedAt, micros(approved.approved_at).into())
        .col_expr(revision::Column::ApprovedBy, approved.approved_by.into())
        .filter(revision::Column::TenantId.eq(approved.tenant))
        .filter(revision::Column::Id.eq(approved.id))
        .filter(revision::Column::State.eq(State::Draft.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(must_hit(updated.rows_affected, 1)?)
}

/// At most one is approved.
pub async fn supersede_approved(tx: &Tx, incident: Uuid) -> Result<()> {
    let updated = revision::Entity::update_many()
        .col_expr(revision::Column::State, State::Superseded.as_str().into())
        .filter(revision::Column::TenantId.eq(tx.scope().tenant()))
        .filter(revision::Column::IncidentId.eq(incident))
        .filter(revision::Column::State.eq(State::Approved.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(must_hit(updated.rows_affected, u64::from(updated.rows_affected > 0))?)
}

pub async fn find_revision(scope: &Scope, id: Uuid) -> Result<Option<Revision>> {
    let row = revision::Entity::find()
        .filter(scope.rows(revision::Column::TenantId))
        .filter(revision::Column::Id.eq(id))
        .filter(revision::Column::State.ne(State::Receiving.as_str()))
        .one(scope.connection())
        .await?;
    row.map(revision).transpose()
}

pub async fn revisions(scope: &Scope, incident: Uuid) -> Result<Vec<Revision>> {
    let rows = revision::Entity::find()
        .filter(scope.rows(revision::Column::TenantId))
        .filter(revision::Column::IncidentId.eq(incident))
        .filter(revision::Column::State.ne(State::Receiving.as_str()))
        .order_by_asc(revision::Column::Number)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(revision).collect()
}

pub async fn approved_revision<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    incident: Uuid,
) -> Result<Option<Revision>> {
    let row = revision::Entity::find()
        .filter(scope.rows(revision::Column::TenantId))
        .filter(revision::Column::IncidentId.eq(incident))
        .filter(revision::Column::State.eq(State::Approved.as_str()))
        .one(database)
        .await?;
    row.map(revision).transpose()
}

fn person(row: person::Model) -> Result<RevisionPerson> {
    let person::Model {
        tenant_id: _,
        revision_id: _,
        tenant_slug,
        person,
        person_kind,
        person_tenant,
        class,
        first_at,
        last_at,
        requests,
        logins,
        origin,
        reason,
        evidence,
    } = row;
    Ok(RevisionPerson {
        tenant_slug,
        person,
        kind: person_kind,
        tenant: person_tenant,
        class: word(&class)?,
        first_at: instant(first_at),
        last_at: instant(last_at),
        requests,
        logins,
        origin: word(&origin)?,
        reason,
        evidence: serde_json::from_str(&evidence)?,
    })
}

pub async fn insert_people(tx: &Tx, revision: Uuid, people: &[RevisionPerson]) -> Result<()> {
    for chunk in people.chunks(ROWS_PER_INSERT) {
        let mut rows = Vec::with_capacity(chunk.len());
        for row in chunk.iter().cloned() {
            let RevisionPerson {
                tenant_slug,
                person,
                kind,
                tenant,
                class,
                first_at,
                last_at,
                requests,
                logins,
                origin,
                reason,
                evidence,
            } = row;
            let row = person::Model {
                tenant_id: tx.scope().tenant(),
                revision_id: revision,
                tenant_slug,
                person,
                person_kind: kind,
                person_tenant: tenant,
                class: class.as_str().to_owned(),
                first_at: micros(first_at),
                last_at: micros(last_at),
                requests,
                logins,
                origin: origin.as_str().to_owned(),
                reason,
                evidence: serde_json::to_string(&evidence)?,
            };
            rows.push(row.into_active_model().reset_all());
        }
        person::Entity::insert_many(rows).exec_without_returning(tx.connection()).await?;
    }
    Ok(())
}

/// Those of the rows that the revision does not have yet; `None` when it has one of them with other values.
pub async fn not_yet_stored(
    tx: &Tx,
    revision: Uuid,
    rows: Vec<RevisionPerson>,
) -> Result<Option<Vec<RevisionPerson>>> {
    let mut stored: HashMap<(String, String), RevisionPerson> = HashMap::new();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        let found = person::Entity::find()
            .filter(person::Column::TenantId.eq(tx.scope().tenant()))
            .filter(person::Column::RevisionId.eq(revision))
            .filter(person::Column::Person.is_in(chunk.iter().map(|row| row.person.as_str())))
            .all(tx.connection())
            .await?;
        for row in found {
            let row = self::person(row)?;
            stored.insert((row.tenant_slug.clone(), row.person.clone()), row);
        }
    }
    let mut missing = Vec::new();
    for row in rows {
        match stored.get(&(row.tenant_slug.clone(), row.person.clone())) {
            None => missing.push(row),
            Some(same) if *same == row => {}
            Some(_) => return Ok(None),
        }
    }
    Ok(Some(missing))
}

pub async fn count_people(tx: &Tx, revision: Uuid) -> Result<u64> {
    Ok(person::Entity::find()
        .filter(person::Column::TenantId.eq(tx.scope().tenant()))
        .filter(person::Column::RevisionId.eq(revision))
        .count(tx.connection())
        .await?)
}

/// All people of a revision.
pub async fn all_people<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    revision: Uuid,
) -> Result<Vec<RevisionPerson>> {
    let mut people: Vec<RevisionPerson> = Vec::new();
    let mut after = None;
    loop {
        let page = read(database, scope, revision, None, after, ROWS_PER_READ).await?;
        let full = page.len() as u64 == ROWS_PER_READ;
        people.extend(page);
        match people.last() {
            Some(last) if full => after = Some((last.tenant_slug.clone(), last.person.clone())),
            _ => return Ok(people),
        }
    }
}

/// A page of people, by tenant and person.
pub async fn people(
    scope: &Scope,
    revision: Uuid,
    tenant: Option<&str>,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    read(scope.connection(), scope, revision, tenant, after, limit).await
}

async fn read<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    revision: Uuid,
    tenant: Option<&str>,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    let mut query = person::Entity::find()
        .filter(scope.rows(person::Column::TenantId))
        .filter(person::Column::RevisionId.eq(revision))
        .order_by_asc(person::Column::TenantSlug)
        .order_by_asc(person::Column::Person)
        .limit(limit);
    if let Some(tenant) = tenant {
        query = query.filter(person::Column::TenantSlug.eq(tenant));
    }
    if let Some((slug, last)) = after {
        let later = person::Column::TenantSlug
            .gt(slug.as_str())
            .or(person::Column::TenantSlug.eq(slug.as_str()).and(person::Column::Person.gt(last.as_str())));
        query = query.filter(later);
    }
    query.all(database).await?.into_iter().map(person).collect()
}

/// Where a person stands in a revision, by tenant.
pub async fn places_of(scope: &Scope, revision: Uuid, name: &str) -> Result<Vec<RevisionPerson>> {
    let rows = person::Entity::find()
        .filter(scope.rows(person::Column::TenantId))
        .filter(person::Column::RevisionId.eq(revision))
        .filter(person::Column::Person.eq(name))
        .order_by_asc(person::Column::TenantSlug)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(person).collect()
}

/// People of a tenant who count as affected, by person.
pub async fn affected_of_tenant(
    scope: &Scope,
    revision: Uuid,
    slug: &str,
    skip: u64,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    let rows = person::Entity::find()
        .filter(scope.rows(person::Column::TenantId))
        .filter(person::Column::RevisionId.eq(revision))
        .filter(person::Column::TenantSlug.eq(slug))
        .filter(person::Column::Class.is_in([Class::Confirmed.as_str(), Class::Possible.as_str()]))
        .order_by_asc(person::Column::Person)
        .offset(skip)
        .limit(limit)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(person).collect()
}

/// Customer tenants by short name: a list names tenants as the logs do.
pub async fn customers_by_slug(tx: &Tx) -> Result<BTreeMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Slug)
        .column(tenant::Column::Id)
        .filter(tenant::Column::Kind.eq("customer"))
        .into_tuple()
        .all(tx.connection())
        .await?;
    Ok(rows.into_iter().collect())
}

/// Short names of the tenants within the scope, the operator's too.
pub async fn slugs(scope: &Scope) -> Result<BTreeMap<Uuid, String>> {
    let rows: Vec<(Uuid, String)> = tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Id)
        .column(tenant::Column::Slug)
        .filter(scope.rows(tenant::Column::Id))
        .into_tuple()
        .all(scope.connection())
        .await?;
    Ok(rows.into_iter().collect())
}
