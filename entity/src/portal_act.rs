//! What a recipient did on the page of a message. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_act")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub message_id: Uuid,
    /// `opened`, `asked`, `downloaded`, `confirmed`, `corrected` or `taken_over`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    pub at: i64,
    /// The inquiry, or the list (revision) that it is about; for a download the act itself is its number.
    pub reference: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
