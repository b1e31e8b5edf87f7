//! Reminders of duties: mails at their times, never twice, and posts to the operator's address.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use entity::audit_entry;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ColumnTrait, Database, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use sha2::Sha256;
use suimon::config::{Sources, load};

use crate::duties_scene::Scene;

const SECRET: &str = "a secret of the test's receiver";

/// What came, and what is answered next.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

impl Receiver {
    async fn listen(&self) -> String {
        let this = self.clone();
        let hook = move |headers: HeaderMap, body: String| {
            let this = this.clone();
            async move {
                let signature = headers.get("suimon-signature").and_then(|value| value.to_str().ok());
                this.came.lock().unwrap().push((signature.unwrap_or_default().to_owned(), body));
                let status = this.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT);
                (status, [("location", "/elsewhere")]).into_response()
            }
        };
        let router = Router::new().route("/hook", post(hook.clone())).route("/elsewhere", post(hook));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn answer_next(&self, status: StatusCode) {
        self.answers.lock().unwrap().push(status);
    }

    fn came(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.came.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_are_reminded_at_the_times_that_matter_and_never_twice() {
    let scene = Scene::new().await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.app.run_jobs().await;
    scene.officer_with_mail().await;
    let mut told = String::new();
    let mut seen = 0;
    for instant in [
        "2023-10-26T17:00",
        "2023-10-27T08:59",
        "2023-10-27T09:05",
        "2023-10-27T09:15",
        "2023-10-29T12:00",
        "2023-10-30T09:01",
        "2023-10-31T10:00",
        "2023-10-31T18:00",
        "2023-11-01T09:00",
        "settle",
        "2023-11-02T09:00",
        "2023-11-17T09:00",
        "2023-11-21T09:00",
    ] {
        if instant == "settle" {
            let officer = scene.app.renewed(&scene.officer).await;
            let query = "query($id: ID!) { duties(incidentId: $id) { id kind } }";
            let answer = officer.gql_with(query, json!({ "id": scene.id })).await;
            let duties = answer["data"]["duties"].as_array().unwrap().clone();
            let duty = &duties.iter().find(|duty| duty["kind"] == "regulator.preliminary").unwrap()["id"];
            let settle =
                "mutation($duty: ID!) { settleDuty(dutyId: $duty, state: DONE, receipt: \"PPC 2023-1\",
                lateReason: \"asked back first\") { __typename } }";
            let answer = officer.gql_with(settle, json!({ "duty": duty })).await;
            assert_eq!(answer["data"]["settleDuty"]["__typename"], "Duty", "{answer}");
            continue;
        }
        scene.at(instant);
        scene.app.run_jobs().await;
        scene.app.run_jobs().await;
        let mails = scene.mails().await;
        writeln!(told, "{instant}: {} mails", mails.len() - seen).unwrap();
        for (subject, body) in &mails[seen..] {
            let lines = body.lines().filter(|line| line.starts_with('['));
            writeln!(told, "  {subject}").unwrap();
            lines.for_each(|line| writeln!(told, "    {line}").unwrap());
        }
        seen = mails.len();
    }
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_are_posted_signed_and_tried_again() {
    let receiver = Receiver::default();
    let url = receiver.listen().await;
    let scene =
        Scene::with(&[&format!("duties.webhook_url={url}"), &format!("duties.webhook_secret={SECRET}")])
            .await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.app.run_jobs().await;
    // The first assessment says that there are duties.
    let came = receiver.came();
    assert_eq!(came.len(), 1, "{came:?}");
    let body: Value = serde_json::from_str(&came[0].1).unwrap();
    assert_eq!((&body["type"], &body["incident"]), (&json!("assessment.stricter"), &json!(1)));

    receiver.answer_next(StatusCode::INTERNAL_SERVER_ERROR);
    scene.at("2023-10-27T09:05");
    scene.app.run_jobs().await;
    let first = receiver.came();
    assert_eq!(first.len(), 1, "{first:?}");
    scene.app.clock.advance(30);
    scene.app.run_jobs().await;
    let again = receiver.came();
    assert_eq!(again.len(), 1, "tried again: {again:?}");
    let (signature, body) = &again[0];
    assert_eq!(&first[0].1, body, "the same body");
    let (at, code) = signature.split_once(",v1=").expect("a signature");
    let at = at.strip_prefix("t=").expect("an instant");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    assert_eq!(code, hex::encode(mac.finalize().into_bytes()));
    let mut shown: Value = serde_json::from_str(body).unwrap();
    shown["id"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    scene.app.clock.advance(600);
    scene.app.run_jobs().await;
    assert_eq!(receiver.came(), [], "never twice");

    // Redirects are not followed, and somebody has to look.
    receiver.answer_next(StatusCode::TEMPORARY_REDIRECT);
    scene.at("2023-10-29T09:05");
    let worked = scene.app.run_jobs().await;
    assert_eq!((receiver.came().len(), worked.failed), (1, 1));
}

/// A service that posts to a receiver, where the first report of the founding incident is due in three days.
async fn posting(receiver: &Receiver) -> Scene {
    let url = receiver.listen().await;
    let url = format!("duties.webhook_url={url}");
    let scene = Scene::with(&[&url, &format!("duties.webhook_secret={SECRET}")]).await;
    scene.officer_facts().await;
    scene.list(1001, 0, 0).await;
    scene.app.run_jobs().await;
    assert_eq!(receiver.came().len(), 1, "the first assessment");
    scene
}

/// What the audit log says of posts, the oldest first.
async fn posted(scene: &Scene) -> Vec<String> {
    let database = Database::connect(scene.app.owner_url()).await.expect("the database");
    let entries = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("duty.webhook"))
        .order_by_asc(audit_entry::Column::Seq);
    let entries = entries.all(&database).await.expect("entries");
    entries.into_iter().map(|entry| entry.detail).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_is_tried_later_and_later_and_told_once() {
    let receiver = Receiver::default();
    let scene = posting(&receiver).await;
    receiver.answer_next(StatusCode::INTERNAL_SERVER_ERROR);
    receiver.answer_next(StatusCode::INTERNAL_SERVER_ERROR);
    scene.at("2023-10-27T09:05");
    let mut tried = Vec::new();
    for after in (0..=120).step_by(5) {
        scene.app.run_jobs().await;
        tried.extend(receiver.came().iter().map(|_| after));
        scene.app.clock.advance(5);
    }
    assert_eq!(tried, [0, 10, 30], "after ten seconds, then after twenty");
    scene.app.clock.advance(7200);
    scene.app.run_jobs().await;
    assert_eq!(receiver.came(), [], "what was taken is not posted again");
    let statuses = [204, 500, 500, 204].map(|status| format!("{{\"status\":{status}}}"));
    assert_eq!(posted(&scene).await, statuses, "each try is recorded, a success once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_goes_on_failing_wants_a_person() {
    let receiver = Receiver::default();
    let scene = posting(&receiver).await;
    (0..12).for_each(|_| receiver.answer_next(StatusCode::SERVICE_UNAVAILABLE));
    scene.at("2023-10-27T09:05");
    let mut worked = scene.app.run_jobs().await;
    let mut came = receiver.came();
    for pause in [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
        assert_eq!(worked.failed, 0);
        scene.app.clock.advance(pause - 1);
        scene.app.run_jobs().await;
        assert_eq!(receiver.came(), [], "not before {pause} s");
        scene.app.clock.advance(1);
        worked = scene.app.run_jobs().await;
        came.extend(receiver.came());
    }
    assert_eq!((came.len(), worked.failed), (12, 1), "the twelfth try is the last one");
    let id = |body: &str| serde_json::from_str::<Value>(body).unwrap()["id"].clone();
    assert!(came.iter().all(|(_, body)| id(body) == id(&came[0].1)), "of one post");
    scene.app.clock.advance(7200);
    scene.app.run_jobs().await;
    assert_eq!(receiver.came(), [], "until a person says so");
    let query = "query($tenant: ID!) { jobs(tenantId: $tenant) { nodes { id kind state } } }";
    let operator = scene.app.operator().await;
    let answer = scene.app.admin().gql_with(query, json!({ "tenant": operator.id })).await;
    let jobs = answer["data"]["jobs"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let failed: Vec<&Value> = jobs.iter().filter(|job| job["state"] == "FAILED").collect();
    assert_eq!((failed.len(), &failed[0]["kind"]), (1, &json!("duties.webhook")), "{answer}");
    let retry = "mutation($id: ID!) { retryJob(jobId: $id) { __typename ... on Problem { message } } }";
    let answer = scene.app.admin().gql_with(retry, json!({ "id": failed[0]["id"] })).await;
    assert_eq!(answer["data"]["retryJob"]["__typename"], "Job", "{answer}");
    scene.app.run_jobs().await;
    let again = receiver.came();
    assert_eq!((again.len(), id(&again[0].1)), (1, id(&came[0].1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_seventy_two_hours_officers_hear_at_hours_and_once_each() {
    let scene = Scene::new().await;
    scene.gdpr_facts().await;
    scene.app.run_jobs().await;
    scene.officer_with_mail().await;
    let (mut told, mut seen) = (Vec::new(), 0);
    // It ends on 29 October at 13:15.
    for instant in [
        "2023-10-26T17:00",
        "2023-10-28T13:09",
        "2023-10-28T13:15",
        "2023-10-28T13:21",
        "2023-10-29T07:09",
        "2023-10-29T07:15",
        "2023-10-29T07:21",
        "2023-10-29T12:09",
        "2023-10-29T12:15",
        "2023-10-29T12:21",
        "2023-10-29T13:09",
        "2023-10-29T13:16",
        "2023-10-29T13:22",
        "2023-10-30T13:09",
        "2023-10-30T13:16",
    ] {
        scene.at(instant);
        scene.app.run_jobs().await;
        scene.app.run_jobs().await;
        let mails = scene.mails().await;
        for (subject, body) in &mails[seen..] {
            let marks = body.lines().filter_map(|line| line.strip_prefix('[')?.split_once(']'));
            let marks: Vec<&str> = marks.map(|(mark, _)| mark).collect();
            told.push(format!(
                "{} {} | {}",
                &instant[5..],
                marks.join(", "),
                subject.replace("[Suimon] ", "")
            ));
        }
        seen = mails.len();
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    10-28T13:15 残り24時間, 24 h left | 期限のお知らせ / Deadlines: incident #1
    10-29T07:15 残り6時間, 6 h left | 期限のお知らせ / Deadlines: incident #1
    10-29T12:15 残り1時間, 1 h left | 期限のお知らせ / Deadlines: incident #1
    10-29T13:16 期限超過, OVERDUE | 期限超過 / OVERDUE: incident #1
    10-30T13:16 期限超過, OVERDUE | 期限超過 / OVERDUE: incident #1
    ");
}

#[test]
fn an_address_in_clear_or_without_a_secret_is_refused() {
    let told = |flags: &[&str]| {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        load(&Sources { flags, ..Default::default() }).map(|_| ()).unwrap_err().to_string()
    };
    let clear =
        told(&["duties.webhook_url=http://hooks.example/x", "duties.webhook_secret=0123456789abcdef"]);
    assert!(clear.contains("duties.webhook_url: wants an address that begins with https://"), "{clear}");
    let user =
        told(&["duties.webhook_url=https://a:b@hooks.example", "duties.webhook_secret=0123456789abcdef"]);
    assert!(user.contains("duties.webhook_url") && !user.contains("a:b"), "{user}");
    let slow = told(&[
        "duties.webhook_url=https://hooks.example",
        "duties.webhook_secret=0123456789abcdef",
        "jobs.lease_seconds=10",
    ]);
    assert!(slow.contains("jobs.lease_seconds: wants more than duties.webhook_timeout_seconds"), "{slow}");
    let bare = told(&["duties.webhook_url=https://hooks.example", "duties.webhook_secret=short"]);
    assert!(
        bare.contains("duties.webhook_secret: wants at least 16 characters") && !bare.contains("short"),
        "{bare}"
    );
}
