//! One evaluation of the rule packs on the facts. Never overwritten.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "assessment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub number: i32,
    pub evaluated_at: i64,
    pub revision_id: Option<Uuid>,
    /// JSON snapshot of the facts used.
    #[sea_orm(column_type = "Text")]
    pub facts: String,
    /// JSON: outcomes, deadlines and trace.
    #[sea_orm(column_type = "Text")]
    pub decisions: String,
    /// SHA-256 over facts and decisions.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    pub author: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
