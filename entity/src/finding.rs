//! A broken requirement seen by a check or a person.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "finding")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    /// `person`, `check`, `probe` or `guard`.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub requirement: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub summary: String,
    /// What kind of person reported it and through whom; never a name.
    #[sea_orm(column_type = "Text", nullable)]
    pub reporter: Option<String>,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub recorded_by: Option<Uuid>,
    pub incident_id: Option<Uuid>,
    /// Code of the kind of fault, where a machine saw it.
    #[sea_orm(column_type = "Text", nullable)]
    pub kind: Option<String>,
    /// `note`, `weakness` or `leak`.
    #[sea_orm(column_type = "Text", nullable)]
    pub grade: Option<String>,
    /// Name of a declared route; none where no route covers the path.
    #[sea_orm(column_type = "Text", nullable)]
    pub route: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
