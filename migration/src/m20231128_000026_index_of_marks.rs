//! The index of marks is for marks alone.
//!
//! SQLite without statistics takes the index whose leading columns a query compares most of, however few people they tell
//! apart: a look-up by external ids went through everybody of a record type, because the index of marks begins with system and
//! record type.

use sea_orm_migration::prelude::*;

use crate::schema::run;

pub struct Migration;

// SQLite may be interrupted between the two: then both are run again. Under another name, because a connection of SQLite's that
// has not seen the first one go would refuse the same.
const UP: [&str; 2] = [
    // Only queries that ask for people who are not erased can take it: those that ask for their marks.
    "CREATE INDEX IF NOT EXISTS subject_living_by_mark ON subject (system, record_type, index_mark) WHERE erased_at IS NULL",
    "DROP INDEX IF EXISTS subject_by_mark",
];

const DOWN: [&str; 2] = [
    "DROP INDEX IF EXISTS subject_living_by_mark",
    "CREATE INDEX IF NOT EXISTS subject_by_mark ON subject (system, record_type, index_mark)",
];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231128_000026_index_of_marks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await
    }
}
