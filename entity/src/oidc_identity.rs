//! Whose account a subject of a provider of identity is.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oidc_identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// HMAC of issuer and subject with a key of the service: a subject may be a name or an address.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub subject_hash: Vec<u8>,
    pub account_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub issuer: String,
    /// The account was made by the provider's grants, and has the roles that they name and no others.
    pub managed: bool,
    pub created_at: i64,
    pub created_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
