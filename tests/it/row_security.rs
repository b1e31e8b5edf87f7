//! Row-level security on PostgreSQL: who goes around the repository sees nothing. On SQLite there is no such wall; there the
//! same tests check that nothing of it is asked for.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::json;
use suimon::access::Role;

use crate::harness::TestApp;
use crate::vault_support::{applicant, apply_system, batch};

/// Tables whose rows are nobody's.
const WITHOUT_TENANT: &[(&str, &str)] =
    &[("seaql_migrations", "names of migrations; the service may read it only")];

fn is_postgres(database: &DatabaseConnection) -> bool {
    database.get_database_backend() == DbBackend::Postgres
}

async fn names(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect(sql);
    rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a name")).collect()
}

async fn number(database: &impl ConnectionTrait, sql: &str) -> i64 {
    let row = database.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect(sql);
    row.expect("a row").try_get_by_index(0).expect("a number")
}

async fn scene() -> (TestApp, DatabaseConnection) {
    let app = TestApp::new().await;
    apply_system(&app).await;
    for school in ["school-001", "school-002"] {
        app.tenant(school).await;
    }
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let rows = json!([
        applicant(1, "school-001", "A-1", "水野 花", "hana@example.jp"),
        applicant(2, "school-002", "A-2", "水野 空", "sora@example.jp"),
    ]);
    batch(&officer, json!({ "rows": rows })).await;
    // As the service connects, without the service.
    let around = Database::connect(app.database_url()).await.expect("the service's own user");
    (app, around)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_stands_behind_the_wall() {
    let app = TestApp::new().await;
    let owner = Database::connect(app.owner_url()).await.unwrap();
    if !is_postgres(&owner) {
        return;
    }
    let open = names(
        &owner,
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
         AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'suimon_wall'))",
    )
    .await;
    let expected: Vec<&str> = WITHOUT_TENANT.iter().map(|(name, _)| *name).collect();
    assert_eq!(open, expected, "a table without row-level security");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_around_the_repository_sees_and_writes_nothing() {
    let (app, around) = scene().await;
    if !is_postgres(&around) {
        return;
    }
    let owner = Database::connect(app.owner_url()).await.unwrap();
    let tables = names(&owner, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
    let mut filled = 0;
    for table in tables.iter().filter(|table| *table != "seaql_migrations") {
        let count = format!("SELECT count(*) FROM {table}");
        filled += u32::from(number(&owner, &count).await > 0);
        assert_eq!(number(&around, &count).await, 0, "{table} is seen from outside");
    }
    assert!(filled >= 8, "the scene fills too few tables to say anything: {filled}");
    let erased = around.execute_unprepared("UPDATE subject SET fields = NULL").await.unwrap();
    assert_eq!(erased.rows_affected(), 0);
    let stranger = "INSERT INTO membership (tenant_id, account_id, role, granted_at) \
        SELECT gen_random_uuid(), gen_random_uuid(), 'operator_admin', 0";
    let refused = around.execute_unprepared(stranger).await.expect_err("a row outside every reach");
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_filter_ends_at_the_tenants_of_the_scope() {
    let (app, around) = scene().await;
    if !is_postgres(&around) {
        return;
    }
    let owner = Database::connect(app.owner_url()).await.unwrap();
    let one = names(&owner, "SELECT tenant_id::text FROM subject WHERE external_id = 'A-1'").await.remove(0);
    let transaction = sea_orm::TransactionTrait::begin(&around).await.unwrap();
    transaction.execute_unprepared(&format!("SET LOCAL suimon.reach = '{one}'")).await.unwrap();
    assert_eq!(number(&transaction, "SELECT count(*) FROM subject").await, 1, "one school's people only");
    assert_eq!(number(&transaction, "SELECT count(*) FROM tenant").await, 1);
    let foreign = "UPDATE subject SET external_id = 'X' WHERE external_id = 'A-2'";
    assert_eq!(transaction.execute_unprepared(foreign).await.unwrap().rows_affected(), 0);
    let moved = format!("UPDATE subject SET tenant_id = gen_random_uuid() WHERE tenant_id = '{one}'");
    transaction.execute_unprepared(&moved).await.expect_err("a row cannot be moved out of reach");
    drop(transaction);
    // The setting ended with its transaction: the next user of the connection starts with nothing.
    assert_eq!(number(&around, "SELECT count(*) FROM subject").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_owns_nothing_and_cannot_change_what_is_append_only() {
    let (_app, around) = scene().await;
    if !is_postgres(&around) {
        return;
    }
    for statement in [
        "ALTER TABLE subject DISABLE ROW LEVEL SECURITY",
        "DROP POLICY suimon_wall ON subject",
        "DROP TABLE subject",
        "CREATE TABLE stolen (row text)",
        "DELETE FROM audit_entry",
        "UPDATE manifest_version SET manifest = ''",
        "TRUNCATE audit_entry",
        "DELETE FROM seaql_migrations",
    ] {
        let refused = around.execute_unprepared(statement).await.expect_err(statement).to_string();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{statement}: {refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_above_the_wall_is_refused_where_the_wall_is_required() {
    let app = TestApp::new().await;
    let owner = Database::connect(app.owner_url()).await.unwrap();
    let mut config = app.app.config().clone();
    config.database.url = suimon::config::Secret::new(app.owner_url().to_owned());
    let connection = suimon::storage::connect(&config.database).await.unwrap();
    let inspected = suimon::storage::inspect(&connection, &config.database).await;
    if !is_postgres(&owner) {
        inspected.expect("SQLite has no users");
        return;
    }
    insta::assert_snapshot!(inspected.unwrap_err(), @"database.url: this user stands above row-level security; connect as a user without SUPERUSER and BYPASSRLS, and give the owner of the tables as database.migrate_url");
}
