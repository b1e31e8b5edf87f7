//! The audit log notices what somebody with access to the database does to it.

use sea_orm::{ConnectionTrait, Database, DbBackend};
use suimon::audit::FaultKind;

use crate::harness::TestApp;

/// A hostile administrator of the database switches the triggers off first.
async fn tamper(app: &mut TestApp, sql: &str) -> Vec<FaultKind> {
    app.damaged = true;
    let database = Database::connect(app.owner_url()).await.unwrap();
    match database.get_database_backend() {
        DbBackend::Postgres => {
            database.execute_unprepared("ALTER TABLE audit_entry DISABLE TRIGGER ALL").await.unwrap();
        }
        _ => {
            for verb in ["UPDATE", "DELETE"] {
                database
                    .execute_unprepared(&format!("DROP TRIGGER audit_entry_append_only_{verb}"))
                    .await
                    .unwrap();
            }
        }
    }
    database.execute_unprepared(sql).await.unwrap();
    let reports = app.verify_audit().await;
    reports.into_iter().flat_map(|report| report.faults).map(|fault| fault.kind).collect()
}

async fn with_some_history() -> TestApp {
    let app = TestApp::new().await;
    app.tenant("school-001").await;
    app.tenant("school-002").await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_changes_by_itself() {
    let app = with_some_history().await;
    let database = Database::connect(app.owner_url()).await.unwrap();
    for sql in ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"] {
        let error = database.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_entry_is_found() {
    let mut app = with_some_history().await;
    let faults =
        tamper(&mut app, "UPDATE audit_entry SET actor = 'account:somebody-else' WHERE seq = 2").await;
    assert_eq!(faults, [FaultKind::Changed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_entry_is_found() {
    let mut app = with_some_history().await;
    assert_eq!(tamper(&mut app, "DELETE FROM audit_entry WHERE seq = 2").await, [FaultKind::Missing]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_end_is_found() {
    let mut app = with_some_history().await;
    let faults =
        tamper(&mut app, "DELETE FROM audit_entry WHERE seq = (SELECT MAX(seq) FROM audit_entry)").await;
    assert_eq!(faults, [FaultKind::WrongEnd]);
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_entries_are_found() {
    let mut app = with_some_history().await;
    let faults = tamper(
        &mut app,
        "UPDATE audit_entry SET seq = -1 WHERE seq = 2; UPDATE audit_entry SET seq = 2 WHERE seq = 3;
         UPDATE audit_entry SET seq = 3 WHERE seq = -1",
    )
    .await;
    assert!(faults.contains(&FaultKind::Broken) && faults.contains(&FaultKind::Changed), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_head_is_found() {
    let mut app = with_some_history().await;
    let faults = tamper(&mut app, "UPDATE audit_head SET seq = seq - 1").await;
    assert_eq!(faults, [FaultKind::ForgedHead]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_removed_whole_is_found() {
    let mut app = with_some_history().await;
    let faults = tamper(&mut app, "DELETE FROM audit_entry; DELETE FROM audit_head").await;
    assert_eq!(faults, [FaultKind::WrongEnd]);
}
