//! A version of a document about an incident, as it was made. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_document")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil for a document about all incidents of the operator.
    pub incident_id: Uuid,
    /// Of the document; its versions share it. Counts from 1 in the incident.
    pub number: i32,
    /// Counts from 1 in the document.
    pub version: i32,
    /// `ppc_preliminary`, `gdpr_register`, …
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// `ja` or `en`.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    /// The customer that it is written to, of a kind that is.
    pub recipient_id: Option<Uuid>,
    /// `draft` or `final`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// What made this version: `data`, `field` (somebody filled one in) or `final` (somebody approved).
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    /// JSON: what the document says; the digest is over this text, byte by byte.
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// JSON: fields that were filled in by hand, with by whom and when.
    #[sea_orm(column_type = "Text")]
    pub entered: String,
    /// SHA-256 of `content`, in hexadecimal.
    #[sea_orm(column_type = "Text")]
    pub sha256: String,
    /// The assessment that it rests on.
    pub assessment_id: Option<Uuid>,
    /// The affected list that it rests on.
    pub revision_id: Option<Uuid>,
    pub author: Uuid,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
