//! One person at one tenant in one revision of the affected list.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revision_person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub tenant_slug: String,
    /// The system's pseudonym for the person.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub person: String,
    /// Record type: `applicant`, `school_admin`.
    #[sea_orm(column_type = "Text")]
    pub person_kind: String,
    /// The tenant, where Suimon knows one of that slug.
    pub person_tenant: Option<Uuid>,
    /// `confirmed`, `possible`, `self_only`, `excluded` or `indeterminate`.
    #[sea_orm(column_type = "Text")]
    pub class: String,
    pub first_at: Option<i64>,
    pub last_at: Option<i64>,
    pub requests: i64,
    pub logins: i64,
    /// `logs` or `manual`.
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// JSON: routes and log lines.
    #[sea_orm(column_type = "Text")]
    pub evidence: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
