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
    /// `persons`, `tenants` or `cleared`.
    #[sea_orm(column_type = "Text")]
    pub audience: String,
    #[sea_orm(column_type = "Text")]
    pub template: String,
    /// JSON: what the author adds, per language.
    #[sea_orm(column_type = "Text")]
    pub variables: String,
    /// `draft`, `approved`, `paused`, `done` or `cancelled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub author: Uuid,
    pub created_at: i64,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<i64>,
    /// Not before this instant.
    pub send_from: Option<i64>,
    /// Only in these hours of the incident's zone: `08:00-21:00`.
    #[sea_orm(column_type = "Text", nullable)]
    pub send_between: Option<String>,
    /// JSON: only these of the list.
    #[sea_orm(column_type = "Text", nullable)]
    pub filter: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
