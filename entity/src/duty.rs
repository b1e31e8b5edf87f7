//! What must be done towards whom by when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "duty")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// The assessment that last confirmed it.
    pub assessment_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub regime: String,
    #[sea_orm(column_type = "Text")]
    pub recipient: String,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// JSON of the clause per language.
    #[sea_orm(column_type = "Text")]
    pub clause: String,
    /// `statute`, `guidance`, `internal` or `open_textured`.
    #[sea_orm(column_type = "Text")]
    pub nature: String,
    /// The last instant, where the law gives one.
    pub due_at: Option<i64>,
    /// JSON: what, towards whom and by when, as people read it, per language.
    #[sea_orm(column_type = "Text")]
    pub due_text: String,
    /// `open`, `done`, `waived` or `superseded`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub receipt: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub late_reason: Option<String>,
    pub settled_at: Option<i64>,
    pub settled_by: Option<Uuid>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
