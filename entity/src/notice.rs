//! A notification campaign for one revision.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub revision_id: Uuid,
    /// `persons` or `tenants`.
    #[sea_orm(column_type = "Text")]
    pub audience: String,
    #[sea_orm(column_type = "Text")]
    pub template: String,
    /// JSON: what the author adds, per language.
    #[sea_orm(column_type = "Text")]
    pub variables: String,
    /// `draft`, `approved`, `done` or `cancelled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub author: Uuid,
    pub created_at: i64,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
