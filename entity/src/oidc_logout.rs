//! A logout token that was taken: it is taken once, and what was half done before it opens nothing any more. Rows are the operator's.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oidc_logout")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// HMAC of issuer and token id (`jti`).
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub token_hash: Vec<u8>,
    #[sea_orm(column_type = "Blob", nullable)]
    pub subject_hash: Option<Vec<u8>>,
    #[sea_orm(column_type = "Blob", nullable)]
    pub sid_hash: Option<Vec<u8>>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
