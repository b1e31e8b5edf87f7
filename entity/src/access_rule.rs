//! Rules of the access policy that people set: a tenant's own, and the operator's bounds on what a tenant may grant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `own`: decides for the tenant's members. `bound`: what tenants may grant; rows of the operator only.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub role: String,
    #[sea_orm(column_type = "Text")]
    pub object: String,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// `allow` or `deny`; a bound allows.
    #[sea_orm(column_type = "Text")]
    pub effect: String,
    /// Why, in the words of who set it.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    pub created_at: i64,
    pub created_by: Uuid,
    pub ended_at: Option<i64>,
    pub ended_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
