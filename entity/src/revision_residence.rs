//! How many people of an affected list live where. Append-only: a revision's people never change.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revision_residence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision_id: Uuid,
    /// `JP`, `US-CA`; empty for people whose residence is not known.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub code: String,
    pub persons: i64,
    pub recorded_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
