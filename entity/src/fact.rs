//! One recorded fact about an incident. Append-only, in two time axes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// JSON of the value: known, range or unknown.
    #[sea_orm(column_type = "Text")]
    pub value: String,
    /// `confirmed`, `suspected` or `ruled_out`.
    #[sea_orm(column_type = "Text")]
    pub certainty: String,
    /// Since when it is true.
    pub valid_at: i64,
    /// Since when it is known.
    pub recorded_at: i64,
    #[sea_orm(column_type = "Text")]
    pub source: String,
    pub author: Option<Uuid>,
    pub supersedes: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
