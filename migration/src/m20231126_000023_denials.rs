//! Why a request was refused, for who is asked about it later. Kept for a while only; the audit log keeps that it happened.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const DENIAL: Table = Table { name: "denial", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("at", Kind::Int64),
    Column::required("actor", Kind::Text),
    Column::required("actor_tenant", Kind::Uuid),
    Column::required("account", Kind::Uuid),
    Column::optional("about", Kind::Uuid),
    Column::required("action", Kind::Text),
    Column::required("object", Kind::Text),
    Column::required("fields", Kind::Text),
    Column::optional("system", Kind::Text),
    Column::required("request_id", Kind::Text),
    Column::required("policy_version", Kind::Int64),
    Column::required("reasons", Kind::Text),
    Column::required("dropped", Kind::Int64),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["request_id"], &["id"], &["tenant_id", "account", "id"], &["at"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000023_denials"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &DENIAL).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &DENIAL).await
    }
}
