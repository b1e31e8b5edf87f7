//! What a scan remembers of the logs that it has read so far, in pieces, sealed. Gone when the scan is over.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "scan_part")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The scan: a job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: Uuid,
    /// The last file of the turn that it came of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub file: i32,
    /// Pieces of one turn follow each other.
    #[sea_orm(primary_key, auto_increment = false)]
    pub piece: i32,
    /// What it is sealed for.
    pub id: Uuid,
    #[sea_orm(column_type = "Blob")]
    pub sealed: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
