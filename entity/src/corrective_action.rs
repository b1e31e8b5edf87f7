//! What is done so that it does not happen again; names the requirement it adds.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "corrective_action")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub title: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub requirement: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub owner: Option<String>,
    /// When it is to begin.
    pub starts_at: Option<i64>,
    pub due_at: Option<i64>,
    /// `planned`, `done` or `dropped`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub done_at: Option<i64>,
    pub recorded_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
