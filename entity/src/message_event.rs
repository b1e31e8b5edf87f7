//! What happened to a message, one after the other. Append-only; each one's hash covers the one before.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: Uuid,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    /// `accepted`, `bounced_hard`, `letter_sent` …
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// When it happened.
    pub at: i64,
    /// Enhanced status code (RFC 3463), or why it waits or has failed; never an address.
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    pub reply_code: Option<i32>,
    /// SHA-256 of the mail that came back, in hexadecimal; or the provider that said so, a colon, and SHA-256 of what it calls the event.
    #[sea_orm(column_type = "Text", nullable)]
    pub source: Option<String>,
    /// A person's words.
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
    /// Who recorded it, where a person did.
    pub author: Option<Uuid>,
    pub recorded_at: i64,
    #[sea_orm(column_type = "Text")]
    pub hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
