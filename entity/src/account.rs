//! A person or program that acts on Suimon. Not a data subject.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Unique in the whole installation, because it is what a person types before Suimon knows the tenant.
    #[sea_orm(column_type = "Text")]
    pub login: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Argon2id, PHC string. None: the account has no password (service accounts).
    #[sea_orm(column_type = "Text", nullable)]
    pub password_hash: Option<String>,
    /// `active` or `disabled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub created_at: i64,
    pub password_changed_at: Option<i64>,
    /// Wrong passwords and codes in a row.
    pub failed_tries: i32,
    pub last_failed_at: Option<i64>,
    /// Until then neither password nor code opens a session.
    pub locked_until: Option<i64>,
    /// Since when signing in asks for a second factor.
    pub second_factor_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
