//! Keys are replaced by a service that is killed in the middle, again and again: nothing is lost, nobody is missed by a search, the
//! old key goes, and the log is whole.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use entity::{job, tenant_key};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use suimon::access::{Role, act_locally};
use suimon::app::App;
use suimon::entropy::Entropy;
use suimon::vault;
use uuid::Uuid;

use crate::harness::TestApp;
use crate::key_rotation::{reads, with_new_key};
use crate::tenant_keys::{Scene, mail};
use crate::vault_support::{applicant, apply_system, batch, database, run};

/// The shortest lease that the configuration takes: whoever follows a killed one waits for it.
const LEASE: &str = "jobs.lease_seconds=10";

/// `suimon serve` on the test's database, as a process of its own, with this key file (and an earlier one).
fn serve(app: &TestApp, key: &Path, earlier: Option<&Path>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.arg("serve").args(["--listen", "127.0.0.1:0"]);
    let mut settings = vec![
        format!("database.url={}", app.database_url()),
        format!("keys.file={}", key.display()),
        LEASE.to_owned(),
        "jobs.poll_milliseconds=50".to_owned(),
        "log.filter=error".to_owned(),
        // By the machine's clock the tokens of the test have ended long ago.
        "retention.every_hours=0".to_owned(),
        "audit.checkpoint_minutes=0".to_owned(),
    ];
    settings.extend(earlier.map(|earlier| format!("keys.previous_files={}", earlier.display())));
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command.current_dir(app.folder()).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("suimon serve starts")
}

/// How far a job came: state, work done, phase.
type Stand = (String, i64, String);

/// A moment to kill at.
type Moment<'a> = &'a dyn Fn(&Stand) -> bool;

async fn stands(database: &DatabaseConnection, id: Uuid) -> Stand {
    let row = job::Entity::find().filter(job::Column::Id.eq(id)).one(database).await.unwrap().unwrap();
    let progress: Value = serde_json::from_str(&row.progress).unwrap_or_default();
    (row.state, row.done, progress["phase"].as_str().unwrap_or_default().to_owned())
}

/// The pauses of the job (two minutes each, for requests that began before) are over at once; they are shown elsewhere.
async fn pass_the_pause(database: &DatabaseConnection, id: Uuid) {
    job::Entity::update_many()
        .col_expr(job::Column::RunAt, Expr::value(0))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.eq("queued"))
        .exec(database)
        .await
        .unwrap();
}

/// Kills a service at the first moment at which `at` holds; whether it was before the end of the job.
async fn killed_when(
    mut service: Child,
    database: &DatabaseConnection,
    id: Uuid,
    at: impl Fn(&Stand) -> bool,
) -> bool {
    let since = Instant::now();
    let before_the_end = loop {
        let now = stands(database, id).await;
        if now.0 == "done" || now.0 == "failed" {
            break false;
        }
        if at(&now) {
            break true;
        }
        pass_the_pause(database, id).await;
        assert!(since.elapsed() < Duration::from_secs(120), "waited in vain: {now:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    service.kill().expect("SIGKILL");
    service.wait().expect("it is dead");
    before_the_end
}

async fn until_done(serve: impl Fn() -> Child, database: &DatabaseConnection, id: Uuid) {
    if stands(database, id).await.0 == "done" {
        // The last one was killed a moment too late. Nothing is left to do, and who is asked to end before it listens just ends.
        return;
    }
    let mut service = serve();
    let since = Instant::now();
    loop {
        let now = stands(database, id).await;
        if now.0 == "done" {
            break;
        }
        assert!(now.0 != "failed" && since.elapsed() < Duration::from_secs(120), "not done: {now:?}");
        pass_the_pause(database, id).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let process = service.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().expect("kill").success());
    assert!(service.wait().expect("it ended").success(), "it ends in order when asked to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_while_it_replaces_a_tenants_key_loses_nothing() {
    const PEOPLE: u32 = 1500;
    let scene = Scene::with(PEOPLE).await;
    let database = scene.database().await;
    let kek = scene.app.folder().join("kek.key");
    let before = scene.people().await;
    let job = scene.rotate(true).await;
    let everybody_is_there = async || {
        for number in (0..PEOPLE).step_by(293) {
            scene.finds(number).await;
        }
        assert_eq!(reads(&scene.app.app, &scene.officer.login, &mail(700)).await, mail(700));
    };
    let mut kills = 0;
    // Taken and nothing done; the new key is there; pages of people are through, then more; documents; about to destroy.
    let moments: [Moment<'_>; 6] = [
        &|now| now.0 == "running",
        &|now| now.2 == "people",
        &|now| now.1 >= 1,
        &|now| now.1 >= 900,
        &|now| now.2 == "documents" || now.2 == "destroy",
        &|now| now.0 == "running" && now.2 == "destroy",
    ];
    for at in moments {
        let service = serve(&scene.app, &kek, None);
        let before_the_end = killed_when(service, &database, job.id, at).await;
        kills += u32::from(before_the_end);
        everybody_is_there().await;
    }
    assert!(kills >= 5, "killed {kills} times before the end");
    until_done(|| serve(&scene.app, &kek, None), &database, job.id).await;
    let done = scene.job(&job).await;
    assert_eq!((done.done, done.total), (i64::from(PEOPLE), Some(i64::from(PEOPLE))), "each was moved once");
    assert_eq!(scene.keys().await, [(1, "destroyed".into(), false), (2, "active".into(), true)]);
    let after = scene.people().await;
    assert!(after.iter().all(|row| row.key_version == 2));
    assert!(before.iter().zip(&after).all(|(old, new)| old.fields != new.fields), "sealed anew");
    everybody_is_there().await;
    for number in (0..PEOPLE).step_by(97) {
        assert_eq!(reads(&scene.app.app, &scene.officer.login, &mail(number)).await, mail(number));
    }
    let (code, told, _) = run(&scene.app, &["audit", "verify"]);
    assert_eq!(code, 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_while_it_wraps_all_keys_anew_loses_nothing() {
    const SCHOOLS: usize = 450;
    let app = TestApp::new().await;
    apply_system(&app).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let slugs: Vec<String> = (0..SCHOOLS).map(|number| format!("school-{number:03}")).collect();
    for slugs in slugs.chunks(50) {
        let new: Vec<Value> =
            slugs.iter().map(|slug| json!({ "slug": slug, "nameJa": slug, "nameEn": slug })).collect();
        let create = "mutation($t: [NewTenant!]!) { createTenants(tenants: $t) { __typename } }";
        app.admin().gql_with(create, json!({ "t": new })).await;
    }
    let rows: Vec<Value> = slugs
        .iter()
        .enumerate()
        .map(|(n, slug)| applicant(n as u32 + 1, slug, &format!("B-{n}"), "水野 海", &mail(n as u32)))
        .collect();
    for rows in rows.chunks(100) {
        let answer = batch(&officer, json!({ "rows": rows })).await;
        assert_eq!(answer["rowsRefused"], 0, "{answer}");
    }
    let database = database(&app).await;
    let node = App::open(with_new_key(&app, true), app.clock.clone(), Entropy::seeded(9)).await.unwrap();
    let admin = act_locally(&node, "admin").await.unwrap();
    let job = vault::rotate_kek(&admin).await.unwrap();
    let (old, new) = (app.folder().join("kek.key"), app.folder().join("kek-2.key"));
    let mut kills = 0;
    // Taken and nothing done; after the first piece of 200; after the second.
    let moments: [Moment<'_>; 3] = [&|now| now.0 == "running", &|now| now.1 >= 1, &|now| now.1 >= 201];
    for at in moments {
        let service = serve(&app, &new, Some(&old));
        kills += u32::from(killed_when(service, &database, job.id, at).await);
        // A node of the new configuration reads all, those who moved and those who wait.
        for number in [0, 199, 399, SCHOOLS as u32 - 1] {
            assert_eq!(reads(&node, &officer.login, &mail(number)).await, mail(number));
        }
        // Nobody works now. On a slow machine the last piece may have been done before the kill.
        let keys = tenant_key::Entity::find().all(&database).await.unwrap();
        if keys.iter().any(|key| key.wrapped.is_some() && key.kek_id == app.app.master().id()) {
            let early = vault::retire_kek(&admin, app.app.master().id()).await;
            assert!(early.is_err(), "the old key is needed still");
        }
    }
    assert!(kills >= 2, "killed {kills} times before the end");
    until_done(|| serve(&app, &new, Some(&old)), &database, job.id).await;
    let done = suimon::jobs::job(&admin, job.tenant, job.id).await.unwrap();
    assert_eq!(Some(done.done), done.total, "each key was wrapped anew once: {done:?}");
    assert!(done.done >= SCHOOLS as i64);
    let keys = tenant_key::Entity::find().all(&database).await.unwrap();
    assert!(keys.iter().filter(|key| key.wrapped.is_some()).all(|key| key.kek_id == node.master().id()));
    vault::retire_kek(&admin, app.app.master().id()).await.unwrap();
    std::fs::remove_file(&old).unwrap();
    // Without the old file everybody is read and found, and the log verifies: by a new node, and by the program itself.
    let alone = App::open(with_new_key(&app, false), app.clock.clone(), Entropy::seeded(10)).await.unwrap();
    for number in (0..SCHOOLS as u32).step_by(7) {
        assert_eq!(reads(&alone, &officer.login, &mail(number)).await, mail(number));
    }
    let chains = suimon::audit::verify_all(&alone, &[]).await.unwrap();
    assert!(chains.len() > SCHOOLS && chains.iter().all(|chain| chain.faults.is_empty()), "{chains:?}");
}
