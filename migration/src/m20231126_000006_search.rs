//! Search by parts of values, and which people's index rows were made by the statement in force.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const PART_INDEX: Table = Table { name: "part_index", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("record_type", Kind::Text),
    Column::required("field", Kind::Text),
    Column::required("digest", Kind::Bytes),
    Column::required("subject_id", Kind::Uuid),
    Column::required("key_version", Kind::Int32),
], primary: &["tenant_id", "record_type", "field", "digest", "subject_id"],
unique: &[],
// A change or an erasure deletes the rows of a person, whatever they were made of.
index: &[&["tenant_id", "subject_id"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000006_search"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &PART_INDEX).await?;
        let database = manager.get_connection();
        // 0 is no statement: everybody who is there already is indexed anew, by the rules of this version.
        database.execute_unprepared("ALTER TABLE subject ADD COLUMN index_mark BIGINT DEFAULT 0").await?;
        database
            .execute_unprepared("UPDATE subject SET index_mark = NULL WHERE erased_at IS NOT NULL")
            .await?;
        // Each search asks whether anybody has another mark than the one in force.
        let index = "CREATE INDEX subject_by_mark ON subject (system, record_type, index_mark)";
        database.execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        database.execute_unprepared("DROP INDEX subject_by_mark").await?;
        database.execute_unprepared("ALTER TABLE subject DROP COLUMN index_mark").await?;
        drop(manager, &PART_INDEX).await
    }
}
