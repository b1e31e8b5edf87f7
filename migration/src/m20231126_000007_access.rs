//! Rules of the access policy that people set: a tenant's own, and the operator's bounds.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const ACCESS_RULE: Table = Table { name: "access_rule", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("kind", Kind::Text),
    Column::required("role", Kind::Text),
    Column::required("object", Kind::Text),
    Column::required("action", Kind::Text),
    Column::required("effect", Kind::Text),
    Column::required("reason", Kind::Text),
    Column::required("created_at", Kind::Int64),
    Column::required("created_by", Kind::Uuid),
    Column::optional("ended_at", Kind::Int64),
    Column::optional("ended_by", Kind::Uuid),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000007_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &ACCESS_RULE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &ACCESS_RULE).await
    }
}
