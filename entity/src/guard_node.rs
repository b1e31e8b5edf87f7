//! A node of a guard, as it was last seen.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "guard_node")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub system: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node: String,
    /// Digest of the manifests in force there; none before the first.
    #[sea_orm(column_type = "Text", nullable)]
    pub rules: Option<String>,
    /// Of the program.
    #[sea_orm(column_type = "Text")]
    pub version: String,
    pub started_at: i64,
    pub seen_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
