//! An installation's own copy of a catalogue of requirements: ids, titles and levels. The titles are their publisher's text, imported
//! by whoever may use it: they are shown to the installation's people and never leave with anything that is exported.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "catalogue_copy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// SHA-256 of the imported file, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub digest: String,
    /// The word of references: ipa-nfrg, owasp-secreq-ja, asvs.
    #[sea_orm(column_type = "Text")]
    pub catalogue: String,
    #[sea_orm(column_type = "Text")]
    pub version: String,
    /// JSON, as crate `catalogue` keeps it.
    #[sea_orm(column_type = "Text")]
    pub content: String,
    pub items: i32,
    pub imported_by: Uuid,
    pub imported_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
