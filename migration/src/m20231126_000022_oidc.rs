//! Signing in by OpenID Connect: whose account a subject of a provider is, and what a return from a provider proved.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table as Plan, create, drop};

pub struct Migration;

#[rustfmt::skip]
const OIDC_IDENTITY: Plan = Plan { name: "oidc_identity", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("subject_hash", Kind::Bytes),
    Column::required("account_id", Kind::Uuid),
    Column::required("issuer", Kind::Text),
    Column::required("managed", Kind::Bool),
    Column::required("created_at", Kind::Int64),
    Column::optional("created_by", Kind::Uuid),
], primary: &["tenant_id", "subject_hash"],
unique: &[&["subject_hash"], &["tenant_id", "account_id", "issuer"]],
index: &[] };

#[rustfmt::skip]
const OIDC_RETURN: Plan = Plan { name: "oidc_return", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("token_hash", Kind::Bytes),
    Column::required("account_id", Kind::Uuid),
    Column::required("purpose", Kind::Text),
    Column::required("provider", Kind::Text),
    Column::required("issuer", Kind::Text),
    Column::required("subject_hash", Kind::Bytes),
    Column::required("second_factor", Kind::Bool),
    Column::optional("session_id", Kind::Uuid),
    Column::required("created_at", Kind::Int64),
    Column::required("expires_at", Kind::Int64),
    Column::optional("finished_at", Kind::Int64),
], primary: &["tenant_id", "token_hash"],
unique: &[&["token_hash"]],
index: &[&["tenant_id", "account_id"]] };

const TABLES: [&Plan; 2] = [&OIDC_IDENTITY, &OIDC_RETURN];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000022_oidc"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            create(manager, table).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.into_iter().rev() {
            drop(manager, table).await?;
        }
        Ok(())
    }
}
