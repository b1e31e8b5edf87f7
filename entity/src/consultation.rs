//! An authority that was asked how it sees an incident. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consultation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub regime: String,
    pub consulted_at: i64,
    /// Section or function of the authority, never a name.
    #[sea_orm(column_type = "Text")]
    pub with_whom: String,
    #[sea_orm(column_type = "Text")]
    pub summary: String,
    /// `reportable` or `not_reportable`; nothing where it did not say.
    #[sea_orm(column_type = "Text", nullable)]
    pub view: Option<String>,
    /// Number of the entry of the timeline that tells of it.
    pub entry: i32,
    pub recorded_at: i64,
    pub author: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
