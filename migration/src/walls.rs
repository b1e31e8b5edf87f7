//! Row-level security on PostgreSQL: every table whose rows belong to a tenant lets through only those of the tenants that the
//! transaction names. Raised after each run of migrations, so that a new table stands behind the wall from its first day.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// What the policies ask. Without a setting the reach is empty: nothing is seen.
const FUNCTIONS: &str = "
CREATE OR REPLACE FUNCTION suimon_reach_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT coalesce(current_setting('suimon.reach', true) = 'all', false) $$;
CREATE OR REPLACE FUNCTION suimon_reach() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT CASE WHEN reach IS NULL OR reach IN ('', 'all') THEN '{}'::uuid[]
                 ELSE string_to_array(reach, ',')::uuid[] END
     FROM (SELECT current_setting('suimon.reach', true) AS reach) AS setting $$;
";

/// Walls each table that has none yet. The sub-selects make PostgreSQL ask the setting once a query, not once a row.
const WALLS: &str = "
DO $$
DECLARE name text; mine text;
BEGIN
  FOR name, mine IN
    SELECT c.relname, CASE WHEN c.relname = 'tenant' THEN 'id' ELSE 'tenant_id' END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (c.relname = 'tenant' OR EXISTS (
        SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
      AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'suimon_wall')
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY suimon_wall ON %I USING ((SELECT suimon_reach_all()) '
      || 'OR %I = ANY ((SELECT suimon_reach())::uuid[]))', name, mine);
  END LOOP;
END $$;
";

/// Gives a role what the running service needs and no more: rows, not structure; of append-only tables no change.
const GRANTS: &str = "
DO $$
DECLARE name text; closed boolean;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), current_setting('suimon.service_role'));
  FOR name, closed IN
    SELECT c.relname, EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
                              WHERE t.tgrelid = c.oid AND f.proname = 'suimon_append_only')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
  LOOP
    IF name = 'seaql_migrations' THEN
      EXECUTE format('GRANT SELECT ON %I TO %I', name, current_setting('suimon.service_role'));
    ELSIF closed THEN
      EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', name, current_setting('suimon.service_role'));
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', name, current_setting('suimon.service_role'));
    END IF;
  END LOOP;
  -- The one way in which entries of the audit log leave: those that a trim has recorded.
  IF to_regprocedure('suimon_trim_audit(uuid, bigint, bigint)') IS NOT NULL THEN
    EXECUTE format('GRANT EXECUTE ON FUNCTION suimon_trim_audit(uuid, bigint, bigint) TO %I', current_setting('suimon.service_role'));
  END IF;
END $$;
";

/// Raises the walls; nothing on SQLite.
///
/// # Errors
/// Those of the database: only the owner of the tables may.
pub async fn raise<C: ConnectionTrait>(database: &C) -> Result<(), DbErr> {
    if database.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    database.execute_unprepared(FUNCTIONS).await?;
    database.execute_unprepared(WALLS).await?;
    Ok(())
}

/// Lets `role` work on the tables; nothing on SQLite.
///
/// # Errors
/// Those of the database: when the role does not exist, or the tables are somebody else's.
pub async fn grant<C: ConnectionTrait>(transaction: &C, role: &str) -> Result<(), DbErr> {
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    // As a value: a name is quoted where it is used.
    let setting = "SELECT set_config('suimon.service_role', $1, true)";
    let setting = Statement::from_sql_and_values(DbBackend::Postgres, setting, [role.into()]);
    transaction.query_one_raw(setting).await?;
    transaction.execute_unprepared(GRANTS).await?;
    Ok(())
}
