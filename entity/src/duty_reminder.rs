//! A reminder of a duty that was sent. Append-only; its key is what keeps it from being sent twice.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "duty_reminder")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub duty_id: Uuid,
    /// The last instant that it was about: another one is reminded of anew.
    #[sea_orm(primary_key, auto_increment = false)]
    pub due_at: i64,
    /// `d7`, `h6`, `d0`, `late …`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub point: String,
    pub incident_id: Uuid,
    pub recorded_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
