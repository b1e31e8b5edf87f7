//! Work that goes on after its request: what, how far, and who is at it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// What it works on: of one kind and key at most one job is open.
    #[sea_orm(column_type = "Text")]
    pub key: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// What was asked for, JSON. Names, ids and numbers; never personal data.
    #[sea_orm(column_type = "Text")]
    pub payload: String,
    /// Where to go on, JSON; written in the transaction of the work itself.
    #[sea_orm(column_type = "Text")]
    pub progress: String,
    pub done: i64,
    pub total: Option<i64>,
    /// Failures in a row.
    pub attempts: i32,
    /// Not before this instant.
    pub run_at: i64,
    pub lease_until: Option<i64>,
    pub lease_owner: Option<Uuid>,
    /// Why it failed or waits, in words for an administrator.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    pub created_at: i64,
    pub created_by: Uuid,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
