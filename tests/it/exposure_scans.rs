//! Scans by the service itself: a job with progress that goes on after a crash, and whose result is the next list.

use std::io::Write;

use exposure::simulate::{DEFAULT_SEED, founding_day};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use suimon::access::Role;
use suimon::incidents::scans::HANDLER;
use suimon::jobs::{Handler, Outcome, Running, Worker};

use crate::exposure::{on_with, write_day};
use crate::exposure_sources::{keys, stored};
use crate::harness::{Member, TestApp, text};
use crate::incidents::open;
use crate::vault_support::apply_system;

const SCAN: &str = "{ __typename
    ... on ExposureScan { id state method sources files filesRead bytes bytesRead problem
      revision { id number method state intact createdById counts { persons confirmed excluded } } }
    ... on Problem { code field message remedy } }";

async fn start(member: &Member, input: Value) -> Value {
    let query = format!("mutation($input: StartScanInput!) {{ startScan(input: $input) {SCAN} }}");
    let answer = member.gql_with(&query, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["startScan"].clone()
}

async fn change(member: &Member, what: &str, scan: &Value) -> Value {
    let query = format!("mutation($id: ID!) {{ {what}(scanId: $id) {SCAN} }}");
    member.gql_with(&query, json!({ "id": scan["id"] })).await["data"][what].clone()
}

async fn look(member: &Member, scan: &Value) -> Value {
    let query = "query($id: ID!) { exposureScan(id: $id) { state method files leftOut filesRead bytes bytesRead problem finishedAt
        revision { id number method state intact createdById counts { persons confirmed excluded } } } }";
    let answer = member.gql_with(query, json!({ "id": scan["id"] })).await;
    answer["data"]["exposureScan"].clone()
}

/// An installation that may scan `edge` and `origin`.
async fn scene() -> (TestApp, tempfile::TempDir) {
    let logs = tempfile::tempdir().expect("a folder");
    for name in ["edge", "origin"] {
        std::fs::create_dir(logs.path().join(name)).expect("a folder");
    }
    let place = |name: &str| logs.path().join(name).display().to_string();
    let sources = format!("exposure.log_sources=edge={}, origin={}", place("edge"), place("origin"));
    (TestApp::with(&[&sources]).await, logs)
}

fn lay_out(logs: &std::path::Path) -> exposure::simulate::Day {
    let day = founding_day(DEFAULT_SEED);
    write_day(&day, logs);
    day
}

fn question(incident: &str) -> Value {
    json!({
        "incidentId": incident, "reason": "who saw whose page", "sources": ["edge", "origin"],
        "from": "2023-10-26T11:00:00+09:00", "to": "2023-10-26T15:41:00+09:00",
        "personalRoutes": ["/mypage/**", "/admin/**"], "sessionCookie": "session",
        "cache": { "timeToLiveSeconds": 1, "tiers": 1 },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_becomes_the_next_list_of_its_incident() {
    let (app, logs) = scene().await;
    let day = lay_out(logs.path());
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    apply_system(&app).await;
    let incident = open(&officer).await;
    let sources = officer.gql("{ logSources }").await;
    assert_eq!(sources["data"]["logSources"], json!(["edge", "origin"]));

    // Routes and cookie are the manifest's.
    let mut asked = question(&incident);
    asked.as_object_mut().unwrap().retain(|key, _| key != "personalRoutes" && key != "sessionCookie");
    let scan = start(&officer, asked.clone()).await;
    assert_eq!((&scan["state"], &scan["method"]), (&json!("QUEUED"), &json!("RECONSTRUCTION")), "{scan}");
    // Asked again while it is open it is the same; the window alone is another question.
    assert_eq!(start(&officer, asked.clone()).await["id"], scan["id"]);
    let mut window = asked.clone();
    window["cache"] = Value::Null;
    let other = start(&officer, window).await;
    assert_ne!(other["id"], scan["id"]);
    let worked = app.run_jobs().await;
    assert_eq!(worked.failed + worked.deferred, 0);

    let done = look(&officer, &scan).await;
    assert_eq!(done["state"], "DONE", "{done}");
    assert_eq!(done["files"], done["filesRead"]);
    assert_eq!(done["bytes"], done["bytesRead"]);
    let list = &done["revision"];
    assert_eq!(list["method"], "RECONSTRUCTION");
    assert_eq!(list["intact"], true);
    assert_eq!(list["counts"]["confirmed"], day.truth().exposed.len());
    let window = look(&officer, &other).await;
    assert_eq!(window["revision"]["method"], "WINDOW");
    assert_eq!(
        window["revision"]["counts"]["persons"].as_u64().unwrap(),
        list["counts"]["persons"].as_u64().unwrap() + list["counts"]["excluded"].as_u64().unwrap()
    );
    // The officer who asked is the author: nobody approves their own list.
    let approve = "mutation($id: ID!) { approveRevision(revisionId: $id) { ... on Problem { code } } }";
    let own = officer.gql_with(approve, json!({ "id": list["id"] })).await;
    assert_eq!(own["data"]["approveRevision"]["code"], "FORBIDDEN", "{own}");
    let query = "query($id: ID!) { incident(id: $id) { scans { id state sources parameters cache { tiers } } revisions { number } } }";
    let incident = officer.gql_with(query, json!({ "id": incident })).await;
    let scans = incident["data"]["incident"]["scans"].as_array().unwrap();
    assert_eq!(scans.iter().map(|scan| &scan["id"]).collect::<Vec<_>>(), [&other["id"], &scan["id"]]);
    assert_eq!(scans[1]["parameters"]["session_cookie"], "session");
    assert_eq!(left_over(&app).await, 0);
}

/// One step of the scan that is due; what follows is due a second later.
async fn one_step(app: &TestApp) {
    fn step(running: &Running) -> BoxFuture<'_, suimon::error::Result<Outcome>> {
        async {
            (HANDLER.step)(running).await?;
            Ok(Outcome::Later(SignedDuration::from_secs(1)))
        }
        .boxed()
    }
    let worker = Worker::new(app.app.clone(), vec![Handler { step, ..HANDLER }]);
    assert_eq!(worker.run_due().await.expect("the jobs run").steps, 1);
    app.clock.advance(1);
}

/// Rows of scans.
async fn left_over(app: &TestApp) -> u64 {
    use sea_orm::{ConnectionTrait, Database, Statement};
    let database = Database::connect(app.owner_url()).await.expect("a connection");
    let mut sum = 0;
    for table in ["scan_file", "scan_part"] {
        let count = format!("SELECT count(*) AS n FROM {table}");
        let row =
            database.query_one_raw(Statement::from_string(database.get_database_backend(), count)).await;
        sum += row.expect("an answer").expect("a row").try_get::<i64>("", "n").expect("a number") as u64;
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_fails_goes_on_where_it_stood_and_one_that_is_ended_leaves_nothing() {
    let (app, logs) = scene().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    // Nothing there yet: the job says so, and goes on when there is.
    let scan = start(&officer, question(&incident)).await;
    assert_eq!(app.run_jobs().await.failed, 1);
    let failed = look(&officer, &scan).await;
    insta::assert_snapshot!(text(&failed["problem"]), @"there is no log in edge, origin; put the logs there, then let the scan go on");
    lay_out(logs.path());
    // More than one turn: some hundred logs that say nothing.
    for number in 0..300 {
        let mut file = std::fs::File::create(logs.path().join(format!("edge/{number:03}.log"))).unwrap();
        writeln!(file, "#Version: 1.0\n#Fields: date time cs-uri-stem sc-status").unwrap();
    }
    let missing = logs.path().join("origin/login.jsonl");
    let logins = std::fs::read_dir(logs.path().join("origin")).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(&logins, &missing).unwrap();
    assert_eq!(change(&officer, "retryScan", &scan).await["state"], "QUEUED");
    // It is listed, and gone when its turn comes.
    one_step(&app).await;
    std::fs::rename(&missing, logs.path().join("kept")).unwrap();
    assert_eq!(app.run_jobs().await.failed, 1);
    let failed = look(&officer, &scan).await;
    insta::assert_snapshot!(text(&failed["problem"]), @"cannot read origin/login.jsonl: No such file or directory (os error 2); give the service access to it, then let the scan go on");
    assert!(failed["filesRead"].as_u64().unwrap() >= 256, "{failed}");
    assert!(failed["bytesRead"].as_u64().unwrap() < failed["bytes"].as_u64().unwrap());
    assert!(left_over(&app).await > 300);
    // What was read is not read again: it may even be gone.
    std::fs::remove_file(logs.path().join("edge/000.log")).unwrap();
    std::fs::rename(logs.path().join("kept"), &missing).unwrap();
    assert_eq!(change(&officer, "retryScan", &scan).await["state"], "QUEUED");
    assert_eq!(app.run_jobs().await.failed, 0);
    let done = look(&officer, &scan).await;
    assert_eq!(done["state"], "DONE", "{done}");
    assert_eq!(done["revision"]["counts"]["confirmed"], founding_day(DEFAULT_SEED).truth().exposed.len());

    let again = start(&officer, question(&incident)).await;
    assert_ne!(again["id"], scan["id"]);
    one_step(&app).await;
    assert!(left_over(&app).await > 300);
    assert_eq!(change(&officer, "cancelScan", &again).await["state"], "CANCELLED");
    assert_eq!(left_over(&app).await, 0);
    let over = [
        change(&officer, "cancelScan", &again).await,
        change(&officer, "retryScan", &again).await,
        change(&officer, "cancelScan", &scan).await,
    ];
    insta::assert_snapshot!(over.iter().map(|one| one["message"].to_string()).collect::<Vec<_>>().join("\n"), @r#"
    "the scan is cancelled"
    "the job is cancelled"
    "the scan is done"
    "#);
    assert_eq!(app.run_jobs().await.failed, 0);
    assert_eq!(look(&officer, &again).await["revision"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_told_before_anything_begins() {
    let (app, _logs) = scene().await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let auditor = app.operator_member(Role::Auditor).await;
    let school = app.tenant("school-001").await;
    let admin = app.member(&school, Role::TenantAdmin).await;
    let incident = open(&officer).await;
    let ask = async |who: &Member, changes: Value| {
        let mut input = question(&incident);
        for (field, value) in changes.as_object().unwrap() {
            input[field] = value.clone();
        }
        start(who, input).await.to_string()
    };
    let answers = [
        ask(&officer, json!({ "sources": [] })).await,
        ask(&officer, json!({ "sources": ["/etc"] })).await,
        ask(&officer, json!({ "sources": ["edge", "../edge"] })).await,
        ask(&officer, json!({ "personalRoutes": null })).await,
        ask(&officer, json!({ "personalRoutes": [] })).await,
        ask(&officer, json!({ "personalRoutes": ["mypage"] })).await,
        ask(&officer, json!({ "to": null })).await,
        ask(&officer, json!({ "to": "2023-10-26T10:00:00+09:00" })).await,
        ask(&officer, json!({ "cache": { "tiers": 9 } })).await,
        ask(&officer, json!({ "reason": " " })).await,
        ask(&auditor, json!({})).await,
        ask(&admin, json!({})).await,
    ];
    insta::assert_snapshot!("refusals", answers.join("\n"));
    let plain = TestApp::new().await;
    let officer = plain.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    insta::assert_snapshot!("no_sources", start(&officer, question(&incident)).await.to_string());
}

/// Logs of a content delivery network lie in a store, and not on the disk of this service.
#[tokio::test(flavor = "multi_thread")]
async fn logs_in_a_store_are_scanned_as_those_on_the_disk() {
    let store = stored().await;
    let sources = "exposure.log_sources=edge=s3://logs/edge/, origin=s3://logs/origin/all.jsonl";
    // The program has the machine's clock, by which everybody's tokens are long past.
    let nothing_goes = "retention.every_hours=0";
    let app = TestApp::with(&[sources, nothing_goes]).await;
    let officer = app.operator_member(Role::ComplianceOfficer).await;
    let incident = open(&officer).await;
    let mut asked = question(&incident);
    asked["from"] = json!("2023-10-26T02:00:00Z");
    asked["to"] = json!("2023-10-26T02:59:00Z");
    asked["personalRoutes"] = json!(["/mypage/**"]);
    asked["cache"]["history"] =
        json!([{ "at": "2023-10-26T02:50:00Z", "spreadsSeconds": 60, "keeps": false, "purged": true }]);
    let scan = start(&officer, asked).await;
    let address = store.server.address();
    let work = |secret: &str| {
        on_with(
            &app,
            &keys(&store, &address, secret),
            &["--set", sources, "--set", nothing_goes, "jobs", "run"],
        )
    };
    let refused = work("not-the-secret");
    assert_eq!(refused.code, 3, "{}{}", refused.stdout, refused.stderr);
    let failed = look(&officer, &scan).await;
    assert!(failed["problem"].is_string(), "{failed} {}{}", refused.stdout, refused.stderr);
    insta::assert_snapshot!(text(&failed["problem"]), @"cannot read edge: the store refuses it (403): look at the credentials and what they may do; give the service access to it, then let the scan go on");

    assert_eq!(change(&officer, "retryScan", &scan).await["state"], "QUEUED");
    let worked = work(&store.secret_access_key);
    assert_eq!(worked.code, 0, "{}{}", worked.stdout, worked.stderr);
    let done = look(&officer, &scan).await;
    assert_eq!(
        (&done["state"], &done["files"], &done["filesRead"]),
        (&json!("DONE"), &json!(4), &json!(4)),
        "{done}"
    );
    assert_eq!(done["bytes"], done["bytesRead"]);
    assert_eq!(done["leftOut"], 1, "edge/about.json");
    assert_eq!(done["revision"]["counts"]["confirmed"], 1);
    let query = "query($id: ID!) { node(id: $id) { ... on Revision { inputs { name format bytes lines used oversized lost }
        reconstruction { premises cache { history { at spreadsSeconds keeps purged timeToLiveSeconds } } } } } }";
    let list = officer.gql_with(query, json!({ "id": done["revision"]["id"] })).await;
    insta::assert_json_snapshot!(list["data"]["node"]);
}
