//! A question about the incident from or to a tenant, a vendor, an authority or a person.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inquiry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// `incoming` or `outgoing`.
    #[sea_orm(column_type = "Text")]
    pub direction: String,
    /// `tenant`, `vendor`, `authority` or `person`.
    #[sea_orm(column_type = "Text")]
    pub party_kind: String,
    #[sea_orm(column_type = "Text")]
    pub party: String,
    pub party_tenant: Option<Uuid>,
    /// How it came: e-mail, telephone, chat, meeting.
    #[sea_orm(column_type = "Text", nullable)]
    pub channel: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub question: String,
    pub asked_at: i64,
    pub recorded_at: i64,
    pub due_at: Option<i64>,
    /// `open`, `answered` or `closed`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// The message on whose page it was asked; none where an officer recorded it.
    pub message_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
