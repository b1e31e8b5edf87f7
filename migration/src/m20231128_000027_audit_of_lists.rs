//! The read of a list is one entry of the audit log that names its people, and a row a person to find it by.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

/// As far as an entry may leave, so may the rows beside it: a stored beginning lies at or behind it.
#[rustfmt::skip]
const PEOPLE: Table = Table { name: "audit_entry_subject", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("subject", Kind::Uuid),
    Column::required("seq", Kind::Int64),
], primary: &["tenant_id", "subject", "seq"],
unique: &[],
index: &[] };

const ADD: &str = "ALTER TABLE audit_entry ADD COLUMN subjects text";

const POSTGRES: &[&str] = &[
    "CREATE OR REPLACE FUNCTION suimon_audit_trimmed_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
       IF EXISTS (SELECT 1 FROM audit_beginning b WHERE b.tenant_id = OLD.tenant_id AND b.seq >= OLD.seq) THEN RETURN OLD; END IF; \
       RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME; END $$",
    "DROP TRIGGER audit_entry_subject_append_only ON audit_entry_subject",
    "CREATE TRIGGER audit_entry_subject_append_only BEFORE UPDATE ON audit_entry_subject \
     FOR EACH ROW EXECUTE FUNCTION suimon_append_only()",
    "CREATE TRIGGER audit_entry_subject_append_only_delete BEFORE DELETE ON audit_entry_subject \
     FOR EACH ROW EXECUTE FUNCTION suimon_audit_trimmed_only()",
];

/// In place of the one that knew the entries alone: same right, same owner.
const POSTGRES_TRIM: &str = "
DO $do$ BEGIN
  EXECUTE format($create$
    CREATE OR REPLACE FUNCTION suimon_trim_audit(of_tenant uuid, up_to bigint, most bigint) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = %I, pg_temp AS $$
    DECLARE gone bigint;
    BEGIN
      WITH left_over AS (
        DELETE FROM audit_entry e WHERE e.tenant_id = of_tenant AND e.seq IN (
          SELECT due.seq FROM audit_entry due WHERE due.tenant_id = of_tenant
            AND due.seq <= least(up_to, (SELECT max(b.seq) FROM audit_beginning b WHERE b.tenant_id = of_tenant))
          ORDER BY due.seq LIMIT most)
        RETURNING e.seq, e.subjects),
      people AS (
        DELETE FROM audit_entry_subject p USING left_over l, unnest(string_to_array(l.subjects, ' ')) AS person
        WHERE p.tenant_id = of_tenant AND p.subject = person::uuid AND p.seq = l.seq)
      SELECT count(*) INTO gone FROM left_over;
      RETURN gone;
    END $$ $create$, current_schema());
END $do$";

/// In one: another connection of the pool may not have heard yet that the trigger is gone.
const SQLITE: &[&str] = &["DROP TRIGGER audit_entry_subject_append_only_DELETE; \
     CREATE TRIGGER audit_entry_subject_append_only_DELETE BEFORE DELETE ON audit_entry_subject \
     WHEN NOT EXISTS (SELECT 1 FROM audit_beginning b WHERE b.tenant_id = OLD.tenant_id AND b.seq >= OLD.seq) \
     BEGIN SELECT RAISE(ABORT, 'table audit_entry_subject is append-only'); END"];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231128_000027_audit_of_lists"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &PEOPLE).await?;
        let database = manager.get_connection();
        let postgres = database.get_database_backend() == DatabaseBackend::Postgres;
        for statement in if postgres { POSTGRES } else { SQLITE } {
            database.execute_unprepared(statement).await?;
        }
        if postgres {
            database.execute_unprepared(POSTGRES_TRIM).await?;
        }
        database.execute_unprepared(ADD).await?;
        Ok(())
    }

    /// Entries that name several people cannot be proven without the column: their chains show it.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        if database.get_database_backend() == DatabaseBackend::Postgres {
            database.execute_unprepared(crate::m20231126_000024_audit_trim::POSTGRES_TRIM).await?;
        }
        database.execute_unprepared("ALTER TABLE audit_entry DROP COLUMN subjects").await?;
        drop(manager, &PEOPLE).await
    }
}
