//! One immutable version of a manifest (System, Requirement …).

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "manifest_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// The system it belongs to (a System belongs to itself).
    #[sea_orm(column_type = "Text", nullable)]
    pub system: Option<String>,
    /// SHA-256 of the canonical JSON.
    #[sea_orm(column_type = "Text")]
    pub fingerprint: String,
    /// Canonical JSON of the whole manifest; for a withdrawal that of the last version.
    #[sea_orm(column_type = "Text")]
    pub manifest: String,
    pub withdrawn: bool,
    pub in_force_from: i64,
    pub applied_at: i64,
    pub applied_by: Uuid,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
