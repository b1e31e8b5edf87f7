//! Guards that are attached, and what browsers told them.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

/// How each node of a guard was last seen.
#[rustfmt::skip]
const NODE: Table = Table { name: "guard_node", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("system", Kind::Text),
    Column::required("node", Kind::Text),
    Column::optional("rules", Kind::Text),
    Column::required("version", Kind::Text),
    Column::required("started_at", Kind::Int64),
    Column::required("seen_at", Kind::Int64),
], primary: &["tenant_id", "system", "node"],
unique: &[],
index: &[] };

#[rustfmt::skip]
const SIGHTING: Table = Table { name: "guard_sighting", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("system", Kind::Text),
    Column::required("node", Kind::Text),
    Column::required("response_id", Kind::Text),
    Column::required("known", Kind::Bool),
    Column::optional("route", Kind::Text),
    Column::optional("made_at", Kind::Int64),
    Column::optional("owner", Kind::Text),
    Column::required("seen_at", Kind::Int64),
    Column::optional("viewer", Kind::Text),
    Column::required("how", Kind::Text),
    Column::required("hidden", Kind::Bool),
    Column::optional("incident_id", Kind::Uuid),
    Column::required("recorded_at", Kind::Int64),
    Column::optional("recorded_by", Kind::Uuid),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["tenant_id", "system", "id"], &["tenant_id", "system", "recorded_at"], &["tenant_id", "incident_id", "id"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231128_000030_guards"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &NODE).await?;
        create(manager, &SIGHTING).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &SIGHTING).await?;
        drop(manager, &NODE).await
    }
}
