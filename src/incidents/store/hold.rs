//! People on the lists of incidents that are not closed.

use entity::{incident, incident_entry, revision, revision_person, tenant};
use sea_orm::sea_query::{Condition, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::access::Scope;
use crate::error::Result;
use crate::vault;

/// One person on a list.
pub struct Listed {
    pub kind: String,
    pub person: String,
    /// Where the school is known.
    pub tenant: Option<Uuid>,
}

pub async fn listed<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    system: &str,
    people: &[String],
) -> Result<Vec<Listed>> {
    let root = scope.op().app().root()?;
    let incidents: Vec<Uuid> = incident::Entity::find()
        .select_only()
        .column(incident::Column::Id)
        .filter(incident::Column::TenantId.eq(root))
        .filter(incident::Column::System.eq(system))
        .filter(incident::Column::Status.ne("closed"))
        .into_tuple()
        .all(database)
        .await?;
    if incidents.is_empty() || people.is_empty() {
        return Ok(Vec::new());
    }
    let revisions: Vec<Uuid> = revision::Entity::find()
        .select_only()
        .column(revision::Column::Id)
        .filter(revision::Column::TenantId.eq(root))
        .filter(revision::Column::IncidentId.is_in(incidents))
        .into_tuple()
        .all(database)
        .await?;
    let mut found: Vec<Listed> = Vec::new();
    // Few revisions, and of each the people by name: SQLite binds a bounded number of values.
    for revision in revisions {
        let rows: Vec<(String, String, Option<Uuid>)> = revision_person::Entity::find()
            .select_only()
            .column(revision_person::Column::PersonKind)
            .column(revision_person::Column::Person)
            .column(revision_person::Column::PersonTenant)
            .filter(revision_person::Column::TenantId.eq(root))
            .filter(revision_person::Column::RevisionId.eq(revision))
            .filter(revision_person::Column::Person.is_in(people.iter().map(String::as_str)))
            .into_tuple()
            .all(database)
            .await?;
        found.extend(rows.into_iter().map(|(kind, person, tenant)| Listed { kind, person, tenant }));
    }
    Ok(found)
}

/// Whether somebody of this tenant is on a list of an incident that is not closed: one who is known to be (true), or one who may
/// be (false): the list names a school that Suimon did not know then, and either that is this one, or this one has somebody of that
/// pseudonym.
pub async fn any_listed_of<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    tenant: Uuid,
) -> Result<Option<bool>> {
    let open = Query::select()
        .column(incident::Column::Id)
        .from(incident::Entity)
        .and_where(incident::Column::TenantId.eq(root))
        .and_where(incident::Column::Status.ne("closed"))
        .to_owned();
    let revisions = Query::select()
        .column(revision::Column::Id)
        .from(revision::Entity)
        .and_where(revision::Column::TenantId.eq(root))
        .and_where(revision::Column::IncidentId.in_subquery(open))
        .to_owned();
    let listed = revision_person::Entity::find()
        .filter(revision_person::Column::TenantId.eq(root))
        .filter(revision_person::Column::RevisionId.in_subquery(revisions));
    let known = listed.clone().filter(revision_person::Column::PersonTenant.eq(tenant));
    if known.one(database).await?.is_some() {
        return Ok(Some(true));
    }
    let slug = Query::select()
        .column(tenant::Column::Slug)
        .from(tenant::Entity)
        .and_where(tenant::Column::Id.eq(tenant))
        .to_owned();
    let perhaps = Condition::any()
        .add(revision_person::Column::TenantSlug.in_subquery(slug))
        .add(revision_person::Column::Person.in_subquery(vault::pseudonyms_of(tenant)));
    let unknown = listed.filter(revision_person::Column::PersonTenant.is_null()).filter(perhaps);
    Ok(unknown.one(database).await?.map(|_| false))
}

/// The earliest instant of incidents that are not closed, those of their timelines included, in microseconds.
pub async fn open_since<C: ConnectionTrait>(database: &C, root: Uuid) -> Result<Option<i64>> {
    let open = incident::Entity::find()
        .filter(incident::Column::TenantId.eq(root))
        .filter(incident::Column::Status.ne("closed"))
        .all(database)
        .await?;
    let mut earliest = None;
    // Few incidents are open at a time.
    for incident in open {
        let told: Option<Option<i64>> = incident_entry::Entity::find()
            .select_only()
            .column_as(incident_entry::Column::OccurredAt.min(), "earliest")
            .filter(incident_entry::Column::TenantId.eq(root))
            .filter(incident_entry::Column::IncidentId.eq(incident.id))
            .into_tuple()
            .one(database)
            .await?;
        let times = [
            Some(incident.opened_at),
            incident.occurred_from,
            incident.detected_at,
            incident.aware_at,
            told.flatten(),
        ];
        earliest = times.into_iter().flatten().chain(earliest).min();
    }
    Ok(earliest)
}
