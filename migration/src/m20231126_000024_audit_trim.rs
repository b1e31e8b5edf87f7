//! Old entries of the audit log may leave for an archive: where each chain begins then, and triggers that let nothing else go.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const BEGINNING: Table = Table { name: "audit_beginning", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("seq", Kind::Int64),
    Column::required("previous", Kind::Int64),
    Column::required("hash", Kind::Bytes),
    Column::required("latest", Kind::Int64),
    Column::required("trimmed_at", Kind::Int64),
    Column::required("note", Kind::Text),
    Column::required("tree", Kind::Bytes),
    Column::required("archive", Kind::Text),
    Column::required("mac", Kind::Bytes),
], primary: &["tenant_id", "seq"],
// Each trim goes on from the one before: of two at the same moment one is refused.
unique: &[&["tenant_id", "previous"]],
index: &[] };

/// UPDATE and TRUNCATE stay refused always; DELETE but for what a trim has recorded.
const POSTGRES: &[&str] = &[
    "CREATE FUNCTION suimon_audit_trimmed_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
       IF EXISTS (SELECT 1 FROM audit_beginning b WHERE b.tenant_id = OLD.tenant_id AND b.seq >= OLD.seq) THEN RETURN OLD; END IF; \
       RAISE EXCEPTION 'table audit_entry is append-only'; END $$",
    "DROP TRIGGER audit_entry_append_only ON audit_entry",
    "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE ON audit_entry \
     FOR EACH ROW EXECUTE FUNCTION suimon_append_only()",
    "CREATE TRIGGER audit_entry_append_only_delete BEFORE DELETE ON audit_entry \
     FOR EACH ROW EXECUTE FUNCTION suimon_audit_trimmed_only()",
];

/// The running service has no right to delete from the log: it calls this, which acts as the owner, behind the same wall of
/// row-level security (the reach is a setting of the transaction), and takes away no more than the trigger lets go.
pub const POSTGRES_TRIM: &str = "
DO $do$ BEGIN
  EXECUTE format($create$
    CREATE OR REPLACE FUNCTION suimon_trim_audit(of_tenant uuid, up_to bigint, most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = %I, pg_temp AS $$
    DECLARE gone bigint;
    BEGIN
      DELETE FROM audit_entry e WHERE e.tenant_id = of_tenant AND e.seq IN (
        SELECT due.seq FROM audit_entry due WHERE due.tenant_id = of_tenant
          AND due.seq <= least(up_to, (SELECT max(b.seq) FROM audit_beginning b WHERE b.tenant_id = of_tenant))
        ORDER BY due.seq LIMIT most);
      GET DIAGNOSTICS gone = ROW_COUNT;
      RETURN gone;
    END $$ $create$, current_schema());
END $do$";

/// In one: another connection of the pool may not have heard yet that the trigger is gone.
const SQLITE: &[&str] = &["DROP TRIGGER audit_entry_append_only_DELETE; \
     CREATE TRIGGER audit_entry_append_only_DELETE BEFORE DELETE ON audit_entry \
     WHEN NOT EXISTS (SELECT 1 FROM audit_beginning b WHERE b.tenant_id = OLD.tenant_id AND b.seq >= OLD.seq) \
     BEGIN SELECT RAISE(ABORT, 'table audit_entry is append-only'); END"];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000024_audit_trim"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &BEGINNING).await?;
        let database = manager.get_connection();
        let postgres = database.get_database_backend() == DatabaseBackend::Postgres;
        for statement in if postgres { POSTGRES } else { SQLITE } {
            database.execute_unprepared(statement).await?;
        }
        if postgres {
            database.execute_unprepared(POSTGRES_TRIM).await?;
            let nobody = "REVOKE ALL ON FUNCTION suimon_trim_audit(uuid, bigint, bigint) FROM PUBLIC";
            database.execute_unprepared(nobody).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        let statements: &[&str] = match database.get_database_backend() {
            DatabaseBackend::Postgres => &[
                "DROP FUNCTION suimon_trim_audit(uuid, bigint, bigint)",
                "DROP TRIGGER audit_entry_append_only_delete ON audit_entry",
                "DROP FUNCTION suimon_audit_trimmed_only()",
                "DROP TRIGGER audit_entry_append_only ON audit_entry",
                "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry \
                 FOR EACH ROW EXECUTE FUNCTION suimon_append_only()",
            ],
            _ => &["DROP TRIGGER audit_entry_append_only_DELETE; \
                 CREATE TRIGGER audit_entry_append_only_DELETE BEFORE DELETE ON audit_entry \
                 BEGIN SELECT RAISE(ABORT, 'table audit_entry is append-only'); END"],
        };
        for statement in statements {
            database.execute_unprepared(statement).await?;
        }
        drop(manager, &BEGINNING).await
    }
}
