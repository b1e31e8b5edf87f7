//! Notices and what they refer to: incident, revision, people, subjects, tenants.

use std::collections::{BTreeMap, HashMap};

use entity::{incident, notice, revision, revision_person, subject, tenant};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::{Affected, Audience, Delivery, Filter, Notice, NoticeState};
use crate::access::Scope;
use crate::clock::from_micros;
use crate::error::Result;

/// Rows that go into one statement; PostgreSQL takes at most 65,535 parameters.
pub const CHUNK: usize = 500;

/// What a notice needs to know of an incident.
pub struct Incident {
    pub id: Uuid,
    pub system: String,
    pub zone: String,
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// What a notice needs to know of a revision.
pub struct Revision {
    pub incident: Uuid,
    pub number: i32,
    pub approved: bool,
}

/// A subject as far as it decides where and how to write.
pub struct Reachable {
    pub tenant: Uuid,
    pub record_type: String,
    pub language: String,
}

pub async fn incident<C: ConnectionTrait>(database: &C, scope: &Scope, id: Uuid) -> Result<Option<Incident>> {
    let row = incident::Entity::find()
        .filter(scope.rows(incident::Column::TenantId))
        .filter(incident::Column::Id.eq(id))
        .one(database)
        .await?;
    Ok(row.map(|row| Incident {
        id: row.id,
        system: row.system,
        zone: row.zone,
        from: row.occurred_from,
        to: row.occurred_to,
    }))
}

/// Takes the incident for the length of the transaction: notices of one incident are approved one after the other, so that
/// none misses a message of another. SQLite has one writer anyway.
pub async fn lock_incident<C: ConnectionTrait>(database: &C, tenant: Uuid, id: Uuid) -> Result<()> {
    if database.get_database_backend() == DbBackend::Postgres {
        incident::Entity::find_by_id((tenant, id)).lock_exclusive().one(database).await?;
    }
    Ok(())
}

/// The list in force of an incident.
pub async fn approved_revision<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
) -> Result<Option<Uuid>> {
    Ok(revision::Entity::find()
        .select_only()
        .column(revision::Column::Id)
        .filter(revision::Column::TenantId.eq(tenant))
        .filter(revision::Column::IncidentId.eq(incident))
        .filter(revision::Column::State.eq("approved"))
        .order_by_desc(revision::Column::Number)
        .limit(1)
        .into_tuple()
        .one(database)
        .await?)
}

pub async fn revision<C: ConnectionTrait>(database: &C, tenant: Uuid, id: Uuid) -> Result<Option<Revision>> {
    let row = revision::Entity::find_by_id((tenant, id)).one(database).await?;
    Ok(row.map(|row| Revision {
        incident: row.incident_id,
        // Numbered before it can be approved; only approved ones have notices.
        number: row.number.unwrap_or_default(),
        approved: row.state == "approved",
    }))
}

fn notice_of(row: notice::Model) -> Result<Notice> {
    let notice::Model {
        tenant_id,
        id,
        incident_id,
        revision_id,
        audience,
        template,
        variables,
        state,
        author,
        created_at,
        approved_by,
        approved_at,
        send_from,
        send_between,
        filter,
    } = row;
    let between = send_between.map(|hours| hours.parse().map_err(anyhow::Error::msg)).transpose()?;
    Ok(Notice {
        tenant: tenant_id,
        id,
        incident: incident_id,
        revision: revision_id,
        audience: Audience::from_stored(&audience)?,
        template,
        variables: serde_json::from_str(&variables)?,
        state: NoticeState::from_stored(&state)?,
        author,
        created_at: from_micros(created_at),
        approved_by,
        approved_at: approved_at.map(from_micros),
        delivery: Delivery { from: send_from.map(from_micros), between },
        filter: filter.map_or_else(|| Ok(Filter::default()), |filter| serde_json::from_str(&filter))?,
    })
}

pub async fn insert_notice<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<()> {
    let row = notice::Model {
        tenant_id: notice.tenant,
        id: notice.id,
        incident_id: notice.incident,
        revision_id: notice.revision,
        audience: notice.audience.as_str().to_owned(),
        template: notice.template.clone(),
        variables: serde_json::to_string(&notice.variables)?,
        state: notice.state.as_str().to_owned(),
        author: notice.author,
        created_at: notice.created_at.as_microsecond(),
        approved_by: notice.approved_by,
        approved_at: notice.approved_at.map(|at| at.as_microsecond()),
        send_from: notice.delivery.from.map(|at| at.as_microsecond()),
        send_between: notice.delivery.between.map(|hours| hours.to_string()),
        filter: match notice.filter.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&notice.filter)?),
        },
    };
    notice::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(())
}

pub async fn notice<C: ConnectionTrait>(database: &C, tenant: Uuid, id: Uuid) -> Result<Option<Notice>> {
    notice::Entity::find_by_id((tenant, id)).one(database).await?.map(notice_of).transpose()
}

pub async fn notices_of(scope: &Scope, incident: Uuid) -> Result<Vec<Notice>> {
    let rows = notice::Entity::find()
        .filter(scope.rows(notice::Column::TenantId))
        .filter(notice::Column::IncidentId.eq(incident))
        .order_by_asc(notice::Column::CreatedAt)
        .order_by_asc(notice::Column::Id)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(notice_of).collect()
}

/// Moves a notice from one of `from` to `to`. Returns whether it stood there.
pub async fn move_notice<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    from: &[NoticeState],
    to: NoticeState,
    approved: Option<(Uuid, i64)>,
) -> Result<bool> {
    let mut update = notice::Entity::update_many()
        .col_expr(notice::Column::State, Expr::value(to.as_str()))
        .filter(notice::Column::TenantId.eq(notice.tenant))
        .filter(notice::Column::Id.eq(notice.id))
        .filter(notice::Column::State.is_in(from.iter().map(|state| state.as_str())));
    if let Some((by, at)) = approved {
        update = update
            .col_expr(notice::Column::ApprovedBy, Expr::value(by))
            .col_expr(notice::Column::ApprovedAt, Expr::value(at));
    }
    Ok(update.exec(database).await?.rows_affected == 1)
}

/// The next people of a list who must be told, after the person `after` in the database's order: each with all places, about `limit` places
/// in all. Nobody when there are no more.
pub async fn next_affected<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    revision: Uuid,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Affected>> {
    let mut limit = limit;
    loop {
        let after = after.map(|after| revision_person::Column::Person.gt(after));
        let rows = concerned(tenant, revision)
            .filter(Condition::all().add_option(after))
            .limit(limit as u64)
            .all(database)
            .await?;
        let full = rows.len() == limit;
        let mut people: Vec<Affected> = rows.into_iter().map(affected_of).collect();
        if !full {
            return Ok(people);
        }
        // The last person may stand at further places: that one begins the next piece, unless it is all of this one.
        let last = people.last().map(|last| last.person.clone());
        let whole = people.iter().rposition(|entry| Some(&entry.person) != last.as_ref());
        if let Some(index) = whole {
            people.truncate(index + 1);
            return Ok(people);
        }
        limit *= 2;
    }
}

/// Where these people stand on a list, if they must be told.
pub async fn affected_among<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    revision: Uuid,
    persons: &[&str],
) -> Result<Vec<Affected>> {
    let mut found = Vec::new();
    for persons in persons.chunks(CHUNK) {
        let among = revision_person::Column::Person.is_in(persons.iter().copied());
        let rows = concerned(tenant, revision).filter(among).all(database).await?;
        found.extend(rows.into_iter().map(affected_of));
    }
    Ok(found)
}

/// Each place of a list at which somebody must be told.
pub async fn each_affected<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    revision: Uuid,
    mut each: impl FnMut(Affected),
) -> Result<()> {
    let mut after = None::<String>;
    loop {
        let people = next_affected(database, tenant, revision, after.as_deref(), 5000).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = Some(last.person.clone());
        people.into_iter().for_each(&mut each);
    }
}

/// The people of a revision who must be told, by person and tenant: their exposure is confirmed or possible.
pub fn concerned(tenant: Uuid, revision: Uuid) -> sea_orm::Select<revision_person::Entity> {
    revision_person::Entity::find()
        .filter(revision_person::Column::TenantId.eq(tenant))
        .filter(revision_person::Column::RevisionId.eq(revision))
        .filter(revision_person::Column::Class.is_in(["confirmed", "possible"]))
        .order_by_asc(revision_person::Column::Person)
        .order_by_asc(revision_person::Column::TenantSlug)
}

pub fn affected_of(row: revision_person::Model) -> Affected {
    Affected {
        tenant_slug: row.tenant_slug,
        person: row.person,
        kind: row.person_kind,
        tenant: row.person_tenant,
        confirmed: row.class == "confirmed",
    }
}

/// Living subjects of a system by the pseudonyms that its logs carry.
pub async fn reachable<C: ConnectionTrait>(
    database: &C,
    system: &str,
    persons: &[&str],
) -> Result<HashMap<String, Vec<Reachable>>> {
    let mut found: HashMap<String, Vec<Reachable>> = HashMap::new();
    for chunk in persons.chunks(CHUNK) {
        let rows: Vec<(Uuid, String, String, String)> = subject::Entity::find()
            .select_only()
            .column(subject::Column::TenantId)
            .column(subject::Column::RecordType)
            .column(subject::Column::ExternalId)
            .column(subject::Column::Language)
            .filter(subject::Column::System.eq(system))
            .filter(subject::Column::ExternalId.is_in(chunk.iter().copied()))
            .filter(subject::Column::ErasedAt.is_null())
            .order_by_asc(subject::Column::TenantId)
            .into_tuple()
            .all(database)
            .await?;
        for (tenant, record_type, person, language) in rows {
            found.entry(person).or_default().push(Reachable { tenant, record_type, language });
        }
    }
    Ok(found)
}

/// Tenants by short name: id, and whether a contact address is known.
pub async fn tenants_by_slug<C: ConnectionTrait>(
    database: &C,
    slugs: &[String],
) -> Result<BTreeMap<String, (Uuid, bool)>> {
    let mut found = BTreeMap::new();
    for chunk in slugs.chunks(CHUNK) {
        let rows = tenant::Entity::find()
            .filter(tenant::Column::Slug.is_in(chunk.iter().map(String::as_str)))
            .all(database)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.slug, (row.id, row.contact.is_some()))));
    }
    Ok(found)
}

/// Sets the sealed contact address of a tenant; none removes it.
pub async fn set_contact<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    sealed: Option<Vec<u8>>,
) -> Result<bool> {
    let updated = tenant::Entity::update_many()
        .col_expr(tenant::Column::Contact, Expr::value(sealed))
        .filter(tenant::Column::Id.eq(tenant))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}
