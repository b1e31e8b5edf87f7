//! A browser got a response that was made for another. Append-only; people by the pseudonyms of the guard's access log.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "guard_sighting")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Given by the guard.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    #[sea_orm(column_type = "Text")]
    pub node: String,
    /// As the access log has it: 32 hexadecimal digits.
    #[sea_orm(column_type = "Text")]
    pub response_id: String,
    /// Whether the guard still remembered the response.
    pub known: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub route: Option<String>,
    pub made_at: Option<i64>,
    /// Whose response it was.
    #[sea_orm(column_type = "Text", nullable)]
    pub owner: Option<String>,
    pub seen_at: i64,
    /// Who got it.
    #[sea_orm(column_type = "Text", nullable)]
    pub viewer: Option<String>,
    /// page or fetch.
    #[sea_orm(column_type = "Text")]
    pub how: String,
    pub hidden: bool,
    pub incident_id: Option<Uuid>,
    pub recorded_at: i64,
    pub recorded_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
