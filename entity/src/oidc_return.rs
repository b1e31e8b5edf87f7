//! What a return from a provider of identity proved, until its client finishes with it. It opens nothing by itself, and stays until
//! its time is over so that it is taken once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oidc_return")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// SHA-256 of the secret that the client holds in a cookie.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub token_hash: Vec<u8>,
    pub account_id: Uuid,
    /// `sign_in`, `re_authenticate` or `link`.
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    #[sea_orm(column_type = "Text")]
    pub provider: String,
    #[sea_orm(column_type = "Text")]
    pub issuer: String,
    #[sea_orm(column_type = "Blob")]
    pub subject_hash: Vec<u8>,
    /// The provider said that there was more than one factor, in words that the configuration trusts.
    pub second_factor: bool,
    /// The session that asked, for all but signing in.
    pub session_id: Option<Uuid>,
    pub created_at: i64,
    pub expires_at: i64,
    pub finished_at: Option<i64>,
    /// HMAC of issuer and the provider's own session id, where it told one.
    #[sea_orm(column_type = "Blob", nullable)]
    pub sid_hash: Option<Vec<u8>>,
    /// When the provider says that its person proved who they are.
    pub proven_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
