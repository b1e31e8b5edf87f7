//! Break-glass: who asked for access in an emergency, who decided, how long it holds, how it was used and reviewed.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const EMERGENCY_ACCESS: Table = Table { name: "emergency_access", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("actor_tenant", Kind::Uuid),
    Column::required("actor", Kind::Uuid),
    Column::required("state", Kind::Text),
    Column::required("permissions", Kind::Text),
    Column::optional("subject_id", Kind::Uuid),
    Column::optional("incident_id", Kind::Uuid),
    Column::required("reason", Kind::Text),
    Column::required("minutes", Kind::Int32),
    Column::required("requested_at", Kind::Int64),
    Column::optional("decided_at", Kind::Int64),
    Column::optional("decided_by", Kind::Uuid),
    Column::optional("decision_comment", Kind::Text),
    Column::optional("ends_at", Kind::Int64),
    Column::optional("ended_by", Kind::Uuid),
    Column::required("uses", Kind::Int64),
    Column::optional("first_used_at", Kind::Int64),
    Column::optional("reviewed_at", Kind::Int64),
    Column::optional("reviewed_by", Kind::Uuid),
    Column::optional("review_comment", Kind::Text),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["actor_tenant", "actor", "state"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000021_emergency_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &EMERGENCY_ACCESS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &EMERGENCY_ACCESS).await
    }
}
