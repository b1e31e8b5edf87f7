//! The only place of this part that knows its tables. Their rows belong to the root tenant.

use std::collections::HashSet;

use entity::{guard_node, guard_sighting};
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::Of;
use super::model::{GuardNode, How, NewReport, NewSighting, Sighting};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::Containment;

/// Remembers how a node was last seen.
pub async fn note_node(tx: &Tx, report: &NewReport) -> Result<()> {
    use guard_node::Column;
    let row = guard_node::Model {
        tenant_id: tx.scope().tenant(),
        system: report.system.clone(),
        node: report.node.clone(),
        rules: report.rules.clone(),
        version: report.version.clone(),
        started_at: report.started_at.as_microsecond(),
        seen_at: tx.scope().at_micros(),
    };
    let mut replace = OnConflict::columns([Column::TenantId, Column::System, Column::Node]);
    replace.update_columns([Column::Rules, Column::Version, Column::StartedAt, Column::SeenAt]);
    guard_node::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(replace)
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

pub async fn nodes(scope: &Scope, system: &str, limit: u64) -> Result<Vec<GuardNode>> {
    let rows = guard_node::Entity::find()
        .filter(guard_node::Column::TenantId.eq(scope.tenant()))
        .filter(guard_node::Column::System.eq(system))
        .order_by_asc(guard_node::Column::Node)
        .limit(limit)
        .all(scope.connection())
        .await?;
    let describe = |row| {
        let guard_node::Model { tenant_id: _, system, node, rules, version, started_at, seen_at } = row;
        let (started_at, seen_at) = (from_micros(started_at), from_micros(seen_at));
        GuardNode { system, node, rules, version, started_at, seen_at }
    };
    Ok(rows.into_iter().map(describe).collect())
}

/// Which of these are recorded already.
pub async fn known(tx: &Tx, sightings: &[NewSighting]) -> Result<HashSet<Uuid>> {
    if sightings.is_empty() {
        return Ok(HashSet::new());
    }
    let known: Vec<Uuid> = guard_sighting::Entity::find()
        .select_only()
        .column(guard_sighting::Column::Id)
        .filter(guard_sighting::Column::TenantId.eq(tx.scope().tenant()))
        .filter(guard_sighting::Column::Id.is_in(sightings.iter().map(|one| one.id)))
        .into_tuple()
        .all(tx.connection())
        .await?;
    Ok(known.into_iter().collect())
}

/// The incident of the newest sighting of a system that has one.
pub async fn newest_incident(tx: &Tx, system: &str) -> Result<Option<Uuid>> {
    let newest: Option<Option<Uuid>> = guard_sighting::Entity::find()
        .select_only()
        .column(guard_sighting::Column::IncidentId)
        .filter(guard_sighting::Column::TenantId.eq(tx.scope().tenant()))
        .filter(guard_sighting::Column::System.eq(system))
        .filter(guard_sighting::Column::IncidentId.is_not_null())
        .order_by_desc(guard_sighting::Column::RecordedAt)
        .order_by_desc(guard_sighting::Column::Id)
        .limit(1)
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(newest.flatten())
}

/// Routes of an incident's sightings; none stands for undeclared paths.
pub struct Routes {
    /// Whoever got the response.
    pub all: HashSet<Option<String>>,
    /// Of those that reached somebody for whom they were not made.
    pub strangers: HashSet<Option<String>>,
    /// Of those again that were got, and recorded, after somebody said that the fault had stopped; without that of all of them.
    pub strangers_since: HashSet<Option<String>>,
}

pub async fn routes(tx: &Tx, incident: Uuid, contained: Option<&Containment>) -> Result<Routes> {
    use guard_sighting::Column;
    let of = || {
        guard_sighting::Entity::find()
            .select_only()
            .column(Column::Route)
            .distinct()
            .filter(Column::TenantId.eq(tx.scope().tenant()))
            .filter(Column::IncidentId.eq(incident))
    };
    // As `NewSighting::is_of_one_person`: who is not known is a stranger.
    let of_strangers = || {
        let differ = Expr::col(Column::Owner).ne(Expr::col(Column::Viewer));
        of().filter(Column::Owner.is_null().or(Column::Viewer.is_null()).or(differ))
    };
    let read = async |query: Select<guard_sighting::Entity>| -> Result<HashSet<Option<String>>> {
        let routes: Vec<Option<String>> = query.into_tuple().all(tx.connection()).await?;
        Ok(routes.into_iter().collect())
    };
    let (all, strangers) = (read(of()).await?, read(of_strangers()).await?);
    let strangers_since = match contained {
        None => strangers.clone(),
        Some(Containment { at, said_at }) => {
            let since = of_strangers()
                .filter(Column::SeenAt.gt(at.as_microsecond()))
                .filter(Column::RecordedAt.gt(said_at.as_microsecond()));
            read(since).await?
        }
    };
    Ok(Routes { all, strangers, strangers_since })
}

pub async fn insert_sighting(tx: &Tx, sighting: &Sighting) -> Result<()> {
    let Sighting { seen, system, node, incident, recorded_at } = sighting.clone();
    let NewSighting { id, response_id, known, route, made_at, owner, seen_at, viewer, how, hidden } = seen;
    let row = guard_sighting::Model {
        tenant_id: tx.scope().tenant(),
        id,
        system,
        node,
        response_id,
        known,
        route,
        made_at: made_at.map(Timestamp::as_microsecond),
        owner,
        seen_at: seen_at.as_microsecond(),
        viewer,
        how: how.as_str().to_owned(),
        hidden,
        incident_id: incident,
        recorded_at: recorded_at.as_microsecond(),
        recorded_by: tx.scope().op().actor().account,
    };
    guard_sighting::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The newest first: ids of guards begin with the instant.
pub async fn sightings(scope: &Scope, of: Of<'_>, before: Option<Uuid>, limit: u64) -> Result<Vec<Sighting>> {
    use guard_sighting::Column;
    let mut query = guard_sighting::Entity::find()
        .filter(Column::TenantId.eq(scope.tenant()))
        .filter(match of {
            Of::Incident(incident) => Column::IncidentId.eq(incident),
            Of::System(system) => Column::System.eq(system),
        })
        .order_by_desc(Column::Id)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(scope.connection()).await?.into_iter().map(describe).collect()
}

fn describe(row: guard_sighting::Model) -> Result<Sighting> {
    let guard_sighting::Model {
        tenant_id: _,
        id,
        system,
        node,
        response_id,
        known,
        route,
        made_at,
        owner,
        seen_at,
        viewer,
        how,
        hidden,
        incident_id,
        recorded_at,
        recorded_by: _,
    } = row;
    let how = How::read(&how).ok_or_else(|| anyhow::anyhow!("stored word: how a response was got"))?;
    let (made_at, seen_at) = (made_at.map(from_micros), from_micros(seen_at));
    let seen = NewSighting { id, response_id, known, route, made_at, owner, seen_at, viewer, how, hidden };
    Ok(Sighting { seen, system, node, incident: incident_id, recorded_at: from_micros(recorded_at) })
}
