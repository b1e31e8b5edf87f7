//! A tenant: a customer organisation (school, clinic), or the operator itself, the root of them all.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Short name that people and logs use, such as `school-017`. Unique in the installation.
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    #[sea_orm(column_type = "Text")]
    pub name_ja: String,
    #[sea_orm(column_type = "Text")]
    pub name_en: String,
    /// `operator` or `customer`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Grows with each change of who may do what here; cached enforcers of an older version are not used.
    pub policy_version: i64,
    /// Sealed e-mail address of the tenant's office, for notices to the tenant.
    #[sea_orm(column_type = "Blob", nullable)]
    pub contact: Option<Vec<u8>>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
