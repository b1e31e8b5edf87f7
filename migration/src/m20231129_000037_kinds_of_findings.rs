//! What kind of fault a finding is about, how bad it is and on which route: what many findings are told apart and counted by.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

pub struct Migration;

const COLUMNS: [&str; 3] = ["kind", "grade", "route"];
const INDEX: &str = "finding_by_tenant_id_system_kind_grade";

/// Guards' findings of before have it in their text alone: "The guard saw `KIND` (GRADE) on route `ROUTE`: EFFECT."
const READ_POSTGRES: &str = "
    SELECT set_config('suimon.reach', 'all', true);
    UPDATE finding SET kind = substring(summary from '^The guard saw `([a-z_]+)`'),
                       grade = substring(summary from '^The guard saw `[a-z_]+` \\(([a-z_]+)\\)'),
                       route = substring(summary from '^The guard saw `[a-z_]+` \\([a-z_]+\\) on route `([^`]+)`')
    WHERE source = 'guard' AND summary ~ '^The guard saw `[a-z_]+` \\([a-z_]+\\) on ';
    SELECT set_config('suimon.reach', '', true)";
/// Each part is what follows the one before it.
const READ_SQLITE: &str = "
    WITH one AS (SELECT tenant_id, id, substr(summary, 16) AS rest FROM finding
                 WHERE source = 'guard' AND summary LIKE 'The guard saw `%` (%) on %'),
         two AS (SELECT tenant_id, id, substr(rest, 1, instr(rest, '`') - 1) AS kind, substr(rest, instr(rest, '` (') + 3) AS rest FROM one),
         three AS (SELECT tenant_id, id, kind, substr(rest, 1, instr(rest, ')') - 1) AS grade,
                          substr(rest, instr(rest, ') on ') + 5) AS rest FROM two)
    UPDATE finding SET kind = three.kind, grade = three.grade,
        route = CASE WHEN three.rest LIKE 'route `%`%' THEN substr(three.rest, 8, instr(substr(three.rest, 8), '`') - 1) END
    FROM three WHERE finding.tenant_id = three.tenant_id AND finding.id = three.id";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000037_kinds_of_findings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            // SQLite may have been interrupted after one of them.
            if !manager.has_column("finding", name).await? {
                let column = ColumnDef::new(Alias::new(name)).text().to_owned();
                let add = Table::alter().table(Alias::new("finding")).add_column(column).to_owned();
                manager.alter_table(add).await?;
            }
        }
        let database = manager.get_connection();
        let read = match manager.get_database_backend() {
            // Row-level security hides every row from who names no tenant.
            DatabaseBackend::Postgres => READ_POSTGRES,
            _ => READ_SQLITE,
        };
        database.execute_unprepared(read).await?;
        let index = format!("CREATE INDEX IF NOT EXISTS {INDEX} ON finding (tenant_id, system, kind, grade)");
        database.execute_unprepared(&index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {INDEX}")).await?;
        for name in COLUMNS {
            let drop = Table::alter().table(Alias::new("finding")).drop_column(Alias::new(name)).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
