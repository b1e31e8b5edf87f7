//! Who approved a version of a manifest, and what was seen of its requirement.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const APPROVAL: Table = Table { name: "manifest_approval", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("kind", Kind::Text),
    Column::required("name", Kind::Text),
    Column::required("version", Kind::Int32),
    Column::required("fingerprint", Kind::Text),
    Column::required("approved_by", Kind::Uuid),
    Column::required("approved_at", Kind::Int64),
    Column::required("note", Kind::Text),
], primary: &["tenant_id", "kind", "name", "version"],
unique: &[],
index: &[] };

#[rustfmt::skip]
const EVIDENCE: Table = Table { name: "evidence", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("requirement", Kind::Text),
    Column::required("collector", Kind::Text),
    Column::required("fingerprint", Kind::Text),
    Column::required("system", Kind::Text),
    Column::required("result", Kind::Text),
    Column::optional("observed", Kind::Text),
    Column::required("summary", Kind::Text),
    Column::optional("digest", Kind::Text),
    Column::required("observed_at", Kind::Int64),
    Column::required("expires_at", Kind::Int64),
    Column::required("recorded_at", Kind::Int64),
    Column::required("recorded_by", Kind::Uuid),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["tenant_id", "requirement", "id"]] };

/// The newest of each collector, so that the status of a system does not go through all that was ever seen.
#[rustfmt::skip]
const NEWEST: Table = Table { name: "evidence_newest", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("requirement", Kind::Text),
    Column::required("collector", Kind::Text),
    Column::required("id", Kind::Uuid),
    Column::required("observed_at", Kind::Int64),
], primary: &["tenant_id", "requirement", "collector"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231128_000028_evidence"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &APPROVAL).await?;
        create(manager, &EVIDENCE).await?;
        create(manager, &NEWEST).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &NEWEST).await?;
        drop(manager, &EVIDENCE).await?;
        drop(manager, &APPROVAL).await
    }
}
