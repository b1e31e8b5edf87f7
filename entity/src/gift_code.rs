//! A gift code: compensation for one person of an incident. Sealed; given once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gift_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// HMAC of the code: the same one is kept once.
    #[sea_orm(column_type = "Blob")]
    pub digest: Vec<u8>,
    #[sea_orm(column_type = "Blob")]
    pub sealed: Vec<u8>,
    pub imported_at: i64,
    /// The recipient it was given to, as messages name it; none while it is left.
    #[sea_orm(column_type = "Text", nullable)]
    pub person: Option<String>,
    /// The message on whose page it was taken.
    pub message_id: Option<Uuid>,
    pub given_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
