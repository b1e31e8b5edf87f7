//! What guards looked at while they kept requirements becomes evidence: once an hour, by the version in force, and once more when it
//! is worse.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use suimon::access::Role;

use crate::harness::{Member, TestApp, text};
use crate::requirements::{CACHING, SYSTEM, apply, enforced, with};

const REPORT: &str = "mutation($input: GuardReportInput!) { reportGuard(input: $input) { __typename
    ... on GuardReport { recorded evidence } ... on Problem { code field message remedy } } }";
const STATUS: &str =
    "{ requirementStatuses(system: \"shop\", first: 10) { nodes { requirement { name } standing result
    evidence { collector result summary observedAt expiresAt fingerprint } } } }";

/// An id of the guard's own.
fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("018b6947-e000-7000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

struct Scene {
    app: TestApp,
    guard: Member,
    officer: Member,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let set = [("system.yaml", SYSTEM), ("cache.yaml", &*enforced())];
        apply(&app.admin(), &set, "first", false).await;
        let guard = app.operator_member(Role::Service).await;
        let officer = app.operator_member(Role::ComplianceOfficer).await;
        Self { app, guard, officer }
    }

    /// Of the requirement's version in force.
    async fn fingerprint(&self, name: &str) -> String {
        let query = "query($name: String!) { requirement(name: $name) { version { fingerprint } } }";
        let answer = self.officer.gql_with(query, json!({ "name": name })).await;
        text(&answer["data"]["requirement"]["version"]["fingerprint"])
    }

    /// 100 answers of the last half hour, of which some were corrected and some left wrong.
    async fn watched(&self, corrected: u32, uncorrected: u32) -> Value {
        let since = self.app.now() - jiff::SignedDuration::from_mins(30);
        json!({ "id": new_id(), "requirement": "NFR-CACHE", "fingerprint": self.fingerprint("NFR-CACHE").await,
                "mode": "ENFORCE", "since": since.to_string(), "until": self.app.now().to_string(),
                "judged": 100, "noted": 7, "corrected": corrected, "uncorrected": uncorrected })
    }

    async fn tells_as(&self, who: &Member, node: &str, watched: &[Value]) -> Value {
        let input = json!({ "system": "shop", "node": node, "version": "0.1.0",
                            "startedAt": self.app.now().to_string(), "watched": watched });
        let answer = who.gql_with(REPORT, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["reportGuard"].clone()
    }

    /// How much of it became evidence.
    async fn tells(&self, node: &str, watched: Value) -> i64 {
        let answer = self.tells_as(&self.guard, node, &[watched]).await;
        assert_eq!(
            (&answer["__typename"], &answer["recorded"]),
            (&json!("GuardReport"), &json!(0)),
            "{answer}"
        );
        answer["evidence"].as_i64().expect("a number")
    }

    async fn status(&self) -> Value {
        let answer = self.officer.gql(STATUS).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["requirementStatuses"]["nodes"][0].clone()
    }

    async fn stands(&self) -> (String, String) {
        let status = self.status().await;
        (text(&status["standing"]), status["result"].as_str().unwrap_or("-").to_owned())
    }
}

fn stands(standing: &str, result: &str) -> (String, String) {
    (standing.to_owned(), result.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_has_one_record_and_another_when_it_is_worse() {
    let scene = Scene::new().await;
    assert_eq!(scene.stands().await, stands("UNKNOWN", "-"));
    let first = scene.watched(0, 0).await;
    assert_eq!(scene.tells("edge-1", first.clone()).await, 1);
    // The answer was lost; and another report of the same hour, after a restart.
    assert_eq!(scene.tells("edge-1", first.clone()).await, 0);
    assert_eq!(scene.tells("edge-1", scene.watched(0, 0).await).await, 0);
    assert_eq!(scene.stands().await, stands("CURRENT", "PASS"));
    let seen = scene.status().await["evidence"][0].clone();
    insta::assert_snapshot!(format!(
        "{} {}\n{}",
        text(&seen["collector"]),
        text(&seen["result"]),
        text(&seen["summary"])
    ));
    let observed: jiff::Timestamp = text(&seen["observedAt"]).parse().unwrap();
    let expires: jiff::Timestamp = text(&seen["expiresAt"]).parse().unwrap();
    assert_eq!(expires.duration_since(observed), jiff::SignedDuration::from_hours(25));

    // The system breaks the rule, and the guard cures it; then wrong things leave.
    assert_eq!(scene.tells("edge-1", scene.watched(3, 0).await).await, 1);
    assert_eq!(scene.stands().await, stands("CURRENT", "WARN"));
    assert_eq!(scene.tells("edge-1", scene.watched(9, 1).await).await, 1);
    assert_eq!(scene.stands().await, stands("CURRENT", "FAIL"));
    for better in [first, scene.watched(0, 0).await, scene.watched(3, 0).await, scene.watched(0, 50).await] {
        assert_eq!(scene.tells("edge-1", better).await, 0);
    }
    // Another node speaks for itself, and the worst counts.
    assert_eq!(scene.tells("edge-2", scene.watched(0, 0).await).await, 1);
    assert_eq!(scene.stands().await, stands("CURRENT", "FAIL"));
    // The next hour.
    scene.app.clock.advance(3600);
    assert_eq!(scene.tells("edge-1", scene.watched(0, 0).await).await, 1);
    assert_eq!(scene.stands().await, stands("CURRENT", "PASS"));
    let list = "{ requirement(name: \"NFR-CACHE\") { evidence { nodes { collector result } } } }";
    let list = scene.officer.gql(list).await["data"]["requirement"]["evidence"]["nodes"].clone();
    assert_eq!(list.as_array().map(Vec::len), Some(5), "{list}");
    let query = "query($id: ID!) { auditEntries(tenantId: $id, filter: { action: \"evidence.record\" }) { nodes { object detail } } }";
    let auditor = scene.app.operator_member(Role::Auditor).await;
    let log = auditor.gql_with(query, json!({ "id": scene.app.operator().await.id })).await;
    assert_eq!(log["data"]["auditEntries"]["nodes"].as_array().map(Vec::len), Some(5), "{log}");
    // Nobody looks any more.
    scene.app.clock.advance(25 * 3600);
    assert_eq!(scene.stands().await, stands("EXPIRED", "-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guard_cannot_speak_of_is_passed_over() {
    let scene = Scene::new().await;
    let altered = async |key: &str, value: Value| {
        let mut watched = scene.watched(0, 0).await;
        watched[key] = value;
        watched
    };
    // Nothing came by; long ago; another requirement; another version.
    let nothing = json!({ "judged": 0, "noted": 0 });
    let mut idle = scene.watched(0, 0).await;
    for (key, value) in nothing.as_object().unwrap() {
        idle[key] = value.clone();
    }
    assert_eq!(scene.tells("edge-1", idle).await, 0);
    let mut old = altered("since", json!("2023-10-01T00:00:00Z")).await;
    old["until"] = json!("2023-10-01T01:00:00Z");
    assert_eq!(scene.tells("edge-1", old).await, 0);
    assert_eq!(scene.tells("edge-1", altered("requirement", json!("NFR-OTHER")).await).await, 0);
    assert_eq!(scene.tells("edge-1", altered("fingerprint", json!("0".repeat(64))).await).await, 0);
    let before = scene.watched(0, 0).await;
    scene.app.clock.advance(60);
    let stricter = with(&enforced(), "ja: 保存しない", "ja: どこにも保存しない");
    apply(&scene.app.admin(), &[("cache.yaml", &stricter)], "another wording", false).await;
    assert_eq!(scene.tells("edge-1", before).await, 0);
    // Of another mechanism, and of another system.
    let access = "
  enforcement: { mode: enforce, mechanism: access, params: { roles: [tenant_staff], actions: [read], objects: [customer.email] } }";
    let access = with(
        &enforced(),
        "\n  enforcement: { mode: enforce, mechanism: cache, params: { rule: no_store } }",
        access,
    );
    let access =
        with(&with(&access, "NFR-CACHE", "NFR-ACCESS"), "target: routes:personal", "target: record:customer");
    let other = [
        ("s.yaml", with(SYSTEM, "name: shop", "name: other")),
        ("r.yaml", with(&with(&enforced(), "NFR-CACHE", "NFR-ELSE"), "system: shop", "system: other")),
    ];
    let set = [("a.yaml", access.as_str()), ("s.yaml", &other[0].1), ("r.yaml", &other[1].1)];
    let applied = apply(&scene.app.admin(), &set, "more", false).await;
    assert_eq!(applied["__typename"], "ManifestsApplied", "{applied}");
    for name in ["NFR-ACCESS", "NFR-ELSE"] {
        let mut watched = altered("requirement", json!(name)).await;
        watched["fingerprint"] = json!(scene.fingerprint(name).await);
        assert_eq!(scene.tells("edge-1", watched).await, 0, "{name}");
    }
    // The new version, in one report with what does not count.
    let watched = [altered("fingerprint", json!("0".repeat(64))).await, scene.watched(0, 0).await];
    let answer = scene.tells_as(&scene.guard, "edge-1", &watched).await;
    assert_eq!(answer["evidence"], 1, "{answer}");
    let query = "{ requirementStatuses(first: 10) { nodes { requirement { name } standing result } } }";
    let answer = scene.officer.gql(query).await;
    let nodes = answer["data"]["requirementStatuses"]["nodes"].as_array().unwrap();
    let seen: Vec<&Value> = nodes.iter().filter(|node| node["standing"] != "UNKNOWN").collect();
    assert_eq!(
        seen,
        [&json!({ "requirement": { "name": "NFR-CACHE" }, "standing": "CURRENT", "result": "PASS" })]
    );
    // A clock that is ahead says nothing of the future.
    scene.app.clock.advance(3600);
    let ahead = altered("until", json!("2030-01-01T00:00:00Z")).await;
    assert_eq!(scene.tells("edge-1", ahead).await, 1);
    let evidence = scene.status().await;
    let answer = scene.officer.gql(STATUS).await;
    let nodes = answer["data"]["requirementStatuses"]["nodes"].as_array().unwrap();
    let cache = nodes.iter().find(|node| node["requirement"]["name"] == "NFR-CACHE").unwrap_or(&evidence);
    assert_eq!(text(&cache["evidence"][0]["observedAt"]), scene.app.now().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_have_limits_and_what_is_wrong_is_named() {
    let scene = Scene::new().await;
    let with = |key: &str, value: Value, mut watched: Value| {
        watched[key] = value;
        vec![watched]
    };
    let sound = scene.watched(3, 1).await;
    let many: Vec<Value> = (0..101).map(|_| sound.clone()).collect();
    let mut told = Vec::new();
    for watched in [
        with("requirement", json!("hanako@example.jp"), sound.clone()),
        with("fingerprint", json!("00"), sound.clone()),
        with("until", json!("2023-10-01T00:00:00Z"), sound.clone()),
        with("judged", json!(10), sound.clone()),
        many,
    ] {
        let answer = scene.tells_as(&scene.guard, "edge-1", &watched).await;
        let of = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
        told.push(format!("{} {}: {} ({})", of("code"), of("field"), of("message"), of("remedy")));
    }
    insta::assert_snapshot!(told.join("\n"));
    let school = scene.app.tenant("school").await;
    let foreign = scene.app.member(&school, Role::Service).await;
    let refused = scene.tells_as(&foreign, "edge-1", std::slice::from_ref(&sound)).await;
    assert_eq!(refused["code"], "NOT_FOUND", "{refused}");
    let refused = scene.tells_as(&scene.officer, "edge-1", &[sound]).await;
    assert_eq!(refused["code"], "FORBIDDEN", "{refused}");
    // Beyond fifty nodes a version takes no more, and the rest of a report is taken all the same.
    for node in 0..50 {
        assert_eq!(scene.tells(&format!("{}{node}", "n".repeat(61)), scene.watched(0, 0).await).await, 1);
    }
    assert_eq!(scene.tells("one-more", scene.watched(0, 0).await).await, 0);
    let nodes = scene.officer.gql("{ system(name: \"shop\") { guards { node } } }").await;
    assert_eq!(nodes["data"]["system"]["guards"].as_array().map(Vec::len), Some(51), "{nodes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reports_of_a_node_at_the_same_moment_leave_one_record() {
    let scene = Scene::new().await;
    let watched: Vec<Value> = futures::future::join_all((0..6).map(|_| scene.watched(0, 0))).await;
    let told = futures::future::join_all(watched.into_iter().map(|one| scene.tells("edge-1", one))).await;
    assert_eq!(told.iter().sum::<i64>(), 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_admission_that_are_only_watched_are_not_kept() {
    let scene = Scene::new().await;
    let limits = with(
        &with(&with(CACHING, "NFR-CACHE", "NFR-CAP"), "target: routes:personal", "target: system"),
        "enforcement: { mode: observe, mechanism: cache, params: { rule: no_store } }",
        "enforcement: { mode: observe, mechanism: admission, params: { rate: 10, concurrency: 5 } }",
    );
    apply(&scene.app.admin(), &[("limits.yaml", &limits)], "limits", false).await;
    let mut watched = scene.watched(0, 12).await;
    watched["requirement"] = json!("NFR-CAP");
    watched["fingerprint"] = json!(scene.fingerprint("NFR-CAP").await);
    watched["mode"] = json!("OBSERVE");
    assert_eq!(scene.tells("edge-1", watched).await, 1);
    let answer = scene.officer.gql(STATUS).await;
    let nodes = answer["data"]["requirementStatuses"]["nodes"].as_array().unwrap();
    let seen = &nodes.iter().find(|node| node["requirement"]["name"] == "NFR-CAP").unwrap()["evidence"][0];
    insta::assert_snapshot!(format!(
        "{} {}\n{}",
        text(&seen["collector"]),
        text(&seen["result"]),
        text(&seen["summary"])
    ));
}
