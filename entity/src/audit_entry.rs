//! The audit log: a hash chain a tenant. Append-only.

use sea_orm::entity::prelude::*;

/// As JSON with bytes in hexadecimal: how a batch travels to PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub id: Uuid,
    pub at: i64,
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    #[sea_orm(column_type = "Text")]
    pub object: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub subject: Option<String>,
    /// Of an entry about several people: their ids with spaces between, in order. `audit_entry_subject` finds it by them.
    #[sea_orm(column_type = "Text", nullable)]
    pub subjects: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub fields: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub purpose: Option<String>,
    /// `allowed` or `denied`.
    #[sea_orm(column_type = "Text")]
    pub decision: String,
    #[sea_orm(column_type = "Text")]
    pub request_id: String,
    /// JSON without personal data.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    #[sea_orm(column_type = "Blob")]
    #[serde(with = "hex::serde")]
    pub prev: Vec<u8>,
    #[sea_orm(column_type = "Blob")]
    #[serde(with = "hex::serde")]
    pub hash: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
