//! A refused request and why, for who is asked about it later. The row stands under the tenant that was asked about; who was
//! refused may belong to the operator.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "denial")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    /// As the audit log names it: `account:…`, `token:…`, `cli:…`.
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    pub actor_tenant: Uuid,
    /// The account behind the actor.
    pub account: Uuid,
    /// The account that a program of the protected system asked about, where it was one.
    pub about: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    #[sea_orm(column_type = "Text")]
    pub object: String,
    /// Names of fields, separated by blanks, where all of several were withheld.
    #[sea_orm(column_type = "Text")]
    pub fields: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub system: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub request_id: String,
    /// Version of the policy that decided.
    pub policy_version: i64,
    /// JSON: the explanation. Names and the rules' own values; never a value of the request.
    #[sea_orm(column_type = "Text")]
    pub reasons: String,
    /// Further refusals of the same account at this tenant in the same minute, which have no row of their own.
    pub dropped: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
