//! A data subject: the person whose data it is.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subject")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    #[sea_orm(column_type = "Text")]
    pub record_type: String,
    /// The system's own pseudonym for the person (the id that its logs carry).
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    /// Version of the tenant key that wraps the subject key.
    pub key_version: i32,
    /// The subject's key; None once erased (crypto-shredded).
    #[sea_orm(column_type = "Blob", nullable)]
    pub wrapped_key: Option<Vec<u8>>,
    /// The sealed record: all encrypted fields of the person.
    #[sea_orm(column_type = "Blob", nullable)]
    pub fields: Option<Vec<u8>>,
    /// `ja` or `en`: in which language to write to the person.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    pub import_id: Option<Uuid>,
    pub created_at: i64,
    pub updated_at: i64,
    pub erased_at: Option<i64>,
    /// By which statement of searchable fields the person's index rows were made; `None` once erased. Another one than that
    /// in force: they are made anew.
    pub index_mark: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
