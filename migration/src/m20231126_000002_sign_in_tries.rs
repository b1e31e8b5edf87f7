//! Wrong passwords are counted, and a login is locked after too many.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000002_sign_in_tries"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column in a statement.
        for column in [
            ColumnDef::new("failed_tries").integer().not_null().default(0).to_owned(),
            ColumnDef::new("last_failed_at").big_integer().to_owned(),
            ColumnDef::new("locked_until").big_integer().to_owned(),
        ] {
            manager.alter_table(Table::alter().table("account").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["locked_until", "last_failed_at", "failed_tries"] {
            manager.alter_table(Table::alter().table("account").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
