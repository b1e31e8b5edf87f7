//! The secret that a person's authenticator app shares with Suimon, sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Key of this account, wrapped by a key of the service.
    #[sea_orm(column_type = "Blob")]
    pub wrapped_key: Vec<u8>,
    /// Sealed by that key.
    #[sea_orm(column_type = "Blob")]
    pub sealed_secret: Vec<u8>,
    pub created_at: i64,
    /// None: enrolment was begun; signing in does not ask for it yet.
    pub confirmed_at: Option<i64>,
    /// Newest time step (RFC 6238) of which a code was taken: none is taken twice.
    pub last_step: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
