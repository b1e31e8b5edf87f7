//! Somebody whose first factor was right and whose second one is awaited. It opens nothing.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// SHA-256 of the secret that the client holds in a cookie.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub token_hash: Vec<u8>,
    pub account_id: Uuid,
    /// How the first factor was shown: `password` or `oidc`.
    #[sea_orm(column_type = "Text")]
    pub method: String,
    pub created_at: i64,
    pub expires_at: i64,
    /// As in `session`.
    #[sea_orm(column_type = "Blob", nullable)]
    pub oidc_subject_hash: Option<Vec<u8>>,
    #[sea_orm(column_type = "Blob", nullable)]
    pub oidc_sid_hash: Option<Vec<u8>>,
    /// When the provider says that its person proved who they are.
    pub oidc_proven_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
