//! A signed-in browser. Only hashes of the secrets are stored.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// SHA-256 of the cookie's secret.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Blob")]
    pub token_hash: Vec<u8>,
    pub tenant_id: Uuid,
    /// Names the session in lists; opens nothing.
    pub id: Uuid,
    pub account_id: Uuid,
    /// SHA-256 of the token that a state-changing request must carry in a header.
    #[sea_orm(column_type = "Blob")]
    pub csrf_hash: Vec<u8>,
    pub created_at: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    /// When its owner last proved who they are: at sign-in or since.
    pub authenticated_at: i64,
    /// How: names such as `password totp`, separated by blanks.
    #[sea_orm(column_type = "Text")]
    pub methods: String,
    /// HMAC of issuer and subject, where the session came from a provider of identity.
    #[sea_orm(column_type = "Blob", nullable)]
    pub oidc_subject_hash: Option<Vec<u8>>,
    /// HMAC of issuer and the provider's own session id, where it told one.
    #[sea_orm(column_type = "Blob", nullable)]
    pub oidc_sid_hash: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
