//! The key-encryption key is rotated while the service works; a retired one takes what an old backup holds with it.

use serde_json::{Value, json};
use suimon::access::{Role, act_locally};
use suimon::app::App;
use suimon::config::Config;
use suimon::entropy::Entropy;
use suimon::{background, vault};

use crate::harness::{Member, TestApp, text};
use crate::vault_support::{applicant, apply_system, batch, search};

async fn scene() -> (TestApp, Member) {
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
    (app, officer)
}

/// The same installation with a new key file, the old one as an earlier one.
pub fn with_new_key(app: &TestApp, keep_old: bool) -> Config {
    let mut config = app.app.config().clone();
    if keep_old {
        config.keys.previous_files = config.keys.file.clone();
    }
    config.keys.file = app.folder().join("kek-2.key").display().to_string();
    config
}

pub async fn reads(app: &std::sync::Arc<App>, login: &str, mail: &str) -> String {
    let op = act_locally(app, login).await.unwrap().for_purpose("a test").unwrap();
    let mode = vault::SearchMode::Exact;
    let found = vault::search_subjects(&op, "online-application", "applicant", "email", mail, mode).await;
    let found = found.unwrap().people;
    let Some(person) = found.first() else { return "nobody".into() };
    let fields = vault::read_fields(&op, person, Some(&["email".into()]), false).await.unwrap();
    match &fields[0].shown {
        vault::Shown::Clear(Some(value)) => value.expose().to_owned(),
        other => format!("{}", matches!(other, vault::Shown::Withheld(_))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_wrapped_anew_while_nodes_read_and_the_old_key_can_go() {
    let (app, officer) = scene().await;
    let old = app.app.master().id().to_owned();
    let node = App::open(with_new_key(&app, true), app.clock.clone(), Entropy::seeded(9)).await.unwrap();
    assert_ne!(node.master().id(), old);
    assert_eq!(
        reads(&node, &officer.login, "hana@example.jp").await,
        "hana@example.jp",
        "before the rotation"
    );
    let admin = act_locally(&node, "admin").await.unwrap();
    let refused = vault::retire_kek(&admin, &old).await.unwrap_err().to_string();
    assert!(refused.starts_with("it still wraps"), "{refused}");
    let job = vault::rotate_kek(&admin).await.unwrap();
    // The node of the old configuration cannot do it, and says what to do.
    background::worker(app.app.clone()).run_due().await.unwrap();
    let failed = suimon::jobs::job(&admin, job.tenant, job.id).await.unwrap();
    insta::assert_snapshot!(failed.problem.unwrap(), @"this node's current key-encryption key is another one; give all nodes the same [keys] and restart them, then retry the job");
    suimon::jobs::retry(&admin, job.tenant, job.id).await.unwrap();
    background::worker(node.clone()).run_due().await.unwrap();
    let done = suimon::jobs::job(&admin, job.tenant, job.id).await.unwrap();
    assert_eq!(done.state, suimon::jobs::JobState::Done, "{done:?}");
    assert!(done.done >= 2 && Some(done.done) == done.total, "{done:?}");
    vault::retire_kek(&admin, &old).await.unwrap();
    let current = node.master().id().to_owned();
    let refused = vault::retire_kek(&admin, &current).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"this is the current key; choose another one in [keys] first");
    // The old file is destroyed: a node without it reads, searches and verifies everything that was written before.
    let alone = App::open(with_new_key(&app, false), app.clock.clone(), Entropy::seeded(10)).await.unwrap();
    assert_eq!(reads(&alone, &officer.login, "hana@example.jp").await, "hana@example.jp");
    assert_eq!(reads(&alone, &officer.login, "sora@example.jp").await, "sora@example.jp");
    let chains = suimon::audit::verify_all(&alone, &[]).await.unwrap();
    assert!(chains.iter().all(|chain| chain.faults.is_empty()), "{chains:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_breaks_off_goes_on() {
    let (app, _officer) = scene().await;
    let tenants: Vec<String> = (0..250).map(|number| format!("school-{number:03}")).collect();
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    for chunk in tenants.chunks(50) {
        let new: Vec<Value> =
            chunk.iter().map(|slug| json!({ "slug": slug, "nameJa": slug, "nameEn": slug })).collect();
        let create = "mutation($t: [NewTenant!]!) { createTenants(tenants: $t) { __typename } }";
        app.admin().gql_with(create, json!({ "t": new })).await;
    }
    let rows: Vec<Value> = tenants
        .iter()
        .enumerate()
        .map(|(n, slug)| {
            applicant(n as u32 + 1, slug, &format!("B-{n}"), "水野 海", &format!("p{n}@example.jp"))
        })
        .collect();
    for (index, rows) in rows.chunks(100).enumerate() {
        let answer = batch(&officer, json!({ "rows": rows })).await;
        assert!(answer["problems"].as_array().is_none_or(Vec::is_empty), "{index}: {answer}");
    }
    let node = App::open(with_new_key(&app, true), app.clock.clone(), Entropy::seeded(9)).await.unwrap();
    let admin = act_locally(&node, "admin").await.unwrap();
    let job = vault::rotate_kek(&admin).await.unwrap();
    // The first worker is dropped in the middle, wherever it stands then.
    let first = background::worker(node.clone());
    let broken_off = tokio::time::timeout(std::time::Duration::from_millis(60), first.run_due()).await;
    app.clock.advance(3600);
    let second = background::worker(node.clone()).run_due().await.unwrap();
    let done = suimon::jobs::job(&admin, job.tenant, job.id).await.unwrap();
    assert_eq!(done.state, suimon::jobs::JobState::Done, "{broken_off:?} {second:?} {done:?}");
    assert_eq!(Some(done.done), done.total, "each key was wrapped anew once");
    assert!(done.done > 200, "more than one step: {done:?}");
    vault::retire_kek(&admin, app.app.master().id()).await.unwrap();
}

/// On SQLite the backup is the file itself; on PostgreSQL a copy of the database, made by the server.
pub async fn backup(app: &TestApp) -> String {
    match app.database_url().strip_prefix("sqlite://") {
        Some(path) => {
            let copy = app.folder().join("backup.db");
            let database = sea_orm::Database::connect(app.owner_url()).await.unwrap();
            let into = format!("VACUUM INTO '{}'", copy.display());
            sea_orm::ConnectionTrait::execute_unprepared(&database, &into).await.unwrap();
            assert_ne!(std::path::Path::new(path), copy);
            format!("sqlite://{}", copy.display())
        }
        None => {
            let dump = app.folder().join("backup.sql");
            let url = app.owner_url();
            let run = |program: &str, arguments: &[&str]| {
                let done = std::process::Command::new(program).args(arguments).output().expect(program);
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            };
            run("pg_dump", &["--file", &dump.display().to_string(), "--no-owner", "--no-privileges", url]);
            let (server, name) = url.rsplit_once('/').unwrap();
            let restored = format!("{name}_restored");
            run("psql", &["-q", "-c", &format!("CREATE DATABASE {restored}"), url]);
            let restored = format!("{server}/{restored}");
            run("psql", &["-q", "-f", &dump.display().to_string(), &restored]);
            restored
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_opens_for_nobody_once_the_key_is_retired() {
    let (app, officer) = scene().await;
    let saved = backup(&app).await;
    let person = text(&search(&officer, "email", "hana@example.jp").await["data"]["searchSubjects"][0]["id"]);
    let erase = "mutation($id: ID!) { eraseSubject(id: $id, reason: \"request 1\") { __typename } }";
    let erased = officer.gql_with(erase, json!({ "id": person })).await;
    assert_eq!(erased["data"]["eraseSubject"]["__typename"], "Subject", "{erased}");

    // Control: with the key of its time the backup brings the erased person back. Erasing in the database is not enough.
    let mut old = app.app.config().clone();
    old.database.url = suimon::config::Secret::new(saved.clone());
    old.database.require_row_security = false;
    let restored = App::open(old.clone(), app.clock.clone(), Entropy::seeded(11)).await.unwrap();
    assert_eq!(reads(&restored, &officer.login, "hana@example.jp").await, "hana@example.jp");
    drop(restored);

    let node = App::open(with_new_key(&app, true), app.clock.clone(), Entropy::seeded(9)).await.unwrap();
    let admin = act_locally(&node, "admin").await.unwrap();
    vault::rotate_kek(&admin).await.unwrap();
    background::worker(node.clone()).run_due().await.unwrap();
    vault::retire_kek(&admin, app.app.master().id()).await.unwrap();
    std::fs::remove_file(&app.app.config().keys.file).unwrap();

    // Who was not erased is there, who was is not, and the backup opens for nobody.
    let alone = App::open(with_new_key(&app, false), app.clock.clone(), Entropy::seeded(10)).await.unwrap();
    assert_eq!(reads(&alone, &officer.login, "sora@example.jp").await, "sora@example.jp");
    assert_eq!(reads(&alone, &officer.login, "hana@example.jp").await, "nobody");
    let mut stolen = with_new_key(&app, false);
    stolen.database = old.database;
    let refused =
        App::open(stolen, app.clock.clone(), Entropy::seeded(12)).await.err().expect("it does not open");
    let refused = format!("{refused:#}");
    assert!(
        refused.starts_with("the service's secret \"") && refused.contains("it was wrapped by KEK file:"),
        "{refused}"
    );
}
