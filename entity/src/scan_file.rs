//! A log that a scan reads: which, and whether it was read.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "scan_file")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The scan: a job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: Uuid,
    /// In the order of the names.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// Name of the source.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// Below the source's place.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Bytes when it was listed.
    pub size: i64,
    pub read: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
