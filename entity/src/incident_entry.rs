//! The timeline. Append-only: a correction is a new entry that supersedes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub seq: i32,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// When it happened.
    pub occurred_at: i64,
    /// The end, of what lasted (a meeting, a maintenance).
    pub occurred_until: Option<i64>,
    /// How exactly that is known: `exact`, `about`, `from` or `day`.
    #[sea_orm(column_type = "Text")]
    pub precision: String,
    /// When Suimon was told.
    pub recorded_at: i64,
    pub author: Uuid,
    #[sea_orm(column_type = "Text")]
    pub text: String,
    pub supersedes: Option<Uuid>,
    /// JSON list of name, SHA-256, media type and size.
    #[sea_orm(column_type = "Text")]
    pub attachments: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
