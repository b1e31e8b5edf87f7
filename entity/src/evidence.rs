//! What was seen of a requirement: the result of a check, of a test, of somebody who looked. Append-only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub requirement: String,
    /// Who or what saw it: the name of a probe, or another word.
    #[sea_orm(column_type = "Text")]
    pub collector: String,
    /// Of the requirement's version that it is about.
    #[sea_orm(column_type = "Text")]
    pub fingerprint: String,
    #[sea_orm(column_type = "Text")]
    pub system: String,
    /// pass, fail, warn, error, skip.
    #[sea_orm(column_type = "Text")]
    pub result: String,
    /// JSON: the measured value, in the unit of the requirement's threshold.
    #[sea_orm(column_type = "Text", nullable)]
    pub observed: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub summary: String,
    /// SHA-256 of the file that shows it, in hexadecimal; the file itself is kept elsewhere.
    #[sea_orm(column_type = "Text", nullable)]
    pub digest: Option<String>,
    pub observed_at: i64,
    pub expires_at: i64,
    pub recorded_at: i64,
    pub recorded_by: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
