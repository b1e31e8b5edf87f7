//! Jobs: enqueued with the change that asks for them, done step by step, resumed after a crash, never twice.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::json;
use suimon::access::{Role, act_locally};
use suimon::audit::Event;
use suimon::error::{Error, Result};
use suimon::jobs::{self, Handler, JobState, NewJob, Outcome, Running, Worked, Worker};
use uuid::Uuid;

use crate::harness::{TestApp, text};
use crate::vault_support::program;

/// Counts to the payload's number, a transaction a step.
fn count(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let so_far: i64 = running.progress()?;
        let wanted = running.job().payload["to"].as_i64().expect("a number");
        let tx = running.scope().begin().await?;
        running.save(&tx, &(so_far + 1), so_far + 1, Some(wanted)).await?;
        tx.commit(Event::new("test.count", "job")).await?;
        Ok(if so_far + 1 == wanted { Outcome::Done } else { Outcome::Continue })
    }
    .boxed()
}

async fn enqueue(app: &TestApp, kind: &'static str, payload: serde_json::Value) -> Result<Uuid> {
    let op = act_locally(&app.app, "admin").await?;
    let scope = op.permit(suimon::access::Action::Create, "job").await?;
    let tx = scope.begin().await?;
    let id = jobs::enqueue(&tx, NewJob { kind, key: "one".into(), payload, run_at: None }).await?;
    tx.commit(Event::new("test.ask", format!("job:{id}"))).await?;
    Ok(id)
}

async fn job(app: &TestApp, id: Uuid) -> jobs::Job {
    let op = act_locally(&app.app, "admin").await.unwrap();
    jobs::job(&op, app.app.root().unwrap(), id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_done_in_steps_and_shows_how_far_it_is() {
    let app = TestApp::new().await;
    let id = enqueue(&app, "test.count", json!({ "to": 3 })).await.unwrap();
    assert_eq!(enqueue(&app, "test.count", json!({ "to": 9 })).await.unwrap(), id, "one open job of a key");
    let worker = Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count)]);
    assert_eq!(worker.run_due().await.unwrap(), Worked { steps: 3, done: 1, failed: 0, deferred: 0 });
    let operator = app.operator().await;
    let answer = app
        .admin()
        .gql_with(
            "query($t: ID!) { jobs(tenantId: $t) { nodes { id kind key state done total problem } } }",
            json!({ "t": operator.id }),
        )
        .await;
    let shown = &answer["data"]["jobs"]["nodes"][0];
    assert_eq!(
        (&shown["kind"], &shown["state"], &shown["done"], &shown["total"]),
        (&json!("test.count"), &json!("DONE"), &json!(3), &json!(3)),
        "{answer}"
    );
    // It is over: the same may be asked for again.
    assert_ne!(enqueue(&app, "test.count", json!({ "to": 1 })).await.unwrap(), id);
    worker.run_due().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_enqueues_nothing() {
    let app = TestApp::new().await;
    let op = act_locally(&app.app, "admin").await.unwrap();
    let scope = op.permit(suimon::access::Action::Create, "job").await.unwrap();
    let tx = scope.begin().await.unwrap();
    let new = NewJob { kind: "test.count", key: "one".into(), payload: json!({ "to": 1 }), run_at: None };
    jobs::enqueue(&tx, new).await.unwrap();
    drop(tx);
    let worker = Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count)]);
    assert_eq!(worker.run_due().await.unwrap(), Worked::default());
}

/// A step whose worker "dies" after its piece is committed and before the job is given back.
fn count_and_die(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        count(running).await?;
        std::future::pending().await
    }
    .boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_another_worker_goes_on_where_the_first_stood() {
    let app = TestApp::new().await;
    let id = enqueue(&app, "test.count", json!({ "to": 3 })).await.unwrap();
    let dying = Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count_and_die)]);
    let crash = tokio::time::timeout(std::time::Duration::from_secs(3), dying.run_due()).await;
    assert!(crash.is_err(), "the worker hangs in its step until it is dropped");
    assert_eq!(job(&app, id).await.done, 1);
    let other = Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count)]);
    assert_eq!(other.run_due().await.unwrap(), Worked::default(), "the lease of the first still holds");
    app.clock.advance(121);
    assert_eq!(other.run_due().await.unwrap().steps, 2, "only what was left");
    assert_eq!(job(&app, id).await.state, JobState::Done);
}

/// Saves after its lease was lost: the piece must not count.
static LOST: AtomicI64 = AtomicI64::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_cannot_commit_its_piece() {
    fn slow(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
        async move {
            // Meanwhile another worker takes the job over and does it.
            let other =
                Worker::new(running.scope().op().app().clone(), vec![Handler::on_demand("test.slow", count)]);
            LOST.store(1, Ordering::SeqCst);
            while LOST.load(Ordering::SeqCst) == 1 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            other.run_due().await?;
            let refused = count(running).await.expect_err("the lease was lost");
            assert!(refused.problem().is_some(), "{refused}");
            Err(refused)
        }
        .boxed()
    }
    let app = TestApp::new().await;
    let id = enqueue(&app, "test.slow", json!({ "to": 2 })).await.unwrap();
    let first = Worker::new(app.app.clone(), vec![Handler::on_demand("test.slow", slow)]);
    let running = tokio::spawn(async move { first.run_due().await });
    while LOST.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    app.clock.advance(121);
    LOST.store(2, Ordering::SeqCst);
    running.await.unwrap().unwrap();
    let job = job(&app, id).await;
    assert_eq!((job.state, job.done), (JobState::Done, 2), "the other worker's word stands: {job:?}");
}

static FAILURES: AtomicU64 = AtomicU64::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_failures_are_tried_again_and_expected_ones_are_final() {
    fn moody(_: &Running) -> BoxFuture<'_, Result<Outcome>> {
        async move {
            match FAILURES.fetch_add(1, Ordering::SeqCst) {
                0 => Err(anyhow::anyhow!("the disk is on fire").into()),
                1 => panic!("a step may panic"),
                2 => Ok(Outcome::Later(SignedDuration::from_secs(60))),
                _ => Err(Error::conflict("the tenant is gone")),
            }
        }
        .boxed()
    }
    let app = TestApp::new().await;
    let id = enqueue(&app, "test.moody", json!({})).await.unwrap();
    let worker = Worker::new(app.app.clone(), vec![Handler::on_demand("test.moody", moody)]);
    assert_eq!(worker.run_due().await.unwrap().deferred, 1);
    let waiting = job(&app, id).await;
    // The text of the failure stays in the service's log.
    assert_eq!(waiting.problem.as_deref(), Some("an unexpected failure; the service's log says more"));
    assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 1));
    app.clock.advance(10);
    assert_eq!(worker.run_due().await.unwrap().deferred, 1);
    app.clock.advance(19);
    assert_eq!(worker.run_due().await.unwrap(), Worked::default(), "the wait has doubled");
    app.clock.advance(1);
    assert_eq!(worker.run_due().await.unwrap(), Worked { steps: 1, ..Worked::default() });
    app.clock.advance(60);
    assert_eq!(worker.run_due().await.unwrap().failed, 1);
    let failed = job(&app, id).await;
    assert_eq!((failed.state, failed.problem.as_deref()), (JobState::Failed, Some("the tenant is gone")));
    // A person may let it go on.
    let jobs = app
        .admin()
        .gql_with(
            "query($t: ID!) { jobs(tenantId: $t) { nodes { id } } }",
            json!({ "t": app.operator().await.id }),
        )
        .await;
    let id = text(&jobs["data"]["jobs"]["nodes"][0]["id"]);
    let retry = "mutation($id: ID!) { retryJob(jobId: $id) { ... on Job { state attempts } ... on Problem { message } } }";
    let answer = app.admin().gql_with(retry, json!({ "id": id })).await;
    assert_eq!(answer["data"]["retryJob"], json!({ "state": "QUEUED", "attempts": 0 }), "{answer}");
    let cancel =
        "mutation($id: ID!) { cancelJob(jobId: $id) { ... on Job { state } ... on Problem { message } } }";
    let answer = app.admin().gql_with(cancel, json!({ "id": id })).await;
    assert_eq!(answer["data"]["cancelJob"], json!({ "state": "CANCELLED" }), "{answer}");
    let answer = app.admin().gql_with(cancel, json!({ "id": id })).await;
    assert_eq!(answer["data"]["cancelJob"], json!({ "message": "the job is cancelled" }), "{answer}");
}

static RUNS: AtomicU64 = AtomicU64::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_runs_once_in_its_interval_whatever_the_number_of_nodes() {
    fn tick(_: &Running) -> BoxFuture<'_, Result<Outcome>> {
        async move {
            RUNS.fetch_add(1, Ordering::SeqCst);
            Ok(Outcome::Done)
        }
        .boxed()
    }
    let app = TestApp::new().await;
    let handler = Handler { kind: "test.tick", every: |_| Some(SignedDuration::from_hours(1)), step: tick };
    let nodes = [Worker::new(app.app.clone(), vec![handler]), Worker::new(app.app.clone(), vec![handler])];
    for hour in 1..=3 {
        let (one, two) = tokio::join!(nodes[0].run_due(), nodes[1].run_due());
        one.and(two).unwrap();
        assert_eq!(RUNS.load(Ordering::SeqCst), hour, "once an hour");
        app.clock.advance(3600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_others_are_not_seen() {
    let app = TestApp::new().await;
    enqueue(&app, "test.count", json!({ "to": 1 })).await.unwrap();
    let school = app.tenant("school-001").await;
    let (admin, staff) =
        (app.member(&school, Role::TenantAdmin).await, app.member(&school, Role::TenantStaff).await);
    let ask = "query($t: ID!) { jobs(tenantId: $t) { nodes { id } } }";
    let operator = app.operator().await;
    let foreign = admin.gql_with(ask, json!({ "t": operator.id })).await;
    assert_eq!(foreign["errors"][0]["extensions"]["code"], "NOT_FOUND", "{foreign}");
    let own = admin.gql_with(ask, json!({ "t": school.id })).await;
    assert_eq!(own["data"]["jobs"]["nodes"], json!([]), "{own}");
    let refused = staff.gql_with(ask, json!({ "t": school.id })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count)]).run_due().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_runs_and_cancels() {
    let app = TestApp::new().await;
    let id = enqueue(&app, "test.count", json!({ "to": 1 })).await.unwrap();
    let run = |arguments: &[&str]| {
        let output = program(&app, arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    // Work that this program does not know is left for one that does.
    app.run_jobs().await;
    let (code, text) = run(&["jobs", "run"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&["jobs", "list", "--format", "json"]);
    assert_eq!(code, Some(0), "{text}");
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let listed = listed.as_array().unwrap().iter().find(|job| job["id"] == id.to_string()).expect("the job");
    assert_eq!(listed["state"], "queued", "{listed}");
    let (code, text) = run(&["jobs", "cancel", &id.to_string()]);
    assert!(code == Some(0) && text.contains("cancelled"), "{text}");
    assert_eq!(run(&["jobs", "retry", &id.to_string()]).0, Some(2), "only a failed job is retried");
}
