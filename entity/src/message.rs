//! One mail to one recipient: the outbox. No address and no text in clear.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub notice_id: Uuid,
    pub incident_id: Uuid,
    pub revision_id: Uuid,
    /// `mail`.
    #[sea_orm(column_type = "Text")]
    pub channel: String,
    /// The person's pseudonym, or `tenant:` and its slug.
    #[sea_orm(column_type = "Text")]
    pub recipient: String,
    pub recipient_tenant: Uuid,
    #[sea_orm(column_type = "Text", nullable)]
    pub record_type: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub language: String,
    /// Derived from the key, so that a repeat is recognisable.
    #[sea_orm(column_type = "Text")]
    pub message_id: String,
    /// `queued`, `sending`, `accepted`, `deferred`, `failed`, `bounced_soft`, `bounced_hard` or `told_otherwise`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub attempts: i32,
    pub next_attempt_at: i64,
    pub lease_until: Option<i64>,
    pub lease_owner: Option<Uuid>,
    /// What the server answered last.
    pub reply_code: Option<i32>,
    /// Why it failed or waits; never an address.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub created_at: i64,
    pub accepted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
