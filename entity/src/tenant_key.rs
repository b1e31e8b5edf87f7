//! A tenant's key-encryption key, wrapped by the KEK.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// Which KEK wrapped it.
    #[sea_orm(column_type = "Text")]
    pub kek_id: String,
    /// None once destroyed.
    #[sea_orm(column_type = "Blob", nullable)]
    pub wrapped: Option<Vec<u8>>,
    /// `active`, `retired` or `destroyed`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub created_at: i64,
    pub destroyed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
