//! Where people of a list live, as numbers.

use std::collections::{BTreeMap, HashMap};

use entity::{revision_person as person, revision_residence as row};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::word;
use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::incidents::affected::Class;

/// Persons by code, the empty one for whom it is not known; nothing where nobody has counted.
pub async fn residences(scope: &Scope, revision: Uuid) -> Result<BTreeMap<String, u64>> {
    let rows = row::Entity::find()
        .filter(row::Column::TenantId.eq(scope.tenant()))
        .filter(row::Column::RevisionId.eq(revision))
        .all(scope.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (row.code, row.persons.unsigned_abs())).collect())
}

/// Stores what was counted.
pub async fn insert_residences(tx: &Tx, revision: Uuid, counts: &BTreeMap<String, u64>) -> Result<()> {
    for (code, persons) in counts {
        let model = row::Model {
            tenant_id: tx.scope().tenant(),
            revision_id: revision,
            code: code.clone(),
            persons: i64::try_from(*persons).unwrap_or(i64::MAX),
            recorded_at: tx.scope().at_micros(),
        };
        row::Entity::insert(model.into_active_model().reset_all())
            .exec_without_returning(tx.connection())
            .await?;
    }
    Ok(())
}

/// The first tenant, by short name, at which each of these people is on the list as affected.
pub async fn first_places(scope: &Scope, revision: Uuid, people: &[&str]) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, String, String)> = person::Entity::find()
        .select_only()
        .columns([person::Column::Person, person::Column::TenantSlug, person::Column::Class])
        .filter(person::Column::TenantId.eq(scope.tenant()))
        .filter(person::Column::RevisionId.eq(revision))
        .filter(person::Column::Person.is_in(people.iter().copied()))
        .into_tuple()
        .all(scope.connection())
        .await?;
    let mut first = HashMap::<String, String>::new();
    for (person, slug, class) in rows {
        if !word::<Class>(&class)?.is_affected() {
            continue;
        }
        let place = first.entry(person).or_insert_with(|| slug.clone());
        if slug < *place {
            *place = slug;
        }
    }
    Ok(first)
}
