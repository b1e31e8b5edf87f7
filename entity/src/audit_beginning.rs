//! Where a chain begins since its older entries lie in an archive: a row a trim, authenticated as the head is. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_beginning")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Number of the last entry that was taken away.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// The same of the trim before; 0 for the first one.
    pub previous: i64,
    /// Hash of entry `seq`.
    #[sea_orm(column_type = "Blob")]
    pub hash: Vec<u8>,
    /// The latest instant of an entry that was taken away by this trim.
    pub latest: i64,
    pub trimmed_at: i64,
    /// The signed checkpoint of the first `seq` entries.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// Roots of the full subtrees of the tree that the note signs, the largest first.
    #[sea_orm(column_type = "Blob")]
    pub tree: Vec<u8>,
    /// Name of the file in the folder of archives.
    #[sea_orm(column_type = "Text")]
    pub archive: String,
    #[sea_orm(column_type = "Blob")]
    pub mac: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
