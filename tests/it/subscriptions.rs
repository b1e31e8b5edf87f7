//! Subscriptions: each event is decided on anew, and a stream ends with the right to watch.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use suimon::access::{Action, Role, act_locally};
use suimon::audit::Event;
use suimon::error::Result;
use suimon::jobs::{self, Handler, NewJob, Outcome, Running, Worker};

use crate::browser::Browser;
use crate::event_stream::{Answered, EventStream};
use crate::harness::{Member, TestApp, text};

const PROGRESS: &str = "subscription($id: ID!) { jobProgress(jobId: $id) { kind state done total } }";

/// Two pieces, the second one later.
fn count(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let so_far: i64 = running.progress()?;
        let tx = running.scope().begin().await?;
        running.save(&tx, &(so_far + 1), so_far + 1, Some(2)).await?;
        tx.commit(Event::new("test.count", "job")).await?;
        Ok(if so_far == 1 { Outcome::Done } else { Outcome::Later(jiff::SignedDuration::from_secs(60)) })
    }
    .boxed()
}

fn worker(app: &TestApp) -> Worker {
    Worker::new(app.app.clone(), vec![Handler::on_demand("test.count", count)])
}

/// A job of the operator, by its global id.
async fn enqueue(app: &TestApp) -> String {
    let op = act_locally(&app.app, "admin").await.unwrap();
    let scope = op.permit(Action::Create, "job").await.unwrap();
    let tx = scope.begin().await.unwrap();
    let job = NewJob { kind: "test.count", key: "one".into(), payload: json!({}), run_at: None };
    let id = jobs::enqueue(&tx, job).await.unwrap();
    tx.commit(Event::new("test.ask", format!("job:{id}"))).await.unwrap();
    let operator = app.operator().await;
    let list = "query($t: ID!) { jobs(tenantId: $t) { nodes { id kind } } }";
    let jobs = app.admin().gql_with(list, json!({ "t": operator.id })).await;
    let jobs = jobs["data"]["jobs"]["nodes"].as_array().unwrap().clone();
    text(&jobs.iter().find(|job| job["kind"] == "test.count").unwrap()["id"])
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

fn shown(state: &str, done: i64, total: Value) -> Value {
    json!({ "data": { "jobProgress": { "kind": "test.count", "state": state, "done": done, "total": total } } })
}

/// Reads up to `last`. Whoever looks just then is told of the job while it runs, before and after its piece is saved.
async fn told_until(stream: &mut EventStream, last: &Value) {
    loop {
        let answer = stream.answer().await;
        if answer == *last {
            return;
        }
        let (now, then) = (&answer["data"]["jobProgress"], &last["data"]["jobProgress"]);
        assert_eq!(now["state"], "RUNNING", "{answer}");
        assert!(now["done"] == then["done"] || now["done"].as_i64().unwrap() + 1 == then["done"], "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_watched_until_it_is_over() {
    let app = TestApp::new().await;
    let id = enqueue(&app).await;
    let mut stream = app.admin().watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await, shown("QUEUED", 0, Value::Null));
    worker(&app).run_due().await.unwrap();
    told_until(&mut stream, &shown("QUEUED", 1, json!(2))).await;
    app.clock.advance(61);
    worker(&app).run_due().await.unwrap();
    told_until(&mut stream, &shown("DONE", 2, json!(2))).await;
    assert_eq!(stream.next().await, Some(("complete".to_owned(), Value::Null)));
    assert_eq!(stream.next().await, None);
    // Who comes when all is over is told so at once.
    let mut late = app.admin().watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(late.answer().await, shown("DONE", 2, json!(2)));
    assert_eq!(late.next().await.unwrap().0, "complete");
}

/// After the first event `revoke` takes the right away: nothing more is told but why.
async fn ends(app: &TestApp, stream: &mut EventStream, expected: &str) {
    // Something new to tell, which must not be told any more.
    worker(app).run_due().await.unwrap();
    let answer = stream.answer().await;
    assert_eq!(code(&answer), expected, "{answer}");
    assert!(answer["data"].is_null(), "{answer}");
    assert_eq!(stream.next().await.unwrap().0, "complete");
    assert_eq!(stream.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_role_a_session_or_a_token_sees_no_further_event() {
    let app = TestApp::new().await;
    let id = enqueue(&app).await;
    let officer = app.operator_member(Role::OperatorAdmin).await;
    let mut stream = officer.watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await["data"]["jobProgress"]["done"], 0);
    let admin = app.admin();
    let changed = admin.gql_with(
        "mutation($id: ID!) { setAccountRoles(accountId: $id, roles: [CALL_CENTRE]) { __typename } }",
        json!({ "id": officer.account }),
    );
    let changed = changed.await;
    assert_ne!(changed["data"]["setAccountRoles"]["__typename"], "Problem", "{changed}");
    let may = officer.gql_with("query($id: ID!) { job(jobId: $id) { id } }", json!({ "id": id })).await;
    let expected = code(&may).as_str().expect("a role that may not read jobs").to_owned();
    ends(&app, &mut stream, &expected).await;

    let app = TestApp::new().await;
    let id = enqueue(&app).await;
    let officer = app.operator_member(Role::OperatorAdmin).await;
    let mut browser = Browser::signed_in(&app, &officer.login).await;
    let mut stream = browser.watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await["data"]["jobProgress"]["done"], 0);
    browser.post("/auth/sign-out", json!({})).await;
    ends(&app, &mut stream, "UNAUTHENTICATED").await;

    let app = TestApp::new().await;
    let id = enqueue(&app).await;
    let officer = app.operator_member(Role::OperatorAdmin).await;
    let mut stream = officer.watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await["data"]["jobProgress"]["done"], 0);
    let admin = app.admin();
    let disabled = admin.gql_with(
        "mutation($id: ID!) { disableAccount(accountId: $id) { __typename } }",
        json!({ "id": officer.account }),
    );
    disabled.await;
    ends(&app, &mut stream, "UNAUTHENTICATED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_keeps_no_session_alive() {
    let app = TestApp::with(&["identity.session_idle_minutes=30"]).await;
    let id = enqueue(&app).await;
    let officer = app.operator_member(Role::OperatorAdmin).await;
    let browser = Browser::signed_in(&app, &officer.login).await;
    let mut stream = browser.watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await["data"]["jobProgress"]["done"], 0);
    // Asked many times meanwhile, by nobody's hand.
    for _ in 0..3 {
        app.clock.advance(11 * 60);
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    }
    let answer = stream.answer().await;
    assert_eq!(code(&answer), "UNAUTHENTICATED", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_tenants_watch_nothing() {
    let app = TestApp::new().await;
    let id = enqueue(&app).await;
    let school = app.tenant("school-001").await;
    let head = app.member(&school, Role::TenantAdmin).await;
    let mut stream = head.watch(PROGRESS, json!({ "id": id })).await;
    let answer = stream.answer().await;
    assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
    assert_eq!(stream.next().await.unwrap().0, "complete");
    let stranger = Member { token: "nobody's".into(), ..app.admin() };
    let Answered::Refused(status, _) = stranger.subscribe(PROGRESS, json!({ "id": id })).await else {
        panic!("a stranger watches")
    };
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_limits() {
    let app = TestApp::with(&["graphql.max_streams=2", "graphql.max_stream_seconds=6"]).await;
    let id = enqueue(&app).await;
    let admin = app.admin();
    let refusal = async |document: &str| match admin.subscribe(document, json!({ "id": id })).await {
        Answered::Refused(status, body) => (status, body["errors"][0].clone()),
        Answered::Stream(_) => panic!("{document} was let in"),
    };
    let mut refusals = Vec::new();
    for document in [
        "subscription($id: ID!) { one: jobProgress(jobId: $id) { done } two: jobProgress(jobId: $id) { done } }",
        "subscription($id: ID!) { ...F } fragment F on Subscription { jobProgress(jobId: $id) { done } }",
        "subscription { __typename }",
        "{ viewer { tenant { slug } } }",
        "mutation { signOutEverywhere }",
    ] {
        let (status, error) = refusal(document).await;
        refusals.push(format!("{status} {} {}", text(&error["extensions"]["code"]), text(&error["message"])));
    }
    // One that is let in and is wrong is told so by an event.
    let wrong = admin.first_event("subscription { jobProgress(jobId: 3, x: 1) { nothing } }").await;
    refusals.push(wrong["errors"][0].to_string());
    let mut first = admin.watch(PROGRESS, json!({ "id": id })).await;
    let second = admin.watch(PROGRESS, json!({ "id": id })).await;
    let (status, error) = refusal(PROGRESS).await;
    refusals.push(format!("{status} {} {}", text(&error["extensions"]["code"]), text(&error["message"])));
    insta::assert_snapshot!(refusals.join("\n"));
    // Somebody else is not held up, and a place is free when its stream ends.
    let officer = app.operator_member(Role::OperatorAdmin).await;
    assert_eq!(
        officer.watch(PROGRESS, json!({ "id": id })).await.answer().await["data"]["jobProgress"]["done"],
        0
    );
    assert_eq!(first.answer().await["data"]["jobProgress"]["done"], 0);
    assert_eq!(first.next().await, None, "after its time a stream ends, without saying that all was told");
    drop(second);
    let mut third = admin.watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(third.answer().await["data"]["jobProgress"]["done"], 0);
}

/// What an event holds is decided when it is made; what lay below it with a resolver of its own would be decided by nobody.
#[tokio::test(flavor = "multi_thread")]
async fn events_hold_plain_values_only() {
    let app = TestApp::new().await;
    let schema = app
        .admin()
        .gql(
            "{ __schema { subscriptionType { fields { name type { ofType { name
               fields { name args { name } type { kind ofType { kind } } } } } } } } }",
        )
        .await;
    let fields = schema["data"]["__schema"]["subscriptionType"]["fields"].as_array().unwrap().clone();
    assert!(!fields.is_empty());
    for field in fields {
        let event = &field["type"]["ofType"];
        for inner in event["fields"].as_array().unwrap_or_else(|| panic!("{field}")) {
            assert_eq!(inner["args"], json!([]), "{} takes arguments", inner["name"]);
            for kind in [&inner["type"]["kind"], &inner["type"]["ofType"]["kind"]] {
                let plain =
                    kind.is_null() || ["SCALAR", "ENUM", "NON_NULL"].contains(&kind.as_str().unwrap());
                assert!(plain, "{field}: {} is {kind}", inner["name"]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_do_not_hold_up_the_end_of_the_service() {
    let mut app = TestApp::new().await;
    let id = enqueue(&app).await;
    let mut stream = app.admin().watch(PROGRESS, json!({ "id": id })).await;
    assert_eq!(stream.answer().await["data"]["jobProgress"]["done"], 0);
    app.stop();
    let start = std::time::Instant::now();
    assert_eq!(stream.next().await, None);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "it waited for its longest time");
}
