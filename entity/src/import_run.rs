//! One import of subjects, with what was kept and what was refused.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    #[sea_orm(column_type = "Text")]
    pub record_type: String,
    /// `keep_good` or `all_or_nothing`.
    #[sea_orm(column_type = "Text")]
    pub mode: String,
    /// `running`, `done`, `undone` or `failed`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "Text")]
    pub source_name: String,
    pub rows_read: i64,
    pub rows_kept: i64,
    pub rows_refused: i64,
    /// JSON list of line and reason; never a value.
    #[sea_orm(column_type = "Text")]
    pub problems: String,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub author: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
