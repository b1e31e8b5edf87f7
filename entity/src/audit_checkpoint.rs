//! A signed checkpoint of a chain, made by schedule, with what the next one goes on from.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_checkpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Entries that it seals.
    #[sea_orm(primary_key, auto_increment = false)]
    pub size: i64,
    pub at: i64,
    /// The signed note.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// Roots of the full subtrees, the largest first. They hash to the root that the note signs.
    #[sea_orm(column_type = "Blob")]
    pub tree: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
