//! An incident, from detection to closure.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incident")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts from 1 in the operator's installation.
    pub number: i32,
    #[sea_orm(column_type = "Text")]
    pub title: String,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    /// `open`, `contained`, `resolved` or `closed`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// IANA time zone in which people speak about it.
    #[sea_orm(column_type = "Text")]
    pub zone: String,
    pub opened_at: i64,
    pub opened_by: Uuid,
    pub occurred_from: Option<i64>,
    pub occurred_to: Option<i64>,
    pub detected_at: Option<i64>,
    pub aware_at: Option<i64>,
    pub contained_at: Option<i64>,
    pub closed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
