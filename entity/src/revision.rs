//! A numbered affected list of an incident. Its people never change: a correction is the next revision.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// Counts from 1 in its incident; none while its people are still being received.
    pub number: Option<i32>,
    /// `window` or `manual`.
    #[sea_orm(column_type = "Text")]
    pub method: String,
    /// `receiving` (not yet a revision), `draft`, `approved` or `superseded`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// JSON: window, basis, margins, routes.
    #[sea_orm(column_type = "Text")]
    pub parameters: String,
    /// JSON: the inputs with their SHA-256 and lines, and what is known to be missing.
    #[sea_orm(column_type = "Text")]
    pub inputs: String,
    /// JSON: totals by kind and tenant, reconciled.
    #[sea_orm(column_type = "Text")]
    pub counts: String,
    /// SHA-256 over parameters, inputs, counts and people in order.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    pub created_at: i64,
    pub created_by: Uuid,
    pub approved_at: Option<i64>,
    pub approved_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
