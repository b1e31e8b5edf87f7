//! Reminders of duties: mails at their times, never twice, and posts to the operator's address.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
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
    let bare = told(&["duties.webhook_url=https://hooks.example", "duties.webhook_secret=short"]);
    assert!(
        bare.contains("duties.webhook_secret: wants at least 16 characters") && !bare.contains("short"),
        "{bare}"
    );
}
