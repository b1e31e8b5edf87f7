//! Secrets of the service itself, wrapped by the key-encryption key: they outlive each of its rotations.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const SERVICE_SECRET: Table = Table { name: "service_secret", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("name", Kind::Text),
    Column::required("kek_id", Kind::Text),
    Column::required("wrapped", Kind::Bytes),
    Column::required("created_at", Kind::Int64),
], primary: &["tenant_id", "name"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000005_service_secrets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &SERVICE_SECRET).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &SERVICE_SECRET).await
    }
}
